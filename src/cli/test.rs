//! `groupkeeper test`

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use serde_json::json;

use super::{Exit, RulesDirectory};
use crate::authoring::{self, TestResult};
use crate::rule::diagnostic::Level;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    rules: RulesDirectory,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let checked = match authoring::check(&arguments.rules.directory, None) {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("groupkeeper: the rules directory cannot be read: {error}");
            return Exit::Usage;
        }
    };
    if !checked.is_good() {
        let color = std::io::stderr().is_terminal();
        for error in checked.diagnostics.iter().filter(|found| found.level == Level::Error) {
            eprintln!("{}\n", error.render(color));
        }
        eprintln!("the rules are wrong; no test was run");
        return Exit::Rules;
    }
    if checked.tests.is_empty() {
        eprintln!("{}: there is no *.test.toml", arguments.rules.directory.display());
        return Exit::Usage;
    }
    let rules = Arc::new(checked.rules);
    let quiet = arguments.json;
    let report = authoring::run_tests(rules, &checked.tests, |result| {
        if !quiet {
            show(result);
        }
    })
    .await;
    let (all, failed) = (report.results.len(), report.failed());
    if arguments.json {
        let results = report.results.iter().map(|result| {
            json!({
                "file": result.file,
                "line": result.line,
                "name": result.name,
                "passed": result.failure.is_none(),
                "failure": result.failure.as_ref().map(|f| json!({ "line": f.line, "text": f.text })),
            })
        });
        let results: Vec<_> = results.collect();
        println!("{}", json!({ "results": results, "not_reached": report.gaps }));
    } else {
        if !report.gaps.is_empty() {
            println!("\nno test reached:");
            report.gaps.iter().for_each(|gap| println!("  {gap}"));
        }
        println!("\n{} passed, {failed} failed", all - failed);
    }
    if failed > 0 { Exit::Failed } else { Exit::Fine }
}

fn show(result: &TestResult) {
    match &result.failure {
        None => println!("ok    {}", result.name),
        Some(failure) => {
            println!("FAIL  {}\n      {}:{}", result.name, result.file, failure.line);
            failure.text.lines().for_each(|line| println!("      {line}"));
        }
    }
    // Progress: whoever watches sees each test as it ends.
    let _ = std::io::stdout().flush();
}
