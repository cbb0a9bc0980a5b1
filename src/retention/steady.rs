//! Whether the machine's clock can be believed: what a clock that is ahead for a minute makes look old must
//! not go, for it does not come back with the right time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// So long the clock must have gone on without a jump, from the start or the last one.
const PROOF: Duration = Duration::from_secs(3_600);
/// Longer between two looks is a jump, or a machine that slept, which is no harm either: it is looked every
/// few seconds.
const JUMP: Duration = Duration::from_secs(300);

/// What has been seen of the clock.
#[derive(Debug, Default)]
pub(super) struct Steady(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    /// Since when it has not jumped.
    since: Timestamp,
    last: Timestamp,
}

impl Steady {
    /// Looks at the clock. Says whether it has gone on steadily for long enough.
    pub(super) fn look(&self, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get_or_insert(Seen { since: now, last: now });
        if now < seen.last || now.since(seen.last) > JUMP {
            seen.since = now;
        }
        seen.last = now;
        now.since(seen.since) >= PROOF
    }
}
