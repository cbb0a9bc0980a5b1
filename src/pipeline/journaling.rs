//! Which decisions the journal keeps, and the rules that it keeps with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::clock::Timestamp;
use crate::decision::{Decision, Event, State, StateKey, Verdict, Why};
use crate::ledger::journal::RulesVersion;
use crate::ledger::{self, JournalEntry};
use crate::rule::RuleSet;
use crate::store::{Store, StoreError, WriteSet};

/// Entries that wait for the store at once, when nobody waits for them. A disk that hangs must not
/// fill the memory with what is only good to know.
const UNDER_WAY: usize = 10_000;

/// `[journal] events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalEvents {
    /// Nothing at all: a replay.
    Nothing,
    /// Events that something followed from.
    Decided,
    /// Events that a rule in scope looked at, too.
    #[default]
    Judged,
    /// Every event.
    All,
}

/// What is written for one entry.
pub(super) struct Jotting {
    pub(super) writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The rules, if they are among the writes.
    pub(super) keeps: Option<Keeps>,
}

/// Rules whose texts are being written, and the day for which that is said.
pub(super) struct Keeps(Weak<RuleSet>, i64);

/// Keeps the journal.
pub(super) struct Journaling {
    events: JournalEvents,
    /// The rules whose texts are in the store.
    kept: Arc<Mutex<Keeps>>,
    under_way: Arc<Semaphore>,
}

impl Journaling {
    pub(super) fn new(events: JournalEvents) -> Self {
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        let kept = Arc::new(Mutex::new(Keeps(Weak::new(), 0)));
        Self { events, kept, under_way }
    }

    /// Whether a decision is kept; `durable`: it is committed to disk anyway.
    pub(super) fn wants(&self, decision: &Decision, durable: bool) -> bool {
        let decided = durable || decision.verdict != Verdict::Allow;
        match self.events {
            JournalEvents::Nothing => false,
            JournalEvents::Decided => decided,
            JournalEvents::Judged => decided || was_looked_at(decision),
            JournalEvents::All => true,
        }
    }

    /// The entry, its place in the index, and the rules, where the store does not have them yet.
    pub(super) fn writes(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        decision: &Decision,
        (loaded, state): (&HashMap<StateKey, Option<Vec<u8>>>, &State),
        (now, sequence): (Timestamp, u64),
    ) -> Result<Jotting, StoreError> {
        let known = (loaded.keys(), state);
        let entry = JournalEntry::new(event, decision, rules.version(), now, known);
        let place = ledger::journal_key(now, sequence, &event.id);
        let mut writes = vec![
            (ledger::index_key(event.id.as_str()), Some(place.clone())),
            (place, Some(ledger::encode(&entry)?)),
        ];
        let keeps = (!self.has(rules, now)).then(|| Keeps(Arc::downgrade(rules), day(now)));
        if keeps.is_some() {
            let version = RulesVersion { last_used: day(now), files: rules.sources().to_vec() };
            let written = ledger::encode(&version)?;
            writes.push((ledger::rules_key(rules.version()), Some(written)));
        }
        Ok(Jotting { writes, keeps })
    }

    fn has(&self, rules: &Arc<RuleSet>, now: Timestamp) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // By the loading, not by the version: between two loadings of the same rules, retention may
        // have dropped them.
        std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(rules)) && kept.1 == day(now)
    }

    /// The writes of an entry have been committed. Only a commit that held the rules may say that they
    /// are kept: believed too early, no later entry would write them.
    pub(super) fn committed(&self, keeps: Option<Keeps>) {
        mark(&self.kept, keeps);
    }

    /// Commits an entry that nobody waits for.
    pub(super) fn jot(&self, store: &dyn Store, jotting: Jotting) {
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else {
            tracing::warn!("the store does not keep up: an event is not in the journal");
            return;
        };
        // Queued here, so that the journal's order is the order of the decisions.
        let Jotting { writes, keeps } = jotting;
        let commit = store.commit(WriteSet { writes, ..WriteSet::default() });
        let kept = Arc::clone(&self.kept);
        tokio::spawn(async move {
            match commit.await {
                Ok(()) => mark(&kept, keeps),
                Err(error) => tracing::warn!(%error, "an event is not in the journal"),
            }
            drop(permit);
        });
    }
}

fn mark(kept: &Mutex<Keeps>, keeps: Option<Keeps>) {
    if let Some(keeps) = keeps {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = keeps;
    }
}

/// Whether any rule in scope looked at the event.
fn was_looked_at(decision: &Decision) -> bool {
    decision.trace.rules.iter().any(|told| !matches!(told.why, Why::Off | Why::OutOfScope))
}

fn day(now: Timestamp) -> i64 {
    now.0.div_euclid(ledger::DAY)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::decision::EventId;
    use crate::decision::event::Cause;
    use crate::rule::EventKind;
    use crate::store::{Commit, CommitError, Entry, MemoryStore};

    /// A disk that is full for a while.
    #[derive(Default)]
    struct Full(MemoryStore, AtomicBool);

    impl Store for Full {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key)
        }

        fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
            self.0.scan(from, to, limit)
        }

        fn commit(&self, changes: WriteSet) -> Commit {
            if self.1.load(Ordering::Relaxed) {
                let full = CommitError::Store(StoreError("the disk is full".to_owned()));
                return Box::pin(async { Err(full) });
            }
            self.0.commit(changes)
        }

        fn health(&self) -> Result<(), StoreError> {
            self.0.health()
        }

        fn size_on_disk(&self) -> u64 {
            self.0.size_on_disk()
        }
    }

    #[tokio::test]
    async fn rules_whose_commit_failed_are_written_with_the_next_entry() {
        let (store, rules) = (Full::default(), Arc::new(RuleSet::default()));
        let journaling = Journaling::new(JournalEvents::All);
        let jot = async |number: u64, full: bool| {
            store.1.store(full, Ordering::Relaxed);
            let id = EventId::of(&[&number.to_be_bytes()]);
            let kind = Cause::Kind(EventKind::MessageSent);
            let event = Event::new(id, kind, Timestamp(5), "after");
            let state = (&HashMap::new(), &State::default());
            let decision = Decision::default();
            let at = (Timestamp(5), number);
            let jotting = journaling.writes(&event, &rules, &decision, state, at).unwrap();
            let brings = jotting.keeps.is_some();
            journaling.jot(&store, jotting);
            // All permits are back when nothing is under way any more.
            drop(journaling.under_way.acquire_many(10_000).await.unwrap());
            brings
        };
        assert!(jot(1, true).await);
        assert!(jot(2, false).await);
        assert!(!jot(3, false).await);
        assert!(ledger::journal::rules(&store, rules.version()).unwrap().is_some());
    }
}
