//! Outbox → REST: order, retry, rates, verification.
//!
//! Delivery knows no rules and picks nothing. It claims the first effect of each lane, carries it
//! out, and brings what became of it back through the pipeline: the outbox entry goes in the same
//! commit in which its settling is decided.

mod calls;
mod candidates;
mod carry;
mod index;
mod possible;
mod reads;
mod rooms;
mod send;
mod settle;
mod stops;
mod together;
mod verify;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::clock::{Clock, Timestamp};
use crate::decision::Lane;
use crate::decision::effect::{Act, MemberFacts};
use crate::ledger::{self, Kind, Pending};
use crate::pipeline::{Owed, Pipeline, apart};
use crate::rest::{Chat, Page, Rates};
use crate::store::{self, Store, StoreError};

pub use settle::{all_behind, falls_with, settled_event};
pub use stops::{Scope, Stopped};

use index::Index;

/// Effects that are carried out at once.
const AT_ONCE: usize = 64;
/// Effects that wait in the outbox without anything due are looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Hears what delivery does: metrics, the demo.
pub trait Listener: Send + Sync {
    /// A try is over; `trouble` is absent when it settled the effect.
    fn tried(&self, pending: &Pending, trouble: Option<&str>);
    /// An effect was given up; it is kept as a dead letter.
    fn given_up(&self, pending: &Pending, why: &str);
    /// A rule called for a person.
    fn alerted(&self, pending: &Pending, text: &str);
    /// Chat says that a command, or all of them, will not work before a person has mended something.
    /// Told once.
    fn stopped(&self, stopped: &Stopped);
    /// It works again.
    fn works_again(&self, stopped: &Stopped);
}

/// Nobody hears.
impl Listener for () {
    fn tried(&self, _: &Pending, _: Option<&str>) {}
    fn given_up(&self, _: &Pending, _: &str) {}
    fn alerted(&self, _: &Pending, _: &str) {}
    fn stopped(&self, _: &Stopped) {}
    fn works_again(&self, _: &Stopped) {}
}

/// Carries out what the outbox holds.
pub struct Delivery {
    store: Arc<dyn Store>,
    pipeline: Arc<Pipeline>,
    chat: Arc<dyn Chat>,
    clock: Arc<dyn Clock>,
    listener: Arc<dyn Listener>,
    index: Mutex<Index>,
    rates: Rates,
    /// How far reads had come whose command's limit was used up.
    halfway: Mutex<HashMap<u64, (Page, Vec<MemberFacts>)>>,
    committed: tokio::sync::Mutex<UnboundedReceiver<Vec<Owed>>>,
    /// A lane has become free while the loop slept.
    freed: Notify,
}

/// The right to carry out one effect: nobody else touches its lane meanwhile.
#[derive(Debug)]
pub struct Claimed {
    lane: Lane,
    sequence: u64,
}

impl Delivery {
    /// Takes over the outbox. What is found there may have been sent by a process that died, so
    /// Chat is asked before it is repeated.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        store: Arc<dyn Store>,
        pipeline: Arc<Pipeline>,
        chat: Arc<dyn Chat>,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn Listener>,
        rates: Rates,
        committed: UnboundedReceiver<Vec<Owed>>,
    ) -> Result<Self, StoreError> {
        let index = Mutex::new(recover(&*store)?);
        Ok(Self {
            store,
            pipeline,
            chat,
            clock,
            listener,
            index,
            rates,
            halfway: Mutex::default(),
            committed: tokio::sync::Mutex::new(committed),
            freed: Notify::new(),
        })
    }

    /// Effects that are not settled.
    pub fn pending(&self) -> usize {
        self.index().len()
    }

    /// What does not work until a person has mended it.
    pub fn stopped(&self) -> Vec<Stopped> {
        self.index().stops.list()
    }

    /// Carries out everything that is due now, and what follows from it; for tests and the demo's story.
    /// Says how many tries that took.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits; what is claimed stays in the outbox.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let mut tries = 0;
        loop {
            self.take_committed().await;
            let claimed = self.claim(AT_ONCE);
            if claimed.is_empty() {
                return Ok(tries);
            }
            tries += claimed.len();
            let works = claimed.into_iter().map(|claimed| self.carry_out_apart(claimed));
            for work in futures_util::future::join_all(works).await {
                work?;
            }
        }
    }

    /// When something becomes due, if nothing new is committed until then.
    pub fn next_due(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let due = self.index().next_due(now, &self.rates)?;
        Some(if self.store.health().is_ok() { due } else { due.max(now + store::TROUBLE) })
    }

    /// Works until told to stop; what is in flight then is finished.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut works = JoinSet::new();
        while !*stop.borrow() {
            self.take_committed().await;
            for claimed in self.claim(AT_ONCE.saturating_sub(works.len())) {
                let delivery = Arc::clone(&self);
                works.spawn(async move { delivery.carry_out_apart(claimed).await });
            }
            let full = works.len() >= AT_ONCE;
            let next = self.next_due().unwrap_or(self.clock.now() + LOOK_AGAIN);
            tokio::select! {
                biased;
                Some(work) = works.join_next(), if !works.is_empty() => report(work),
                () = self.clock.sleep_until(next), if !full => {}
                () = self.wait_for_committed() , if !full => {}
                () = self.freed.notified(), if !full => {}
                _ = stop.changed() => {}
            }
        }
        while let Some(work) = works.join_next().await {
            report(work);
        }
    }

    /// A panic costs its effect a try and its lane a pause, and nobody else anything.
    async fn carry_out_apart(&self, claimed: Claimed) -> Result<(), StoreError> {
        let (lane, sequence) = (claimed.lane.clone(), claimed.sequence);
        match apart(self.carry_out(claimed)).await {
            Ok(result) => result,
            Err(words) => {
                // Even settling that may be what panics; the lane must not stay claimed.
                apart(self.panicked(&lane, sequence, words)).await.unwrap_or_else(|words| {
                    self.index().again(&lane, self.clock.now() + LOOK_AGAIN);
                    Err(StoreError(format!("a bug: settling an effect {words}")))
                })
            }
        }
    }

    async fn take_committed(&self) {
        let mut committed = self.committed.lock().await;
        while let Ok(owed) = committed.try_recv() {
            self.add(owed);
        }
    }

    async fn wait_for_committed(&self) {
        let mut committed = self.committed.lock().await;
        match committed.recv().await {
            Some(owed) => self.add(owed),
            // The pipeline has gone; only what is known is left to do.
            None => std::future::pending().await,
        }
    }

    /// One that was skipped meanwhile, together with its chain, is found settled when its turn comes.
    fn add(&self, owed: Vec<Owed>) {
        let mut index = self.index();
        for Owed { sequence, effect } in owed {
            let calling = calls::calling(&effect);
            index.push(effect.lane, sequence, calling);
        }
    }

    /// Nothing while the store could not take what becomes of it: it would be sent again afterwards, or
    /// each lane would tell of it.
    fn claim(&self, most: usize) -> Vec<Claimed> {
        if self.store.health().is_err() {
            return Vec::new();
        }
        let now = self.clock.now();
        let claimed = self.index().claim(now, most, &self.rates);
        claimed.into_iter().map(|(lane, sequence)| Claimed { lane, sequence }).collect()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(work: Result<Result<(), StoreError>, tokio::task::JoinError>) {
    match work {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "an effect could not be settled; it stays in the outbox");
        }
        Err(error) => tracing::error!(%error, "a bug: carrying out an effect failed"),
    }
}

/// Reads the outbox into the index; everything in it may have been sent.
fn recover(store: &dyn Store) -> Result<Index, StoreError> {
    let mut index = Index::default();
    let (mut from, to) = ledger::prefix(Kind::Outbox);
    loop {
        let page = store.scan(&from, &to, 1_000)?;
        let Some((last, _)) = page.last() else { return Ok(index) };
        from = ledger::after(last);
        for (key, bytes) in page {
            let (Some(lane), Some(sequence)) = (ledger::lane_of(&key), ledger::seq_of(&key)) else {
                continue;
            };
            // What cannot be read is set aside when its turn comes.
            let pending = ledger::decode::<Pending>(&key, &bytes).ok();
            let calling = pending.as_ref().map(|pending| calls::calling(&pending.effect));
            let calling = calling.unwrap_or_default();
            // The record of the first kind says it, the second may be sent again without a thought.
            let known = |act: &Act| act.speaks() || act.is_read();
            let known = pending.as_ref().is_some_and(|pending| known(&pending.effect.act));
            let not_before = pending.map(|pending| pending.not_before).unwrap_or_default();
            if known {
                index.insert(lane, sequence, calling, not_before);
            } else {
                index.recover(lane, sequence, calling, not_before);
            }
        }
    }
}
