//! What Chat must refuse is not sent: limits at their borders.

use super::*;

#[test]
fn the_limits_of_the_moderating_calls_hold_at_their_borders() {
    let add =
        |count| Call::AddGroupMember { group: group(), members: accounts(count), silent: false };
    let delete = |count, reason: usize| Call::DeleteGroupMember {
        group: group(),
        members: accounts(count),
        silent: false,
        reason: "r".repeat(reason),
    };
    let ban = |count, seconds, description: usize| Call::BanGroupMember {
        group: group(),
        members: accounts(count),
        seconds,
        description: "d".repeat(description),
    };
    let mute =
        |count| Call::ForbidSendMsg { group: group(), members: accounts(count), seconds: 60 };
    let specified =
        |count| Call::GetSpecifiedGroupMemberInfo { group: group(), members: accounts(count) };
    let (mutes, names) = (mute(501), specified(51));
    let unban = |count| Call::UnbanGroupMember { group: group(), members: accounts(count) };
    let named = |bytes: usize| GroupFields { name: Some("n".repeat(bytes)), ..no_fields() };
    let noted = |bytes: usize| GroupFields { notification: Some("n".repeat(bytes)), ..no_fields() };
    let told = |bytes: usize| GroupFields { introduction: Some("i".repeat(bytes)), ..no_fields() };
    let set = |fields| Call::ModifyGroupBaseInfo { group: group(), fields, mute_all: None };
    let notify = |count, bytes: usize| Call::SendGroupSystemNotification {
        group: group(),
        to: accounts(count),
        text: "x".repeat(bytes),
    };
    let recall = |sequences: std::ops::Range<i64>| Call::GroupMsgRecall {
        group: group(),
        topic: None,
        sequences: sequences.collect(),
    };
    let write = |text: &str| Call::SendMsg { to: account("bob"), text: text.into(), random: 1 };
    for (fits, breaks, says) in [
        (add(300), add(301), "301 members; Chat takes at most 300 a call"),
        (delete(100, 0), delete(101, 0), "101 members; Chat takes at most 100 a call"),
        (delete(1, 1_000), delete(1, 1_001), "Reason has 1001 bytes; Chat takes at most 1000"),
        (ban(20, 1, 0), ban(21, 1, 0), "21 members; Chat takes at most 20 a call"),
        (ban(1, 1, 1_000), ban(1, 0, 0), "a ban of 0 seconds bans nobody"),
        (unban(20), unban(0), "no members given"),
        (mute(500), mutes, "501 members; Chat takes at most 500 a call"),
        (specified(50), names, "51 members; Chat takes at most 50 a call"),
        (set(named(30)), set(named(31)), "Name has 31 bytes; Chat takes at most 30"),
        (set(named(1)), set(named(0)), "Name is empty"),
        (set(told(240)), set(told(241)), "Introduction has 241 bytes; Chat takes at most 240"),
        (set(noted(300)), set(noted(301)), "Notification has 301 bytes; Chat takes at most 300"),
        (set(noted(0)), set(no_fields()), "nothing of the group is to be changed"),
        (notify(500, 1), notify(501, 1), "501 accounts; Chat takes at most 500 a call"),
        (notify(0, 8_000), notify(0, 8_001), "Content has 8001 bytes; Chat takes at most 8000"),
        (recall(1..11), recall(1..12), "11 messages; Chat takes at most 10 a call"),
        (recall(1..2), recall(0..1), "MsgSeq is 0; Chat counts messages from 1"),
        (write("x"), write(""), "Text is empty"),
    ] {
        assert_eq!(fits.check(), Ok(()), "{says}");
        assert_eq!(breaks.check(), Err(says.to_owned()));
    }
}

#[test]
fn each_documented_limit_holds_at_its_border_and_breaks_one_beyond() {
    let cards = |bytes| change(MemberChange::NameCard("x".repeat(bytes)));
    let field = |key: usize, value: usize| {
        change(MemberChange::Fields(vec![("k".repeat(key), "v".repeat(value))]))
    };
    let fields = |count: usize| {
        let one = |i| (format!("k{i}"), String::new());
        change(MemberChange::Fields((0..count).map(one).collect()))
    };
    let admins = |count| Call::ModifyAdmin { group: group(), set: true, admins: accounts(count) };
    let imports = |count| import(vec![member("bob"); count]);
    let groups = |count| Call::GetGroupInfo { groups: vec![group(); count] };
    let roles = |count| Call::GetRoleInGroup { group: group(), accounts: accounts(count) };
    let envelope =
        json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "" } }]).to_string().len();
    let said = |bytes: usize| say(&"x".repeat(bytes - envelope));
    let named = |bytes: usize| import(vec![member(&"x".repeat(bytes))]);
    for (fits, breaks, says) in [
        (cards(50), cards(51), "NameCard has 51 bytes; Chat takes at most 50"),
        (field(15, 64), field(16, 64), "a field's key has 16 bytes; Chat takes at most 15"),
        (field(1, 64), field(1, 65), "field k has 65 bytes; Chat takes at most 64"),
        (fields(5), fields(6), "6 fields; Chat takes at most 5 a call"),
        (fields(1), fields(0), "no fields given"),
        (admins(5), admins(6), "6 admins; Chat takes at most 5 a call"),
        (imports(300), imports(301), "301 members; Chat takes at most 300 a call"),
        (groups(50), groups(51), "51 groups; Chat takes at most 50 a call"),
        (roles(500), roles(501), "501 accounts; Chat takes at most 500 a call"),
        (said(8_000), said(8_001), "the message has 8001 bytes; Chat takes at most 8000"),
        (said(8_000), say(""), "Text is empty"),
    ] {
        assert_eq!(fits.check(), Ok(()));
        assert_eq!(breaks.check(), Err(says.to_owned()));
    }
    assert_eq!(named(32).check(), Ok(()));
    assert!(named(33).check().unwrap_err().ends_with("33 bytes; Chat takes at most 32"));
}

#[test]
fn a_name_card_is_measured_in_bytes_and_not_in_characters() {
    let cards = |count| change(MemberChange::NameCard("猫".repeat(count)));
    assert_eq!(cards(16).check(), Ok(()));
    assert_eq!(cards(17).check(), Err("NameCard has 51 bytes; Chat takes at most 50".to_owned()));
}

#[test]
fn what_names_nobody_or_makes_an_owner_is_not_sent() {
    let owner = change(MemberChange::Role(Role::Owner)).check().unwrap_err();
    assert!(owner.contains("not Owner"), "{owner}");
    for nobody in ["", "@TLS#NOT_FOUND"] {
        let call =
            Call::ChangeGroupOwner { group: group(), new_owner: account(nobody), from: None };
        assert_eq!(call.check(), Err(format!("{nobody:?} is nobody's account")));
    }
    let call = Call::GetAdminList { group: GroupId::from("") };
    assert_eq!(call.check(), Err("GroupId is empty".to_owned()));
    let early = ImportedMember { joined_at: Some(0), ..member("bob") };
    assert_eq!(import(vec![early]).check(), Err("JoinTime of bob is 0; it is unix seconds".into()));
}
