//! Rules that start each other, or themselves, by what the bot does (R107).
//!
//! The bot's own echoes start only rules with `on_own`, so that these are the only ones in danger.

use std::collections::VecDeque;

use super::change::{self, Change};
use super::given;
use crate::rule::EventKind;
use crate::rule::condition::never_together;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Mode, Rule, Scope, Trigger};
use crate::rule::parse::codes::UNDOES;
use crate::rule::source::Spot;

/// How many rules with `on_own` are looked at: each lifts a guard, and nobody needs many.
const MOST_RULES: usize = 200;

/// What a rule does that starts another: the event, and the other's index.
type Edge = (EventKind, usize);

/// R107 for each pair, each longer circle, and each rule that starts itself.
pub fn find(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let own = |(_, (rule, _)): &(usize, &(Rule, Spot))| rule.on_own && rule.mode != Mode::Off;
    let listening: Vec<usize> =
        rules.iter().enumerate().filter(own).map(|(at, _)| at).take(MOST_RULES).collect();
    if listening.is_empty() {
        return Vec::new();
    }
    let started = |(from, _): &(Rule, Spot)| -> Vec<Edge> {
        let edge = |to: &usize| Some((starts(from, &rules[*to].0)?, *to));
        listening.iter().filter_map(edge).collect()
    };
    let graph: Vec<Vec<Edge>> = rules.iter().map(started).collect();
    let mut found = Vec::new();
    for at in 0..rules.len() {
        for (event, to) in &graph[at] {
            let back = graph[*to].iter().any(|(_, back)| *back == at);
            let opposed = undoes(&rules[at].0, &rules[*to].0);
            // A pair that starts each other is told once, from its first rule.
            if *to == at || (back && at < *to) || (!back && opposed) {
                found.push(pair(rules, at, *to, *event, opposed));
            }
        }
        let circle = listening.contains(&at).then(|| circle(&graph, at)).flatten();
        found.extend(circle.map(|circle| around(rules, at, &circle)));
    }
    found
}

/// The event by which what one rule does starts the other.
fn starts(first: &Rule, second: &Rule) -> Option<EventKind> {
    let Trigger::On(kinds) = &second.trigger else { return None };
    // What is only observed has no echo.
    if first.mode != Mode::Enforce || !types_meet(&first.scope, &second.scope) {
        return None;
    }
    let conditions = given::to_act(second);
    let reaches = |(kind, fact)| {
        let possible = kinds.contains(&kind) && !never_together(conditions.iter().chain([&fact]));
        possible.then_some(kind)
    };
    first.steps.iter().filter_map(|step| change::echo(&step.action)).find_map(reaches)
}

/// Whether some type of groups is in both scopes.
pub fn types_meet(one: &Scope, two: &Scope) -> bool {
    one.types.is_empty()
        || two.types.is_empty()
        || one.types.iter().any(|kind| two.types.contains(kind))
}

/// Whether the second rule sets otherwise what the first has set.
fn undoes(first: &Rule, second: &Rule) -> bool {
    let changes = |rule: &Rule| -> Vec<Change> {
        rule.steps.iter().filter_map(|step| Change::of(&step.action)).collect()
    };
    let theirs = changes(second);
    changes(first).iter().any(|change| theirs.iter().any(|other| change.undoes(other)))
}

/// The shortest way back to a rule over at least two others that all stand behind it, so that each
/// circle is told from its first rule only.
fn circle(graph: &[Vec<Edge>], start: usize) -> Option<Vec<Edge>> {
    let mut ways: VecDeque<Vec<Edge>> =
        graph[start].iter().filter(|(_, to)| *to > start).map(|edge| vec![*edge]).collect();
    let mut seen: Vec<usize> = ways.iter().map(|way| way[0].1).collect();
    while let Some(way) = ways.pop_front() {
        let &(_, last) = way.last()?;
        for &(event, to) in &graph[last] {
            let longer = || way.iter().copied().chain([(event, to)]).collect();
            if to == start && way.len() > 1 {
                return Some(longer());
            }
            if to > start && !seen.contains(&to) {
                seen.push(to);
                ways.push_back(longer());
            }
        }
    }
    None
}

fn pair(
    rules: &[(Rule, Spot)],
    at: usize,
    to: usize,
    event: EventKind,
    opposed: bool,
) -> Diagnostic {
    let ((from, place), (second, spot)) = (&rules[at], &rules[to]);
    let chain = format!("{} -> {} -> {}", from.id, event.name(), second.id);
    let message = if at == to {
        format!("`{}` starts itself again: {chain}", from.id)
    } else if opposed {
        format!("`{}` and `{}` undo each other's work: {chain}", from.id, second.id)
    } else {
        format!("`{}` and `{}` start each other without end: {chain} -> …", from.id, second.id)
    };
    let told = warning(rules, to, message, spot.clone());
    if at == to { told } else { told.related(place.clone(), "the other rule") }
}

fn around(rules: &[(Rule, Spot)], start: usize, circle: &[Edge]) -> Diagnostic {
    let mut chain = rules[start].0.id.to_string();
    for (event, to) in circle {
        chain.push_str(&format!(" -> {} -> {}", event.name(), rules[*to].0.id));
    }
    let message = format!("{} rules start each other without end: {chain}", circle.len());
    let mut told = warning(rules, start, message, rules[start].1.clone());
    for (_, to) in circle.iter().filter(|(_, to)| *to != start) {
        told = told.related(rules[*to].1.clone(), "in the circle too");
    }
    told
}

fn warning(rules: &[(Rule, Spot)], to: usize, message: String, spot: Spot) -> Diagnostic {
    let help = format!("leave `on_own` out of `{}`", rules[to].0.id);
    Diagnostic::new(Level::Warning, UNDOES, spot, message).help(help)
}
