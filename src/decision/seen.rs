//! What reconciliation has read from Chat, compared with the mirror: the mirror is corrected, and what
//! callbacks should have told and did not becomes the events that were missed.
//!
//! An event is *found* once: the mirror that it was found against changes in the same commit. A record
//! that was changed about when a reading began, or after, is newer than the reading, and stays.

mod group;
mod late;
mod members;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::effect::{GroupFacts, MemberFacts};
use super::event::{Event, Field};
use super::state::{MembersRead, Owner, StateKey, StateValue};
use super::{mirror, sanction, succession, wait};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::rule::EventKind;

pub(super) use group::gone_unheard;
pub(super) use late::told_already;
pub(super) use members::left_unheard;

/// What Chat has just changed may not be in all that it reads from yet, and a callback may still be on
/// its way: a reading does not contradict what was told so shortly before it began.
const SETTLING: Duration = Duration::from_secs(5);

/// One piece of what was read about the event's group. The time of the event is when the reading began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The group itself (34961). `since`: when all groups were last listed before; a group that was
    /// created after that, and that nobody told of, is new.
    Group { facts: GroupFacts, since: Option<Timestamp> },
    /// Some members, the owner among them or not: one page of the list (34948).
    Members { members: Vec<MemberFacts> },
    /// What these accounts are in the group (34963): asked of those whom the mirror has and a whole list
    /// did not name.
    Roles { roles: Vec<(Account, Role)> },
    /// The whole list of members has been read. `difference`: how many more members Chat counts than the
    /// list and the mirror have.
    Complete { difference: i64 },
    /// Chat does not know the account of this owner (34956).
    AccountGone { owner: Account },
    /// The whole list of the muted (34964), and those whom the mirror has as muted.
    Muted { ours: Vec<Account>, muted: Vec<(Account, Timestamp)> },
}

impl Seen {
    /// Whom it names.
    pub(super) fn accounts(&self) -> Vec<&Account> {
        match self {
            Self::Group { facts, .. } => facts.owner.iter().collect(),
            Self::Members { members } => members.iter().map(|member| &member.account).collect(),
            Self::Roles { roles } => roles.iter().map(|(account, _)| account).collect(),
            Self::Muted { ours, muted } => {
                ours.iter().chain(muted.iter().map(|(account, _)| account)).collect()
            }
            Self::AccountGone { owner } => vec![owner],
            Self::Complete { .. } => Vec::new(),
        }
    }
}

/// Decides what follows from a piece of reading.
pub(super) fn decide(draft: &mut Draft<'_>, event: &Event, seen: &Seen) {
    let Some(group) = event.group.clone() else { return };
    match seen {
        Seen::Group { facts, since } => group::compare(draft, event, facts, *since),
        // The group went while its members were read.
        _ if draft.known_group(&group).is_none_or(|record| record.dismissed) => {}
        Seen::Members { members } => {
            for facts in members {
                members::compare(draft, event, &group, facts);
                succession::owner_listed(draft, event, &group, facts);
            }
        }
        Seen::Roles { roles } => {
            for (account, role) in roles {
                members::compare_role(draft, event, &group, account, *role);
            }
        }
        Seen::Complete { difference } => {
            let mut record = draft.group(&group);
            record.members = Some(MembersRead { at: event.time, difference: *difference });
            draft.correct_group(&group, record);
        }
        Seen::AccountGone { owner } => succession::account_gone(draft, event, &group, owner),
        Seen::Muted { ours, muted } => sanction::list_seen(draft, event, &group, ours, muted),
    }
}

/// Whether a record was changed so late that a reading says nothing against it.
/// A time that is still to come was written before the clock was set back: nobody knows when that was.
pub(super) fn overtaken(draft: &Draft<'_>, reading: &Event, told_at: Option<Timestamp>) -> bool {
    told_at.is_some_and(|told| told + SETTLING >= reading.time && told <= draft.now)
}

/// Lets a missed event follow: marked as found, with an id that the account makes its own.
pub(super) fn found<'d>(
    draft: &'d mut Draft<'_>,
    event: &Event,
    kind: EventKind,
    member: Option<&Account>,
) -> &'d mut Event {
    let missed = draft.derive(event, kind);
    if let Some(member) = member {
        missed.id = missed.id.derive(member.as_str());
    }
    missed.member = member.cloned();
    missed.operator = None;
    missed.found = true;
    missed
}

/// What else follows from an event that was found: the mirror has been corrected already.
pub(super) fn follow(draft: &mut Draft<'_>, event: &Event, kind: EventKind) {
    wait::end_undone(draft, event);
    let (Some(group), Some(member)) = (&event.group, &event.member) else { return };
    let audience = draft.group(group).group_type == Some(GroupType::AVChatRoom);
    match kind {
        EventKind::MemberJoined => {
            sanction::overruled(draft, group, member, "they have left and come back");
            sanction::comes_back(draft, event, group, member);
        }
        EventKind::MemberLeft => {
            if !audience {
                sanction::overruled(draft, group, member, "they are not in the group any more");
            }
            sanction::goes_away(draft, group, member);
        }
        EventKind::MemberRoleChanged => mirror::temporary_role(draft, event, group, member),
        EventKind::OwnerLeft => {
            let mut record = draft.group(group);
            if record.owner.is(member) {
                record.owner = Owner::Nobody;
                draft.correct_group(group, record);
            }
        }
        _ => {}
    }
}

/// The record of a member who is believed to be in the group.
fn present(
    draft: &Draft<'_>,
    group: &GroupId,
    account: &Account,
) -> Option<super::state::MemberRecord> {
    match draft.get(&StateKey::Member(group.clone(), account.clone())) {
        Some(StateValue::Member(record)) if record.is_present() => Some(record.clone()),
        _ => None,
    }
}

fn text(value: &str) -> Field {
    Field::Text(value.to_owned())
}
