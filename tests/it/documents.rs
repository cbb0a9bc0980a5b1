//! What README and docs show, tried out.

use std::sync::Arc;

use groupkeeper::authoring::run_tests;
use groupkeeper::rule::read;

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
