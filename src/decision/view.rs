//! What conditions and texts see: the values behind `group.owner`, `member.role` and the rest.

use std::sync::OnceLock;

use super::draft::Draft;
use super::event::{Event, Field, Room, RoomKind};
use super::memory;
use super::state::{Owner, SanctionKind};
use crate::chat::{Account, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::MemberFacts;
use crate::rule::EventKind;
use crate::rule::catalog::Object;
use crate::rule::condition::{self, Datum};
use crate::rule::duration;
use crate::rule::template::Template;

/// One event as a rule's conditions and texts see it.
pub(super) struct View<'v, 'd> {
    pub(super) draft: &'v Draft<'d>,
    pub(super) event: &'v Event,
    pub(super) count: Option<u32>,
}

/// The mute that texts of the same rule can name.
#[derive(Clone, Debug, Default)]
pub(super) struct MuteWords {
    pub(super) time: String,
    pub(super) until: String,
    pub(super) reason: String,
}

impl View<'_, '_> {
    /// The names of the event's own objects, bound for CEL.
    pub(super) fn context(&self) -> cel::Context<'static, 'static> {
        let mut context = condition::context();
        let objects = self.event.kind().map_or(&[Object::Group][..], |kind| kind.objects());
        for object in [Object::Event].iter().chain(objects) {
            condition::bind(&mut context, *object, self.fields(*object));
        }
        let remembered = self.draft.rules.memory_keys();
        if remembered.len() > 0 {
            let bound =
                remembered.map(|key| (key.to_string(), self.memory(key))).collect::<Vec<_>>();
            condition::bind(&mut context, Object::Memory, bound);
        }
        condition::bind_time(&mut context, "now", self.draft.now);
        if let Some(count) = self.count {
            condition::bind_int(&mut context, "count", i64::from(count));
        }
        context
    }

    /// All fields of an object, but those of memory.
    pub(super) fn fields(&self, object: Object) -> Vec<(&'static str, Datum)> {
        let special = match (object, self.event.kind()) {
            (Object::Event, Some(kind)) => kind.event_fields(),
            _ => &[],
        };
        let fields = object.fields().iter().chain(special);
        fields.map(|(name, _)| (*name, self.field(object, name))).collect()
    }

    fn event_field(&self, name: &str) -> Datum {
        let event = self.event;
        match name {
            "name" if is_its_own(event) => Datum::Text(event.name().to_owned()),
            "command" => Datum::Text(event.command.clone()),
            "time" => Datum::Time(event.time),
            "platform" => Datum::Text(event.platform.clone()),
            "by_bot" => Datum::Bool(event.by_bot),
            "found" => Datum::Bool(event.found),
            _ => match event.fields.get(name) {
                Some(Field::Bool(value)) => Datum::Bool(*value),
                Some(Field::Int(value)) => Datum::Int(*value),
                Some(Field::Text(value)) => Datum::Text(value.clone()),
                Some(Field::Texts(values)) => Datum::Texts(values.clone()),
                Some(Field::Json(value)) => Datum::Json(value.clone()),
                None => Datum::Absent,
            },
        }
    }

    /// The value of a field; what nobody knows is the type's empty value.
    pub(super) fn field(&self, object: Object, field: &str) -> Datum {
        match object {
            Object::Event => self.event_field(field),
            Object::Group => self.group(field),
            Object::Member => self.person(self.event.member.as_ref(), field),
            Object::Operator => self.person(self.event.operator.as_ref(), field),
            Object::User | Object::Sender => id(self.event.member.as_ref()),
            Object::Receiver => id(self.event.receiver.as_ref()),
            Object::Message => self.message(field),
            Object::Room => self.room(field),
            Object::Memory => self.memory(field),
            // Bound by those who judge each of several.
            Object::Candidate | Object::Invited => Datum::Absent,
        }
    }

    fn group(&self, field: &str) -> Datum {
        let Some(group) = &self.event.group else { return Datum::Absent };
        let record = self.draft.group(group);
        match field {
            "id" => Datum::Text(group.to_string()),
            "type" => {
                let kind = self.event.group_type.or(record.group_type);
                Datum::Text(kind.map_or("", GroupType::name).to_owned())
            }
            "name" => Datum::Text(record.name),
            "owner" => Datum::Text(match record.owner {
                Owner::Is(owner) => owner.to_string(),
                Owner::Nobody | Owner::Unknown => String::new(),
            }),
            "member_count" => record.member_count.map_or(Datum::Absent, Datum::Int),
            _ => known(record.created_at),
        }
    }

    fn person(&self, account: Option<&Account>, field: &str) -> Datum {
        let (Some(account), Some(group)) = (account, &self.event.group) else {
            return if field == "id" { id(account) } else { Datum::Absent };
        };
        let record = self.draft.member(group, account);
        let sanction = self.draft.sanction(group, account, SanctionKind::Mute);
        let muted_until = match sanction {
            Some(sanction) => Some(sanction.until.unwrap_or(Timestamp(i64::MAX))),
            None => record.muted_until,
        };
        match field {
            "id" => Datum::Text(account.to_string()),
            "role" => {
                let owns = self.draft.group(group).owner.is(account);
                let role = if owns { Some(Role::Owner) } else { record.role };
                Datum::Text(role.unwrap_or(Role::Member).name().to_owned())
            }
            "joined_at" => known(record.joined_at),
            "name_card" => Datum::Text(record.name_card),
            "muted" => Datum::Bool(muted_until.is_some_and(|until| until > self.draft.now)),
            "muted_until" => far(muted_until),
            _ => known(record.last_message_at),
        }
    }

    /// What rules have remembered; empty when that is nothing, or its time is over.
    fn memory(&self, key: &str) -> Datum {
        memory::recall(self.draft, key, self.event).map_or(Datum::Absent, Datum::Text)
    }

    fn message(&self, field: &str) -> Datum {
        static EMPTY: OnceLock<crate::chat::Message> = OnceLock::new();
        let message =
            self.event.message.as_ref().unwrap_or_else(|| EMPTY.get_or_init(Default::default));
        match field {
            "text" => Datum::Text(message.text.clone()),
            "types" => Datum::Texts(message.types.clone()),
            "sequence" => message.sequence.map_or(Datum::Absent, Datum::Int),
            "mentions" => Datum::Texts(message.mentions.clone()),
            _ => Datum::Text(message.custom_data.clone()),
        }
    }

    fn room(&self, field: &str) -> Datum {
        let Some(room) = &self.event.room else { return Datum::Absent };
        match field {
            "id" => Datum::Text(room.id.to_string()),
            "kind" => Datum::Text(
                match room.kind {
                    RoomKind::Conference => "conference",
                    RoomKind::Live => "live",
                }
                .to_owned(),
            ),
            "owner" => Datum::Text(match room_owner(self.draft, room) {
                Owner::Is(owner) => owner.to_string(),
                Owner::Nobody | Owner::Unknown => String::new(),
            }),
            _ => room.member_count.map_or(Datum::Absent, Datum::Int),
        }
    }

    /// Fills a text's placeholders.
    pub(super) fn render(&self, template: &Template, mute: &MuteWords) -> String {
        template.render(|object, field| match (object, field) {
            ("count", _) => self.count.unwrap_or(0).to_string(),
            ("now", _) => self.draft.now.to_string(),
            ("mute", "for") => mute.time.clone(),
            ("mute", "until") => mute.until.clone(),
            ("mute", _) => mute.reason.clone(),
            _ => Object::from_name(object)
                .map(|object| words(&self.field(object, field)))
                .unwrap_or_default(),
        })
    }
}

/// A candidate for the ownership, bound for `except`.
pub(super) fn bind_candidate(
    context: &mut cel::Context<'_, '_>,
    member: &MemberFacts,
    now: Timestamp,
) {
    let fields = vec![
        ("id", Datum::Text(member.account.to_string())),
        ("role", Datum::Text(member.role.name().to_owned())),
        ("joined_at", known(member.joined_at)),
        ("name_card", Datum::Text(member.name_card.clone())),
        ("muted", Datum::Bool(member.muted_until.is_some_and(|until| until > now))),
        ("muted_until", far(member.muted_until)),
        ("last_message_at", known(member.last_message_at)),
    ];
    condition::bind(context, Object::Candidate, fields);
}

/// One of the invited, bound for `which`.
pub(super) fn bind_invited(context: &mut cel::Context<'_, '_>, account: &Account) {
    condition::bind(context, Object::Invited, vec![("id", id(Some(account)))]);
}

/// Who owns a room: by the callback's word, else by what was heard before.
pub(super) fn room_owner(draft: &Draft<'_>, room: &Room) -> Owner {
    match (&room.owner, draft.room(&room.id)) {
        (Some(owner), _) => Owner::Is(owner.clone()),
        (None, Some(record)) => record.owner.clone(),
        _ => Owner::Unknown,
    }
}

/// CEL's times end with the year 9999; "for ever" is shown as that.
fn far(time: Option<Timestamp>) -> Datum {
    known(time.map(|time| time.min(Timestamp::from_secs(253_402_300_799))))
}

fn known(time: Option<Timestamp>) -> Datum {
    time.map_or(Datum::Absent, Datum::Time)
}

fn id(account: Option<&Account>) -> Datum {
    Datum::Text(account.map(ToString::to_string).unwrap_or_default())
}

fn words(datum: &Datum) -> String {
    match datum {
        Datum::Bool(value) => value.to_string(),
        Datum::Int(value) => value.to_string(),
        Datum::Text(text) => text.clone(),
        Datum::Time(time) => time.to_string(),
        Datum::Texts(texts) => texts.join(", "),
        Datum::Json(value) => value.to_string(),
        Datum::Absent => String::new(),
    }
}

/// How long, for people: `5m`, or `ever`.
pub(super) fn time_words(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "ever".to_owned(), duration::format)
}

/// Whether `event.name` is what the event is called. Some tell a name that somebody has given, or none.
pub(super) fn is_its_own(event: &Event) -> bool {
    let tells_one = |kind: EventKind| kind.event_fields().iter().any(|(name, _)| *name == "name");
    !event.kind().is_some_and(tells_one)
}
