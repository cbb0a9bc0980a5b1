//! What has served its time goes: old journal entries, seen-marks, counters nobody will count on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::decision::{StateKey, StateValue};
use crate::ledger::journal::RulesVersion;
use crate::ledger::{self, Kind, marks};
use crate::store::{CommitError, Entry, Store, StoreError, Write, WriteSet};

mod tally;

use tally::Tally;

/// How often it is looked. Much at once would be a burst that others wait behind.
const EVERY: Duration = Duration::from_secs(20);
/// Entries that are looked at (and taken out) at once, so that nobody waits for it.
const PAGE: usize = 200;
/// Twice the longest window of a rule: no late event belongs to an older one.
const COUNTERS: Duration = Duration::from_secs(14 * 86_400);

/// That a group is gone is remembered for so long: a rule that waits finds it out at the end.
const GONE: Duration = Duration::from_secs(30 * 86_400);

/// State that nobody takes out when it has served its time.
const IDLE: [Kind; 6] =
    [Kind::Counter, Kind::Cooldown, Kind::Once, Kind::Memory, Kind::Changes, Kind::Group];

/// Takes out what is too old.
pub struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    journal: Duration,
    /// Entries that the journal has at most.
    most: u64,
    /// Whether it was said that entries go before their time.
    told: AtomicBool,
    /// Where the walk through each of [`IDLE`] goes on; empty: from the beginning.
    walks: Mutex<[Vec<u8>; IDLE.len()]>,
    /// The same, through the members.
    members: Mutex<Vec<u8>>,
}

impl Retention {
    /// Keeps journal entries for a time, and at most so many.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, journal: Duration, most: u64) -> Self {
        let (walks, members) = (Mutex::default(), Mutex::default());
        Self { store, clock, journal, most, told: AtomicBool::new(false), walks, members }
    }

    /// Takes out a page of each kind; says how many entries went.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut expired = self.idle(now)?;
        expired.extend(self.members(now)?);
        expired.extend(self.rules(now)?);
        Ok(self.let_go(expired).await? + self.take_out(now).await?)
    }

    /// Takes out what has served its time, unless it has been renewed since it was read.
    async fn let_go(&self, expired: Vec<Entry>) -> Result<usize, StoreError> {
        let commits = expired.into_iter().map(|(key, bytes)| {
            let writes = vec![(key.clone(), None)];
            self.store.commit(WriteSet { expect: vec![(key, Some(bytes))], writes, durable: false })
        });
        let mut gone = 0;
        for outcome in futures_util::future::join_all(commits).await {
            match outcome {
                Ok(()) => gone += 1,
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Ok(gone)
    }

    /// Takes out a page of each kind that lies in the order of its age.
    async fn take_out(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut old = Vec::new();
        let mut tally = Tally::read(&*self.store)?;
        let before = tally.clone();
        tally.go_on(&*self.store, now).await?;
        old.extend(self.journal(now, &mut tally)?);
        old.extend(self.seen()?);
        let gone = old.len();
        let mut writes: Vec<Write> = old.into_iter().map(|key| (key, None)).collect();
        if tally != before {
            writes.push(tally.write()?);
        }
        if !writes.is_empty() {
            // Whoever dies here looks again; nothing waits for the disk.
            let set = WriteSet { writes, ..WriteSet::default() };
            self.store.commit(set).await.map_err(|error| StoreError(error.to_string()))?;
        }
        Ok(gone)
    }

    /// Works until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let mut taken_out = self.step().await;
            // A full page: there is more.
            while taken_out.as_ref().is_ok_and(|gone| *gone >= PAGE) && !*stop.borrow() {
                taken_out = self.take_out(self.clock.now()).await;
            }
            if let Err(error) = taken_out {
                tracing::warn!(%error, "old entries could not be taken out");
            }
            tokio::select! {
                biased;
                () = self.clock.sleep_until(self.clock.now() + EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Entries, and their places in the index where those still lead to them.
    fn journal(&self, now: Timestamp, tally: &mut Tally) -> Result<Vec<Vec<u8>>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Journal);
        let cutoff = now - self.journal;
        let mut old = Vec::new();
        for key in self.store.keys(&from, &to, PAGE)? {
            let Some(at) = ledger::time_of(&key) else { break };
            if at >= cutoff {
                if tally.entries <= self.most || !tally.has_counted(&key) {
                    break;
                }
                self.tell_early(at);
            }
            tally.without(&key);
            if let Some(id) = ledger::journal_id(&key) {
                let place = ledger::index_key(&id);
                // The same event may have been journaled again since.
                if self.store.get(&place)?.as_ref() == Some(&key) {
                    old.push(place);
                }
            }
            old.push(key);
        }
        Ok(old)
    }

    fn tell_early(&self, at: Timestamp) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the journal has more than the {} entries of `[journal] most`: the oldest go before `keep` is over, \
                 those of {at} now",
                self.most
            );
        }
    }

    /// Versions of the rules to which no entry can refer any more: the day of their last use is
    /// written down, so that the journal need not be searched for them.
    fn rules(&self, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Rules);
        let cutoff = (now - self.journal).0.div_euclid(ledger::DAY);
        let mut versions = self.store.scan(&from, &to, PAGE)?;
        // What cannot be read stays, and holds nothing else up; `fsck` tells of it.
        versions.retain(|(key, bytes)| {
            ledger::decode::<RulesVersion>(key, bytes)
                .is_ok_and(|version| version.last_used < cutoff)
        });
        Ok(versions)
    }

    /// Marks that stand in none of the buckets that are looked into.
    fn seen(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let buckets = marks::buckets(&*self.store)?;
        let Some(oldest) = buckets.iter().rev().nth(marks::KEPT - 1) else {
            return Ok(Vec::new());
        };
        let (from, _) = ledger::prefix(Kind::Seen);
        let (to, _) = ledger::seen_from(*oldest);
        self.store.keys(&from, &to, PAGE)
    }

    /// One page of each kind of [`IDLE`], round and round.
    fn idle(&self, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle = Vec::new();
        for (kind, walk) in IDLE.into_iter().zip(walks.iter_mut()) {
            let (first, to) = ledger::prefix(kind);
            let from = if walk.is_empty() { first } else { std::mem::take(walk) };
            let page = self.store.scan(&from, &to, PAGE)?;
            if page.len() == PAGE {
                *walk = page.last().map_or_else(Vec::new, |(key, _)| ledger::after(key));
            }
            idle.extend(page.into_iter().filter(|entry| has_served(entry, now)));
        }
        Ok(idle)
    }

    /// Members of groups that are gone: whoever hears of that has the group before him, not all who were
    /// in it. One page of members, round and round.
    fn members(&self, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let mut walk = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, to) = ledger::prefix(Kind::Member);
        let from = if walk.is_empty() { first } else { std::mem::take(&mut *walk) };
        let page = self.store.scan(&from, &to, PAGE)?;
        if page.len() == PAGE {
            *walk = page.last().map_or_else(Vec::new, |(key, _)| ledger::after(key));
        }
        let mut left_over = Vec::new();
        let mut last: Option<(GroupId, bool)> = None;
        for entry in page {
            let Some(group) = ledger::texts_of(&entry.0).into_iter().next().map(GroupId::from)
            else {
                continue;
            };
            let known = match &last {
                Some((same, known)) if *same == group => *known,
                _ => self.is_known(&group)?,
            };
            last = Some((group, known));
            if !known && has_served(&entry, now) {
                left_over.push(entry);
            }
        }
        Ok(left_over)
    }

    /// Whether a group is there, as far as anybody has told.
    fn is_known(&self, group: &GroupId) -> Result<bool, StoreError> {
        let key = ledger::state_key(&StateKey::Group(group.clone()));
        Ok(self.store.get(&key)?.is_some_and(|bytes| {
            !matches!(ledger::decode(&key, &bytes), Ok(StateValue::Group(group)) if group.dismissed)
        }))
    }
}

/// What cannot be read stays, and holds nothing else up; `fsck` tells of it.
fn has_served((key, bytes): &Entry, now: Timestamp) -> bool {
    ledger::decode(key, bytes).is_ok_and(|value| served_its_time(&value, now))
}

fn served_its_time(value: &StateValue, now: Timestamp) -> bool {
    match value {
        StateValue::Times(times) => times.0.last().is_none_or(|last| *last + COUNTERS < now),
        StateValue::Until(Some(until)) => *until < now,
        StateValue::Memory { until: Some(until), .. } => *until < now,
        StateValue::Member(member) => {
            let last = member.told_at.max(member.read_at).max(member.found_at);
            last.is_none_or(|last| last + COUNTERS < now)
        }
        StateValue::Group(group) => {
            let last = group.told_at.max(group.found_at);
            group.dismissed && last.is_none_or(|last| last + GONE < now)
        }
        StateValue::Changes(changes) => {
            let last = changes.recent.last().map(|change| change.at).max(changes.rests_until);
            last.is_none_or(|last| last + COUNTERS < now)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::decision::EventId;
    use crate::decision::state::{GroupRecord, MemberRecord, Times};
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
        let retention = || Retention::new(store.clone(), clock.clone(), WEEK, most);
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
        let retention = || Retention::new(store.clone(), clock.clone(), WEEK, 1_000);
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
        let retention = Retention::new(store.clone(), clock, WEEK, 9);
        assert_eq!(retention.step().await, Ok(old.len()));
        assert_eq!(retention.step().await, Ok(0));
        for (key, _) in young {
            assert!(store.get(&key).unwrap().is_some());
        }
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
        assert_eq!(Retention::new(store.clone(), clock, WEEK, 9).step().await, Ok(2));
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
        let retention = Retention::new(store.clone(), clock, WEEK, 9);
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
        let retention = Retention::new(store.clone(), clock, WEEK, 9);
        assert_eq!(retention.step().await, Ok(1));
        assert_eq!(store.get(&key("dogs", "ben")).unwrap(), None);
        assert!(store.get(&key("cats", "ann")).unwrap().is_some());
    }
}
