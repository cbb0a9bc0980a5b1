//! Effects as tests write them, and how they differ from what was expected.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::bench::Seen;
use super::testfile::Expected;
use crate::decision::effect::Act;
use crate::rule::duration;

/// An effect with the fields that a test can compare.
pub(super) fn seen_as(act: &Act) -> Expected {
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, value: &dyn ToString| {
        fields.insert(name.to_owned(), value.to_string());
    };
    match act {
        Act::SetRole { group, member, role, .. } => {
            put("group", group);
            put("who", member);
            put("role", &role.name());
        }
        Act::Mute { group, member, time, .. } => {
            put("group", group);
            put("who", member);
            put("for", &time.map_or_else(|| "forever".to_owned(), duration::format));
        }
        Act::Unmute { group, member } => {
            put("group", group);
            put("who", member);
        }
        Act::SetNameCard { group, member, text } => {
            put("group", group);
            put("who", member);
            put("text", text);
        }
        Act::SetMessageReceiving { group, member, mode } => {
            put("group", group);
            put("who", member);
            put("mode", &mode.name());
        }
        Act::SetMemberFields { group, member, fields } => {
            put("group", group);
            put("who", member);
            fields.iter().for_each(|(key, value)| put(key, value));
        }
        Act::TransferOwner { group, to, .. } => {
            put("group", group);
            put("to", to);
        }
        Act::TransferRoom { room, to, .. } => {
            put("room", room);
            put("to", to);
        }
        Act::ImportMembers { group, members } => {
            put("group", group);
            put("count", &members.len());
        }
        Act::SendMessage { group, text, .. } => {
            put("group", group);
            put("text", text);
        }
        Act::AddMembers { group, members, silent } => {
            put("group", group);
            put("members", &names(members));
            put("silent", silent);
        }
        Act::RemoveMember { group, member, silent, reason } => {
            put("group", group);
            put("who", member);
            put("silent", silent);
            put("reason", reason);
        }
        Act::Ban { group, member, time, reason, .. } => {
            put("group", group);
            put("who", member);
            put("for", &time.map_or_else(|| "forever".to_owned(), duration::format));
            put("reason", reason);
        }
        Act::Unban { group, member } => {
            put("group", group);
            put("who", member);
        }
        Act::NotifyGroup { group, text, to } => {
            put("group", group);
            put("text", text);
            put("to", &names(to));
        }
        Act::RecallMessage { group, sequence, .. } => {
            put("group", group);
            put("sequence", sequence);
        }
        Act::MuteAll { group, time } => {
            put("group", group);
            if let Some(time) = time {
                put("for", &duration::format(*time));
            }
        }
        Act::UnmuteAll { group } | Act::DismissGroup { group } => put("group", group),
        Act::SetGroup { group, fields } => {
            put("group", group);
            let texts = [
                ("name", &fields.name),
                ("introduction", &fields.introduction),
                ("notification", &fields.notification),
            ];
            for (name, text) in texts {
                text.iter().for_each(|text| put(name, text));
            }
            fields.join.iter().for_each(|join| put("join", &join.name()));
        }
        Act::SendPrivate { to, text } => {
            put("to", to);
            put("text", text);
        }
        Act::Alert { text } => put("text", text),
        Act::Read(_) => {}
    }
    Expected { action: act.name().to_owned(), fields }
}

fn names(accounts: &[crate::chat::Account]) -> String {
    accounts.iter().map(crate::chat::Account::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether what was seen is what was expected; a field left out is not compared.
pub(super) fn matches(expected: &[Expected], seen: &[Expected]) -> bool {
    expected.len() == seen.len()
        && expected.iter().zip(seen).all(|(expected, seen)| {
            expected.action == seen.action
                && expected.fields.iter().all(|(name, value)| {
                    let seen = seen.fields.get(name);
                    seen.is_some_and(|seen| seen == value || same_time(name, value, seen))
                })
        })
}

/// `90m` and `1h30m` are the same time.
fn same_time(name: &str, one: &str, other: &str) -> bool {
    name == "for"
        && match (duration::parse(one), duration::parse(other)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
}

/// One effect as a test file writes it.
pub(super) fn written(effect: &Expected) -> String {
    let fields = effect
        .fields
        .iter()
        .map(|(name, value)| format!("{name} = {value:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let action = &effect.action;
    if fields.is_empty() {
        format!("{{ {action} = {{}} }}")
    } else {
        format!("{{ {action} = {{ {fields} }} }}")
    }
}

/// The difference, and what every rule made of every event since the last `expect`.
pub(super) fn difference(expected: &[Expected], seen: &[Expected], all: &Seen) -> String {
    let mut text = String::new();
    let list = |effects: &[Expected]| match effects {
        [] => "nothing".to_owned(),
        effects => effects.iter().map(written).collect::<Vec<_>>().join("\n             "),
    };
    let _ = writeln!(text, "expected:  {}", list(expected));
    let _ = writeln!(text, "got:       {}", list(seen));
    text.push_str("because:");
    text.push_str(&traces(all));
    text
}

/// What every rule made of every event.
pub(super) fn traces(all: &Seen) -> String {
    let mut text = String::new();
    for (event, decision) in &all.decided {
        let about = event.member.as_ref().map(|m| format!(" ({m})")).unwrap_or_default();
        for trace in &decision.trace.rules {
            let _ = write!(
                text,
                "\n   {} {}{about}: `{}` {}",
                event.time, trace.event, trace.rule, trace.why
            );
        }
        for note in &decision.trace.notes {
            let _ = write!(text, "\n   {} {}{about}: {note}", event.time, event.name());
        }
    }
    if text.is_empty() {
        text.push_str("\n   no rule looked at anything");
    }
    fold(&text)
}

/// Tells a line that stands several times in a row once, and how often.
fn fold(text: &str) -> String {
    let mut folded: Vec<(&str, usize)> = Vec::new();
    for line in text.lines() {
        match folded.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => folded.push((line, 1)),
        }
    }
    let told = folded.into_iter().map(|(line, times)| match times {
        1 => line.to_owned(),
        times => format!("{line} ({times} times)"),
    });
    told.collect::<Vec<_>>().join("\n")
}
