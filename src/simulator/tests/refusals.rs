//! Wrong calls, too many calls, and what goes wrong on purpose.

use std::time::Duration;

use super::*;
use crate::simulator::{Fault, FaultKind, RestFault};

const INFO: &str = "/v4/group_open_http_svc/get_group_info";

#[test]
fn a_query_that_34620_does_not_allow_is_refused() {
    let all = [
        ("sdkappid", "1400000001"),
        ("identifier", "admin"),
        ("random", "1"),
        ("contenttype", "json"),
    ];
    let with = |name: &str, value: &str| {
        all.iter()
            .map(|(n, v)| format!("{n}={}", if *n == name { value } else { v }))
            .collect::<Vec<_>>()
            .join("&")
    };
    for (query, expected) in [
        (with("", ""), 0),
        (with("sdkappid", ""), 60012),
        (with("sdkappid", "1400000002"), 60006),
        (with("identifier", ""), 60004),
        (with("identifier", "u1"), 60010),
        (with("random", "4294967295"), 0),
        (with("random", "4294967296"), 60002),
        (with("contenttype", "xml"), 60002),
        (format!("{}&more=1", with("", "")), 60002),
    ] {
        let mut world = world();
        let answer = world.rest(at(0), INFO, &query, br#"{"GroupIdList":["g"]}"#);
        assert_eq!((answer.status, code(&parse(&answer.body))), (200, expected), "{query}");
        assert_eq!(world.calls()[0].error_code, expected);
    }
}

#[test]
fn a_usersig_is_wanted_where_it_is_checked() {
    let mut world = world();
    world.settings_mut().check_usersig = true;
    let answer = world.rest(at(0), INFO, QUERY, b"{}");
    assert_eq!(code(&parse(&answer.body)), 70002);
    let answer = world.rest(at(0), INFO, &format!("{QUERY}&usersig=abc"), b"{}");
    assert_eq!(code(&parse(&answer.body)), 70003);
}

#[test]
fn bodies_and_commands_that_make_no_sense_are_refused() {
    let mut world = with_group(world(), GroupType::Public);
    for (path, body, expected) in [
        (INFO, "", 60003),
        (INFO, "{", 60003),
        (INFO, "[]", 10004),
        (INFO, "{}", 10004),
        (INFO, r#"{"GroupIdList":["g"],"groupIdList":[]}"#, 10004),
        (INFO, r#"{"GroupIdList":"g"}"#, 10004),
        ("/v4/group_open_http_svc/nothing", "{}", 10003),
        ("/v4/nowhere/nothing", "{}", 60009),
    ] {
        let answer = world.rest(at(0), path, QUERY, body.as_bytes());
        assert_eq!(code(&parse(&answer.body)), expected, "{path} {body}");
    }
    let long = json!({ "GroupId": GROUP, "NewOwner_Account": "x".repeat(33) });
    assert_eq!(code(&call(&mut world, at(0), "change_group_owner", long)), 10004);
}

#[test]
fn the_201st_call_of_a_sliding_second_is_refused_and_the_bot_warned_before() {
    let mut world = with_group(world(), GroupType::Public);
    let body = json!({ "GroupIdList": [GROUP] });
    for n in 0..200 {
        let now = Timestamp(at(0).0 + n * 4);
        assert_eq!(code(&call(&mut world, now, "get_group_info", body.clone())), 0);
    }
    let now = Timestamp(at(0).0 + 999);
    assert_eq!(code(&call(&mut world, now, "get_group_info", body.clone())), 60007);
    assert_eq!(world.max_rate("get_group_info"), 201);
    assert_eq!(
        told(&mut world),
        [json!({
            "CallbackCommand": "Alert.RequestOverLimit", "ServiceName": "group_open_http_svc",
            "Command": "get_group_info", "Request": 161, "Limit": 200,
        })]
    );
    assert_eq!(code(&call(&mut world, at(2), "get_group_info", body)), 0);
}

#[test]
fn the_list_of_groups_may_be_read_once_a_second() {
    let mut world = world();
    let mut list = |now| code(&call(&mut world, now, "get_appid_group_list", json!({})));
    assert_eq!((list(at(0)), list(Timestamp(at(0).0 + 999))), (0, 60007));
    assert_eq!(list(at(2)), 0);
}

fn inject(world: &mut World, on: &str, times: Option<u32>, kind: FaultKind) {
    world.inject(at(0), Fault { on: on.to_owned(), times, kind });
}

#[test]
fn each_fault_says_whether_the_call_was_applied() {
    let kinds = [
        (FaultKind::Status(502), false, 502, None),
        (FaultKind::Code(10002, "busy".into()), false, 200, None),
        (FaultKind::Hang, false, 0, Some(RestFault::Hang)),
        (FaultKind::RefuseConnection, false, 0, Some(RestFault::Drop)),
        (FaultKind::ApplyThenDropReply, true, 200, Some(RestFault::Drop)),
        (FaultKind::ApplyThenHang, true, 200, Some(RestFault::Hang)),
    ];
    for (kind, applied, status, fault) in kinds {
        let mut world = with_group(world(), GroupType::Public);
        inject(&mut world, "change_*", Some(1), kind.clone());
        let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2" });
        let path = "/v4/group_open_http_svc/change_group_owner";
        let answer = post(&mut world, at(1), path, &body);
        assert_eq!((answer.status, answer.fault), (status, fault), "{kind:?}");
        let owner = if applied { "u2" } else { "u1" };
        assert_eq!(world.group(&id()).unwrap().owner, Some(account(owner)), "{kind:?}");
        let arrived = usize::from(kind != FaultKind::RefuseConnection);
        assert_eq!(world.calls().len(), arrived, "{kind:?}");
        // Used up.
        let again = if applied { 10004 } else { 0 };
        assert_eq!(code(&call(&mut world, at(2), "change_group_owner", body)), again, "{kind:?}");
    }
}

#[test]
fn an_injected_code_is_answered_and_recorded() {
    let mut world = with_group(world(), GroupType::Public);
    inject(&mut world, "*", None, FaultKind::Code(60007, "slow down".into()));
    let answer = call(&mut world, at(1), "get_group_info", json!({ "GroupIdList": [GROUP] }));
    assert_eq!(
        answer,
        json!({ "ActionStatus": "FAIL", "ErrorCode": 60007, "ErrorInfo": "slow down" })
    );
    let record = world.take_calls().remove(0);
    assert_eq!(
        (record.command.as_str(), record.error_code, record.at),
        ("get_group_info", 60007, at(1))
    );
    assert_eq!(record.fault.as_deref(), Some("Code(60007, \"slow down\")"));
    world.clear_faults();
    assert_eq!(
        code(&call(&mut world, at(1), "get_group_info", json!({ "GroupIdList": [GROUP] }))),
        0
    );
}

#[test]
fn stale_reads_show_the_past_for_a_while_and_writes_are_not_lost() {
    let mut world = with_group(world(), GroupType::Public);
    let during = Duration::from_secs(10);
    inject(&mut world, "get_*", None, FaultKind::StaleReads { during });
    let body = json!({ "GroupId": GROUP, "NewOwner_Account": "u2" });
    call(&mut world, at(1), "change_group_owner", body);
    let mut owner = |now| {
        let body = json!({ "GroupIdList": [GROUP] });
        call(&mut world, now, "get_group_info", body)["GroupInfo"][0]["Owner_Account"].clone()
    };
    assert_eq!(owner(at(2)), "u1");
    assert_eq!(owner(at(9)), "u1");
    assert_eq!(owner(at(10)), "u2");
}
