//! One event as all rules see it: what their clauses read is looked up once, and again only when a rule
//! has changed something that conditions can see.

use std::sync::Arc;

use super::draft::Draft;
use super::event::{Event, Field, RoomKind};
use super::view::{View, is_its_own};
use crate::chat::GroupType;
use crate::rule::catalog::Object;
use crate::rule::condition::{self, Clause, Datum, Facts, Seen};

/// An event under judgement.
pub(super) struct Sight<'e> {
    pub(super) event: &'e Event,
    /// Which changes of the draft are in what was looked up.
    generation: u64,
    /// Values that stand in the state, not in the event.
    known: Vec<(Object, String, Datum)>,
    /// As a trace shows them.
    shown: Vec<(Object, String, Arc<str>)>,
    /// With the objects bound that a clause has needed so far.
    context: cel::Context<'static, 'static>,
    bound: Vec<Object>,
    /// The keys of memory that are bound.
    remembered: Vec<String>,
}

impl<'e> Sight<'e> {
    pub(super) fn new(event: &'e Event) -> Self {
        Self {
            event,
            generation: 0,
            known: Vec::new(),
            shown: Vec::new(),
            context: condition::context(),
            bound: Vec::new(),
            remembered: Vec::new(),
        }
    }

    /// Judges a clause; the error is a sentence for the trace.
    pub(super) fn judge(
        &mut self,
        draft: &Draft<'_>,
        clause: &Clause,
        count: Option<u32>,
    ) -> Result<bool, String> {
        self.refresh(draft);
        if let Some(native) = clause.native() {
            clause.uses().iter().for_each(|(object, field)| self.know(draft, *object, field));
            if let Some(holds) = native.judge(&Known { sight: self, count }) {
                return Ok(holds);
            }
        }
        self.bind(draft, clause);
        let Some(count) = count else { return clause.evaluate(&self.context) };
        let mut counted = self.context.new_inner_scope();
        condition::bind_int(&mut counted, "count", i64::from(count));
        clause.evaluate(&counted)
    }

    /// The names that a clause reads with their present values, for the trace.
    pub(super) fn values(
        &mut self,
        draft: &Draft<'_>,
        clause: &Clause,
        count: Option<u32>,
    ) -> Vec<(Arc<str>, Arc<str>)> {
        self.refresh(draft);
        let fields = clause.uses().iter().zip(clause.names());
        let mut values: Vec<_> = fields
            .map(|((object, field), name)| (Arc::clone(name), self.shown(draft, *object, field)))
            .collect();
        for name in clause.bare() {
            let value = match (*name, count) {
                ("count", Some(count)) => count.to_string(),
                _ => draft.now.to_string(),
            };
            values.push(((*name).into(), value.into()));
        }
        values
    }

    fn refresh(&mut self, draft: &Draft<'_>) {
        if self.generation != draft.generation {
            *self = Self { generation: draft.generation, ..Self::new(self.event) };
        }
    }

    fn view<'v, 'd>(&'v self, draft: &'v Draft<'d>) -> View<'v, 'd> {
        View { draft, event: self.event, count: None }
    }

    /// Looks a value of the state up.
    fn know(&mut self, draft: &Draft<'_>, object: Object, field: &str) {
        if told(self.event, object, field).is_none() && self.find(object, field).is_none() {
            let datum = self.view(draft).field(object, field);
            self.known.push((object, field.to_owned(), datum));
        }
    }

    fn find(&self, object: Object, field: &str) -> Option<&Datum> {
        let is = |known: &&(Object, String, Datum)| known.0 == object && known.1 == field;
        self.known.iter().find(is).map(|(_, _, datum)| datum)
    }

    fn shown(&mut self, draft: &Draft<'_>, object: Object, field: &str) -> Arc<str> {
        let is = |shown: &&(Object, String, Arc<str>)| shown.0 == object && shown.1 == field;
        if let Some((_, _, text)) = self.shown.iter().find(is) {
            return Arc::clone(text);
        }
        let datum = match told(self.event, object, field) {
            Some(seen) => Datum::from(seen),
            None => self.view(draft).field(object, field),
        };
        let text: Arc<str> = condition::shown(object, field, datum).into();
        self.shown.push((object, field.to_owned(), Arc::clone(&text)));
        text
    }

    /// Binds the objects that a clause reads.
    fn bind(&mut self, draft: &Draft<'_>, clause: &Clause) {
        if clause.bare().contains(&"now") {
            condition::bind_time(&mut self.context, "now", draft.now);
        }
        for (object, field) in clause.uses() {
            let seen = match object {
                Object::Memory => self.remembered.contains(field),
                _ => self.bound.contains(object),
            };
            if seen {
                continue;
            }
            if *object == Object::Memory {
                self.remembered.push(field.clone());
                let view = self.view(draft);
                let bound: Vec<_> = self
                    .remembered
                    .iter()
                    .map(|key| (key.clone(), view.field(Object::Memory, key)))
                    .collect();
                condition::bind(&mut self.context, Object::Memory, bound);
            } else {
                self.bound.push(*object);
                let bound = self.view(draft).fields(*object);
                condition::bind(&mut self.context, *object, bound);
            }
        }
    }
}

/// What a clause without CEL reads.
struct Known<'s, 'e> {
    sight: &'s Sight<'e>,
    count: Option<u32>,
}

impl Facts for Known<'_, '_> {
    fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>> {
        told(self.sight.event, object, field).or_else(|| match self.sight.find(object, field)? {
            Datum::Bool(value) => Some(Seen::Bool(*value)),
            Datum::Int(value) => Some(Seen::Int(*value)),
            Datum::Text(text) => Some(Seen::Text(text)),
            Datum::Texts(texts) => Some(Seen::Texts(texts)),
            Datum::Absent => Some(Seen::Absent),
            Datum::Time(_) | Datum::Json(_) => None,
        })
    }

    fn count(&self) -> Option<i64> {
        self.count.map(i64::from)
    }
}

/// What the event alone tells: no state is needed to judge clauses that read nothing else.
pub(super) struct Told<'e>(pub(super) &'e Event);

impl Facts for Told<'_> {
    fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>> {
        told(self.0, object, field)
    }

    fn count(&self) -> Option<i64> {
        None
    }
}

/// A field that stands in the event itself, as [`View::field`] tells it; `None` for one that does not.
fn told<'e>(event: &'e Event, object: Object, field: &str) -> Option<Seen<'e>> {
    let id = |account: &'e Option<crate::chat::Account>| {
        Some(Seen::Text(account.as_ref().map_or("", |account| account.as_str())))
    };
    match (object, field) {
        (Object::Member | Object::User | Object::Sender, "id") => id(&event.member),
        (Object::Operator, "id") => id(&event.operator),
        (Object::Receiver, "id") => id(&event.receiver),
        (Object::Group, "id") => {
            Some(event.group.as_ref().map_or(Seen::Absent, |group| Seen::Text(group.as_str())))
        }
        (Object::Group, "type") if event.group.is_some() => {
            event.group_type.map(|kind| Seen::Text(GroupType::name(kind)))
        }
        (Object::Event, _) => of_event(event, field),
        (Object::Message, _) => Some(of_message(event, field)),
        (Object::Room, "kind") => Some(match event.room.as_ref().map(|room| room.kind) {
            Some(RoomKind::Conference) => Seen::Text("conference"),
            Some(RoomKind::Live) => Seen::Text("live"),
            None => Seen::Absent,
        }),
        (Object::Room, "id") => {
            Some(event.room.as_ref().map_or(Seen::Absent, |room| Seen::Text(room.id.as_str())))
        }
        _ => None,
    }
}

fn of_event<'e>(event: &'e Event, field: &str) -> Option<Seen<'e>> {
    match field {
        "name" if is_its_own(event) => Some(Seen::Text(event.name())),
        "command" => Some(Seen::Text(&event.command)),
        "platform" => Some(Seen::Text(&event.platform)),
        "by_bot" => Some(Seen::Bool(event.by_bot)),
        "found" => Some(Seen::Bool(event.found)),
        "time" => None,
        _ => match event.fields.get(field) {
            Some(Field::Bool(value)) => Some(Seen::Bool(*value)),
            Some(Field::Int(value)) => Some(Seen::Int(*value)),
            Some(Field::Text(text)) => Some(Seen::Text(text)),
            Some(Field::Texts(texts)) => Some(Seen::Texts(texts)),
            Some(Field::Json(_)) => None,
            None => Some(Seen::Absent),
        },
    }
}

fn of_message<'e>(event: &'e Event, field: &str) -> Seen<'e> {
    let Some(message) = &event.message else {
        return match field {
            "text" | "custom_data" => Seen::Text(""),
            "types" | "mentions" => Seen::Texts(&[]),
            _ => Seen::Absent,
        };
    };
    match field {
        "text" => Seen::Text(&message.text),
        "types" => Seen::Texts(&message.types),
        "sequence" => message.sequence.map_or(Seen::Absent, Seen::Int),
        "mentions" => Seen::Texts(&message.mentions),
        _ => Seen::Text(&message.custom_data),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Cause;
    use super::super::{EventId, Settings, State};
    use super::*;
    use crate::chat::Message;
    use crate::clock::Timestamp;
    use crate::rule::{EventKind, RuleSet};

    /// Every field of every object is told as the view tells it, for full and for empty events.
    #[test]
    fn what_the_event_tells_is_what_the_view_tells() {
        let (rules, settings, state) = (RuleSet::default(), Settings::default(), State::default());
        let draft = Draft::new(&rules, &settings, &state, Timestamp(0));
        for kind in EventKind::ALL {
            let empty = Event::new(EventId::of(&[]), Cause::Kind(*kind), Timestamp(7), "Command");
            let mut full = empty.clone();
            full.group = Some("@TGS#1".into());
            full.group_type = Some(GroupType::Public);
            full.member = Some("ann".into());
            full.operator = Some("bob".into());
            full.receiver = Some("carl".into());
            let message = Message { text: "hi".into(), sequence: Some(7), ..Message::default() };
            full.message = Some(message);
            for (name, value) in [("type", "a"), ("name", "b"), ("owner", "c")] {
                full.fields.insert(name.to_owned(), Field::Text(value.to_owned()));
            }
            for event in [empty, full] {
                let view = View { draft: &draft, event: &event, count: None };
                let objects = kind.objects().iter().chain(&[Object::Event]);
                let mut compared = 0;
                for (object, (name, datum)) in
                    objects.flat_map(|o| view.fields(*o).into_iter().map(|field| (*o, field)))
                {
                    let Some(fact) = told(&event, object, name) else { continue };
                    let same = match (&fact, &datum) {
                        (Seen::Text(one), Datum::Text(other)) => one == other,
                        (Seen::Texts(one), Datum::Texts(other)) => one == other,
                        (Seen::Int(one), Datum::Int(other)) => one == other,
                        (Seen::Bool(one), Datum::Bool(other)) => one == other,
                        (Seen::Absent, Datum::Absent) => true,
                        _ => false,
                    };
                    assert!(same, "{kind:?} {object:?}.{name}: {fact:?}, not {datum:?}");
                    compared += 1;
                }
                assert!(compared >= 4, "{kind:?}: nothing compared");
            }
        }
    }
}
