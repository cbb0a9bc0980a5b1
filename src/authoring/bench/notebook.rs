//! What was decided since the last `expect`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::authoring::expect::{Expected, answered_as, seen_as};
use crate::decision::effect::Act;
use crate::decision::event::Cause;
use crate::decision::{Decision, Effect, Event};
use crate::pipeline::Observer;
use crate::rule::EventKind;

/// Effects in the order in which they were decided, and the decisions.
#[derive(Debug, Default)]
pub(in crate::authoring) struct Seen {
    pub effects: Vec<Expected>,
    pub decided: Vec<(Event, Decision)>,
}

/// Writes down what is decided.
#[derive(Default)]
pub(super) struct Notebook(Mutex<Seen>);

impl Notebook {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was written so far.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen())
    }
}

impl Observer for Notebook {
    fn decided(&self, event: &Event, decision: &Decision) {
        let mut seen = self.seen();
        seen.effects.extend(answered_as(&decision.verdict));
        // What the bot tells operators by itself, of late ends for instance, no rule has wanted.
        let own =
            |effect: &&Effect| matches!(effect.act, Act::Alert { .. }) && effect.rule.is_none();
        let wanted = decision.effects.iter().filter(|effect| !effect.act.is_read() && !own(effect));
        seen.effects.extend(wanted.map(|effect| seen_as(&effect.act)));
        // The end of a mute shows as `unmute`, whether Chat ended it or the bot had to.
        let lifted = matches!(&event.cause, Cause::Settled { effect, .. }
            if matches!(effect.act, Act::Unmute { .. }));
        for ended in decision.derived.iter().filter(|e| e.kind() == Some(EventKind::MuteEnded)) {
            if let (Some(group), Some(member), false) = (&ended.group, &ended.member, lifted) {
                let (group, member) = (group.clone(), member.clone());
                let unmute = Act::Unmute { group, member, ends: None };
                seen.effects.push(seen_as(&unmute));
            }
        }
        seen.decided.push((event.clone(), decision.clone()));
    }
}
