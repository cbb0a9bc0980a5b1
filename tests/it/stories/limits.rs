//! A rule that does too much is stopped, and a person decides.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

const MINUTE: Duration = Duration::from_secs(60);

const EAGER: &str = r#"
[rule.mute-shouters]
on = "message.sent"
when = 'message.text == "SHOUT"'
limit = { actions = 2, per = "10m" }
do = [{ mute = { for = "5m" } }]
"#;

async fn four_shouters(rules: &str) -> Stage {
    let stage = Stage::with_rules(rules).await;
    let members = ["a", "b", "c", "d"].map(|who| (who, Role::Member));
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    for (who, _) in members {
        cats.says(who, "SHOUT");
        stage.settle().await;
    }
    stage
}

fn muted(stage: &Stage) -> Vec<&'static str> {
    let cats = stage.group("@TGS#cats");
    ["a", "b", "c", "d"].into_iter().filter(|who| cats.muted_for(who).is_some()).collect()
}

#[tokio::test]
async fn what_is_over_the_limit_waits_and_one_alert_tells() {
    let stage = four_shouters(EAGER).await;
    assert_eq!(muted(&stage), ["a", "b"]);
    let (_, held) = stage.admin("/api/v1/held").await;
    assert!(held.contains("mute c in @TGS#cats for 5m"), "{held}");
    assert!(held.contains("more than 2 actions in 10m (`limit`)"), "{held}");
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 1"), "{metrics}");
    let (status, _) = stage.operator("/api/v1/held/discard?rule=mute-shouters").await;
    assert_eq!(status, 200);
    stage.advance(MINUTE * 6).await;
    assert!(muted(&stage).is_empty());
    stage.finish().await;
}

#[tokio::test]
async fn released_mutes_begin_with_their_release_and_end() {
    let mut stage = four_shouters(EAGER).await;
    stage.advance(MINUTE * 30).await;
    stage.stop().await;
    stage.start().await.unwrap();
    let (status, released) = stage.operator("/api/v1/held/release?rule=mute-shouters").await;
    assert_eq!(status, 200, "{released}");
    stage.settle().await;
    assert_eq!(stage.group("@TGS#cats").muted_for("c"), Some(300));
    assert_eq!(stage.group("@TGS#cats").muted_for("d"), Some(300));
    let (status, _) = stage.operator("/api/v1/held/release?rule=mute-shouters").await;
    assert_eq!(status, 404, "what is released is held no more");
    stage.advance(MINUTE * 6).await;
    assert!(muted(&stage).is_empty());
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn with_then_drop_nothing_is_kept() {
    let stage = four_shouters(&EAGER.replace("\"10m\"", "\"10m\", then = \"drop\"")).await;
    assert_eq!(muted(&stage), ["a", "b"]);
    assert_eq!(stage.admin("/api/v1/held").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn the_limit_slides_with_time() {
    let stage = four_shouters(&EAGER.replace("\"10m\"", "\"10m\", then = \"drop\"")).await;
    stage.advance(MINUTE * 10 + Duration::from_secs(30)).await;
    stage.group("@TGS#cats").says("c", "SHOUT");
    stage.settle().await;
    assert_eq!(muted(&stage), ["c"]);
    stage.finish().await;
}

#[tokio::test]
async fn the_limit_of_the_service_counts_all_rules_together() {
    let rules = r#"
[rule.one]
on = "message.sent"
do = [{ mute = { for = "5m" } }]
[rule.two]
on = "message.sent"
do = [{ set_name_card = { text = "spoke" } }]
"#;
    let stage = Stage::with_settings(rules, &[("SAFETY_LIMIT", "3/1m")]).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    for who in ["ann", "ben"] {
        cats.says(who, "hi");
        stage.settle().await;
    }
    let (_, held) = stage.admin("/api/v1/held").await;
    assert!(held.contains("mute ben in @TGS#cats for 5m") && !held.contains("ann"), "{held}");
    assert!(held.contains("`[safety] limit`"), "{held}");
    stage.operator("/api/v1/held/discard?rule=one").await;
    stage.advance(MINUTE * 6).await;
    stage.finish().await;
}

const POLITE: &str = r#"
[rule.ask-shouters]
on = "message.sent"
when = 'message.text == "SHOUT"'
limit = { actions = 1, per = "10m" }
do = [{ send_message = { text = "{member.id}, no {message.text} please" } }]
"#;

#[tokio::test]
async fn an_operator_sees_whom_it_is_about_and_the_rules_words_but_no_members() {
    let stage = four_shouters(POLITE).await;
    let url = stage.admin_url();
    let (exit, shown, _) = stage.groupkeeper(&["outbox", "held", "--url", &url]).await;
    assert_eq!(exit, Some(0));
    assert!(shown.contains("about c: send a message to @TGS#cats"), "{shown}");
    assert!(shown.contains("says \"{member.id}, no {message.text} please\""), "{shown}");
    assert!(!shown.contains("SHOUT"), "{shown}");
    let arguments = ["outbox", "discard", "--rule", "ask-shouters", "--url", &url];
    let (exit, _, told) = stage.groupkeeper(&arguments).await;
    assert_eq!((exit, told.as_str()), (Some(0), "discarded: 3\n"));
    stage.finish().await;
}

#[tokio::test]
async fn an_id_that_several_begin_with_settles_none_of_them() {
    let members: Vec<String> = (0..40).map(|number| format!("u{number}")).collect();
    let stage = Stage::with_rules(POLITE).await;
    let listed: Vec<_> = members.iter().map(|who| (who.as_str(), Role::Member)).collect();
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &listed);
    for who in &members {
        cats.says(who, "SHOUT");
    }
    stage.settle().await;
    let held = || async {
        let (_, held) = stage.admin("/api/v1/held").await;
        let held: Vec<serde_json::Value> = serde_json::from_str(&held).unwrap();
        held.iter().map(|held| held["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = held().await;
    // More ids than hex digits: two begin alike.
    let alike = |id: &&String| before.iter().filter(|other| other[..1] == id[..1]).count() > 1;
    let first = before.iter().find(alike).unwrap();
    let url = stage.admin_url();
    let (exit, _, told) =
        stage.groupkeeper(&["outbox", "release", &first[..1], "--url", &url]).await;
    assert_eq!(exit, Some(1));
    assert!(told.contains("several ids begin so") && told.contains(first.as_str()), "{told}");
    assert_eq!(held().await, before);
    let (exit, _, told) = stage.groupkeeper(&["outbox", "release", first, "--url", &url]).await;
    assert_eq!((exit, told.as_str()), (Some(0), "released: 1\n"));
    assert_eq!(held().await.len(), before.len() - 1);
    assert_eq!(stage.operator("/api/v1/held/discard?rule=ask-shouters").await.0, 200);
    // So many messages in one second were more than the group takes: what was to be said is sent later.
    stage.advance(MINUTE).await;
    stage.finish().await;
}

#[tokio::test]
async fn without_a_service_the_outbox_advises_nothing_that_it_cannot_do() {
    let stage = Stage::with_rules(POLITE).await;
    let (exit, _, told) =
        stage.groupkeeper(&["outbox", "held", "--url", "http://127.0.0.1:1"]).await;
    assert_eq!(exit, Some(1));
    assert!(told.contains("nobody answers at http://127.0.0.1:1"), "{told}");
    assert!(!told.contains("--store"), "{told}");
    stage.finish().await;
}
