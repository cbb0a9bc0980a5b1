//! Replies read as Chat writes them, and as it wrote them in older editions.

use serde_json::json;

use super::*;
use crate::clock::Timestamp;

fn group() -> GroupId {
    GroupId::from("cats")
}

fn account(name: &str) -> Account {
    Account::from(name)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn page(page: Page, body: &Value) -> Result<Reply, String> {
    read(&Call::GetGroupMemberInfo { group: group(), page, roles: Vec::new() }, body)
}

fn next_of(reply: Result<Reply, String>) -> Option<Page> {
    match reply.unwrap() {
        Reply::Members { next, .. } => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_envelope_is_read_with_numbers_as_texts_too() {
    let read = |body| Envelope::read(&body).map(|envelope| (envelope.code, envelope.words));
    assert_eq!(
        read(json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" })),
        Ok((0, String::new()))
    );
    assert_eq!(
        read(json!({ "ActionStatus": "FAIL", "ErrorCode": "10007", "ErrorInfo": "no" })),
        Ok((10007, "no".to_owned()))
    );
    assert_eq!(read(json!({ "ErrorCode": 0 })), Ok((0, String::new())));
}

#[test]
fn an_envelope_without_code_or_against_itself_is_no_success() {
    for body in [
        json!({ "ActionStatus": "OK" }),
        json!({ "ActionStatus": "FAIL", "ErrorCode": 0 }),
        json!({ "ErrorCode": "many" }),
        json!([]),
        json!(null),
    ] {
        assert!(Envelope::read(&body).is_err(), "{body}");
    }
}

#[test]
fn a_group_is_read_with_its_owner_and_an_ownerless_one_without() {
    let call = Call::GetGroupInfo { groups: vec![group()] };
    let item = |owner: Value| {
        json!({ "ErrorCode": 0, "GroupInfo": [{
            "GroupId": "cats", "ErrorCode": 0, "ErrorInfo": "", "Type": "Private",
            "Name": "Cats", "Owner_Account": owner, "CreateTime": 1_700_000_000,
            "MemberNum": "3", "LastMsgTime": 1_700_000_600, "NextMsgSeq": "42",
            "MuteAllMember": "On",
        }] })
    };
    let facts = |body: &Value| match read(&call, body).unwrap() {
        Reply::Groups(mut items) => items.remove(0),
        other => panic!("{other:?}"),
    };
    let read = facts(&item(json!("alice")));
    assert_eq!(
        read,
        GroupItem {
            group: group(),
            error: None,
            facts: GroupFacts {
                group: group(),
                exists: true,
                group_type: Some(GroupType::Work),
                name: "Cats".to_owned(),
                owner: Some(account("alice")),
                member_count: Some(3),
                created_at: Some(at(1_700_000_000)),
                mute_all: Some(true),
                last_message_at: Some(at(1_700_000_600)),
                message_sequence: Some(42),
            },
        }
    );
    for nobody in [json!(""), json!("@TLS#NOT_FOUND"), json!(null)] {
        assert_eq!(facts(&item(nobody)).facts.owner, None);
    }
}

#[test]
fn each_group_has_its_own_error_and_a_missing_one_does_not_exist() {
    let call = Call::GetGroupInfo { groups: vec![group()] };
    let body = json!({ "ErrorCode": 10010, "ErrorInfo": "group not exist", "GroupInfo": [
        { "GroupId": "gone", "ErrorCode": 10010, "ErrorInfo": "no such group" },
        { "GroupId": "ours", "ErrorCode": 0, "Type": "BChatRoom", "Name": "Ours" },
        { "GroupId": "theirs", "ErrorCode": 10007, "ErrorInfo": "no" },
    ] });
    assert!(has_items(&call, &body));
    let Ok(Reply::Groups(items)) = read(&call, &body) else { panic!("no groups") };
    let seen = items
        .iter()
        .map(|item| (item.group.as_str(), item.error.clone(), item.facts.exists))
        .collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            ("gone", Some((10010, "no such group".to_owned())), false),
            ("ours", None, true),
            ("theirs", Some((10007, "no".to_owned())), true),
        ]
    );
    assert_eq!(items[1].facts.group_type, Some(GroupType::Unknown));
    assert!(!has_items(&call, &json!({ "ErrorCode": 70001 })));
}

#[test]
fn a_member_is_read_with_old_names_loose_types_and_trailing_spaces() {
    let body = json!({ "ErrorCode": 0, "MemberNum": 2, "MemberList": [
        { "Member_Account": "bob", "Role": "Admin ", "JoinTime": "1700000000",
          "LastSendMsgTime": 0, "ShutUpUntil": 1_700_000_600, "NameCard": "Bob" },
        { "Member_Account": 144_115_233_775_727_695_u64, "MuteUntil": 0 },
    ] });
    let reply = page(Page::Offset(0), &body).unwrap();
    let bob = MemberFacts {
        account: account("bob"),
        role: Role::Admin,
        joined_at: Some(at(1_700_000_000)),
        name_card: "Bob".to_owned(),
        muted_until: Some(at(1_700_000_600)),
        last_message_at: None,
    };
    let plain = MemberFacts {
        account: account("144115233775727695"),
        role: Role::Member,
        joined_at: None,
        name_card: String::new(),
        muted_until: None,
        last_message_at: None,
    };
    let expected = Reply::Members { total: Some(2), members: vec![bob, plain], next: None };
    assert_eq!(reply, expected);
}

#[test]
fn pages_follow_by_position_until_the_total_is_reached() {
    let two = json!([{ "Member_Account": "a" }, { "Member_Account": "b" }]);
    let body = |total: i64, list: &Value| json!({ "MemberNum": total, "MemberList": list });
    assert_eq!(next_of(page(Page::Offset(0), &body(5, &two))), Some(Page::Offset(2)));
    assert_eq!(next_of(page(Page::Offset(2), &body(5, &two))), Some(Page::Offset(4)));
    assert_eq!(next_of(page(Page::Offset(3), &body(5, &two))), None);
    // Members left between two pages.
    assert_eq!(next_of(page(Page::Offset(4), &body(5, &json!([])))), None);
}

#[test]
fn pages_follow_by_cursor_until_it_is_empty_or_stands_still() {
    let body = |cursor: &str| json!({ "Next": cursor, "MemberList": [{ "Member_Account": "a" }] });
    let next = |text: &str| Page::Next(text.to_owned());
    assert_eq!(next_of(page(next(""), &body("x"))), Some(next("x")));
    assert_eq!(next_of(page(next("x"), &body("x"))), None);
    assert_eq!(next_of(page(next("x"), &body(""))), None);
    assert_eq!(next_of(page(Page::Offset(0), &body("x"))), Some(next("x")));
}

#[test]
fn roles_are_read_and_an_unknown_one_is_not_taken_for_a_member() {
    let call = Call::GetRoleInGroup { group: group(), accounts: vec![account("a")] };
    let body = |role: Value| json!({ "UserIdList": [{ "Member_Account": "a", "Role": role }] });
    for (text, role) in [
        ("Owner", Role::Owner),
        ("Admin", Role::Admin),
        ("Member ", Role::Member),
        ("NotMember", Role::Outside),
    ] {
        let expected = Reply::Roles(vec![(account("a"), role)]);
        assert_eq!(read(&call, &body(json!(text))), Ok(expected));
    }
    let unknown = read(&call, &body(json!("Emperor")));
    assert_eq!(unknown, Err("the role \"Emperor\" is unknown".to_owned()));
    assert_eq!(read(&call, &body(json!(null))), Err("a has no Role".to_owned()));
}

#[test]
fn mutes_are_read_by_their_new_and_their_old_name() {
    let call = Call::GetGroupMutedAccount { group: group() };
    let expected = Reply::Muted(vec![(account("bob"), at(1_700_000_600))]);
    for body in [
        json!({ "MutedAccountList":
            [{ "Member_Account": "bob", "MutedUntil": 1_700_000_600 }] }),
        json!({ "ShuttedUinList":
            [{ "Member_Account": "bob", "ShuttedUntil": 1_700_000_600 }] }),
    ] {
        assert_eq!(read(&call, &body).as_ref(), Ok(&expected));
    }
}

#[test]
fn nobody_muted_is_told_from_a_list_that_was_renamed() {
    let call = Call::GetGroupMutedAccount { group: group() };
    let nobody = Ok(Reply::Muted(Vec::new()));
    assert_eq!(read(&call, &json!({ "ErrorCode": 0, "MutedAccountList": [] })), nobody);
    assert_eq!(read(&call, &json!({ "ErrorCode": 0, "MutedAccountList": null })), nobody);
    assert_eq!(read(&call, &json!({ "ErrorCode": 0 })), nobody);
    let renamed = json!({ "ErrorCode": 0, "SilencedList": [{ "Member_Account": "bob" }] });
    assert_eq!(read(&call, &renamed), Err("the answer has no MutedAccountList".to_owned()));
}

#[test]
fn admins_of_an_avchatroom_are_read() {
    let body = json!({ "Admin_List": [{ "Admin_Account": "a", "NickName": "A" }] });
    let reply = read(&Call::GetAdminList { group: group() }, &body);
    assert_eq!(reply, Ok(Reply::Admins(vec![account("a")])));
}

/// The sample of 64897.
#[test]
fn named_members_are_read_like_a_page_that_has_no_next() {
    let call = Call::GetSpecifiedGroupMemberInfo {
        group: group(),
        members: vec![account("bob"), account("peter")],
    };
    let body = json!({
        "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "GroupId": "@TGS#2KIFZCIPQ",
        "MemberList": [{
            "JoinTime": 1_728_964_923, "LastSendMsgTime": 1_728_973_475, "Member_Account": "bob",
            "MsgFlag": "AcceptAndNotify", "MsgSeq": 7, "MuteUntil": 1_728_977_081,
            "NameCard": "bob", "Role": "Member",
        }],
    });
    let bob = MemberFacts {
        account: account("bob"),
        role: Role::Member,
        joined_at: Some(at(1_728_964_923)),
        name_card: "bob".to_owned(),
        muted_until: Some(at(1_728_977_081)),
        last_message_at: Some(at(1_728_973_475)),
    };
    let expected = Reply::Members { total: None, members: vec![bob], next: None };
    assert_eq!(read(&call, &body), Ok(expected));
}

#[test]
fn bans_are_read_page_by_page_until_the_offset_is_0_or_stands_still() {
    let banned = |offset, next: Value| {
        let body = json!({ "BannedAccountList":
            [{ "Member_Account": "bob", "BannedUntil": 1_700_000_600 }], "NextOffset": next });
        read(&Call::GetGroupBanMember { group: group(), offset }, &body)
    };
    let expected =
        |next| Ok(Reply::Banned { banned: vec![(account("bob"), at(1_700_000_600))], next });
    assert_eq!(banned(0, json!(100)), expected(Some(100)));
    assert_eq!(banned(100, json!("200")), expected(Some(200)));
    assert_eq!(banned(100, json!(0)), expected(None));
    assert_eq!(banned(100, json!(100)), expected(None));
    let nobody = read(&Call::GetGroupBanMember { group: group(), offset: 0 }, &json!({}));
    assert_eq!(nobody, Ok(Reply::Banned { banned: Vec::new(), next: None }));
}

#[test]
fn every_imported_member_has_its_own_result() {
    let call = Call::ImportGroupMember { group: group(), members: Vec::new() };
    let body = |third: i64| {
        json!({ "MemberList": [
            { "Member_Account": "a", "Result": 1 },
            { "Member_Account": "b", "Result": "2" },
            { "Member_Account": "c", "Result": third },
        ] })
    };
    let expected = Reply::Imported(vec![
        (account("a"), ImportResult::Imported),
        (account("b"), ImportResult::Already),
        (account("c"), ImportResult::Failed),
    ]);
    assert_eq!(read(&call, &body(0)), Ok(expected));
    assert!(read(&call, &body(9)).is_err());
    assert!(read(&call, &json!({ "ErrorCode": 0 })).is_err());
}

#[test]
fn every_added_member_has_its_own_result_and_may_wait_for_agreement() {
    let call = Call::AddGroupMember { group: group(), members: Vec::new(), silent: false };
    let body = |first: i64| {
        json!({ "MemberList": [
            { "Member_Account": "a", "Result": first },
            { "Member_Account": "b", "Result": "1" },
            { "Member_Account": "c", "Result": 2 },
            { "Member_Account": "d", "Result": 3 },
        ] })
    };
    let expected = Reply::Added(vec![
        (account("a"), AddResult::Failed),
        (account("b"), AddResult::Added),
        (account("c"), AddResult::Already),
        (account("d"), AddResult::Pending),
    ]);
    assert_eq!(read(&call, &body(0)), Ok(expected));
    let unknown = "the Result of a is Some(4), not 0, 1, 2 or 3";
    assert_eq!(read(&call, &body(4)), Err(unknown.to_owned()));
}

#[test]
fn every_recalled_message_has_its_own_code() {
    let call = Call::GroupMsgRecall { group: group(), topic: None, sequences: vec![100, 101] };
    // The sample of the page (34965).
    let body = json!({ "ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0, "RecallRetList": [
        { "MsgSeq": 100, "RetCode": 10030 },
        { "MsgSeq": 101, "RetCode": 0 },
    ] });
    assert_eq!(read(&call, &body), Ok(Reply::Recalled(vec![(100, 10030), (101, 0)])));
    let without = json!({ "RecallRetList": [{ "MsgSeq": 100 }] });
    assert_eq!(read(&call, &without), Err("message 100 has no RetCode".to_owned()));
}

#[test]
fn a_message_that_chat_dropped_is_not_taken_for_a_sent_one() {
    let call =
        Call::SendGroupMsg { group: group(), topic: None, text: "x".into(), from: None, random: 1 };
    let sent = |sequence, dropped: Option<&str>| {
        Ok(Reply::Sent { sequence, dropped: dropped.map(str::to_owned) })
    };
    assert_eq!(read(&call, &json!({ "MsgSeq": 12, "MsgDropReason": "" })), sent(Some(12), None));
    assert_eq!(
        read(&call, &json!({ "MsgSeq": 1, "MsgDropReason": "MsgFreqCtrl" })),
        sent(Some(1), Some("MsgFreqCtrl"))
    );
    assert_eq!(read(&call, &json!({ "ErrorCode": 0 })), sent(None, None));
}

#[test]
fn a_change_needs_nothing_but_the_envelope() {
    let call = Call::ChangeGroupOwner { group: group(), new_owner: account("bob"), from: None };
    assert_eq!(read(&call, &json!({ "ErrorCode": 0, "RequestId": "x" })), Ok(Reply::Done));
}
