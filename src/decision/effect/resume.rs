//! Where a rule goes on that had to ask Chat.

use serde::{Deserialize, Serialize};

use crate::chat::Account;
use crate::decision::Event;
use crate::rule::RuleId;

/// What goes on when a read effect has its answer: the rule is judged again for the same event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub rule: RuleId,
    pub event: Event,
    pub stage: Stage,
    /// Candidates that Chat refused; the next one is tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Account>,
    /// What was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The rule's digest: after an edit its steps are others. Absent in records of old.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Whether a step before has been sent, or done within a decision.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acted: bool,
    /// Whether the rules behind it wait: it stops the event if something comes of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_up: bool,
}

/// How far a rule had come when it had to ask Chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Conditions are still to be judged.
    Conditions,
    /// Everything has been passed; only the steps from this one on are left.
    Steps { from: usize },
}
