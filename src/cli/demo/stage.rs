//! The simulated Chat and the bot, set up in a fresh folder and turned by hand.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use super::super::Exit;
use super::narrator::{Line, Narrator, print};
use crate::chat::{Account, GroupId};
use crate::clock::{Clock, SystemClock};
use crate::service::config::Config;
use crate::service::{Onlookers, Service, Sockets};
use crate::simulator::{Options, Settings, Simulator, World};

/// The shipped rules, so that the demo needs no folder of them.
const RULES: [(&str, &str); 3] = [
    ("keep_groups_owned.toml", include_str!("../../../rules/keep_groups_owned.toml")),
    ("promote_staff.toml", include_str!("../../../rules/promote_staff.toml")),
    ("quiet_flooders.toml", include_str!("../../../rules/quiet_flooders.toml")),
];

const SDK_APP_ID: u64 = 1_400_000_000;
/// Keys of the simulated app; they open nothing.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN: &str = "the-demo-s-token";
/// Rounds of callbacks and calls until everything must have come to rest.
const MOST_ROUNDS: usize = 10_000;

/// What went wrong, in words.
pub(super) type Broken = String;

/// An address below those that the kernel gives to connections, so that nobody takes it meanwhile.
fn free_address() -> Result<SocketAddr, Broken> {
    let first = u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    let mut addresses =
        (0..1_000).map(|next| SocketAddr::from(([127, 0, 0, 1], 20_000 + first + next)));
    addresses
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| "no port is free on loopback".to_owned())
}

pub(super) struct Stage {
    pub(super) simulator: Simulator,
    clock: Arc<SystemClock>,
    narrator: Arc<Narrator>,
    config: Config,
    service: Option<Service>,
    folder: tempfile::TempDir,
    expected: usize,
    failed: usize,
}

impl Stage {
    /// Puts rules and state into a fresh folder, and starts both on loopback.
    pub(super) async fn set() -> Result<Self, Broken> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let rules = folder.path().join("rules");
        fs::create_dir(&rules).map_err(|error| error.to_string())?;
        for (name, text) in RULES {
            fs::write(rules.join(name), text).map_err(|error| error.to_string())?;
        }
        // The bot's port must be known to Chat, and Chat's to the bot: one is reserved first.
        let bot = free_address()?;
        let clock = Arc::new(SystemClock::default());
        let mut settings = Settings::new(SDK_APP_ID, "administrator", KEY).without_asking();
        settings.callback_token = Some(TOKEN.to_owned());
        let mut options = Options::new(World::new(settings), clock.clone());
        options.callback_url = Some(format!("http://{bot}/callback"));
        let skipped = clock.clone();
        options.skip = Some(Arc::new(move |time| skipped.skip(time)));
        let simulator = Simulator::start(options).await.map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        let key = |name: &str, value: String| (format!("GROUPKEEPER_{name}"), value);
        let environment = [
            key("APP_SDK_APP_ID", SDK_APP_ID.to_string()),
            key("APP_SECRET_KEY", KEY.to_owned()),
            key("APP_API_BASE", simulator.url()),
            key("CALLBACK_LISTEN", bot.to_string()),
            key("CALLBACK_TOKENS", TOKEN.to_owned()),
            key("RULES_DIRECTORY", rules.display().to_string()),
            key("STORE_URL", format!("sled:{}", data.display())),
            key("ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let config = Config::load(None, &environment)
            .map_err(|mistakes| mistakes.iter().map(|m| format!("{m}\n")).collect::<String>())?;
        let narrator = Arc::new(Narrator::new(simulator.taking_calls()));
        let (service, expected, failed) = (None, 0, 0);
        let mut stage =
            Self { simulator, clock, narrator, config, service, folder, expected, failed };
        stage.start().await?;
        Ok(stage)
    }

    /// Starts the bot on what it finds in its folder.
    pub(super) async fn start(&mut self) -> Result<(), Broken> {
        let onlookers =
            Onlookers { observer: self.narrator.clone(), listener: self.narrator.clone() };
        let sockets = Sockets::bind(&self.config).await.map_err(|error| error.to_string())?;
        let service = Service::start(&self.config, self.clock.clone(), sockets, onlookers);
        self.service = Some(service.await.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Stops the bot; its state stays in the folder.
    pub(super) async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    fn service(&self) -> Result<&Service, Broken> {
        self.service.as_ref().ok_or_else(|| "the bot is not running".to_owned())
    }

    pub(super) fn simulator_url(&self) -> String {
        self.simulator.url()
    }

    pub(super) fn admin_url(&self) -> String {
        let address = self.service.as_ref().map(|service| service.admin_address.to_string());
        format!("http://{}", address.unwrap_or_default())
    }

    pub(super) fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(super) fn chapter(&self, number: usize, title: &str) {
        println!("\n{number}. {title}\n");
    }

    /// Says what happens in Chat, and lets it happen.
    pub(super) fn act<R>(&self, what: &str, act: impl FnOnce(&mut World) -> R) -> R {
        print(&Line("Chat", what.to_owned()));
        self.simulator.with_world(act)
    }

    /// Tells what was said that no part of the bot says.
    pub(super) fn tell(&self, who: &'static str, what: &str) {
        print(&Line(who, what.to_owned()));
    }

    /// Callbacks in, effects out, until everything has come to rest; told line by line.
    pub(super) async fn settle(&self) -> Result<(), Broken> {
        let Some(service) = &self.service else {
            self.simulator.deliver_callbacks().await;
            return Ok(());
        };
        for _ in 0..MOST_ROUNDS {
            let posted = self.simulator.deliver_callbacks().await;
            self.narrate();
            // Turn by turn, so that what is only looked at stands apart from what is done.
            let done = service.engine.turn().await.map_err(|error| error.to_string())?;
            self.narrate();
            if posted + done == 0 {
                return Ok(());
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn narrate(&self) {
        self.narrator.take().iter().for_each(print);
    }

    /// Lets time pass, stopping wherever something is due.
    pub(super) async fn pass(&self, time: Duration, words: &str) -> Result<(), Broken> {
        print(&Line("time", words.to_owned()));
        let end = self.clock.now() + time;
        for _ in 0..MOST_ROUNDS {
            self.settle().await?;
            let left = end.since(self.clock.now());
            if left.is_zero() {
                return Ok(());
            }
            let next = match &self.service {
                Some(service) => service.engine.next_due(left).map_err(|e| e.to_string())?,
                None => None,
            };
            let skip = next.unwrap_or(end).since(self.clock.now());
            self.clock.skip(skip.max(Duration::from_millis(1)).min(left));
        }
        Err("time does not pass".to_owned())
    }

    /// Chat signs with the token of the configuration again.
    pub(super) fn restore_token(&self) {
        let token = Some(TOKEN.to_owned());
        self.simulator.with_world(|world| world.settings_mut().callback_token = token);
    }

    /// Moves the clock without a word.
    pub(super) fn skip(&self, time: Duration) {
        self.clock.skip(time);
    }

    /// Something that must be so in the simulated Chat now.
    pub(super) fn expect(&mut self, what: &str, so: bool) {
        self.expected += 1;
        self.failed += usize::from(!so);
        print(&Line(if so { "✓" } else { "✗" }, what.to_owned()));
    }

    /// What an account is in a group of the simulated Chat.
    pub(super) fn role(&self, group: &str, account: &str) -> crate::chat::Role {
        let (group, account) = (GroupId::from(group), Account::from(account));
        self.simulator.with_world(|world| {
            world.group(&group).map_or(crate::chat::Role::Outside, |group| group.role(&account))
        })
    }

    /// For how many seconds an account is still muted in the simulated Chat.
    pub(super) fn muted_for(&self, group: &str, account: &str) -> u64 {
        let (group, account) = (GroupId::from(group), Account::from(account));
        let now = self.clock.now();
        let until =
            self.simulator.with_world(|world| world.group(&group)?.muted_until(&account, now));
        until.map_or(0, |until| until.since(now).as_secs_f64().round() as u64)
    }

    pub(super) fn now(&self) -> crate::clock::Timestamp {
        self.clock.now()
    }

    /// Effects that the bot still owes.
    pub(super) fn owed(&self) -> Result<usize, Broken> {
        Ok(self.service()?.engine.delivery.pending())
    }

    pub(super) fn verdict(&self) -> Exit {
        let seen = self.expected - self.failed;
        println!("\n{seen} of {} expected effects were seen in the simulated Chat", self.expected);
        if self.failed == 0 { Exit::Fine } else { Exit::Failed }
    }

    /// Runs in real time until Ctrl-C.
    pub(super) async fn keep(&mut self) {
        if let Some(service) = &mut self.service {
            service.run_loops();
        }
        let turning = async {
            loop {
                self.simulator.deliver_callbacks().await;
                self.narrate();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = turning => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }

    pub(super) async fn clear(mut self) {
        self.stop().await;
        self.simulator.stop().await;
    }
}
