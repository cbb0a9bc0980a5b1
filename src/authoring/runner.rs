//! Running `*.test.toml`: the same decisions as in the service, on a virtual clock.

use std::sync::Arc;

use super::bench::Bench;
use super::coverage::Coverage;
use super::directory::SourceFile;
use super::expect::{difference, matches, seen_as, traces};
use super::testfile::{self, StepAct, Test, TestStep};
use crate::rule::RuleSet;

/// What became of one test.
#[derive(Debug)]
pub struct TestResult {
    pub file: String,
    pub line: usize,
    pub name: String,
    /// Where and why it failed; `None` when it passed.
    pub failure: Option<Failure>,
}

/// Why a test failed.
#[derive(Debug)]
pub struct Failure {
    /// One-based line of the step.
    pub line: usize,
    pub text: String,
}

/// What became of all tests.
#[derive(Debug, Default)]
pub struct Report {
    pub results: Vec<TestResult>,
    pub gaps: Vec<String>,
}

impl Report {
    /// Tests that failed, and test files that cannot be read.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| result.failure.is_some()).count()
    }
}

/// Runs all tests of some files; `each` is told of every result as it comes.
pub async fn run_tests(
    rules: Arc<RuleSet>,
    files: &[SourceFile],
    mut each: impl FnMut(&TestResult),
) -> Report {
    let mut report = Report::default();
    let mut coverage = Coverage::default();
    let mut keep = |result: TestResult| {
        each(&result);
        report.results.push(result);
    };
    for (file, text) in files {
        match testfile::parse(text) {
            Err(mistakes) => mistakes.into_iter().for_each(|mistake| {
                keep(TestResult {
                    file: file.clone(),
                    line: mistake.line,
                    name: "the file cannot be read".to_owned(),
                    failure: Some(Failure { line: mistake.line, text: mistake.message }),
                });
            }),
            Ok(tests) => {
                for test in tests {
                    let failure = run(rules.clone(), &test, &mut coverage).await.err();
                    let (line, name) = (test.line, test.name);
                    keep(TestResult { file: file.clone(), line, name, failure });
                }
            }
        }
    }
    report.gaps = coverage.gaps(&rules);
    report
}

async fn run(rules: Arc<RuleSet>, test: &Test, coverage: &mut Coverage) -> Result<(), Failure> {
    let failed = |line: usize| move |text: String| Failure { line, text };
    let mut bench = Bench::new(rules, test).await.map_err(failed(test.line))?;
    for step in &test.steps {
        step_of(&mut bench, step, coverage).await.map_err(failed(step.line))?;
    }
    // What nobody expected is left over.
    let end =
        TestStep { line: test.line, act: StepAct::Expect { effects: Vec::new(), because: None } };
    step_of(&mut bench, &end, coverage).await.map_err(|text| Failure {
        line: test.line,
        text: format!("after the last step something is left over\n{text}"),
    })
}

async fn step_of(
    bench: &mut Bench,
    step: &TestStep,
    coverage: &mut Coverage,
) -> Result<(), String> {
    match &step.act {
        StepAct::Send(send) => bench.send(send).await,
        StepAct::Advance(time) => bench.advance(*time).await,
        StepAct::Restart => bench.restart(),
        StepAct::ApiDown(time) => {
            bench.api_down(*time);
            Ok(())
        }
        StepAct::Expect { effects, because } => {
            bench.settle().await?;
            let all = bench.take_seen();
            all.decided.iter().for_each(|(_, decision)| coverage.add(decision));
            let seen: Vec<_> = all.acts.iter().map(seen_as).collect();
            if !matches(effects, &seen) {
                return Err(difference(effects, &seen, &all));
            }
            let Some(because) = because else { return Ok(()) };
            let told = traces(&all);
            if told.to_lowercase().contains(&because.to_lowercase()) {
                return Ok(());
            }
            Err(format!("no trace says {because:?}; they say:{told}"))
        }
    }
}
