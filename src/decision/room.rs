//! What an event tells about rooms, written into the mirror: who owns them, and who came in first.

use super::draft::Draft;
use super::effect::{Act, Read, RoomFacts};
use super::event::{Event, Field, Room};
use super::mirror::text;
use super::state::{Owner, RoomRecord, StateKey};
use super::succession::confirm;
use super::wait;
use crate::chat::{Account, RoomId};
use crate::rule::catalog::Object;
use crate::rule::model::{Action, Step};
use crate::rule::{EventKind, RuleSet};

/// Applies one event, and derives `room.owner_left` and `room.owner_changed`.
pub(super) fn apply(draft: &mut Draft<'_>, event: &Event, room: &Room, kind: EventKind) {
    draft.hear_of_room(&room.id);
    match kind {
        EventKind::RoomClosed => draft.set(StateKey::Room(room.id.clone()), None),
        EventKind::RoomMemberEntered => entered(draft, event, &room.id),
        EventKind::RoomMemberLeft => left(draft, event, room),
        EventKind::RoomOwnerChanged => {
            let new = text(event, "new_owner").map(Account::from).or_else(|| room.owner.clone());
            if let Some(new) = new {
                confirm::room_by_callback(draft, &room.id, &new);
                new_owner(draft, &room.id, &new);
            }
        }
        // For a Conference this is the only trace of a new owner (60731).
        EventKind::RoomInfoChanged => info_changed(draft, event, room),
        // Who has left does not own it for having been named once more.
        EventKind::RoomOwnerLeft => {}
        _ => {
            if let Some(owner) = &room.owner {
                let mut record = draft.room(&room.id).cloned().unwrap_or_default();
                record.owner_out &= record.owner.is(owner);
                record.owner = Owner::from_account(Some(owner));
                draft.set_room(&room.id, record);
            }
        }
    }
}

/// Whether it matters who came in: a rule looks for successors, or wants to know that an owner left.
fn matters_who_came_in(rules: &RuleSet) -> bool {
    if !rules.on(EventKind::RoomOwnerLeft).is_empty() {
        return true;
    }
    let of_rooms = EventKind::ALL.iter().filter(|kind| kind.carries(Object::Room));
    let transfers = |step: &Step| matches!(step.action, Action::TransferOwner { .. });
    of_rooms.flat_map(|kind| rules.on(*kind)).any(|rule| rule.steps.iter().any(transfers))
}

fn entered(draft: &mut Draft<'_>, event: &Event, room: &RoomId) {
    let Some(member) = &event.member else { return };
    let mut record = draft.room(room).cloned().unwrap_or_default();
    let mut changed = false;
    if record.owner.is(member) {
        wait::end_for_room_owner(draft, room, "the owner is in the room again");
        changed = std::mem::take(&mut record.owner_out);
    }
    let known = record.entered.iter().any(|(account, _)| account == member);
    let full = record.entered.len() >= RoomRecord::ENTERED;
    if !known && !full && matters_who_came_in(draft.rules) {
        // Callbacks may overtake each other.
        let at = record.entered.partition_point(|(_, time)| *time <= event.time);
        record.entered.insert(at, (member.clone(), event.time));
        changed = true;
    }
    if changed {
        draft.set_room(room, record);
    }
}

fn left(draft: &mut Draft<'_>, event: &Event, room: &Room) {
    let Some(member) = &event.member else { return };
    let known = draft.room(&room.id).cloned();
    let owner = known.as_ref().map_or(Owner::Unknown, |record| record.owner.clone());
    if let Some(mut record) = known {
        record.entered.retain(|(account, _)| account != member);
        record.owner_out |= owner.is(member);
        draft.set_room(&room.id, record);
    }
    if owner.is(member) {
        owner_left(draft, event);
    } else if owner == Owner::Unknown && !draft.rules.on(EventKind::RoomOwnerLeft).is_empty() {
        // Nobody told us who owned it; Chat still names them.
        let left = Some(member.clone());
        let read = Read::Room { room: room.id.clone(), kind: room.kind, left };
        draft.owe(event, event.id.derive("read room"), None, Act::Read(read));
    }
}

fn owner_left(draft: &mut Draft<'_>, event: &Event) {
    let told: Vec<_> = ["how", "reason"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), event.fields.get(name)?.clone())))
        .collect();
    draft.derive(event, EventKind::RoomOwnerLeft).fields.extend(told);
}

fn info_changed(draft: &mut Draft<'_>, event: &Event, room: &Room) {
    let Some(owner) = &room.owner else { return };
    let before = draft.room(&room.id).map_or(Owner::Unknown, |record| record.owner.clone());
    if before.is(owner) {
        // Named among what is as it was; or our own transfer, which is settled already.
        confirm::room_by_callback(draft, &room.id, owner);
        return;
    }
    owner_changed(draft, event, &before, owner);
}

/// Lets `room.owner_changed` follow; applying that writes the new owner.
fn owner_changed(draft: &mut Draft<'_>, event: &Event, before: &Owner, owner: &Account) {
    let derived = draft.derive(event, EventKind::RoomOwnerChanged);
    if let Owner::Is(old) = before {
        derived.fields.insert("old_owner".to_owned(), Field::Text(old.to_string()));
    }
    derived.fields.insert("new_owner".to_owned(), Field::Text(owner.to_string()));
}

/// Writes a change of owner, and ends the waits for one.
pub(super) fn new_owner(draft: &mut Draft<'_>, room: &RoomId, owner: &Account) {
    let mut record = draft.room(room).cloned().unwrap_or_default();
    if record.owner.is(owner) {
        return;
    }
    record.owner = Owner::from_account(Some(owner));
    (record.unconfirmed, record.owner_out) = (None, false);
    draft.set_room(room, record);
    wait::end_for_room_owner(draft, room, &format!("{owner} owns the room"));
}

/// Takes what Chat says about a room into the mirror. `left`: who left it while nobody had told us
/// the owner.
pub(super) fn believe(
    draft: &mut Draft<'_>,
    event: &Event,
    facts: &RoomFacts,
    left: Option<&Account>,
) {
    let room = &facts.room;
    if !facts.exists {
        draft.note(format!("room {room} does not exist any more"));
        draft.set(StateKey::Room(room.clone()), None);
        return;
    }
    confirm::room_by_reading(draft, event, facts);
    let mut record = draft.room(room).cloned().unwrap_or_default();
    let before = record.owner.clone();
    let now = Owner::from_account(facts.owner.as_ref());
    match &now {
        Owner::Is(owner) if before != Owner::Unknown && !before.is(owner) => {
            owner_changed(draft, event, &before, owner);
        }
        _ => {
            record.owner = now.clone();
            draft.set_room(room, record);
        }
    }
    // Another question may have been answered before this one, and who left may be back.
    let Some(record) = draft.room(room).cloned() else { return };
    let is_back = |left: &Account| record.entered.iter().any(|(account, _)| account == left);
    if let Some(left) = left
        && (before == Owner::Unknown || before.is(left))
        && now.is(left)
        && !record.owner_out
        && !is_back(left)
    {
        draft.set_room(room, RoomRecord { owner_out: true, ..record });
        draft.derive(event, EventKind::RoomOwnerLeft).member = Some(left.clone());
    }
}
