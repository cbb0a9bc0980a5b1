//! Why a call failed, in words for people and in classes for delivery.

use std::fmt;
use std::time::Duration;

use super::codes;

/// What is to be done after an answer with an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is so already: as good as success.
    Done,
    /// Try again later; Chat may or may not have carried it out.
    Again,
    /// Try again, but for minutes and not for a day: a cause that passes quickly, or a code that
    /// nobody documented. Such a code may stand for anything. Trying a little longer does no harm,
    /// because every call states a wish that can be repeated; giving up at once could leave a mute
    /// on for ever; and trying for a day would hold up its lane for a refusal.
    AgainBriefly,
    /// Over a rate limit: try again later and send this command less often.
    SlowDown,
    /// The `UserSig` was not accepted: sign anew and repeat, once.
    Resign,
    /// Nothing goes before this time is over.
    Wait(Duration),
    /// Nothing will go until a person changes the app or our configuration: stop and alarm.
    Configuration,
    /// Chat will never do this.
    Refused,
}

/// The class of a code that answers `command` (the last part of the path).
pub fn classify(command: &str, code: i64) -> Class {
    codes::find(command, code).map_or(Class::AgainBriefly, |row| row.class)
}

/// What a code means, in a few words; empty for an undocumented one.
pub fn meaning(command: &str, code: i64) -> &'static str {
    codes::find(command, code).map_or("", |row| row.meaning)
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The command, as Chat names it.
    pub command: &'static str,
    pub failure: Failure,
}

/// How a call failed. None of the texts contains a signature or a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not sent: the call breaks a documented limit.
    Invalid(String),
    /// No answer. With `outcome_unknown`, Chat may have carried it out.
    Unreachable { text: String, outcome_unknown: bool },
    /// An HTTP status other than 200, which no application result has (34620).
    Status(u16),
    /// An answer that cannot be understood; `String` says what is wrong with it.
    Garbled(String),
    /// Chat's error code and words.
    Chat { code: i64, words: String, class: Class },
}

impl CallError {
    /// What is to be done now.
    pub fn class(&self) -> Class {
        match &self.failure {
            Failure::Invalid(_) => Class::Refused,
            Failure::Status(429) => Class::SlowDown,
            Failure::Unreachable { .. } | Failure::Status(_) | Failure::Garbled(_) => Class::Again,
            Failure::Chat { class, .. } => *class,
        }
    }

    /// Whether Chat may have carried the call out: then the truth is read before it is repeated.
    pub fn outcome_unknown(&self) -> bool {
        match &self.failure {
            Failure::Invalid(_) | Failure::Status(429) => false,
            Failure::Unreachable { outcome_unknown, .. } => *outcome_unknown,
            Failure::Status(_) | Failure::Garbled(_) => true,
            // Chat's own time-outs (60008, 70169, …) are among them.
            Failure::Chat { class, .. } => matches!(class, Class::Again | Class::AgainBriefly),
        }
    }

    /// Whether it concerns every command and not only this one.
    pub fn concerns_app(&self) -> bool {
        self.code().is_some_and(codes::concerns_app)
    }

    /// Chat's error code, where Chat answered with one.
    pub fn code(&self) -> Option<i64> {
        match self.failure {
            Failure::Chat { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.command;
        match &self.failure {
            Failure::Invalid(text) => write!(f, "{command} was not sent: {text}"),
            Failure::Unreachable { text, outcome_unknown: false } => {
                write!(f, "{command} did not reach Chat: {text}")
            }
            Failure::Unreachable { text, outcome_unknown: true } => {
                write!(f, "{command} got no answer, Chat may have carried it out: {text}")
            }
            Failure::Status(status) => {
                write!(f, "{command} was answered with HTTP status {status} instead of 200")
            }
            Failure::Garbled(text) => {
                write!(f, "{command} got an answer that cannot be understood: {text}")
            }
            Failure::Chat { code, words, .. } => {
                write!(f, "{command} was answered with error {code}")?;
                let meaning = meaning(command, *code);
                if !meaning.is_empty() {
                    write!(f, " ({meaning})")?;
                }
                if !words.is_empty() {
                    write!(f, ": {words}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for CallError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(command: &'static str, code: i64, words: &str) -> CallError {
        let class = classify(command, code);
        CallError { command, failure: Failure::Chat { code, words: words.to_owned(), class } }
    }

    #[test]
    fn an_error_tells_command_code_meaning_and_chats_words() {
        assert_eq!(
            chat("change_group_owner", 10007, "insufficient permission").to_string(),
            "change_group_owner was answered with error 10007 \
             (not permitted, or not supported by this group type): insufficient permission"
        );
        assert_eq!(
            chat("change_group_owner", 99999, "").to_string(),
            "change_group_owner was answered with error 99999"
        );
    }

    #[test]
    fn an_undocumented_code_is_tried_again_briefly_and_its_outcome_is_unknown() {
        let error = chat("send_group_msg", 4711, "?");
        assert_eq!(error.class(), Class::AgainBriefly);
        assert!(error.outcome_unknown());
    }

    #[test]
    fn chats_own_timeout_leaves_the_outcome_unknown_and_a_rate_limit_does_not() {
        assert!(chat("change_group_owner", 60008, "").outcome_unknown());
        assert!(!chat("change_group_owner", 60007, "").outcome_unknown());
        assert!(!chat("change_group_owner", 10007, "").outcome_unknown());
    }

    #[test]
    fn an_answer_that_is_no_application_result_is_tried_again() {
        let error = |failure| CallError { command: "send_group_msg", failure };
        assert_eq!(error(Failure::Status(502)).class(), Class::Again);
        assert!(error(Failure::Status(502)).outcome_unknown());
        assert_eq!(error(Failure::Status(429)).class(), Class::SlowDown);
        assert_eq!(error(Failure::Garbled("no JSON".into())).class(), Class::Again);
        assert_eq!(error(Failure::Invalid("too long".into())).class(), Class::Refused);
    }
}
