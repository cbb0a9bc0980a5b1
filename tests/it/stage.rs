//! The whole bot (router, client, store) beside a simulated Chat, on one clock that only the story moves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::{Clock, ManualClock, Timestamp};
use groupkeeper::decision::{Decision, Event};
use groupkeeper::ledger::{self, DeadLetter, Kind};
use groupkeeper::pipeline::Observer;
use groupkeeper::rest::rate::WINDOW;
use groupkeeper::service::config::Config;
use groupkeeper::service::{NotStarted, Onlookers, Service, Sockets};
use groupkeeper::simulator::{Fault, FaultKind, NewGroup, Options, Settings, Simulator, World};

use crate::addresses::free_address;

pub const SDK_APP_ID: u64 = 1_400_000_000;
pub const TOKEN: &str = "xxxxyyyy";
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// A Thursday noon, UTC.
const BEGIN: Timestamp = Timestamp(1_767_268_800_000);
const ROUNDS: usize = 10_000;

pub struct Stage {
    pub clock: Arc<ManualClock>,
    pub chat: Simulator,
    pub folder: tempfile::TempDir,
    config: Config,
    service: Option<Service>,
    heard: Arc<Heard>,
}

/// The commands of the callbacks that the bot has decided.
#[derive(Default)]
struct Heard(Mutex<BTreeSet<String>>);

impl Observer for Heard {
    fn decided(&self, event: &Event, _: &Decision) {
        self.0.lock().unwrap().insert(event.command.clone());
    }
}

/// Reads a file of the repository.
pub fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Stage {
    /// The bot with the shipped rules.
    pub async fn with_shipped_rules() -> Self {
        let files = ["promote_staff", "quiet_flooders", "keep_groups_owned"];
        let files =
            files.map(|name| (format!("{name}.toml"), repository(&format!("rules/{name}.toml"))));
        Self::set(&files.map(|(name, text)| (name, text)), false, &[]).await
    }

    /// The bot with one rules file.
    pub async fn with_rules(text: &str) -> Self {
        Self::set(&[("rules.toml".to_owned(), text.to_owned())], false, &[]).await
    }

    /// The same, and Chat asks before it lets anything happen.
    pub async fn that_is_asked(text: &str) -> Self {
        Self::set(&[("rules.toml".to_owned(), text.to_owned())], true, &[]).await
    }

    /// The bot with one rules file and further configuration, `SAFETY_LIMIT` for instance.
    pub async fn with_settings(text: &str, settings: &[(&str, &str)]) -> Self {
        Self::set(&[("rules.toml".to_owned(), text.to_owned())], false, settings).await
    }

    async fn set(files: &[(String, String)], asks: bool, further: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        fs::create_dir(&rules).unwrap();
        for (name, text) in files {
            fs::write(rules.join(name), text).unwrap();
        }
        let bot = free_address();
        let clock = Arc::new(ManualClock::new(BEGIN));
        let mut settings = Settings::new(SDK_APP_ID, "administrator", KEY);
        if !asks {
            settings = settings.without_asking();
        }
        settings.callback_token = Some(TOKEN.to_owned());
        let mut options = Options::new(World::new(settings), clock.clone());
        options.callback_url = Some(format!("http://{bot}/callback"));
        let chat = Simulator::start(options).await.unwrap();
        let key = |name: &str, value: String| (format!("GROUPKEEPER_{name}"), value);
        let mut environment = vec![
            key("APP_SDK_APP_ID", SDK_APP_ID.to_string()),
            key("APP_SECRET_KEY", KEY.to_owned()),
            key("APP_API_BASE", chat.url()),
            key("CALLBACK_LISTEN", bot.to_string()),
            key("CALLBACK_TOKENS", format!("old-token,{TOKEN}")),
            key("RULES_DIRECTORY", rules.display().to_string()),
            key("STORE_URL", format!("sled:{}", folder.path().join("data").display())),
            key("ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
            key("SAFETY_PROTECTED", "boss, ops_*".to_owned()),
            // A hanging Chat must not make the tests wait.
            key("REST_TIMEOUT", "1s".to_owned()),
        ];
        // Stories that are about it switch it on.
        environment.push(key("RECONCILE_EVERY", "off".to_owned()));
        environment.retain(|(name, _)| further.iter().all(|(key, _)| !name.ends_with(key)));
        environment.extend(further.iter().map(|(name, value)| key(name, (*value).to_owned())));
        let config = Config::load(None, &environment).unwrap();
        let heard = Arc::default();
        let mut stage = Self { clock, chat, folder, config, service: None, heard };
        stage.start().await.unwrap();
        stage
    }

    /// Starts the bot on what it finds in its folder. One that had another before it calls from a second
    /// after its start: that second passes here.
    pub async fn start(&mut self) -> Result<(), NotStarted> {
        let taking_over = self.folder.path().join("data").exists();
        let sockets = Sockets::bind(&self.config).await?;
        let clock: Arc<dyn Clock> = self.clock.clone();
        let onlookers = Onlookers { observer: self.heard.clone(), ..Onlookers::default() };
        let service = Service::start(&self.config, clock, sockets, onlookers).await?;
        self.service = Some(service);
        if taking_over {
            self.clock.advance(WINDOW);
        }
        Ok(())
    }

    /// Starts another bot on the same folder, beside the one that runs.
    pub async fn start_a_second(&self) -> Result<(), NotStarted> {
        let mut config = self.config.clone();
        config.callback.listen.set_port(0);
        let sockets = Sockets::bind(&config).await?;
        let clock: Arc<dyn Clock> = self.clock.clone();
        Service::start(&config, clock, sockets, Onlookers::default()).await.map(|_| ())
    }

    /// The bot stops; what it has not carried out stays in its folder. (`process` kills a real one.)
    pub async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    pub fn bot(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Posts what Chat has to say, without letting the bot carry anything out.
    pub async fn callbacks(&self) -> usize {
        self.chat.deliver_callbacks().await
    }

    /// Callbacks in, effects out, until nothing is left that is due now.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS {
            let posted = self.callbacks().await;
            let done = self.bot().engine.step().await.unwrap();
            if posted + done == 0 {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Lets time pass, stopping wherever something is due.
    pub async fn advance(&self, time: Duration) {
        let end = self.now() + time;
        for _ in 0..ROUNDS {
            self.settle().await;
            let left = end.since(self.now());
            if left.is_zero() {
                return;
            }
            let due = self.bot().engine.next_due(left).unwrap().unwrap_or(end);
            self.clock.set(due.max(self.now() + Duration::from_millis(1)).min(end));
        }
        panic!("time does not pass");
    }

    pub fn create(
        &self,
        id: &str,
        kind: GroupType,
        owner: &str,
        members: &[(&str, Role)],
    ) -> Group<'_> {
        let mut group = NewGroup::new(id, kind, owner, &[]);
        // Earlier in the list means longer in the group.
        for (place, (account, role)) in members.iter().enumerate() {
            let days = u64::try_from(members.len() - place).unwrap() * 10;
            let joined = self.now() - Duration::from_secs(days * 86_400);
            group.members.push((Account::from(*account), *role, joined));
        }
        let now = self.now();
        self.chat.with_world(|world| world.create_group(now, group));
        self.group(id)
    }

    pub fn group(&self, id: &str) -> Group<'_> {
        Group { stage: self, id: GroupId::from(id) }
    }

    /// Lets Chat fail.
    pub fn fault(&self, on: &str, times: Option<u32>, kind: FaultKind) {
        let now = self.now();
        self.chat.with_world(|world| world.inject(now, Fault { on: on.to_owned(), times, kind }));
    }

    pub fn mend(&self) {
        self.chat.with_world(World::clear_faults);
    }

    /// The calls of one command that Chat has seen, by their error codes; they are forgotten then.
    pub fn calls(&self, command: &str) -> Vec<i64> {
        self.chat.with_world(|world| {
            world.calls().iter().filter(|c| c.command == command).map(|c| c.error_code).collect()
        })
    }

    /// The commands of callbacks that the bot has decided, and of REST calls that Chat has answered.
    pub fn exercised(&self) -> BTreeSet<String> {
        let mut all = self.heard.0.lock().unwrap().clone();
        let path = |service: &str, command: &str| format!("v4/{service}/{command}");
        self.chat.with_world(|world| {
            let answered = world.calls().iter().filter(|call| call.status == 200);
            all.extend(answered.map(|call| path(&call.service, &call.command)));
        });
        all
    }

    /// GETs a page of the admin listener.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.bot().admin_address);
        let answer = reqwest::get(&url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// POSTs to a page of the admin listener.
    pub async fn operator(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.bot().admin_address);
        let answer = reqwest::Client::new().post(&url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Runs `groupkeeper` as an operator beside the bot would: its exit code, stdout and stderr.
    pub async fn groupkeeper(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("GROUPKEEPER_SAFETY_PROTECTED", "boss, ops_*");
        // The bot answers on this thread meanwhile.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The address of the admin listener.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.bot().admin_address)
    }

    /// POSTs a body to the bot as a stranger would, with this query.
    pub async fn post(&self, query: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let url = format!("http://{}/callback?{query}", self.bot().callback_address);
        let answer = reqwest::Client::new().post(&url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A query as Chat writes it, signed now.
    pub fn signed_query(&self, command: &str) -> String {
        signed(SDK_APP_ID, command, TOKEN, self.now().secs())
    }

    /// Ends the story: what nobody expected must not be left over.
    pub async fn finish(mut self) {
        self.settle().await;
        let store = &self.bot().store;
        let (from, to) = ledger::prefix(Kind::Outbox);
        let left = store.scan(&from, &to, 100).unwrap();
        let left: Vec<ledger::Pending> =
            left.iter().map(|(key, bytes)| ledger::decode(key, bytes).unwrap()).collect();
        assert!(left.is_empty(), "left over in the outbox: {left:#?}");
        let held = self.bot().engine.pipeline.held(100).unwrap();
        assert!(held.is_empty(), "still held: {held:#?}");
        let (from, to) = ledger::prefix(Kind::Dead);
        let dead = store.scan(&from, &to, 100).unwrap();
        let dead: Vec<DeadLetter> =
            dead.iter().map(|(key, bytes)| ledger::decode(key, bytes).unwrap()).collect();
        assert!(dead.is_empty(), "dead letters: {dead:#?}");
        crate::tencent::claims_hold(&self.exercised());
        let complaints = self.chat.with_world(|world| world.complaints().to_vec());
        assert!(complaints.is_empty(), "Chat complains: {complaints:#?}");
        for command in ["modify_group_member_info", "get_group_info", "change_group_owner"] {
            let rate = self.chat.with_world(|world| world.max_rate(command));
            assert!(rate <= 200, "{command} was called {rate} times within a second");
        }
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
        self.chat.stop().await;
    }
}

/// A query with `Sign`, made here from the document's words (34354).
pub fn signed(app: u64, command: &str, token: &str, time: i64) -> String {
    use sha2::{Digest, Sha256};
    let sign = Sha256::digest(format!("{token}{time}").as_bytes());
    let sign: String = sign.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "SdkAppid={app}&CallbackCommand={command}&contenttype=json&ClientIP=192.0.2.1&OptPlatform=Android&Sign={sign}&RequestTime={time}"
    )
}

/// A group of the simulated Chat, and what people do in it.
pub struct Group<'s> {
    stage: &'s Stage,
    id: GroupId,
}

impl Group<'_> {
    pub async fn joins(&self, who: &str) {
        let now = self.stage.now();
        self.stage.chat.with_world(|world| {
            // Nobody joins a Work group by themselves (33529).
            if world.group(&self.id).is_some_and(|group| group.kind == GroupType::Work) {
                world.invite(now, &self.id, &"administrator".into(), &[who.into()]);
            } else {
                world.join(now, &self.id, &who.into());
            }
        });
        self.stage.settle().await;
    }

    /// Says something; the callback waits until somebody settles.
    pub fn says(&self, who: &str, text: &str) {
        let now = self.stage.now();
        self.stage.chat.with_world(|world| world.say(now, &self.id, &who.into(), text));
    }

    /// Six messages in five seconds: one more than the shipped rule allows in ten.
    pub async fn floods(&self, who: &str) {
        for number in 0..6 {
            if number > 0 {
                self.stage.advance(Duration::from_secs(1)).await;
            }
            self.says(who, "again");
            self.stage.settle().await;
        }
    }

    pub fn leaves(&self, who: &str) {
        let now = self.stage.now();
        let left = self.stage.chat.with_world(|world| world.leave(now, &self.id, &who.into()));
        left.unwrap();
    }

    pub fn role(&self, who: &str) -> Role {
        let role = |world: &mut World| world.group(&self.id).map(|group| group.role(&who.into()));
        self.stage.chat.with_world(role).unwrap()
    }

    pub fn owner(&self) -> Option<String> {
        let owner = |world: &mut World| world.group(&self.id).unwrap().owner.clone();
        self.stage.chat.with_world(owner).map(|owner| owner.to_string())
    }

    /// Seconds for which somebody is still muted.
    pub fn muted_for(&self, who: &str) -> Option<u64> {
        let now = self.stage.now();
        let until =
            |world: &mut World| world.group(&self.id).unwrap().muted_until(&who.into(), now);
        self.stage.chat.with_world(until).map(|until| until.since(now).as_secs())
    }

    pub fn mutes(&self, by: &str, who: &str, seconds: u32) {
        let now = self.stage.now();
        let muted = |world: &mut World| world.mute(now, &self.id, &by.into(), &who.into(), seconds);
        self.stage.chat.with_world(muted).unwrap();
    }

    pub fn messages(&self) -> Vec<String> {
        let texts = |world: &mut World| {
            world.messages(&self.id).iter().map(|message| message.text.clone()).collect()
        };
        self.stage.chat.with_world(texts)
    }
}
