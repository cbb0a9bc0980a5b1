//! `groupkeeper test`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::print::coloured;
use super::{Exit, RulesDirectory};
use crate::authoring::testfile::{self, Test};
use crate::authoring::{self, Failure, Report, Share, TestResult};
use crate::rule::diagnostic::{Diagnostic, Level, printable};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    rules: RulesDirectory,
    /// Run only tests whose file or name contains this text, in any case
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let directory = &arguments.rules.directory;
    let checked = match authoring::check(directory, None) {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("groupkeeper: the rules directory cannot be read: {error}");
            return Exit::Usage;
        }
    };
    let reading = testfile::read(&checked.tests);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|told| told.level == Level::Error)
        .chain(reading.diagnostics.iter().filter(|told| told.level < Level::Note))
        .collect();
    if errors.iter().any(|told| told.level == Level::Error) {
        return wrong(&arguments, &errors);
    }
    show_diagnostics(&errors);
    if checked.tests.is_empty() {
        eprintln!("{}: there is no *.test.toml", directory.display());
        return Exit::Usage;
    }
    let tests = match &arguments.filter {
        None => reading.tests,
        Some(text) => filtered(reading.tests, text),
    };
    if let (true, Some(text)) = (tests.is_empty(), &arguments.filter) {
        eprintln!("no test has {text:?} in its name or file");
        return Exit::Usage;
    }
    let mut file = String::new();
    let report = authoring::run_read(Arc::new(checked.rules), tests, |result| {
        if !arguments.json {
            show(result, &mut file);
        }
    })
    .await;
    if arguments.json {
        println!("{}", as_json(&report));
    } else {
        // What a part of the tests does not reach says nothing.
        summary(&report, arguments.filter.is_none());
    }
    if let Some(path) = &arguments.junit
        && let Err(error) = std::fs::write(path, authoring::junit(&report))
    {
        eprintln!("groupkeeper: {} cannot be written: {error}", path.display());
        return Exit::Usage;
    }
    if report.failed() > 0 { Exit::Failed } else { Exit::Fine }
}

fn filtered(mut tests: Vec<Test>, text: &str) -> Vec<Test> {
    let text = text.to_lowercase();
    let fits = |name: &str| name.to_lowercase().contains(&text);
    tests.retain(|test| fits(&test.name) || fits(&test.file));
    tests
}

/// Rules or tests are wrong: nothing is run.
fn wrong(arguments: &Arguments, errors: &[&Diagnostic]) -> Exit {
    if arguments.json {
        let list: Vec<_> = errors.iter().map(|told| told.to_json()).collect();
        println!("{}", json!({ "results": [], "diagnostics": list }));
    } else {
        show_diagnostics(errors);
    }
    let of_tests = errors.iter().all(|told| told.spot.file().ends_with(".test.toml"));
    let what = if of_tests { "the tests" } else { "the rules" };
    eprintln!("{what} are wrong; no test was run");
    Exit::Rules
}

fn show_diagnostics(told: &[&Diagnostic]) {
    let color = coloured(&std::io::stderr());
    for told in told {
        eprintln!("{}\n", told.render(color));
    }
}

/// One line for a test that passed, below the heading of its file.
fn show(result: &TestResult, file: &mut String) {
    if *file != result.file {
        println!("{}", result.file);
        file.clone_from(&result.file);
    }
    match &result.failure {
        None => println!("  ok    {}", printable(&result.name)),
        Some(failure) => {
            println!("  FAIL  {}", printable(&result.name));
            println!("        {}:{}", result.file, failure.line);
            failure.text().lines().for_each(|line| println!("        {line}"));
        }
    }
}

fn summary(report: &Report, all: bool) {
    let covered = &report.covered;
    if all && !covered.gaps.is_empty() {
        println!("\nno test reached:");
        let mut place: Option<(&Path, usize)> = None;
        for gap in &covered.gaps {
            let at = (Path::new(&*gap.place.file), gap.place.line);
            if place != Some(at) {
                println!("  {}:{}", at.0.display(), at.1);
                place = Some(at);
            }
            println!("    {gap}");
        }
    }
    let shares = [
        (covered.rules, "rules"),
        (covered.clauses, "clauses"),
        (covered.bounds, "bounds"),
        (covered.ladder_steps, "ladder steps"),
    ];
    let shares = shares.iter().filter(|(share, _)| share.all > 0);
    let shares: Vec<_> = shares.map(|(share, what)| format!("{share} {what}")).collect();
    if all && !shares.is_empty() {
        println!("\nreached: {}", shares.join(", "));
    }
    let failed = report.failed();
    let passed = report.results.len() - failed;
    println!("\n{passed} passed, {failed} failed");
    eprintln!("in {:.2} s", report.time.as_secs_f64());
}

fn as_json(report: &Report) -> Value {
    let share = |share: Share| json!({ "reached": share.reached, "all": share.all });
    let covered = &report.covered;
    let gaps = covered.gaps.iter().map(|gap| {
        json!({
            "rule": gap.rule,
            "file": gap.place.file,
            "line": gap.place.line,
            "text": gap.to_string(),
        })
    });
    json!({
        "results": report.results.iter().map(result_json).collect::<Value>(),
        "passed": report.results.len() - report.failed(),
        "failed": report.failed(),
        "seconds": report.time.as_secs_f64(),
        "coverage": {
            "rules": share(covered.rules),
            "clauses": share(covered.clauses),
            "bounds": share(covered.bounds),
            "ladder_steps": share(covered.ladder_steps),
        },
        "not_reached": gaps.collect::<Value>(),
    })
}

fn result_json(result: &TestResult) -> Value {
    json!({
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "passed": result.failure.is_none(),
        "seconds": result.time.as_secs_f64(),
        "failure": result.failure.as_ref().map(failure_json),
    })
}

fn failure_json(failure: &Failure) -> Value {
    let differences = failure.differences.iter().map(|difference| {
        let fields = difference.fields.iter().map(
            |field| json!({ "name": field.name, "expected": field.expected, "got": field.got }),
        );
        json!({
            "kind": difference.kind.name(),
            "expected": difference.expected,
            "got": difference.got,
            "fields": fields.collect::<Value>(),
        })
    });
    json!({
        "line": failure.line,
        "message": failure.message,
        "differences": differences.collect::<Value>(),
        "text": failure.text(),
    })
}
