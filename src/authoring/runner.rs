//! Running `*.test.toml`: the same decisions as in the service, on a virtual clock, on all cores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::bench::{Bench, Seen};
use super::check::SourceFile;
use super::coverage::{Coverage, Covered};
use super::expect::{Difference, Expected, align, is_met, sentences, story};
use super::testfile::{self, StepAct, Test};
use crate::clock::Stopwatch;
use crate::rule::RuleSet;
use crate::rule::diagnostic::{Diagnostic, Level, printable};

/// What became of one test.
#[derive(Debug)]
pub struct TestResult {
    pub file: String,
    /// One-based line of the test's `name`.
    pub line: usize,
    pub name: String,
    /// How long it took, in real time.
    pub time: Duration,
    /// Where and why it failed; `None` when it passed.
    pub failure: Option<Failure>,
}

/// Why a test failed.
#[derive(Debug)]
pub struct Failure {
    /// One-based line of the step; of the test when something was left over behind the last step.
    pub line: usize,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What was expected beside what came; empty when that is not what failed.
    pub differences: Vec<Difference>,
    /// What the rules made of the events since the last `expect`.
    pub story: String,
}

impl Failure {
    fn plain(line: usize, message: String) -> Self {
        Self { line, message, differences: Vec::new(), story: String::new() }
    }

    /// Everything, for people. Accounts and groups of a test can have any name, but not move the cursor.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for difference in &self.differences {
            text.push_str(&format!("\n  {}", difference.to_string().replace('\n', "\n  ")));
        }
        if !self.story.is_empty() {
            text.push_str("\nsince the last `expect`:\n");
            text.push_str(&self.story);
        }
        printable(&text)
    }
}

/// What became of all tests.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the files.
    pub results: Vec<TestResult>,
    /// What the tests reached of the rules.
    pub covered: Covered,
    /// What is wrong with the test files; with an error among it no test was run.
    pub diagnostics: Vec<Diagnostic>,
    /// How long all took, in real time.
    pub time: Duration,
}

impl Report {
    /// Tests that failed, and mistakes in test files.
    pub fn failed(&self) -> usize {
        let failed = self.results.iter().filter(|result| result.failure.is_some()).count();
        failed + self.diagnostics.iter().filter(|told| told.level == Level::Error).count()
    }
}

/// Reads and runs all tests of some files; `each` is told of every result in the order of the files.
/// With a mistake in a file nothing is run.
pub async fn run_tests(
    rules: Arc<RuleSet>,
    files: &[SourceFile],
    each: impl FnMut(&TestResult),
) -> Report {
    let reading = testfile::read(files);
    if reading.has_errors() {
        return Report { diagnostics: reading.diagnostics, ..Report::default() };
    }
    let mut report = run_read(rules, reading.tests, each).await;
    report.diagnostics = reading.diagnostics;
    report
}

/// Runs tests; `each` is told of every result in their order.
pub async fn run_read(
    rules: Arc<RuleSet>,
    tests: Vec<Test>,
    mut each: impl FnMut(&TestResult),
) -> Report {
    let stopwatch = Stopwatch::start();
    let sets = sets(&rules, &tests);
    let tests: Arc<[Test]> = tests.into();
    let next = Arc::new(AtomicUsize::new(0));
    let (done, mut finished) = unbounded_channel();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(tests.len());
    for _ in 0..workers {
        tokio::spawn(work(sets.clone(), tests.clone(), next.clone(), done.clone()));
    }
    drop(done);
    let mut report = Report::default();
    let mut coverage = Coverage::default();
    let mut waiting = BTreeMap::new();
    while let Some(Finished { index, result, reached }) = finished.recv().await {
        coverage.merge(reached);
        waiting.insert(index, result);
        while let Some(result) = waiting.remove(&report.results.len()) {
            each(&result);
            report.results.push(result);
        }
    }
    for (index, test) in tests.iter().enumerate().skip(report.results.len()) {
        let result = waiting.remove(&index).unwrap_or_else(|| broken_off(test));
        each(&result);
        report.results.push(result);
    }
    report.covered = coverage.of_rules(&rules);
    report.time = stopwatch.elapsed();
    report
}

/// The rules that the tests of each file run with: those of the rule file of the same name beside it, so
/// that a further rule breaks no test of another; where there is none, all of the directory.
fn sets(rules: &Arc<RuleSet>, tests: &[Test]) -> Arc<BTreeMap<Arc<str>, Arc<RuleSet>>> {
    let mut sets = BTreeMap::new();
    for test in tests {
        sets.entry(test.file.clone()).or_insert_with(|| {
            let beside = test.file.strip_suffix(".test.toml").map(|name| format!("{name}.toml"));
            let own = beside.and_then(|file| rules.of_file(&file));
            own.map_or_else(|| rules.clone(), Arc::new)
        });
    }
    Arc::new(sets)
}

/// A test during which its worker ended: a panic, which stands above on stderr.
fn broken_off(test: &Test) -> TestResult {
    let message = "the test broke off: this is a fault of groupkeeper, please report it".to_owned();
    let failure = Some(Failure::plain(test.line, message));
    TestResult {
        file: test.file.to_string(),
        line: test.line,
        name: test.name.clone(),
        time: Duration::ZERO,
        failure,
    }
}

/// One test is over.
struct Finished {
    index: usize,
    result: TestResult,
    reached: Coverage,
}

/// Runs one test after the other, as long as there are any.
async fn work(
    sets: Arc<BTreeMap<Arc<str>, Arc<RuleSet>>>,
    tests: Arc<[Test]>,
    next: Arc<AtomicUsize>,
    done: UnboundedSender<Finished>,
) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(test) = tests.get(index) else { return };
        let stopwatch = Stopwatch::start();
        let mut reached = Coverage::default();
        let Some(rules) = sets.get(&test.file) else { return };
        let failure = run(rules.clone(), test, &mut reached).await.err();
        let result = TestResult {
            file: test.file.to_string(),
            line: test.line,
            name: test.name.clone(),
            time: stopwatch.elapsed(),
            failure,
        };
        if done.send(Finished { index, result, reached }).is_err() {
            return;
        }
        // One worker must not keep the thread that shows the results.
        tokio::task::yield_now().await;
    }
}

async fn run(rules: Arc<RuleSet>, test: &Test, coverage: &mut Coverage) -> Result<(), Failure> {
    let started = Bench::new(rules, test).await;
    let mut bench = started.map_err(|text| Failure::plain(test.line, text))?;
    for step in &test.steps {
        if let Err(message) = bench.step(&step.act).await {
            let story = story(&take(&bench, coverage).decided);
            return Err(Failure { story, ..Failure::plain(step.line, message) });
        }
        if let StepAct::Expect { effects, because } = &step.act {
            let seen = take(&bench, coverage);
            let met = compare(effects, because.as_deref(), &seen);
            met.map_err(|failure| Failure { line: step.line, ..failure })?;
        }
    }
    // What nobody expected is left over.
    let seen = take(&bench, coverage);
    compare(&[], None, &seen).map_err(|failure| Failure {
        line: test.line,
        message: format!("left over behind the last step: {}", failure.message),
        ..failure
    })?;
    // A callback that never came proves nothing about what the rules make of it.
    match bench.undelivered() {
        None => Ok(()),
        Some(message) => Err(Failure::plain(test.line, message)),
    }
}

fn take(bench: &Bench, coverage: &mut Coverage) -> Seen {
    let seen = bench.take_seen();
    seen.decided.iter().for_each(|(_, decision)| coverage.add(decision));
    seen
}

fn compare(expected: &[Expected], because: Option<&str>, seen: &Seen) -> Result<(), Failure> {
    let story = || story(&seen.decided);
    if !is_met(expected, &seen.effects) {
        let differences = align(expected, &seen.effects);
        let mut told = differences.iter().filter_map(Difference::sentence);
        let first = told.next().unwrap_or_default();
        let message = match told.count() {
            0 => first,
            more => format!("{first}, and {more} more"),
        };
        return Err(Failure { line: 0, message, differences, story: story() });
    }
    let Some(because) = because else { return Ok(()) };
    let wanted = because.to_lowercase();
    if sentences(&seen.decided).any(|told| told.to_lowercase().contains(&wanted)) {
        return Ok(());
    }
    let message = format!("the effects are as expected, but nothing says {because:?}");
    Err(Failure { line: 0, message, differences: Vec::new(), story: story() })
}
