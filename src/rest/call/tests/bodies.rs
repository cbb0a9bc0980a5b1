//! Each command sends what the sample of its page shows.

use super::*;

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
    let call = |from| Call::ChangeGroupOwner { group: group(), new_owner: account("bob"), from };
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
        topic: Some("@TGS#_@TGS#c@TOPIC#_one".to_owned()),
        text: "hello".to_owned(),
        from: Some(account("leckie")),
        random: 2_804_799_576,
    };
    assert_sends(
        &call,
        "v4/group_open_http_svc/send_group_msg",
        json!({
            "GroupId": "@TGS#2J4SZEAEL",
            "TopicId": "@TGS#_@TGS#c@TOPIC#_one",
            "From_Account": "leckie",
            "Random": 2_804_799_576_u32,
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hello" } }],
            "ForbidCallbackControl":
                ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"],
        }),
    );
    assert_eq!(say("hello").body().get("From_Account"), None);
    assert_eq!(say("hello").body().get("TopicId"), None);
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
        let call = Call::DeleteGroupMember { group, members, silent, reason: reason.to_owned() };
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
