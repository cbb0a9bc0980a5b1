//! After a try: what became of it goes back through the pipeline, or the effect back into its lane.

use std::time::Duration;

use super::Delivery;
use super::calls::chain;
use super::carry::Tried;
use super::together;
use crate::clock::Timestamp;
use crate::decision::effect::{Act, Outcome};
use crate::decision::event::{Cause, Hung};
use crate::decision::{Effect, Event, Lane};
use crate::ledger::{self, DeadLetter, Pending};
use crate::pipeline::Extra;
use crate::store::{self, Store, StoreError, WriteSet};

/// How long an effect rests that made us panic.
const AFTER_PANIC: Duration = Duration::from_secs(60);
/// So many times an effect may make us panic.
const MOST_PANICS: u32 = 3;

impl Delivery {
    pub(super) async fn settle(
        &self,
        lane: &Lane,
        sequence: u64,
        pending: Pending,
        tried: Tried,
    ) -> Result<(), StoreError> {
        let not_done = matches!(tried, Tried::Again { perhaps_done: false, .. });
        let result = match tried {
            Tried::Again { at, trouble, perhaps_done, counts } => {
                self.listener.tried(&pending, Some(&trouble));
                self.put_back(lane, sequence, pending, at, (trouble, perhaps_done, counts)).await
            }
            Tried::Settled { outcome, unsure } => {
                self.listener.tried(&pending, None);
                self.finish(lane, sequence, &pending, (outcome, unsure), None).await
            }
            Tried::Dead { words, unsure } => {
                self.listener.given_up(&pending, &words);
                let fell = ledger::live_sanction(&*self.store, &pending.effect);
                let at = self.clock.now();
                match fell {
                    Ok(fell) => {
                        let why = words.clone();
                        let hung = Vec::new();
                        let letter = DeadLetter { pending: pending.clone(), at, why, fell, hung };
                        let outcome = (Outcome::Dead { words }, unsure);
                        self.finish(lane, sequence, &pending, outcome, Some(letter)).await
                    }
                    Err(error) => Err(error),
                }
            }
        };
        if result.is_err() {
            if !not_done {
                // The outcome is known but not on disk: it is verified before anything is repeated.
                self.index().perhaps_done(sequence);
            }
            self.index().again(lane, self.clock.now() + store::TROUBLE);
        }
        self.freed.notify_one();
        result
    }

    /// A try has ended in a panic. The effect rests, and after a few of them it is given up: whatever
    /// stands behind it must not wait for a bug to be mended.
    pub(super) async fn panicked(
        &self,
        lane: &Lane,
        sequence: u64,
        words: String,
    ) -> Result<(), StoreError> {
        tracing::error!(effect.number = sequence, %words, "a bug: carrying out an effect failed");
        let also = self.index().followers(lane, sequence, together::MOST - 1);
        {
            let mut index = self.index();
            // What was under way may have been carried out, and with it what one call carries out.
            also.into_iter().chain([sequence]).for_each(|each| index.perhaps_done(each));
        }
        let key = ledger::outbox_key(lane, sequence);
        let read = self.store.health().and_then(|()| ledger::read::<Pending>(&*self.store, &key));
        let mut pending = match read {
            Ok(Some(pending)) => pending,
            Ok(None) => {
                self.index().settled(lane, &[sequence]);
                return Ok(());
            }
            Err(error) => {
                self.index().again(lane, self.clock.now() + AFTER_PANIC);
                return Err(error);
            }
        };
        pending.panics += 1;
        let trouble = format!("a bug: carrying it out {words}");
        let tried = if pending.panics < MOST_PANICS {
            let at = self.clock.now() + AFTER_PANIC;
            Tried::Again { at, trouble, perhaps_done: true, counts: true }
        } else {
            Tried::Dead { words: trouble, unsure: !pending.effect.act.is_read() }
        };
        self.settle(lane, sequence, pending, tried).await
    }

    /// An effect that cannot be read is kept apart, and its lane goes on.
    pub(super) async fn set_aside(
        &self,
        (lane, sequence): (Lane, u64),
        key: Vec<u8>,
        bytes: Vec<u8>,
        why: String,
    ) -> Result<(), StoreError> {
        let kept = self.pipeline.set_aside(key, bytes, why).await;
        match &kept {
            Ok(()) => self.index().settled(&lane, &[sequence]),
            Err(_) => self.index().again(&lane, self.clock.now() + AFTER_PANIC),
        }
        self.freed.notify_one();
        kept.map_err(|error| StoreError(error.0))
    }

    async fn put_back(
        &self,
        lane: &Lane,
        sequence: u64,
        mut pending: Pending,
        at: Timestamp,
        (trouble, perhaps_done, counts): (String, bool, bool),
    ) -> Result<(), StoreError> {
        // That it was about to leave is taken back, and stays so whatever happens.
        let speaks = pending.effect.act.speaks();
        let same = pending.perhaps_done == perhaps_done && pending.trouble == trouble;
        let unchanged = same && !counts && !speaks;
        pending.tries += u32::from(counts);
        pending.not_before = at;
        pending.perhaps_done = perhaps_done;
        pending.trouble = trouble;
        if !unchanged {
            self.write(sequence, &pending, perhaps_done || speaks).await?;
        }
        self.index().again(lane, at);
        Ok(())
    }

    /// Writes the record of an effect anew.
    pub(super) async fn write(
        &self,
        sequence: u64,
        pending: &Pending,
        durable: bool,
    ) -> Result<(), StoreError> {
        let key = ledger::outbox_key(&pending.effect.lane, sequence);
        let writes = vec![(key, Some(ledger::encode(pending)?))];
        let set = WriteSet { writes, durable, ..WriteSet::default() };
        self.store.commit(set).await.map_err(|error| StoreError(error.to_string()))
    }

    /// Brings the outcome in as an event; the outbox entry goes in the same commit, and with a
    /// refusal those that hang on it.
    async fn finish(
        &self,
        lane: &Lane,
        sequence: u64,
        pending: &Pending,
        outcome: (Outcome, bool),
        letter: Option<DeadLetter>,
    ) -> Result<(), StoreError> {
        let gone = self.commit(lane, sequence, pending, outcome, letter).await?;
        self.halfway().remove(&sequence);
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
            match self.commit(lane, sequence, &pending, (outcome, false), None).await {
                Ok(some) => gone.extend(some),
                Err(error) => {
                    // The outcome is known but not on disk: it is verified before anything is repeated.
                    self.index().perhaps_done(sequence);
                    result = Err(error);
                }
            }
        }
        let trouble = result.is_err().then(|| self.clock.now() + store::TROUBLE);
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
        (outcome, unsure): (Outcome, bool),
        letter: Option<DeadLetter>,
    ) -> Result<Vec<u64>, StoreError> {
        let effect = &pending.effect;
        let (mut gone, mut skipped) = (vec![sequence], Vec::new());
        let mut in_doubt = Vec::from_iter(unsure.then(|| effect.id.clone()));
        let behind = || Ok(self.index().behind(lane, sequence, chain(effect)));
        for (sequence, other) in falls_with(&*self.store, effect, &outcome, behind)? {
            // One call may have carried it out together with this one.
            if self.index().was_recovered(sequence) {
                in_doubt.push(other.id.clone());
            }
            gone.push(sequence);
            skipped.push(other);
        }
        let mut writes: Vec<_> =
            gone.iter().map(|sequence| (ledger::outbox_key(lane, *sequence), None)).collect();
        if let Some(mut letter) = letter {
            for effect in &skipped {
                let fell = ledger::live_sanction(&*self.store, effect)?;
                letter.hung.push(Hung { effect: effect.clone(), fell });
            }
            writes.push((ledger::dead_key(sequence), Some(ledger::encode(&letter)?)));
        }
        let mut event = settled_event(effect, outcome, skipped, self.clock.now());
        if let Cause::Settled { unsure, .. } = &mut event.cause {
            *unsure = in_doubt;
        }
        let taken = self.pipeline.process(event, Extra { writes, ..Extra::default() }).await;
        taken.map_err(|error| StoreError(error.0))?;
        Ok(gone)
    }
}

/// The effects that fall with this one, given what became of it: those of the same rule and event behind it,
/// when it is refused for good. `behind` says which of its lane may be among them.
///
/// # Errors
/// When the store cannot be read.
pub fn falls_with(
    store: &dyn Store,
    effect: &Effect,
    outcome: &Outcome,
    behind: impl FnOnce() -> Result<Vec<u64>, StoreError>,
) -> Result<Vec<(u64, Effect)>, StoreError> {
    let refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Dead { .. });
    // With the next candidate, the steps behind the transfer are decided anew.
    let transfer = matches!(effect.act, Act::TransferOwner { .. } | Act::TransferRoom { .. });
    let decided_anew = transfer && effect.then.is_some();
    let mut fallen = Vec::new();
    if !refused || (!decided_anew && effect.continue_on_refusal) {
        return Ok(fallen);
    }
    for sequence in behind()? {
        let key = ledger::outbox_key(&effect.lane, sequence);
        // What cannot be read is set aside when its turn comes.
        let other = store.get(&key)?.map(|bytes| ledger::decode::<Pending>(&key, &bytes));
        let Some(Ok(Pending { effect: other, .. })) = other else { continue };
        if other.event == effect.event && other.rule == effect.rule {
            fallen.push((sequence, other));
        }
    }
    Ok(fallen)
}

/// All effects that stand behind one in its lane.
///
/// # Errors
/// When the store cannot be read.
pub fn all_behind(store: &dyn Store, lane: &Lane, sequence: u64) -> Result<Vec<u64>, StoreError> {
    let (_, to) = ledger::outbox_lane(lane);
    let mut from = ledger::after(&ledger::outbox_key(lane, sequence));
    let mut behind = Vec::new();
    loop {
        let page = store.scan(&from, &to, 256)?;
        let Some((last, _)) = page.last() else { return Ok(behind) };
        from = ledger::after(last);
        behind.extend(page.iter().filter_map(|(key, _)| ledger::seq_of(key)));
    }
}

/// The event that says what became of an effect; its lane is the effect's. `skipped` hung on it.
pub fn settled_event(
    effect: &Effect,
    outcome: Outcome,
    skipped: Vec<Effect>,
    now: Timestamp,
) -> Event {
    let unsure = Vec::new();
    let cause = Cause::Settled { effect: Box::new(effect.clone()), outcome, skipped, unsure };
    let mut event = Event::new(ledger::settled_id(&effect.id), cause, now, "effect");
    event.group = effect.act.group().cloned();
    event.room = effect.act.room();
    event.member = effect.act.member().cloned();
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::EventId;
    use crate::decision::effect::Manner;

    #[test]
    fn what_became_of_an_effect_is_decided_in_its_lane_whatever_it_is_about() {
        let id = EventId::of(&[b"private"]);
        let effect = Effect {
            id: id.clone(),
            lane: Lane::group(&"cats".into()),
            act: Act::SendPrivate { to: "ann".into(), text: "hello".to_owned() },
            rule: None,
            event: id,
            created: Timestamp(0),
            manner: Manner::Send,
            then: None,
            continue_on_refusal: false,
        };
        let event = settled_event(&effect, Outcome::Done, Vec::new(), Timestamp(1));
        assert_eq!((event.group.as_ref(), event.lane()), (None, effect.lane));
    }
}
