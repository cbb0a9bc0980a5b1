//! Flooders are muted for a time that ends.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};

use crate::stage::Stage;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_sixth_message_in_ten_seconds_mutes_for_five_minutes_and_says_why() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    assert_eq!(cats.muted_for("ann"), Some(300));
    assert_eq!(cats.messages().last().unwrap(), "ann is muted for 5m: flooding");
    stage.finish().await;
}

#[tokio::test]
async fn five_messages_in_ten_seconds_are_nobodys_business() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    for second in [0, 2, 4, 6, 8, 10, 12, 14] {
        stage.clock.set(groupkeeper::clock::Timestamp(1_767_268_800_000 + second * 1000));
        cats.says("ann", "hello");
        stage.settle().await;
    }
    assert_eq!(cats.muted_for("ann"), None);
    stage.finish().await;
}

#[tokio::test]
async fn the_end_of_a_mute_is_verified_and_the_next_one_is_longer() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    stage.advance(MINUTE * 6).await;
    assert_eq!(cats.muted_for("ann"), None);
    assert_eq!(stage.calls("get_group_muted_account"), [0]);
    cats.floods("ann").await;
    assert_eq!(cats.muted_for("ann"), Some(1800));
    stage.advance(MINUTE * 31).await;
    cats.floods("ann").await;
    assert_eq!(cats.muted_for("ann"), Some(6 * 3600));
    stage.finish().await;
}

#[tokio::test]
async fn a_week_without_flooding_begins_the_ladder_again() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    stage.advance(Duration::from_secs(7 * 86_400)).await;
    cats.floods("ann").await;
    assert_eq!(cats.muted_for("ann"), Some(300));
    stage.finish().await;
}

#[tokio::test]
async fn owner_admins_and_protected_accounts_may_say_what_they_like() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("bob", Role::Admin), ("boss", Role::Member), ("ops_joe", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    for who in ["olga", "bob", "boss", "ops_joe"] {
        cats.floods(who).await;
        assert_eq!(cats.muted_for(who), None, "{who}");
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_longer_mute_by_somebody_else_is_left_alone() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.floods("ann").await;
    cats.mutes("olga", "ann", 86_400);
    stage.advance(MINUTE * 10).await;
    assert_eq!(cats.muted_for("ann"), Some(86_400 - 600));
    let (_, sanctions) = stage.admin("/api/v1/sanctions").await;
    assert_eq!(sanctions, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn two_groups_do_not_count_together() {
    let stage = Stage::with_shipped_rules().await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    let dogs = stage.create("@TGS#dogs", GroupType::Public, "otto", &[("ann", Role::Member)]);
    for _ in 0..4 {
        cats.says("ann", "hello");
        dogs.says("ann", "hello");
        stage.settle().await;
    }
    assert_eq!((cats.muted_for("ann"), dogs.muted_for("ann")), (None, None));
    stage.finish().await;
}
