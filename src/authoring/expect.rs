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
    ("add_members", &["members", "who", "group"]),
    ("remove_member", &["who", "silent", "reason", "group"]),
    ("ban", &["who", "for", "reason", "group"]),
    ("unban", &["who", "group"]),
    ("send_message", &["text", "from", "group"]),
    ("send_private", &["to", "text", "from"]),
    ("notify_group", &["text", "to", "group"]),
    ("recall_message", &["sequence", "group"]),
    ("mute_all", &["for", "on", "group"]),
    ("set_group", &["name", "introduction", "notification", "join", "group"]),
    ("dismiss_group", &["group"]),
    ("reject", &["text", "code"]),
    ("drop", &[]),
    ("replace_text", &["text"]),
    ("refuse", &["who"]),
    ("alert", &["text"]),
];

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
        Act::SendMessage { group, text, from } => {
            put("group", group);
            put("text", text);
            if let Some(from) = from {
                put("from", from);
            }
        }
        Act::Alert { text } => put("text", text),
        Act::Read(_) => {}
    }
    Expected { action: act.name().to_owned(), fields }
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
            effect("refuse", vec![("who", names.join(", "))])
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
                r#"{ refuse = { who = "ann, ben" } }"#,
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
