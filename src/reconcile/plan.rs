//! What has to be read of a group, cheapest first. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::mirrored::Mirrored;
use crate::chat::{Ability, Account, GroupType};
use crate::clock::Timestamp;
use crate::decision::effect::GroupFacts;
use crate::decision::state::GroupRecord;

/// What is to be read of a group behind its own description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everybody, page by page.
    Members,
    /// Owner and admins.
    Staff,
    /// Who is muted.
    Muted,
}

/// What the decision rests upon.
pub(super) struct Known<'k> {
    /// As it was before this reading.
    pub record: Option<&'k GroupRecord>,
    pub mirrored: &'k Mirrored,
    /// Who has a live mute of ours.
    pub muted: &'k [Account],
    pub now: Timestamp,
    /// `[reconcile] members`.
    pub every: Option<Duration>,
    /// Somebody wants to know for certain.
    pub forced: bool,
}

/// The parts to read, in order.
pub(super) fn parts(facts: &GroupFacts, known: &Known<'_>) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    if !facts.exists {
        return parts;
    }
    // An AVChatRoom stores no members (34948); its owner stands in the group's description.
    if facts.group_type != Some(GroupType::AVChatRoom) {
        parts.push_back(if members_due(facts, known) { Part::Members } else { Part::Staff });
    }
    let mutes = facts.group_type.is_none_or(|kind| kind.supports(Ability::Mute));
    if mutes && !known.muted.is_empty() {
        parts.push_back(Part::Muted);
    }
    parts
}

/// Whether all members are read: the first time, after a while, and when Chat counts other ones than
/// callbacks have told of.
fn members_due(facts: &GroupFacts, known: &Known<'_>) -> bool {
    let Some(every) = known.every else { return known.forced };
    let Some(read) = known.record.and_then(|record| record.members) else { return true };
    let missed = facts
        .member_count
        .is_some_and(|counted| counted.saturating_sub(known.mirrored.present) != read.difference);
    known.forced || missed || read.at + every <= known.now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::state::MembersRead;

    const NOW: Timestamp = Timestamp(1_767_268_800_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn facts(kind: GroupType, count: i64) -> GroupFacts {
        GroupFacts {
            group: "@TGS#1".into(),
            exists: true,
            group_type: Some(kind),
            name: String::new(),
            owner: None,
            member_count: Some(count),
            created_at: None,
            mute_all: None,
            last_message_at: None,
            message_sequence: None,
        }
    }

    fn read(at: Timestamp, difference: i64) -> GroupRecord {
        let members = Some(MembersRead { at, difference });
        GroupRecord { members, ..GroupRecord::default() }
    }

    fn plan(facts: &GroupFacts, record: Option<&GroupRecord>, present: i64) -> Vec<Part> {
        let mirrored = Mirrored { present, admins: Vec::new() };
        let (muted, every) = (&[][..], Some(DAY));
        let known = Known { record, mirrored: &mirrored, muted, now: NOW, every, forced: false };
        parts(facts, &known).into()
    }

    #[test]
    fn members_are_read_at_first_sight_and_then_only_owner_and_admins() {
        let group = facts(GroupType::Public, 3);
        assert_eq!(plan(&group, None, 0), [Part::Members]);
        assert_eq!(plan(&group, Some(&GroupRecord::default()), 3), [Part::Members]);
        assert_eq!(plan(&group, Some(&read(NOW, 0)), 3), [Part::Staff]);
    }

    #[test]
    fn members_are_read_again_when_chat_counts_others_or_the_time_has_come() {
        let group = facts(GroupType::Public, 4);
        assert_eq!(plan(&group, Some(&read(NOW, 0)), 3), [Part::Members]);
        // Chat counted one more than it listed the last time, too.
        assert_eq!(plan(&group, Some(&read(NOW, 1)), 3), [Part::Staff]);
        assert_eq!(plan(&group, Some(&read(NOW - DAY, 1)), 3), [Part::Members]);
    }

    #[test]
    fn an_audience_has_no_members_and_a_group_that_is_gone_has_nothing() {
        assert_eq!(plan(&facts(GroupType::AVChatRoom, 9), None, 0), []);
        let gone = GroupFacts { exists: false, ..facts(GroupType::Public, 0) };
        assert_eq!(plan(&gone, Some(&read(NOW, 0)), 3), []);
    }

    #[test]
    fn mutes_are_read_where_some_are_ours_and_members_never_where_that_is_off() {
        let mirrored = Mirrored::default();
        let muted = [Account::from("ann")];
        let known = Known {
            record: None,
            mirrored: &mirrored,
            muted: &muted,
            now: NOW,
            every: None,
            forced: false,
        };
        let of = |kind| Vec::from(parts(&facts(kind, 1), &known));
        assert_eq!(of(GroupType::Public), [Part::Staff, Part::Muted]);
        assert_eq!(of(GroupType::AVChatRoom), [Part::Muted]);
        assert_eq!(of(GroupType::Work), [Part::Staff]);
    }
}
