//! What has served its time goes: old journal entries, seen-marks, counters nobody will count on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::decision::{StateKey, StateValue};
use crate::ledger::journal::RulesVersion;
use crate::ledger::{self, Kind};
use crate::store::{Store, StoreError, WriteSet};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);
/// Entries that are looked at (and taken out) at once, so that nobody waits for it.
const PAGE: usize = 500;
/// Twice the longest window of a rule: no late event belongs to an older one.
const COUNTERS: Duration = Duration::from_secs(14 * 86_400);

/// State that nobody takes out when it has served its time.
const IDLE: [Kind; 5] = [Kind::Counter, Kind::Cooldown, Kind::Once, Kind::Memory, Kind::Changes];

/// Takes out what is too old.
pub struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    journal: Duration,
    /// Where the walk through each of [`IDLE`] goes on; empty: from the beginning.
    walks: Mutex<[Vec<u8>; IDLE.len()]>,
    /// The same, through the members.
    members: Mutex<Vec<u8>>,
}

impl Retention {
    /// Keeps journal entries for a time.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, journal: Duration) -> Self {
        let (walks, members) = (Mutex::default(), Mutex::default());
        Self { store, clock, journal, walks, members }
    }

    /// Takes out a page of each kind; says how many entries went.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut old = self.journal(now)?;
        old.extend(self.rules(now)?);
        old.extend(self.seen(now)?);
        old.extend(self.idle(now)?);
        old.extend(self.members(now)?);
        let gone = old.len();
        if gone > 0 {
            let writes = old.into_iter().map(|key| (key, None)).collect();
            // Whoever dies here looks again; nothing waits for the disk.
            let set = WriteSet { writes, ..WriteSet::default() };
            self.store.commit(set).await.map_err(|error| StoreError(error.to_string()))?;
        }
        Ok(gone)
    }

    /// Works until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                // A full page: there is more.
                Ok(gone) if gone >= PAGE => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "old entries could not be taken out"),
            }
            tokio::select! {
                biased;
                () = self.clock.sleep_until(self.clock.now() + EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Entries, and their places in the index where those still lead to them.
    fn journal(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Journal);
        let cutoff = now - self.journal;
        let page = self.store.scan(&from, &to, PAGE)?.into_iter().map(|(key, _)| key);
        let mut old = Vec::new();
        for key in page.take_while(|key| ledger::time_of(key).is_some_and(|at| at < cutoff)) {
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

    /// Versions of the rules to which no entry can refer any more: the day of their last use is
    /// written down, so that the journal need not be searched for them.
    fn rules(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Rules);
        let cutoff = (now - self.journal).0.div_euclid(ledger::DAY);
        let mut old = Vec::new();
        for (key, bytes) in self.store.scan(&from, &to, PAGE)? {
            let version: RulesVersion = ledger::decode(&key, &bytes)?;
            if version.last_used < cutoff {
                old.push(key);
            }
        }
        Ok(old)
    }

    /// Marks of the day before yesterday and older are never asked for.
    fn seen(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Seen);
        let yesterday = now.0.div_euclid(ledger::DAY) - 1;
        let page = self.store.scan(&from, &to, PAGE)?.into_iter().map(|(key, _)| key);
        // The day stands where other keys have their time.
        let old = |key: &Vec<u8>| ledger::time_of(key).is_some_and(|day| day.0 < yesterday);
        Ok(page.take_while(old).collect())
    }

    /// One page of counters, cooldowns and `once` marks, round and round.
    fn idle(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle = Vec::new();
        for (kind, walk) in IDLE.into_iter().zip(walks.iter_mut()) {
            let (first, to) = ledger::prefix(kind);
            let from = if walk.is_empty() { first } else { std::mem::take(walk) };
            let page = self.store.scan(&from, &to, PAGE)?;
            if page.len() == PAGE {
                *walk = page.last().map_or_else(Vec::new, |(key, _)| ledger::after(key));
            }
            for (key, bytes) in page {
                if served_its_time(&ledger::decode(&key, &bytes)?, now) {
                    idle.push(key);
                }
            }
        }
        Ok(idle)
    }

    /// Members of groups that are gone: whoever hears of that has the group before him, not all who were
    /// in it. One page of members, round and round.
    fn members(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut walk = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, to) = ledger::prefix(Kind::Member);
        let from = if walk.is_empty() { first } else { std::mem::take(&mut *walk) };
        let page = self.store.scan(&from, &to, PAGE)?;
        if page.len() == PAGE {
            *walk = page.last().map_or_else(Vec::new, |(key, _)| ledger::after(key));
        }
        let mut left_over = Vec::new();
        let mut last: Option<(GroupId, bool)> = None;
        for (key, bytes) in page {
            let Some(group) = ledger::texts_of(&key).into_iter().next().map(GroupId::from) else {
                continue;
            };
            let known = match &last {
                Some((same, known)) if *same == group => *known,
                _ => self.store.get(&ledger::state_key(&StateKey::Group(group.clone())))?.is_some(),
            };
            last = Some((group, known));
            if !known && served_its_time(&ledger::decode(&key, &bytes)?, now) {
                left_over.push(key);
            }
        }
        Ok(left_over)
    }
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
            (counter("young"), Some(times(days(13)))),
        ];
        let old = [
            (ledger::journal_key(days(8), 1, &id("a")), Some(Vec::new())),
            (ledger::index_key(id("a").as_str()), Some(ledger::journal_key(days(8), 1, &id("a")))),
            (ledger::journal_key(days(8), 1, &id("b")), Some(Vec::new())),
            (ledger::rules_key("gone"), Some(version(92))),
            (ledger::seen_key(98, &id("a")), Some(Vec::new())),
            (counter("old"), Some(times(days(15)))),
            (cooldown, Some(quiet)),
        ];
        let writes = young.iter().chain(&old).cloned().collect();
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let retention = Retention::new(store.clone(), clock, Duration::from_secs(7 * 86_400));
        assert_eq!(retention.step().await, Ok(old.len()));
        assert_eq!(retention.step().await, Ok(0));
        for (key, _) in young {
            assert!(store.get(&key).unwrap().is_some());
        }
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
        let retention = Retention::new(store.clone(), clock, Duration::from_secs(7 * 86_400));
        assert_eq!(retention.step().await, Ok(1));
        assert_eq!(store.get(&key("dogs", "ben")).unwrap(), None);
        assert!(store.get(&key("cats", "ann")).unwrap().is_some());
    }
}
