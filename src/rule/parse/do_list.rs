//! `do`: the list of actions, each an inline table with one action in it.

use super::actions::{self, ActionKind};
use super::codes::{NOT_ONE_ACTION, UNKNOWN_ACTION};
use super::file::{Fields, File, there_are};
use super::possible;
use super::scope::About;
use super::tree::{Entry, Node, Span, Table, Value};
use crate::rule::model::{Place, Step};
use crate::rule::suggest::closest;

const CONTINUE: &str = "continue";

/// Whether one of the actions is a mute, so that texts can speak of it.
pub fn mutes(rule: &Fields<'_>) -> bool {
    let Some(Value::List(items)) = rule.get("do").map(|entry| &entry.node.value) else {
        return false;
    };
    items
        .iter()
        .any(|item| matches!(&item.value, Value::Table(table) if table.get("mute").is_some()))
}

/// Reads `do`; entries with mistakes are left out.
pub fn read(file: &mut File<'_>, rule: &Fields<'_>, about: &About) -> Vec<Step> {
    let Some(entry) = rule.get("do") else { return Vec::new() };
    let Value::List(items) = &entry.node.value else {
        let help = match &entry.node.value {
            Value::Table(_) => "write `do = [{ … }]`, or `[[rule.ID.do]]` with double brackets",
            _ => "write for instance `do = [{ alert = { text = \"…\" } }]`",
        };
        file.wrong_type("do", &entry.node, "a list of actions", Some(help.to_owned()));
        return Vec::new();
    };
    items.iter().filter_map(|item| read_step(file, item, about)).collect()
}

fn read_step(file: &mut File<'_>, item: &Node, about: &About) -> Option<Step> {
    let no_fields = Table::default();
    let (kind, place, fields, go_on) = match &item.value {
        Value::Text(name) => {
            let kind = known(file, name, item.span.clone())?;
            (kind, item.span.clone(), &no_fields, Some(false))
        }
        Value::Table(table) => {
            let go_on = match table.get(CONTINUE) {
                Some(entry) => file.truth(CONTINUE, &entry.node),
                None => Some(false),
            };
            let (kind, entry) = only_action(file, item, table)?;
            let Value::Table(fields) = &entry.node.value else {
                let help = instead_of_table(file, kind, entry);
                file.wrong_type(kind.name, &entry.node, "a table", Some(help));
                return None;
            };
            (kind, entry.key_span.clone(), fields, go_on)
        }
        _ => {
            let help = Some("write for instance `{ alert = { text = \"…\" } }`".to_owned());
            file.wrong_type("an item of do", item, "an action", help);
            return None;
        }
    };
    let what = format!("`{}`", kind.name);
    let fields = file.fields(&what, place.clone(), fields, kind.keys, kind.habits);
    possible::check(file, kind, &fields, about);
    let action = (kind.read)(file, &fields, about)?;
    let line = file.source.spot(place).line();
    let place = Place { file: file.source.name().clone(), line };
    Some(Step { action, continue_on_refusal: go_on?, place })
}

/// The action of a table that has just one, beside `continue`.
fn only_action<'n>(
    file: &mut File<'_>,
    item: &Node,
    table: &'n Table,
) -> Option<(&'static ActionKind, &'n Entry)> {
    let named: Vec<_> = table.entries().iter().filter(|entry| entry.key != CONTINUE).collect();
    let actions: Vec<_> =
        named.iter().filter_map(|entry| Some((actions::find(&entry.key)?, *entry))).collect();
    match (actions.as_slice(), named.as_slice()) {
        ([], []) => {
            file.error(NOT_ONE_ACTION, item.span.clone(), "there is no action in this")
                .label(there_are(&actions::names()));
            None
        }
        ([], [first, ..]) => {
            known(file, &first.key, first.key_span.clone());
            None
        }
        ([one], _) => {
            for entry in named.iter().filter(|entry| entry.key != one.1.key) {
                beside_action(file, one.0, entry);
            }
            (named.len() == 1).then_some(*one)
        }
        ([_, second, ..], _) => {
            let place = second.1.key_span.clone();
            file.error(NOT_ONE_ACTION, place, "there are two actions in one table")
                .label("the order of the two would not be known")
                .help(format!("write `}}, {{ {} = …` to give it its own", second.0.name));
            None
        }
    }
}

/// Something stands beside an action: one of its fields, or something unknown.
fn beside_action(file: &mut File<'_>, kind: &ActionKind, entry: &Entry) {
    if kind.keys.iter().any(|key| key.name == entry.key) {
        let message = format!("`{}` stands beside `{}`", entry.key, kind.name);
        file.error(NOT_ONE_ACTION, entry.key_span.clone(), message)
            .label("it belongs into its braces")
            .help(format!("write `{{ {} = {{ {} = … }} }}`", kind.name, entry.key));
    } else {
        known(file, &entry.key, entry.key_span.clone());
    }
}

/// The action of that name, or a complaint.
fn known(file: &mut File<'_>, name: &str, place: Span) -> Option<&'static ActionKind> {
    let kind = actions::find(name);
    if kind.is_none() {
        let names = actions::names();
        let instead = actions::meant(name).or_else(|| closest(name, names.iter().copied()));
        file.error(UNKNOWN_ACTION, place, format!("`{name}` is not an action"))
            .label(there_are(&names))
            .help(instead.map(|instead| format!("write `{instead}`")));
    }
    kind
}

/// What to write where an action has a plain value instead of a table.
fn instead_of_table(file: &File<'_>, kind: &ActionKind, entry: &Entry) -> String {
    let written = file.source.text().get(entry.node.span.clone()).unwrap_or("");
    match (&entry.node.value, kind.main) {
        (Value::Text(_), Some(main)) if !written.contains('\n') => {
            format!("write `{} = {{ {main} = {written} }}`", kind.name)
        }
        _ => format!("write for instance `{}`", kind.example),
    }
}
