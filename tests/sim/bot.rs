//! One process of the bot: the real engine, router and loops, on the simulated disk, clock and net.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::callback::{
    self, Admission, Answered, CallbackSettings, Entrance, Gate, Incomplete, Limits, Lost,
    OverBudget, OverLimit, Seen, Sources, Watch,
};
use groupkeeper::chat::Account;
use groupkeeper::clock::Clock;
use groupkeeper::decision::Settings;
use groupkeeper::engine::{Engine, Parts};
use groupkeeper::pipeline::JournalEvents;
use groupkeeper::reconcile::{self, Watcher};
use groupkeeper::rest::client::Transport;
use groupkeeper::rest::{App, Chat, Client};
use groupkeeper::retention::Retention;
use groupkeeper::rule::RuleSet;
use groupkeeper::rule::model::{Globs, Limit};
use groupkeeper::store::Store;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::SimClock;
use crate::directory::Directory;
use crate::disk::{AtOnce, Disk, Manner, Session};
use crate::mutant::Mutant;
use crate::net::{Net, Wire};
use crate::power::Power;
use crate::rng::Rng;
use crate::story::Story;
use crate::{ADMIN, KEY, SDK_APP_ID, TOKEN};

/// What a process is started with.
pub struct Machine {
    pub clock: Arc<SimClock>,
    pub disk: Disk,
    pub net: Arc<Net>,
    pub rules: Arc<ArcSwap<RuleSet>>,
    /// Where the rules are read from, if somebody saves others.
    pub directory: Option<Arc<Directory>>,
    /// How far a signature may lie from the bot's clock.
    pub window: Duration,
    /// Effects that may wait before callbacks are shed, and callbacks inside.
    pub most: (usize, Limits),
    pub manner: Manner,
    pub rng: Arc<Mutex<Rng>>,
    /// How it compares groups with Chat, if it does.
    pub reconcile: Option<reconcile::Settings>,
    /// `[safety] limit`.
    pub limit: Option<Limit>,
    /// `[safety] longest_mute`.
    pub longest_mute: Option<Duration>,
    /// A bug that is planted into this bot.
    pub mutant: Option<Mutant>,
}

/// The bot, running.
pub struct Bot {
    pub engine: Engine,
    /// Those in force.
    pub rules: Arc<ArcSwap<RuleSet>>,
    pub power: Arc<Power>,
    stop: watch::Sender<bool>,
}

impl Machine {
    /// Starts the bot on what the disk holds, and its loops; must be called inside the runtime.
    pub fn start(&self, power: Power) -> Bot {
        let power = Arc::new(power);
        let session = Session {
            disk: self.disk.clone(),
            clock: self.clock.clone(),
            power: power.clone(),
            rng: self.rng.clone(),
            manner: self.manner,
        };
        let at_once: Arc<dyn Store> = Arc::new(AtOnce(session.clone()));
        let store: Arc<dyn Store> = Arc::new(session);
        let store = self.mutant.map_or(store.clone(), |mutant| mutant.store(store));
        let wire = Wire { net: self.net.clone(), power: power.clone() };
        let app = App {
            sdk_app_id: SDK_APP_ID,
            admin: Account::from(ADMIN),
            secret_key: SecretString::from(KEY),
            base_url: "http://chat".to_owned(),
        };
        let wire: Arc<dyn Transport> = Arc::new(wire);
        let wire = self.mutant.map_or(wire.clone(), |mutant| mutant.wire(wire));
        let chat: Arc<dyn Chat> = Arc::new(Client::new(app, wire, self.clock.clone()));
        let chat = self.mutant.map_or(chat.clone(), |mutant| mutant.chat(chat, store.clone()));
        let witness = self.net.witness.clone();
        let rules = match &self.directory {
            Some(directory) => directory.open(&self.clock, at_once),
            None => self.rules.clone(),
        };
        let clock: Arc<dyn Clock> = self.clock.clone();
        let parts = Parts {
            store: store.clone(),
            rules: rules.clone(),
            settings: self.settings(),
            chat,
            clock: clock.clone(),
            observer: witness.clone(),
            listener: witness,
        };
        let engine = Engine::journaling(parts, JournalEvents::default(), self.reconcile.clone());
        let engine = engine.unwrap();
        let door = engine.door(self.most.0);
        let door = self.mutant.map_or(door.clone(), |mutant| mutant.door(door));
        let watch = Arc::new(Onlooker {
            watcher: engine.reconciler.as_ref().map(|reconciler| reconciler.watcher()),
            story: self.net.story.clone(),
        });
        let router = callback::router(self.listening(), door, clock.clone(), watch);
        let (stop, stopping) = watch::channel(false);
        let (scheduler, stopped) = (engine.scheduler.clone(), stopping.clone());
        tokio::spawn(async move { scheduler.run(stopped).await });
        tokio::spawn(engine.delivery.clone().run(stopping.clone()));
        if let Some(reconciler) = engine.reconciler.clone() {
            tokio::spawn(reconciler.run(stopping.clone()));
        }
        let kept = Duration::from_secs(7 * 86_400);
        tokio::spawn(
            Retention::new(store, clock, kept, 1_000_000).with_rules(rules.clone()).run(stopping),
        );
        self.net.connect(router);
        Bot { engine, rules, power, stop }
    }

    fn settings(&self) -> Settings {
        Settings {
            own: vec![Account::from(ADMIN)],
            protected: Globs::new(&["boss"]).unwrap(),
            limit: self.limit,
            longest_mute: self.longest_mute,
            ..Settings::default()
        }
    }

    fn listening(&self) -> CallbackSettings {
        let admins = if self.mutant == Some(Mutant::EchoStartsRules) {
            vec![]
        } else {
            vec![Account::from(ADMIN)]
        };
        CallbackSettings {
            entrances: vec![Entrance {
                name: "chat",
                path: "/callback".to_owned(),
                gate: Gate {
                    sdk_app_id: SDK_APP_ID,
                    tokens: vec![SecretString::from(TOKEN)],
                    window: self.window,
                },
                only_rooms: false,
            }],
            sources: Arc::new(Sources::anywhere()),
            admins,
            body_limit: callback::router::DEFAULT_BODY_LIMIT,
            budget: Duration::from_millis(1_500),
            over_budget: OverBudget::Allow,
            admission: Arc::new(Admission::new(self.most.1)),
            wants_callback_event: Arc::new(AtomicBool::new(false)),
        }
    }
}

impl Bot {
    /// Tells the loops to end when they have finished what they are at.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// What could not be taken is compared with Chat later, where groups are compared.
struct Onlooker {
    watcher: Option<Arc<Watcher>>,
    story: Story,
}

impl Watch for Onlooker {
    fn callback(&self, _: Seen) {}

    fn lost(&self, lost: &Lost) {
        // Those who are inside when the process dies go in no order.
        if lost.why != Answered::Panicked {
            self.story.tell(format!("{} is not taken: {}", lost.command, lost.why.name()));
        }
        if let Some(watcher) = &self.watcher {
            watcher.lost(lost.group.as_ref());
        }
    }

    fn incomplete(&self, _: &Incomplete) {}

    fn over_limit(&self, _: &OverLimit) {}
}
