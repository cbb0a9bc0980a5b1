//! `groupkeeper check`

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::print::coloured;
use super::{Exit, RulesDirectory, serve};
use crate::authoring::{self, Checked};
use crate::clock::{Clock, SystemClock};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::on_protected;
use crate::service::config::Config;

/// So many of one file are shown without `--all`, and so many of all.
const SHOWN_OF_FILE: usize = 10;
const SHOWN: usize = 40;

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
    /// Show everything, however much it is
    #[arg(long)]
    all: bool,
    /// A configuration file: also tell what `serve` would find wrong with it (what is missing may come from
    /// elsewhere), and of actions on accounts that it protects
    #[arg(long)]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let directory = &arguments.rules.directory;
    let mut checked = match authoring::check(directory, Some(SystemClock::default().now())) {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("groupkeeper: the rules cannot be read: {error}");
            return Exit::Usage;
        }
    };
    // Not part of `authoring::check`: a mistake in a test keeps no service from taking the rules.
    checked.diagnostics.extend(authoring::testfile::check(&checked.tests));
    if let Some(path) = &arguments.config {
        let config = match serve::configured(Some(path), Config::check) {
            Ok(config) => config,
            Err(exit) => return exit,
        };
        for absent in &config.absent {
            eprintln!("{}: {}: `serve` will need it", absent.place, absent.message);
        }
        let told = on_protected(&checked.rules, &config.safety.protected, &[config.own]);
        checked.diagnostics.extend(told);
    }
    let listed = by_file(&checked.diagnostics);
    if arguments.json {
        let list: Vec<_> = listed.iter().map(|found| found.to_json()).collect();
        println!("{}", serde_json::Value::Array(list));
    } else {
        let most = if arguments.all { usize::MAX } else { SHOWN };
        print!("{}", shown(&listed, most, coloured(&std::io::stdout())));
    }
    eprintln!("{}: {}", directory.display(), summary(&checked));
    if let Some(told) = passed_over(&checked.passed_over) {
        eprintln!("{told}");
    }
    let (errors, warnings) = (checked.count(Level::Error), checked.count(Level::Warning));
    if errors > 0 || (warnings > 0 && arguments.deny_warnings) {
        return Exit::Rules;
    }
    let only_tests = directory.is_file() && !checked.tests.is_empty();
    if checked.rules.rules().is_empty() && !only_tests {
        eprintln!(
            "{}: there is no rule in it; `groupkeeper new` lists presets",
            directory.display()
        );
        return Exit::Rules;
    }
    Exit::Fine
}

/// Rules that somebody takes to be in force are worth a line.
fn passed_over(folders: &[PathBuf]) -> Option<String> {
    let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let told = format!("passed over because of `.groupkeeper-skip`: {}", names.join(", "));
    (!names.is_empty()).then_some(told)
}

/// "3 rules, 1 error, 0 warnings, 2 test files".
fn summary(checked: &Checked) -> String {
    let counted = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    // With errors, some of those in the files are not among them.
    let rules = if checked.is_good() { "rule" } else { "usable rule" };
    [
        counted(checked.rules.rules().len(), rules),
        counted(checked.count(Level::Error), "error"),
        counted(checked.count(Level::Warning), "warning"),
        counted(checked.tests.len(), "test file"),
    ]
    .join(", ")
}

/// What shows only across files stands with its own file; files in the order in which they are read.
fn by_file(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for told in diagnostics {
        let next = order.len();
        order.entry(told.spot.file()).or_insert(next);
    }
    let mut listed: Vec<_> = diagnostics.iter().collect();
    listed.sort_by_key(|told| order.get(&**told.spot.file()));
    listed
}

/// For people. Of many, the first of each file, errors before warnings, and how many more there are.
fn shown(listed: &[&Diagnostic], most: usize, coloured: bool) -> String {
    let of_file = if most == usize::MAX { usize::MAX } else { SHOWN_OF_FILE };
    let chosen = chosen(listed, most, of_file);
    let mut text = String::new();
    let mut left_out: Vec<(&str, usize)> = Vec::new();
    for (told, chosen) in listed.iter().zip(chosen) {
        if chosen {
            text.push_str(&told.render(coloured));
            text.push_str(if told.level == Level::Note { "\n" } else { "\n\n" });
            continue;
        }
        let file = &**told.spot.file();
        match left_out.last_mut().filter(|(last, _)| *last == file) {
            Some((_, count)) => *count += 1,
            None => left_out.push((file, 1)),
        }
    }
    for (file, count) in &left_out {
        text.push_str(&format!("{file}: {count} more\n"));
    }
    if !left_out.is_empty() {
        text.push_str("`--all` shows them\n");
    }
    text
}

/// Which are shown. Errors come first: what warnings say may follow from them.
fn chosen(listed: &[&Diagnostic], most: usize, of_file: usize) -> Vec<bool> {
    let mut chosen = vec![false; listed.len()];
    let mut total = 0;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        for (at, told) in listed.iter().enumerate().filter(|(_, told)| told.level == level) {
            let count = counts.entry(told.spot.file()).or_default();
            if *count < of_file && total < most {
                *count += 1;
                total += 1;
                chosen[at] = true;
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule;

    fn file(name: &str, wrong: usize) -> (String, String) {
        let id = name.trim_end_matches(".toml");
        let rule = |n: usize| format!("[rule.{id}{n}]\non = \"member.joined\"\nmode = \"of\"\n");
        (name.to_owned(), (0..wrong).map(rule).collect())
    }

    #[test]
    fn many_mistakes_are_cut_and_counted() {
        let reading = rule::read(vec![file("a.toml", 100), file("b.toml", 3)], None);
        let listed = by_file(&reading.diagnostics);
        let text = shown(&listed, SHOWN, false);
        assert_eq!(text.matches("error[").count(), SHOWN_OF_FILE + 3);
        assert!(text.ends_with("a.toml: 90 more\n`--all` shows them\n"), "{text}");
        let all = shown(&listed, usize::MAX, false);
        assert_eq!(all.matches("error[").count(), 103);
        assert!(!all.contains("more"));
    }

    #[test]
    fn errors_are_shown_before_warnings() {
        let rule = |n: usize| format!("[rule.w{n}]\non = \"member.joined\"\n");
        let warnings: String = (0..21).map(rule).collect();
        let text = format!("{warnings}[rule.wrong]\non = \"member.joined\"\nmode = \"of\"\n");
        let reading = rule::read(vec![("a.toml".to_owned(), text)], None);
        let shown = shown(&by_file(&reading.diagnostics), SHOWN, false);
        assert!(shown.contains("error[R054]"), "{shown}");
        assert!(shown.contains("a.toml: 12 more"), "{shown}");
    }
}
