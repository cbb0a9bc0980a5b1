//! The bot stops, and goes on where it was.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::service::NotStarted;

use crate::stage::Stage;

#[tokio::test]
async fn what_was_answered_before_a_stop_is_carried_out_after_it() {
    let mut stage = Stage::with_shipped_rules().await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let now = stage.now();
    stage.chat.with_world(|world| world.join(now, &"@TGS#cats".into(), &"staff_lin".into()));
    assert!(stage.callbacks().await > 0);
    stage.stop().await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Member);
    stage.start().await.unwrap();
    stage.settle().await;
    assert_eq!(stage.group("@TGS#cats").role("staff_lin"), Role::Admin);
    stage.finish().await;
}

#[tokio::test]
async fn what_people_read_and_was_never_sent_is_sent_after_a_stop_however_long_it_took() {
    let rules = r#"
        [rule.greet]
        on = "member.joined"
        do = [
            { notify_group = { text = "welcome {member.id}" } },
            { send_private = { text = "hello" } },
            { send_message = { text = "say hello to {member.id}" } },
        ]
    "#;
    let mut stage = Stage::with_rules(rules).await;
    let now = stage.now();
    let groups = ["@TGS#cats", "@TGS#dogs"];
    for group in groups {
        stage.create(group, GroupType::Public, "olga", &[]);
        stage.chat.with_world(|world| world.join(now, &group.into(), &"ann".into()));
    }
    assert!(stage.callbacks().await > 0);
    stage.stop().await;
    stage.clock.advance(Duration::from_secs(3_600));
    stage.start().await.unwrap();
    stage.settle().await;
    let (_, dead) = stage.admin("/api/v1/dead").await;
    assert_eq!(dead, "[]");
    for group in groups {
        let told =
            stage.chat.with_world(|world| world.group(&group.into()).unwrap().notifications.len());
        assert_eq!((told, stage.group(group).messages().len()), (1, 1));
    }
    assert_eq!(stage.chat.with_world(|world| world.private_messages().len()), 2);
    stage.finish().await;
}

#[tokio::test]
async fn counters_ladders_mutes_and_timers_survive() {
    let mut stage = Stage::with_shipped_rules().await;
    let members = [("ann", Role::Member)];
    stage.create("@TGS#cats", GroupType::Public, "olga", &members).floods("ann").await;
    stage.stop().await;
    stage.start().await.unwrap();
    stage.advance(Duration::from_secs(301)).await;
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    for _ in 0..5 {
        stage.group("@TGS#cats").says("ann", "again");
        stage.settle().await;
    }
    stage.stop().await;
    stage.start().await.unwrap();
    stage.group("@TGS#cats").says("ann", "again");
    stage.settle().await;
    assert_eq!(stage.group("@TGS#cats").muted_for("ann"), Some(1800));
    stage.finish().await;
}

#[tokio::test]
async fn a_callback_that_comes_again_after_a_restart_changes_nothing() {
    let mut stage = Stage::with_shipped_rules().await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[]);
    let body = r#"{"CallbackCommand":"Group.CallbackAfterNewMemberJoin","GroupId":"@TGS#cats","Type":"Public","JoinType":"Apply","Operator_Account":"staff_lin","NewMemberList":[{"Member_Account":"staff_lin"}],"EventTime":1767268800000}"#;
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.settings_mut().callbacks.clear();
        world.join(now, &"@TGS#cats".into(), &"staff_lin".into());
    });
    let command = "Group.CallbackAfterNewMemberJoin";
    assert_eq!(stage.post(&stage.signed_query(command), body).await.0, 200);
    stage.settle().await;
    stage.stop().await;
    stage.start().await.unwrap();
    stage.clock.advance(Duration::from_secs(5));
    assert_eq!(stage.post(&stage.signed_query(command), body).await.0, 200);
    stage.settle().await;
    assert_eq!(stage.calls("modify_group_member_info"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let stage = Stage::with_shipped_rules().await;
    let Err(NotStarted::Setup(text)) = stage.start_a_second().await else {
        panic!("a second bot started on the same folder")
    };
    assert!(text.contains("process"), "{text}");
    stage.finish().await;
}
