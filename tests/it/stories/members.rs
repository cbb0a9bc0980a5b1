//! What rules read of a member whom no callback has described.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";

/// A bot that sends a message when a condition holds for an event.
async fn tells(on: &str, when: &str) -> Stage {
    let rules = format!(
        "[rule.a]\non = \"{on}\"\nwhen = '{when}'\ndo = [{{ send_private = {{ to = \"boss\", text = \"yes\" }} }}]\n"
    );
    let stage = Stage::with_rules(&rules).await;
    // They joined twenty and ten days ago, and nobody told the bot.
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    stage.create(CATS, GroupType::Public, "olga", &members);
    stage
}

async fn says(stage: &Stage, who: &str) {
    stage.group(CATS).says(who, "hello");
    stage.settle().await;
}

async fn promotes(stage: &Stage, who: &str) {
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.set_role(now, &CATS.into(), &"olga".into(), &who.into(), Role::Admin).unwrap();
    });
    stage.settle().await;
}

#[tokio::test]
async fn when_a_member_joined_is_asked_of_chat_once() {
    let old = r#"now - member.joined_at > duration("360h") && has(member.joined_at)"#;
    let stage = tells("message.sent", old).await;
    says(&stage, "ann").await;
    says(&stage, "ben").await;
    assert_eq!(stage.calls("sendmsg"), [0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), [0, 0]);
    says(&stage, "ann").await;
    says(&stage, "ben").await;
    assert_eq!(stage.calls("sendmsg"), [0, 0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), [0, 0]);
    assert_eq!(stage.calls("get_role_in_group"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn a_name_card_that_is_empty_is_not_asked_for_again() {
    let stage = tells("message.sent", r#"member.name_card == """#).await;
    says(&stage, "ann").await;
    says(&stage, "ann").await;
    assert_eq!(stage.calls("sendmsg"), [0, 0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn of_one_who_has_just_joined_everything_is_known() {
    let new = r#"has(member.joined_at) && member.name_card == "" && !has(member.last_message_at)"#;
    let stage = tells("member.joined", new).await;
    stage.group(CATS).joins("cy").await;
    assert_eq!(stage.calls("sendmsg"), [0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn the_last_message_is_what_the_bot_has_seen_and_otherwise_what_chat_tells() {
    let active = r#"has(member.last_message_at) && now - member.last_message_at < duration("1h")"#;
    let stage = tells("member.role_changed", active).await;
    says(&stage, "ann").await;
    stage.advance(Duration::from_secs(3_000)).await;
    promotes(&stage, "ann").await;
    assert_eq!(stage.calls("sendmsg"), [0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), Vec::<i64>::new());
    // Said while nobody told the bot.
    let now = stage.now();
    stage.chat.with_world(|world| {
        let commands = std::mem::take(&mut world.settings_mut().callbacks);
        world.say(now, &CATS.into(), &"ben".into(), "hello");
        world.settings_mut().callbacks = commands;
    });
    promotes(&stage, "ben").await;
    assert_eq!(stage.calls("sendmsg"), [0, 0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn where_chat_has_no_command_for_named_members_all_are_read_page_by_page() {
    let old = r#"now - member.joined_at > duration("360h") && has(member.joined_at)"#;
    let stage = tells("message.sent", old).await;
    let unknown = FaultKind::Code(10003, "unknown command".into());
    stage.fault("get_specified_group_member_info", None, unknown);
    says(&stage, "ann").await;
    assert_eq!(stage.calls("sendmsg"), [0]);
    assert_eq!(stage.calls("get_specified_group_member_info"), [10003]);
    assert_eq!(stage.calls("get_group_member_info"), [0]);
    stage.finish().await;
}
