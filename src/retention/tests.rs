//! What goes when, on a clock that is moved by hand.

use super::*;
use crate::clock::ManualClock;
use crate::decision::EventId;
use crate::decision::state::{GroupRecord, MemberRecord, Times};
use crate::rule::RuleId;
use crate::store::MemoryStore;

const NOW: Timestamp = Timestamp(100 * ledger::DAY);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

async fn jot(store: &MemoryStore, at: Timestamp, numbers: std::ops::Range<u64>) {
    let mut set = WriteSet::default();
    for number in numbers {
        let id = EventId::of(&[&number.to_be_bytes()]);
        let place = ledger::journal_key(at, number, &id);
        set.writes.push((ledger::index_key(id.as_str()), Some(place.clone())));
        set.writes.push((place, Some(Vec::new())));
    }
    store.commit(set).await.unwrap();
}

/// As after an hour without a jump.
fn steady(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>, most: u64) -> Retention {
    let retention = Retention::new(store.clone(), clock.clone(), WEEK, most);
    for minutes in (0..=60).rev() {
        retention.steady.look(clock.now() - Duration::from_secs(minutes * 60));
    }
    retention
}

fn left(store: &MemoryStore, kind: Kind) -> usize {
    let (from, to) = ledger::prefix(kind);
    store.keys(&from, &to, usize::MAX).unwrap().len()
}

fn entries(store: &MemoryStore) -> u64 {
    Tally::read(store).unwrap().entries
}

#[tokio::test]
async fn a_journal_with_too_many_entries_loses_the_oldest_and_is_counted_once() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(NOW));
    let most = 1_000;
    jot(&store, NOW, 0..2_600).await;
    let retention = || steady(&store, &clock, most);
    // What has just come is not counted yet.
    assert_eq!(retention().step().await, Ok(0));
    clock.advance(Duration::from_secs(11));
    for _ in 0..9 {
        // A start in between changes nothing.
        retention().step().await.unwrap();
    }
    assert_eq!((left(&store, Kind::Journal), left(&store, Kind::Index)), (1_000, 1_000));
    jot(&store, clock.now(), 2_600..2_700).await;
    clock.advance(Duration::from_secs(11));
    assert_eq!(retention().step().await, Ok(200));
    assert_eq!(retention().step().await, Ok(0));
    assert_eq!((left(&store, Kind::Journal), left(&store, Kind::Index)), (1_000, 1_000));
    // What goes by age is counted too.
    clock.advance(WEEK);
    jot(&store, clock.now(), 2_700..3_200).await;
    clock.advance(Duration::from_secs(11));
    for _ in 0..9 {
        retention().step().await.unwrap();
    }
    assert_eq!(left(&store, Kind::Journal), 500);
    assert_eq!(entries(&store), 500);
}

#[tokio::test]
async fn a_tally_that_is_wrong_is_right_again_a_day_later() {
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(ManualClock::new(NOW)));
    let retention = || steady(&store, &clock, 1_000);
    let settled = Duration::from_secs(11);
    jot(&store, NOW, 0..900).await;
    clock.advance(settled);
    retention().step().await.unwrap();
    // An earlier version has run meanwhile.
    let (from, to) = ledger::prefix(Kind::Journal);
    let some = store.keys(&from, &to, 400).unwrap();
    let writes = some.into_iter().map(|key| (key, None)).collect();
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    clock.advance(Duration::from_secs(86_400));
    jot(&store, clock.now(), 900..1_300).await;
    clock.advance(settled);
    retention().step().await.unwrap();
    assert_eq!((left(&store, Kind::Journal), entries(&store)), (900, 900));
    // Nobody can read it.
    let garbled = (ledger::setting_key("journal"), Some(b"garbled".to_vec()));
    store.commit(WriteSet { writes: vec![garbled], ..WriteSet::default() }).await.unwrap();
    retention().step().await.unwrap();
    assert_eq!((left(&store, Kind::Journal), entries(&store)), (900, 900));
    // The clock was ahead, and an entry of that time stays until its own time has come.
    let ahead = Timestamp(clock.now().0 + 400 * ledger::DAY);
    jot(&store, ahead, 1_300..1_301).await;
    let now = clock.now();
    clock.set(ahead + settled);
    Retention::new(store.clone(), clock.clone(), 500 * WEEK, 1_000).step().await.unwrap();
    clock.set(now);
    jot(&store, now, 1_301..1_501).await;
    clock.advance(settled);
    retention().step().await.unwrap();
    assert_eq!((left(&store, Kind::Journal), entries(&store)), (1_001, 1_000));
}

#[tokio::test]
async fn a_clock_that_is_a_year_ahead_for_a_while_makes_nothing_go() {
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(ManualClock::new(NOW)));
    jot(&store, NOW, 0..100).await;
    let cooldown = ledger::state_key(&StateKey::Cooldown("r".into(), "x".into()));
    let until = StateValue::Until(Some(NOW + WEEK));
    let writes = vec![(cooldown, Some(ledger::encode(&until).unwrap()))];
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let retention = Retention::new(store.clone(), clock.clone(), WEEK, 1_000);
    let minutes = async |minutes: u32| {
        let mut gone = 0;
        for _ in 0..minutes {
            clock.advance(Duration::from_secs(60));
            gone += retention.step().await.unwrap();
        }
        gone
    };
    let year = 365 * ledger::DAY;
    // It starts with the wrong time, and jumps again when that has been right for long.
    clock.set(Timestamp(NOW.0 + year));
    assert_eq!(minutes(59).await, 0);
    clock.set(NOW);
    assert_eq!(minutes(100).await, 0);
    let now = clock.now();
    clock.set(Timestamp(now.0 + year));
    assert_eq!(minutes(59).await, 0);
    clock.set(now);
    assert_eq!(minutes(59).await, 0);
    // A clock that stays there is right.
    clock.set(Timestamp(now.0 + year));
    assert_eq!(minutes(61).await, 201);
}

#[tokio::test]
async fn what_is_old_goes_and_what_is_young_stays() {
    let store = Arc::new(MemoryStore::default());
    let now = Timestamp(100 * ledger::DAY);
    let id = |name: &str| EventId::of(&[name.as_bytes()]);
    let days = |days: i64| Timestamp(now.0 - days * ledger::DAY);
    let counter = |name: &str| ledger::state_key(&StateKey::Counter("r".into(), name.into()));
    let times = |at| ledger::encode(&StateValue::Times(Times(vec![at]))).unwrap();
    let cooldown = ledger::state_key(&StateKey::Cooldown("r".into(), "x".into()));
    let quiet = ledger::encode(&StateValue::Until(Some(days(1)))).unwrap();
    let version =
        |last_used| ledger::encode(&RulesVersion { last_used, files: Vec::new() }).unwrap();
    let young = [
        (ledger::journal_key(days(6), 2, &id("b")), Some(Vec::new())),
        (ledger::index_key(id("b").as_str()), Some(ledger::journal_key(days(6), 2, &id("b")))),
        (ledger::rules_key("used"), Some(version(93))),
        (ledger::seen_key(99, &id("b")), Some(Vec::new())),
        (ledger::seen_key(98, &id("b")), Some(Vec::new())),
        (counter("young"), Some(times(days(13)))),
    ];
    let old = [
        (ledger::journal_key(days(8), 1, &id("a")), Some(Vec::new())),
        (ledger::index_key(id("a").as_str()), Some(ledger::journal_key(days(8), 1, &id("a")))),
        (ledger::journal_key(days(8), 1, &id("b")), Some(Vec::new())),
        (ledger::rules_key("gone"), Some(version(92))),
        (ledger::seen_key(97, &id("a")), Some(Vec::new())),
        (counter("old"), Some(times(days(15)))),
        (cooldown, Some(quiet)),
    ];
    let writes = young.iter().chain(&old).cloned().collect();
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let retention = steady(&store, &clock, 9);
    assert_eq!(retention.step().await, Ok(old.len()));
    assert_eq!(retention.step().await, Ok(0));
    for (key, _) in young {
        assert!(store.get(&key).unwrap().is_some());
    }
}

#[tokio::test]
async fn where_much_is_old_it_is_gone_on_with_at_once() {
    let store = Arc::new(MemoryStore::default());
    let until = |days: i64| {
        let until = Timestamp(NOW.0 + days * ledger::DAY);
        Some(ledger::encode(&StateValue::Until(Some(until))).unwrap())
    };
    let place = |key: fn(RuleId, String) -> StateKey, number: usize| {
        ledger::state_key(&key("r".into(), format!("{number:05}")))
    };
    let mut set = WriteSet::default();
    for number in 0..5_000 {
        set.writes.push((place(StateKey::Cooldown, number), until(-1)));
        // Every third is old: less than comes would go, if it paused.
        let third = if number % 3 == 0 { -1 } else { 1 };
        set.writes.push((place(StateKey::Once, number), until(third)));
    }
    store.commit(set).await.unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    let retention = steady(&store, &clock, 9);
    let (stop, stopping) = watch::channel(true);
    retention.catch_up(&stopping).await.unwrap();
    assert_eq!(left(&store, Kind::Cooldown), 5_000, "told to stop");
    stop.send_replace(false);
    retention.catch_up(&stopping).await.unwrap();
    assert_eq!((left(&store, Kind::Cooldown), left(&store, Kind::Once)), (0, 3_333));
}

#[tokio::test]
async fn a_group_that_is_gone_goes_in_time_and_its_members_before_it() {
    let store = Arc::new(MemoryStore::default());
    let now = Timestamp(100 * ledger::DAY);
    let days = |days: i64| Some(Timestamp(now.0 - days * ledger::DAY));
    let key = |group: &str| ledger::state_key(&StateKey::Group(group.into()));
    let group = |dismissed, told_at| {
        let record = GroupRecord { dismissed, told_at, ..GroupRecord::default() };
        Some(ledger::encode(&StateValue::Group(record)).unwrap())
    };
    let member = ledger::state_key(&StateKey::Member("late".into(), "ann".into()));
    let told = MemberRecord { told_at: days(15), ..MemberRecord::default() };
    let writes = vec![
        (key("there"), group(false, days(90))),
        (key("late"), group(true, days(29))),
        (key("gone"), group(true, days(31))),
        (key("garbled"), Some(b"{".to_vec())),
        (member.clone(), Some(ledger::encode(&StateValue::Member(told)).unwrap())),
    ];
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let clock = Arc::new(ManualClock::new(now));
    assert_eq!(steady(&store, &clock, 9).step().await, Ok(2));
    assert_eq!(store.get(&member).unwrap(), None);
    let left = ["there", "late", "gone", "garbled"].map(|group| store.get(&key(group)));
    assert_eq!(left.map(|value| value.unwrap().is_some()), [true, true, false, true]);
}

#[tokio::test]
async fn what_was_renewed_while_it_was_looked_at_stays() {
    let store = Arc::new(MemoryStore::default());
    let now = Timestamp(100 * ledger::DAY);
    let key = ledger::state_key(&StateKey::Cooldown("r".into(), "x".into()));
    let until = |days: i64| {
        let until = Timestamp(now.0 + days * ledger::DAY);
        ledger::encode(&StateValue::Until(Some(until))).unwrap()
    };
    let writes = vec![(key.clone(), Some(until(1)))];
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let retention = steady(&store, &clock, 9);
    assert_eq!(retention.let_go(vec![(key.clone(), until(-1))]).await, Ok(0));
    assert_eq!(retention.let_go(vec![(key.clone(), until(1))]).await, Ok(1));
}

#[tokio::test]
async fn members_of_a_group_that_nobody_knows_any_more_go_in_time() {
    let store = Arc::new(MemoryStore::default());
    let now = Timestamp(100 * ledger::DAY);
    let days = |days: i64| Some(Timestamp(now.0 - days * ledger::DAY));
    let key =
        |group: &str, who: &str| ledger::state_key(&StateKey::Member(group.into(), who.into()));
    let told = |told_at| {
        let record = MemberRecord { told_at, ..MemberRecord::default() };
        Some(ledger::encode(&StateValue::Member(record)).unwrap())
    };
    let group = ledger::encode(&StateValue::Group(GroupRecord::default())).unwrap();
    let writes = vec![
        (ledger::state_key(&StateKey::Group("cats".into())), Some(group)),
        (key("cats", "ann"), told(days(15))),
        (key("dogs", "ann"), told(days(13))),
        (key("dogs", "ben"), told(days(15))),
    ];
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let retention = steady(&store, &clock, 9);
    assert_eq!(retention.step().await, Ok(1));
    assert_eq!(store.get(&key("dogs", "ben")).unwrap(), None);
    assert!(store.get(&key("cats", "ann")).unwrap().is_some());
}

#[tokio::test]
async fn of_many_versions_of_the_rules_those_behind_the_young_go_too() {
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(ManualClock::new(NOW)));
    let version = |number: i64| {
        let last_used = if number < 300 { NOW.day() } else { NOW.day() - 8 };
        let kept = RulesVersion { last_used, files: Vec::new() };
        (ledger::rules_key(&format!("{number:03}")), Some(ledger::encode(&kept).unwrap()))
    };
    let writes = (0..310).map(version).collect();
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    let retention = steady(&store, &clock, 9);
    for _ in 0..400 / VERSIONS {
        retention.step().await.unwrap();
    }
    assert_eq!(left(&store, Kind::Rules), 300);
}
