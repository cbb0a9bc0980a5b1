//! What holds on every event that a rule's conditions are judged for, by its other keys.

use crate::rule::catalog::{EventKind, Object};
use crate::rule::condition::{Fact, Formula, event_names};
use crate::rule::model::{Rule, Trigger};
use crate::rule::names::Names;

/// A key of a rule that leaves some events out, and what is true of the rest.
pub struct Given {
    pub formula: Formula,
    /// The keys that lead to it: `in` and `types`.
    pub path: &'static [&'static str],
    /// What stands there, for people.
    pub said: String,
}

/// Everything that is given for a rule.
pub fn of(rule: &Rule) -> Vec<Given> {
    let mut given = Vec::new();
    if let Trigger::On(kinds) = &rule.trigger {
        given.extend(event_name(kinds));
    }
    given.extend(group_type(rule));
    given.extend(group_id(rule));
    if let Some(count) = &rule.count {
        let formula = Formula::Is(Fact::at_least("count", i128::from(count.threshold)));
        let said = format!("`count` lets the rule go on from {}", count.threshold);
        given.push(Given { formula, path: &["count"], said });
    }
    if !rule.on_own {
        let formula = Formula::Is(Fact::is_true("event.by_bot").negated());
        let said = "without `on_own`, what the bot does itself starts no rule".to_owned();
        given.push(Given { formula, path: &[], said });
    }
    given
}

/// What must hold for a rule to reach its actions: conditions and everything that is given.
pub fn to_act(rule: &Rule) -> Vec<Formula> {
    let mut all: Vec<_> = of(rule).into_iter().map(|given| given.formula).collect();
    all.extend(rule.when.as_ref().map(|when| when.formula()));
    all.extend(rule.unless.as_ref().map(|unless| unless.formula().negated()));
    all
}

fn event_name(kinds: &[EventKind]) -> Option<Given> {
    let names = event_names(&Names::of_events(kinds))?;
    let said = format!("the rule is started by {} only", names.join(", "));
    let is = names.iter().map(|name| Formula::Is(Fact::equals("event.name", name)));
    Some(Given { formula: Formula::Any(is.collect()), path: &["on"], said })
}

/// A group whose type nobody knows is let through; its type reads as empty.
fn group_type(rule: &Rule) -> Option<Given> {
    let types = &rule.scope.types;
    if types.is_empty() {
        return None;
    }
    let names = types.iter().map(|kind| kind.name());
    let is = names.clone().chain(["", "Unknown"]);
    let is = is.map(|name| Formula::Is(Fact::equals("group.type", name))).collect();
    let said = format!("`in` selects {} groups only", names.collect::<Vec<_>>().join(", "));
    Some(Given { formula: Formula::Any(is), path: &["in", "types"], said })
}

/// Without a group there is no scope; its id reads as empty.
fn group_id(rule: &Rule) -> Option<Given> {
    let (groups, except) = (&rule.scope.groups, &rule.scope.except);
    let mut selected = Vec::new();
    if !groups.is_empty() {
        selected.push(Formula::Is(Fact::globs("group.id", groups)));
    }
    if !except.is_empty() {
        selected.push(Formula::Is(Fact::globs("group.id", except).negated()));
    }
    if selected.is_empty() {
        return None;
    }
    let none = Formula::Is(Fact::equals("group.id", ""));
    let path: &[_] = if groups.is_empty() { &["in", "except"] } else { &["in", "groups"] };
    Some(Given {
        formula: Formula::Any(vec![none, Formula::All(selected)]),
        path,
        said: "`in` selects no such group".to_owned(),
    })
}

/// Whether judging a condition can make the bot ask Chat first.
pub fn may_ask(object: Object, field: &str) -> bool {
    match object {
        Object::Group => field != "id",
        Object::Member | Object::Operator => matches!(field, "role" | "joined_at" | "name_card"),
        _ => false,
    }
}
