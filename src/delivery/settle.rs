//! After a try: what became of it goes back through the pipeline, or the effect back into its lane.

use super::Delivery;
use super::carry::Tried;
use crate::clock::Timestamp;
use crate::decision::effect::{Act, Outcome};
use crate::decision::event::Cause;
use crate::decision::{Effect, Event, Lane};
use crate::ledger::{self, DeadLetter, Pending};
use crate::pipeline::Extra;
use crate::store::{Store, StoreError, WriteSet};

/// An effect that the store would not settle is looked at again after this.
const STORE_TROUBLE: std::time::Duration = std::time::Duration::from_secs(1);

impl Delivery {
    pub(super) async fn settle(
        &self,
        lane: &Lane,
        sequence: u64,
        pending: Pending,
        tried: Tried,
    ) -> Result<(), StoreError> {
        let result = match tried {
            Tried::Again { at, trouble, perhaps_done, counts } => {
                self.listener.tried(&pending, Some(&trouble));
                self.put_back(lane, sequence, pending, at, (trouble, perhaps_done, counts)).await
            }
            Tried::Settled(outcome) => {
                self.listener.tried(&pending, None);
                self.finish(lane, sequence, &pending, outcome, Vec::new()).await
            }
            Tried::Dead(words) => {
                tracing::error!(effect = %pending.effect.id, %words, "given up: {}; it is kept as a dead letter", pending.effect.act);
                self.listener.given_up(&pending, &words);
                let at = self.clock.now();
                let fell = ledger::live_sanction(&*self.store, &pending.effect)?;
                let letter = DeadLetter { pending: pending.clone(), at, why: words.clone(), fell };
                let write = (ledger::dead_key(sequence), Some(ledger::encode(&letter)?));
                self.finish(lane, sequence, &pending, Outcome::Dead { words }, vec![write]).await
            }
        };
        if result.is_err() {
            // The outcome is known but not on disk: it is verified before anything is repeated.
            self.index().perhaps_done(sequence);
            self.index().again(lane, self.clock.now() + STORE_TROUBLE);
        }
        self.freed.notify_one();
        result
    }

    async fn put_back(
        &self,
        lane: &Lane,
        sequence: u64,
        mut pending: Pending,
        at: Timestamp,
        (trouble, perhaps_done, counts): (String, bool, bool),
    ) -> Result<(), StoreError> {
        let unchanged =
            pending.perhaps_done == perhaps_done && !counts && pending.trouble == trouble;
        pending.tries += u32::from(counts);
        pending.not_before = at;
        pending.perhaps_done = perhaps_done;
        pending.trouble = trouble;
        if !unchanged {
            let key = ledger::outbox_key(lane, sequence);
            let writes = vec![(key, Some(ledger::encode(&pending)?))];
            let set = WriteSet { writes, durable: perhaps_done, ..WriteSet::default() };
            self.store.commit(set).await.map_err(|error| StoreError(error.to_string()))?;
        }
        self.index().again(lane, at);
        Ok(())
    }

    /// Brings the outcome in as an event; the outbox entry goes in the same commit, and with a
    /// refusal those that hang on it.
    async fn finish(
        &self,
        lane: &Lane,
        sequence: u64,
        pending: &Pending,
        outcome: Outcome,
        writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let gone = self.commit(lane, sequence, pending, outcome, writes).await?;
        self.index().settled(lane, &gone);
        Ok(())
    }

    /// Settles effects that one call has carried out, each with its own outcome and in their order;
    /// those without one stay, to be sent alone.
    pub(super) async fn settle_all(
        &self,
        lane: &Lane,
        effects: Vec<(u64, Pending, Option<Outcome>)>,
    ) -> Result<(), StoreError> {
        let (mut gone, mut result) = (Vec::new(), Ok(()));
        for (sequence, pending, outcome) in effects {
            let Some(outcome) = outcome else {
                self.index().alone(sequence);
                continue;
            };
            self.listener.tried(&pending, None);
            match self.commit(lane, sequence, &pending, outcome, Vec::new()).await {
                Ok(some) => gone.extend(some),
                Err(error) => {
                    // The outcome is known but not on disk: it is verified before anything is repeated.
                    self.index().perhaps_done(sequence);
                    result = Err(error);
                }
            }
        }
        let trouble = result.is_err().then(|| self.clock.now() + STORE_TROUBLE);
        self.index().release(lane, &gone, trouble.unwrap_or_default());
        self.freed.notify_one();
        result
    }

    /// Commits an outcome, and says which effects have left the outbox with it.
    async fn commit(
        &self,
        lane: &Lane,
        sequence: u64,
        pending: &Pending,
        outcome: Outcome,
        mut writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<Vec<u64>, StoreError> {
        let effect = &pending.effect;
        let (mut gone, mut skipped) = (vec![sequence], Vec::new());
        for (sequence, other) in falls_with(&*self.store, lane, sequence, effect, &outcome)? {
            gone.push(sequence);
            skipped.push(other);
        }
        writes.extend(gone.iter().map(|sequence| (ledger::outbox_key(lane, *sequence), None)));
        let event = settled_event(effect, outcome, skipped, self.clock.now());
        let taken = self.pipeline.process(event, Extra { writes, ..Extra::default() }).await;
        taken.map_err(|error| StoreError(error.0))?;
        Ok(gone)
    }
}

/// The effects behind this one that fall with it, given what became of it: those of the same rule and
/// event, when it is refused for good.
///
/// # Errors
/// When the store cannot be read.
pub fn falls_with(
    store: &dyn Store,
    lane: &Lane,
    sequence: u64,
    effect: &Effect,
    outcome: &Outcome,
) -> Result<Vec<(u64, Effect)>, StoreError> {
    let refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Dead { .. });
    // With the next candidate, the steps behind the transfer are decided anew.
    let transfer = matches!(effect.act, Act::TransferOwner { .. } | Act::TransferRoom { .. });
    let decided_anew = transfer && effect.then.is_some();
    let mut chain = Vec::new();
    if !refused || (!decided_anew && effect.continue_on_refusal) {
        return Ok(chain);
    }
    let (_, to) = ledger::outbox_lane(lane);
    let mut from = ledger::after(&ledger::outbox_key(lane, sequence));
    loop {
        let page = store.scan(&from, &to, 256)?;
        let Some((last, _)) = page.last() else { return Ok(chain) };
        from = ledger::after(last);
        for (key, bytes) in &page {
            let other: Pending = ledger::decode(key, bytes)?;
            let same = other.effect.event == effect.event && other.effect.rule == effect.rule;
            if same && let Some(sequence) = ledger::seq_of(key) {
                chain.push((sequence, other.effect));
            }
        }
    }
}

/// The event that says what became of an effect; its lane is the effect's. `skipped` hung on it.
pub fn settled_event(
    effect: &Effect,
    outcome: Outcome,
    skipped: Vec<Effect>,
    now: Timestamp,
) -> Event {
    let cause = Cause::Settled { effect: Box::new(effect.clone()), outcome, skipped };
    let mut event = Event::new(ledger::settled_id(&effect.id), cause, now, "effect");
    event.group = effect.act.group().cloned();
    event.room = effect.act.room();
    event.member = effect.act.member().cloned();
    event
}
