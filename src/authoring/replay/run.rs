//! One run of recorded events: pipeline and schedule on a store in memory, and a delivery that sends nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::mpsc::UnboundedReceiver;

use super::answers::{Answers, Supposed};
use super::{Decided, Deed, Looked, Past, Tally, about};
use crate::authoring::recorded::{Recorded, Trouble};
use crate::chat::Role;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::decision::effect::{Act, Manner, Outcome};
use crate::decision::event::Cause;
use crate::decision::state::SanctionKind;
use crate::decision::{
    Decision, Effect, Event, EventId, Lane, Settings, StateKey, StateValue, Verdict, Why,
};
use crate::delivery::{all_behind, falls_with, settled_event};
use crate::ledger::{self, JournalEntry, Pending, settled_id};
use crate::pipeline::{
    Extra, Fate, JournalEvents, NotTaken, Observer, Order, Owed, Pipeline, Which,
};
use crate::rule::{EventKind, RuleSet};
use crate::schedule::Scheduler;
use crate::store::{CommitError, MemoryStore, Store, WriteSet};

/// Steps that one event may lead to before the rules are taken to chase each other.
const MOST_ROUNDS: usize = 100_000;

/// Writes down what is decided.
struct Notebook {
    seen: Mutex<Seen>,
    rules: Arc<RuleSet>,
    supposed: Supposed,
}

#[derive(Default)]
struct Seen {
    decided: Vec<Decided>,
    /// A timer was set or has fired: what is due next must be looked up again.
    timers: bool,
}

impl Observer for Notebook {
    fn decided(&self, event: &Event, decision: &Decision) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.timers |= !decision.timers.is_empty();
        let looked = |why: &Why| !matches!(why, Why::Off | Why::OutOfScope | Why::Stopped { .. });
        // A rule that goes on with an answer, or after a wait, looks at the same event again.
        let anew = !matches!(event.cause, Cause::Settled { .. } | Cause::Timer(_));
        let rules = decision.trace.rules.iter().filter(|trace| looked(&trace.why));
        let rules = rules.map(|trace| Looked {
            rule: trace.rule.to_string(),
            anew,
            acted: trace.why.acted(),
        });
        let at = event.time;
        let deeds = deeds(event, decision, &|effect| self.rests_on_a_supposed_role(effect));
        seen.decided.push(Decided { at, event: event.clone(), deeds, rules: rules.collect() });
    }
}

impl Notebook {
    /// Whether guards let an effect pass only because a role was supposed.
    fn rests_on_a_supposed_role(&self, effect: &Effect) -> bool {
        let (Act::Mute { group, member, .. }
        | Act::Ban { group, member, .. }
        | Act::RemoveMember { group, member, .. }
        | Act::SetRole { group, member, role: Role::Member, .. }) = &effect.act
        else {
            return false;
        };
        let guarded = |rule| self.rules.get(rule).is_some_and(|rule| !rule.allow_protected);
        effect.rule.as_ref().is_some_and(guarded) && self.supposed.has(group, member)
    }
}

fn deeds(event: &Event, decision: &Decision, supposed: &dyn Fn(&Effect) -> bool) -> Vec<Deed> {
    let of_effect = |effect: &Effect| {
        // The event of its settling names whom the effect is about.
        let settled = settled_event(effect, Outcome::Observed, Vec::new(), effect.created);
        Deed {
            at: effect.created,
            event: effect.event.to_string(),
            about: about(&settled),
            rule: effect.rule.as_ref().map(ToString::to_string),
            act: effect.act.name().to_owned(),
            what: effect.act.to_string(),
            shadow: effect.manner == Manner::Shadow,
            unless_protected: supposed(effect),
            effect: Some(effect.id.to_string()),
        }
    };
    // Whether an end is late hangs on when Chat answered, which a replay assumes.
    let own = |effect: &&Effect| matches!(effect.act, Act::Alert { .. }) && effect.rule.is_none();
    let wanted = decision.effects.iter().filter(|effect| !effect.act.is_read() && !own(effect));
    let mut deeds: Vec<Deed> = wanted.map(of_effect).collect();
    if let Some((act, what)) = verdict_words(&decision.verdict) {
        let rule = decision.trace.rules.iter().find(|trace| trace.why.acted());
        deeds.push(Deed {
            at: event.time,
            event: event.id.to_string(),
            about: about(event),
            rule: rule.map(|trace| trace.rule.to_string()),
            act: act.to_owned(),
            what,
            shadow: false,
            unless_protected: false,
            effect: None,
        });
    }
    deeds
}

fn verdict_words(verdict: &Verdict) -> Option<(&'static str, String)> {
    Some(match verdict {
        Verdict::Allow => return None,
        Verdict::Reject { code: Some(code), text } => {
            ("reject", format!("reject ({code}) {text:?}"))
        }
        Verdict::Reject { code: None, text } => ("reject", format!("reject {text:?}")),
        Verdict::Drop => ("drop", "drop it".to_owned()),
        Verdict::Replace { .. } => ("replace_text", "allow it with another text".to_owned()),
        Verdict::RefuseInvited { accounts } => {
            let names: Vec<&str> = accounts.iter().map(|account| account.as_str()).collect();
            ("reject", format!("refuse to invite {}", names.join(", ")))
        }
    })
}

/// One set of rules, living through recorded events.
pub struct Run<'p> {
    past: &'p Past,
    answers: Answers<'p>,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    pipeline: Arc<Pipeline>,
    scheduler: Scheduler,
    committed: UnboundedReceiver<Vec<Owed>>,
    notebook: Arc<Notebook>,
    supposed: Supposed,
    /// Effects whose outcome a later entry tells, by the id of that entry.
    waiting: HashMap<EventId, (Lane, u64)>,
    /// Lanes whose first effect has just been settled by an entry.
    freed: Vec<Lane>,
    /// Effects that were given up, which an operator may have tried again.
    given_up: HashSet<EventId>,
    /// When something is due next, as far as that is known.
    due: Option<Timestamp>,
    tally: Tally,
    begun: bool,
}

impl<'p> Run<'p> {
    /// Rules before their first event.
    ///
    /// # Errors
    /// None that a store in memory has.
    pub fn new(
        past: &'p Past,
        recorded: &'p Recorded,
        rules: Arc<RuleSet>,
        settings: Settings,
    ) -> Result<Self, Trouble> {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(past.first().unwrap_or_default()));
        let supposed = Supposed::default();
        let notebook = Arc::new(Notebook {
            seen: Mutex::default(),
            rules: rules.clone(),
            supposed: supposed.clone(),
        });
        let rules = Arc::new(ArcSwap::new(rules));
        let (pipeline, committed) =
            Pipeline::new(store.clone(), rules, settings, clock.clone(), notebook.clone())?;
        let pipeline = Arc::new(pipeline.journaling(JournalEvents::Nothing));
        let scheduler = Scheduler::new(store.clone(), pipeline.clone(), clock.clone());
        Ok(Self {
            past,
            answers: Answers::new(past, recorded, supposed.clone()),
            supposed,
            store,
            clock,
            pipeline,
            scheduler,
            committed,
            notebook,
            waiting: HashMap::new(),
            freed: Vec::new(),
            given_up: HashSet::new(),
            due: None,
            tally: Tally::default(),
            begun: false,
        })
    }

    /// How much was assumed so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Lives through one entry of the journal; says what was decided up to then.
    ///
    /// # Errors
    /// When the rules keep each other busy without an end.
    pub async fn feed(
        &mut self,
        number: usize,
        entry: &JournalEntry,
    ) -> Result<Vec<Decided>, Trouble> {
        if !std::mem::replace(&mut self.begun, true) {
            // Schedules have been watched for long; they have missed nothing.
            self.fire(number).await?;
        }
        self.pass_to(entry.at, number).await?;
        match entry.body.as_ref().map(|body| &body.cause) {
            // What was read of Chat then is compared with what the mirror holds here.
            Some(Cause::Kind(_) | Cause::Seen(_)) => {
                let Some(event) = &entry.body else { return Ok(Vec::new()) };
                self.happen(event, entry, number).await?;
            }
            // Timers and schedules are those of the rules that run here; the journal only says that it
            // was their turn.
            Some(Cause::Timer(_) | Cause::Schedule { .. }) => self.fire(number).await?,
            // What an operator did then is done again, if the rules that run here held it too.
            Some(Cause::Released(held)) => {
                let which = Which::Id(held.id.to_string());
                self.pipeline.settle_held(&which, Fate::Release).await.map_err(not_taken)?;
            }
            Some(Cause::Discarded(held)) => {
                let which = Which::Id(held.id.to_string());
                self.pipeline.settle_held(&which, Fate::Discard).await.map_err(not_taken)?;
            }
            Some(Cause::Lifted { group, member, kind, .. }) => {
                let order = self.pipeline.order_sanction(group, member, Some(*kind), Order::Lift);
                order.await.map_err(not_taken)?;
            }
            Some(Cause::Extended { group, member, kind, until, .. }) => {
                let order = Order::Until(*until);
                let order = self.pipeline.order_sanction(group, member, Some(*kind), order);
                order.await.map_err(not_taken)?;
            }
            Some(Cause::Retried { effect, .. } | Cause::TakenForDone { effect, .. }) => {
                let Some(event) = entry.body.clone() else { return Ok(Vec::new()) };
                // It was given up here too, if the rules that run here wanted it.
                if self.given_up.remove(&effect.id) {
                    self.pipeline.process(event, Extra::default()).await.map_err(not_taken)?;
                    self.settle(number).await?;
                }
            }
            Some(Cause::Dropped(_)) => {}
            Some(Cause::Settled { outcome, .. }) => {
                self.recorded(&entry.id, Some(outcome.clone()), number).await?;
            }
            None if entry.outcome.is_some() => {
                self.recorded(&entry.id, None, number).await?;
            }
            None => self.tally.without_body += 1,
        }
        Ok(self.take_decided())
    }

    /// Lives through what is due at the time of the last entry.
    ///
    /// # Errors
    /// When the rules keep each other busy without an end.
    pub async fn end(&mut self) -> Result<Vec<Decided>, Trouble> {
        self.fire(usize::MAX).await?;
        Ok(self.take_decided())
    }

    fn take_decided(&self) -> Vec<Decided> {
        let mut seen = self.notebook.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.decided)
    }

    async fn happen(
        &mut self,
        event: &Event,
        entry: &JournalEntry,
        number: usize,
    ) -> Result<(), Trouble> {
        self.tally.events += 1;
        if self.cannot_speak(event)? {
            self.tally.unsent += 1;
            return Ok(());
        }
        self.believe(event, entry).await?;
        self.pipeline.process(event.clone(), Extra::default()).await.map_err(not_taken)?;
        self.settle(number).await
    }

    /// Takes what the bot knew then into the mirror, where the replay knows nothing, or only supposed.
    async fn believe(&self, event: &Event, entry: &JournalEntry) -> Result<(), Trouble> {
        let mut set = WriteSet::default();
        for (key, value) in entry.known.pieces(event) {
            let place = ledger::state_key(&key);
            let supposed = match (&key, &value) {
                (StateKey::Member(group, account), StateValue::Member(record)) => {
                    record.role.is_some() && self.supposed.remove(group, account)
                }
                _ => false,
            };
            if supposed || self.store.get(&place)?.is_none() {
                set.writes.push((place, Some(ledger::encode(&value)?)));
            }
        }
        if set.writes.is_empty() {
            return Ok(());
        }
        self.store.commit(set).await.map_err(not_committed)
    }

    /// Whether the sender of a message is muted here by an effect that was never wanted in truth: then
    /// the message would not have come.
    fn cannot_speak(&self, event: &Event) -> Result<bool, Trouble> {
        let message =
            matches!(event.kind(), Some(EventKind::MessageSent | EventKind::MessageSending));
        let (Some(group), Some(member), true) = (&event.group, &event.member, message) else {
            return Ok(false);
        };
        let key = StateKey::Sanction(group.clone(), member.clone(), SanctionKind::Mute);
        let live = ledger::read(&*self.store, &ledger::state_key(&key))?;
        let Some(StateValue::Sanction(sanction)) = live else { return Ok(false) };
        let now = self.clock.now();
        let holds = sanction.until.is_none_or(|until| until > now);
        Ok(holds && !self.past.was_wanted(&sanction.id))
    }

    /// Lets the time pass up to a moment, through everything that is due before it.
    async fn pass_to(&mut self, at: Timestamp, number: usize) -> Result<(), Trouble> {
        for _ in 0..MOST_ROUNDS {
            let Some(due) = self.next_due()?.filter(|due| *due < at) else {
                // A clock that was set back is followed too: that is what the service did.
                self.clock.set(at);
                return Ok(());
            };
            self.clock.set(due.max(self.clock.now()));
            self.fire(number).await?;
        }
        Err(busy())
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, Trouble> {
        let mut seen = self.notebook.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut seen.timers) {
            self.due = self.scheduler.next_due()?;
        }
        Ok(self.due)
    }

    /// Fires what is due now.
    async fn fire(&mut self, number: usize) -> Result<(), Trouble> {
        self.scheduler.step().await.map_err(not_taken)?;
        self.settle(number).await?;
        self.due = self.scheduler.next_due()?;
        Ok(())
    }

    /// An entry tells what became of an effect: of ours, if we wanted it too. Entries of early
    /// versions tell it in words only.
    async fn recorded(
        &mut self,
        settled: &EventId,
        outcome: Option<Outcome>,
        number: usize,
    ) -> Result<(), Trouble> {
        let Some((lane, sequence)) = self.waiting.remove(settled) else { return Ok(()) };
        let Some(pending) = self.pending(&lane, sequence)? else { return Ok(()) };
        let outcome = match outcome {
            Some(outcome) => {
                self.tally.recorded += 1;
                outcome
            }
            None => self.assumed(&pending.effect)?,
        };
        self.finish(&lane, sequence, pending.effect, outcome).await?;
        self.freed.push(lane);
        self.settle(number).await
    }

    /// An effect of the outbox; it may have fallen with one before it.
    fn pending(&self, lane: &Lane, sequence: u64) -> Result<Option<Pending>, Trouble> {
        Ok(ledger::read(&*self.store, &ledger::outbox_key(lane, sequence))?)
    }

    /// Settles every effect of which no later entry tells, in the order of its lane: what stands
    /// behind one that waits may yet fall with it.
    async fn settle(&mut self, number: usize) -> Result<(), Trouble> {
        let mut lanes: VecDeque<Lane> = std::mem::take(&mut self.freed).into();
        for _ in 0..MOST_ROUNDS {
            let committed = std::iter::from_fn(|| self.committed.try_recv().ok());
            let committed: Vec<Owed> = committed.flatten().collect();
            for Owed { sequence, effect: Effect { lane, .. } } in committed {
                if let Some(pending) = self.pending(&lane, sequence)? {
                    let settled = settled_id(&pending.effect.id);
                    if self.past.settles_after(&settled, number) {
                        self.waiting.insert(settled, (lane.clone(), sequence));
                    }
                }
                lanes.push_back(lane);
            }
            let Some(lane) = lanes.front() else { return Ok(()) };
            let (from, to) = ledger::outbox_lane(lane);
            let first = self.store.scan(&from, &to, 1)?.pop();
            let first = first.and_then(|(key, bytes)| Some((ledger::seq_of(&key)?, key, bytes)));
            let Some((sequence, key, bytes)) = first else {
                lanes.pop_front();
                continue;
            };
            let pending: Pending = ledger::decode(&key, &bytes)?;
            if self.waiting.contains_key(&settled_id(&pending.effect.id)) {
                lanes.pop_front();
                continue;
            }
            let (lane, outcome) = (lane.clone(), self.assumed(&pending.effect)?);
            self.finish(&lane, sequence, pending.effect, outcome).await?;
        }
        Err(busy())
    }

    fn assumed(&mut self, effect: &Effect) -> Result<Outcome, Trouble> {
        match &effect.act {
            Act::Read(read) => {
                let now = self.clock.now();
                self.answers.answer(&*self.store, read, now, &mut self.tally)
            }
            _ if effect.manner == Manner::Send => {
                self.tally.taken_as_done += 1;
                Ok(Outcome::Done)
            }
            _ => Ok(Outcome::Observed),
        }
    }

    async fn finish(
        &mut self,
        lane: &Lane,
        sequence: u64,
        effect: Effect,
        outcome: Outcome,
    ) -> Result<(), Trouble> {
        if matches!(outcome, Outcome::Dead { .. }) {
            self.given_up.insert(effect.id.clone());
        }
        let mut writes = vec![(ledger::outbox_key(lane, sequence), None)];
        let mut skipped = Vec::new();
        let behind = || all_behind(&*self.store, lane, sequence);
        let fallen = falls_with(&*self.store, &effect, &outcome, behind)?;
        for (sequence, other) in fallen {
            self.waiting.remove(&settled_id(&other.id));
            writes.push((ledger::outbox_key(lane, sequence), None));
            skipped.push(other);
        }
        let event = settled_event(&effect, outcome, skipped, self.clock.now());
        let taken = self.pipeline.process(event, Extra { writes, ..Extra::default() }).await;
        taken.map(|_| ()).map_err(not_taken)
    }
}

fn not_taken(error: NotTaken) -> Trouble {
    Trouble(error.0)
}

fn not_committed(error: CommitError) -> Trouble {
    Trouble(error.to_string())
}

fn busy() -> Trouble {
    Trouble("the rules keep each other busy without an end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{RuleTrace, Trace};

    #[test]
    fn the_answer_to_an_event_that_asks_is_told_with_the_rule_that_gave_it() {
        let id = EventId::of(&[b"one"]);
        let mut event =
            Event::new(id, Cause::Kind(EventKind::MessageSending), Timestamp(5), "before");
        event.member = Some("ann".into());
        let why = Why::Acted { wanted: vec!["reject".to_owned()], left_out: Vec::new() };
        let trace = RuleTrace { rule: "links".into(), event: "message.sending".into(), why };
        let decision = Decision {
            verdict: Verdict::Reject { code: Some(10_100), text: "no links".to_owned() },
            trace: Trace { rules: vec![trace], ..Trace::default() },
            ..Decision::default()
        };
        let deeds = deeds(&event, &decision, &|_| false);
        let told: Vec<_> = deeds
            .iter()
            .map(|deed| (deed.rule.as_deref(), deed.act.as_str(), &*deed.what))
            .collect();
        assert_eq!(told, [(Some("links"), "reject", "reject (10100) \"no links\"")]);
    }
}
