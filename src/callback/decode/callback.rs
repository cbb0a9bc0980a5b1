//! One callback as the readers of its command see it, and the events that they make of it.

use super::fields::Fields;
use super::{Settings, fields, identity, room};
use crate::callback::query::Query;
use crate::chat::{Account, GroupId, GroupType};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, Field, Room};
use crate::decision::{Event, EventId};
use crate::rule::EventKind;

/// Why a known command has no event of its own this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The body is not what Tencent documents for the command; what is wrong, in words of ours alone.
    Wrong(&'static str),
    /// The same: this field is not there.
    Missing(String),
    /// The body is right, and tells of nothing that has happened.
    Nothing(String),
}

impl Unfit {
    pub(super) fn missing(field: &str) -> Self {
        Self::Missing(format!("{field} is missing"))
    }

    /// What is noted in the event, and whether it means that the body does not fit its command.
    pub(super) fn note(self) -> (String, bool) {
        match self {
            Self::Wrong(note) => (note.to_owned(), true),
            Self::Missing(note) => (note, true),
            Self::Nothing(note) => (note, false),
        }
    }
}

/// One callback, as the readers of `decode/` see it.
pub(super) struct Callback<'a> {
    pub(super) command: &'a str,
    pub(super) fields: Fields<'a>,
    pub(super) platform: &'a str,
    pub(super) time: Timestamp,
    pub(super) id: EventId,
    pub(super) operator: Option<Account>,
    pub(super) by_bot: bool,
}

impl<'a> Callback<'a> {
    pub(super) fn new(
        command: &'a str,
        fields: Fields<'a>,
        query: &'a Query<'a>,
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
    pub(super) fn event(&self, kind: EventKind, id: EventId) -> Event {
        Event {
            platform: self.platform.to_owned(),
            by_bot: self.by_bot,
            operator: self.operator.clone(),
            ..Event::new(id, Cause::Kind(kind), self.time, self.command)
        }
    }

    /// The callback's only event.
    pub(super) fn only(&self, kind: EventKind) -> Event {
        self.event(kind, self.id.clone())
    }

    /// The callback's only event, which happened in a group.
    pub(super) fn in_group(&self, kind: EventKind) -> Result<Event, Unfit> {
        let group = self.group().ok_or_else(|| Unfit::missing("GroupId"))?;
        Ok(Event { group: Some(group), group_type: self.group_type(), ..self.only(kind) })
    }

    /// The callback's only event, which happened in this room.
    pub(super) fn in_room(&self, kind: EventKind, room: Room) -> Event {
        Event { room: Some(room), ..self.only(kind) }
    }

    /// One event for each member, alike but for the member and the id.
    pub(super) fn each(members: Vec<Account>, event: &Event) -> Vec<Event> {
        let of_member = |member: Account| Event {
            id: event.id.derive(&format!("{} {member}", event.name())),
            member: Some(member),
            ..event.clone()
        };
        members.into_iter().map(of_member).collect()
    }

    /// One of several events of the callback, about the same as `about`.
    pub(super) fn alike(&self, about: &Event, kind: EventKind) -> Event {
        Event { id: self.id.derive(kind.name()), cause: Cause::Kind(kind), ..about.clone() }
    }

    /// `GroupId`; the field table of 34369 spells it `groupID`.
    pub(super) fn group(&self) -> Option<GroupId> {
        let names = ["GroupId", "groupID", "GroupID"];
        let id = names.iter().find_map(|name| self.fields.text(name))?;
        fields::is_id(&id).then(|| GroupId::from(&*id))
    }

    pub(super) fn group_type(&self) -> Option<GroupType> {
        let name = self.fields.word("Type")?;
        Some(GroupType::from_name(&name).unwrap_or(GroupType::Unknown))
    }

    /// The `callback` event, still without its body. It stands in its group or room, so that it
    /// keeps its place among their events.
    pub(super) fn kept(&self, note: Option<String>) -> Event {
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
pub(super) fn set_texts(event: &mut Event, fields: Fields<'_>, names: &[(&str, &str)]) {
    for (name, wire) in names {
        if let Some(text) = fields.text(wire) {
            event.fields.insert((*name).to_owned(), Field::Text(text.into_owned()));
        }
    }
}

/// Sets who is named; an empty text where the callback names the field and nobody in it.
pub(super) fn set_accounts(event: &mut Event, fields: Fields<'_>, names: &[(&str, &str)]) {
    for (name, wire) in names {
        if fields.text(wire).is_some() {
            let who = fields.account(wire).map(|account| account.to_string());
            set(event, name, Field::Text(who.unwrap_or_default()));
        }
    }
}

pub(super) fn set(event: &mut Event, name: &str, field: Field) {
    event.fields.insert(name.to_owned(), field);
}
