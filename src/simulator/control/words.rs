//! The acts as they are written in requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::faults::{Fault, FaultKind, Scope};
use super::super::groups::NewGroup;
use super::super::quirks::Quirks;
use super::super::unseen::MemberChange;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;

/// What can be done; the name is the last part of the path.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Act {
    // Groups
    Group(GroupWords),
    Dismiss { group: GroupId, by: Account },
    Rename { group: GroupId, by: Account, name: String },
    SetInfo(InfoWords),
    SetAttributes { group: GroupId, by: Account, set: BTreeMap<String, String> },
    CreateTopic { group: GroupId, by: Account, name: String },
    RenameTopic { group: GroupId, by: Account, topic: String, name: String },
    DismissTopic { group: GroupId, by: Account, topic: String },
    // Members
    Join { group: GroupId, account: Account },
    Approve { group: GroupId, by: Account, account: Account },
    Invite { group: GroupId, by: Account, accounts: Vec<Account> },
    Leave { group: GroupId, account: Account },
    Kick { group: GroupId, by: Account, accounts: Vec<Account> },
    ChangeOwner { group: GroupId, by: Account, to: Account },
    SetRole { group: GroupId, by: Account, account: Account, role: Role },
    SetNameCard { group: GroupId, by: Account, account: Account, card: String },
    Mute { group: GroupId, by: Account, account: Account, seconds: u32 },
    Unmute { group: GroupId, by: Account, account: Account },
    MuteAll { group: GroupId, by: Account, on: bool },
    Ban { group: GroupId, by: Account, accounts: Vec<Account>, seconds: u32 },
    Unban { group: GroupId, by: Account, accounts: Vec<Account> },
    Unseen(UnseenWords),
    Crowd { group: GroupId, prefix: String, count: u32 },
    // Messages
    Say { group: GroupId, account: Account, text: String },
    SayPrivately { from: Account, to: Account, text: String },
    Recall { group: GroupId, by: Account, sequence: i64 },
    Read { group: GroupId, account: Account, sequences: Vec<i64> },
    ReadPrivate { account: Account, peer: Account },
    Withdraw { from: Account, to: Account, sequence: i64 },
    // Accounts
    SetOnline { account: Account, online: bool },
    DeleteAccount { account: Account },
    SetProfile { account: Account, items: BTreeMap<String, Value> },
    Befriend { from: Account, to: Account },
    Unfriend { from: Account, to: Account },
    Block { from: Account, to: Account },
    Unblock { from: Account, to: Account },
    // Rooms
    CreateRoom { room: RoomId, kind: KindWord, name: Option<String>, owner: Account },
    EnterRoom { room: RoomId, account: Account },
    LeaveRoom { room: RoomId, account: Account },
    KickFromRoom { room: RoomId, by: Account, account: Account },
    ChangeRoomOwner { room: RoomId, by: Account, to: Account },
    RenameRoom { room: RoomId, by: Account, name: String },
    DestroyRoom { room: RoomId, by: Account },
    LoseConnection { room: RoomId, account: Account },
    RegainConnection { room: RoomId, account: Account },
    TakeSeat { room: RoomId, account: Account, seat: usize },
    LeaveSeat { room: RoomId, account: Account, seat: usize },
    SetMetadata { room: RoomId, by: Account, set: BTreeMap<String, Option<String>> },
    // The Chat itself
    Emit { command: String, group: Option<GroupId>, body: Value },
    Fault(FaultWords),
    ClearFaults {},
    Quirks(Quirks),
    Callbacks(CallbackWords),
    Clock { seconds: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupWords {
    id: GroupId,
    #[serde(rename = "type")]
    kind: GroupType,
    name: Option<String>,
    owner: Option<Account>,
    #[serde(default)]
    members: Vec<MemberWord>,
    /// With `false`, the bot is asked and told.
    #[serde(default = "yes")]
    silent: bool,
}

fn yes() -> bool {
    true
}

/// `"ann"` or `{ "id": "ann", "role": "admin", "joined_at": 1700000000000 }`.
#[derive(Deserialize)]
#[serde(untagged)]
enum MemberWord {
    Plain(Account),
    Full { id: Account, role: Option<Role>, joined_at: Option<Timestamp> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InfoWords {
    pub group: GroupId,
    pub by: Account,
    name: Option<String>,
    introduction: Option<String>,
    notification: Option<String>,
    face_url: Option<String>,
}

impl InfoWords {
    /// Chat's names and the new texts.
    pub fn texts(self) -> Vec<(&'static str, String)> {
        [
            ("Name", self.name),
            ("Introduction", self.introduction),
            ("Notification", self.notification),
            ("FaceUrl", self.face_url),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnseenWords {
    pub group: GroupId,
    pub account: Account,
    /// `""` takes the member out.
    role: Option<String>,
    joined_at: Option<Timestamp>,
    name_card: Option<String>,
    last_message_at: Option<Timestamp>,
    muted_seconds: Option<u64>,
}

impl UnseenWords {
    /// `Err` when the role is none.
    pub fn change(&self) -> Result<MemberChange, String> {
        let role =
            match self.role.as_deref() {
                None => None,
                Some("" | "outside") => Some(Role::Outside),
                Some(name) => Some(Role::from_wire(name).ok_or_else(|| {
                    format!("`{name}` is no role: owner, admin, member, or outside")
                })?),
            };
        Ok(MemberChange {
            role,
            joined_at: self.joined_at,
            name_card: self.name_card.clone(),
            last_message_at: self.last_message_at,
            muted: self.muted_seconds.map(Duration::from_secs),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindWord {
    Conference,
    Live,
}

/// Which callbacks are sent, and what happens when they are not answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackWords {
    #[serde(default)]
    pub on: BTreeSet<String>,
    #[serde(default)]
    pub off: BTreeSet<String>,
    pub refuse_unanswered: Option<bool>,
    /// Seconds from a time-out to each further try.
    pub retries: Option<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultWords {
    on: String,
    times: Option<u32>,
    kind: FaultWord,
    about: Option<String>,
    seconds: Option<u64>,
    #[serde(default)]
    sparing: u32,
    #[serde(default)]
    every: u32,
}

impl FaultWords {
    pub fn fault(self) -> (Fault, Scope) {
        let scope = Scope {
            about: self.about,
            lasting: self.seconds.map(Duration::from_secs),
            sparing: self.sparing,
            every: self.every,
        };
        (Fault { on: self.on, times: self.times, kind: self.kind.into() }, scope)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultWord {
    Status(u16),
    Code(i64),
    Hang,
    ApplyThenDropReply,
    ApplyThenHang,
    RefuseConnection,
    StaleReads { seconds: u64 },
    Slow { seconds: u64 },
    GarbleAnswer,
    Partial { every: usize },
    DropMessage,
    Duplicate,
    Lose,
    Delay { seconds: u64 },
    Reorder,
    Garble,
    WrongSign,
    WrongApp,
    OldSign { seconds: u64 },
    Skew { milliseconds: i64 },
}

impl From<FaultWord> for FaultKind {
    fn from(word: FaultWord) -> Self {
        let time = Duration::from_secs;
        match word {
            FaultWord::Status(status) => Self::Status(status),
            FaultWord::Code(code) => Self::Code(code, "injected".to_owned()),
            FaultWord::Hang => Self::Hang,
            FaultWord::ApplyThenDropReply => Self::ApplyThenDropReply,
            FaultWord::ApplyThenHang => Self::ApplyThenHang,
            FaultWord::RefuseConnection => Self::RefuseConnection,
            FaultWord::StaleReads { seconds } => Self::StaleReads { during: time(seconds) },
            FaultWord::Slow { seconds } => Self::Slow { by: time(seconds) },
            FaultWord::GarbleAnswer => Self::GarbleAnswer,
            FaultWord::Partial { every } => Self::Partial { every },
            FaultWord::DropMessage => Self::DropMessage,
            FaultWord::Duplicate => Self::Duplicate,
            FaultWord::Lose => Self::Lose,
            FaultWord::Delay { seconds } => Self::Delay { by: time(seconds) },
            FaultWord::Reorder => Self::Reorder,
            FaultWord::Garble => Self::Garble,
            FaultWord::WrongSign => Self::WrongSign,
            FaultWord::WrongApp => Self::WrongApp,
            FaultWord::OldSign { seconds } => Self::OldSign { by: time(seconds) },
            FaultWord::Skew { milliseconds } => Self::Skew { by: milliseconds },
        }
    }
}

impl From<GroupWords> for NewGroup {
    fn from(words: GroupWords) -> Self {
        let member = |word| match word {
            MemberWord::Plain(id) => (id, Role::Member, Timestamp(i64::MAX)),
            MemberWord::Full { id, role, joined_at } => {
                // Without a time of joining: from the moment the group is made.
                (id, role.unwrap_or(Role::Member), joined_at.unwrap_or(Timestamp(i64::MAX)))
            }
        };
        Self {
            name: words.name.unwrap_or_else(|| words.id.as_str().to_owned()),
            id: words.id,
            kind: words.kind,
            owner: words.owner,
            members: words.members.into_iter().map(member).collect(),
            silent: words.silent,
        }
    }
}
