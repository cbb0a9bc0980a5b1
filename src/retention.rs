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
mod steady;
mod tally;

use served::Served;
use steady::Steady;
use tally::Tally;

/// How often it is looked. Much at once would be a burst that others wait behind.
const EVERY: Duration = Duration::from_secs(20);
/// Entries that are looked at (and taken out) at once, so that nobody waits for it.
const PAGE: usize = 200;
/// Where so many of a page have gone, the next page is looked at at once: otherwise more could come than goes.
const MUCH: usize = PAGE / 4;

/// The same of versions of the rules, each of which is the text of all rules.
const VERSIONS: usize = 8;

/// What is looked at: the journal (and the marks) in the order of age, all others round and round.
const KINDS: [Kind; 11] = [
    Kind::Counter,
    Kind::Cooldown,
    Kind::Once,
    Kind::Memory,
    Kind::Changes,
    Kind::Ladder,
    Kind::Group,
    Kind::Room,
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
    steady: Steady,
    rules: Option<Arc<ArcSwap<RuleSet>>>,
}

impl Retention {
    /// Keeps journal entries for a time, and at most so many.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, journal: Duration, most: u64) -> Self {
        let (told, walks) = (AtomicBool::new(false), Mutex::default());
        let steady = Steady::default();
        Self { store, clock, journal, most, told, walks, steady, rules: None }
    }

    /// Knows the rules in force, and with them what nobody will ask for any more.
    #[must_use]
    pub fn with_rules(self, rules: Arc<ArcSwap<RuleSet>>) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// Takes out a page of each kind; says how many entries went. By age nothing goes before the clock has gone
    /// on without a jump for an hour of steps.
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
        let steady = self.steady.look(now);
        let mut gone = 0;
        for kind in std::mem::take(kinds) {
            let (went, much) = match kind {
                Kind::Journal => (self.take_out(now, steady).await?, PAGE),
                _ if !steady => continue,
                Kind::Rules => (self.unused(now).await?, VERSIONS / 4),
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

    /// Takes out a page of each kind that lies in the order of its age; by age itself only where the clock is
    /// steady.
    async fn take_out(&self, now: Timestamp, steady: bool) -> Result<usize, StoreError> {
        let mut old = Vec::new();
        let mut tally = Tally::read(&*self.store)?;
        let before = tally.clone();
        tally.go_on(&*self.store, now).await?;
        old.extend(self.journal(steady.then(|| now - self.journal), &mut tally)?);
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
    fn journal(
        &self,
        cutoff: Option<Timestamp>,
        tally: &mut Tally,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Journal);
        let mut old = Vec::new();
        for key in self.store.keys(&from, &to, PAGE)? {
            let Some(at) = ledger::time_of(&key) else { break };
            if cutoff.is_none_or(|cutoff| at >= cutoff) {
                if tally.entries <= self.most || !tally.has_counted(&key) {
                    break;
                }
                // Before the clock is trusted, `keep` may be over for it.
                if at + self.journal >= self.clock.now() {
                    self.tell_early(at);
                }
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

    /// A page of a kind, round and round: goes on behind the last key of the page before, unless that was
    /// shorter than `most`.
    fn page<T>(
        &self,
        kind: Kind,
        most: usize,
        read: impl FnOnce(&[u8], &[u8]) -> Result<Vec<T>, StoreError>,
        key: impl Fn(&T) -> &[u8],
    ) -> Result<Vec<T>, StoreError> {
        let (first, to) = ledger::prefix(kind);
        let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let from = walks.remove(&(kind as u8)).unwrap_or(first);
        let page = read(&from, &to)?;
        if let Some(last) = page.last().filter(|_| page.len() == most) {
            walks.insert(kind as u8, ledger::after(key(last)));
        }
        Ok(page)
    }

    /// What has served its time on the next page of a kind.
    fn walk(&self, kind: Kind, now: Timestamp) -> Result<Vec<Entry>, StoreError> {
        let read = |from: &[u8], to: &[u8]| self.store.scan(from, to, PAGE);
        let page = self.page(kind, PAGE, read, |(key, _)| key)?;
        if kind == Kind::Member {
            return self.left_over(page, now);
        }
        let rules = self.rules.as_ref().map(|rules| rules.load());
        let served = Served { now, rules: rules.as_deref().map(|rules| &**rules) };
        Ok(page.into_iter().filter(|entry| served.has(entry)).collect())
    }

    /// Takes out versions of the rules to which no entry can refer any more: the day of their last use is
    /// written down, so that the journal need not be searched for them. No two are in memory at once.
    async fn unused(&self, now: Timestamp) -> Result<usize, StoreError> {
        let cutoff = (now - self.journal).day();
        let read = |from: &[u8], to: &[u8]| self.store.keys(from, to, VERSIONS);
        let mut gone = 0;
        for key in self.page(Kind::Rules, VERSIONS, read, |key| key)? {
            let Some(bytes) = self.store.get(&key)? else { continue };
            // What cannot be read stays, and holds nothing else up; `fsck` tells of it.
            let version = ledger::decode::<RulesVersion>(&key, &bytes);
            if version.is_ok_and(|version| version.last_used < cutoff) {
                gone += self.let_go(vec![(key, bytes)]).await?;
            }
        }
        Ok(gone)
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
mod tests;
