//! Members as Chat lists them, against the mirror.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::effect::MemberFacts;
use super::super::event::Event;
use super::super::state::{MemberRecord, StateKey, StateValue};
use super::{found, overtaken, present, text};
use crate::chat::{Account, GroupId, Role};
use crate::rule::EventKind;

/// A join time that is so much later than the known one is another join. Callbacks and lists count with
/// different clocks.
const REJOINED: Duration = Duration::from_secs(60);
/// When somebody last spoke is written down no more often than this, unless a rule asks for it.
const SPOKE_AGAIN: Duration = Duration::from_secs(3_600);
/// A callback that tells of a leave which was found is waited for no longer than this.
const LATEST: Duration = Duration::from_secs(86_400);

/// Corrects the record of one member whom a list names.
pub(super) fn compare(draft: &mut Draft<'_>, event: &Event, group: &GroupId, facts: &MemberFacts) {
    match present(draft, group, &facts.account) {
        Some(known) if overtaken(draft, event, known.told_at) => {}
        Some(known) => differences(draft, event, group, facts, known),
        None => newcomer(draft, event, group, facts),
    }
}

/// Somebody whom nobody told of. As long as a group's members have never been listed, nothing was missed.
fn newcomer(draft: &mut Draft<'_>, event: &Event, group: &GroupId, facts: &MemberFacts) {
    let record = draft.group(group);
    if overtaken(draft, event, record.told_to_have_left(&facts.account)) {
        return;
    }
    let mut fresh = described(event, facts);
    if record.members.is_none() {
        return draft.correct_member(group, &facts.account, fresh);
    }
    fresh.found_at = Some(event.time);
    draft.correct_member(group, &facts.account, fresh);
    joined(draft, event, facts);
}

fn joined(draft: &mut Draft<'_>, event: &Event, facts: &MemberFacts) {
    let at = facts.joined_at.map_or_else(String::new, |at| format!(" at {at}"));
    draft.note(format!("{} joined{at}; no callback told us", facts.account));
    let missed = found(draft, event, EventKind::MemberJoined, Some(&facts.account));
    missed.time = facts.joined_at.unwrap_or(event.time);
}

/// A member as Chat describes them.
fn described(event: &Event, facts: &MemberFacts) -> MemberRecord {
    MemberRecord {
        role: Some(facts.role),
        joined_at: facts.joined_at,
        name_card: facts.name_card.clone(),
        muted_until: facts.muted_until.filter(|until| *until > event.time),
        last_message_at: facts.last_message_at,
        read_at: Some(event.time),
        ..MemberRecord::default()
    }
}

fn differences(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    facts: &MemberFacts,
    known: MemberRecord,
) {
    let account = &facts.account;
    let again = known.joined_at.zip(facts.joined_at);
    if again.is_some_and(|(known, now)| now > known + REJOINED) {
        let mut fresh = described(event, facts);
        // Left over from a group of the same id, or from before anybody looked: nothing was missed.
        if draft.group(group).members.is_none() {
            return draft.correct_member(group, account, fresh);
        }
        fresh.found_at = Some(event.time);
        draft.correct_member(group, account, fresh);
        draft.note(format!("{account} left and came back; no callback told us"));
        found(draft, event, EventKind::MemberLeft, Some(account));
        return joined(draft, event, facts);
    }
    let mut record = MemberRecord {
        name_card: facts.name_card.clone(),
        joined_at: facts.joined_at.or(known.joined_at),
        ..known.clone()
    };
    let running = |until: &crate::clock::Timestamp| *until > event.time;
    let muted = facts.muted_until.filter(running);
    if known.muted_until.filter(running) != muted {
        record.muted_until = muted;
    }
    let spoke = worth_noting(draft, &known, facts);
    if spoke {
        record.last_message_at = facts.last_message_at;
    }
    let told = known.read_at.is_some() || !known.name_card.is_empty();
    let carded = told && known.name_card != facts.name_card;
    if carded {
        record.found_at = Some(event.time);
    }
    record.read_at = known.read_at.or(Some(event.time));
    draft.correct_member(group, account, record);
    if carded {
        draft.note(format!("the name card of {account} has changed; no callback told us"));
        let missed = found(draft, event, EventKind::MemberCardChanged, Some(account));
        missed.fields.insert("name_card".into(), text(&facts.name_card));
    }
    role(draft, event, group, account, facts.role);
}

/// Whether it is worth a commit when somebody last spoke.
fn worth_noting(draft: &Draft<'_>, known: &MemberRecord, facts: &MemberFacts) -> bool {
    let (before, now) = (known.last_message_at, facts.last_message_at);
    now > before
        && (draft.rules.notes_messages()
            || before.zip(now).is_none_or(|(before, now)| now >= before + SPOKE_AGAIN))
}

/// The role of somebody whom the mirror has. What owners are follows from the group.
fn role(draft: &mut Draft<'_>, event: &Event, group: &GroupId, account: &Account, now: Role) {
    let Some(mut record) = present(draft, group, account) else { return };
    let before = record.role.replace(now);
    if before == Some(now) {
        return;
    }
    let of_owners = now == Role::Owner || before == Some(Role::Owner);
    let missed = before.is_some() && !of_owners;
    if missed {
        record.found_at = Some(event.time);
    }
    draft.correct_member(group, account, record);
    if missed {
        draft.note(format!("{account} is {} now; no callback told us", words(now)));
        let missed = found(draft, event, EventKind::MemberRoleChanged, Some(account));
        missed.fields.insert("role".into(), text(now.name()));
    }
}

fn words(role: Role) -> &'static str {
    match role {
        Role::Owner => "the owner",
        Role::Admin => "an admin",
        Role::Member | Role::Outside => "a plain member",
    }
}

/// What somebody is whom a whole list did not name.
pub(super) fn compare_role(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    account: &Account,
    now: Role,
) {
    let key = StateKey::Member(group.clone(), account.clone());
    let Some(StateValue::Member(known)) = draft.get(&key).cloned() else { return };
    if let Some(gone_at) = known.gone_at {
        if gone_at + LATEST <= event.time {
            draft.set(key, None);
        }
        return;
    }
    if overtaken(draft, event, known.told_at) {
        return;
    }
    if now != Role::Outside {
        return role(draft, event, group, account, now);
    }
    let record = draft.group(group);
    // Known not to be there, or left over from a group of the same id: nobody has left.
    if !known.is_present() || record.members.is_none() {
        return draft.set(key, None);
    }
    has_left(draft, event, group, account, &known);
}

/// Whether the answer to a rule's question shows that somebody has left, and nobody told so.
pub(in super::super) fn left_unheard(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    account: &Account,
) -> bool {
    let Some(known) = present(draft, group, account) else { return false };
    if overtaken(draft, event, known.told_at) || draft.group(group).members.is_none() {
        return false;
    }
    has_left(draft, event, group, account, &known);
    true
}

fn has_left(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    account: &Account,
    known: &MemberRecord,
) {
    let owned = draft.group(group).owner.is(account) || known.role == Some(Role::Owner);
    let gone = MemberRecord {
        role: Some(Role::Outside),
        role_at: Some(event.time),
        read_at: Some(event.time),
        gone_at: Some(event.time),
        found_at: Some(event.time),
        ..Default::default()
    };
    draft.correct_member(group, account, gone);
    draft.note(format!("{account} is not in the group any more; no callback told us"));
    found(draft, event, EventKind::MemberLeft, Some(account)).group = Some(group.clone());
    if owned {
        found(draft, event, EventKind::OwnerLeft, Some(account)).group = Some(group.clone());
    }
}
