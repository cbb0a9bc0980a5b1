//! The test bench: the whole bot on a simulated Chat, without sockets, on a clock that only steps move.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::SecretString;

use super::testfile::{Send, Test};
use crate::callback;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::decision::effect::Act;
use crate::decision::event::{Cause, Event};
use crate::decision::{Decision, Settings};
use crate::engine::{Engine, Parts};
use crate::pipeline::{Door, Observer};
use crate::rest::client::{Posting, TransportError};
use crate::rest::{App, Client, Transport};
use crate::rule::{EventKind, RuleSet};
use crate::simulator::{NewGroup, World};
use crate::store::{MemoryStore, Store};

const SDK_APP_ID: u64 = 1_400_000_000;
const ADMIN: &str = "administrator";
/// The simulator's key; it opens nothing.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Nothing that a test waits for is further away than the step that advances the time.
const MOST_ROUNDS: usize = 100_000;

/// What was decided since the last `expect`.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) acts: Vec<Act>,
    pub(super) decided: Vec<(Event, Decision)>,
}

/// Writes down what is decided.
#[derive(Default)]
struct Notebook(Mutex<Seen>);

impl Observer for Notebook {
    fn decided(&self, event: &Event, decision: &Decision) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = decision.effects.iter().map(|effect| &effect.act).filter(|act| !act.is_read());
        seen.acts.extend(wanted.cloned());
        // The end of a mute shows as `unmute`, whether Chat ended it or the bot had to.
        let lifted = matches!(&event.cause, Cause::Settled { effect, .. }
            if matches!(effect.act, Act::Unmute { .. }));
        for ended in decision.derived.iter().filter(|e| e.kind() == Some(EventKind::MuteEnded)) {
            if let (Some(group), Some(member), false) = (&ended.group, &ended.member, lifted) {
                seen.acts.push(Act::Unmute { group: group.clone(), member: member.clone() });
            }
        }
        seen.decided.push((event.clone(), decision.clone()));
    }
}

/// The simulated Chat as REST calls reach it.
struct Wire {
    world: Mutex<World>,
    clock: Arc<ManualClock>,
    down_until: Mutex<Timestamp>,
}

impl Wire {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Wire {
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
        Box::pin(async move {
            let now = self.clock.now();
            if now < *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) {
                let text = "the test says that Chat is down".to_owned();
                return Err(TransportError::Unreachable { text, outcome_unknown: false });
            }
            let (path, query) = split_url(&url);
            let answer = self.world().rest(now, path, query, &body);
            Ok((answer.status, answer.body))
        })
    }
}

/// Path and query of a URL.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find('/').map_or("", |at| &rest[at..]);
    target.split_once('?').unwrap_or((target, ""))
}

/// One test's Chat and bot.
pub(super) struct Bench {
    clock: Arc<ManualClock>,
    wire: Arc<Wire>,
    store: Arc<dyn Store>,
    rules: Arc<ArcSwap<RuleSet>>,
    notebook: Arc<Notebook>,
    engine: Engine,
    first_group: Option<GroupId>,
}

impl Bench {
    pub(super) async fn new(rules: Arc<RuleSet>, test: &Test) -> Result<Self, String> {
        let clock = Arc::new(ManualClock::new(test.now));
        let settings = crate::simulator::Settings::new(SDK_APP_ID, ADMIN, KEY).without_asking();
        let mut world = World::new(settings);
        for group in &test.groups {
            let mut new = NewGroup::new(group.id.as_str(), group.kind, "", &[]);
            new.owner.clone_from(&group.owner);
            new.members.clone_from(&group.members);
            new.silent = true;
            world.create_group(test.now, new);
        }
        let wire = Arc::new(Wire {
            world: Mutex::new(world),
            clock: clock.clone(),
            down_until: Mutex::new(Timestamp::default()),
        });
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let notebook = Arc::new(Notebook::default());
        let rules = Arc::new(ArcSwap::new(rules));
        let engine = engine(&clock, &wire, &store, &rules, &notebook)?;
        let first_group = test.groups.first().map(|group| group.id.clone());
        let bench = Self { clock, wire, store, rules, notebook, engine, first_group };
        bench.know(test).await?;
        bench.settle().await?;
        bench.take_seen();
        Ok(bench)
    }

    /// The bot has been watching the test's groups for long: the mirror knows them.
    async fn know(&self, test: &Test) -> Result<(), String> {
        use crate::decision::{StateKey, StateValue, state};
        let mut set = crate::store::WriteSet::default();
        let mut put = |key: &StateKey, value: &StateValue| -> Result<(), String> {
            let bytes = crate::ledger::encode(value).map_err(|error| error.to_string())?;
            set.writes.push((crate::ledger::state_key(key), Some(bytes)));
            Ok(())
        };
        for group in &test.groups {
            let record = state::GroupRecord {
                group_type: Some(group.kind),
                owner: state::Owner::from_account(group.owner.as_ref()),
                member_count: i64::try_from(group.members.len()).ok(),
                read_at: Some(test.now),
                ..state::GroupRecord::default()
            };
            put(&StateKey::Group(group.id.clone()), &StateValue::Group(record))?;
            for (account, role, joined_at) in &group.members {
                let record = state::MemberRecord {
                    role: Some(*role),
                    joined_at: Some(*joined_at),
                    ..state::MemberRecord::default()
                };
                let key = StateKey::Member(group.id.clone(), account.clone());
                put(&key, &StateValue::Member(record))?;
            }
        }
        self.store.commit(set).await.map_err(|error| error.to_string())
    }

    pub(super) fn take_seen(&self) -> Seen {
        std::mem::take(&mut *self.notebook.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bot stops and starts again on the same store.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        self.engine = engine(&self.clock, &self.wire, &self.store, &self.rules, &self.notebook)?;
        Ok(())
    }

    pub(super) fn api_down(&self, time: Duration) {
        let until = self.clock.now() + time;
        *self.wire.down_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Lets time pass, stopping wherever something is due.
    pub(super) async fn advance(&self, time: Duration) -> Result<(), String> {
        let end = self.clock.now() + time;
        for _ in 0..MOST_ROUNDS {
            self.settle().await?;
            let left = end.since(self.clock.now());
            let due = self.engine.next_due(left).map_err(|error| error.to_string())?;
            let next = due.unwrap_or(end).max(self.clock.now() + Duration::from_millis(1));
            if next >= end {
                self.clock.set(end);
                return self.settle().await;
            }
            self.clock.set(next);
        }
        Err("the rules keep each other busy without an end".to_owned())
    }

    /// Callbacks in, effects out, until nothing is left that is due now.
    pub(super) async fn settle(&self) -> Result<(), String> {
        for _ in 0..MOST_ROUNDS {
            let callbacks = self.wire.world().take_callbacks();
            let quiet = callbacks.is_empty();
            for callback in callbacks {
                let admins = [Account::from(ADMIN)];
                let settings =
                    callback::decode::Settings { admins: &admins, wants_callback_event: true };
                let query = query_of(&callback.query);
                let now = self.clock.now();
                let decoded = callback::decode(&query, &callback.body, settings, now)
                    .map_err(|error| error.to_string())?;
                self.engine.pipeline.enter(decoded.events).await.map_err(|error| error.0)?;
            }
            let done = self.engine.step().await.map_err(|error| error.to_string())?;
            if quiet && done == 0 {
                return Ok(());
            }
        }
        Err("the rules keep each other busy without an end".to_owned())
    }

    /// Lets something happen in Chat, as often as the step says.
    pub(super) async fn send(&self, send: &Send) -> Result<(), String> {
        for time in 0..send.times {
            if time > 0 {
                self.advance(send.every).await?;
            }
            self.once(send)?;
            self.settle().await?;
        }
        Ok(())
    }

    fn once(&self, send: &Send) -> Result<(), String> {
        let group = send.group.clone().or_else(|| self.first_group.clone());
        let group = group.ok_or("the test has no group")?;
        let now = self.clock.now();
        let need = |who: &Option<Account>, name: &str| {
            who.clone().ok_or_else(|| format!("`send = \"{}\"` needs `{name}`", send.event))
        };
        let mut world = self.wire.world();
        let refused =
            |refusal: crate::simulator::Refusal| format!("Chat does not allow it: {refusal}");
        match send.event.as_str() {
            "message.sent" => {
                let from = need(&send.from, "from")?;
                // A muted member's message does not arrive; that is what the test may want to see.
                world.say(now, &group, &from, &send.text);
            }
            "member.joined" => {
                let from = need(&send.from, "from")?;
                let work = world.group(&group).is_some_and(|g| g.kind == GroupType::Work);
                // Nobody joins a Work group by themselves (33529).
                let by = send.by.clone().or(work.then(|| Account::from(ADMIN)));
                match by {
                    Some(by) => world.invite(now, &group, &by, &[from]),
                    None => world.join(now, &group, &from),
                };
            }
            "member.left" | "owner.left" => {
                world.leave(now, &group, &need(&send.from, "from")?).map_err(refused)?;
            }
            "member.removed" => {
                let by = send.by.clone().unwrap_or_else(|| Account::from(ADMIN));
                world.kick(now, &group, &by, &[need(&send.from, "from")?]).map_err(refused)?;
            }
            "owner.changed" => {
                let to = need(&send.to, "to")?;
                let owner = world.group(&group).and_then(|group| group.owner.clone());
                let by = send.by.clone().or(owner).unwrap_or_else(|| Account::from(ADMIN));
                world.change_owner(now, &group, &by, &to).map_err(refused)?;
            }
            "member.role_changed" => {
                let from = need(&send.from, "from")?;
                let owner = world.group(&group).and_then(|group| group.owner.clone());
                let by = send.by.clone().or(owner).unwrap_or_else(|| Account::from(ADMIN));
                let role = send.role.unwrap_or(Role::Admin);
                world.set_role(now, &group, &by, &from, role).map_err(refused)?;
            }
            other => {
                return Err(format!(
                    "`send = \"{other}\"` is not known here; there is message.sent, member.joined, \
                     member.left, member.removed, owner.changed, member.role_changed"
                ));
            }
        }
        Ok(())
    }
}

/// What a callback's URL says, as far as decoding reads it.
fn query_of(pairs: &[(String, String)]) -> callback::Query {
    let value = |name: &str| {
        let found = pairs.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    callback::Query {
        command: value("CallbackCommand"),
        platform: value("OptPlatform"),
        ..callback::Query::default()
    }
}

fn engine(
    clock: &Arc<ManualClock>,
    wire: &Arc<Wire>,
    store: &Arc<dyn Store>,
    rules: &Arc<ArcSwap<RuleSet>>,
    notebook: &Arc<Notebook>,
) -> Result<Engine, String> {
    let app = App {
        sdk_app_id: SDK_APP_ID,
        admin: Account::from(ADMIN),
        secret_key: SecretString::from(KEY),
        base_url: "http://simulator".to_owned(),
    };
    let chat = Client::new(app, wire.clone(), clock.clone());
    let settings = Settings { own: vec![Account::from(ADMIN)], ..Settings::default() };
    Engine::new(Parts {
        store: store.clone(),
        rules: rules.clone(),
        settings,
        chat: Arc::new(chat),
        clock: clock.clone(),
        observer: notebook.clone(),
        listener: Arc::new(()),
    })
    .map_err(|error| error.to_string())
}
