//! Every command with a request shaped as its document's sample, in a world where it must work.

use std::collections::BTreeSet;

use super::*;
use crate::chat::RoomId;
use crate::simulator::{NewRoom, OwnUrl, RoomKind, rest_commands};

const G: &str = "group_open_http_svc";
const AV: &str = "group_open_avchatroom_http_svc";
const ROOM: &str = "room_engine_http_srv";
const MIC: &str = "room_engine_http_mic";
const LIVE: &str = "live_engine_http_srv";
const TOPIC: &str = "million_group_open_http_svc";
const COMMUNITY: &str = "@TGS#_cats";
const TOYS: &str = "@TGS#_cats@TOPIC#_toys";

/// A group of each kind that samples need, a Conference room `c` and a Live room `l`.
fn furnished() -> World {
    let mut world = with_group(world(), GroupType::Public);
    for (id, kind) in [("av", GroupType::AVChatRoom), (COMMUNITY, GroupType::Community)] {
        world.create_group(at(-1000), NewGroup::new(id, kind, "u1", &["u2", "u3"]));
    }
    for (id, kind) in [("c", RoomKind::Conference), ("l", RoomKind::Live)] {
        let new = NewRoom {
            id: id.into(),
            kind,
            name: id.to_owned(),
            owner: account("u1"),
            silent: true,
        };
        world.create_room(at(-1000), new).unwrap();
        world.enter_room(at(-1000), &RoomId::from(id), &account("u2")).unwrap();
    }
    world.say(at(-1), &id(), &account("u2"), "first");
    let topic = json!({ "GroupId": COMMUNITY, "TopicId": TOYS, "TopicName": "toys" });
    send(&mut world, TOPIC, "create_topic", &topic);
    world.settings_mut().live = Some(OwnUrl::new("http://127.0.0.1/live", Some("token")));
    world
}

fn send(world: &mut World, service: &str, command: &str, body: &Value) -> Value {
    let query = if command == "GetIPList" { "&nettype=5" } else { "" };
    let path = format!("/v4/{service}/{command}");
    let query = format!("{QUERY}{query}");
    parse(&world.rest(at(0), &path, &query, body.to_string().as_bytes()).body)
}

type Sample = (&'static str, &'static str, Value);

fn samples() -> Vec<Sample> {
    [
        group_samples(),
        member_samples(),
        message_samples(),
        other_samples(),
        conference_samples(),
        live_samples(),
    ]
    .concat()
}

fn group_samples() -> Vec<Sample> {
    vec![
        (G, "change_group_owner", json!({ "GroupId": GROUP, "NewOwner_Account": "u2" })),
        (
            G,
            "modify_group_member_info",
            json!({ "GroupId": GROUP, "Member_Account": "u2", "Role": "Admin", "MsgFlag": "Discard",
                "NameCard": "bob", "MuteTime": 86_400,
                "AppMemberDefinedData": [{ "Key": "k", "Value": "v" }] }),
        ),
        (G, "get_role_in_group", json!({ "GroupId": GROUP, "User_Account": ["u1", "nobody"] })),
        (AV, "modify_admin", json!({ "GroupId": "av", "CommandType": 1, "Admin_Account": ["u2"] })),
        (AV, "get_admin_list", json!({ "GroupId": "av" })),
        (
            AV,
            "modify_user_info",
            json!({ "GroupId": "av", "CommandType": 1, "MemberList": [
                { "Member_Account": "u2", "Marks": [1000, 1001] } ] }),
        ),
        (AV, "get_members", json!({ "GroupId": "av", "Timestamp": 0 })),
        (
            G,
            "get_group_info",
            json!({ "GroupIdList": [GROUP], "ResponseFilter": {
            "GroupBaseInfoFilter": ["Type", "Owner_Account"], "MemberInfoFilter": ["Role"] } }),
        ),
        (G, "get_appid_group_list", json!({ "Limit": 1000, "Next": 0, "GroupType": "Public" })),
        (G, "get_joined_group_list", json!({ "Member_Account": "u1", "WithHugeGroups": 1 })),
        (G, "get_online_member_num", json!({ "GroupId": "av" })),
    ]
}

fn member_samples() -> Vec<Sample> {
    vec![
        (
            G,
            "get_group_member_info",
            json!({ "GroupId": COMMUNITY, "Limit": 100, "Next": "", "MemberRoleFilter": ["Owner"] }),
        ),
        (
            G,
            "get_specified_group_member_info",
            json!({ "GroupId": GROUP, "Member_List_Account": ["u1"], "MemberInfoFilter": ["Role"] }),
        ),
        (
            G,
            "add_group_member",
            json!({ "GroupId": GROUP, "Silence": 1, "MemberList": [{ "Member_Account": "u9" }] }),
        ),
        (
            G,
            "delete_group_member",
            json!({ "GroupId": GROUP, "Reason": "kick", "MemberToDel_Account": ["u3"] }),
        ),
        (
            G,
            "import_group_member",
            json!({ "GroupId": GROUP, "MemberList": [
                { "Member_Account": "u8", "Role": "Admin", "UnreadMsgNum": 1 } ] }),
        ),
        (
            G,
            "forbid_send_msg",
            json!({ "GroupId": GROUP, "Members_Account": ["u2", "u3"], "MuteTime": 60 }),
        ),
        (G, "get_group_muted_account", json!({ "GroupId": GROUP })),
        (G, "get_group_shutted_uin", json!({ "GroupId": GROUP })),
        (
            G,
            "ban_group_member",
            json!({ "GroupId": "av", "Members_Account": ["u3"], "Duration": 60 }),
        ),
        (G, "unban_group_member", json!({ "GroupId": "av", "Members_Account": ["u3"] })),
        (G, "get_group_ban_member", json!({ "GroupId": "av", "Limit": 10, "Offset": 0 })),
    ]
}

fn message_samples() -> Vec<Sample> {
    let text = json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "red packet" } }]);
    vec![
        (G, "send_group_msg", json!({ "GroupId": GROUP, "Random": 8912345, "MsgBody": text })),
        (
            G,
            "send_group_system_notification",
            json!({ "GroupId": GROUP, "ToMembers_Account": ["u2"], "Content": "hello" }),
        ),
        (G, "group_msg_recall", json!({ "GroupId": GROUP, "MsgSeqList": [{ "MsgSeq": 1 }] })),
        (
            "openim",
            "sendmsg",
            json!({ "SyncOtherMachine": 2, "To_Account": "u2", "MsgRandom": 1_287_657,
                "MsgBody": text }),
        ),
        (G, "create_group", json!({ "Owner_Account": "u1", "Type": "Public", "Name": "new" })),
        (
            G,
            "modify_group_base_info",
            json!({ "GroupId": GROUP, "Name": "new", "ApplyJoinOption": "NeedPermission",
                "MaxMemberNum": 500, "MuteAllMember": "On" }),
        ),
        (
            G,
            "set_group_attr",
            json!({ "GroupId": "av", "GroupAttr": [{ "key": "a", "value": "b" }] }),
        ),
        (
            G,
            "modify_group_attr",
            json!({ "GroupId": "av", "GroupAttr": [{ "key": "a", "value": "b" }] }),
        ),
        (G, "delete_group_attr", json!({ "GroupId": "av", "GroupAttr": [{ "key": "a" }] })),
        (G, "clear_group_attr", json!({ "GroupId": "av" })),
        ("group_open_attr_http_svc", "get_group_attr", json!({ "GroupId": "av" })),
        (TOPIC, "create_topic", json!({ "GroupId": COMMUNITY, "TopicName": "new" })),
        (
            TOPIC,
            "modify_topic",
            json!({ "GroupId": COMMUNITY, "TopicId": TOYS, "Notification": "n",
                "MuteAllMember": "On" }),
        ),
        (TOPIC, "get_topic", json!({ "GroupId": COMMUNITY, "TopicIdList": [TOYS] })),
        (TOPIC, "destroy_topic", json!({ "GroupId": COMMUNITY, "TopicIdList": [TOYS] })),
        (G, "destroy_group", json!({ "GroupId": GROUP })),
    ]
}

fn other_samples() -> Vec<Sample> {
    let login = "im_open_login_svc";
    let users = json!([{ "UserID": "u1" }]);
    vec![
        (login, "account_check", json!({ "CheckItem": users })),
        (login, "account_delete", json!({ "DeleteItem": users })),
        (login, "account_import", json!({ "UserID": "u1", "Nick": "n", "FaceUrl": "" })),
        ("ConfigSvc", "GetIPList", json!({})),
        (
            "openconfigsvr",
            "setnospeaking",
            json!({ "Set_Account": "u1", "C2CmsgNospeakingTime": 4_294_967_295_u32,
                "GroupmsgNospeakingTime": 7196 }),
        ),
        ("openconfigsvr", "getnospeaking", json!({ "Get_Account": "u1" })),
        (
            "profile",
            "portrait_get",
            json!({ "To_Account": ["u1"], "TagList": ["Tag_Profile_IM_Nick"] }),
        ),
        (
            "profile",
            "portrait_set",
            json!({ "From_Account": "u1", "ProfileItem": [
                { "Tag": "Tag_Profile_IM_Nick", "Value": "n" } ] }),
        ),
    ]
}

fn conference_samples() -> Vec<Sample> {
    let members = json!(["u2"]);
    vec![
        (ROOM, "create_room", new_room()),
        (ROOM, "get_room_info", json!({ "RoomId": "c" })),
        (ROOM, "update_room_info", json!({ "RoomInfo": { "RoomId": "c", "RoomName": "n" } })),
        (ROOM, "get_room_member_list", json!({ "RoomId": "c", "Count": 50, "Next": "" })),
        (
            ROOM,
            "update_room_member_info",
            json!({ "RoomId": "c", "MemberInfo": { "Member_Account": "u2", "NameCard": "n",
                "Role": "Admin" } }),
        ),
        (
            ROOM,
            "change_room_owner",
            json!({ "RoomId": "c", "From_Account": "u1", "NewOwner_Account": "u2" }),
        ),
        (
            ROOM,
            "kick_user_out",
            json!({ "RoomId": "c", "MemberList_Account": members, "Reason": "r" }),
        ),
        (ROOM, "ban_room_member", ban("c")),
        (ROOM, "unban_room_member", unban("c")),
        (ROOM, "get_banned_member_list", json!({ "RoomId": "c", "Limit": 10, "Offset": 0 })),
        (
            ROOM,
            "mark_room_member",
            json!({ "RoomId": "c", "CommandType": 1, "MemberList": [
                { "Member_Account": "u2", "Marks": [1000] } ] }),
        ),
        (MIC, "get_seat_list", json!({ "RoomId": "c" })),
        (MIC, "pick_user_on_seat", json!({ "RoomId": "c", "Member_Account": "u2", "Index": 1 })),
        (
            MIC,
            "lock_seat",
            json!({ "RoomId": "c", "SeatList": [{ "Index": 2, "IsTakenDisabled": true }] }),
        ),
        (ROOM, "destroy_room", json!({ "RoomId": "c" })),
    ]
}

fn new_room() -> Value {
    json!({ "RoomInfo": { "RoomId": "new", "RoomName": "n", "Owner_Account": "u1" } })
}

fn ban(room: &str) -> Value {
    json!({ "RoomId": room, "MemberList_Account": ["u2"], "Duration": 60 })
}

fn unban(room: &str) -> Value {
    json!({ "RoomId": room, "MemberList_Account": ["u2"] })
}

fn live_samples() -> Vec<Sample> {
    let url = json!({ "Url": "https://bot.example", "CallbackCommandList": [
        "Live.CallbackAfterDestroyRoom" ] });
    vec![
        (LIVE, "create_room", new_room()),
        (LIVE, "get_room_info", json!({ "RoomId": "l" })),
        (LIVE, "update_room_info", json!({ "RoomInfo": { "RoomId": "l", "CoverURL": "u" } })),
        (LIVE, "get_room_list", json!({ "Next": "", "Count": 20 })),
        (LIVE, "get_member_list", json!({ "RoomId": "l", "Next": "" })),
        (LIVE, "change_room_owner", json!({ "RoomId": "l", "NewOwner_Account": "u2" })),
        (LIVE, "get_admin_list", json!({ "RoomId": "l" })),
        (LIVE, "modify_admin", json!({ "RoomId": "l", "CommandType": 1, "Admin_Account": ["u2"] })),
        (LIVE, "ban_member", ban("l")),
        (LIVE, "unban_member", unban("l")),
        (LIVE, "get_banned_member_list", json!({ "RoomId": "l" })),
        (
            LIVE,
            "set_room_metadata",
            json!({ "RoomId": "l", "Metadata": [{ "Key": "k", "Value": "v" }] }),
        ),
        (LIVE, "get_room_metadata", json!({ "RoomId": "l" })),
        (LIVE, "del_room_metadata", json!({ "RoomId": "l", "Keys": ["k"] })),
        (LIVE, "destroy_room", json!({ "RoomId": "l" })),
        ("room_config", "set_callback", url.clone()),
        ("room_config", "get_callback", json!({})),
        ("live_config", "set_callback", url.clone()),
        ("live_config", "get_callback", json!({})),
        ("live_config", "update_callback", url),
        ("live_config", "set_callback_token", json!({ "Token": "t", "IsTokenEnable": true })),
        ("live_config", "get_callback_token", json!({})),
    ]
}

#[test]
fn every_command_takes_its_sample() {
    let samples = samples();
    for (service, command, body) in &samples {
        let answer = send(&mut furnished(), service, command, body);
        assert_eq!(code(&answer), 0, "{service}/{command} {body}: {answer}");
        assert_eq!(answer["ActionStatus"], "OK", "{command}");
    }
    let tried: BTreeSet<&str> = samples.iter().map(|(_, command, _)| *command).collect();
    // It needs somebody on a seat: `a_seat_is_taken_and_left_as_told` has it.
    let missing: Vec<&str> = rest_commands()
        .filter(|command| !tried.contains(command) && *command != "kick_user_off_seat")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_command_refuses_a_field_that_it_does_not_know() {
    for (service, command, mut body) in samples() {
        body["Unknown"] = json!(1);
        let answer = send(&mut furnished(), service, command, &body);
        assert_ne!(code(&answer), 0, "{service}/{command}");
    }
}

#[test]
fn lists_of_commands_end_where_the_documents_say() {
    let many = |count: usize| (0..count).map(|n| json!(format!("u{n}"))).collect::<Value>();
    for (service, command, list, most, mut body) in [
        (G, "forbid_send_msg", "Members_Account", 500, json!({ "GroupId": GROUP, "MuteTime": 1 })),
        (G, "delete_group_member", "MemberToDel_Account", 100, json!({ "GroupId": GROUP })),
        (G, "ban_group_member", "Members_Account", 20, json!({ "GroupId": "av", "Duration": 1 })),
        (G, "get_role_in_group", "User_Account", 500, json!({ "GroupId": GROUP })),
        (G, "get_group_info", "GroupIdList", 50, json!({})),
    ] {
        for (count, expected) in [(most, 0), (most + 1, 10005)] {
            body[list] = many(count);
            if command == "ban_group_member" {
                // The owner, who cannot be banned.
                body[list][1] = json!("x");
            }
            let answer = send(&mut furnished(), service, command, &body);
            assert_eq!(code(&answer), expected, "{command} {count}");
        }
    }
}

#[test]
fn addresses_of_callbacks_are_listed_by_kind_of_network() {
    let mut world = world();
    world.settings_mut().addresses = vec!["203.0.113.0/24".to_owned()];
    let mut list = |query: &str| {
        let query = format!("{QUERY}{query}");
        parse(&world.rest(at(0), "/v4/ConfigSvc/GetIPList", &query, b"{}").body)
    };
    assert_eq!(list("&nettype=6")["IPList"], json!(["203.0.113.0/24"]));
    assert_eq!(list("&nettype=1")["IPList"], json!([]));
    assert_eq!(code(&list("")), 60002);
    assert_eq!(code(&list("&nettype=7")), 60002);
    let other = world.rest(
        at(0),
        "/v4/group_open_http_svc/get_group_info",
        &format!("{QUERY}&nettype=5"),
        b"{}",
    );
    assert_eq!(code(&parse(&other.body)), 60002);
}
