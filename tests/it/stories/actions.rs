//! Each action as it arrives in Chat: done, refused, and across an outage.

use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::ledger::{self, DeadLetter, Kind};
use groupkeeper::simulator::{FaultKind, Group, World};

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const HOUR: Duration = Duration::from_secs(3_600);

/// A bot whose one rule answers a message that says `go`.
async fn on_go(actions: &str) -> Stage {
    let rules = format!(
        "[rule.go]\non = \"message.sent\"\nwhen = 'message.text == \"go\"'\ndo = [{actions}]\n"
    );
    Stage::with_rules(&rules).await
}

/// The group of the story, with mel who writes and ann who is an admin.
fn cats(stage: &Stage, kind: GroupType) {
    let members = [("ann", Role::Admin), ("mel", Role::Member)];
    let members = if kind == GroupType::Work { &members[1..] } else { &members[..] };
    stage.create(CATS, kind, "olga", members);
}

async fn go(stage: &Stage, who: &str) {
    stage.group(CATS).says(who, "go");
    stage.settle().await;
}

/// A story of one action in a group of one type.
async fn done(actions: &str, kind: GroupType) -> Stage {
    let stage = on_go(actions).await;
    cats(&stage, kind);
    go(&stage, "mel").await;
    stage
}

fn see<T>(stage: &Stage, look: impl FnOnce(&Group) -> T) -> T {
    stage.chat.with_world(|world: &mut World| look(world.group(&GroupId::from(CATS)).unwrap()))
}

fn is_there(stage: &Stage) -> bool {
    stage.chat.with_world(|world: &mut World| world.group(&GroupId::from(CATS)).is_some())
}

/// What operators read about the refused effect.
async fn assert_told(stage: &Stage, words: &str) {
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains(words), "{words} is not in {events}");
}

/// Takes the one dead letter away, so that the story may end with it.
async fn take_dead_letter(stage: &Stage) -> String {
    let store = &stage.bot().store;
    let (from, to) = ledger::prefix(Kind::Dead);
    let found = store.scan(&from, &to, 10).unwrap();
    let [(key, bytes)] = &found[..] else { panic!("{} dead letters", found.len()) };
    let letter: DeadLetter = ledger::decode(key, bytes).unwrap();
    let writes = vec![(key.clone(), None)];
    store.commit(groupkeeper::store::WriteSet { writes, ..Default::default() }).await.unwrap();
    letter.why
}

fn mute_all_calls(stage: &Stage) -> Vec<String> {
    stage.chat.with_world(|world: &mut World| {
        let calls = world.calls().iter().filter(|call| call.command == "modify_group_base_info");
        calls.map(|call| call.body["MuteAllMember"].as_str().unwrap().to_owned()).collect()
    })
}

#[tokio::test]
async fn members_are_added_and_who_could_not_be_is_told() {
    let stage = on_go(r#"{ add_members = { members = ["bob", "cy", "mel"] } }"#).await;
    cats(&stage, GroupType::Public);
    let now = stage.now();
    stage.chat.with_world(|world| world.delete_account(now, &"cy".into()));
    go(&stage, "mel").await;
    assert_eq!(stage.group(CATS).role("bob"), Role::Member);
    assert_eq!(stage.group(CATS).role("cy"), Role::Outside);
    assert_told(&stage, "done in part: not added: cy").await;
    stage.finish().await;
}

#[tokio::test]
async fn adding_to_a_full_group_is_a_refusal_that_is_told() {
    let stage =
        on_go(r#"{ add_members = { members = ["bob"] } }, { notify_group = { text = "hi" } }"#)
            .await;
    cats(&stage, GroupType::Public);
    let now = stage.now();
    let id = GroupId::from(CATS);
    stage.chat.with_world(|world| {
        let seats = world.group(&id).unwrap().max_members;
        let many: Vec<Account> = (3..seats).map(|n| Account::from(format!("m{n}"))).collect();
        // What fills the group is no part of the story: Chat does not tell of it.
        let callbacks = std::mem::take(&mut world.settings_mut().callbacks);
        world.invite(now, &id, &"administrator".into(), &many);
        world.settings_mut().callbacks = callbacks;
    });
    go(&stage, "mel").await;
    assert_told(&stage, "refused by Chat: 10014").await;
    // What stood behind the refused step is not sent.
    assert!(see(&stage, |group| group.notifications.is_empty()));
    stage.finish().await;
}

#[tokio::test]
async fn a_member_is_removed_and_a_protected_admin_is_not() {
    let stage =
        done(r#"{ remove_member = { reason = "spam", silent = true } }"#, GroupType::Public).await;
    assert_eq!(stage.group(CATS).role("mel"), Role::Outside);
    go(&stage, "ann").await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    assert_eq!(stage.calls("delete_group_member"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_removal_whose_reply_was_lost_is_verified_and_not_repeated() {
    let stage = on_go(r#"{ remove_member = { reason = "spam" } }"#).await;
    cats(&stage, GroupType::Work);
    stage.fault("delete_group_member", Some(1), FaultKind::ApplyThenDropReply);
    go(&stage, "mel").await;
    stage.advance(HOUR).await;
    assert_eq!(stage.group(CATS).role("mel"), Role::Outside);
    assert_eq!(stage.calls("delete_group_member"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_in_an_avchatroom_holds_until_its_end_and_an_outage_does_not_prolong_it() {
    let stage = on_go(r#"{ ban = { for = "2h", reason = "spam" } }"#).await;
    cats(&stage, GroupType::AVChatRoom);
    stage.group(CATS).joins("mel").await;
    stage.fault("ban_group_member", None, FaultKind::Code(10002, "system error".into()));
    go(&stage, "mel").await;
    let end = stage.now() + 2 * HOUR;
    stage.advance(HOUR).await;
    assert!(see(&stage, |group| group.bans.is_empty()));
    stage.mend();
    stage.advance(HOUR / 2).await;
    let until = see(&stage, |group| group.bans[&Account::from("mel")]);
    assert!(until.since(end) < Duration::from_secs(1) && end.since(until) < Duration::from_secs(1));
    assert_eq!(stage.group(CATS).role("mel"), Role::Outside);
    stage.advance(HOUR).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_for_ever_is_lifted_by_unban() {
    let rules = r#"
[rule.out]
on = "message.sent"
when = 'message.text == "go"'
do = [{ ban = { for = "forever" } }]

[rule.back]
on = "message.sent"
when = 'message.text == "back"'
do = [{ unban = { who = "mel" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    cats(&stage, GroupType::AVChatRoom);
    stage.group(CATS).joins("mel").await;
    go(&stage, "mel").await;
    let until = see(&stage, |group| group.bans[&Account::from("mel")]);
    assert!(until > stage.now() + 24 * 365 * HOUR);
    stage.group(CATS).says("olga", "back");
    stage.settle().await;
    assert!(see(&stage, |group| group.bans.is_empty()));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_without_the_feature_10007_is_refused_and_ends_with_that() {
    let stage = on_go(r#"{ ban = { for = "2h" } }"#).await;
    cats(&stage, GroupType::AVChatRoom);
    stage.group(CATS).joins("mel").await;
    stage.fault("ban_group_member", Some(1), FaultKind::Code(10007, "not enabled".into()));
    go(&stage, "mel").await;
    assert_told(&stage, "refused by Chat: 10007 not enabled").await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_notification_goes_to_those_who_are_named_or_to_everybody() {
    let actions = r#"{ notify_group = { text = "hello {member.id}", to = ["{member.id}"] } }, { notify_group = { text = "all" } }"#;
    let stage = done(actions, GroupType::Meeting).await;
    let seen = see(&stage, |group| group.notifications.clone());
    let to_mel = (vec![Account::from("mel")], "hello mel".to_owned());
    assert_eq!(seen, [to_mel, (Vec::new(), "all".to_owned())]);
    stage.finish().await;
}

#[tokio::test]
async fn a_notification_to_one_viewer_of_an_avchatroom_is_refused_and_told() {
    let stage = on_go(r#"{ notify_group = { text = "psst", to = ["mel"] } }"#).await;
    cats(&stage, GroupType::AVChatRoom);
    stage.group(CATS).joins("mel").await;
    go(&stage, "mel").await;
    assert!(see(&stage, |group| group.notifications.is_empty()));
    assert_told(&stage, "refused by Chat: 10007").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_notification_whose_reply_was_lost_is_not_sent_twice_and_waits_for_a_person() {
    let stage = on_go(r#"{ notify_group = { text = "once" } }"#).await;
    cats(&stage, GroupType::Public);
    stage.fault("send_group_system_notification", Some(1), FaultKind::ApplyThenDropReply);
    go(&stage, "mel").await;
    stage.advance(HOUR).await;
    assert_eq!(see(&stage, |group| group.notifications.len()), 1);
    let why = take_dead_letter(&stage).await;
    assert!(why.starts_with("it may have been sent, and is not sent twice ("), "{why}");
    stage.finish().await;
}

#[tokio::test]
async fn a_private_message_arrives_once() {
    let stage =
        done(r#"{ send_private = { text = "hello {member.id}" } }"#, GroupType::Public).await;
    let seen = stage.chat.with_world(|world: &mut World| world.private_messages().to_vec());
    let [(to, message)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((to.as_str(), message.text.as_str()), ("mel", "hello mel"));
    assert_eq!(message.from.as_str(), "administrator");
    stage.finish().await;
}

#[tokio::test]
async fn a_private_message_whose_reply_was_lost_is_not_sent_twice() {
    let stage = on_go(r#"{ send_private = { text = "once" } }"#).await;
    cats(&stage, GroupType::Public);
    stage.fault("sendmsg", Some(1), FaultKind::ApplyThenHang);
    go(&stage, "mel").await;
    stage.advance(HOUR).await;
    assert_eq!(stage.chat.with_world(|world: &mut World| world.private_messages().len()), 1);
    let why = take_dead_letter(&stage).await;
    assert!(why.starts_with("it may have been sent, and is not sent twice ("), "{why}");
    stage.finish().await;
}

#[tokio::test]
async fn a_message_is_recalled_once_although_the_reply_was_lost() {
    let stage = on_go("\"recall_message\"").await;
    cats(&stage, GroupType::Community);
    stage.fault("group_msg_recall", Some(1), FaultKind::ApplyThenDropReply);
    go(&stage, "mel").await;
    stage.advance(HOUR).await;
    assert_eq!(see(&stage, |group| group.messages.iter().filter(|m| m.recalled).count()), 1);
    assert_eq!(stage.calls("group_msg_recall"), [0, 0]);
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(!events.contains("refused by Chat"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn a_message_that_somebody_else_recalled_before_is_told_as_missing() {
    let stage = on_go("\"recall_message\"").await;
    cats(&stage, GroupType::Public);
    let (now, id) = (stage.now(), GroupId::from(CATS));
    stage.group(CATS).says("mel", "go");
    let sequence = see(&stage, |group| group.messages[0].sequence);
    stage.chat.with_world(|world| world.recall(now, &id, &"olga".into(), sequence)).unwrap();
    stage.settle().await;
    assert_told(&stage, "refused by Chat: 10030 the message to recall does not exist").await;
    stage.finish().await;
}

#[tokio::test]
async fn everybody_is_muted_for_eight_hours_and_may_speak_again_after_them() {
    let stage = done(r#"{ mute_all = { for = "8h" } }"#, GroupType::Public).await;
    assert!(see(&stage, |group| group.mute_all));
    stage.advance(8 * HOUR - Duration::from_secs(1)).await;
    assert!(see(&stage, |group| group.mute_all));
    stage.advance(Duration::from_secs(1)).await;
    assert!(!see(&stage, |group| group.mute_all));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    assert_eq!(mute_all_calls(&stage), ["On", "Off"]);
    stage.finish().await;
}

#[tokio::test]
async fn the_mute_of_everybody_is_lifted_although_chat_is_down_across_its_end() {
    let stage = done(r#"{ mute_all = { for = "8h" } }"#, GroupType::AVChatRoom).await;
    go(&stage, "olga").await;
    assert!(see(&stage, |group| group.mute_all));
    stage.advance(7 * HOUR).await;
    stage.fault("*", None, FaultKind::Status(503));
    stage.advance(2 * HOUR).await;
    assert!(see(&stage, |group| group.mute_all));
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert!(sanctions.contains("\"ending\":true"), "{sanctions}");
    stage.mend();
    stage.advance(HOUR).await;
    assert!(!see(&stage, |group| group.mute_all));
    stage.finish().await;
}

#[tokio::test]
async fn the_mute_of_everybody_that_may_have_begun_in_an_outage_ends_all_the_same() {
    let stage = on_go(r#"{ mute_all = { for = "1h" } }"#).await;
    cats(&stage, GroupType::Public);
    stage.fault("modify_group_base_info", Some(1), FaultKind::ApplyThenDropReply);
    stage.fault("modify_group_base_info", None, FaultKind::Status(502));
    go(&stage, "mel").await;
    assert!(see(&stage, |group| group.mute_all));
    stage.advance(2 * HOUR).await;
    stage.mend();
    stage.advance(2 * HOUR).await;
    assert!(!see(&stage, |group| group.mute_all));
    stage.finish().await;
}

#[tokio::test]
async fn of_two_mutes_of_everybody_one_that_is_refused_leaves_the_other_its_end() {
    let rule = r#"
        [rule.raid]
        on = "message.sent"
        when = 'message.text == "go"'
        do = [{ mute_all = { for = "10m" } }]
    "#;
    let stage = Stage::with_settings(rule, &[("REST_CALLS_PER_SECOND", "1")]).await;
    cats(&stage, GroupType::Public);
    stage.group(CATS).says("mel", "go");
    stage.group(CATS).says("mel", "go");
    stage.settle().await;
    assert_eq!(mute_all_calls(&stage), ["On"]);
    let refusal = FaultKind::Code(10007, "no".to_owned());
    stage.fault("modify_group_base_info", Some(1), refusal);
    stage.advance(HOUR).await;
    assert!(!see(&stage, |group| group.mute_all));
    stage.finish().await;
}

#[tokio::test]
async fn unmute_all_ends_the_mute_of_everybody_and_its_timer() {
    let rules = r#"
[rule.quiet]
on = "message.sent"
when = 'message.text == "go"'
do = [{ mute_all = { for = "8h" } }]

[rule.speak]
on = "message.sent"
when = 'message.text == "speak"'
do = ["unmute_all"]
"#;
    let stage = Stage::with_rules(rules).await;
    cats(&stage, GroupType::Public);
    go(&stage, "mel").await;
    stage.group(CATS).says("olga", "speak");
    stage.settle().await;
    assert!(!see(&stage, |group| group.mute_all));
    stage.advance(9 * HOUR).await;
    assert_eq!(mute_all_calls(&stage), ["On", "Off"]);
    stage.finish().await;
}

#[tokio::test]
async fn a_group_gets_its_new_texts_across_an_outage() {
    let actions = r#"{ set_group = { name = "Cats only", notification = "Be kind, {member.id}", join = "DisableApply" } }"#;
    let stage = on_go(actions).await;
    cats(&stage, GroupType::Public);
    stage.fault("modify_group_base_info", Some(2), FaultKind::Status(502));
    go(&stage, "mel").await;
    assert_ne!(see(&stage, |group| group.name.clone()), "Cats only");
    stage.advance(HOUR).await;
    let seen = see(&stage, |group| {
        (group.name.clone(), group.notification.clone(), group.join_option.clone())
    });
    assert_eq!(seen, ("Cats only".into(), "Be kind, mel".into(), "DisableApply".into()));
    stage.finish().await;
}

#[tokio::test]
async fn the_join_option_of_a_community_is_refused_and_told() {
    let stage = done(r#"{ set_group = { join = "FreeAccess" } }"#, GroupType::Community).await;
    assert_told(&stage, "refused by Chat: 10007").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_group_is_dismissed_once() {
    let stage = on_go("\"dismiss_group\"").await;
    cats(&stage, GroupType::Work);
    stage.fault("destroy_group", Some(1), FaultKind::ApplyThenDropReply);
    go(&stage, "mel").await;
    assert!(!is_there(&stage));
    stage.advance(HOUR).await;
    // Chat was asked, and says that it is gone.
    assert_eq!(stage.calls("destroy_group"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_new_group_under_a_dismissed_groups_id_is_left_alone() {
    let stage = on_go("\"dismiss_group\"").await;
    cats(&stage, GroupType::Public);
    stage.fault("destroy_group", Some(1), FaultKind::ApplyThenDropReply);
    stage.fault("get_group_info", None, FaultKind::Code(10002, "system error".into()));
    go(&stage, "mel").await;
    assert!(!is_there(&stage));
    stage.advance(HOUR).await;
    stage.create(CATS, GroupType::Public, "zoe", &[]);
    stage.mend();
    stage.advance(HOUR).await;
    assert_eq!(stage.group(CATS).owner().as_deref(), Some("zoe"));
    stage.finish().await;
}

#[tokio::test]
async fn a_dismissal_that_chat_is_sure_not_to_have_done_is_done_later() {
    let stage = on_go("\"dismiss_group\"").await;
    cats(&stage, GroupType::Public);
    stage.fault("destroy_group", Some(2), FaultKind::Code(10002, "system error".into()));
    go(&stage, "mel").await;
    assert!(is_there(&stage));
    stage.advance(HOUR).await;
    assert!(!is_there(&stage));
    stage.finish().await;
}

#[tokio::test]
async fn a_temporary_role_goes_back_to_what_it_was_before() {
    let stage = on_go(r#"{ set_role = { role = "member", for = "1h" } }"#).await;
    cats(&stage, GroupType::Public);
    go(&stage, "ann").await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.advance(HOUR).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_permanent_role_supersedes_a_temporary_one() {
    let rules = r#"
[rule.for-an-hour]
on = "message.sent"
when = 'message.text == "go"'
do = [{ set_role = { role = "admin", for = "1h" } }]

[rule.for-good]
on = "message.sent"
when = 'message.text == "stay"'
do = [{ set_role = { role = "admin" } }]
"#;
    let stage = Stage::with_rules(rules).await;
    cats(&stage, GroupType::Public);
    go(&stage, "mel").await;
    stage.advance(HOUR / 2).await;
    stage.group(CATS).says("mel", "stay");
    stage.settle().await;
    stage.advance(2 * HOUR).await;
    assert_eq!(stage.group(CATS).role("mel"), Role::Admin);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_member_of_an_avchatroom_is_muted_and_speaks_again_after_its_time() {
    let stage = done(r#"{ mute = { for = "10m" } }"#, GroupType::AVChatRoom).await;
    assert_eq!(stage.group(CATS).muted_for("mel"), Some(600));
    assert_eq!(stage.calls("forbid_send_msg"), [0]);
    stage.advance(HOUR).await;
    assert_eq!(stage.group(CATS).muted_for("mel"), None);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}
