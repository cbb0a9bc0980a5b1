//! What happens in Conference rooms (60731–60735) and Live rooms (64413, 64422, 64423, 67938, 72553).

use super::callback::{Callback, Unfit, set, set_accounts, set_texts};
use super::fields::is_id;
use crate::chat::{Account, RoomId};
use crate::decision::Event;
use crate::decision::event::{Field, Room, RoomKind};
use crate::rule::EventKind;

/// The room that a callback is about, for any command that names one.
pub(super) fn of(callback: &Callback<'_>) -> Option<Room> {
    let fields = callback.fields;
    let info = fields.inner("RoomInfo");
    let id = fields.text("RoomId").or_else(|| info.and_then(|info| info.text("RoomId")))?;
    if !is_id(&id) {
        return None;
    }
    // Seats go by one name in both engines; only a Conference says who changed them (60736, 64425).
    let live = callback.command.starts_with("Live.")
        || callback.command.starts_with("Mic.") && callback.operator.is_none();
    Some(Room {
        id: RoomId::from(&*id),
        kind: if live { RoomKind::Live } else { RoomKind::Conference },
        owner: info.and_then(|info| info.account("Owner_Account")),
        member_count: fields.int("MemberCount"),
    })
}

fn required(callback: &Callback<'_>) -> Result<Room, Unfit> {
    of(callback).ok_or_else(|| Unfit::missing("RoomId"))
}

fn named(callback: &Callback<'_>, kind: EventKind) -> Result<Event, Unfit> {
    let mut event = callback.in_room(kind, required(callback)?);
    if let Some(info) = callback.fields.inner("RoomInfo") {
        set_texts(&mut event, info, &[("name", "RoomName")]);
    }
    Ok(event)
}

/// A room is there (60733, 64422).
pub(super) fn created(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![named(callback, EventKind::RoomCreated)?])
}

/// A room is gone (60732, 64423). Of a Live room `how` says whether somebody closed it or Chat did,
/// because nobody was left: `DestroyByUser`, `DestroyBySystem`.
pub(super) fn closed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_room(EventKind::RoomClosed, required(callback)?);
    set_texts(&mut event, callback.fields, &[("how", "EventType")]);
    Ok(vec![event])
}

/// Something about the room changed (60731, 67938). A Conference room has no callback of its own for a
/// new owner: that `room.owner` is among what changed is all that is told of it, and whether it did
/// change is for those to say who know the old one.
pub(super) fn info_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![named(callback, EventKind::RoomInfoChanged)?])
}

/// Somebody entered (60735).
pub(super) fn member_entered(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let event = callback.in_room(EventKind::RoomMemberEntered, required(callback)?);
    Ok(Callback::each(accounts(callback, "MemberList_Account")?, &event))
}

/// Somebody left, was kicked, or lost the connection: `how` is `Leave`, `Kicked` or `Expired` (60734).
pub(super) fn member_left(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_room(EventKind::RoomMemberLeft, required(callback)?);
    set_texts(&mut event, callback.fields, &[("how", "Type"), ("reason", "Reason")]);
    Ok(Callback::each(accounts(callback, "MemberList_Account")?, &event))
}

/// The same for Live rooms, in one command with other words (64413). Its heartbeat that broke off
/// is what a Conference room calls expired.
pub(super) fn live_member_state_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let cause = callback.fields.word("EventCause").unwrap_or_default();
    let kind = match callback.fields.word("EventType").as_deref() {
        Some("Online") => EventKind::RoomMemberEntered,
        Some("Offline") => EventKind::RoomMemberLeft,
        _ => return Err(Unfit::Wrong("EventType is neither Online nor Offline")),
    };
    let mut event = callback.in_room(kind, required(callback)?);
    if kind == EventKind::RoomMemberLeft {
        let how = if cause == "HeartbeatInterrupt" { "Expired" } else { "Leave" };
        set(&mut event, "how", Field::Text(how.to_owned()));
        set(&mut event, "reason", Field::Text(cause.into_owned()));
    }
    Ok(Callback::each(accounts(callback, "MemberList")?, &event))
}

/// A Live room has a new owner (72553).
pub(super) fn live_owner_changed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut room = required(callback)?;
    let owner = callback.fields.account("CurrentOwner_Account");
    room.owner = Some(owner.ok_or_else(|| Unfit::missing("CurrentOwner_Account"))?);
    let mut event = callback.in_room(EventKind::RoomOwnerChanged, room);
    let names = [("old_owner", "OriginalOwner_Account"), ("new_owner", "CurrentOwner_Account")];
    set_accounts(&mut event, callback.fields, &names);
    Ok(vec![event])
}

fn accounts(callback: &Callback<'_>, list: &str) -> Result<Vec<Account>, Unfit> {
    match callback.fields.accounts(list, "Member_Account") {
        accounts if accounts.is_empty() => Err(Unfit::missing(list)),
        accounts => Ok(accounts),
    }
}
