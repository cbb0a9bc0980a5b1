//! How often each command may be called: never more than its limit in any sliding second (34381). Pure.
//!
//! A token bucket would let nearly twice the limit pass within one second after a pause. This is a
//! window: the call that lies the limit's number back must be more than a second old.
//!
//! A few calls go at once. Where more wait than a second can take, nobody gains by that: they go evenly,
//! and Chat sees no bursts.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::chat::limits;
use crate::clock::Timestamp;

/// A second, and what times in whole milliseconds may be wrong by. That calls arrive when they are
/// supposed to is seen to at the wire (`rest/pace`).
pub const WINDOW: Duration = Duration::from_millis(1_002);

/// How far apart calls go that go evenly, of which a window takes so many: closer than that asks for, by
/// two fifths. Whoever waits wakes a little late each time, and the window alone shall say how many there are.
pub(super) fn apart(calls: u32) -> Duration {
    WINDOW / calls * 3 / 5
}

/// How long a lowered rate stands before it rises by a tenth.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// Commands with a limit of their own, calls a second (34960, 34956).
const OWN_LIMITS: [(&str, u32); 2] = [("get_appid_group_list", 1), ("account_check", 100)];

/// Calls of a command that Chat allows in a second; `default` is that of commands without a limit of their own.
pub(super) fn limit_of(command: &str, default: u32) -> u32 {
    let own = OWN_LIMITS.iter().find(|(name, _)| *name == command);
    own.map_or(default, |(_, limit)| *limit)
}

/// Lets calls through, each command by itself: Chat counts them per app and command.
#[derive(Debug)]
pub struct Limiter {
    default: u32,
    commands: HashMap<Box<str>, Window>,
}

impl Default for Limiter {
    /// Chat's documented limits.
    fn default() -> Self {
        Self::new(limits::CALLS_PER_SECOND)
    }
}

impl Limiter {
    /// `default` calls a second (at least 1) for every command that has no limit of its own.
    pub fn new(default: u32) -> Self {
        Self { default: default.max(1), commands: HashMap::new() }
    }

    /// Changes what [`Limiter::new`] was told, for commands that were not called yet.
    pub fn set_default(&mut self, default: u32) {
        self.default = default.max(1);
    }

    /// Counts one call of `command` at `now`. The error is the time at which to try again; nothing
    /// was counted then.
    pub fn take(&mut self, command: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.window(command).take(now)
    }

    /// Chat says that it was too much: halves the rate of `command`, to no less than 1 a second. It
    /// rises by a tenth for each [`RECOVERY`] without trouble. Several such answers within one
    /// window belong to one burst and count once.
    pub fn slow_down(&mut self, command: &str, now: Timestamp) {
        self.window(command).slow_down(now);
    }

    /// Chat says that the app as a whole calls too much: slows every command down that is in use.
    pub fn slow_down_all(&mut self, now: Timestamp) {
        self.commands.values_mut().for_each(|window| window.slow_down(now));
    }

    /// Chat says what the limit of `command` is: from now on it is no higher than that (at least 1 a
    /// second), and the rate is lowered as by [`Limiter::slow_down`]. A limit above ours changes nothing.
    pub fn lower_to(&mut self, command: &str, limit: u32, now: Timestamp) {
        self.window(command).lower_to(limit, now);
    }

    /// As [`Limiter::take`], for one of so many calls that `wait`.
    pub fn take_of(&mut self, command: &str, wait: usize, now: Timestamp) -> Result<(), Timestamp> {
        let window = self.window(command);
        window.settle(now);
        match window.free_for(wait, now) {
            free if free > now => Err(free),
            _ => window.take(now),
        }
    }

    /// When one more call of `command` may be made: `now`, if it may be.
    pub fn free_at(&self, command: &str, now: Timestamp) -> Timestamp {
        self.free_for(command, 0, now)
    }

    /// As [`Limiter::free_at`], for one of so many calls that `wait`.
    pub fn free_for(&self, command: &str, wait: usize, now: Timestamp) -> Timestamp {
        self.commands.get(command).map_or(now, |window| window.free_for(wait, now))
    }

    fn window(&mut self, command: &str) -> &mut Window {
        let limit = limit_of(command, self.default);
        self.commands.entry(command.into()).or_insert_with(|| Window::new(limit))
    }
}

/// The calls of one command.
#[derive(Debug)]
struct Window {
    limit: u32,
    /// `limit`, or less after trouble.
    allowed: u32,
    /// The times of the last calls, ascending: all that may still matter, at most `limit`.
    sent: VecDeque<Timestamp>,
    /// When `allowed` was last lowered.
    trouble: Option<Timestamp>,
    /// When `allowed` last changed.
    changed: Timestamp,
}

impl Window {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            allowed: limit,
            sent: VecDeque::new(),
            trouble: None,
            changed: Timestamp::default(),
        }
    }

    fn free_at(&self, now: Timestamp) -> Timestamp {
        // With one more, the last `allowed + 1` calls must span a whole window.
        match self.sent.len().checked_sub(self.allowed(now).0 as usize) {
            Some(index) => (self.sent[index].min(now) + WINDOW).max(now),
            None => now,
        }
    }

    /// The same where so many wait: more than a window takes go evenly.
    fn free_for(&self, wait: usize, now: Timestamp) -> Timestamp {
        let free = self.free_at(now);
        let (allowed, _) = self.allowed(now);
        match self.sent.back() {
            Some(last) if wait > allowed as usize => free.max((*last).min(now) + apart(allowed)),
            _ => free,
        }
    }

    fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(now);
        let free = self.free_at(now);
        if free > now {
            return Err(free);
        }
        if self.sent.len() == self.limit as usize {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        Ok(())
    }

    fn slow_down(&mut self, now: Timestamp) {
        self.settle(now);
        if self.trouble.is_some_and(|trouble| now < trouble + WINDOW) {
            return;
        }
        self.allowed = (self.allowed / 2).max(1);
        self.trouble = Some(now);
        self.changed = now;
    }

    fn lower_to(&mut self, limit: u32, now: Timestamp) {
        self.slow_down(now);
        self.limit = self.limit.min(limit.max(1));
        self.allowed = self.allowed.min(self.limit);
        while self.sent.len() > self.limit as usize {
            self.sent.pop_front();
        }
    }

    /// The rate at `now` and when it came to be: a tenth more (at least 1) for each full
    /// [`RECOVERY`] since it last changed.
    fn allowed(&self, now: Timestamp) -> (u32, Timestamp) {
        let (mut allowed, mut changed) = (self.allowed, self.changed);
        while allowed < self.limit && now >= changed + RECOVERY {
            allowed = (allowed + (allowed / 10).max(1)).min(self.limit);
            changed = changed + RECOVERY;
        }
        (allowed, changed)
    }

    /// Keeps what time has done to the rate. When the machine's clock was set back, what lies in
    /// the future is taken to have been now: that is safe, and nobody waits longer than a window.
    fn settle(&mut self, now: Timestamp) {
        (self.allowed, self.changed) = self.allowed(now);
        for time in self.sent.iter_mut().rev().take_while(|time| **time > now) {
            *time = now;
        }
        self.trouble = self.trouble.map(|time| time.min(now));
        self.changed = self.changed.min(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMAND: &str = "send_group_msg";

    fn secs(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + seconds)
    }

    fn allowed(limiter: &Limiter, now: Timestamp) -> u32 {
        limiter.commands[COMMAND].allowed(now).0
    }

    #[test]
    fn the_call_after_the_limit_waits_until_the_first_one_has_left_the_window() {
        let mut limiter = Limiter::new(3);
        for millis in [0, 400, 900] {
            assert_eq!(limiter.take(COMMAND, secs(0) + Duration::from_millis(millis)), Ok(()));
        }
        assert_eq!(limiter.take(COMMAND, secs(1)), Err(secs(0) + WINDOW));
        assert_eq!(limiter.take(COMMAND, secs(0) + WINDOW), Ok(()));
        assert_eq!(
            limiter.take(COMMAND, secs(0) + WINDOW),
            Err(secs(0) + Duration::from_millis(400) + WINDOW)
        );
    }

    #[test]
    fn two_hundred_calls_go_at_once_and_a_pause_saves_nothing_up() {
        let mut limiter = Limiter::default();
        for start in [secs(0), secs(3_600)] {
            let went = (0..1_000).filter(|_| limiter.take(COMMAND, start).is_ok()).count();
            assert_eq!(went, 200);
        }
    }

    #[test]
    fn commands_are_counted_apart_and_the_group_list_goes_once_a_second() {
        let mut limiter = Limiter::new(1);
        assert_eq!(limiter.take(COMMAND, secs(0)), Ok(()));
        assert_eq!(limiter.take("get_group_info", secs(0)), Ok(()));
        let mut limiter = Limiter::default();
        assert_eq!(limiter.take("get_appid_group_list", secs(0)), Ok(()));
        assert_eq!(limiter.take("get_appid_group_list", secs(1)), Err(secs(0) + WINDOW));
    }

    #[test]
    fn more_calls_than_a_second_takes_go_evenly_and_a_few_at_once() {
        let mut limiter = Limiter::new(200);
        let mut now = secs(0);
        for _ in 0..1_000 {
            let free = limiter.free_for(COMMAND, 201, now);
            assert_eq!(
                limiter.take_of(COMMAND, 201, now),
                if free > now { Err(free) } else { Ok(()) }
            );
            if free > now {
                now = free;
                assert_eq!(limiter.take_of(COMMAND, 201, now), Ok(()));
            }
        }
        // Three milliseconds each, until the window is full; after four of them, the fifth two hundred.
        assert_eq!(now.since(secs(0)), WINDOW * 4 + Duration::from_millis(199 * 3));
        let later = now + WINDOW;
        assert_eq!((0..300).filter(|_| limiter.take_of(COMMAND, 200, later).is_ok()).count(), 200);
    }

    #[test]
    fn one_burst_of_refusals_halves_the_rate_once() {
        let mut limiter = Limiter::default();
        for _ in 0..50 {
            limiter.slow_down(COMMAND, secs(0));
        }
        assert_eq!(allowed(&limiter, secs(0)), 100);
        limiter.slow_down(COMMAND, secs(2));
        assert_eq!(allowed(&limiter, secs(2)), 50);
        let went = (0..1_000).filter(|_| limiter.take(COMMAND, secs(2)).is_ok()).count();
        assert_eq!(went, 50);
    }

    #[test]
    fn a_lowered_rate_never_reaches_zero_and_comes_back_by_tenths() {
        let mut limiter = Limiter::new(40);
        for burst in 0..20 {
            limiter.slow_down(COMMAND, secs(burst * 2));
        }
        assert_eq!(allowed(&limiter, secs(38)), 1);
        assert_eq!(allowed(&limiter, secs(38 + 9)), 1);
        assert_eq!(allowed(&limiter, secs(38 + 10)), 2);
        // 20, then 22, 24, 26, 28, …
        let mut limiter = Limiter::new(40);
        limiter.slow_down(COMMAND, secs(0));
        let seen = [0, 10, 20, 30].map(|time| allowed(&limiter, secs(time)));
        assert_eq!(seen, [20, 22, 24, 26]);
        assert_eq!(allowed(&limiter, secs(3_600)), 40);
    }

    #[test]
    fn trouble_puts_the_next_rise_off() {
        let mut limiter = Limiter::new(40);
        limiter.slow_down(COMMAND, secs(0));
        limiter.slow_down(COMMAND, secs(9));
        assert_eq!(allowed(&limiter, secs(18)), 10);
        assert_eq!(allowed(&limiter, secs(19)), 11);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_calls_up_for_one_window_only() {
        let mut limiter = Limiter::new(1);
        assert_eq!(limiter.take(COMMAND, secs(3_600)), Ok(()));
        limiter.slow_down(COMMAND, secs(3_600));
        assert_eq!(limiter.free_at(COMMAND, secs(0)), secs(0) + WINDOW);
        assert_eq!(limiter.take(COMMAND, secs(0)), Err(secs(0) + WINDOW));
        assert_eq!(limiter.take(COMMAND, secs(0) + WINDOW), Ok(()));
    }

    /// What happens next, and how many milliseconds later.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Take(u64),
        SlowDown(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            20 => (0_u64..400).prop_map(Step::Take),
            1 => (0_u64..400).prop_map(Step::SlowDown),
            1 => (0_u64..30_000).prop_map(Step::Take),
        ];
        prop::collection::vec(step, 0..300)
    }

    /// The whole history and nothing clever.
    struct Naive {
        limit: u32,
        sent: Vec<Timestamp>,
        troubles: Vec<Timestamp>,
    }

    impl Naive {
        fn allowed(&self, now: Timestamp) -> u32 {
            let mut allowed = self.limit;
            for (i, trouble) in self.troubles.iter().enumerate() {
                allowed = (allowed / 2).max(1);
                let until = self.troubles.get(i + 1).copied().unwrap_or(now);
                for _ in 0..until.since(*trouble).as_secs() / 10 {
                    allowed = (allowed + (allowed / 10).max(1)).min(self.limit);
                }
            }
            allowed
        }

        fn may_send(&self, now: Timestamp) -> bool {
            let recent = self.sent.iter().filter(|time| now.since(**time) < WINDOW).count();
            recent < self.allowed(now) as usize
        }
    }

    #[test]
    fn a_limit_that_chat_tells_is_kept_and_never_raised_again() {
        let mut limiter = Limiter::new(200);
        limiter.lower_to(COMMAND, 80, secs(0));
        assert_eq!(allowed(&limiter, secs(0)), 80);
        let hours_later = secs(10_000);
        assert_eq!(allowed(&limiter, hours_later), 80);
        limiter.lower_to(COMMAND, 500, hours_later);
        assert_eq!(allowed(&limiter, hours_later), 40);
        assert_eq!(allowed(&limiter, secs(20_000)), 80);
    }

    #[test]
    fn a_lowered_limit_counts_the_calls_that_were_made_before() {
        let mut limiter = Limiter::new(200);
        for _ in 0..150 {
            assert_eq!(limiter.take(COMMAND, secs(0)), Ok(()));
        }
        limiter.lower_to(COMMAND, 10, secs(0));
        assert_eq!(limiter.take(COMMAND, secs(0)), Err(secs(0) + WINDOW));
        let later = secs(0) + WINDOW;
        assert_eq!((0..20).filter(|_| limiter.take(COMMAND, later).is_ok()).count(), 10);
    }

    #[test]
    fn when_the_app_as_a_whole_calls_too_much_every_command_in_use_slows_down() {
        let mut limiter = Limiter::new(100);
        for command in [COMMAND, "sendmsg"] {
            assert_eq!(limiter.take(command, secs(0)), Ok(()));
        }
        limiter.slow_down_all(secs(0));
        for command in [COMMAND, "sendmsg"] {
            assert_eq!(limiter.commands[command].allowed(secs(0)).0, 50);
        }
    }

    #[test]
    fn accounts_are_checked_a_hundred_times_a_second_and_not_oftener() {
        let mut limiter = Limiter::default();
        let taken = (0..200).filter(|_| limiter.take("account_check", secs(0)).is_ok()).count();
        assert_eq!(taken, 100);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_count_over_the_whole_history(limit in 1_u32..12, steps in steps()) {
            let mut limiter = Limiter::new(limit);
            let mut naive = Naive { limit, sent: Vec::new(), troubles: Vec::new() };
            let mut now = secs(0);
            for step in steps {
                match step {
                    Step::Take(millis) => {
                        now = now + Duration::from_millis(millis);
                        let free = limiter.free_at(COMMAND, now);
                        let answer = limiter.take(COMMAND, now);
                        prop_assert_eq!(answer.err().unwrap_or(now), free);
                        prop_assert_eq!(answer.is_ok(), naive.may_send(now));
                        match answer {
                            Ok(()) => naive.sent.push(now),
                            Err(again) => prop_assert!(now < again && again <= now + WINDOW),
                        }
                    }
                    Step::SlowDown(millis) => {
                        now = now + Duration::from_millis(millis);
                        limiter.slow_down(COMMAND, now);
                        if naive.troubles.last().is_none_or(|last| now.since(*last) >= WINDOW) {
                            naive.troubles.push(now);
                        }
                    }
                }
            }
        }
    }
}
