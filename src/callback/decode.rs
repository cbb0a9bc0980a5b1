//! Callback JSON into events: with `decode/`, the only reader of Tencent's callback bodies.
//!
//! Tencent's documents contradict each other and its traffic (numbers as strings, accounts as
//! numbers, `EventTime` of three kinds or none, two names for one field), so reading is tolerant:
//! an optional field of the wrong type is as good as absent, a field nobody knows stays in the
//! `callback` event, and a known command that lacks what its event needs becomes a `callback` event
//! with a note. Only a body that is no JSON object is an error.

mod command;
mod fields;
mod group;
mod identity;
mod member;
mod message;
mod room;
mod user;

use std::fmt;

use serde_json::{Map, Value};

use self::command::Command;
use self::fields::Fields;
use super::query::Query;
use super::reply::Answering;
use crate::chat::{Account, GroupId, GroupType};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, Field, Room};
use crate::decision::{Event, EventId};
use crate::rule::EventKind;

pub use self::command::label;

/// What decoding depends on besides the callback.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The accounts that our REST calls are made as.
    pub admins: &'a [Account],
    /// Whether commands that have an event of their own yield a `callback` event too.
    pub wants_callback_event: bool,
}

/// A decoded callback.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// `CallbackCommand`: the query's, otherwise the body's, empty where neither says.
    pub command: String,
    /// The command if it is in Tencent's lists, otherwise `other`.
    pub label: &'static str,
    /// What happened, in order and never empty; a `callback` event comes last.
    pub events: Vec<Event>,
    /// Which answers the command understands.
    pub answering: Answering,
    /// Query and body named different commands.
    pub disagreed: bool,
    /// A known command lacked what its event needs.
    pub incomplete: bool,
}

/// The body is not a JSON object. Says where, and quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled {
    /// Counted from 1; 0 where the whole body is meant.
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a JSON object (line {}, column {})", self.line, self.column)
    }
}

impl std::error::Error for Garbled {}

/// Why a known command has no event of its own this time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unfit(String);

impl Unfit {
    fn missing(field: &str) -> Self {
        Self(format!("{field} is missing"))
    }
}

/// Reads one callback.
///
/// `now` stands in where a callback carries no time. An unknown command, and a known one without an
/// event of its own, yields one `callback` event.
pub fn decode(
    query: &Query,
    body: &[u8],
    settings: Settings<'_>,
    now: Timestamp,
) -> Result<Decoded, Garbled> {
    let body: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Garbled { line: error.line(), column: error.column() })?;
    let fields = Fields::new(&body);
    let in_body = fields.text("CallbackCommand").unwrap_or_default();
    let in_body = command::official(&in_body);
    let name = if query.command.is_empty() { in_body } else { command::official(&query.command) };
    let command = Command::named(name);
    let callback = Callback::new(name, fields, query, settings, now);
    let answering = command.map_or(Answering::After, |command| command.answering(fields));
    let (mut events, note) = match command.and_then(|command| command.reader) {
        None => (Vec::new(), None),
        Some(read) => match read(&callback) {
            Ok(events) => (events, None),
            Err(Unfit(note)) => (Vec::new(), Some(note)),
        },
    };
    let incomplete = note.is_some();
    let kept = (events.is_empty() || settings.wants_callback_event).then(|| callback.kept(note));
    let disagreed = !in_body.is_empty() && in_body != name;
    let command_name = name.to_owned();
    if let Some(mut event) = kept {
        event.fields.insert("body".to_owned(), Field::Json(Value::Object(body)));
        events.push(event);
    }
    let label = command.map_or(command::OTHER, |command| command.name);
    Ok(Decoded { command: command_name, label, events, answering, disagreed, incomplete })
}

/// One callback, as the readers of `decode/` see it.
struct Callback<'a> {
    command: &'a str,
    fields: Fields<'a>,
    platform: &'a str,
    time: Timestamp,
    id: EventId,
    operator: Option<Account>,
    by_bot: bool,
}

impl<'a> Callback<'a> {
    fn new(
        command: &'a str,
        fields: Fields<'a>,
        query: &'a Query,
        settings: Settings<'_>,
        now: Timestamp,
    ) -> Self {
        let operator = fields.account("Operator_Account");
        let by_rest = query.platform.eq_ignore_ascii_case("RESTAPI");
        // Other back-ends of the app call REST too, and admins also use clients: only both together
        // are an echo of ours.
        let by_bot = by_rest && operator.as_ref().is_some_and(|o| settings.admins.contains(o));
        Self {
            command,
            fields,
            platform: &query.platform,
            time: fields.time().unwrap_or(now),
            id: identity::of(command, fields, now),
            operator,
            by_bot,
        }
    }

    /// An event with what the callback says of every event.
    fn event(&self, kind: EventKind, id: EventId) -> Event {
        Event {
            platform: self.platform.to_owned(),
            by_bot: self.by_bot,
            operator: self.operator.clone(),
            ..Event::new(id, Cause::Kind(kind), self.time, self.command)
        }
    }

    /// The callback's only event.
    fn only(&self, kind: EventKind) -> Event {
        self.event(kind, self.id.clone())
    }

    /// The callback's only event, which happened in a group.
    fn in_group(&self, kind: EventKind) -> Result<Event, Unfit> {
        let group = self.group().ok_or_else(|| Unfit::missing("GroupId"))?;
        Ok(Event { group: Some(group), group_type: self.group_type(), ..self.only(kind) })
    }

    /// The callback's only event, which happened in this room.
    fn in_room(&self, kind: EventKind, room: Room) -> Event {
        Event { room: Some(room), ..self.only(kind) }
    }

    /// One event for each member, alike but for the member and the id.
    fn each(members: Vec<Account>, event: &Event) -> Vec<Event> {
        let of_member = |member: Account| Event {
            id: event.id.derive(&format!("{} {member}", event.name())),
            member: Some(member),
            ..event.clone()
        };
        members.into_iter().map(of_member).collect()
    }

    /// One of several events of the callback, about the same as `about`.
    fn alike(&self, about: &Event, kind: EventKind) -> Event {
        Event { id: self.id.derive(kind.name()), cause: Cause::Kind(kind), ..about.clone() }
    }

    /// `GroupId`; the field table of 34369 spells it `groupID`.
    fn group(&self) -> Option<GroupId> {
        let id = self.fields.text("GroupId").or_else(|| self.fields.text("groupID"))?;
        (!id.is_empty()).then(|| GroupId::from(&*id))
    }

    fn group_type(&self) -> Option<GroupType> {
        let name = self.fields.text("Type")?;
        Some(GroupType::from_name(&name).unwrap_or(GroupType::Unknown))
    }

    /// The `callback` event, still without its body. It stands in its group or room, so that it
    /// keeps its place among their events.
    fn kept(&self, note: Option<String>) -> Event {
        let mut event = self.event(EventKind::Callback, self.id.derive("callback"));
        event.group = self.group();
        event.group_type = event.group.as_ref().and_then(|_| self.group_type());
        event.room = room::of(self);
        if let Some(note) = note {
            event.fields.insert("note".to_owned(), Field::Text(note));
        }
        event
    }
}

/// Sets the texts that the callback has; one that it does not mention stays unset, because an empty
/// text means "was emptied".
fn set_texts(event: &mut Event, fields: Fields<'_>, names: &[(&str, &str)]) {
    for (name, wire) in names {
        if let Some(text) = fields.text(wire) {
            event.fields.insert((*name).to_owned(), Field::Text(text.into_owned()));
        }
    }
}

fn set(event: &mut Event, name: &str, field: Field) {
    event.fields.insert(name.to_owned(), field);
}
