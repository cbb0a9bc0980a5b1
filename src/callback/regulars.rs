//! Lanes that callbacks have come from before. When more come than can be decided, some places are theirs
//! alone: whoever makes a new group for each callback takes nothing away from groups that there were.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::decision::Lane;

/// Who has come for so long is a regular.
const LONG: Duration = Duration::from_secs(60);
/// Who has not come for one to two of these is none any more.
const PERIOD: Duration = Duration::from_secs(600);
/// Lanes that are remembered of one period, and as many again that are known from the one before;
/// further new ones stay strangers.
const MOST: usize = 100_000;

/// Since when each has come, of those who came in this period and in the one before, by hash: some
/// nine megabytes when both are full.
#[derive(Debug, Default)]
pub(super) struct Regulars {
    hasher: RandomState,
    before: HashMap<u64, Timestamp>,
    lately: HashMap<u64, Timestamp>,
    since: Timestamp,
    /// When the first one came.
    first: Option<Timestamp>,
}

impl Regulars {
    /// Notes that a callback of this lane was let in.
    pub(super) fn meet(&mut self, lane: &Lane, now: Timestamp) {
        self.turn(now);
        let hash = self.hasher.hash_one(lane);
        if self.lately.contains_key(&hash) {
            return;
        }
        let known = self.before.get(&hash).copied();
        // Those who are known stay so, however many strangers come.
        if self.lately.len() < if known.is_some() { 2 * MOST } else { MOST } {
            self.lately.insert(hash, known.unwrap_or(now));
        }
    }

    /// Whether a lane is one of the regulars.
    pub(super) fn knows(&self, lane: &Lane, now: Timestamp) -> bool {
        let hash = self.hasher.hash_one(lane);
        let first = self.lately.get(&hash).or_else(|| self.before.get(&hash));
        first.is_some_and(|first| now.since(*first) >= LONG)
    }

    /// Whether anybody has come for long enough: not so in the first minute of a process.
    pub(super) fn are_known(&self, now: Timestamp) -> bool {
        self.first.is_some_and(|first| now.since(first) >= LONG)
    }

    /// Begins another period when it is time; where the clock was set back, everybody is a stranger again.
    /// Callbacks that were long on their way come with times a little before those of others.
    fn turn(&mut self, now: Timestamp) {
        if now + LONG < self.since {
            *self = Self { hasher: self.hasher.clone(), ..Self::default() };
        } else if now.since(self.since) < PERIOD {
            return;
        }
        self.since = now;
        self.first.get_or_insert(now);
        self.before = mem::take(&mut self.lately);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(number: usize) -> Lane {
        Lane::group(&format!("g{number}").as_str().into())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn who_has_come_for_a_minute_is_a_regular_for_as_long_as_it_comes() {
        let mut regulars = Regulars::default();
        regulars.meet(&lane(1), at(0));
        assert!(!regulars.knows(&lane(1), at(59)));
        for minute in 1..60 {
            let now = at(minute * 60);
            assert!(regulars.knows(&lane(1), now) && !regulars.knows(&lane(2), now), "{minute}");
            regulars.meet(&lane(1), now);
        }
        // Others come, and it does not, for two periods.
        for minute in 60..82 {
            regulars.meet(&lane(3), at(minute * 60));
        }
        assert!(!regulars.knows(&lane(1), at(82 * 60)));
    }

    #[test]
    fn those_who_were_long_on_their_way_begin_no_period() {
        let mut regulars = Regulars::default();
        regulars.meet(&lane(1), at(0));
        regulars.meet(&lane(2), at(601));
        regulars.meet(&lane(3), at(600));
        assert!(regulars.knows(&lane(1), at(601)));
    }

    #[test]
    fn a_flood_of_new_ones_is_remembered_up_to_a_bound_and_drives_out_no_regular() {
        let mut regulars = Regulars::default();
        regulars.meet(&lane(0), at(0));
        for period in 1..3 {
            let now = at(period * 601);
            let first = MOST * usize::try_from(period).unwrap() * 2;
            for number in first..first + MOST + 5_000 {
                regulars.meet(&lane(number), now);
            }
            assert!(regulars.knows(&lane(0), now));
            regulars.meet(&lane(0), now);
            let known = regulars.lately.len();
            assert!((MOST..=MOST + 1).contains(&known), "{known}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let mut regulars = Regulars::default();
        regulars.meet(&lane(1), at(10_000));
        regulars.meet(&lane(1), at(0));
        assert!(!regulars.are_known(at(59)) && regulars.are_known(at(60)));
        assert!(regulars.knows(&lane(1), at(60)));
    }
}
