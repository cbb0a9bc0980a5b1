//! A group whose owner leaves gets a new one.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const TWO_MINUTES: Duration = Duration::from_secs(121);

#[tokio::test]
async fn two_minutes_after_the_owner_left_the_longest_serving_member_owns_the_group() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("bot_old", Role::Member), ("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.joins("newcomer").await;
    crew.leaves("walt");
    stage.settle().await;
    assert_eq!(crew.owner(), None);
    stage.advance(TWO_MINUTES).await;
    assert_eq!(crew.owner().as_deref(), Some("wendy"));
    assert_eq!(stage.calls("change_group_owner"), [0]);
    stage.finish().await;
}

#[tokio::test]
async fn a_person_who_settles_it_within_the_wait_is_not_overruled() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.leaves("walt");
    stage.settle().await;
    let now = stage.now();
    stage.chat.with_world(|world| {
        world
            .change_owner(now, &"@TGS#crew".into(), &"administrator".into(), &"will".into())
            .unwrap();
    });
    stage.advance(TWO_MINUTES).await;
    assert_eq!(crew.owner().as_deref(), Some("will"));
    assert_eq!(stage.calls("change_group_owner"), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn an_admin_comes_before_a_member_who_has_served_longer() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("mia", Role::Member), ("ada", Role::Admin), ("abe", Role::Admin)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    cats.joins("newcomer").await;
    let now = stage.now();
    // An owner cannot quit a Public group, but their account can go.
    stage.chat.with_world(|world| {
        world.kick(now, &"@TGS#cats".into(), &"administrator".into(), &["olga".into()]).unwrap();
    });
    stage.advance(TWO_MINUTES).await;
    assert_eq!(cats.owner().as_deref(), Some("ada"));
    stage.finish().await;
}

#[tokio::test]
async fn a_successor_whom_chat_refuses_makes_room_for_the_next() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.leaves("walt");
    stage.settle().await;
    stage.fault("change_group_owner", Some(1), FaultKind::Code(10004, "not a member".into()));
    stage.advance(TWO_MINUTES).await;
    assert_eq!(stage.calls("change_group_owner"), [10004, 0]);
    assert_eq!(crew.owner().as_deref(), Some("will"));
    stage.finish().await;
}

#[tokio::test]
async fn a_group_with_nobody_to_succeed_raises_an_alert() {
    let stage = Stage::with_shipped_rules().await;
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &[("bot_only", Role::Member)]);
    crew.leaves("walt");
    stage.advance(TWO_MINUTES).await;
    assert_eq!(crew.owner(), None);
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 1"), "{metrics}");
    stage.finish().await;
}

#[tokio::test]
async fn when_chat_refuses_to_tell_the_members_a_person_is_called_once() {
    let stage = Stage::with_shipped_rules().await;
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &[("wendy", Role::Member)]);
    crew.leaves("walt");
    stage.settle().await;
    let refused = FaultKind::Code(10007, "not permitted".into());
    stage.fault("get_group_member_info", None, refused);
    stage.advance(TWO_MINUTES).await;
    assert_eq!(stage.calls("get_group_member_info"), [10007]);
    let (_, metrics) = stage.admin("/metrics").await;
    assert!(metrics.contains("groupkeeper_alerts_total 1"), "{metrics}");
    stage.finish().await;
}

#[tokio::test]
async fn an_owner_who_appears_between_choice_and_transfer_is_left_alone() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.leaves("walt");
    stage.settle().await;
    stage.fault("change_group_owner", Some(1), FaultKind::Code(10002, "system error".into()));
    stage.clock.advance(TWO_MINUTES);
    stage.settle().await;
    let now = stage.now();
    stage.chat.with_world(|world| {
        world.settings_mut().callbacks.clear();
        world
            .change_owner(now, &"@TGS#crew".into(), &"administrator".into(), &"will".into())
            .unwrap();
    });
    stage.advance(TWO_MINUTES).await;
    assert_eq!(crew.owner().as_deref(), Some("will"));
    stage.finish().await;
}
