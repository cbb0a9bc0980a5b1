//! `replay`: what a recorded run decides when it is lived through again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use groupkeeper::authoring::recorded::Recorded;
use groupkeeper::authoring::replay::{Decided, Span, Tally, replay};
use groupkeeper::authoring::why;
use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::Settings;
use groupkeeper::decision::effect::Act;
use groupkeeper::decision::event::Cause;
use groupkeeper::ledger::JournalEntry;
use groupkeeper::rule::RuleSet;
use groupkeeper::rule::model::Globs;
use groupkeeper::simulator::FaultKind;
use groupkeeper::store::WriteSet;

use crate::stage::Stage;

pub const ALL: Span = Span { since: Timestamp(0), until: Timestamp(i64::MAX) };

/// As the stage's bot is configured.
pub fn settings() -> Settings {
    Settings {
        own: vec!["administrator".into()],
        protected: Globs::new(&["boss", "ops_*"]).unwrap(),
        ..Settings::default()
    }
}

pub fn recorded(stage: &Stage) -> Recorded {
    Recorded::opened(stage.bot().store.clone())
}

/// The rules in force.
pub fn rules(stage: &Stage) -> Arc<RuleSet> {
    let rules = stage.bot().rules.current();
    Arc::new(why::read(rules.load().sources().to_vec()).unwrap())
}

/// Everything at once: promotions, floods, refusals, an owner who leaves, a night with its sweep.
pub async fn eventful() -> Stage {
    let stage = Stage::with_shipped_rules().await;
    let members = [("ann", Role::Member), ("bob", Role::Admin), ("boss", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    let dogs = stage.create("@TGS#dogs", GroupType::Work, "walt", &[("wendy", Role::Member)]);
    cats.joins("staff_lin").await;
    cats.joins("mia").await;
    for who in ["ann", "bob", "boss", "mia"] {
        cats.floods(who).await;
    }
    stage.advance(Duration::from_secs(400)).await;
    stage.fault("modify_group_member_info", Some(1), FaultKind::Code(10004, "no".into()));
    cats.floods("ann").await;
    dogs.leaves("walt");
    stage.advance(Duration::from_secs(180)).await;
    stage.advance(Duration::from_secs(86_400)).await;
    cats.floods("mia").await;
    stage.advance(Duration::from_secs(7_200)).await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    stage
}

pub async fn again(recorded: &Recorded, rules: Arc<RuleSet>) -> (Vec<Decided>, Tally) {
    let mut all = Vec::new();
    let tally = replay(recorded, ALL, rules, settings(), |one| all.push(one), |_, _| {}).await;
    (all, tally.unwrap())
}

/// The ids of all effects that were wanted, questions left out.
fn wanted(recorded: &Recorded) -> BTreeSet<String> {
    let entries = recorded.entries(ALL.since, ALL.until).unwrap();
    let acts = |entry: JournalEntry| {
        entry.effects.into_iter().filter(|wanted| !wanted.what.starts_with("ask ")).map(|w| w.id)
    };
    entries.flat_map(|entry| acts(entry.unwrap())).map(|id| id.to_string()).collect()
}

#[tokio::test]
async fn a_recorded_run_lived_through_again_decides_what_was_decided_then() {
    let stage = eventful().await;
    let recorded = recorded(&stage);
    let (all, tally) = again(&recorded, rules(&stage)).await;
    let effects: BTreeSet<String> =
        all.iter().flat_map(|one| &one.deeds).filter_map(|deed| deed.effect.clone()).collect();
    let then = wanted(&recorded);
    assert!(then.len() >= 10, "{then:?}");
    assert_eq!(effects, then);
    assert_eq!((tally.assumed(), tally.taken_as_done, tally.unsent), (0, 0, 0));
    stage.finish().await;
}

#[tokio::test]
async fn a_journal_that_begins_in_the_middle_knows_whom_the_bot_knew_then() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(3_600)).await;
    let middle = stage.now();
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(3_600)).await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let recorded = recorded(&stage);
    let span = Span { since: middle, until: ALL.until };
    let mut acts = Vec::new();
    let each = |one: Decided| acts.extend(one.deeds.into_iter().map(|deed| deed.what));
    let tally = replay(&recorded, span, rules(&stage), settings(), each, |_, _| {}).await.unwrap();
    // The ladder began before: that is not known here, and said.
    let expected = ["mute ann in @TGS#cats for 5m", "send a message to @TGS#cats"];
    assert_eq!(acts, expected);
    assert_eq!(tally.unknown, 0);
    stage.finish().await;
}

#[tokio::test]
async fn a_member_whom_only_the_replay_has_muted_says_nothing_more() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    cats.joins("mia").await;
    for _ in 0..5 {
        cats.says("mia", "hello");
        stage.settle().await;
        stage.advance(Duration::from_secs(1)).await;
    }
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let strict = "[rule.strict]\non = \"message.sent\"\ndo = [{ mute = { for = \"5m\" } }]\n";
    let strict = why::read(vec![("strict.toml".to_owned(), strict.to_owned())]).unwrap();
    let (all, tally) = again(&recorded(&stage), Arc::new(strict)).await;
    let mutes = all.iter().flat_map(|one| &one.deeds).filter(|deed| deed.act == "mute").count();
    assert_eq!((mutes, tally.unsent, tally.taken_as_done), (1, 4, 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_replay_of_the_same_is_the_same() {
    let stage = eventful().await;
    let recorded = recorded(&stage);
    let told =
        |all: &[Decided]| -> Vec<String> { all.iter().map(|one| format!("{one:?}")).collect() };
    let (one, _) = again(&recorded, rules(&stage)).await;
    let (two, _) = again(&recorded, rules(&stage)).await;
    assert_eq!(told(&one), told(&two));
    stage.finish().await;
}

#[tokio::test]
async fn answers_that_were_not_kept_come_from_the_mirror_and_are_counted() {
    let stage = eventful().await;
    let (_, journal) = stage.admin("/api/v1/journal").await;
    // Nothing of what Chat said, and nothing of what the bot knew.
    let bare: Vec<String> = journal
        .lines()
        .filter_map(|line| {
            let mut entry: JournalEntry = serde_json::from_str(line).unwrap();
            entry.known = groupkeeper::ledger::Known::default();
            let body = entry.body.as_ref().map(|body| &body.cause);
            let read = matches!(body, Some(Cause::Settled { effect, .. }) if matches!(effect.act, Act::Read(_)));
            (!read).then(|| serde_json::to_string(&entry).unwrap())
        })
        .collect();
    let file = stage.folder.path().join("bare.jsonl");
    std::fs::write(&file, bare.join("\n")).unwrap();
    let (_, tally) = again(&Recorded::lines(&file).unwrap(), rules(&stage)).await;
    assert!(tally.unknown > 0 && tally.supposed > 0, "{tally:?}");
    let (_, told, _) = stage.groupkeeper(&["replay", "--events", "bare.jsonl"]).await;
    assert!(told.contains("nobody knows their groups"), "{told}");
    stage.finish().await;
}

#[tokio::test]
async fn whose_role_nobody_knows_would_be_muted_unless_protected() {
    let stage =
        Stage::with_rules("[rule.any]\non = \"message.sent\"\ndo = [\"recall_message\"]\n").await;
    let members = [("ann", Role::Member), ("bob", Role::Member), ("boss", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    cats.joins("mia").await;
    for who in ["ann", "boss", "mia", "bob", "ann"] {
        cats.says(who, "hello");
        stage.settle().await;
    }
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    // Nothing but the events: no mirror either.
    let (_, journal) = stage.admin("/api/v1/journal").await;
    std::fs::write(stage.folder.path().join("events.jsonl"), journal).unwrap();
    let rules = stage.folder.path().join("strict");
    std::fs::create_dir(&rules).unwrap();
    let strict = "[rule.strict]\non = \"message.sent\"\ndo = [{ mute = { for = \"5m\" } }]\n";
    std::fs::write(rules.join("strict.toml"), strict).unwrap();
    let ask = ["replay", "strict", "--events", "events.jsonl"];
    let (_, told, _) = stage.groupkeeper(&ask).await;
    insta::assert_snapshot!("replay_unless_protected", regex_of_ids(&told));
    let ask = ["plan", "rules", "strict", "--events", "events.jsonl"];
    let (_, told, trouble) = stage.groupkeeper(&ask).await;
    let reserved = told.lines().filter(|line| line.contains("5m, unless protected")).count();
    assert_eq!(reserved, 2, "{told}{trouble}");
    stage.finish().await;
}

#[tokio::test]
async fn what_is_decided_is_printed_event_by_event_and_summed_up_by_rule() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.joins("staff_lin").await;
    cats.joins("mia").await;
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(600)).await;
    stage.bot().store.commit(WriteSet::default()).await.unwrap();
    let url = stage.admin_url();
    let (code, told, trouble) = stage.groupkeeper(&["replay", "--url", &url]).await;
    assert_eq!((code, trouble.as_str()), (Some(0), ""));
    let ids = regex_of_ids(&told);
    insta::assert_snapshot!("replay", ids);
    // The same out of a file, through stdin's way, as JSON.
    let (_, journal) = stage.admin("/api/v1/journal").await;
    std::fs::write(stage.folder.path().join("events.jsonl"), journal).unwrap();
    let ask = ["replay", "rules", "--events", "events.jsonl", "--json"];
    let (_, lines, _) = stage.groupkeeper(&ask).await;
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(summary["quiet-flooders"]["effects"]["mute"], 1);
    assert_eq!(lines.iter().filter(|line| line["event"] == "member.joined").count(), 1);
    stage.finish().await;
}

fn regex_of_ids(text: &str) -> String {
    let mut shown = text.to_owned();
    while let Some(at) = shown.find("  (").filter(|at| shown[at + 3..].len() > 16) {
        shown.replace_range(at..at + 20, "");
    }
    shown
}

#[tokio::test]
async fn wrong_rules_are_refused_before_anything_runs() {
    let stage = Stage::with_shipped_rules().await;
    std::fs::create_dir(stage.folder.path().join("wrong")).unwrap();
    std::fs::write(stage.folder.path().join("wrong/a.toml"), "[rule.a]\nonn = 1\n").unwrap();
    for command in ["replay", "plan"] {
        let (code, _, told) = stage.groupkeeper(&[command, "wrong"]).await;
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains("`onn`"), "{told}");
    }
    stage.finish().await;
}
