//! One thread that writes: it gathers the commits that wait, applies them, and syncs once for all.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::pieces::is_damage;
use super::{Commit, CommitError, StoreError, WriteSet};
use crate::clock::Stopwatch;

/// Most commits that share a sync; more would let the first ones wait for the last.
const GROUP: usize = 1_024;

/// So often the processor is left to others while a group is gathered: on a busy machine each time can
/// take milliseconds.
const ROUNDS: usize = 8;

/// Keys that change between two syncs at most, if only a little more: what stood under them is remembered.
const UNSYNCED: usize = 10_000;

/// After a failure, it is tried again this often whether the disk takes writes.
const REOPEN: Duration = Duration::from_secs(5);

/// What a group of commits changes: the new value of each key, `None` for removed.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What has been read of the medium for a group: the value under each key, `None` where nothing stands.
pub type Stood = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What the writing thread writes to.
pub trait Medium: Send + 'static {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Changes all or nothing, visible to readers from now on. What is known of the values that stand
    /// there need not be read once more.
    fn apply(&mut self, changes: &Changes, stood: &Stood) -> Result<(), StoreError>;

    /// Returns when the disk has everything that was applied.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Opens it anew after a failure, if what was in the way seems to have gone. What stands in it then
    /// is what the disk has: everything that a sync has confirmed, and any part of what came later.
    fn reopen(&mut self) -> Result<(), StoreError>;
}

/// The handle on the writing thread.
pub struct GroupCommit {
    queue: Mutex<Option<Sender<Waiting>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: Failure,
}

/// Why nothing is written at present.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<StoreError>>>);

impl Failure {
    fn get(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, failure: Option<StoreError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// Where a commit's outcome goes.
type Done = oneshot::Sender<Result<(), CommitError>>;

struct Waiting {
    changes: WriteSet,
    done: Done,
}

impl GroupCommit {
    /// Starts the thread. What was committed without waiting for the disk is synced after `idle` at the
    /// latest.
    pub fn start(medium: impl Medium, idle: Duration) -> Result<Self, StoreError> {
        Self::start_with(medium, idle, REOPEN)
    }

    fn start_with(
        medium: impl Medium,
        idle: Duration,
        reopen: Duration,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = channel();
        let failure = Failure::default();
        let writer = Writer {
            medium,
            failure: failure.clone(),
            unsynced: None,
            before: Changes::new(),
            pauses: Pauses { idle, reopen },
        };
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| StoreError(format!("the store's thread did not start: {error}")))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), failure })
    }

    /// Queues a commit. It goes ahead even when the future is dropped.
    pub fn commit(&self, changes: WriteSet) -> Commit {
        // The thread is left in peace: a pause without commits is when it tries the disk again.
        if let Some(failure) = self.failure.get() {
            return Box::pin(std::future::ready(Err(failure.into())));
        }
        let (done, outcome) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = queue.as_ref().is_some_and(|q| q.send(Waiting { changes, done }).is_ok());
        drop(queue);
        let failure = self.failure.clone();
        Box::pin(async move {
            if queued && let Ok(outcome) = outcome.await {
                return outcome;
            }
            let closed = || StoreError("the store is closed".to_owned());
            Err(failure.get().unwrap_or_else(closed).into())
        })
    }

    /// Why nothing is written at present, if there is a reason.
    pub fn health(&self) -> Result<(), StoreError> {
        self.failure.get().map_or(Ok(()), Err)
    }

    /// Carries out what is queued, syncs, and ends the thread. Blocks meanwhile. Later commits are
    /// refused; closing again does nothing.
    pub fn close(&self) -> Result<(), StoreError> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            self.failure.set(Some(StoreError("the store's thread panicked".to_owned())));
        }
        self.health()
    }
}

struct Writer<M> {
    medium: M,
    failure: Failure,
    /// Since when something is applied that the disk may not have.
    unsynced: Option<Stopwatch>,
    /// What stood, at the last sync, under the keys that have changed since.
    before: Changes,
    pauses: Pauses,
}

struct Pauses {
    /// How long what nobody waits for may be without the disk.
    idle: Duration,
    /// How long nothing must come before a failed disk is tried again.
    reopen: Duration,
}

impl<M: Medium> Writer<M> {
    fn run(mut self, waiting: &Receiver<Waiting>) {
        loop {
            let failed = self.failure.get().is_some();
            let first = match (failed, self.unsynced) {
                (true, _) => waiting.recv_timeout(self.pauses.reopen),
                (false, Some(since)) => {
                    waiting.recv_timeout(self.pauses.idle.saturating_sub(since.elapsed()))
                }
                (false, None) => blocking(waiting),
            };
            match first {
                Ok(first) => self.step(gathered(first, waiting)),
                Err(RecvTimeoutError::Timeout) if failed => self.recover(),
                Err(RecvTimeoutError::Timeout) => self.step(VecDeque::new()),
                Err(RecvTimeoutError::Disconnected) => {
                    self.step(VecDeque::new());
                    return;
                }
            }
        }
    }

    /// One group: all its commits are applied, then those that asked for it are synced. With
    /// nobody waiting it only syncs.
    fn step(&mut self, mut group: VecDeque<Waiting>) {
        if let Some(failure) = self.failure.get() {
            return answer(group.into_iter().map(|w| w.done), &Err(failure.into()));
        }
        let only_sync = group.is_empty();
        let (mut now, mut synced) = (Vec::new(), Vec::new());
        let applied = guarded(|| {
            let (mut changes, mut stood) = (Changes::new(), Stood::new());
            // Taken out one by one: those that a failure leaves in the group are told of it below.
            while let Some(first) = group.front() {
                let conflict = self.in_conflict(&first.changes, &changes, &mut stood)?;
                let Some(Waiting { changes: set, done }) = group.pop_front() else { break };
                if conflict {
                    // The caller may have gone; a conflict concerns nobody else.
                    let _ = done.send(Err(CommitError::Conflict));
                    continue;
                }
                changes.extend(set.writes);
                if set.durable { synced.push(done) } else { now.push(done) }
            }
            if changes.is_empty() {
                return Ok(());
            }
            self.unsynced.get_or_insert_with(Stopwatch::start);
            self.remember(&changes, &mut stood)?;
            self.medium.apply(&changes, &stood)
        });
        if let Err(error) = applied {
            let left = group.into_iter().map(|w| w.done);
            return self.fail(error, now.into_iter().chain(synced).chain(left));
        }
        answer(now, &Ok(()));
        if self.unsynced.is_some() && (only_sync || !synced.is_empty() || self.is_due()) {
            if let Err(error) = guarded(|| self.medium.sync()) {
                return self.fail(error, synced);
            }
            self.unsynced = None;
            self.before.clear();
        }
        answer(synced, &Ok(()));
    }

    /// Whether what nobody waits for has been without the disk for long enough, or is as much as may be
    /// remembered.
    fn is_due(&self) -> bool {
        let long = self.unsynced.is_some_and(|since| since.elapsed() >= self.pauses.idle);
        long || self.before.len() >= UNSYNCED
    }

    /// Keeps what stands under keys that change for the first time since the last sync.
    fn remember(&mut self, changes: &Changes, stood: &mut Stood) -> Result<(), StoreError> {
        for key in changes.keys() {
            let value = match self.look(key, stood) {
                // Nobody can bring it back; that is why it is being replaced.
                Err(error) if is_damage(&error) => None,
                value => value?.clone(),
            };
            if !self.before.contains_key(key) {
                self.before.insert(key.clone(), value);
            }
        }
        Ok(())
    }

    /// Whether what a commit expects is no longer so, counting the commits before it in its group.
    fn in_conflict(
        &self,
        set: &WriteSet,
        before: &Changes,
        stood: &mut Stood,
    ) -> Result<bool, StoreError> {
        for (key, expected) in &set.expect {
            let as_expected = match before.get(key) {
                Some(value) => value == expected,
                None => self.look(key, stood)? == expected,
            };
            if !as_expected {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What stands under a key, read once for a group.
    fn look<'s>(
        &self,
        key: &[u8],
        stood: &'s mut Stood,
    ) -> Result<&'s Option<Vec<u8>>, StoreError> {
        if !stood.contains_key(key) {
            stood.insert(key.to_vec(), self.medium.get(key)?);
        }
        Ok(&stood[key])
    }

    /// Nobody knows what the disk has now, and asking it to sync again would not tell (a second
    /// fsync reports success for pages that the first one has dropped). So nothing goes on until it
    /// has been opened anew.
    fn fail(&self, error: StoreError, waiting: impl IntoIterator<Item = Done>) {
        let words = format!(
            "{error}; no callback is taken until the disk takes writes again, which is tried every few seconds: see to its space and its health"
        );
        tracing::error!("{words}");
        let failure = StoreError(words);
        self.failure.set(Some(failure.clone()));
        answer(waiting, &Err(failure.into()));
    }

    /// Opens the medium anew and takes back what was not confirmed: those who wait were told that it
    /// failed, and the rest may be lost in a crash as well. What is left is as it was at the last sync.
    fn recover(&mut self) {
        let recovered = guarded(|| {
            self.medium.reopen()?;
            if !self.before.is_empty() {
                self.medium.apply(&self.before, &Stood::new())?;
            }
            self.medium.sync()
        });
        match recovered {
            Ok(()) => {
                self.unsynced = None;
                self.before.clear();
                self.failure.set(None);
                tracing::warn!("the disk takes writes again, and callbacks are taken again");
            }
            Err(error) => tracing::warn!(%error, "the store still cannot be written to"),
        }
    }
}

/// The commits that share a sync with the first. Where processors are short, those who are about to commit
/// go ahead: with none who could, nothing is waited for.
fn gathered(first: Waiting, waiting: &Receiver<Waiting>) -> VecDeque<Waiting> {
    let mut group = VecDeque::from([first]);
    for _ in 0..ROUNDS {
        let before = group.len();
        thread::yield_now();
        group.extend(waiting.try_iter().take(GROUP - before));
        if group.len() == before || group.len() == GROUP {
            break;
        }
    }
    group
}

fn blocking(waiting: &Receiver<Waiting>) -> Result<Waiting, RecvTimeoutError> {
    waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
}

fn answer(waiting: impl IntoIterator<Item = Done>, outcome: &Result<(), CommitError>) {
    for done in waiting {
        // Whoever has gone does not need the answer.
        let _ = done.send(outcome.clone());
    }
}

/// Runs what calls the database; its panics become errors.
pub fn guarded<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(StoreError(format!("the database panicked: {words}")))
    })
}

#[cfg(test)]
mod tests;
