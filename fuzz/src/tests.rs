//! Test files: any text is read, told about and, where it is good, run against the shipped rules.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use groupkeeper::authoring::testfile::{self, StepAct, Test};
use groupkeeper::authoring::{Report, junit, run_read};
use groupkeeper::rule::{self, RuleSet};

use super::told;

/// Longer stories are well-formed, but would take seconds each.
const MOST_EVENTS: u64 = 300;
const LONGEST: Duration = Duration::from_secs(60 * 86_400);

/// The reasons for a failure that no test file can be blamed for.
const FAULTS: [&str; 3] = ["broke off", "busy without an end", "Chat cannot use the bot's answer"];

static SHIPPED: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let files = [
        ("rules/keep_groups_owned.toml", include_str!("../../rules/keep_groups_owned.toml")),
        ("rules/promote_staff.toml", include_str!("../../rules/promote_staff.toml")),
        ("rules/quiet_flooders.toml", include_str!("../../rules/quiet_flooders.toml")),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let reading = rule::read(files.to_vec(), None);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    Arc::new(reading.rules)
});

/// Reads the text as a test file, and runs its tests.
pub fn run(text: &str) {
    let reading = testfile::read(&[("rules/a.test.toml".to_owned(), text.to_owned())]);
    told::show(&reading.diagnostics);
    told::edited(&reading.diagnostics);
    told::format_twice("rules/a.test.toml", text);
    if reading.has_errors() || !reading.tests.iter().all(is_short) {
        return;
    }
    let names: Vec<_> = reading.tests.iter().map(|test| test.name.clone()).collect();
    let report = report(reading.tests);
    let told: Vec<_> = report.results.iter().map(|result| result.name.clone()).collect();
    assert_eq!(told, names, "each test has one result");
    for failure in report.results.iter().filter_map(|result| result.failure.as_ref()) {
        let text = failure.text();
        told::harmless(&text);
        assert!(!FAULTS.iter().any(|fault| text.contains(fault)), "{text}");
    }
    junit(&report);
}

fn is_short(test: &Test) -> bool {
    let (mut events, mut time) = (0, Duration::ZERO);
    for step in &test.steps {
        match &step.act {
            StepAct::Send(send) => {
                events += u64::from(send.times);
                time += send.every.saturating_mul(send.times) + send.late;
            }
            StepAct::Advance(passes) => time += *passes,
            _ => {}
        }
    }
    events <= MOST_EVENTS && time <= LONGEST
}

fn report(tests: Vec<Test>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let Ok(runtime) = runtime else { panic!("no runtime") };
    runtime.block_on(run_read(SHIPPED.clone(), tests, |_| {}))
}
