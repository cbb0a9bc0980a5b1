//! When schedules run next, and what changes of the clock do to them.

use chrono::{DateTime, Timelike};

use crate::clock::Timestamp;
use crate::rule::crontab::ClockChange;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::{Mode, Rule, Timing, Trigger};
use crate::rule::parse::codes::{CLOCK_CHANGE, NEXT_RUNS};
use crate::rule::source::Spot;

/// How many firings are shown.
const SHOWN: usize = 3;
/// How far ahead changes of the clock are looked for: a year and the month behind it.
const AHEAD: i64 = 400 * 86_400_000;

/// R301 and R302 for a scheduled rule that is not off.
pub fn notes(rule: &Rule, spot: &Spot, now: Timestamp) -> Vec<Diagnostic> {
    let Trigger::Schedule(schedule) = &rule.trigger else { return Vec::new() };
    if rule.mode == Mode::Off {
        return Vec::new();
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
    let note = |code, message| Diagnostic::new(Level::Note, code, spot.clone(), message);
    let shown: Vec<_> = times.iter().filter_map(|time| civil(*time, zone)).collect();
    let next = format!("{} runs next at {} ({zone})", rule.id, shown.join(", "));
    let mut notes = vec![note(NEXT_RUNS, next)];
    if let Timing::Cron(crontab) = &schedule.timing {
        let changes = crontab.clock_changes(now, Timestamp(now.0.saturating_add(AHEAD)));
        let often = crontab.fires_more_than(1);
        let told = |change: &ClockChange| format!("{}: {}", rule.id, words(change, zone, often));
        notes.extend(changes.iter().map(|change| note(CLOCK_CHANGE, told(change))));
    }
    notes
}

fn words(change: &ClockChange, zone: chrono_tz::Tz, often: bool) -> String {
    let (day, time) = (change.civil.format("%Y-%m-%d"), change.civil.format("%H:%M"));
    match (change.twice, often) {
        (true, true) => {
            format!(
                "on {day} the time from {time} comes twice ({zone}), and it runs in the first pass only"
            )
        }
        (true, false) => {
            format!("on {day} {time} comes twice ({zone}), and it runs once, at the first")
        }
        (false, _) => {
            let runs = change.runs.format("%H:%M");
            format!("on {day} {time} does not exist ({zone}), and it runs at {runs}")
        }
    }
}

fn civil(time: Timestamp, zone: chrono_tz::Tz) -> Option<String> {
    let time = DateTime::from_timestamp_millis(time.0)?.with_timezone(&zone);
    let format = if time.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    Some(time.format(format).to_string())
}
