//! Bans, marks and seats of rooms over REST: 60709, 60710, 60711, 60702, and those of Live rooms.

use serde_json::{Value, json};

use super::super::room_state::{not_in, seat_words};
use super::super::rooms::{RoomKind, no_room};
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::mutes::to_usize;
use super::rooms::{WRONG, room};
use super::{Call, Reply, done};
use crate::chat::Account;
use crate::clock::Timestamp;

/// Accounts of one call (60710, 60711).
const MOST: usize = 20;

fn ban(world: &mut World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let known = ["RoomId", "MemberList_Account", "Reason", "Duration"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.room()?;
    let accounts = fields.accounts("MemberList_Account", MOST)?;
    fields.text("Reason", 1_000)?;
    let seconds = fields.needed("Duration", fields.u32("Duration")?)?;
    room(world, &id, kind)?;
    world.ban_from_room(call.now, &id, &call.origin.operator, &accounts, seconds)?;
    Ok(done())
}

fn unban(world: &mut World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "MemberList_Account"])?;
    let id = fields.room()?;
    let accounts = fields.accounts("MemberList_Account", MOST)?;
    room(world, &id, kind)?;
    let room = world.rooms.get_mut(&id).ok_or_else(no_room)?;
    room.bans.retain(|account, _| !accounts.contains(account));
    Ok(done())
}

/// `NextOffset` 0 ends.
fn banned(world: &World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Limit", "Offset"])?;
    let limit = to_usize(fields.number("Limit", 1, 100)?.unwrap_or(100));
    let offset = to_usize(fields.number("Offset", 0, i64::MAX)?.unwrap_or(0));
    let room = room(world, &fields.room()?, kind)?;
    let quirks = &world.settings.quirks;
    let now = call.now;
    let banned: Vec<(&Account, &Timestamp)> =
        room.bans.iter().filter(|(_, until)| **until > now).collect();
    let one = |(account, until): &(&Account, &Timestamp)| json!({ "Member_Account": account, "BannedUntil": quirks.until(now, **until) });
    let list: Vec<Value> = banned.iter().skip(offset).take(limit).map(one).collect();
    let end = offset + list.len();
    let next = if end < banned.len() { end } else { 0 };
    Ok(Reply::Done(json!({ "BannedAccountList": list, "NextOffset": next })))
}

pub(super) fn ban_room_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    ban(world, call, RoomKind::Conference)
}

pub(super) fn unban_room_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    unban(world, call, RoomKind::Conference)
}

pub(super) fn banned_in_conference(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    banned(world, call, RoomKind::Conference)
}

pub(super) fn ban_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    ban(world, call, RoomKind::Live)
}

pub(super) fn unban_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    unban(world, call, RoomKind::Live)
}

pub(super) fn banned_in_live(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    banned(world, call, RoomKind::Live)
}

/// `CommandType` 1 marks, 2 takes marks away.
pub(super) fn mark_room_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "CommandType", "MemberList"])?;
    let id = fields.room()?;
    let adds = fields.needed("CommandType", fields.number("CommandType", 1, 2)?)? == 1;
    room(world, &id, RoomKind::Conference)?;
    let room = world.rooms.get_mut(&id).ok_or_else(no_room)?;
    let mut all = room.marks.clone();
    for entry in fields.list("MemberList", 500)? {
        let entry = Fields::new(entry, WRONG, &["Member_Account", "Marks"])?;
        let account = entry.needed("Member_Account", entry.account("Member_Account")?)?;
        if !room.members.contains_key(&account) {
            return Err(not_in());
        }
        let has = all.entry(account).or_default();
        for mark in entry.list("Marks", 10)? {
            let mark = mark.as_u64().and_then(|mark| u32::try_from(mark).ok());
            let mark = mark.filter(|mark| *mark >= 1_000);
            let mark = mark.ok_or_else(|| entry.wrong("a mark is 1000 or more"))?;
            if adds {
                has.insert(mark)
            } else {
                has.remove(&mark)
            };
        }
    }
    room.marks = all;
    Ok(done())
}

pub(super) fn get_seat_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let id = Fields::new(&call.record.body, WRONG, &["RoomId"])?.room()?;
    let room = room(world, &id, RoomKind::Conference)?;
    let list: Value =
        room.seats.iter().enumerate().map(|(index, seat)| seat_words(index, seat)).collect();
    Ok(Reply::Done(json!({ "SeatList": list })))
}

pub(super) fn pick_user_on_seat(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Member_Account", "Index"])?;
    let id = fields.room()?;
    let account = fields.needed("Member_Account", fields.account("Member_Account")?)?;
    let index = to_usize(fields.needed("Index", fields.number("Index", 0, 100)?)?);
    room(world, &id, RoomKind::Conference)?;
    world.change_seat(call.now, &id, &call.origin, index, |room, seat| {
        if !room.members.contains_key(&account) {
            return Err(not_in());
        }
        seat.taken_by = Some(account);
        Ok(())
    })?;
    Ok(done())
}

pub(super) fn kick_user_off_seat(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Member_Account"])?;
    let id = fields.room()?;
    let account = fields.needed("Member_Account", fields.account("Member_Account")?)?;
    let room = room(world, &id, RoomKind::Conference)?;
    let index = room.seats.iter().position(|seat| seat.taken_by.as_ref() == Some(&account));
    let index = index.ok_or_else(|| fields.wrong("this account has no seat"))?;
    world.change_seat(call.now, &id, &call.origin, index, |_, seat| {
        seat.taken_by = None;
        Ok(())
    })?;
    Ok(done())
}

/// `SeatList` of `{Index, IsTakenDisabled, IsVideoDisabled, IsAudioDisabled}`.
pub(super) fn lock_seat(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "SeatList"])?;
    let id = fields.room()?;
    room(world, &id, RoomKind::Conference)?;
    for entry in fields.list("SeatList", 20)? {
        let known = ["Index", "IsTakenDisabled", "IsVideoDisabled", "IsAudioDisabled"];
        let entry = Fields::new(entry, WRONG, &known)?;
        let index = to_usize(entry.needed("Index", entry.number("Index", 0, 100)?)?);
        world.change_seat(call.now, &id, &call.origin, index, |_, seat| {
            for (name, place) in [
                ("IsTakenDisabled", &mut seat.locked),
                ("IsVideoDisabled", &mut seat.video_off),
                ("IsAudioDisabled", &mut seat.audio_off),
            ] {
                *place = entry.value(name).and_then(Value::as_bool).unwrap_or(*place);
            }
            Ok(())
        })?;
    }
    Ok(done())
}
