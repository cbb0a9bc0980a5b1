//! What rules do: the entries of `do`, and what is said in them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::model::{Each, Place};
use super::parse::actions;
use super::template::Template;
use crate::chat::{Ability, Account, Role};

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
