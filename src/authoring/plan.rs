//! What a change of the rules does: to the rules, to the state that they keep, and to what would have
//! been decided over the last days.

mod history;
mod keys;
mod state;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::ruletext;
use crate::ledger::survey::RuleState;
use crate::rule::model::{Rule, Trigger};
use crate::rule::{RuleId, RuleSet};

pub use history::{Difference, History, Side, compare};
pub use keys::KeyChange;
pub use state::{Fate, StateFate};

/// The difference between two sets of rules.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    pub old_version: String,
    pub new_version: String,
    pub added: Vec<Added>,
    pub changed: Vec<Changed>,
    pub removed: Vec<Removed>,
    pub moved: Vec<Moved>,
    /// Rules that are as they were.
    pub unchanged: usize,
    /// What would have been decided differently, where there is a journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// A rule that is new.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    pub rule: String,
    pub place: String,
    /// What starts it.
    pub starts: String,
}

/// A rule that says something else.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    pub rule: String,
    pub place: String,
    pub keys: Vec<KeyChange>,
    pub state: Vec<StateFate>,
}

/// A rule that is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Removed {
    pub rule: String,
    pub place: String,
    /// A new rule that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
    pub state: Vec<StateFate>,
}

/// A rule that says the same elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    pub rule: String,
    /// The file, as seen from the rules' directory.
    pub from: String,
    pub to: String,
    /// Whether it runs before or after other rules than it did.
    pub order: bool,
}

/// Compares two sets of rules; `state` is what the store holds for each, if there is one.
pub fn plan(old: &RuleSet, new: &RuleSet, state: Option<&BTreeMap<String, RuleState>>) -> Plan {
    let (old_texts, new_texts) =
        (ruletext::of_files(old.sources()), ruletext::of_files(new.sources()));
    let out_of_order = out_of_order(old, new);
    let (old_home, new_home) = (home(old), home(new));
    let mut plan = Plan {
        old_version: old.version().to_owned(),
        new_version: new.version().to_owned(),
        ..Plan::default()
    };
    let held =
        |rule: &Rule| state.map(|state| state.get(rule.id.as_str()).copied().unwrap_or_default());
    for rule in new.rules() {
        let id = rule.id.to_string();
        let Some(before) = old.get(&rule.id) else {
            plan.added.push(Added { rule: id, place: place(rule), starts: starts(rule) });
            continue;
        };
        if before.digest != rule.digest {
            let keys = match (old_texts.get(&id), new_texts.get(&id)) {
                (Some(old), Some(new)) => keys::changes(&old.keys, &new.keys),
                _ => Vec::new(),
            };
            let state = state::of_changed(before, rule, held(rule));
            plan.changed.push(Changed { rule: id, place: place(rule), keys, state });
            continue;
        }
        let order = out_of_order.contains(&rule.id);
        let (from, to) = (below(&before.place.file, &old_home), below(&rule.place.file, &new_home));
        if order || from != to {
            let (from, to) = (from.to_owned(), to.to_owned());
            plan.moved.push(Moved { rule: id, from, to, order });
        } else {
            plan.unchanged += 1;
        }
    }
    for rule in old.rules().iter().filter(|rule| new.get(&rule.id).is_none()) {
        let added = |other: &&std::sync::Arc<Rule>| {
            other.digest == rule.digest && old.get(&other.id).is_none()
        };
        plan.removed.push(Removed {
            rule: rule.id.to_string(),
            place: place(rule),
            renamed_to: new.rules().iter().find(added).map(|other| other.id.to_string()),
            state: state::of_removed(rule, held(rule)),
        });
    }
    plan
}

impl Plan {
    /// Whether the rules say the same in the same order.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.moved.is_empty()
    }
}

fn place(rule: &Rule) -> String {
    format!("{}:{}", rule.place.file, rule.place.line)
}

/// The directory that all files of some rules stand in: the same rules may be read from elsewhere.
fn home(rules: &RuleSet) -> String {
    let directory = |name: &str| name.rfind('/').map_or(0, |slash| slash + 1);
    let mut names = rules.sources().iter().map(|(name, _)| name.as_str());
    let Some(first) = names.next() else { return String::new() };
    let mut home = &first[..directory(first)];
    for name in names {
        while !name.starts_with(home) {
            home = &home[..directory(home.trim_end_matches('/'))];
        }
    }
    home.to_owned()
}

fn below<'f>(file: &'f str, home: &str) -> &'f str {
    file.strip_prefix(home).unwrap_or(file)
}

fn starts(rule: &Rule) -> String {
    match &rule.trigger {
        Trigger::On(kinds) => {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            format!("on {}", names.join(", "))
        }
        Trigger::Schedule(_) => "by its schedule".to_owned(),
    }
}

/// The rules that do not run between those between which they ran: as few as explain the new order.
fn out_of_order(old: &RuleSet, new: &RuleSet) -> BTreeSet<RuleId> {
    let ranks: BTreeMap<&RuleId, usize> =
        old.rules().iter().enumerate().map(|(rank, rule)| (&rule.id, rank)).collect();
    let common: Vec<(&RuleId, usize)> =
        new.rules().iter().filter_map(|rule| Some((&rule.id, *ranks.get(&rule.id)?))).collect();
    // The longest rising sequence of old ranks stays; whoever is not in it has moved.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(common.len());
    for (at, (_, rank)) in common.iter().enumerate() {
        let length = ends.partition_point(|end| common[*end].1 < *rank);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut moved: BTreeSet<RuleId> = common.iter().map(|(id, _)| (*id).clone()).collect();
    let mut at = ends.last().copied();
    while let Some(stays) = at {
        moved.remove(common[stays].0);
        at = before[stays];
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule;

    fn rules(texts: &[&str]) -> RuleSet {
        let files = texts.iter().enumerate();
        let files = files.map(|(n, text)| (format!("{n}.toml"), (*text).to_owned())).collect();
        let reading = rule::read(files, None);
        assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        reading.rules
    }

    fn named(names: &[&str]) -> RuleSet {
        let text = |name: &&str| {
            format!(
                "[rule.{name}]\non = \"member.joined\"\ndo = [{{ alert = {{ text = \"{name}\" }} }}]\n"
            )
        };
        rules(&[&names.iter().map(text).collect::<String>()])
    }

    #[test]
    fn one_rule_that_runs_elsewhere_is_one_that_moved() {
        let plan = plan(&named(&["a", "b", "c", "d"]), &named(&["b", "c", "a", "d"]), None);
        let moved: Vec<&str> = plan.moved.iter().map(|moved| moved.rule.as_str()).collect();
        assert_eq!((moved, plan.unchanged), (vec!["a"], 3));
    }

    #[test]
    fn an_added_rule_moves_no_other_and_a_renamed_one_is_recognised() {
        let same = "on = \"member.joined\"\ndo = [{ alert = { text = \"x\" } }]\n";
        let old = rules(&[&format!("[rule.b]\n{same}[rule.gone]\ntitle = \"y\"\n{same}")]);
        let new = rules(&[&format!(
            "[rule.new]\n{same}[rule.b]\n{same}[rule.came]\ntitle = \"y\"\n{same}"
        )]);
        let plan = plan(&old, &new, None);
        assert_eq!((plan.moved.len(), plan.unchanged, plan.added.len()), (0, 1, 2));
        assert_eq!(plan.removed[0].renamed_to.as_deref(), Some("came"));
    }

    #[test]
    fn of_a_schedule_that_goes_the_last_firing_is_forgotten() {
        let rest = "do = [{ alert = { text = \"x\" } }]\n";
        let old = rules(&[&format!("[rule.a]\nschedule = {{ every = \"1h\" }}\n{rest}")]);
        let plan = plan(&old, &named(&["b"]), None);
        let state = &plan.removed[0].state;
        let told: Vec<_> = state.iter().map(|fate| (fate.state, fate.fate)).collect();
        assert_eq!(told, [("last firing", Fate::Dropped)]);
    }

    #[test]
    fn the_same_files_in_another_directory_have_not_moved() {
        let text = "[rule.a]\non = \"member.joined\"\ndo = [{ alert = { text = \"a\" } }]\n";
        let at = |names: &[&str]| {
            let text = |(n, name): (usize, &&str)| {
                ((*name).to_owned(), text.replace(".a]", &format!(".a{n}]")))
            };
            rule::read(names.iter().enumerate().map(text).collect(), None).rules
        };
        let old = at(&["/srv/old/a.toml", "/srv/old/sub/b.toml"]);
        assert!(plan(&old, &at(&["rules/a.toml", "rules/sub/b.toml"]), None).is_nothing());
        let moved = plan(&old, &at(&["rules/sub/a.toml", "rules/b.toml"]), None).moved;
        assert_eq!((moved[0].from.as_str(), moved[0].to.as_str()), ("a.toml", "sub/a.toml"));
    }

    #[test]
    fn rules_against_themselves_are_no_plan() {
        let text = include_str!("../../rules/quiet_flooders.toml");
        let plan = plan(&rules(&[text]), &rules(&[text]), None);
        assert!(plan.is_nothing());
    }
}
