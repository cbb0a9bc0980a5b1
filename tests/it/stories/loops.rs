//! Loops: what two rules, or a rule and a person, change back and forth is left alone for a while.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);

/// Two rules that never agree about anybody.
const QUARREL: &str = r#"
[rule.demote]
on = "member.role_changed"
when = 'event.role == "admin"'
on_own = true
do = [{ set_role = { role = "member" } }]

[rule.promote]
on = "member.role_changed"
when = 'event.role == "member"'
on_own = true
do = [{ set_role = { role = "admin" } }]
"#;

/// A rule that makes an admin of whoever is none any more.
const STUBBORN: &str = r#"
[rule.promote]
on = "member.role_changed"
when = 'event.role == "member"'
do = [{ set_role = { role = "admin" } }]
"#;

async fn makes(stage: &Stage, who: &str, role: Role) {
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.set_role(now, &CATS.into(), &"olga".into(), &who.into(), role).unwrap();
    });
    stage.settle().await;
}

async fn alerts(stage: &Stage) -> String {
    let (_, metrics) = stage.admin("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("groupkeeper_alerts_total"));
    line.unwrap_or_default().to_owned()
}

async fn on(rules: &str, admins: &[&str]) -> Stage {
    let stage = Stage::with_rules(rules).await;
    let members: Vec<_> = admins.iter().map(|who| (*who, Role::Admin)).collect();
    stage.create(CATS, GroupType::Public, "olga", &members);
    stage
}

#[tokio::test]
async fn two_rules_that_undo_each_other_are_stopped_and_one_alert_tells_which() {
    let stage = on(QUARREL, &["ann"]).await;
    // Within one second, what happened twice would be the same callback twice.
    let by = Duration::from_secs(2);
    stage.fault("Group.CallbackAfterMemberFieldChanged", None, FaultKind::Delay { by });
    makes(&stage, "ann", Role::Member).await;
    for _ in 0..30 {
        stage.advance(Duration::from_secs(2)).await;
    }
    assert_eq!(stage.calls("modify_group_member_info").len(), 6);
    assert_eq!(alerts(&stage).await, "groupkeeper_alerts_total 1");
    let (exit, why, _) =
        stage.groupkeeper(&["why", "last", "--member", "ann", "--url", &stage.admin_url()]).await;
    assert_eq!(exit, Some(0));
    let sentence = "it went back and forth more than 6 times in 10m, and is left alone until \
                    2026-01-01T13:00";
    assert!(why.contains(sentence), "{why}");
    let told = "alert: the role of ann in @TGS#cats went back and forth more than 6 times in 10m, by \
                `demote` and `promote`; the bot leaves it alone until 2026-01-01T13:00";
    assert!(why.contains(told), "{why}");
    stage.finish().await;
}

#[tokio::test]
async fn the_bot_and_a_person_do_not_go_on_for_ever_and_others_are_none_of_it() {
    let mut stage = on(STUBBORN, &["ann", "ben"]).await;
    for round in 0..5 {
        if round == 2 {
            // What was counted is on disk.
            stage.stop().await;
            stage.start().await.unwrap();
        }
        makes(&stage, "ann", Role::Member).await;
        stage.advance(MINUTE).await;
    }
    // The person has the last word.
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    assert_eq!(stage.calls("modify_group_member_info").len(), 3);
    makes(&stage, "ben", Role::Member).await;
    assert_eq!(stage.group(CATS).role("ben"), Role::Admin);
    // Since the start: metrics begin anew, the count of changes does not.
    assert_eq!(alerts(&stage).await, "groupkeeper_alerts_total 1");
    stage.finish().await;
}

#[tokio::test]
async fn after_its_rest_the_bot_changes_the_field_again() {
    let stage = on(STUBBORN, &["ann"]).await;
    for _ in 0..5 {
        makes(&stage, "ann", Role::Member).await;
        stage.advance(MINUTE).await;
    }
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.advance(MINUTE * 60).await;
    makes(&stage, "ann", Role::Admin).await;
    makes(&stage, "ann", Role::Member).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn what_happens_seldom_enough_is_no_loop() {
    let stage = on(STUBBORN, &["ann"]).await;
    for _ in 0..12 {
        makes(&stage, "ann", Role::Member).await;
        assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
        stage.advance(MINUTE * 5).await;
    }
    stage.finish().await;
}

#[tokio::test]
async fn many_members_who_are_promoted_once_are_no_loop() {
    let rules = r#"
[rule.welcome]
on = "message.sent"
do = [{ set_role = { role = "admin" } }, { set_name_card = { text = "{message.text}" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    let names: Vec<String> = (0..9).map(|number| format!("m{number}")).collect();
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), Role::Member)).collect();
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    for name in &names {
        cats.says(name, "hello");
        stage.settle().await;
    }
    // A card that is always another one does not come back to anything.
    for number in 0..9 {
        cats.says("m0", &format!("card {number}"));
        stage.settle().await;
    }
    assert!(names.iter().all(|name| cats.role(name) == Role::Admin));
    assert_eq!(alerts(&stage).await, "groupkeeper_alerts_total 0");
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_is_not_sent_leaves_no_sanction_and_one_that_stands_is_kept() {
    let rules = r#"
[rule.hush]
on = "message.sent"
when = 'message.text == "hush"'
do = [{ mute = { who = "ben", for = "5m" } }]

[rule.talk]
on = "message.sent"
when = 'message.text == "talk"'
do = [{ unmute = { who = "ben" } }]
"#;
    let stage = Stage::with_settings(rules, &[("SAFETY_LOOP", "3/10m/30m")]).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    for text in ["hush", "talk", "hush", "talk"] {
        cats.says("ann", text);
        stage.settle().await;
    }
    // The fourth change is not made: the mute stands, and so does its record.
    assert_eq!(cats.muted_for("ben"), Some(300));
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("\"ben\""));
    stage.advance(MINUTE * 6).await;
    assert_eq!(cats.muted_for("ben"), None);
    cats.says("ann", "hush");
    stage.settle().await;
    assert_eq!(cats.muted_for("ben"), None);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn with_loop_off_nothing_is_stopped() {
    let stage = Stage::with_settings(STUBBORN, &[("SAFETY_LOOP", "off")]).await;
    stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Admin)]);
    for _ in 0..9 {
        stage.advance(Duration::from_secs(2)).await;
        makes(&stage, "ann", Role::Member).await;
        assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    }
    stage.finish().await;
}

#[tokio::test]
async fn whom_a_person_unmutes_again_and_again_is_left_free() {
    let rules = "[rule.mute]\non = \"message.sent\"\nwhen = 'message.text == \"mute\"'\ndo = [{ mute = { for = \"1h\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    let mut muted = Vec::new();
    for _ in 0..4 {
        cats.says("ann", "mute");
        stage.settle().await;
        muted.push(cats.muted_for("ann").is_some());
        stage.advance(MINUTE * 2).await;
        cats.mutes("olga", "ann", 0);
        // No callback tells of that; a reading does.
        assert_eq!(stage.operator("/api/v1/reconcile?group=@TGS%23cats").await.0, 200);
        stage.advance(Duration::from_secs(6)).await;
    }
    assert_eq!(muted, [true, true, true, false]);
    assert_eq!(alerts(&stage).await, "groupkeeper_alerts_total 1");
    stage.finish().await;
}

#[tokio::test]
async fn how_one_joins_is_left_to_a_person_who_changes_it_again_and_again() {
    let rules = r#"
[rule.open]
on = "group.info_changed"
when = 'event.join == "DisableApply"'
do = [{ set_group = { join = "FreeAccess" } }]
"#;
    let stage = on(rules, &[]).await;
    let command = "Group.CallbackAfterGroupInfoChanged";
    for _ in 0..8 {
        // Only apps for which Tencent has opened the field hear of it (33530).
        let body = serde_json::json!({
            "CallbackCommand": command, "GroupId": CATS, "Type": "Public",
            "Operator_Account": "olga", "ApplyJoinOption": "DisableApply",
            "EventTime": stage.now().0,
        });
        let (status, _) = stage.post(&stage.signed_query(command), body.to_string()).await;
        assert_eq!(status, 200);
        stage.settle().await;
        stage.advance(Duration::from_secs(5)).await;
    }
    assert_eq!(stage.calls("modify_group_base_info").len(), 3);
    assert_eq!(alerts(&stage).await, "groupkeeper_alerts_total 1");
    stage.finish().await;
}
