//! `groupkeeper check`

use std::io::IsTerminal;

use super::{Exit, RulesDirectory};
use crate::authoring;
use crate::clock::{Clock, SystemClock};
use crate::rule::diagnostic::Level;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    rules: RulesDirectory,
    /// Print a JSON list, for editors and CI
    #[arg(long)]
    json: bool,
    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let directory = &arguments.rules.directory;
    let mut checked = match authoring::check(directory, Some(SystemClock::default().now())) {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("groupkeeper: the rules directory cannot be read: {error}");
            return Exit::Usage;
        }
    };
    // Not part of `authoring::check`: a mistake in a test keeps no service from taking the rules.
    checked.diagnostics.extend(authoring::testfile::check(&checked.tests));
    if arguments.json {
        let list: Vec<_> = checked.diagnostics.iter().map(|found| found.to_json()).collect();
        println!("{}", serde_json::Value::Array(list));
    } else {
        let color = std::io::stdout().is_terminal();
        for found in &checked.diagnostics {
            println!("{}\n", found.render(color));
        }
    }
    let (errors, warnings) = (checked.count(Level::Error), checked.count(Level::Warning));
    let rules = checked.rules.rules().len();
    eprintln!(
        "{}: {rules} rules, {errors} errors, {warnings} warnings, {} test files",
        directory.display(),
        checked.tests.len()
    );
    if errors > 0 || (warnings > 0 && arguments.deny_warnings) {
        return Exit::Rules;
    }
    if rules == 0 {
        eprintln!("{}: there is no rule in this directory", directory.display());
        return Exit::Rules;
    }
    Exit::Fine
}
