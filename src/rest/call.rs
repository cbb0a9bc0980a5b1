//! The commands that we give Chat: address, body, and Chat's limits checked before anything is sent.

mod app;
mod batch;
mod check;
mod group;
mod members;
mod message;
mod room;

use serde_json::{Value, json};

use crate::chat::{Account, GroupId, Role, RoomId, limits};
use crate::rule::model::{GroupFields, ImportedMember};
use check::{account, accounts, count, id};

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
    /// [`limits::MUTE_FOREVER`] never ends. Chat tells no result of a single member.
    ForbidSendMsg { group: GroupId, members: Vec<Account>, seconds: u32 },
    /// Document 50296, `AVChatRoom` only. Seconds from now. "For ever" is not documented: the largest
    /// number, [`limits::MUTE_FOREVER`], is 136 years.
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
    SendGroupMsg { group: GroupId, text: String, from: Option<Account>, random: u32 },
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
            Self::SendGroupMsg { group, text, from, random } => {
                with_from(message::to_group(group, text, *random), from.as_ref())
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

    /// Checks Chat's documented limits, so that a call which Chat must refuse is never sent.
    /// The error says which value is wrong and what the limit is.
    pub fn check(&self) -> Result<(), String> {
        self.check_address()?;
        let several = |members: &[Account], most| accounts("members", members, most);
        match self {
            Self::ChangeGroupOwner { new_owner, from, .. } => {
                account(new_owner)?;
                from.iter().try_for_each(account)
            }
            Self::ModifyGroupMemberInfo { member, change, .. } => {
                account(member)?;
                change.check()
            }
            Self::ModifyAdmin { admins, .. } => {
                accounts("admins", admins, limits::AVCHATROOM_ADMINS)
            }
            Self::ImportGroupMember { members, .. } => members::check_import(members),
            Self::AddGroupMember { members, .. } => several(members, limits::ADD_MEMBERS),
            Self::DeleteGroupMember { members, reason, .. } => {
                members::check_delete(members, reason)
            }
            Self::BanGroupMember { members, seconds, description, .. } => {
                members::check_ban(members, *seconds, description)
            }
            Self::UnbanGroupMember { members, .. } => several(members, members::BAN_MEMBERS),
            Self::ForbidSendMsg { members, .. } => several(members, limits::MUTE_MEMBERS),
            Self::GetSpecifiedGroupMemberInfo { members, .. } => {
                several(members, limits::SPECIFIED_MEMBERS)
            }
            Self::GetGroupMemberInfo { roles, .. } => members::check_roles(roles),
            Self::App(read) => read.check(),
            Self::ChangeRoomOwner { live, from, new_owner, .. } => {
                account(new_owner)?;
                if from.is_none() && !live {
                    return Err("a Conference room changes hands only when its present owner is \
                                named (From_Account)"
                        .to_owned());
                }
                from.iter().try_for_each(account)
            }
            Self::ModifyGroupBaseInfo { fields, mute_all, .. } => {
                group::check_base_info(fields, *mute_all)
            }
            Self::SendGroupMsg { text, from, .. } => {
                message::check_text(text)?;
                from.iter().try_for_each(account)
            }
            Self::SendGroupSystemNotification { to, text, .. } => {
                message::check_notification(to, text)
            }
            Self::GroupMsgRecall { topic, sequences, .. } => {
                message::check_recall(topic.as_deref(), sequences)
            }
            Self::SendMsg { to, text, .. } => {
                account(to)?;
                message::check_text(text)
            }
            Self::GetGroupInfo { groups } => {
                count("groups", groups.len(), limits::GROUP_INFO_GROUPS)?;
                groups.iter().try_for_each(|group| id("GroupId", group.as_str()))
            }
            Self::GetRoleInGroup { accounts: some, .. } => {
                accounts("accounts", some, limits::ROLE_ACCOUNTS)
            }
            Self::DestroyGroup { .. }
            | Self::GetGroupMutedAccount { .. }
            | Self::GetGroupBanMember { .. }
            | Self::GetAdminList { .. }
            | Self::Room(_) => Ok(()),
        }
    }

    /// The group or room that it goes to has an id.
    fn check_address(&self) -> Result<(), String> {
        match self {
            Self::ChangeGroupOwner { group, .. }
            | Self::ModifyGroupMemberInfo { group, .. }
            | Self::ModifyAdmin { group, .. }
            | Self::ImportGroupMember { group, .. }
            | Self::AddGroupMember { group, .. }
            | Self::DeleteGroupMember { group, .. }
            | Self::ForbidSendMsg { group, .. }
            | Self::BanGroupMember { group, .. }
            | Self::UnbanGroupMember { group, .. }
            | Self::ModifyGroupBaseInfo { group, .. }
            | Self::DestroyGroup { group }
            | Self::SendGroupMsg { group, .. }
            | Self::SendGroupSystemNotification { group, .. }
            | Self::GroupMsgRecall { group, .. }
            | Self::GetGroupMemberInfo { group, .. }
            | Self::GetSpecifiedGroupMemberInfo { group, .. }
            | Self::GetRoleInGroup { group, .. }
            | Self::GetGroupMutedAccount { group }
            | Self::GetGroupBanMember { group, .. }
            | Self::GetAdminList { group } => id("GroupId", group.as_str()),
            Self::ChangeRoomOwner { room, .. } => id("RoomId", room.as_str()),
            Self::Room(read) => id("RoomId", read.room().as_str()),
            Self::SendMsg { .. } | Self::GetGroupInfo { .. } | Self::App(_) => Ok(()),
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
mod tests {
    use super::*;
    use crate::rule::model::{JoinOption, MessageReceiving};

    fn group() -> GroupId {
        GroupId::from("@TGS#2J4SZEAEL")
    }

    fn account(name: &str) -> Account {
        Account::from(name)
    }

    fn accounts(count: usize) -> Vec<Account> {
        (0..count).map(|i| account(&format!("user{i}"))).collect()
    }

    fn change(change: MemberChange) -> Call {
        Call::ModifyGroupMemberInfo { group: group(), member: account("bob"), change }
    }

    fn say(text: &str) -> Call {
        Call::SendGroupMsg { group: group(), text: text.to_owned(), from: None, random: 1 }
    }

    fn import(members: Vec<ImportedMember>) -> Call {
        Call::ImportGroupMember { group: group(), members }
    }

    fn member(id: &str) -> ImportedMember {
        ImportedMember { id: account(id), admin: false, joined_at: None, unread: None }
    }

    /// Asserts path, command and body of a call that is within all limits.
    fn assert_sends(call: &Call, path: &str, body: Value) {
        assert_eq!(call.check(), Ok(()));
        assert_eq!(call.path(), path);
        assert_eq!(call.command(), path.rsplit('/').next().unwrap());
        assert_eq!(call.body(), body);
    }

    #[test]
    fn ownership_goes_to_the_new_owner_with_or_without_an_operator() {
        let path = "v4/group_open_http_svc/change_group_owner";
        let call =
            |from| Call::ChangeGroupOwner { group: group(), new_owner: account("bob"), from };
        assert_sends(
            &call(None),
            path,
            json!({ "GroupId": "@TGS#2J4SZEAEL", "NewOwner_Account": "bob" }),
        );
        assert_sends(
            &call(Some(account("alice"))),
            path,
            json!({
                "GroupId": "@TGS#2J4SZEAEL",
                "NewOwner_Account": "bob",
                "From_Account": "alice",
            }),
        );
    }

    #[test]
    fn each_change_of_a_member_sends_its_own_field_and_no_other() {
        let fields = vec![("Level".to_owned(), "7".to_owned())];
        for (wanted, key, value) in [
            (MemberChange::Role(Role::Admin), "Role", json!("Admin")),
            (MemberChange::Role(Role::Member), "Role", json!("Member")),
            (MemberChange::MuteSeconds(600), "MuteTime", json!(600)),
            (MemberChange::MuteSeconds(0), "MuteTime", json!(0)),
            (MemberChange::MuteSeconds(limits::MUTE_FOREVER), "MuteTime", json!(4_294_967_295_u32)),
            (MemberChange::NameCard("鲍勃".to_owned()), "NameCard", json!("鲍勃")),
            (MemberChange::MsgFlag(MessageReceiving::Discard), "MsgFlag", json!("Discard")),
            (
                MemberChange::Fields(fields),
                "AppMemberDefinedData",
                json!([{ "Key": "Level", "Value": "7" }]),
            ),
        ] {
            assert_sends(
                &change(wanted),
                "v4/group_open_http_svc/modify_group_member_info",
                json!({ "GroupId": "@TGS#2J4SZEAEL", "Member_Account": "bob", key: value }),
            );
        }
    }

    #[test]
    fn admins_of_an_avchatroom_are_made_with_1_and_ended_with_2() {
        for (set, number) in [(true, 1), (false, 2)] {
            assert_sends(
                &Call::ModifyAdmin { group: group(), set, admins: accounts(2) },
                "v4/group_open_avchatroom_http_svc/modify_admin",
                json!({
                    "GroupId": "@TGS#2J4SZEAEL",
                    "CommandType": number,
                    "Admin_Account": ["user0", "user1"],
                }),
            );
        }
    }

    #[test]
    fn imported_members_carry_only_what_was_given() {
        let full = ImportedMember {
            id: account("tommy"),
            admin: true,
            joined_at: Some(1_448_357_837),
            unread: Some(5),
        };
        assert_sends(
            &import(vec![full, member("jared")]),
            "v4/group_open_http_svc/import_group_member",
            json!({
                "GroupId": "@TGS#2J4SZEAEL",
                "MemberList": [
                    {
                        "Member_Account": "tommy",
                        "Role": "Admin",
                        "JoinTime": 1_448_357_837,
                        "UnreadMsgNum": 5,
                    },
                    { "Member_Account": "jared" },
                ],
            }),
        );
    }

    #[test]
    fn a_conference_and_a_live_room_change_hands_by_different_paths() {
        let call = |live, from| Call::ChangeRoomOwner {
            room: RoomId::from("room7"),
            live,
            from,
            new_owner: account("bob"),
        };
        assert_sends(
            &call(false, Some(account("alice"))),
            "v4/room_engine_http_srv/change_room_owner",
            json!({ "RoomId": "room7", "From_Account": "alice", "NewOwner_Account": "bob" }),
        );
        assert_sends(
            &call(true, None),
            "v4/live_engine_http_srv/change_room_owner",
            json!({ "RoomId": "room7", "NewOwner_Account": "bob" }),
        );
        assert!(call(false, None).check().unwrap_err().contains("From_Account"));
    }

    #[test]
    fn a_message_asks_chat_not_to_call_back_for_it() {
        let call = Call::SendGroupMsg {
            group: group(),
            text: "hello".to_owned(),
            from: Some(account("leckie")),
            random: 2_804_799_576,
        };
        assert_sends(
            &call,
            "v4/group_open_http_svc/send_group_msg",
            json!({
                "GroupId": "@TGS#2J4SZEAEL",
                "From_Account": "leckie",
                "Random": 2_804_799_576_u32,
                "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hello" } }],
                "ForbidCallbackControl":
                    ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"],
            }),
        );
        assert_eq!(say("hello").body().get("From_Account"), None);
    }

    #[test]
    fn groups_are_read_without_their_members() {
        assert_sends(
            &Call::GetGroupInfo { groups: vec![group(), GroupId::from("cats")] },
            "v4/group_open_http_svc/get_group_info",
            json!({
                "GroupIdList": ["@TGS#2J4SZEAEL", "cats"],
                "ResponseFilter": {
                    "GroupBaseInfoFilter": [
                        "Type", "Name", "Owner_Account", "CreateTime", "MemberNum",
                        "LastMsgTime", "NextMsgSeq", "MuteAllMember",
                    ],
                },
            }),
        );
    }

    #[test]
    fn members_are_read_by_position_or_by_cursor() {
        for (page, key, value) in [
            (Page::Offset(200), "Offset", json!(200)),
            (Page::Next(String::new()), "Next", json!("")),
            (Page::Next("abc".to_owned()), "Next", json!("abc")),
        ] {
            assert_sends(
                &Call::GetGroupMemberInfo { group: group(), page, roles: Vec::new() },
                "v4/group_open_http_svc/get_group_member_info",
                json!({
                    "GroupId": "@TGS#2J4SZEAEL",
                    "Limit": 100,
                    key: value,
                    "MemberInfoFilter":
                        ["Role", "JoinTime", "LastSendMsgTime", "MuteUntil", "NameCard"],
                }),
            );
        }
    }

    #[test]
    fn roles_mutes_and_admins_are_read_by_group() {
        assert_sends(
            &Call::GetRoleInGroup { group: group(), accounts: accounts(2) },
            "v4/group_open_http_svc/get_role_in_group",
            json!({ "GroupId": "@TGS#2J4SZEAEL", "User_Account": ["user0", "user1"] }),
        );
        assert_sends(
            &Call::GetGroupMutedAccount { group: group() },
            "v4/group_open_http_svc/get_group_muted_account",
            json!({ "GroupId": "@TGS#2J4SZEAEL" }),
        );
        assert_sends(
            &Call::GetAdminList { group: group() },
            "v4/group_open_avchatroom_http_svc/get_admin_list",
            json!({ "GroupId": "@TGS#2J4SZEAEL" }),
        );
    }

    /// The samples of 34951, 34948 (by role), 64897 and 50295.
    #[test]
    fn members_are_muted_together_and_read_by_role_or_by_name_as_the_samples_show() {
        let path = |command: &str| format!("v4/group_open_http_svc/{command}");
        let mute = |seconds| Call::ForbidSendMsg {
            group: GroupId::from("@TGS#2C5SZEAEF"),
            members: vec![account("peter"), account("leckie")],
            seconds,
        };
        for seconds in [60, 0, limits::MUTE_FOREVER] {
            let body = json!({
                "GroupId": "@TGS#2C5SZEAEF",
                "Members_Account": ["peter", "leckie"],
                "MuteTime": seconds,
            });
            assert_sends(&mute(seconds), &path("forbid_send_msg"), body);
        }
        let info = ["Role", "JoinTime", "LastSendMsgTime", "MuteUntil", "NameCard"];
        let by_role = Call::GetGroupMemberInfo {
            group: group(),
            page: Page::Offset(0),
            roles: vec![Role::Owner, Role::Admin],
        };
        let body = json!({
            "GroupId": "@TGS#2J4SZEAEL",
            "Limit": 100,
            "Offset": 0,
            "MemberInfoFilter": info,
            "MemberRoleFilter": ["Owner", "Admin"],
        });
        assert_sends(&by_role, &path("get_group_member_info"), body);
        let named = Call::GetSpecifiedGroupMemberInfo {
            group: GroupId::from("@TGS#2KIFZCIPQ"),
            members: vec![account("bob"), account("peter")],
        };
        let body = json!({
            "GroupId": "@TGS#2KIFZCIPQ",
            "Member_List_Account": ["bob", "peter"],
            "MemberInfoFilter": info,
        });
        assert_sends(&named, &path("get_specified_group_member_info"), body);
        let banned = Call::GetGroupBanMember { group: group(), offset: 100 };
        let body = json!({ "GroupId": "@TGS#2J4SZEAEL", "Limit": 100, "Offset": 100 });
        assert_sends(&banned, &path("get_group_ban_member"), body);
        for read in [by_role, named, banned] {
            assert!(read.is_read(), "{read:?}");
        }
        assert!(!mute(60).is_read());
    }

    /// The samples of the pages, as Tencent prints them: 34921, 34949, 50296, 50297.
    #[test]
    fn members_are_added_removed_banned_and_unbanned_as_the_samples_show() {
        let (group, two) = (group(), vec![account("tommy"), account("jared")]);
        let path = |command: &str| format!("v4/group_open_http_svc/{command}");
        let list = json!([{ "Member_Account": "tommy" }, { "Member_Account": "jared" }]);
        for (silent, body) in [
            (false, json!({ "GroupId": group, "MemberList": list })),
            (true, json!({ "GroupId": group, "Silence": 1, "MemberList": list })),
        ] {
            let call = Call::AddGroupMember { group: group.clone(), members: two.clone(), silent };
            assert_sends(&call, &path("add_group_member"), body);
        }
        let names = ["tommy", "jared"];
        for (silent, reason, body) in [
            (false, "", json!({ "GroupId": group, "MemberToDel_Account": names })),
            (true, "", json!({ "GroupId": group, "Silence": 1, "MemberToDel_Account": names })),
            (
                false,
                "kick reason",
                json!({ "GroupId": group, "Reason": "kick reason", "MemberToDel_Account": names }),
            ),
        ] {
            let (group, members) = (group.clone(), two.clone());
            let call =
                Call::DeleteGroupMember { group, members, silent, reason: reason.to_owned() };
            assert_sends(&call, &path("delete_group_member"), body);
        }
        let (group, members) =
            (GroupId::from("@TGS#aJRGC4MH6"), vec![account("brennanli3"), account("brennanli12")]);
        assert_sends(
            &Call::BanGroupMember {
                group: group.clone(),
                members: members.clone(),
                seconds: 3600,
                description: "you are banned because of irregularities".to_owned(),
            },
            &path("ban_group_member"),
            json!({
                "GroupId": "@TGS#aJRGC4MH6",
                "Members_Account": ["brennanli3", "brennanli12"],
                "Duration": 3600,
                "Description": "you are banned because of irregularities",
            }),
        );
        assert_sends(
            &Call::UnbanGroupMember { group, members },
            &path("unban_group_member"),
            json!({
                "GroupId": "@TGS#aJRGC4MH6",
                "Members_Account": ["brennanli3", "brennanli12"],
            }),
        );
    }

    /// The samples of 34962 and 34896, without the fields that no rule sets.
    #[test]
    fn a_group_is_changed_and_dismissed_as_the_samples_show() {
        let group = GroupId::from("@TGS#1NVTZEAE4");
        let fields = GroupFields {
            name: Some("NewName".to_owned()),
            introduction: Some("NewIntroduction".to_owned()),
            notification: Some("NewNotification".to_owned()),
            join: Some(JoinOption::NeedPermission),
        };
        let change =
            |fields, mute_all| Call::ModifyGroupBaseInfo { group: group.clone(), fields, mute_all };
        let path = "v4/group_open_http_svc/modify_group_base_info";
        assert_sends(
            &change(fields, Some(true)),
            path,
            json!({
                "GroupId": "@TGS#1NVTZEAE4",
                "Name": "NewName",
                "Introduction": "NewIntroduction",
                "Notification": "NewNotification",
                "ApplyJoinOption": "NeedPermission",
                "MuteAllMember": "On",
            }),
        );
        assert_sends(
            &change(GroupFields::default(), Some(false)),
            path,
            json!({ "GroupId": "@TGS#1NVTZEAE4", "MuteAllMember": "Off" }),
        );
        assert!(change(GroupFields::default(), None).check().is_err());
        assert_sends(
            &Call::DestroyGroup { group: self::group() },
            "v4/group_open_http_svc/destroy_group",
            json!({ "GroupId": "@TGS#2J4SZEAEL" }),
        );
    }

    /// The samples of 34958, 34965 and 34919.
    #[test]
    fn people_are_notified_messages_recalled_and_written_as_the_samples_show() {
        let group = GroupId::from("@TGS#2C5SZEAEF");
        let notify = |to| Call::SendGroupSystemNotification {
            group: group.clone(),
            to,
            text: "Hello World".to_owned(),
        };
        let path = "v4/group_open_http_svc/send_group_system_notification";
        assert_sends(
            &notify(Vec::new()),
            path,
            json!({ "GroupId": "@TGS#2C5SZEAEF", "Content": "Hello World" }),
        );
        assert_sends(
            &notify(vec![account("peter"), account("leckie")]),
            path,
            json!({
                "GroupId": "@TGS#2C5SZEAEF",
                "ToMembers_Account": ["peter", "leckie"],
                "Content": "Hello World",
            }),
        );
        let recall = |topic: Option<&str>| Call::GroupMsgRecall {
            group: self::group(),
            topic: topic.map(str::to_owned),
            sequences: vec![100, 101],
        };
        let sample = json!({ "GroupId": "@TGS#2J4SZEAEL", "MsgSeqList": [{ "MsgSeq": 100 }, { "MsgSeq": 101 }] });
        let path = "v4/group_open_http_svc/group_msg_recall";
        assert_sends(&recall(None), path, sample.clone());
        let mut in_topic = sample;
        in_topic["TopicId"] = json!("@TGS#_cats@TOPIC#_tails");
        assert_sends(&recall(Some("@TGS#_cats@TOPIC#_tails")), path, in_topic);
        assert_sends(
            &Call::SendMsg {
                to: account("lumotuwe2"),
                text: "hi, beauty".to_owned(),
                random: 1_287_657,
            },
            "v4/openim/sendmsg",
            json!({
                "SyncOtherMachine": 2,
                "To_Account": "lumotuwe2",
                "MsgRandom": 1_287_657,
                "ForbidCallbackControl":
                    ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"],
                "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hi, beauty" } }],
            }),
        );
    }

    #[test]
    fn the_limits_of_the_moderating_calls_hold_at_their_borders() {
        let add = |count| Call::AddGroupMember {
            group: group(),
            members: accounts(count),
            silent: false,
        };
        let delete = |count, reason: usize| Call::DeleteGroupMember {
            group: group(),
            members: accounts(count),
            silent: false,
            reason: "r".repeat(reason),
        };
        let ban = |count, seconds, description: usize| Call::BanGroupMember {
            group: group(),
            members: accounts(count),
            seconds,
            description: "d".repeat(description),
        };
        let mute =
            |count| Call::ForbidSendMsg { group: group(), members: accounts(count), seconds: 60 };
        let specified =
            |count| Call::GetSpecifiedGroupMemberInfo { group: group(), members: accounts(count) };
        let (mutes, names) = (mute(501), specified(51));
        let unban = |count| Call::UnbanGroupMember { group: group(), members: accounts(count) };
        let named = |bytes: usize| GroupFields { name: Some("n".repeat(bytes)), ..no_fields() };
        let noted =
            |bytes: usize| GroupFields { notification: Some("n".repeat(bytes)), ..no_fields() };
        let told =
            |bytes: usize| GroupFields { introduction: Some("i".repeat(bytes)), ..no_fields() };
        let set = |fields| Call::ModifyGroupBaseInfo { group: group(), fields, mute_all: None };
        let notify = |count, bytes: usize| Call::SendGroupSystemNotification {
            group: group(),
            to: accounts(count),
            text: "x".repeat(bytes),
        };
        let recall = |sequences: std::ops::Range<i64>| Call::GroupMsgRecall {
            group: group(),
            topic: None,
            sequences: sequences.collect(),
        };
        let write = |text: &str| Call::SendMsg { to: account("bob"), text: text.into(), random: 1 };
        for (fits, breaks, says) in [
            (add(300), add(301), "301 members; Chat takes at most 300 a call"),
            (delete(100, 0), delete(101, 0), "101 members; Chat takes at most 100 a call"),
            (delete(1, 1_000), delete(1, 1_001), "Reason has 1001 bytes; Chat takes at most 1000"),
            (ban(20, 1, 0), ban(21, 1, 0), "21 members; Chat takes at most 20 a call"),
            (ban(1, 1, 1_000), ban(1, 0, 0), "a ban of 0 seconds bans nobody"),
            (unban(20), unban(0), "no members given"),
            (mute(500), mutes, "501 members; Chat takes at most 500 a call"),
            (specified(50), names, "51 members; Chat takes at most 50 a call"),
            (set(named(30)), set(named(31)), "Name has 31 bytes; Chat takes at most 30"),
            (set(named(1)), set(named(0)), "Name is empty"),
            (set(told(240)), set(told(241)), "Introduction has 241 bytes; Chat takes at most 240"),
            (
                set(noted(300)),
                set(noted(301)),
                "Notification has 301 bytes; Chat takes at most 300",
            ),
            (set(noted(0)), set(no_fields()), "nothing of the group is to be changed"),
            (notify(500, 1), notify(501, 1), "501 accounts; Chat takes at most 500 a call"),
            (notify(0, 8_000), notify(0, 8_001), "Content has 8001 bytes; Chat takes at most 8000"),
            (recall(1..11), recall(1..12), "11 messages; Chat takes at most 10 a call"),
            (recall(1..2), recall(0..1), "MsgSeq is 0; Chat counts messages from 1"),
            (write("x"), write(""), "Text is empty"),
        ] {
            assert_eq!(fits.check(), Ok(()), "{says}");
            assert_eq!(breaks.check(), Err(says.to_owned()));
        }
    }

    fn no_fields() -> GroupFields<String> {
        GroupFields::default()
    }

    #[test]
    fn calls_that_only_ask_say_so() {
        assert!(Call::GetAdminList { group: group() }.is_read());
        assert!(Call::GetGroupInfo { groups: vec![group()] }.is_read());
        assert!(!say("hello").is_read());
        assert!(!change(MemberChange::MuteSeconds(0)).is_read());
    }

    #[test]
    fn each_documented_limit_holds_at_its_border_and_breaks_one_beyond() {
        let cards = |bytes| change(MemberChange::NameCard("x".repeat(bytes)));
        let field = |key: usize, value: usize| {
            change(MemberChange::Fields(vec![("k".repeat(key), "v".repeat(value))]))
        };
        let fields = |count: usize| {
            let one = |i| (format!("k{i}"), String::new());
            change(MemberChange::Fields((0..count).map(one).collect()))
        };
        let admins =
            |count| Call::ModifyAdmin { group: group(), set: true, admins: accounts(count) };
        let imports = |count| import(vec![member("bob"); count]);
        let groups = |count| Call::GetGroupInfo { groups: vec![group(); count] };
        let roles = |count| Call::GetRoleInGroup { group: group(), accounts: accounts(count) };
        let envelope =
            json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "" } }]).to_string().len();
        let said = |bytes: usize| say(&"x".repeat(bytes - envelope));
        let named = |bytes: usize| import(vec![member(&"x".repeat(bytes))]);
        for (fits, breaks, says) in [
            (cards(50), cards(51), "NameCard has 51 bytes; Chat takes at most 50"),
            (field(15, 64), field(16, 64), "a field's key has 16 bytes; Chat takes at most 15"),
            (field(1, 64), field(1, 65), "field k has 65 bytes; Chat takes at most 64"),
            (fields(5), fields(6), "6 fields; Chat takes at most 5 a call"),
            (fields(1), fields(0), "no fields given"),
            (admins(5), admins(6), "6 admins; Chat takes at most 5 a call"),
            (imports(300), imports(301), "301 members; Chat takes at most 300 a call"),
            (groups(50), groups(51), "51 groups; Chat takes at most 50 a call"),
            (roles(500), roles(501), "501 accounts; Chat takes at most 500 a call"),
            (said(8_000), said(8_001), "the message has 8001 bytes; Chat takes at most 8000"),
            (said(8_000), say(""), "Text is empty"),
        ] {
            assert_eq!(fits.check(), Ok(()));
            assert_eq!(breaks.check(), Err(says.to_owned()));
        }
        assert_eq!(named(32).check(), Ok(()));
        assert!(named(33).check().unwrap_err().ends_with("33 bytes; Chat takes at most 32"));
    }

    #[test]
    fn a_name_card_is_measured_in_bytes_and_not_in_characters() {
        let cards = |count| change(MemberChange::NameCard("猫".repeat(count)));
        assert_eq!(cards(16).check(), Ok(()));
        assert_eq!(
            cards(17).check(),
            Err("NameCard has 51 bytes; Chat takes at most 50".to_owned())
        );
    }

    #[test]
    fn what_names_nobody_or_makes_an_owner_is_not_sent() {
        let owner = change(MemberChange::Role(Role::Owner)).check().unwrap_err();
        assert!(owner.contains("not Owner"), "{owner}");
        for nobody in ["", "@TLS#NOT_FOUND"] {
            let call =
                Call::ChangeGroupOwner { group: group(), new_owner: account(nobody), from: None };
            assert_eq!(call.check(), Err(format!("{nobody:?} is nobody's account")));
        }
        let call = Call::GetAdminList { group: GroupId::from("") };
        assert_eq!(call.check(), Err("GroupId is empty".to_owned()));
        let early = ImportedMember { joined_at: Some(0), ..member("bob") };
        assert_eq!(
            import(vec![early]).check(),
            Err("JoinTime of bob is 0; it is unix seconds".into())
        );
    }
}
