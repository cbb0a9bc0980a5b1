//! Chat's truth → the mirror, and the events that callbacks did not bring.
//!
//! Reconciliation only reads. What it has read comes in where all events come in, on the lane of its
//! group, and is decided there ([`crate::decision::seen`]): handler and reconciler are the same code, and
//! it never sends anything again. What somebody changed by hand is believed, not undone.
//!
//! It reads the list of all groups a page at a time, the description of fifty groups a call, owner and
//! admins of each, and all members only where that is due (`plan`). A page is compared and forgotten.

mod asking;
mod group;
mod mirrored;
mod owners;
mod plan;
mod progress;
mod run;
mod state;
mod watcher;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::pipeline::{Pipeline, apart};
use crate::rest::{Chat, Rates};
use crate::rule::model::Globs;
use crate::store::{self, CommitError, Store, StoreError};

pub use progress::{Found, RunStatus, Status, Why};
pub use watcher::Watcher;

use asking::Stop;
use progress::{Kept, Unfinished};
use run::Job;
use state::State;
use work::{Done, Terms};

/// At the latest, look again: a group may have been seen for the first time.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A group that Chat does not tell about is left alone after so many tries, until the next run.
const TRIES: u32 = 5;
/// Runs that are begun without being asked for, beside each other.
const RUNS: usize = 4;
/// Runs that are remembered.
const ENDED: usize = 20;

/// `[reconcile]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often all groups are read; `None`: only when an operator wants it.
    pub every: Option<Duration>,
    /// Which groups.
    pub groups: Globs,
    /// How often all members are read although nothing seems to be missing; `None`: never, unless an
    /// operator wants it.
    pub members: Option<Duration>,
}

/// The stations that reconciliation works between.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub pipeline: Arc<Pipeline>,
    pub chat: Arc<dyn Chat>,
    pub rates: Rates,
    pub clock: Arc<dyn Clock>,
    pub watcher: Arc<Watcher>,
}

/// Reads Chat's groups and compares them with the mirror.
pub struct Reconciler {
    store: Arc<dyn Store>,
    pipeline: Arc<Pipeline>,
    chat: Arc<dyn Chat>,
    rates: Rates,
    clock: Arc<dyn Clock>,
    watcher: Arc<Watcher>,
    settings: Settings,
    state: Mutex<State>,
    /// One batch at a time.
    turn: tokio::sync::Mutex<()>,
    /// An operator has asked for something.
    asked: Notify,
}

impl Reconciler {
    /// Takes over what the store holds of a run that has not ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(parts: Parts, settings: Settings) -> Result<Self, StoreError> {
        let Parts { store, pipeline, chat, rates, clock, watcher } = parts;
        let kept = Kept::read(&*store)?;
        let state = Mutex::new(State { kept, ..State::default() });
        let (turn, asked) = (tokio::sync::Mutex::default(), Notify::new());
        Ok(Self { store, pipeline, chat, rates, clock, watcher, settings, state, turn, asked })
    }

    /// Reads these groups, with their members, as soon as can be; none: all groups. Says the number of
    /// the run, by which [`Status`] tells of it. All groups are not read twice at once.
    pub fn start(&self, groups: &[GroupId]) -> u64 {
        let now = self.clock.now();
        let mut state = self.state();
        let number = if groups.is_empty() {
            state.over_all(Why::Asked, now)
        } else {
            state.over(Why::Asked, groups, now)
        };
        state.not_before = Timestamp::default();
        drop(state);
        self.asked.notify_one();
        number
    }

    /// Who looks on for it.
    pub fn watcher(&self) -> Arc<Watcher> {
        self.watcher.clone()
    }

    /// What is being done, and what was found.
    pub fn status(&self) -> Status {
        let state = self.state();
        Status {
            running: state.runs.iter().rev().map(|run| run.status.clone()).collect(),
            ended: state.ended.iter().cloned().collect(),
            last_of_all: state.kept.last.clone(),
            next: state.next,
            trouble: state.trouble.clone(),
            groups: state.groups,
            found: state.found.clone(),
        }
    }

    /// Does everything that can be done now; says how many jobs that were.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let done = self.batch().await?;
            if done == 0 {
                return Ok(all);
            }
            all += done;
        }
    }

    /// When there is something to do, if nobody asks for anything.
    pub fn next_due(&self) -> Option<Timestamp> {
        let state = self.state();
        if !state.runs.is_empty() {
            return Some(state.not_before);
        }
        self.settings.every?;
        let start = (!state.started).then_some(Timestamp::default());
        [start, state.next, self.watcher.next_due()].into_iter().flatten().min()
    }

    /// Works until told to stop; what is in flight then only asks, and is given up.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            // The store itself says why.
            if self.store.health().is_err() {
                tokio::select! {
                    () = self.clock.sleep_until(self.clock.now() + store::TROUBLE) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            let this = Arc::clone(&self);
            // In a task of its own: a bug in one batch must not end all the others.
            let mut batch = tokio::spawn(async move { this.batch().await });
            let worked = tokio::select! {
                worked = &mut batch => worked,
                _ = stop.changed() => {
                    batch.abort();
                    return;
                }
            };
            let worked = worked.unwrap_or_else(|error| Err(StoreError(format!("a bug: {error}"))));
            let again = self.clock.now() + LOOK_AGAIN;
            let next = match worked {
                Ok(0) => self.next_due().map_or(again, |due| due.min(again)),
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "groups could not be compared with Chat; trying again");
                    self.trouble(&Stop::Ours(error.0));
                    self.clock.now() + store::TROUBLE
                }
            };
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.asked.notified() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Does some jobs beside each other; says how many of them came to something.
    async fn batch(&self) -> Result<usize, StoreError> {
        let _turn = self.turn.lock().await;
        // Nothing is begun, and nothing taken for done, while the store could not keep what is found.
        self.store.health()?;
        let now = self.clock.now();
        self.state().settle(now);
        self.begin_due(now);
        loop {
            let Some((number, jobs, terms)) = self.take(now) else { return Ok(0) };
            if jobs.is_empty() {
                self.end(number, now).await?;
                continue;
            }
            if let [Job::List { cursor }] = jobs[..]
                && let Err(error) = self.keep_place(number, cursor).await
            {
                // Without its job, the run would be over and all groups compared.
                self.state().put_back(number, Job::List { cursor });
                return Err(error);
            }
            let works = jobs.into_iter().map(|job| self.work_apart(job, &terms));
            let results = futures_util::future::join_all(works).await;
            return Ok(results.into_iter().map(|result| self.settle(number, result)).sum());
        }
    }

    /// A panic costs its job, until the next run, and no other group anything.
    async fn work_apart(&self, job: Job, terms: &Terms) -> Result<Done, (Job, Stop)> {
        apart(self.work(job, terms)).await.unwrap_or_else(|words| {
            tracing::error!(%words, "a bug: comparing a group with Chat failed; it is left alone until the next time");
            Ok(Done { skipped: 1, ..Done::default() })
        })
    }

    /// The next jobs, of the run that is first; none when there is no run, or it is not the time.
    fn take(&self, now: Timestamp) -> Option<(u64, Vec<Job>, Terms)> {
        let mut state = self.state();
        if state.not_before > now {
            return None;
        }
        let run = state.runs.last_mut()?;
        let (listed, known) = (Arc::clone(&run.listed), Arc::clone(&run.known));
        let terms = Terms { since: run.since, forced: run.forced, listed, known };
        Some((run.status.run, run.take(), terms))
    }

    /// Begins what is due.
    fn begin_due(&self, now: Timestamp) {
        if self.settings.every.is_none() {
            return;
        }
        let mut state = self.state();
        if !std::mem::replace(&mut state.started, true) {
            match state.kept.unfinished {
                Some(unfinished) => state.resume(unfinished),
                None => {
                    state.over_all(Why::Start, now);
                }
            }
        }
        if state.next.is_some_and(|next| next <= now) {
            state.next = None;
            state.over_all(Why::Interval, now);
        }
        // Those that wait are read with all the others; or later, for more wait with the watcher than here.
        if state.runs.len() >= RUNS || state.runs.iter().any(|run| run.status.all) {
            return;
        }
        let due = self.watcher.due(now);
        if due.all {
            state.over_all(Why::Gap, now);
        }
        let wanted = |group: &GroupId| self.settings.groups.matches(group.as_str());
        // The watcher has let go of them: one too many is read where the store does not tell.
        let is_read = |group: &GroupId| mirrored::is_read(&*self.store, group).unwrap_or(false);
        let unread = due.unread.into_iter().filter(wanted).filter(|group| !is_read(group));
        let unread: Vec<GroupId> = unread.collect();
        let gaps: Vec<GroupId> = due.gaps.into_iter().filter(wanted).collect();
        for (why, groups) in [(Why::Gap, gaps), (Why::FirstSight, unread)] {
            if !groups.is_empty() {
                state.over(why, &groups, now);
            }
        }
    }

    /// Takes in what a job has come to; 1 when it came to something.
    fn settle(&self, number: u64, result: Result<Done, (Job, Stop)>) -> usize {
        match result {
            Ok(done) => {
                self.state().take_in(number, done);
                1
            }
            Err((job, Stop::Until(time))) => {
                let mut state = self.state();
                state.not_before = state.not_before.max(time);
                state.put_back(number, job);
                0
            }
            Err((job, stop)) => self.failed(number, job, &stop),
        }
    }

    /// Asks again after a pause, or leaves a group alone that Chat does not tell about.
    fn failed(&self, number: u64, mut job: Job, stop: &Stop) -> usize {
        // A store that takes nothing is everybody's trouble.
        let may_concern_one = stop.may_concern_one() && self.store.health().is_ok();
        if may_concern_one && let Some(halves) = job.halves() {
            halves.into_iter().for_each(|half| self.state().put_back(number, half));
            return 1;
        }
        let left_alone = match &mut job {
            // What Chat gave for the next page is of no use any more.
            Job::List { cursor } if stop.is_final() && *cursor != 0 => {
                *cursor = 0;
                None
            }
            Job::List { .. } | Job::Unlisted { .. } | Job::Owners { .. } => None,
            Job::Ask { groups, .. } => {
                let often = may_concern_one && self.state().tries >= TRIES;
                (stop.is_final() || often).then_some(groups.len())
            }
            Job::Read(reading) => {
                reading.tries += 1;
                (stop.is_final() || reading.tries >= TRIES).then_some(1)
            }
        };
        let words = stop.words();
        if let Some(groups) = left_alone.map(|groups| groups as u64) {
            tracing::warn!(groups, "groups are not compared with Chat this time: {words}");
            let done = Done { groups, skipped: groups, ..Done::default() };
            self.state().take_in(number, done);
            return 1;
        }
        tracing::warn!("comparing groups with Chat pauses: {words}");
        self.trouble(stop);
        self.state().put_back(number, job);
        0
    }

    fn trouble(&self, stop: &Stop) {
        let now = self.clock.now();
        let mut state = self.state();
        state.not_before = state.not_before.max(now + stop.pause(state.tries));
        state.tries += 1;
        state.trouble = Some(stop.words());
    }

    /// Everything of the pages before has been read: a restart goes on here.
    async fn keep_place(&self, number: u64, cursor: i64) -> Result<(), StoreError> {
        let kept = {
            let state = self.state();
            let Some(run) = state.runs.iter().find(|run| run.status.run == number) else {
                return Ok(());
            };
            let (began, groups) = (run.status.began, run.status.groups);
            let unfinished = Some(Unfinished { began, cursor, groups });
            if state.kept.unfinished == unfinished {
                return Ok(());
            }
            Kept { unfinished, ..state.kept.clone() }
        };
        self.write(&kept).await?;
        self.state().kept.unfinished = kept.unfinished;
        Ok(())
    }

    /// A run is over.
    async fn end(&self, number: u64, now: Timestamp) -> Result<(), StoreError> {
        let kept = {
            let mut state = self.state();
            let Some(place) = state.runs.iter().position(|run| run.status.run == number) else {
                return Ok(());
            };
            let mut status = state.runs.remove(place).status;
            status.ended = Some(now);
            tracing::info!(
                why = ?status.why, groups = status.groups, members = status.members,
                skipped = status.skipped, found = ?status.found, "groups were compared with Chat"
            );
            state.ended.push_front(status.clone());
            state.ended.truncate(ENDED);
            if !status.all {
                return Ok(());
            }
            // Runs that take longer than the interval leave a pause between them all the same.
            let rest = |every: Duration| (status.began + every).max(now + every / 4);
            state.next = self.settings.every.map(rest);
            state.kept = Kept { unfinished: None, last: Some(status) };
            state.kept.clone()
        };
        self.write(&kept).await
    }

    async fn write(&self, kept: &Kept) -> Result<(), StoreError> {
        kept.write(&*self.store).await.map_err(|error| match error {
            CommitError::Store(error) => error,
            conflict @ CommitError::Conflict => StoreError(conflict.to_string()),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
