//! Wiring: configuration, listeners, loops, reload, telemetry; start and stop in order.

mod addresses;
mod called;
pub mod config;
mod intake;
pub mod listener;
pub mod metrics;
mod rules;
mod shutdown;
mod space;
mod telemetry;
mod watchers;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::callback::{Admission, Limits};
use crate::clock::Clock;
use crate::console::{self, Console, Reloading, RulesStatus, Status};
use crate::decision::Settings;
use crate::delivery::{Listener, Stopped};
use crate::engine::{Engine, Parts};
use crate::ledger::sanctions::Late;
use crate::pipeline::Observer;
use crate::reconcile::{Reconciler, Watcher};
use crate::rest::{App, Chat, Client, HttpTransport};
use crate::retention::Retention;
use crate::rule::model::Mode;
use crate::store::{self, Store, StoreError};

pub use addresses::Addresses;

use config::Config;
use intake::Intake;
use listener::{Closed, Connections, Terms, Told};
use metrics::Metrics;
use space::Space;
use watchers::{Both, Counting};

pub use rules::{Reloaded, Rules};
pub use shutdown::Signals;
pub use telemetry::start_logging;

/// A call in flight may take its whole time-out; the contract allows ten seconds for everything.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// Why the service did not start.
#[derive(Debug)]
pub enum NotStarted {
    /// An address, a folder, a key: exit code 1.
    Setup(String),
    /// No usable rules: exit code 2.
    Rules(String),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(text) | Self::Rules(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for NotStarted {}

/// Sockets that are bound already, so that callers can know their ports first.
pub struct Sockets {
    pub callback: TcpListener,
    pub admin: TcpListener,
}

impl Sockets {
    /// Binds the addresses of a configuration.
    ///
    /// # Errors
    /// When an address is taken or not ours; the error names its key.
    pub async fn bind(config: &Config) -> Result<Self, NotStarted> {
        let callback = bind("callback.listen", config.callback.listen).await?;
        let admin = bind("admin.listen", config.admin.listen).await?;
        Ok(Self { callback, admin })
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, NotStarted> {
    TcpListener::bind(address).await.map_err(|error| {
        NotStarted::Setup(format!("`{key} = \"{address}\"` cannot be listened on: {error}"))
    })
}

/// Who else wants to look on, besides the metrics.
pub struct Onlookers {
    pub observer: Arc<dyn Observer>,
    pub listener: Arc<dyn Listener>,
}

impl Default for Onlookers {
    fn default() -> Self {
        Self { observer: Arc::new(()), listener: Arc::new(()) }
    }
}

/// The running service.
pub struct Service {
    pub engine: Engine,
    pub rules: Arc<Rules>,
    pub store: Arc<dyn Store>,
    pub callback_address: SocketAddr,
    pub admin_address: SocketAddr,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    /// Callbacks that are inside, also those that nobody waits for any more.
    admission: Arc<Admission>,
    loops: Vec<JoinHandle<()>>,
    retention: Option<Retention>,
    space: Option<Space>,
    /// With `"chat"` in `[callback] allow`.
    pub addresses: Option<Arc<Addresses>>,
    /// `[rules] poll`.
    poll: Option<Duration>,
}

impl Service {
    /// Starts in this order: store, rules, what is due, intake; so that nothing fires into a void.
    /// The loops that work by themselves start with [`Service::run_loops`].
    ///
    /// # Errors
    /// What is missing, in words.
    pub async fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        sockets: Sockets,
        onlookers: Onlookers,
    ) -> Result<Self, NotStarted> {
        let setup = |error: &dyn fmt::Display| NotStarted::Setup(error.to_string());
        let taking_over = store::is_used(&config.store.url);
        let store = opened(&config.store.url).map_err(|error| setup(&error))?;
        let metrics = Arc::new(Metrics::default());
        let rules = &config.rules.directory;
        let rules = Rules::load(rules, store.clone(), clock.clone(), metrics.clone());
        let rules = Arc::new(rules.await.map_err(NotStarted::Rules)?);
        let counting = Arc::new(Counting::new(metrics.clone(), clock.clone()));
        let chat = chat(config, &clock, taking_over)?;
        let parts = Parts {
            store: store.clone(),
            rules: rules.current(),
            settings: decision_settings(config),
            chat: chat.clone(),
            clock: clock.clone(),
            observer: Arc::new(Both(counting.clone(), onlookers.observer)),
            listener: Arc::new(Both(counting.clone(), onlookers.listener)),
        };
        let engine =
            Engine::journaling(parts, config.journal.events, Some(config.reconcile.clone()))
                .map_err(|error| setup(&error))?;
        engine.rates.set_default(config.rest.calls_per_second);
        let (stop, stopping) = watch::channel(false);
        let address = |socket: &TcpListener| socket.local_addr().map_err(|error| setup(&error));
        let callback_address = address(&sockets.callback)?;
        let admin_address = address(&sockets.admin)?;
        let connections = connections(config, &clock, &metrics, engine.reconciler.as_ref());
        let [calling, asking] = connections.clone();
        let admission = Arc::new(admission(calling.most()));
        let status = ServiceStatus {
            rules: rules.clone(),
            connections,
            admission: admission.clone(),
            shadow: config.rules.mode == Mode::Shadow,
            store: store.clone(),
            metrics: metrics.clone(),
            delivery: engine.delivery.clone(),
            pipeline: engine.pipeline.clone(),
            reconciler: engine.reconciler.clone(),
            late: Mutex::default(),
            clock: clock.clone(),
        };
        let console = console(status, &engine, config);
        let retention = Some(retention(config, &store, &clock).with_rules(rules.current()));
        let space = Some(Space::new(store.clone(), clock.clone(), metrics.clone()));
        let intake = Intake { config, rules: &rules, engine: &engine, store: store.clone(), clock };
        let addresses = intake.addresses(chat);
        let callbacks = intake.router(metrics, addresses.as_deref(), admission.clone());
        let servers = vec![
            tokio::spawn(listener::serve(sockets.callback, callbacks, calling, stopping.clone())),
            tokio::spawn(listener::serve(sockets.admin, console, asking, stopping)),
        ];
        Ok(Self {
            engine,
            rules,
            store,
            callback_address,
            admin_address,
            stop,
            servers,
            admission,
            loops: Vec::new(),
            retention,
            space,
            addresses,
            poll: config.rules.poll,
        })
    }

    /// Lets schedule, delivery, reconciliation, retention and the watch over the rules work by themselves.
    pub fn run_loops(&mut self) {
        let stopping = || self.stop.subscribe();
        let (scheduler, rules) = (self.engine.scheduler.clone(), self.rules.clone());
        let delivery = self.engine.delivery.clone();
        let (one, two, three, four) = (stopping(), stopping(), stopping(), stopping());
        self.loops.push(tokio::spawn(async move { scheduler.run(one).await }));
        self.loops.push(tokio::spawn(delivery.run(two)));
        self.loops.push(tokio::spawn(rules.watch(self.poll, three)));
        if let Some(reconciler) = self.engine.reconciler.clone() {
            self.loops.push(tokio::spawn(reconciler.run(stopping())));
        }
        if let Some(addresses) = self.addresses.clone() {
            self.loops.push(tokio::spawn(addresses.run(stopping())));
        }
        if let Some(retention) = self.retention.take() {
            self.loops.push(tokio::spawn(retention.run(four)));
        }
        if let Some(space) = self.space.take() {
            self.loops.push(tokio::spawn(space.run(self.stop.subscribe())));
        }
    }

    /// Stops taking callbacks, finishes what is in flight, closes the store.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let finishing = async {
            let ended = async |tasks: Vec<JoinHandle<()>>| {
                for task in tasks {
                    if let Err(error) = task.await {
                        tracing::error!(%error, "a bug: a part of the service ended in a panic");
                    }
                }
            };
            ended(self.servers).await;
            // What Chat was told over budget is decided all the same.
            self.admission.emptied().await;
            ended(self.loops).await;
        };
        // What cannot be finished is in the outbox, and goes on with the next start.
        if tokio::time::timeout(STOP_WITHIN, finishing).await.is_err() {
            tracing::warn!("some calls did not end in time; the next start verifies them");
        }
        match self.store.close() {
            Ok(()) => tracing::info!("stopped: everything is on disk"),
            Err(error) => {
                tracing::error!(%error, "the store did not close cleanly; it recovers at the next start");
            }
        }
    }
}

fn retention(config: &Config, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Retention {
    let (keep, most) = (config.journal.keep, config.journal.most.into());
    Retention::new(Arc::clone(store), Arc::clone(clock), keep, most)
}

/// The store that the configuration names. That there was none is what the first start finds, and one
/// that has lost its store.
fn opened(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let missing = store::directory(url).ok().filter(|_| store::existing(url).is_err());
    let store = store::open_compact(url)?;
    if let Some(directory) = missing {
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        tracing::warn!(
            "there was no store in {}: a new one is made. If there should be one, stop now and see whether \
             its volume is mounted, and whether `[store] url` names the right directory",
            directory.display()
        );
    }
    Ok(store)
}

fn console(status: ServiceStatus, engine: &Engine, config: &Config) -> axum::Router {
    let store = status.store.clone();
    console::router(Console {
        status: Arc::new(status),
        store,
        pipeline: engine.pipeline.clone(),
        reconciler: engine.reconciler.clone(),
        token: config.admin.token.clone(),
    })
}

/// The client of Chat that the configuration names. The store is ours by now: whoever had it before calls
/// no more.
fn chat(
    config: &Config,
    clock: &Arc<dyn Clock>,
    taking_over: bool,
) -> Result<Arc<dyn Chat>, NotStarted> {
    let transport = HttpTransport::new(config.rest.timeout)
        .map_err(|error| NotStarted::Setup(format!("{error:?}")))?;
    let app = App {
        sdk_app_id: config.app.sdk_app_id,
        admin: config.app.admin.clone(),
        secret_key: config.app.secret_key.clone(),
        base_url: config.app.base_url.clone(),
    };
    let client = Client::new(app, Arc::new(transport), clock.clone());
    let client = client.with_rate(config.rest.calls_per_second);
    Ok(Arc::new(if taking_over { client.taking_over() } else { client }))
}

fn decision_settings(config: &Config) -> Settings {
    Settings {
        own: vec![config.app.admin.clone()],
        protected: config.safety.protected.clone(),
        mode: config.rules.mode,
        limit: config.safety.limit,
        owner_inactive: config.owner_inactive,
        loops: config.safety.loops,
        longest_mute: config.safety.longest_mute,
        longest_ban: config.safety.longest_ban,
        tells_all: false,
    }
}

/// Counts the connections that a listener closes; those that perhaps were Chat's make groups be read.
fn told(metrics: &Arc<Metrics>, name: &'static str, watcher: Option<Arc<Watcher>>) -> Told {
    let metrics = Arc::clone(metrics);
    Arc::new(move |why: Closed| {
        metrics.connection_closed(name, why.name());
        if let Some(watcher) = watcher.as_ref().filter(|_| why == Closed::Full) {
            watcher.closed();
        }
    })
}

/// The connections of the two listeners. They share nothing: whoever fills the one leaves the other.
fn connections(
    config: &Config,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
    reconciler: Option<&Arc<Reconciler>>,
) -> [Arc<Connections>; 2] {
    let bounded = listener::bounded(config.callback.connections);
    if let Some(files) = bounded.files {
        tracing::warn!(
            connections = bounded.connections,
            "there can be only {files} open files (`ulimit -n`): fewer connections are taken than \
             `[callback] connections`"
        );
    }
    let watcher = reconciler.map(|reconciler| reconciler.watcher());
    let callback = Terms::callback(bounded.connections);
    let callback_told = told(metrics, "callback", watcher);
    let admin_told = told(metrics, "admin", None);
    [
        Connections::new("callback", callback, clock.clone(), callback_told),
        Connections::new("admin", Terms::admin(), clock.clone(), admin_told),
    ]
}

/// Fewer callbacks inside than there may be connections: whoever is shed must be able to hear it.
fn admission(connections: usize) -> Admission {
    let usual = Limits::default();
    Admission::new(Limits { inside: usual.inside.min(connections / 2).max(1), ..usual })
}

struct ServiceStatus {
    rules: Arc<Rules>,
    /// `[rules] mode = "shadow"`: every rule is one.
    shadow: bool,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    delivery: Arc<crate::delivery::Delivery>,
    pipeline: Arc<crate::pipeline::Pipeline>,
    reconciler: Option<Arc<Reconciler>>,
    connections: [Arc<Connections>; 2],
    admission: Arc<Admission>,
    late: Mutex<Late>,
    clock: Arc<dyn Clock>,
}

impl Status for ServiceStatus {
    fn not_ready(&self) -> Vec<String> {
        self.store.health().err().map(|error| format!("store: {error}")).into_iter().collect()
    }

    fn metrics(&self) -> String {
        self.metrics.set_outbox_pending(self.delivery.pending());
        self.metrics.set_store_size(self.store.size_on_disk());
        self.metrics.set_inside(self.admission.inside());
        for connections in &self.connections {
            self.metrics.set_connections(connections.name(), connections.count());
        }
        self.metrics.set_quarantined(self.pipeline.quarantine_len());
        if let Some(reconciler) = &self.reconciler {
            self.metrics.set_reconciled(&reconciler.status());
        }
        // Two who ask at once go on one after the other.
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        match late.go_on(&*self.store, self.clock.now()) {
            Ok(late) => self.metrics.set_sanctions_late(late),
            Err(error) => tracing::error!(%error, "sanctions cannot be counted"),
        }
        drop(late);
        let status = self.rules();
        let modes = status.rules.iter().map(|rule| rule.mode.as_str());
        self.metrics.set_rules(modes, status.trouble.is_some());
        self.metrics.render()
    }

    fn stopped(&self) -> Vec<Stopped> {
        self.delivery.stopped()
    }

    fn rules(&self) -> RulesStatus {
        let mut status = self.rules.status();
        if self.shadow {
            status.rules.iter_mut().for_each(|rule| "shadow".clone_into(&mut rule.mode));
        }
        status
    }

    fn sources(&self) -> (String, Vec<(String, String)>) {
        let current = self.rules.current();
        let rules = current.load();
        (rules.version().to_owned(), rules.sources().to_vec())
    }

    fn reload(&self) -> Reloading<'_> {
        Box::pin(async move { self.rules.reload().await.map(|told| told.words()) })
    }
}
