//! Rules that set the same thing of the same member differently for the same event (R108).

use std::collections::{BTreeMap, BTreeSet};

use super::change::Change;
use super::given;
use super::loops::types_meet;
use crate::rule::EventKind;
use crate::rule::condition::{Condition, never_together};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Mode, Rule, Scope, Trigger};
use crate::rule::parse::codes::FIGHTS;
use crate::rule::source::Spot;

/// How many pairs of rules are held against each other.
const MOST_COMPARED: usize = 20_000;

/// What is set on an event, by which rule.
type Setters = BTreeMap<(EventKind, &'static str), Vec<(usize, Change)>>;

/// R108 for each pair of rules whose conditions leave room for both, and for a rule that undoes what
/// it has just done.
pub fn find(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut setters = Setters::new();
    for (at, (rule, spot)) in rules.iter().enumerate().filter(|(_, (rule, _))| acts(rule)) {
        let changes: Vec<_> =
            rule.steps.iter().filter_map(|step| Change::of(&step.action)).collect();
        found.extend(with_itself(rule, spot, &changes));
        let Trigger::On(kinds) = &rule.trigger else { continue };
        for kind in kinds {
            for change in &changes {
                setters.entry((*kind, change.what)).or_default().push((at, change.clone()));
            }
        }
    }
    let mut told = BTreeSet::new();
    let mut compared = 0;
    for ((kind, _), all) in &setters {
        for (at, (first, change)) in all.iter().enumerate() {
            for (second, other) in &all[at + 1..] {
                if first == second || !change.undoes(other) || told.contains(&(first, second)) {
                    continue;
                }
                compared += 1;
                if compared <= MOST_COMPARED && both_may_act(&rules[*first].0, &rules[*second].0) {
                    told.insert((first, second));
                    found.push(fight(&rules[*first], &rules[*second], *kind, change, other));
                }
            }
        }
    }
    found
}

fn acts(rule: &Rule) -> bool {
    rule.mode == Mode::Enforce
}

fn with_itself(rule: &Rule, spot: &Spot, changes: &[Change]) -> Option<Diagnostic> {
    let pairs = changes.iter().zip(changes.iter().skip(1));
    let (one, other) = pairs.into_iter().find(|(one, other)| one.undoes(other))?;
    let message = format!("`{}` sets {} and at once sets it otherwise", rule.id, one.what);
    let told = Diagnostic::new(Level::Warning, FIGHTS, spot.clone(), message);
    let told = told.label(format!("first {}, then {}", one.value, other.value));
    Some(told.help("keep one of the two actions".to_owned()))
}

/// Whether one event can lead both to their actions at the same time.
fn both_may_act(first: &Rule, second: &Rule) -> bool {
    if first.stop || first.wait != second.wait || !scopes_meet(&first.scope, &second.scope) {
        return false;
    }
    let all: Vec<_> = [first, second].into_iter().flat_map(given::to_act).collect();
    !never_together(&all)
}

fn scopes_meet(one: &Scope, two: &Scope) -> bool {
    let left_out = |scope: &Scope, other: &Scope| {
        let mut patterns = scope.groups.patterns().iter();
        !scope.groups.is_empty() && patterns.all(|glob| other.except.patterns().contains(glob))
    };
    let start =
        |glob: &str| glob[..glob.find(['*', '?', '[', '{', '\\']).unwrap_or(glob.len())].to_owned();
    let touch = |a: &String, b: &String| {
        let (a, b) = (start(a), start(b));
        a.starts_with(&b) || b.starts_with(&a)
    };
    let (groups, others) = (one.groups.patterns(), two.groups.patterns());
    let meet = groups.is_empty()
        || others.is_empty()
        || groups.iter().any(|a| others.iter().any(|b| touch(a, b)));
    types_meet(one, two) && meet && !left_out(one, two) && !left_out(two, one)
}

fn fight(
    (first, place): &(Rule, Spot),
    (second, spot): &(Rule, Spot),
    kind: EventKind,
    change: &Change,
    other: &Change,
) -> Diagnostic {
    let what = change.what;
    let message =
        format!("`{}` and `{}` both set {what} on {} and differ", first.id, second.id, kind.name());
    let help = keep_apart(first, second)
        .or_else(|| keep_apart(second, first))
        .unwrap_or_else(|| "let one leave out what the other is for, with `unless`".to_owned());
    let told = Diagnostic::new(Level::Warning, FIGHTS, spot.clone(), message);
    let told = told.label(format!("{}: where both apply, this comes last", other.value));
    told.related(place.clone(), change.value.clone()).help(help)
}

/// What the second must leave out so that only one of the two acts.
fn keep_apart(first: &Rule, second: &Rule) -> Option<String> {
    let when = first.when.as_ref().map(Condition::text)?;
    let plain = second.unless.is_none() && !when.contains(['\'', '\n']);
    plain.then(|| format!("write `unless = '{when}'` in `{}`", second.id))
}
