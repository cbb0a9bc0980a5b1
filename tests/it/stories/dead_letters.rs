//! What was given up after a day of tries: an operator has it tried again, or drops it.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(25 * 3_600);
/// Mutes and roles alike.
const COMMAND: &str = "modify_group_member_info";
const CATS: &str = "@TGS#cats";

const QUIET: &str = r#"
[rule.quiet]
on = "message.sent"
when = 'message.text == "SHOUT"'
do = [{ mute = { for = "3d" } }]

[rule.star]
on = "message.sent"
when = 'message.text == "STAR"'
do = [{ set_role = { role = "admin", for = "2h" } }]

[rule.warn]
on = "message.sent"
when = 'message.text == "WARN"'
do = [{ notify_group = { text = "{member.id} is muted now" } }, { mute = { for = "3d" } }]
"#;

/// Everybody says something while Chat changes nothing, until all of it is given up.
async fn given_up(said: &[(&str, &str)]) -> Stage {
    let stage = Stage::with_rules(QUIET).await;
    let members: Vec<_> = said.iter().map(|(who, _)| (*who, Role::Member)).collect();
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    // Mutes of several members go by a command of their own.
    for command in [COMMAND, "forbid_send_msg"] {
        stage.fault(command, None, FaultKind::Status(503));
    }
    for (who, text) in said {
        cats.says(who, text);
    }
    // One after the other has its day, and a few tries at least.
    stage.advance(DAY + MINUTE * 15 * u32::try_from(said.len()).unwrap()).await;
    stage.mend();
    stage
}

async fn dead(stage: &Stage) -> Vec<serde_json::Value> {
    serde_json::from_str(&stage.admin("/api/v1/dead?limit=1000").await.1).unwrap()
}

#[tokio::test]
async fn a_retried_mute_lasts_its_whole_time_from_then_and_ends() {
    let stage = given_up(&[("ann", "SHOUT")]).await;
    assert_eq!((dead(&stage).await.len(), stage.group(CATS).muted_for("ann")), (1, None));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    let id = dead(&stage).await[0]["id"].as_str().unwrap().to_owned();
    let url = stage.admin_url();
    let retry = ["outbox", "retry", &id[..6], "--url", &url];
    let (exit, _, told) = stage.groupkeeper(&retry).await;
    assert_eq!((exit, told.as_str()), (Some(0), "to be tried again: 1\n"));
    stage.settle().await;
    assert_eq!(stage.group(CATS).muted_for("ann"), Some(3 * 86_400));
    assert!(stage.admin("/api/v1/sanctions").await.1.contains("\"rule\":\"quiet\""));
    let (exit, _, told) = stage.groupkeeper(&retry).await;
    assert_eq!(exit, Some(1), "what is tried again is dead no more: {told}");
    stage.advance(DAY * 3).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("an operator has it tried again: mute ann in @TGS#cats for 3d"));
    stage.finish().await;
}

#[tokio::test]
async fn a_retried_temporary_role_is_taken_back_in_time() {
    let stage = given_up(&[("ann", "STAR")]).await;
    assert_eq!(stage.operator("/api/v1/dead/retry?rule=star").await.0, 200);
    // It stands behind the end of the first try, which rests for minutes by now.
    stage.advance(MINUTE * 7).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.advance(MINUTE * 121).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn the_end_of_a_role_that_was_given_up_is_carried_out_when_it_is_retried() {
    let stage = Stage::with_rules(QUIET).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "STAR");
    stage.settle().await;
    stage.fault(COMMAND, None, FaultKind::Status(503));
    stage.advance(DAY + MINUTE * 240).await;
    stage.mend();
    assert_eq!((dead(&stage).await.len(), cats.role("ann")), (1, Role::Admin));
    assert_eq!(stage.operator("/api/v1/dead/retry?all=true").await.0, 200);
    // It stands behind the bot's own next try, which rests for minutes by now.
    stage.advance(MINUTE * 7).await;
    assert_eq!(cats.role("ann"), Role::Member);
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn what_is_dropped_is_never_sent_and_the_journal_says_who_did_it() {
    let stage = given_up(&[("ann", "SHOUT"), ("ben", "STAR")]).await;
    let url = stage.admin_url();
    let (exit, shown, _) = stage.groupkeeper(&["outbox", "dead", "--url", &url]).await;
    assert_eq!((exit, shown.lines().count()), (Some(0), 4), "{shown}");
    let (exit, _, told) =
        stage.groupkeeper(&["outbox", "drop", "--rule", "quiet", "--url", &url]).await;
    assert_eq!((exit, told.as_str()), (Some(0), "dropped: 1\n"));
    let (exit, json, _) =
        stage.groupkeeper(&["outbox", "drop", "--all", "--json", "--url", &url]).await;
    assert_eq!(exit, Some(0));
    assert!(json.contains("make ben an admin of @TGS#cats"), "{json}");
    stage.advance(MINUTE).await;
    assert_eq!((stage.group(CATS).muted_for("ann"), dead(&stage).await.len()), (None, 0));
    let (_, events) = stage.admin("/api/v1/events").await;
    assert!(events.contains("dropped by an operator: mute ann in @TGS#cats for 3d"), "{events}");
    stage.finish().await;
}

#[tokio::test]
async fn an_order_for_all_takes_them_step_by_step_and_none_twice() {
    let members = ["ann", "ben", "cy", "dan", "eve"];
    let stage = given_up(&members.map(|who| (who, "SHOUT"))).await;
    assert_eq!(dead(&stage).await.len(), members.len());
    let (mut path, mut steps) = ("/api/v1/dead/retry?all=true&limit=2".to_owned(), Vec::new());
    loop {
        let (status, answer) = stage.operator(&path).await;
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        steps.push(answer["settled"].as_array().unwrap().len());
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/api/v1/dead/retry?all=true&limit=2&next={next}");
    }
    assert_eq!(steps, [2, 2, 1]);
    assert_eq!(stage.operator("/api/v1/dead/retry?all=true").await.0, 404);
    stage.settle().await;
    let muted = members.map(|who| stage.group(CATS).muted_for(who).is_some());
    assert_eq!(muted, [true; 5]);
    assert_eq!(stage.operator("/api/v1/dead/drop").await.0, 400);
    stage.advance(DAY * 3).await;
    stage.finish().await;
}

#[tokio::test]
async fn while_chat_is_down_the_outbox_says_who_waits_for_whom_and_why() {
    let stage = Stage::with_rules(QUIET).await;
    let members = [("ann", Role::Member), ("ben", Role::Member), ("cy", Role::Member)];
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    stage.fault(COMMAND, None, FaultKind::Status(503));
    for (who, _) in members {
        cats.says(who, "SHOUT");
    }
    stage.advance(MINUTE).await;
    let (exit, shown, _) =
        stage.groupkeeper(&["outbox", "list", "--url", &stage.admin_url()]).await;
    assert_eq!(exit, Some(0));
    insta::assert_snapshot!("outbox_list", shown);
    stage.mend();
    stage.advance(DAY * 4).await;
    stage.finish().await;
}

/// Somebody is warned, the answer is lost, and so nobody knows whether the group was told.
async fn warned() -> Stage {
    let stage = Stage::with_rules(QUIET).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    stage.fault(NOTIFY, Some(1), FaultKind::ApplyThenDropReply);
    cats.says("ann", "WARN");
    stage.advance(MINUTE * 10).await;
    assert_eq!((dead(&stage).await.len(), cats.muted_for("ann")), (1, None));
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage
}

const NOTIFY: &str = "send_group_system_notification";

#[tokio::test]
async fn what_hung_on_a_message_that_was_sent_is_sent_when_an_operator_says_that_it_was() {
    let stage = warned().await;
    let url = stage.admin_url();
    let (_, shown, _) = stage.groupkeeper(&["outbox", "dead", "--url", &url]).await;
    assert!(shown.ends_with("\n    and with it: mute ann in @TGS#cats for 3d\n"), "{shown}");
    let (exit, _, told) =
        stage.groupkeeper(&["outbox", "done", "--rule", "warn", "--url", &url]).await;
    assert_eq!((exit, told.as_str()), (Some(0), "taken for done: 1\n"));
    stage.settle().await;
    assert_eq!(stage.group(CATS).muted_for("ann"), Some(3 * 86_400));
    assert_eq!(stage.calls(NOTIFY).len(), 1);
    stage.advance(DAY * 3).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn what_hung_on_a_retried_step_is_sent_behind_it() {
    let stage = warned().await;
    assert_eq!(stage.operator("/api/v1/dead/retry?rule=warn").await.0, 200);
    stage.settle().await;
    assert_eq!(stage.group(CATS).muted_for("ann"), Some(3 * 86_400));
    assert_eq!(stage.calls(NOTIFY).len(), 2);
    stage.advance(DAY * 3).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn what_hung_on_a_dropped_step_is_dropped_with_it() {
    let stage = warned().await;
    assert_eq!(stage.operator("/api/v1/dead/drop?rule=warn").await.0, 200);
    stage.advance(MINUTE).await;
    assert_eq!((stage.group(CATS).muted_for("ann"), stage.calls(NOTIFY).len()), (None, 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_list_that_is_cut_says_how_much_is_left_and_goes_on_where_it_ended() {
    let stage = Stage::with_rules(QUIET).await;
    let members = [("ann", Role::Member), ("ben", Role::Member), ("cy", Role::Member)];
    let cats = stage.create(CATS, GroupType::Public, "olga", &members);
    for command in [COMMAND, "forbid_send_msg"] {
        stage.fault(command, None, FaultKind::Status(503));
    }
    for (who, _) in members {
        cats.says(who, "SHOUT");
    }
    stage.advance(MINUTE).await;
    let url = stage.admin_url();
    let (_, whole, err) = stage.groupkeeper(&["outbox", "list", "--url", &url]).await;
    let (_, cut, told) =
        stage.groupkeeper(&["outbox", "list", "--limit", "2", "--url", &url]).await;
    assert_eq!((whole.lines().count(), cut.lines().count()), (3, 2), "{err}{told}");
    assert_eq!(told, "and 1 more: --limit 3 shows all\n");
    let first: serde_json::Value =
        serde_json::from_str(&stage.admin("/api/v1/outbox?limit=1").await.1).unwrap();
    let place = first[0]["place"].as_str().unwrap();
    let rest = stage.admin(&format!("/api/v1/outbox?after={place}")).await.1;
    let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
    let behind = |at: usize| (rest[at]["behind"].clone(), rest[at]["before"].clone());
    let id = first[0]["id"].clone();
    assert_eq!([behind(0), behind(1)], [(id.clone(), 1.into()), (id, 2.into())]);
    assert_eq!(stage.admin("/api/v1/outbox?after=00").await.0, 400);
    stage.mend();
    stage.advance(DAY * 4).await;
    stage.finish().await;
}

#[tokio::test]
async fn an_order_is_carried_out_although_the_operator_has_hung_up() {
    use std::io::Write as _;
    let stage = given_up(&[("ann", "SHOUT")]).await;
    let address = stage.bot().admin_address;
    {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let order = "POST /api/v1/dead/retry?all=true HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(order.as_bytes()).unwrap();
    }
    for _ in 0..1_000 {
        stage.settle().await;
        if dead(&stage).await.is_empty() && stage.group(CATS).muted_for("ann").is_some() {
            break;
        }
    }
    assert_eq!(stage.group(CATS).muted_for("ann"), Some(3 * 86_400));
    stage.advance(DAY * 3).await;
    stage.finish().await;
}
