//! Rules that the clock starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::{Clock, ManualClock, Sleep, Timestamp};
use groupkeeper::ledger::{self, Kind};
use groupkeeper::schedule::Scheduler;
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

#[tokio::test]
async fn a_clock_that_was_ahead_for_a_while_does_not_silence_schedules_until_that_time_comes_again()
{
    let rule = r#"
        [rule.watch]
        schedule = { every = "1h" }
        do = [{ alert = { text = "the hour" } }]
    "#;
    let stage = Stage::with_rules(rule).await;
    let alerts = async || stage.admin("/api/v1/events").await.1.matches("the hour").count();
    stage.advance(Duration::from_secs(60)).await;
    let now = stage.now();
    stage.clock.set(now + 300 * DAY);
    stage.settle().await;
    let ahead = alerts().await;
    stage.clock.set(now);
    stage.settle().await;
    stage.advance(Duration::from_secs(3 * 3_600)).await;
    assert_eq!(alerts().await, ahead * 4);
    stage.finish().await;
}

#[tokio::test]
async fn a_rule_that_was_taken_away_and_is_put_back_has_missed_nothing() {
    let others = r#"
        [rule.greet]
        on = "member.joined"
        do = [{ alert = { text = "hello" } }]
    "#;
    let hourly = r#"
        [rule.hourly]
        schedule = { every = "1h" }
        do = [{ alert = { text = "the hour" } }]
    "#;
    let stage = Stage::with_rules(&format!("{others}{hourly}")).await;
    let file = stage.folder.path().join("rules/rules.toml");
    let becomes = async |rules: &str| {
        std::fs::write(&file, rules).unwrap();
        stage.bot().rules.reload().await.unwrap();
        stage.advance(Duration::from_secs(60)).await;
    };
    let alerts = async || stage.admin("/api/v1/events").await.1.matches("the hour").count();
    stage.advance(Duration::from_secs(2 * 3_600)).await;
    let before = alerts().await;
    assert!(before > 0);
    becomes(others).await;
    stage.advance(Duration::from_secs(5 * 3_600)).await;
    becomes(&format!("{others}{hourly}")).await;
    assert_eq!(alerts().await, before);
    // From here on it runs as before.
    stage.advance(Duration::from_secs(3_600)).await;
    let before = alerts().await;
    // A file that is being copied is missing for a while: what falls into that is made up for.
    stage.advance(Duration::from_secs(40 * 60)).await;
    assert_eq!(alerts().await, before);
    becomes(others).await;
    stage.advance(Duration::from_secs(30 * 60)).await;
    assert_eq!(alerts().await, before);
    becomes(&format!("{others}{hourly}")).await;
    assert!(alerts().await > before);
    stage.finish().await;
}

#[tokio::test]
async fn a_rule_that_is_still_going_through_the_groups_does_not_begin_once_more() {
    let rule = r#"
        [rule.hourly]
        schedule = { every = "1h" }
        for_each = "group"
        do = [{ send_message = { text = "the hour" } }]
    "#;
    let stage = Stage::with_rules(rule).await;
    for number in 0..3 {
        let group = stage.create(&format!("@TGS#g{number}"), GroupType::Work, "walt", &[]);
        group.joins("newcomer").await;
    }
    stage.advance(Duration::from_secs(60)).await;
    // So much waits that rules pause.
    let full = Arc::new(AtomicBool::new(true));
    let busy = Arc::clone(&full);
    let engine = &stage.bot().engine;
    let scheduler =
        Scheduler::new(stage.bot().store.clone(), engine.pipeline.clone(), stage.clock.clone())
            .pausing_while(move || busy.load(Ordering::Relaxed));
    let sweeps = || {
        let (from, to) = ledger::prefix(Kind::Timer);
        stage.bot().store.keys(&from, &to, 100).unwrap().len()
    };
    for _ in 0..5 {
        stage.clock.advance(Duration::from_secs(3_600));
        scheduler.step().await.unwrap();
        // It looks again in a few seconds, and the next hour finds it there.
        for _ in 0..60 {
            stage.clock.advance(Duration::from_secs(60));
            scheduler.step().await.unwrap();
        }
        assert_eq!(sweeps(), 1);
    }
    full.store(false, Ordering::Relaxed);
    stage.clock.advance(Duration::from_secs(10));
    scheduler.step().await.unwrap();
    stage.settle().await;
    let said = stage.group("@TGS#g1").messages().len();
    assert_eq!((said, sweeps()), (1, 0));
    stage.finish().await;
}

#[tokio::test]
async fn of_a_rule_that_makes_up_for_every_firing_none_is_left_out_for_any_group() {
    let rule = r#"
        [rule.hourly]
        schedule = { every = "1h", missed = "all" }
        for_each = "group"
        do = [{ send_message = { text = "the hour" } }]
    "#;
    let mut stage = Stage::with_rules(rule).await;
    for group in ["@TGS#a", "@TGS#b"] {
        stage.create(group, GroupType::Work, "walt", &[]).joins("newcomer").await;
    }
    stage.advance(Duration::from_secs(60)).await;
    stage.stop().await;
    stage.clock.advance(Duration::from_secs(3 * 3_600));
    stage.start().await.unwrap();
    stage.advance(Duration::from_secs(600)).await;
    for group in ["@TGS#a", "@TGS#b"] {
        assert_eq!(stage.group(group).messages().len(), 3, "{group}");
    }
    stage.finish().await;
}

/// A clock that is ahead for the first looks at it.
struct SetBack {
    clock: Arc<ManualClock>,
    ahead: Duration,
    looks: AtomicUsize,
}

impl Clock for SetBack {
    fn now(&self) -> Timestamp {
        let ahead = self.looks.fetch_add(1, Ordering::Relaxed) < 2;
        self.clock.now() + if ahead { self.ahead } else { Duration::ZERO }
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep<'_> {
        self.clock.sleep_until(deadline)
    }
}

#[tokio::test]
async fn an_end_that_was_found_due_just_before_the_clock_was_set_back_comes_in_its_time() {
    let rule = r#"
        [rule.raid]
        on = "message.sent"
        do = [{ mute_all = { for = "10m" } }]
    "#;
    let stage = Stage::with_rules(rule).await;
    stage.create("@TGS#cats", GroupType::Public, "olga", &[("mel", Role::Member)]);
    stage.group("@TGS#cats").says("mel", "go");
    stage.settle().await;
    let (store, pipeline) = (stage.bot().store.clone(), stage.bot().engine.pipeline.clone());
    let ahead = Duration::from_secs(1_200);
    let clock = SetBack { clock: stage.clock.clone(), ahead, looks: AtomicUsize::new(0) };
    assert!(Scheduler::new(store, pipeline, Arc::new(clock)).step().await.unwrap() > 0);
    let muted =
        || stage.chat.with_world(|world| world.group(&"@TGS#cats".into()).unwrap().mute_all);
    stage.settle().await;
    assert!(muted());
    stage.advance(Duration::from_secs(601)).await;
    assert!(!muted());
    stage.finish().await;
}
