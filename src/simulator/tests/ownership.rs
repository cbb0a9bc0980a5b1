//! Owners, roles and member fields over REST.

use super::*;
use crate::chat::Role;

#[test]
fn a_transfer_over_rest_is_done_and_told_as_the_admin() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2" });
    assert_eq!(call(&mut world, at(0), "change_group_owner", body), ok());
    let group = world.group(&id()).unwrap();
    assert_eq!(group.owner, Some(account("u2")));
    assert_eq!(group.role(&account("u1")), Role::Member);
    let callbacks = world.take_callbacks();
    assert_eq!(platform(&callbacks[0]), "RESTAPI");
    assert_eq!(
        parse(&callbacks[0].body),
        json!({
            "CallbackCommand": "Group.CallbackAfterChangeGroupOwner",
            "GroupId": GROUP,
            "Type": "Public",
            "Operator_Account": "admin",
            "OldOwner_Account": "u1",
            "NewOwner_Account": "u2",
            "EventTime": 1_700_000_000_000_i64,
        })
    );
    assert_eq!(callbacks.len(), 1);
}

#[test]
fn an_ownerless_work_group_can_be_given_to_a_member_only() {
    let mut world = with_group(world(), GroupType::Work);
    world.leave(at(0), &id(), &account("u1")).unwrap();
    let to = |to: &str| json!({ "GroupId": GROUP, "NewOwner_Account": to });
    assert_eq!(code(&call(&mut world, at(1), "change_group_owner", to("stranger"))), 10004);
    assert_eq!(code(&call(&mut world, at(1), "change_group_owner", to("u3"))), 0);
    assert_eq!(world.group(&id()).unwrap().owner, Some(account("u3")));
    let body = told(&mut world).pop().unwrap();
    assert_eq!((&body["OldOwner_Account"], &body["NewOwner_Account"]), (&json!(""), &json!("u3")));
}

#[test]
fn an_avchatroom_keeps_its_owner() {
    let mut world = with_group(world(), GroupType::AVChatRoom);
    let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2" });
    assert_eq!(code(&call(&mut world, at(0), "change_group_owner", body)), 10007);
}

#[test]
fn one_call_sets_role_card_receiving_fields_and_mute() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({
        "GroupId": GROUP, "Member_Account": "u2", "Role": "Admin", "MsgFlag": "Discard",
        "NameCard": "bob", "AppMemberDefinedData": [{ "Key": "k", "Value": "v" }], "MuteTime": 60,
    });
    assert_eq!(call(&mut world, at(0), "modify_group_member_info", body), ok());
    let group = world.group(&id()).unwrap();
    let member = &group.members[&account("u2")];
    assert_eq!(group.role(&account("u2")), Role::Admin);
    assert_eq!((member.msg_flag.as_str(), member.name_card.as_str()), ("Discard", "bob"));
    assert_eq!(member.fields["k"], "v");
    assert_eq!(group.muted_until(&account("u2"), at(0)), Some(at(60)));
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Group.CallbackAfterMemberFieldChanged",
            "GroupId": GROUP, "Type": "Public", "Operator_Account": "admin",
            "Member_Account": "u2", "Role": "Admin", "NameCard": "bob",
            "EventTime": 1_700_000_000_000_i64,
        })]
    );
}

#[test]
fn what_changes_nothing_or_only_mutes_is_not_told() {
    let mut world = with_group(world(), GroupType::Public);
    for fields in
        [json!({ "Role": "Member" }), json!({ "MuteTime": 60 }), json!({ "MsgFlag": "Discard" })]
    {
        let mut body = fields;
        body["GroupId"] = json!(GROUP);
        body["Member_Account"] = json!("u2");
        assert_eq!(code(&call(&mut world, at(0), "modify_group_member_info", body)), 0);
    }
    assert_eq!(told(&mut world), Vec::<Value>::new());
}

#[test]
fn member_info_that_is_too_long_or_does_not_fit_the_group_type_is_refused() {
    for (kind, fields, expected) in [
        (GroupType::Public, json!({ "NameCard": "x".repeat(50) }), 0),
        (GroupType::Public, json!({ "NameCard": "x".repeat(51) }), 10004),
        (GroupType::Public, json!({ "NameCard": "é".repeat(26) }), 10004),
        (GroupType::Public, json!({ "Role": "Owner" }), 10004),
        (GroupType::Public, json!({ "MuteTime": 4_294_967_295_u32 }), 0),
        (GroupType::Public, json!({ "MuteTime": 4_294_967_296_u64 }), 10004),
        (GroupType::Public, json!({ "MuteTime": -1 }), 10004),
        (GroupType::Public, json!({ "ShutUpTime": 60 }), 10004),
        (GroupType::Public, json!({ "Member_Account": "stranger", "Role": "Admin" }), 10004),
        (GroupType::Public, json!({ "Member_Account": "u1", "Role": "Member" }), 10007),
        (GroupType::Work, json!({ "MuteTime": 60 }), 10007),
        (GroupType::Work, json!({ "Role": "Admin" }), 10007),
        (GroupType::Work, json!({ "NameCard": "x" }), 0),
        (GroupType::AVChatRoom, json!({ "NameCard": "x" }), 10007),
    ] {
        let mut world = with_group(world(), kind);
        let mut body = json!({ "GroupId": GROUP, "Member_Account": "u2" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = call(&mut world, at(0), "modify_group_member_info", body);
        assert_eq!(code(&answer), expected, "{kind}: {fields} gave {answer}");
    }
}

#[test]
fn an_avchatroom_has_five_admins_at_most_and_keeps_those_who_leave() {
    let mut world = with_group(world(), GroupType::AVChatRoom);
    let modify = |kind: u8, who: &[&str]| json!({ "GroupId": GROUP, "CommandType": kind, "Admin_Account": who });
    assert_eq!(
        code(&call(&mut world, at(0), "modify_admin", modify(1, &["u2", "a", "b", "c", "d"]))),
        0
    );
    assert_eq!(code(&call(&mut world, at(0), "modify_admin", modify(1, &["e"]))), 10004);
    assert_eq!(code(&call(&mut world, at(0), "modify_admin", modify(2, &["d"]))), 0);
    assert_eq!(code(&call(&mut world, at(0), "modify_admin", modify(1, &["e"]))), 0);
    assert_eq!(code(&call(&mut world, at(0), "modify_admin", modify(3, &["e"]))), 10004);
    world.leave(at(1), &id(), &account("u2")).unwrap();
    world.join(at(2), &id(), &account("u2"));
    assert_eq!(world.group(&id()).unwrap().role(&account("u2")), Role::Admin);
    let answer = call(&mut world, at(3), "get_admin_list", json!({ "GroupId": GROUP }));
    let admins: Vec<&str> = answer["Admin_List"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["Admin_Account"].as_str().unwrap())
        .collect();
    assert_eq!(admins, ["a", "b", "c", "e", "u2"]);
}

#[test]
fn roles_are_told_for_strangers_too_but_not_in_an_avchatroom() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupId": GROUP, "User_Account": ["u1", "u2", "u9"] });
    let answer = call(&mut world, at(0), "get_role_in_group", body.clone());
    assert_eq!(
        answer["UserIdList"],
        json!([
            { "Member_Account": "u1", "Role": "Owner" },
            { "Member_Account": "u2", "Role": "Member" },
            { "Member_Account": "u9", "Role": "NotMember" },
        ])
    );
    let mut world = with_group(super::world(), GroupType::AVChatRoom);
    assert_eq!(code(&call(&mut world, at(0), "get_role_in_group", body)), 10007);
    let many: Vec<String> = (0..501).map(|n| format!("u{n}")).collect();
    let body = json!({ "GroupId": GROUP, "User_Account": many });
    assert_eq!(code(&call(&mut world, at(0), "get_role_in_group", body)), 10005);
}
