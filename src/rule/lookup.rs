//! What a dotted name means on a rule's events, or why it means nothing there and what does.

use std::borrow::Cow;

use super::catalog::{EventKind, Object, Type};
use super::model::Each;
use super::names::Names;
use super::suggest::closest;

/// Why a name means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Whether the rule language has such an object at all, only not here or without that field.
    pub is_object: bool,
    pub message: String,
    /// What there is instead.
    pub label: String,
    /// The name that was probably meant.
    pub instead: Option<String>,
}

/// Who could be meant by a person that is not there, in this order.
const PERSONS: [Object; 5] =
    [Object::Member, Object::Sender, Object::User, Object::Operator, Object::Receiver];

/// What people write for a field, from other systems and from habit.
const HABITS: [(&str, &str); 12] = [
    ("account", "id"),
    ("body", "text"),
    ("content", "text"),
    ("members", "member_count"),
    ("name", "name_card"),
    ("nick", "name_card"),
    ("nickname", "name_card"),
    ("seq", "sequence"),
    ("size", "member_count"),
    ("user_id", "id"),
    ("userid", "id"),
    ("username", "id"),
];

/// The object of that name, if it is in scope.
pub fn object(names: &Names, name: &str) -> Option<Object> {
    names.objects().iter().map(|(object, _)| *object).find(|object| object.name() == name)
}

/// The object of that name, in scope or not.
pub fn any_object(name: &str) -> Option<Object> {
    Object::from_name(name)
}

/// The type of `object.field`.
pub fn field(names: &Names, object: &str, field: &str) -> Result<(Object, Type), Box<Unknown>> {
    let Some((found, fields)) = names.objects().iter().find(|(o, _)| o.name() == object) else {
        return Err(Box::new(no_object(names, object, Some(field))));
    };
    match fields.iter().find(|(name, _)| *name == field) {
        Some((_, kind)) => Ok((*found, *kind)),
        None => Err(Box::new(no_field(names, *found, field))),
    }
}

/// Why a name that stands alone, without a field, means nothing.
pub fn bare(names: &Names, name: &str) -> Unknown {
    no_object(names, name, None)
}

/// "on message.sent", "on member.joined and member.left", "in a schedule".
pub fn place(names: &Names) -> String {
    match names.events() {
        [] => "in a schedule".to_owned(),
        [one] => format!("on {one}", one = one.name()),
        [one, two] => format!("on {} and {}", one.name(), two.name()),
        many => format!("on all of these {} events", many.len()),
    }
}

fn no_field(names: &Names, object: Object, field: &str) -> Unknown {
    let path = format!("{}.{field}", object.name());
    if object == Object::Memory && names.memory(field).is_some() {
        return no_memory(names, Some(field));
    }
    let instead = like(names, object, field).map(|known| format!("{}.{known}", object.name()));
    let label = match owners_of_event_field(object, field) {
        Some((with, without)) if names.events().iter().any(|kind| with.contains(kind)) => {
            let (with, without) = (list(&in_rule(names, &with)), list(&in_rule(names, &without)));
            format!("only {with} has it, and this rule is also started by {without}")
        }
        Some((with, _)) => format!("only {} has it", list(&with)),
        None => has_fields(names, object),
    };
    Unknown { is_object: true, message: format!("`{path}` does not exist"), label, instead }
}

/// The events that have a field of `event`, and those that do not; `None` when none has it.
fn owners_of_event_field(object: Object, field: &str) -> Option<(Vec<EventKind>, Vec<EventKind>)> {
    if object != Object::Event {
        return None;
    }
    let has = |kind: &EventKind| kind.event_fields().iter().any(|(name, _)| *name == field);
    let (with, without): (Vec<_>, Vec<_>) = EventKind::ALL.iter().copied().partition(has);
    (!with.is_empty()).then_some((with, without))
}

fn in_rule(names: &Names, kinds: &[EventKind]) -> Vec<EventKind> {
    kinds.iter().copied().filter(|kind| names.events().contains(kind)).collect()
}

fn list(kinds: &[EventKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn no_object(names: &Names, name: &str, field: Option<&str>) -> Unknown {
    let path = field.map_or(name.to_owned(), |field| format!("{name}.{field}"));
    let message = format!("`{path}` does not exist");
    if name == "count" && field.is_none() {
        let label = "`count` is there in rules with `count = { each, within, more_than }`".into();
        return Unknown { is_object: false, message, label, instead: None };
    }
    if name == Object::Memory.name() {
        return no_memory(names, field);
    }
    let Some(known) = any_object(name) else {
        let instead = like_root(names, name).map(|root| path_in(names, root, field));
        return Unknown { is_object: false, message, label: roots(names), instead };
    };
    let substitute = PERSONS
        .into_iter()
        .find(|person| is_person(known) && object(names, person.name()) == Some(*person));
    let lacking: Vec<_> =
        names.events().iter().copied().filter(|kind| !kind.carries(known)).collect();
    let label = match substitute {
        Some(person) => has_fields(names, person),
        None if lacking.len() < names.events().len() => {
            format!("there is no `{name}` on {}", list(&lacking))
        }
        None => roots(names),
    };
    let instead = substitute.and_then(|person| {
        let field = field.unwrap_or("id");
        like(names, person, field).map(|known| format!("{}.{known}", person.name()))
    });
    Unknown { is_object: true, message, label, instead }
}

/// A piece of memory that no rule keeps, or that is kept for what the events do not carry.
fn no_memory(names: &Names, field: Option<&str>) -> Unknown {
    let path = field.map_or("memory".to_owned(), |field| format!("memory.{field}"));
    let kept_for = field.and_then(|field| names.memory(field)).and_then(|each| {
        let missing = each.iter().find(|each| !names.carries_each(**each))?;
        Some(match missing {
            Each::Group => "group",
            Each::Member | Each::App => "member",
        })
    });
    let label = match kept_for {
        Some(what) => format!("it is kept for each {what}, and there is none {}", place(names)),
        None => "no rule remembers it: `remember = { key = …, each = […] }` does".to_owned(),
    };
    let message = format!("`{path}` does not exist");
    Unknown { is_object: true, message, label, instead: None }
}

fn is_person(object: Object) -> bool {
    PERSONS.contains(&object) || object == Object::Candidate
}

fn fields_of(names: &Names, object: Object) -> &[(Cow<'static, str>, Type)] {
    names.objects().iter().find(|(o, _)| *o == object).map_or(&[], |(_, fields)| fields)
}

/// The field that was meant: the same, a similar one, or what the habit stands for.
fn like<'n>(names: &'n Names, object: Object, field: &str) -> Option<&'n str> {
    let fields = fields_of(names, object);
    let habit = HABITS.iter().find(|(habit, _)| *habit == field.to_lowercase());
    let wanted = habit.map_or(field, |(_, field)| field);
    let exact = fields.iter().find(|(name, _)| *name == wanted).map(|(name, _)| &**name);
    exact.or_else(|| closest(field, fields.iter().map(|(name, _)| &**name)))
}

fn root_names(names: &Names) -> Vec<&'static str> {
    let mut roots: Vec<_> = names.objects().iter().map(|(object, _)| object.name()).collect();
    if names.has_count() {
        roots.push("count");
    }
    roots.push("now");
    roots
}

fn like_root(names: &Names, name: &str) -> Option<&'static str> {
    // Somebody who thinks in Python or SQL writes these with a capital.
    closest(name, root_names(names).into_iter().chain(["true", "false"]))
}

/// `root.field` with the field that was meant, as far as there is one.
fn path_in(names: &Names, root: &str, field: Option<&str>) -> String {
    let meant = object(names, root)
        .zip(field)
        .map(|(object, field)| format!("{root}.{}", like(names, object, field).unwrap_or(field)));
    meant.unwrap_or_else(|| root.to_owned())
}

fn roots(names: &Names) -> String {
    format!("{} there are: {}", place(names), root_names(names).join(" "))
}

fn has_fields(names: &Names, object: Object) -> String {
    const SHOWN: usize = 5;
    let fields = fields_of(names, object);
    let mut shown: Vec<_> = fields.iter().take(SHOWN).map(|(name, _)| &**name).collect();
    if fields.len() > SHOWN {
        shown.push("…");
    }
    format!("{} there is `{}` with: {}", place(names), object.name(), shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_message() -> Names {
        Names::of_events(&[EventKind::MessageSent])
    }

    fn why(names: &Names, object: &str, name: &str) -> (String, Option<String>) {
        let unknown = *field(names, object, name).unwrap_err();
        assert_eq!(unknown.message, format!("`{object}.{name}` does not exist"));
        (unknown.label, unknown.instead)
    }

    #[test]
    fn a_field_that_exists_has_its_type() {
        assert_eq!(field(&on_message(), "member", "role"), Ok((Object::Member, Type::String)));
        assert_eq!(field(&on_message(), "message", "types"), Ok((Object::Message, Type::Strings)));
    }

    #[test]
    fn a_person_who_is_not_there_is_replaced_by_the_one_who_is() {
        let (label, instead) = why(&on_message(), "sender", "roles");
        assert_eq!(
            label,
            "on message.sent there is `member` with: id role joined_at name_card muted …"
        );
        assert_eq!(instead.unwrap(), "member.role");
    }

    #[test]
    fn a_misspelt_object_is_told_from_one_that_is_not_there() {
        let unknown = field(&on_message(), "membr", "rol").unwrap_err();
        assert!(!unknown.is_object);
        assert_eq!(
            unknown.label,
            "on message.sent there are: event group operator member message now"
        );
        assert_eq!(unknown.instead.unwrap(), "member.role");
        assert!(field(&on_message(), "sender", "id").unwrap_err().is_object);
    }

    #[test]
    fn habits_from_elsewhere_are_understood() {
        assert_eq!(why(&on_message(), "message", "body").1.unwrap(), "message.text");
        assert_eq!(why(&on_message(), "member", "nickname").1.unwrap(), "member.name_card");
        assert_eq!(why(&on_message(), "group", "members").1.unwrap(), "group.member_count");
    }

    #[test]
    fn a_field_of_only_some_events_names_those_that_lack_it() {
        let names = Names::of_events(&[EventKind::MemberJoined, EventKind::MemberLeft]);
        assert_eq!(
            why(&names, "event", "join_type").0,
            "only member.joined has it, and this rule is also started by member.left"
        );
        assert_eq!(why(&on_message(), "event", "join_type").0, "only member.joined has it");
        assert_eq!(
            why(&names, "message", "text").0,
            "on member.joined and member.left there are: event group operator member now"
        );
    }

    #[test]
    fn an_object_of_only_some_events_names_those_that_lack_it() {
        let names = Names::of_events(&[EventKind::MessageSent, EventKind::MemberLeft]);
        assert_eq!(why(&names, "message", "text").0, "there is no `message` on member.left");
    }

    #[test]
    fn a_schedule_has_its_own_words() {
        let names = Names::of_schedule(true);
        assert_eq!(
            why(&names, "group", "ownr").0,
            "in a schedule there is `group` with: id type name owner member_count …"
        );
        assert_eq!(
            bare(&names, "count").label,
            "`count` is there in rules with `count = { each, within, more_than }`"
        );
    }
}
