//! Bugs of ours: what makes us panic or cannot be read harms nothing else, and is kept with its cause.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::{Clock, ManualClock, Timestamp};
use groupkeeper::decision::effect::{Act, GroupFacts, Manner};
use groupkeeper::decision::event::Cause;
use groupkeeper::decision::state::SanctionKind;
use groupkeeper::decision::{Effect, Event, EventId, Settings, StateKey, StateValue};
use groupkeeper::delivery::{Listener, Stopped};
use groupkeeper::engine::{Engine, Parts};
use groupkeeper::ledger::{self, DeadLetter, Kept, Kind, Pending, Quarantined};
use groupkeeper::pipeline::{DeadFate, Extra, QuarantineOrdered, Which};
use groupkeeper::rest::client::Calling;
use groupkeeper::rest::reply::GroupItem;
use groupkeeper::rest::{Call, Chat, MemberChange, Reply};
use groupkeeper::rule::{EventKind, read};
use groupkeeper::store::{Commit, Entry, MemoryStore, Store, StoreError, WriteSet};

const NOW: Timestamp = Timestamp(1_767_268_800_000);
const MINUTE: Duration = Duration::from_secs(60);
const CATS: &str = "@TGS#cats";
const DOGS: &str = "@TGS#dogs";

const RULES: &str = r#"
[rule.hello]
on = "member.joined"
do = [{ send_message = { text = "hello {member.id}" } }]

[rule.hush]
on = "member.card_changed"
do = [{ mute = { for = "10m" } }]

[rule.missed]
on = "member.left"
wait = "5m"
do = [{ send_message = { text = "missing {member.id}" } }]
"#;

/// A store in which reading some keys makes whoever reads them panic.
#[derive(Default)]
struct Trapped {
    store: MemoryStore,
    traps: Mutex<Vec<Vec<u8>>>,
    /// Pages of timers that were read.
    timers: AtomicUsize,
    /// With the next commit, all timers come again and are postponed.
    postpones: AtomicBool,
}

impl Trapped {
    fn set(&self, key: &StateKey) {
        self.traps.lock().unwrap().push(ledger::state_key(key));
    }

    fn clear(&self) {
        self.traps.lock().unwrap().clear();
    }
}

impl Store for Trapped {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let trapped = self.traps.lock().unwrap().iter().any(|trap| trap == key);
        assert!(!trapped, "a bug met its event");
        self.store.get(key)
    }
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let of_timers = usize::from(Kind::of(from) == Some(Kind::Timer));
        self.timers.fetch_add(of_timers, Ordering::Relaxed);
        self.store.scan(from, to, limit)
    }
    fn commit(&self, changes: WriteSet) -> Commit {
        let commit = self.store.commit(changes);
        if self.postpones.swap(false, Ordering::Relaxed) {
            let (from, to) = ledger::prefix(Kind::Timer);
            let mut writes = Vec::new();
            for (key, record) in self.store.scan(&from, &to, 100).unwrap() {
                let due = ledger::time_of(&key).unwrap() + MINUTE;
                writes.push((ledger::timer_moved(&key, due), Some(record)));
                writes.push((key, None));
            }
            drop(self.store.commit(WriteSet { writes, ..WriteSet::default() }));
        }
        commit
    }
    fn health(&self) -> Result<(), StoreError> {
        self.store.health()
    }
    fn size_on_disk(&self) -> u64 {
        0
    }
}

/// A Chat that does everything; whoever says this word to it panics.
struct Nasty {
    clock: Arc<ManualClock>,
    word: Mutex<Option<&'static str>>,
    /// Seconds since the beginning, and what was wanted.
    heard: Mutex<Vec<(u64, String)>>,
}

impl Chat for Nasty {
    fn call<'a>(&'a self, call: &'a Call, _: u32) -> Calling<'a> {
        let said = match call {
            Call::SendGroupMsg { text, .. } => text.clone(),
            Call::ModifyGroupMemberInfo {
                member,
                change: MemberChange::MuteSeconds(seconds),
                ..
            } => format!("mute {member} {seconds}"),
            Call::ForbidSendMsg { members, seconds, .. } => {
                let members: Vec<_> = members.iter().map(|member| member.as_str()).collect();
                format!("mute {} {seconds}", members.join(" "))
            }
            _ => String::new(),
        };
        if !said.is_empty() {
            let seconds = self.clock.now().since(NOW).as_secs();
            self.heard.lock().unwrap().push((seconds, said.clone()));
        }
        let word = *self.word.lock().unwrap();
        assert!(!word.is_some_and(|word| said.contains(word)), "a bug met its call");
        Box::pin(ready(Ok(match call {
            Call::GetGroupInfo { groups } => {
                Reply::Groups(groups.iter().map(|group| item(group.as_str())).collect())
            }
            Call::GetRoleInGroup { accounts, .. } => Reply::Roles(
                accounts.iter().map(|account| (account.clone(), Role::Member)).collect(),
            ),
            Call::GetGroupMutedAccount { .. } => Reply::Muted(Vec::new()),
            Call::SendGroupMsg { .. } => Reply::Sent { sequence: Some(1), dropped: None },
            _ => Reply::Done,
        })))
    }
}

fn item(group: &str) -> GroupItem {
    let facts = GroupFacts {
        group: group.into(),
        exists: true,
        group_type: Some(GroupType::Public),
        name: "cats".to_owned(),
        owner: Some("olga".into()),
        member_count: Some(9),
        created_at: Some(NOW),
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    };
    GroupItem { group: group.into(), error: None, facts }
}

/// The alerts that operators have heard.
#[derive(Default)]
struct Alerts(Mutex<Vec<String>>);

impl Listener for Alerts {
    fn tried(&self, _: &Pending, _: Option<&str>) {}
    fn given_up(&self, _: &Pending, _: &str) {}
    fn alerted(&self, _: &Pending, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
    fn stopped(&self, _: &Stopped) {}
    fn works_again(&self, _: &Stopped) {}
}

struct Bot {
    engine: Engine,
    store: Arc<Trapped>,
    chat: Arc<Nasty>,
    clock: Arc<ManualClock>,
    alerts: Arc<Alerts>,
}

impl Bot {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let chat = Nasty { clock: clock.clone(), word: Mutex::default(), heard: Mutex::default() };
        Self::on(Arc::default(), Arc::new(chat), clock)
    }

    fn on(store: Arc<Trapped>, chat: Arc<Nasty>, clock: Arc<ManualClock>) -> Self {
        let reading = read(vec![("rules.toml".to_owned(), RULES.to_owned())], None);
        assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
        let alerts = Arc::new(Alerts::default());
        let engine = Engine::new(Parts {
            store: store.clone(),
            rules: Arc::new(ArcSwap::from_pointee(reading.rules)),
            settings: Settings::default(),
            chat: chat.clone(),
            clock: clock.clone(),
            observer: Arc::new(()),
            listener: alerts.clone(),
        });
        Self { engine: engine.unwrap(), store, chat, clock, alerts }
    }

    fn restarted(self) -> Self {
        Self::on(self.store, self.chat, self.clock)
    }

    async fn takes(&self, kind: EventKind, group: &str, member: &str) {
        self.takes_once(kind, (group, member), b"").await;
    }

    /// Of what happens more than once, one time.
    async fn takes_once(&self, kind: EventKind, (group, member): (&str, &str), time: &[u8]) {
        let parts = [kind.name().as_bytes(), group.as_bytes(), member.as_bytes(), time];
        let mut event = Event::new(EventId::of(&parts), Cause::Kind(kind), NOW, "a callback");
        event.group = Some(group.into());
        event.group_type = Some(GroupType::Public);
        event.member = Some(member.into());
        self.engine.pipeline.process(event, Extra::default()).await.unwrap();
    }

    async fn step(&self) {
        self.engine.step().await.unwrap();
    }

    async fn wait(&self, time: Duration) {
        let end = self.clock.now() + time;
        self.step().await;
        while let Some(due) = self.engine.next_due(end.since(self.clock.now())).unwrap() {
            self.clock.advance(due.since(self.clock.now()).max(Duration::from_millis(1)));
            self.step().await;
        }
        self.clock.advance(end.since(self.clock.now()));
    }

    fn heard(&self) -> Vec<String> {
        self.chat.heard.lock().unwrap().iter().map(|(_, said)| said.clone()).collect()
    }

    fn kept(&self) -> Vec<Quarantined> {
        self.engine.pipeline.quarantined(100).unwrap()
    }

    async fn orders(&self, fate: DeadFate) -> (usize, usize) {
        match self.engine.pipeline.settle_quarantined(&Which::All, fate).await.unwrap() {
            QuarantineOrdered::Settled { done, failed } => (done.len(), failed.len()),
            QuarantineOrdered::Ambiguous(found) => panic!("{found:?}"),
        }
    }

    fn sanction(&self, member: &str) -> Option<StateValue> {
        let key = ledger::state_key(&mute_of(member));
        let bytes = self.store.store.get(&key).unwrap();
        bytes.map(|bytes| ledger::decode(&key, &bytes).unwrap())
    }
}

fn mute_of(member: &str) -> StateKey {
    StateKey::Sanction(CATS.into(), member.into(), SanctionKind::Mute)
}

#[tokio::test]
async fn a_panic_while_an_event_is_decided_harms_no_other_and_the_event_is_kept_with_its_cause() {
    let bot = Bot::new();
    bot.store.set(&StateKey::Member(CATS.into(), "mallory".into()));
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    bot.takes(EventKind::MemberJoined, CATS, "ann").await;
    bot.takes(EventKind::MemberJoined, DOGS, "ann").await;
    bot.step().await;
    assert_eq!(bot.heard(), ["hello ann", "hello ann"]);
    let kept = bot.kept();
    let [one] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(one.what.to_string(), "member.joined, mallory in @TGS#cats");
    assert_eq!((one.why.as_str(), one.tries), ("panicked: a bug met its event", 1));
    assert_eq!(bot.alerts.0.lock().unwrap().len(), 1);
    // Chat tells it once more.
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    assert_eq!((bot.kept(), bot.engine.pipeline.quarantine_len()), (kept, 1));
    assert_eq!(bot.orders(DeadFate::Retry).await, (0, 1));
    assert_eq!(bot.kept()[0].tries, 2);
    // The next version has no such bug.
    bot.store.clear();
    let bot = bot.restarted();
    assert_eq!(bot.engine.pipeline.quarantine_len(), 1);
    assert_eq!(bot.orders(DeadFate::Retry).await, (1, 0));
    bot.step().await;
    assert_eq!(bot.heard(), ["hello ann", "hello ann", "hello mallory"]);
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    bot.step().await;
    assert_eq!((bot.heard().len(), bot.kept().len()), (3, 0));
}

#[tokio::test]
async fn an_event_that_is_dropped_is_not_decided_by_a_late_copy_of_it_either() {
    let bot = Bot::new();
    bot.store.set(&StateKey::Member(CATS.into(), "mallory".into()));
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    bot.store.clear();
    assert_eq!(bot.orders(DeadFate::Drop).await, (1, 0));
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    bot.step().await;
    assert_eq!((bot.heard(), bot.kept().len()), (Vec::new(), 0));
}

#[tokio::test]
async fn an_outcome_that_cannot_be_decided_is_kept_and_its_lane_goes_on() {
    let bot = Bot::new();
    bot.takes(EventKind::MemberCardChanged, CATS, "mallory").await;
    bot.takes(EventKind::MemberJoined, CATS, "ann").await;
    // Who they are is asked first.
    bot.store.set(&mute_of("mallory"));
    bot.step().await;
    bot.store.clear();
    bot.wait(MINUTE).await;
    let kept = bot.kept();
    let [one] = &kept[..] else { panic!("{kept:?}") };
    assert!(one.what.to_string().starts_with("what became of"), "{}", one.what);
    assert!(bot.heard().contains(&"hello ann".to_owned()), "{:?}", bot.heard());
    assert_eq!(bot.engine.delivery.pending(), 0);
    let calls = bot.heard().len();
    assert_eq!(bot.orders(DeadFate::Retry).await, (1, 0));
    bot.step().await;
    // If it was the question that could not be decided, the mute follows; it is never sent twice.
    let mutes = bot.heard().iter().filter(|said| said.starts_with("mute mallory 6")).count();
    assert_eq!((mutes, bot.heard().len() - calls <= 1), (1, true));
    let confirmed = |value| matches!(value, Some(StateValue::Sanction(s)) if s.confirmed.is_some());
    assert!(confirmed(bot.sanction("mallory")));
}

#[tokio::test]
async fn an_effect_that_makes_us_panic_is_given_up_after_three_tries_and_its_lane_goes_on() {
    let bot = Bot::new();
    *bot.chat.word.lock().unwrap() = Some("mallory");
    bot.takes(EventKind::MemberJoined, CATS, "mallory").await;
    bot.takes(EventKind::MemberJoined, CATS, "ann").await;
    bot.takes(EventKind::MemberJoined, DOGS, "ben").await;
    bot.wait(MINUTE * 5).await;
    let heard = bot.chat.heard.lock().unwrap().clone();
    let said = |seconds: u64, text: &str| (seconds, text.to_owned());
    let expected = [
        said(0, "hello mallory"),
        said(0, "hello ben"),
        said(60, "hello mallory"),
        said(120, "hello mallory"),
        said(120, "hello ann"),
    ];
    assert_eq!(heard, expected);
    let (from, to) = ledger::prefix(Kind::Dead);
    let dead = bot.store.scan(&from, &to, 10).unwrap();
    let [(key, letter)] = &dead[..] else { panic!("{dead:?}") };
    let letter: DeadLetter = ledger::decode(key, letter).unwrap();
    assert_eq!(letter.why, "a bug: carrying it out panicked: a bug met its call");
    assert_eq!(bot.engine.delivery.pending(), 0);
}

#[tokio::test]
async fn a_timer_that_makes_us_panic_comes_again_by_itself_and_holds_up_no_other() {
    let bot = Bot::new();
    bot.takes(EventKind::MemberCardChanged, CATS, "mallory").await;
    bot.takes(EventKind::MemberCardChanged, CATS, "ann").await;
    bot.wait(MINUTE).await;
    assert!(bot.sanction("mallory").is_some() && bot.sanction("ann").is_some());
    bot.store.set(&mute_of("mallory"));
    bot.wait(MINUTE * 12).await;
    assert!(bot.sanction("mallory").is_some() && bot.sanction("ann").is_none());
    let kept = bot.kept();
    let [one] = &kept[..] else { panic!("{kept:?}") };
    assert!(one.what.comes_again() && one.tries > 1, "{one:?}");
    assert_eq!(bot.alerts.0.lock().unwrap().len(), 1);
    bot.store.clear();
    bot.wait(MINUTE * 2).await;
    assert_eq!((bot.kept().len(), bot.sanction("mallory").is_some()), (0, false));
}

#[tokio::test]
async fn records_that_cannot_be_read_are_set_aside_and_stop_neither_the_start_nor_their_lane() {
    let bot = Bot::new();
    bot.takes(EventKind::MemberJoined, CATS, "ann").await;
    // Both stand before everything else.
    let lane = groupkeeper::decision::Lane::group(&CATS.into());
    let timer = ledger::timer_key(NOW, &EventId::of(&[b"timer"]));
    let garbled = Some(b"{garbled".to_vec());
    let writes = vec![(ledger::outbox_key(&lane, 1), garbled.clone()), (timer, garbled)];
    bot.store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let bot = bot.restarted();
    bot.wait(MINUTE).await;
    assert_eq!((bot.heard(), bot.engine.delivery.pending()), (vec!["hello ann".to_owned()], 0));
    let mut whats: Vec<_> = bot.kept().iter().map(|kept| kept.what.to_string()).collect();
    whats.sort();
    assert!(whats[0].starts_with("record of kind outbox: o/g:@TGS#cats"), "{whats:?}");
    assert!(whats[1].starts_with("record of kind timer: t/"), "{whats:?}");
    assert_eq!(bot.alerts.0.lock().unwrap().len(), 2);
    assert_eq!(bot.orders(DeadFate::Retry).await, (0, 2));
    assert_eq!(bot.orders(DeadFate::Drop).await, (2, 0));
    assert_eq!(bot.kept(), []);
}

#[tokio::test]
async fn a_record_that_a_later_version_can_read_is_carried_out_when_it_is_tried_again() {
    let bot = Bot::new();
    let lane = groupkeeper::decision::Lane::group(&CATS.into());
    let id = EventId::of(&[b"effect"]);
    let text = "late".to_owned();
    let act = Act::SendMessage { group: CATS.into(), text, from: None, topic: None };
    let effect = Effect {
        id: id.clone(),
        lane: lane.clone(),
        act,
        rule: None,
        event: id,
        created: NOW,
        manner: Manner::Send,
        then: None,
        continue_on_refusal: false,
    };
    let pending = serde_json::json!({ "effect": effect });
    let key = ledger::outbox_key(&lane, 1);
    let what = Kept::record(&key, &ledger::encode(&pending).unwrap());
    let (id, why) = (what.id(), "a later version wrote it".to_owned());
    let kept = Quarantined { id: id.clone(), what, why, since: NOW, last: NOW, tries: 1 };
    let write = (ledger::quarantine_key(&id), Some(ledger::encode(&kept).unwrap()));
    bot.store.commit(WriteSet { writes: vec![write], ..WriteSet::default() }).await.unwrap();
    let bot = bot.restarted();
    // Its lane has gone on without it, and goes on so whether the bot stops in between or not.
    bot.takes(EventKind::MemberJoined, CATS, "ann").await;
    assert_eq!(bot.orders(DeadFate::Retry).await, (1, 0));
    let bot = bot.restarted();
    bot.step().await;
    let heard = ["hello ann".to_owned(), "late".to_owned()];
    assert_eq!((bot.heard(), bot.kept().len()), (heard.to_vec(), 0));
}

#[tokio::test]
async fn a_wait_whose_end_is_dropped_is_over_and_the_rule_waits_anew() {
    let bot = Bot::new();
    bot.takes(EventKind::MemberLeft, CATS, "ann").await;
    let (from, to) = ledger::prefix(Kind::Wait);
    let waits = || bot.store.keys(&from, &to, 10).unwrap();
    let place = waits();
    assert_eq!(place.len(), 1);
    bot.store.traps.lock().unwrap().extend(place.clone());
    bot.wait(MINUTE * 6).await;
    assert_eq!(bot.kept().len(), 1);
    bot.store.clear();
    assert_eq!(bot.orders(DeadFate::Drop).await, (1, 0));
    let (from_timers, to_timers) = ledger::prefix(Kind::Timer);
    assert_eq!(
        (waits().len(), bot.store.keys(&from_timers, &to_timers, 10).unwrap().len()),
        (0, 0)
    );
    bot.takes_once(EventKind::MemberLeft, (CATS, "ann"), b"again").await;
    assert_eq!(waits(), place);
    bot.wait(MINUTE * 6).await;
    assert_eq!(bot.heard(), ["missing ann"]);
}

#[tokio::test]
async fn many_timers_in_quarantine_are_looked_for_in_one_walk() {
    let bot = Bot::new();
    for number in 0..30 {
        bot.takes(EventKind::MemberLeft, CATS, &format!("ann{number}")).await;
    }
    let (from, to) = ledger::prefix(Kind::Wait);
    let places = bot.store.keys(&from, &to, 100).unwrap();
    bot.store.traps.lock().unwrap().extend(places);
    bot.wait(MINUTE * 7).await;
    assert_eq!(bot.kept().len(), 30);
    bot.store.timers.store(0, Ordering::Relaxed);
    assert_eq!(bot.orders(DeadFate::Retry).await, (0, 30));
    bot.store.clear();
    assert_eq!(bot.orders(DeadFate::Retry).await, (30, 0));
    let read = bot.store.timers.load(Ordering::Relaxed);
    assert!(read <= 6, "{read}");
    let (from, to) = ledger::prefix(Kind::Timer);
    assert!(bot.store.keys(&from, &to, 10).unwrap().is_empty());
    bot.wait(MINUTE * 7).await;
    assert_eq!(bot.heard().len(), 30);
}

#[tokio::test]
async fn timers_that_are_postponed_while_their_events_are_dropped_go_all_the_same() {
    let bot = Bot::new();
    for member in ["ann", "ben", "mia"] {
        bot.takes(EventKind::MemberLeft, CATS, member).await;
    }
    let (from, to) = ledger::prefix(Kind::Wait);
    let places = bot.store.keys(&from, &to, 100).unwrap();
    bot.store.traps.lock().unwrap().extend(places);
    bot.wait(MINUTE * 6).await;
    bot.store.clear();
    bot.store.postpones.store(true, Ordering::Relaxed);
    assert_eq!(bot.orders(DeadFate::Drop).await, (3, 0));
    let (from, to) = ledger::prefix(Kind::Timer);
    assert!(bot.store.keys(&from, &to, 10).unwrap().is_empty());
}
