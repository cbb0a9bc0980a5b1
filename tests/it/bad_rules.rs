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
