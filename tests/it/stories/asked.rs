//! Chat asks first: rules refuse, swallow, rewrite, and say who did.

use std::time::Duration;

use groupkeeper::chat::{Account, GroupType, Role};
use groupkeeper::simulator::NewGroup;

use crate::stage::Stage;

const FILTER: &str = r#"
[rule.no-advertising]
on = "message.sending"
when = 'message.text.contains("casino")'
do = [{ reject = { text = "no advertising, {member.id}", code = 10101 } }]

[rule.swallow-spam]
on = "message.sending"
when = 'message.text.contains("spam")'
do = ["drop"]

[rule.no-phone-numbers]
on = "message.sending"
when = 'message.text.matches("[0-9]{6,}")'
do = [{ replace_text = { text = "(a number was here)" } }]
"#;

#[tokio::test]
async fn a_message_is_refused_swallowed_rewritten_or_let_through() {
    let stage = Stage::that_is_asked(FILTER).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    for text in ["hello", "best casino", "spam spam", "call 5551234", "casino and spam"] {
        cats.says("ann", text);
        stage.settle().await;
    }
    assert_eq!(cats.messages(), ["hello", "(a number was here)"]);
    stage.finish().await;
}

#[tokio::test]
async fn the_first_rejection_wins_and_the_trace_says_which_rule() {
    let stage = Stage::that_is_asked(FILTER).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "casino 5551234 spam");
    stage.settle().await;
    assert!(cats.messages().is_empty());
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("reject it with 10101"), "{events}");
    assert!(events.contains("swallow it: `no-advertising` has answered already"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn a_refused_message_that_chat_asks_about_again_is_refused_again() {
    let stage = Stage::that_is_asked(FILTER).await;
    let body = r#"{"CallbackCommand":"Group.CallbackBeforeSendMsg","GroupId":"@TGS#cats","Type":"Public",
        "From_Account":"ann","Operator_Account":"ann","Random":7,"EventTime":"1767268800000",
        "MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"casino"}}]}"#;
    let query = stage.signed_query("Group.CallbackBeforeSendMsg");
    let (_, first) = stage.post(&query, body).await;
    let (_, second) = stage.post(&query, body).await;
    assert!(first.contains("\"ErrorCode\":10101"), "{first}");
    assert!(first.contains("no advertising, ann"), "{first}");
    assert_eq!(first, second);
    stage.finish().await;
}

#[tokio::test]
async fn in_shadow_chat_is_told_nothing_and_the_trace_everything() {
    let stage = Stage::that_is_asked(&FILTER.replace("do =", "mode = \"shadow\"\ndo =")).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "best casino");
    stage.settle().await;
    assert_eq!(cats.messages(), ["best casino"]);
    stage.finish().await;
}

#[tokio::test]
async fn some_of_the_invited_are_refused_and_the_others_come_in() {
    let rules = r#"
[rule.no-guests]
on = "invite.requested"
do = [{ refuse_invited = { which = 'invited.id.startsWith("guest_")' } }]
"#;
    let stage = Stage::that_is_asked(rules).await;
    let cats = stage.create("@TGS#cats", GroupType::Work, "olga", &[("ann", Role::Member)]);
    let now = stage.now();
    let invited = ["guest_1", "bob", "guest_2"].map(Account::from);
    stage.chat.with_world(|world| {
        world.invite(now, &"@TGS#cats".into(), &"olga".into(), &invited);
    });
    stage.settle().await;
    assert_eq!(cats.role("bob"), Role::Member);
    assert_eq!(cats.role("guest_1"), Role::Outside);
    assert_eq!(cats.role("guest_2"), Role::Outside);
    stage.finish().await;
}

#[tokio::test]
async fn whom_nobody_knows_is_judged_at_once_and_asked_about_for_the_next_time() {
    let rules = r#"
[rule.admins-may]
on = "message.sending"
when = 'member.role == "member" && message.text.contains("http")'
do = [{ reject = { text = "no links" } }]
"#;
    let stage = Stage::that_is_asked(rules).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("bob", Role::Admin)]);
    // The rule reads an unknown role as a plain member's; the answer to the question comes after.
    cats.says("bob", "http://example.org");
    stage.settle().await;
    assert!(cats.messages().is_empty());
    assert_eq!(stage.calls("get_role_in_group"), [0]);
    stage.advance(Duration::from_secs(1)).await;
    cats.says("bob", "http://example.org");
    stage.settle().await;
    assert_eq!(cats.messages(), ["http://example.org"]);
    stage.finish().await;
}

const DOORKEEPER: &str = r#"
[rule.no-guests]
on = "join.requested"
when = 'member.id.startsWith("guest_")'
do = [{ reject = { text = "members only", code = 10102 } }]

[rule.no-casinos]
on = ["group.creating", "topic.creating"]
when = 'event.name.contains("casino")'
do = [{ reject = { text = "not under this name" } }]

[rule.no-offers]
on = "private.sending"
when = 'message.text.contains("casino")'
do = [{ reject = { text = "no offers" } }]
"#;

#[tokio::test]
async fn who_applies_makes_a_group_or_a_topic_or_writes_to_somebody_is_judged_first() {
    let stage = Stage::that_is_asked(DOORKEEPER).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let club = "@TGS#_club".into();
    stage.create("@TGS#_club", GroupType::Community, "olga", &[]);
    stage.settle().await;
    let (now, ann, bob) = (stage.now(), Account::from("ann"), Account::from("bob"));
    stage.chat.with_world(|world| {
        for account in ["guest_1", "bob"] {
            world.join(now, &"@TGS#cats".into(), &account.into());
        }
        for name in ["casino", "chess"] {
            let mut group = NewGroup::new(&format!("@TGS#{name}"), GroupType::Public, "ann", &[]);
            name.clone_into(&mut group.name);
            group.silent = false;
            world.create_group(now, group);
            world.create_topic(now, &club, &"olga".into(), name);
            world.say_privately(now, &ann, &bob, name);
        }
    });
    stage.settle().await;
    assert_eq!((cats.role("guest_1"), cats.role("bob")), (Role::Outside, Role::Member));
    stage.chat.with_world(|world| {
        assert!(world.group(&"@TGS#casino".into()).is_none());
        assert!(world.group(&"@TGS#chess".into()).is_some());
        let topics = world.group(&club).unwrap().topics.values();
        assert_eq!(topics.map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["chess"]);
        let told = world.private_messages().iter().map(|(_, message)| message.text.as_str());
        assert_eq!(told.collect::<Vec<_>>(), ["chess"]);
    });
    stage.finish().await;
}
