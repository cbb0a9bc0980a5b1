//! Rules that an earlier rule with `stop = true` keeps every event from, and rules written twice.

use std::collections::HashMap;

use super::given;
use crate::chat::GroupType;
use crate::rule::condition::{Clause, Condition, Formula, never_together};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Globs, Mode, Rule, Scope, Step, Trigger};
use crate::rule::parse::codes::{NEVER_REACHED, SAME_RULE};
use crate::rule::source::Spot;

/// Actions that nothing keeps from being taken, so that `stop` always works behind them.
const ALWAYS_TAKEN: [&str; 5] = ["alert", "send_message", "notify_group", "reject", "drop"];

/// How many pairs of conditions are held against each other: rules that stop are few, or generated.
const MOST_COMPARED: usize = 20_000;

/// Rules behind one that stops everything they listen to.
pub fn unreached(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut compared = 0;
    let mut stopped = vec![false; rules.len()];
    for (at, (first, place)) in rules.iter().enumerate() {
        if !stops_for_certain(first) {
            continue;
        }
        let conditional = first.when.is_some() || first.unless.is_some();
        for (later, (second, spot)) in rules.iter().enumerate().skip(at + 1) {
            if conditional && compared >= MOST_COMPARED {
                break;
            }
            compared += usize::from(conditional);
            // Two of one id are told as that.
            if stopped[later]
                || first.id == second.id
                || !takes_all(first, second)
                || (conditional && !holds_whenever(first, second))
            {
                continue;
            }
            stopped[later] = true;
            let message =
                format!("`{}` is never reached: `{}` stops before it", second.id, first.id);
            let told = Diagnostic::new(Level::Warning, NEVER_REACHED, spot.clone(), message);
            let told = told.label(format!("`{}` sees every event that this waits for", first.id));
            let told = told.related(place.clone(), "`stop = true` stands here");
            found.push(told.help(format!("move `{}` above `{}`", second.id, first.id)));
        }
    }
    found
}

/// Whether a rule whose conditions hold hides the event from those behind it, always.
fn stops_for_certain(rule: &Rule) -> bool {
    let kept = rule.count.is_some() || rule.once.is_some() || rule.cooldown.is_some();
    let taken = |step: &Step| ALWAYS_TAKEN.contains(&step.action.name());
    let acts = rule.steps.first().is_none_or(taken);
    let asks = [&rule.when, &rule.unless].into_iter().flatten().any(|condition| {
        let mut uses = condition.clauses().iter().flat_map(Clause::uses);
        uses.any(|(object, field)| given::may_ask(*object, field))
    });
    rule.stop && acts && !kept && !asks && rule.wait.is_none() && rule.mode != Mode::Off
}

/// Whether every event that the second listens to is one of the first.
fn takes_all(first: &Rule, second: &Rule) -> bool {
    let (Trigger::On(taken), Trigger::On(kinds)) = (&first.trigger, &second.trigger) else {
        return false;
    };
    second.mode != Mode::Off
        && kinds.iter().all(|kind| taken.contains(kind))
        && (first.on_own || !second.on_own)
        && includes(&first.scope, &second.scope)
}

fn includes(wide: &Scope, narrow: &Scope) -> bool {
    let all_types = GroupType::ALL.iter().all(|kind| wide.types.contains(kind));
    let typed = wide.types.is_empty()
        || all_types
        || (!narrow.types.is_empty() && narrow.types.iter().all(|kind| wide.types.contains(kind)));
    let held = |globs: &Globs, glob: &String| globs.patterns().contains(glob);
    let all = |globs: &Globs| globs.is_empty() || globs.patterns().iter().any(|glob| glob == "*");
    let groups = all(&wide.groups)
        || (!narrow.groups.is_empty()
            && narrow.groups.patterns().iter().all(|glob| held(&wide.groups, glob)));
    typed && groups && wide.except.patterns().iter().all(|glob| held(&narrow.except, glob))
}

/// Whether the first rule's conditions are true whenever the second's are.
fn holds_whenever(first: &Rule, second: &Rule) -> bool {
    let formula = |condition: &Option<Condition>| condition.as_ref().map(Condition::formula);
    let mut wanted = vec![formula(&first.when).unwrap_or(Formula::Always)];
    wanted.extend(formula(&first.unless).map(|unless| unless.negated()));
    let wanted = Formula::All(wanted);
    let mut known = given::to_act(second);
    known.push(wanted.negated());
    wanted.is_certain() && never_together(&known)
}

/// Rules that are the same but for their headings.
pub fn repeated(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &(Rule, Spot)> = HashMap::new();
    let mut found = Vec::new();
    for entry in rules {
        let (rule, spot) = entry;
        let (earlier, place) = first.entry(rule.digest.as_str()).or_insert(entry);
        if earlier.id == rule.id || rule.mode == Mode::Off || rule.steps.is_empty() {
            continue;
        }
        let message = format!("`{}` and `{}` are the same rule", earlier.id, rule.id);
        let told = Diagnostic::new(Level::Warning, SAME_RULE, spot.clone(), message);
        let told = told.label("everything it does is done twice");
        found.push(
            told.related(place.clone(), "the first").help("leave one of the two out".to_owned()),
        );
    }
    found
}
