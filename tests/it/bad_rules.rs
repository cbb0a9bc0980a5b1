//! One mistake to a file in `tests/bad_rules`, and what the operator is told about it beside it.
//!
//! `UPDATE_BAD_RULES=1 cargo test bad_rules` writes what is told now; the difference is for review.

use std::path::{Path, PathBuf};

use groupkeeper::rule;
use groupkeeper::rule::diagnostic::render_all;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bad_rules")
}

/// Files with that ending, sorted.
fn files(ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    paths.sort();
    paths
}

/// Every bad file: name and content.
pub fn all() -> Vec<(String, String)> {
    let content = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    };
    files("toml").into_iter().map(content).collect()
}

fn told(path: &Path) -> String {
    let name = format!("rules/{}", path.file_name().unwrap().to_str().unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let reading = rule::read(vec![(name, text)], None);
    assert!(!reading.diagnostics.is_empty(), "{} has no mistake", path.display());
    render_all(&reading.diagnostics, false)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment to rewrite its snapshots"
)]
fn every_mistake_is_told_as_reviewed() {
    let rewrite = std::env::var_os("UPDATE_BAD_RULES").is_some();
    let mut differing = Vec::new();
    for path in files("toml") {
        let told = told(&path);
        let snapshot = path.with_extension("stderr");
        if rewrite {
            std::fs::write(&snapshot, &told).unwrap();
        } else if std::fs::read_to_string(&snapshot).unwrap_or_default() != told {
            differing.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(differing.is_empty(), "not as reviewed:\n\n{}", differing.join("\n"));
}

#[test]
fn every_reviewed_text_has_its_rule_file() {
    for path in files("stderr") {
        assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
    }
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let all = all();
    let reading = rule::read(all.clone(), None);
    for (name, _) in &all {
        let own = reading.diagnostics.iter().any(|told| **told.spot.file() == **name);
        assert!(own, "{name} is not told of");
    }
}

/// Code and message: what a mistake is known by, wherever it stands.
type Told = (&'static str, String);

fn told_of(name: &str, text: &str) -> Vec<groupkeeper::rule::diagnostic::Diagnostic> {
    rule::read(vec![(name.to_owned(), text.to_owned())], None).diagnostics
}

#[test]
fn every_edit_for_programs_takes_its_mistake_away() {
    let mut edits = 0;
    let mut wrong = Vec::new();
    for (name, text) in all() {
        let told = told_of(&name, &text);
        let same = |told: &groupkeeper::rule::diagnostic::Diagnostic| -> Told {
            (told.code.0, told.message.clone())
        };
        for mistake in &told {
            let Some(edit) = groupkeeper::rule::edit::proposed(mistake) else { continue };
            edits += 1;
            let mut better = text.clone();
            better.replace_range(edit.span.clone(), &edit.replacement);
            let count = |all: &[_]| all.iter().filter(|other| same(other) == same(mistake)).count();
            let after = told_of(&name, &better);
            let syntax = |all: &[groupkeeper::rule::diagnostic::Diagnostic]| {
                all.iter().filter(|told| told.code.0 < "R006").count()
            };
            if count(&after) >= count(&told) || syntax(&after) > syntax(&told) {
                wrong.push(format!("{name}: {} {}\n{better}", mistake.code, mistake.message));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(edits > 60, "{edits}");
}
