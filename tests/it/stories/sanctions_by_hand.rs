//! `groupkeeper sanctions`: operators list, lift and extend, beside a bot that runs.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

const RULES: &str = r#"
[rule.mute]
on = "message.sent"
when = 'message.text == "mute"'
do = [{ mute = { for = "1h", reason = "flooding" } }]

[rule.promote]
on = "message.sent"
when = 'message.text == "promote"'
do = [{ set_role = { role = "admin", for = "1h" } }]

[rule.night]
on = "message.sent"
when = 'message.text == "night"'
do = [{ mute_all = { for = "8h" } }]

[rule.ended]
on = "mute.ended"
do = [{ send_message = { text = "{member.id}: {event.reason}" } }]
"#;

async fn with(said: &[(&str, &str)]) -> Stage {
    let stage = Stage::with_rules(RULES).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    for (who, text) in said {
        cats.says(who, text);
        stage.settle().await;
    }
    stage
}

/// Runs `groupkeeper sanctions …` beside the bot: code, stdout and stderr in one text.
async fn sanctions(stage: &Stage, arguments: &[&str]) -> String {
    let url = stage.admin_url();
    let mut all = vec!["sanctions"];
    all.extend(arguments);
    all.extend(["--url", &url]);
    let (code, out, err) = stage.groupkeeper(&all).await;
    let told = format!("$ groupkeeper sanctions {}\n{out}{err}", arguments.join(" "));
    stage.settle().await;
    format!("{told}exit {}\n", code.unwrap_or_default()).replace(&url, "http://the-bot")
}

#[tokio::test]
async fn operators_see_who_is_restrained_and_can_ask_for_some() {
    let stage = with(&[("ann", "mute"), ("ben", "promote"), ("olga", "night")]).await;
    stage.advance(MINUTE * 18).await;
    let mut told = sanctions(&stage, &[]).await;
    told.push_str(&sanctions(&stage, &["--kind", "mute"]).await);
    told.push_str(&sanctions(&stage, &["list", "--member", "ben"]).await);
    told.push_str(&sanctions(&stage, &["--group", "@TGS#dogs"]).await);
    told.push_str(&sanctions(&stage, &["--late"]).await);
    insta::assert_snapshot!(told);
    let (_, page) = stage.admin("/api/v1/sanctions?limit=1").await;
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let after = page[0]["place"].as_str().unwrap();
    let (_, rest) = stage.admin(&format!("/api/v1/sanctions?after={after}")).await;
    let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
    assert_eq!(rest.as_array().unwrap().len(), 2);
    stage.advance(HOUR * 8).await;
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_an_operator_lifts_ends_at_once_and_rules_hear_of_it() {
    let stage = with(&[("ann", "mute")]).await;
    stage.advance(MINUTE).await;
    let mut told = sanctions(&stage, &["lift", CATS, "ann"]).await;
    let cats = stage.group(CATS);
    assert_eq!(cats.muted_for("ann"), None);
    assert_eq!(cats.messages().last().unwrap(), "ann: lifted");
    told.push_str(&sanctions(&stage, &["lift", CATS, "ann"]).await);
    insta::assert_snapshot!(told);
    assert_eq!(stage.calls("modify_group_member_info"), [0, 0]);
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.calls("modify_group_member_info"), [0, 0], "nothing is set again");
    stage.finish().await;
}

#[tokio::test]
async fn roles_and_the_mute_of_everybody_are_lifted_too() {
    let stage = with(&[("ben", "promote"), ("olga", "night")]).await;
    let told = sanctions(&stage, &["lift", CATS, "ben"]).await;
    let being = "the temporary role of ben is being lifted: it is listed as `ending` until Chat has confirmed it";
    assert!(told.ends_with(&format!("{being}\nexit 0\n")), "{told}");
    assert_eq!(stage.group(CATS).role("ben"), Role::Member);
    let told = sanctions(&stage, &["lift", CATS, "--kind", "mute_all"]).await;
    let being = being.replace("temporary role of ben", "mute of everybody");
    assert!(told.ends_with(&format!("{being}\nexit 0\n")), "{told}");
    let is_silent = stage.chat.with_world(|world| world.group(&CATS.into()).unwrap().mute_all);
    assert!(!is_silent);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_lift_that_chat_cannot_take_now_is_made_when_it_can() {
    let mut stage = with(&[("ann", "mute")]).await;
    stage.fault("modify_group_member_info", None, FaultKind::Status(502));
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    stage.advance(MINUTE * 4).await;
    let listed = sanctions(&stage, &["--late"]).await;
    assert!(listed.contains("  late  "), "{listed}");
    stage.stop().await;
    stage.mend();
    stage.start().await.unwrap();
    stage.advance(MINUTE * 20).await;
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn an_extended_mute_ends_later_and_a_shortened_one_sooner() {
    let stage = with(&[("ann", "mute"), ("ben", "mute")]).await;
    let mut told = sanctions(&stage, &["extend", CATS, "ann", "--for", "2h"]).await;
    let until = "2026-01-01T12:10:00Z";
    told.push_str(&sanctions(&stage, &["extend", CATS, "ben", "--until", until]).await);
    insta::assert_snapshot!(told);
    let cats = stage.group(CATS);
    assert_eq!((cats.muted_for("ann"), cats.muted_for("ben")), (Some(10_800), Some(600)));
    stage.advance(MINUTE * 11).await;
    assert_eq!(cats.muted_for("ben"), None);
    assert_eq!(cats.messages().last().unwrap(), "ben: expired");
    stage.advance(HOUR).await;
    assert!(cats.muted_for("ann").is_some());
    stage.advance(HOUR * 2).await;
    assert_eq!(cats.muted_for("ann"), None);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_temporary_role_that_is_extended_lasts_longer() {
    let stage = with(&[("ben", "promote")]).await;
    let told = sanctions(&stage, &["extend", CATS, "ben", "--for", "1h"]).await;
    assert!(told.contains("  in force  "), "{told}");
    stage.advance(MINUTE * 100).await;
    assert_eq!(stage.group(CATS).role("ben"), Role::Admin);
    stage.advance(MINUTE * 21).await;
    assert_eq!(stage.group(CATS).role("ben"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn what_cannot_be_is_told_with_what_to_do() {
    let stage = with(&[("ann", "mute"), ("ann", "promote"), ("ben", "mute")]).await;
    // Who is muted can be promoted all the same: the second text never came.
    let mut told = String::new();
    for arguments in [
        &["lift", CATS, "zoe"][..],
        &["lift", CATS, "ben", "--kind", "ban"],
        &["lift", CATS, "--kind", "mute"],
        &["extend", CATS, "ben", "--until", "2025-01-01T00:00:00Z"],
        &["extend", CATS, "ben", "--until", "2099-01-01T00:00:00Z"],
        &["extend", CATS, "ben", "--until", "tomorrow"],
        &["extend", CATS, "ben", "--for", "soon"],
        &["extend", CATS, "ben"],
        &["--kind", "silence"],
    ] {
        told.push_str(&sanctions(&stage, arguments).await);
    }
    insta::assert_snapshot!(told);
    for bad in ["lift", "lift?group=@TGS%23cats", "extend?group=a&member=b&for=1h&until=9"] {
        assert_eq!(stage.operator(&format!("/api/v1/sanctions/{bad}")).await.0, 400, "{bad}");
    }
    assert_eq!(stage.admin("/api/v1/sanctions?kind=silence").await.0, 400);
    stage.finish().await;
}

#[tokio::test]
async fn the_store_of_a_stopped_bot_is_listed_too() {
    let mut stage = with(&[("ann", "mute")]).await;
    stage.stop().await;
    let arguments = ["sanctions", "--store", "sled:data", "--json"];
    let (code, out, _) = stage.groupkeeper(&arguments).await;
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &list[0]["member"], &list[0]["kind"]),
        (Some(0), &"ann".into(), &"mute".into())
    );
    stage.start().await.unwrap();
    stage.finish().await;
}

#[tokio::test]
async fn why_tells_that_it_was_an_operator() {
    let stage = with(&[("ann", "mute")]).await;
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    let url = stage.admin_url();
    let arguments = ["why", "last", "--member", "ann", "--named", "lifted", "--url", &url];
    let (code, told, err) = stage.groupkeeper(&arguments).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(told.contains("an operator lifts the mute of ann in @TGS#cats"), "{told}");
    stage.finish().await;
}

#[tokio::test]
async fn a_late_mute_that_two_operators_lift_ends_once() {
    let stage = with(&[("ann", "mute")]).await;
    let cats = stage.group(CATS);
    stage.advance(MINUTE * 59).await;
    // Somebody else keeps it up, so that it has to be lifted.
    cats.mutes("olga", "ann", 7_200);
    for command in ["get_group_muted_account", "modify_group_member_info"] {
        stage.fault(command, None, FaultKind::Status(503));
    }
    stage.advance(MINUTE * 20).await;
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    stage.mend();
    stage.advance(HOUR).await;
    let mut messages = cats.messages();
    messages.retain(|text| text.starts_with("ann:"));
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(cats.muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn a_ban_that_chat_refuses_to_lift_is_not_forgotten_and_lifted_within_the_hour() {
    let rules = "[rule.ban]\non = \"message.sent\"\ndo = [{ ban = { for = \"3h\" } }]\n";
    let stage = Stage::with_rules(rules).await;
    let cats = stage.create(CATS, GroupType::AVChatRoom, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "hello");
    stage.settle().await;
    let refusal = FaultKind::Code(10007, "no permission".to_owned());
    stage.fault("unban_group_member", None, refusal);
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("\"ban\""));
    stage.mend();
    stage.advance(HOUR + MINUTE).await;
    assert_eq!(stage.calls("unban_group_member"), [10007, 0]);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_that_chat_refuses_to_lift_is_lifted_later_and_not_taken_for_another() {
    let stage = with(&[("ann", "mute")]).await;
    for command in ["modify_group_member_info", "forbid_send_msg"] {
        stage.fault(command, None, FaultKind::Code(10007, "no permission".to_owned()));
    }
    stage.group(CATS).mutes("olga", "ann", 7 * 3_600);
    sanctions(&stage, &["lift", CATS, "ann"]).await;
    stage.mend();
    assert!(stage.group(CATS).muted_for("ann").is_some());
    stage.advance(HOUR + MINUTE).await;
    assert_eq!(stage.group(CATS).muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_is_shortened_although_the_first_order_never_arrived() {
    let stage = with(&[("ann", "mute")]).await;
    let hang = FaultKind::Hang;
    stage.fault("modify_group_member_info", Some(1), hang);
    let until = (stage.now() + MINUTE * 3).to_string();
    sanctions(&stage, &["extend", CATS, "ann", "--until", &until]).await;
    stage.advance(MINUTE).await;
    // The longer mute that Chat tells of is the one that was to become shorter.
    let left = stage.group(CATS).muted_for("ann").unwrap();
    assert!((119..=121).contains(&left), "{left}");
    stage.advance(MINUTE * 3).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    assert_eq!(stage.group(CATS).messages(), ["mute", "ann: expired"]);
    stage.finish().await;
}
