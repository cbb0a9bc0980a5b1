//! What reading shows, page by page.

use super::*;

#[test]
fn group_info_has_a_code_for_each_group_and_only_what_was_asked_for() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({
        "GroupIdList": [GROUP, "nowhere", ""],
        "ResponseFilter": { "GroupBaseInfoFilter": ["Type", "Owner_Account", "MemberNum"] },
    });
    let answer = call(&mut world, at(0), "get_group_info", body);
    assert_eq!(answer["ErrorCode"], 0);
    assert_eq!(
        answer["GroupInfo"][0],
        json!({
            "GroupId": GROUP, "ErrorCode": 0, "ErrorInfo": "", "Type": "Public",
            "Owner_Account": "u1", "MemberNum": 3, "AppDefinedData": [],
        })
    );
    assert_eq!(answer["GroupInfo"][1]["ErrorCode"], 10010);
    assert_eq!(answer["GroupInfo"][2]["ErrorCode"], 10015);
}

#[test]
fn group_info_without_a_filter_tells_everything() {
    let mut world = with_group(world(), GroupType::Work);
    world.leave(at(0), &id(), &account("u1")).unwrap();
    world.say(at(1), &id(), &account("u2"), "hi");
    let answer = call(&mut world, at(2), "get_group_info", json!({ "GroupIdList": [GROUP] }));
    let created = at(-1000).secs();
    assert_eq!(
        answer["GroupInfo"][0],
        json!({
            "GroupId": GROUP, "ErrorCode": 0, "ErrorInfo": "", "Type": "Work", "Name": GROUP,
            "Appid": APP, "Introduction": "", "Notification": "", "FaceUrl": "",
            "Owner_Account": "", "CreateTime": created, "LastInfoTime": created,
            "LastMsgTime": at(1).secs(), "NextMsgSeq": 2, "MemberNum": 2, "MaxMemberNum": 6000,
            "ApplyJoinOption": "FreeAccess", "MuteAllMember": "Off", "AppDefinedData": [],
            "MemberList": [
                { "Member_Account": "u2", "Role": "Member", "JoinTime": created, "MsgSeq": 1,
                  "MsgFlag": "AcceptAndNotify", "LastSendMsgTime": at(1).secs(), "MuteUntil": 0,
                  "NameCard": "" },
                { "Member_Account": "u3", "Role": "Member", "JoinTime": created, "MsgSeq": 0,
                  "MsgFlag": "AcceptAndNotify", "LastSendMsgTime": 0, "MuteUntil": 0,
                  "NameCard": "" },
            ],
        })
    );
    let many: Vec<String> = (0..51).map(|n| format!("g{n}")).collect();
    let answer = call(&mut world, at(2), "get_group_info", json!({ "GroupIdList": many }));
    assert_eq!(code(&answer), 10005);
    let body =
        json!({ "GroupIdList": [GROUP], "ResponseFilter": { "GroupBaseInfoFilter": ["Owner"] } });
    assert_eq!(code(&call(&mut world, at(2), "get_group_info", body)), 10004);
}

/// All accounts, page by page, and how many pages it took.
fn pages(
    world: &mut World,
    paging: impl Fn(usize, &Value) -> Value,
    limit: usize,
) -> (Vec<String>, usize) {
    let (mut seen, mut next, mut count) = (Vec::new(), json!(""), 0);
    loop {
        let mut body = paging(seen.len(), &next);
        body["GroupId"] = json!(GROUP);
        body["Limit"] = json!(limit);
        let answer = call(world, at(0), "get_group_member_info", body);
        let page = answer["MemberList"].as_array().unwrap().clone();
        seen.extend(page.iter().map(|entry| entry["Member_Account"].as_str().unwrap().to_owned()));
        (next, count) = (answer["Next"].clone(), count + 1);
        if page.len() < limit || next == json!("") {
            return (seen, count);
        }
    }
}

fn crowd(kind: GroupType) -> World {
    let names: Vec<String> = (0..7).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = world();
    world.create_group(at(-10), NewGroup::new(GROUP, kind, "m0", &names));
    world
}

#[test]
fn members_are_paged_by_offset_and_in_a_community_by_next() {
    let all: Vec<String> = (0..7).map(|n| format!("m{n}")).collect();
    let by_offset = |seen: usize, _: &Value| json!({ "Offset": seen });
    assert_eq!(pages(&mut crowd(GroupType::Public), by_offset, 3), (all.clone(), 3));
    let by_next = |_: usize, next: &Value| json!({ "Next": next });
    assert_eq!(pages(&mut crowd(GroupType::Community), by_next, 3), (all, 3));
}

#[test]
fn paging_of_the_wrong_kind_and_too_large_pages_are_refused() {
    for (kind, paging, expected) in [
        (GroupType::Public, json!({ "Next": "" }), 10004),
        (GroupType::Community, json!({ "Offset": 0 }), 10004),
        (GroupType::Community, json!({ "Limit": 101 }), 10004),
        (GroupType::Public, json!({ "Limit": 101 }), 0),
        (GroupType::AVChatRoom, json!({}), 10007),
    ] {
        let mut body = paging;
        body["GroupId"] = json!(GROUP);
        assert_eq!(code(&call(&mut crowd(kind), at(0), "get_group_member_info", body)), expected);
    }
}

#[test]
fn members_are_filtered_by_role_and_field() {
    let mut world = crowd(GroupType::Public);
    let body = json!({
        "GroupId": GROUP, "Limit": 100, "Offset": 0, "MemberRoleFilter": ["Owner"],
        "MemberInfoFilter": ["Role", "JoinTime"],
    });
    let answer = call(&mut world, at(0), "get_group_member_info", body);
    assert_eq!(
        answer["MemberList"],
        json!([{ "Member_Account": "m0", "Role": "Owner", "JoinTime": at(-10).secs() }])
    );
    assert_eq!(answer["MemberNum"], 7);
    let body = json!({
        "GroupId": GROUP, "Member_List_Account": ["m3", "nobody"], "MemberInfoFilter": ["Role"],
    });
    let answer = call(&mut world, at(0), "get_specified_group_member_info", body);
    assert_eq!(answer["MemberList"], json!([{ "Member_Account": "m3", "Role": "Member" }]));
}

#[test]
fn the_list_of_groups_is_paged_and_filtered_by_the_old_type_names() {
    let mut world = world();
    world.settings_mut().enforce_rates = false;
    let kinds = [GroupType::Work, GroupType::Public, GroupType::Public];
    for (n, kind) in kinds.into_iter().enumerate() {
        world.create_group(at(0), NewGroup::new(&format!("g{n}"), kind, "u1", &[]));
    }
    let first = call(&mut world, at(1), "get_appid_group_list", json!({ "Limit": 2, "Next": 0 }));
    assert_eq!(first["GroupIdList"], json!([{ "GroupId": "g0" }, { "GroupId": "g1" }]));
    assert_eq!(first["TotalCount"], 3);
    let body = json!({ "Limit": 2, "Next": first["Next"] });
    let second = call(&mut world, at(1), "get_appid_group_list", body);
    assert_eq!(
        (&second["GroupIdList"], &second["Next"]),
        (&json!([{ "GroupId": "g2" }]), &json!(0))
    );
    let private =
        call(&mut world, at(1), "get_appid_group_list", json!({ "GroupType": "Private" }));
    assert_eq!(private["GroupIdList"], json!([{ "GroupId": "g0" }]));
    let work = call(&mut world, at(1), "get_appid_group_list", json!({ "GroupType": "Work" }));
    assert_eq!(code(&work), 10004);
}

#[test]
fn joined_groups_leave_out_silent_work_groups_and_avchatrooms_unless_asked() {
    let mut world = world();
    for kind in [GroupType::Work, GroupType::Public, GroupType::AVChatRoom] {
        world.create_group(at(0), NewGroup::new(kind.name(), kind, "u1", &[]));
    }
    let mut ids = |more: Value| {
        let mut body = more;
        body["Member_Account"] = json!("u1");
        call(&mut world, at(1), "get_joined_group_list", body)["GroupIdList"].clone()
    };
    assert_eq!(ids(json!({})), json!([{ "GroupId": "Public" }]));
    assert_eq!(
        ids(json!({ "WithHugeGroups": 1, "WithNoActiveGroups": 1 })),
        json!([{ "GroupId": "AVChatRoom" }, { "GroupId": "Public" }, { "GroupId": "Work" }])
    );
}

#[test]
fn who_is_online_in_an_avchatroom_is_listed_latest_first() {
    let mut world = with_group(world(), GroupType::AVChatRoom);
    world.join(at(5), &id(), &account("late"));
    world.set_online(at(6), &account("u2"), false);
    let body = json!({ "GroupId": GROUP, "Timestamp": 0 });
    let answer = call(&mut world, at(7), "get_members", body);
    let names: Vec<&str> = answer["MemberList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["Member_Account"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["late", "u1", "u3"]);
    assert_eq!(answer["NextTimestamp"], 0);
}

#[test]
fn a_deleted_account_is_not_imported() {
    let mut world = world();
    world.delete_account(at(0), &account("b"));
    let body = json!({ "CheckItem": [{ "UserID": "a" }, { "UserID": "b" }] });
    let answer = call(&mut world, at(0), "account_check", body);
    let status = |n: usize| answer["ResultItem"][n]["AccountStatus"].clone();
    assert_eq!((status(0), status(1)), (json!("Imported"), json!("NotImported")));
}
