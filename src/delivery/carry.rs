//! One try: from the effect to the call, and from Chat's answer to what is to be done now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::calls::{call_for, command, random};
use super::stops::Scope;
use super::verify::is_read_back;
use super::{Claimed, Delivery};
use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Act, Manner, Outcome};
use crate::ledger::{self, Pending};
use crate::rest::{Call, CallError, Class, Failure, Reply, retry};
use crate::store::{self, StoreError};

/// An effect that cannot be read is looked at again after this.
const UNREADABLE: Duration = Duration::from_secs(60);
/// Chat throws away a message with the same `Random` for five minutes (34959); a minute of them is kept in hand.
const SAME_RANDOM: Duration = Duration::from_secs(240);

/// What one try came to.
pub(super) enum Tried {
    /// `unsure`: an earlier try may have worked, whatever this one came to.
    Settled { outcome: Outcome, unsure: bool },
    /// To be tried again. `counts` is false when nothing was sent.
    Again { at: Timestamp, trouble: String, perhaps_done: bool, counts: bool },
    /// Given up; `unsure` as above.
    Dead { words: String, unsure: bool },
}

impl From<Outcome> for Tried {
    fn from(outcome: Outcome) -> Self {
        Self::Settled { outcome, unsure: false }
    }
}

/// Why a call brought no reply.
pub(super) enum NoReply {
    /// The limit for this command is used up until then, or it is stopped.
    Limited(Timestamp),
    Failed(CallError),
}

/// The effect on whose behalf Chat is asked.
pub(super) struct Asking<'a> {
    pub(super) effect: &'a Effect,
    pub(super) sequence: u64,
    /// One call of the effect's command was counted when the effect was claimed and is not made yet.
    prepaid: AtomicBool,
}

impl<'a> Asking<'a> {
    /// Reads use what was counted at their claim for their first call; writes keep it for their own.
    pub(super) fn new(effect: &'a Effect, sequence: u64) -> Self {
        Self { effect, sequence, prepaid: AtomicBool::new(effect.act.is_read()) }
    }

    fn is_paid(&self, call: &Call) -> bool {
        call.command() == command(self.effect) && self.prepaid.swap(false, Ordering::Relaxed)
    }
}

fn jitter(effect: &Effect) -> u64 {
    u64::from_str_radix(effect.id.as_str(), 16).unwrap_or_default()
}

impl Delivery {
    /// Carries one claimed effect out, together with those behind it that need the same call, and
    /// settles it or puts it back.
    pub(super) async fn carry_out(&self, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { lane, sequence } = claimed;
        let key = ledger::outbox_key(&lane, sequence);
        // A settling that failed may look as if it had worked until the store is well again.
        let read = self.store.health().and_then(|()| self.store.get(&key));
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.index().settled(&lane, &[sequence]);
                return Ok(());
            }
            Err(error) => {
                self.index().again(&lane, self.clock.now() + UNREADABLE);
                return Err(error);
            }
        };
        let mut pending: Pending = match ledger::decode(&key, &bytes) {
            Ok(pending) => pending,
            Err(error) => return self.set_aside((lane, sequence), key, bytes, error.0).await,
        };
        pending.perhaps_done |= self.index().was_recovered(sequence);
        if let Some(batch) = self.together(&lane, sequence, &pending) {
            return self.carry_out_together(&lane, batch).await;
        }
        let tried = self.attempt(sequence, &pending).await;
        self.settle(&lane, sequence, pending, tried).await
    }

    async fn attempt(&self, sequence: u64, pending: &Pending) -> Tried {
        let effect = &pending.effect;
        if effect.manner == Manner::Shadow {
            return Outcome::Observed.into();
        }
        if let Act::Alert { text } = &effect.act {
            self.listener.alerted(pending, text);
            return Outcome::Done.into();
        }
        let asking = Asking::new(effect, sequence);
        if let Act::Read(read) = &effect.act {
            return match self.read(&asking, read).await {
                Ok(answer) => Outcome::Answer(answer).into(),
                Err(no_reply) => self.judge(pending, no_reply),
            };
        }
        if let Some(words) = self.impossible(&effect.act) {
            let outcome = Outcome::Refused { code: 0, words };
            return Tried::Settled { outcome, unsure: pending.perhaps_done };
        }
        // Whom a group or room belongs to is looked at before every transfer: people settle that too.
        let transfer = matches!(effect.act, Act::TransferOwner { .. } | Act::TransferRoom { .. });
        let mut unsure = pending.perhaps_done;
        if pending.perhaps_done || transfer {
            match self.verify(&asking).await {
                // It has never been sent: whatever made them the owner, what hangs on it is told already.
                Ok(Some(Outcome::Done))
                    if transfer && !pending.perhaps_done && pending.tries == 0 =>
                {
                    let words = "they have become the owner without this".to_owned();
                    return Outcome::Refused { code: 0, words }.into();
                }
                Ok(Some(outcome)) => return outcome.into(),
                Ok(None) => unsure &= !is_read_back(&effect.act),
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
            return Tried::Settled { outcome: Outcome::Refused { code: 0, words }, unsure };
        }
        let Some(call) = call_for(effect, now) else {
            let words = "a bug: there is no call for it".to_owned();
            return Tried::Dead { words, unsure };
        };
        if let Err(error) = self.note_leaving(sequence, pending).await {
            let (at, trouble) = (now + store::TROUBLE, error.to_string());
            return Tried::Again { at, trouble, perhaps_done: pending.perhaps_done, counts: false };
        }
        match self.send_fitting(&asking, call, pending.perhaps_done).await {
            // A repetition that is refused says nothing of the try before it.
            Ok(outcome) => {
                let unsure = unsure && matches!(outcome, Outcome::Refused { .. });
                Tried::Settled { outcome, unsure }
            }
            Err(no_reply) => match self.judge(pending, no_reply) {
                Tried::Settled { outcome, .. } => {
                    let unsure = unsure && outcome != Outcome::Done;
                    Tried::Settled { outcome, unsure }
                }
                tried => tried,
            },
        }
    }

    /// Of what people would read twice, the record says that it may have been sent before it is.
    async fn note_leaving(&self, sequence: u64, pending: &Pending) -> Result<(), StoreError> {
        if pending.perhaps_done || !pending.effect.act.speaks() {
            return Ok(());
        }
        let leaving = Pending { perhaps_done: true, ..pending.clone() };
        self.write(sequence, &leaving, true).await
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
            let words = format!("it may have been sent, and is not sent twice ({trouble})");
            Tried::Dead { words, unsure: true }
        })
    }

    /// Makes a call that is not the effect's main one, within its command's limit.
    pub(super) async fn ask(&self, asking: &Asking<'_>, call: &Call) -> Result<Reply, NoReply> {
        self.may_call(asking, call)?;
        self.call(asking, call).await.map_err(NoReply::Failed)
    }

    /// As [`Delivery::ask`], for a command that an app may do without: that it is refused stops nothing.
    pub(super) async fn ask_if_there(
        &self,
        asking: &Asking<'_>,
        call: &Call,
    ) -> Result<Reply, NoReply> {
        self.may_call(asking, call)?;
        let result = self.chat.call(call, random(asking.effect)).await;
        match &result {
            Err(error) if error.class() == Class::Configuration && !error.concerns_app() => {
                self.works(&[Scope::App]);
            }
            _ => self.hear(asking.sequence, call, &result),
        }
        result.map_err(NoReply::Failed)
    }

    /// Counts a call, unless that was done at the claim.
    pub(super) fn may_call(&self, asking: &Asking<'_>, call: &Call) -> Result<(), NoReply> {
        let (command, now) = (call.command(), self.clock.now());
        self.index().stops.pass(command, asking.sequence, now).map_err(NoReply::Limited)?;
        if asking.is_paid(call) {
            return Ok(());
        }
        self.rates.take(command, now).map_err(NoReply::Limited)
    }

    /// Makes a call that is counted.
    pub(super) async fn call(&self, asking: &Asking<'_>, call: &Call) -> Result<Reply, CallError> {
        let result = self.chat.call(call, random(asking.effect)).await;
        self.hear(asking.sequence, call, &result);
        result
    }

    /// Learns from an answer what works and what does not.
    fn hear(&self, who: u64, call: &Call, result: &Result<Reply, CallError>) {
        let Err(error) = result else {
            return self.works(&[Scope::App, Scope::Command(call.command())]);
        };
        let what = if error.concerns_app() { Scope::App } else { Scope::Command(error.command) };
        match error.class() {
            Class::Configuration => {
                let (now, trouble) = (self.clock.now(), error.to_string());
                let mut index = self.index();
                let (_, news) = index.stops.stop(what, who, &trouble, now);
                let stopped = index.stops.list().into_iter().find(|stopped| stopped.what == what);
                drop(index);
                if let Some(stopped) = stopped.filter(|_| news) {
                    self.listener.stopped(&stopped);
                }
                if what != Scope::App {
                    self.works(&[Scope::App]);
                }
            }
            Class::Done | Class::Refused | Class::AgainBriefly if error.code().is_some() => {
                self.works(&[Scope::App, what]);
            }
            _ => {}
        }
    }

    fn works(&self, what: &[Scope]) {
        for what in what {
            let ended = self.index().stops.works(*what);
            if let Some(stopped) = ended {
                self.listener.works_again(&stopped);
            }
        }
    }

    pub(super) fn judge(&self, pending: &Pending, no_reply: NoReply) -> Tried {
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
            Class::Done => Outcome::Done.into(),
            Class::Refused => Tried::Settled { outcome: refusal(&error), unsure: perhaps_done },
            Class::Configuration => {
                let at = self.index().stops.free_at(error.command, None, now);
                Tried::Again { at, trouble, perhaps_done, counts: false }
            }
            class => {
                if class == Class::SlowDown {
                    self.slow_down(&error, now);
                }
                let first = pending.effect.created;
                match retry::next_try(pending.tries, class, jitter(&pending.effect), first, now) {
                    Some(at) => Tried::Again { at, trouble, perhaps_done, counts: true },
                    None => Tried::Dead { words: trouble, unsure: perhaps_done },
                }
            }
        }
    }

    fn slow_down(&self, error: &CallError, now: Timestamp) {
        if error.concerns_app() {
            self.rates.slow_down_all(now);
        } else {
            self.rates.slow_down(error.command, now);
        }
    }
}

pub(super) fn refusal(error: &CallError) -> Outcome {
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

/// Whether a sanction's time has passed, so that it is not to begin any more.
pub(super) fn is_over(pending: &Pending, now: Timestamp) -> bool {
    match &pending.effect.act {
        Act::Mute { until: Some(until), .. } | Act::Ban { until: Some(until), .. } => *until <= now,
        Act::MuteAll { time: Some(time), .. } => pending.effect.created + *time <= now,
        _ => false,
    }
}
