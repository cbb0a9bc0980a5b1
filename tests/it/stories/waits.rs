//! A rule that waits acts only if its cause still holds then.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::Group;

use crate::stage::{Stage, repository};

const CATS: &str = "@TGS#cats";
const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// A bot that says which event it has waited ten minutes for.
async fn waits_after(event: &str) -> Stage {
    let group = format!(
        "[rule.a]\non = \"{event}\"\nwait = \"10m\"\ndo = [{{ send_private = {{ to = \"boss\", text = \"{{member.id}}\" }} }}]\n"
    );
    let user = group.replace("member.id", "user.id");
    let stage = Stage::with_rules(if event.starts_with("user.") { &user } else { &group }).await;
    stage.create(CATS, GroupType::Public, "olga", &[("ann", Role::Member)]);
    stage
}

fn told(stage: &Stage) -> usize {
    stage.calls("sendmsg").len()
}

fn has(stage: &Stage, who: &str) -> bool {
    let is_in = |group: &Group| group.members.contains_key(&who.into());
    stage.chat.with_world(|world| is_in(world.group(&CATS.into()).unwrap()))
}

async fn kicks(stage: &Stage, who: &str) {
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.kick(now, &CATS.into(), &"olga".into(), &[who.into()]).unwrap();
    });
    stage.settle().await;
}

async fn leaves(stage: &Stage, who: &str) {
    stage.group(CATS).leaves(who);
    stage.settle().await;
}

/// A callback of a command, with the fields that this one has.
async fn hears(stage: &Stage, command: &str, fields: &str) {
    let body = format!(r#"{{"CallbackCommand":"{command}",{fields}}}"#);
    assert_eq!(stage.post(&stage.signed_query(command), body).await.0, 200);
    stage.settle().await;
}

#[tokio::test]
async fn a_member_who_is_back_has_not_left_and_one_who_stays_away_has() {
    let stage = waits_after("member.left").await;
    leaves(&stage, "ann").await;
    stage.advance(MINUTE).await;
    stage.group(CATS).joins("ann").await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 0);
    leaves(&stage, "ann").await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_member_who_is_let_in_again_is_not_removed_any_more() {
    let stage = waits_after("member.removed").await;
    kicks(&stage, "ann").await;
    stage.group(CATS).joins("ann").await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 0);
    kicks(&stage, "ann").await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_user_or_member_who_is_online_again_is_not_offline() {
    let user = |action| {
        format!(
            r#""EventTime":1767268800000,"Info":{{"Action":"{action}","To_Account":"ann","Reason":"x"}}"#
        )
    };
    let member = |state, time| {
        format!(
            r#""GroupId":"{CATS}","EventType":"{state}","MemberList":[{{"Member_Account":"ann"}}],"EventTime":{time}"#
        )
    };
    let stage = waits_after("user.offline").await;
    hears(&stage, "State.StateChange", &user("Disconnect")).await;
    hears(&stage, "State.StateChange", &user("Login")).await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 0);
    hears(&stage, "State.StateChange", &user("Logout")).await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 1);
    stage.finish().await;
    let stage = waits_after("member.offline").await;
    hears(&stage, "Group.CallbackOnMemberStateChange", &member("Offline", 1)).await;
    hears(&stage, "Group.CallbackOnMemberStateChange", &member("Online", 2)).await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 0);
    hears(&stage, "Group.CallbackOnMemberStateChange", &member("Offline", 3)).await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 1);
    stage.finish().await;
}

#[tokio::test]
async fn nothing_is_done_for_a_group_that_is_dismissed_by_then() {
    let stage = waits_after("member.left").await;
    leaves(&stage, "ann").await;
    hears(
        &stage,
        "Group.CallbackAfterGroupDestroyed",
        &format!(r#""GroupId":"{CATS}","Type":"Public","Owner_Account":"olga","MemberList":[],"Name":"cats""#),
    )
    .await;
    stage.advance(MINUTE * 20).await;
    assert_eq!(told(&stage), 0);
    stage.finish().await;
}

#[tokio::test]
async fn who_joins_again_has_thirty_days_from_then() {
    let rules = repository("rules/presets/remove_inactive.toml").replace("mode = \"shadow\"\n", "");
    let stage = Stage::with_rules(&rules).await;
    stage.create(CATS, GroupType::Public, "olga", &[]);
    let cats = stage.group(CATS);
    cats.joins("ann").await;
    stage.advance(DAY).await;
    leaves(&stage, "ann").await;
    stage.advance(DAY * 28).await;
    cats.joins("ann").await;
    stage.advance(DAY * 29).await;
    assert!(has(&stage, "ann"));
    stage.advance(DAY * 2).await;
    assert!(!has(&stage, "ann"));
    stage.finish().await;
}
