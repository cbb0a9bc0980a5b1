//! Writes down what the bot hears and decides, in lines for people.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use crate::decision::effect::Outcome;
use crate::decision::event::{Cause, Timer};
use crate::decision::{Decision, Event, Why};
use crate::delivery::{Listener, Stopped};
use crate::ledger::{Pending, outcome_words};
use crate::pipeline::Observer;

/// A line: who speaks, and what is said.
pub(super) struct Line(pub(super) &'static str, pub(super) String);

/// Collects lines until they are printed.
#[derive(Default)]
pub(super) struct Narrator(Mutex<Vec<Line>>);

impl Narrator {
    pub(super) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn say(&self, who: &'static str, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Line(who, what));
    }
}

impl Observer for Narrator {
    fn decided(&self, event: &Event, decision: &Decision) {
        let heard = heard(event);
        // The same thing time after time (a flood) is told once, when something comes of it.
        let worth_telling =
            |why: &Why| !matches!(why, Why::CountBelow { .. } | Why::Echo | Why::OutOfScope);
        if !heard.is_empty()
            && (event.message.is_none()
                || decision.trace.rules.iter().any(|t| worth_telling(&t.why)))
        {
            self.say("heard", heard);
        }
        for trace in decision.trace.rules.iter().filter(|trace| worth_telling(&trace.why)) {
            self.say("rule", format!("{}: {}", trace.rule, trace.why));
        }
        for note in &decision.trace.notes {
            self.say("bot", note.clone());
        }
        for derived in decision.derived.iter().filter(|event| event.name() == "mute.ended") {
            let who = derived.member.as_ref().map_or("", |member| member.as_str());
            self.say("bot", format!("the mute of {who} has ended, verified with Chat"));
        }
    }
}

impl Listener for Narrator {
    fn tried(&self, pending: &Pending, trouble: Option<&str>) {
        if let Some(trouble) = trouble {
            self.say("again", format!("{}: {trouble}", pending.effect.act));
        }
    }

    fn given_up(&self, pending: &Pending, why: &str) {
        self.say("alert", format!("given up: {}: {why}", pending.effect.act));
    }

    fn alerted(&self, _: &Pending, text: &str) {
        self.say("alert", text.to_owned());
    }

    fn stopped(&self, stopped: &Stopped) {
        self.say("alert", stopped.trouble.clone());
    }

    fn works_again(&self, stopped: &Stopped) {
        self.say("bot", format!("{} works again", stopped.what.name()));
    }
}

/// What was heard, in words; empty for what the demo shows otherwise.
fn heard(event: &Event) -> String {
    let group = event.group.as_ref().map(|group| format!(" in {group}")).unwrap_or_default();
    let member = event.member.as_ref().map(|member| format!(" {member}")).unwrap_or_default();
    match &event.cause {
        Cause::Kind(kind) => {
            let colon = if member.is_empty() { "" } else { ":" };
            format!("{}{colon}{member}{group} ({})", kind.name(), event.command)
        }
        Cause::Schedule { rule, due } if event.group.is_none() => {
            format!("the time of `{rule}` has come, {due}")
        }
        Cause::Schedule { .. } => format!("looking at{}", group.replacen(" in", "", 1)),
        Cause::Timer(Timer::SanctionEnd { member, .. }) => {
            format!("the time of {member}'s mute is over")
        }
        Cause::Timer(Timer::WaitOver { rule, .. }) => format!("the wait of `{rule}` is over"),
        Cause::Timer(
            Timer::Sweep { .. }
            | Timer::Unconfirmed { .. }
            | Timer::RoomUnconfirmed { .. }
            | Timer::SanctionRenewal { .. }
            | Timer::SanctionLate { .. },
        ) => String::new(),
        Cause::Seen(_) => format!("looked at{} in Chat", group.replacen(" in", "", 1)),
        Cause::Released(held) => format!("released by an operator: what `{}` wanted", held.rule),
        Cause::Discarded(held) => format!("discarded by an operator: what `{}` wanted", held.rule),
        Cause::Lifted { member, kind, .. } => {
            format!("lifted by an operator: the {} of {member}", kind.name())
        }
        Cause::Extended { member, kind, until, .. } => {
            format!("an operator lets the {} of {member} end at {until}", kind.name())
        }
        Cause::Retried { effect, .. } => format!("tried again by an operator: {}", effect.act),
        Cause::TakenForDone { effect, .. } => {
            format!("taken for done by an operator: {}", effect.act)
        }
        Cause::Dropped(effect) => format!("dropped by an operator: {}", effect.act),
        Cause::Settled { effect, outcome, .. } => match outcome {
            Outcome::Answer(_) => {
                format!("to \"{}\", Chat answers: {}", effect.act, outcome_words(outcome))
            }
            Outcome::Done => String::new(),
            other => format!("{}: {}", effect.act, outcome_words(other)),
        },
    }
}

/// Prints a line; colours help the eye and carry no meaning of their own.
pub(super) fn print(Line(who, what): &Line) {
    let color = match *who {
        "Chat" => "36",
        "rule" => "33",
        "call" => "35",
        "again" | "alert" => "31",
        "✓" => "32",
        "✗" => "1;31",
        _ => "2",
    };
    if std::io::stdout().is_terminal() {
        println!("  \u{1b}[{color}m{who:<6}\u{1b}[0m {what}");
    } else {
        println!("  {who:<6} {what}");
    }
}
