//! What README and docs show, tried out.

use std::sync::Arc;

use groupkeeper::authoring::run_tests;
use groupkeeper::clock::SystemClock;
use groupkeeper::rule::read;
use groupkeeper::simulator::{Options, Settings, Simulator, World};

use crate::stage::repository;

/// The `toml` blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let text = repository(page);
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

async fn rules_read_and_tests_pass(page: &str) {
    let (tests, rules): (Vec<_>, Vec<_>) =
        blocks(page).into_iter().partition(|block| block.contains("[[test]]"));
    assert!(!rules.is_empty() && !tests.is_empty(), "{page} shows nothing");
    let named = |ending: &'static str| {
        move |(number, text): (usize, String)| (format!("{page}-{number}{ending}"), text)
    };
    let reading = read(rules.into_iter().enumerate().map(named(".toml")).collect(), None);
    assert!(reading.diagnostics.is_empty(), "{page}: {:#?}", reading.diagnostics);
    let tests: Vec<_> = tests.into_iter().enumerate().map(named(".test.toml")).collect();
    let report = run_tests(Arc::new(reading.rules), &tests, |_| {}).await;
    assert_eq!(report.failed(), 0, "{page}: {:#?}", report.results);
}

#[tokio::test]
async fn the_first_rule_of_the_readme_reads_and_its_test_passes() {
    rules_read_and_tests_pass("README.md").await;
}

#[tokio::test]
async fn the_rules_of_the_language_page_read_and_its_test_passes() {
    rules_read_and_tests_pass("docs/rules.md").await;
}

#[tokio::test]
async fn the_rules_of_the_page_on_tests_read_and_their_tests_pass() {
    rules_read_and_tests_pass("docs/tests.md").await;
}

#[test]
fn every_event_and_action_stands_on_the_language_page() {
    let page = repository("docs/rules.md");
    for kind in groupkeeper::rule::EventKind::ALL {
        assert!(page.contains(&format!("`{}`", kind.name())), "{} is not described", kind.name());
    }
}

/// The `curl … -d '…'` lines of a page: verb and fields.
fn curls(page: &str) -> Vec<(String, serde_json::Value)> {
    let text = repository(page);
    let lines = text.lines().filter(|line| line.starts_with("curl ") && line.contains(" -d "));
    let parts = |line: &str| {
        let (url, fields) = line.split_once(" -d ").unwrap();
        let verb = url.rsplit('/').next().unwrap().to_owned();
        (verb, serde_json::from_str(fields.trim_matches('\'')).unwrap())
    };
    lines.map(parts).collect()
}

#[tokio::test]
async fn every_line_of_the_page_on_simulating_works_in_the_order_it_stands_in() {
    let clock = Arc::new(SystemClock::default());
    let skipping = clock.clone();
    let settings = Settings::new(1_400_000_000, "administrator", "key").without_asking();
    let mut options = Options::new(World::new(settings), clock);
    options.skip = Some(Arc::new(move |time| skipping.skip(time)));
    let simulator = Simulator::start(options).await.unwrap();
    let lines = curls("docs/simulating.md");
    assert!(lines.len() > 15, "{}", lines.len());
    for (verb, fields) in lines {
        let (status, outcome) = simulator.act(&verb, &fields).await;
        assert_eq!(status, 200, "{verb} {fields}: {outcome}");
    }
    simulator.stop().await;
}

#[test]
fn the_page_on_simulating_shows_what_simulate_takes_by_default() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"))
        .args(["simulate", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let page = repository("docs/simulating.md");
    for (variable, option) in [
        ("APP_SDK_APP_ID", "sdk-app-id"),
        ("APP_ADMIN", "admin"),
        ("APP_SECRET_KEY", "secret-key"),
        ("CALLBACK_TOKENS", "callback-token"),
    ] {
        let (_, value) = page.split_once(&format!("GROUPKEEPER_{variable}=")).unwrap();
        let value = value.split_whitespace().next().unwrap();
        assert!(help.contains(&format!("[default: {value}]")), "--{option} is not {value}");
    }
}
