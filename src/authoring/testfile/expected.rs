//! `expect`: the effects that a test waits for.

use super::codes::{EFFECT_FIELD, NOT_ONE_EFFECT, UNKNOWN_EFFECT};
use crate::authoring::expect::{EFFECTS, Expected};
use crate::rule::parse::file::{File, there_are};
use crate::rule::parse::tree::{Entry, Node, Table, Value};
use crate::rule::suggest::closest;

const EXAMPLE: &str = "write for instance `expect = [{ mute = { who = \"ann\", for = \"5m\" } }]`";

/// Words for fields that people bring along, and what they mean.
const HABITS: &[(&str, &str)] = &[
    ("time", "for"),
    ("duration", "for"),
    ("member", "who"),
    ("account", "who"),
    ("user", "who"),
    ("message", "text"),
    ("owner", "to"),
];

/// The effects in their order; none for `"nothing"`.
pub(super) fn read(file: &mut File<'_>, entry: &Entry) -> Option<Vec<Expected>> {
    match &entry.node.value {
        Value::List(items) => {
            let effects: Vec<_> = items.iter().map(|item| one(file, item)).collect();
            effects.into_iter().collect()
        }
        Value::Text(text) if text == "nothing" => Some(Vec::new()),
        Value::Text(text) => {
            let help = match EFFECTS.iter().find(|(name, _)| name == text) {
                Some((name, _)) => format!("write `expect = [\"{name}\"]`"),
                None if closest(text, ["nothing"]).is_some() => {
                    "write `expect = \"nothing\"`".to_owned()
                }
                None => EXAMPLE.to_owned(),
            };
            file.error(NOT_ONE_EFFECT, entry.node.span.clone(), "this is nothing to expect")
                .label("`\"nothing\"`, or a list of effects")
                .help(help);
            None
        }
        Value::Table(_) => {
            let written = file.source.text().get(entry.node.span.clone()).unwrap_or("");
            let help = match written.lines().count() {
                1 => format!("write `expect = [{written}]`"),
                _ => EXAMPLE.to_owned(),
            };
            file.wrong_type(
                "expect",
                &entry.node,
                "`\"nothing\"` or a list of effects",
                Some(help),
            );
            None
        }
        _ => {
            let help = Some(EXAMPLE.to_owned());
            file.wrong_type("expect", &entry.node, "`\"nothing\"` or a list of effects", help);
            None
        }
    }
}

fn one(file: &mut File<'_>, item: &Node) -> Option<Expected> {
    match &item.value {
        Value::Text(name) => {
            effect(file, name, item.span.clone())?;
            Some(Expected { action: name.clone(), ..Expected::default() })
        }
        Value::Table(table) => match table.entries() {
            [entry] => named(file, entry),
            [] => {
                file.error(NOT_ONE_EFFECT, item.span.clone(), "there is no effect in this")
                    .help(EXAMPLE.to_owned());
                None
            }
            [first, second, ..] => {
                beside(file, first, second);
                None
            }
        },
        _ => {
            let help = Some(EXAMPLE.to_owned());
            file.wrong_type("an item of expect", item, "an effect", help);
            None
        }
    }
}

/// Two keys in one effect: two effects, or a field that belongs into the braces.
fn beside(file: &mut File<'_>, first: &Entry, second: &Entry) {
    let known = |entry: &Entry| EFFECTS.iter().find(|(name, _)| *name == entry.key);
    let place = second.key_span.clone();
    match (known(first), known(second)) {
        (Some(_), Some((name, _))) => {
            file.error(NOT_ONE_EFFECT, place, "there are two effects in one table")
                .label("the order of the two would not be known")
                .help(format!("write `}}, {{ {name} = …` to give it its own"));
        }
        (Some((name, fields)), None) if fields.contains(&second.key.as_str()) => {
            let message = format!("`{}` stands beside `{name}`", second.key);
            file.error(NOT_ONE_EFFECT, place, message)
                .label("it belongs into its braces")
                .help(format!("write `{{ {name} = {{ {} = … }} }}`", second.key));
        }
        (None, _) => {
            effect(file, &first.key, first.key_span.clone());
        }
        (_, None) => {
            effect(file, &second.key, place);
        }
    }
}

fn named(file: &mut File<'_>, entry: &Entry) -> Option<Expected> {
    let (name, fields) = effect(file, &entry.key, entry.key_span.clone())?;
    let Value::Table(table) = &entry.node.value else {
        let help = match (&entry.node.value, fields.first()) {
            (Value::Text(text), Some(first)) => {
                format!("write `{name} = {{ {first} = {text:?} }}`")
            }
            _ => format!("write `{name} = {{}}`"),
        };
        file.wrong_type(name, &entry.node, "a table", Some(help));
        return None;
    };
    let mut expected = Expected { action: (*name).to_owned(), ..Expected::default() };
    let before = file.errors();
    read_fields(file, name, fields, table, &mut expected);
    (file.errors() == before).then_some(expected)
}

fn read_fields(
    file: &mut File<'_>,
    name: &str,
    fields: &[&'static str],
    table: &Table,
    expected: &mut Expected,
) {
    // The keys of a member's fields are the app's own.
    let open = name == "set_member_fields";
    for entry in table.entries() {
        let key = entry.key.as_str();
        if open
            && key == "fields"
            && let Value::Table(inner) = &entry.node.value
        {
            read_fields(file, name, fields, inner, expected);
        } else if open || fields.contains(&key) {
            if let Some(value) = value(file, key, &entry.node) {
                expected.fields.insert(key.to_owned(), value);
            }
        } else {
            let habit = HABITS.iter().find(|(word, _)| *word == key).map(|(_, meant)| *meant);
            let habit = habit.filter(|meant| fields.contains(meant));
            let instead = habit.or_else(|| closest(key, fields.iter().copied()));
            let label = match fields {
                [] => format!("`{name}` has no fields"),
                fields => there_are(fields),
            };
            let message = format!("`{key}` is not a field of `{name}`");
            file.error(EFFECT_FIELD, entry.key_span.clone(), message)
                .label(label)
                .help(instead.map(|instead| format!("write `{instead}`")));
        }
    }
}

/// A value as effects show it: lists with commas between their items.
fn value(file: &mut File<'_>, key: &str, node: &Node) -> Option<String> {
    Some(match &node.value {
        Value::Text(text) => text.clone(),
        Value::Int(Some(number)) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| value(file, key, item)).collect();
            items?.join(", ")
        }
        _ => {
            file.wrong_type(key, node, "a text, a whole number or a list of texts", None);
            return None;
        }
    })
}

/// The effect of that name and its fields, or a complaint.
fn effect(
    file: &mut File<'_>,
    name: &str,
    place: crate::rule::parse::tree::Span,
) -> Option<&'static (&'static str, &'static [&'static str])> {
    let known = EFFECTS.iter().find(|(known, _)| *known == name);
    if known.is_none() {
        let names: Vec<_> = EFFECTS.iter().map(|(name, _)| *name).collect();
        let instead = closest(name, names.iter().copied());
        let instead = if name == "allow" { None } else { instead };
        let help = match instead {
            Some(instead) => Some(format!("write `{instead}`")),
            None if matches!(name, "allow" | "ok") => {
                Some("what is allowed shows as `expect = \"nothing\"`".to_owned())
            }
            None => None,
        };
        file.error(UNKNOWN_EFFECT, place, format!("`{name}` is not an effect"))
            .label(there_are(&names))
            .help(help);
    }
    known
}
