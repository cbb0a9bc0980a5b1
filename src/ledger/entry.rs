//! A journal entry: what was decided and why, with all that is needed to ask again later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::records::outcome_words;
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, EventId, Timer};
use crate::decision::state::{GroupRecord, MemberRecord, Owner, RoomRecord};
use crate::decision::{
    Decision, Event, RuleTrace, State, StateKey, StateValue, Trace, Verdict, Why,
};
use crate::rule::RuleId;

/// What was decided, and why: kept for `[journal] keep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub id: EventId,
    pub at: Timestamp,
    pub event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Account>,
    /// The version of the rules that decided.
    pub rules: String,
    /// The answer, where the event asked.
    #[serde(default, skip_serializing_if = "is_allow")]
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Wanted>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerSet>,
    pub trace: Trace,
    /// What Chat (or an operator) made of an effect, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What the mirror knew when it was decided.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub known: Known,
    /// The event itself, so that it can be decided again. Absent only in entries of early versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Event>,
}

fn is_allow(verdict: &Verdict) -> bool {
    *verdict == Verdict::Allow
}

/// An effect that was wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredWanted")]
pub struct Wanted {
    pub id: EventId,
    /// `mute ann in @TGS#cats for 5m`.
    pub what: String,
    /// Absent for what the bot owes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
}

/// As early versions wrote it, and as it is written now.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredWanted {
    Pair(EventId, String),
    Whole { id: EventId, what: String, rule: Option<RuleId> },
}

impl From<StoredWanted> for Wanted {
    fn from(stored: StoredWanted) -> Self {
        match stored {
            StoredWanted::Pair(id, what) => Self { id, what, rule: None },
            StoredWanted::Whole { id, what, rule } => Self { id, what, rule },
        }
    }
}

/// A timer that was set. It comes back as an event of this id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerSet {
    pub id: EventId,
    pub due: Timestamp,
    /// The rule whose `wait` it is; absent for the ends of sanctions and for sweeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_of: Option<RuleId>,
}

/// What the mirror knew about those whom a decision looked at: a replay that begins in the middle of
/// a journal begins with this.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupRecord>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<Account, MemberRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_owner: Option<Owner>,
    /// Who was seen entering the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub room_entered: Vec<(Account, Timestamp)>,
}

impl Known {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes out of the loaded state what belongs to the event's own group and room.
    fn of<'k>(event: &Event, keys: impl IntoIterator<Item = &'k StateKey>, state: &State) -> Self {
        let mut known = Self::default();
        for key in keys {
            match (key, state.get(key).flatten()) {
                (StateKey::Group(group), Some(StateValue::Group(record)))
                    if event.group.as_ref() == Some(group) =>
                {
                    known.group = Some(record.clone());
                }
                (StateKey::Member(group, account), Some(StateValue::Member(record)))
                    if event.group.as_ref() == Some(group) =>
                {
                    known.members.insert(account.clone(), record.clone());
                }
                (StateKey::Room(room), Some(StateValue::Room(record)))
                    if event.room.as_ref().is_some_and(|its| its.id == *room) =>
                {
                    known.room_owner = Some(record.owner.clone());
                    known.room_entered.clone_from(&record.entered);
                }
                _ => {}
            }
        }
        known
    }

    /// The same as pieces of state.
    pub fn pieces(&self, event: &Event) -> Vec<(StateKey, StateValue)> {
        let mut pieces = Vec::new();
        if let Some(group) = &event.group {
            if let Some(record) = &self.group {
                let key = StateKey::Group(group.clone());
                pieces.push((key, StateValue::Group(record.clone())));
            }
            for (account, record) in &self.members {
                let key = StateKey::Member(group.clone(), account.clone());
                pieces.push((key, StateValue::Member(record.clone())));
            }
        }
        if let (Some(room), Some(owner)) = (&event.room, &self.room_owner) {
            let key = StateKey::Room(room.id.clone());
            let entered = self.room_entered.clone();
            let record = RoomRecord { entered, ..RoomRecord::owned_by(owner.clone()) };
            pieces.push((key, StateValue::Room(record)));
        }
        pieces
    }
}

impl JournalEntry {
    /// Takes down a decision, made with the state under these keys.
    pub fn new<'k>(
        event: &Event,
        decision: &Decision,
        rules: &str,
        at: Timestamp,
        (keys, state): (impl IntoIterator<Item = &'k StateKey>, &State),
    ) -> Self {
        let outcome = match &event.cause {
            Cause::Settled { effect, outcome, .. } => {
                Some(format!("{}: {}", effect.act, outcome_words(outcome)))
            }
            _ => None,
        };
        let wanted = decision.effects.iter().map(|effect| Wanted {
            id: effect.id.clone(),
            what: effect.act.to_string(),
            rule: effect.rule.clone(),
        });
        let timers = decision.timers.iter().enumerate().map(|(position, (due, timer))| TimerSet {
            id: timer_id(&event.id, position),
            due: *due,
            wait_of: match timer {
                Timer::WaitOver { rule, .. } => Some(rule.clone()),
                _ => None,
            },
        });
        Self {
            id: event.id.clone(),
            at,
            event: event.name().to_owned(),
            group: event.group.clone(),
            member: event.member.clone(),
            rules: rules.to_owned(),
            verdict: decision.verdict.clone(),
            effects: wanted.collect(),
            timers: timers.collect(),
            trace: looked_at(&decision.trace),
            outcome,
            known: Known::of(event, keys, state),
            body: Some(event.clone()),
        }
    }

    /// Whether Chat or a schedule brought it: not a timer, nor what became of an effect.
    pub fn happened(&self) -> bool {
        !matches!(self.event.as_str(), "timer" | "settled") || self.gave_rise_to().is_some()
    }

    /// Whether it is about this member, or goes on with an event that was.
    pub fn is_about(&self, member: &Account) -> bool {
        let before = match self.body.as_ref().map(|body| &body.cause) {
            Some(Cause::Settled { effect, .. }) => effect.then.as_ref().map(|resume| &resume.event),
            Some(Cause::Timer(Timer::WaitOver { event, .. })) => Some(event.as_ref()),
            _ => None,
        };
        let before = before.and_then(|event| event.member.as_ref());
        self.member.as_ref() == Some(member) || before == Some(member) || self.has_found(member)
    }

    /// Whether a reading of Chat has found something about this member: it names many, and says in words
    /// of whom it has found what.
    fn has_found(&self, member: &Account) -> bool {
        let reads = matches!(self.body.as_ref().map(|body| &body.cause), Some(Cause::Seen(_)));
        let part_of_a_name = |c: char| c.is_alphanumeric() || "_-@#.$".contains(c);
        let named = |note: &String| {
            let (mut found, name) = (note.match_indices(member.as_str()), member.as_str());
            found.any(|(at, _)| {
                !note[..at].ends_with(part_of_a_name)
                    && !note[at + name.len()..].starts_with(part_of_a_name)
            })
        };
        reads && self.trace.notes.iter().any(named)
    }

    /// The event that an answer or a timer gave rise to and rules looked at: `group.ownerless`, say,
    /// or `mute.ended`. `None` where a rule only goes on with an event that has been before.
    pub fn gave_rise_to(&self) -> Option<&str> {
        let cause = self.body.as_ref().map(|body| &body.cause)?;
        let before = match cause {
            Cause::Settled { effect, .. } => effect.then.as_ref().map(|resume| resume.event.name()),
            Cause::Timer(Timer::WaitOver { event, .. }) => Some(event.name()),
            Cause::Timer(_) => None,
            _ => return None,
        };
        let names = self.trace.rules.iter().map(|trace| &*trace.event);
        names.into_iter().find(|name| Some(*name) != before)
    }
}

/// The trace without the rules that did not look: of a thousand rules that is most, and who they are
/// follows from the rules.
fn looked_at(trace: &Trace) -> Trace {
    let looked = |told: &&RuleTrace| !matches!(told.why, Why::Off | Why::OutOfScope);
    Trace {
        rules: trace.rules.iter().filter(looked).cloned().collect(),
        passed_over: trace.passed_over,
        notes: trace.notes.clone(),
    }
}

/// The id under which the timer at this position of a decision comes back.
pub fn timer_id(event: &EventId, position: usize) -> EventId {
    event.derive(&format!("timer {position}"))
}

/// The id of the event that tells what became of an effect.
pub fn settled_id(effect: &EventId) -> EventId {
    effect.derive("settled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_an_early_version_is_still_read() {
        let text = r#"{"v":1,"r":{"id":"0123456789abcdef","at":1767268800000,"event":"message.sent",
            "group":"@TGS#cats","member":"ann","rules":"112233445566",
            "effects":[["aaaaaaaaaaaaaaaa","mute ann in @TGS#cats for 5m"]],
            "trace":{"rules":[{"rule":"quiet","event":"message.sent","why":{"acted":
                {"wanted":["mute ann in @TGS#cats for 5m"],"left_out":[]}}}]}}}"#;
        let entry: JournalEntry = super::super::decode(b"j/", text.as_bytes()).unwrap();
        assert_eq!(entry.effects[0].what, "mute ann in @TGS#cats for 5m");
        assert_eq!((entry.verdict.clone(), entry.body.clone()), (Verdict::Allow, None));
        let again = super::super::encode(&entry).unwrap();
        assert_eq!(super::super::decode::<JournalEntry>(b"j/", &again).unwrap(), entry);
    }
}
