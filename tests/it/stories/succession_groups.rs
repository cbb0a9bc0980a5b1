//! A group gets an owner whatever the cause: quit, kicked, made without one, found without one.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::{FaultKind, MemberChange, NewGroup, World};

use crate::stage::{Group, Stage};

const CREW: &str = "@TGS#crew";
const MINUTE: Duration = Duration::from_secs(61);
/// Without a wait, and for every cause.
const AT_ONCE: &str = r#"
[rule.owned]
on = ["owner.left", "group.ownerless", "owner.inactive"]
do = [
  { transfer_owner = { to = ["longest_serving_admin", "longest_serving_member"], if_none = "alert" } },
  { send_private = { to = "boss", text = "{group.id} has a new owner" } },
]
"#;

fn crew(stage: &Stage, members: &[&str]) {
    let members: Vec<_> = members.iter().map(|who| (*who, Role::Member)).collect();
    stage.create(CREW, GroupType::Work, "walt", &members);
}

fn group(stage: &Stage) -> Group<'_> {
    stage.group(CREW)
}

fn transfers(stage: &Stage) -> Vec<i64> {
    stage.calls("change_group_owner")
}

fn told(stage: &Stage) -> usize {
    stage.calls("sendmsg").len()
}

fn unseen(stage: &Stage, who: &str, role: Role) {
    let now = stage.now();
    let change = MemberChange { role: Some(role), ..MemberChange::default() };
    let changed =
        stage.chat.with_world(|world| world.change_unseen(now, &CREW.into(), &who.into(), change));
    changed.unwrap();
}

async fn kicks(stage: &Stage, who: &[&str]) {
    let now = stage.now();
    let who: Vec<_> = who.iter().map(|who| (*who).into()).collect();
    let kicked = |world: &mut World| world.kick(now, &CREW.into(), &"administrator".into(), &who);
    stage.chat.with_world(kicked).unwrap();
}

async fn alerts(stage: &Stage) -> String {
    let (_, metrics) = stage.admin("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("groupkeeper_alerts_total "));
    line.unwrap().replace("groupkeeper_alerts_total ", "")
}

async fn events(stage: &Stage) -> String {
    stage.admin("/api/v1/events").await.1
}

#[tokio::test]
async fn a_group_that_is_made_without_an_owner_gets_one() {
    let created = "on = \"group.ownerless\"\nwhen = 'event.reason == \"created\"'\n";
    let rules = AT_ONCE
        .replace("on = [\"owner.left\", \"group.ownerless\", \"owner.inactive\"]\n", created);
    let stage = Stage::with_rules(&rules).await;
    let mut new = NewGroup::new(CREW, GroupType::Public, "", &["wendy", "will"]);
    new.owner = None;
    new.silent = false;
    let now = stage.now();
    stage.chat.with_world(|world| world.create_group(now, new));
    stage.settle().await;
    assert_eq!(group(&stage).owner().as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_who_is_kicked_and_found_missing_at_once_is_succeeded_once() {
    let stage = Stage::with_rules(AT_ONCE).await;
    // Nobody told the bot who owns it: both who go may have been the owner, and Chat is asked twice.
    crew(&stage, &["wendy", "will", "xenia"]);
    kicks(&stage, &["xenia", "walt"]).await;
    stage.settle().await;
    stage.advance(MINUTE * 5).await;
    assert_eq!(group(&stage).owner().as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    assert_eq!(alerts(&stage).await, "0");
    stage.finish().await;
}

#[tokio::test]
async fn two_rules_of_different_minds_transfer_once() {
    let second = AT_ONCE
        .replace("rule.owned", "rule.other")
        .replace("longest_serving_member", "account:will");
    let stage = Stage::with_rules(&format!("{AT_ONCE}{second}")).await;
    crew(&stage, &["wendy", "will"]);
    group(&stage).leaves("walt");
    stage.settle().await;
    assert_eq!(group(&stage).owner().as_deref(), Some("wendy"));
    assert_eq!((transfers(&stage), told(&stage)), (vec![0], 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_leave_of_which_no_callback_told_is_found_by_the_nightly_sweep() {
    let stage = Stage::with_shipped_rules().await;
    crew(&stage, &["wendy", "will"]);
    group(&stage).joins("newcomer").await;
    stage.fault("Group.*", None, FaultKind::Lose);
    group(&stage).leaves("walt");
    stage.advance(Duration::from_secs(86_400)).await;
    assert_eq!(group(&stage).owner().as_deref(), Some("wendy"));
    assert_eq!(transfers(&stage), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_successor_who_left_between_choice_and_transfer_makes_room_for_the_next() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &["wendy", "will"]);
    stage.fault("change_group_owner", Some(1), FaultKind::Code(10002, "system error".into()));
    group(&stage).leaves("walt");
    stage.settle().await;
    unseen(&stage, "wendy", Role::Outside);
    stage.advance(MINUTE * 5).await;
    assert_eq!(group(&stage).owner().as_deref(), Some("will"));
    let calls = transfers(&stage);
    assert!(calls.len() == 3 && calls[0] == 10002 && calls[1] > 0 && calls[2] == 0, "{calls:?}");
    assert_eq!(told(&stage), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_group_that_is_dismissed_meanwhile_calls_nobody() {
    for code in [10010, 10015] {
        let stage = Stage::with_rules(AT_ONCE).await;
        crew(&stage, &["wendy", "will"]);
        stage.fault("change_group_owner", None, FaultKind::Code(code, "no such group".into()));
        group(&stage).leaves("walt");
        stage.settle().await;
        assert_eq!(transfers(&stage), [code]);
        assert_eq!((alerts(&stage).await.as_str(), told(&stage)), ("0", 0));
        stage.finish().await;
    }
}

#[tokio::test]
async fn after_five_refusals_a_person_is_told_whom_chat_refused() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &["ann", "ben", "cyd", "dan", "eve", "fay", "gus"]);
    stage.fault("change_group_owner", None, FaultKind::Code(10007, "not permitted".into()));
    group(&stage).leaves("walt");
    stage.advance(MINUTE * 10).await;
    assert_eq!(transfers(&stage), [10007; 5]);
    assert_eq!((alerts(&stage).await.as_str(), told(&stage)), ("1", 0));
    assert!(events(&stage).await.contains("Chat refused ann, ben, cyd, dan and eve"));
    stage.finish().await;
}

#[tokio::test]
async fn a_message_about_the_new_owner_is_not_sent_when_there_is_none() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &[]);
    group(&stage).joins("administrator").await;
    group(&stage).leaves("walt");
    stage.settle().await;
    assert_eq!((transfers(&stage), told(&stage)), (vec![], 0));
    assert_eq!(alerts(&stage).await, "1");
    stage.finish().await;
}

#[tokio::test]
async fn a_crash_between_transfer_and_answer_transfers_once() {
    for kind in [FaultKind::ApplyThenDropReply, FaultKind::Code(10002, "system error".into())] {
        let mut stage = Stage::with_rules(AT_ONCE).await;
        crew(&stage, &["wendy", "will"]);
        stage.fault("change_group_owner", Some(1), kind.clone());
        stage.chat.with_world(|world| {
            let echo = "Group.CallbackAfterChangeGroupOwner";
            world.settings_mut().callbacks.remove(echo);
        });
        group(&stage).leaves("walt");
        stage.settle().await;
        stage.stop().await;
        stage.start().await.unwrap();
        stage.advance(MINUTE * 5).await;
        assert_eq!(group(&stage).owner().as_deref(), Some("wendy"));
        let done = transfers(&stage).into_iter().filter(|code| *code == 0).count();
        assert_eq!((done, told(&stage)), (1, 1), "{kind:?}");
        stage.finish().await;
    }
}

#[tokio::test]
async fn chats_own_callback_confirms_a_transfer_and_nothing_is_read_for_it() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &["wendy"]);
    group(&stage).leaves("walt");
    stage.settle().await;
    let before = stage.calls("get_group_info").len();
    stage.advance(MINUTE * 10).await;
    assert_eq!(stage.calls("get_group_info").len(), before);
    assert!(events(&stage).await.contains("wendy owns @TGS#crew: confirmed by Chat's callback"));
    stage.finish().await;
}

#[tokio::test]
async fn a_transfer_without_a_callback_is_confirmed_by_reading_after_a_minute() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &["wendy"]);
    stage.fault("Group.CallbackAfterChangeGroupOwner", None, FaultKind::Lose);
    group(&stage).leaves("walt");
    stage.settle().await;
    let before = stage.calls("get_group_info").len();
    stage.advance(MINUTE).await;
    assert_eq!(stage.calls("get_group_info").len(), before + 1);
    assert!(events(&stage).await.contains("wendy owns @TGS#crew: confirmed by reading"));
    assert_eq!(alerts(&stage).await, "0");
    stage.finish().await;
}

#[tokio::test]
async fn a_transfer_that_chat_has_not_made_after_all_is_told_and_corrected() {
    let stage = Stage::with_rules(AT_ONCE).await;
    crew(&stage, &["wendy", "will"]);
    stage.fault("Group.CallbackAfterChangeGroupOwner", None, FaultKind::Lose);
    group(&stage).leaves("walt");
    stage.settle().await;
    unseen(&stage, "will", Role::Owner);
    stage.advance(MINUTE).await;
    assert_eq!(alerts(&stage).await, "1");
    let (_, known) = stage.admin("/api/v1/groups").await;
    assert!(known.contains("will") && !known.contains("wendy"), "{known}");
    stage.finish().await;
}

#[tokio::test]
async fn an_avchatroom_is_told_once_for_each_group_and_rule_and_asked_of_chat_once() {
    let stage = Stage::with_rules(AT_ONCE).await;
    stage.create(CREW, GroupType::AVChatRoom, "walt", &[("wendy", Role::Member)]);
    let hears = async |number: i64| {
        let command = "Group.CallbackAfterMemberExit";
        // Without the type, which the bot then learns from Chat.
        let body = format!(
            r#"{{"CallbackCommand":"{command}","GroupId":"{CREW}","ExitType":"Kicked","Operator_Account":"administrator","ExitMemberList":[{{"Member_Account":"walt"}}],"EventTime":{number}}}"#
        );
        unseen(&stage, "walt", Role::Owner);
        let created = r#"{"CallbackCommand":"Group.CallbackAfterChangeGroupOwner","GroupId":"@TGS#crew","Operator_Account":"x","OldOwner_Account":"","NewOwner_Account":"walt","EventTime":"#;
        let created = format!("{created}{number}}}");
        let query = stage.signed_query("Group.CallbackAfterChangeGroupOwner");
        assert_eq!(stage.post(&query, created).await.0, 200);
        unseen(&stage, "walt", Role::Outside);
        assert_eq!(stage.post(&stage.signed_query(command), body).await.0, 200);
        stage.advance(MINUTE * 5).await;
    };
    hears(1_767_268_800_000).await;
    assert_eq!(alerts(&stage).await, "1");
    hears(1_767_268_900_000).await;
    assert_eq!((alerts(&stage).await.as_str(), transfers(&stage)), ("1", vec![]));
    assert_eq!(stage.calls("get_group_member_info"), Vec::<i64>::new());
    assert!(events(&stage).await.contains("the owner of AVChatRoom groups cannot be changed"));
    stage.finish().await;
}
