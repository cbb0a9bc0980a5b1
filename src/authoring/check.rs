//! Reading and checking a rules directory.

use std::io;
use std::path::Path;

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

/// Reads and checks all rules of a directory, or of one file. `now` is what notes on schedules count
/// from. Files in it that cannot be read are told among the diagnostics (R070).
///
/// # Errors
/// When the directory itself cannot be read; the error names it.
pub fn check(directory: &Path, now: Option<Timestamp>) -> io::Result<Checked> {
    let files = Files::read(directory, |_| true).map_err(|error| named(directory, &error))?;
    let (tests, rules): (Vec<_>, Vec<_>) =
        files.texts.into_iter().partition(|(name, _)| is_test(Path::new(name)));
    let reading = rule::read(rules, now);
    let mut diagnostics = files.unreadable;
    diagnostics.extend(reading.diagnostics);
    Ok(Checked { rules: reading.rules, diagnostics, tests })
}

/// All `*.toml` files of a directory and its folders, in the order of their names; or the one file that
/// is named.
///
/// # Errors
/// When the directory or a file in it cannot be read; the error names it.
pub fn read_directory(directory: &Path) -> io::Result<Vec<SourceFile>> {
    let files = Files::read(directory, |_| true).map_err(|error| named(directory, &error))?;
    match files.unreadable.first() {
        None => Ok(files.texts),
        Some(told) => {
            let text = format!("{}:{}: {}", told.spot.file(), told.spot.line(), told.message);
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

fn named(directory: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {}", directory.display(), refusal(error)))
}
