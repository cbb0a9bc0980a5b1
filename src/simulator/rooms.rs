//! Conference and Live rooms: who is in, who owns, who looks after.

use std::collections::{BTreeMap, BTreeSet};

use super::callbacks::Origin;
use super::room_state::{Marks, Seat, not_in};
use super::settings::Refusal;
use super::world::World;
use crate::chat::{Account, Role, RoomId};
use crate::clock::Timestamp;

/// Seats of a room (`MaxSeatCount`).
pub(super) const SEATS: usize = 16;

/// Which of the two room services a room belongs to; they have different callbacks and commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomKind {
    /// `room_engine_http_srv`, `Room.…`
    Conference,
    /// `live_engine_http_srv`, `Live.…`
    Live,
}

/// One room.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: RoomId,
    pub kind: RoomKind,
    pub name: String,
    /// Stays the owner when out of the room; what Chat does then is not documented.
    pub owner: Account,
    pub members: BTreeMap<Account, RoomMember>,
    /// Admins of a Live room, in the room or not.
    pub admins: BTreeSet<Account>,
    pub max_members: u32,
    pub created_at: Timestamp,
    /// How often somebody came in.
    pub views: u64,
    /// Who may not come in until when.
    pub bans: BTreeMap<Account, Timestamp>,
    pub seats: Vec<Seat>,
    pub marks: Marks,
    /// Metadata of a Live room.
    pub metadata: BTreeMap<String, String>,
    /// Further fields of `RoomInfo` that somebody set.
    pub(super) info: serde_json::Map<String, serde_json::Value>,
}

/// Somebody in a room.
#[derive(Clone, Debug)]
pub struct RoomMember {
    pub name_card: String,
    pub admin: bool,
    pub entered_at: Timestamp,
}

/// A room that is to be made.
#[derive(Clone, Debug)]
pub struct NewRoom {
    pub id: RoomId,
    pub kind: RoomKind,
    pub name: String,
    pub owner: Account,
    /// Sends no callbacks: for setting up.
    pub silent: bool,
}

impl Room {
    /// What this account is here.
    pub fn role(&self, account: &Account) -> Role {
        match self.members.get(account) {
            _ if self.owner == *account => Role::Owner,
            Some(member) if member.admin || self.admins.contains(account) => Role::Admin,
            Some(_) => Role::Member,
            None => Role::Outside,
        }
    }
}

impl World {
    /// Makes a room with its owner in it. Refused with 100002 when the id is taken.
    pub fn create_room(&mut self, now: Timestamp, new: NewRoom) -> Result<(), Refusal> {
        let origin = Origin::client(&new.owner);
        self.open_room(now, new, &origin)
    }

    pub(super) fn open_room(
        &mut self,
        now: Timestamp,
        new: NewRoom,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        self.tick(now);
        if self.rooms.contains_key(&new.id) {
            return Err(Refusal::new(100_002, "the room exists already"));
        }
        let owner = RoomMember { name_card: String::new(), admin: false, entered_at: now };
        let room = Room {
            id: new.id.clone(),
            kind: new.kind,
            name: new.name,
            owner: new.owner.clone(),
            members: BTreeMap::from([(new.owner, owner)]),
            admins: BTreeSet::new(),
            max_members: 300,
            created_at: now,
            views: 1,
            bans: BTreeMap::new(),
            seats: vec![Seat::default(); SEATS],
            marks: Marks::new(),
            metadata: BTreeMap::new(),
            info: serde_json::Map::new(),
        };
        self.rooms.insert(new.id.clone(), room);
        if !new.silent {
            self.tell_room_created(now, &new.id, origin);
        }
        Ok(())
    }

    /// Somebody enters; nothing when in already. 100004: no such room; 100002: it is full.
    pub fn enter_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        if room.members.contains_key(account) {
            return Ok(());
        }
        if room.bans.get(account).is_some_and(|until| *until > now) {
            return Err(Refusal::new(100_006, "banned from the room"));
        }
        if room.members.len() >= usize::try_from(room.max_members).unwrap_or(usize::MAX) {
            return Err(Refusal::new(100_002, "the room is full"));
        }
        let member = RoomMember { name_card: String::new(), admin: false, entered_at: now };
        room.members.insert(account.clone(), member);
        room.views += 1;
        self.tell_entered(now, id, account);
        Ok(())
    }

    /// Somebody leaves. A Live room that is empty then ends (`DestroyBySystem`, 64423).
    pub fn leave_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.take_out_of_room(now, id, account, account, "Leave")
    }

    /// The owner or an admin puts somebody out.
    pub fn kick_from_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let room = self.rooms.get(id).ok_or_else(no_room)?;
        if !matches!(room.role(by), Role::Owner | Role::Admin) && !self.is_app_admin(by) {
            return Err(Refusal::new(100_006, "only the owner and admins put people out"));
        }
        self.take_out_of_room(now, id, by, account, "Kicked")
    }

    pub(super) fn take_out_of_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        account: &Account,
        how: &str,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        room.members.remove(account).ok_or_else(not_in)?;
        room.marks.remove(account);
        for seat in room.seats.iter_mut().filter(|seat| seat.taken_by.as_ref() == Some(account)) {
            seat.taken_by = None;
        }
        let ended = room.kind == RoomKind::Live && room.members.is_empty();
        self.tell_went(now, id, by, account, how);
        if ended {
            self.close_room(now, id, &Origin::client(account), "DestroyBySystem");
        }
        Ok(())
    }

    /// Hands the room to somebody in it (60713): 100004 no room, 100006 not by the owner, 100005 the
    /// new owner is not in it.
    pub fn change_room_owner(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        to: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        if self.rooms.get(id).ok_or_else(no_room)?.owner != *by {
            return Err(Refusal::new(100_006, "only the owner hands the room over"));
        }
        self.transfer_room(now, id, &Origin::client(by), to)
    }

    pub(super) fn transfer_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        to: &Account,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        let Some(new) = room.members.get_mut(to) else {
            return Err(Refusal::new(100_005, "the new owner is not in the room"));
        };
        new.admin = false;
        room.admins.remove(to);
        let old = std::mem::replace(&mut room.owner, to.clone());
        self.tell_room_owner(now, id, origin, &old);
        Ok(())
    }

    /// The owner makes these admins of a Live room, whether they are in it or not. 100004: no such room.
    pub fn make_room_admins(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        accounts: &[Account],
    ) -> Result<(), Refusal> {
        self.tick(now);
        let owner = self.rooms.get(id).ok_or_else(no_room)?.owner.clone();
        self.set_room_admins(now, id, &Origin::client(&owner), accounts, true)
    }

    /// Makes or unmakes admins of a Live room; told where something changed (72554).
    pub(super) fn set_room_admins(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        accounts: &[Account],
        add: bool,
    ) -> Result<(), Refusal> {
        let room = self.rooms.get_mut(id).ok_or_else(no_room)?;
        for account in accounts {
            if add {
                room.admins.insert(account.clone());
            } else {
                room.admins.remove(account);
            }
        }
        self.tell_room_admins(now, id, origin, accounts, add);
        Ok(())
    }

    /// The owner ends the room.
    pub fn destroy_room(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let room = self.rooms.get(id).ok_or_else(no_room)?;
        if room.owner != *by && !self.is_app_admin(by) {
            return Err(Refusal::new(100_006, "only the owner ends the room"));
        }
        self.close_room(now, id, &Origin::client(by), "DestroyByUser");
        Ok(())
    }
}

/// 100004.
pub(super) fn no_room() -> Refusal {
    Refusal::new(100_004, "the room does not exist")
}
