//! Effects as tests write them.

mod difference;
mod told;

use std::collections::BTreeMap;

use crate::decision::Verdict;
use crate::decision::effect::Act;
use crate::rule::duration;

pub use difference::{Difference, FieldDifference, Kind};
pub(super) use difference::{align, is_met};
pub(super) use told::{sentences, story};

/// An effect as a test file writes it: its name and the fields that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub action: String,
    /// Lists are written with commas between their items.
    pub fields: BTreeMap<String, String>,
}

/// The effects that a test can name, and the fields of each that it can compare. What
/// [`seen_as`] and [`answered_as`] put into an effect stands here, so that a slip is found when the
/// test is read.
pub(super) const EFFECTS: &[(&str, &[&str])] = &[
    ("set_role", &["who", "role", "group"]),
    ("mute", &["who", "for", "group"]),
    ("unmute", &["who", "group"]),
    ("set_name_card", &["who", "text", "group"]),
    ("set_message_receiving", &["who", "mode", "group"]),
    ("set_member_fields", &["who", "group"]),
    ("transfer_owner", &["to", "group", "room"]),
    ("import_members", &["count", "group"]),
    ("add_members", &["members", "silent", "group"]),
    ("remove_member", &["who", "silent", "reason", "group"]),
    ("ban", &["who", "for", "reason", "group"]),
    ("unban", &["who", "group"]),
    ("send_message", &["text", "from", "group"]),
    ("send_private", &["to", "text"]),
    ("notify_group", &["text", "to", "group"]),
    ("recall_message", &["sequence", "group"]),
    ("mute_all", &["for", "group"]),
    ("unmute_all", &["group"]),
    ("set_group", &["name", "introduction", "notification", "join", "group"]),
    ("dismiss_group", &["group"]),
    ("reject", &["text", "code"]),
    ("drop", &[]),
    ("replace_text", &["text"]),
    ("refuse_invited", &["who"]),
    ("alert", &["text"]),
];

/// An effect with the fields that a test can compare.
pub(super) fn seen_as(act: &Act) -> Expected {
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, value: &dyn ToString| {
        fields.insert(name.to_owned(), value.to_string());
    };
    act.group().iter().for_each(|group| put("group", group));
    act.member().iter().for_each(|member| put("who", member));
    match act {
        Act::SetRole { role, .. } => put("role", &role.name()),
        Act::Mute { time, .. } => put("for", &how_long(*time)),
        Act::Ban { time, reason, .. } => {
            put("for", &how_long(*time));
            put("reason", reason);
        }
        Act::RemoveMember { silent, reason, .. } => {
            put("silent", silent);
            put("reason", reason);
        }
        Act::SendMessage { text, from, .. } => {
            put("text", text);
            from.iter().for_each(|from| put("from", from));
        }
        Act::SetNameCard { text, .. } | Act::Alert { text } => put("text", text),
        Act::SetMessageReceiving { mode, .. } => put("mode", &mode.name()),
        Act::SetMemberFields { fields, .. } => {
            fields.iter().for_each(|(key, value)| put(key, value));
        }
        Act::TransferOwner { to, .. } => put("to", to),
        Act::TransferRoom { room, to, .. } => {
            put("room", room);
            put("to", to);
        }
        Act::ImportMembers { members, .. } => put("count", &members.len()),
        Act::AddMembers { members, silent, .. } => {
            put("members", &names(members));
            put("silent", silent);
        }
        Act::NotifyGroup { text, to, .. } => {
            put("text", text);
            put("to", &names(to));
        }
        Act::RecallMessage { sequence, .. } => put("sequence", sequence),
        Act::MuteAll { time, .. } => {
            time.iter().for_each(|time| put("for", &duration::format(*time)));
        }
        Act::SetGroup { fields, .. } => {
            fields.name.iter().for_each(|text| put("name", text));
            fields.introduction.iter().for_each(|text| put("introduction", text));
            fields.notification.iter().for_each(|text| put("notification", text));
            fields.join.iter().for_each(|join| put("join", &join.name()));
        }
        Act::SendPrivate { to, text } => {
            put("to", to);
            put("text", text);
        }
        Act::Unmute { .. }
        | Act::Unban { .. }
        | Act::UnmuteAll { .. }
        | Act::DismissGroup { .. }
        | Act::Read(_) => {}
    }
    Expected { action: act.name().to_owned(), fields }
}

fn how_long(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "forever".to_owned(), duration::format)
}

fn names(accounts: &[crate::chat::Account]) -> String {
    accounts.iter().map(crate::chat::Account::as_str).collect::<Vec<_>>().join(", ")
}

/// The answer to an event that asks, unless it is yes.
pub(super) fn answered_as(verdict: &Verdict) -> Option<Expected> {
    let effect = |action: &str, fields: Vec<(&str, String)>| Expected {
        action: action.to_owned(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    Some(match verdict {
        Verdict::Allow => return None,
        Verdict::Reject { code, text } => {
            let mut fields = vec![("text", text.clone())];
            fields.extend(code.map(|code| ("code", code.to_string())));
            effect("reject", fields)
        }
        Verdict::Drop => effect("drop", Vec::new()),
        Verdict::Replace { text } => effect("replace_text", vec![("text", text.clone())]),
        Verdict::RefuseInvited { accounts } => {
            let names: Vec<_> = accounts.iter().map(ToString::to_string).collect();
            effect("refuse_invited", vec![("who", names.join(", "))])
        }
    })
}

/// One effect as a test file writes it.
pub(super) fn written(effect: &Expected) -> String {
    let fields = effect.fields.iter().map(|(name, value)| format!("{name} = {value:?}"));
    let fields = fields.collect::<Vec<_>>().join(", ");
    let action = &effect.action;
    if fields.is_empty() {
        format!("{{ {action} = {{}} }}")
    } else {
        format!("{{ {action} = {{ {fields} }} }}")
    }
}

/// Whether two values are the same; `90m` and `1h30m` are.
fn same(name: &str, one: &str, other: &str) -> bool {
    let times = || Some((duration::parse(one).ok()?, duration::parse(other).ok()?));
    one == other || (name == "for" && times().is_some_and(|(one, other)| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_an_effect_that_a_test_can_name() {
        let verdicts = [
            Verdict::Reject { code: Some(10_101), text: "no".into() },
            Verdict::Drop,
            Verdict::Replace { text: "***".into() },
            Verdict::RefuseInvited { accounts: vec!["ann".into(), "ben".into()] },
        ];
        let seen: Vec<_> = verdicts.iter().map(|verdict| answered_as(verdict).unwrap()).collect();
        for effect in &seen {
            let known = EFFECTS.iter().find(|(name, _)| *name == effect.action).unwrap();
            assert!(
                effect.fields.keys().all(|field| known.1.contains(&field.as_str())),
                "{effect:?}"
            );
        }
        let told: Vec<_> = seen.iter().map(written).collect();
        assert_eq!(
            told,
            [
                r#"{ reject = { code = "10101", text = "no" } }"#,
                "{ drop = {} }",
                r#"{ replace_text = { text = "***" } }"#,
                r#"{ refuse_invited = { who = "ann, ben" } }"#,
            ]
        );
        assert_eq!(answered_as(&Verdict::Allow), None);
    }

    #[test]
    fn ninety_minutes_are_an_hour_and_a_half_where_a_time_is_meant() {
        assert!(same("for", "90m", "1h30m"));
        assert!(!same("text", "90m", "1h30m") && !same("for", "90m", "forever"));
    }
}
