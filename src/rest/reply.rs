//! What Chat answers: the envelope, and each command's reply, old names and loose types included.

use serde_json::Value;

use super::call::{Call, Page};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::{GroupFacts, MemberFacts};

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
    /// `get_admin_list`.
    Admins(Vec<Account>),
    /// `import_group_member`: Chat's overall OK can hide single failures.
    Imported(Vec<(Account, ImportResult)>),
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

/// What became of one imported member (34969).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportResult {
    Failed,
    Imported,
    Already,
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
        | Call::ChangeRoomOwner { .. } => Reply::Done,
        Call::ImportGroupMember { .. } => Reply::Imported(each(body, &["MemberList"], imported)?),
        Call::SendGroupMsg { .. } => Reply::Sent {
            sequence: int(body, &["MsgSeq"]),
            dropped: text(body, &["MsgDropReason"]).filter(|reason| !reason.is_empty()),
        },
        Call::GetGroupInfo { .. } => Reply::Groups(each(body, &["GroupInfo"], group_item)?),
        Call::GetGroupMemberInfo { page, .. } => members(page, body)?,
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
    })
}

fn members(page: &Page, body: &Value) -> Result<Reply, String> {
    let members = each_if_any(body, &["MemberList"], member_facts)?;
    let total = int(body, &["MemberNum"]);
    let cursor = text(body, &["Next"]).filter(|cursor| !cursor.is_empty());
    let next = match (page, cursor) {
        // A cursor that does not move on would be followed for ever.
        (Page::Next(asked), Some(cursor)) => (*asked != cursor).then_some(Page::Next(cursor)),
        (Page::Next(_), None) => None,
        // A Community pages by cursor only, whatever it was asked for.
        (Page::Offset(0), Some(cursor)) => Some(Page::Next(cursor)),
        (Page::Offset(offset), _) => {
            let end = offset.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
            let more = !members.is_empty() && total.is_some_and(|total| i64::from(end) < total);
            more.then_some(Page::Offset(end))
        }
    };
    Ok(Reply::Members { total, members, next })
}

fn member_facts(item: &Value) -> Result<MemberFacts, String> {
    Ok(MemberFacts {
        account: account(item, &["Member_Account"])?,
        // Left out like other default values: a plain member.
        role: role(item)?.unwrap_or(Role::Member),
        joined_at: time(item, &["JoinTime"]),
        name_card: text(item, &["NameCard"]).unwrap_or_default(),
        muted_until: time(item, &["MuteUntil", "ShutUpUntil"]),
        last_message_at: time(item, &["LastSendMsgTime"]),
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
    };
    let error = (code != 0).then(|| (code, text(item, &["ErrorInfo"]).unwrap_or_default()));
    Ok(GroupItem { group, error, facts })
}

fn imported(item: &Value) -> Result<(Account, ImportResult), String> {
    let account = account(item, &["Member_Account"])?;
    let result = match int(item, &["Result"]) {
        Some(0) => ImportResult::Failed,
        Some(1) => ImportResult::Imported,
        Some(2) => ImportResult::Already,
        other => return Err(format!("the Result of {account} is {other:?}, not 0, 1 or 2")),
    };
    Ok((account, result))
}

/// Like [`each`], for a list that may be empty: Chat may write null for that, or leave it out. But when
/// there is a list by another name, ours was renamed, and "nobody" would be a false answer.
fn each_if_any<T>(
    body: &Value,
    names: &[&str],
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let lists = body.as_object().is_some_and(|fields| fields.values().any(Value::is_array));
    if field(body, names).is_none() && !lists { Ok(Vec::new()) } else { each(body, names, read) }
}

/// Reads each item of a list that goes by one of these names.
fn each<T>(
    body: &Value,
    names: &[&str],
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match field(body, names) {
        Some(Value::Array(items)) => items.iter().map(read).collect(),
        Some(_) => Err(format!("{} is not a list", names[0])),
        None => Err(format!("the answer has no {}", names[0])),
    }
}

fn role(item: &Value) -> Result<Option<Role>, String> {
    match text(item, &["Role"]) {
        None => Ok(None),
        Some(name) if name.trim().is_empty() => Ok(None),
        // A role that we do not know may be a mighty one: better to stop than to take it for a member.
        Some(name) => match Role::from_wire(&name) {
            Some(role) => Ok(Some(role)),
            None => Err(format!("the role {name:?} is unknown")),
        },
    }
}

fn account(item: &Value, names: &[&str]) -> Result<Account, String> {
    match text(item, names) {
        Some(name) if !name.is_empty() => Ok(Account::from(name)),
        _ => Err(format!("an item has no {}", names[0])),
    }
}

/// Unix seconds; 0 means never.
fn time(item: &Value, names: &[&str]) -> Option<Timestamp> {
    int(item, names).filter(|seconds| *seconds > 0).map(Timestamp::from_secs)
}

/// A text, also where Chat writes a bare number (accounts of room commands).
fn text(item: &Value, names: &[&str]) -> Option<String> {
    match field(item, names)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, also where Chat writes it as a text.
fn int(item: &Value, names: &[&str]) -> Option<i64> {
    match field(item, names)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn field<'a>(item: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| item.get(name)).filter(|value| !value.is_null())
}
