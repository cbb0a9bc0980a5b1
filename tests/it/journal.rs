//! What the journal keeps, and how it is looked through.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::ledger::JournalEntry;
use groupkeeper::store::WriteSet;
use serde_json::Value;

use crate::stage::Stage;

const STAFF: &str = "[rule.staff]\non = \"member.joined\"\nin = { groups = [\"@TGS#c*\"] }\n\
    when = 'member.id.startsWith(\"staff_\")'\ndo = [{ set_role = { role = \"admin\" } }]\n";

/// The names of the events in the journal, oldest first.
async fn kept(stage: &Stage) -> Vec<String> {
    // Behind what nobody waited for.
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let (status, lines) = stage.admin("/api/v1/journal").await;
    assert_eq!(status, 200);
    let entry = |line: &str| serde_json::from_str::<JournalEntry>(line).unwrap().event;
    lines.lines().map(entry).collect()
}

async fn story(events: &str) -> Vec<String> {
    let stage = Stage::with_settings(STAFF, &[("JOURNAL_EVENTS", events)]).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    stage.settle().await;
    cats.joins("ann").await;
    cats.joins("staff_lin").await;
    cats.says("ann", "hello");
    stage.settle().await;
    stage.create("@TGS#dogs", GroupType::Public, "otto", &[]).joins("staff_mei").await;
    let kept = kept(&stage).await;
    stage.finish().await;
    kept
}

#[tokio::test]
async fn decided_keeps_what_something_came_of() {
    assert_eq!(story("decided").await, ["member.joined", "settled"]);
}

#[tokio::test]
async fn judged_keeps_also_what_a_rule_in_scope_looked_at() {
    assert_eq!(story("judged").await, ["member.joined", "member.joined", "settled"]);
}

#[tokio::test]
async fn all_keeps_every_event() {
    let expected = [
        "member.joined",
        "member.joined",
        "settled",
        "member.role_changed",
        "message.sent",
        "member.joined",
    ];
    assert_eq!(story("all").await, expected);
}

#[tokio::test]
async fn an_event_that_no_rule_listens_to_writes_nothing() {
    let stage = Stage::with_rules(STAFF).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    stage.settle().await;
    let everything = || stage.bot().store.scan(&[], &[0xFF], 10_000).unwrap();
    let before = everything();
    cats.says("ann", "hello");
    stage.settle().await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    assert_eq!(everything(), before);
    stage.finish().await;
}

#[tokio::test]
async fn events_are_found_by_whom_they_are_about_and_by_which_rule_looked() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    let dogs = stage.create("@TGS#dogs", GroupType::Public, "otto", &[("bob", Role::Member)]);
    for group in [&cats, &dogs] {
        group.joins("staff_lin").await;
        group.joins("mia").await;
    }
    cats.says("ann", "hello");
    stage.settle().await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let told = |query: &'static str| {
        let path = format!("/api/v1/events?{query}");
        let stage = &stage;
        async move {
            let (status, text) = stage.admin(&path).await;
            assert_eq!(status, 200, "{text}");
            let list: Vec<Value> = serde_json::from_str(&text).unwrap();
            let one = |entry: &Value| {
                format!("{} {} {}", entry["event"], entry["group"], entry["member"])
                    .replace('"', "")
            };
            list.iter().map(one).collect::<Vec<String>>()
        }
    };
    assert_eq!(told("group=%40TGS%23dogs&limit=1").await, ["member.joined @TGS#dogs mia"]);
    assert_eq!(
        told("member=mia").await,
        ["member.joined @TGS#dogs mia", "member.joined @TGS#cats mia"]
    );
    assert_eq!(told("rule=quiet-flooders").await, ["message.sent @TGS#cats ann"]);
    assert_eq!(told("event=message.sent&since=2026-01-01T00:00:00Z").await.len(), 1);
    assert_eq!(told("event=message.sent&since=2027-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(told("happened=true&limit=1").await, ["message.sent @TGS#cats ann"]);
    assert_eq!(stage.admin("/api/v1/events?since=yesterday").await.0, 400);
    stage.finish().await;
}

#[tokio::test]
async fn the_rules_that_decided_are_kept_as_long_as_an_entry_refers_to_them() {
    let stage = Stage::with_rules(STAFF).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("ann").await;
    let (_, newest) = stage.admin("/api/v1/events?happened=true&limit=1").await;
    let newest: Value = serde_json::from_str(&newest).unwrap();
    let version = newest[0]["rules_version"].as_str().unwrap().to_owned();
    let of_then = format!("/api/v1/rules/sources/{version}");
    let file = stage.folder.path().join("rules/rules.toml");
    std::fs::write(&file, STAFF.replace("staff_", "crew_")).unwrap();
    stage.bot().rules.reload().await.unwrap();
    let (status, sources) = stage.admin(&of_then).await;
    assert!(status == 200 && sources.contains("staff_"), "{sources}");
    let (_, sources) = stage.admin("/api/v1/rules/sources").await;
    assert!(sources.contains("crew_"), "{sources}");
    stage.advance(Duration::from_secs(9 * 86_400)).await;
    let clock: std::sync::Arc<dyn groupkeeper::clock::Clock> = stage.clock.clone();
    let week = Duration::from_secs(7 * 86_400);
    let retention =
        groupkeeper::retention::Retention::new(stage.bot().store.clone(), clock, week, 1_000);
    // By age nothing goes before the clock has been seen to be steady.
    for _ in 0..=60 {
        stage.clock.advance(Duration::from_secs(60));
        retention.step().await.unwrap();
    }
    assert_eq!(stage.admin(&of_then).await.0, 404);
    assert_eq!(stage.admin("/api/v1/journal").await.1, "");
    stage.finish().await;
}

#[tokio::test]
async fn the_rules_are_kept_even_when_what_they_decided_first_is_not_in_the_journal() {
    let stage = Stage::with_rules(STAFF).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("mia").await;
    let file = stage.folder.path().join("rules/rules.toml");
    let becomes = async |who: &str| {
        std::fs::write(&file, STAFF.replace("staff_", who)).unwrap();
        stage.bot().rules.reload().await.unwrap();
    };
    becomes("crew_").await;
    let count = kept(&stage).await.len();
    // The mirror forgets her: that is committed, and no rule listens.
    cats.leaves("mia");
    stage.settle().await;
    assert_eq!(kept(&stage).await.len(), count);
    cats.joins("zoe").await;
    becomes("team_").await;
    let (code, told, _) =
        stage.groupkeeper(&["why", "last", "--url", &stage.admin_url(), "--all"]).await;
    assert_eq!(code, Some(0));
    assert!(told.contains("crew_") && !told.contains("not kept"), "{told}");
    stage.finish().await;
}
