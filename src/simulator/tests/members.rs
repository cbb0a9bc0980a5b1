//! Joining, quitting, removing, importing, muting.

use super::*;
use crate::simulator::{Answered, Joining, Saying};

#[test]
fn a_join_is_told_as_documented() {
    let mut world = with_group(world(), GroupType::Public);
    assert_eq!(world.join(at(1), &id(), &account("u4")), Joining::Joined);
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Group.CallbackAfterNewMemberJoin",
            "GroupId": GROUP, "Type": "Public", "JoinType": "Apply", "Operator_Account": "u4",
            "NewMemberList": [{ "Member_Account": "u4" }], "EventTime": 1_700_000_001_000_i64,
        })]
    );
    assert_eq!(world.group(&id()).unwrap().members[&account("u4")].joined_at, at(1));
    let Joining::Refused(refusal) = world.join(at(2), &id(), &account("u4")) else { panic!() };
    assert_eq!(refusal.code, 10013);
}

#[test]
fn the_bot_is_asked_before_a_join_and_can_refuse_with_its_own_code() {
    let mut world = with_group(asking_world(), GroupType::Public);
    let Joining::Waiting(question) = world.join(at(0), &id(), &account("u4")) else { panic!() };
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Group.CallbackBeforeApplyJoinGroup", "GroupId": GROUP,
            "Type": "Public", "Requestor_Account": "u4", "EventTime": 1_700_000_000_000_i64,
        })]
    );
    let answered = world.answer(at(1), question, reply(10_123, "not you"));
    let Some(Answered::Joined(Joining::Refused(refusal))) = answered else { panic!() };
    assert_eq!((refusal.code, refusal.info.as_str()), (10_123, "not you"));
    assert!(!world.group(&id()).unwrap().members.contains_key(&account("u4")));
}

#[test]
fn an_application_waits_for_an_admin_where_the_group_wants_that() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "ApplyJoinOption": "NeedPermission" });
    call(&mut world, at(0), "modify_group_base_info", body);
    assert_eq!(world.join(at(1), &id(), &account("u4")), Joining::Applied);
    assert_eq!(told(&mut world), Vec::<Value>::new());
    world.approve(at(2), &id(), &account("u1"), &account("u4")).unwrap();
    assert_eq!(told(&mut world)[0]["NewMemberList"], json!([{ "Member_Account": "u4" }]));
    let again = world.approve(at(3), &id(), &account("u1"), &account("u4")).unwrap_err();
    assert_eq!(again.code, 10024);
}

#[test]
fn the_owner_may_quit_a_work_group_only() {
    for kind in GroupType::ALL {
        let mut world = with_group(world(), kind);
        let left = world.leave(at(0), &id(), &account("u1"));
        let group = world.group(&id()).unwrap();
        if kind == GroupType::Work {
            assert_eq!((left, &group.owner), (Ok(()), &None));
            let body = &told(&mut world)[0];
            assert_eq!(body["ExitType"], "Quit");
            assert_eq!(body["ExitMemberList"], json!([{ "Member_Account": "u1" }]));
        } else {
            assert_eq!(left.unwrap_err().code, 10009, "{kind}");
            assert_eq!(group.owner, Some(account("u1")));
        }
    }
}

#[test]
fn a_removal_over_rest_is_told_as_kicked_by_the_admin_and_passes_over_strangers() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "MemberToDel_Account": ["u2", "stranger"] });
    assert_eq!(call(&mut world, at(0), "delete_group_member", body), ok());
    let callbacks = world.take_callbacks();
    assert_eq!((callbacks.len(), platform(&callbacks[0])), (1, "RESTAPI"));
    let body = parse(&callbacks[0].body);
    assert_eq!(body["ExitType"], "Kicked");
    assert_eq!(body["Operator_Account"], "admin");
    assert_eq!(body["ExitMemberList"], json!([{ "Member_Account": "u2" }]));
    let mut world = with_group(super::world(), GroupType::AVChatRoom);
    let body = json!({ "GroupId": GROUP, "MemberToDel_Account": ["u2"] });
    assert_eq!(code(&call(&mut world, at(0), "delete_group_member", body)), 10004);
}

#[test]
fn who_may_remove_whom_depends_on_role_and_group_type() {
    let by = |kind, by: &str, whom: &str| {
        let mut world = with_group(world(), kind);
        if kind == GroupType::Public {
            let admin = crate::chat::Role::Admin;
            world.set_role(at(0), &id(), &account("u1"), &account("u2"), admin).unwrap();
        }
        world.kick(at(1), &id(), &account(by), &[account(whom)]).map_err(|refusal| refusal.code)
    };
    assert_eq!(by(GroupType::Public, "u2", "u3"), Ok(()));
    assert_eq!(by(GroupType::Public, "u3", "u2"), Err(10007));
    assert_eq!(by(GroupType::Public, "u2", "u1"), Err(10007));
    assert_eq!(by(GroupType::Work, "u1", "u2"), Ok(()));
    assert_eq!(by(GroupType::AVChatRoom, "u1", "u2"), Err(10004));
    assert_eq!(by(GroupType::Public, "admin", "u1"), Ok(()));
}

#[test]
fn adding_tells_who_got_in_and_who_was_in() {
    let mut world = with_group(world(), GroupType::Work);
    world.delete_account(at(0), &account("ghost"));
    let list = json!([
        { "Member_Account": "u2" }, { "Member_Account": "u4" }, { "Member_Account": "ghost" },
    ]);
    let body = json!({ "GroupId": GROUP, "MemberList": list });
    let answer = call(&mut world, at(0), "add_group_member", body);
    assert_eq!(
        answer["MemberList"],
        json!([
            { "Member_Account": "u2", "Result": 2 },
            { "Member_Account": "u4", "Result": 1 },
            { "Member_Account": "ghost", "Result": 0 },
        ])
    );
    let body = &told(&mut world)[0];
    assert_eq!(
        (&body["JoinType"], &body["Operator_Account"]),
        (&json!("Invited"), &json!("admin"))
    );
    assert_eq!(body["NewMemberList"], json!([{ "Member_Account": "u4" }]));
}

#[test]
fn an_added_member_that_the_bot_drops_fails_and_the_call_waits_for_the_bot() {
    let mut world = with_group(asking_world(), GroupType::Work);
    let body = json!({
        "GroupId": GROUP, "MemberList": [{ "Member_Account": "u4" }, { "Member_Account": "u5" }],
    });
    let answer = post(&mut world, at(0), "v4/group_open_http_svc/add_group_member", &body);
    let question = answer.waiting.unwrap();
    assert!(world.calls().is_empty());
    let word = json!({
        "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "RefusedMembers_Account": ["u5"],
    });
    let answered = world.answer(at(1), question, Some((200, word.to_string().into_bytes())));
    let Some(Answered::Rest(answer)) = answered else { panic!() };
    assert_eq!(
        parse(&answer.body)["MemberList"],
        json!([{ "Member_Account": "u4", "Result": 1 }, { "Member_Account": "u5", "Result": 0 }])
    );
    assert_eq!(world.calls()[0].error_code, 0);
}

#[test]
fn a_full_group_refuses_and_tells_both_times() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "MaxMemberNum": 4 });
    call(&mut world, at(0), "modify_group_base_info", body);
    assert_eq!(world.join(at(1), &id(), &account("u4")), Joining::Joined);
    let Joining::Refused(refusal) = world.join(at(2), &id(), &account("u5")) else { panic!() };
    assert_eq!(refusal.code, 10014);
    let commands: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["CallbackCommand"].clone()).collect();
    let full = "Group.CallbackAfterGroupFull";
    assert_eq!(commands, ["Group.CallbackAfterNewMemberJoin", full, full]);
}

#[test]
fn an_import_is_silent_and_wants_a_time_within_the_life_of_the_group() {
    let mut world = with_group(world(), GroupType::Public);
    let now = at(0).secs();
    let body = json!({ "GroupId": GROUP, "MemberList": [
        { "Member_Account": "u2" },
        { "Member_Account": "u4", "Role": "Admin", "JoinTime": now - 500, "UnreadMsgNum": 3 },
        { "Member_Account": "early", "JoinTime": now - 1001 },
        { "Member_Account": "late", "JoinTime": now + 1 },
    ] });
    let answer = call(&mut world, at(0), "import_group_member", body);
    let results: Vec<i64> = answer["MemberList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["Result"].as_i64().unwrap())
        .collect();
    assert_eq!(results, [2, 1, 0, 0]);
    assert_eq!(told(&mut world), Vec::<Value>::new());
    let group = world.group(&id()).unwrap();
    assert_eq!(group.members[&account("u4")].joined_at, at(-500));
    assert_eq!(group.role(&account("u4")), crate::chat::Role::Admin);
}

#[test]
fn an_import_has_at_most_300_members_and_none_for_an_avchatroom() {
    let list = |n: usize| {
        let one = |n| json!({ "Member_Account": format!("m{n}") });
        json!({ "GroupId": GROUP, "MemberList": (0..n).map(one).collect::<Vec<_>>() })
    };
    let mut world = with_group(world(), GroupType::Public);
    assert_eq!(code(&call(&mut world, at(0), "import_group_member", list(301))), 10005);
    assert_eq!(code(&call(&mut world, at(0), "import_group_member", list(300))), 0);
    assert_eq!(world.group(&id()).unwrap().members.len(), 303);
    let mut world = with_group(super::world(), GroupType::AVChatRoom);
    assert_eq!(code(&call(&mut world, at(0), "import_group_member", list(1))), 10007);
}

#[test]
fn a_mute_ends_by_itself_and_survives_leaving_and_coming_back() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "Members_Account": ["u2", "u3"], "MuteTime": 60 });
    assert_eq!(call(&mut world, at(0), "forbid_send_msg", body), ok());
    assert_eq!(told(&mut world), Vec::<Value>::new());
    world.leave(at(10), &id(), &account("u2")).unwrap();
    world.join(at(20), &id(), &account("u2"));
    let muted = |world: &mut World, now| {
        call(world, now, "get_group_muted_account", json!({ "GroupId": GROUP }))["MutedAccountList"]
            .clone()
    };
    let until = at(60).secs();
    assert_eq!(
        muted(&mut world, at(59)),
        json!([
            { "Member_Account": "u2", "MutedUntil": until },
            { "Member_Account": "u3", "MutedUntil": until },
        ])
    );
    let Saying::Refused(refusal) = world.say(at(59), &id(), &account("u2"), "hi") else { panic!() };
    assert_eq!(refusal.code, 10017);
    assert_eq!(muted(&mut world, at(60)), json!([]));
    assert_eq!(
        world.say(at(60), &id(), &account("u2"), "hi"),
        Saying::Sent { sequence: 1, at: at(60) }
    );
}

#[test]
fn a_mute_for_ever_ends_where_32_bits_end_and_zero_lifts_it() {
    let mut world = with_group(world(), GroupType::Meeting);
    world.mute(at(0), &id(), &account("u1"), &account("u2"), u32::MAX).unwrap();
    let until = world.group(&id()).unwrap().muted_until(&account("u2"), at(0));
    assert_eq!(until, Some(Timestamp::from_secs(4_294_967_295)));
    world.mute(at(1), &id(), &account("u1"), &account("u2"), 0).unwrap();
    assert_eq!(world.group(&id()).unwrap().muted_until(&account("u2"), at(1)), None);
}

#[test]
fn work_groups_do_not_mute_and_members_mute_nobody() {
    let mut world = with_group(world(), GroupType::Work);
    let body = json!({ "GroupId": GROUP, "Members_Account": ["u2"], "MuteTime": 60 });
    assert_eq!(code(&call(&mut world, at(0), "forbid_send_msg", body)), 10007);
    let mut world = with_group(super::world(), GroupType::Public);
    let code = |result: Result<(), crate::simulator::Refusal>| result.map_err(|r| r.code);
    assert_eq!(code(world.mute(at(0), &id(), &account("u2"), &account("u3"), 9)), Err(10007));
    assert_eq!(code(world.mute(at(0), &id(), &account("u1"), &account("u1"), 9)), Err(10007));
}

#[test]
fn a_banned_viewer_is_out_and_stays_out_until_the_ban_ends() {
    let mut world = with_group(world(), GroupType::AVChatRoom);
    let body = json!({ "GroupId": GROUP, "Members_Account": ["u2"], "Duration": 60 });
    assert_eq!(code(&call(&mut world, at(0), "ban_group_member", body)), 0);
    let answer =
        call(&mut world, at(1), "get_group_ban_member", json!({ "GroupId": GROUP, "Limit": 100 }));
    assert_eq!(
        answer["BannedAccountList"],
        json!([{ "Member_Account": "u2", "BannedUntil": at(60).secs() }])
    );
    assert!(matches!(world.join(at(59), &id(), &account("u2")), Joining::Refused(_)));
    assert_eq!(world.join(at(60), &id(), &account("u2")), Joining::Joined);
}

#[test]
fn who_goes_offline_is_told_for_the_app_and_for_each_avchatroom() {
    let mut world = with_group(world(), GroupType::AVChatRoom);
    world.set_online(at(0), &account("u2"), false);
    world.set_online(at(0), &account("u2"), false);
    assert_eq!(
        told(&mut world),
        [
            json!({
                "CallbackCommand": "State.StateChange", "EventTime": 1_700_000_000_000_i64,
                "Info": { "Action": "Disconnect", "To_Account": "u2", "Reason": "LinkClose" },
            }),
            json!({
                "CallbackCommand": "Group.CallbackOnMemberStateChange", "GroupId": GROUP,
                "EventType": "Offline", "MemberList": [{ "Member_Account": "u2" }],
            }),
        ]
    );
    let answer = call(&mut world, at(1), "get_online_member_num", json!({ "GroupId": GROUP }));
    assert_eq!(answer["OnlineMemberNum"], 2);
}
