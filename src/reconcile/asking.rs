//! Asking Chat: within the rates that everybody shares, and what to do when there is no answer.

use std::time::Duration;

use super::Reconciler;
use crate::clock::Timestamp;
use crate::pipeline::NotTaken;
use crate::rest::{Call, CallError, Class, Failure, Reply};
use crate::store::StoreError;

/// The first pause after trouble; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Why a job is not done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    /// The rate allows the next call only then.
    Until(Timestamp),
    Call(CallError),
    /// The store, or the pipeline.
    Ours(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.0)
    }
}

impl From<NotTaken> for Stop {
    fn from(error: NotTaken) -> Self {
        Self::Ours(error.0)
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Stop {
    /// A reply of another command: our bug, kept from being taken for an answer.
    pub(super) fn unexpected(call: &Call) -> Self {
        let failure = Failure::Garbled("the answer does not belong to this command".into());
        Self::Call(CallError { command: call.command(), failure })
    }

    /// Whether asking the same again is of no use.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Call(error) if matches!(error.class(), Class::Refused | Class::Done))
    }

    /// Whether one of several groups may be why, and the others can be told of: an answer that is too large
    /// (10018) or cannot be read, an id that is none (10004), a record of ours that cannot be read.
    pub(super) fn may_concern_one(&self) -> bool {
        match self {
            Self::Until(_) => false,
            Self::Ours(_) => true,
            Self::Call(error) => {
                let garbled = matches!(error.failure, Failure::Garbled(_));
                garbled || matches!(error.code(), Some(10004 | 10018))
            }
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Until(time) => format!("the rate allows the next call at {time}"),
            Self::Call(error) => error.to_string(),
            Self::Ours(words) => words.clone(),
        }
    }

    /// How long nothing is asked after the `tries`-th trouble in a row (from 0).
    pub(super) fn pause(&self, tries: u32) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries.min(16)));
        match self {
            Self::Call(error) => match error.class() {
                Class::Configuration => LONGEST_PAUSE,
                Class::Wait(time) => time,
                _ => doubled.min(LONGEST_PAUSE),
            },
            Self::Until(_) | Self::Ours(_) => doubled.min(LONGEST_PAUSE),
        }
    }
}

impl Reconciler {
    /// Makes one call, as soon as its rate allows it.
    pub(super) async fn ask(&self, call: &Call) -> Result<Reply, Stop> {
        let (command, now) = (call.command(), self.clock.now());
        self.rates.take(command, now).map_err(Stop::Until)?;
        let answer = self.chat.call(call, random(now)).await;
        if let Err(error) = &answer
            && error.class() == Class::SlowDown
        {
            self.rates.slow_down(command, self.clock.now());
        }
        Ok(answer?)
    }
}

/// Marks the request in Chat's logs; a read may be repeated with any number.
fn random(now: Timestamp) -> u32 {
    u32::try_from(now.0.rem_euclid(i64::from(u32::MAX))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let stop = Stop::Ours("the disk is full".into());
        let pauses = [0, 1, 2, 7, 40].map(|tries| stop.pause(tries).as_secs());
        assert_eq!(pauses, [2, 4, 8, 256, 300]);
    }

    #[test]
    fn trouble_that_only_a_person_ends_is_not_asked_into_every_few_seconds() {
        let failure = Failure::Chat { code: 0, words: String::new(), class: Class::Configuration };
        let stop = Stop::Call(CallError { command: "get_group_info", failure });
        assert_eq!(stop.pause(0), LONGEST_PAUSE);
        assert!(!stop.is_final());
    }
}
