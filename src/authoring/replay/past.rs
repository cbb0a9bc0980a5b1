//! What a journal says as a whole: what became of which effects, and what Chat has answered when.

use std::collections::{HashMap, HashSet};

use super::Span;
use crate::authoring::recorded::{Recorded, Trouble};
use crate::chat::{Account, GroupId, Role, RoomId};
use crate::clock::Timestamp;
use crate::decision::EventId;
use crate::decision::effect::{Answer, GroupFacts, MemberFacts, Outcome, RoomFacts};
use crate::decision::event::Cause;
use crate::ledger::JournalEntry;

/// Answers about one thing, in order of time.
type Told<T> = Vec<(Timestamp, T)>;

/// What is known of a span before its events run: only what was answered and settled is kept.
#[derive(Debug, Default)]
pub struct Past {
    /// The entry, by its number, that tells what became of an effect.
    settled: HashMap<EventId, usize>,
    /// Every effect that was wanted.
    wanted: HashSet<EventId>,
    groups: HashMap<GroupId, Told<GroupFacts>>,
    roles: HashMap<(GroupId, Account), Told<Role>>,
    candidates: HashMap<GroupId, Told<Vec<MemberFacts>>>,
    rooms: HashMap<RoomId, Told<RoomFacts>>,
    room_candidates: HashMap<RoomId, Told<(RoomFacts, Vec<MemberFacts>)>>,
    first: Option<Timestamp>,
}

impl Past {
    /// Reads a span of a journal.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(recorded: &Recorded, span: Span) -> Result<Self, Trouble> {
        let mut past = Self::default();
        for (number, entry) in recorded.entries(span.since, span.until)?.enumerate() {
            past.add(number, entry?);
        }
        Ok(past)
    }

    fn add(&mut self, number: usize, entry: JournalEntry) {
        self.first.get_or_insert(entry.at);
        self.wanted.extend(entry.effects.into_iter().map(|wanted| wanted.id));
        if entry.outcome.is_some() {
            self.settled.insert(entry.id, number);
        }
        let Some(Cause::Settled { outcome: Outcome::Answer(answer), .. }) =
            entry.body.map(|body| body.cause)
        else {
            return;
        };
        let at = entry.at;
        match answer {
            Answer::Group(facts) => self.add_group(at, facts),
            Answer::Roles { group, roles, .. } => {
                let id = group.as_ref().map(|facts| facts.group.clone()).or(entry.group);
                if let Some(facts) = group {
                    self.add_group(at, facts);
                }
                for (account, role) in roles {
                    let Some(group) = id.clone() else { continue };
                    self.roles.entry((group, account)).or_default().push((at, role));
                }
            }
            Answer::Candidates { group, members } => {
                for member in &members {
                    let key = (group.group.clone(), member.account.clone());
                    self.roles.entry(key).or_default().push((at, member.role));
                }
                self.candidates.entry(group.group.clone()).or_default().push((at, members));
                self.add_group(at, group);
            }
            Answer::Room(facts) => {
                self.rooms.entry(facts.room.clone()).or_default().push((at, facts));
            }
            Answer::RoomCandidates { room, members } => {
                self.rooms.entry(room.room.clone()).or_default().push((at, room.clone()));
                let told = self.room_candidates.entry(room.room.clone()).or_default();
                told.push((at, (room, members)));
            }
            Answer::Muted { .. } => {}
        }
    }

    fn add_group(&mut self, at: Timestamp, facts: GroupFacts) {
        self.groups.entry(facts.group.clone()).or_default().push((at, facts));
    }

    /// When the first event was decided.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Whether an entry behind this one tells what became of an effect.
    pub(super) fn settles_after(&self, settled: &EventId, number: usize) -> bool {
        self.settled.get(settled).is_some_and(|at| *at > number)
    }

    /// Whether the effect is one that was really wanted.
    pub(super) fn was_wanted(&self, effect: &EventId) -> bool {
        self.wanted.contains(effect)
    }

    /// What Chat said of a group, nearest to a time, and when.
    pub(super) fn group(&self, group: &GroupId, at: Timestamp) -> Option<(Timestamp, &GroupFacts)> {
        nearest(self.groups.get(group)?, at)
    }

    /// What Chat said of somebody's role, nearest to a time, and when.
    pub(super) fn role(
        &self,
        group: &GroupId,
        account: &Account,
        at: Timestamp,
    ) -> Option<(Timestamp, Role)> {
        let told = self.roles.get(&(group.clone(), account.clone()))?;
        nearest(told, at).map(|(when, role)| (when, *role))
    }

    /// What Chat said of a group's members, nearest to a time.
    pub(super) fn candidates(&self, group: &GroupId, at: Timestamp) -> Option<&Vec<MemberFacts>> {
        nearest(self.candidates.get(group)?, at).map(|(_, members)| members)
    }

    /// What Chat said of a room, nearest to a time.
    pub(super) fn room(&self, room: &RoomId, at: Timestamp) -> Option<&RoomFacts> {
        nearest(self.rooms.get(room)?, at).map(|(_, facts)| facts)
    }

    /// What Chat said of a room and of those in it, nearest to a time.
    pub(super) fn room_candidates(
        &self,
        room: &RoomId,
        at: Timestamp,
    ) -> Option<&(RoomFacts, Vec<MemberFacts>)> {
        nearest(self.room_candidates.get(room)?, at).map(|(_, told)| told)
    }
}

/// The nearest in time; of two as near, what was said before.
fn nearest<T>(told: &Told<T>, at: Timestamp) -> Option<(Timestamp, &T)> {
    let distance = |when: &Timestamp| at.0.abs_diff(when.0);
    told.iter().min_by_key(|(when, _)| (distance(when), *when > at)).map(|(when, t)| (*when, t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_nearest_in_time_is_taken_and_of_two_the_earlier_one() {
        let told = vec![(Timestamp(10), 'a'), (Timestamp(20), 'b'), (Timestamp(50), 'c')];
        let at = |time| nearest(&told, Timestamp(time)).map(|(_, letter)| *letter);
        assert_eq!([at(0), at(15), at(16), at(99)], [Some('a'), Some('a'), Some('b'), Some('c')]);
    }
}
