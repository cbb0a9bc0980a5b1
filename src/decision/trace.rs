//! Why a rule did, or did not, act: one sentence for each rule that looked at an event.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::rule::RuleId;

/// What every rule made of one event, in running order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub rules: Vec<RuleTrace>,
    /// Others in scope listen too, of which an index knew that they would not act.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed_over: bool,
    /// What happened beside the rules: a superseded timer, a group that is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What one rule made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleTrace {
    pub rule: RuleId,
    /// The event it looked at; differs from the journal's where one event gives rise to another
    /// (`member.left` to `owner.left`).
    pub event: Cow<'static, str>,
    pub why: Why,
}

/// Names and what they stood for; shared by the rules that read the same.
pub type Values = Vec<(Arc<str>, Arc<str>)>;

/// How far a rule came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// `mode = "off"`.
    Off,
    /// `in` does not select the group.
    OutOfScope,
    /// An echo of our own call, and the rule has no `on_own`.
    Echo,
    /// A clause of `when` is false, with the values it saw. `early`: others stand before it that were not
    /// judged, because not all that they read was known.
    ClauseFalse {
        clause: Arc<str>,
        values: Values,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        early: bool,
    },
    /// `unless` holds.
    Unless { values: Values },
    /// A condition could not be judged.
    Unjudged { clause: Arc<str>, error: String },
    /// Not enough events in the window.
    CountBelow { count: u32, threshold: u32 },
    /// `once`: it has acted.
    ActedOnce,
    /// `cooldown`.
    Quiet { until: Timestamp },
    /// `wait` has begun.
    Waiting { until: Timestamp },
    /// A `wait` for the same cause is running already.
    AlreadyWaiting { until: Timestamp },
    /// The `wait` is over and the cause has gone.
    CauseGone { what: String },
    /// Chat is asked for what is missing; the rule goes on with the answer.
    Asking { what: String },
    /// The steps ran: what was wanted, and what was left out and why.
    Acted { wanted: Vec<String>, left_out: Vec<String> },
    /// What was wanted is over a limit: held until an operator releases it, or dropped.
    /// Answers to Chat and memory are not: they are settled with the decision.
    OverLimit {
        wanted: Vec<String>,
        limit: String,
        held: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        settled: Vec<String>,
    },
    /// A rule before it said `stop`.
    Stopped { by: RuleId },
    /// A rule before it that may stop the event asks Chat first; this one sees it afterwards.
    Behind { by: RuleId },
}

impl Why {
    /// Whether the rule got as far as its steps.
    pub fn acted(&self) -> bool {
        matches!(self, Self::Acted { wanted, .. } if !wanted.is_empty())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("is switched off"),
            Self::OutOfScope => f.write_str("does not look at this group (`in`)"),
            Self::Echo => f.write_str("ignores it: an echo of the bot's own call"),
            Self::ClauseFalse { clause, values, .. } => {
                write!(f, "stopped at `{clause}`")?;
                write_values(f, values)
            }
            Self::Unless { values } => {
                f.write_str("stopped at `unless`")?;
                write_values(f, values)
            }
            Self::Unjudged { clause, error } => {
                write!(f, "could not judge `{clause}`: {error}")
            }
            Self::CountBelow { count, threshold } => {
                write!(f, "counted {count}, acts from {threshold}")
            }
            Self::ActedOnce => f.write_str("has acted once already (`once`)"),
            Self::Quiet { until } => write!(f, "is quiet until {until} (`cooldown`)"),
            Self::Waiting { until } => write!(f, "waits until {until}"),
            Self::AlreadyWaiting { until } => write!(f, "waits already, until {until}"),
            Self::CauseGone { what } => write!(f, "does nothing after its wait: {what}"),
            Self::Asking { what } => write!(f, "asks Chat for {what}"),
            Self::Acted { wanted, left_out } => write_acted(f, wanted, left_out),
            Self::OverLimit { wanted, limit, held, settled } => {
                if !settled.is_empty() {
                    write!(f, "{}; ", settled.join(", then "))?;
                }
                let what = if *held { "is held back" } else { "is dropped" };
                write!(f, "wants {limit}, so this {what}: {}", wanted.join(", then "))
            }
            Self::Behind { by } => {
                write!(f, "waits for what `{by}`, which may stop it, hears from Chat")
            }
            Self::Stopped { by } => write!(f, "did not see it: `{by}` stopped it"),
        }
    }
}

fn write_acted(f: &mut fmt::Formatter<'_>, wanted: &[String], left_out: &[String]) -> fmt::Result {
    match (wanted.is_empty(), left_out.is_empty()) {
        (false, true) => f.write_str(&wanted.join(", then ")),
        (false, false) => write!(f, "{}; not {}", wanted.join(", then "), left_out.join("; not ")),
        (true, false) => write!(f, "does not {}", left_out.join("; does not ")),
        (true, true) => f.write_str("has nothing to do"),
    }
}

fn write_values(f: &mut fmt::Formatter<'_>, values: &[(Arc<str>, Arc<str>)]) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    let seen = values.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>();
    write!(f, ", because {}", seen.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_false_clause_is_told_with_the_values_it_saw() {
        let why = Why::ClauseFalse {
            clause: "member.role == \"admin\"".into(),
            values: vec![("member.role".into(), "\"member\"".into())],
            early: false,
        };
        assert_eq!(
            why.to_string(),
            "stopped at `member.role == \"admin\"`, because member.role = \"member\""
        );
    }
}
