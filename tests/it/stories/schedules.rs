//! Rules that the clock starts.

use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::simulator::FaultKind;

use crate::stage::Stage;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn the_nightly_sweep_finds_a_group_whose_owner_left_unheard() {
    let stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member), ("will", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.joins("newcomer").await;
    stage.fault("*", Some(1), FaultKind::Lose);
    crew.leaves("walt");
    stage.settle().await;
    stage.advance(Duration::from_secs(3_600)).await;
    assert_eq!(crew.owner(), None);
    stage.advance(DAY).await;
    assert_eq!(crew.owner().as_deref(), Some("wendy"));
    stage.finish().await;
}

#[tokio::test]
async fn a_firing_that_fell_into_a_stop_is_made_up_for_once() {
    let mut stage = Stage::with_shipped_rules().await;
    let members = [("wendy", Role::Member)];
    let crew = stage.create("@TGS#crew", GroupType::Work, "walt", &members);
    crew.joins("newcomer").await;
    stage.advance(Duration::from_secs(60)).await;
    stage.stop().await;
    stage.fault("*", Some(1), FaultKind::Lose);
    stage.group("@TGS#crew").leaves("walt");
    stage.callbacks().await;
    // Noon UTC; the sweep is due at 20:00 UTC (04:00 in Shanghai), and may be six hours late.
    stage.clock.advance(Duration::from_secs(12 * 3_600));
    stage.start().await.unwrap();
    stage.advance(Duration::from_secs(60)).await;
    assert_eq!(stage.group("@TGS#crew").owner().as_deref(), Some("wendy"));
    stage.finish().await;
}

#[tokio::test]
async fn a_sweep_goes_through_more_groups_than_one_page_holds() {
    let stage = Stage::with_shipped_rules().await;
    for number in 0..300 {
        let id = format!("@TGS#g{number}");
        stage
            .create(&id, GroupType::Work, "walt", &[("wendy", Role::Member)])
            .joins("newcomer")
            .await;
    }
    stage.fault("*", Some(300), FaultKind::Lose);
    for number in 0..300 {
        stage.group(&format!("@TGS#g{number}")).leaves("walt");
    }
    stage.settle().await;
    stage.advance(DAY).await;
    for number in 0..300 {
        let owner = stage.group(&format!("@TGS#g{number}")).owner();
        assert_eq!(owner.as_deref(), Some("wendy"), "group {number}");
    }
    stage.finish().await;
}
