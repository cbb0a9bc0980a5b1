//! Calls about members: 34900, 34921, 34948, 34949, 34969, 50295, 50296, 60525, 64897.

use serde_json::{Map, Value, json};

use super::Page;
use super::check::{account, accounts, bytes, count, id};
use crate::chat::{Account, GroupId, Role, limits};
use crate::rule::model::{ImportedMember, MessageReceiving};

/// Fields of one member (33529).
const MEMBER_FIELDS: usize = 5;
/// A field's key is shorter than this, bytes (33529).
const FIELD_KEY_BYTES: usize = 16;
/// Members of one `ban_group_member` or `unban_group_member` (50296, 50297).
pub(super) const BAN_MEMBERS: usize = 20;

/// One page of `get_group_ban_member` (50295).
const BAN_PAGE: u32 = 100;

/// What `modify_group_member_info` changes (34900).
#[derive(Clone, Debug, PartialEq)]
pub enum MemberChange {
    /// Admin or member; the owner is made by `change_group_owner` only.
    Role(Role),
    /// Seconds from now; 0 lifts the mute, [`limits::MUTE_FOREVER`] never ends.
    MuteSeconds(u32),
    NameCard(String),
    MsgFlag(MessageReceiving),
    /// `AppMemberDefinedData`: key and value.
    Fields(Vec<(String, String)>),
}

impl MemberChange {
    /// Field and value on the wire.
    pub(super) fn wire(&self) -> (&'static str, Value) {
        match self {
            Self::Role(Role::Admin) => ("Role", json!("Admin")),
            // `check` lets nothing but these two pass.
            Self::Role(_) => ("Role", json!("Member")),
            Self::MuteSeconds(seconds) => ("MuteTime", json!(seconds)),
            Self::NameCard(text) => ("NameCard", json!(text)),
            Self::MsgFlag(mode) => ("MsgFlag", json!(mode.name())),
            Self::Fields(fields) => {
                let data = fields.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
                ("AppMemberDefinedData", data.collect())
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Role(Role::Admin | Role::Member) | Self::MuteSeconds(_) | Self::MsgFlag(_) => {
                Ok(())
            }
            Self::Role(role) => {
                Err(format!("modify_group_member_info sets Admin or Member, not {role:?}"))
            }
            Self::NameCard(text) => bytes("NameCard", text.len(), limits::NAME_CARD_BYTES),
            Self::Fields(fields) => {
                count("fields", fields.len(), MEMBER_FIELDS)?;
                fields.iter().try_for_each(|(key, value)| {
                    id("a field's key", key)?;
                    bytes("a field's key", key.len(), FIELD_KEY_BYTES - 1)?;
                    bytes(&format!("field {key}"), value.len(), limits::MEMBER_FIELD_BYTES)
                })
            }
        }
    }
}

pub(super) fn import(group: &GroupId, members: &[ImportedMember]) -> Value {
    json!({
        "GroupId": group,
        "MemberList": members.iter().map(imported_member).collect::<Vec<_>>(),
    })
}

fn imported_member(member: &ImportedMember) -> Value {
    let mut item = Map::new();
    item.insert("Member_Account".to_owned(), json!(member.id));
    if member.admin {
        item.insert("Role".to_owned(), json!("Admin"));
    }
    if let Some(time) = member.joined_at {
        item.insert("JoinTime".to_owned(), json!(time));
    }
    if let Some(unread) = member.unread {
        item.insert("UnreadMsgNum".to_owned(), json!(unread));
    }
    Value::Object(item)
}

pub(super) fn check_import(members: &[ImportedMember]) -> Result<(), String> {
    count("members", members.len(), limits::IMPORT_MEMBERS)?;
    members.iter().try_for_each(|member| {
        account(&member.id)?;
        match member.joined_at {
            Some(time) if time <= 0 => {
                Err(format!("JoinTime of {} is {time}; it is unix seconds", member.id))
            }
            _ => Ok(()),
        }
    })
}

pub(super) fn add(group: &GroupId, members: &[Account], silent: bool) -> Value {
    let list = members.iter().map(|member| json!({ "Member_Account": member })).collect::<Vec<_>>();
    silently(json!({ "GroupId": group, "MemberList": list }), silent)
}

pub(super) fn delete(group: &GroupId, members: &[Account], silent: bool, reason: &str) -> Value {
    let body = json!({ "GroupId": group, "MemberToDel_Account": members });
    with_text(silently(body, silent), "Reason", reason)
}

pub(super) fn check_delete(members: &[Account], reason: &str) -> Result<(), String> {
    accounts("members", members, limits::DELETE_MEMBERS)?;
    bytes("Reason", reason.len(), limits::REASON_BYTES)
}

pub(super) fn ban(group: &GroupId, members: &[Account], seconds: u32, description: &str) -> Value {
    let body = json!({ "GroupId": group, "Members_Account": members, "Duration": seconds });
    with_text(body, "Description", description)
}

pub(super) fn check_ban(
    members: &[Account],
    seconds: u32,
    description: &str,
) -> Result<(), String> {
    accounts("members", members, BAN_MEMBERS)?;
    if seconds == 0 {
        return Err("a ban of 0 seconds bans nobody".to_owned());
    }
    bytes("Description", description.len(), limits::REASON_BYTES)
}

pub(super) fn admins(group: &GroupId, set: bool, admins: &[Account]) -> Value {
    let kind = if set { 1 } else { 2 };
    json!({ "GroupId": group, "CommandType": kind, "Admin_Account": admins })
}

/// What is read of a member.
const MEMBER_INFO: [&str; 5] = ["Role", "JoinTime", "LastSendMsgTime", "MuteUntil", "NameCard"];

pub(super) fn page(group: &GroupId, page: &Page, roles: &[Role]) -> Value {
    let (key, value) = match page {
        Page::Offset(offset) => ("Offset", json!(offset)),
        Page::Next(cursor) => ("Next", json!(cursor)),
    };
    let mut body = json!({
        "GroupId": group,
        "Limit": limits::MEMBER_PAGE,
        key: value,
        "MemberInfoFilter": MEMBER_INFO,
    });
    if !roles.is_empty() {
        let names = roles.iter().filter_map(|role| role_name(*role));
        body["MemberRoleFilter"] = names.collect();
    }
    body
}

/// As `MemberRoleFilter` spells it; nobody outside is in the list.
fn role_name(role: Role) -> Option<&'static str> {
    match role {
        Role::Owner => Some("Owner"),
        Role::Admin => Some("Admin"),
        Role::Member => Some("Member"),
        Role::Outside => None,
    }
}

pub(super) fn check_roles(roles: &[Role]) -> Result<(), String> {
    match roles.iter().any(|role| role_name(*role).is_none()) {
        true => Err("a list of members has nobody who is outside".to_owned()),
        false => Ok(()),
    }
}

pub(super) fn specified(group: &GroupId, members: &[Account]) -> Value {
    json!({
        "GroupId": group,
        "Member_List_Account": members,
        "MemberInfoFilter": MEMBER_INFO,
    })
}

pub(super) fn banned(group: &GroupId, offset: u32) -> Value {
    json!({ "GroupId": group, "Limit": BAN_PAGE, "Offset": offset })
}

/// `Silence` 1 keeps clients from being told; 0 is what Chat takes when it is not there.
fn silently(mut body: Value, silent: bool) -> Value {
    if silent {
        body["Silence"] = json!(1);
    }
    body
}

fn with_text(mut body: Value, name: &str, text: &str) -> Value {
    if !text.is_empty() {
        body[name] = json!(text);
    }
    body
}
