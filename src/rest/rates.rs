//! The rates of all commands, shared by everybody who calls Chat.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rate::Limiter;
use crate::clock::Timestamp;

/// A handle on one [`Limiter`]; clones share it. Chat counts calls per app and command, so delivery,
/// reconciliation and whoever hears of a limit take from the same one.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<Limiter>>);

impl Rates {
    /// `default` calls a second for every command that has no limit of its own.
    pub fn new(default: u32) -> Self {
        Self(Arc::new(Mutex::new(Limiter::new(default))))
    }

    /// From now on, `default` calls a second for every command that has no limit of its own and was
    /// not called yet.
    pub fn set_default(&self, default: u32) {
        self.limiter().set_default(default);
    }

    /// As [`Limiter::take`]: counts one call, or says when to try again.
    pub fn take(&self, command: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.limiter().take(command, now)
    }

    /// As [`Limiter::take_of`].
    pub fn take_of(&self, command: &str, wait: usize, now: Timestamp) -> Result<(), Timestamp> {
        self.limiter().take_of(command, wait, now)
    }

    /// As [`Limiter::free_for`].
    pub fn free_for(&self, command: &str, wait: usize, now: Timestamp) -> Timestamp {
        self.limiter().free_for(command, wait, now)
    }

    /// As [`Limiter::slow_down`].
    pub fn slow_down(&self, command: &str, now: Timestamp) {
        self.limiter().slow_down(command, now);
    }

    /// As [`Limiter::slow_down_all`].
    pub fn slow_down_all(&self, now: Timestamp) {
        self.limiter().slow_down_all(now);
    }

    /// As [`Limiter::lower_to`]: for what `Alert.RequestOverLimit` tells (60256).
    pub fn lower_to(&self, command: &str, limit: u32, now: Timestamp) {
        self.limiter().lower_to(command, limit, now);
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // Counting cannot be left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_take_from_the_same_rate() {
        let (rates, now) = (Rates::new(1), Timestamp::from_secs(1_700_000_000));
        let other = rates.clone();
        assert_eq!(rates.take("sendmsg", now), Ok(()));
        assert!(other.take("sendmsg", now).is_err());
        assert_eq!(other.take("send_group_msg", now), Ok(()));
    }
}
