//! What Chat answers: the envelope, and each command's reply, old names and loose types included.

mod app;
mod members;
mod room;
mod wire;

use serde_json::Value;

use super::call::{Call, Page};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::{GroupFacts, MemberFacts, RoomFacts, RoomMember};
use wire::{account, each, each_if_any, int, role, switch, text, time};

/// The reply to a [`Call`] that Chat carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is so now (or was so already).
    Done,
    /// `get_group_info`: one item for each group asked for.
    Groups(Vec<GroupItem>),
    /// `get_group_member_info`: one page, and where the next one begins.
    Members { total: Option<i64>, members: Vec<MemberFacts>, next: Option<Page> },
    /// `get_role_in_group`; somebody who is not a member is [`Role::Outside`].
    Roles(Vec<(Account, Role)>),
    /// `get_group_muted_account`: until when each is muted.
    Muted(Vec<(Account, Timestamp)>),
    /// `get_admin_list`, of an `AVChatRoom` or a live room.
    Admins(Vec<Account>),
    /// `get_group_ban_member`: until when each is banned, and where the next page begins.
    Banned { banned: Vec<(Account, Timestamp)>, next: Option<u32> },
    /// `get_appid_group_list`: one page; `total` counts the groups of all pages.
    GroupIds { total: Option<i64>, groups: Vec<GroupId>, next: Option<i64> },
    /// `account_check`.
    Accounts(Vec<(Account, AccountState)>),
    /// `GetIPList`: addresses (`1.2.3.4`) and networks (`1.2.3.0/25`), as Chat writes them.
    Addresses(Vec<String>),
    /// `get_room_info`.
    Room(RoomFacts),
    /// `get_room_member_list` and `get_member_list`: one page, and where the next one begins.
    RoomMembers { total: Option<i64>, members: Vec<RoomMember>, next: Option<String> },
    /// `import_group_member`: Chat's overall OK can hide single failures.
    Imported(Vec<(Account, ImportResult)>),
    /// `add_group_member`: here too.
    Added(Vec<(Account, AddResult)>),
    /// `group_msg_recall`: `MsgSeq` and `RetCode` of each message, 0 when it was recalled.
    Recalled(Vec<(i64, i64)>),
    /// `send_group_msg`. `dropped` is Chat's reason (`MsgDropReason`) for having thrown the message
    /// away although it answered OK.
    Sent { sequence: Option<i64>, dropped: Option<String> },
}

/// One group of `get_group_info`. With an `error`, only `facts.group` and `facts.exists` mean anything.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupItem {
    pub group: GroupId,
    /// Chat's code and words for this group.
    pub error: Option<(i64, String)>,
    pub facts: GroupFacts,
}

/// What Chat knows of an account (34956).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    Exists,
    Missing,
    /// Chat could not say: its code and its words.
    Unknown {
        code: i64,
        words: String,
    },
}

/// What became of one imported member (34969).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportResult {
    Failed,
    Imported,
    Already,
}

/// What became of one added member (34921).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddResult {
    Failed,
    Added,
    Already,
    /// Waits until the invited agrees.
    Pending,
}

/// The part of an answer that all commands share (34620).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub code: i64,
    pub words: String,
}

impl Envelope {
    /// Reads `ErrorCode`, `ErrorInfo` and `ActionStatus`. The error says what is missing or contradictory.
    pub fn read(body: &Value) -> Result<Self, String> {
        let words = text(body, &["ErrorInfo"]).unwrap_or_default();
        let failed = text(body, &["ActionStatus"]).is_some_and(|status| status.trim() == "FAIL");
        match int(body, &["ErrorCode"]) {
            Some(0) if failed => Err("ActionStatus is FAIL and ErrorCode is 0".to_owned()),
            Some(code) => Ok(Self { code, words }),
            None => Err("the answer has no ErrorCode".to_owned()),
        }
    }
}

/// Whether the answer must be read item by item even when its envelope has an error: the overall
/// code of `get_group_info` says nothing about the single groups (34961).
pub fn has_items(call: &Call, body: &Value) -> bool {
    matches!(call, Call::GetGroupInfo { .. })
        && body["GroupInfo"].as_array().is_some_and(|items| !items.is_empty())
}

/// Reads the reply to `call`. The error says which field cannot be read.
pub fn read(call: &Call, body: &Value) -> Result<Reply, String> {
    Ok(match call {
        Call::ChangeGroupOwner { .. }
        | Call::ModifyGroupMemberInfo { .. }
        | Call::ModifyAdmin { .. }
        | Call::DeleteGroupMember { .. }
        | Call::ForbidSendMsg { .. }
        | Call::BanGroupMember { .. }
        | Call::UnbanGroupMember { .. }
        | Call::ChangeRoomOwner { .. }
        | Call::ModifyGroupBaseInfo { .. }
        | Call::DestroyGroup { .. }
        | Call::SendGroupSystemNotification { .. }
        | Call::SendMsg { .. } => Reply::Done,
        Call::ImportGroupMember { .. } => {
            Reply::Imported(each(body, &["MemberList"], members::imported)?)
        }
        Call::AddGroupMember { .. } => Reply::Added(each(body, &["MemberList"], members::added)?),
        Call::GroupMsgRecall { .. } => Reply::Recalled(each(body, &["RecallRetList"], recalled)?),
        Call::SendGroupMsg { .. } => Reply::Sent {
            sequence: int(body, &["MsgSeq"]),
            dropped: text(body, &["MsgDropReason"]).filter(|reason| !reason.is_empty()),
        },
        Call::GetGroupInfo { .. } => Reply::Groups(each(body, &["GroupInfo"], group_item)?),
        Call::GetGroupMemberInfo { page, .. } => members::page(page, body)?,
        Call::GetSpecifiedGroupMemberInfo { .. } => Reply::Members {
            total: None,
            members: each_if_any(body, &["MemberList"], members::facts)?,
            next: None,
        },
        Call::GetRoleInGroup { .. } => Reply::Roles(each(body, &["UserIdList"], |item| {
            let account = account(item, &["Member_Account"])?;
            let role = role(item)?.ok_or_else(|| format!("{account} has no Role"))?;
            Ok((account, role))
        })?),
        Call::GetGroupMutedAccount { .. } => {
            Reply::Muted(each_if_any(body, &["MutedAccountList", "ShuttedUinList"], |item| {
                let until = int(item, &["MutedUntil", "ShuttedUntil"])
                    .ok_or("a muted account has no MutedUntil")?;
                Ok((account(item, &["Member_Account"])?, Timestamp::from_secs(until)))
            })?)
        }
        Call::GetAdminList { .. } => Reply::Admins(each_if_any(body, &["Admin_List"], |item| {
            account(item, &["Admin_Account"])
        })?),
        Call::GetGroupBanMember { offset, .. } => members::banned(*offset, body)?,
        Call::App(read) => app::read(read, body)?,
        Call::Room(read) => room::read(read, body)?,
    })
}

fn group_item(item: &Value) -> Result<GroupItem, String> {
    let group = GroupId::from(text(item, &["GroupId"]).ok_or("a group has no GroupId")?);
    let code = int(item, &["ErrorCode"]).unwrap_or(0);
    let facts = GroupFacts {
        group: group.clone(),
        exists: !matches!(code, 10010 | 10015),
        group_type: text(item, &["Type"])
            .filter(|name| !name.is_empty())
            .map(|name| GroupType::from_name(name.trim()).unwrap_or(GroupType::Unknown)),
        name: text(item, &["Name"]).unwrap_or_default(),
        owner: text(item, &["Owner_Account"]).map(Account::from).filter(Account::is_somebody),
        member_count: int(item, &["MemberNum"]),
        created_at: time(item, &["CreateTime"]),
        mute_all: switch(item, &["MuteAllMember", "ShutUpAllMember"]),
        last_message_at: time(item, &["LastMsgTime"]),
        message_sequence: int(item, &["NextMsgSeq"]),
    };
    let error = (code != 0).then(|| (code, text(item, &["ErrorInfo"]).unwrap_or_default()));
    Ok(GroupItem { group, error, facts })
}

fn recalled(item: &Value) -> Result<(i64, i64), String> {
    let sequence = int(item, &["MsgSeq"]).ok_or("a recalled message has no MsgSeq")?;
    let code =
        int(item, &["RetCode"]).ok_or_else(|| format!("message {sequence} has no RetCode"))?;
    Ok((sequence, code))
}

#[cfg(test)]
mod tests;
