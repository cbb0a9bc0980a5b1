//! Calls as they arrived, and the sliding second that limits them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::chat::Account;
use crate::clock::Timestamp;

const WINDOW: Duration = Duration::from_secs(1);

/// One REST call as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    pub at: Timestamp,
    /// The middle of the path, for instance `group_open_http_svc`.
    pub service: String,
    /// The end of the path, for instance `change_group_owner`.
    pub command: String,
    /// `identifier` of the query.
    pub identifier: Account,
    /// The body; `null` when it was not JSON.
    pub body: Value,
    /// `ErrorCode` of the answer; the caller may never have seen it (`fault`).
    pub error_code: i64,
    /// HTTP status of the answer.
    pub status: u16,
    /// The fault that was injected into this call, in words.
    pub fault: Option<String>,
}

/// What happened in the last second, for one thing that is counted.
#[derive(Debug, Default)]
pub(super) struct SlidingSecond {
    times: VecDeque<Timestamp>,
}

impl SlidingSecond {
    /// How many fell into the second before `now`, and at it.
    pub(super) fn count(&mut self, now: Timestamp) -> usize {
        while self.times.front().is_some_and(|first| *first + WINDOW <= now) {
            self.times.pop_front();
        }
        self.times.len()
    }

    /// Counts one more and returns how many there are now.
    pub(super) fn add(&mut self, now: Timestamp) -> usize {
        self.times.push_back(now);
        self.count(now)
    }
}

/// The rates of all commands.
#[derive(Debug, Default)]
pub(super) struct Rates {
    seconds: BTreeMap<String, SlidingSecond>,
    highest: BTreeMap<String, usize>,
}

impl Rates {
    /// Counts a call of `service/command` and returns how many the last second saw, this one included.
    pub(super) fn call(&mut self, now: Timestamp, path: &str) -> usize {
        let count = self.seconds.entry(path.to_owned()).or_default().add(now);
        let highest = self.highest.entry(path.to_owned()).or_default();
        *highest = count.max(*highest);
        count
    }

    /// The most calls that any sliding second saw, of `command` or `service/command`.
    pub(super) fn highest(&self, command: &str) -> usize {
        let named = |path: &str| path == command || path.rsplit('/').next() == Some(command);
        self.highest.iter().filter(|(path, _)| named(path)).map(|(_, n)| *n).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_slides_over_the_full_second() {
        let mut rates = Rates::default();
        for ms in [0, 900, 999, 1_000, 1_899, 1_900] {
            rates.call(Timestamp(ms), "s/c");
        }
        // The last four fall between 900 (excluded at 1,900) and 1,900.
        assert_eq!(rates.call(Timestamp(1_900), "s/c"), 5);
        assert_eq!(rates.highest("c"), 5);
        assert_eq!(rates.highest("s/c"), 5);
        assert_eq!(rates.highest("other"), 0);
    }
}
