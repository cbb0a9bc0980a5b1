//! The way of one event: its lane, the state it needs, the decision, the commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, mpsc};

use super::journaling::{Jotting, JournalEvents, Journaling, Keeps};
use super::lanes::Lanes;
use super::{Door, Entering, NotTaken, Noting, Observer};
use crate::clock::{Clock, Timestamp};
use crate::decision::event::{Cause, Timer};
use crate::decision::{
    Decision, Event, EventId, Lane, Settings, State, StateKey, Verdict, decide, needs,
};
use crate::ledger::{self, Pending, TimerRecord};
use crate::rule::RuleSet;
use crate::store::{CommitError, Store, StoreError, WriteSet};

/// Decisions that found their state moved are made again, this often.
const ATTEMPTS: usize = 64;
/// After so many, they stand in line: state that all lanes share lets only one in at a time anyway.
const STAND_IN_LINE: usize = 4;

/// Writes of the caller that belong into the same commit: a timer used up, an effect settled.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// What must still stand there; otherwise somebody else was faster and nothing is done.
    pub expect: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Takes events in.
pub struct Pipeline {
    store: Arc<dyn Store>,
    rules: Arc<ArcSwap<RuleSet>>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    lanes: Lanes,
    /// The line for state that lanes share.
    line: tokio::sync::Mutex<()>,
    sequence: AtomicU64,
    journaling: Journaling,
    /// Tells delivery which effects were committed: lane and sequence number.
    outbox: UnboundedSender<(Lane, u64)>,
    /// Tells the schedule that a timer was committed.
    timers: Notify,
}

/// The state that a decision was made with.
struct Loaded {
    state: State,
    bytes: HashMap<StateKey, Option<Vec<u8>>>,
}

/// What an event comes to, before it is written.
struct Changes {
    set: WriteSet,
    /// What it puts into the outbox.
    effects: Vec<(Lane, u64)>,
    /// The rules, if the journal's entry brings them.
    keeps: Option<Keeps>,
}

impl Pipeline {
    /// A pipeline on a store, and where delivery hears of new effects.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        store: Arc<dyn Store>,
        rules: Arc<ArcSwap<RuleSet>>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<(Lane, u64)>), StoreError> {
        let (outbox, committed) = mpsc::unbounded_channel();
        // Numbers only have to rise among the effects that are not settled. The clock starts them
        // behind all that were given before, unless it was set back: then the outbox does.
        let from_clock = clock.now().0.max(0).unsigned_abs() << 16;
        let sequence = AtomicU64::new(from_clock.max(last_sequence(&*store)? + 1));
        let (lanes, line) = (Lanes::default(), tokio::sync::Mutex::default());
        let timers = Notify::new();
        let journaling = Journaling::new(JournalEvents::default());
        let pipeline = Self {
            store,
            rules,
            settings,
            clock,
            observer,
            lanes,
            line,
            sequence,
            journaling,
            outbox,
            timers,
        };
        Ok((pipeline, committed))
    }

    /// Says which events the journal keeps.
    #[must_use]
    pub fn journaling(mut self, events: JournalEvents) -> Self {
        self.journaling = Journaling::new(events);
        self
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<RuleSet> {
        self.rules.load_full()
    }

    /// Ends when a timer has been committed since the last call.
    pub async fn timer_set(&self) {
        self.timers.notified().await;
    }

    /// Decides one event and commits what follows from it, together with `extra`.
    ///
    /// # Errors
    /// [`NotTaken`] when the store does not take it; nothing of it is kept.
    pub async fn process(&self, event: Event, extra: Extra) -> Result<Verdict, NotTaken> {
        let rules = self.rules.load_full();
        let mut needed = needs(&event, &rules);
        if needed.is_empty() && extra.writes.is_empty() {
            // Nothing is stored and nothing can follow: no lane, no disk.
            let now = self.clock.now();
            let decision = decide(&event, &rules, &self.settings, &State::default(), now);
            if decision.is_nothing() && decision.missing.is_empty() {
                let nothing = Loaded { state: State::default(), bytes: HashMap::new() };
                self.jot(&event, &rules, &decision, &nothing, now);
                self.observer.decided(&event, &decision);
                return Ok(decision.verdict);
            }
            needed = decision.missing;
        }
        let _one_at_a_time = self.lanes.enter(&event.lane()).await;
        let taken = |error: StoreError| NotTaken(error.0);
        let now = self.clock.now();
        let once = matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. });
        if once && let Some(verdict) = self.seen(&event.id, now).map_err(taken)? {
            return Ok(verdict);
        }
        let mut in_line = None;
        for attempt in 0..ATTEMPTS {
            if attempt == STAND_IN_LINE {
                in_line = Some(self.line.lock().await);
            }
            let loaded = self.load(&needed).map_err(taken)?;
            let decision = decide(&event, &rules, &self.settings, &loaded.state, now);
            if !decision.missing.is_empty() {
                needed.extend(decision.missing);
                continue;
            }
            if decision.is_nothing() && extra.writes.is_empty() {
                self.jot(&event, &rules, &decision, &loaded, now);
                self.observer.decided(&event, &decision);
                return Ok(decision.verdict);
            }
            let Changes { set, effects, keeps } =
                self.write_set(&event, &rules, &decision, &loaded, &extra, now).map_err(taken)?;
            match self.store.commit(set).await {
                Ok(()) => {
                    self.journaling.committed(keeps);
                    self.tell(effects, &decision);
                    self.observer.decided(&event, &decision);
                    return Ok(decision.verdict);
                }
                Err(CommitError::Conflict) => self.still_expected(&extra)?,
                Err(CommitError::Store(error)) => return Err(NotTaken(error.0)),
            }
        }
        drop(in_line);
        Err(NotTaken(format!("event {} met other writers {ATTEMPTS} times in a row", event.id)))
    }

    /// Whether a conflict was about state, which is decided anew, and not about what the caller holds.
    fn still_expected(&self, extra: &Extra) -> Result<(), NotTaken> {
        for (key, expected) in &extra.expect {
            if self.store.get(key).map_err(|error| NotTaken(error.0))? != *expected {
                return Err(NotTaken("somebody else has settled it meanwhile".to_owned()));
            }
        }
        Ok(())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The last number that was given to an effect, or one behind it.
    pub(super) fn last_number(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// The present time, as decisions see it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes down what nothing follows from, if it is wanted; nobody waits for that.
    fn jot(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        decision: &Decision,
        loaded: &Loaded,
        now: Timestamp,
    ) {
        if !self.journaling.wants(decision, false) {
            return;
        }
        match self.entry(event, rules, decision, loaded, now) {
            Ok(jotting) => self.journaling.jot(&*self.store, jotting),
            Err(error) => tracing::warn!(%error, "an event is not in the journal"),
        }
    }

    fn entry(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        decision: &Decision,
        loaded: &Loaded,
        now: Timestamp,
    ) -> Result<Jotting, StoreError> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let state = (&loaded.bytes, &loaded.state);
        self.journaling.writes(event, rules, decision, state, (now, sequence))
    }

    fn tell(&self, effects: Vec<(Lane, u64)>, decision: &Decision) {
        for entry in effects {
            // Nobody listens any more when the service stops; the effects are on disk.
            let _ = self.outbox.send(entry);
        }
        if !decision.timers.is_empty() {
            self.timers.notify_one();
        }
    }

    /// What was answered when the event was decided, today or yesterday.
    fn seen(&self, id: &EventId, now: Timestamp) -> Result<Option<Verdict>, StoreError> {
        let today = now.0.div_euclid(ledger::DAY);
        for day in [today, today - 1] {
            let place = ledger::seen_key(day, id);
            match self.store.get(&place)? {
                Some(mark) if mark.is_empty() => return Ok(Some(Verdict::Allow)),
                Some(mark) => return ledger::decode(&place, &mark).map(Some),
                None => {}
            }
        }
        Ok(None)
    }

    fn load(&self, needed: &std::collections::BTreeSet<StateKey>) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded { state: State::default(), bytes: HashMap::new() };
        for key in needed {
            let place = ledger::state_key(key);
            let bytes = self.store.get(&place)?;
            let value = bytes.as_ref().map(|bytes| ledger::decode(&place, bytes)).transpose()?;
            loaded.state.insert(key.clone(), value);
            loaded.bytes.insert(key.clone(), bytes);
        }
        Ok(loaded)
    }

    /// Everything that follows, as one set of changes.
    fn write_set(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        decision: &Decision,
        loaded: &Loaded,
        extra: &Extra,
        now: Timestamp,
    ) -> Result<Changes, StoreError> {
        let durable = decision.lasting || !extra.writes.is_empty();
        let mut set =
            WriteSet { expect: extra.expect.clone(), writes: extra.writes.clone(), durable };
        for (key, value) in &decision.changes {
            let place = ledger::state_key(key);
            let read = loaded.bytes.get(key).ok_or_else(|| {
                StoreError(format!("the decision changed {key:?}, which it had not asked for"))
            })?;
            set.expect.push((place.clone(), read.clone()));
            let written = value.as_ref().map(ledger::encode).transpose()?;
            set.writes.push((place, written));
        }
        let mut effects = Vec::with_capacity(decision.effects.len());
        for effect in &decision.effects {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
            let pending = Pending {
                effect: effect.clone(),
                tries: 0,
                not_before: Timestamp::default(),
                perhaps_done: false,
                trouble: String::new(),
            };
            let place = ledger::outbox_key(&effect.lane, sequence);
            set.writes.push((place, Some(ledger::encode(&pending)?)));
            effects.push((effect.lane.clone(), sequence));
        }
        for held in &decision.held {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
            set.writes.push((ledger::held_key(sequence), Some(ledger::encode(held)?)));
        }
        for (position, (due, timer)) in decision.timers.iter().enumerate() {
            let id = ledger::timer_id(&event.id, position);
            let record = TimerRecord { id: id.clone(), timer: timer.clone() };
            set.writes.push((ledger::timer_key(*due, &id), Some(ledger::encode(&record)?)));
        }
        let mut keeps = None;
        if self.journaling.wants(decision, durable) && !in_time(event, decision) {
            let jotting = self.entry(event, rules, decision, loaded, now)?;
            set.writes.extend(jotting.writes);
            keeps = jotting.keeps;
        }
        if matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. }) {
            let mark = ledger::seen_key(now.0.div_euclid(ledger::DAY), &event.id);
            let verdict = match &decision.verdict {
                Verdict::Allow => Vec::new(),
                verdict => ledger::encode(verdict)?,
            };
            set.writes.push((mark, Some(verdict)));
        }
        Ok(Changes { set, effects, keeps })
    }
}

impl Door for Pipeline {
    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        Box::pin(async move {
            let mut verdict = Verdict::Allow;
            for event in events {
                let one = self.process(event, Extra::default()).await?;
                // A callback that asks brings one event that does; the others never reject.
                if verdict == Verdict::Allow {
                    verdict = one;
                }
            }
            Ok(verdict)
        })
    }

    fn note(&self, event: Event, note: String) -> Noting<'_> {
        Box::pin(async move {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
            let (rules, at) = (self.rules.load_full(), (self.clock.now(), sequence));
            let noted = self.journaling.note(&*self.store, &event, &rules, &note, at).await;
            noted.map_err(|error| NotTaken(error.to_string()))
        })
    }
}

/// Hardly any end of a sanction is late; that one was not is nothing to look up.
fn in_time(event: &Event, decision: &Decision) -> bool {
    decision.is_nothing() && matches!(event.cause, Cause::Timer(Timer::SanctionLate { .. }))
}

fn last_sequence(store: &dyn Store) -> Result<u64, StoreError> {
    let mut last = 0;
    for kind in [ledger::Kind::Outbox, ledger::Kind::Dead, ledger::Kind::Held] {
        let (mut from, to) = ledger::prefix(kind);
        loop {
            let page = store.scan(&from, &to, 1_000)?;
            let Some((key, _)) = page.last() else { break };
            from = ledger::after(key);
            let numbers = page.iter().filter_map(|(key, _)| ledger::seq_of(key));
            last = numbers.fold(last, u64::max);
        }
    }
    Ok(last)
}
