//! What a bug or a garbled byte keeps from being worked on: kept with its cause until it can be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kind, backup};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, Event, EventId};
use crate::decision::seen::Seen;

/// An event that could not be decided, or a record that could not be read. Nothing of it was done; what
/// stood behind it went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Of the event; of a record, made from its key.
    pub id: EventId,
    pub what: Kept,
    /// What the panic said, or why it cannot be read.
    pub why: String,
    pub since: Timestamp,
    /// When it was last tried.
    pub last: Timestamp,
    pub tries: u32,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    Event(Box<Event>),
    /// Key and value as a backup writes keys.
    Record {
        key: String,
        value: String,
    },
}

impl Kept {
    /// A record as it stands in the store.
    pub fn record(key: &[u8], value: &[u8]) -> Self {
        Self::Record { key: backup::written(key), value: backup::written(value) }
    }

    /// The bytes of key and value of a record; nothing for an event.
    pub fn bytes(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let Self::Record { key, value } = self else { return None };
        Some((backup::read_key(key)?, backup::read_key(value)?))
    }

    /// Under which id it is kept: readings of one group take each other's place, because only the newest
    /// says how things are.
    pub fn id(&self) -> EventId {
        match self {
            Self::Record { key, .. } => EventId::of(&[b"record", key.as_bytes()]),
            Self::Event(event) => match &event.cause {
                Cause::Seen(seen) => {
                    let group = event.group.as_ref().map_or("", |group| group.as_str());
                    EventId::of(&[b"reading", group.as_bytes(), part(seen).as_bytes()])
                }
                _ => event.id.clone(),
            },
        }
    }

    /// Whether it comes again by itself: a timer stays set, and Chat is read again.
    pub fn comes_again(&self) -> bool {
        match self {
            Self::Event(event) => matches!(event.cause, Cause::Timer(_) | Cause::Seen(_)),
            Self::Record { .. } => false,
        }
    }
}

fn part(seen: &Seen) -> &'static str {
    match seen {
        Seen::Group { .. } => "group",
        Seen::Members { .. } => "members",
        Seen::Roles { .. } => "roles",
        Seen::Complete { .. } => "complete",
        Seen::AccountGone { .. } => "account gone",
        Seen::Muted { .. } => "muted",
    }
}

/// For operators: what happened, where and to whom; never what somebody wrote.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { key, .. } => {
                let kind = backup::read_key(key).and_then(|key| Kind::of(&key));
                write!(f, "record of kind {}: {key}", kind.map_or("unknown", Kind::name))
            }
            Self::Event(event) => {
                match &event.cause {
                    Cause::Settled { effect, outcome, .. } => {
                        let words = super::outcome_words(outcome);
                        write!(f, "what became of \"{}\": {words}", effect.act)?;
                    }
                    Cause::Schedule { rule, due } => write!(f, "schedule of `{rule}` at {due}")?,
                    _ => write!(f, "{}", event.name())?,
                }
                if let Some(member) = &event.member {
                    write!(f, ", {member}")?;
                }
                match (&event.group, &event.room) {
                    (Some(group), _) => write!(f, " in {group}"),
                    (None, Some(room)) => write!(f, " in {}", room.id),
                    (None, None) => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_the_bytes_that_it_was_made_of() {
        let all: Vec<u8> = (0..=255).collect();
        let kept = Kept::record(b"o/g:cats\0\x01\xff", &all);
        assert_eq!(kept.bytes(), Some((b"o/g:cats\0\x01\xff".to_vec(), all)));
        assert!(kept.to_string().starts_with("record of kind outbox: o/g:cats"));
    }

    #[test]
    fn an_event_is_told_without_what_somebody_wrote() {
        let cause = Cause::Kind(crate::rule::EventKind::MessageSent);
        let mut event = Event::new(EventId::of(&[b"1"]), cause, Timestamp(0), "x");
        event.group = Some("@TGS#cats".into());
        event.member = Some("ann".into());
        let kept = Kept::Event(Box::new(event.clone()));
        assert_eq!(kept.to_string(), "message.sent, ann in @TGS#cats");
        assert_eq!((kept.id(), kept.comes_again()), (event.id, false));
    }
}
