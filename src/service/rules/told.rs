//! What a reload came to, in words for the log, the API and the person who asked for it.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::rule::RuleSet;
use crate::rule::diagnostic::{Diagnostic, render_all};

/// Names of rules in one line of the log.
const MOST_NAMES: usize = 20;
/// Mistakes in one entry of the log; `check` and the API tell more.
const MOST_MISTAKES: usize = 10;

/// What a reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// Rules in force now.
    pub rules: usize,
}

impl Reloaded {
    /// How one set of rules differs from another.
    pub(super) fn between(before: &RuleSet, after: &RuleSet) -> Self {
        let digests = |rules: &RuleSet| -> BTreeMap<String, String> {
            rules.rules().iter().map(|rule| (rule.id.to_string(), rule.digest.clone())).collect()
        };
        let (old, new) = (digests(before), digests(after));
        let changed =
            |(id, digest): &(&String, &String)| old.get(*id).is_some_and(|o| o != *digest);
        Self {
            added: new.keys().filter(|id| !old.contains_key(*id)).cloned().collect(),
            changed: new.iter().filter(changed).map(|(id, _)| id.clone()).collect(),
            removed: old.keys().filter(|id| !new.contains_key(*id)).cloned().collect(),
            rules: new.len(),
        }
    }

    /// Whether the same rules are in force, perhaps with other comments.
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// One line for the log and the API.
    pub fn words(&self) -> String {
        let mut parts = vec![format!("{} rules in force", self.rules)];
        for (what, ids) in
            [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)]
        {
            if !ids.is_empty() {
                let shown = &ids[..ids.len().min(MOST_NAMES)];
                let more = ids.len() - shown.len();
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                parts.push(format!("{what}: {}{rest}", shown.join(", ")));
            }
        }
        if self.is_same() {
            parts.push("no rule differs".to_owned());
        }
        parts.join("; ")
    }
}

/// Why what is on disk is not in force.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// What is on disk has not been in force since.
    pub(super) since: Timestamp,
    /// Tells one broken state of the files from another.
    pub(super) digest: String,
    /// Errors only; never empty.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Trouble {
    /// As `groupkeeper check` prints it, cut to what a log takes.
    pub(super) fn words(&self) -> String {
        let shown = self.diagnostics.len().min(MOST_MISTAKES);
        let mut text = render_all(&self.diagnostics[..shown], false);
        let more = self.diagnostics.len() - shown;
        if more > 0 {
            text.push_str(&format!("\n… and {more} more: `groupkeeper check` shows all\n"));
        }
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ids: &[(&str, &str)]) -> RuleSet {
        let rule = |(id, text): &(&str, &str)| {
            format!(
                "[rule.{id}]\non = \"message.sent\"\ndo = [{{ alert = {{ text = \"{text}\" }} }}]\n"
            )
        };
        let text = ids.iter().map(rule).collect();
        let reading = crate::rule::read(vec![("a.toml".to_owned(), text)], None);
        assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        reading.rules
    }

    #[test]
    fn rules_are_told_apart_by_what_they_do() {
        let before = rules(&[("a", "x"), ("b", "x"), ("c", "x")]);
        let after = rules(&[("b", "y"), ("c", "x"), ("d", "x")]);
        let told = Reloaded::between(&before, &after).words();
        assert_eq!(told, "3 rules in force; added: d; changed: b; removed: a");
        let told = Reloaded::between(&after, &after).words();
        assert_eq!(told, "3 rules in force; no rule differs");
    }

    #[test]
    fn many_names_are_counted() {
        let ids: Vec<String> = (0..25).map(|number| format!("r{number}")).collect();
        let told = Reloaded { removed: ids, ..Reloaded::default() }.words();
        assert!(told.ends_with("r18, r19 and 5 more"), "{told}");
    }
}
