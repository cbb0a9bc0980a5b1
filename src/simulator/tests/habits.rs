//! Habits and faults that a whole world shows: quirks, own addresses, retries, partial batches, scopes.

use super::*;
use crate::chat::RoomId;
use crate::simulator::{
    Fault, FaultKind, NewRoom, OwnUrl, Ownerless, Quirks, RestFault, RoomKind, Saying, Scope,
};

fn quirky(quirks: Quirks) -> World {
    let mut world = with_group(world(), GroupType::Work);
    world.settings_mut().quirks = quirks;
    world
}

fn owner_read(world: &mut World) -> Option<Value> {
    let answer = call(world, at(9), "get_group_info", json!({ "GroupIdList": [GROUP] }));
    answer["GroupInfo"][0].get("Owner_Account").cloned()
}

#[test]
fn a_group_without_owner_is_read_in_each_of_three_ways() {
    for (ownerless, expected) in [
        (Ownerless::Empty, Some(json!(""))),
        (Ownerless::Absent, None),
        (Ownerless::NotFound, Some(json!("@TLS#NOT_FOUND"))),
    ] {
        let mut world = quirky(Quirks { ownerless, ..Quirks::default() });
        world.leave(at(0), &id(), &account("u1")).unwrap();
        assert_eq!(owner_read(&mut world), expected);
        told(&mut world);
        let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2" });
        call(&mut world, at(1), "change_group_owner", body);
        assert_eq!(told(&mut world)[0].get("OldOwner_Account").cloned(), expected);
    }
}

#[test]
fn roles_may_end_in_a_space_and_mutes_have_their_old_names() {
    let mut world =
        quirky(Quirks { padded_roles: true, old_mute_names: true, ..Quirks::default() });
    let body = json!({ "GroupId": GROUP, "MemberInfoFilter": ["Role", "MuteUntil"] });
    let answer = call(&mut world, at(0), "get_group_member_info", body);
    assert_eq!(
        answer["MemberList"][0],
        json!({ "Member_Account": "u1", "Role": "Owner ", "ShutUpUntil": 0 })
    );
}

#[test]
fn for_ever_is_told_in_each_of_two_ways() {
    for (forever_from_now, expected) in
        [(false, 4_294_967_295), (true, 4_294_967_295 + at(5).secs())]
    {
        let mut world = with_group(world(), GroupType::Public);
        world.settings_mut().quirks.forever_from_now = forever_from_now;
        let body = json!({ "GroupId": GROUP, "Members_Account": ["u2"],
            "MuteTime": 4_294_967_295_u32 });
        call(&mut world, at(0), "forbid_send_msg", body);
        let muted = call(&mut world, at(5), "get_group_muted_account", json!({ "GroupId": GROUP }));
        assert_eq!(muted["MutedAccountList"][0]["MutedUntil"], json!(expected));
    }
}

#[test]
fn lists_of_who_came_and_went_may_be_cut_and_an_exit_may_name_the_leaver() {
    let quirks = Quirks { members_per_callback: 2, exit_names_leaver: true, ..Quirks::default() };
    let mut world = quirky(quirks);
    let members: Value = (0..5).map(|n| json!({ "Member_Account": format!("n{n}") })).collect();
    let body = json!({ "GroupId": GROUP, "MemberList": members });
    call(&mut world, at(0), "add_group_member", body);
    let lengths: Vec<usize> = told(&mut world)
        .iter()
        .map(|body| body["NewMemberList"].as_array().unwrap().len())
        .collect();
    assert_eq!(lengths, [2, 2, 1]);
    world.kick(at(1), &id(), &account("u1"), &[account("n0")]).unwrap();
    assert_eq!(told(&mut world)[0]["Operator_Account"], "n0");
}

#[test]
fn the_owner_may_be_kept_from_removal_and_the_caller_may_act_for_somebody() {
    let mut world = quirky(Quirks {
        owner_is_kept: true,
        from_account_acts: true,
        dismissal_tells_exits: true,
        ..Quirks::default()
    });
    let body = json!({ "GroupId": GROUP, "MemberToDel_Account": ["u1"] });
    assert_eq!(code(&call(&mut world, at(0), "delete_group_member", body)), 10007);
    let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2", "From_Account": "u1" });
    call(&mut world, at(1), "change_group_owner", body);
    assert_eq!(told(&mut world)[0]["Operator_Account"], "u1");
    call(&mut world, at(2), "destroy_group", json!({ "GroupId": GROUP }));
    let commands: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["CallbackCommand"].clone()).collect();
    assert_eq!(commands, ["Group.CallbackAfterMemberExit", "Group.CallbackAfterGroupDestroyed"]);
}

#[test]
fn queries_may_lack_the_platform_and_carry_a_request_id() {
    let mut world = quirky(Quirks { no_platform: true, request_id: true, ..Quirks::default() });
    world.leave(at(0), &id(), &account("u3")).unwrap();
    let callback = world.take_callbacks().remove(0);
    let names: Vec<&str> = callback.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["SdkAppid", "CallbackCommand", "contenttype", "ClientIP", "RequestID"]);
}

#[test]
fn rooms_send_to_their_own_address_with_their_own_token_and_list() {
    let mut world = world();
    world.settings_mut().callback_token = Some("token of chat".to_owned());
    let mut own = OwnUrl::new("http://127.0.0.1:1/live", Some("token of live"));
    own.commands = ["Live.CallbackAfterCreateRoom".to_owned()].into();
    world.settings_mut().live = Some(own);
    let room = RoomId::from("l");
    let new = NewRoom {
        id: room.clone(),
        kind: RoomKind::Live,
        name: "l".into(),
        owner: account("u1"),
        silent: false,
    };
    world.create_room(at(0), new).unwrap();
    // Not on the list.
    world.enter_room(at(1), &room, &account("u2")).unwrap();
    world.set_online(at(2), &account("u2"), false);
    let mut callbacks = world.take_callbacks();
    let urls: Vec<Option<&str>> =
        callbacks.iter().map(|callback| callback.url.as_deref()).collect();
    assert_eq!(urls, [Some("http://127.0.0.1:1/live"), None]);
    callbacks.iter_mut().for_each(|callback| callback.sign(at(0)));
    let sign = |callback: &Callback| callback.query.iter().find(|(n, _)| n == "Sign").cloned();
    assert_ne!(sign(&callbacks[0]), sign(&callbacks[1]));
    assert!(sign(&callbacks[0]).is_some());
    // Set over REST, which leaves the token as it was.
    let body = json!({ "Url": "https://other.example", "CallbackCommandList": [] });
    let answer = parse(&post(&mut world, at(3), "/v4/live_config/set_callback", &body).body);
    assert_eq!(code(&answer), 0);
    world.leave_room(at(4), &room, &account("u2")).unwrap();
    assert_eq!(world.take_callbacks()[0].url.as_deref(), Some("https://other.example"));
}

fn inject(world: &mut World, on: &str, kind: FaultKind, scope: Scope) {
    world.inject_within(at(0), Fault { on: on.to_owned(), times: None, kind }, scope);
}

#[test]
fn a_batch_fails_in_part_and_says_so_where_it_can() {
    let mut world = with_group(world(), GroupType::Public);
    inject(&mut world, "*", FaultKind::Partial { every: 2 }, Scope::default());
    let members = json!([{ "Member_Account": "a" }, { "Member_Account": "b" }]);
    let body = json!({ "GroupId": GROUP, "MemberList": members });
    let answer = call(&mut world, at(1), "add_group_member", body);
    assert_eq!(
        answer["MemberList"],
        json!([{ "Member_Account": "a", "Result": 1 }, { "Member_Account": "b", "Result": 0 }])
    );
    let body = json!({ "GroupId": GROUP, "Members_Account": ["u2", "u3"], "MuteTime": 60 });
    assert_eq!(code(&call(&mut world, at(1), "forbid_send_msg", body)), 10002);
    let group = world.group(&id()).unwrap();
    let muted = |name| group.muted_until(&account(name), at(1)).is_some();
    assert_eq!((muted("u2"), muted("u3")), (true, false));
    let read = call(&mut world, at(1), "get_group_info", json!({ "GroupIdList": [GROUP, "x"] }));
    assert_eq!(read["GroupInfo"][1]["ErrorCode"], 10002);
}

#[test]
fn a_partial_failure_waits_with_a_call_that_is_asked_about() {
    let mut world = with_group(asking_world(), GroupType::Public);
    inject(&mut world, "add_group_member", FaultKind::Partial { every: 2 }, Scope::default());
    let members = json!([{ "Member_Account": "a" }, { "Member_Account": "b" }]);
    let path = "/v4/group_open_http_svc/add_group_member";
    let body = json!({ "GroupId": GROUP, "MemberList": members });
    let question = post(&mut world, at(1), path, &body).waiting.unwrap();
    let answered = world.answer(at(1), question, reply(0, ""));
    let Some(crate::simulator::Answered::Rest(answer)) = answered else { panic!() };
    assert_eq!(parse(&answer.body)["MemberList"].as_array().unwrap().len(), 2);
}

#[test]
fn answers_come_late_or_in_half_and_messages_are_dropped() {
    let mut world = with_group(world(), GroupType::Public);
    let path = "/v4/group_open_http_svc/get_group_info";
    let body = json!({ "GroupIdList": [GROUP] });
    let by = std::time::Duration::from_secs(4);
    inject(&mut world, "get_group_info", FaultKind::Slow { by }, Scope::default());
    assert_eq!(post(&mut world, at(1), path, &body).delay, Some(by));
    world.clear_faults();
    let whole = post(&mut world, at(1), path, &body).body;
    inject(&mut world, "get_group_info", FaultKind::GarbleAnswer, Scope::default());
    assert_eq!(post(&mut world, at(1), path, &body).body, whole[..whole.len() / 2]);
    inject(&mut world, "send_group_msg", FaultKind::DropMessage, Scope::default());
    let text = json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hi" } }]);
    let body = json!({ "GroupId": GROUP, "Random": 1, "MsgBody": text });
    let answer = call(&mut world, at(2), "send_group_msg", body);
    assert_eq!((code(&answer), &answer["MsgDropReason"]), (0, &json!("MsgFreqCtrl")));
    assert!(world.messages(&id()).is_empty());
}

#[test]
fn an_outage_is_for_one_group_and_for_hours() {
    let mut world = with_group(world(), GroupType::Public);
    world.create_group(at(0), NewGroup::new("other", GroupType::Public, "u1", &[]));
    let scope = Scope {
        about: Some(GROUP.to_owned()),
        lasting: Some(std::time::Duration::from_secs(7200)),
        ..Scope::default()
    };
    inject(&mut world, "*", FaultKind::RefuseConnection, scope);
    let mut fault = |group: &str, seconds| {
        let path = "/v4/group_open_http_svc/get_group_muted_account";
        post(&mut world, at(seconds), path, &json!({ "GroupId": group })).fault
    };
    assert_eq!(fault(GROUP, 7199), Some(RestFault::Drop));
    assert_eq!(fault("other", 7199), None);
    assert_eq!(fault(GROUP, 7200), None);
}

#[test]
fn callbacks_are_lost_for_one_group_only() {
    let mut world = with_group(world(), GroupType::Public);
    world.create_group(at(0), NewGroup::new("other", GroupType::Public, "u1", &["u2"]));
    let scope = Scope { about: Some("other".to_owned()), ..Scope::default() };
    inject(&mut world, "Group.*", FaultKind::Lose, scope);
    for group in [id(), GroupId::from("other")] {
        world.leave(at(1), &group, &account("u2")).unwrap();
    }
    let groups: Vec<Value> =
        told(&mut world).into_iter().map(|body| body["GroupId"].clone()).collect();
    assert_eq!(groups, [GROUP]);
}

#[test]
fn callbacks_are_signed_wrongly_or_long_ago_and_times_are_off() {
    let mut world = with_group(world(), GroupType::Public);
    world.settings_mut().callback_token = Some("token".to_owned());
    let told = |world: &mut World, kind: Option<FaultKind>| {
        world.clear_faults();
        if let Some(kind) = kind {
            inject(world, "Group.*", kind, Scope::default());
        }
        let said = world.say(at(1), &id(), &account("u2"), "hi");
        assert!(matches!(said, Saying::Sent { .. }));
        let mut callback = world.take_callbacks().remove(0);
        callback.sign(at(1));
        let part = |name: &str| {
            let found = callback.query.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let time = parse(&callback.body)["EventTime"].as_i64().unwrap();
        (part("SdkAppid"), part("Sign"), part("RequestTime"), time)
    };
    let right = told(&mut world, None);
    let wrong_sign = told(&mut world, Some(FaultKind::WrongSign));
    assert_eq!((&wrong_sign.0, &wrong_sign.2), (&right.0, &right.2));
    assert_ne!(wrong_sign.1, right.1);
    let wrong_app = told(&mut world, Some(FaultKind::WrongApp));
    assert_eq!(wrong_app.0, (APP + 1).to_string());
    let by = std::time::Duration::from_secs(90);
    let old = told(&mut world, Some(FaultKind::OldSign { by }));
    assert_eq!(old.2, at(-89).secs().to_string());
    let skewed = told(&mut world, Some(FaultKind::Skew { by: -5_000 }));
    assert_eq!(skewed.3, right.3 - 5_000);
}

#[test]
fn a_page_of_a_hundred_thousand_members_is_as_quick_as_the_first() {
    let mut world = with_group(world(), GroupType::Community);
    assert_eq!(world.crowd(at(0), &id(), "fan", 100_000).unwrap_err().code, 10014);
    world.crowd(at(0), &id(), "fan", 99_997).unwrap();
    world.settings_mut().enforce_rates = false;
    let (mut next, mut seen) = (String::new(), 0);
    loop {
        let body = json!({ "GroupId": GROUP, "Limit": 100, "Next": next,
            "MemberInfoFilter": ["Role"] });
        let page = call(&mut world, at(1), "get_group_member_info", body);
        assert_eq!(page["MemberNum"], 100_000);
        seen += page["MemberList"].as_array().unwrap().len();
        next = page["Next"].as_str().unwrap().to_owned();
        if next.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 100_000);
}
