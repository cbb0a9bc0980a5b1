//! The store of a machine that loses its power: what was synced stays, what was not may go.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use groupkeeper::clock::Timestamp;
use groupkeeper::ledger::{self, Kind, Pending};
use groupkeeper::store::{Commit, CommitError, Entry, Store, StoreError, WriteSet};

use crate::clock::SimClock;
use crate::power::Power;
use crate::rng::Rng;

type Image = BTreeMap<Vec<u8>, Vec<u8>>;
type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// The platters. A clone is another handle on the same.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What readers see.
    image: Image,
    /// What survives for certain.
    durable: Image,
    /// Visible, and lost if the power goes now, from some point on.
    unsynced: Vec<Writes>,
    /// Called for, not yet visible.
    queued: VecDeque<Queued>,
    tickets: u64,
    refuses_until: Timestamp,
    /// A commit or a sync has failed: nothing is taken until the disk is well and what was not
    /// synced is taken back.
    failed: bool,
    /// How often that was so: who waited for a sync then is told of the failure.
    failures: u64,
    /// The outbox as it is on the platters, by the number that its calls carry.
    outbox: HashMap<u32, (Vec<u8>, Pending)>,
}

struct Queued {
    ticket: u64,
    set: WriteSet,
    outcome: Arc<Mutex<Option<Result<(), CommitError>>>>,
}

/// What goes with the power.
pub enum Loss {
    /// Everything that was not synced.
    All,
    /// Nothing: the disk was faster than the answer.
    Nothing,
    /// Everything behind some point.
    Tail(Rng),
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power is gone. What is left is what a new process finds.
    pub fn crash(&self, loss: &mut Loss) {
        let mut state = self.state();
        state.failed = false;
        let queued = state.queued.drain(..).collect::<Vec<_>>();
        for Queued { set, .. } in queued {
            // Whoever called never hears whether this one conflicted.
            let _ = state.apply(set);
        }
        let unsynced = std::mem::take(&mut state.unsynced);
        let all = unsynced.len() as u64;
        let kept = match loss {
            Loss::All => 0,
            Loss::Nothing => all,
            Loss::Tail(rng) => rng.between(0, all),
        };
        let mut durable = std::mem::take(&mut state.durable);
        for writes in unsynced.into_iter().take(usize::try_from(kept).unwrap()) {
            write(&mut durable, writes.clone());
            state.index(&writes);
        }
        state.image.clone_from(&durable);
        state.durable = durable;
    }

    /// From now until then nothing is taken: the disk is full.
    pub fn refuse_until(&self, until: Timestamp) {
        self.state().refuses_until = until;
    }

    /// Somebody else than the bot writes, to the platters.
    pub fn put(&self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let mut state = self.state();
        write(&mut state.image, vec![(key.clone(), value.clone())]);
        write(&mut state.durable, vec![(key, value)]);
    }

    /// What a reader sees.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.state().image.get(key).cloned()
    }

    pub fn scan(&self, kind: Kind) -> Vec<Entry> {
        let (from, to) = ledger::prefix(kind);
        let state = self.state();
        state.image.range(from..to).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The effect on the platters whose calls carry this number, and whether it is the first of its lane.
    pub fn effect(&self, random: u32) -> Option<(Pending, bool)> {
        let state = self.state();
        let (key, pending) = state.outbox.get(&random)?;
        let (from, to) = ledger::outbox_lane(&pending.effect.lane);
        let first = state.image.range(from..to).next().map(|(key, _)| key);
        Some((pending.clone(), first.is_none_or(|first| first >= key)))
    }

    /// Everything, for comparing two runs.
    pub fn each(&self, mut see: impl FnMut(&[u8], &[u8])) {
        for (key, value) in &self.state().image {
            see(key, value);
        }
    }
}

impl State {
    fn apply(&mut self, set: WriteSet) -> Result<(), CommitError> {
        let stands =
            |(key, expected): &(Vec<u8>, Option<Vec<u8>>)| self.image.get(key) == expected.as_ref();
        if !set.expect.iter().all(stands) {
            return Err(CommitError::Conflict);
        }
        write(&mut self.image, set.writes.clone());
        self.unsynced.push(set.writes);
        Ok(())
    }

    /// Carries out what was called for, up to a ticket.
    fn drain(&mut self, ticket: u64) {
        while self.queued.front().is_some_and(|queued| queued.ticket <= ticket) {
            let Some(Queued { set, outcome, .. }) = self.queued.pop_front() else { return };
            let applied = self.apply(set);
            *outcome.lock().unwrap() = Some(applied);
        }
    }

    /// The disk does not take a group of commits, or not its sync: what was called for may be seen, until
    /// it is taken back.
    fn fail(&mut self) {
        self.failed = true;
        self.failures += 1;
        for Queued { set, outcome, .. } in std::mem::take(&mut self.queued) {
            let _ = self.apply(set);
            *outcome.lock().unwrap() = Some(Err(full().into()));
        }
    }

    /// Takes back what no sync has confirmed, when the disk takes writes again.
    fn recover(&mut self, now: Timestamp) {
        if self.failed && now >= self.refuses_until {
            self.failed = false;
            self.unsynced.clear();
            self.image.clone_from(&self.durable);
        }
    }

    fn sync(&mut self) {
        for writes in std::mem::take(&mut self.unsynced) {
            self.index(&writes);
            write(&mut self.durable, writes);
        }
    }

    fn index(&mut self, writes: &Writes) {
        for (key, value) in
            writes.iter().filter(|(key, _)| key.first() == Some(&(Kind::Outbox as u8)))
        {
            self.outbox.retain(|_, (other, _)| other != key);
            if let Some(bytes) = value {
                let pending: Pending = ledger::decode(key, bytes).unwrap();
                self.outbox.insert(random(&pending), (key.clone(), pending));
            }
        }
    }
}

/// The number that an effect's calls carry.
fn random(pending: &Pending) -> u32 {
    u32::from_str_radix(&pending.effect.id.as_str()[..8], 16).unwrap()
}

fn write(image: &mut Image, writes: Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => image.insert(key, value),
            None => image.remove(&key),
        };
    }
}

/// How the disk works in a run.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Visible as soon as it is called for; otherwise only when it is done.
    pub early: bool,
    /// Milliseconds that a sync takes, at least and at most.
    pub sync: (u64, u64),
}

/// The disk as one process has it open.
#[derive(Clone)]
pub struct Session {
    pub disk: Disk,
    pub clock: Arc<SimClock>,
    pub power: Arc<Power>,
    pub rng: Arc<Mutex<Rng>>,
    pub manner: Manner,
}

impl Session {
    async fn finish(
        self,
        ticket: u64,
        durable: bool,
        outcome: Outcome,
        (number, failures): (u64, u64),
    ) -> Result<(), CommitError> {
        if durable {
            if self.power.sync_begins(number) {
                return pending().await;
            }
            let (low, high) = self.manner.sync;
            let time = self.rng.lock().unwrap().millis(low, high);
            self.clock.sleep(time).await;
        }
        {
            let mut state = self.disk.state();
            if state.failures > failures {
                return Err(full().into());
            }
            state.drain(ticket);
            if durable && self.clock.truth() < state.refuses_until {
                state.fail();
                return Err(full().into());
            }
            if durable {
                state.sync();
            }
        }
        if self.power.commit_ends(number) {
            return pending().await;
        }
        let outcome = outcome.lock().unwrap().take();
        outcome.unwrap_or(Ok(()))
    }
}

type Outcome = Arc<Mutex<Option<Result<(), CommitError>>>>;

impl Store for Session {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.disk.get(key))
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let state = self.disk.state();
        let range = state.image.range(from.to_vec()..to.to_vec());
        Ok(range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, set: WriteSet) -> Commit {
        if self.power.is_off() || self.power.commit_begins() {
            return never();
        }
        let (number, _) = self.power.counted();
        let mut state = self.disk.state();
        state.recover(self.clock.truth());
        if self.clock.truth() < state.refuses_until {
            if !state.failed {
                // It may have been seen by then.
                if self.manner.early {
                    let _ = state.apply(set);
                }
                state.fail();
            }
            return Box::pin(ready(Err(full().into())));
        }
        let failures = state.failures;
        let outcome: Outcome = Arc::default();
        let durable = set.durable;
        state.tickets += 1;
        let ticket = state.tickets;
        if self.manner.early {
            *outcome.lock().unwrap() = Some(state.apply(set));
        } else {
            state.queued.push_back(Queued { ticket, set, outcome: outcome.clone() });
        }
        drop(state);
        Box::pin(self.clone().finish(ticket, durable, outcome, (number, failures)))
    }

    fn health(&self) -> Result<(), StoreError> {
        let mut state = self.disk.state();
        state.recover(self.clock.truth());
        if state.failed { Err(full()) } else { Ok(()) }
    }

    fn size_on_disk(&self) -> u64 {
        0
    }
}

fn full() -> StoreError {
    StoreError("the simulated disk is full".to_owned())
}

/// The same disk for work that is done while the simulated time stands still: on the platters at once, or
/// refused, because the disk is full or the power goes.
pub struct AtOnce(pub Session);

impl AtOnce {
    fn write(&self, set: WriteSet) -> Result<(), CommitError> {
        let Session { disk, clock, power, .. } = &self.0;
        let gone = || Err(StoreError("the power is gone".to_owned()).into());
        if power.is_off() || power.commit_begins() {
            return gone();
        }
        let (number, _) = power.counted();
        if power.sync_begins(number) {
            return gone();
        }
        if clock.truth() < disk.state().refuses_until {
            return Err(full().into());
        }
        set.writes.into_iter().for_each(|(key, value)| disk.put(key, value));
        if power.commit_ends(number) { gone() } else { Ok(()) }
    }
}

impl Store for AtOnce {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.scan(from, to, limit)
    }

    fn commit(&self, set: WriteSet) -> Commit {
        Box::pin(ready(self.write(set)))
    }

    fn health(&self) -> Result<(), StoreError> {
        self.0.health()
    }

    fn size_on_disk(&self) -> u64 {
        0
    }
}

/// A commit that nobody lives to see the end of.
fn never() -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send>> {
    Box::pin(pending())
}
