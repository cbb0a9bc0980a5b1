//! The records behind the keys.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Answer, Outcome};
use crate::decision::event::{EventId, Hung, Timer};
use crate::decision::state::Sanction;
use crate::store::StoreError;

/// The version of the records that this program writes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'r, T> {
    v: u32,
    #[serde(rename = "r")]
    record: &'r T,
}

#[derive(Deserialize)]
struct Stored<T> {
    v: u32,
    #[serde(rename = "r")]
    record: T,
}

/// A record as it is stored.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Written { v: VERSION, record })
        .map_err(|error| StoreError(format!("a record cannot be written: {error}")))
}

/// Reads a stored record.
pub fn decode<T: serde::de::DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let key = || super::backup::written(key);
    let stored: Stored<T> = serde_json::from_slice(bytes)
        .map_err(|error| StoreError(format!("the record `{}` cannot be read: {error}", key())))?;
    if stored.v > VERSION {
        return Err(StoreError(format!(
            "the record `{}` has version {}, written by a newer Groupkeeper",
            key(),
            stored.v
        )));
    }
    Ok(stored.record)
}

/// An effect in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    pub effect: Effect,
    /// Tries so far.
    #[serde(default)]
    pub tries: u32,
    /// Not before this time.
    #[serde(default)]
    pub not_before: Timestamp,
    /// A try whose outcome nobody knows: Chat is asked before it is repeated.
    #[serde(default)]
    pub perhaps_done: bool,
    /// What the last try ran into.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
    /// Tries that a bug of ours has ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub panics: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An effect that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub pending: Pending,
    pub at: Timestamp,
    pub why: String,
    /// The sanction that fell with it, or that it was to end. Absent in records of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell: Option<Sanction>,
    /// What stood behind it in the same rule and was not sent either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hung: Vec<Hung>,
}

/// A timer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerRecord {
    pub id: EventId,
    pub timer: Timer,
}

/// An outcome in words, for the journal, logs and the demo.
pub fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Partly { words } => format!("done in part: {words}"),
        Outcome::Observed => "observed (shadow), not sent".to_owned(),
        Outcome::Refused { code, words } => format!("refused by Chat: {code} {words}"),
        Outcome::Dead { words } => format!("given up: {words}"),
        Outcome::Answer(Answer::Group(facts)) if !facts.exists => "the group is gone".to_owned(),
        Outcome::Answer(Answer::Group(facts)) => match &facts.owner {
            Some(owner) => format!("{owner} owns it"),
            None => "nobody owns it".to_owned(),
        },
        Outcome::Answer(Answer::Roles { roles, .. }) => {
            let told = roles.iter().map(|(account, role)| match role.name() {
                "" => format!("{account} is not in the group"),
                role => format!("{account} is {role}"),
            });
            told.collect::<Vec<_>>().join(", ")
        }
        Outcome::Answer(Answer::Candidates { members, .. }) => {
            format!("{} members", members.len())
        }
        Outcome::Answer(Answer::Room(facts)) if !facts.exists => "the room is closed".to_owned(),
        Outcome::Answer(Answer::Room(facts)) => match &facts.owner {
            Some(owner) => format!("{owner} owns it"),
            None => "nobody owns it".to_owned(),
        },
        Outcome::Answer(Answer::RoomCandidates { members, .. }) => {
            format!("{} in the room", members.len())
        }
        Outcome::Answer(Answer::Muted { until: Some(until) }) => format!("muted until {until}"),
        Outcome::Answer(Answer::Muted { until: None }) => "not muted".to_owned(),
    }
}
