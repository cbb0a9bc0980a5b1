//! What cannot be decided, as operators meet it: they see it, have it tried again, or drop it.

use groupkeeper::chat::GroupType;
use groupkeeper::decision::{StateKey, StateValue};
use groupkeeper::ledger;
use groupkeeper::store::WriteSet;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const RULES: &str = r#"
[rule.hello]
on = "member.joined"
do = [{ send_message = { text = "hello {member.id}" } }]
"#;

async fn write(stage: &Stage, member: &str, value: Option<Vec<u8>>) {
    let key = ledger::state_key(&StateKey::Member(CATS.into(), member.into()));
    let set = WriteSet { writes: vec![(key, value)], ..WriteSet::default() };
    stage.bot().store.commit(set).await.unwrap();
}

async fn quarantine(stage: &Stage, arguments: &[&str]) -> String {
    let url = stage.admin_url();
    let mut all = vec!["quarantine"];
    all.extend(arguments);
    all.extend(["--url", &url]);
    let (code, out, err) = stage.groupkeeper(&all).await;
    stage.settle().await;
    let told = format!("$ groupkeeper quarantine {}\n{out}{err}", arguments.join(" "));
    format!("{told}exit {}\n", code.unwrap_or_default())
}

async fn in_quarantine(stage: &Stage) -> String {
    let (_, metrics) = stage.admin("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("groupkeeper_quarantined "));
    line.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn operators_see_what_could_not_be_decided_and_have_it_tried_again() {
    let stage = Stage::with_rules(RULES).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[]);
    write(&stage, "ann", Some(b"{garbled".to_vec())).await;
    cats.joins("ann").await;
    cats.joins("ben").await;
    assert_eq!(cats.messages(), ["hello ben"]);
    assert_eq!(in_quarantine(&stage).await, "groupkeeper_quarantined 1");
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 1"), "{metrics}");
    let mut told = quarantine(&stage, &["list"]).await;
    told.push_str(&quarantine(&stage, &["retry", "--all"]).await);
    write(&stage, "ann", None).await;
    told.push_str(&quarantine(&stage, &["retry", "--all"]).await);
    told.push_str(&quarantine(&stage, &["list"]).await);
    told.push_str(&quarantine(&stage, &["drop", "--all"]).await);
    insta::assert_snapshot!(told);
    assert_eq!(cats.messages(), ["hello ben", "hello ann"]);
    assert_eq!(in_quarantine(&stage).await, "groupkeeper_quarantined 0");
    stage.finish().await;
}

#[tokio::test]
async fn what_is_in_quarantine_outlives_a_restart_and_can_be_dropped() {
    let mut stage = Stage::with_rules(RULES).await;
    stage.create(CATS, GroupType::Public, "olga", &[]);
    write(&stage, "ann", Some(b"{garbled".to_vec())).await;
    stage.group(CATS).joins("ann").await;
    stage.stop().await;
    stage.start().await.unwrap();
    assert_eq!(in_quarantine(&stage).await, "groupkeeper_quarantined 1");
    let (_, list) = stage.admin("/api/v1/quarantine").await;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["event"]["member"], "ann");
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(stage.operator("/api/v1/quarantine/drop").await.0, 400);
    assert_eq!(stage.operator("/api/v1/quarantine/drop?id=x").await.0, 404);
    let begin = &id[..6];
    assert_eq!(stage.operator(&format!("/api/v1/quarantine/drop?id={begin}")).await.0, 200);
    assert_eq!(stage.admin("/api/v1/quarantine").await.1, "[]");
    write(&stage, "ann", None).await;
    let (_, group) = stage.admin("/api/v1/groups").await;
    let groups: Vec<serde_json::Value> = serde_json::from_str(&group).unwrap();
    assert!(groups.iter().all(|group| group["record"].is_object()), "{groups:?}");
    let key = ledger::state_key(&StateKey::Member(CATS.into(), "ann".into()));
    let there: Option<StateValue> = ledger::read(&*stage.bot().store, &key).unwrap();
    assert_eq!(there, None);
    stage.finish().await;
}
