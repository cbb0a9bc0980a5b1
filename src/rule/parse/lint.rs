//! What only shows across rules, and when schedules run next.

use chrono::{DateTime, Timelike};

use super::codes::{NEXT_RUNS, UNDOES};
use crate::clock::Timestamp;
use crate::rule::catalog::EventKind;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Action, Mode, Rule, Timing, Trigger};
use crate::rule::source::Spot;

/// How many firings are shown.
const SHOWN: usize = 3;

/// When a scheduled rule runs next, in the time zone of its crontab line; `None` for a
/// rule without a schedule and for one that is off.
pub fn next_runs(rule: &Rule, spot: &Spot, now: Timestamp) -> Option<Diagnostic> {
    let Trigger::Schedule(schedule) = &rule.trigger else { return None };
    if rule.mode == Mode::Off {
        return None;
    }
    let (times, zone) = match &schedule.timing {
        Timing::Cron(crontab) => (crontab.next(SHOWN, now), crontab.timezone()),
        Timing::Every(time) => {
            let step = i64::try_from(time.as_millis()).unwrap_or(i64::MAX).max(1);
            let last = now.0.div_euclid(step);
            let due = |n: i64| Timestamp(last.saturating_add(n).saturating_mul(step));
            ((1..=SHOWN as i64).map(due).collect(), chrono_tz::UTC)
        }
    };
    let shown: Vec<_> = times.iter().filter_map(|time| civil(*time, zone)).collect();
    let message = format!("{} runs next at {} ({zone})", rule.id, shown.join(", "));
    Some(Diagnostic::new(Level::Note, NEXT_RUNS, spot.clone(), message))
}

fn civil(time: Timestamp, zone: chrono_tz::Tz) -> Option<String> {
    let time = DateTime::from_timestamp_millis(time.0)?.with_timezone(&zone);
    let format = if time.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    Some(time.format(format).to_string())
}

/// Rules that start each other: R107 for each pair, and for a rule that starts itself.
///
/// The bot's own echoes start only rules with `on_own`, so that these are the only ones in danger.
pub fn undone(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, (first, _)) in rules.iter().enumerate() {
        for (second, spot) in &rules[at..] {
            let (there, back) = (starts(first, second), starts(second, first));
            let (event, from, to) = match (there, back) {
                (Some(event), Some(_)) => (event, first, second),
                (Some(event), None) if undoes(first, second) => (event, first, second),
                (None, Some(event)) if undoes(second, first) => (event, second, first),
                _ => continue,
            };
            let chain = format!("{} -> {} -> {}", from.id, event.name(), to.id);
            let message = if first.id == second.id {
                format!("`{}` starts itself again: {chain}", first.id)
            } else {
                format!("`{}` and `{}` undo each other's work: {chain}", first.id, second.id)
            };
            let told = Diagnostic::new(Level::Warning, UNDOES, spot.clone(), message);
            let help = format!("leave `on_own` out of `{}`", to.id);
            let told = told.help(help);
            found.push(match rules.get(at).filter(|_| first.id != second.id) {
                Some((_, other)) => told.related(other.clone(), "the other rule"),
                None => told,
            });
        }
    }
    found
}

/// The event by which what one rule does starts the other.
fn starts(first: &Rule, second: &Rule) -> Option<EventKind> {
    let Trigger::On(kinds) = &second.trigger else { return None };
    let meet = first.scope.types.is_empty()
        || second.scope.types.is_empty()
        || first.scope.types.iter().any(|kind| second.scope.types.contains(kind));
    if !meet || !second.on_own || first.mode == Mode::Off || second.mode == Mode::Off {
        return None;
    }
    first.steps.iter().filter_map(|step| echo(&step.action)).find(|kind| kinds.contains(kind))
}

/// The event that Chat reports when an action was carried out. Mutes and imports have none.
fn echo(action: &Action) -> Option<EventKind> {
    match action {
        Action::SetRole { .. } => Some(EventKind::MemberRoleChanged),
        Action::SetNameCard { .. } => Some(EventKind::MemberCardChanged),
        Action::TransferOwner { .. } => Some(EventKind::OwnerChanged),
        Action::SendMessage { .. } => Some(EventKind::MessageSent),
        _ => None,
    }
}

/// Whether the second rule sets otherwise what the first has set.
fn undoes(first: &Rule, second: &Rule) -> bool {
    let pairs = first.steps.iter().flat_map(|a| second.steps.iter().map(move |b| (a, b)));
    pairs.into_iter().any(|(a, b)| match (&a.action, &b.action) {
        (Action::SetRole { role: a, .. }, Action::SetRole { role: b, .. }) => a != b,
        (Action::SetNameCard { text: a, .. }, Action::SetNameCard { text: b, .. }) => {
            a.text() != b.text()
        }
        (Action::TransferOwner { to: a, .. }, Action::TransferOwner { to: b, .. }) => a != b,
        _ => false,
    })
}
