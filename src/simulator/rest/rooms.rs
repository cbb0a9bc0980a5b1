//! Conference rooms over REST: 60702 to 60715.

use std::ops::Bound;

use serde_json::{Value, json};

use super::super::quirks::Quirks;
use super::super::room_callbacks::info;
use super::super::rooms::{NewRoom, Room, RoomKind, no_room};
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::mutes::to_usize;
use super::{Call, Reply, done};
use crate::chat::{Account, Role, RoomId};

pub(super) const WRONG: i64 = 100_002;

/// The room, if it belongs to this service.
pub(super) fn room<'a>(world: &'a World, id: &RoomId, kind: RoomKind) -> Result<&'a Room, Refusal> {
    world.room(id).filter(|room| room.kind == kind).ok_or_else(no_room)
}

/// What both services share: `{RoomInfo: {…}}` or the fields themselves.
pub(super) fn create(world: &mut World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let value = match call.record.body.get("RoomInfo") {
        Some(info) => {
            Fields::new(&call.record.body, WRONG, &["RoomInfo"])?;
            info
        }
        None => &call.record.body,
    };
    let known = [
        "RoomId",
        "RoomName",
        "RoomType",
        "Owner_Account",
        "MaxMemberCount",
        "MaxSeatCount",
        "IsVideoDisabled",
        "IsAudioDisabled",
        "IsMessageDisabled",
        "IsScreenSharingDisabled",
        "IsCloudRecordingDisabled",
        "CustomInfo",
        "ScheduleStartTime",
        "ScheduleEndTime",
        "IsSeatEnabled",
        "TakeSeatMode",
        "IsPublicVisible",
        "CoverURL",
        "Category",
    ];
    let fields = Fields::new(value, WRONG, &known)?;
    let id = fields.room()?;
    let owner = fields.needed("Owner_Account", fields.account("Owner_Account")?)?;
    let name = fields.text("RoomName", 100)?.unwrap_or(id.as_str()).to_owned();
    let new = NewRoom { id, kind, name, owner, silent: false };
    world.open_room(call.now, new, &call.origin)?;
    Ok(done())
}

pub(super) fn create_room(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    create(world, call, RoomKind::Conference)
}

/// What both services share.
pub(super) fn destroy(world: &mut World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let id = Fields::new(&call.record.body, WRONG, &["RoomId"])?.room()?;
    room(world, &id, kind)?;
    world.close_room(call.now, &id, &call.origin, "DestroyByUser");
    Ok(done())
}

pub(super) fn destroy_room(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    destroy(world, call, RoomKind::Conference)
}

/// What both services share.
pub(super) fn room_info(world: &World, call: &Call, kind: RoomKind) -> Result<Reply, Refusal> {
    let id = Fields::new(&call.record.body, WRONG, &["RoomId"])?.room()?;
    let room = room(world, &id, kind)?;
    let mut info = info(room);
    info["MemberCount"] = json!(room.members.len());
    Ok(Reply::Done(json!({ "RoomInfo": info })))
}

pub(super) fn get_room_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    room_info(world, call, RoomKind::Conference)
}

/// `From_Account` must be the owner (100006), the new one in the room (100005).
pub(super) fn change_room_owner(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["RoomId", "From_Account", "NewOwner_Account"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.room()?;
    let from = fields.needed("From_Account", fields.account("From_Account")?)?;
    let to = fields.needed("NewOwner_Account", fields.account("NewOwner_Account")?)?;
    if room(world, &id, RoomKind::Conference)?.owner != from {
        return Err(Refusal::new(100_006, "From_Account does not own the room"));
    }
    world.transfer_room(call.now, &id, &call.origin, &to)?;
    Ok(done())
}

/// `RoomOwner` is how 60715 spells the owner's role.
fn role_name(role: Role, quirks: &Quirks) -> &'static str {
    match role {
        Role::Owner if quirks.room_role_owner => "Owner",
        Role::Owner => "RoomOwner",
        Role::Admin => "Admin",
        _ => "Member",
    }
}

/// Pages by `Next`, empty at both ends.
pub(super) fn get_room_member_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Count", "Next"])?;
    let id = fields.room()?;
    let count = to_usize(fields.number("Count", 1, 100)?.unwrap_or(50));
    let next = fields.text("Next", usize::MAX)?.unwrap_or("");
    let room = room(world, &id, RoomKind::Conference)?;
    let (page, next) = page(room, next, count);
    let quirks = &world.settings.quirks;
    let entry = |account: &&Account| {
        let card = room.members.get(*account).map_or("", |member| &member.name_card);
        let role = role_name(room.role(account), quirks);
        json!({
            "Member_Account": account,
            "NameCard": card,
            "Role": quirks.role(role),
            "Marks": room.marks.get(*account).into_iter().flatten().collect::<Vec<_>>(),
            "CustomInfo": "",
        })
    };
    let list: Value = page.iter().map(entry).collect();
    Ok(Reply::Done(json!({ "Next": next, "MemberList": list })))
}

/// The members after `next`, and where the next page begins.
pub(super) fn page<'a>(room: &'a Room, next: &str, count: usize) -> (Vec<&'a Account>, String) {
    let after =
        if next.is_empty() { Bound::Unbounded } else { Bound::Excluded(Account::from(next)) };
    let mut rest = room.members.range((after, Bound::Unbounded)).map(|(account, _)| account);
    let page: Vec<&Account> = rest.by_ref().take(count).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map_or("", |last| last.as_str()).to_owned();
    (page, next)
}

pub(super) fn update_room_member_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "MemberInfo"])?;
    let id = fields.room()?;
    let info = fields.needed("MemberInfo", fields.value("MemberInfo"))?;
    let info = Fields::new(info, WRONG, &["Member_Account", "NameCard", "Role", "CustomInfo"])?;
    let account = info.needed("Member_Account", info.account("Member_Account")?)?;
    let card = info.text("NameCard", 32)?.map(str::to_owned);
    let admin = info.choice("Role", &["Admin", "Member"])?.map(|role| role == "Admin");
    info.text("CustomInfo", 60)?;
    room(world, &id, RoomKind::Conference)?;
    let room = world.rooms.get_mut(&id).ok_or_else(no_room)?;
    if admin.is_some() && room.owner == account {
        return Err(Refusal::new(100_006, "the owner's role cannot be set"));
    }
    let member = room.members.get_mut(&account);
    let member = member.ok_or_else(|| Refusal::new(100_005, "not in the room"))?;
    member.name_card = card.unwrap_or_else(|| member.name_card.clone());
    member.admin = admin.unwrap_or(member.admin);
    Ok(done())
}

pub(super) fn kick_user_out(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["RoomId", "MemberList_Account", "Reason"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.room()?;
    let accounts = fields.accounts("MemberList_Account", 20)?;
    fields.text("Reason", 1000)?;
    let owner = room(world, &id, RoomKind::Conference)?.owner.clone();
    if accounts.contains(&owner) {
        return Err(Refusal::new(100_006, "the owner cannot be put out"));
    }
    for account in &accounts {
        // Somebody who is not in the room is out already.
        let _ = world.kick_from_room(call.now, &id, &call.origin.operator, account);
    }
    Ok(done())
}

/// The owner is no field of this command (60705).
pub(super) fn update_room_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "RoomId",
        "RoomName",
        "MaxMemberCount",
        "IsVideoDisabled",
        "IsAudioDisabled",
        "IsMessageDisabled",
        "IsScreenSharingDisabled",
        "IsCloudRecordingDisabled",
        "CustomInfo",
        "TakeSeatMode",
    ];
    update(world, call, RoomKind::Conference, &known)
}

/// What both services share.
pub(super) fn update(
    world: &mut World,
    call: &Call,
    kind: RoomKind,
    known: &[&str],
) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomInfo"])?;
    let value = fields.needed("RoomInfo", fields.value("RoomInfo"))?;
    let info = Fields::new(value, WRONG, known)?;
    let id = info.room()?;
    info.text("RoomName", 100)?;
    info.u32("MaxMemberCount")?;
    info.text("CustomInfo", 500)?;
    info.choice("TakeSeatMode", &["FreeToTake", "ApplyToTake"])?;
    room(world, &id, kind)?;
    let changed = value.as_object().cloned().unwrap_or_default();
    world.set_room_info(call.now, &id, &call.origin, changed)?;
    Ok(done())
}
