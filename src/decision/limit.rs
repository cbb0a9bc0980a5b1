//! `limit`: a rule that does more than this is wrong, and what is beyond waits for a person.

use super::draft::{Draft, effect_id};
use super::effect::{Act, Effect, Held};
use super::event::Event;
use super::sanction;
use super::state::{Spent, StateKey, StateValue};
use crate::clock::Timestamp;
use crate::rule::model::{Excess, Limit};
use crate::rule::{Rule, RuleId, duration};

/// A window is counted in so many slices.
const SLICES: u32 = 64;
/// Actions of one rule that are held back at most: nobody releases more of them by hand, and what a rule wants
/// all the time must not fill the disk.
const MOST_HELD: u32 = 10_000;

/// A limit is exceeded.
pub(super) struct Exceeded {
    pub(super) then: Excess,
    /// Which one: `more than 30 actions in 1m (limit)`.
    pub(super) words: String,
}

/// Whether an effect does something in Chat. Questions and alerts harm nobody.
pub(super) fn counts(effect: &Effect) -> bool {
    !effect.act.is_read() && !matches!(effect.act, Act::Alert { .. })
}

/// Takes actions out of the rule's limit and the service's, if both allow it.
pub(super) fn spend(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    actions: usize,
) -> Option<Exceeded> {
    let actions = u32::try_from(actions).unwrap_or(u32::MAX);
    let limits = [
        (rule.limit, Some(rule.id.clone()), "`limit`"),
        (draft.settings.limit, None, "`[safety] limit`"),
    ];
    for (limit, of, name) in &limits {
        let Some(limit) = limit else { continue };
        let spent = spent(draft, of.as_ref(), limit);
        let number: u32 = spent.slices.iter().map(|(_, number)| number).sum();
        if number.saturating_add(actions) > limit.actions {
            let then = match limit.then {
                Excess::Hold if hold(draft, &rule.id, actions) => Excess::Hold,
                _ => Excess::Drop,
            };
            return Some(exceeded(draft, rule, event, (limit, then), of.clone(), name));
        }
    }
    for (limit, of, _) in limits {
        if let Some(limit) = limit {
            add(draft, of, &limit, actions);
        }
    }
    None
}

/// What was done of late, as it is on record.
fn record(draft: &Draft<'_>, rule: Option<&RuleId>) -> Spent {
    match draft.get(&StateKey::Limit(rule.cloned())) {
        Some(StateValue::Limit(spent)) => spent.clone(),
        _ => Spent::default(),
    }
}

/// Counts actions of a rule as held back; whether there is room for them.
fn hold(draft: &mut Draft<'_>, rule: &RuleId, actions: u32) -> bool {
    let spent = record(draft, Some(rule));
    let held = spent.held.saturating_add(actions);
    if held <= MOST_HELD {
        set(draft, Some(rule.clone()), Spent { held, ..spent });
    }
    held <= MOST_HELD
}

/// What was held back is not any more.
fn let_go(draft: &mut Draft<'_>, of: &Held) {
    let actions = of.effects.iter().filter(|effect| counts(effect)).count();
    let spent = record(draft, Some(&of.rule));
    let held = spent.held.saturating_sub(u32::try_from(actions).unwrap_or(u32::MAX));
    set(draft, Some(of.rule.clone()), Spent { held, ..spent });
}

fn set(draft: &mut Draft<'_>, rule: Option<RuleId>, spent: Spent) {
    draft.set(StateKey::Limit(rule), Some(StateValue::Limit(spent)));
}

/// What lies within the window of a limit.
fn spent(draft: &Draft<'_>, rule: Option<&RuleId>, limit: &Limit) -> Spent {
    let mut spent = record(draft, rule);
    let since = draft.now - limit.per;
    let slice = limit.per / SLICES;
    // What lies ahead was done before the clock was put back.
    let now = draft.now;
    spent.slices.retain(|(begin, _)| *begin + slice > since && *begin <= now);
    spent.told = spent.told.filter(|told| *told <= now);
    spent
}

fn add(draft: &mut Draft<'_>, rule: Option<RuleId>, limit: &Limit, actions: u32) {
    let mut spent = spent(draft, rule.as_ref(), limit);
    let slice = i64::try_from((limit.per / SLICES).as_millis()).unwrap_or(i64::MAX).max(1);
    let begin = Timestamp(draft.now.0.div_euclid(slice).saturating_mul(slice));
    match spent.slices.last_mut().filter(|(last, _)| *last >= begin) {
        Some((_, number)) => *number = number.saturating_add(actions),
        None => spent.slices.push((begin, actions)),
    }
    set(draft, rule, spent);
}

/// Tells operators, once in the time of the limit.
fn exceeded(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    (limit, then): (&Limit, Excess),
    of: Option<RuleId>,
    name: &str,
) -> Exceeded {
    let mut spent = spent(draft, of.as_ref(), limit);
    let per = duration::format(limit.per);
    let words = format!("more than {} actions in {per} ({name})", limit.actions);
    if spent.told.is_none_or(|told| told + limit.per <= draft.now) {
        spent.told = Some(draft.now);
        set(draft, of, spent);
        let rest = match (limit.then, then) {
            (_, Excess::Hold) => "the rest is held until an operator releases or discards it",
            (Excess::Hold, Excess::Drop) => {
                "so much is held already that the rest is dropped: release or discard it"
            }
            (Excess::Drop, Excess::Drop) => "the rest is dropped",
        };
        let text = format!("`{}` wants {words}: {rest}", rule.id);
        let id = effect_id(event, &rule.id, "limit");
        draft.owe(event, id, Some(rule.id.clone()), Act::Alert { text });
    }
    Exceeded { then, words }
}

/// An operator lets go what was held: it is sent, and its sanctions begin now.
pub(super) fn released(draft: &mut Draft<'_>, held: &Held) {
    draft.note(format!("released: {} effects of `{}`", held.effects.len(), held.rule));
    let_go(draft, held);
    let now = draft.now;
    let mut effects: Vec<_> = held.effects.iter().map(|effect| from_now(effect, now)).collect();
    sanction::end_with(draft, &mut effects, &held.sanctions);
    draft.effects.extend(effects);
    for whom in held.sanctions.iter().cloned() {
        sanction::begin(draft, &held.rule, &held.event.id, whom);
    }
}

/// An effect whose time counts from now.
pub(super) fn from_now(effect: &Effect, now: Timestamp) -> Effect {
    let mut effect = effect.clone();
    effect.created = now;
    match &mut effect.act {
        Act::Mute { time, until, .. } | Act::Ban { time, until, .. } => {
            *until = time.map(|time| now + time);
        }
        _ => {}
    }
    effect
}

/// An operator takes away what was held: nothing had begun, so nothing has to end.
pub(super) fn discarded(draft: &mut Draft<'_>, held: &Held) {
    let_go(draft, held);
    let wanted: Vec<_> = held.effects.iter().map(|effect| effect.act.to_string()).collect();
    draft.note(format!("discarded, as `{}` wanted it: {}", held.rule, wanted.join(", then ")));
}
