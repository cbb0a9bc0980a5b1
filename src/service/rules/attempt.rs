//! One reading of the rules directory, from files to rules that could be in force.

use std::path::Path;

use super::fingerprint::Fingerprint;
use crate::authoring::{Files, is_test, refusal};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::digest;
use crate::rule::{self, RuleSet, unread};

/// What stands on disk.
pub(super) enum OnDisk {
    /// The very files that are in force.
    Same,
    Good {
        rules: Box<RuleSet>,
        warnings: Vec<Diagnostic>,
    },
    Broken {
        /// Tells one broken state of the files from another.
        digest: String,
        errors: Vec<Diagnostic>,
    },
}

/// What stands on disk, and what the directory looked like when the reading ended.
pub(super) struct Attempt {
    pub(super) found: OnDisk,
    pub(super) seen: Fingerprint,
}

/// Reads the directory; blocks. Files that are those of the version in force are not parsed.
pub(super) fn attempt(directory: &Path, in_force: &str) -> Attempt {
    // A file that the reader fails on must not take the watch over all others with it.
    let reading = std::panic::catch_unwind(|| read(directory, in_force));
    let found = reading.unwrap_or_else(|_| {
        let why = "a bug of this program, which stopped while it read; the log says where";
        broken("", vec![unread::not_readable(&directory.to_string_lossy(), why)])
    });
    Attempt { found, seen: Fingerprint::of(directory) }
}

fn read(directory: &Path, in_force: &str) -> OnDisk {
    let name = directory.to_string_lossy();
    let files = match Files::read(directory, |path| !is_test(path)) {
        Ok(files) => files,
        Err(error) => return broken("", vec![unread::not_readable(&name, &refusal(&error))]),
    };
    let version = digest(files.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    if files.unreadable.is_empty() && version == in_force {
        return OnDisk::Same;
    }
    let reading = rule::read(files.texts, None);
    let (mut errors, others): (Vec<_>, Vec<_>) =
        reading.diagnostics.into_iter().partition(|told| told.level == Level::Error);
    errors.splice(0..0, files.unreadable);
    if errors.is_empty() && reading.rules.rules().is_empty() {
        errors.push(unread::no_rules(&name));
    }
    if !errors.is_empty() {
        return broken(&version, errors);
    }
    let warnings = others.into_iter().filter(|told| told.level == Level::Warning).collect();
    OnDisk::Good { rules: Box::new(reading.rules), warnings }
}

fn broken(version: &str, errors: Vec<Diagnostic>) -> OnDisk {
    let told = errors.iter().map(|told| (told.code.0, told.message.as_str()));
    let digest = digest(std::iter::once(("", version)).chain(told));
    OnDisk::Broken { digest, errors }
}
