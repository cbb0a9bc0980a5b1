//! What people do besides joining and speaking, and what is told of it.

use super::*;
use crate::chat::{Role, RoomId};
use crate::simulator::{
    Answered, AttributeChange, Befriending, NewRoom, Opening, RoomKind, Saying, TopicChange,
};

fn commands(world: &mut World) -> Vec<Value> {
    told(world).into_iter().map(|body| body["CallbackCommand"].clone()).collect()
}

fn with_room(kind: RoomKind) -> (World, RoomId) {
    let mut world = world();
    let room = RoomId::from("r");
    let owner = account("u1");
    let new = NewRoom { id: room.clone(), kind, name: "r".into(), owner, silent: true };
    world.create_room(at(0), new).unwrap();
    world.enter_room(at(0), &room, &account("u2")).unwrap();
    told(&mut world);
    (world, room)
}

#[test]
fn mutes_bans_and_their_ends_by_hand_are_never_told() {
    let mut world = with_group(world(), GroupType::Public);
    let (owner, member) = (account("u1"), account("u2"));
    world.mute(at(0), &id(), &owner, &member, 600).unwrap();
    let muted = |world: &World| world.group(&id()).unwrap().muted_until(&member, at(1));
    assert_eq!(muted(&world), Some(at(600)));
    assert_eq!(world.unmute(at(1), &id(), &account("u3"), &member).unwrap_err().code, 10007);
    world.unmute(at(1), &id(), &owner, &member).unwrap();
    assert_eq!(muted(&world), None);
    world.mute_all(at(2), &id(), &owner, true).unwrap();
    let mut room = with_group(super::world(), GroupType::AVChatRoom);
    room.ban_by_hand(at(0), &id(), &owner, std::slice::from_ref(&member), 60).unwrap();
    assert_eq!(room.group(&id()).unwrap().role(&member), Role::Outside);
    room.unban_by_hand(at(1), &id(), &owner, std::slice::from_ref(&member)).unwrap();
    assert!(room.group(&id()).unwrap().bans.is_empty());
    assert_eq!((told(&mut world), told(&mut room)), (Vec::new(), Vec::new()));
    assert_eq!(world.ban_by_hand(at(0), &id(), &owner, &[member], 60).unwrap_err().code, 10007);
}

#[test]
fn muting_everybody_is_told_where_the_app_has_that_habit() {
    let mut world = with_group(world(), GroupType::Public);
    world.settings_mut().quirks.tells_mute_all = true;
    world.mute_all(at(0), &id(), &account("u1"), true).unwrap();
    world.mute_all(at(0), &id(), &account("u1"), true).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0]["ShutUpAllMember"], "On");
}

#[test]
fn an_account_may_be_muted_everywhere() {
    let mut world = with_group(world(), GroupType::Public);
    let path = "/v4/openconfigsvr/setnospeaking";
    let body = json!({ "Set_Account": "u2", "C2CmsgNospeakingTime": 5,
        "GroupmsgNospeakingTime": 4_294_967_295_u32 });
    assert_eq!(code(&parse(&post(&mut world, at(0), path, &body).body)), 0);
    let path = "/v4/openconfigsvr/getnospeaking";
    let left = parse(&post(&mut world, at(2), path, &json!({ "Get_Account": "u2" })).body);
    assert_eq!(
        (&left["C2CmsgNospeakingTime"], &left["GroupmsgNospeakingTime"]),
        (&json!(3), &json!(4_294_967_295_u32))
    );
    let said = world.say(at(2), &id(), &account("u2"), "hi");
    assert!(matches!(said, Saying::Refused(refusal) if refusal.code == 10017));
    assert_eq!(told(&mut world)[0]["ErrorCode"], 10017);
    let written = world.say_privately(at(2), &account("u2"), &account("u3"), "hi");
    assert!(matches!(written, Saying::Refused(refusal) if refusal.code == 20012));
    let failed = told(&mut world).remove(0);
    assert_eq!((&failed["SendMsgResult"], &failed["UnreadMsgNum"]), (&json!(20012), &json!(-1)));
    let written = world.say_privately(at(5), &account("u2"), &account("u3"), "hi");
    assert!(matches!(written, Saying::Sent { .. }));
}

#[test]
fn topics_are_asked_about_made_changed_and_dismissed() {
    let mut world = with_group(asking_world(), GroupType::Community);
    let owner = account("u1");
    let Opening::Waiting(question) = world.create_topic(at(0), &id(), &owner, "toys") else {
        panic!()
    };
    assert_eq!(
        told(&mut world),
        [json!({ "CallbackCommand": "Group.CallbackBeforeCreateTopic", "Type": "Community",
            "Operator_Account": "u1", "Name": "toys", "EventTime": at(0).0 })]
    );
    let answered = world.answer(at(0), question, reply(0, ""));
    let Some(Answered::Opened(Opening::Opened(topic))) = answered else { panic!() };
    let change = TopicChange { notification: Some("read me".into()), ..TopicChange::default() };
    world.change_topic(at(1), &id(), &owner, &topic, change).unwrap();
    world.dismiss_topics(at(2), &id(), &owner, std::slice::from_ref(&topic)).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies[0]["TopicId"], json!(topic));
    assert_eq!((&bodies[1]["Notification"], &bodies[1]["Name"]), (&json!("read me"), &Value::Null));
    assert_eq!(bodies[2]["TopicIdList"], json!([topic]));
    let refused = world.create_topic(at(3), &id(), &account("u2"), "mine");
    assert!(matches!(refused, Opening::Refused(refusal) if refusal.code == 10007));
}

#[test]
fn a_mute_in_a_topic_holds_in_that_topic_only() {
    let mut world = with_group(world(), GroupType::Community);
    let Opening::Opened(topic) = world.create_topic(at(0), &id(), &account("u1"), "toys") else {
        panic!()
    };
    let body = json!({ "GroupId": GROUP, "TopicId": topic, "Members_Account": ["u2"],
        "MuteTime": 60 });
    assert_eq!(code(&call(&mut world, at(0), "forbid_send_msg", body)), 0);
    let mut say = |topic: Option<String>| {
        let words = crate::simulator::Words { topic, ..Default::default() };
        world.say_words(at(1), &id(), &account("u2"), words)
    };
    assert!(matches!(say(Some(topic.clone())), Saying::Refused(refusal) if refusal.code == 10017));
    assert!(matches!(say(None), Saying::Sent { .. }));
    let body = json!({ "GroupId": GROUP, "TopicId": topic });
    let muted = call(&mut world, at(1), "get_group_muted_account", body);
    assert_eq!(muted["MutedAccountList"][0]["Member_Account"], "u2");
}

#[test]
fn attributes_are_told_with_small_letters_and_have_their_limits() {
    let mut world = with_group(world(), GroupType::Public);
    let owner = account("u1");
    let pairs = |count: usize, bytes: usize| {
        (0..count).map(|n| (format!("k{n}"), "x".repeat(bytes))).collect()
    };
    let change = AttributeChange::Set(pairs(1, 1));
    world.change_attributes(at(0), &id(), &owner, change).unwrap();
    world.change_attributes(at(0), &id(), &owner, AttributeChange::Clear).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies[0]["GroupAttr"], json!([{ "key": "k0", "value": "x" }]));
    assert_eq!(bodies[1]["OptionType"], "clear");
    for (pairs, expected) in [
        (pairs(17, 1), 10045),
        ([("k".repeat(33), String::new())].into(), 10046),
        (pairs(1, 4_001), 10047),
        (pairs(5, 4_000), 10048),
    ] {
        let change = AttributeChange::Modify(pairs);
        let refused = world.change_attributes(at(0), &id(), &owner, change).unwrap_err();
        assert_eq!(refused.code, expected);
    }
}

#[test]
fn read_receipts_tell_who_and_how_many() {
    let mut world = with_group(world(), GroupType::Public);
    world.say(at(0), &id(), &account("u2"), "hi");
    told(&mut world);
    world.read(at(1), &id(), &account("u3"), &[1]).unwrap();
    world.read(at(1), &id(), &account("u3"), &[1]).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies.len(), 1);
    assert_eq!(
        bodies[0]["GroupMsgReceiptList"],
        json!([{ "MsgSeq": 1, "ReadNum": 1, "UnreadNum": 1,
            "ReadReceiptMembers": [{ "Member_Account": "u3" }] }])
    );
}

#[test]
fn private_messages_are_read_and_withdrawn() {
    let mut world = world();
    let (ann, bob) = (account("ann"), account("bob"));
    world.say_privately(at(0), &ann, &bob, "one");
    world.say_privately(at(0), &ann, &bob, "two");
    world.withdraw(at(1), &ann, &bob, 2).unwrap();
    assert_eq!(world.withdraw(at(1), &ann, &bob, 2).unwrap_err().code, 20022);
    world.read_private(at(2), &bob, &ann);
    let unread: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["UnreadMsgNum"].clone()).collect();
    assert_eq!(unread, [json!(1), json!(2), json!(1), json!(0)]);
}

#[test]
fn who_is_blocked_writes_and_befriends_in_vain() {
    let mut world = world();
    let (ann, bob) = (account("ann"), account("bob"));
    world.block(at(0), &bob, &ann, true);
    world.block(at(0), &bob, &ann, true);
    assert_eq!(commands(&mut world), ["Sns.CallbackBlackListAdd"]);
    let written = world.say_privately(at(1), &ann, &bob, "hi");
    assert!(matches!(written, Saying::Refused(refusal) if refusal.code == 20007));
    assert!(matches!(world.befriend(at(1), &ann, &bob), Befriending::Refused(_)));
    world.block(at(2), &bob, &ann, false);
    assert_eq!(world.befriend(at(2), &ann, &bob), Befriending::Befriended);
    world.unfriend(at(3), &bob, &ann);
    world.unfriend(at(3), &bob, &ann);
    assert_eq!(
        commands(&mut world),
        [
            "C2C.CallbackAfterSendMsg",
            "Sns.CallbackBlackListDelete",
            "Sns.CallbackFriendAdd",
            "Sns.CallbackFriendDelete"
        ]
    );
}

#[test]
fn a_friendship_is_refused_in_its_item_and_not_overall() {
    for (answer, refused) in [
        (json!({ "ResultItem": [{ "To_Account": "bob", "ResultCode": 38_001 }] }), Some(38_001)),
        (json!({ "ResultItem": [{ "To_Account": "bob", "ResultCode": 0 }] }), None),
    ] {
        let mut world = asking_world();
        let asked = world.befriend(at(0), &account("ann"), &account("bob"));
        let Befriending::Waiting(question) = asked else { panic!() };
        let mut body = json!({ "ActionStatus": "OK", "ErrorCode": 1, "ErrorInfo": "" });
        body["ResultItem"] = answer["ResultItem"].clone();
        let answered = world.answer(at(0), question, Some((200, body.to_string().into_bytes())));
        let Some(Answered::Befriended(befriending)) = answered else { panic!() };
        let code = match befriending {
            Befriending::Refused(refusal) => Some(refusal.code),
            _ => None,
        };
        assert_eq!(code, refused);
    }
}

#[test]
fn robots_hear_when_they_are_mentioned_or_written_to() {
    let mut world = with_group(world(), GroupType::Public);
    let words = crate::simulator::Words {
        text: "help".into(),
        mentions: vec!["@RBT#1".into(), "u3".into()],
        ..Default::default()
    };
    world.say_words(at(0), &id(), &account("u2"), words);
    world.say_privately(at(0), &account("u2"), &account("@RBT#1"), "help");
    let bodies = told(&mut world);
    assert_eq!(bodies[0]["CallbackCommand"], "Bot.OnGroupMessage");
    assert_eq!(bodies[0]["AtRobots_Account"], json!(["@RBT#1"]));
    assert_eq!(bodies[2]["CallbackCommand"], "Bot.OnC2CMessage");
}

#[test]
fn the_quota_of_new_groups_is_told_once_and_then_refused() {
    let mut world = world();
    world.settings_mut().daily_groups = 3;
    let made = |world: &mut World, n: i64| {
        let body = json!({ "Type": "Public", "Name": format!("g{n}"), "GroupId": format!("g{n}") });
        code(&call(world, at(n), "create_group", body))
    };
    let codes: Vec<i64> = (0..4).map(|n| made(&mut world, n)).collect();
    assert_eq!(codes, [0, 0, 0, 10060]);
    let alarms: Vec<Value> = told(&mut world)
        .into_iter()
        .filter(|body| body["CallbackCommand"] == "Group.CallbackOnDailyGroupQuotaAlarm")
        .collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!((&alarms[0]["QuotaUsed"], &alarms[0]["Quota"]), (&json!(3), &json!(3)));
    assert_eq!(code(&call(&mut world, at(5), "destroy_group", json!({ "GroupId": "g0" }))), 0);
    assert_eq!(made(&mut world, 6), 0);
    assert_eq!(made(&mut world, 86_400 * 2), 0);
}

#[test]
fn a_seat_is_taken_and_left_as_told() {
    let (mut world, room) = with_room(RoomKind::Conference);
    world.seat(at(0), &room, &account("u2"), 1, Some(&account("u2"))).unwrap();
    let body = json!({ "RoomId": "r", "Member_Account": "u2" });
    let path = "/v4/room_engine_http_mic/kick_user_off_seat";
    assert_eq!(code(&parse(&post(&mut world, at(1), path, &body).body)), 0);
    let seats: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["SeatList"][0].clone()).collect();
    assert_eq!(seats[0]["Member_Account"], "u2");
    assert_eq!(
        seats[1],
        json!({ "Index": 1, "Member_Account": "", "IsTakenDisabled": false,
            "IsVideoDisabled": false, "IsAudioDisabled": false })
    );
    assert_eq!(
        world.seat(at(2), &room, &account("u9"), 1, Some(&account("u9"))).unwrap_err().code,
        100_005
    );
    assert_eq!(world.seat(at(2), &room, &account("u2"), 99, None).unwrap_err().code, 100_002);
}

#[test]
fn a_lost_connection_expires_in_a_conference_and_interrupts_in_a_live_room() {
    let (mut world, room) = with_room(RoomKind::Conference);
    world.room_heartbeat(at(0), &room, &account("u2"), true).unwrap();
    assert_eq!(told(&mut world)[0]["Type"], "Expired");
    let (mut world, room) = with_room(RoomKind::Live);
    for lost in [true, false] {
        world.room_heartbeat(at(0), &room, &account("u2"), lost).unwrap();
    }
    let causes: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["EventCause"].clone()).collect();
    assert_eq!(causes, ["HeartbeatInterrupt", "HeartbeatRecover"]);
}

#[test]
fn who_is_banned_from_a_room_is_out_and_stays_out_for_a_time() {
    let (mut world, room) = with_room(RoomKind::Conference);
    let body = json!({ "RoomId": "r", "MemberList_Account": ["u2"], "Duration": 60 });
    let path = "/v4/room_engine_http_srv/ban_room_member";
    assert_eq!(code(&parse(&post(&mut world, at(0), path, &body).body)), 0);
    assert_eq!(told(&mut world)[0]["Type"], "Kicked");
    assert_eq!(world.enter_room(at(59), &room, &account("u2")).unwrap_err().code, 100_006);
    assert_eq!(world.enter_room(at(60), &room, &account("u2")), Ok(()));
}

#[test]
fn metadata_of_a_live_room_is_told_set_and_deleted() {
    let (mut world, room) = with_room(RoomKind::Live);
    let changes = [("a".to_owned(), Some("1".to_owned())), ("gone".to_owned(), None)].into();
    world.room_metadata(at(0), &room, &account("u1"), changes).unwrap();
    let changes = [("a".to_owned(), None)].into();
    world.room_metadata(at(1), &room, &account("u1"), changes).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["Metadata"], json!([{ "Key": "a", "Value": "1" }]));
    assert_eq!(bodies[1]["Keys"], json!(["a"]));
}

#[test]
fn a_profile_is_told_and_read_back_but_not_of_who_is_gone() {
    let mut world = world();
    let items = [("Tag_Profile_IM_Nick".to_owned(), json!("Ann"))].into();
    world.set_profile_items(at(0), &account("ann"), items);
    assert_eq!(told(&mut world)[0]["ProfileItem"][0]["Value"], "Ann");
    world.delete_account(at(1), &account("bob"));
    let body = json!({ "To_Account": ["ann", "bob"], "TagList": ["Tag_Profile_IM_Nick"] });
    let answer = parse(&post(&mut world, at(1), "/v4/profile/portrait_get", &body).body);
    assert_eq!(answer["UserProfileItem"][0]["ProfileItem"][0]["Value"], "Ann");
    assert_eq!(answer["UserProfileItem"][1]["ResultCode"], 40003);
    assert_eq!(answer["Fail_Account"], json!(["bob"]));
}
