//! What is being compared, what comes next, and what all of it has found.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::progress::{Found, Kept, RunStatus, Unfinished, Why};
use super::run::{Job, Run};
use super::work::Done;
use crate::chat::GroupId;
use crate::clock::Timestamp;

/// A correction of the clock by less changes nothing.
const PUT_BACK: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct State {
    /// The last one is worked on first; the one over all groups lies at the bottom.
    pub(super) runs: Vec<Run>,
    pub(super) ended: VecDeque<RunStatus>,
    pub(super) kept: Kept,
    /// Whether the run of the start has begun.
    pub(super) started: bool,
    /// Runs so far.
    pub(super) count: u64,
    /// When all groups are read next.
    pub(super) next: Option<Timestamp>,
    /// Nothing is asked before: a rate, or trouble.
    pub(super) not_before: Timestamp,
    /// Trouble in a row.
    pub(super) tries: u32,
    pub(super) trouble: Option<String>,
    pub(super) groups: u64,
    pub(super) found: Found,
    /// When it was looked last.
    pub(super) looked: Timestamp,
}

impl State {
    /// A clock that has been put back by more than it is ever corrected: what was to be much later is now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        if now + PUT_BACK < self.looked {
            self.not_before = Timestamp::default();
            self.next = self.next.map(|next| next.min(now));
        }
        self.looked = now;
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Reads all groups, unless that is being done.
    pub(super) fn over_all(&mut self, why: Why, now: Timestamp) -> u64 {
        if let Some(run) = self.runs.iter().find(|run| run.status.all) {
            return run.status.run;
        }
        let number = self.number();
        let run = Run::over_all(number, why, now, 0);
        self.begin_over_all(run);
        number
    }

    /// Goes on with the run that had not ended. What lies before its page has been done.
    pub(super) fn resume(&mut self, unfinished: Unfinished) {
        let number = self.number();
        let Unfinished { began, cursor, groups } = unfinished;
        let mut run = Run::over_all(number, Why::Resumed, began, cursor);
        run.status.groups = groups;
        self.begin_over_all(run);
    }

    fn begin_over_all(&mut self, mut run: Run) {
        run.since = self.kept.last.as_ref().map(|last| last.began);
        self.runs.insert(0, run);
    }

    /// Reads some groups, before everything else.
    pub(super) fn over(&mut self, why: Why, groups: &[GroupId], now: Timestamp) -> u64 {
        let number = self.number();
        let mut run = Run::over(number, why, now, groups);
        run.since = self.kept.last.as_ref().map(|last| last.began);
        self.runs.push(run);
        number
    }

    pub(super) fn put_back(&mut self, number: u64, job: Job) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.status.run == number) {
            run.push(vec![job]);
        }
    }

    pub(super) fn take_in(&mut self, number: u64, done: Done) {
        (self.tries, self.trouble) = (0, None);
        self.groups += done.groups;
        for (name, count) in &done.found {
            *self.found.entry(name.clone()).or_default() += count;
        }
        let Some(run) = self.runs.iter_mut().find(|run| run.status.run == number) else { return };
        if !done.listed.is_empty() {
            let listed = Arc::make_mut(&mut run.listed);
            done.listed.iter().for_each(|group| listed.insert(group.as_str()));
        }
        if !done.known.is_empty() {
            let known = Arc::make_mut(&mut run.known);
            done.known.iter().for_each(|account| known.insert(account.as_str()));
        }
        let status = &mut run.status;
        status.of = done.total.or(status.of);
        status.groups += done.groups;
        status.members += done.members;
        status.skipped += done.skipped;
        for (name, count) in done.found {
            *status.found.entry(name).or_default() += count;
        }
        run.push(done.jobs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_put_back_makes_no_pause_longer_and_a_correction_changes_nothing() {
        let (now, year) = (Timestamp(1_800_000_000_000), Duration::from_secs(31_536_000));
        let mut state = State::default();
        state.settle(now + year);
        (state.not_before, state.next) = (now + year + PUT_BACK, Some(now + year + PUT_BACK * 10));
        let before = (state.not_before, state.next);
        state.settle(now + year - PUT_BACK);
        assert_eq!((state.not_before, state.next), before);
        state.settle(now);
        assert_eq!((state.not_before, state.next), (Timestamp::default(), Some(now)));
    }
}
