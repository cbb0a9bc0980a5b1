//! What Conference and Live rooms keep besides members: bans, seats, marks, metadata.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::callbacks::Origin;
use super::rooms::{Room, RoomKind, no_room};
use super::settings::Refusal;
use super::state::end;
use super::world::World;
use crate::chat::{Account, Role, RoomId};
use crate::clock::Timestamp;

/// One seat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    pub taken_by: Option<Account>,
    pub locked: bool,
    pub video_off: bool,
    pub audio_off: bool,
}

impl World {
    /// The owner or an admin changes texts of a room, told as far as they changed (60731, 67938).
    pub fn change_room_info(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        fields: Map<String, Value>,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_look_after(id, by)?;
        self.set_room_info(now, id, &Origin::client(by), fields)
    }

    /// Only `RoomName`, `MaxMemberCount` and `CustomInfo` mean something here; the rest is kept as it
    /// came and shown again.
    pub(super) fn set_room_info(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        mut fields: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        if let Some(name) = fields.get("RoomName").and_then(Value::as_str) {
            room.name = name.to_owned();
        }
        let most = fields.get("MaxMemberCount").and_then(Value::as_u64);
        room.max_members =
            most.and_then(|most| u32::try_from(most).ok()).unwrap_or(room.max_members);
        fields.remove("RoomId");
        room.info.extend(fields.clone());
        let command = match room.kind {
            RoomKind::Conference => "Room.CallbackAfterUpdateRoomInfo",
            RoomKind::Live => "Live.CallbackAfterUpdateRoomInfo",
        };
        let mut told = json!({ "RoomId": id });
        if let Some(told) = told.as_object_mut() {
            told.extend(fields);
        }
        let body = json!({ "Operator_Account": origin.operator, "RoomInfo": told });
        self.tell(now, command, origin, None, body);
        Ok(())
    }

    /// Out at once, and no way in for so many seconds (60711). The leaving is told; the ban is not.
    pub(super) fn ban_from_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        accounts: &[Account],
        seconds: u32,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        if accounts.contains(&room.owner) {
            return Err(Refusal::new(100_006, "the owner cannot be banned"));
        }
        for account in accounts {
            room.bans.insert(account.clone(), end(now, seconds));
        }
        for account in accounts {
            // Somebody who is not in the room is out already.
            let _ = self.take_out_of_room(now, id, by, account, "Kicked");
        }
        Ok(())
    }

    /// The connection of somebody in a room is lost, or back. Live tells both (64413); a Conference
    /// room puts the lost one out as `Expired` (60734).
    pub fn room_heartbeat(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        account: &Account,
        lost: bool,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let room = self.rooms.get(id).ok_or_else(no_room)?;
        if room.kind == RoomKind::Conference {
            return if lost {
                self.take_out_of_room(now, id, account, account, "Expired")
            } else {
                self.enter_room(now, id, account)
            };
        }
        if !room.members.contains_key(account) {
            return Err(not_in());
        }
        self.tell_heartbeat(now, id, account, lost);
        Ok(())
    }

    /// Somebody takes a seat, or, with `None`, it becomes free; everything else of it stays. Told with
    /// the seat's new state (60736, 64425).
    pub fn seat(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        index: usize,
        account: Option<&Account>,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let origin = Origin::client(by);
        self.change_seat(now, id, &origin, index, |room, seat| match account {
            Some(account) if !room.members.contains_key(account) => Err(not_in()),
            Some(_) if seat.locked => Err(Refusal::new(100_002, "the seat is locked")),
            _ => {
                seat.taken_by = account.cloned();
                Ok(())
            }
        })
    }

    pub(super) fn change_seat(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        index: usize,
        change: impl FnOnce(&Room, &mut Seat) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        if index >= room.seats.len() {
            return Err(Refusal::new(100_002, "there is no such seat"));
        }
        let mut seat = room.seats[index].clone();
        change(room, &mut seat)?;
        room.seats[index] = seat;
        let mut body = json!({ "RoomId": id, "SeatList": [seat_words(index, &room.seats[index])] });
        if room.kind == RoomKind::Conference {
            body["Operator_Account"] = json!(origin.operator);
        }
        self.tell(now, "Mic.CallbackAfterSeatInfoChanged", origin, None, body);
        Ok(())
    }

    /// Sets or, with `None`, deletes metadata of a Live room (68222, 68223).
    pub fn room_metadata(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_look_after(id, by)?;
        self.set_metadata(now, id, &Origin::client(by), changes)
    }

    pub(super) fn set_metadata(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        if room.kind != RoomKind::Live {
            return Err(no_room());
        }
        let (mut set, mut deleted) = (Vec::new(), Vec::new());
        for (key, value) in changes {
            match value {
                Some(value) => {
                    set.push(json!({ "Key": key, "Value": value }));
                    room.metadata.insert(key, value);
                }
                None if room.metadata.remove(&key).is_some() => deleted.push(key),
                None => {}
            }
        }
        let by = &origin.operator;
        if !set.is_empty() {
            let body = json!({ "Operator_Account": by, "RoomId": id, "Metadata": set });
            self.tell(now, "Live.CallbackAfterSetMetadata", origin, None, body);
        }
        if !deleted.is_empty() {
            let body = json!({ "Operator_Account": by, "RoomId": id, "Keys": deleted });
            self.tell(now, "Live.CallbackAfterDelMetadata", origin, None, body);
        }
        Ok(())
    }

    /// Whether somebody may act as owner or admin of a room.
    fn may_look_after(&self, id: &RoomId, by: &Account) -> Result<(), Refusal> {
        let role = self.rooms.get(id).ok_or_else(no_room)?.role(by);
        if matches!(role, Role::Owner | Role::Admin) || self.is_app_admin(by) {
            return Ok(());
        }
        Err(Refusal::new(100_006, "only the owner and admins may do this"))
    }
}

/// A seat as callbacks and `get_seat_list` show it.
pub(super) fn seat_words(index: usize, seat: &Seat) -> Value {
    json!({
        "Index": index,
        "Member_Account": seat.taken_by.as_ref().map_or("", Account::as_str),
        "IsTakenDisabled": seat.locked,
        "IsVideoDisabled": seat.video_off,
        "IsAudioDisabled": seat.audio_off,
    })
}

/// 100005.
pub(super) fn not_in() -> Refusal {
    Refusal::new(100_005, "not in the room")
}

/// Marks that a room's members have.
pub(super) type Marks = BTreeMap<Account, BTreeSet<u32>>;
