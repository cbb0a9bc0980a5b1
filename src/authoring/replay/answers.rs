//! What Chat would have answered to a question that nobody asked then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Past, Tally};
use crate::authoring::recorded::{Recorded, Trouble};
use crate::chat::{Account, GroupId, Role, RoomId};
use crate::clock::Timestamp;
use crate::decision::effect::{Answer, GroupFacts, MemberFacts, Outcome, Read, RoomFacts};
use crate::decision::state::{GroupRecord, MemberRecord, Owner};
use crate::decision::{StateKey, StateValue};
use crate::ledger::survey::GroupSurvey;
use crate::ledger::{self, survey};
use crate::store::Store;

/// So near in time, what Chat said is better than what follows from the events in between.
const NEAR: Duration = Duration::from_secs(600);

/// Answers from the journal, from the replay's own mirror, and from the service's.
pub(super) struct Answers<'p> {
    past: &'p Past,
    recorded: &'p Recorded,
    /// The service's mirror, group by group.
    groups: HashMap<GroupId, GroupSurvey>,
    supposed: Supposed,
}

/// Those of whom nothing tells what they are: taken for ordinary members, as most are.
#[derive(Clone, Default)]
pub(super) struct Supposed(Arc<Mutex<HashSet<(GroupId, Account)>>>);

impl Supposed {
    fn all(&self) -> MutexGuard<'_, HashSet<(GroupId, Account)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody's role is only supposed.
    pub(super) fn has(&self, group: &GroupId, account: &Account) -> bool {
        self.all().contains(&(group.clone(), account.clone()))
    }

    /// Somebody's role has become known; says whether it had been supposed.
    pub(super) fn remove(&self, group: &GroupId, account: &Account) -> bool {
        self.all().remove(&(group.clone(), account.clone()))
    }
}

/// Where an answer comes from, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The replay itself has made it so: nothing is assumed.
    Own,
    Near,
    Mirror,
    /// Some of it is from nowhere, and likely.
    Supposed,
    Nowhere,
}

impl Source {
    /// An answer is as good as its worst part.
    fn falls_to(&mut self, other: Self) {
        *self = (*self).max(other);
    }
}

impl<'p> Answers<'p> {
    pub(super) fn new(past: &'p Past, recorded: &'p Recorded, supposed: Supposed) -> Self {
        Self { past, recorded, groups: HashMap::new(), supposed }
    }

    /// The outcome of a question, and a mark in the tally for where it comes from.
    pub(super) fn answer(
        &mut self,
        store: &dyn Store,
        read: &Read,
        at: Timestamp,
        tally: &mut Tally,
    ) -> Result<Outcome, Trouble> {
        let (outcome, source) = match read {
            Read::Group { group } => self.of_group(store, group, at)?,
            Read::Roles { group, accounts, details, .. } => {
                self.of_roles(store, group, (accounts, *details), at)?
            }
            Read::Candidates { group, .. } => self.of_candidates(store, group, at)?,
            Read::Room { room, .. } => self.of_room(store, room, at)?,
            // The mirror of rooms has no list of who is in them.
            Read::RoomCandidates { room, .. } => match self.past.room_candidates(room, at) {
                Some((room, members)) => {
                    let (room, members) = (room.clone(), members.clone());
                    (Answer::RoomCandidates { room, members }.into(), Source::Near)
                }
                None => (unknown(), Source::Nowhere),
            },
            // Chat ends a mute by itself, by the `MuteTime` that it was given (34951).
            Read::Muted { .. } => (Answer::Muted { until: None }.into(), Source::Mirror),
        };
        *match source {
            Source::Own => return Ok(outcome),
            Source::Near => &mut tally.near,
            Source::Mirror => &mut tally.mirror,
            Source::Supposed => &mut tally.supposed,
            Source::Nowhere => &mut tally.unknown,
        } += 1;
        Ok(outcome)
    }

    fn of_group(
        &mut self,
        store: &dyn Store,
        group: &GroupId,
        at: Timestamp,
    ) -> Result<(Outcome, Source), Trouble> {
        Ok(match self.facts(store, group, at)? {
            Some((facts, source)) => (Answer::Group(facts).into(), source),
            None => (unknown(), Source::Nowhere),
        })
    }

    fn of_room(
        &self,
        store: &dyn Store,
        room: &RoomId,
        at: Timestamp,
    ) -> Result<(Outcome, Source), Trouble> {
        let told = self.past.room(room, at);
        let place = ledger::state_key(&StateKey::Room(room.clone()));
        // A room that the replay has just handed on: what Chat said then does not know of that.
        if let Some(StateValue::Room(record)) = ledger::read(store, &place)?
            && let (Owner::Is(owner), Some(_)) = (record.owner, record.unconfirmed)
        {
            let nothing = || RoomFacts {
                room: room.clone(),
                exists: true,
                name: String::new(),
                owner: None,
                member_count: None,
                created_at: None,
            };
            let facts = told.cloned().unwrap_or_else(nothing);
            let facts = RoomFacts { owner: Some(owner), ..facts };
            return Ok((Answer::Room(facts).into(), Source::Own));
        }
        Ok(match told {
            Some(facts) => (Answer::Room(facts.clone()).into(), Source::Near),
            None => (unknown(), Source::Nowhere),
        })
    }

    fn of_roles(
        &mut self,
        store: &dyn Store,
        group: &GroupId,
        (accounts, details): (&[Account], bool),
        at: Timestamp,
    ) -> Result<(Outcome, Source), Trouble> {
        // A type that nobody knows is asked for with the roles.
        let facts = self.facts(store, group, at)?.map(|(facts, _)| facts);
        let owner = facts.as_ref().and_then(|facts| facts.owner.clone());
        let (mut roles, mut source) = (Vec::new(), Source::Near);
        for account in accounts {
            let told = self.past.role(group, account, at);
            let near = told.filter(|(when, _)| when.0.abs_diff(at.0) <= NEAR.as_millis() as u64);
            let far = || told.map(|(_, role)| role);
            let role = if let Some((_, role)) = near {
                Some(role)
            } else {
                source.falls_to(Source::Mirror);
                let owns = (owner.as_ref() == Some(account)).then_some(Role::Owner);
                let known = self.mirrored(group)?.members.get(account).and_then(|m| m.role);
                far().or(known).or(owns)
            };
            if role.is_some() {
                self.supposed.remove(group, account);
            } else {
                source.falls_to(Source::Supposed);
                self.supposed.all().insert((group.clone(), account.clone()));
            }
            roles.push((account.clone(), role.unwrap_or(Role::Member)));
        }
        let known = &self.mirrored(group)?.members;
        let described = |account: &Account| {
            known.get(account).and_then(|record| as_member(account.clone(), record.clone()))
        };
        let members = accounts.iter().filter(|_| details).filter_map(described).collect();
        Ok((Answer::Roles { group: facts, roles, members }.into(), source))
    }

    fn of_candidates(
        &mut self,
        store: &dyn Store,
        group: &GroupId,
        at: Timestamp,
    ) -> Result<(Outcome, Source), Trouble> {
        let Some((facts, _)) = self.facts(store, group, at)? else {
            return Ok((unknown(), Source::Nowhere));
        };
        if let Some(members) = self.past.candidates(group, at) {
            let answer = Answer::Candidates { group: facts, members: members.clone() };
            return Ok((answer.into(), Source::Near));
        }
        let mut known = self.mirrored(group)?.members.clone();
        known.extend(survey::group(store, group)?.members);
        if known.is_empty() {
            return Ok((unknown(), Source::Nowhere));
        }
        let members = known.into_iter().filter_map(|(account, record)| as_member(account, record));
        let answer = Answer::Candidates { group: facts, members: members.collect() };
        Ok((answer.into(), Source::Mirror))
    }

    /// What is known of a group: what Chat said about then, what the replay has come to believe, what
    /// Chat said at any time, what the service believes now; in this order.
    fn facts(
        &mut self,
        store: &dyn Store,
        group: &GroupId,
        at: Timestamp,
    ) -> Result<Option<(GroupFacts, Source)>, Trouble> {
        let place = ledger::state_key(&StateKey::Group(group.clone()));
        let known = match ledger::read(store, &place)? {
            Some(StateValue::Group(record)) if record.owner != Owner::Unknown => Some(record),
            _ => None,
        };
        // A group that the replay has just handed on: what Chat said then does not know of that.
        if let Some(record) = known.as_ref().filter(|record| record.unconfirmed.is_some()) {
            return Ok(Some((as_facts(group, record), Source::Own)));
        }
        let told = self.past.group(group, at);
        if let Some((when, facts)) = told
            && when.0.abs_diff(at.0) <= NEAR.as_millis() as u64
        {
            return Ok(Some((facts.clone(), Source::Near)));
        }
        if let Some(record) = known {
            return Ok(Some((as_facts(group, &record), Source::Mirror)));
        }
        if let Some((_, facts)) = told {
            return Ok(Some((facts.clone(), Source::Near)));
        }
        let record = self.mirrored(group)?.record.as_ref();
        Ok(record.map(|record| (as_facts(group, record), Source::Mirror)))
    }

    fn mirrored(&mut self, group: &GroupId) -> Result<&GroupSurvey, Trouble> {
        if !self.groups.contains_key(group) {
            let survey = self.recorded.group(group)?;
            self.groups.insert(group.clone(), survey);
        }
        Ok(&self.groups[group])
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// Chat's words when it does not tell.
fn unknown() -> Outcome {
    Outcome::Refused { code: 0, words: "a replay cannot know".to_owned() }
}

fn as_facts(group: &GroupId, record: &GroupRecord) -> GroupFacts {
    GroupFacts {
        group: group.clone(),
        exists: !record.dismissed,
        group_type: record.group_type,
        name: record.name.clone(),
        owner: match &record.owner {
            Owner::Is(owner) => Some(owner.clone()),
            Owner::Nobody | Owner::Unknown => None,
        },
        member_count: record.member_count,
        created_at: record.created_at,
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    }
}

fn as_member(account: Account, record: MemberRecord) -> Option<MemberFacts> {
    let role = record.role.unwrap_or(Role::Member);
    (role != Role::Outside).then_some(MemberFacts {
        account,
        role,
        joined_at: record.joined_at,
        name_card: record.name_card,
        muted_until: record.muted_until,
        last_message_at: record.last_message_at,
    })
}
