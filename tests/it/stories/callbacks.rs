//! Callbacks that are not what they should be.

use std::time::Duration;

use groupkeeper::callback::decode::commands;
use groupkeeper::chat::GroupType;
use serde_json::Value;

use crate::fixtures;
use crate::stage::{SDK_APP_ID, Stage, TOKEN, signed};

const JOIN: &str = "Group.CallbackAfterNewMemberJoin";
const BODY: &str = r#"{"CallbackCommand":"Group.CallbackAfterNewMemberJoin","GroupId":"@TGS#cats","Type":"Public","JoinType":"Apply","Operator_Account":"staff_lin","NewMemberList":[{"Member_Account":"staff_lin"}],"EventTime":1767268800000}"#;

/// The bot, and a group whose joins Chat does not report by itself.
async fn stage() -> Stage {
    let stage = Stage::with_shipped_rules().await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.settings_mut().callbacks.clear();
        world.join(now, &"@TGS#cats".into(), &"staff_lin".into());
    });
    stage
}

async fn nothing_came_of_it(stage: Stage) {
    stage.settle().await;
    assert_eq!(stage.calls("modify_group_member_info"), Vec::<i64>::new());
    let (_, events) = stage.admin("/api/v1/events").await;
    assert_eq!(events, "[]");
    stage.finish().await;
}

/// Whatever Chat sends reaches a rule on `callback`, beside the event that it has of its own.
#[tokio::test]
async fn every_callback_of_the_lists_arrives_is_answered_and_reaches_a_rule() {
    let rules =
        "[rule.tell]\non = \"callback\"\ndo = [{ alert = { text = \"{event.command}\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    for fixture in fixtures::all() {
        let query = stage.signed_query(&fixture.command);
        let (status, answer) = stage.post(&query, fixture.body.to_string()).await;
        assert_eq!(status, 200, "{}", fixture.command);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ActionStatus"], "OK", "{}", fixture.command);
        assert_eq!((&answer["ErrorCode"], &answer["ErrorInfo"]), (&0.into(), &"".into()));
        // The same words without a time of their own would be the same callback.
        stage.clock.advance(Duration::from_secs(61));
    }
    stage.settle().await;
    let exercised = stage.exercised();
    let (_, events) = stage.admin("/api/v1/events?limit=1000").await;
    let told = events.matches("\"callback\"").count();
    assert!(told >= commands().len(), "{told} alerts: {events}");
    for command in commands() {
        assert!(exercised.contains(command.name), "{} did not arrive", command.name);
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_forged_signature_is_403_and_leaves_no_trace() {
    let stage = stage().await;
    let query = signed(SDK_APP_ID, JOIN, "guessed", stage.now().secs());
    assert_eq!(stage.post(&query, BODY).await.0, 403);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn a_stale_signature_is_403() {
    let stage = stage().await;
    let query = signed(SDK_APP_ID, JOIN, TOKEN, stage.now().secs());
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(stage.post(&query, BODY).await.0, 403);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn an_unsigned_callback_is_403() {
    let stage = stage().await;
    let query = format!("SdkAppid={SDK_APP_ID}&CallbackCommand={JOIN}");
    assert_eq!(stage.post(&query, BODY).await.0, 403);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn a_callback_for_another_app_is_403() {
    let stage = stage().await;
    let query = signed(1_400_000_001, JOIN, TOKEN, stage.now().secs());
    assert_eq!(stage.post(&query, BODY).await.0, 403);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn a_garbled_body_is_400_and_an_endless_one_413() {
    let stage = stage().await;
    let query = stage.signed_query(JOIN);
    assert_eq!(stage.post(&query, &BODY.as_bytes()[..40]).await.0, 400);
    assert_eq!(stage.post(&query, vec![b' '; (1 << 20) + 1]).await.0, 413);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(stage.post(&query, deep).await.0, 400);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn an_unknown_command_is_answered_ok() {
    let stage = stage().await;
    let command = "Group.CallbackAfterSomethingNew";
    let body = format!(r#"{{"CallbackCommand":"{command}","GroupId":"@TGS#cats"}}"#);
    let (status, answer) = stage.post(&stage.signed_query(command), body).await;
    assert_eq!(status, 200);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let ok = serde_json::json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" });
    assert_eq!(answer, ok);
    nothing_came_of_it(stage).await;
}

#[tokio::test]
async fn the_token_that_is_being_rotated_out_still_opens() {
    let stage = stage().await;
    let query = signed(SDK_APP_ID, JOIN, "old-token", stage.now().secs());
    assert_eq!(stage.post(&query, BODY).await.0, 200);
    stage.settle().await;
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn the_same_callback_three_times_is_one_event() {
    let stage = stage().await;
    for second in 0..3 {
        stage.clock.advance(Duration::from_secs(second));
        assert_eq!(stage.post(&stage.signed_query(JOIN), BODY).await.0, 200);
    }
    stage.settle().await;
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn the_same_callback_at_once_on_many_connections_is_one_event() {
    let stage = stage().await;
    let query = stage.signed_query(JOIN);
    let posts = (0..16).map(|_| stage.post(&query, BODY));
    for (status, _) in futures_util::future::join_all(posts).await {
        assert_eq!(status, 200);
    }
    stage.settle().await;
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn groups_that_count_together_all_get_their_answer() {
    let rules = r#"
[rule.raid]
on = "member.joined"
count = { each = ["app"], within = "1m", at_least = 1000 }
do = [{ alert = { text = "{count} joins in a minute" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    let query = stage.signed_query(JOIN);
    let posts = (0..300).map(|number| {
        let group = format!("@TGS#g{number}");
        stage.post(&query, BODY.replace("@TGS#cats", &group).replace("staff_lin", "ann"))
    });
    for (status, answer) in futures_util::future::join_all(posts).await {
        assert_eq!(status, 200, "{answer}");
    }
    stage.finish().await;
}
