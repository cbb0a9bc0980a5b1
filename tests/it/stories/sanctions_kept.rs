//! Sanctions whose successor or end does not come to be: nobody stays restrained for having been forgotten.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const ALL: &str = "modify_group_base_info";
const ONE: &str = "modify_group_member_info";

const RULES: &str = r#"
[rule.hush]
on = "message.sent"
when = 'message.text == "hush"'
do = [{ mute_all = { for = "1h" } }]

[rule.long_hush]
on = "message.sent"
when = 'message.text == "hush for long"'
do = [{ mute_all = { for = "3d" } }]

[rule.long_promote]
on = "message.sent"
when = 'message.text == "promote for long"'
do = [{ set_role = { role = "admin", for = "3d" } }]

[rule.stay]
on = "message.sent"
when = 'message.text == "stay"'
do = [{ set_role = { role = "admin" } }]

[rule.speak]
on = "message.sent"
when = 'message.text == "speak"'
limit = { actions = 1, per = "10m", then = "drop" }
do = [{ unmute_all = {} }]

[rule.promote]
on = "message.sent"
when = 'message.text == "promote"'
do = [{ set_role = { role = "admin", for = "1h" } }]

[rule.kick]
on = "message.sent"
when = 'message.text == "kick"'
do = [{ mute = { for = "2h" } }, { remove_member = {} }]

[rule.mute]
on = "message.sent"
when = 'message.text == "mute"'
do = [{ mute = { for = "1h" } }]

[rule.ended]
on = "mute.ended"
do = [{ send_message = { text = "{member.id}: {event.reason}" } }]
"#;

async fn stage() -> Stage {
    let stage = Stage::with_settings(RULES, &[("RECONCILE_EVERY", "10m")]).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    stage.create(CATS, GroupType::Public, "olga", &members);
    stage.advance(MINUTE).await;
    stage
}

async fn says(stage: &Stage, who: &str, text: &str) {
    stage.group(CATS).says(who, text);
    stage.settle().await;
}

fn is_silent(stage: &Stage) -> bool {
    stage.chat.with_world(|world| world.group(&CATS.into()).unwrap().mute_all)
}

fn refuses(stage: &Stage, command: &str) {
    stage.fault(command, None, FaultKind::Code(10007, "no permission".to_owned()));
}

#[tokio::test]
async fn a_group_is_not_silent_for_ever_because_a_second_mute_of_it_was_refused() {
    let stage = stage().await;
    says(&stage, "olga", "hush").await;
    stage.advance(MINUTE * 10).await;
    refuses(&stage, ALL);
    says(&stage, "olga", "hush").await;
    stage.mend();
    assert!(is_silent(&stage));
    stage.advance(MINUTE * 51).await;
    assert!(!is_silent(&stage));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn nobody_stays_an_admin_because_a_longer_time_was_refused() {
    let stage = stage().await;
    says(&stage, "ann", "promote").await;
    stage.advance(MINUTE * 50).await;
    stage.fault(ONE, None, FaultKind::Status(503));
    says(&stage, "ann", "promote").await;
    // Its own timer comes while the second is being tried.
    stage.advance(MINUTE * 20).await;
    stage.mend();
    refuses(&stage, ONE);
    stage.advance(MINUTE * 20).await;
    stage.mend();
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_rule_whose_end_of_a_mute_is_refused_or_dropped_leaves_its_own_end_as_it_was() {
    let stage = stage().await;
    says(&stage, "olga", "hush").await;
    refuses(&stage, ALL);
    says(&stage, "olga", "speak").await;
    stage.mend();
    // This one is over the limit.
    says(&stage, "olga", "speak").await;
    assert!(is_silent(&stage));
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("mute_all"));
    stage.advance(MINUTE * 61).await;
    assert!(!is_silent(&stage));
    stage.finish().await;
}

#[tokio::test]
async fn who_was_muted_and_removed_unheard_gets_the_rest_when_they_come_back() {
    let stage = stage().await;
    stage.fault("Group.CallbackAfterMemberExit", None, FaultKind::Lose);
    says(&stage, "ann", "kick").await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Outside);
    stage.mend();
    stage.advance(MINUTE * 30).await;
    let (_, list) = stage.admin("/api/v1/sanctions").await;
    assert!(list.contains("away"), "{list}");
    stage.group(CATS).joins("ann").await;
    assert!(stage.group(CATS).muted_for("ann").is_some());
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_a_reading_sees_ended_while_it_is_being_lifted_ends_once() {
    let stage = stage().await;
    let cats = stage.group(CATS);
    says(&stage, "ann", "mute").await;
    stage.advance(MINUTE * 59).await;
    cats.mutes("olga", "ann", 90);
    stage.fault(ONE, None, FaultKind::Status(503));
    stage.advance(MINUTE).await;
    stage.advance(MINUTE * 12).await;
    stage.mend();
    stage.advance(HOUR).await;
    let mut messages = cats.messages();
    messages.retain(|text| text.starts_with("ann:"));
    assert_eq!(messages.len(), 1, "{messages:?}");
    stage.finish().await;
}

const DAY: Duration = Duration::from_secs(86_400);

async fn dropped(stage: &Stage) {
    let (status, told) = stage.operator("/api/v1/dead/drop?all=true").await;
    assert_eq!(status, 200, "{told}");
}

/// Chat tells of the groups as they are now, whatever happens to them.
fn stale(stage: &Stage) {
    stage.fault("get_group_info", None, FaultKind::StaleReads { during: DAY * 2 });
}

#[tokio::test]
async fn a_group_whose_mute_was_given_up_with_its_answers_lost_speaks_again_in_time() {
    let stage = stage().await;
    stage.fault(ALL, None, FaultKind::ApplyThenDropReply);
    stale(&stage);
    says(&stage, "olga", "hush for long").await;
    stage.advance(DAY + HOUR * 2).await;
    stage.mend();
    assert!(is_silent(&stage));
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("mute_all"));
    dropped(&stage).await;
    stage.advance(DAY * 2).await;
    assert!(!is_silent(&stage));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_refused_repetition_does_not_forget_a_mute_of_everybody_that_may_have_worked() {
    let stage = stage().await;
    stage.fault(ALL, Some(1), FaultKind::ApplyThenDropReply);
    stale(&stage);
    says(&stage, "olga", "hush for long").await;
    refuses(&stage, ALL);
    stage.advance(MINUTE * 20).await;
    stage.mend();
    assert_eq!(stage.calls(ALL).len(), 2);
    assert!(is_silent(&stage));
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("mute_all"));
    stage.advance(DAY * 3).await;
    assert!(!is_silent(&stage));
    stage.finish().await;
}

#[tokio::test]
async fn a_temporary_role_that_was_given_up_with_its_answers_lost_is_taken_back_in_time() {
    let stage = stage().await;
    stage.fault(ONE, Some(1), FaultKind::ApplyThenDropReply);
    // Its callback is lost as well: nothing tells the bot.
    stage.fault("Group.CallbackAfterMemberInfoChanged", None, FaultKind::Lose);
    stage.fault("Group.CallbackAfterGroupMemberInfoChanged", None, FaultKind::Lose);
    stage.group(CATS).says("ann", "promote for long");
    stage.settle().await;
    stage.fault("get_role_in_group", None, FaultKind::Status(503));
    stage.advance(DAY + HOUR).await;
    stage.mend();
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.advance(DAY * 3).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    dropped(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_temporary_role_passes_although_the_one_that_was_to_stay_was_refused() {
    let stage = stage().await;
    says(&stage, "ann", "promote").await;
    refuses(&stage, ONE);
    says(&stage, "ann", "stay").await;
    stage.mend();
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("\"role\""));
    stage.advance(HOUR + MINUTE).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn a_role_that_is_to_stay_ends_the_temporary_one_when_chat_has_taken_it() {
    let stage = stage().await;
    says(&stage, "ann", "promote").await;
    says(&stage, "ann", "stay").await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.finish().await;
}
