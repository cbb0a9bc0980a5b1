//! What the simulated Chat remembers of a group. Plain data; the acts are elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

/// `MuteTime` for ever, and the latest `MutedUntil` that its 32 bits can tell.
pub(super) const FOREVER: u32 = u32::MAX;

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: GroupId,
    pub kind: GroupType,
    pub name: String,
    pub introduction: String,
    pub notification: String,
    pub face_url: String,
    /// Nobody in a Work group that its owner left, or when made without one (33529, 34895).
    pub owner: Option<Account>,
    pub created_at: Timestamp,
    pub last_info_at: Timestamp,
    pub members: BTreeMap<Account, Member>,
    /// Who may not speak until when; outlives membership (34951).
    pub mutes: BTreeMap<Account, Timestamp>,
    /// Bans of an AVChatRoom (50296).
    pub bans: BTreeMap<Account, Timestamp>,
    /// Admins of an AVChatRoom, present or not (60525).
    pub room_admins: BTreeSet<Account>,
    /// Marks of who is online in an AVChatRoom (50294).
    pub marks: BTreeMap<Account, BTreeSet<u32>>,
    /// Attributes (60394), not the custom fields.
    pub attributes: BTreeMap<String, String>,
    /// Whether this Community has topics.
    pub with_topics: bool,
    pub topics: BTreeMap<String, Topic>,
    /// `MuteAllMember`.
    pub mute_all: bool,
    /// `ApplyJoinOption`: `FreeAccess`, `NeedPermission` or `DisableApply`.
    pub join_option: String,
    /// Who applied and waits for an admin.
    pub applicants: BTreeSet<Account>,
    pub max_members: usize,
    /// `AppDefinedData`.
    pub fields: BTreeMap<String, String>,
    pub messages: Vec<Message>,
    /// Texts of `send_group_system_notification`, with whom they went to (empty: everybody).
    pub notifications: Vec<(Vec<Account>, String)>,
    /// The n-th group of this app; the cursor of `get_appid_group_list`.
    pub(super) serial: u64,
}

/// One topic of a Community.
#[derive(Clone, Debug, Default)]
pub struct Topic {
    pub name: String,
    pub owner: Option<Account>,
    pub introduction: String,
    pub notification: String,
    pub face_url: String,
    pub custom: String,
    pub mute_all: bool,
    /// Who may not speak in this topic until when.
    pub mutes: BTreeMap<Account, Timestamp>,
    pub created_at: Timestamp,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Member {
    pub role: Role,
    pub joined_at: Timestamp,
    pub name_card: String,
    /// `AcceptAndNotify`, `AcceptNotNotify` or `Discard`.
    pub msg_flag: String,
    pub last_message_at: Option<Timestamp>,
    /// `AppMemberDefinedData`.
    pub fields: BTreeMap<String, String>,
    /// `MsgSeq`: read up to here.
    pub read_sequence: i64,
    /// Between `set_online(…, false)` and `true`.
    pub online: bool,
}

/// One message of a group.
#[derive(Clone, Debug)]
pub struct Message {
    pub sequence: i64,
    pub from: Account,
    /// All `Text` of its elements, joined with spaces.
    pub text: String,
    /// `MsgBody` as it was delivered.
    pub body: Value,
    pub custom_data: String,
    pub random: u32,
    pub at: Timestamp,
    pub recalled: bool,
    /// `TopicId`.
    pub topic: Option<String>,
    /// Who sent a receipt that it was read (60395).
    pub read_by: BTreeSet<Account>,
}

impl Group {
    /// What this account is here; `Outside` when it is no member.
    pub fn role(&self, account: &Account) -> Role {
        match self.members.get(account) {
            Some(member) if self.kind == GroupType::AVChatRoom && member.role != Role::Owner => {
                if self.room_admins.contains(account) {
                    Role::Admin
                } else {
                    Role::Member
                }
            }
            Some(member) => member.role,
            None => Role::Outside,
        }
    }

    /// When the mute of this account ends, if it is muted at `now`.
    pub fn muted_until(&self, account: &Account, now: Timestamp) -> Option<Timestamp> {
        self.mutes.get(account).copied().filter(|until| *until > now)
    }

    pub(super) fn is_full(&self) -> bool {
        self.members.len() >= self.max_members
    }

    pub(super) fn add(&mut self, account: Account, role: Role, joined_at: Timestamp) {
        self.applicants.remove(&account);
        self.members.insert(account, Member::new(role, joined_at));
    }

    /// Takes a member out; an owner leaves the group ownerless.
    pub(super) fn take_out(&mut self, account: &Account) {
        self.members.remove(account);
        if self.owner.as_ref() == Some(account) {
            self.owner = None;
        }
    }

    /// Mutes until `now` + `seconds`; 0 lifts (34951).
    pub(super) fn set_mute(&mut self, now: Timestamp, account: &Account, seconds: u32) {
        if seconds == 0 {
            self.mutes.remove(account);
        } else {
            self.mutes.insert(account.clone(), end(now, seconds));
        }
    }

    pub(super) fn next_sequence(&self) -> i64 {
        self.messages.last().map_or(1, |message| message.sequence + 1)
    }
}

impl Member {
    pub(super) fn new(role: Role, joined_at: Timestamp) -> Self {
        Self {
            role,
            joined_at,
            name_card: String::new(),
            msg_flag: "AcceptAndNotify".to_owned(),
            last_message_at: None,
            fields: BTreeMap::new(),
            read_sequence: 0,
            online: true,
        }
    }
}

/// `now` + `seconds` at most as far as 32 bits of unix seconds reach. The documents give no number
/// for "for ever"; a field of 32 bits can say nothing later.
pub(super) fn end(now: Timestamp, seconds: u32) -> Timestamp {
    let latest = Timestamp::from_secs(i64::from(FOREVER));
    if seconds == FOREVER {
        return latest;
    }
    (now + Duration::from_secs(u64::from(seconds))).min(latest)
}
