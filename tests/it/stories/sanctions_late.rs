//! Ends that are late, mutes that are longer than Chat takes, and what people do at Chat meanwhile.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Who says something is muted for so long.
async fn muted(time: &str, settings: &[(&str, &str)]) -> Stage {
    let rules = format!(
        "[rule.mute]\non = \"message.sent\"\ndo = [{{ mute = {{ for = \"{time}\" }} }}]\n\
         [rule.note]\non = \"mute.ended\"\ndo = [{{ alert = {{ text = \"{{event.reason}}\" }} }}]\n"
    );
    let stage = Stage::with_settings(&rules, settings).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "hello");
    stage.settle().await;
    stage
}

/// What operators were told, in order.
async fn told(stage: &Stage) -> Vec<String> {
    let (_, journal) = stage.admin("/api/v1/journal?since=0&until=9999999999999").await;
    let mut told = Vec::new();
    for line in journal.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let effects = entry["effects"].as_array().cloned().unwrap_or_default();
        let whats = effects.iter().filter_map(|effect| effect["what"].as_str());
        told.extend(whats.filter(|what| what.starts_with("alert: ")).map(str::to_owned));
    }
    told
}

async fn late(stage: &Stage) -> String {
    let (_, metrics) = stage.admin("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("groupkeeper_sanctions_late "));
    line.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_end_that_chat_does_not_confirm_is_told_and_told_again_when_it_is_over() {
    let stage = muted("5m", &[]).await;
    stage.fault("get_group_muted_account", None, FaultKind::Status(503));
    stage.advance(MINUTE * 6).await;
    assert_eq!(late(&stage).await, "groupkeeper_sanctions_late 0");
    assert!(told(&stage).await.is_empty());
    stage.advance(MINUTE * 10).await;
    assert_eq!(late(&stage).await, "groupkeeper_sanctions_late 1");
    let (_, list) = stage.admin("/api/v1/sanctions?late=true").await;
    assert!(list.contains("\"state\":\"late\""), "{list}");
    stage.mend();
    stage.advance(HOUR).await;
    insta::assert_snapshot!(told(&stage).await.join("\n"));
    assert_eq!(late(&stage).await, "groupkeeper_sanctions_late 0");
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn an_end_in_time_is_told_to_nobody() {
    let stage = muted("5m", &[]).await;
    stage.advance(HOUR).await;
    assert_eq!(told(&stage).await, ["alert: expired"]);
    stage.finish().await;
}

#[tokio::test]
async fn an_end_that_chat_refuses_is_tried_every_hour_until_a_person_has_mended_it() {
    let rules = "[rule.hush]\non = \"message.sent\"\ndo = [{ mute_all = { for = \"5m\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[]);
    cats.says("olga", "hush");
    stage.settle().await;
    let refusal = FaultKind::Code(10007, "no permission".to_owned());
    stage.fault("modify_group_base_info", None, refusal);
    let is_silent = || stage.chat.with_world(|world| world.group(&CATS.into()).unwrap().mute_all);
    stage.advance(HOUR * 3).await;
    assert!(is_silent());
    assert_eq!(late(&stage).await, "groupkeeper_sanctions_late 1");
    stage.mend();
    stage.advance(HOUR).await;
    assert!(!is_silent());
    insta::assert_snapshot!(told(&stage).await.join("\n"));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_is_longer_than_chat_takes_is_renewed_to_its_end() {
    let mut stage = muted("3h", &[("SAFETY_LONGEST_MUTE", "1h")]).await;
    assert_eq!(stage.group(CATS).muted_for("ann"), Some(3_600));
    for minute in 0..180 {
        if minute == 50 {
            stage.stop().await;
            stage.start().await.unwrap();
        }
        assert!(stage.group(CATS).muted_for("ann").is_some(), "free after {minute} minutes");
        stage.advance(MINUTE).await;
    }
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    assert_eq!(told(&stage).await, ["alert: expired"]);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_for_ever_goes_on_where_chat_takes_a_month() {
    let stage = muted("forever", &[("SAFETY_LONGEST_MUTE", "30d")]).await;
    for _ in 0..100 {
        assert!(stage.group(CATS).muted_for("ann").is_some());
        stage.advance(HOUR * 24).await;
    }
    assert_eq!(stage.calls("modify_group_member_info").len(), 4);
    stage.finish().await;
}

#[tokio::test]
async fn what_a_person_has_lifted_is_not_renewed() {
    let stage = muted("3h", &[("SAFETY_LONGEST_MUTE", "1h")]).await;
    stage.advance(MINUTE * 30).await;
    stage.group(CATS).mutes("olga", "ann", 0);
    stage.advance(HOUR).await;
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    assert_eq!(stage.calls("modify_group_member_info").len(), 1);
    assert_eq!(told(&stage).await, ["alert: overruled"]);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_renewal_that_comes_late_is_made_all_the_same() {
    let stage = muted("3h", &[("SAFETY_LONGEST_MUTE", "1h")]).await;
    stage.advance(MINUTE * 50).await;
    stage.fault("get_group_muted_account", None, FaultKind::Status(503));
    stage.advance(MINUTE * 20).await;
    // Chat has let it run out; that was nobody's will.
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    stage.mend();
    stage.advance(MINUTE * 30).await;
    assert!(stage.group(CATS).muted_for("ann").is_some());
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_that_is_longer_than_chat_takes_is_renewed() {
    let rules = "[rule.ban]\non = \"message.sent\"\ndo = [{ ban = { for = \"3h\" } }]\n";
    let stage = Stage::with_settings(rules, &[("SAFETY_LONGEST_BAN", "1h")]).await;
    let cats = stage.create(CATS, GroupType::AVChatRoom, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "hello");
    stage.settle().await;
    stage.advance(HOUR * 3 - MINUTE).await;
    assert_eq!(stage.calls("ban_group_member").iter().filter(|code| **code == 0).count(), 4);
    let joins = stage.now();
    stage.chat.with_world(|world| world.join(joins, &CATS.into(), &"ann".into()));
    stage.settle().await;
    assert_eq!(cats.role("ann"), Role::Outside);
    stage.advance(MINUTE * 2).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    cats.joins("ann").await;
    assert_eq!(cats.role("ann"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn the_rest_of_a_mute_waits_for_who_leaves_a_group_of_any_type() {
    let rules = "[rule.mute]\non = \"message.sent\"\ndo = [{ mute = { for = \"1h\" } }]\n";
    for kind in [GroupType::Meeting, GroupType::Community] {
        let stage = Stage::with_rules(rules).await;
        let id = if kind == GroupType::Community { "@TGS#_cats" } else { CATS };
        let cats = stage.create(id, kind, "olga", &[("ann", Role::Member)]);
        cats.says("ann", "hello");
        stage.settle().await;
        cats.leaves("ann");
        stage.advance(MINUTE * 20).await;
        let (_, list) = stage.admin("/api/v1/sanctions").await;
        assert!(list.contains("\"state\":\"away\""), "{kind:?}: {list}");
        cats.joins("ann").await;
        assert_eq!(cats.muted_for("ann"), Some(2_400), "{kind:?}");
        stage.advance(MINUTE * 41).await;
        assert_eq!(cats.muted_for("ann"), None, "{kind:?}");
        stage.finish().await;
    }
}

#[tokio::test]
async fn one_list_tells_of_all_whose_mutes_end_together() {
    let names: Vec<_> = (0..60).map(|number| format!("raider{number}")).collect();
    let rules = "[rule.mute]\non = \"message.sent\"\ndo = [{ mute = { for = \"10m\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), Role::Member)).collect();
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    // Chat takes forty messages a second of a group.
    for some in names.chunks(30) {
        some.iter().for_each(|name| cats.says(name, "buy"));
        stage.advance(Duration::from_secs(1)).await;
    }
    let muted = names.iter().filter(|name| cats.muted_for(name).is_some()).count();
    assert_eq!(muted, names.len());
    let before = stage.calls("get_group_muted_account").len();
    stage.advance(MINUTE * 10).await;
    let asked = stage.calls("get_group_muted_account").len() - before;
    assert!((1..=4).contains(&asked), "{asked}");
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_list_that_is_refused_is_refused_for_all_and_tried_again_for_all() {
    let stage = muted("5m", &[]).await;
    let cats = stage.group(CATS);
    cats.joins("ben").await;
    cats.says("ben", "hello");
    stage.settle().await;
    let refusal = FaultKind::Code(10007, "no".to_owned());
    stage.fault("get_group_muted_account", None, refusal);
    stage.advance(MINUTE * 6).await;
    assert_eq!(told(&stage).await.len(), 2, "{:?}", told(&stage).await);
    stage.mend();
    stage.advance(HOUR * 2).await;
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.finish().await;
}
