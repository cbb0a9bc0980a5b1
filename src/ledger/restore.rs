//! Reading a backup: first whether it is whole, then its entries.

use std::io::{self, BufRead};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::backup::{hex, read_line};
use super::{Kind, Pending};
use crate::store::migrations::{self, Migration};
use crate::store::{StoreError, Write};

/// What a backup says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The form of its entries.
    pub schema: u32,
    /// When it was taken, and by which version.
    pub at: String,
    pub version: String,
    pub lines: u64,
}

#[derive(Deserialize)]
struct Header {
    groupkeeper: String,
    schema: u32,
    version: String,
    at: String,
}

#[derive(Deserialize)]
struct Trailer {
    end: u64,
    sha256: String,
}

/// Takes a backup in, line by line, and says at the end whether it is whole.
#[derive(Default)]
pub struct Check {
    header: Option<Header>,
    trailer: Option<Trailer>,
    digest: Sha256,
    lines: u64,
}

impl Check {
    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    /// When it is none of a backup.
    pub fn line(&mut self, line: &str) -> Result<(), StoreError> {
        let place = || self.lines + 2;
        if self.trailer.is_some() {
            return Err(StoreError(format!("line {}: the backup goes on behind its end", place())));
        }
        if line.starts_with("{\"end\"") {
            let trailer = serde_json::from_str(line);
            self.trailer = Some(trailer.map_err(|_| not_one(place()))?);
            return Ok(());
        }
        if self.header.is_none() {
            let header: Header = serde_json::from_str(line).map_err(|_| not_one(1))?;
            if header.groupkeeper != "backup" {
                return Err(not_one(1));
            }
            migrations::from(header.schema, "the backup")?;
            self.header = Some(header);
        } else if read_line(line).is_none() {
            return Err(not_one(place()));
        } else {
            self.lines += 1;
        }
        self.digest.update(line.as_bytes());
        self.digest.update(b"\n");
        Ok(())
    }

    /// Entries so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether it was whole.
    ///
    /// # Errors
    /// When it is not, in words.
    pub fn end(self) -> Result<Summary, StoreError> {
        let Some(header) = self.header else {
            return Err(StoreError("the backup is empty".to_owned()));
        };
        let Some(trailer) = self.trailer else {
            return Err(StoreError(format!(
                "the backup breaks off after {} lines: its last line is missing. Take another one",
                self.lines
            )));
        };
        if trailer.end != self.lines || trailer.sha256 != hex(&self.digest.finalize()) {
            return Err(StoreError(format!(
                "the backup was changed or damaged: its {} lines are not the {} that its last line stands for",
                self.lines, trailer.end
            )));
        }
        let Header { schema, version, at, .. } = header;
        Ok(Summary { schema, at, version, lines: self.lines })
    }
}

fn not_one(line: u64) -> StoreError {
    StoreError(format!("line {line} is no line of a Groupkeeper backup: it is damaged or cut off"))
}

/// Reads a backup to its end.
///
/// # Errors
/// When it is not whole.
pub fn check(backup: impl BufRead) -> Result<Summary, StoreError> {
    let mut check = Check::default();
    for line in backup.lines() {
        check.line(&line.map_err(unreadable)?)?;
    }
    check.end()
}

fn unreadable(error: io::Error) -> StoreError {
    StoreError(format!("the backup cannot be read: {error}"))
}

/// The changes that make a backup's state, in order: the later one wins. What the outbox held may have
/// been carried out since, so Chat is asked before it is repeated.
pub fn writes(
    backup: impl BufRead,
    schema: u32,
) -> Result<impl Iterator<Item = Result<Vec<Write>, StoreError>>, StoreError> {
    let steps = migrations::from(schema, "the backup")?;
    // The header.
    let lines = backup.lines().skip(1);
    Ok(lines.filter_map(move |line| match line {
        Ok(line) if line.starts_with("{\"end\"") => None,
        Ok(line) => {
            Some(read_line(&line).map_or_else(|| Err(not_one(0)), |write| as_now(write, steps)))
        }
        Err(error) => Some(Err(unreadable(error))),
    }))
}

fn as_now((key, value): Write, steps: &[Migration]) -> Result<Vec<Write>, StoreError> {
    let Some(value) = value else { return Ok(vec![(key, None)]) };
    let entries = migrations::rewritten((key, value), steps)?;
    Ok(entries
        .into_iter()
        .map(|(key, value)| {
            let value = perhaps_done(&key, value);
            (key, Some(value))
        })
        .collect())
}

fn perhaps_done(key: &[u8], value: Vec<u8>) -> Vec<u8> {
    if Kind::of(key) != Some(Kind::Outbox) {
        return value;
    }
    match super::decode::<Pending>(key, &value) {
        // What cannot be read is not lost by that: `fsck` shows it.
        Err(_) => value,
        Ok(pending) => super::encode(&Pending { perhaps_done: true, ..pending }).unwrap_or(value),
    }
}
