//! What reconciliation finds about owners: nobody, an account that is gone, silence.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::{FaultKind, MemberChange, World};

use crate::stage::Stage;

const CREW: &str = "@TGS#crew";
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const RULES: &str = r#"
[rule.owned]
on = ["owner.left", "group.ownerless", "owner.inactive"]
do = [
  { transfer_owner = { to = ["most_recently_active", "longest_serving_member"], if_none = "alert" } },
  { send_private = { to = "boss", text = "{group.id} has a new owner" } },
]
"#;

async fn crew(settings: &[(&str, &str)]) -> Stage {
    crew_with(RULES, settings).await
}

async fn crew_with(rules: &str, settings: &[(&str, &str)]) -> Stage {
    let mut all = vec![("RECONCILE_EVERY", "1h")];
    all.extend(settings);
    let stage = Stage::with_settings(rules, &all).await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    stage.create(CREW, GroupType::Public, "walt", &members);
    stage
}

fn change(stage: &Stage, who: &str, change: MemberChange) {
    let now = stage.now();
    let changed =
        stage.chat.with_world(|world| world.change_unseen(now, &CREW.into(), &who.into(), change));
    changed.unwrap();
}

fn silent_since(stage: &Stage, who: &str, days: u32) {
    let last_message_at = Some(stage.now() - DAY * days);
    change(stage, who, MemberChange { last_message_at, ..MemberChange::default() });
}

fn owner(stage: &Stage) -> Option<String> {
    stage.group(CREW).owner()
}

fn transfers(stage: &Stage) -> Vec<i64> {
    stage.calls("change_group_owner")
}

fn told(stage: &Stage) -> usize {
    stage.calls("sendmsg").len()
}

#[tokio::test]
async fn an_owner_whose_deletion_left_the_group_without_one_is_succeeded() {
    let stage = crew(&[]).await;
    stage.advance(HOUR).await;
    let now = stage.now();
    stage.chat.with_world(|world| world.delete_account(now, &"walt".into()));
    stage.advance(HOUR * 2).await;
    assert_eq!(owner(&stage).as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_whom_chat_still_names_although_their_account_is_gone_is_succeeded_once() {
    let stage = crew(&[]).await;
    stage.advance(HOUR).await;
    let now = stage.now();
    stage.chat.with_world(|world| world.delete_account(now, &"walt".into()));
    change(&stage, "walt", MemberChange { role: Some(Role::Owner), ..MemberChange::default() });
    stage.advance(HOUR * 2).await;
    assert_eq!(owner(&stage).as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("walt owns @TGS#crew, and their account does not exist any more"));
    stage.finish().await;
}

#[tokio::test]
async fn an_account_that_is_gone_is_told_once_a_day_as_long_as_nobody_can_succeed() {
    let stage = crew(&[]).await;
    stage.advance(HOUR).await;
    let now = stage.now();
    stage.chat.with_world(|world| world.delete_account(now, &"walt".into()));
    change(&stage, "walt", MemberChange { role: Some(Role::Owner), ..MemberChange::default() });
    stage.fault("change_group_owner", None, FaultKind::Code(10007, "not permitted".into()));
    stage.advance(DAY).await;
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 1\n"), "{metrics}");
    stage.advance(DAY).await;
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 2\n"), "{metrics}");
    stage.mend();
    stage.finish().await;
}

#[tokio::test]
async fn owners_are_looked_up_a_hundred_a_call_and_only_where_a_rule_wants_to_hear() {
    let stage = crew(&[]).await;
    for number in 0..3 {
        stage.create(&format!("@TGS#{number}"), GroupType::Public, "walt", &[]);
    }
    stage.advance(HOUR).await;
    let of_one_owner = stage.calls("account_check").len();
    assert!((1..=2).contains(&of_one_owner), "{of_one_owner} calls in two looks");
    stage.finish().await;
    let rules = RULES.replace("\"group.ownerless\", ", "");
    let stage = Stage::with_settings(&rules, &[("RECONCILE_EVERY", "1h")]).await;
    stage.create(CREW, GroupType::Public, "walt", &[]);
    stage.advance(HOUR).await;
    assert_eq!(stage.calls("account_check"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_who_has_been_silent_for_ninety_days_is_succeeded_by_whoever_spoke_last() {
    let stage = crew(&[("RECONCILE_OWNER_INACTIVE", "90d")]).await;
    silent_since(&stage, "walt", 89);
    silent_since(&stage, "will", 3);
    stage.advance(HOUR * 12).await;
    assert_eq!(owner(&stage).as_deref(), Some("walt"));
    stage.advance(DAY).await;
    assert_eq!(owner(&stage).as_deref(), Some("will"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    // The new owner has ninety days of their own, however long they have been silent.
    stage.advance(DAY * 80).await;
    assert_eq!(transfers(&stage), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn silence_is_no_cause_unless_it_is_configured() {
    let stage = crew(&[]).await;
    silent_since(&stage, "walt", 900);
    stage.advance(HOUR * 3).await;
    assert_eq!((owner(&stage).as_deref(), transfers(&stage)), (Some("walt"), vec![]));
    stage.finish().await;
}

#[tokio::test]
async fn an_inactive_owner_who_has_spoken_when_candidates_are_read_keeps_the_group() {
    let rules = RULES.replace("do = [", "wait = \"1d\"\ndo = [");
    let stage = crew_with(&rules, &[("RECONCILE_OWNER_INACTIVE", "90d")]).await;
    silent_since(&stage, "walt", 91);
    stage.advance(HOUR * 2).await;
    silent_since(&stage, "walt", 0);
    stage.advance(DAY * 2).await;
    assert_eq!((owner(&stage).as_deref(), transfers(&stage)), (Some("walt"), vec![]));
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("walt is active again"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn a_kick_that_is_told_and_found_at_once_transfers_once() {
    let stage = crew(&[]).await;
    stage.advance(HOUR).await;
    // The callback comes two hours late; reconciliation finds it before.
    let late = FaultKind::Delay { by: Duration::from_secs(7_200) };
    stage.fault("Group.CallbackAfterMemberExit", Some(1), late);
    let now = stage.now();
    let kicked = |world: &mut World| {
        world.kick(now, &CREW.into(), &"administrator".into(), &["walt".into()])
    };
    stage.chat.with_world(kicked).unwrap();
    stage.advance(HOUR * 6).await;
    assert_eq!(owner(&stage).as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_new_owner_whom_a_question_of_a_rule_shows_is_told_once_though_the_callback_comes_late() {
    let rules = r#"
[rule.look]
on = "message.sent"
when = 'message.text == "look"'
do = [{ transfer_owner = { to = ["account:nobody"] } }]

[rule.tell]
on = "owner.changed"
do = [{ send_private = { to = "boss", text = "{event.old_owner} {event.new_owner} {event.found}" } }]
"#;
    let stage = crew_with(rules, &[("RECONCILE_EVERY", "10m")]).await;
    stage.advance(HOUR).await;
    let by = Duration::from_secs(120);
    stage.fault("Group.CallbackAfterChangeGroupOwner", None, FaultKind::Delay { by });
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.change_owner(now, &CREW.into(), &"walt".into(), &"wendy".into()).unwrap();
    });
    stage.group(CREW).says("will", "look");
    stage.settle().await;
    assert_eq!((owner(&stage).as_deref(), told(&stage)), (Some("wendy"), 1));
    stage.advance(HOUR).await;
    assert_eq!(told(&stage), 1);
    stage.finish().await;
}
