//! Chat fails in every way, and nothing is lost or done twice.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const COMMAND: &str = "modify_group_member_info";

async fn joins_under(kind: FaultKind, times: u32) -> Stage {
    let stage = Stage::with_shipped_rules().await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    stage.fault(COMMAND, Some(times), kind);
    stage.group("@TGS#cats").joins("staff_lin").await;
    stage
}

async fn ends_well(stage: Stage, calls: &[i64]) {
    stage.advance(Duration::from_secs(600)).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    assert_eq!(stage.calls(COMMAND), calls);
    stage.finish().await;
}

#[tokio::test]
async fn http_502_is_tried_again() {
    let stage = joins_under(FaultKind::Status(502), 2).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Member);
    stage.advance(Duration::from_secs(600)).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn a_group_system_error_10002_is_tried_again() {
    let stage = joins_under(FaultKind::Code(10002, "system error".into()), 3).await;
    ends_well(stage, &[10002, 10002, 10002, 0]).await;
}

#[tokio::test]
async fn an_expired_usersig_70001_is_signed_anew_at_once() {
    let stage = joins_under(FaultKind::Code(70001, "expired".into()), 1).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    ends_well(stage, &[70001, 0]).await;
}

#[tokio::test]
async fn a_refusal_10007_is_final_and_holds_up_nobody() {
    let stage = joins_under(FaultKind::Code(10007, "not permitted".into()), 1).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Member);
    stage.group("@TGS#cats").joins("staff_mei").await;
    assert_eq!(stage.group("@TGS#cats").role("staff_mei"), Role::Admin);
    assert_eq!(stage.calls(COMMAND), [10007, 0]);
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("refused by Chat: 10007 not permitted"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn a_hanging_chat_is_given_up_and_asked_before_the_repetition() {
    let stage = joins_under(FaultKind::Hang, 1).await;
    stage.advance(Duration::from_secs(600)).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    assert_eq!(stage.calls("get_role_in_group"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_reply_lost_after_the_effect_is_verified_and_not_repeated() {
    let stage = joins_under(FaultKind::ApplyThenDropReply, 1).await;
    ends_well(stage, &[0]).await;
}

#[tokio::test]
async fn an_ownership_whose_reply_was_lost_is_not_transferred_twice() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.leaves("walt");
    stage.settle().await;
    stage.fault("change_group_owner", Some(1), FaultKind::ApplyThenDropReply);
    stage.advance(Duration::from_secs(600)).await;
    assert_eq!(crew.owner().as_deref(), Some("wendy"));
    assert_eq!(stage.calls("change_group_owner"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_failing_group_does_not_hold_up_another() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let dogs = stage.create("@TGS#dogs", GroupType::Public, "otto", &[]);
    stage.fault(COMMAND, Some(1), FaultKind::Code(10002, "system error".into()));
    cats.joins("staff_lin").await;
    dogs.joins("staff_lin").await;
    assert_eq!((cats.role("staff_lin"), dogs.role("staff_lin")), (Role::Member, Role::Admin));
    stage.advance(Duration::from_secs(60)).await;
    assert_eq!(cats.role("staff_lin"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_ends_although_chat_is_down_across_its_end() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    stage.fault("*", None, FaultKind::Status(503));
    stage.advance(Duration::from_secs(2 * 3_600)).await;
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert!(sanctions.contains("\"ending\":true"), "{sanctions}");
    stage.mend();
    stage.advance(Duration::from_secs(600)).await;
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_could_not_be_sent_before_its_time_was_over_is_let_go() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    stage.fault(COMMAND, None, FaultKind::Code(10002, "system error".into()));
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(3_600)).await;
    stage.mend();
    stage.advance(Duration::from_secs(3_600)).await;
    assert_eq!(cats.muted_for("ann"), None);
    assert!(stage.calls(COMMAND).iter().all(|code| *code == 10002));
    stage.finish().await;
}

#[tokio::test]
async fn what_hung_on_a_refused_step_is_not_sent_and_ends_nothing_later() {
    let rules = r#"
[rule.welcome]
on = "member.joined"
do = [{ send_message = { text = "welcome" } }, { set_role = { role = "admin", for = "1h" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    stage.fault("send_group_msg", Some(1), FaultKind::Code(10007, "not permitted".into()));
    cats.joins("ann").await;
    stage.advance(Duration::from_secs(2 * 3_600)).await;
    assert_eq!(stage.calls(COMMAND), Vec::<i64>::new());
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_once_shown_to_operators_and_tried_by_one_call_a_time()
{
    let stage = joins_under(FaultKind::Code(10026, "disabled".into()), 2).await;
    let (_, stopped) = stage.admin("/api/v1/stopped").await;
    insta::assert_snapshot!("stopped_command", stopped);
    let (_, metrics) = stage.admin("/metrics").await;
    let told = "groupkeeper_command_stopped{command=\"modify_group_member_info\"} 1";
    assert!(metrics.contains(told), "{metrics}");
    let (_, page) = stage.admin("/").await;
    let part = page.split("\n\n").find(|part| part.starts_with("Stopped")).unwrap();
    insta::assert_snapshot!("stopped_command_on_the_page", part);
    stage.advance(Duration::from_secs(300)).await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    assert_eq!(stage.calls(COMMAND), [10026, 10026, 0]);
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains(&told.replace("} 1", "} 0")), "{metrics}");
    assert!(metrics.contains("groupkeeper_alerts_total 1"), "{metrics}");
    assert_eq!(stage.admin("/api/v1/stopped").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_day_of_failures_is_a_few_hundred_calls_ever_further_apart_and_then_a_dead_letter() {
    let stage = joins_under(FaultKind::Code(10002, "system error".into()), u32::MAX).await;
    stage.advance(Duration::from_secs(25 * 3_600)).await;
    let times: Vec<_> = stage.chat.with_world(|world| {
        let ours = world.calls().iter().filter(|call| call.command == COMMAND);
        ours.map(|call| call.at).collect()
    });
    let pauses: Vec<u64> = times.windows(2).map(|two| two[1].since(two[0]).as_secs()).collect();
    for (number, pause) in pauses.iter().enumerate() {
        let least = (1 << number.min(16)).min(300);
        assert!((least..=least + least / 4 + 1).contains(pause), "{number}: {pause} s");
    }
    let lasted = times[times.len() - 1].since(times[0]).as_secs();
    assert!((86_400..86_400 + 376).contains(&lasted), "{lasted}");
    let (status, told) = stage.operator("/api/v1/dead/drop?all=true").await;
    assert_eq!(status, 200, "{told}");
    stage.finish().await;
}
