//! Which decisions the journal keeps, and the rules that it keeps with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clock::{Seldom, Timestamp};
use crate::decision::{Decision, Event, RuleTrace, State, StateKey, Trace, Verdict, Why};
use crate::ledger::journal::RulesVersion;
use crate::ledger::{self, JournalEntry};
use crate::rule::RuleSet;
use crate::store::{CommitError, Store, StoreError, WriteSet};

/// Entries that wait for the store at once, when nobody waits for them. A disk that hangs must not
/// fill the memory with what is only good to know.
const UNDER_WAY: usize = 10_000;
/// That entries are missing is told no more often.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// A note finds the entry that it belongs to moved at most once, by the entry's own commit.
const NOTE_ATTEMPTS: usize = 4;

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
    told: Arc<Seldom<Missing>>,
}

/// Why an entry is not in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Missing {
    StoreSlow,
    StoreFailed,
}

impl Journaling {
    pub(super) fn new(events: JournalEvents) -> Self {
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        let kept = Arc::new(Mutex::new(Keeps(Weak::new(), 0)));
        let told = Arc::new(Seldom::new(TOLD_EVERY));
        Self { events, kept, under_way, told }
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
        let keeps = (!self.has(rules, now)).then(|| Keeps(Arc::downgrade(rules), now.day()));
        if keeps.is_some() {
            let version = RulesVersion { last_used: now.day(), files: rules.sources().to_vec() };
            let written = ledger::encode(&version)?;
            writes.push((ledger::rules_key(rules.version()), Some(written)));
        }
        Ok(Jotting { writes, keeps })
    }

    fn has(&self, rules: &Arc<RuleSet>, now: Timestamp) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // By the loading, not by the version: between two loadings of the same rules, retention may
        // have dropped them.
        std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(rules)) && kept.1 == now.day()
    }

    /// The writes of an entry have been committed. Only a commit that held the rules may say that they
    /// are kept: believed too early, no later entry would write them.
    pub(super) fn committed(&self, keeps: Option<Keeps>) {
        mark(&self.kept, keeps);
    }

    /// Adds a note to the entry of an event; one that was not wanted is written for the note's sake.
    ///
    /// # Errors
    /// When the store cannot be read or takes no commit.
    pub(super) async fn note(
        &self,
        store: &dyn Store,
        event: &Event,
        rules: &Arc<RuleSet>,
        note: &str,
        at: (Timestamp, u64),
    ) -> Result<(), CommitError> {
        if self.events == JournalEvents::Nothing {
            return Ok(());
        }
        for _ in 0..NOTE_ATTEMPTS {
            let (set, keeps) = self.noted(store, event, rules, note, at)?;
            match store.commit(set).await {
                // The entry itself may still have stood in line for the store.
                Err(CommitError::Conflict) => {}
                Ok(()) => {
                    self.committed(keeps);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Err(CommitError::Conflict)
    }

    fn noted(
        &self,
        store: &dyn Store,
        event: &Event,
        rules: &Arc<RuleSet>,
        note: &str,
        at: (Timestamp, u64),
    ) -> Result<(WriteSet, Option<Keeps>), StoreError> {
        let index = ledger::index_key(event.id.as_str());
        let place = store.get(&index)?;
        if let Some(place) = &place
            && let Some(bytes) = store.get(place)?
        {
            let mut entry: JournalEntry = ledger::decode(place, &bytes)?;
            entry.trace.notes.push(note.to_owned());
            let writes = vec![(place.clone(), Some(ledger::encode(&entry)?))];
            let expect = vec![(place.clone(), Some(bytes))];
            return Ok((WriteSet { expect, writes, durable: false }, None));
        }
        let trace = Trace { notes: vec![note.to_owned()], ..Trace::default() };
        let decision = Decision { trace, ..Decision::default() };
        let nothing = (&HashMap::new(), &State::default());
        let Jotting { writes, keeps } = self.writes(event, rules, &decision, nothing, at)?;
        let durable = keeps.is_some();
        Ok((WriteSet { expect: vec![(index, place)], writes, durable }, keeps))
    }

    /// Commits an entry that nobody waits for.
    pub(super) fn jot(&self, store: &dyn Store, jotting: Jotting, now: Timestamp) {
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else {
            if let Some(others) = self.told.is_time(Missing::StoreSlow, now) {
                tracing::warn!(
                    others,
                    "the store does not keep up: an event is not in the journal"
                );
            }
            return;
        };
        // Queued here, so that the journal's order is the order of the decisions.
        let Jotting { writes, keeps } = jotting;
        // Rules that are believed to be kept must not be taken back by a sync that fails.
        let durable = keeps.is_some();
        let commit = store.commit(WriteSet { writes, durable, ..WriteSet::default() });
        let (kept, told) = (Arc::clone(&self.kept), Arc::clone(&self.told));
        tokio::spawn(async move {
            match commit.await {
                Ok(()) => mark(&kept, keeps),
                Err(error) => {
                    if let Some(others) = told.is_time(Missing::StoreFailed, now) {
                        tracing::warn!(%error, others, "an event is not in the journal");
                    }
                }
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
    let looked = |told: &RuleTrace| !matches!(told.why, Why::Off | Why::OutOfScope);
    decision.trace.passed_over || decision.trace.rules.iter().any(looked)
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
            journaling.jot(&store, jotting, Timestamp(5));
            // All permits are back when nothing is under way any more.
            drop(journaling.under_way.acquire_many(10_000).await.unwrap());
            brings
        };
        assert!(jot(1, true).await);
        assert!(jot(2, false).await);
        assert!(!jot(3, false).await);
        assert!(ledger::journal::rules(&store, rules.version()).unwrap().is_some());
    }

    #[tokio::test]
    async fn a_note_joins_the_entry_of_its_event_and_where_there_is_none_makes_one() {
        let (store, rules) = (MemoryStore::default(), Arc::new(RuleSet::default()));
        let journaling = Journaling::new(JournalEvents::Judged);
        for in_journal in [true, false] {
            let id = EventId::of(&[&[u8::from(in_journal)]]);
            let kind = Cause::Kind(EventKind::MessageSending);
            let event = Event::new(id, kind, Timestamp(5), "before");
            let verdict = match in_journal {
                true => Verdict::Drop,
                false => Verdict::Allow,
            };
            if in_journal {
                let decision = Decision { verdict: verdict.clone(), ..Decision::default() };
                let state = (&HashMap::new(), &State::default());
                let at = (Timestamp(5), 1);
                let jotting = journaling.writes(&event, &rules, &decision, state, at).unwrap();
                journaling.jot(&store, jotting, Timestamp(5));
            }
            let note = "Chat was told to allow it";
            journaling.note(&store, &event, &rules, note, (Timestamp(9), 2)).await.unwrap();
            let found = ledger::journal::find(&store, event.id.as_str(), 9).unwrap();
            let told: Vec<_> = found.iter().map(|e| (&e.verdict, &*e.trace.notes)).collect();
            assert_eq!(told, [(&verdict, &[note.to_owned()][..])]);
        }
    }
}
