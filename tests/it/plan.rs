//! `plan`: what a change of the rules does, to their state and to the last days.

use std::fs;
use std::sync::Arc;

use groupkeeper::authoring::plan::compare;
use groupkeeper::authoring::why;
use groupkeeper::rule::RuleSet;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::replay::{ALL, eventful, recorded, rules, settings};
use crate::stage::{Stage, repository};

/// Ids of events, taken out: they are digests.
fn without_ids(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("  (event ").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The shipped rules, changed in many ways.
fn write_changed(stage: &Stage) {
    let next = stage.folder.path().join("next");
    fs::create_dir(&next).unwrap();
    let flooders = repository("rules/quiet_flooders.toml")
        .replace("within = \"10s\", more_than = 5", "within = \"30s\", more_than = 3")
        .replace("[\"5m\", \"30m\", \"6h\"]", "[\"10m\", \"30m\", \"6h\"]");
    fs::write(next.join("quiet_flooders.toml"), flooders).unwrap();
    let owned = repository("rules/keep_groups_owned.toml").replace("\"2m\"", "\"10m\"");
    fs::write(next.join("keep_groups_owned.toml"), owned).unwrap();
    let hello = "[rule.hello]\non = \"member.joined\"\ndo = [{ send_message = { text = \"Hello {member.id}\" } }]\n";
    fs::write(next.join("hello.toml"), hello).unwrap();
}

#[tokio::test]
async fn a_plan_tells_what_changes_what_is_kept_and_what_would_have_been_different() {
    let stage = eventful().await;
    write_changed(&stage);
    let url = stage.admin_url();
    let (code, told, trouble) = stage.groupkeeper(&["plan", "next", "--url", &url]).await;
    assert_eq!((code, trouble.as_str()), (Some(0), ""));
    let home = stage.folder.path().display().to_string();
    insta::assert_snapshot!("plan", without_ids(&told.replace(&home, "HOME")));
    let (_, json, _) = stage.groupkeeper(&["plan", "rules", "next", "--url", &url, "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["added"][0]["rule"], "hello");
    assert_eq!(json["removed"][0]["rule"], "promote-staff");
    let differences = json["history"]["differences"].as_array().unwrap();
    assert!(differences.iter().any(|one| one["side"] == "only_old" && one["act"] == "set_role"));
    stage.finish().await;
}

#[tokio::test]
async fn the_last_good_rules_of_a_store_are_what_new_ones_are_held_against() {
    let mut stage = eventful().await;
    stage.stop().await;
    let (code, told, trouble) = stage.groupkeeper(&["plan", "rules", "--store", "sled:data"]).await;
    assert_eq!(code, Some(0), "{trouble}");
    insta::assert_snapshot!("plan_of_nothing", without_ids(&told));
    stage.start().await.unwrap();
    stage.finish().await;
}

#[test]
fn two_directories_are_compared_without_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let directory = folder.path().join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("rules.toml"), text).unwrap();
    };
    let old = r#"
[rule.flood]
on = "message.sent"
count = { each = ["group", "member"], within = "10s", more_than = 5 }
once = { each = ["member"] }
cooldown = { each = ["group"], for = "60s" }
do = [{ mute = { for = ["5m", "1h"], forget_after = "7d" } }]

[rule.owner]
on = "owner.left"
wait = "2m"
do = [{ alert = { text = "gone" } }]

[rule.nightly]
schedule = { cron = "0 4 * * *", timezone = "Asia/Shanghai" }
do = [{ alert = { text = "night" } }]

[rule.first]
on = "member.joined"
do = [{ alert = { text = "first" } }]

[rule.gone]
on = "member.left"
once = { each = ["member"] }
wait = "1m"
do = [{ mute = { for = "5m" } }]
"#;
    let new = r#"
[rule.first]
on = "member.joined"
do = [{ alert = { text = "first" } }]

[rule.flood]
on = "message.sent"
count = { each = ["member"], within = "10s", more_than = 5 }
once = { each = ["member"], per = "24h" }
cooldown = { each = ["group"], for = "90s" }
do = [{ alert = { text = "flood" } }, { mute = { for = ["5m", "1h"], forget_after = "7d" } }]

[rule.owner]
on = "owner.left"
wait = "5m"
mode = "shadow"
do = [{ alert = { text = "gone" } }]

[rule.nightly]
schedule = { cron = "0 5 * * *", timezone = "Asia/Shanghai" }
do = [{ alert = { text = "night" } }]
"#;
    write("old", old);
    write("new", new);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    let told = command.args(["plan", "old", "new"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(told.status.code(), Some(0));
    insta::assert_snapshot!("plan_of_directories", String::from_utf8(told.stdout).unwrap());
}

#[tokio::test]
async fn rules_against_themselves_never_differ() {
    let stage = eventful().await;
    let (recorded, in_force) = (recorded(&stage), rules(&stage));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let rules =
        (1u32..8, 5u64..60, prop::sample::select(vec!["group", "member", "app"]), any::<bool>());
    for _ in 0..24 {
        let (more_than, within, each, wait) = rules.new_tree(&mut runner).unwrap().current();
        let wait = if wait { "wait = \"3s\"\n" } else { "" };
        let text = format!(
            "[rule.any]\non = [\"message.sent\", \"member.joined\", \"mute.ended\"]\n\
             count = {{ each = [\"{each}\"], within = \"{within}s\", more_than = {more_than} }}\n{wait}\
             do = [{{ mute = {{ for = [\"1m\", \"2m\"] }} }}, {{ set_role = {{ role = \"admin\", for = \"5m\" }} }}]\n"
        );
        let read = || -> Arc<RuleSet> {
            Arc::new(why::read(vec![("any.toml".to_owned(), text.clone())]).unwrap())
        };
        let history =
            compare(&recorded, ALL, read(), read(), &settings(), |_, _| {}).await.unwrap();
        assert_eq!(history.differences, [], "{text}");
        assert_eq!(history.old_assumed, history.new_assumed);
    }
    let history =
        compare(&recorded, ALL, in_force.clone(), in_force, &settings(), |_, _| {}).await.unwrap();
    assert!(history.differences.is_empty() && history.same >= 10, "{history:?}");
    stage.finish().await;
}
