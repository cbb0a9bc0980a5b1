//! Sanctions and people: what a person decides meanwhile counts, and what was begun goes on for its time.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

const CATS: &str = "@TGS#cats";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A rule for each text that somebody may say, with one action.
fn rules(said: &[(&str, &str)]) -> String {
    let rule = |(text, action): &(&str, &str)| {
        format!(
            "[rule.{text}]\non = \"message.sent\"\nwhen = 'message.text == \"{text}\"'\ndo = [{action}]\n"
        )
    };
    said.iter().map(rule).collect()
}

async fn on(said: &[(&str, &str)], members: &[(&str, Role)]) -> Stage {
    let stage = Stage::with_rules(&rules(said)).await;
    stage.create(CATS, GroupType::Public, "olga", members);
    stage
}

async fn says(stage: &Stage, who: &str, text: &str) {
    stage.group(CATS).says(who, text);
    stage.settle().await;
}

async fn kicks(stage: &Stage, who: &str) {
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.kick(now, &CATS.into(), &"olga".into(), &[who.into()]).unwrap();
    });
    stage.settle().await;
}

async fn makes(stage: &Stage, who: &str, role: Role) {
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.set_role(now, &CATS.into(), &"olga".into(), &who.into(), role).unwrap();
    });
    stage.settle().await;
}

#[tokio::test]
async fn a_newcomer_does_not_become_the_admin_that_they_were_before_they_were_removed() {
    let demote = ("demote", r#"{ set_role = { role = "member", for = "1h" } }"#);
    let stage = on(&[demote], &[("bob", Role::Admin)]).await;
    says(&stage, "bob", "demote").await;
    assert_eq!(stage.group(CATS).role("bob"), Role::Member);
    kicks(&stage, "bob").await;
    stage.group(CATS).joins("bob").await;
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.group(CATS).role("bob"), Role::Member);
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn an_admin_whom_a_person_has_made_one_for_good_stays_one() {
    let promote = ("promote", r#"{ set_role = { role = "admin", for = "1h" } }"#);
    let stage = on(&[promote], &[("ann", Role::Member)]).await;
    says(&stage, "ann", "promote").await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    makes(&stage, "ann", Role::Member).await;
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    makes(&stage, "ann", Role::Admin).await;
    stage.advance(HOUR * 2).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn a_temporary_role_that_nobody_touched_ends_in_its_time() {
    let promote = ("promote", r#"{ set_role = { role = "admin", for = "1h" } }"#);
    let stage = on(&[promote], &[("ann", Role::Member), ("ben", Role::Member)]).await;
    says(&stage, "ann", "promote").await;
    // Others' comings and goings are none of it.
    kicks(&stage, "ben").await;
    stage.advance(HOUR - MINUTE).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Admin);
    stage.advance(MINUTE).await;
    assert_eq!(stage.group(CATS).role("ann"), Role::Member);
    stage.finish().await;
}

#[tokio::test]
async fn who_leaves_and_comes_back_gets_the_rest_of_their_mute() {
    let mute = ("mute", r#"{ mute = { for = "1h" } }"#);
    let stage = on(&[mute], &[("ann", Role::Member)]).await;
    let cats = stage.group(CATS);
    says(&stage, "ann", "mute").await;
    cats.leaves("ann");
    stage.advance(MINUTE * 20).await;
    // Whatever Chat keeps of a mute across a leave, the bot does not count on it.
    cats.joins("ann").await;
    assert_eq!(cats.muted_for("ann"), Some(2_400));
    assert_eq!(stage.calls("modify_group_member_info"), [0, 0]);
    stage.advance(MINUTE * 41).await;
    assert_eq!(cats.muted_for("ann"), None);
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    cats.leaves("ann");
    cats.joins("ann").await;
    assert_eq!(stage.calls("modify_group_member_info"), [0, 0]);
    stage.finish().await;
}

/// Whether everybody in the group is muted.
fn is_silent(stage: &Stage) -> bool {
    stage.chat.with_world(|world| world.group(&CATS.into()).unwrap().mute_all)
}

#[tokio::test]
async fn a_short_mute_of_everybody_does_not_end_the_long_one() {
    let night = ("night", r#"{ mute_all = { for = "8h" } }"#);
    let brake = ("brake", r#"{ mute_all = { for = "10m" } }"#);
    let stage = on(&[night, brake], &[]).await;
    says(&stage, "olga", "night").await;
    says(&stage, "olga", "brake").await;
    stage.advance(MINUTE * 11).await;
    assert!(is_silent(&stage));
    stage.advance(HOUR * 8 - MINUTE * 12).await;
    assert!(is_silent(&stage));
    stage.advance(MINUTE).await;
    assert!(!is_silent(&stage));
    // The other way round, the long one takes the place of the short one.
    says(&stage, "olga", "brake").await;
    says(&stage, "olga", "night").await;
    stage.advance(MINUTE * 11).await;
    assert!(is_silent(&stage));
    stage.advance(HOUR * 8).await;
    assert!(!is_silent(&stage));
    stage.finish().await;
}

#[tokio::test]
async fn a_shorter_mute_by_another_rule_does_not_shorten_the_longer_one() {
    let day = ("day", r#"{ mute = { for = "1d" } }"#);
    let pause = ("pause", r#"{ mute = { for = "5m" } }"#);
    let stage = on(&[day, pause], &[("ann", Role::Member)]).await;
    let cats = stage.group(CATS);
    says(&stage, "ann", "day").await;
    // A message that was on its way when the mute began.
    let body = r#"{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"@TGS#cats","Type":"Public","From_Account":"ann","MsgSeq":900,"MsgTime":1767268801,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"pause"}}]}"#;
    let query = stage.signed_query("Group.CallbackAfterSendMsg");
    assert_eq!(stage.post(&query, body).await.0, 200);
    stage.advance(MINUTE * 6).await;
    assert_eq!(cats.muted_for("ann"), Some(86_400 - 360));
    assert_eq!(stage.calls("modify_group_member_info"), [0, 0]);
    stage.advance(HOUR * 24).await;
    assert_eq!(cats.muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn a_mute_ends_with_its_group_and_not_in_the_next_one_of_that_id() {
    let ever = ("ever", r#"{ mute = { for = "forever" } }"#);
    let day = ("day", r#"{ mute = { for = "1d" } }"#);
    let stage = Stage::with_settings(&rules(&[ever, day]), &[("RECONCILE_EVERY", "10m")]).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    stage.create(CATS, GroupType::Public, "olga", &members);
    stage.advance(HOUR).await;
    says(&stage, "ann", "ever").await;
    says(&stage, "ben", "day").await;
    stage.advance(HOUR).await;
    let now = stage.now();
    stage.chat.with_world(|world| world.dismiss(now, &CATS.into(), &"olga".into()).unwrap());
    stage.advance(HOUR).await;
    let cats = stage.create(CATS, GroupType::Public, "olga", &[]);
    stage.advance(HOUR).await;
    for who in ["ann", "ben"] {
        cats.joins(who).await;
        assert_eq!(cats.muted_for(who), None, "{who}");
    }
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.advance(HOUR * 24).await;
    stage.finish().await;
}
