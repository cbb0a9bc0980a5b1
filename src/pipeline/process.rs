//! The way of one event: its lane, the state it needs, the decision, the commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, mpsc};

use super::journaling::{Jotting, JournalEvents, Journaling, Keeps};
use super::lanes::{InLane, Lanes};
use super::loaded::Loaded;
use super::marks::Marks;
use super::quarantine::{Quarantine, Trouble, guarded, taken};
use super::{Door, Entering, NotTaken, Noting, Observer};
use crate::clock::{Clock, Timestamp};
use crate::decision::event::{Cause, Timer};
use crate::decision::{
    Decision, Effect, Event, EventId, Lane, Settings, State, StateKey, Verdict, decide, needs,
};
use crate::ledger::{self, Pending, TimerRecord};
use crate::rule::RuleSet;
use crate::store::{CommitError, Store, StoreError, Write, WriteSet};

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

/// An effect that was committed, under its number in the outbox.
#[derive(Clone, Debug)]
pub struct Owed {
    pub sequence: u64,
    pub effect: Effect,
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
    pub(super) marks: Marks,
    pub(super) quarantine: Quarantine,
    /// Tells delivery which effects were committed.
    outbox: UnboundedSender<Vec<Owed>>,
    /// Tells the schedule that a timer was committed.
    timers: Notify,
}

/// What an event comes to, before it is written.
struct Changes {
    set: WriteSet,
    /// What it puts into the outbox.
    effects: Vec<Owed>,
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
    ) -> Result<(Self, mpsc::UnboundedReceiver<Vec<Owed>>), StoreError> {
        let (outbox, committed) = mpsc::unbounded_channel();
        // Numbers only have to rise among the effects that are not settled. The clock starts them
        // behind all that were given before, unless it was set back: then the outbox does.
        let now = clock.now();
        let from_clock = now.0.max(0).unsigned_abs() << 16;
        let sequence = AtomicU64::new(from_clock.max(last_sequence(&*store)? + 1));
        let (lanes, line) = (Lanes::default(), tokio::sync::Mutex::default());
        let timers = Notify::new();
        let journaling = Journaling::new(JournalEvents::default());
        let marks = Marks::read(&*store, now)?;
        let quarantine = Quarantine::read(&*store)?;
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
            marks,
            quarantine,
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

    /// Decides one event and commits what follows from it, together with `extra`. An event that cannot
    /// be decided because of a bug, or of state that cannot be read, is put into quarantine: it is taken
    /// then, and nothing of it is done yet.
    ///
    /// # Errors
    /// [`NotTaken`] when the store does not take it; nothing of it is kept.
    pub async fn process(&self, event: Event, extra: Extra) -> Result<Verdict, NotTaken> {
        if extra.writes.is_empty()
            && let Some(verdict) = self.decide_at_once(&event)
        {
            return Ok(verdict);
        }
        self.process_in_lane(event, extra).await
    }

    /// As [`Pipeline::process`], for what has more to it than a verdict.
    async fn process_in_lane(&self, event: Event, extra: Extra) -> Result<Verdict, NotTaken> {
        let rules = self.rules.load_full();
        let _one_at_a_time = self.lanes.enter(&event.lane()).await;
        // Before anything is read: what a failed commit has written may still be seen, the mark of this
        // very event for one, and is taken back before the store is well again.
        self.store.health().map_err(taken)?;
        let now = self.clock.now();
        let once = matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. });
        if once && self.quarantine.holds(&event.id) {
            return Ok(Verdict::Allow);
        }
        if once && let Some(verdict) = self.seen(&event.id).map_err(taken)? {
            return Ok(verdict);
        }
        match self.decided(&event, &rules, &extra, now).await {
            Err(Trouble::Bug(why)) => self.put_into_quarantine(event, extra, why, now).await,
            other => other.map_err(Trouble::not_taken),
        }
    }

    /// Decides an event of quarantine again, whether it was seen or not; what cannot be decided stays.
    pub(super) async fn process_again(&self, event: &Event, extra: &Extra) -> Result<(), Trouble> {
        let rules = self.rules.load_full();
        let _one_at_a_time = self.lanes.enter(&event.lane()).await;
        self.store.health().map_err(Trouble::Store)?;
        let now = self.clock.now();
        self.decided(event, &rules, extra, now).await.map(|_| ())
    }

    /// Decides what needs no state, if nothing follows from it: no lane, no disk. Otherwise, and where a bug
    /// or the state of the store is in the way, nothing has happened.
    fn decide_at_once(&self, event: &Event) -> Option<Verdict> {
        // Chat may repeat it when its journal entry has a place again.
        self.store.health().ok()?;
        let (rules, now) = (self.rules.load(), self.clock.now());
        let quick = || {
            if !needs(event, &rules).is_empty() {
                return None;
            }
            let decision = decide(event, &rules, &self.settings, &State::default(), now);
            if !decision.is_nothing() || !decision.missing.is_empty() {
                return None;
            }
            self.jot(event, &rules, &decision, &Loaded::default(), now);
            self.looked_on(event, &decision);
            Some(decision.verdict)
        };
        guarded(quick).ok().flatten()
    }

    /// Decides an event until its state has stood still meanwhile, and commits that.
    async fn decided(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        extra: &Extra,
        now: Timestamp,
    ) -> Result<Verdict, Trouble> {
        let (mut needed, mut loaded) = (BTreeSet::new(), Loaded::default());
        let mut in_line = None;
        for attempt in 0..ATTEMPTS {
            if attempt == STAND_IN_LINE {
                in_line = Some(self.line.lock().await);
            }
            let state = (&mut needed, &mut loaded);
            let thought = guarded(|| self.think(event, rules, state, extra, now));
            let Some((decision, changes)) = thought.map_err(Trouble::Bug)?? else { continue };
            let Some(Changes { set, effects, keeps }) = changes else {
                return Ok(decision.verdict);
            };
            match self.store.commit(set).await {
                Ok(()) => {
                    self.journaling.committed(keeps);
                    self.quarantine.forget(&event.id);
                    self.tell(effects, &decision);
                    self.looked_on(event, &decision);
                    return Ok(decision.verdict);
                }
                Err(CommitError::Conflict) => {
                    self.still_expected(extra)?;
                    loaded = Loaded::default();
                }
                Err(CommitError::Store(error)) => return Err(Trouble::Store(error)),
            }
        }
        drop(in_line);
        let words = format!("event {} met other writers {ATTEMPTS} times in a row", event.id);
        Err(Trouble::Store(StoreError(words)))
    }

    /// One decision with the state as it stands, and what is to be written; nothing when more state is
    /// needed, and no changes when nothing follows.
    fn think(
        &self,
        event: &Event,
        rules: &Arc<RuleSet>,
        (needed, loaded): (&mut BTreeSet<StateKey>, &mut Loaded),
        extra: &Extra,
        now: Timestamp,
    ) -> Result<Option<(Decision, Option<Changes>)>, Trouble> {
        if needed.is_empty() {
            *needed = needs(event, rules);
        }
        loaded.load(&*self.store, needed)?;
        let decision = decide(event, rules, &self.settings, &loaded.state, now);
        if !decision.missing.is_empty() {
            needed.extend(decision.missing);
            return Ok(None);
        }
        if decision.is_nothing() && extra.writes.is_empty() {
            self.jot(event, rules, &decision, loaded, now);
            self.looked_on(event, &decision);
            return Ok(Some((decision, None)));
        }
        let changes = self.write_set(event, rules, &decision, loaded, extra, now);
        Ok(Some((decision, Some(changes.map_err(Trouble::Store)?))))
    }

    /// Tells the observer; what is committed stays decided, whatever becomes of that.
    fn looked_on(&self, event: &Event, decision: &Decision) {
        if let Err(why) = guarded(|| self.observer.decided(event, decision)) {
            tracing::error!(event.id = %event.id, %why, "a bug: an observer panicked");
        }
    }

    /// Whether a conflict was about state, which is decided anew, and not about what the caller holds.
    pub(super) fn still_expected(&self, extra: &Extra) -> Result<(), Trouble> {
        for (key, expected) in &extra.expect {
            if self.store.get(key).map_err(Trouble::Store)? != *expected {
                let words = "somebody else has settled it meanwhile";
                return Err(Trouble::Store(StoreError(words.to_owned())));
            }
        }
        Ok(())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The right to decide in a lane, and to put something into it.
    pub(super) async fn in_lane(&self, lane: &Lane) -> InLane<'_> {
        self.lanes.enter(lane).await
    }

    /// A number for an effect, higher than all that were given.
    pub(super) fn next_number(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
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
            Ok(jotting) => self.journaling.jot(&*self.store, jotting, now),
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
        let sequence = self.next_number();
        let state = (&loaded.bytes, &loaded.state);
        self.journaling.writes(event, rules, decision, state, (now, sequence))
    }

    fn tell(&self, effects: Vec<Owed>, decision: &Decision) {
        self.tell_delivery(effects);
        if !decision.timers.is_empty() {
            self.tell_schedule();
        }
    }

    /// The effects of one commit, at once: those that hang together are known together.
    pub(super) fn tell_delivery(&self, owed: Vec<Owed>) {
        if !owed.is_empty() {
            // Nobody listens any more when the service stops; the effects are on disk.
            let _ = self.outbox.send(owed);
        }
    }

    pub(super) fn tell_schedule(&self) {
        self.timers.notify_one();
    }

    /// An effect as it stands in the outbox, under a number of its own.
    pub(super) fn owed(&self, effect: &Effect) -> Result<(u64, Write), StoreError> {
        let sequence = self.next_number();
        let pending = Pending {
            effect: effect.clone(),
            tries: 0,
            not_before: Timestamp::default(),
            perhaps_done: false,
            trouble: String::new(),
            panics: 0,
        };
        let place = ledger::outbox_key(&effect.lane, sequence);
        Ok((sequence, (place, Some(ledger::encode(&pending)?))))
    }

    /// What was answered when the event was decided, if that is known still.
    fn seen(&self, id: &EventId) -> Result<Option<Verdict>, StoreError> {
        for place in self.marks.places(id) {
            match self.store.get(&place)? {
                Some(mark) if mark.is_empty() => return Ok(Some(Verdict::Allow)),
                Some(mark) => return ledger::decode(&place, &mark).map(Some),
                None => {}
            }
        }
        Ok(None)
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
            let (sequence, write) = self.owed(effect)?;
            set.writes.push(write);
            effects.push(Owed { sequence, effect: effect.clone() });
        }
        for held in &decision.held {
            let sequence = self.next_number();
            set.writes.push((ledger::held_key(sequence), Some(ledger::encode(held)?)));
        }
        for (position, (due, timer)) in decision.timers.iter().enumerate() {
            let id = ledger::timer_id(&event.id, position);
            let record = TimerRecord { id: id.clone(), timer: timer.clone() };
            set.writes.push((ledger::timer_key(*due, &id), Some(ledger::encode(&record)?)));
        }
        if self.quarantine.holds(&event.id) {
            set.writes.push((ledger::quarantine_key(&event.id), None));
        }
        let mut keeps = None;
        if self.journaling.wants(decision, durable) && !in_time(event, decision) {
            let jotting = self.entry(event, rules, decision, loaded, now)?;
            set.writes.extend(jotting.writes);
            keeps = jotting.keeps;
            set.durable |= keeps.is_some();
        }
        if matches!(event.cause, Cause::Kind(_) | Cause::Schedule { .. }) {
            let verdict = match &decision.verdict {
                Verdict::Allow => Vec::new(),
                verdict => ledger::encode(verdict)?,
            };
            set.writes.push((self.marks.place(&event.id, now), Some(verdict)));
        }
        Ok(Changes { set, effects, keeps })
    }
}

impl Door for Pipeline {
    fn at_once(&self, events: &[Event]) -> Option<Verdict> {
        // Of several, one that is done must not be met again with the others.
        let [event] = events else { return None };
        self.decide_at_once(event)
    }

    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        Box::pin(async move {
            let mut verdict = Verdict::Allow;
            // The only event was tried before it was brought.
            let tried = events.len() == 1;
            for event in events {
                let one = match tried {
                    true => self.process_in_lane(event, Extra::default()).await?,
                    false => self.process(event, Extra::default()).await?,
                };
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
            let sequence = self.next_number();
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
