//! An event and everything that followed from it: what became of its effects, the waits it began, and
//! what rules decided when Chat had answered.

use std::collections::{HashMap, VecDeque};

use crate::authoring::recorded::{Recorded, Trouble};
use crate::decision::event::Cause;
use crate::decision::{EventId, RuleTrace};
use crate::ledger::{JournalEntry, Wanted, settled_id};

/// Entries that are followed at most: an owner's succession takes a dozen.
const MOST: usize = 200;

/// Entries in the order of decision; the first is the event's own.
pub(super) struct Chain {
    entries: Vec<JournalEntry>,
    places: HashMap<EventId, usize>,
}

impl Chain {
    /// Looks up what followed from an event.
    pub(super) fn follow(recorded: &Recorded, entry: JournalEntry) -> Result<Self, Trouble> {
        let mut open = VecDeque::from(following(&entry));
        let mut entries = vec![entry];
        while let Some(id) = open.pop_front() {
            if entries.len() >= MOST {
                break;
            }
            // What is not there has not come yet.
            for entry in recorded.find(id.as_str())? {
                open.extend(following(&entry));
                entries.push(entry);
            }
        }
        entries[1..].sort_by_key(|entry| entry.at);
        let places = entries.iter().enumerate().map(|(place, entry)| (entry.id.clone(), place));
        Ok(Self { places: places.collect(), entries })
    }

    /// The event's own entry.
    pub(super) fn entry(&self) -> &JournalEntry {
        &self.entries[0]
    }

    /// A later one.
    pub(super) fn get(&self, id: &EventId) -> Option<&JournalEntry> {
        self.places.get(id).map(|place| &self.entries[*place])
    }

    /// What a rule made of the event, and of how it went on.
    pub(super) fn traces_of<'c>(
        &'c self,
        rule: &'c str,
    ) -> impl Iterator<Item = (&'c JournalEntry, &'c RuleTrace)> {
        let root = self.entry();
        let of_root = root.trace.rules.iter().filter(move |trace| trace.rule.as_str() == rule);
        let mut names: Vec<&str> = of_root.clone().map(|trace| &*trace.event).collect();
        if root.trace.passed_over {
            names.push(&root.event);
        }
        let later = self.entries[1..].iter().flat_map(move |entry| {
            // What became of an effect can be an event for the same rule; that is another story. What
            // Chat answers to the bot's own question (who owns a group now?) belongs to this one.
            let names = names.clone();
            let own = answers_own_question(entry);
            let same = move |trace: &&RuleTrace| {
                trace.rule.as_str() == rule && (own || names.contains(&&*trace.event))
            };
            entry.trace.rules.iter().filter(same).map(move |trace| (entry, trace))
        });
        of_root.map(move |trace| (root, trace)).chain(later)
    }

    /// What a rule wanted, at once and later.
    pub(super) fn effects_of<'c>(
        &'c self,
        rule: &'c str,
    ) -> impl Iterator<Item = (&'c JournalEntry, &'c Wanted)> {
        self.entries.iter().flat_map(move |entry| {
            let of_rule = move |wanted: &&Wanted| match &wanted.rule {
                Some(its) => its.as_str() == rule,
                // Entries of early versions do not say whose it is; the trace does.
                None => entry.trace.rules.iter().any(|trace| {
                    trace.rule.as_str() == rule && trace.why.to_string().contains(&wanted.what)
                }),
            };
            entry.effects.iter().filter(of_rule).map(move |wanted| (entry, wanted))
        })
    }

    /// Whether an effect fell with one before it.
    pub(super) fn skipped(&self, effect: &EventId) -> bool {
        self.entries.iter().any(|entry| match entry.body.as_ref().map(|body| &body.cause) {
            Some(Cause::Settled { skipped, .. }) => skipped.iter().any(|s| s.id == *effect),
            _ => false,
        })
    }
}

/// Whether an entry is Chat's answer to a question that no rule asked.
fn answers_own_question(entry: &JournalEntry) -> bool {
    match entry.body.as_ref().map(|body| &body.cause) {
        Some(Cause::Settled { effect, .. }) => effect.rule.is_none() && effect.act.is_read(),
        _ => false,
    }
}

/// The ids under which it goes on.
fn following(entry: &JournalEntry) -> Vec<EventId> {
    let settled = entry.effects.iter().map(|wanted| settled_id(&wanted.id));
    settled.chain(entry.timers.iter().map(|timer| timer.id.clone())).collect()
}
