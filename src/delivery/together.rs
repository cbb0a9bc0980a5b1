//! Several effects by one call: mutes, removals, bans and recalls that stand one behind the other; and the
//! questions whether mutes have ended, which one list answers.
//!
//! Each is settled by itself. What Chat refuses for all it may refuse because of one (an account that
//! does not exist, 10019): then each is sent alone, in order.

use super::Delivery;
use super::calls::{call_for, command, joins};
use super::carry::{Asking, NoReply, is_over};
use super::reads::of_muted;
use super::send::refused_item;
use crate::decision::effect::{Act, Outcome, Read};
use crate::decision::{Effect, Lane};
use crate::ledger::{self, Pending};
use crate::rest::{Call, CallError, Class, Reply};
use crate::store::StoreError;

/// Effects that one call may carry out; the most that any takes (34951).
pub(super) const MOST: usize = 500;

/// Effects of one lane, from its first on, and the call that carries all of them out.
pub(super) struct Batch {
    call: Call,
    effects: Vec<(u64, Pending)>,
}

impl Delivery {
    /// The first effect of a lane with those behind it that the same call can carry out; nothing when
    /// there are none, or when that call may not be made now.
    pub(super) fn together(&self, lane: &Lane, sequence: u64, head: &Pending) -> Option<Batch> {
        if !self.may_be_joined(head) {
            return None;
        }
        let followers = self.index().followers(lane, sequence, MOST - 1);
        let now = self.clock.now();
        let mut call = call_for(&head.effect, now)?;
        let mut effects = vec![(sequence, head.clone())];
        for follower in followers {
            // What cannot be read is told of when its turn comes.
            let key = ledger::outbox_key(lane, follower);
            let Ok(Some(pending)) = ledger::read::<Pending>(&*self.store, &key) else { break };
            let fits = self.may_be_joined(&pending)
                && pending.not_before <= now
                && !effects.iter().any(|(_, earlier)| falls_with(&earlier.effect, &pending.effect));
            let joined = call_for(&pending.effect, now).filter(|_| fits);
            let Some(joined) = joined.and_then(|other| call.joined(&other)) else { break };
            call = joined;
            effects.push((follower, pending));
        }
        let counted = call.command() == command(&head.effect);
        let asking = Asking::new(&head.effect, sequence);
        (effects.len() > 1 && (counted || self.may_call(&asking, &call).is_ok()))
            .then_some(Batch { call, effects })
    }

    fn may_be_joined(&self, pending: &Pending) -> bool {
        let effect = &pending.effect;
        joins(effect)
            && !pending.perhaps_done
            && !is_over(pending, self.clock.now())
            && self.impossible(&effect.act).is_none()
    }

    pub(super) async fn carry_out_together(
        &self,
        lane: &Lane,
        batch: Batch,
    ) -> Result<(), StoreError> {
        let Batch { call, mut effects } = batch;
        let (sequence, head) = (effects[0].0, effects[0].1.clone());
        match self.call(&Asking::new(&head.effect, sequence), &call).await {
            Ok(reply) => {
                let outcome = |(sequence, pending): (u64, Pending)| {
                    let outcome = of_one(&call, &reply, &pending.effect);
                    (sequence, pending, outcome)
                };
                self.settle_all(lane, effects.into_iter().map(outcome).collect()).await
            }
            // A list that is refused is refused for whoever wants it.
            Err(error) if head.effect.act.is_read() && error.class() == Class::Refused => {
                let refused = Some(super::carry::refusal(&error));
                let each = |(sequence, pending)| (sequence, pending, refused.clone());
                self.settle_all(lane, effects.into_iter().map(each).collect()).await
            }
            Err(error) if head.effect.act.is_read() || is_of_all(&error) => {
                if error.outcome_unknown() && !head.effect.act.is_read() {
                    // It goes for each of them: what was sent is verified before it is repeated.
                    for (follower, _) in effects.drain(1..) {
                        self.index().perhaps_done(follower);
                    }
                }
                let tried = self.judge(&head, NoReply::Failed(error));
                self.settle(lane, sequence, head, tried).await
            }
            Err(error) => {
                tracing::info!(%error, effects = effects.len(), "what was refused for all is sent for each");
                let mut index = self.index();
                effects.iter().for_each(|(sequence, _)| index.alone(*sequence));
                index.again(lane, self.clock.now());
                drop(index);
                self.freed.notify_one();
                Ok(())
            }
        }
    }
}

/// Whether a failure has nothing to do with what the call says: all of it is tried again.
fn is_of_all(error: &CallError) -> bool {
    match error.class() {
        Class::Refused | Class::Done => false,
        Class::Configuration => error.concerns_app(),
        _ => true,
    }
}

/// Whether the second is skipped when the first is refused: then the first must be settled before.
/// Only a recall can be refused within a call that worked.
fn falls_with(first: &Effect, second: &Effect) -> bool {
    matches!(first.act, Act::RecallMessage { .. })
        && !first.continue_on_refusal
        && first.event == second.event
        && first.rule == second.rule
}

/// What the answer says of one effect; `None` when it is to be sent again, alone.
fn of_one(call: &Call, reply: &Reply, effect: &Effect) -> Option<Outcome> {
    if let Act::Read(Read::Muted { member, .. }) = &effect.act {
        let Reply::Muted(muted) = reply else { return None };
        return Some(Outcome::Answer(of_muted(muted, member)));
    }
    let (Reply::Recalled(results), Act::RecallMessage { sequence, .. }) = (reply, &effect.act)
    else {
        return Some(Outcome::Done);
    };
    match results.iter().find(|(message, _)| message == sequence)? {
        (_, 0) => Some(Outcome::Done),
        (_, code) => {
            let error = refused_item(call, *code);
            (error.class() == Class::Refused).then(|| super::carry::refusal(&error))
        }
    }
}
