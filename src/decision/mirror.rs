//! What an event tells about groups and members (rooms: `room`), written into the mirror; and the events that follow from that.

use std::time::Duration;

use super::draft::Draft;
use super::event::{Event, Field};
use super::state::{GroupRecord, MemberRecord, Owner, SanctionKind, StateKey, StateValue};
use super::{effect, room, sanction, succession, wait};
use crate::chat::{Ability, Account, GroupId, GroupType, Role};
use crate::rule::EventKind;

/// A callback that tells of a dismissal which was found is waited for no longer than this.
const LATEST: Duration = Duration::from_secs(86_400);

/// A group that is told to be made so long after it was is another one of the same id.
const SAME_GROUP: Duration = Duration::from_secs(3_600);

/// Applies one event, and derives `owner.left` and `group.ownerless`.
pub(super) fn apply(draft: &mut Draft<'_>, event: &Event, kind: EventKind) {
    wait::end_undone(draft, event);
    if let Some(room) = &event.room {
        return room::apply(draft, event, room, kind);
    }
    let Some(group) = event.group.clone() else { return };
    match kind {
        EventKind::MemberJoined => joined(draft, event, &group),
        EventKind::MemberLeft | EventKind::MemberRemoved => left(draft, event, &group, kind),
        EventKind::MessageSent => spoke(draft, event, &group),
        EventKind::MemberRoleChanged => role_changed(draft, event, &group),
        EventKind::MemberCardChanged => {
            if let (Some(member), Some(card)) = (&event.member, text(event, "name_card")) {
                let mut record = draft.member(&group, member);
                record.name_card = card.to_owned();
                draft.set_member(&group, member, record);
            }
        }
        EventKind::OwnerLeft | EventKind::GroupOwnerless | EventKind::OwnerInactive => {
            let mut record = known(draft, event, &group);
            succession::heard(&mut record, event, kind);
            if told_by_chat(event) {
                record.owner_told_at = record.owner_told_at.max(Some(event.time));
            }
            draft.set_group(&group, record);
        }
        EventKind::OwnerChanged => owner_changed(draft, event, &group),
        EventKind::GroupCreated => created(draft, event, &group),
        EventKind::GroupDismissed => gone(draft, &group),
        EventKind::GroupInfoChanged => {
            if let Some(name) = text(event, "name") {
                let mut record = known(draft, event, &group);
                record.name = name.to_owned();
                draft.set_group(&group, record);
            }
        }
        _ => {}
    }
}

/// A group exists no more. Whoever waits for something in it has to find that out at the end.
pub(super) fn gone(draft: &mut Draft<'_>, group: &GroupId) {
    let waits = !draft.rules.waiting().is_empty();
    let now = Some(draft.now);
    let record = GroupRecord { dismissed: true, told_at: now, ..GroupRecord::default() };
    let left = waits.then_some(StateValue::Group(record));
    draft.set(StateKey::Group(group.clone()), left);
}

/// Chat still does not know a group that is gone: its record has served its time, unless a rule waits.
pub(super) fn forget_dismissed(draft: &mut Draft<'_>, group: &GroupId, known: &GroupRecord) {
    let waits = !draft.rules.waiting().is_empty();
    let late = known.found_at.is_some_and(|found| found + LATEST > draft.now);
    if !waits && !late {
        draft.set(StateKey::Group(group.clone()), None);
    }
}

/// The group's record, with the type that the callback names.
fn known(draft: &Draft<'_>, event: &Event, group: &GroupId) -> GroupRecord {
    let mut record = draft.group(group);
    // Ids are free again once their group is dismissed.
    record.dismissed = false;
    if event.group_type.is_some_and(|kind| kind != GroupType::Unknown) {
        record.group_type = event.group_type;
    }
    record
}

fn joined(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let mut record = known(draft, event, group);
    record.member_count = record.member_count.map(|count| count + 1);
    let owns = event.member.as_ref().is_some_and(|member| record.owner.is(member));
    // Chat stores no members of an AVChatRoom, and they come and go by the thousand (33529).
    let stored = record.group_type != Some(GroupType::AVChatRoom);
    draft.set_group(group, record);
    if let (Some(member), true) = (&event.member, stored) {
        // A leave that nobody told us of.
        sanction::overruled(draft, group, member, "they have left and come back");
        let role = if owns { Role::Owner } else { Role::Member };
        let fresh = MemberRecord {
            role: Some(role),
            joined_at: Some(event.time),
            // Nobody who has just come has a name card here, or has said anything.
            read_at: Some(event.time),
            ..MemberRecord::default()
        };
        draft.set_member(group, member, fresh);
    }
    if let Some(member) = &event.member {
        sanction::comes_back(draft, event, group, member);
    }
}

fn left(draft: &mut Draft<'_>, event: &Event, group: &GroupId, how: EventKind) {
    let Some(member) = &event.member else { return };
    let mut record = known(draft, event, group);
    record.member_count = record.member_count.map(|count| (count - 1).max(0));
    let owner = record.owner.clone();
    // Admins of an AVChatRoom stay that while they come and go (60525).
    if record.group_type != Some(GroupType::AVChatRoom) {
        sanction::overruled(draft, group, member, "they are not in the group any more");
    }
    sanction::goes_away(draft, group, member);
    // Whether Chat lets an owner be removed over REST is not documented; it may.
    let may_own = how == EventKind::MemberRemoved
        || record.group_type.is_none_or(|kind| kind.supports(Ability::OwnerMayQuit));
    if record.group_type != Some(GroupType::AVChatRoom) {
        record.note_leave(member, draft.now);
    }
    draft.set_group(group, record);
    draft.set(StateKey::Member(group.clone(), member.clone()), None);
    if owner.is(member) {
        draft.derive(event, EventKind::OwnerLeft);
    } else if owner == Owner::Unknown && may_own && cares_about_owners(draft) {
        // Nobody told us who owned it; Chat knows whether anybody still does.
        let read = effect::Read::Group { group: group.clone() };
        draft.owe(event, event.id.derive("read group"), None, effect::Act::Read(read));
    }
}

fn cares_about_owners(draft: &Draft<'_>) -> bool {
    [EventKind::OwnerLeft, EventKind::GroupOwnerless]
        .into_iter()
        .any(|kind| !draft.rules.on(kind).is_empty())
}

/// Notes when somebody last said something, if any rule asks for that: every message would be written
/// otherwise.
fn spoke(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let Some(member) = event.member.as_ref().filter(|member| member.is_somebody()) else { return };
    if !draft.rules.notes_messages() {
        return;
    }
    let mut record = draft.member(group, member);
    record.last_message_at = record.last_message_at.max(Some(event.time));
    draft.set_member(group, member, record);
}

fn role_changed(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let Some(member) = &event.member else { return };
    let Some(role) = text(event, "role").and_then(Role::from_wire) else { return };
    temporary_role(draft, event, group, member);
    if event.by_bot {
        sanction::role_echoed(draft, event, group, member, role);
    }
    let mut record = draft.member(group, member);
    record.role = Some(role);
    draft.set_member(group, member, record);
}

/// A temporary role of ours ends where somebody else has given another one.
pub(super) fn temporary_role(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    member: &Account,
) {
    let Some(role) = text(event, "role").and_then(Role::from_wire) else { return };
    let temporary = draft.sanction(group, member, SanctionKind::Role);
    // Our own change comes back as an event too; a person's may be to the same role.
    if !event.by_bot && temporary.is_some_and(|temporary| temporary.role != Some(role)) {
        let why = format!("somebody has made them {}", role.name());
        sanction::overruled(draft, group, member, &why);
    }
}

/// Whether a callback tells it, and so its time is by Chat's clock; what we find out by ourselves has ours.
fn told_by_chat(event: &Event) -> bool {
    event.command.contains('.')
}

fn owner_changed(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let new = text(event, "new_owner").map(Account::from);
    let old = text(event, "old_owner").map(Account::from);
    let ours = draft.group(group);
    let older = ours.owner_since.is_some_and(|since| event.time < since);
    let other = new.as_ref().is_none_or(|new| !ours.owner.is(new));
    if ours.unconfirmed.is_some() && older && other && told_by_chat(event) {
        // Overtaken by our own transfer; the reading that confirms it shows who is right.
        draft.note(format!("that is older than the transfer of {group} by the bot"));
        return;
    }
    succession::confirm::by_callback(draft, event, group, new.as_ref());
    let mut record = known(draft, event, group);
    if told_by_chat(event) {
        if record.owner_told_at.is_some_and(|told| event.time < told) {
            // Callbacks overtake each other: who owned it then does not own it any more.
            draft.note(format!("who owns {group} now has been told before, by a later callback"));
            return;
        }
        record.owner_told_at = Some(event.time);
        draft.set_group(group, record);
    }
    new_owner(draft, event, group, old.as_ref(), new.as_ref());
}

/// Writes a change of owner into group and members, and ends the waits for one.
pub(super) fn new_owner(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    old: Option<&Account>,
    new: Option<&Account>,
) {
    let mut record = known(draft, event, group);
    let before = std::mem::replace(&mut record.owner, Owner::from_account(new));
    if before != record.owner {
        record.owner_since = Some(event.time);
        record.owner_told = None;
    }
    draft.set_group(group, record);
    for (account, role) in [(old, Role::Member), (new, Role::Owner)] {
        let Some(account) = account.filter(|account| account.is_somebody()) else { continue };
        sanction::overruled(draft, group, account, "the group changed its owner");
        let key = StateKey::Member(group.clone(), account.clone());
        // The old owner may have left; no record of them is made up.
        let Some(StateValue::Member(known)) = draft.get(&key) else {
            if role == Role::Owner {
                let fresh = MemberRecord { role: Some(role), ..MemberRecord::default() };
                draft.set_member(group, account, fresh);
            }
            continue;
        };
        let changed = MemberRecord { role: Some(role), ..known.clone() };
        draft.set_member(group, account, changed);
    }
    if let Some(owner) = new.filter(|new| new.is_somebody()) {
        wait::end_for_owner(draft, group, owner);
    }
}

fn created(draft: &mut Draft<'_>, event: &Event, group: &GroupId) {
    let mut record = known(draft, event, group);
    let owner = text(event, "owner").map(Account::from);
    record.owner = Owner::from_account(owner.as_ref());
    record.name = text(event, "name").unwrap_or_default().to_owned();
    // A callback without a time of its own counts from when it came: what was told before is nearer.
    let told = record.created_at.filter(|told| event.time.since(*told) <= SAME_GROUP);
    record.created_at = told.or(Some(event.time));
    record.owner_since = Some(event.time);
    record.owner_told_at = Some(event.time);
    let ownerless = record.owner == Owner::Nobody;
    draft.set_group(group, record);
    if let Some(owner) = owner.filter(Account::is_somebody) {
        let record = MemberRecord {
            role: Some(Role::Owner),
            joined_at: Some(event.time),
            // Nobody who has just come has a name card here, or has said anything.
            read_at: Some(event.time),
            ..MemberRecord::default()
        };
        draft.set_member(group, &owner, record);
    }
    if ownerless {
        succession::ownerless(draft.derive(event, EventKind::GroupOwnerless), "created");
    }
}

/// A text field of `event`, if the callback carried it.
pub(super) fn text<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    match event.fields.get(name) {
        Some(Field::Text(text)) => Some(text),
        _ => None,
    }
}
