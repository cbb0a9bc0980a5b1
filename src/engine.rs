//! Pipeline, schedule and delivery on one store: the bot without sockets.
//!
//! The service runs its loops; rule tests, stories and the demo turn it by hand.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::{Clock, Timestamp};
use crate::decision::{Event, Settings, Verdict};
use crate::delivery::{Delivery, Listener};
use crate::pipeline::{Door, Entering, JournalEvents, Noting, Observer, Pipeline};
use crate::reconcile::{self, Reconciler, Watcher};
use crate::rest::{Chat, Rates};
use crate::rule::RuleSet;
use crate::schedule::Scheduler;
use crate::store::{Store, StoreError};

/// While so many effects wait, no scheduled rule goes on to further groups: it leaves room for what
/// callbacks call for, which are not taken any more when the outbox is full.
const SWEEP_MOST: usize = 100_000;

/// Effects that may wait in the outbox. Each takes up some memory, and at 200 calls a second these keep
/// delivery at work for half an hour; when more are owed, callbacks are shed until fewer are.
pub const MOST_OWED: usize = 400_000;

/// The stations that an engine is put together from.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub rules: Arc<ArcSwap<RuleSet>>,
    pub settings: Settings,
    pub chat: Arc<dyn Chat>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn Observer>,
    pub listener: Arc<dyn Listener>,
}

/// The bot without sockets.
pub struct Engine {
    pub pipeline: Arc<Pipeline>,
    pub scheduler: Arc<Scheduler>,
    pub delivery: Arc<Delivery>,
    /// Absent where nothing is compared with Chat: rule tests, a replay.
    pub reconciler: Option<Arc<Reconciler>>,
    /// The rates that delivery keeps to, for whoever else calls Chat or hears of a limit.
    pub rates: Rates,
    clock: Arc<dyn Clock>,
}

impl Engine {
    /// Puts an engine together and takes over what the store holds: outbox, timers, state.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        Self::journaling(parts, JournalEvents::default(), None)
    }

    /// As [`Engine::new`]; the journal keeps these events, and groups are compared with Chat.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn journaling(
        parts: Parts,
        events: JournalEvents,
        reconcile: Option<reconcile::Settings>,
    ) -> Result<Self, StoreError> {
        let Parts { store, rules, settings, chat, clock, observer, listener } = parts;
        let watcher = Arc::new(Watcher::new(store.clone(), clock.clone(), observer.clone()));
        let observer = if reconcile.is_some() { watcher.clone() } else { observer };
        let (pipeline, committed) =
            Pipeline::new(store.clone(), rules, settings, clock.clone(), observer)?;
        let pipeline = Arc::new(pipeline.journaling(events));
        let scheduler = Scheduler::new(store.clone(), pipeline.clone(), clock.clone());
        let rates = Rates::default();
        let reconciler = reconcile.map(|settings| {
            let parts = reconcile::Parts {
                store: store.clone(),
                pipeline: pipeline.clone(),
                chat: chat.clone(),
                rates: rates.clone(),
                clock: clock.clone(),
                watcher,
            };
            Reconciler::new(parts, settings).map(Arc::new)
        });
        let reconciler = reconciler.transpose()?;
        let delivery = Delivery::new(
            store,
            pipeline.clone(),
            chat,
            clock.clone(),
            listener,
            rates.clone(),
            committed,
        )?;
        let delivery = Arc::new(delivery);
        let waiting = Arc::downgrade(&delivery);
        let scheduler = scheduler.pausing_while(move || {
            waiting.upgrade().is_some_and(|delivery| delivery.pending() >= SWEEP_MOST)
        });
        let scheduler = Arc::new(scheduler);
        Ok(Self { pipeline, scheduler, delivery, reconciler, rates, clock })
    }

    /// Where callbacks come in: it is full while so many effects are owed to Chat.
    pub fn door(&self, most_owed: usize) -> Arc<dyn Door> {
        let (pipeline, delivery) = (self.pipeline.clone(), self.delivery.clone());
        Arc::new(Doorkeeper { pipeline, delivery, most_owed })
    }

    /// Works on everything that is due now until nothing is; says how much there was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let done = self.turn().await?;
            if done == 0 {
                return Ok(all);
            }
            all += done;
        }
    }

    /// One round of [`Engine::step`]: what is due, or, when nothing was, the comparison with Chat.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let due = self.scheduler.step().await.map_err(|error| StoreError(error.0))?;
        let done = due + self.delivery.step().await?;
        match &self.reconciler {
            Some(reconciler) if done == 0 => reconciler.step().await,
            _ => Ok(done),
        }
    }

    /// When the next timer, firing or try is due, if that is within a time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_due(&self, within: Duration) -> Result<Option<Timestamp>, StoreError> {
        let end = self.clock.now() + within;
        let tries = self.delivery.next_due();
        let readings = self.reconciler.as_ref().and_then(|reconciler| reconciler.next_due());
        let due = self.scheduler.next_due()?;
        Ok([due, tries, readings].into_iter().flatten().min().filter(|due| *due <= end))
    }
}

/// Leads to the pipeline, unless too much is owed to Chat already.
struct Doorkeeper {
    pipeline: Arc<Pipeline>,
    delivery: Arc<Delivery>,
    most_owed: usize,
}

impl Door for Doorkeeper {
    fn at_once(&self, events: &[Event]) -> Option<Verdict> {
        self.pipeline.at_once(events)
    }

    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        self.pipeline.enter(events)
    }

    fn note(&self, event: Event, note: String) -> Noting<'_> {
        self.pipeline.note(event, note)
    }

    fn is_full(&self) -> bool {
        self.delivery.pending() >= self.most_owed
    }
}
