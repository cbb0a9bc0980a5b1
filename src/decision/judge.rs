//! One rule and one event: how far it comes, from its scope to its steps.

use std::time::Duration;

use super::draft::Draft;
use super::effect::Stage;
use super::event::{Cause, Event};
use super::sight::Sight;
use super::state::{StateKey, StateValue, Times};
use super::steps::Start;
use super::trace::Why;
use super::{guard, steps, wait};
use crate::clock::Timestamp;
use crate::rule::Rule;
use crate::rule::condition::{Clause, Condition};
use crate::rule::model::{Count, Each, Mode};

/// How far a rule came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It does not want the event.
    Nowhere,
    /// Chat is asked before it can be judged.
    Asking,
    /// Something came of it.
    Acted,
}

/// Judges a rule for an event.
pub(super) fn judge(draft: &mut Draft<'_>, rule: &Rule, sight: &mut Sight<'_>) -> Came {
    let event = sight.event;
    if let Some(why) = kept_out(draft, rule, event) {
        draft.note_rule(rule, event, why);
        return Came::Nowhere;
    }
    let holds_up = rule.stop && !draft.in_shadow(rule);
    match guard::missing_for_conditions(draft, rule, event) {
        Some(read) if asks(event) => guard::ask_for_next_time(draft, rule, event, read),
        // What is known already is enough: nobody has to be asked.
        Some(_) if let Some(why) = stopped_by_known(draft, rule, sight) => {
            draft.note_rule(rule, event, why);
            return Came::Nowhere;
        }
        Some(read) => {
            let start = Start { holds_up, ..Start::default() };
            let why = guard::ask(draft, rule, event, read, Stage::Conditions, start);
            draft.note_rule(rule, event, why);
            return Came::Asking;
        }
        None => {}
    }
    conditions(draft, rule, sight, holds_up)
}

/// A clause that is false, of those that read nothing that is still unknown.
fn stopped_by_known(draft: &Draft<'_>, rule: &Rule, sight: &mut Sight<'_>) -> Option<Why> {
    let event = sight.event;
    first_false(draft, rule, sight, |clause| guard::knows(draft, event, clause))
}

/// The first clause that is false, of those that are simple and of which all is known.
pub(super) fn first_false(
    draft: &Draft<'_>,
    rule: &Rule,
    sight: &mut Sight<'_>,
    knows: impl Fn(&Clause) -> bool,
) -> Option<Why> {
    let mut early = false;
    for clause in rule.when.iter().flat_map(Condition::clauses) {
        if clause.reads("count") {
            continue;
        }
        if clause.native().is_none() || !knows(clause) {
            early = true;
        } else if sight.judge(draft, clause, None) == Ok(false) {
            let values = sight.values(draft, clause, None);
            return Some(Why::ClauseFalse { clause: clause.shared_text(), values, early });
        }
    }
    None
}

/// Goes on after Chat has been asked for what the conditions read.
pub(super) fn after_answer(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    holds_up: bool,
) -> Came {
    conditions(draft, rule, &mut Sight::new(event), holds_up)
}

/// Goes on after a `wait`: what was counted before it is not so again, and nobody waits behind it.
pub(super) fn after_wait(draft: &mut Draft<'_>, rule: &Rule, event: &Event, count: Option<u32>) {
    let stopped = match kept_out(draft, rule, event) {
        Some(why) => Some(why),
        None => hold(draft, rule, &mut Sight::new(event), None)
            .and_then(|()| quiet(draft, rule, event))
            .err(),
    };
    if let Some(why) = stopped {
        return draft.note_rule(rule, event, why);
    }
    steps::run(draft, rule, event, Start { count, ..Start::default() });
}

/// Whether Chat waits for the answer.
pub(super) fn asks(event: &Event) -> bool {
    event.kind().is_some_and(|kind| kind.asks())
}

/// What keeps a rule from looking at an event at all.
pub(super) fn kept_out(draft: &Draft<'_>, rule: &Rule, event: &Event) -> Option<Why> {
    if rule.mode == Mode::Off {
        return Some(Why::Off);
    }
    if let Some(group) = &event.group {
        let known = || draft.known_group(group).and_then(|record| record.group_type);
        if !rule.scope.selects(group, event.group_type.or_else(known)) {
            return Some(Why::OutOfScope);
        }
    }
    (event.by_bot && !rule.on_own).then_some(Why::Echo)
}

fn conditions(draft: &mut Draft<'_>, rule: &Rule, sight: &mut Sight<'_>, holds_up: bool) -> Came {
    let event = sight.event;
    match judged(draft, rule, sight) {
        Err(why) => {
            draft.note_rule(rule, event, why);
            Came::Nowhere
        }
        Ok(count) => steps::run(draft, rule, event, Start { count, holds_up, ..Start::default() }),
    }
}

/// Conditions, count, `once`, cooldown and wait, in this order; the number counted, if all pass.
fn judged(draft: &mut Draft<'_>, rule: &Rule, sight: &mut Sight<'_>) -> Result<Option<u32>, Why> {
    let event = sight.event;
    // What an event must be like to be counted is judged before it is counted.
    hold(draft, rule, sight, None)?;
    let mut count = None;
    if let Some(declared) = &rule.count {
        let number = counted(draft, rule, declared, event);
        if number < declared.threshold {
            return Err(Why::CountBelow { count: number, threshold: declared.threshold });
        }
        count = Some(number);
        hold(draft, rule, sight, count)?;
    }
    quiet(draft, rule, event)?;
    if let Some(time) = rule.wait {
        let due = draft.now + time;
        return Err(wait::begin(draft, rule, event, due, count));
    }
    Ok(count)
}

/// Whether `once` and `cooldown` let it act.
fn quiet(draft: &mut Draft<'_>, rule: &Rule, event: &Event) -> Result<(), Why> {
    if let Some(once) = &rule.once {
        let key = StateKey::Once(rule.id.clone(), each_key(&once.each, event));
        match draft.until(&key) {
            Some(None) => return Err(Why::ActedOnce),
            Some(Some(until)) if sooner(draft, key, until, once.per) > draft.now => {
                return Err(Why::ActedOnce);
            }
            _ => {}
        }
    }
    if let Some(cooldown) = &rule.cooldown {
        let key = StateKey::Cooldown(rule.id.clone(), each_key(&cooldown.each, event));
        if let Some(Some(until)) = draft.until(&key) {
            let until = sooner(draft, key, until, Some(cooldown.time));
            if until > draft.now {
                return Err(Why::Quiet { until });
            }
        }
    }
    Ok(())
}

/// An end that is further away than its whole time was set by a clock that has been put back since (or
/// by a longer time, before the rule was edited): it is brought near.
fn sooner(
    draft: &mut Draft<'_>,
    key: StateKey,
    until: Timestamp,
    time: Option<Duration>,
) -> Timestamp {
    let latest = time.map_or(until, |time| draft.now + time);
    if until > latest {
        draft.set(key, Some(StateValue::Until(Some(latest))));
    }
    until.min(latest)
}

/// Judges the clauses that read `count` (when it is known), or those that do not.
pub(super) fn hold(
    draft: &Draft<'_>,
    rule: &Rule,
    sight: &mut Sight<'_>,
    count: Option<u32>,
) -> Result<(), Why> {
    let wanted = |clause: &&Clause| clause.reads("count") == count.is_some();
    let unjudged = |clause: &Clause, error| Why::Unjudged { clause: clause.shared_text(), error };
    for clause in rule.when.iter().flat_map(Condition::clauses).filter(wanted) {
        if !sight.judge(draft, clause, count).map_err(|error| unjudged(clause, error))? {
            let values = sight.values(draft, clause, count);
            let clause = clause.shared_text();
            return Err(Why::ClauseFalse { clause, values, early: false });
        }
    }
    let Some(unless) = &rule.unless else { return Ok(()) };
    let reads_count = unless.clauses().iter().any(|clause| clause.reads("count"));
    if reads_count != count.is_some() {
        return Ok(());
    }
    let mut failed = None;
    for clause in unless.clauses() {
        match sight.judge(draft, clause, count) {
            Ok(true) => {}
            // Whatever the others are, all of them are not true.
            Ok(false) => return Ok(()),
            Err(error) => failed = failed.or(Some(unjudged(clause, error))),
        }
    }
    if let Some(why) = failed {
        return Err(why);
    }
    let values = unless.clauses().iter().flat_map(|clause| sight.values(draft, clause, count));
    Err(Why::Unless { values: values.collect() })
}

/// Puts the event into its window and says how many the window that ends with it holds.
fn counted(draft: &mut Draft<'_>, rule: &Rule, count: &Count, event: &Event) -> u32 {
    let key = StateKey::Counter(rule.id.clone(), each_key(&count.each, event));
    let mut times = match draft.get(&key) {
        Some(StateValue::Times(times)) => times.0.clone(),
        _ => Vec::new(),
    };
    // A time from the future would hide all that really happens until it has come: that of an event, and
    // those that were counted before the clock was put back.
    times.truncate(times.partition_point(|time| *time <= draft.now));
    let number = slide(&mut times, event.time.min(draft.now), count);
    draft.set(key, Some(StateValue::Times(Times(times))));
    number
}

/// A sliding window over event time: of all windows that hold the event, the one with the most in it, so
/// that six messages are six in whatever order they are told. Kept for twice its length, so that an event
/// that comes late still finds the windows it belongs to; and no more times than tell the threshold from
/// a flood.
fn slide(times: &mut Vec<Timestamp>, time: Timestamp, count: &Count) -> u32 {
    let at = times.partition_point(|other| *other <= time);
    times.insert(at, time);
    let newest = times.last().copied().unwrap_or(time);
    let horizon = newest - count.within - count.within;
    let most = usize::try_from(count.threshold).unwrap_or(usize::MAX).saturating_mul(4).max(100);
    let surplus = times.len().saturating_sub(most);
    let old = times.partition_point(|other| *other <= horizon).max(surplus);
    let ending_at = |end: Timestamp| {
        let since = end - count.within;
        times.iter().filter(|other| **other > since && **other <= end).count()
    };
    let ends = times[at..].iter().take_while(|end| **end < time + count.within);
    let number = ends.map(|end| ending_at(*end)).max().unwrap_or(1);
    times.drain(..old);
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The rule acts: `once` and `cooldown` count from here.
pub(super) fn act_marks(draft: &mut Draft<'_>, rule: &Rule, event: &Event) {
    let now = draft.now;
    for (key, until) in marks(rule, event, now) {
        draft.set(key, Some(StateValue::Until(until)));
    }
}

/// What a rule took for itself while it asked comes to nothing.
pub(super) fn give_marks_back(draft: &mut Draft<'_>, rule: &Rule, event: &Event) {
    let now = draft.now;
    for (key, _) in marks(rule, event, now) {
        draft.set(key, None);
    }
}

fn marks(
    rule: &Rule,
    event: &Event,
    now: Timestamp,
) -> impl Iterator<Item = (StateKey, Option<Timestamp>)> {
    let once = rule.once.as_ref().map(|once| {
        let key = StateKey::Once(rule.id.clone(), each_key(&once.each, event));
        (key, once.per.map(|per| now + per))
    });
    let cooldown = rule.cooldown.as_ref().map(|cooldown| {
        let key = StateKey::Cooldown(rule.id.clone(), each_key(&cooldown.each, event));
        (key, Some(now + cooldown.time))
    });
    once.into_iter().chain(cooldown)
}

/// The key that `each` makes of an event.
pub(super) fn each_key(each: &[Each], event: &Event) -> String {
    let mut parts = Vec::with_capacity(each.len());
    for each in each {
        parts.push(match each {
            Each::App => "",
            Each::Group => match (&event.group, &event.room) {
                (Some(group), _) => group.as_str(),
                (None, Some(room)) => room.id.as_str(),
                (None, None) => "",
            },
            Each::Member => event.member.as_ref().map_or("", |member| member.as_str()),
        });
    }
    parts.join("\n")
}

/// Whether an event came from a schedule, whose groups are read fresh.
pub(super) fn scheduled_at(event: &Event) -> Option<Timestamp> {
    match event.cause {
        Cause::Schedule { due, .. } => Some(due),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn window(threshold: u32) -> Count {
        Count { each: vec![Each::Member], within: Duration::from_secs(10), threshold }
    }

    #[test]
    fn an_event_exactly_one_window_old_is_outside() {
        let mut times = Vec::new();
        assert_eq!(slide(&mut times, Timestamp(0), &window(2)), 1);
        assert_eq!(slide(&mut times, Timestamp(10_000), &window(2)), 1);
        assert_eq!(slide(&mut times, Timestamp(10_001), &window(2)), 2);
    }

    #[test]
    fn a_late_event_counts_into_the_window_that_it_belongs_to() {
        let mut times = Vec::new();
        for time in [0, 1_000, 12_000] {
            slide(&mut times, Timestamp(time), &window(3));
        }
        assert_eq!(slide(&mut times, Timestamp(2_000), &window(3)), 3);
    }

    #[test]
    fn the_last_one_told_completes_the_window_whichever_it_is() {
        for late in 0..6 {
            let mut times = Vec::new();
            for second in (0..6).filter(|second| *second != late) {
                assert!(slide(&mut times, Timestamp(second * 1_000), &window(6)) < 6);
            }
            assert_eq!(slide(&mut times, Timestamp(late * 1_000), &window(6)), 6, "{late}");
        }
    }

    proptest! {
        #[test]
        fn the_window_counts_as_a_naive_model_does(mut steps in prop::collection::vec(0i64..6_000, 1..90)) {
            let count = window(6);
            let mut times = Vec::new();
            let mut all: Vec<i64> = Vec::new();
            let mut time = 0;
            for step in steps.drain(..) {
                time += step;
                all.push(time);
                let naive = all.iter().filter(|other| **other > time - 10_000).count();
                prop_assert_eq!(slide(&mut times, Timestamp(time), &count) as usize, naive);
            }
        }

        #[test]
        fn late_events_count_as_in_a_naive_model_too(
            steps in prop::collection::vec((0i64..6_000, 0i64..10_000), 1..90),
        ) {
            let count = window(6);
            let mut times = Vec::new();
            let mut all: Vec<i64> = Vec::new();
            let mut newest = 0;
            for (step, late) in steps {
                newest += step;
                let time = newest - late;
                all.push(time);
                let holding = all.iter().filter(|end| **end >= time && **end < time + 10_000);
                let ending_at = |end: i64| {
                    all.iter().filter(|other| **other > end - 10_000 && **other <= end).count()
                };
                let naive = holding.map(|end| ending_at(*end)).max().unwrap();
                prop_assert_eq!(slide(&mut times, Timestamp(time), &count) as usize, naive);
            }
        }
    }
}
