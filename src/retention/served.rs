//! Whether a piece of state has served its time: nobody will look at it again, or it says nothing any more.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::decision::StateValue;
use crate::ledger;
use crate::rule::model::Action;
use crate::rule::{RuleId, RuleSet};
use crate::store::Entry;

/// Twice the longest window of a rule: no late event belongs to an older one. What is told of members, rooms
/// and changes is kept for as long.
const IDLE: Duration = Duration::from_secs(14 * 86_400);
/// An event may be told so late and still be counted, where the rule is in force and its window is known.
const LATE: Duration = Duration::from_secs(86_400);
/// That a group is gone is remembered for so long: a rule that waits finds it out at the end.
const GONE: Duration = Duration::from_secs(30 * 86_400);

/// What it is judged by.
pub(super) struct Served<'r> {
    pub(super) now: Timestamp,
    /// The rules in force, where they are known.
    pub(super) rules: Option<&'r RuleSet>,
}

impl Served<'_> {
    /// What cannot be read stays, and holds nothing else up; `fsck` tells of it.
    pub(super) fn has(&self, (key, bytes): &Entry) -> bool {
        ledger::decode(key, bytes).is_ok_and(|value| self.value(key, &value))
    }

    fn value(&self, key: &[u8], value: &StateValue) -> bool {
        let now = self.now;
        match value {
            StateValue::Times(times) => {
                let kept = self.counted(key);
                times.0.last().is_none_or(|last| *last + kept < now)
            }
            StateValue::Until(Some(until)) => *until < now,
            StateValue::Memory { until: Some(until), .. } => *until < now,
            StateValue::Member(member) => {
                let last = member.told_at.max(member.read_at).max(member.found_at);
                last.is_none_or(|last| last + IDLE < now)
            }
            StateValue::Group(group) => {
                let last = group.told_at.max(group.found_at);
                group.dismissed && last.is_none_or(|last| last + GONE < now)
            }
            StateValue::Room(room) => {
                let told = |day: i64| Timestamp(day.saturating_mul(ledger::DAY));
                room.told_on.is_some_and(|day| told(day + 1) + IDLE < now)
            }
            StateValue::Ladder { at, .. } => {
                self.climbed(key).is_some_and(|forget_after| *at + forget_after < now)
            }
            StateValue::Changes(changes) => {
                let last = changes.recent.last().map(|change| change.at).max(changes.rests_until);
                last.is_none_or(|last| last + IDLE < now)
            }
            _ => false,
        }
    }

    /// After which time a place on a ladder is forgotten; `None` where its rule never forgets, or is not in
    /// force: it may come back.
    fn climbed(&self, key: &[u8]) -> Option<Duration> {
        let (rule, position) = ledger::ladder_of(key)?;
        let step = self.rules?.get(&RuleId::from(rule.as_str()))?.steps.get(position)?;
        match &step.action {
            Action::Mute { ladder, .. } => ladder.forget_after,
            _ => None,
        }
    }

    /// For how long a counter matters: deciding keeps times for twice the window. A rule that is not in
    /// force may come back with any.
    fn counted(&self, key: &[u8]) -> Duration {
        let rule = ledger::texts_of(key).into_iter().next();
        let rule = rule.and_then(|rule| self.rules?.get(&RuleId::from(rule.as_str())));
        let within = rule.and_then(|rule| rule.count.as_ref()).map(|count| count.within);
        within.map_or(IDLE, |within| (within + within + LATE).min(IDLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::StateKey;
    use crate::decision::state::{RoomRecord, Times};
    use crate::rule;

    const NOW: Timestamp = Timestamp(1_767_268_800_000);
    const RULES: &str = r#"
[rule.flood]
on = "message.sent"
count = { each = ["member"], more_than = 5, within = "10s" }
do = [
  { alert = { text = "flood" } },
  { mute = { for = ["5m", "1h"], forget_after = "7d" } },
  { mute = { for = ["5m", "1h"] } },
]
"#;

    fn rules() -> RuleSet {
        let reading = rule::read(vec![("rules.toml".to_owned(), RULES.to_owned())], None);
        assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
        reading.rules
    }

    fn served(rules: &RuleSet, key: &StateKey, value: &StateValue) -> bool {
        let entry = (ledger::state_key(key), ledger::encode(value).unwrap());
        Served { now: NOW, rules: Some(rules) }.has(&entry)
    }

    fn ago(seconds: u64) -> Timestamp {
        NOW - Duration::from_secs(seconds)
    }

    #[test]
    fn a_counter_of_a_rule_in_force_goes_a_day_after_its_window_and_of_another_after_two_weeks() {
        let rules = rules();
        let served = |rule: &str, last| {
            let times = StateValue::Times(Times(vec![ago(86_400), last]));
            served(&rules, &StateKey::Counter(rule.into(), "ann".into()), &times)
        };
        assert!(!served("flood", ago(86_420)));
        assert!(served("flood", ago(86_421)));
        assert!(!served("gone", ago(14 * 86_400)));
        assert!(served("gone", ago(14 * 86_400 + 1)));
    }

    #[test]
    fn a_place_on_a_ladder_goes_when_the_rule_in_force_has_forgotten_it() {
        let rules = rules();
        let served = |rule: &str, position, days: u64| {
            let key = StateKey::Ladder(rule.into(), position, "@TGS#1".into(), "ann".into());
            let at = ago(days * 86_400);
            served(&rules, &key, &StateValue::Ladder { step: 1, at })
        };
        assert!(served("flood", 1, 8));
        assert!(!served("flood", 1, 7));
        // One that is never forgotten, one of no ladder, one of no rule.
        assert!(!served("flood", 2, 9_999));
        assert!(!served("flood", 0, 9_999));
        assert!(!served("gone", 1, 9_999));
    }

    #[test]
    fn a_room_that_nobody_has_told_of_for_two_weeks_goes() {
        let rules = rules();
        let served = |told_on| {
            let record = RoomRecord { told_on, ..RoomRecord::default() };
            served(&rules, &StateKey::Room("lobby".into()), &StateValue::Room(record))
        };
        let today = NOW.day();
        assert!(served(Some(today - 15)));
        assert!(!served(Some(today - 14)));
        assert!(!served(None), "as an older version wrote it");
    }
}
