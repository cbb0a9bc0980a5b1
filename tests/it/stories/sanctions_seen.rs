//! Mutes as reconciliation finds them at Chat: what people did there is respected, not fought.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

const RULES: &str = r#"
[rule.mute]
on = "message.sent"
when = 'message.text == "mute"'
do = [{ mute = { for = "1h" } }]

[rule.ended]
on = "mute.ended"
do = [{ send_message = { text = "{member.id}: {event.reason}" } }]

[rule.muted]
on = "message.sent"
when = 'message.text == "who" && member.muted'
do = [{ send_message = { text = "{member.id} is muted" } }]

[rule.free]
on = "message.sent"
when = 'message.text == "free ann"'
do = [{ unmute = { who = "ann" } }]
"#;

async fn with_mutes_of(members: &[&str]) -> Stage {
    let stage = Stage::with_settings(RULES, &[("RECONCILE_EVERY", "10m")]).await;
    let all: Vec<_> = members.iter().map(|who| (*who, Role::Member)).collect();
    let cats = stage.create(CATS, GroupType::Public, "olga", &all);
    for who in members {
        cats.says(who, "mute");
        stage.settle().await;
    }
    stage.advance(MINUTE * 3).await;
    stage
}

async fn reconciled(stage: &Stage) {
    assert_eq!(stage.operator("/api/v1/reconcile?group=@TGS%23cats").await.0, 200);
    stage.settle().await;
    stage.advance(MINUTE).await;
}

/// `ann mute, ben mute`.
async fn listed(stage: &Stage) -> String {
    let (_, list) = stage.admin("/api/v1/sanctions").await;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let one = |one: &serde_json::Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} until {}", text("member"), text("state"), text("until"))
    };
    list.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn whom_a_person_has_unmuted_stays_free_and_rules_hear_of_each() {
    let stage = with_mutes_of(&["ann", "ben", "cy"]).await;
    let cats = stage.group(CATS);
    cats.mutes("olga", "ann", 0);
    cats.mutes("olga", "ben", 0);
    let calls = stage.calls("modify_group_member_info").len();
    reconciled(&stage).await;
    let mut messages = cats.messages();
    messages.retain(|text| text.contains(": "));
    messages.sort();
    assert_eq!(messages, ["ann: overruled", "ben: overruled"]);
    assert_eq!(listed(&stage).await, "cy in force until 2026-01-01T13:00:00Z");
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.calls("modify_group_member_info").len(), calls, "nothing is set again");
    assert_eq!(cats.muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_a_person_has_shortened_ends_when_they_want() {
    let stage = with_mutes_of(&["ann"]).await;
    let cats = stage.group(CATS);
    cats.mutes("olga", "ann", 600);
    reconciled(&stage).await;
    assert_eq!(listed(&stage).await, "ann in force until 2026-01-01T12:13:00Z");
    stage.advance(MINUTE * 10).await;
    assert_eq!(cats.messages().last().unwrap(), "ann: expired");
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.advance(HOUR).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_longer_mute_by_a_person_is_left_alone() {
    let stage = with_mutes_of(&["ann"]).await;
    let cats = stage.group(CATS);
    cats.mutes("olga", "ann", 86_400);
    reconciled(&stage).await;
    assert_eq!(listed(&stage).await, "ann in force until 2026-01-01T13:00:00Z");
    stage.advance(HOUR * 2).await;
    assert!(cats.muted_for("ann").is_some());
    assert_eq!(listed(&stage).await, "");
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn what_has_just_been_sent_is_not_taken_for_lifted() {
    let stage = with_mutes_of(&[]).await;
    let cats = stage.group(CATS);
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.join(now, &CATS.into(), &"ann".into());
    });
    stage.settle().await;
    // Chat reads from somewhere that has not heard of it yet.
    let kind = groupkeeper::simulator::FaultKind::StaleReads { during: MINUTE };
    stage.fault("get_group_muted_account", None, kind);
    cats.says("ann", "mute");
    stage.settle().await;
    reconciled(&stage).await;
    assert!(listed(&stage).await.starts_with("ann in force"), "{}", listed(&stage).await);
    stage.mend();
    stage.advance(HOUR * 2).await;
    assert_eq!(listed(&stage).await, "");
    stage.finish().await;
}

#[tokio::test]
async fn who_is_away_is_not_taken_for_unmuted() {
    let stage = with_mutes_of(&["ann"]).await;
    let cats = stage.group(CATS);
    cats.leaves("ann");
    stage.settle().await;
    stage.chat.with_world(|world| {
        // Of who has left, Chat's list says nothing.
        assert!(world.group(&CATS.into()).unwrap().role(&"ann".into()) == Role::Outside);
    });
    reconciled(&stage).await;
    assert!(listed(&stage).await.starts_with("ann away"), "{}", listed(&stage).await);
    cats.joins("ann").await;
    assert!(cats.muted_for("ann").is_some());
    stage.advance(HOUR * 2).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_by_a_person_is_true_for_conditions() {
    let stage = with_mutes_of(&["ann"]).await;
    let cats = stage.group(CATS);
    stage.advance(HOUR).await;
    cats.mutes("olga", "ann", 3_600);
    reconciled(&stage).await;
    // A message that was on its way.
    let body = r#"{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"@TGS#cats","Type":"Public","From_Account":"ann","MsgSeq":901,"MsgTime":1767272580,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"who"}}]}"#;
    let query = stage.signed_query("Group.CallbackAfterSendMsg");
    assert_eq!(stage.post(&query, body).await.0, 200);
    stage.settle().await;
    assert_eq!(cats.messages().last().unwrap(), "ann is muted");
    cats.mutes("olga", "ann", 0);
    reconciled(&stage).await;
    cats.says("ann", "who");
    stage.settle().await;
    assert_eq!(cats.messages().last().unwrap(), "who");
    // The mute was not ours, so that it ends is no event; but we know it.
    cats.mutes("olga", "ann", 3_600);
    reconciled(&stage).await;
    cats.says("olga", "free ann");
    stage.settle().await;
    cats.says("ann", "who");
    stage.settle().await;
    assert_eq!(cats.messages().last().unwrap(), "who");
    stage.finish().await;
}
