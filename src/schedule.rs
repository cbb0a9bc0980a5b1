//! Due schedules and timers → events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::decision::event::{Cause, Room, Timer};
use crate::decision::{Event, EventId, StateKey, StateValue};
use crate::ledger::{self, Kind, TimerRecord};
use crate::pipeline::{Extra, NotTaken, Pipeline};
use crate::rule::model::{Missed, Schedule, Timing, Trigger};
use crate::rule::{Rule, RuleId, RuleSet};
use crate::store::{self, CommitError, Store, StoreError, Write, WriteSet};

/// A firing no later than this is on time.
const ON_TIME: Duration = Duration::from_secs(60);
/// Missed firings that `missed = "all"` makes up for.
const MOST_MISSED: usize = 1_000;
/// Timers and groups that are worked on in one step.
const PAGE: usize = 256;
/// At the latest, look again: rules may have been reloaded.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// While so much waits to be sent that a sweep has to pause, this is how often it looks again.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

/// A rule that has not gone on for so long does not go through the groups any more: its timer is in quarantine.
const SWEEP_LOST: Duration = Duration::from_secs(600);

/// What has been no schedule for so long is none any more.
const ABSENT: Duration = Duration::from_secs(3_600);

/// A timer that cannot be worked on comes again after this, so that it stands in nobody's way.
const POSTPONED: Duration = Duration::from_secs(60);

/// Watches the time for rules and timers.
#[derive(Clone)]
pub struct Scheduler {
    store: Arc<dyn Store>,
    pipeline: Arc<Pipeline>,
    clock: Arc<dyn Clock>,
    /// Whether so much waits to be sent that no rule should go on to further groups.
    busy: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The rules that go through the groups at present: for which firing, and when they were last at it.
    sweeping: Arc<Mutex<HashMap<RuleId, (Timestamp, Timestamp)>>>,
    /// Last firings of what is no schedule at present, by their keys: since when.
    absent: Arc<Mutex<HashMap<Vec<u8>, Timestamp>>>,
}

impl Scheduler {
    /// A scheduler on the same store as the pipeline.
    pub fn new(store: Arc<dyn Store>, pipeline: Arc<Pipeline>, clock: Arc<dyn Clock>) -> Self {
        let (busy, sweeping, absent) = (Arc::new(|| false), Arc::default(), Arc::default());
        Self { store, pipeline, clock, busy, sweeping, absent }
    }

    /// The same; a rule that runs for each group pauses while it is busy, so that what callbacks call for has
    /// room.
    #[must_use]
    pub fn pausing_while(self, busy: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { busy: Arc::new(busy), ..self }
    }

    /// Brings in everything that is due; says how many events that were.
    ///
    /// # Errors
    /// When the store cannot be read or takes no more commits; what is due stays due.
    pub async fn step(&self) -> Result<usize, NotTaken> {
        let now = self.clock.now();
        let timers = self.timers(now).await?;
        Ok(timers + self.schedules(self.clock.now().min(now)).await?)
    }

    /// When the next timer or firing is due, by the rules in force now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut next: Option<Timestamp> = None;
        let mut sooner = |due: Timestamp| next = Some(next.map_or(due, |next| next.min(due)));
        let (from, to) = ledger::prefix(Kind::Timer);
        if let Some((key, _)) = self.store.scan(&from, &to, 1)?.first() {
            sooner(ledger::time_of(key).unwrap_or_default());
        }
        for rule in self.pipeline.rules().rules() {
            let Trigger::Schedule(schedule) = &rule.trigger else { continue };
            if let Some(last) = self.last_firing(&rule.id)?
                && let Some(due) = next_after(&schedule.timing, last)
            {
                sooner(due);
            }
        }
        Ok(next)
    }

    /// Works until told to stop.
    pub async fn run(&self, mut stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() {
            // The store itself says why.
            if self.store.health().is_err() {
                let again = self.clock.now() + store::TROUBLE;
                tokio::select! {
                    () = self.clock.sleep_until(again) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            let again = self.clock.now() + LOOK_AGAIN;
            let scheduler = self.clone();
            // In a task of its own: a bug in one step must not end all the mutes to come.
            let stepped = tokio::spawn(async move { scheduler.step().await }).await;
            let stepped = stepped.unwrap_or_else(|error| Err(NotTaken(format!("a bug: {error}"))));
            let next = match stepped {
                Ok(_) => self.next_due().ok().flatten().map_or(again, |due| due.min(again)),
                Err(error) => {
                    tracing::error!(%error, "due timers and schedules could not be taken; trying again");
                    self.clock.now() + store::TROUBLE
                }
            };
            tokio::select! {
                biased;
                () = self.clock.sleep_until(next) => {}
                () = self.pipeline.timer_set() => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn timers(&self, now: Timestamp) -> Result<usize, NotTaken> {
        let mut worked = 0;
        loop {
            // A clock that is set back meanwhile makes what was due come later: it would be met again and again.
            let now = now.min(self.clock.now());
            let (from, _) = ledger::prefix(Kind::Timer);
            let to = ledger::timer_key(Timestamp(now.0 + 1), &EventId::of(&[]));
            let due = self.store.scan(&from, &to, PAGE).map_err(not_read)?;
            let due: Vec<_> = due
                .into_iter()
                .filter(|(key, _)| ledger::time_of(key).is_some_and(|d| d <= now))
                .collect();
            if due.is_empty() {
                return Ok(worked);
            }
            worked += due.len();
            let works = due.into_iter().map(|(key, bytes)| self.timer_apart(key, bytes));
            for work in futures_of(works).await {
                work?;
            }
        }
    }

    /// Works on one timer in a task of its own: one that cannot be read goes into quarantine, one that
    /// makes us panic is postponed, and harms no other.
    async fn timer_apart(&self, key: Vec<u8>, bytes: Vec<u8>) -> Result<(), NotTaken> {
        if let Err(error) = ledger::decode::<TimerRecord>(&key, &bytes) {
            return self.pipeline.set_aside(key, bytes, error.0).await;
        }
        let (scheduler, place, record) = (self.clone(), key.clone(), bytes.clone());
        let worked = tokio::spawn(async move { scheduler.timer(place, record).await }).await;
        match worked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => tracing::error!(%error, "a timer could not be worked on"),
            Err(error) => tracing::error!(%error, "a bug: working on a timer failed"),
        }
        let later = self.clock.now() + POSTPONED;
        let postponed = ledger::timer_moved(&key, later);
        let writes = vec![(key, None), (postponed, Some(bytes))];
        let set = WriteSet { writes, durable: true, ..WriteSet::default() };
        // Where the store is what fails, this fails too, and the timer stays where it is.
        self.store.commit(set).await.map_err(not_committed)
    }

    async fn timer(&self, key: Vec<u8>, bytes: Vec<u8>) -> Result<(), NotTaken> {
        let record: TimerRecord = ledger::decode(&key, &bytes).map_err(not_read)?;
        let due = ledger::time_of(&key).unwrap_or_default();
        if let Timer::Sweep { rule, due: firing, after } = &record.timer {
            return self.sweep(key, rule, *firing, after.as_ref()).await;
        }
        let mut event = match &record.timer {
            Timer::SanctionEnd { group, member, .. }
            | Timer::SanctionRenewal { group, member, .. }
            | Timer::SanctionLate { group, member, .. } => {
                let mut event = Event::new(record.id.clone(), cause(&record), due, "timer");
                event.group = Some(group.clone());
                event.member = Some(member.clone());
                event
            }
            Timer::WaitOver { event: waited, .. } => {
                let mut event = Event::new(record.id.clone(), cause(&record), due, "timer");
                event.group.clone_from(&waited.group);
                event.room.clone_from(&waited.room);
                event.member.clone_from(&waited.member);
                event
            }
            Timer::Unconfirmed { group, .. } => {
                let mut event = Event::new(record.id.clone(), cause(&record), due, "timer");
                event.group = Some(group.clone());
                event
            }
            Timer::RoomUnconfirmed { room, kind, .. } => {
                let mut event = Event::new(record.id.clone(), cause(&record), due, "timer");
                event.room = Some(Room::of(room.clone(), *kind));
                event
            }
            Timer::Sweep { .. } => return Ok(()),
        };
        event.time = due;
        let extra = Extra { writes: vec![(key, None)], ..Extra::default() };
        self.pipeline.process(event, extra).await.map(|_| ())
    }

    /// One page of groups for a scheduled rule; the cursor is kept in the timer.
    async fn sweep(
        &self,
        key: Vec<u8>,
        rule: &RuleId,
        firing: Timestamp,
        behind: Option<&GroupId>,
    ) -> Result<(), NotTaken> {
        if !self.is_its_turn(rule, firing) {
            if self.makes_up_for_all(rule) {
                let later = self.sweep_timer(&key, rule, firing, behind.cloned(), POSTPONED)?;
                return self.instead(key, Some(later)).await;
            }
            tracing::warn!(%rule, %firing, "a firing is skipped: the one before is still going through the groups");
            return self.instead(key, None).await;
        }
        if (self.busy)() {
            let later = self.sweep_timer(&key, rule, firing, behind.cloned(), SWEEP_PAUSE)?;
            return self.instead(key, Some(later)).await;
        }
        let (first, to) = ledger::prefix(Kind::Group);
        let from = behind.map_or(first, |group| {
            ledger::after(&ledger::state_key(&StateKey::Group(group.clone())))
        });
        let page = self.store.scan(&from, &to, PAGE).map_err(not_read)?;
        let last = page.last().and_then(|(key, _)| ledger::group_of(key));
        let groups = page.iter().filter_map(|(key, bytes)| {
            // What cannot be read is looked at all the same: deciding says what is wrong with it.
            let gone = matches!(ledger::decode(key, bytes),
                Ok(StateValue::Group(record)) if record.dismissed);
            ledger::group_of(key).filter(|_| !gone)
        });
        let groups: Vec<GroupId> = groups.collect();
        let events = groups.into_iter().map(|group| {
            let mut event = schedule_event(rule, firing, Some(&group));
            event.group = Some(group);
            self.pipeline.process(event, Extra::default())
        });
        for work in futures_of(events).await {
            work?;
        }
        let next = match last {
            Some(last) => Some(self.sweep_timer(&key, rule, firing, Some(last), Duration::ZERO)?),
            None => None,
        };
        let is_over = next.is_none();
        self.instead(key, next).await?;
        if is_over {
            self.sweeping().remove(rule);
        }
        Ok(())
    }

    /// Whether a rule may go through the groups for this firing: not while it is at it for another. They would
    /// become more with each firing that comes sooner than Chat lets it end.
    fn is_its_turn(&self, rule: &RuleId, firing: Timestamp) -> bool {
        let now = self.clock.now();
        let mut sweeping = self.sweeping();
        let (current, last) = sweeping.entry(rule.clone()).or_insert((firing, now));
        if *current != firing && now.since((*last).min(now)) > SWEEP_LOST {
            *current = firing;
        }
        *last = if *current == firing { now } else { (*last).min(now) };
        *current == firing
    }

    /// Whether each of its firings counts, however late it comes.
    fn makes_up_for_all(&self, rule: &RuleId) -> bool {
        let rules = self.pipeline.rules();
        rules.get(rule).is_some_and(|rule| {
            matches!(&rule.trigger, Trigger::Schedule(schedule) if schedule.missed == Missed::All)
        })
    }

    fn sweeping(&self) -> MutexGuard<'_, HashMap<RuleId, (Timestamp, Timestamp)>> {
        // Each change is whole by itself.
        self.sweeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The timer by which a sweep goes on behind this group, and when.
    fn sweep_timer(
        &self,
        before: &[u8],
        rule: &RuleId,
        due: Timestamp,
        after: Option<GroupId>,
        pause: Duration,
    ) -> Result<Write, NotTaken> {
        let id = EventId::of(&[before, after.as_ref().map_or("", GroupId::as_str).as_bytes()]);
        let place = ledger::timer_key(self.clock.now() + pause, &id);
        let record = TimerRecord { id, timer: Timer::Sweep { rule: rule.clone(), due, after } };
        Ok((place, Some(ledger::encode(&record).map_err(not_read)?)))
    }

    /// Takes a timer away, and sets another one in its place.
    async fn instead(&self, timer: Vec<u8>, next: Option<Write>) -> Result<(), NotTaken> {
        let writes = std::iter::once((timer, None)).chain(next).collect();
        let set = WriteSet { writes, durable: true, ..WriteSet::default() };
        self.store.commit(set).await.map_err(not_committed)
    }

    async fn schedules(&self, now: Timestamp) -> Result<usize, NotTaken> {
        let (mut worked, mut trouble) = (0, None);
        let rules = self.pipeline.rules();
        self.forget_others(&rules, now).await?;
        for rule in rules.rules() {
            let Trigger::Schedule(schedule) = &rule.trigger else { continue };
            // One rule's trouble is not another's.
            match self.schedule(rule, schedule, now).await {
                Ok(firings) => worked += firings,
                Err(NotTaken(error)) => {
                    trouble.get_or_insert(NotTaken(format!("`{}`: {error}", rule.id)));
                }
            }
        }
        // Told, so that whoever steps pauses: what is due stays due.
        trouble.map_or(Ok(worked), Err)
    }

    async fn schedule(
        &self,
        rule: &Rule,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Result<usize, NotTaken> {
        let Some(last) = self.last_firing(&rule.id).map_err(not_read)? else {
            // A rule that is new has missed nothing.
            return self.remember(&rule.id, now).await.map(|()| 0);
        };
        if last > now {
            tracing::warn!(
                rule = %rule.id, %last,
                "the last firing lies ahead: the clock was set back; it goes on from now"
            );
            return self.remember(&rule.id, now).await.map(|()| 0);
        }
        let (firings, missed) = due_firings(schedule, last, now);
        if firings.is_empty() && missed.is_none() {
            return Ok(0);
        }
        for due in &firings {
            let event = schedule_event(&rule.id, *due, None);
            self.pipeline.process(event, Extra::default()).await?;
        }
        if let Some(latest) = firings.last()
            && self.last_firing(&rule.id).map_err(not_read)? < Some(*latest)
        {
            // It had been decided before the clock was set back.
            self.remember(&rule.id, *latest).await?;
        }
        if let Some(missed) = missed {
            tracing::warn!(rule = %rule.id, %missed, "a scheduled firing was missed and is skipped");
            self.remember(&rule.id, missed).await?;
        }
        Ok(firings.len())
    }

    /// Forgets the firings of what has been no schedule for a while: put back later, it is new, and has missed
    /// nothing. Files that are just being copied may be missing.
    async fn forget_others(&self, rules: &RuleSet, now: Timestamp) -> Result<(), NotTaken> {
        let runs = |key: &[u8]| {
            let id = ledger::texts_of(key).into_iter().next();
            let rule = id.and_then(|id| rules.get(&RuleId::from(id.as_str())));
            rule.is_some_and(|rule| matches!(rule.trigger, Trigger::Schedule(_)))
        };
        let (from, to) = ledger::prefix(Kind::Fired);
        let known = self.store.keys(&from, &to, usize::MAX).map_err(not_read)?;
        let others: Vec<Vec<u8>> = known.into_iter().filter(|key| !runs(key)).collect();
        let writes: Vec<Write> = {
            let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
            absent.retain(|key, _| others.contains(key));
            let long = |key: &Vec<u8>| {
                let since = absent.entry(key.clone()).or_insert(now);
                *since = now.min(*since);
                *since + ABSENT <= now
            };
            others.into_iter().filter(long).map(|key| (key, None)).collect()
        };
        if writes.is_empty() {
            return Ok(());
        }
        let set = WriteSet { writes, durable: true, ..WriteSet::default() };
        self.store.commit(set).await.map_err(not_committed)
    }

    async fn remember(&self, rule: &RuleId, at: Timestamp) -> Result<(), NotTaken> {
        let place = ledger::state_key(&StateKey::Fired(rule.clone()));
        let value = ledger::encode(&StateValue::Fired { at }).map_err(not_read)?;
        let set =
            WriteSet { writes: vec![(place, Some(value))], durable: true, ..WriteSet::default() };
        self.store.commit(set).await.map_err(not_committed)
    }

    fn last_firing(&self, rule: &RuleId) -> Result<Option<Timestamp>, StoreError> {
        let place = ledger::state_key(&StateKey::Fired(rule.clone()));
        Ok(match ledger::read(&*self.store, &place)? {
            Some(StateValue::Fired { at }) => Some(at),
            _ => None,
        })
    }
}

/// The firings to bring in now, and the last one that is skipped, if nothing later fires.
fn due_firings(
    schedule: &Schedule,
    last: Timestamp,
    now: Timestamp,
) -> (Vec<Timestamp>, Option<Timestamp>) {
    let mut due = Vec::new();
    let mut at = last;
    while let Some(next) = next_after(&schedule.timing, at).filter(|next| *next <= now) {
        due.push(next);
        at = next;
        if due.len() > MOST_MISSED {
            due.remove(0);
        }
    }
    let Some(latest) = due.last().copied() else { return (due, None) };
    match schedule.missed {
        Missed::All => {}
        Missed::Once => due = vec![latest],
        Missed::Skip => due.retain(|firing| now.since(*firing) <= ON_TIME),
    }
    if let Some(max_late) = schedule.max_late {
        due.retain(|firing| now.since(*firing) <= max_late);
    }
    let skipped = due.is_empty().then_some(latest);
    (due, skipped)
}

fn next_after(timing: &Timing, after: Timestamp) -> Option<Timestamp> {
    match timing {
        Timing::Cron(crontab) => crontab.next_after(after),
        Timing::Every(every) => {
            let every = i64::try_from(every.as_millis()).ok().filter(|every| *every > 0)?;
            Some(Timestamp((after.0.div_euclid(every) + 1).saturating_mul(every)))
        }
    }
}

fn schedule_event(rule: &RuleId, due: Timestamp, group: Option<&GroupId>) -> Event {
    let group = group.map_or("", GroupId::as_str);
    let parts: [&[u8]; 4] =
        [b"schedule", rule.as_str().as_bytes(), &due.0.to_be_bytes(), group.as_bytes()];
    let cause = Cause::Schedule { rule: rule.clone(), due };
    Event::new(EventId::of(&parts), cause, due, "schedule")
}

fn cause(record: &TimerRecord) -> Cause {
    Cause::Timer(record.timer.clone())
}

fn not_read(error: StoreError) -> NotTaken {
    NotTaken(error.0)
}

fn not_committed(error: CommitError) -> NotTaken {
    NotTaken(error.to_string())
}

/// Runs works side by side, so that they share a sync; the results stand in their order.
async fn futures_of<F: Future>(works: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(works).await
}
