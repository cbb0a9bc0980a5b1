//! The commands that we give Chat: address, body, and Chat's limits checked before anything is sent.

mod app;
mod batch;
mod check;
mod group;
mod members;
mod message;
mod room;

use serde_json::{Value, json};

use crate::chat::{Account, GroupId, Role, RoomId};
use crate::rule::model::{GroupFields, ImportedMember};

pub use app::AppRead;
pub use members::MemberChange;
pub use room::RoomRead;

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
    /// Document 34921. `silent` keeps Chat from telling the members; the callbacks come all the same.
    AddGroupMember { group: GroupId, members: Vec<Account>, silent: bool },
    /// Document 34949. Whoever is no member is passed over without a word.
    DeleteGroupMember { group: GroupId, members: Vec<Account>, silent: bool, reason: String },
    /// Document 34951, every type but Work. Seconds from now; 0 lets them speak again,
    /// [`MUTE_FOREVER`](crate::chat::limits::MUTE_FOREVER) never ends. Chat tells no result of a single member.
    ForbidSendMsg { group: GroupId, members: Vec<Account>, seconds: u32 },
    /// Document 50296, `AVChatRoom` only. Seconds from now. "For ever" is not documented: the largest
    /// number, [`MUTE_FOREVER`](crate::chat::limits::MUTE_FOREVER), is 136 years.
    BanGroupMember { group: GroupId, members: Vec<Account>, seconds: u32, description: String },
    /// Document 50297, `AVChatRoom` only.
    UnbanGroupMember { group: GroupId, members: Vec<Account> },
    /// Document 60713 (Conference, where `from`, the present owner, is mandatory) and the `live` one.
    ChangeRoomOwner { room: RoomId, live: bool, from: Option<Account>, new_owner: Account },
    /// Document 34962. What is absent stays as it is; `mute_all` is `MuteAllMember`.
    ModifyGroupBaseInfo { group: GroupId, fields: GroupFields<String>, mute_all: Option<bool> },
    /// Document 34896. Cannot be taken back.
    DestroyGroup { group: GroupId },
    /// Document 34959. The same `random` within five minutes makes a repeated call harmless. Chat is
    /// asked not to call us back for it.
    SendGroupMsg {
        group: GroupId,
        topic: Option<String>,
        text: String,
        from: Option<Account>,
        random: u32,
    },
    /// Document 34958. `to` empty means everybody, which is all that an `AVChatRoom` can do. Nothing
    /// in it lets Chat notice a repetition.
    SendGroupSystemNotification { group: GroupId, to: Vec<Account>, text: String },
    /// Document 34965. `sequences` are `MsgSeq`.
    GroupMsgRecall { group: GroupId, topic: Option<String>, sequences: Vec<i64> },
    /// Document 34919: a private message of the app admin. Chat notices the same `random` again only
    /// within a second. It is asked not to call us back for it.
    SendMsg { to: Account, text: String, random: u32 },
    /// Document 34961. Without members, which could make the answer larger than Chat sends (10018).
    GetGroupInfo { groups: Vec<GroupId> },
    /// Document 34948. One page of members: of these roles, or (empty) of all. Whether positions count
    /// only those who have the role is not documented; who misses somebody reads all.
    GetGroupMemberInfo { group: GroupId, page: Page, roles: Vec<Role> },
    /// Document 64897. What 34948 says of these members; whoever is no member is left out.
    GetSpecifiedGroupMemberInfo { group: GroupId, members: Vec<Account> },
    /// Document 34963.
    GetRoleInGroup { group: GroupId, accounts: Vec<Account> },
    /// Document 34964.
    GetGroupMutedAccount { group: GroupId },
    /// Document 50295, `AVChatRoom` only. One page of those who are banned, from this position on.
    GetGroupBanMember { group: GroupId, offset: u32 },
    /// Document 60524. Admins of an `AVChatRoom`.
    GetAdminList { group: GroupId },
    /// About the app as a whole.
    App(AppRead),
    /// About a room.
    Room(RoomRead),
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
            Self::AddGroupMember { .. } => "v4/group_open_http_svc/add_group_member",
            Self::DeleteGroupMember { .. } => "v4/group_open_http_svc/delete_group_member",
            Self::ForbidSendMsg { .. } => "v4/group_open_http_svc/forbid_send_msg",
            Self::BanGroupMember { .. } => "v4/group_open_http_svc/ban_group_member",
            Self::UnbanGroupMember { .. } => "v4/group_open_http_svc/unban_group_member",
            Self::ChangeRoomOwner { live: false, .. } => {
                "v4/room_engine_http_srv/change_room_owner"
            }
            Self::ChangeRoomOwner { live: true, .. } => "v4/live_engine_http_srv/change_room_owner",
            Self::ModifyGroupBaseInfo { .. } => "v4/group_open_http_svc/modify_group_base_info",
            Self::DestroyGroup { .. } => "v4/group_open_http_svc/destroy_group",
            Self::SendGroupMsg { .. } => "v4/group_open_http_svc/send_group_msg",
            Self::SendGroupSystemNotification { .. } => {
                "v4/group_open_http_svc/send_group_system_notification"
            }
            Self::GroupMsgRecall { .. } => "v4/group_open_http_svc/group_msg_recall",
            Self::SendMsg { .. } => "v4/openim/sendmsg",
            Self::GetGroupInfo { .. } => "v4/group_open_http_svc/get_group_info",
            Self::GetGroupMemberInfo { .. } => "v4/group_open_http_svc/get_group_member_info",
            Self::GetSpecifiedGroupMemberInfo { .. } => {
                "v4/group_open_http_svc/get_specified_group_member_info"
            }
            Self::GetRoleInGroup { .. } => "v4/group_open_http_svc/get_role_in_group",
            Self::GetGroupMutedAccount { .. } => "v4/group_open_http_svc/get_group_muted_account",
            Self::GetGroupBanMember { .. } => "v4/group_open_http_svc/get_group_ban_member",
            Self::GetAdminList { .. } => "v4/group_open_avchatroom_http_svc/get_admin_list",
            Self::App(read) => read.path(),
            Self::Room(read) => read.path(),
        }
    }

    /// What a command wants in its URL besides what all have: name and value.
    pub fn query(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::App(read) => read.query(),
            _ => None,
        }
    }

    /// Whether it only asks: it can be repeated without a thought.
    pub fn is_read(&self) -> bool {
        matches!(
            self,
            Self::GetGroupInfo { .. }
                | Self::GetGroupMemberInfo { .. }
                | Self::GetSpecifiedGroupMemberInfo { .. }
                | Self::GetRoleInGroup { .. }
                | Self::GetGroupMutedAccount { .. }
                | Self::GetGroupBanMember { .. }
                | Self::GetAdminList { .. }
                | Self::App(_)
                | Self::Room(_)
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
            Self::ModifyAdmin { group, set, admins } => members::admins(group, *set, admins),
            Self::ImportGroupMember { group, members } => members::import(group, members),
            Self::AddGroupMember { group, members, silent } => {
                members::add(group, members, *silent)
            }
            Self::DeleteGroupMember { group, members, silent, reason } => {
                members::delete(group, members, *silent, reason)
            }
            Self::ForbidSendMsg { group, members, seconds } => {
                json!({ "GroupId": group, "Members_Account": members, "MuteTime": seconds })
            }
            Self::BanGroupMember { group, members, seconds, description } => {
                members::ban(group, members, *seconds, description)
            }
            Self::UnbanGroupMember { group, members } => {
                json!({ "GroupId": group, "Members_Account": members })
            }
            Self::ChangeRoomOwner { room, from, new_owner, .. } => {
                with_from(json!({ "RoomId": room, "NewOwner_Account": new_owner }), from.as_ref())
            }
            Self::ModifyGroupBaseInfo { group, fields, mute_all } => {
                group::base_info(group, fields, *mute_all)
            }
            Self::SendGroupMsg { group, topic, text, from, random } => {
                let topic = topic.as_deref();
                with_from(message::to_group(group, topic, text, *random), from.as_ref())
            }
            Self::SendGroupSystemNotification { group, to, text } => {
                message::notification(group, to, text)
            }
            Self::GroupMsgRecall { group, topic, sequences } => {
                message::recall(group, topic.as_deref(), sequences)
            }
            Self::SendMsg { to, text, random } => message::private(to, text, *random),
            Self::GetGroupInfo { groups } => group::info(groups),
            Self::GetGroupMemberInfo { group, page, roles } => members::page(group, page, roles),
            Self::GetSpecifiedGroupMemberInfo { group, members } => {
                members::specified(group, members)
            }
            Self::GetGroupBanMember { group, offset } => members::banned(group, *offset),
            Self::App(read) => read.body(),
            Self::Room(read) => read.body(),
            Self::GetRoleInGroup { group, accounts } => {
                json!({ "GroupId": group, "User_Account": accounts })
            }
            Self::DestroyGroup { group }
            | Self::GetGroupMutedAccount { group }
            | Self::GetAdminList { group } => json!({ "GroupId": group }),
        }
    }
}

fn with_from(mut body: Value, from: Option<&Account>) -> Value {
    if let Some(from) = from {
        body["From_Account"] = json!(from);
    }
    body
}

#[cfg(test)]
mod tests;
