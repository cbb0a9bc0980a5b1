//! The state that decisions read and change: which keys there are, and what stands under each.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::EventId;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::model::MemoryKey;
use crate::rule::{EventKind, RuleId};

/// Where one piece of state stands. A rule's pieces carry its id, so that editing one rule touches no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// The mirror of a group.
    Group(GroupId),
    /// The mirror of a member.
    Member(GroupId, Account),
    /// The mirror of a room.
    Room(RoomId),
    /// Times of the events that a rule counts, for one `each` key.
    Counter(RuleId, String),
    /// Until when a rule is quiet, for one `each` key.
    Cooldown(RuleId, String),
    /// That (and until when) a rule has acted once, for one `each` key.
    Once(RuleId, String),
    /// The wait that runs for a rule and its `each` key.
    Wait(RuleId, String),
    /// How far up the ladder a member is, for the step at this position of a rule.
    Ladder(RuleId, usize, GroupId, Account),
    /// The live sanction of a member: at most one of each kind.
    Sanction(GroupId, Account, SanctionKind),
    /// The last firing of a schedule.
    Fired(RuleId),
    /// What rules remember under a name, for one `each` key.
    Memory(MemoryKey, String),
    /// How much a rule (`None`: all rules together) has done of late.
    Limit(Option<RuleId>),
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateValue {
    Group(GroupRecord),
    Member(MemberRecord),
    Room {
        owner: Owner,
    },
    Times(Times),
    Until(Option<Timestamp>),
    Wait {
        wait: EventId,
        due: Timestamp,
        /// What it waits after, so that the opposite can end it. Absent in records of old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<EventKind>,
    },
    Ladder {
        step: usize,
        at: Timestamp,
    },
    Sanction(Sanction),
    Fired {
        at: Timestamp,
    },
    Memory {
        value: String,
        until: Option<Timestamp>,
    },
    Limit(Spent),
}

/// What was done within the time of a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Slices of time by their beginning, with the number of actions in each. A slice counts until
    /// it is wholly outside the window, so that a limit is never exceeded.
    pub slices: Vec<(Timestamp, u32)>,
    /// When operators were last told that it is exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}

/// What we believe about a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    pub group_type: Option<GroupType>,
    pub name: String,
    pub owner: Owner,
    pub member_count: Option<i64>,
    pub created_at: Option<Timestamp>,
    /// When Chat was last asked.
    pub read_at: Option<Timestamp>,
    /// It is gone. Such a record stays only for the rules that still wait for something in it.
    #[serde(default)]
    pub dismissed: bool,
    /// When Chat was asked about it for a before callback, which could not wait for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// The time, by Chat's clock, of the latest callback that told who owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_told_at: Option<Timestamp>,
}

/// Who owns a group, as far as we know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Nobody told us yet.
    #[default]
    Unknown,
    Nobody,
    Is(Account),
}

impl Owner {
    /// From what Chat says: empty and `@TLS#NOT_FOUND` mean nobody.
    pub fn from_account(account: Option<&Account>) -> Self {
        match account {
            Some(account) if account.is_somebody() => Self::Is(account.clone()),
            _ => Self::Nobody,
        }
    }

    /// Whether it is this account.
    pub fn is(&self, account: &Account) -> bool {
        matches!(self, Self::Is(owner) if owner == account)
    }
}

/// What we believe about a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// `None`: nobody told us yet.
    pub role: Option<Role>,
    pub joined_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_card: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Timestamp>,
    /// When Chat last told join time, name card and last message: what is missing then, is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When Chat was asked about them for a before callback, which could not wait for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}

/// What a sanction restrains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SanctionKind {
    Mute,
    Role,
    Ban,
    /// Of the whole group; its member is [`Account::everybody`].
    MuteAll,
}

impl SanctionKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Mute, Self::Role, Self::Ban, Self::MuteAll];
    /// Those of one member.
    pub const OF_MEMBER: [Self; 3] = [Self::Mute, Self::Role, Self::Ban];

    /// One word for keys and people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Role => "role",
            Self::Ban => "ban",
            Self::MuteAll => "mute_all",
        }
    }
}

/// A wanted state of a member with an end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sanction {
    /// The effect that began it; timers name it, so that a superseded one does nothing.
    pub id: EventId,
    pub from: Timestamp,
    /// `None`: for ever.
    pub until: Option<Timestamp>,
    pub time: Option<Duration>,
    pub reason: String,
    pub rule: RuleId,
    pub event: EventId,
    /// Its time is over, and Chat is being asked whether it has really ended.
    #[serde(default)]
    pub ending: bool,
    /// What a temporary role goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Role>,
    /// The temporary role itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// A sanction that is to begin: whom it restrains, how, and for how long (`None`: for ever).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sanctioned {
    /// Of the effect that begins it.
    pub id: EventId,
    pub group: GroupId,
    pub member: Account,
    pub kind: SanctionKind,
    pub time: Option<Duration>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What a temporary role goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Role>,
}

/// Times in ascending order: those of a window, and no more of them than the threshold needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(pub Vec<Timestamp>);

/// The pieces of state that were loaded for one event; of each it is known whether it is there.
#[derive(Clone, Debug, Default)]
pub struct State(HashMap<StateKey, Option<StateValue>>);

impl State {
    /// Puts in what was found under a key; `None`: nothing stands there.
    pub fn insert(&mut self, key: StateKey, value: Option<StateValue>) {
        self.0.insert(key, value);
    }

    /// What was found under a key, if it was looked for.
    pub fn get(&self, key: &StateKey) -> Option<Option<&StateValue>> {
        self.0.get(key).map(Option::as_ref)
    }
}
