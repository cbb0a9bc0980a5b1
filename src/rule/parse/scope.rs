//! `in`: which groups a rule looks at; and what the rest of a rule must know about that.

use super::codes::{NEEDS_ANOTHER, REPEATED, UNKNOWN_VALUE};
use super::file::{Fields, File, there_are};
use super::key::{Key, Shape};
use super::tree::{Span, Value};
use crate::chat::GroupType;
use crate::rule::catalog::{EventKind, Object};
use crate::rule::model::Scope;
use crate::rule::names::Names;
use crate::rule::suggest::closest;

/// The keys of `in`.
pub const KEYS: &[Key] = &[
    Key::new(
        "groups",
        Shape::List(&Shape::Text, 1),
        "Ids of groups; `*` and `?` stand for any characters, `[ab]` for one of them.",
    )
    .default("[\"*\"]"),
    Key::new(
        "types",
        Shape::List(&Shape::Word(group_types), 1),
        "Types of groups; left out, all of them. Private is Work, ChatRoom is Meeting.",
    ),
    Key::new("except", Shape::List(&Shape::Text, 1), "Ids of groups that the rule leaves alone."),
];
/// What Work and Meeting were called.
const OLD_TYPES: [&str; 2] = ["Private", "ChatRoom"];

/// The group types that can be written, the old names behind today's.
pub fn group_types() -> Vec<&'static str> {
    GroupType::ALL.map(GroupType::name).into_iter().chain(OLD_TYPES).collect()
}
const EXAMPLE: &str = "in = { types = [\"Public\"] }";

/// What is known about a rule when its actions are read.
pub struct About {
    /// The names of conditions; `None` when it is not sure which events there are.
    pub names: Option<Names>,
    /// The names of texts: those of conditions, and the mute of a rule that mutes.
    pub texts: Option<Names>,
    /// The types that `in` names, and where.
    pub types: Vec<(GroupType, Span)>,
}

impl About {
    /// Whether every event of the rule carries this. Yes when that is not sure.
    pub fn carries(&self, object: Object) -> bool {
        let carries = |names: &Names| names.objects().iter().any(|(known, _)| *known == object);
        self.names.as_ref().is_none_or(carries)
    }

    /// The rule's events; empty for a schedule.
    pub fn events(&self) -> &[EventKind] {
        self.names.as_ref().map_or(&[], Names::events)
    }

    /// The names of the events that do not carry any of these; "a schedule" for a schedule.
    pub fn lacking(&self, objects: &[Object]) -> String {
        if self.events().is_empty() {
            return "a schedule".to_owned();
        }
        let lacks = |kind: &&EventKind| !objects.iter().any(|object| kind.carries(*object));
        let lacking: Vec<_> = self.events().iter().filter(lacks).map(|kind| kind.name()).collect();
        lacking.join(", ")
    }
}

/// Reads `in`.
pub fn read(
    file: &mut File<'_>,
    rule: &Fields<'_>,
    names: Option<&Names>,
) -> (Scope, Vec<(GroupType, Span)>) {
    let nothing = (Scope::default(), Vec::new());
    let Some(entry) = rule.get("in") else { return nothing };
    let about = About { names: names.cloned(), texts: None, types: Vec::new() };
    if !about.events().is_empty() && !about.carries(Object::Group) {
        let lacking = about.lacking(&[Object::Group]);
        file.error(NEEDS_ANOTHER, entry.key_span.clone(), "`in` selects groups")
            .label(format!("there is no group on {lacking}"));
    }
    if let Some(groups) = bare_groups(&entry.node.value) {
        let help = Some(format!("write `in = {{ groups = [{groups}] }}`"));
        file.wrong_type("in", &entry.node, "a table", help);
        return nothing;
    }
    let Some(table) = file.table(entry, EXAMPLE) else { return nothing };
    let fields = file.fields(
        "`in`",
        entry.key_span.clone(),
        table,
        KEYS,
        &[("type", "types"), ("group", "groups")],
    );
    let groups = fields.get("groups").map(|entry| file.globs(entry, "groups = [\"*\"]"));
    let except = fields.get("except").map(|entry| file.globs(entry, "except = [\"@TGS#test*\"]"));
    let types = read_types(file, &fields);
    let scope = Scope {
        groups: groups.unwrap_or_default(),
        types: types.iter().map(|(kind, _)| *kind).collect(),
        except: except.unwrap_or_default(),
    };
    (scope, types)
}

/// Groups that stand in `in` without a table around them.
fn bare_groups(value: &Value) -> Option<String> {
    let quoted = |value: &Value| match value {
        Value::Text(text) if !text.contains(['"', '\\', '`']) => Some(format!("\"{text}\"")),
        _ => None,
    };
    match value {
        Value::List(items) if !items.is_empty() => {
            let all: Option<Vec<_>> = items.iter().map(|item| quoted(&item.value)).collect();
            all.map(|all| all.join(", "))
        }
        value => quoted(value),
    }
}

fn read_types(file: &mut File<'_>, fields: &Fields<'_>) -> Vec<(GroupType, Span)> {
    let Some(entry) = fields.get("types") else { return Vec::new() };
    let mut types: Vec<(GroupType, Span)> = Vec::new();
    for (text, node) in file.some_texts(entry, "types = [\"Public\"]") {
        match GroupType::from_name(text) {
            Some(kind) if types.iter().any(|(known, _)| *known == kind) => {
                file.warn(REPEATED, node.span.clone(), format!("{kind} groups are listed twice"));
            }
            Some(kind) => types.push((kind, node.span.clone())),
            None => {
                let names = GroupType::ALL.map(GroupType::name);
                let instead = closest(text, group_types());
                file.error(
                    UNKNOWN_VALUE,
                    node.span.clone(),
                    format!("`{text}` is not a group type"),
                )
                .label(there_are(&names))
                .help(instead.map(|name| format!("write `\"{name}\"`")));
            }
        }
    }
    types
}
