//! What Conference and Live rooms tell. The two services word the same happening differently.

use serde_json::{Value, json};

use super::callbacks::{Origin, member_list};
use super::rooms::{Room, RoomKind};
use super::world::World;
use crate::chat::{Account, RoomId};
use crate::clock::Timestamp;

impl World {
    /// `Room.CallbackAfterCreateRoom` (60733) or `Live.CallbackAfterCreateRoom` (64422).
    pub(super) fn tell_room_created(&mut self, now: Timestamp, id: &RoomId, origin: &Origin) {
        let Some(room) = self.rooms.get(id) else { return };
        let info = info(room);
        let mut body = json!({ "Operator_Account": origin.operator, "RoomInfo": info });
        let command = match room.kind {
            RoomKind::Conference => {
                body["ScheduleInviteeList_Account"] = json!([]);
                "Room.CallbackAfterCreateRoom"
            }
            RoomKind::Live => "Live.CallbackAfterCreateRoom",
        };
        self.tell(now, command, origin, None, body);
    }

    /// `Room.CallbackAfterMemberEnter` (60735) or `Live.CallbackAfterMemberStateChanged` (64413).
    pub(super) fn tell_entered(&mut self, now: Timestamp, id: &RoomId, account: &Account) {
        let Some(room) = self.rooms.get(id) else { return };
        let (command, body) = match room.kind {
            RoomKind::Conference => (
                "Room.CallbackAfterMemberEnter",
                conference_member(room, account, account, "Enter"),
            ),
            RoomKind::Live => live_member(id, account, "Online", "Enter"),
        };
        self.tell(now, command, &Origin::client(account), None, body);
    }

    /// `Room.CallbackAfterMemberLeave` (60734) or `Live.CallbackAfterMemberStateChanged` (64413).
    pub(super) fn tell_went(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        by: &Account,
        account: &Account,
        how: &str,
    ) {
        let Some(room) = self.rooms.get(id) else { return };
        let (command, body) = match room.kind {
            RoomKind::Conference => {
                let mut body = conference_member(room, by, account, how);
                body["Reason"] = json!("");
                ("Room.CallbackAfterMemberLeave", body)
            }
            RoomKind::Live => live_member(id, account, "Offline", "Leave"),
        };
        self.tell(now, command, &Origin::client(by), None, body);
    }

    /// `Live.CallbackAfterChangeOwner` (72553). For a Conference room no such callback is listed; the
    /// only trace is `Owner_Account` in `Room.CallbackAfterUpdateRoomInfo` (60731).
    pub(super) fn tell_room_owner(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        old: &Account,
    ) {
        let Some(room) = self.rooms.get(id) else { return };
        let (command, body) = match room.kind {
            RoomKind::Conference => {
                let info = json!({ "RoomId": id, "Owner_Account": room.owner });
                ("Room.CallbackAfterUpdateRoomInfo", json!({ "RoomInfo": info }))
            }
            RoomKind::Live => {
                let body = json!({
                    "RoomId": id,
                    "CurrentOwner_Account": room.owner,
                    "OriginalOwner_Account": old,
                });
                ("Live.CallbackAfterChangeOwner", body)
            }
        };
        let mut body = body;
        body["Operator_Account"] = json!(origin.operator);
        self.tell(now, command, origin, None, body);
    }

    /// `Live.CallbackAfterModifyAdmin` (72554).
    pub(super) fn tell_room_admins(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        origin: &Origin,
        accounts: &[Account],
        add: bool,
    ) {
        let body = json!({
            "RoomId": id,
            "Operator_Account": origin.operator,
            "Admin_Account": accounts,
            "opType": if add { "add" } else { "delete" },
        });
        self.tell(now, "Live.CallbackAfterModifyAdmin", origin, None, body);
    }

    /// `HeartbeatInterrupt` or `HeartbeatRecover` of a Live room (64413).
    pub(super) fn tell_heartbeat(
        &mut self,
        now: Timestamp,
        id: &RoomId,
        account: &Account,
        lost: bool,
    ) {
        let (what, why) =
            if lost { ("Offline", "HeartbeatInterrupt") } else { ("Online", "HeartbeatRecover") };
        let (command, body) = live_member(id, account, what, why);
        self.tell(now, command, &Origin::client(account), None, body);
    }

    /// Ends the room: `Room.CallbackAfterDestroyRoom` (60732) or `Live.CallbackAfterDestroyRoom` (64423).
    pub(super) fn close_room(&mut self, now: Timestamp, id: &RoomId, origin: &Origin, how: &str) {
        let Some(room) = self.rooms.remove(id) else { return };
        let mut body = json!({ "Operator_Account": origin.operator, "RoomId": id });
        let command = match room.kind {
            RoomKind::Conference => "Room.CallbackAfterDestroyRoom",
            RoomKind::Live => {
                body["EventType"] = json!(how);
                body["RoomInfo"] = info(&room);
                body["Statistic"] = json!({
                    "TotalViewers": room.views,
                    "TotalGiftsSent": 0,
                    "TotalGiftCoins": 0,
                    "TotalUniqueGiftSenders": 0,
                    "TotalLikesReceived": 0,
                });
                "Live.CallbackAfterDestroyRoom"
            }
        };
        self.tell(now, command, origin, None, body);
    }
}

fn conference_member(room: &Room, by: &Account, account: &Account, how: &str) -> Value {
    json!({
        "Operator_Account": by,
        "RoomId": room.id,
        "MemberCount": room.members.len(),
        "Type": how,
        "MemberList_Account": [account],
    })
}

fn live_member(id: &RoomId, account: &Account, what: &str, why: &str) -> (&'static str, Value) {
    let body = json!({
        "RoomId": id,
        "EventType": what,
        "EventCause": why,
        "MemberList": member_list([account]),
    });
    ("Live.CallbackAfterMemberStateChanged", body)
}

/// `RoomInfo` as callbacks and `get_room_info` (60704, 64422) show it.
pub(super) fn info(room: &Room) -> Value {
    let mut info = json!({
        "RoomId": room.id,
        "RoomName": room.name,
        "Owner_Account": room.owner,
        "MaxMemberCount": room.max_members,
        "MaxSeatCount": room.seats.len(),
        "IsMessageDisabled": false,
        "CustomInfo": "",
        "IsSeatEnabled": true,
        "TakeSeatMode": "ApplyToTake",
        "CreateTime": room.created_at.secs(),
    });
    let more = match room.kind {
        RoomKind::Conference => json!({
            "RoomType": "Conference",
            "IsVideoDisabled": false,
            "IsAudioDisabled": false,
            "IsScreenSharingDisabled": false,
            "IsCloudRecordingDisabled": false,
            "RoomStatus": "Running",
        }),
        RoomKind::Live => json!({
            "RoomType": "Live",
            "IsPublicVisible": true,
            "CoverURL": "",
            "Category": [],
        }),
    };
    if let (Some(info), Value::Object(more)) = (info.as_object_mut(), more) {
        info.extend(more);
        info.extend(room.info.clone());
    }
    info
}
