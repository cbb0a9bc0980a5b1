//! Reading and checking a rules directory.

use std::io;
use std::path::{Path, PathBuf};

use super::directory::{Files, is_test, refusal};
use crate::clock::Timestamp;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::{self, RuleSet};

/// File name (with the directory as it was named) and content.
pub type SourceFile = (String, String);

/// A rules directory, read.
#[derive(Debug)]
pub struct Checked {
    pub rules: RuleSet,
    /// Files that cannot be read first, then by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// `*.test.toml`.
    pub tests: Vec<SourceFile>,
    /// Folders whose rules are not in force, because of a `.groupkeeper-skip` in them.
    pub passed_over: Vec<PathBuf>,
}

impl Checked {
    /// Whether the rules can be run.
    pub fn is_good(&self) -> bool {
        self.count(Level::Error) == 0
    }

    /// Diagnostics of a level.
    pub fn count(&self, level: Level) -> usize {
        self.diagnostics.iter().filter(|found| found.level == level).count()
    }
}

/// Reads and checks all rules of a directory, or of one file. `now` is what notes on schedules count from. Files in it
/// that cannot be read are told among the diagnostics (R070).
///
/// # Errors
/// When the directory itself cannot be read; the error names it.
pub fn check(directory: &Path, now: Option<Timestamp>) -> io::Result<Checked> {
    let named = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                "there is no such directory; `groupkeeper new` writes a first rule".to_owned()
            }
            _ => refusal(&error),
        };
        io::Error::new(error.kind(), format!("{}: {why}", directory.display()))
    };
    let mut files = Files::read(directory, |_| true).map_err(named)?;
    // A rule file and its tests belong together.
    if let Some(beside) = beside(directory).filter(|_| directory.is_file())
        && let Ok(other) = Files::read(&beside, |_| true)
    {
        files.texts.extend(other.texts);
        files.unreadable.extend(other.unreadable);
    }
    let (tests, rules): (Vec<_>, Vec<_>) =
        files.texts.into_iter().partition(|(name, _)| is_test(Path::new(name)));
    let reading = rule::read(rules, now);
    let mut diagnostics = files.unreadable;
    diagnostics.extend(reading.diagnostics);
    let passed_over = files.passed_over;
    Ok(Checked { rules: reading.rules, diagnostics, tests, passed_over })
}

/// The test file of a rule file, the rule file of a test file.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.to_str()?;
    let other = match name.strip_suffix(".test.toml") {
        Some(rules) => format!("{rules}.toml"),
        None => format!("{}.test.toml", name.strip_suffix(".toml")?),
    };
    Some(PathBuf::from(other))
}
