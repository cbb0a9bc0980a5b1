//! Who looks on: everything that happens becomes a count and, where it matters, a log line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::metrics::Metrics;
use crate::callback::{Answered, Seen, Watch};
use crate::clock::{Clock, Timestamp};
use crate::decision::effect::{Manner, Outcome};
use crate::decision::event::Cause;
use crate::decision::{Decision, Event};
use crate::delivery::Listener;
use crate::ledger::Pending;
use crate::pipeline::Observer;
use crate::reconcile::Watcher;
use crate::rule::EventKind;

/// Two who look on, the first first.
pub(super) struct Both<A: ?Sized, B: ?Sized>(pub(super) Arc<A>, pub(super) Arc<B>);

impl<A: Observer + ?Sized, B: Observer + ?Sized> Observer for Both<A, B> {
    fn decided(&self, event: &Event, decision: &Decision) {
        self.0.decided(event, decision);
        self.1.decided(event, decision);
    }
}

impl<A: Listener + ?Sized, B: Listener + ?Sized> Listener for Both<A, B> {
    fn tried(&self, pending: &Pending, trouble: Option<&str>) {
        self.0.tried(pending, trouble);
        self.1.tried(pending, trouble);
    }

    fn given_up(&self, pending: &Pending, why: &str) {
        self.0.given_up(pending, why);
        self.1.given_up(pending, why);
    }

    fn alerted(&self, pending: &Pending, text: &str) {
        self.0.alerted(pending, text);
        self.1.alerted(pending, text);
    }
}

impl<A: Watch + ?Sized, B: Watch + ?Sized> Watch for Both<A, B> {
    fn callback(&self, seen: Seen) {
        self.0.callback(seen);
        self.1.callback(seen);
    }
}

/// Callbacks that we could not take have told us nothing: what they were about is read from Chat.
pub(super) struct Refusals(pub(super) Arc<Watcher>);

impl Watch for Refusals {
    fn callback(&self, seen: Seen) {
        if matches!(seen.answered, Answered::NotTaken | Answered::Panicked | Answered::TooSlow) {
            self.0.refused();
        }
    }
}

/// How often the same kind of refused callback is told of.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Counts, and logs what was decided and done.
pub(super) struct Counting {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// When refused callbacks were last told of, by what was wrong with them.
    told: Mutex<HashMap<Answered, Timestamp>>,
}

impl Counting {
    pub(super) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock, told: Mutex::default() }
    }

    /// Tells of refused callbacks, seldom enough that a stranger cannot fill the log.
    fn warn_of_refused(&self, seen: Seen) {
        let now = self.clock.now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&seen.answered).is_some_and(|last| now.since(*last) < TOLD_EVERY) {
            return;
        }
        told.insert(seen.answered, now);
        let why = match seen.answered {
            Answered::WrongApp => "it names another SdkAppid than `[app] sdk_app_id`",
            Answered::Unsigned => "it is not signed: switch on authentication in the console",
            Answered::Forged => {
                "its signature fits no `[callback] tokens`: is the console's token there?"
            }
            _ => "it was signed too long ago: do the clocks agree, within `[callback] window`?",
        };
        tracing::warn!(
            command = seen.command,
            "a callback was refused, {why} (told once a minute)"
        );
    }
}

impl Watch for Counting {
    fn callback(&self, seen: Seen) {
        self.metrics.callback(seen.command, seen.answered.name(), seen.took);
        if matches!(
            seen.answered,
            Answered::WrongApp | Answered::Unsigned | Answered::Forged | Answered::Stale
        ) {
            self.warn_of_refused(seen);
        }
        if seen.answered == Answered::Panicked {
            tracing::error!(command = seen.command, "a bug: deciding a callback panicked");
        }
    }
}

impl Observer for Counting {
    fn decided(&self, event: &Event, decision: &Decision) {
        self.metrics.event(event.name());
        for trace in &decision.trace.rules {
            let outcome = if trace.why.acted() { "acted" } else { "did_not_act" };
            self.metrics.decision(trace.rule.as_str(), outcome);
            if trace.why.acted() {
                let mut own =
                    decision.effects.iter().filter(|e| e.rule.as_ref() == Some(&trace.rule));
                let shadow = own.any(|effect| effect.manner == Manner::Shadow);
                let sent = if shadow { " (in shadow: not sent)" } else { "" };
                tracing::info!(event.id = %event.id, rule = %trace.rule, "{}: {}{sent}", trace.event, trace.why);
            }
        }
        if let Cause::Settled { effect, outcome: Outcome::Refused { code, words }, .. } =
            &event.cause
        {
            self.metrics.effect(effect.act.name(), "refused");
            tracing::warn!(effect.id = %effect.id, code, "Chat refuses to {}: {words}", effect.act);
        }
        for found in decision.derived.iter().filter(|event| event.found) {
            self.metrics.found(found.name());
        }
        for ended in decision.derived.iter().filter(|e| e.kind() == Some(EventKind::MuteEnded)) {
            tracing::info!(event.id = %ended.id, group = ?ended.group, member = ?ended.member, "a mute has ended");
        }
        if let Cause::Timer(crate::decision::event::Timer::SanctionEnd { .. }) = &event.cause {
            self.metrics.sanction_end_lateness(self.clock.now().since(event.time));
        }
    }
}

/// An end that comes later than this is told.
const LATE: Duration = Duration::from_secs(60);

impl Listener for Counting {
    fn tried(&self, pending: &Pending, trouble: Option<&str>) {
        let effect = &pending.effect;
        self.metrics.effect(effect.act.name(), if trouble.is_none() { "settled" } else { "again" });
        let late = self.clock.now().since(effect.created);
        match trouble {
            None if late > LATE => {
                tracing::warn!(effect.id = %effect.id, late_s = late.as_secs(), "settled late: {}", effect.act);
            }
            None => tracing::debug!(effect.id = %effect.id, "settled: {}", effect.act),
            Some(trouble) => {
                tracing::warn!(effect.id = %effect.id, tries = pending.tries + 1, "not yet: {}: {trouble}", effect.act);
            }
        }
    }

    fn given_up(&self, pending: &Pending, _: &str) {
        self.metrics.effect(pending.effect.act.name(), "given_up");
        self.metrics.dead_letter();
    }

    fn alerted(&self, pending: &Pending, text: &str) {
        self.metrics.alert();
        tracing::error!(effect.id = %pending.effect.id, rule = ?pending.effect.rule, "alert: {text}");
    }
}
