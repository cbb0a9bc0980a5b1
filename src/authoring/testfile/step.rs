//! One step: what it does, and the keys that go with that.

use super::codes::{NO_STEP, NOT_ONE_FAULT, TWO_STEPS, UNKNOWN_COMMAND};
use super::group::ROLES;
use super::known::Known;
use super::{Lines, StepAct, TestStep, expected, send};
use crate::chat::{GroupId, Role};
use crate::clock::Timestamp;
use crate::rule::parse::codes::{EMPTY, NEEDS_ANOTHER};
use crate::rule::parse::file::{Fields, File, there_are};
use crate::rule::parse::tree::{Entry, Node, Table, Value};
use crate::rule::suggest::closest;
use crate::simulator::{Fault, FaultKind, MemberChange, rest_commands};

/// What a step can do, and the keys that each kind of step has.
const VERBS: &[(&str, &[&str])] = &[
    ("send", send::KEYS),
    ("expect", &["expect", "because"]),
    ("advance", &["advance"]),
    ("restart", &["restart"]),
    ("api", &["api", "for"]),
    ("chat", &["chat"]),
    ("member", &["member"]),
];
const EXAMPLES: &str = "write for instance `{ send = \"message.sent\", from = \"ann\" }`";

const CHAT: &[&str] = &["command", "refuse", "status", "slow", "lost", "times"];
const CHAT_EXAMPLE: &str = "chat = { command = \"change_group_owner\", refuse = 10004 }";
const FAULTS: [&str; 4] = ["refuse", "status", "slow", "lost"];
const MEMBER: &[&str] =
    &["id", "group", "role", "joined", "name_card", "last_message", "muted", "left"];
const MEMBER_EXAMPLE: &str = "member = { id = \"ann\", role = \"admin\" }";

/// Reads one step.
pub(super) fn read(
    file: &mut File<'_>,
    lines: &Lines,
    item: &Node,
    known: &Known,
    now: Timestamp,
) -> Option<TestStep> {
    let Value::Table(table) = &item.value else {
        file.wrong_type("an item of steps", item, "a step", Some(EXAMPLES.to_owned()));
        return None;
    };
    let (verb, keys) = verb(file, item, table)?;
    let what = format!("a step with `{verb}`");
    let fields = match verb {
        "send" => file.fields(&what, item.span.clone(), table, &send::keys(table), send::HABITS),
        _ => file.fields(&what, item.span.clone(), table, keys, &[]),
    };
    let entry = fields.get(verb)?;
    let act = match verb {
        "send" => StepAct::Send(Box::new(send::read(file, &fields, known)?)),
        "expect" => {
            let effects = expected::read(file, entry)?;
            let because = fields.get("because");
            let because = because.and_then(|entry| reason(file, entry));
            StepAct::Expect { effects, because }
        }
        "advance" => StepAct::Advance(file.duration("advance", &entry.node)?),
        "restart" => restart(file, entry)?,
        "api" => api(file, &fields, entry)?,
        "chat" => StepAct::Chat(fault(file, entry)?),
        _ => unseen(file, entry, known, now)?,
    };
    Some(TestStep { line: lines.line(item.span.start), act })
}

/// The one thing that a step does.
fn verb(
    file: &mut File<'_>,
    item: &Node,
    table: &Table,
) -> Option<(&'static str, &'static [&'static str])> {
    let named = |entry: &Entry| VERBS.iter().find(|(verb, _)| *verb == entry.key);
    let mut verbs = table.entries().iter().filter_map(|entry| Some((named(entry)?, entry)));
    let Some((first, _)) = verbs.next() else {
        no_verb(file, item, table);
        return None;
    };
    if let Some((second, entry)) = verbs.next() {
        let message = format!("this step has `{}` and `{}`", first.0, second.0);
        file.error(TWO_STEPS, entry.key_span.clone(), message)
            .label("the order of the two would not be known")
            .help(format!("write `}}, {{ {} = …` to make it a step of its own", second.0));
        return None;
    }
    Some(*first)
}

fn no_verb(file: &mut File<'_>, item: &Node, table: &Table) {
    let names: Vec<_> = VERBS.iter().map(|(verb, _)| *verb).collect();
    let misspelt = table
        .entries()
        .iter()
        .find_map(|entry| Some((entry, closest(&entry.key, names.iter().copied())?)));
    let (place, help) = match misspelt {
        Some((entry, meant)) => (entry.key_span.clone(), format!("write `{meant}`")),
        None if table.get("because").is_some() => {
            (item.span.clone(), "write `expect = \"nothing\", because = …`".to_owned())
        }
        None => (item.span.clone(), EXAMPLES.to_owned()),
    };
    file.error(NO_STEP, place, "this step does nothing").label(there_are(&names)).help(help);
}

/// What some sentence must say.
fn reason(file: &mut File<'_>, entry: &Entry) -> Option<String> {
    let text = file.text("because", &entry.node)?;
    if text.trim().is_empty() {
        file.error(EMPTY, entry.node.span.clone(), "an empty `because` asks for nothing")
            .label("it is a part of a sentence that `groupkeeper why` tells")
            .help("write for instance `because = \"protected\"`, or leave it out".to_owned());
        return None;
    }
    Some(text.to_owned())
}

fn restart(file: &mut File<'_>, entry: &Entry) -> Option<StepAct> {
    if file.truth("restart", &entry.node)? {
        return Some(StepAct::Restart);
    }
    file.error(NO_STEP, entry.node.span.clone(), "this step does nothing")
        .help("write `restart = true`, or leave the step out".to_owned());
    None
}

fn api(file: &mut File<'_>, fields: &Fields<'_>, entry: &Entry) -> Option<StepAct> {
    let down = file.choice("api", &entry.node, &[("down", ())]);
    let time = fields.get("for").and_then(|entry| file.duration("for", &entry.node));
    if fields.lacks("for") {
        file.error(NEEDS_ANOTHER, entry.key_span.clone(), "`api` needs `for`")
            .help("write `{ api = \"down\", for = \"10m\" }`".to_owned());
    }
    down.and(time).map(StepAct::ApiDown)
}

/// `chat`: what Chat does with the next calls of a command.
fn fault(file: &mut File<'_>, entry: &Entry) -> Option<Fault> {
    let table = file.table(entry, CHAT_EXAMPLE)?;
    let habits = [("error", "refuse"), ("code", "refuse"), ("cmd", "command")];
    let fields = file.fields("`chat`", entry.key_span.clone(), table, CHAT, &habits);
    let command = file.required(&fields, "command", CHAT_EXAMPLE);
    let command = command.and_then(|entry| command_name(file, entry));
    let times = fields.get("times").map(|entry| file.number("times", &entry.node, 1..10_001));
    let kinds: Vec<_> = FAULTS.iter().filter_map(|fault| fields.get(fault)).collect();
    let kind = match kinds[..] {
        [one] => fault_kind(file, one),
        [] => {
            file.error(NOT_ONE_FAULT, fields.place.clone(), "`chat` does not say what goes wrong")
                .label(there_are(&FAULTS))
                .help(format!("write for instance `{CHAT_EXAMPLE}`"));
            None
        }
        [_, second, ..] => {
            file.error(NOT_ONE_FAULT, second.key_span.clone(), "one call cannot go wrong twice")
                .label(format!("one of {}", FAULTS.join(", ")))
                .help("make two steps of it".to_owned());
            None
        }
    };
    let times = times.unwrap_or(Some(1))?;
    Some(Fault { on: command?.to_owned(), times: Some(times), kind: kind? })
}

fn command_name<'n>(file: &mut File<'_>, entry: &'n Entry) -> Option<&'n str> {
    let name = file.text("command", &entry.node)?;
    if name == "*" || rest_commands().any(|known| known == name) {
        return Some(name);
    }
    let instead = closest(name, rest_commands()).map(|name| format!("write `\"{name}\"`"));
    let message = format!("`{name}` is not a REST command");
    file.error(UNKNOWN_COMMAND, entry.node.span.clone(), message)
        .label("the last part of the command's path, or `*` for any")
        .help(instead);
    None
}

fn fault_kind(file: &mut File<'_>, entry: &Entry) -> Option<FaultKind> {
    let node = &entry.node;
    let truly = |file: &mut File<'_>| {
        let truth = file.truth(&entry.key, node)?;
        if !truth {
            file.error(NOT_ONE_FAULT, node.span.clone(), "`chat` does not say what goes wrong")
                .help(format!("write `{} = true`", entry.key));
        }
        truth.then_some(())
    };
    Some(match entry.key.as_str() {
        "refuse" => {
            let code = file.number("refuse", node, 1..1_000_000)?;
            FaultKind::Code(i64::from(code), "refused, says the test".to_owned())
        }
        "status" => {
            let status = file.number("status", node, 100..600)?;
            FaultKind::Status(u16::try_from(status).unwrap_or(u16::MAX))
        }
        "slow" => truly(file).map(|()| FaultKind::Hang)?,
        _ => truly(file).map(|()| FaultKind::ApplyThenDropReply)?,
    })
}

/// `member`: a change that no callback tells.
fn unseen(file: &mut File<'_>, entry: &Entry, known: &Known, now: Timestamp) -> Option<StepAct> {
    let table = file.table(entry, MEMBER_EXAMPLE)?;
    let habits = [("who", "id"), ("gone", "left"), ("joined_at", "joined")];
    let fields = file.fields("`member`", entry.key_span.clone(), table, MEMBER, &habits);
    let id = file.required(&fields, "id", MEMBER_EXAMPLE);
    let id = id.and_then(|entry| {
        let text = file.text("id", &entry.node)?;
        file.account("id", text, &entry.node)
    });
    let group = match fields.get("group") {
        Some(entry) => {
            let group = GroupId::from(file.text("group", &entry.node)?);
            if known.group_type(&group).is_none() {
                send::unknown_group(file, &entry.node, &group, known);
            }
            group
        }
        None => known.groups.first()?.0.clone(),
    };
    let mut roles = vec![("owner", Role::Owner)];
    roles.extend(ROLES);
    let mut role = fields.get("role").and_then(|entry| file.choice("role", &entry.node, &roles));
    if let Some(entry) = fields.get("left")
        && file.truth("left", &entry.node) == Some(true)
    {
        role = Some(Role::Outside);
    }
    let mut time = |name: &str| fields.get(name).and_then(|entry| file.duration(name, &entry.node));
    let (joined, spoke, muted) = (time("joined"), time("last_message"), time("muted"));
    let card = fields.get("name_card").and_then(|entry| file.text("name_card", &entry.node));
    let change = MemberChange {
        role,
        joined_at: joined.map(|time| now - time),
        name_card: card.map(str::to_owned),
        last_message_at: spoke.map(|time| now - time),
        muted,
    };
    Some(StepAct::Unseen { group, member: id?, change })
}
