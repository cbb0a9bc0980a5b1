//! Recorded events through rules, with no effect on the world: what would be decided, and how much of
//! that is known and how much assumed.
//!
//! The whole pipeline runs, on a store in memory and on a clock that the journal moves. Where the
//! service would call Chat, what the journal says became of that very effect stands in; where it says
//! nothing, an answer is assumed and counted.

mod answers;
mod past;
mod run;

use std::sync::Arc;

use serde::Serialize;

use super::recorded::{Recorded, Trouble};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, Timer};
use crate::decision::{Event, Settings};
use crate::rule::RuleSet;

pub use past::Past;
pub use run::Run;

/// Entries after which it is said how far a long replay is.
pub(super) const PROGRESS: usize = 50_000;

/// From a time (included) to another (excluded).
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub since: Timestamp,
    pub until: Timestamp,
}

/// Something that was decided: an effect that is no question, or the answer to an event that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    #[serde(skip)]
    pub at: Timestamp,
    /// The event that it goes back to.
    pub event: String,
    /// Whom and what it is done to; empty for an alert.
    pub about: String,
    /// Absent for what the bot owes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// `mute`, `send_message`, `reject`, …
    pub act: String,
    /// `mute ann in @TGS#cats for 5m`
    pub what: String,
    /// By a rule in shadow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// It restrains somebody whose role nobody knows: an owner, and an admin, would be spared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unless_protected: bool,
    /// The effect's id; absent for answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

impl Deed {
    /// What would be done, and under which reserve: `mute ann in @TGS#cats for 5m, unless protected`.
    pub fn words(&self) -> String {
        let reserve = if self.unless_protected { ", unless protected" } else { "" };
        let shadow = if self.shadow { " (shadow)" } else { "" };
        format!("{}{reserve}{shadow}", self.what)
    }
}

/// One event that was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    pub at: Timestamp,
    pub event: Event,
    pub deeds: Vec<Deed>,
    /// The rules that looked at it.
    pub rules: Vec<Looked>,
}

/// A rule that looked at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub rule: String,
    /// For the first time; not after a wait, or with Chat's answer.
    pub anew: bool,
    pub acted: bool,
}

impl Decided {
    /// The event as a person would name it: `message.sent ann in @TGS#cats, after Chat has answered`.
    pub fn headline(&self) -> String {
        headline(&self.event)
    }
}

fn headline(event: &Event) -> String {
    match &event.cause {
        Cause::Settled { effect, .. } => match &effect.then {
            Some(resume) if effect.act.is_read() => {
                format!("{}, after Chat has answered", headline(&resume.event))
            }
            _ => format!("what became of: {}", effect.act),
        },
        Cause::Timer(Timer::WaitOver { event, .. }) => {
            format!("{}, after the wait", headline(event))
        }
        Cause::Timer(Timer::SanctionEnd { group, member, kind, .. }) => {
            format!("the end of the {} of {member} in {group}", kind.name())
        }
        Cause::Timer(Timer::Unconfirmed { group, .. }) => {
            format!("whether the transfer of {group} is confirmed")
        }
        Cause::Timer(Timer::RoomUnconfirmed { room, .. }) => {
            format!("whether the transfer of room {room} is confirmed")
        }
        Cause::Timer(Timer::SanctionRenewal { group, member, kind, .. }) => {
            format!("the renewal of the {} of {member} in {group}", kind.name())
        }
        Cause::Timer(Timer::SanctionLate { group, member, kind, .. }) => {
            format!("whether the {} of {member} in {group} has ended", kind.name())
        }
        Cause::Lifted { kind, .. } => {
            format!("an operator lifts the {} of {}", kind.name(), about(event))
        }
        Cause::Extended { kind, until, .. } => {
            format!("an operator lets the {} of {} end at {until}", kind.name(), about(event))
        }
        Cause::Schedule { rule, .. } => match &event.group {
            Some(group) => format!("the schedule of {rule}, for {group}"),
            None => format!("the schedule of {rule}"),
        },
        _ => match about(event).as_str() {
            "" => event.name().to_owned(),
            about => format!("{} {about}", event.name()),
        },
    }
}

/// Whom and what an event is about: `ann in @TGS#cats`.
pub(super) fn about(event: &Event) -> String {
    match (&event.member, &event.group) {
        (Some(member), Some(group)) => format!("{member} in {group}"),
        (Some(one), None) => one.to_string(),
        (None, Some(one)) => one.to_string(),
        (None, None) => String::new(),
    }
}

/// How much a replay had to assume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Recorded events that were decided again.
    pub events: usize,
    /// Entries of early versions, without the event itself.
    pub without_body: usize,
    /// Messages of members whom only the replay had muted.
    pub unsent: usize,
    /// Answers and outcomes that the journal has for that very effect.
    pub recorded: usize,
    /// Answers to other questions about the same, near in time.
    pub near: usize,
    /// Answers out of the mirror.
    pub mirror: usize,
    /// Roles that nobody knows: taken for those of ordinary members.
    pub supposed: usize,
    /// Questions that nobody can answer.
    pub unknown: usize,
    /// Effects that were taken to succeed.
    pub taken_as_done: usize,
}

impl Tally {
    /// Answers that were assumed, whatever from.
    pub fn assumed(&self) -> usize {
        self.near + self.mirror + self.supposed + self.unknown
    }

    /// What was assumed, as sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |number: usize, one: &str, many: &str| {
            if number > 0 {
                notes.push(format!("{number} {}", if number == 1 { one } else { many }));
            }
        };
        let Self { near, mirror, supposed, unknown, taken_as_done, unsent, without_body, .. } =
            *self;
        note(
            near,
            "answer of Chat was assumed from another one near in time",
            "answers of Chat were assumed from others near in time",
        );
        note(
            mirror,
            "answer of Chat was assumed from what the bot knew of its groups",
            "answers of Chat were assumed from what the bot knew of its groups",
        );
        note(
            supposed,
            "question was about somebody whose role nobody knows, taken for an ordinary member; `unless protected` marks what hangs on it",
            "questions were about people whose roles nobody knows, taken for ordinary members; `unless protected` marks what hangs on it",
        );
        note(
            unknown,
            "question could not be answered; nobody knows the group",
            "questions could not be answered; nobody knows their groups",
        );
        note(
            taken_as_done,
            "effect that was never sent was taken to succeed",
            "effects that were never sent were taken to succeed",
        );
        note(
            unsent,
            "message was left out: its sender was muted by then",
            "messages were left out: their senders were muted by then",
        );
        note(
            without_body,
            "entry is of an early version and cannot be decided again",
            "entries are of an early version and cannot be decided again",
        );
        notes
    }
}

/// What a replay cannot know, however good the journal is.
pub const LIMITS: &[&str] = &[
    "counters, ladders, cooldowns and `once` begin empty: what was counted before the first event is not there",
    "people would have done other things: what was not said because of a mute is not in the journal",
    "events that no rule looked at are in the journal only with `[journal] events = \"all\"`",
];

/// Lets the events of a span run through rules; `each` sees every event that was decided, in order.
/// `progress` hears now and then how many there were, and of what time.
///
/// # Errors
/// When the journal cannot be read, or the rules keep each other busy without an end.
pub async fn replay(
    recorded: &Recorded,
    span: Span,
    rules: Arc<RuleSet>,
    settings: Settings,
    mut each: impl FnMut(Decided),
    mut progress: impl FnMut(usize, Timestamp),
) -> Result<Tally, Trouble> {
    let past = Past::read(recorded, span)?;
    let mut run = Run::new(&past, recorded, rules, settings)?;
    for (number, entry) in recorded.entries(span.since, span.until)?.enumerate() {
        let entry = entry?;
        if number > 0 && number.is_multiple_of(PROGRESS) {
            progress(number, entry.at);
        }
        run.feed(number, &entry).await?.into_iter().for_each(&mut each);
    }
    run.end().await?.into_iter().for_each(each);
    Ok(run.tally())
}
