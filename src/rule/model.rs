//! Rules as the rest of the program sees them: checked, compiled, immutable.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::catalog::EventKind;
use super::condition::Condition;
use super::crontab::Crontab;

pub use super::action::*;
pub use super::glob::Globs;
use crate::chat::{GroupId, GroupType};

/// The heading of a rule: unique over the whole directory, and the name that its state is kept under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RuleId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    pub id: RuleId,
    pub title: Option<String>,
    pub notes: Option<String>,
    pub tags: Vec<String>,
    pub trigger: Trigger,
    pub scope: Scope,
    pub when: Option<Condition>,
    pub unless: Option<Condition>,
    pub count: Option<Count>,
    pub once: Option<Once>,
    pub cooldown: Option<Cooldown>,
    pub wait: Option<Duration>,
    pub steps: Vec<Step>,
    pub stop: bool,
    pub mode: Mode,
    pub limit: Option<Limit>,
    pub allow_protected: bool,
    pub on_own: bool,
    /// Changes when anything in the rule does; layout and place do not count.
    pub digest: String,
    pub place: Place,
}

/// Where a rule stands, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to where the directory was named.
    pub file: Arc<str>,
    /// One-based.
    pub line: usize,
}

/// What starts a rule.
#[derive(Debug)]
pub enum Trigger {
    /// One of these events.
    On(Vec<EventKind>),
    /// The clock.
    Schedule(Schedule),
}

impl Trigger {
    /// Whether an event of this kind starts it.
    pub fn is_on(&self, kind: EventKind) -> bool {
        matches!(self, Self::On(kinds) if kinds.contains(&kind))
    }
}

/// When a scheduled rule runs, and for what.
#[derive(Debug)]
pub struct Schedule {
    pub timing: Timing,
    pub missed: Missed,
    /// A firing later than this is skipped; `None` has no bound.
    pub max_late: Option<Duration>,
    /// Runs once for each known group that the scope selects.
    pub for_each_group: bool,
}

/// The times of a schedule.
#[derive(Debug)]
pub enum Timing {
    Cron(Crontab),
    /// Every so often, counted from 1970.
    Every(Duration),
}

/// What happens to firings that fell into a time when nobody was running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    Skip,
    Once,
    All,
}

/// `in`: which groups a rule looks at.
#[derive(Debug, Default)]
pub struct Scope {
    /// Empty means every group.
    pub groups: Globs,
    /// Empty means every type.
    pub types: Vec<GroupType>,
    pub except: Globs,
}

impl Scope {
    /// Whether it selects every group.
    pub fn is_everywhere(&self) -> bool {
        self.groups.is_empty() && self.types.is_empty() && self.except.is_empty()
    }

    /// Whether a group is looked at. A type that is not known yet passes, so that a group is never
    /// missed because a callback left its type out.
    pub fn selects(&self, group: &GroupId, kind: Option<GroupType>) -> bool {
        let type_fits = match kind {
            None | Some(GroupType::Unknown) => true,
            Some(kind) => self.types.is_empty() || self.types.contains(&kind),
        };
        type_fits
            && (self.groups.is_empty() || self.groups.matches(group.as_str()))
            && !self.except.matches(group.as_str())
    }
}

/// What a counter, a cooldown or `once` is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Each {
    App,
    Group,
    Member,
}

impl Each {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::App, Self::Group, Self::Member];

    /// The word in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Group => "group",
            Self::Member => "member",
        }
    }

    /// Reads the word in rules.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }
}

/// `count`: a sliding window over event time.
#[derive(Debug)]
pub struct Count {
    pub each: Vec<Each>,
    pub within: Duration,
    /// The number from which on the rule goes on: `more_than` + 1, or `at_least`.
    pub threshold: u32,
}

/// `once`: act once for a key, ever or in a time.
#[derive(Debug)]
pub struct Once {
    pub each: Vec<Each>,
    pub per: Option<Duration>,
}

/// `cooldown`: after acting, be quiet.
#[derive(Debug)]
pub struct Cooldown {
    pub each: Vec<Each>,
    pub time: Duration,
}

/// `limit`: a rule (or all of them together) that does more than this is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub actions: u32,
    pub per: Duration,
    pub then: Excess,
}

/// What becomes of effects over a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Excess {
    /// Parked until an operator releases or drops them.
    #[default]
    Hold,
    Drop,
}

/// `mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Enforce,
    Shadow,
    Off,
}

/// Twelve hex digits that tell named texts apart.
pub fn digest<'t>(texts: impl IntoIterator<Item = (&'t str, &'t str)>) -> String {
    let mut digest = Sha256::new();
    for part in texts.into_iter().flat_map(|(name, text)| [name, text]) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
