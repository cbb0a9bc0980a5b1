//! What has served its time goes: old journal entries, seen-marks, counters nobody will count on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::decision::{StateKey, StateValue};
use crate::ledger::journal::RulesVersion;
use crate::ledger::{self, Kind, marks};
use crate::rule::RuleSet;
use crate::store::{CommitError, Entry, Store, StoreError, Write, WriteSet};

mod served;
mod tally;

use served::Served;
use tally::Tally;

/// How often it is looked. Much at once would be a burst that others wait behind.
const EVERY: Duration = Duration::from_secs(20);
/// Entries that are looked at (and taken out) at once, so that nobody waits for it.
const PAGE: usize = 200;
/// Where so many of a page have gone, the next page is looked at at once: otherwise more could come than goes.
const MUCH: usize = PAGE / 4;

/// What is looked at: the journal (and the marks) in the order of age, all others round and round.
const KINDS: [Kind; 9] = [
    Kind::Counter,
    Kind::Cooldown,
    Kind::Once,
    Kind::Memory,
    Kind::Changes,
    Kind::Group,
    Kind::Member,
    Kind::Rules,
    Kind::Journal,
];

/// Takes out what is too old.
pub struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    journal: Duration,
    /// Entries that the journal has at most.
    most: u64,
    /// Whether it was said that entries go before their time.
    told: AtomicBool,
    /// Where the walk through a kind goes on; absent: from the beginning.
    walks: Mutex<HashMap<u8, Vec<u8>>>,
    rules: Option<Arc<ArcSwap<RuleSet>>>,
}

impl Retention {
    /// Keeps journal entries for a time, and at most so many.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, journal: Duration, most: u64) -> Self {
        let (told, walks) = (AtomicBool::new(false), Mutex::default());
        Self { store, clock, journal, most, told, walks, rules: None }
    }

    /// Knows the rules in force, and with them what nobody will ask for any more.
    #[must_use]
    pub fn with_rules(self, rules: Arc<ArcSwap<RuleSet>>) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// Takes out a page of each kind; says how many entries went.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits.
    pub async fn step(&self) -> Result<usize, StoreError> {
        self.look(&mut KINDS.to_vec()).await
    }

    /// Looks at a page of each of these kinds, and leaves those of which there is more. Says how many entries
    /// went.
    async fn look(&self, kinds: &mut Vec<Kind>) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut gone = 0;
        for kind in std::mem::take(kinds) {
            let (went, much) = match kind {
                Kind::Journal => (self.take_out(now).await?, PAGE),
                _ => (self.let_go(self.walk(kind, now)?).await?, MUCH),
            };
            if went >= much {
                kinds.push(kind);
            }
            gone += went;
        }
        Ok(gone)
    }

    /// Goes on with each kind until little of it is old, or until told to stop.
    async fn catch_up(&self, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let mut kinds = KINDS.to_vec();
        while !kinds.is_empty() && !*stop.borrow() {
            self.look(&mut kinds).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
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
            if let Err(error) = self.catch_up(&stop).await {
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

    /// What has served its time on the next page of a kind, round and round.
    fn walk(&self, kind: Kind, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let (first, to) = ledger::prefix(kind);
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let from = walks.remove(&(kind as u8)).unwrap_or(first);
        let page = self.store.scan(&from, &to, PAGE)?;
        if let Some((last, _)) = page.last().filter(|_| page.len() == PAGE) {
            walks.insert(kind as u8, ledger::after(last));
        }
        drop(walks);
        match kind {
            Kind::Member => self.left_over(page, now),
            Kind::Rules => Ok(self.unused(page, now)),
            _ => {
                let rules = self.rules.as_ref().map(|rules| rules.load());
                let served = Served { now, rules: rules.as_deref().map(|rules| &**rules) };
                Ok(page.into_iter().filter(|entry| served.has(entry)).collect())
            }
        }
    }

    /// Versions of the rules to which no entry can refer any more: the day of their last use is
    /// written down, so that the journal need not be searched for them.
    fn unused(&self, mut versions: Vec<Entry>, now: Timestamp) -> Vec<Entry> {
        let cutoff = (now - self.journal).0.div_euclid(ledger::DAY);
        // What cannot be read stays, and holds nothing else up; `fsck` tells of it.
        versions.retain(|(key, bytes)| {
            ledger::decode::<RulesVersion>(key, bytes)
                .is_ok_and(|version| version.last_used < cutoff)
        });
        versions
    }

    /// Members of groups that are gone: whoever hears of that has the group before him, not all who were
    /// in it.
    fn left_over(&self, page: Vec<Entry>, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let served = Served { now, rules: None };
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
            if !known && served.has(&entry) {
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

#[cfg(test)]
mod tests {
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
        let retention = Retention::new(store.clone(), clock, WEEK, 9);
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
