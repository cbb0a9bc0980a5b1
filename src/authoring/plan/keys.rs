//! Which keys of a rule say something else, and what.

use std::collections::BTreeSet;

use serde::Serialize;
use toml::{Table, Value};

/// One key that says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// `count.within`, `step 1 mute.for`
    pub key: String,
    /// As TOML; absent when the key was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The keys of a rule that changed, as deep inside as the two are alike.
pub(super) fn changes(old: &Table, new: &Table) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    of_tables("", old, new, &mut changes);
    changes
}

fn of_tables(path: &str, old: &Table, new: &Table, changes: &mut Vec<KeyChange>) {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let inner = match path {
            "" => key.clone(),
            step if step.starts_with("step ")
                && !step.contains('.')
                && !step[5..].contains(' ') =>
            {
                format!("{step} {key}")
            }
            path => format!("{path}.{key}"),
        };
        of_values(&inner, old.get(key), new.get(key), changes);
    }
}

fn of_values(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<KeyChange>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Table(old)), Some(Value::Table(new))) => of_tables(path, old, new, changes),
        (Some(Value::Array(old)), Some(Value::Array(new))) if path == "do" => {
            // Steps are told one by one: their places are what ladders are kept under.
            for number in 0..old.len().max(new.len()) {
                let step = format!("step {}", number + 1);
                of_values(&step, old.get(number), new.get(number), changes);
            }
        }
        (old, new) => {
            let shown = |value: Option<&Value>| value.map(shown);
            changes.push(KeyChange { key: path.to_owned(), old: shown(old), new: shown(new) });
        }
    }
}

/// A value on one line, as it would be written into a rule.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) => {
            let entry = |(key, value): (&String, &Value)| format!("{key} = {}", shown(value));
            format!("{{ {} }}", table.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        let words = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        changes(&table(old), &table(new))
            .iter()
            .map(|change| {
                format!("{}: {} -> {}", change.key, words(&change.old), words(&change.new))
            })
            .collect()
    }

    #[test]
    fn what_changed_is_told_as_deep_inside_as_both_are_alike() {
        let old = "count = { each = [\"group\"], within = \"10s\" }\ndo = [{ mute = { for = [\"5m\", \"1h\"] } }, \"drop\"]";
        let new = "count = { each = [\"group\"], within = \"20s\" }\nwait = \"2m\"\ndo = [{ mute = { for = \"5m\" } }]";
        let expected = [
            "count.within: \"10s\" -> \"20s\"",
            "step 1 mute.for: [\"5m\", \"1h\"] -> \"5m\"",
            "step 2: \"drop\" -> nothing",
            "wait: nothing -> \"2m\"",
        ];
        assert_eq!(told(old, new), expected);
    }

    #[test]
    fn another_action_in_the_same_place_is_told_as_one_gone_and_one_come() {
        let told = told("do = [{ mute = { for = \"5m\" } }]", "do = [{ unmute = {} }]");
        assert_eq!(
            told,
            ["step 1 mute: { for = \"5m\" } -> nothing", "step 1 unmute: nothing -> {  }"]
        );
    }
}
