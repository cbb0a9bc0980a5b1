//! Event + rules + state → decision: guards, effects, trace. Pure.
//!
//! [`needs`] names the pieces of state that an event can touch, the store loads them, and [`decide`]
//! turns them into a [`Decision`]: a value that says everything that follows, and does nothing.

mod act;
mod answer;
mod dead;
mod draft;
pub mod effect;
pub mod event;
mod guard;
mod judge;
mod limit;
mod loops;
mod memory;
mod mirror;
mod needs;
mod outcome;
mod reach;
mod room;
mod sanction;
pub mod seen;
mod settle;
mod sight;
pub mod state;
mod steps;
mod succession;
mod trace;
mod verdict;
mod view;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::chat::Account;
use crate::clock::Timestamp;
use crate::rule::RuleSet;
use crate::rule::model::{Globs, Limit, Mode};

pub use dead::sanction_of;
pub use effect::{Effect, Held};
pub use event::{Event, EventId, Lane};
pub use loops::LoopLimit;
pub use needs::needs;
pub use reach::why_passed_over;
pub use state::{State, StateKey, StateValue};
pub use trace::{RuleTrace, Trace, Why};
pub use verdict::Verdict;

use draft::Draft;
use event::{Cause, Timer};

/// What holds for every rule: the service's part of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The accounts that our REST calls are made as.
    pub own: Vec<Account>,
    /// `[safety] protected`.
    pub protected: Globs,
    /// `[rules] mode`: `shadow` makes every rule a shadow rule.
    pub mode: Mode,
    /// `[safety] limit`: over all rules together.
    pub limit: Option<Limit>,
    /// `[reconcile] owner_inactive`: after so long without a word of the owner, `owner.inactive`.
    pub owner_inactive: Option<Duration>,
    /// `[safety] loop`: what goes back and forth more often is left alone; `None`: never.
    pub loops: Option<LoopLimit>,
    /// `[safety] longest_mute`: the longest mute that Chat takes; `None`: what is documented.
    pub longest_mute: Option<Duration>,
    /// `[safety] longest_ban`, as for mutes.
    pub longest_ban: Option<Duration>,
    /// Traces tell of every rule that listens, also where many do and an index would pass over most: for
    /// tests and replays, whose readers want all of it.
    pub tells_all: bool,
}

/// Everything that follows from one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub verdict: Verdict,
    /// In the order in which they are to be carried out.
    pub effects: Vec<Effect>,
    /// What limits hold back until an operator releases it.
    pub held: Vec<Held>,
    /// New state; `None` takes a piece away.
    pub changes: BTreeMap<StateKey, Option<StateValue>>,
    pub timers: Vec<(Timestamp, Timer)>,
    pub trace: Trace,
    /// Events that this one gave rise to (`owner.left`, `mute.ended`), already decided here.
    pub derived: Vec<Event>,
    /// State that it turned out to need and that was not loaded: the decision does not count until
    /// it has been made again with that.
    pub missing: BTreeSet<StateKey>,
    /// Whether anything changes that Chat could not tell us again: then the answer waits for the disk.
    pub lasting: bool,
}

impl Decision {
    /// Whether nothing at all is to be written.
    pub fn is_nothing(&self) -> bool {
        self.verdict == Verdict::Allow
            && self.effects.is_empty()
            && self.held.is_empty()
            && self.changes.is_empty()
            && self.timers.is_empty()
    }
}

/// Decides one event. A function of its arguments: no clock, no chance, no IO.
///
/// `state` holds what stands under the keys that [`needs`] named for this event and these rules. What
/// it did not foresee (a rule that goes on with Chat's answer, an event that follows) is named in
/// [`Decision::missing`].
pub fn decide(
    event: &Event,
    rules: &RuleSet,
    settings: &Settings,
    state: &State,
    now: Timestamp,
) -> Decision {
    let mut draft = Draft::new(rules, settings, state, now);
    match &event.cause {
        Cause::Kind(_) => draft.happened(event),
        Cause::Schedule { rule, due } => draft.scheduled(event, rule, *due),
        Cause::Timer(timer) => match timer {
            Timer::SanctionEnd { group, member, kind, sanction } => {
                sanction::time_is_over(&mut draft, event, (group, member, *kind), sanction);
            }
            Timer::SanctionRenewal { group, member, kind, sanction } => {
                sanction::to_be_renewed(&mut draft, event, (group, member, *kind), sanction);
            }
            Timer::SanctionLate { group, member, kind, sanction } => {
                sanction::is_late(&mut draft, event, (group, member, *kind), sanction);
            }
            Timer::WaitOver { rule, key, wait, event, count } => {
                wait::over(&mut draft, (rule, key), wait, event, *count);
            }
            Timer::Unconfirmed { group, to, transfer } => {
                succession::confirm::time_is_over(&mut draft, event, (group, to), transfer);
            }
            Timer::RoomUnconfirmed { room, kind, to, transfer } => {
                let about = (room, *kind, to);
                succession::confirm::room_time_is_over(&mut draft, event, about, transfer);
            }
            // The groups of a sweep come as events of their own.
            Timer::Sweep { .. } => {}
        },
        Cause::Settled { effect, outcome, skipped, unsure } => {
            settle::settled(&mut draft, event, effect, (outcome, unsure));
            settle::skipped(&mut draft, event, (skipped, unsure));
        }
        Cause::Seen(seen) => seen::decide(&mut draft, event, seen),
        Cause::Released(held) => limit::released(&mut draft, held),
        Cause::Discarded(held) => limit::discarded(&mut draft, held),
        Cause::Lifted { group, member, kind, sanction } => {
            sanction::lifted(&mut draft, event, (group, member, *kind), sanction);
        }
        Cause::Extended { group, member, kind, sanction, until } => {
            sanction::extended(&mut draft, event, (group, member, *kind), sanction, *until);
        }
        Cause::Retried { effect, fell, hung } => {
            dead::retried(&mut draft, effect, fell.as_deref(), hung);
        }
        Cause::Dropped(effect) => dead::dropped(&mut draft, effect),
        Cause::TakenForDone { effect, hung } => dead::taken_for_done(&mut draft, effect, hung),
    }
    // What an event gives rise to is decided with it, in the same commit.
    while let Some(derived) = draft.next_derived() {
        draft.happened(&derived);
    }
    draft.finish()
}
