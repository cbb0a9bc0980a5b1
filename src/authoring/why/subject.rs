//! What an entry is about, as a person names it: how a rule goes on after Chat has answered is no event
//! of its own, and an answer alone tells nobody anything.

use super::about;
use crate::authoring::replay;
use crate::decision::event::{Cause, Timer};
use crate::decision::{Event, EventId};
use crate::ledger::JournalEntry;

/// What the telling is headed with.
#[derive(Clone)]
pub(super) struct Subject {
    /// The event that rules have looked at.
    pub(super) event: String,
    /// Whom and what it is about.
    pub(super) about: String,
    /// Whether a rule goes on here with an event that has been before.
    pub(super) goes_on: bool,
    /// That event.
    pub(super) continues: Option<EventId>,
}

impl Subject {
    /// Reads it off an entry.
    pub(super) fn of(entry: &JournalEntry) -> Self {
        let event = entry.gave_rise_to().unwrap_or(&entry.event).to_owned();
        let about = about(entry);
        let Some((first, when)) = entry.body.as_ref().and_then(continued) else {
            return Self { event, about, goes_on: false, continues: None };
        };
        // The member of the answer is whom the question was about; the event may be another's.
        let about = replay::about(first);
        let about = if about.is_empty() { when.to_owned() } else { format!("{about}, {when}") };
        let continues = Some(first.id.clone());
        Self { event: first.name().to_owned(), about, goes_on: true, continues }
    }
}

/// The event that an answer or the end of a wait goes on with, and when that was.
fn continued(event: &Event) -> Option<(&Event, &'static str)> {
    match &event.cause {
        Cause::Settled { effect, .. } if effect.act.is_read() => {
            let resume = effect.then.as_ref()?;
            Some((&resume.event, "after Chat has answered"))
        }
        Cause::Timer(Timer::WaitOver { event, .. }) => Some((&**event, "after the wait")),
        _ => None,
    }
}

/// `, which goes on with 0123456789abcdef`
pub(super) fn goes_on(continues: Option<&EventId>) -> String {
    continues.map(|first| format!(", which goes on with {first}")).unwrap_or_default()
}
