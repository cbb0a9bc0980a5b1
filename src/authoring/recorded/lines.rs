//! A journal as JSON lines: exported entries, or single events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::Trouble;
use crate::decision::{Decision, Event, State};
use crate::ledger::JournalEntry;

/// The longest line that is read, in bytes; no entry of a store is longer.
const LINE: u64 = 16 << 20;

/// A file that can be read more than once.
pub(super) struct Lines {
    path: PathBuf,
    /// What is shown to people.
    name: String,
    /// Removed with this.
    _spooled: Option<NamedTempFile>,
}

/// One line: an entry, or an event that nobody has decided yet.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Entry(Box<JournalEntry>),
    Event(Box<Event>),
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let lines =
            Self { path: path.to_owned(), name: path.display().to_string(), _spooled: None };
        lines.reader().map(|_| lines)
    }

    /// Copies a stream into a file of our own: a replay reads its events twice.
    pub(super) fn spool(stream: &mut dyn Read) -> Result<Self, Trouble> {
        let failed = |error: io::Error| Trouble(format!("standard input cannot be read: {error}"));
        let mut file = NamedTempFile::new().map_err(failed)?;
        io::copy(stream, &mut file).map_err(failed)?;
        file.flush().map_err(failed)?;
        let path = file.path().to_owned();
        Ok(Self { path, name: "standard input".to_owned(), _spooled: Some(file) })
    }

    fn reader(&self) -> Result<BufReader<File>, Trouble> {
        let file = File::open(&self.path);
        file.map(BufReader::new)
            .map_err(|error| Trouble(format!("{} cannot be read: {error}", self.name)))
    }

    pub(super) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<JournalEntry, Trouble>> + '_, Trouble> {
        Ok(of_lines(self.reader()?, &self.name))
    }
}

/// Entries out of a stream of lines; `name` is told with what is wrong. Ends with the first mistake.
pub(super) fn of_lines<'n>(
    mut reader: impl BufRead + 'n,
    name: &'n str,
) -> impl Iterator<Item = Result<JournalEntry, Trouble>> + 'n {
    let (mut number, mut failed) = (0_usize, false);
    std::iter::from_fn(move || {
        while !failed {
            number += 1;
            let mut line = Vec::new();
            match reader.by_ref().take(LINE).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let entry = read(&line, name, number);
                    failed = entry.is_err();
                    return Some(entry);
                }
                Err(error) => {
                    failed = true;
                    return Some(Err(Trouble(format!("{name} broke off: {error}"))));
                }
            }
        }
        None
    })
}

fn read(line: &[u8], name: &str, number: usize) -> Result<JournalEntry, Trouble> {
    match serde_json::from_slice(line) {
        Ok(Line::Entry(entry)) => Ok(*entry),
        Ok(Line::Event(event)) => {
            let nothing = Decision::default();
            let at = event.time;
            Ok(JournalEntry::new(&event, &nothing, "", at, ([], &State::default())))
        }
        Err(_) => Err(Trouble(format!(
            "line {number} of {name} is no journal entry and no event; `curl …/api/v1/journal` writes such lines"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_from_lines_and_the_first_line_that_is_none_is_told_by_its_number() {
        let text = concat!(
            r#"{"id":"0123456789abcdef","cause":{"kind":"member.joined"},"time":5,"command":"x"}"#,
            "\n\n{\"id\":7}\n{\"id\":8}\n"
        );
        let read: Vec<_> = of_lines(text.as_bytes(), "events.jsonl").collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].as_ref().unwrap().event, "member.joined");
        let told = read[1].as_ref().unwrap_err().to_string();
        assert!(told.starts_with("line 3 of events.jsonl is no journal entry"), "{told}");
    }
}
