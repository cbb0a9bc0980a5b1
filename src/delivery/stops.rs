//! Commands that only a person can make work again: they rest, and a single try looks whether they
//! work by now. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;

/// The first pause; each try that fails doubles it.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// A try from which nothing is heard for so long was lost, and another may be made.
const TRY: Duration = Duration::from_secs(60);

/// What does not work until a person has mended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub what: Scope,
    pub since: Timestamp,
    /// Chat's last answer.
    pub trouble: String,
    /// Until when nothing is sent but the answer to a try that is under way.
    pub next_try: Timestamp,
}

/// How much is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every command: the key, the account or the app is wrong.
    App,
    /// One command.
    Command(&'static str),
}

impl Scope {
    /// The command, or `all`.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "all",
            Self::Command(command) => command,
        }
    }
}

#[derive(Debug)]
struct Stop {
    since: Timestamp,
    trouble: String,
    /// Tries that have failed since the first.
    failed: u32,
    until: Timestamp,
    /// The effect that tries whether it works again.
    trier: Option<u64>,
}

impl Stop {
    /// Until when it rests. What is further away than any pause was set by a clock that has been put back.
    fn until(&self, now: Timestamp) -> Timestamp {
        if self.until > now + LONGEST { now } else { self.until }
    }
}

/// All that is stopped.
#[derive(Debug, Default)]
pub(super) struct Stops(HashMap<Scope, Stop>);

impl Stops {
    /// When an effect may call this command: `now`, unless that is stopped. The one that tries may.
    pub(super) fn free_at(
        &self,
        command: &'static str,
        who: Option<u64>,
        now: Timestamp,
    ) -> Timestamp {
        let until = |scope: Scope| {
            let stop = self.0.get(&scope)?;
            (who.is_none() || stop.trier != who).then_some(stop.until(now))
        };
        let latest = until(Scope::App).max(until(Scope::Command(command)));
        latest.map_or(now, |until| until.max(now))
    }

    /// Lets an effect call this command, as the one that tries if it is stopped; the error says when
    /// to come again.
    pub(super) fn pass(
        &mut self,
        command: &'static str,
        who: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let free = self.free_at(command, Some(who), now);
        if free > now {
            return Err(free);
        }
        for scope in [Scope::App, Scope::Command(command)] {
            if let Some(stop) = self.0.get_mut(&scope)
                && stop.trier != Some(who)
            {
                stop.trier = Some(who);
                stop.until = now + TRY;
            }
        }
        Ok(())
    }

    /// Chat says that this does not work. Gives the time of the next try, and whether that is news.
    pub(super) fn stop(
        &mut self,
        what: Scope,
        who: u64,
        trouble: &str,
        now: Timestamp,
    ) -> (Timestamp, bool) {
        if let Some(stop) = self.0.get_mut(&what) {
            trouble.clone_into(&mut stop.trouble);
            // Others were under way when it stopped: their answers are no tries.
            if stop.trier == Some(who) || stop.until(now) <= now {
                stop.failed += 1;
                stop.until = now + pause(stop.failed);
                stop.trier = None;
            }
            return (stop.until, false);
        }
        let until = now + FIRST;
        let trouble = trouble.to_owned();
        self.0.insert(what, Stop { since: now, trouble, failed: 0, until, trier: None });
        (until, true)
    }

    /// Chat has answered as it does when this works. Gives what was stopped.
    pub(super) fn works(&mut self, what: Scope) -> Option<Stopped> {
        self.0.remove(&what).map(|stop| told(what, &stop))
    }

    /// Everything that is stopped, the app first.
    pub(super) fn list(&self) -> Vec<Stopped> {
        let mut list = self.0.iter().map(|(what, stop)| told(*what, stop)).collect::<Vec<_>>();
        list.sort_by_key(|stopped| stopped.what);
        list
    }
}

fn told(what: Scope, stop: &Stop) -> Stopped {
    Stopped { what, since: stop.since, trouble: stop.trouble.clone(), next_try: stop.until }
}

fn pause(failed: u32) -> Duration {
    FIRST.saturating_mul(1 << failed.min(8)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);
    const MUTE: Scope = Scope::Command("forbid_send_msg");

    fn later(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn stopped() -> Stops {
        let mut stops = Stops::default();
        assert_eq!(stops.stop(MUTE, 1, "10026", NOW), (later(60), true));
        stops
    }

    #[test]
    fn a_stopped_command_rests_and_the_others_go_on() {
        let mut stops = stopped();
        assert_eq!(stops.pass("forbid_send_msg", 2, later(59)), Err(later(60)));
        assert_eq!(stops.pass("sendmsg", 2, later(59)), Ok(()));
    }

    #[test]
    fn one_try_is_made_at_a_time_and_only_its_effect_may_go_on_calling() {
        let mut stops = stopped();
        assert_eq!(stops.pass("forbid_send_msg", 2, later(60)), Ok(()));
        assert_eq!(stops.pass("forbid_send_msg", 3, later(60)), Err(later(120)));
        assert_eq!(stops.pass("forbid_send_msg", 2, later(61)), Ok(()));
        // Nothing was heard of it.
        assert_eq!(stops.pass("forbid_send_msg", 3, later(120)), Ok(()));
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let (mut stops, mut now) = (stopped(), NOW);
        let mut pauses = Vec::new();
        for who in 10..17 {
            now = stops.free_at("forbid_send_msg", None, now);
            assert_eq!(stops.pass("forbid_send_msg", who, now), Ok(()));
            let (until, news) = stops.stop(MUTE, who, "10026", now);
            assert!(!news);
            pauses.push(until.since(now).as_secs());
        }
        assert_eq!(pauses, [120, 240, 480, 900, 900, 900, 900]);
    }

    #[test]
    fn a_clock_that_is_put_back_makes_no_rest_longer() {
        let mut stops = Stops::default();
        stops.stop(MUTE, 1, "10026", later(1_000_000));
        assert_eq!(stops.free_at("forbid_send_msg", None, NOW), NOW);
        assert_eq!(stops.pass("forbid_send_msg", 2, NOW), Ok(()));
        assert_eq!(stops.stop(MUTE, 2, "10026", NOW), (later(120), false));
    }

    #[test]
    fn answers_to_calls_that_were_under_way_are_no_tries() {
        let mut stops = stopped();
        for who in 2..64 {
            assert_eq!(stops.stop(MUTE, who, "10026", later(1)), (later(60), false));
        }
    }

    #[test]
    fn what_stops_the_app_stops_every_command_until_one_has_worked() {
        let mut stops = Stops::default();
        stops.stop(Scope::App, 1, "60010", NOW);
        assert_eq!(stops.pass("sendmsg", 2, NOW), Err(later(60)));
        assert_eq!(stops.pass("forbid_send_msg", 3, later(60)), Ok(()));
        assert_eq!(stops.pass("sendmsg", 2, later(60)), Err(later(120)));
        let was = stops.works(Scope::App).unwrap();
        assert_eq!((was.since, was.trouble.as_str()), (NOW, "60010"));
        assert_eq!(stops.works(Scope::App), None);
        assert_eq!(stops.pass("sendmsg", 2, later(60)), Ok(()));
    }

    #[test]
    fn what_is_stopped_is_listed_with_its_cause_and_its_next_try() {
        let mut stops = stopped();
        stops.stop(Scope::App, 1, "60021", later(5));
        let stopped = |what, seconds, trouble: &str, next| Stopped {
            what,
            since: later(seconds),
            trouble: trouble.to_owned(),
            next_try: later(next),
        };
        assert_eq!(
            stops.list(),
            [stopped(Scope::App, 5, "60021", 65), stopped(MUTE, 0, "10026", 60)]
        );
    }
}
