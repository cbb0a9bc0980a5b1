//! What a change of the clock does to a crontab line: times that do not exist, and times that come twice.

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::{Crontab, instant};
use crate::clock::Timestamp;

const DAY: i64 = 86_400;

/// A firing that a change of the clock falls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    /// The time as the line means it, on the clock of its zone.
    pub civil: NaiveDateTime,
    /// It comes twice and runs at the first pass; otherwise it does not exist.
    pub twice: bool,
    /// When it runs, on the same clock.
    pub runs: NaiveDateTime,
}

impl Crontab {
    /// The firings between two times that a change of the clock falls on; of each change the first.
    pub fn clock_changes(&self, from: Timestamp, until: Timestamp) -> Vec<ClockChange> {
        let zone = self.timezone();
        let mut found = Vec::new();
        let mut day = from.secs();
        while day < until.secs() {
            let next = (day + DAY).min(until.secs());
            let (before, after) = (offset(zone, day), offset(zone, next));
            if before != after {
                let at = moment(zone, day, next);
                found.extend(self.changed(at, before, after));
            }
            day = next;
        }
        found
    }

    /// The first firing in the time that a change leaves out or repeats.
    fn changed(&self, at: i64, before: i64, after: i64) -> Option<ClockChange> {
        let twice = after < before;
        let clock = |offset: i64| Some(DateTime::from_timestamp(at + offset, 0)?.naive_utc());
        let (start, end) = (clock(before.min(after))?, clock(before.max(after))?);
        let civil = self.next_civil(start - TimeDelta::seconds(1))?;
        if civil >= end {
            return None;
        }
        // A line that also fires when the gap ends misses nothing that anybody would notice.
        if !twice && self.next_civil(end - TimeDelta::seconds(1)) == Some(end) {
            return None;
        }
        let runs = instant(self.timezone(), civil)?;
        let runs = DateTime::from_timestamp(runs.secs(), 0)?.with_timezone(&self.timezone());
        Some(ClockChange { civil, twice, runs: runs.naive_local() })
    }

    /// Whether it fires more often than this in the hour that begins with a firing.
    pub fn fires_more_than(&self, times: usize) -> bool {
        let Some(first) = self.next_civil(DateTime::UNIX_EPOCH.naive_utc()) else { return false };
        let each = std::iter::successors(Some(first), |last| self.next_civil(*last));
        each.take_while(|time| *time - first < TimeDelta::hours(1)).take(times + 1).count() > times
    }
}

/// Seconds that the zone is ahead of UTC.
fn offset(zone: Tz, secs: i64) -> i64 {
    let time = DateTime::from_timestamp(secs, 0).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
}

/// The second in which the offset changes, between two that have different ones.
fn moment(zone: Tz, mut low: i64, mut high: i64) -> i64 {
    let old = offset(zone, low);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset(zone, middle) == old { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn changes(line: &str, zone: Tz) -> Vec<(String, bool, String)> {
        let crontab = Crontab::parse(line, zone).unwrap();
        let until = Timestamp(NOW.0 + 400 * DAY * 1_000);
        let shown = |time: NaiveDateTime| time.format("%Y-%m-%d %H:%M").to_string();
        let changes = crontab.clock_changes(NOW, until);
        changes.into_iter().map(|c| (shown(c.civil), c.twice, shown(c.runs))).collect()
    }

    fn change(civil: &str, twice: bool, runs: &str) -> (String, bool, String) {
        (civil.to_owned(), twice, runs.to_owned())
    }

    #[test]
    fn half_past_two_in_berlin_comes_twice_in_autumn_and_not_at_all_in_spring() {
        assert_eq!(
            changes("30 2 * * *", chrono_tz::Europe::Berlin),
            [
                change("2026-10-25 02:30", true, "2026-10-25 02:30"),
                change("2027-03-28 02:30", false, "2027-03-28 03:00"),
            ]
        );
    }

    #[test]
    fn a_line_that_fires_all_the_time_has_only_an_hour_that_comes_twice() {
        assert_eq!(
            changes("*/5 * * * *", chrono_tz::Europe::Berlin),
            [change("2026-10-25 02:00", true, "2026-10-25 02:00")]
        );
    }

    #[test]
    fn other_hours_and_zones_without_changes_are_left_alone() {
        assert_eq!(changes("0 4 * * *", chrono_tz::Europe::Berlin), []);
        assert_eq!(changes("30 2 * * *", chrono_tz::Asia::Shanghai), []);
        assert_eq!(changes("30 2 * * mon", chrono_tz::Europe::Berlin), []);
    }

    #[test]
    fn how_often_a_line_fires_is_counted_within_an_hour() {
        let often = |line: &str| Crontab::parse(line, Tz::UTC).unwrap().fires_more_than(12);
        assert!(often("*/4 * * * *") && often("* 4 * * *"));
        assert!(!often("*/5 * * * *") && !often("0,1 4 * * *"));
    }
}
