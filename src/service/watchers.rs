//! Who looks on: everything that happens becomes a count and, where it matters, a log line.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::Metrics;
use crate::chat::{Account, GroupId};
use crate::clock::Clock;
use crate::decision::effect::{Effect, Manner, Outcome};
use crate::decision::event::Cause;
use crate::decision::{Decision, Event};
use crate::delivery::{Listener, Scope, Stopped};
use crate::ledger::Pending;
use crate::pipeline::Observer;
use crate::rule::{EventKind, RuleId};

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

    fn stopped(&self, stopped: &Stopped) {
        self.0.stopped(stopped);
        self.1.stopped(stopped);
    }

    fn works_again(&self, stopped: &Stopped) {
        self.0.works_again(stopped);
        self.1.works_again(stopped);
    }
}

/// Counts, and logs what was decided and done.
pub(super) struct Counting {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Counting {
    pub(super) fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock }
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
            let rule = rule_of(effect);
            tracing::warn!(effect.id = %effect.id, event.id = %effect.event, rule, code, "Chat refuses to {}: {words}", effect.act);
        }
        for found in decision.derived.iter().filter(|event| event.found) {
            self.metrics.found(found.name());
        }
        for ended in decision.derived.iter().filter(|e| e.kind() == Some(EventKind::MuteEnded)) {
            let group = ended.group.as_ref().map(GroupId::as_str);
            let member = ended.member.as_ref().map(Account::as_str);
            tracing::info!(event.id = %ended.id, group, member, "a mute has ended");
        }
        if let Cause::Timer(crate::decision::event::Timer::SanctionEnd { .. }) = &event.cause {
            self.metrics.sanction_end_lateness(self.clock.now().since(event.time));
        }
    }
}

/// Whose it is. With the event, `groupkeeper why` and `why-not` tell the rest.
fn rule_of(effect: &Effect) -> Option<&str> {
    effect.rule.as_ref().map(RuleId::as_str)
}

/// An end that comes later than this is told.
const LATE: Duration = Duration::from_secs(60);

impl Listener for Counting {
    fn tried(&self, pending: &Pending, trouble: Option<&str>) {
        let effect = &pending.effect;
        self.metrics.effect(effect.act.name(), if trouble.is_none() { "settled" } else { "again" });
        let (late, rule) = (self.clock.now().since(effect.created), rule_of(effect));
        match trouble {
            None if late > LATE => {
                tracing::warn!(effect.id = %effect.id, event.id = %effect.event, rule, late_s = late.as_secs(), "settled late: {}", effect.act);
            }
            None => {
                tracing::debug!(effect.id = %effect.id, event.id = %effect.event, rule, "settled: {}", effect.act);
            }
            Some(trouble) => {
                let tries = pending.tries + 1;
                tracing::warn!(effect.id = %effect.id, event.id = %effect.event, rule, tries, "not yet: {}: {trouble}", effect.act);
            }
        }
    }

    fn given_up(&self, pending: &Pending, why: &str) {
        let effect = &pending.effect;
        self.metrics.effect(effect.act.name(), "given_up");
        self.metrics.dead_letter();
        let rule = rule_of(effect);
        tracing::error!(effect.id = %effect.id, event.id = %effect.event, rule, words = why, "given up: {}; it is kept as a dead letter", effect.act);
    }

    fn alerted(&self, pending: &Pending, text: &str) {
        self.metrics.alert();
        let effect = &pending.effect;
        let rule = rule_of(effect);
        tracing::error!(effect.id = %effect.id, event.id = %effect.event, rule, "alert: {text}");
    }

    fn stopped(&self, stopped: &Stopped) {
        self.metrics.alert();
        self.metrics.set_command_stopped(stopped.what.name(), true);
        let what = match stopped.what {
            Scope::App => "no command works".to_owned(),
            Scope::Command(command) => format!("{command} does not work"),
        };
        tracing::error!(
            command = stopped.what.name(),
            next_try = %stopped.next_try,
            "alert: {what} until a person mends it; what needs it waits in the outbox, and one call \
             now and then tries: {}",
            stopped.trouble
        );
    }

    fn works_again(&self, stopped: &Stopped) {
        self.metrics.set_command_stopped(stopped.what.name(), false);
        let stood = self.clock.now().since(stopped.since);
        tracing::warn!(command = stopped.what.name(), stood_s = stood.as_secs(), "it works again");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::decision::effect::Act;
    use crate::decision::{EventId, Lane};

    /// Where log lines of one test go.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn pending() -> Pending {
        let effect = Effect {
            id: EventId::of(&[b"the effect"]),
            lane: Lane::app(),
            act: Act::Alert { text: "look".to_owned() },
            rule: Some("quiet".into()),
            event: EventId::of(&[b"the event"]),
            created: NOW,
            manner: Manner::Send,
            then: None,
            continue_on_refusal: false,
        };
        let (tries, panics, perhaps_done) = (0, 0, false);
        let trouble = String::new();
        Pending { effect, tries, not_before: NOW, perhaps_done, trouble, panics }
    }

    /// What is logged of an effect, a line each.
    fn logged(tell: impl FnOnce(&Counting)) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        let clock = Arc::new(ManualClock::new(NOW));
        let counting = Counting::new(Arc::new(Metrics::default()), clock);
        tracing::subscriber::with_default(log.finish(), || tell(&counting));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_line_about_an_effect_says_of_which_rule_it_is_and_what_why_can_be_asked() {
        let lines = logged(|counting| {
            let pending = pending();
            counting.tried(&pending, Some("HTTP 502"));
            counting.given_up(&pending, "a day has passed");
            counting.alerted(&pending, "look");
            let effect = Box::new(pending.effect);
            let outcome = Outcome::Refused { code: 10_007, words: "no right".to_owned() };
            let cause = Cause::Settled { effect, outcome, skipped: Vec::new(), unsure: Vec::new() };
            let event = Event::new(EventId::of(&[b"settled"]), cause, NOW, "effect");
            counting.decided(&event, &Decision::default());
        });
        for (line, words) in lines.iter().zip(["not yet:", "given up:", "alert:", "Chat refuses"]) {
            assert!(line.contains(words), "{line}");
            assert!(line.contains(&format!("event.id={}", EventId::of(&[b"the event"]))), "{line}");
            assert!(line.contains("rule=\"quiet\""), "{line}");
        }
        assert_eq!(lines.len(), 4, "{lines:?}");
    }
}
