//! Live rooms over REST: 63399, 63404, 63406, 63407, 63410, 63425, 66908, 72534.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::room_callbacks::info;
use super::super::rooms::RoomKind;
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::rooms::{WRONG, create, destroy, page, room, room_info, update};
use super::{Call, Reply, done};
use crate::chat::Account;

/// Members of one page; at most a thousand are listed (63410).
const PAGE: usize = 200;

pub(super) fn create_room(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    create(world, call, RoomKind::Live)
}

pub(super) fn destroy_room(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    destroy(world, call, RoomKind::Live)
}

pub(super) fn get_room_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    room_info(world, call, RoomKind::Live)
}

/// No `From_Account` here, unlike the Conference command of this name (72534).
pub(super) fn change_room_owner(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "NewOwner_Account"])?;
    let id = fields.room()?;
    let to = fields.needed("NewOwner_Account", fields.account("NewOwner_Account")?)?;
    room(world, &id, RoomKind::Live)?;
    world.transfer_room(call.now, &id, &call.origin, &to)?;
    Ok(done())
}

pub(super) fn get_member_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Next"])?;
    let id = fields.room()?;
    let next = fields.text("Next", usize::MAX)?.unwrap_or("");
    let (page, next) = page(room(world, &id, RoomKind::Live)?, next, PAGE);
    let list: Value = page.iter().map(|account| json!({ "Member_Account": account })).collect();
    Ok(Reply::Done(json!({ "Next": next, "MemberList": list })))
}

pub(super) fn get_admin_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let id = Fields::new(&call.record.body, WRONG, &["RoomId"])?.room()?;
    let admins: Vec<&Account> = room(world, &id, RoomKind::Live)?.admins.iter().collect();
    Ok(Reply::Done(json!({ "Admin_Account": admins })))
}

pub(super) fn modify_admin(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields =
        Fields::new(&call.record.body, WRONG, &["RoomId", "CommandType", "Admin_Account"])?;
    let id = fields.room()?;
    let command = fields.needed("CommandType", fields.number("CommandType", 1, 2)?)?;
    let accounts = fields.accounts("Admin_Account", 20)?;
    room(world, &id, RoomKind::Live)?;
    world.set_room_admins(call.now, &id, &call.origin, &accounts, command == 1)?;
    Ok(done())
}

pub(super) fn get_room_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    Fields::new(&call.record.body, WRONG, &["Next", "Count"])?;
    let rooms = world.rooms().filter(|room| room.kind == RoomKind::Live);
    let list: Value = rooms.map(info).collect();
    Ok(Reply::Done(json!({ "RoomList": list, "Next": "" })))
}

pub(super) fn update_room_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "RoomId",
        "RoomName",
        "MaxMemberCount",
        "IsMessageDisabled",
        "IsPublicVisible",
        "CustomInfo",
        "TakeSeatMode",
        "CoverURL",
        "Category",
    ];
    update(world, call, RoomKind::Live, &known)
}

/// `Metadata` of `{Key, Value}`; the callback is 68222.
pub(super) fn set_room_metadata(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Metadata"])?;
    let id = fields.room()?;
    let mut changes = BTreeMap::new();
    for entry in fields.list("Metadata", 10)? {
        let entry = Fields::new(entry, WRONG, &["Key", "Value"])?;
        let key = entry.needed("Key", entry.text("Key", 50)?)?;
        let value = entry.needed("Value", entry.text("Value", 2_000)?)?;
        changes.insert(key.to_owned(), Some(value.to_owned()));
    }
    room(world, &id, RoomKind::Live)?;
    world.set_metadata(call.now, &id, &call.origin, changes)?;
    Ok(done())
}

/// `Keys`; the callback is 68223.
pub(super) fn del_room_metadata(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Keys"])?;
    let id = fields.room()?;
    fields.list("Keys", 10)?;
    let keys = fields.filter("Keys", &[])?.unwrap_or_default();
    let changes = keys.into_iter().map(|key| (key.to_owned(), None)).collect();
    room(world, &id, RoomKind::Live)?;
    world.set_metadata(call.now, &id, &call.origin, changes)?;
    Ok(done())
}

/// All metadata, or that of `Keys`.
pub(super) fn get_room_metadata(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["RoomId", "Keys"])?;
    let id = fields.room()?;
    let keys = fields.filter("Keys", &[])?;
    let wanted = |key: &str| keys.as_ref().is_none_or(|keys| keys.contains(&key));
    let metadata = room(world, &id, RoomKind::Live)?.metadata.iter();
    let pair = |(key, value)| json!({ "Key": key, "Value": value });
    let list: Value = metadata.filter(|(key, _)| wanted(key)).map(pair).collect();
    Ok(Reply::Done(json!({ "Metadata": list })))
}
