//! One thing to do, addressed and complete, and what became of it.

mod resume;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Event, EventId, Lane, Room, RoomKind};
use super::state::Sanctioned;

pub use self::resume::{Resume, Stage};
pub use super::outcome::{Answer, GroupFacts, MemberFacts, Outcome, RoomFacts, RoomMember};
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::model::{GroupFields, ImportedMember, MessageReceiving};
use crate::rule::{RuleId, duration};

/// An effect: committed with the decision, carried out by delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Derived from event, rule and position: the same decision makes the same effect.
    pub id: EventId,
    pub lane: Lane,
    pub act: Act,
    /// The rule that wanted it; absent for what the bot owes by itself (the end of a mute, first reads).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// The event that it follows from.
    pub event: EventId,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Manner::is_send")]
    pub manner: Manner,
    /// What is to be decided when Chat has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<Resume>>,
    /// Effects of one rule and event hang together: when this is refused, those behind it are skipped.
    #[serde(default)]
    pub continue_on_refusal: bool,
}

/// How delivery treats an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    #[default]
    Send,
    /// Decided by a rule in shadow: settled as observed, never sent.
    Shadow,
}

impl Manner {
    fn is_send(&self) -> bool {
        *self == Self::Send
    }
}

/// What one rule wanted on account of one event, held back because a limit is exceeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Of the first effect.
    pub id: EventId,
    pub rule: RuleId,
    /// The event that the effects follow from.
    pub event: Event,
    /// In their order; none is begun.
    pub effects: Vec<Effect>,
    /// The sanctions that begin when they are released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sanctions: Vec<Sanctioned>,
    pub at: Timestamp,
    /// Which limit, in words.
    pub why: String,
}

/// The thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    SetRole {
        group: GroupId,
        group_type: Option<GroupType>,
        member: Account,
        role: Role,
    },
    /// `until` is the wanted end; `seconds` is worked out when it is sent. `None` is for ever.
    Mute {
        group: GroupId,
        member: Account,
        time: Option<Duration>,
        until: Option<Timestamp>,
        /// A mute of ours that runs would go on for longer: whoever reads that one has not read this.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shortens: bool,
    },
    Unmute {
        group: GroupId,
        member: Account,
        /// The mute of ours that it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends: Option<EventId>,
    },
    SetNameCard {
        group: GroupId,
        member: Account,
        text: String,
    },
    SetMessageReceiving {
        group: GroupId,
        member: Account,
        mode: MessageReceiving,
    },
    SetMemberFields {
        group: GroupId,
        member: Account,
        fields: Vec<(String, String)>,
    },
    /// `from` is the owner that Chat named just before (`None`: nobody); another one by now means
    /// that somebody else has settled it.
    TransferOwner {
        group: GroupId,
        from: Option<Account>,
        to: Account,
    },
    TransferRoom {
        room: RoomId,
        kind: RoomKind,
        from: Option<Account>,
        to: Account,
    },
    ImportMembers {
        group: GroupId,
        members: Vec<ImportedMember>,
    },
    AddMembers {
        group: GroupId,
        members: Vec<Account>,
        silent: bool,
    },
    RemoveMember {
        group: GroupId,
        member: Account,
        silent: bool,
        reason: String,
    },
    /// `until` is the wanted end, as of a mute.
    Ban {
        group: GroupId,
        member: Account,
        time: Option<Duration>,
        until: Option<Timestamp>,
        /// As of a mute.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shortens: bool,
        reason: String,
    },
    Unban {
        group: GroupId,
        member: Account,
    },
    /// `to` empty means everybody in the group.
    NotifyGroup {
        group: GroupId,
        text: String,
        to: Vec<Account>,
    },
    RecallMessage {
        group: GroupId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// `MsgSeq`.
        sequence: i64,
    },
    MuteAll {
        group: GroupId,
        time: Option<Duration>,
    },
    UnmuteAll {
        group: GroupId,
    },
    SetGroup {
        group: GroupId,
        fields: GroupFields<String>,
    },
    DismissGroup {
        group: GroupId,
    },
    SendPrivate {
        to: Account,
        text: String,
    },
    SendMessage {
        group: GroupId,
        text: String,
        from: Option<Account>,
        /// The topic that it answers in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
    },
    Alert {
        text: String,
    },
    Read(Read),
}

impl Act {
    /// The action's name in rules, for counters and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetRole { .. } => "set_role",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::SetNameCard { .. } => "set_name_card",
            Self::SetMessageReceiving { .. } => "set_message_receiving",
            Self::SetMemberFields { .. } => "set_member_fields",
            Self::TransferOwner { .. } | Self::TransferRoom { .. } => "transfer_owner",
            Self::ImportMembers { .. } => "import_members",
            Self::AddMembers { .. } => "add_members",
            Self::RemoveMember { .. } => "remove_member",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::NotifyGroup { .. } => "notify_group",
            Self::RecallMessage { .. } => "recall_message",
            Self::MuteAll { .. } => "mute_all",
            Self::UnmuteAll { .. } => "unmute_all",
            Self::SetGroup { .. } => "set_group",
            Self::DismissGroup { .. } => "dismiss_group",
            Self::SendPrivate { .. } => "send_private",
            Self::SendMessage { .. } => "send_message",
            Self::Alert { .. } => "alert",
            Self::Read(_) => "read",
        }
    }

    /// The group it is about; only rooms, alerts and private messages have none.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::SetRole { group, .. }
            | Self::Mute { group, .. }
            | Self::Unmute { group, .. }
            | Self::SetNameCard { group, .. }
            | Self::SetMessageReceiving { group, .. }
            | Self::SetMemberFields { group, .. }
            | Self::TransferOwner { group, .. }
            | Self::ImportMembers { group, .. }
            | Self::AddMembers { group, .. }
            | Self::RemoveMember { group, .. }
            | Self::Ban { group, .. }
            | Self::Unban { group, .. }
            | Self::NotifyGroup { group, .. }
            | Self::RecallMessage { group, .. }
            | Self::MuteAll { group, .. }
            | Self::UnmuteAll { group }
            | Self::SetGroup { group, .. }
            | Self::DismissGroup { group }
            | Self::SendMessage { group, .. }
            | Self::Read(
                Read::Group { group }
                | Read::Roles { group, .. }
                | Read::Candidates { group, .. }
                | Read::Muted { group, .. },
            ) => Some(group),
            Self::TransferRoom { .. }
            | Self::SendPrivate { .. }
            | Self::Alert { .. }
            | Self::Read(Read::Room { .. } | Read::RoomCandidates { .. }) => None,
        }
    }

    /// The room it is about.
    pub fn room(&self) -> Option<Room> {
        match self {
            Self::TransferRoom { room, kind, .. }
            | Self::Read(Read::Room { room, kind, .. } | Read::RoomCandidates { room, kind }) => {
                Some(Room::of(room.clone(), *kind))
            }
            _ => None,
        }
    }

    /// The one member it is about.
    pub fn member(&self) -> Option<&Account> {
        match self {
            Self::SetRole { member, .. }
            | Self::Mute { member, .. }
            | Self::Unmute { member, .. }
            | Self::SetNameCard { member, .. }
            | Self::SetMessageReceiving { member, .. }
            | Self::SetMemberFields { member, .. }
            | Self::RemoveMember { member, .. }
            | Self::Ban { member, .. }
            | Self::Unban { member, .. }
            | Self::Read(Read::Muted { member, .. }) => Some(member),
            _ => None,
        }
    }

    /// Whether people would read it twice if it were done twice. That such an effect leaves is on disk before
    /// it does: so one that was never sent is not taken for one that may have been.
    pub fn speaks(&self) -> bool {
        use Act::{NotifyGroup, SendMessage, SendPrivate};
        matches!(self, NotifyGroup { .. } | SendMessage { .. } | SendPrivate { .. })
    }

    /// Whether it only asks.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read(_))
    }
}

impl fmt::Display for Act {
    /// One sentence without its subject: `mute mallory in @TGS#cats for 5m`. A message's text is not shown.
    /// What members wrote cannot begin a line of a log or hide one: control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&mut OneLine(f))
    }
}

impl Act {
    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::SetRole { group, member, role, .. } => {
                write!(f, "make {member} {} of {group}", role_words(*role))
            }
            Self::Mute { group, member, time, .. } => {
                write!(f, "mute {member} in {group} for {}", how_long(*time))
            }
            Self::Unmute { group, member, .. } => write!(f, "unmute {member} in {group}"),
            Self::SetNameCard { group, member, text } => {
                write!(f, "set the name card of {member} in {group} to {text:?}")
            }
            Self::SetMessageReceiving { group, member, mode } => {
                write!(f, "set message receiving of {member} in {group} to {}", mode.name())
            }
            Self::SetMemberFields { group, member, fields } => {
                let keys = fields.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>();
                write!(f, "set {} of {member} in {group}", keys.join(", "))
            }
            Self::TransferOwner { group, to, .. } => write!(f, "make {to} the owner of {group}"),
            Self::TransferRoom { room, to, .. } => write!(f, "make {to} the owner of room {room}"),
            Self::ImportMembers { group, members } => {
                write!(f, "import {} members into {group}", members.len())
            }
            Self::AddMembers { group, members, .. } => {
                write!(f, "add {} to {group}", names(members))
            }
            Self::RemoveMember { group, member, .. } => write!(f, "remove {member} from {group}"),
            Self::Ban { group, member, time, .. } => {
                write!(f, "ban {member} from {group} for {}", how_long(*time))
            }
            Self::Unban { group, member } => write!(f, "unban {member} in {group}"),
            Self::NotifyGroup { group, to, .. } if to.is_empty() => {
                write!(f, "notify everybody in {group}")
            }
            Self::NotifyGroup { group, to, .. } => write!(f, "notify {} in {group}", names(to)),
            Self::RecallMessage { group, sequence, .. } => {
                write!(f, "recall message {sequence} in {group}")
            }
            Self::MuteAll { group, time: Some(time) } => {
                write!(f, "mute everybody in {group} for {}", duration::format(*time))
            }
            Self::MuteAll { group, time: None } => write!(f, "mute everybody in {group}"),
            Self::UnmuteAll { group } => write!(f, "let everybody speak in {group} again"),
            Self::SetGroup { group, fields } => {
                write!(f, "set {} of {group}", fields.named().join(", "))
            }
            Self::DismissGroup { group } => write!(f, "dismiss {group}"),
            Self::SendPrivate { to, .. } => write!(f, "send a private message to {to}"),
            Self::SendMessage { group, .. } => write!(f, "send a message to {group}"),
            Self::Alert { text } => write!(f, "alert: {text}"),
            Self::Read(read) => write!(f, "{read}"),
        }
    }
}

/// Writes everything on one line.
struct OneLine<W>(W);

impl<W: fmt::Write> fmt::Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match turns(character) {
            true => write!(self.0, "{}", character.escape_default()),
            false => self.0.write_char(character),
        })
    }
}

/// Whether a character ends a line, moves the cursor or turns the direction of writing.
pub fn turns(character: char) -> bool {
    let of_format = '\u{2028}'..='\u{202e}';
    let isolates = '\u{2066}'..='\u{2069}';
    character.is_control() || of_format.contains(&character) || isolates.contains(&character)
}

fn how_long(time: Option<Duration>) -> String {
    time.map_or_else(|| "ever".to_owned(), duration::format)
}

fn names(accounts: &[Account]) -> String {
    accounts.iter().map(Account::as_str).collect::<Vec<_>>().join(", ")
}

fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "the owner",
        Role::Admin => "an admin",
        Role::Member | Role::Outside => "a plain member",
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { group } => write!(f, "ask who owns {group}"),
            Self::Roles { group, accounts, details: true, .. } => {
                write!(f, "ask what {} is in {group}, and since when", names(accounts))
            }
            Self::Roles { group, accounts, .. } => {
                write!(f, "ask what {} is in {group}", names(accounts))
            }
            Self::Candidates { group, .. } => write!(f, "ask who may succeed the owner of {group}"),
            Self::Room { room, .. } => write!(f, "ask who owns room {room}"),
            Self::RoomCandidates { room, .. } => {
                write!(f, "ask who may succeed the owner of room {room}")
            }
            Self::Muted { group, member, .. } => {
                write!(f, "ask whether {member} is still muted in {group}")
            }
        }
    }
}

/// A question to Chat; the answer comes back as an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// Type, owner, name, count of a group.
    Group { group: GroupId },
    /// What these accounts are in a group, and its owner.
    Roles {
        group: GroupId,
        group_type: Option<GroupType>,
        accounts: Vec<Account>,
        /// With join time, name card and last message, which Chat tells by another command.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        details: bool,
    },
    /// The group and its members with role, join time and last message: who may succeed the owner. Of a very
    /// large group only those who may be the first of somebody's choice, and those who are named.
    Candidates {
        group: GroupId,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        named: Vec<Account>,
    },
    /// Who owns a room. `left`: somebody who left it while nobody had told us that.
    Room {
        room: RoomId,
        kind: RoomKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Account>,
    },
    /// The room and everybody in it with their roles: who may succeed the owner.
    RoomCandidates { room: RoomId, kind: RoomKind },
    /// Until when a member is muted.
    Muted { group: GroupId, member: Account, sanction: EventId },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_act_is_called_stays_on_one_line() {
        let text = "raid\r\nERROR \u{1b}[2Jall is well\u{2028}\u{202e}群".to_owned();
        assert_eq!(
            Act::Alert { text }.to_string(),
            "alert: raid\\r\\nERROR \\u{1b}[2Jall is well\\u{2028}\\u{202e}群"
        );
        let (group, member) = (GroupId::from("@TGS#1"), Account::from("ann\nbob"));
        let asked = Read::Muted { group, member, sanction: EventId::of(&[]) };
        assert_eq!(Act::Read(asked).to_string(), "ask whether ann\\nbob is still muted in @TGS#1");
    }
}
