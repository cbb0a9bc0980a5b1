//! One try: from the effect to the call, and from Chat's answer to what is to be done now.

use std::time::Duration;

use super::calls::{call_for, command, random};
use super::{Claimed, Delivery};
use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Act, Manner, Outcome};
use crate::ledger::{self, Pending};
use crate::rest::reply::{AddResult, ImportResult};
use crate::rest::{Call, CallError, Class, Failure, Reply, classify, retry};
use crate::store::StoreError;

/// How long a command rests when only a person can make it work again.
const CONFIGURATION_PAUSE: Duration = Duration::from_secs(60);
/// Chat throws away a message with the same `Random` for five minutes (34959); a minute of them is kept in hand.
const SAME_RANDOM: Duration = Duration::from_secs(240);

/// What one try came to.
pub(super) enum Tried {
    Settled(Outcome),
    /// To be tried again. `counts` is false when nothing was sent.
    Again {
        at: Timestamp,
        trouble: String,
        perhaps_done: bool,
        counts: bool,
    },
    /// Given up.
    Dead(String),
}

/// Why a call brought no reply.
pub(super) enum NoReply {
    /// The limit for this command is used up until then.
    Limited(Timestamp),
    Failed(CallError),
}

fn jitter(effect: &Effect) -> u64 {
    u64::from_str_radix(effect.id.as_str(), 16).unwrap_or_default()
}

impl Delivery {
    /// Carries one claimed effect out, and settles it or puts it back.
    pub(super) async fn carry_out(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { lane, sequence } = claimed;
        let key = ledger::outbox_key(&lane, sequence);
        // A settling that failed may look as if it had worked until the store is well again.
        let read = self.store.health().and_then(|()| ledger::read(&*self.store, &key));
        let pending: Option<Pending> = match read {
            Ok(pending) => pending,
            Err(error) => {
                self.index().again(&lane, self.clock.now() + CONFIGURATION_PAUSE);
                return Err(error);
            }
        };
        let Some(mut pending) = pending else {
            self.index().settled(&lane, &[sequence]);
            return Ok(());
        };
        pending.perhaps_done |= self.index().was_recovered(sequence);
        let tried = self.attempt(&pending).await;
        self.settle(&lane, sequence, pending, tried).await
    }

    async fn attempt(&self, pending: &Pending) -> Tried {
        let effect = &pending.effect;
        if effect.manner == Manner::Shadow {
            return Tried::Settled(Outcome::Observed);
        }
        if let Act::Alert { text } = &effect.act {
            self.listener.alerted(pending, text);
            return Tried::Settled(Outcome::Done);
        }
        if let Act::Read(read) = &effect.act {
            return match self.read(effect, read).await {
                Ok(answer) => Tried::Settled(Outcome::Answer(answer)),
                Err(no_reply) => self.judge(pending, no_reply),
            };
        }
        // Whom a group belongs to is looked at before every transfer: people settle that too.
        let transfer = matches!(effect.act, Act::TransferOwner { .. });
        if pending.perhaps_done || transfer {
            match self.verify(effect).await {
                Ok(Some(outcome)) => return Tried::Settled(outcome),
                Ok(None) => {}
                Err(no_reply) => return self.judge(pending, no_reply),
            }
        }
        if pending.perhaps_done
            && let Some(tried) = self.unrepeatable(pending)
        {
            return tried;
        }
        let now = self.clock.now();
        if is_over(pending, now) {
            let words =
                format!("the time of the {} was over before it could be sent", effect.act.name());
            return Tried::Settled(Outcome::Refused { code: 0, words });
        }
        let Some(call) = call_for(effect, now) else {
            return Tried::Dead("a bug: there is no call for it".to_owned());
        };
        // The limit was taken when the effect was claimed.
        let reply = self.chat.call(&call, random(effect)).await;
        match reply.and_then(|reply| outcome(&call, &reply, pending.perhaps_done)) {
            Ok(outcome) => Tried::Settled(outcome),
            Err(error) => self.judge(pending, NoReply::Failed(error)),
        }
    }

    /// What people would read twice is repeated only while Chat would notice the repetition: a group
    /// message for five minutes. Chat notices a private message again within a second only, which no
    /// retry is (34919), and a notification never (34958): those are sent at most once, and a person
    /// settles whether they are to be sent again.
    fn unrepeatable(&self, pending: &Pending) -> Option<Tried> {
        let noticed = match pending.effect.act {
            Act::SendMessage { .. } => SAME_RANDOM,
            Act::SendPrivate { .. } | Act::NotifyGroup { .. } => Duration::ZERO,
            _ => return None,
        };
        let late = noticed.is_zero() || self.clock.now().since(pending.effect.created) > noticed;
        late.then(|| {
            let trouble = if pending.trouble.is_empty() { "no answer" } else { &pending.trouble };
            Tried::Dead(format!("it may have been sent, and is not sent twice ({trouble})"))
        })
    }

    /// Makes a call that is not the effect's main one, within its command's limit.
    pub(super) async fn ask(&self, effect: &Effect, call: &Call) -> Result<Reply, NoReply> {
        if call.command() != command(effect) || self.is_main_taken(effect) {
            let now = self.clock.now();
            self.limiter().take(call.command(), now).map_err(NoReply::Limited)?;
        }
        self.chat.call(call, random(effect)).await.map_err(NoReply::Failed)
    }

    /// Reads use the token of their claim for their first call; writes keep it for their own.
    fn is_main_taken(&self, effect: &Effect) -> bool {
        !effect.act.is_read()
    }

    fn judge(&self, pending: &Pending, no_reply: NoReply) -> Tried {
        let now = self.clock.now();
        let perhaps_done = pending.perhaps_done;
        let error = match no_reply {
            NoReply::Limited(at) => {
                let trouble = pending.trouble.clone();
                return Tried::Again { at, trouble, perhaps_done, counts: false };
            }
            NoReply::Failed(error) => error,
        };
        let trouble = error.to_string();
        let perhaps_done =
            perhaps_done || (error.outcome_unknown() && !pending.effect.act.is_read());
        match error.class() {
            Class::Done => Tried::Settled(Outcome::Done),
            Class::Refused => Tried::Settled(refusal(&error)),
            Class::Configuration => {
                let until = now + CONFIGURATION_PAUSE;
                self.index().pause(error.command, until);
                tracing::error!(command = error.command, %error, "only a person can mend this; the command rests for a minute");
                Tried::Again { at: until, trouble, perhaps_done, counts: false }
            }
            class => {
                if class == Class::SlowDown {
                    self.limiter().slow_down(error.command, now);
                }
                let first = pending.effect.created;
                match retry::next_try(pending.tries, class, jitter(&pending.effect), first, now) {
                    Some(at) => Tried::Again { at, trouble, perhaps_done, counts: true },
                    None => Tried::Dead(trouble),
                }
            }
        }
    }
}

fn refusal(error: &CallError) -> Outcome {
    match &error.failure {
        Failure::Chat { code, words, .. } => Outcome::Refused { code: *code, words: words.clone() },
        other => Outcome::Refused {
            code: 0,
            words: match other {
                Failure::Invalid(text) => text.clone(),
                _ => error.to_string(),
            },
        },
    }
}

/// Whether a sanction's time has passed, so that it is not to begin any more. One of everybody may
/// have begun by a call whose answer was lost; then it is sent again, and what ends it stands behind it.
fn is_over(pending: &Pending, now: Timestamp) -> bool {
    match &pending.effect.act {
        Act::Mute { until: Some(until), .. } | Act::Ban { until: Some(until), .. } => *until <= now,
        Act::MuteAll { time: Some(time), .. } => {
            !pending.perhaps_done && pending.effect.created + *time <= now
        }
        _ => false,
    }
}

/// What an answer comes to: Chat's overall OK can hide failures of single members and messages, and a
/// message that was thrown away. `again` says that an earlier call may have worked.
fn outcome(call: &Call, reply: &Reply, again: bool) -> Result<Outcome, CallError> {
    let one = |account: &crate::chat::Account| account.to_string();
    Ok(match reply {
        Reply::Imported(results) => {
            let failed = |result: &ImportResult| *result == ImportResult::Failed;
            let failed = results.iter().filter(|(_, result)| failed(result));
            of_items("imported", results.len(), failed.map(|(account, _)| one(account)).collect())
        }
        Reply::Added(results) => {
            let failed = results.iter().filter(|(_, result)| *result == AddResult::Failed);
            of_items("added", results.len(), failed.map(|(account, _)| one(account)).collect())
        }
        Reply::Recalled(results) => match results.iter().find(|(_, code)| *code != 0) {
            None => Outcome::Done,
            // What Chat says to a message that is recalled already is not documented (34965).
            Some((_, 10030 | 10032)) if again => Outcome::Done,
            Some((_, code)) => return Err(refused_item(call, *code)),
        },
        Reply::Sent { dropped: Some(reason), .. } => {
            Outcome::Refused { code: 0, words: format!("Chat threw the message away: {reason}") }
        }
        _ => Outcome::Done,
    })
}

/// Done, unless all failed; who was left out is told.
fn of_items(what: &str, all: usize, failed: Vec<String>) -> Outcome {
    let words = format!("not {what}: {}", failed.join(", "));
    match failed.len() {
        0 => Outcome::Done,
        some if some < all => Outcome::Partly { words },
        _ => Outcome::Refused { code: 0, words },
    }
}

/// An item's own code is judged as if it were the answer's.
fn refused_item(call: &Call, code: i64) -> CallError {
    let (command, class) = (call.command(), classify(call.command(), code));
    let words = crate::rest::error::meaning(command, code).to_owned();
    CallError { command, failure: Failure::Chat { code, words, class } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall() -> Call {
        Call::GroupMsgRecall { group: "cats".into(), topic: None, sequences: vec![7] }
    }

    fn added(results: &[(&str, AddResult)]) -> Outcome {
        let results =
            results.iter().map(|(account, result)| ((*account).into(), *result)).collect();
        outcome(&recall(), &Reply::Added(results), false).unwrap()
    }

    #[test]
    fn who_was_not_added_is_told_and_nobody_added_is_a_refusal() {
        use AddResult::{Added, Already, Failed, Pending};
        assert_eq!(added(&[("ann", Added), ("bob", Already), ("cy", Pending)]), Outcome::Done);
        let words = "not added: ann, bob".to_owned();
        let some = [("ann", Failed), ("bob", Failed), ("cy", Added)];
        assert_eq!(added(&some), Outcome::Partly { words: words.clone() });
        assert_eq!(added(&some[..2]), Outcome::Refused { code: 0, words });
    }

    #[test]
    fn a_message_that_cannot_be_recalled_is_refused_with_what_its_code_means() {
        let reply = |code| Reply::Recalled(vec![(7, code)]);
        assert_eq!(outcome(&recall(), &reply(0), false), Ok(Outcome::Done));
        let error = outcome(&recall(), &reply(10031), true).unwrap_err();
        let words = "the message is too old to recall".to_owned();
        assert_eq!(refusal(&error), Outcome::Refused { code: 10031, words });
        assert_eq!(error.class(), Class::Refused);
    }

    #[test]
    fn a_recall_repeated_after_a_lost_answer_takes_a_missing_message_for_a_recalled_one() {
        let reply = Reply::Recalled(vec![(7, 10030)]);
        assert_eq!(outcome(&recall(), &reply, true), Ok(Outcome::Done));
        assert_eq!(outcome(&recall(), &reply, false).unwrap_err().code(), Some(10030));
    }
}
