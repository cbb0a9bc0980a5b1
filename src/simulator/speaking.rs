//! Accounts that may not speak anywhere (34923). No callback is documented for it.

use super::state::FOREVER;
use super::world::World;
use crate::chat::Account;
use crate::clock::Timestamp;

/// Until when an account may not speak; 0 is not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Silence {
    pub private: Timestamp,
    pub group: Timestamp,
}

impl Silence {
    /// Seconds until then, rounded up; "for ever" stays 4294967295.
    pub fn left(until: Timestamp, now: Timestamp) -> i64 {
        let forever = i64::from(FOREVER);
        if until.secs() == forever {
            return forever;
        }
        let left = until.since(now).as_millis().div_ceil(1000);
        i64::try_from(left).unwrap_or(forever)
    }
}

impl World {
    /// Whether this account may not speak in any group.
    pub(super) fn is_silent_in_groups(&self, account: &Account, now: Timestamp) -> bool {
        self.silences.get(account).is_some_and(|silence| silence.group > now)
    }

    /// Whether this account may write to nobody.
    pub(super) fn is_silent_in_private(&self, account: &Account, now: Timestamp) -> bool {
        self.silences.get(account).is_some_and(|silence| silence.private > now)
    }
}
