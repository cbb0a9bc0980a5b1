//! The world on a loopback port: REST for the bot, `/control/…` for people and scripts.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::CallRecord;
use super::asks::Answered;
use super::callbacks::Callback;
use super::connection::{CuttableListener, Scissors};
use super::control;
use super::look;
use super::recording::{Begins, BotAnswer, Entry, Recorder, readable, unsigned, without_token};
use super::rest::{RestAnswer, RestFault, caller};
use super::sender::{Post, Sender};
use super::world::World;
use crate::clock::{Clock, Timestamp};

/// Moves the time forward, where somebody is allowed to.
pub type Skip = Arc<dyn Fn(Duration) + Send + Sync>;

/// Hears the command of a callback that reached nobody, and why it did not.
pub type Undelivered = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// How a simulator is run.
pub struct Options {
    /// Loopback only; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where callbacks go; without one they wait in the world for a test to take them, and questions
    /// that REST calls raise count as allowed.
    pub callback_url: Option<String>,
    pub clock: Arc<dyn Clock>,
    /// What `POST /control/clock` does; without it that is refused.
    pub skip: Option<Skip>,
    /// Delivers callbacks by itself as they arise; otherwise only `deliver_callbacks` does.
    pub background: bool,
    /// Posts an after callback again when its answer timed out, as `Settings::retries` says.
    pub retry_after: bool,
    /// What `RequestTime` is told by; `None`: by `clock`. A bot with a clock of its own refuses
    /// signatures from the future that a skipped clock would give.
    pub signing_clock: Option<Arc<dyn Clock>>,
    /// Keeps acts of the control API, calls and callbacks.
    pub recorder: Option<Recorder>,
    /// Told of each callback that reached nobody.
    pub undelivered: Option<Undelivered>,
    pub world: World,
}

impl Options {
    /// A free loopback port, no callbacks, nothing in the background.
    pub fn new(world: World, clock: Arc<dyn Clock>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            callback_url: None,
            clock,
            skip: None,
            background: false,
            retry_after: false,
            signing_clock: None,
            recorder: None,
            undelivered: None,
            world,
        }
    }
}

/// What handlers and the delivering task share.
pub(super) struct Shared {
    world: Mutex<World>,
    pub clock: Arc<dyn Clock>,
    pub skip: Option<Skip>,
    sender: Sender,
    signing_clock: Arc<dyn Clock>,
    retry_after: bool,
    recorder: Mutex<Option<Recorder>>,
    undelivered: Option<Undelivered>,
    /// Callbacks that are being posted.
    in_flight: AtomicUsize,
    /// Somebody changed the world.
    changed: Notify,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    /// A panic elsewhere does not make the world less true.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Wakes whoever delivers.
    pub fn notify(&self) {
        self.changed.notify_one();
    }

    /// Posts what waits, in order, until nothing does; tells how many were posted.
    async fn deliver(&self) -> usize {
        let mut posted = 0;
        loop {
            let batch = {
                let mut world = self.world();
                world.tick(self.now());
                if self.has_url(&world) { world.take_callbacks() } else { Vec::new() }
            };
            if batch.is_empty() {
                return posted;
            }
            for callback in batch {
                posted += 1;
                self.deliver_one(callback).await;
            }
        }
    }

    /// Keeps what happens, where somebody wants it kept.
    pub fn record(&self, entry: Entry) {
        if let Some(recorder) = self.recorder().as_mut() {
            recorder.add(entry);
        }
    }

    fn recorder(&self) -> MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts one callback; one that timed out may be queued again.
    async fn deliver_one(&self, mut callback: Callback) -> Option<Answered> {
        callback.sign(self.signing_clock.now());
        let at = self.now();
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        let post = self.sender.post(&callback, &*self.clock).await;
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        if let Post::Failed(why) = &post {
            tracing::warn!(command = callback.command, "a callback was not delivered: {why}");
            if let Some(tell) = &self.undelivered {
                tell(&callback.command, why);
            }
        }
        let answer = match &post {
            Post::Answered(status, body) => {
                Some(BotAnswer { status: *status, body: readable(body) })
            }
            Post::TimedOut | Post::Failed(_) => None,
        };
        self.record(Entry::Callback {
            at,
            command: callback.command.clone(),
            query: unsigned(&callback.query),
            body: readable(&callback.body),
            answer,
        });
        let id = callback.id;
        let mut world = self.world();
        let now = self.now();
        if post == Post::TimedOut && self.retry_after && world.retry(now, callback) {
            return None;
        }
        world.answer(now, id, post.reply())
    }

    /// Whether callbacks have anywhere to go.
    fn has_url(&self, world: &World) -> bool {
        let settings = world.settings();
        self.sender.has_url() || settings.conference.is_some() || settings.live.is_some()
    }

    /// Asks the bot now, out of turn, because somebody waits for what comes of it. Without a
    /// callback URL the act is allowed.
    pub async fn settle(&self, question: Callback) -> Option<Answered> {
        let answered = if self.sender.has_url() {
            self.deliver_one(question).await
        } else {
            let allowed = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#.to_vec();
            self.world().answer(self.now(), question.id, Some((200, allowed)))
        };
        self.notify();
        answered
    }

    async fn stop(&self) {
        // An error means that the simulator is gone, which is a stop as well.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    async fn run_in_background(&self) {
        loop {
            self.deliver().await;
            let due = {
                let world = self.world();
                world.next_callback_due().filter(|_| self.has_url(&world))
            };
            let due = async {
                match due {
                    Some(due) => self.clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = due => {}
                () = self.stop() => return,
            }
        }
    }
}

/// A running simulator.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulator {
    /// Listens. Refuses an address that is not loopback: the control API asks nobody for a password.
    pub async fn start(options: Options) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() {
            let text = format!("the simulator listens on loopback only, not on {}", options.listen);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let mut recorder = options.recorder;
        if let Some(recorder) = &mut recorder {
            let begins = Begins::of(options.world.settings(), options.clock.now());
            recorder.add(Entry::Begins(begins));
        }
        let shared = Arc::new(Shared {
            world: Mutex::new(options.world),
            skip: options.skip,
            sender: Sender::new(options.callback_url)?,
            signing_clock: options.signing_clock.unwrap_or_else(|| Arc::clone(&options.clock)),
            retry_after: options.retry_after,
            recorder: Mutex::new(recorder),
            undelivered: options.undelivered,
            in_flight: AtomicUsize::new(0),
            clock: options.clock,
            changed: Notify::new(),
            stopped,
        });
        let mut tasks = vec![tokio::spawn(serve(listener, Arc::clone(&shared)))];
        if options.background {
            let shared = Arc::clone(&shared);
            tasks.push(tokio::spawn(async move { shared.run_in_background().await }));
        }
        Ok(Self { shared, address, stop, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://…`, as `[app] api_base` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The time of its clock.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Looks at the world or acts in it.
    pub fn with_world<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let result = act(&mut self.shared.world());
        self.shared.notify();
        result
    }

    /// Takes the recorded REST calls out, for somebody who hears of what they led to while it goes on.
    pub fn taking_calls(&self) -> impl Fn() -> Vec<CallRecord> + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.world().take_calls()
    }

    /// Posts every callback that waits, in order, and those that follow from the answers; returns
    /// when nothing waits, with the number of posts. 0 without a callback URL.
    pub async fn deliver_callbacks(&self) -> usize {
        self.shared.deliver().await
    }

    /// Does what `POST /control/{verb}` does: HTTP status and outcome.
    pub async fn act(&self, verb: &str, fields: &Value) -> (u16, Value) {
        let (status, outcome) =
            control::act(&self.shared, verb, fields.to_string().as_bytes()).await;
        (status.as_u16(), outcome)
    }

    /// How many entries the recorder has heard.
    pub fn recorded(&self) -> usize {
        self.shared.recorder().as_ref().map_or(0, Recorder::count)
    }

    /// What a recorder in memory has kept.
    pub fn recording(&self) -> Vec<Entry> {
        self.shared.recorder().as_ref().map(Recorder::kept).unwrap_or_default()
    }

    /// Why the recorded file ends before what happened did.
    pub fn recording_broken(&self) -> Option<String> {
        let recorder = self.shared.recorder();
        recorder.as_ref().and_then(Recorder::broken).map(str::to_owned)
    }

    /// Whether no callback is on its way or due.
    pub fn is_idle(&self) -> bool {
        let world = self.shared.world();
        let now = self.shared.now();
        self.shared.in_flight.load(Ordering::Acquire) == 0
            && world.next_callback_due().is_none_or(|due| due > now)
    }

    /// Cuts hanging calls, closes connections and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // It ended by itself or by a panic; either way it has ended.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let stopping = Arc::clone(&shared);
    let app = Router::new()
        .route("/v4/{service}/{command}", post(rest))
        .route("/control", get(control_catalogue))
        .route("/control/{act}", post(control_act).get(control_look))
        .with_state(shared)
        .into_make_service_with_connect_info::<Scissors>();
    let served = axum::serve(CuttableListener(listener), app)
        .with_graceful_shutdown(async move { stopping.stop().await })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the simulator stopped listening");
    }
}

async fn rest(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    RawQuery(query): RawQuery,
    uri: Uri,
    body: Bytes,
) -> Response {
    let now = shared.now();
    let query = query.unwrap_or_default();
    let (mut answer, question) = {
        let mut world = shared.world();
        let answer = world.rest(now, uri.path(), &query, &body);
        // Taken under the same lock, before the delivering task can.
        let question = answer.waiting.and_then(|id| world.take_callback(id));
        (answer, question)
    };
    if let Some(question) = question
        && let Some(Answered::Rest(settled)) = shared.settle(question).await
    {
        answer = settled;
    }
    shared.notify();
    shared.record(kept(now, uri.path(), &query, &body, &answer));
    if let Some(delay) = answer.delay {
        tokio::select! {
            () = shared.clock.sleep_until(now + delay) => {}
            () = shared.stop() => scissors.cut(),
        }
    }
    match answer.fault {
        Some(RestFault::Hang) => {
            shared.stop().await;
            scissors.cut();
        }
        Some(RestFault::Drop) => scissors.cut(),
        None => {}
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}

/// A call and its answer, as a recording keeps them.
fn kept(at: Timestamp, path: &str, query: &str, body: &[u8], answer: &RestAnswer) -> Entry {
    let path = path.strip_prefix("/v4/").unwrap_or(path);
    let (service, command) = path.split_once('/').unwrap_or((path, ""));
    Entry::Call {
        at,
        service: service.to_owned(),
        command: command.to_owned(),
        identifier: caller(query),
        body: without_token(service, readable(body)),
        status: if answer.fault.is_some() { 0 } else { answer.status },
        answer: without_token(service, readable(&answer.body)),
    }
}

async fn control_act(
    State(shared): State<Arc<Shared>>,
    Path(act): Path<String>,
    body: Bytes,
) -> Response {
    let (status, outcome) = control::act(&shared, &act, &body).await;
    control::answer(status, &outcome)
}

async fn control_catalogue() -> Response {
    control::answer(StatusCode::OK, &control::catalogue())
}

async fn control_look(State(shared): State<Arc<Shared>>, Path(what): Path<String>) -> Response {
    look::look(&shared, &what)
}
