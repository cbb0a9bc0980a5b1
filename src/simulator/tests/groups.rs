//! Groups made, changed and dismissed.

use super::*;
use crate::simulator::{Answered, Creating};

#[test]
fn a_group_made_over_rest_without_an_owner_is_ownerless_and_told() {
    let mut world = world();
    let body = json!({ "Type": "Public", "Name": "demo", "GroupId": "mine", "MemberList": [
        { "Member_Account": "u1", "Role": "Admin" },
    ] });
    let mut expected = ok();
    expected["GroupId"] = json!("mine");
    assert_eq!(call(&mut world, at(0), "create_group", body.clone()), expected);
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Group.CallbackAfterCreateGroup", "GroupId": "mine",
            "Operator_Account": "admin", "Owner_Account": "", "Type": "Public", "Name": "demo",
            "MemberList": [{ "Member_Account": "u1" }], "UserDefinedDataList": [],
            "EventTime": 1_700_000_000_000_i64,
        })]
    );
    assert_eq!(code(&call(&mut world, at(1), "create_group", body)), 10025);
}

#[test]
fn group_ids_and_texts_have_their_limits() {
    for (fields, expected) in [
        (json!({ "Type": "Public", "Name": "x".repeat(30) }), 0),
        (json!({ "Type": "Public", "Name": "x".repeat(31) }), 10004),
        (json!({ "Type": "Club", "Name": "x" }), 10004),
        (json!({ "Type": "Public" }), 10004),
        (json!({ "Type": "Public", "Name": "x", "GroupId": "@TGS#mine" }), 10004),
        (json!({ "Type": "Community", "Name": "x", "GroupId": "@TGS#_mine" }), 0),
        (json!({ "Type": "Community", "Name": "x", "GroupId": "mine" }), 10004),
        (json!({ "Type": "Public", "Name": "x", "GroupId": "y".repeat(48) }), 10004),
        (
            json!({ "Type": "AVChatRoom", "Name": "x", "MemberList": [{ "Member_Account": "u" }] }),
            10007,
        ),
    ] {
        let answer = call(&mut world(), at(0), "create_group", fields.clone());
        assert_eq!(code(&answer), expected, "{fields}");
    }
}

#[test]
fn the_bot_may_refuse_a_group() {
    let mut world = asking_world();
    let mut new = NewGroup::new(GROUP, GroupType::Public, "u1", &["u2"]);
    new.silent = false;
    let Creating::Waiting(question) = world.create_group(at(0), new.clone()) else { panic!() };
    let asked = told(&mut world).remove(0);
    assert_eq!((&asked["Owner_Account"], &asked["CreateGroupNum"]), (&json!("u1"), &json!(0)));
    let answered = world.answer(at(0), question, reply(1, ""));
    let Some(Answered::Created(Creating::Refused(refusal))) = answered else { panic!() };
    assert_eq!(refusal.code, 10016);
    let Creating::Waiting(question) = world.create_group(at(1), new) else { panic!() };
    let answered = world.answer(at(1), question, reply(0, ""));
    assert_eq!(answered, Some(Answered::Created(Creating::Created(id()))));
}

#[test]
fn a_dismissed_group_is_gone_and_its_id_rests_for_five_seconds() {
    let mut world = with_group(world(), GroupType::Public);
    assert_eq!(call(&mut world, at(0), "destroy_group", json!({ "GroupId": GROUP })), ok());
    assert_eq!(
        told(&mut world)[0]["MemberList"],
        json!([{ "Member_Account": "u1" }, { "Member_Account": "u2" }, { "Member_Account": "u3" }])
    );
    assert_eq!(code(&call(&mut world, at(0), "destroy_group", json!({ "GroupId": GROUP }))), 10010);
    assert_eq!(code(&call(&mut world, at(0), "destroy_group", json!({ "GroupId": "" }))), 10015);
    let new = || NewGroup::new(GROUP, GroupType::Public, "u1", &[]);
    let Creating::Refused(refusal) = world.create_group(at(4), new()) else { panic!() };
    assert_eq!(refusal.code, 10025);
    assert_eq!(world.create_group(at(5), new()), Creating::Created(id()));
}

#[test]
fn members_cannot_dismiss_and_nobody_but_the_app_a_work_group() {
    let mut world = with_group(world(), GroupType::Work);
    assert_eq!(world.dismiss(at(0), &id(), &account("u1")).unwrap_err().code, 10007);
    assert_eq!(world.dismiss(at(0), &id(), &account("admin")), Ok(()));
    let mut world = with_group(super::world(), GroupType::Public);
    assert_eq!(world.dismiss(at(0), &id(), &account("u2")).unwrap_err().code, 10007);
    assert_eq!(world.dismiss(at(0), &id(), &account("u1")), Ok(()));
}

#[test]
fn only_the_texts_that_changed_are_told() {
    let mut world = with_group(world(), GroupType::Public);
    let body =
        json!({ "GroupId": GROUP, "Name": "new name", "Introduction": "", "MuteAllMember": "On" });
    assert_eq!(call(&mut world, at(0), "modify_group_base_info", body), ok());
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Group.CallbackAfterGroupInfoChanged", "GroupId": GROUP,
            "Type": "Public", "Operator_Account": "admin", "Name": "new name",
            "EventTime": 1_700_000_000_000_i64,
        })]
    );
    assert!(world.group(&id()).unwrap().mute_all);
    world.rename(at(1), &id(), &account("u1"), "newer").unwrap();
    assert_eq!(told(&mut world)[0]["Operator_Account"], "u1");
    assert_eq!(world.rename(at(1), &id(), &account("u2"), "x").unwrap_err().code, 10007);
}

#[test]
fn any_callback_can_be_sent_by_hand_and_a_question_has_an_outcome() {
    let mut world = with_group(asking_world(), GroupType::Community);
    let body = json!({ "Operator_Account": "u1", "OptionType": "set", "GroupAttr": [] });
    assert_eq!(world.emit(at(0), "Group.CallbackAfterGroupAttrChanged", Some(&id()), body), None);
    let body = told(&mut world).remove(0);
    assert_eq!((&body["GroupId"], &body["Type"]), (&json!(GROUP), &json!("Community")));
    let body = json!({ "Operator_Account": "u1", "Type": "Community", "Name": "topic" });
    let question = world.emit(at(0), "Group.CallbackBeforeCreateTopic", None, body).unwrap();
    world.answer(at(0), question, reply(10_101, "no topics"));
    let Some(Answered::Emitted(Some(refusal))) = world.outcome(question) else { panic!() };
    assert_eq!(refusal.code, 10_101);
}
