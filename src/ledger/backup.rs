//! A backup: the whole store as JSON lines, taken while it is written to, and read back.
//!
//! The first line names the form, then each line is an entry (`value` where that is JSON, `base64` where
//! it is not) or says that one is `removed`; a later line wins. The last line counts the lines and holds
//! a digest of everything before it: a backup that was cut off, or changed, is noticed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::keys::Kind;
use crate::clock::Timestamp;
use crate::store::migrations::SCHEMA;
use crate::store::{Follower, MAX_KEY, Store, StoreError};

/// Entries that are read at once, so that nobody waits for it.
const PAGE: usize = 500;
/// Behind every key.
const END: [u8; MAX_KEY + 1] = [0xff; MAX_KEY + 1];

/// A backup that is being taken.
pub struct Backup {
    store: Arc<dyn Store>,
    /// Absent where nobody else writes.
    follower: Option<Follower>,
    at: Timestamp,
    stage: Stage,
    lines: u64,
    digest: Sha256,
}

enum Stage {
    Header,
    From(Vec<u8>),
    Trailer,
    Done,
}

impl Backup {
    /// Begins. What is committed before the last page has been read is in it, and nothing that is
    /// committed later: it is the store between two commits, as a crash might have left it.
    ///
    /// # Errors
    /// When the store cannot be followed.
    pub fn begin(store: Arc<dyn Store>, at: Timestamp) -> Result<Self, StoreError> {
        let follower = Some(store.follow()?);
        let (lines, digest) = (0, Sha256::new());
        Ok(Self { store, follower, at, stage: Stage::Header, lines, digest })
    }

    /// The next lines; `None` when all of it was given.
    ///
    /// # Errors
    /// When the store cannot be read, or is written to faster than this is taken away.
    pub fn next_lines(&mut self) -> Result<Option<String>, StoreError> {
        let mut text = String::new();
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Header => {
                let version = env!("CARGO_PKG_VERSION");
                let at = self.at.to_string();
                let header = json!({ "groupkeeper": "backup", "schema": SCHEMA, "version": version, "at": at });
                text = format!("{header}\n");
                self.stage = Stage::From(Vec::new());
            }
            Stage::From(from) => {
                let page = self.store.scan(&from, &END, PAGE)?;
                self.stage = match page.last() {
                    Some((last, _)) => Stage::From(super::after(last)),
                    None => Stage::Trailer,
                };
                for (key, value) in &page {
                    self.line(&mut text, key, Some(value));
                }
                // Behind the page: what was told before it was read may be older than the page.
                for (key, value) in self.follower.as_ref().map_or(Ok(Vec::new()), Follower::take)? {
                    self.line(&mut text, &key, value.as_deref());
                }
            }
            Stage::Trailer => {
                let digest = hex(&std::mem::take(&mut self.digest).finalize());
                return Ok(Some(format!("{}\n", json!({ "end": self.lines, "sha256": digest }))));
            }
            Stage::Done => return Ok(None),
        }
        self.digest.update(text.as_bytes());
        Ok(Some(text))
    }

    fn line(&mut self, text: &mut String, key: &[u8], value: Option<&[u8]>) {
        self.lines += 1;
        let kind = Kind::of(key).map_or("unknown", Kind::name);
        text.push_str(&format!("{{\"kind\":\"{kind}\",\"key\":\"{}\"", written(key)));
        match value {
            None => text.push_str(",\"removed\":true}\n"),
            Some(value) => match json_line(value) {
                Some(value) => text.push_str(&format!(",\"value\":{value}}}\n")),
                None => text.push_str(&format!(",\"base64\":\"{}\"}}\n", STANDARD.encode(value))),
            },
        }
    }
}

/// A value that may stand in a line as it is.
fn json_line(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let whole = !text.contains('\n') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    // Spaces around it would be lost on the way back.
    (whole && text.trim() == text).then_some(text)
}

/// A key as a person can search for it: bytes beyond plain text are written as `%00`.
pub(super) fn written(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    for byte in key {
        match byte {
            b'%' | b'"' | b'\\' => text.push_str(&format!("%{byte:02x}")),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

/// The inverse of [`written`].
pub(super) fn read_key(text: &str) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            key.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            key.push(byte);
        }
    }
    Some(key)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a line of an entry: its key, and its value, `None` for removed.
pub(super) fn read_line(line: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let rest = line.strip_prefix("{\"kind\":\"")?.split_once("\",\"key\":\"")?.1;
    let (key, rest) = rest.split_once("\",")?;
    let rest = rest.strip_suffix('}')?;
    let value = if let Some(value) = rest.strip_prefix("\"value\":") {
        Some(value.as_bytes().to_vec())
    } else if let Some(value) = rest.strip_prefix("\"base64\":\"") {
        Some(STANDARD.decode(value.strip_suffix('"')?).ok()?)
    } else if rest == "\"removed\":true" {
        None
    } else {
        return None;
    };
    Some((read_key(key)?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_back_the_bytes_that_it_was_made_of() {
        let store: Arc<dyn Store> = Arc::new(crate::store::MemoryStore::default());
        let mut backup = Backup::begin(store, Timestamp(0)).unwrap();
        let all: Vec<u8> = (0..=255).collect();
        let values: [&[u8]; 6] =
            [b"", b"{\"a\": [1.50, \"\\u00e4\"]}", b" {}", b"{\n}", b"\xff\0", &all];
        for value in values.iter().map(|value| Some(*value)).chain([None]) {
            let mut text = String::new();
            backup.line(&mut text, &all, value);
            let read = read_line(text.strip_suffix('\n').unwrap());
            assert_eq!(read, Some((all.clone(), value.map(<[u8]>::to_vec))), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
}
