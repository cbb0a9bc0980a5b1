//! Chat has done it, and the answer is lost: what has come about is read, and not repeated.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);

/// Rules that do this when somebody says the word, and a group in which olga, ann and mel are.
async fn stage(kind: GroupType, rules: &[(&str, &str)]) -> Stage {
    let rule = |(word, action): &(&str, &str)| {
        format!(
            "[rule.{word}]\non = \"message.sent\"\nwhen = 'message.text == \"{word}\"'\ndo = [{action}]\n"
        )
    };
    let stage = Stage::with_rules(&rules.iter().map(rule).collect::<String>()).await;
    stage.create(CATS, kind, "olga", &[("ann", Role::Member), ("mel", Role::Member)]);
    stage
}

fn unheard(stage: &Stage, command: &str) {
    stage.fault(command, Some(1), FaultKind::ApplyThenDropReply);
}

async fn says(stage: &Stage, who: &str, text: &str) {
    stage.group(CATS).says(who, text);
    stage.settle().await;
}

#[tokio::test]
async fn who_was_added_and_has_left_since_is_not_added_again() {
    let add = r#"{ add_members = { members = ["dora", "eve"] } }"#;
    let stage = stage(GroupType::Public, &[("add", add)]).await;
    unheard(&stage, "add_group_member");
    says(&stage, "ann", "add").await;
    stage.clock.advance(Duration::from_millis(1));
    stage.group(CATS).leaves("dora");
    stage.settle().await;
    stage.advance(MINUTE).await;
    assert_eq!(stage.calls("add_group_member"), [0]);
    assert_eq!(stage.group(CATS).role("dora"), Role::Outside);
    assert_eq!(stage.group(CATS).role("eve"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn who_is_brought_back_because_they_left_is_brought_back_although_the_first_call_was_lost() {
    let rules = "[rule.back]\non = \"member.left\"\ndo = [{ add_members = { members = [\"{member.id}\"] } }]\n";
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    stage.fault("add_group_member", Some(1), FaultKind::Hang);
    cats.leaves("ann");
    stage.settle().await;
    stage.advance(MINUTE).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn a_name_card_that_stands_is_not_written_again() {
    let card = r#"{ set_name_card = { text = "host" } }"#;
    let stage = stage(GroupType::Public, &[("card", card)]).await;
    unheard(&stage, "modify_group_member_info");
    says(&stage, "ann", "card").await;
    stage.advance(MINUTE).await;
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn bans_and_silence_are_read_before_they_are_stated_again() {
    let rules = [
        ("ban", r#"{ ban = { who = "mel", for = "10m" } }"#),
        ("free", r#"{ unban = { who = "mel" } }"#),
        ("quiet", r#""mute_all""#),
        ("loud", r#""unmute_all""#),
    ];
    let stage = stage(GroupType::AVChatRoom, &rules).await;
    for (word, command) in [
        ("ban", "ban_group_member"),
        ("free", "unban_group_member"),
        ("quiet", "modify_group_base_info"),
        ("loud", "modify_group_base_info"),
    ] {
        unheard(&stage, command);
        says(&stage, "olga", word).await;
        stage.advance(MINUTE).await;
    }
    assert_eq!(stage.calls("ban_group_member"), [0]);
    assert_eq!(stage.calls("unban_group_member"), [0]);
    assert_eq!(stage.calls("modify_group_base_info"), [0, 0]);
    assert_eq!(stage.calls("get_group_ban_member"), [0, 0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_that_chat_does_not_let_us_see_is_stated_again() {
    let ban = r#"{ ban = { who = "mel", for = "10m" } }"#;
    let stage = stage(GroupType::AVChatRoom, &[("ban", ban)]).await;
    unheard(&stage, "ban_group_member");
    let refused = FaultKind::Code(10007, "no permission".into());
    stage.fault("get_group_ban_member", None, refused);
    says(&stage, "olga", "ban").await;
    stage.advance(MINUTE).await;
    assert_eq!(stage.calls("ban_group_member"), [0, 0]);
    stage.finish().await;
}
