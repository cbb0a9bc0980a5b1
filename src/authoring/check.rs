//! Reading a rules directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::{self, RuleSet};

/// A folder with a file of this name in it is passed over, unless it is the one that is named: examples can
/// lie among rules without being in force.
const SKIP: &str = ".groupkeeper-skip";

/// File name (with the directory as it was named) and content.
pub type SourceFile = (String, String);

/// A rules directory, read.
#[derive(Debug)]
pub struct Checked {
    pub rules: RuleSet,
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

/// Reads and checks all rules of a directory, or of one file. `now` is what notes on schedules count from.
///
/// # Errors
/// When the directory or a file in it cannot be read; the error names it.
pub fn check(directory: &Path, now: Option<Timestamp>) -> io::Result<Checked> {
    let (rules, tests): (Vec<_>, Vec<_>) =
        read_directory(directory)?.into_iter().partition(|(name, _)| !is_test(name));
    let reading = rule::read(rules, now);
    Ok(Checked { rules: reading.rules, diagnostics: reading.diagnostics, tests })
}

fn is_test(name: &str) -> bool {
    name.ends_with(".test.toml")
}

/// All `*.toml` files of a directory and its folders, in the order of their names; or the one file that
/// is named.
///
/// # Errors
/// When the directory or a file in it cannot be read; the error names it.
pub fn read_directory(directory: &Path) -> io::Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    if directory.is_file() {
        paths.push(directory.to_owned());
    } else {
        collect(directory, &mut paths)?;
    }
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).map_err(|error| named(&path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&path, &error))?;
        Ok((path.to_string_lossy().into_owned(), text))
    };
    paths.into_iter().map(read).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory).map_err(|error| named(directory, &error))? {
        let path = entry.map_err(|error| named(directory, &error))?.path();
        // Editors' temporary files and a ConfigMap's `..data` begin with a dot.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if !path.join(SKIP).exists() {
                collect(&path, paths)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Saved by an editor that writes UTF-16, or in a code page.
fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> io::Error {
    let good = error.utf8_error().valid_up_to();
    let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
    let path = path.display();
    let text = format!("{path}:{line}: this is not UTF-8; save the file in that encoding");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
