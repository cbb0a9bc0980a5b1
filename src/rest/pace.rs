//! The last gate before the wire: no command arrives more often than Chat allows in any second (34381),
//! however late a call leaves that was allowed to.
//!
//! [`super::Rates`] decides what is worth beginning. Between that and the wire lies whatever else the
//! machine has to do, and a call that arrives late shares its second with younger ones. Chat has seen a
//! call at some time between its leaving and its answer; so a call counts from when it leaves until a
//! second after its answer. What an earlier process has called nobody here can know: after a start in
//! its place, as many calls as are allowed count as just answered.
//!
//! Calls that had to wait for the same second leave one after the other. All at once, they would be waited
//! for at once a second later, and for ever so: every second between would lack them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rate::{WINDOW, apart, limit_of};
use crate::clock::{Clock, Timestamp};

/// When all calls that count are still under way, it is looked again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Lets calls out, each command by itself.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    /// Calls a second of commands that have no limit of their own.
    default: u32,
    /// When an earlier process may have called last.
    inherited: Option<Timestamp>,
    commands: Mutex<HashMap<&'static str, Calls>>,
}

/// The calls of one command that count.
#[derive(Default)]
struct Calls {
    /// Held by the first of those that wait. The others wait for it and not for a time: they need not
    /// wake for each call that leaves, and none of them overtakes another.
    gate: Arc<tokio::sync::Mutex<()>>,
    under_way: usize,
    /// When the last one left.
    left: Option<Timestamp>,
    /// When the last ones were answered, ascending.
    answered: VecDeque<Timestamp>,
}

/// A call that is under way; it is over when this is dropped.
pub(super) struct UnderWay<'p> {
    pace: &'p Pace,
    command: &'static str,
}

impl Pace {
    pub(super) fn new(default: u32, clock: Arc<dyn Clock>) -> Self {
        Self { clock, default: default.max(1), inherited: None, commands: Mutex::default() }
    }

    /// Takes over from a process that may have called until now.
    pub(super) fn inherit(&mut self) {
        self.inherited = Some(self.clock.now());
    }

    /// Waits until one more call of `command` may leave.
    pub(super) async fn leave(&self, command: &'static str) -> UnderWay<'_> {
        let limit = limit_of(command, self.default);
        let gate = self.with(command, limit, |calls| Arc::clone(&calls.gate));
        let (_first, mut waited) = match gate.try_lock() {
            Ok(first) => (first, false),
            Err(_) => (gate.lock().await, true),
        };
        loop {
            let now = self.clock.now();
            match self.with(command, limit, |calls| calls.begin(limit, waited, now)) {
                Ok(()) => return UnderWay { pace: self, command },
                Err(free) => self.clock.sleep_until(free).await,
            }
            waited = true;
        }
    }

    /// Does something with the calls of one command.
    fn with<T>(&self, command: &'static str, limit: u32, f: impl FnOnce(&mut Calls) -> T) -> T {
        let inherited = || match self.inherited {
            Some(time) => Calls::answered(limit as usize, time),
            None => Calls::default(),
        };
        f(self.commands().entry(command).or_insert_with(inherited))
    }

    fn commands(&self) -> MutexGuard<'_, HashMap<&'static str, Calls>> {
        // Counting cannot be left half done by a panic.
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.pace.clock.now();
        if let Some(calls) = self.pace.commands().get_mut(self.command) {
            calls.end(now);
        }
    }
}

impl Calls {
    /// As many as are allowed, all of them answered at `time`.
    fn answered(limit: usize, time: Timestamp) -> Self {
        let answered = std::iter::repeat_n(time, limit).collect();
        Self { answered, ..Self::default() }
    }

    /// Counts one more call, or says when to look again. `waited`: it was told so before.
    fn begin(&mut self, limit: u32, waited: bool, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(now);
        while self.answered.front().is_some_and(|first| *first + WINDOW <= now) {
            self.answered.pop_front();
        }
        if self.under_way + self.answered.len() < limit as usize {
            let next = self.left.map(|left| left + apart(limit));
            if let Some(next) = next.filter(|next| waited && *next > now) {
                return Err(next);
            }
            self.under_way += 1;
            self.left = Some(now);
            return Ok(());
        }
        Err(self.answered.front().map_or(now + LOOK_AGAIN, |first| *first + WINDOW))
    }

    /// One call is over.
    fn end(&mut self, now: Timestamp) {
        self.settle(now);
        self.under_way = self.under_way.saturating_sub(1);
        self.answered.push_back(now);
    }

    /// A clock that was set back holds calls up for one window only: what it says is later than now is now.
    fn settle(&mut self, now: Timestamp) {
        for time in self.answered.iter_mut().rev().take_while(|time| **time > now) {
            *time = now;
        }
        self.left = self.left.map(|left| left.min(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_700_000_000_000 + millis)
    }

    #[test]
    fn a_call_counts_until_a_second_after_its_answer() {
        let mut calls = Calls::default();
        assert_eq!(calls.begin(2, false, at(0)), Ok(()));
        assert_eq!(calls.begin(2, false, at(0)), Ok(()));
        assert_eq!(calls.begin(2, false, at(5_000)), Err(at(5_000) + LOOK_AGAIN));
        calls.end(at(5_000));
        assert_eq!(calls.begin(2, false, at(5_001)), Err(at(5_000) + WINDOW));
        assert_eq!(calls.begin(2, false, at(5_000) + WINDOW), Ok(()));
        assert_eq!(calls.begin(2, false, at(5_000) + WINDOW), Err(at(5_000) + WINDOW + LOOK_AGAIN));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_calls_up_for_one_window() {
        let mut calls = Calls::default();
        assert_eq!(calls.begin(1, false, at(3_600_000)), Ok(()));
        calls.end(at(3_600_000));
        assert_eq!(calls.begin(1, false, at(0)), Err(at(0) + WINDOW));
        assert_eq!(calls.begin(1, false, at(0) + WINDOW), Ok(()));
    }

    #[test]
    fn a_call_that_is_answered_just_after_the_clock_was_set_back_does_not_hide_those_before_it() {
        let mut calls = Calls::default();
        assert_eq!(calls.begin(3, false, at(3_600_000)), Ok(()));
        assert_eq!(calls.begin(3, false, at(3_600_000)), Ok(()));
        calls.end(at(3_600_000));
        calls.end(at(0));
        for turn in 1..10 {
            let now = at(2_000 * turn);
            assert_eq!(calls.begin(3, false, now), Ok(()), "{turn}");
            calls.end(now);
        }
    }

    #[test]
    fn those_that_wait_while_the_clock_is_set_back_leave_after_one_window_too() {
        let mut calls = Calls::answered(2, at(3_600_000));
        assert_eq!(calls.begin(2, false, at(3_600_000)), Err(at(3_600_000) + WINDOW));
        assert_eq!(calls.begin(2, true, at(3_600_000) + WINDOW), Ok(()));
        assert_eq!(calls.begin(2, true, at(0)), Err(at(0) + apart(2)));
        assert_eq!(calls.begin(2, true, at(0) + apart(2)), Ok(()));
    }

    #[tokio::test]
    async fn whoever_takes_over_waits_until_the_calls_of_the_one_before_do_not_count_any_more() {
        let clock = Arc::new(crate::clock::ManualClock::new(at(0)));
        let mut pace = Pace::new(200, clock.clone());
        pace.inherit();
        let leave = || futures_util::FutureExt::now_or_never(pace.leave("sendmsg"));
        assert!(leave().is_none());
        clock.set(at(0) + WINDOW);
        assert!((0..200).map(|_| leave()).all(|call| call.is_some()));
    }

    #[test]
    fn those_that_waited_leave_one_after_the_other() {
        let mut calls = Calls::answered(200, at(0));
        let (mut now, mut left) = (at(0) + WINDOW, 0);
        while now < at(0) + WINDOW + Duration::from_millis(300) {
            left += usize::from(calls.begin(200, true, now).is_ok());
            assert_eq!(calls.begin(200, true, now), Err(calls.left.unwrap() + apart(200)));
            now = now + Duration::from_millis(1);
        }
        assert_eq!(left, 100);
        // Who comes when nobody waits does not.
        assert_eq!(calls.begin(200, false, now), Ok(()));
        assert_eq!(calls.begin(200, false, now), Ok(()));
    }

    #[tokio::test]
    async fn nobody_overtakes_those_who_wait() {
        let clock = Arc::new(crate::clock::ManualClock::new(at(0)));
        let pace = Pace::new(1, clock.clone());
        drop(pace.leave("sendmsg").await);
        let mut first = Box::pin(pace.leave("sendmsg"));
        let mut second = Box::pin(pace.leave("sendmsg"));
        assert!(futures_util::FutureExt::now_or_never(&mut first).is_none());
        assert!(futures_util::FutureExt::now_or_never(&mut second).is_none());
        clock.set(at(0) + WINDOW);
        assert!(futures_util::FutureExt::now_or_never(&mut second).is_none());
        assert!(futures_util::FutureExt::now_or_never(&mut first).is_some());
        clock.set(at(0) + 2 * WINDOW);
        assert!(futures_util::FutureExt::now_or_never(&mut second).is_some());
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_for_an_answer_lets_the_next_one_out() {
        let clock = Arc::new(crate::clock::ManualClock::new(at(0)));
        let pace = Pace::new(1, clock.clone());
        drop(pace.leave("sendmsg").await);
        assert!(futures_util::FutureExt::now_or_never(pace.leave("sendmsg")).is_none());
        assert!(futures_util::FutureExt::now_or_never(pace.leave("openim_dirty")).is_some());
        clock.set(at(0) + WINDOW);
        assert!(futures_util::FutureExt::now_or_never(pace.leave("sendmsg")).is_some());
    }
}
