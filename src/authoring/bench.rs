//! The test bench: the whole bot on a simulated Chat, without sockets, on a clock that only steps move.

mod documented;
mod happen;
mod notebook;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::SecretString;

use super::testfile::{Send, StepAct, Test, TestGroup};
use crate::callback;
use crate::chat::{Account, GroupId};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::decision::{LoopLimit, Settings, StateKey, StateValue, state};
use crate::engine::{Engine, Parts};
use crate::pipeline::Door;
use crate::rest::{App, Client};
use crate::rule::{EventKind, RuleSet, duration};
use crate::simulator::{Callback, Fault, MemberChange, NewGroup, NewRoom, World};
use crate::store::{MemoryStore, Store, WriteSet};
use notebook::Notebook;
pub(super) use notebook::Seen;
use wire::Wire;

const SDK_APP_ID: u64 = 1_400_000_000;
/// The app admin: the account of the bot, who may do what no member may.
pub(super) const ADMIN: &str = "administrator";
/// The simulator's key; it opens nothing.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Nothing that a test waits for is further away than the step that advances the time.
const MOST_ROUNDS: usize = 100_000;

/// One test's Chat and bot.
pub(super) struct Bench {
    clock: Arc<ManualClock>,
    wire: Arc<Wire>,
    store: Arc<dyn Store>,
    rules: Arc<ArcSwap<RuleSet>>,
    settings: Settings,
    notebook: Arc<Notebook>,
    engine: Engine,
    /// Callbacks that come late, and when.
    late: Vec<(Timestamp, Callback)>,
    /// Whether a rule looks at `callback` events.
    wants_callback_event: bool,
}

impl Bench {
    pub(super) async fn new(rules: Arc<RuleSet>, test: &Test) -> Result<Self, String> {
        let clock = Arc::new(ManualClock::new(test.now));
        let wire = Arc::new(Wire::new(world(test)?, clock.clone()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let wants_callback_event = !rules.on(EventKind::Callback).is_empty();
        let rules = Arc::new(ArcSwap::new(rules));
        let settings = Settings {
            own: vec![Account::from(ADMIN)],
            protected: test.protected.clone(),
            mode: test.mode,
            loops: Some(LoopLimit::default()),
            tells_all: true,
            ..Settings::default()
        };
        know(&*store, test).await?;
        let notebook = Arc::new(Notebook::default());
        let engine = engine(&clock, &wire, &store, &rules, &settings, &notebook)?;
        let late = Vec::new();
        let mut bench = Self {
            clock,
            wire,
            store,
            rules,
            settings,
            notebook,
            engine,
            late,
            wants_callback_event,
        };
        bench.settle().await?;
        bench.take_seen();
        Ok(bench)
    }

    /// What was decided since this was asked last.
    pub(super) fn take_seen(&self) -> Seen {
        self.notebook.take()
    }

    /// Callbacks that were sent `late` and that no step waited for, in one sentence.
    pub(super) fn undelivered(&self) -> Option<String> {
        let last = self.late.iter().map(|(due, _)| *due).max()?;
        let wait = duration::format(last.since(self.clock.now()));
        let (what, they) = match self.late.len() {
            1 => ("a callback sent `late` has".to_owned(), "it is"),
            several => (format!("{several} callbacks sent `late` have"), "the last is"),
        };
        Some(format!(
            "{what} not come when the test ends; {they} due {wait} behind the last step: \
             add `{{ advance = \"{wait}\" }}` and what is expected then"
        ))
    }

    /// Does what a step says; `expect` only lets everything come to rest.
    pub(super) async fn step(&mut self, act: &StepAct) -> Result<(), String> {
        match act {
            StepAct::Send(send) => self.send(send).await,
            StepAct::Expect { .. } => self.settle().await,
            StepAct::Advance(time) => self.advance(*time).await,
            StepAct::Restart => self.restart(),
            StepAct::ApiDown(time) => {
                self.wire.down(*time);
                Ok(())
            }
            StepAct::Chat(fault) => {
                self.goes_wrong(fault);
                Ok(())
            }
            StepAct::Unseen { group, member, change } => self.unseen(group, member, change),
        }
    }

    /// The bot stops and starts again on the same store.
    fn restart(&mut self) -> Result<(), String> {
        let Self { clock, wire, store, rules, settings, notebook, .. } = self;
        self.engine = engine(clock, wire, store, rules, settings, notebook)?;
        Ok(())
    }

    fn goes_wrong(&self, fault: &Fault) {
        self.wire.world().inject(self.clock.now(), fault.clone());
    }

    fn unseen(
        &self,
        group: &GroupId,
        member: &Account,
        change: &MemberChange,
    ) -> Result<(), String> {
        let changed =
            self.wire.world().change_unseen(self.clock.now(), group, member, change.clone());
        changed.map_err(happen::refused)
    }

    /// Lets time pass, stopping wherever something is due.
    async fn advance(&mut self, time: Duration) -> Result<(), String> {
        let end = self.clock.now() + time;
        for _ in 0..MOST_ROUNDS {
            self.settle().await?;
            let left = end.since(self.clock.now());
            let due = self.engine.next_due(left).map_err(|error| error.to_string())?;
            let late = self.late.iter().map(|(due, _)| *due).min();
            let next = [due, late].into_iter().flatten().min().unwrap_or(end);
            let next = next.max(self.clock.now() + Duration::from_millis(1));
            if next >= end {
                self.clock.set(end);
                return self.settle().await;
            }
            self.clock.set(next);
        }
        Err("the rules keep each other busy without an end".to_owned())
    }

    /// Callbacks in, effects out, until nothing is left that is due now.
    async fn settle(&mut self) -> Result<(), String> {
        for _ in 0..MOST_ROUNDS {
            let callbacks = self.callbacks();
            let quiet = callbacks.is_empty();
            for callback in callbacks {
                self.take_in(callback).await?;
            }
            let done = self.engine.step().await.map_err(|error| error.to_string())?;
            if quiet && done == 0 {
                return Ok(());
            }
        }
        Err("the rules keep each other busy without an end".to_owned())
    }

    /// The callbacks that arrive now: late ones first, they happened earlier.
    fn callbacks(&mut self) -> Vec<Callback> {
        let now = self.clock.now();
        let (due, later) =
            std::mem::take(&mut self.late).into_iter().partition(|(due, _)| *due <= now);
        self.late = later;
        let mut due: Vec<(Timestamp, Callback)> = due;
        due.sort_by_key(|(due, _)| *due);
        let mut callbacks: Vec<_> = due.into_iter().map(|(_, callback)| callback).collect();
        callbacks.extend(self.wire.world().take_callbacks());
        callbacks
    }

    /// One callback in, and its answer back to Chat.
    async fn take_in(&self, callback: Callback) -> Result<(), String> {
        let admins = [Account::from(ADMIN)];
        let settings = callback::decode::Settings {
            admins: &admins,
            wants_callback_event: self.wants_callback_event,
        };
        let (query, now) = (query_of(&callback.query), self.clock.now());
        let decoded = callback::decode(&query, &callback.body, settings, now)
            .map_err(|error| error.to_string())?;
        let answering = decoded.answering;
        let entered = self.engine.pipeline.enter(decoded.events).await;
        let verdict = entered.map_err(|error| error.0)?;
        if !callback.asks {
            return Ok(());
        }
        let answer = callback::reply(&answering, &verdict).into_owned().into_bytes();
        let mut world = self.wire.world();
        world.answer(now, callback.id, Some((200, answer)));
        match world.complaints().first() {
            None => Ok(()),
            Some(complaint) => Err(format!("Chat cannot use the bot's answer: {complaint}")),
        }
    }

    /// Lets something happen in Chat, as often as the step says.
    async fn send(&mut self, send: &Send) -> Result<(), String> {
        for number in 1..=send.times {
            if number > 1 && !send.every.is_zero() {
                self.advance(send.every).await?;
            }
            let now = self.clock.now();
            {
                let mut world = self.wire.world();
                happen::happen(&mut world, now, &send.numbered(number), number)?;
                if !send.late.is_zero() {
                    let made = world.take_callbacks().into_iter();
                    self.late.extend(made.map(|callback| (now + send.late, callback)));
                }
            }
            self.settle().await?;
        }
        Ok(())
    }
}

/// Chat as it is before the first step.
fn world(test: &Test) -> Result<World, String> {
    let settings = crate::simulator::Settings::new(SDK_APP_ID, ADMIN, KEY).without_asking();
    let mut world = World::new(settings);
    for group in &test.groups {
        let mut new = NewGroup::new(group.id.as_str(), group.kind, "", &[]);
        new.name.clone_from(&group.name);
        new.owner.clone_from(&group.owner);
        new.members =
            group.members.iter().map(|one| (one.id.clone(), one.role, one.joined_at)).collect();
        world.create_group(test.now, new);
        for member in &group.members {
            if member.name_card.is_empty() && member.last_message_at.is_none() {
                continue;
            }
            let change = MemberChange {
                name_card: Some(member.name_card.clone()),
                last_message_at: member.last_message_at,
                ..MemberChange::default()
            };
            world
                .change_unseen(test.now, &group.id, &member.id, change)
                .map_err(happen::refused)?;
        }
    }
    for room in &test.rooms {
        let (id, kind, owner) = (room.id.clone(), room.kind, room.owner.clone());
        let new = NewRoom { name: id.to_string(), id, kind, owner, silent: true };
        world.create_room(test.now, new).map_err(happen::refused)?;
        for member in &room.members {
            world.enter_room(test.now, &room.id, member).map_err(happen::refused)?;
        }
    }
    // Setting up is nothing that happens.
    world.take_callbacks();
    Ok(world)
}

/// The bot has been watching the test's groups and rooms for long: the mirror knows them.
async fn know(store: &dyn Store, test: &Test) -> Result<(), String> {
    let mut set = WriteSet::default();
    let mut put = |key: &StateKey, value: &StateValue| -> Result<(), String> {
        let bytes = crate::ledger::encode(value).map_err(|error| error.to_string())?;
        set.writes.push((crate::ledger::state_key(key), Some(bytes)));
        Ok(())
    };
    for group in &test.groups {
        let record = group_record(group, test.now);
        put(&StateKey::Group(group.id.clone()), &StateValue::Group(record))?;
        for member in &group.members {
            let record = state::MemberRecord {
                role: Some(member.role),
                joined_at: Some(member.joined_at),
                name_card: member.name_card.clone(),
                last_message_at: member.last_message_at,
                ..state::MemberRecord::default()
            };
            let key = StateKey::Member(group.id.clone(), member.id.clone());
            put(&key, &StateValue::Member(record))?;
        }
    }
    for room in &test.rooms {
        let owner = state::Owner::from_account(Some(&room.owner));
        // They came in in the order of the list, a minute apart.
        let before = |place| Duration::from_secs(60) * u32::try_from(place).unwrap_or(u32::MAX);
        let places = (1..=room.members.len()).rev();
        let entered = room.members.iter().zip(places);
        let entered = entered.map(|(who, place)| (who.clone(), test.now - before(place)));
        let entered = entered.take(state::RoomRecord::ENTERED).collect();
        let record = state::RoomRecord { entered, ..state::RoomRecord::owned_by(owner) };
        put(&StateKey::Room(room.id.clone()), &StateValue::Room(record))?;
    }
    store.commit(set).await.map_err(|error| error.to_string())
}

fn group_record(group: &TestGroup, now: Timestamp) -> state::GroupRecord {
    state::GroupRecord {
        group_type: Some(group.kind),
        name: group.name.clone(),
        owner: state::Owner::from_account(group.owner.as_ref()),
        member_count: i64::try_from(group.members.len()).ok(),
        created_at: group.members.iter().map(|member| member.joined_at).min(),
        read_at: Some(now),
        ..state::GroupRecord::default()
    }
}

/// What a callback's URL says, as far as decoding reads it.
fn query_of(pairs: &[(String, String)]) -> callback::Query<'_> {
    let value = |name: &str| {
        let found = pairs.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default().into()
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
    settings: &Settings,
    notebook: &Arc<Notebook>,
) -> Result<Engine, String> {
    let app = App {
        sdk_app_id: SDK_APP_ID,
        admin: Account::from(ADMIN),
        secret_key: SecretString::from(KEY),
        base_url: "http://simulator".to_owned(),
    };
    let chat = Client::new(app, wire.clone(), clock.clone());
    Engine::new(Parts {
        store: store.clone(),
        rules: rules.clone(),
        settings: settings.clone(),
        chat: Arc::new(chat),
        clock: clock.clone(),
        observer: notebook.clone(),
        listener: Arc::new(()),
    })
    .map_err(|error| error.to_string())
}
