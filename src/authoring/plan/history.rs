//! The last days under two sets of rules: both live through the same recorded events, from the same
//! beginnings, and what they decide is held against each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::authoring::recorded::{Recorded, Trouble};
use crate::authoring::replay::{self, Deed, Past, Run, Span, Tally};
use crate::clock::Timestamp;
use crate::decision::Settings;
use crate::rule::RuleSet;

/// The same thing done later by less than this is the same thing.
const SAME_TIME: i64 = 60_000;

/// Somebody who is muted with both rules so near in time is muted earlier, or later.
const NEAR: u64 = 600_000;

/// Who decides something, or who decides it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    OnlyNew,
    OnlyOld,
    Changed,
}

/// One thing that would have been decided differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub side: Side,
    pub rule: String,
    pub act: String,
    pub at: String,
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// What would have been decided differently.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    pub since: String,
    pub until: String,
    pub events: usize,
    /// Decided by both.
    pub same: usize,
    /// By rule, action and side; then in order of time.
    pub differences: Vec<Difference>,
    pub old_assumed: Tally,
    pub new_assumed: Tally,
    pub notes: Vec<String>,
}

/// Lets both live through the events of a span.
///
/// # Errors
/// When the journal cannot be read, or rules keep each other busy without an end.
pub async fn compare(
    recorded: &Recorded,
    span: Span,
    old: Arc<RuleSet>,
    new: Arc<RuleSet>,
    settings: &Settings,
    mut progress: impl FnMut(usize, Timestamp),
) -> Result<History, Trouble> {
    let past = Past::read(recorded, span)?;
    let mut before = Run::new(&past, recorded, old, settings.clone())?;
    let mut after = Run::new(&past, recorded, new, settings.clone())?;
    let (mut old_deeds, mut new_deeds) = (Vec::new(), Vec::new());
    let mut last = past.first();
    for (number, entry) in recorded.entries(span.since, span.until)?.enumerate() {
        let entry = entry?;
        last = Some(entry.at);
        if number > 0 && number.is_multiple_of(replay::PROGRESS) {
            progress(number, entry.at);
        }
        let decided = before.feed(number, &entry).await?;
        old_deeds.extend(decided.into_iter().flat_map(|decided| decided.deeds));
        let decided = after.feed(number, &entry).await?;
        new_deeds.extend(decided.into_iter().flat_map(|decided| decided.deeds));
    }
    old_deeds.extend(before.end().await?.into_iter().flat_map(|decided| decided.deeds));
    new_deeds.extend(after.end().await?.into_iter().flat_map(|decided| decided.deeds));
    let (same, differences) = differences(old_deeds, new_deeds);
    let (old_assumed, new_assumed) = (before.tally(), after.tally());
    let mut notes: Vec<String> = new_assumed.notes();
    notes.extend(replay::LIMITS.iter().map(|limit| (*limit).to_owned()));
    let shown = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    Ok(History {
        since: shown(past.first()),
        until: shown(last),
        events: new_assumed.events,
        same,
        differences,
        old_assumed,
        new_assumed,
        notes,
    })
}

/// What belongs together: the same rule doing the same kind of thing about the same event.
type Matter = (String, String, String);

fn matter(deed: &Deed) -> Matter {
    let rule = deed.rule.clone().unwrap_or_else(|| "the bot itself".to_owned());
    (rule, deed.act.clone(), deed.event.clone())
}

/// Two deeds that belong together, or one that the other side has not.
type Pair = (Option<Deed>, Option<Deed>);

/// Holds what two runs decided against each other.
fn differences(old: Vec<Deed>, new: Vec<Deed>) -> (usize, Vec<Difference>) {
    let mut matters: BTreeMap<Matter, (Vec<Deed>, Vec<Deed>)> = BTreeMap::new();
    for deed in old {
        matters.entry(matter(&deed)).or_default().0.push(deed);
    }
    for deed in new {
        matters.entry(matter(&deed)).or_default().1.push(deed);
    }
    let (mut same, mut pairs) = (0, Vec::new());
    for (old, mut new) in matters.into_values() {
        let mut left = Vec::new();
        for deed in old {
            match new.iter().position(|other| alike(&deed, other)) {
                Some(at) => {
                    new.remove(at);
                    same += 1;
                }
                None => left.push(deed),
            }
        }
        let mut new = new.into_iter();
        pairs.extend(left.into_iter().map(|deed| (Some(deed), new.next())));
        pairs.extend(new.map(|deed| (None, Some(deed))));
    }
    let mut found = Vec::new();
    for pair in near_pairs(pairs) {
        match &pair {
            // The same, by the message before or behind.
            (Some(old), Some(new)) if alike(old, new) => same += 1,
            _ => found.push(difference(pair)),
        }
    }
    found.sort_by(|(one_at, one), (other_at, other)| {
        let key = |at: &Timestamp, difference: &Difference| {
            (difference.rule.clone(), difference.act.clone(), difference.side, *at)
        };
        key(one_at, one).cmp(&key(other_at, other))
    });
    (same, found.into_iter().map(|(_, difference)| difference).collect())
}

fn alike(one: &Deed, other: &Deed) -> bool {
    let time = one.at.0.abs_diff(other.at.0);
    one.what == other.what && one.shadow == other.shadow && time < SAME_TIME.unsigned_abs()
}

/// Joins what one side does because of one event with what the other does to the same member because
/// of another one near it.
fn near_pairs(pairs: Vec<Pair>) -> Vec<Pair> {
    let (mut joined, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for pair in pairs {
        match pair {
            (Some(deed), None) => old.push(deed),
            (None, Some(deed)) => new.push(deed),
            both => joined.push(both),
        }
    }
    old.sort_by_key(|deed| deed.at);
    new.sort_by_key(|deed| deed.at);
    for deed in old {
        let fits = |other: &Deed| {
            !deed.about.is_empty()
                && (&deed.rule, &deed.act, &deed.about) == (&other.rule, &other.act, &other.about)
                && deed.at.0.abs_diff(other.at.0) <= NEAR
        };
        let other = new.iter().position(fits).map(|at| new.remove(at));
        joined.push((Some(deed), other));
    }
    joined.extend(new.into_iter().map(|deed| (None, Some(deed))));
    joined
}

fn difference((old, new): Pair) -> (Timestamp, Difference) {
    let times_differ = matches!((&old, &new), (Some(old), Some(new)) if old.at != new.at);
    let words = |deed: &Deed| {
        let at = if times_differ { format!(", {}", deed.at) } else { String::new() };
        format!("{}{at}", deed.words())
    };
    let side = match (&old, &new) {
        (Some(_), Some(_)) => Side::Changed,
        (None, _) => Side::OnlyNew,
        (_, None) => Side::OnlyOld,
    };
    let told = (old.as_ref().map(words), new.as_ref().map(words));
    let (rule, act, event) = old.as_ref().or(new.as_ref()).map(matter).unwrap_or_default();
    let at = old.as_ref().or(new.as_ref()).map(|deed| deed.at).unwrap_or_default();
    let (old, new) = told;
    (at, Difference { side, rule, act, at: at.to_string(), event, old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(event: &str, at: i64, what: &str) -> Deed {
        Deed {
            at: Timestamp(at),
            event: event.to_owned(),
            about: String::new(),
            rule: Some("quiet".to_owned()),
            act: "mute".to_owned(),
            what: what.to_owned(),
            shadow: false,
            unless_protected: false,
            effect: None,
        }
    }

    #[test]
    fn the_same_is_no_difference_and_another_time_for_the_same_event_is_one_change() {
        let old = vec![deed("a", 0, "5m"), deed("b", 0, "5m"), deed("c", 0, "5m")];
        let new = vec![deed("a", 1, "5m"), deed("b", 0, "10m"), deed("d", 0, "5m")];
        let (same, differences) = differences(old, new);
        let told: Vec<_> = differences.iter().map(|d| (d.side, d.event.as_str())).collect();
        assert_eq!(same, 1);
        assert_eq!(told, [(Side::OnlyNew, "d"), (Side::OnlyOld, "c"), (Side::Changed, "b")]);
    }

    #[test]
    fn whoever_is_muted_by_another_message_soon_before_is_muted_earlier() {
        let muted = |event, at, what| Deed { about: "ann".to_owned(), ..deed(event, at, what) };
        let old = vec![muted("six", 5_000, "5m"), muted("far", 9_000_000, "5m")];
        let (_, differences) = differences(old, vec![muted("four", 3_000, "10m")]);
        let told: Vec<_> = differences.iter().map(|d| (d.side, d.event.as_str())).collect();
        assert_eq!(told, [(Side::OnlyOld, "far"), (Side::Changed, "six")]);
    }

    #[test]
    fn what_would_have_come_later_is_told_with_both_times() {
        let (_, differences) = differences(vec![deed("a", 0, "x")], vec![deed("a", 300_000, "x")]);
        assert_eq!(differences[0].old.as_deref(), Some("x, 1970-01-01T00:00:00Z"));
        assert_eq!(differences[0].new.as_deref(), Some("x, 1970-01-01T00:05:00Z"));
    }
}
