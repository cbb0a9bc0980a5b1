//! How often each command may be called: never more than its limit in any sliding second (34381).
//!
//! A token bucket would let nearly twice the limit pass within one second after a pause. This is a
//! window: the call that is the limit's number ago must be more than a second old.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::chat::limits;
use crate::clock::Timestamp;

/// A second, and what calls may overtake each other by on their way.
const WINDOW: Duration = Duration::from_millis(1_020);
/// A command that Chat found too frequent is called this much more often after each quiet [`CALM`].
const RECOVERY: u32 = 10;
/// Without trouble for this long, a lowered limit rises.
const CALM: Duration = Duration::from_secs(10);

/// The limits of all commands.
#[derive(Debug, Default)]
pub struct Limiter {
    commands: HashMap<&'static str, Window>,
}

#[derive(Debug)]
struct Window {
    /// What Chat documents.
    most: u32,
    /// What is kept now.
    limit: u32,
    sent: VecDeque<Timestamp>,
    /// When the limit was last lowered or raised.
    changed: Timestamp,
}

impl Limiter {
    /// Takes the right to one call, or says when there may be one.
    ///
    /// # Errors
    /// The time to try again.
    pub fn take(&mut self, command: &'static str, now: Timestamp) -> Result<(), Timestamp> {
        let window = self.window(command);
        window.recover(now);
        let free = window.free_at(now);
        if free > now {
            return Err(free);
        }
        window.sent.push_back(now);
        while window.sent.len() > window.most as usize {
            window.sent.pop_front();
        }
        Ok(())
    }

    /// When one more call may be made; now, if it may be.
    pub fn free_at(&self, command: &str, now: Timestamp) -> Timestamp {
        self.commands.get(command).map_or(now, |window| window.free_at(now))
    }

    /// Chat says that this command comes too often: half of it from now on, and slowly more again.
    pub fn slow_down(&mut self, command: &'static str, now: Timestamp) {
        let window = self.window(command);
        window.limit = (window.limit / 2).max(1);
        window.changed = now;
    }

    fn window(&mut self, command: &'static str) -> &mut Window {
        self.commands.entry(command).or_insert_with(|| {
            let most = documented(command);
            Window { most, limit: most, sent: VecDeque::new(), changed: Timestamp::default() }
        })
    }
}

/// Calls a second that Chat allows for a command.
fn documented(command: &str) -> u32 {
    match command {
        "get_appid_group_list" => 1,
        _ => limits::CALLS_PER_SECOND,
    }
}

impl Window {
    fn recover(&mut self, now: Timestamp) {
        while self.limit < self.most && now.since(self.changed) >= CALM {
            self.limit = (self.limit + (self.limit / RECOVERY).max(1)).min(self.most);
            self.changed = self.changed + CALM;
        }
    }

    fn free_at(&self, now: Timestamp) -> Timestamp {
        let Some(at) = self.sent.len().checked_sub(self.limit as usize) else { return now };
        match self.sent.get(at) {
            // A clock that was set back must not stop everything until it has caught up.
            Some(sent) if *sent > now + WINDOW => now,
            Some(sent) => (*sent + WINDOW).max(now),
            None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn the_two_hundred_and_first_call_waits_for_the_window() {
        let mut limiter = Limiter::default();
        for _ in 0..200 {
            assert_eq!(limiter.take("x", NOW), Ok(()));
        }
        assert_eq!(limiter.take("x", NOW), Err(NOW + WINDOW));
        assert_eq!(limiter.take("y", NOW), Ok(()));
        assert_eq!(limiter.take("x", NOW + WINDOW), Ok(()));
    }

    #[test]
    fn a_command_that_chat_finds_too_frequent_is_halved_and_recovers_slowly() {
        let mut limiter = Limiter::default();
        limiter.take("x", NOW).unwrap();
        limiter.slow_down("x", NOW);
        let after = |seconds: u64| NOW + Duration::from_secs(seconds);
        let passing = |limiter: &mut Limiter, at: Timestamp| {
            (0..300).filter(|_| limiter.take("x", at).is_ok()).count()
        };
        assert_eq!(passing(&mut limiter, after(5)), 100);
        assert_eq!(passing(&mut limiter, after(11)), 110);
        assert_eq!(passing(&mut limiter, after(600)), 200);
    }

    #[test]
    fn the_group_list_may_be_asked_for_once_a_second() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.take("get_appid_group_list", NOW), Ok(()));
        assert!(limiter.take("get_appid_group_list", NOW + Duration::from_millis(999)).is_err());
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let mut limiter = Limiter::default();
        for _ in 0..200 {
            limiter.take("x", NOW).unwrap();
        }
        assert_eq!(limiter.take("x", NOW - Duration::from_secs(3_600)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_sliding_second_ever_holds_more_than_the_limit(
            steps in prop::collection::vec(0u64..40, 1..1500),
        ) {
            let mut limiter = Limiter::default();
            let (mut now, mut sent) = (NOW, Vec::new());
            for step in steps {
                now = now + Duration::from_millis(step / 8);
                if limiter.take("x", now).is_ok() {
                    sent.push(now);
                }
            }
            for (place, end) in sent.iter().enumerate() {
                let second = sent[..=place].iter().filter(|at| end.since(**at) < Duration::from_secs(1));
                prop_assert!(second.count() <= 200);
            }
        }
    }
}
