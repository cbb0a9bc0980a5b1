//! Owners whom Chat still names and who are of no use to their group: their account is gone, or they
//! have not said anything for long. Reconciliation looks; once for each owner and time, rules hear of it.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::effect::MemberFacts;
use super::super::event::{Event, Field};
use super::super::seen::{found, overtaken};
use super::ACCOUNT_GONE;
use crate::chat::{Account, GroupId, Role};
use crate::clock::Timestamp;
use crate::rule::EventKind;

/// That an account is gone is told again after this, as long as nobody has succeeded.
const TOLD_AGAIN: Duration = Duration::from_secs(86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// Chat does not know the account of a group's owner (34956).
pub(in crate::decision) fn account_gone(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    owner: &Account,
) {
    let record = draft.group(group);
    let told = record.owner_told.is_some_and(|told| told + TOLD_AGAIN > event.time);
    if !record.owner.is(owner) || overtaken(draft, event, record.told_at) || told {
        return;
    }
    mark_told(draft, event, group);
    draft.note(format!("{owner} owns {group}, and their account does not exist any more"));
    let missed = found(draft, event, EventKind::GroupOwnerless, None);
    missed.fields.insert("reason".to_owned(), Field::Text(ACCOUNT_GONE.to_owned()));
    missed.fields.insert("owner".to_owned(), Field::Text(owner.to_string()));
}

/// Chat has listed the owner, with their last message.
pub(in crate::decision) fn owner_listed(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    facts: &MemberFacts,
) {
    let Some(limit) = draft.settings.owner_inactive.filter(|_| facts.role == Role::Owner) else {
        return;
    };
    let record = draft.group(group);
    let Some(since) = last_sign(draft, group, facts) else { return };
    let idle = event.time.since(since);
    let told = record.owner_told.is_some_and(|told| told + limit > event.time);
    if !record.owner.is(&facts.account) || idle < limit || told {
        return;
    }
    mark_told(draft, event, group);
    let days = i64::try_from(idle.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
    draft.note(format!("{} owns {group}, and was last active {days} days ago", facts.account));
    let missed = found(draft, event, EventKind::OwnerInactive, Some(&facts.account));
    missed.fields.insert("inactive_days".to_owned(), Field::Int(days));
}

/// When an owner was last seen doing anything: their last message (Chat's or our word for it), else
/// when they came; and not before they became owner, so that a successor has the whole time, too.
fn last_sign(draft: &Draft<'_>, group: &GroupId, facts: &MemberFacts) -> Option<Timestamp> {
    let record = draft.group(group);
    let known = draft.member(group, &facts.account);
    let spoke = facts.last_message_at.max(known.last_message_at);
    let came = facts.joined_at.or(known.joined_at).or(record.created_at);
    spoke.or(came).max(record.owner_since)
}

fn mark_told(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let mut record = draft.group(group);
    record.owner_told = Some(event.time);
    draft.correct_group(group, record);
}
