//! What becomes of the state that a rule keeps, when the rule changes.
//!
//! State stands under the rule's id and a key that `each` makes of the event (a ladder's also under the
//! step's place in `do`): what still finds its key is kept.

use serde::Serialize;

use crate::ledger::survey::RuleState;
use crate::rule::Rule;
use crate::rule::duration;
use crate::rule::model::{Action, Each, Ladder, MemoryKey, Mode, Timing, Trigger};

/// Whether state is still found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Kept,
    Dropped,
}

/// What becomes of one kind of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateFate {
    /// `counters`, `ladder places`, …
    pub state: &'static str,
    pub fate: Fate,
    pub why: String,
    /// How many there are, where a store says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<usize>,
}

struct Fates {
    held: Option<RuleState>,
    fates: Vec<StateFate>,
}

impl Fates {
    fn tell(
        &mut self,
        state: &'static str,
        fate: Fate,
        count: impl Fn(&RuleState) -> usize,
        why: impl Into<String>,
    ) {
        let entries = self.held.as_ref().map(count);
        self.fates.push(StateFate { state, fate, why: why.into(), entries });
    }
}

impl Fates {
    /// As [`Fates::tell`], of what nobody counts.
    fn tell_uncounted(&mut self, state: &'static str, fate: Fate, why: impl Into<String>) {
        self.fates.push(StateFate { state, fate, why: why.into(), entries: None });
    }
}

/// What becomes of a rule's state when the rule goes.
pub(super) fn of_removed(rule: &Rule, held: Option<RuleState>) -> Vec<StateFate> {
    let mut fates = Fates { held, fates: Vec::new() };
    let unread = "nobody reads them any more; a rule of the same id would find them again";
    if rule.count.is_some() {
        fates.tell("counters", Fate::Dropped, |held| held.counters, unread);
    }
    if rule.once.is_some() {
        fates.tell("`once` marks", Fate::Dropped, |held| held.once, unread);
    }
    if rule.cooldown.is_some() {
        fates.tell("cooldowns", Fate::Dropped, |held| held.cooldowns, unread);
    }
    if ladders(rule).next().is_some() {
        fates.tell("ladder places", Fate::Dropped, |held| held.ladders, unread);
    }
    if rule.wait.is_some() {
        fates.tell("waits", Fate::Dropped, |held| held.waits, "they end with nothing done");
    }
    if matches!(rule.trigger, Trigger::Schedule(_)) {
        let why = "a rule of the same id is new: it has missed nothing";
        fates.tell_uncounted("last firing", Fate::Dropped, why);
    }
    if sanctions(rule) {
        let why = "mutes and temporary roles end when they were to end";
        fates.tell("sanctions", Fate::Kept, |held| held.sanctions, why);
    }
    if rule.limit.is_some() {
        let why = "what it has done of late counts for nothing; what is held waits for an operator";
        fates.tell_uncounted("limit", Fate::Dropped, why);
    }
    memory(&mut fates, rule, None);
    fates.fates
}

/// What becomes of a rule's state when the rule says something else.
pub(super) fn of_changed(old: &Rule, new: &Rule, held: Option<RuleState>) -> Vec<StateFate> {
    let mut fates = Fates { held, fates: Vec::new() };
    counters(&mut fates, old, new);
    once(&mut fates, old, new);
    cooldowns(&mut fates, old, new);
    ladder_places(&mut fates, old, new);
    waits(&mut fates, old, new);
    schedule(&mut fates, old, new);
    limits(&mut fates, old, new);
    memory(&mut fates, old, Some(new));
    if sanctions(old) {
        let why = "mutes and temporary roles that run end when they were to end";
        fates.tell("sanctions", Fate::Kept, |held| held.sanctions, why);
    }
    fates.fates
}

const EACH: &str =
    "`each` is another: everybody begins anew, and the old ones are not read any more";

fn counters(fates: &mut Fates, old: &Rule, new: &Rule) {
    let Some(before) = &old.count else { return };
    let (fate, why) = match &new.count {
        None => (Fate::Dropped, "nothing is counted any more".to_owned()),
        Some(now) if now.each != before.each => (Fate::Dropped, EACH.to_owned()),
        Some(now) if now.within > before.within + before.within => (
            Fate::Kept,
            format!(
                "times are kept for {}, twice the old window: the longer one starts with those",
                duration::format(before.within + before.within)
            ),
        ),
        Some(now) if now.within > before.within => {
            (Fate::Kept, "the longer window starts with what is there".to_owned())
        }
        Some(now) if now.within < before.within => {
            (Fate::Kept, "the shorter window counts the newest of what is there".to_owned())
        }
        Some(now) if now.threshold != before.threshold => {
            (Fate::Kept, "what was counted counts towards the new number".to_owned())
        }
        Some(_) => (Fate::Kept, "the window is the same".to_owned()),
    };
    fates.tell("counters", fate, |held| held.counters, why);
}

fn once(fates: &mut Fates, old: &Rule, new: &Rule) {
    let Some(before) = &old.once else { return };
    let (fate, why) = match &new.once {
        None => (Fate::Dropped, "it may act again at once"),
        Some(now) if now.each != before.each => (Fate::Dropped, EACH),
        Some(now) if now.per != before.per && before.per.is_none() => {
            (Fate::Kept, "those that were set for ever stay for ever; `per` counts for new ones")
        }
        Some(now) if now.per != before.per => {
            (Fate::Kept, "those that are set end when they were to end, or a new `per` from now")
        }
        Some(_) => (Fate::Kept, "`once` is the same"),
    };
    fates.tell("`once` marks", fate, |held| held.once, why);
}

fn cooldowns(fates: &mut Fates, old: &Rule, new: &Rule) {
    let Some(before) = &old.cooldown else { return };
    let (fate, why) = match &new.cooldown {
        None => (Fate::Dropped, "it may act again at once"),
        Some(now) if now.each != before.each => (Fate::Dropped, EACH),
        Some(now) if now.time != before.time => {
            (Fate::Kept, "those that run end when they were to end, or the new time from now")
        }
        Some(_) => (Fate::Kept, "`cooldown` is the same"),
    };
    fates.tell("cooldowns", fate, |held| held.cooldowns, why);
}

/// The ladders of a rule, with their places in `do`.
fn ladders(rule: &Rule) -> impl Iterator<Item = (usize, &Ladder)> {
    rule.steps.iter().enumerate().filter_map(|(place, step)| match &step.action {
        Action::Mute { ladder, .. } => Some((place, ladder)),
        _ => None,
    })
}

fn ladder_places(fates: &mut Fates, old: &Rule, new: &Rule) {
    let before: Vec<_> = ladders(old).collect();
    let now: Vec<_> = ladders(new).collect();
    let places = |ladders: &[(usize, &Ladder)]| -> Vec<usize> {
        ladders.iter().map(|(place, _)| *place).collect()
    };
    if before.is_empty() {
        return;
    }
    let (fate, why) = if now.is_empty() {
        (Fate::Dropped, "there is no mute any more".to_owned())
    } else if places(&before) != places(&now) {
        let moved = |place: &usize| (place + 1).to_string();
        let old = places(&before).iter().map(moved).collect::<Vec<_>>().join(", ");
        let new = places(&now).iter().map(moved).collect::<Vec<_>>().join(", ");
        (
            Fate::Dropped,
            format!(
                "`mute` was step {old} of `do` and is step {new}: the next one is the first again"
            ),
        )
    } else if before.iter().zip(&now).any(|((_, old), (_, new))| old.steps != new.steps) {
        let why =
            "whoever was on a step goes on with the next one of the new ladder, at most its last";
        (Fate::Kept, why.to_owned())
    } else if before
        .iter()
        .zip(&now)
        .any(|((_, old), (_, new))| old.forget_after != new.forget_after)
    {
        let why = "the new `forget_after` counts from each one's last mute; whom the old one has \
                   forgotten is on the first step again";
        (Fate::Kept, why.to_owned())
    } else {
        (Fate::Kept, "the ladder is the same".to_owned())
    };
    fates.tell("ladder places", fate, |held| held.ladders, why);
}

fn waits(fates: &mut Fates, old: &Rule, new: &Rule) {
    let Some(before) = old.wait else { return };
    let (fate, why) = match new.wait {
        _ if new.mode == Mode::Off => {
            (Fate::Dropped, "they end with nothing done: the rule is off")
        }
        None => (Fate::Dropped, "they end with nothing done: the rule does not wait any more"),
        Some(_) if !shares_trigger(old, new) => {
            (Fate::Dropped, "they end with nothing done: the rule listens to other events")
        }
        Some(_) if !keeps_trigger(old, new) => (
            Fate::Kept,
            "those that run act at their end by the new text, except for events that the rule does not listen to any more: these end with nothing done",
        ),
        Some(now) if now != before => (
            Fate::Kept,
            "those that run end when they were to end, and act then by the new text; the new time counts for new ones",
        ),
        Some(_) => (Fate::Kept, "those that run act at their end by the new text"),
    };
    fates.tell("waits", fate, |held| held.waits, why);
}

/// Whether an event that started the old rule may start the new one too.
fn shares_trigger(old: &Rule, new: &Rule) -> bool {
    match (&old.trigger, &new.trigger) {
        (Trigger::On(before), Trigger::On(now)) => before.iter().any(|kind| now.contains(kind)),
        (Trigger::Schedule(_), Trigger::Schedule(_)) => true,
        _ => false,
    }
}

/// Whether every event that started the old rule starts the new one too.
fn keeps_trigger(old: &Rule, new: &Rule) -> bool {
    match (&old.trigger, &new.trigger) {
        (Trigger::On(before), Trigger::On(now)) => before.iter().all(|kind| now.contains(kind)),
        _ => shares_trigger(old, new),
    }
}

fn schedule(fates: &mut Fates, old: &Rule, new: &Rule) {
    let (Trigger::Schedule(before), trigger) = (&old.trigger, &new.trigger) else { return };
    let (fate, why) = match trigger {
        Trigger::On(_) => (Fate::Dropped, "it does not run by the clock any more"),
        Trigger::Schedule(now) if !same_times(&before.timing, &now.timing) => (
            Fate::Kept,
            "the new times count from it: if one of them has passed since, `missed` says whether it runs at once",
        ),
        Trigger::Schedule(_) => (Fate::Kept, "the times are the same"),
    };
    fates.tell_uncounted("last firing", fate, why);
}

fn same_times(one: &Timing, other: &Timing) -> bool {
    match (one, other) {
        (Timing::Every(one), Timing::Every(other)) => one == other,
        (Timing::Cron(one), Timing::Cron(other)) => format!("{one:?}") == format!("{other:?}"),
        _ => false,
    }
}

fn limits(fates: &mut Fates, old: &Rule, new: &Rule) {
    let Some(before) = old.limit else { return };
    let (fate, why) = match new.limit {
        None => (Fate::Dropped, "nothing limits it any more; what is held waits for an operator"),
        Some(now) if now != before => {
            (Fate::Kept, "what it has done of late counts towards the new limit")
        }
        Some(_) => (Fate::Kept, "the limit is the same"),
    };
    fates.tell_uncounted("limit", fate, why);
}

/// What a rule remembers belongs to all rules: it stays until its time is over.
fn memory(fates: &mut Fates, old: &Rule, new: Option<&Rule>) {
    let keys = |rule: &Rule| -> Vec<(MemoryKey, Vec<Each>)> {
        let kept = rule.steps.iter().filter_map(|step| match &step.action {
            Action::Remember { key, each, .. } => Some((key.clone(), each.clone())),
            _ => None,
        });
        kept.collect()
    };
    let now = new.map(keys).unwrap_or_default();
    for (key, each) in keys(old) {
        let (fate, why) = match now.iter().find(|(other, _)| *other == key) {
            Some((_, now)) if *now == each => {
                (Fate::Kept, format!("`memory.{key}` is what it was"))
            }
            Some(_) => (Fate::Dropped, format!("`memory.{key}`: {EACH}")),
            None => (
                Fate::Dropped,
                format!(
                    "`memory.{key}` is not read any more, unless another rule remembers it too"
                ),
            ),
        };
        fates.tell_uncounted("memory", fate, why);
    }
}

/// Whether a rule can have begun something that has an end.
fn sanctions(rule: &Rule) -> bool {
    rule.steps.iter().any(|step| {
        matches!(
            step.action,
            Action::Mute { .. }
                | Action::Ban { .. }
                | Action::SetRole { time: Some(_), .. }
                | Action::MuteAll { time: Some(_) }
        )
    })
}
