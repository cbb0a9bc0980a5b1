//! `[[test]]`: what surrounds the steps.

use std::collections::HashMap;

use super::codes::{NAME_TWICE, NO_MOMENT, NOT_A_TEST};
use super::known::Known;
use super::{Lines, Test, group, step};
use crate::clock::Timestamp;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::Mode;
use crate::rule::parse::codes::{EMPTY, NOT_BOTH};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::tree::{Entry, Node, Span, Table, Value};
use crate::rule::suggest::closest;

/// When a test begins, unless it says `now`: a Thursday noon (UTC) without a clock change near it.
const BEGIN: Timestamp = Timestamp(1_767_268_800_000);

const KEYS: &[&str] =
    &["name", "notes", "now", "mode", "protected", "group", "groups", "room", "rooms", "steps"];
const HABITS: &[(&str, &str)] =
    &[("title", "name"), ("step", "steps"), ("time", "now"), ("protect", "protected")];
const EXAMPLE: &str =
    "steps = [{ send = \"message.sent\", from = \"ann\" }, { expect = \"nothing\" }]";

/// The tests of a file that have no mistake.
pub(super) fn all(file: &mut File<'_>, table: &Table) -> Vec<Test> {
    let lines = Lines::of(file.source.text());
    let mut names: HashMap<String, Span> = HashMap::new();
    let mut tests = Vec::new();
    for entry in table.entries() {
        let items = match &entry.node.value {
            Value::List(items) if entry.key == "test" => items,
            _ => {
                not_a_test(file, entry);
                continue;
            }
        };
        for item in items {
            let Value::Table(table) = &item.value else {
                file.error(NOT_A_TEST, item.span.clone(), "this is not a test")
                    .label(format!("this is {}", item.kind()))
                    .help("write `[[test]]` above the keys of a test".to_owned());
                continue;
            };
            tests.extend(one(file, &lines, item, table, &mut names));
        }
    }
    tests
}

/// Something stands in the file that is not a `[[test]]`.
fn not_a_test(file: &mut File<'_>, entry: &Entry) {
    let key = &entry.key;
    let before = entry.key_span.start.checked_sub(1);
    let before = before.and_then(|at| file.source.text().as_bytes().get(at));
    let (label, help) = match &entry.node.value {
        Value::Table(_) if key == "rule" => {
            ("rules stand in files of their own", "move it to a file without `.test` in its name")
        }
        Value::Table(_) if key == "test" => {
            ("a file has many tests, so that the brackets are double", "write `[[test]]`")
        }
        _ if closest(key, ["test"]).is_some() => {
            ("the heading of each test is `[[test]]`", "write `[[test]]`")
        }
        _ if before == Some(&b'[') => {
            ("a test file has tests and nothing else", "write `[[test]]`")
        }
        _ => {
            ("this stands above the first `[[test]]`", "write `[[test]]` above the keys of a test")
        }
    };
    let message = format!("`{key}` is not a test");
    file.error(NOT_A_TEST, entry.key_span.clone(), message).label(label).help(help.to_owned());
}

fn one(
    file: &mut File<'_>,
    lines: &Lines,
    item: &Node,
    table: &Table,
    names: &mut HashMap<String, Span>,
) -> Option<Test> {
    let before = file.errors();
    let fields = file.fields("a test", item.span.clone(), table, KEYS, HABITS);
    let entry = file.required(&fields, "name", "name = \"staff become admins\"");
    let name = entry.and_then(|entry| file.text("name", &entry.node).map(str::to_owned));
    let line = lines.line(entry.map_or(item.span.start, |entry| entry.key_span.start));
    if let (Some(entry), Some(name)) = (entry, &name) {
        name_twice(file, names, name, &entry.node.span);
    }
    if let Some(notes) = fields.get("notes") {
        file.text("notes", &notes.node);
    }
    let now = fields.get("now").map_or(Some(BEGIN), |entry| moment(file, &entry.node));
    let begin = now.unwrap_or(BEGIN);
    let modes = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];
    let mode = fields.get("mode").and_then(|entry| file.choice("mode", &entry.node, &modes));
    let protected = fields.get("protected");
    let protected = protected.map(|entry| file.globs(entry, "protected = [\"boss\"]"));
    for (single, several) in [("group", "groups"), ("room", "rooms")] {
        not_both(file, &fields, single, several);
    }
    let places = file.errors();
    let groups = group::groups(file, &fields, begin);
    let rooms = group::rooms(file, &fields);
    let unsure = file.errors() > places;
    let steps = file.required(&fields, "steps", EXAMPLE)?;
    let items = file.list("steps", &steps.node, "steps")?;
    if items.is_empty() {
        file.error(EMPTY, steps.node.span.clone(), "`steps` is empty")
            .label("a test without a step tries nothing")
            .help(format!("write for instance `{EXAMPLE}`"));
    }
    let mut known = Known::of(&groups, &rooms, items);
    known.sure &= !unsure;
    let read = |item: &Node| step::read(file, lines, item, &known, begin);
    let steps: Vec<_> = items.iter().filter_map(read).collect();
    (file.errors() == before).then_some(Test {
        file: file.source.name().clone(),
        name: name?,
        line,
        now: begin,
        mode: mode.unwrap_or(Mode::Enforce),
        protected: protected.unwrap_or_default(),
        groups,
        rooms,
        steps,
    })
}

fn name_twice(file: &mut File<'_>, names: &mut HashMap<String, Span>, name: &str, span: &Span) {
    let Some(first) = names.get(name) else {
        names.insert(name.to_owned(), span.clone());
        return;
    };
    let first = file.source.spot(first.clone());
    let spot = file.source.spot(span.clone());
    let told = Diagnostic::new(Level::Warning, NAME_TWICE, spot, "two tests have this name")
        .label("again here")
        .help("say what differs: reports and `--filter` know a test by its name".to_owned())
        .related(first, "first here");
    file.found.push(told);
}

fn not_both(file: &mut File<'_>, fields: &Fields<'_>, single: &str, several: &str) {
    if let (Some(_), Some(second)) = (fields.get(single), fields.get(several)) {
        let message = format!("`{single}` and `{several}` stand in one test");
        file.error(NOT_BOTH, second.key_span.clone(), message)
            .label("the same said twice")
            .help(format!("move the one of `{single}` into the list of `{several}`"));
    }
}

/// A date and time with its offset, as TOML has it or in quotes.
fn moment(file: &mut File<'_>, node: &Node) -> Option<Timestamp> {
    let help = "write for instance `now = 2026-11-21T03:59:00+08:00`";
    let found = match &node.value {
        Value::Date(seconds) => seconds.map(Timestamp::from_secs),
        Value::Text(text) => {
            let moment = chrono::DateTime::parse_from_rfc3339(text).ok();
            moment.map(|moment| Timestamp(moment.timestamp_millis()))
        }
        _ => {
            file.wrong_type("now", node, "a moment", Some(help.to_owned()));
            return None;
        }
    };
    if found.is_none() {
        file.error(NO_MOMENT, node.span.clone(), "`now` is not a moment")
            .label("a date, a time of day and an offset are needed")
            .help(help.to_owned());
    }
    found
}
