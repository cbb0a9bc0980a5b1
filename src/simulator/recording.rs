//! What happened, as lines of JSON: each act, each REST call with its answer, each callback with the
//! bot's. Bodies of messages are in it; UserSigs, signatures and tokens are not.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::quirks::Quirks;
use super::settings::Settings;
use crate::chat::Account;
use crate::clock::Timestamp;

/// The shape of the lines; another number is another shape.
const FORMAT: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The first line: how the app was configured.
    Begins(Begins),
    /// Somebody used `POST /control/{verb}`.
    Act { at: Timestamp, verb: String, fields: Value },
    /// The bot called.
    Call {
        at: Timestamp,
        service: String,
        command: String,
        identifier: Account,
        body: Value,
        /// HTTP status; 0 when the connection was cut.
        status: u16,
        /// As text, if it was no JSON.
        answer: Value,
    },
    /// The bot was called, or ought to have been.
    Callback {
        at: Timestamp,
        command: String,
        query: Vec<(String, String)>,
        /// As text, if a fault left no JSON.
        body: Value,
        /// `None` when nothing came in time or at all.
        answer: Option<BotAnswer>,
    },
}

/// How the recorded app was configured, but for its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begins {
    pub at: Timestamp,
    pub format: u32,
    pub sdk_app_id: u64,
    pub admins: Vec<Account>,
    pub callbacks: BTreeSet<String>,
    pub refuse_unanswered: bool,
    pub quirks: Quirks,
}

impl Begins {
    pub(super) fn of(settings: &Settings, at: Timestamp) -> Self {
        Self {
            at,
            format: FORMAT,
            sdk_app_id: settings.sdk_app_id,
            admins: settings.admins.clone(),
            callbacks: settings.callbacks.clone(),
            refuse_unanswered: settings.refuse_unanswered,
            quirks: settings.quirks.clone(),
        }
    }

    /// Configures another app so; its key and tokens stay its own.
    pub fn apply(&self, settings: &mut Settings) {
        settings.sdk_app_id = self.sdk_app_id;
        settings.admins.clone_from(&self.admins);
        settings.callbacks.clone_from(&self.callbacks);
        settings.refuse_unanswered = self.refuse_unanswered;
        settings.quirks = self.quirks.clone();
    }
}

/// HTTP status and body of the bot's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BotAnswer {
    pub status: u16,
    pub body: Value,
}

/// JSON as it is, anything else as text.
pub(super) fn readable(body: &[u8]) -> Value {
    let text = || json!(String::from_utf8_lossy(body));
    if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).unwrap_or_else(|_| text())
    }
}

/// A query without the signature.
pub(super) fn unsigned(query: &[(String, String)]) -> Vec<(String, String)> {
    query.iter().filter(|(name, _)| name != "Sign").cloned().collect()
}

/// Takes tokens out of what `set_callback_token` and `get_callback_token` carry.
pub(super) fn without_token(service: &str, mut body: Value) -> Value {
    if service.ends_with("_config") {
        hide_token(Some(&mut body));
        hide_token(body.get_mut("Response"));
    }
    body
}

fn hide_token(fields: Option<&mut Value>) {
    if let Some(token) = fields.and_then(|fields| fields.get_mut("Token")) {
        *token = json!("…");
    }
}

/// Where lines go: a file, memory, or both.
#[derive(Default)]
pub struct Recorder {
    file: Option<File>,
    kept: Option<Vec<Entry>>,
    count: usize,
    broken: Option<String>,
}

impl Recorder {
    /// Makes the file anew; refuses one that exists.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Some(File::create_new(path)?), ..Self::default() })
    }

    /// Keeps what it hears, besides.
    pub fn and_in_memory(mut self) -> Self {
        self.kept = Some(Vec::new());
        self
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.count += 1;
        if let Some(file) = &mut self.file
            && let Err(error) = write(file, &entry)
        {
            // What follows a gap would be played wrong; the rest is left out.
            self.file = None;
            self.broken = Some(error.to_string());
        }
        if let Some(kept) = &mut self.kept {
            kept.push(entry);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn kept(&self) -> Vec<Entry> {
        self.kept.clone().unwrap_or_default()
    }

    /// Why the file ends before what happened did.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

fn write(file: &mut File, entry: &Entry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// A recording that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub begins: Begins,
    /// What followed, oldest first.
    pub entries: Vec<Entry>,
}

impl Recording {
    /// Reads the lines. A last line that was cut off is left out; anything else that is no line of a
    /// recording is an error, which names it.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => {}
                Err(error) => {
                    let why = why_no_entry(index, line, &error);
                    return Err(format!("line {} is none of a recording{why}", index + 1));
                }
            }
        }
        let mut entries = entries.into_iter();
        let Some(Entry::Begins(begins)) = entries.next() else {
            return Err("line 1 does not say how the recording began".to_owned());
        };
        if begins.format != FORMAT {
            return Err(format!(
                "the recording has format {}; this version plays format {FORMAT}",
                begins.format
            ));
        }
        Ok(Self { begins, entries: entries.collect() })
    }
}

/// The parser's words, where they help: of a line that has not even the form, they speak of our types.
fn why_no_entry(index: usize, line: &str, error: &serde_json::Error) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(line);
    match value {
        // A log may be JSON too; that shows in its first line.
        Ok(value) if value.is_object() && index > 0 => format!(": {error}"),
        _ => ", which has one JSON object in each line, as `groupkeeper simulate --record FILE` writes them"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins() -> Begins {
        Begins::of(&Settings::new(1, "administrator", "the key"), Timestamp(5))
    }

    #[test]
    fn lines_are_read_as_they_were_written_but_for_one_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::to_file(&path).unwrap().and_in_memory();
        let act =
            Entry::Act { at: Timestamp(7), verb: "join".into(), fields: json!({ "group": "g" }) };
        recorder.add(Entry::Begins(begins()));
        recorder.add(act.clone());
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = Recording { begins: begins(), entries: vec![act] };
        assert_eq!(Recording::read(&text), Ok(whole.clone()));
        assert_eq!(Recording::read(&format!("{text}{{\"kind\":\"ac")), Ok(whole));
        assert_eq!(recorder.kept().len(), 2);
        assert!(!text.contains("the key"), "{text}");
        let error = Recording::read(&format!("{text}nonsense\n")).unwrap_err();
        assert!(error.starts_with("line 3 is none of a recording"), "{error}");
        let again = Recorder::to_file(&path).err().unwrap();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_recording_of_another_format_is_refused() {
        let other = Entry::Begins(Begins { format: 9, ..begins() });
        let text = serde_json::to_string(&other).unwrap() + "\n";
        let error = Recording::read(&text).unwrap_err();
        assert_eq!(error, "the recording has format 9; this version plays format 1");
        let error = Recording::read("").unwrap_err();
        assert_eq!(error, "line 1 does not say how the recording began");
    }

    #[test]
    fn signatures_and_tokens_are_not_kept() {
        let query =
            [("Sign".to_owned(), "abc".to_owned()), ("RequestTime".to_owned(), "1".to_owned())];
        assert_eq!(unsigned(&query), [("RequestTime".to_owned(), "1".to_owned())]);
        let body = without_token("live_config", json!({ "Token": "secret" }));
        assert_eq!(body, json!({ "Token": "…" }));
        let answer = json!({ "Response": { "Token": "secret", "IsTokenEnable": true } });
        let answer = without_token("live_config", answer);
        assert_eq!(answer, json!({ "Response": { "Token": "…", "IsTokenEnable": true } }));
    }
}
