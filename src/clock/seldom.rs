//! Not every one of a thousand like things is told of.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Timestamp;

/// Says of each kind of thing whether enough time has passed to tell of it again. The kinds must come
/// from a fixed set.
#[derive(Debug)]
pub struct Seldom<K> {
    every: Duration,
    told: Mutex<HashMap<K, (Timestamp, u64)>>,
}

impl<K: Eq + Hash> Seldom<K> {
    /// Each kind no more often than this.
    pub fn new(every: Duration) -> Self {
        Self { every, told: Mutex::default() }
    }

    /// Whether it is time; if so, it counts as told, and how many were passed over since is said.
    pub fn is_time(&self, kind: K, now: Timestamp) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(&kind) {
            // A clock that was set back silences nobody.
            Some((last, passed)) if now.since(*last) < self.every && *last <= now => {
                *passed += 1;
                None
            }
            Some(known) => Some(std::mem::replace(known, (now, 0)).1),
            None => {
                told.insert(kind, (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_told_again_only_after_its_time_and_with_how_many_were_passed_over() {
        let every = Duration::from_secs(3_600);
        let (seldom, noon) = (Seldom::new(every), Timestamp::from_secs(1_700_000_000));
        assert_eq!(seldom.is_time("sendmsg", noon), Some(0));
        assert_eq!(seldom.is_time("send_group_msg", noon), Some(0));
        assert_eq!(seldom.is_time("sendmsg", noon), None);
        assert_eq!(seldom.is_time("sendmsg", noon + Duration::from_secs(3_599)), None);
        assert_eq!(seldom.is_time("sendmsg", noon + every), Some(2));
        assert_eq!(seldom.is_time("sendmsg", noon + every), None);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let (seldom, noon) = (Seldom::new(Duration::from_secs(60)), Timestamp::from_secs(1_000));
        assert!(seldom.is_time(1, noon).is_some());
        assert!(seldom.is_time(1, noon - Duration::from_secs(500)).is_some());
    }
}
