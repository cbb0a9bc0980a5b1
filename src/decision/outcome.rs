//! What became of an effect, and what Chat says when it is asked.

use serde::{Deserialize, Serialize};

use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Chat did it (or it was so already).
    Done,
    /// Chat did it for some of several: `words` say who was left out.
    Partly { words: String },
    /// Chat answered a read.
    Answer(Answer),
    /// Chat will never do it: its code and its words.
    Refused { code: i64, words: String },
    /// In shadow: would have been sent.
    Observed,
    /// Given up after many tries: a dead letter, kept until an operator settles it.
    Dead { words: String },
}

/// What Chat says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Group(GroupFacts),
    Roles {
        group: Option<GroupFacts>,
        roles: Vec<(Account, Role)>,
        /// Those of them who are in the group, where details were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<MemberFacts>,
    },
    Candidates {
        group: GroupFacts,
        members: Vec<MemberFacts>,
    },
    Room(RoomFacts),
    /// The members in the order in which Chat lists them; it tells no times.
    RoomCandidates {
        room: RoomFacts,
        members: Vec<MemberFacts>,
    },
    /// `None`: not muted.
    Muted {
        until: Option<Timestamp>,
    },
}

/// A group as Chat describes it (34961).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupFacts {
    pub group: GroupId,
    /// False when Chat says that the group does not exist (10010, 10015).
    pub exists: bool,
    pub group_type: Option<GroupType>,
    pub name: String,
    /// `None`: the group has no owner.
    pub owner: Option<Account>,
    pub member_count: Option<i64>,
    pub created_at: Option<Timestamp>,
    /// Whether everybody is muted; `None` where Chat does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute_all: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Timestamp>,
    /// `NextMsgSeq`: the number that the next message gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_sequence: Option<i64>,
}

/// A room as Chat describes it (60704, 63404).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomFacts {
    pub room: RoomId,
    /// False when Chat says that the room does not exist (100004).
    pub exists: bool,
    pub name: String,
    /// `None`: the room has no owner. Whether Chat still names one who is out of it is not documented.
    pub owner: Option<Account>,
    pub member_count: Option<i64>,
    pub created_at: Option<Timestamp>,
}

/// A member of a room as Chat describes it (60715, 66908).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomMember {
    pub account: Account,
    /// `None`: Chat does not tell roles in live rooms.
    pub role: Option<Role>,
    pub name_card: String,
}

/// A member as Chat describes it (34948). Of those in rooms Chat tells no times (60715, 66908).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberFacts {
    pub account: Account,
    pub role: Role,
    pub joined_at: Option<Timestamp>,
    pub name_card: String,
    pub muted_until: Option<Timestamp>,
    pub last_message_at: Option<Timestamp>,
}
