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

/// Writes of one entry.
pub(super) type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Keeps the journal.
pub(super) struct Journaling {
    events: JournalEvents,
    /// The rules whose texts are in the store, and the day for which that was said.
    kept: Mutex<(Weak<RuleSet>, i64)>,
    under_way: Arc<Semaphore>,
}

impl Journaling {
    pub(super) fn new(events: JournalEvents) -> Self {
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        Self { events, kept: Mutex::new((Weak::new(), 0)), under_way }
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
    ) -> Result<Writes, StoreError> {
        let known = (loaded.keys(), state);
        let entry = JournalEntry::new(event, decision, rules.version(), now, known);
        let place = ledger::journal_key(now, sequence, &event.id);
        let mut writes = vec![
            (ledger::index_key(event.id.as_str()), Some(place.clone())),
            (place, Some(ledger::encode(&entry)?)),
        ];
        if !self.has(rules, now) {
            let version = RulesVersion { last_used: day(now), files: rules.sources().to_vec() };
            let written = ledger::encode(&version)?;
            writes.push((ledger::rules_key(rules.version()), Some(written)));
        }
        Ok(writes)
    }

    fn has(&self, rules: &Arc<RuleSet>, now: Timestamp) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // By the loading, not by the version: between two loadings of the same rules, retention may
        // have dropped them.
        std::ptr::eq(kept.0.as_ptr(), Arc::as_ptr(rules)) && kept.1 == day(now)
    }

    /// The writes have been committed.
    pub(super) fn committed(&self, rules: &Arc<RuleSet>, now: Timestamp) {
        if !self.has(rules, now) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = (Arc::downgrade(rules), day(now));
        }
    }

    /// Commits an entry that nobody waits for.
    pub(super) fn jot(&self, store: &dyn Store, writes: Writes) {
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else {
            tracing::warn!("the store does not keep up: an event is not in the journal");
            return;
        };
        // Queued here, so that the journal's order is the order of the decisions.
        let commit = store.commit(WriteSet { writes, ..WriteSet::default() });
        tokio::spawn(async move {
            if let Err(error) = commit.await {
                tracing::warn!(%error, "an event is not in the journal");
            }
            drop(permit);
        });
    }
}

/// Whether any rule in scope looked at the event.
fn was_looked_at(decision: &Decision) -> bool {
    decision.trace.rules.iter().any(|told| !matches!(told.why, Why::Off | Why::OutOfScope))
}

fn day(now: Timestamp) -> i64 {
    now.0.div_euclid(ledger::DAY)
}
