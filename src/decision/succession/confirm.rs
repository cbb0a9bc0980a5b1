//! Chat's OK to a transfer is believed, and confirmed: by its callback, which is our own echo, or by
//! reading who owns the group or room if none has come within a minute.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::effect::{Act, GroupFacts, Read, RoomFacts};
use super::super::event::{Event, EventId, RoomKind, Timer};
use super::super::state::Owner;
use super::super::{mirror, room};
use crate::chat::{Account, GroupId, RoomId};

/// Chat's callbacks come within seconds, or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

const BY_CALLBACK: &str = "confirmed by Chat's callback";
const BY_READING: &str = "confirmed by reading";

/// Chat has made somebody the owner of a group.
pub(in super::super) fn accepted(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, from, to): (&GroupId, Option<&Account>, &Account),
    transfer: &EventId,
) {
    let before = draft.group(group);
    // The callback can be faster than Chat's own answer.
    if before.owner.is(to) && before.unconfirmed.is_none() {
        draft.note(format!("{to} owns {group}: {BY_CALLBACK}"));
        return;
    }
    mirror::new_owner(draft, event, group, from, Some(to));
    if before.unconfirmed.is_some() && before.owner.is(to) {
        return;
    }
    let mut record = draft.group(group);
    record.unconfirmed = Some(transfer.clone());
    draft.set_group(group, record);
    let (group, to, transfer) = (group.clone(), to.clone(), transfer.clone());
    let timer = Timer::Unconfirmed { group, to, transfer };
    draft.timer(draft.now + PATIENCE, timer);
}

/// Chat's callback names the owner of a group.
pub(in super::super) fn by_callback(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    new: Option<&Account>,
) {
    let mut record = draft.group(group);
    if record.unconfirmed.take().is_none() {
        return;
    }
    match new {
        Some(new) if record.owner.is(new) => {
            draft.note(format!("{new} owns {group}: {BY_CALLBACK}"));
        }
        // Somebody else has changed it since; that, too, shows that ours went through.
        _ => draft.note(format!("{group} has changed hands once more ({})", event.command)),
    }
    draft.set_group(group, record);
}

/// Chat says who owns a group: whether a transfer of ours has come to pass.
pub(in super::super) fn by_reading(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts) {
    let mut record = draft.group(&facts.group);
    let (Some(transfer), Owner::Is(wanted)) = (record.unconfirmed.take(), record.owner.clone())
    else {
        return;
    };
    draft.set_group(&facts.group, record);
    let place = facts.group.to_string();
    seen(draft, event, (&place, &wanted, facts.owner.as_ref()), &transfer);
}

/// The minute is over.
pub(in super::super) fn time_is_over(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, to): (&GroupId, &Account),
    transfer: &EventId,
) {
    let record = draft.group(group);
    if record.unconfirmed.as_ref() == Some(transfer) {
        draft.note(format!("no callback of Chat has told the new owner of {group}: it is read"));
        ask(draft, event, transfer, Read::Group { group: group.clone() });
    } else if record.owner.is(to) {
        draft.note(format!("{to} owns {group}: {BY_CALLBACK}"));
    } else {
        draft.note(format!("{to} owns {group} no more, or the group is gone"));
    }
}

/// Chat has made somebody the owner of a room.
pub(in super::super) fn room_accepted(
    draft: &mut Draft<'_>,
    (room, kind, to): (&RoomId, RoomKind, &Account),
    transfer: &EventId,
) {
    let before = draft.room(room).cloned().unwrap_or_default();
    if before.owner.is(to) {
        if before.unconfirmed.is_none() {
            draft.note(format!("{to} owns room {room}: {BY_CALLBACK}"));
        }
        return;
    }
    room::new_owner(draft, room, to);
    let mut record = draft.room(room).cloned().unwrap_or_default();
    record.unconfirmed = Some(transfer.clone());
    draft.set_room(room, record);
    let (room, to, transfer) = (room.clone(), to.clone(), transfer.clone());
    let timer = Timer::RoomUnconfirmed { room, kind, to, transfer };
    draft.timer(draft.now + PATIENCE, timer);
}

/// Chat's callback names the owner of a room.
pub(in super::super) fn room_by_callback(draft: &mut Draft<'_>, room: &RoomId, new: &Account) {
    let Some(mut record) = draft.room(room).cloned() else { return };
    if record.unconfirmed.is_some() && record.owner.is(new) {
        record.unconfirmed = None;
        draft.note(format!("{new} owns room {room}: {BY_CALLBACK}"));
        draft.set_room(room, record);
    }
}

/// Chat says who owns a room.
pub(in super::super) fn room_by_reading(draft: &mut Draft<'_>, event: &Event, facts: &RoomFacts) {
    let Some(mut record) = draft.room(&facts.room).cloned() else { return };
    let (Some(transfer), Owner::Is(wanted)) = (record.unconfirmed.take(), record.owner.clone())
    else {
        return;
    };
    draft.set_room(&facts.room, record);
    let place = format!("room {}", facts.room);
    seen(draft, event, (&place, &wanted, facts.owner.as_ref()), &transfer);
}

/// The minute is over.
pub(in super::super) fn room_time_is_over(
    draft: &mut Draft<'_>,
    event: &Event,
    (room, kind, to): (&RoomId, RoomKind, &Account),
    transfer: &EventId,
) {
    let record = draft.room(room).cloned().unwrap_or_default();
    if record.unconfirmed.as_ref() == Some(transfer) {
        draft
            .note(format!("no callback of Chat has told the new owner of room {room}: it is read"));
        ask(draft, event, transfer, Read::Room { room: room.clone(), kind, left: None });
    } else if record.owner.is(to) {
        draft.note(format!("{to} owns room {room}: {BY_CALLBACK}"));
    } else {
        draft.note(format!("{to} owns room {room} no more, or the room is closed"));
    }
}

/// What a reading shows. Whoever reads corrects the mirror; people are told what they would not expect.
fn seen(
    draft: &mut Draft<'_>,
    event: &Event,
    (place, wanted, owner): (&str, &Account, Option<&Account>),
    transfer: &EventId,
) {
    if owner == Some(wanted) {
        draft.note(format!("{wanted} owns {place}: {BY_READING}"));
        return;
    }
    let owner = owner.map_or_else(|| "nobody".to_owned(), ToString::to_string);
    let text = format!(
        "Chat said OK when {wanted} was to own {place}, and now says that {owner} owns it; what the bot \
         believes is corrected"
    );
    draft.owe(event, transfer.derive("not confirmed"), None, Act::Alert { text });
}

fn ask(draft: &mut Draft<'_>, event: &Event, transfer: &EventId, read: Read) {
    draft.owe(event, transfer.derive("confirm"), None, Act::Read(read));
}
