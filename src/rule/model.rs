//! Rules as the rest of the program sees them: checked, compiled, immutable.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::catalog::EventKind;
use super::condition::Condition;
use super::crontab::Crontab;
use super::parse::actions;
use super::template::Template;

pub use super::glob::Globs;
use crate::chat::{Ability, Account, GroupId, GroupType, Role};

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

/// One entry of `do`.
#[derive(Debug)]
pub struct Step {
    pub action: Action,
    /// `continue = true`: the steps behind it run even if this one is refused for good.
    pub continue_on_refusal: bool,
    pub place: Place,
}

/// What a rule does. `who` absent means the member that the event is about.
#[derive(Debug)]
pub enum Action {
    SetRole {
        who: Option<Template>,
        role: Role,
        time: Option<Duration>,
    },
    Mute {
        who: Option<Template>,
        ladder: Ladder,
        reason: Option<Template>,
    },
    Unmute {
        who: Option<Template>,
    },
    SetNameCard {
        who: Option<Template>,
        text: Template,
    },
    SetMessageReceiving {
        who: Option<Template>,
        mode: MessageReceiving,
    },
    SetMemberFields {
        who: Option<Template>,
        fields: Vec<(String, Template)>,
    },
    TransferOwner {
        to: Vec<Successor>,
        except: Option<Condition>,
        alert_if_none: bool,
    },
    ImportMembers {
        members: Vec<ImportedMember>,
    },
    AddMembers {
        members: Vec<Template>,
        silent: bool,
    },
    RemoveMember {
        who: Option<Template>,
        silent: bool,
        reason: Option<Template>,
    },
    /// `time` is `None` for ever.
    Ban {
        who: Option<Template>,
        time: Option<Duration>,
        reason: Option<Template>,
    },
    Unban {
        who: Option<Template>,
    },
    SendMessage {
        text: Template,
        from: Option<Account>,
    },
    /// `to` absent means the member (or user) that the event is about.
    SendPrivate {
        to: Option<Template>,
        text: Template,
    },
    /// `to` empty means everybody in the group.
    NotifyGroup {
        text: Template,
        to: Vec<Template>,
    },
    /// The message that the event is about.
    RecallMessage,
    /// `time` is `None` until another rule or a person ends it.
    MuteAll {
        time: Option<Duration>,
    },
    UnmuteAll,
    SetGroup(GroupFields<Template>),
    DismissGroup,
    Reject {
        text: Template,
        code: Option<i64>,
    },
    Drop,
    ReplaceText {
        text: Template,
    },
    /// `which` judges each of the invited; absent, all are refused.
    RefuseInvited {
        which: Option<Condition>,
    },
    /// `time` is `None` for ever.
    Remember {
        key: MemoryKey,
        each: Vec<Each>,
        value: Template,
        time: Option<Duration>,
    },
    Forget {
        key: MemoryKey,
        each: Vec<Each>,
    },
    Alert {
        text: Template,
    },
}

/// The name of a piece of memory: rules read it as `memory.KEY`.
pub type MemoryKey = Arc<str>;

/// What `set_group` changes (34962); absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFields<T> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub name: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub introduction: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub notification: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<JoinOption>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> GroupFields<T> {
    /// The names of those that are set, as rules write them.
    pub fn named(&self) -> Vec<&'static str> {
        let texts = [
            ("name", &self.name),
            ("introduction", &self.introduction),
            ("notification", &self.notification),
        ];
        let set = texts.into_iter().filter(|(_, text)| text.is_some()).map(|(name, _)| name);
        set.chain(self.join.map(|_| "join")).collect()
    }
}

/// `ApplyJoinOption` (34962).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinOption {
    FreeAccess,
    NeedPermission,
    DisableApply,
}

impl JoinOption {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FreeAccess, Self::NeedPermission, Self::DisableApply];

    /// As Chat and rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FreeAccess => "FreeAccess",
            Self::NeedPermission => "NeedPermission",
            Self::DisableApply => "DisableApply",
        }
    }
}

impl Action {
    /// What a group's type must support.
    pub fn ability(&self) -> Option<Ability> {
        actions::find(self.name()).and_then(|kind| kind.ability)
    }

    /// Whether it answers an event that asks.
    pub fn answers(&self) -> bool {
        matches!(
            self,
            Self::Reject { .. }
                | Self::Drop
                | Self::ReplaceText { .. }
                | Self::RefuseInvited { .. }
        )
    }

    /// The name in rules.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetRole { .. } => "set_role",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::SetNameCard { .. } => "set_name_card",
            Self::SetMessageReceiving { .. } => "set_message_receiving",
            Self::SetMemberFields { .. } => "set_member_fields",
            Self::TransferOwner { .. } => "transfer_owner",
            Self::ImportMembers { .. } => "import_members",
            Self::AddMembers { .. } => "add_members",
            Self::RemoveMember { .. } => "remove_member",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::SendMessage { .. } => "send_message",
            Self::SendPrivate { .. } => "send_private",
            Self::NotifyGroup { .. } => "notify_group",
            Self::RecallMessage => "recall_message",
            Self::MuteAll { .. } => "mute_all",
            Self::UnmuteAll => "unmute_all",
            Self::SetGroup(_) => "set_group",
            Self::DismissGroup => "dismiss_group",
            Self::Reject { .. } => "reject",
            Self::Drop => "drop",
            Self::ReplaceText { .. } => "replace_text",
            Self::RefuseInvited { .. } => "refuse_invited",
            Self::Remember { .. } => "remember",
            Self::Forget { .. } => "forget",
            Self::Alert { .. } => "alert",
        }
    }
}

/// How long mutes last, the next step each time.
#[derive(Debug)]
pub struct Ladder {
    /// Never empty.
    pub steps: Vec<MuteTime>,
    /// After this long without a mute by this rule, begin again at the first step.
    pub forget_after: Option<Duration>,
}

/// How long a mute lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MuteTime {
    For(Duration),
    Forever,
}

/// `MsgFlag` of a member (34900).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageReceiving {
    AcceptAndNotify,
    AcceptNotNotify,
    Discard,
}

impl MessageReceiving {
    /// As Chat and rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptAndNotify => "AcceptAndNotify",
            Self::AcceptNotNotify => "AcceptNotNotify",
            Self::Discard => "Discard",
        }
    }
}

/// Who may become owner, tried in the order written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Successor {
    Account(Account),
    LongestServingAdmin,
    LongestServingMember,
    MostRecentlyActive,
}

/// One member of `import_members` (34969).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedMember {
    pub id: Account,
    pub admin: bool,
    /// Unix seconds; after the group's creation and before now.
    pub joined_at: Option<i64>,
    pub unread: Option<u32>,
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
