//! Quarantine: an event that makes us panic, or a record that cannot be read, harms no other. It is kept
//! with its cause until an operator has it tried again, after an upgrade for instance, or drops it.

mod order;

use std::any::Any;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::marks::Marks;
use super::process::{Extra, Owed};
use super::{NotTaken, Pipeline};
use crate::clock::Timestamp;
use crate::decision::effect::{Act, Manner};
use crate::decision::event::{Cause, EventId};
use crate::decision::{Effect, Event, Lane, StateKey, StateValue, Verdict};
use crate::ledger::{self, Kept, Kind, Quarantined};
use crate::store::{CommitError, Store, StoreError, WriteSet};

pub use order::QuarantineOrdered;

/// So many are kept. Beyond, events are not taken, as when the store is full: a bug that meets every
/// event must not fill the disk.
const MOST: usize = 10_000;
/// Of what a panic says, at most so many characters are kept.
const WORDS: usize = 500;
/// Entries that are read at once.
const PAGE: usize = 100;

/// Why an event was not decided.
pub(super) enum Trouble {
    /// The store does not take it: it is nobody's fault, and the same event can be decided later.
    Store(StoreError),
    /// It made us panic, or state that it needs cannot be read: trying again now is of no use.
    Bug(String),
}

impl Trouble {
    pub(super) fn not_taken(self) -> NotTaken {
        match self {
            Self::Store(error) => NotTaken(error.0),
            Self::Bug(why) => NotTaken(format!("a bug: {why}")),
        }
    }
}

pub(super) fn taken(error: StoreError) -> NotTaken {
    NotTaken(error.0)
}

/// Does what may panic because of what an event says. Whatever it changes must not count before it has
/// returned.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_words(&*panic))
}

/// The same for work that waits.
///
/// # Errors
/// What the panic says.
pub async fn apart<F: Future>(work: F) -> Result<F::Output, String> {
    let mut work = pin!(work);
    poll_fn(|context| match guarded(|| work.as_mut().poll(context)) {
        Ok(polled) => polled.map(Ok),
        Err(words) => Poll::Ready(Err(words)),
    })
    .await
}

/// What a panic says.
fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let words: String = text.unwrap_or("no words").chars().take(WORDS).collect();
    format!("panicked: {words}")
}

/// What is kept, in memory: why, by id.
pub(super) struct Quarantine(Mutex<BTreeMap<EventId, String>>);

impl Quarantine {
    pub(super) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let (mut from, to) = ledger::prefix(Kind::Quarantine);
        let mut known = BTreeMap::new();
        loop {
            let page = store.scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(Self(Mutex::new(known))) };
            from = ledger::after(last);
            for (key, bytes) in page {
                match ledger::decode::<Quarantined>(&key, &bytes) {
                    Ok(kept) => drop(known.insert(kept.id, kept.why)),
                    Err(error) => tracing::error!(%error, "an entry of the quarantine is garbled"),
                }
            }
        }
    }

    pub(super) fn holds(&self, id: &EventId) -> bool {
        self.known().contains_key(id)
    }

    pub(super) fn forget(&self, id: &EventId) {
        self.known().remove(id);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<EventId, String>> {
        // Nothing below can panic half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipeline {
    /// How much is in quarantine.
    pub fn quarantine_len(&self) -> usize {
        self.quarantine.known().len()
    }

    /// What is in quarantine, at most so much.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn quarantined(&self, most: usize) -> Result<Vec<Quarantined>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Quarantine);
        let page = self.store().scan(&from, &to, most)?;
        page.iter().map(|(key, bytes)| ledger::decode(key, bytes)).collect()
    }

    /// Keeps an event that cannot be decided, and has its caller go on as if it had been: what the caller
    /// writes with it is written. A timer stays set, because it comes again by itself; an operator's
    /// order is not taken, because they are told so.
    pub(super) async fn put_into_quarantine(
        &self,
        event: Event,
        extra: Extra,
        why: String,
        now: Timestamp,
    ) -> Result<Verdict, NotTaken> {
        let text = format!("the event {} could not be decided: {why}", event.id);
        let mut set = WriteSet { expect: extra.expect, ..WriteSet::default() };
        let mut left = None;
        match &event.cause {
            Cause::Timer(_) => left = Some(NotTaken(format!("a bug: {text}"))),
            Cause::Kind(_) | Cause::Seen(_) | Cause::Settled { .. } => set.writes = extra.writes,
            Cause::Schedule { rule, due } => {
                set.writes = extra.writes;
                if event.group.is_none() {
                    // Otherwise it would fire again at once, and again.
                    let fired = ledger::encode(&StateValue::Fired { at: *due }).map_err(taken)?;
                    let place = ledger::state_key(&StateKey::Fired(rule.clone()));
                    set.writes.push((place, Some(fired)));
                }
            }
            Cause::Released(_)
            | Cause::Discarded(_)
            | Cause::Lifted { .. }
            | Cause::Extended { .. }
            | Cause::Retried { .. }
            | Cause::Dropped(_)
            | Cause::TakenForDone { .. } => {
                tracing::error!(event.id = %event.id, %why, "a bug: an order could not be decided");
                return Err(NotTaken(format!("a bug: {text}; nothing was done")));
            }
        }
        self.keep(Kept::Event(Box::new(event)), why, set, now).await?;
        left.map_or(Ok(Verdict::Allow), Err)
    }

    /// Keeps a record that cannot be read, and takes it away from where it stands.
    ///
    /// # Errors
    /// When the store does not take it; the record stays then.
    pub async fn set_aside(
        &self,
        key: Vec<u8>,
        bytes: Vec<u8>,
        why: String,
    ) -> Result<(), NotTaken> {
        let kept = Kept::record(&key, &bytes);
        let expect = vec![(key.clone(), Some(bytes))];
        let set = WriteSet { expect, writes: vec![(key, None)], durable: true };
        self.keep(kept, why, set, self.now()).await
    }

    async fn keep(
        &self,
        what: Kept,
        why: String,
        mut set: WriteSet,
        now: Timestamp,
    ) -> Result<(), NotTaken> {
        let (id, words) = (what.id(), what.to_string());
        let place = ledger::quarantine_key(&id);
        let before: Option<Quarantined> = ledger::read(self.store(), &place).ok().flatten();
        if before.is_none() && self.quarantine_len() >= MOST {
            return Err(NotTaken(format!("a bug: {why}; and the quarantine is full")));
        }
        let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
        let alert = self.alert(&what, &id, &why, now);
        let kept = Quarantined {
            id: id.clone(),
            what,
            why: why.clone(),
            since,
            last: now,
            tries: tries + 1,
        };
        set.writes.push((place, Some(ledger::encode(&kept).map_err(taken)?)));
        let mut owed = Vec::new();
        if let Some(alert) = alert {
            let (sequence, write) = self.owed(&alert).map_err(taken)?;
            set.writes.push(write);
            owed.push(Owed { sequence, effect: alert });
        }
        set.durable = true;
        self.store().commit(set).await.map_err(|error| match error {
            CommitError::Conflict => NotTaken("somebody else has settled it meanwhile".to_owned()),
            CommitError::Store(error) => taken(error),
        })?;
        tracing::error!(quarantine.id = %id, %why, "a bug: put into quarantine: {words}");
        self.quarantine.known().insert(id, why);
        self.tell_delivery(owed);
        Ok(())
    }

    /// One alert for each cause: a bug meets many events. None for an alert that makes us panic itself.
    fn alert(&self, what: &Kept, id: &EventId, why: &str, now: Timestamp) -> Option<Effect> {
        if self.quarantine.known().values().any(|known| known == why) {
            return None;
        }
        if let Kept::Event(event) = what
            && let Cause::Settled { effect, .. } = &event.cause
            && matches!(effect.act, Act::Alert { .. })
        {
            return None;
        }
        let text = format!(
            "a bug: {what} was put into quarantine, and nothing of it is done: {why} (`groupkeeper \
             quarantine`)"
        );
        Some(Effect {
            id: id.derive("quarantined"),
            lane: Lane::app(),
            act: Act::Alert { text },
            rule: None,
            event: id.clone(),
            created: now,
            manner: Manner::Send,
            then: None,
            continue_on_refusal: true,
        })
    }
}

/// What marks an event as seen that is dropped: a late copy of it is not decided either.
fn mark(marks: &Marks, event: &Event, now: Timestamp) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let once = matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. });
    once.then(|| (marks.place(&event.id, now), Some(Vec::new())))
}
