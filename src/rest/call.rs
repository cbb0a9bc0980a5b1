//! The commands that we give Chat: address, body, and Chat's limits checked before anything is sent.

use serde_json::{Map, Value, json};

use crate::chat::{Account, GroupId, Role, RoomId, limits};
use crate::rule::model::{ImportedMember, MessageReceiving};

/// Fields of one member (33529).
const MEMBER_FIELDS: usize = 5;
/// A field's key is shorter than this, bytes (33529).
const FIELD_KEY_BYTES: usize = 16;

/// One REST call.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Document 34966. The new owner must be a member; `from` is recorded as the operator.
    ChangeGroupOwner { group: GroupId, new_owner: Account, from: Option<Account> },
    /// Document 34900. One member, one change.
    ModifyGroupMemberInfo { group: GroupId, member: Account, change: MemberChange },
    /// Document 60525. Admins of an `AVChatRoom`: `set` makes them, otherwise it ends them.
    ModifyAdmin { group: GroupId, set: bool, admins: Vec<Account> },
    /// Document 34969. Chat sends neither callbacks nor notifications for it.
    ImportGroupMember { group: GroupId, members: Vec<ImportedMember> },
    /// Document 60713 (Conference, where `from`, the present owner, is mandatory) and the `live` one.
    ChangeRoomOwner { room: RoomId, live: bool, from: Option<Account>, new_owner: Account },
    /// Document 34959. The same `random` within five minutes makes a repeated call harmless. Chat is
    /// asked not to call us back for it.
    SendGroupMsg { group: GroupId, text: String, from: Option<Account>, random: u32 },
    /// Document 34961. Without members, which could make the answer larger than Chat sends (10018).
    GetGroupInfo { groups: Vec<GroupId> },
    /// Document 34948. One page of members.
    GetGroupMemberInfo { group: GroupId, page: Page },
    /// Document 34963.
    GetRoleInGroup { group: GroupId, accounts: Vec<Account> },
    /// Document 34964.
    GetGroupMutedAccount { group: GroupId },
    /// Document 60524. Admins of an `AVChatRoom`.
    GetAdminList { group: GroupId },
}

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

/// Where a page of members begins (34948): by position, or in a Community by cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Offset(u32),
    /// Empty for the first page.
    Next(String),
}

impl Call {
    /// The command: the last part of the path, by which Chat counts calls.
    pub fn command(&self) -> &'static str {
        let path = self.path();
        path.rsplit_once('/').map_or(path, |(_, command)| command)
    }

    /// The path below the host, without a slash before it.
    pub fn path(&self) -> &'static str {
        match self {
            Self::ChangeGroupOwner { .. } => "v4/group_open_http_svc/change_group_owner",
            Self::ModifyGroupMemberInfo { .. } => "v4/group_open_http_svc/modify_group_member_info",
            Self::ModifyAdmin { .. } => "v4/group_open_avchatroom_http_svc/modify_admin",
            Self::ImportGroupMember { .. } => "v4/group_open_http_svc/import_group_member",
            Self::ChangeRoomOwner { live: false, .. } => {
                "v4/room_engine_http_srv/change_room_owner"
            }
            Self::ChangeRoomOwner { live: true, .. } => "v4/live_engine_http_srv/change_room_owner",
            Self::SendGroupMsg { .. } => "v4/group_open_http_svc/send_group_msg",
            Self::GetGroupInfo { .. } => "v4/group_open_http_svc/get_group_info",
            Self::GetGroupMemberInfo { .. } => "v4/group_open_http_svc/get_group_member_info",
            Self::GetRoleInGroup { .. } => "v4/group_open_http_svc/get_role_in_group",
            Self::GetGroupMutedAccount { .. } => "v4/group_open_http_svc/get_group_muted_account",
            Self::GetAdminList { .. } => "v4/group_open_avchatroom_http_svc/get_admin_list",
        }
    }

    /// Whether it only asks: it can be repeated without a thought.
    pub fn is_read(&self) -> bool {
        matches!(
            self,
            Self::GetGroupInfo { .. }
                | Self::GetGroupMemberInfo { .. }
                | Self::GetRoleInGroup { .. }
                | Self::GetGroupMutedAccount { .. }
                | Self::GetAdminList { .. }
        )
    }

    /// The body, as the command's page prints it.
    pub fn body(&self) -> Value {
        match self {
            Self::ChangeGroupOwner { group, new_owner, from } => {
                with_from(json!({ "GroupId": group, "NewOwner_Account": new_owner }), from.as_ref())
            }
            Self::ModifyGroupMemberInfo { group, member, change } => {
                let (key, value) = change.wire();
                json!({ "GroupId": group, "Member_Account": member, key: value })
            }
            Self::ModifyAdmin { group, set, admins } => json!({
                "GroupId": group,
                "CommandType": if *set { 1 } else { 2 },
                "Admin_Account": admins,
            }),
            Self::ImportGroupMember { group, members } => json!({
                "GroupId": group,
                "MemberList": members.iter().map(imported_member).collect::<Vec<_>>(),
            }),
            Self::ChangeRoomOwner { room, from, new_owner, .. } => {
                with_from(json!({ "RoomId": room, "NewOwner_Account": new_owner }), from.as_ref())
            }
            Self::SendGroupMsg { group, text, from, random } => with_from(
                json!({
                    "GroupId": group,
                    "Random": random,
                    "MsgBody": text_message(text),
                    "ForbidCallbackControl": [
                        "ForbidBeforeSendMsgCallback",
                        "ForbidAfterSendMsgCallback",
                    ],
                }),
                from.as_ref(),
            ),
            Self::GetGroupInfo { groups } => json!({
                "GroupIdList": groups,
                "ResponseFilter": {
                    "GroupBaseInfoFilter":
                        ["Type", "Name", "Owner_Account", "CreateTime", "MemberNum"],
                },
            }),
            Self::GetGroupMemberInfo { group, page } => {
                let (key, value) = match page {
                    Page::Offset(offset) => ("Offset", json!(offset)),
                    Page::Next(cursor) => ("Next", json!(cursor)),
                };
                json!({
                    "GroupId": group,
                    "Limit": limits::MEMBER_PAGE,
                    key: value,
                    "MemberInfoFilter":
                        ["Role", "JoinTime", "LastSendMsgTime", "MuteUntil", "NameCard"],
                })
            }
            Self::GetRoleInGroup { group, accounts } => {
                json!({ "GroupId": group, "User_Account": accounts })
            }
            Self::GetGroupMutedAccount { group } | Self::GetAdminList { group } => {
                json!({ "GroupId": group })
            }
        }
    }

    /// Checks Chat's documented limits, so that a call which Chat must refuse is never sent.
    /// The error says which value is wrong and what the limit is.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::ChangeGroupOwner { group, new_owner, from } => {
                check_id("GroupId", group.as_str())?;
                check_account(new_owner)?;
                from.iter().try_for_each(check_account)
            }
            Self::ModifyGroupMemberInfo { group, member, change } => {
                check_id("GroupId", group.as_str())?;
                check_account(member)?;
                change.check()
            }
            Self::ModifyAdmin { group, admins, .. } => {
                check_id("GroupId", group.as_str())?;
                check_count("admins", admins.len(), limits::AVCHATROOM_ADMINS)?;
                admins.iter().try_for_each(check_account)
            }
            Self::ImportGroupMember { group, members } => {
                check_id("GroupId", group.as_str())?;
                check_count("members", members.len(), limits::IMPORT_MEMBERS)?;
                members.iter().try_for_each(check_imported)
            }
            Self::ChangeRoomOwner { room, live, from, new_owner } => {
                check_id("RoomId", room.as_str())?;
                check_account(new_owner)?;
                if from.is_none() && !live {
                    return Err("a Conference room changes hands only when its present owner is \
                                named (From_Account)"
                        .to_owned());
                }
                from.iter().try_for_each(check_account)
            }
            Self::SendGroupMsg { group, text, from, .. } => {
                check_id("GroupId", group.as_str())?;
                check_id("Text", text)?;
                check_bytes(
                    "the message",
                    text_message(text).to_string().len(),
                    limits::MESSAGE_BYTES,
                )?;
                from.iter().try_for_each(check_account)
            }
            Self::GetGroupInfo { groups } => {
                check_count("groups", groups.len(), limits::GROUP_INFO_GROUPS)?;
                groups.iter().try_for_each(|group| check_id("GroupId", group.as_str()))
            }
            Self::GetRoleInGroup { group, accounts } => {
                check_id("GroupId", group.as_str())?;
                check_count("accounts", accounts.len(), limits::ROLE_ACCOUNTS)?;
                accounts.iter().try_for_each(check_account)
            }
            Self::GetGroupMemberInfo { group, .. }
            | Self::GetGroupMutedAccount { group }
            | Self::GetAdminList { group } => check_id("GroupId", group.as_str()),
        }
    }
}

impl MemberChange {
    /// Field and value on the wire.
    fn wire(&self) -> (&'static str, Value) {
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

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Role(Role::Admin | Role::Member) | Self::MuteSeconds(_) | Self::MsgFlag(_) => {
                Ok(())
            }
            Self::Role(role) => {
                Err(format!("modify_group_member_info sets Admin or Member, not {role:?}"))
            }
            Self::NameCard(text) => check_bytes("NameCard", text.len(), limits::NAME_CARD_BYTES),
            Self::Fields(fields) => {
                check_count("fields", fields.len(), MEMBER_FIELDS)?;
                fields.iter().try_for_each(|(key, value)| {
                    check_id("a field's key", key)?;
                    check_bytes("a field's key", key.len(), FIELD_KEY_BYTES - 1)?;
                    check_bytes(&format!("field {key}"), value.len(), limits::MEMBER_FIELD_BYTES)
                })
            }
        }
    }
}

fn with_from(mut body: Value, from: Option<&Account>) -> Value {
    if let Some(from) = from {
        body["From_Account"] = json!(from);
    }
    body
}

fn text_message(text: &str) -> Value {
    json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }])
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

fn check_imported(member: &ImportedMember) -> Result<(), String> {
    check_account(&member.id)?;
    match member.joined_at {
        Some(time) if time <= 0 => {
            Err(format!("JoinTime of {} is {time}; it is unix seconds", member.id))
        }
        _ => Ok(()),
    }
}

fn check_id(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

fn check_account(account: &Account) -> Result<(), String> {
    if !account.is_somebody() {
        return Err(format!("{account:?} is nobody's account"));
    }
    check_bytes(&format!("account {account}"), account.as_str().len(), limits::ACCOUNT_BYTES)
}

fn check_bytes(what: &str, bytes: usize, limit: usize) -> Result<(), String> {
    if bytes > limit {
        return Err(format!("{what} has {bytes} bytes; Chat takes at most {limit}"));
    }
    Ok(())
}

fn check_count(what: &str, count: usize, limit: usize) -> Result<(), String> {
    match count {
        0 => Err(format!("no {what} given")),
        _ if count > limit => Err(format!("{count} {what}; Chat takes at most {limit} a call")),
        _ => Ok(()),
    }
}
