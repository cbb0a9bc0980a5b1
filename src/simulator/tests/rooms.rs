//! Conference and Live rooms.

use super::*;
use crate::chat::RoomId;
use crate::simulator::{NewRoom, RoomKind};

fn with_room(kind: RoomKind) -> World {
    let mut world = world();
    let new = NewRoom {
        id: room(),
        kind,
        name: "room".to_owned(),
        owner: account("user1"),
        silent: true,
    };
    world.create_room(at(0), new).unwrap();
    world
}

fn room() -> RoomId {
    RoomId::from("rid-123")
}

fn room_call(world: &mut World, service: &str, command: &str, body: Value) -> Value {
    parse(&post(world, at(9), &format!("/v4/{service}/{command}"), &body).body)
}

const CONFERENCE: &str = "room_engine_http_srv";
const LIVE: &str = "live_engine_http_srv";

#[test]
fn entering_and_leaving_a_conference_is_told_as_documented() {
    let mut world = with_room(RoomKind::Conference);
    world.enter_room(at(1), &room(), &account("user2")).unwrap();
    world.leave_room(at(2), &room(), &account("user2")).unwrap();
    assert_eq!(
        told(&mut world),
        [
            json!({
                "CallbackCommand": "Room.CallbackAfterMemberEnter", "Operator_Account": "user2",
                "RoomId": "rid-123", "MemberCount": 2, "Type": "Enter",
                "MemberList_Account": ["user2"], "EventTime": at(1).0,
            }),
            json!({
                "CallbackCommand": "Room.CallbackAfterMemberLeave", "Operator_Account": "user2",
                "RoomId": "rid-123", "MemberCount": 1, "Type": "Leave", "Reason": "",
                "MemberList_Account": ["user2"], "EventTime": at(2).0,
            }),
        ]
    );
    let left = world.leave_room(at(3), &room(), &account("user2")).unwrap_err();
    assert_eq!(left.code, 100_005);
}

#[test]
fn a_conference_is_handed_over_by_its_owner_to_somebody_in_it() {
    let mut world = with_room(RoomKind::Conference);
    world.enter_room(at(1), &room(), &account("user2")).unwrap();
    told(&mut world);
    let mut change = |id: &str, from: &str, to: &str| {
        let body = json!({ "RoomId": id, "From_Account": from, "NewOwner_Account": to });
        code(&room_call(&mut world, CONFERENCE, "change_room_owner", body))
    };
    assert_eq!(change("nowhere", "user1", "user2"), 100_004);
    assert_eq!(change("rid-123", "user2", "user2"), 100_006);
    assert_eq!(change("rid-123", "user1", "user3"), 100_005);
    assert_eq!(change("rid-123", "user1", ""), 100_002);
    assert_eq!(change("rid-123", "user1", "user2"), 0);
    assert_eq!(world.room(&room()).unwrap().owner, account("user2"));
    let body = told(&mut world).remove(0);
    assert_eq!(body["CallbackCommand"], "Room.CallbackAfterUpdateRoomInfo");
    assert_eq!(body["RoomInfo"], json!({ "RoomId": "rid-123", "Owner_Account": "user2" }));
}

#[test]
fn what_is_read_of_a_conference_stands_in_response() {
    let mut world = with_room(RoomKind::Conference);
    world.enter_room(at(1), &room(), &account("user2")).unwrap();
    let answer = room_call(&mut world, CONFERENCE, "get_room_info", json!({ "RoomId": "rid-123" }));
    let info = &answer["Response"]["RoomInfo"];
    assert_eq!(
        (&info["Owner_Account"], &info["RoomType"], &info["MemberCount"]),
        (&json!("user1"), &json!("Conference"), &json!(2))
    );
    assert!(answer["RequestId"].is_string());
    let body = json!({ "RoomId": "rid-123", "Count": 1, "Next": "" });
    let first = room_call(&mut world, CONFERENCE, "get_room_member_list", body)["Response"].clone();
    assert_eq!(first["MemberList"][0]["Role"], "RoomOwner");
    let body = json!({ "RoomId": "rid-123", "Count": 1, "Next": first["Next"] });
    let second =
        room_call(&mut world, CONFERENCE, "get_room_member_list", body)["Response"].clone();
    assert_eq!(second["MemberList"][0]["Member_Account"], "user2");
    assert_eq!(second["Next"], "");
    // A conference is none of the live service's.
    let answer = room_call(&mut world, LIVE, "get_room_info", json!({ "RoomId": "rid-123" }));
    assert_eq!(code(&answer), 100_004);
}

#[test]
fn a_live_room_tells_its_owner_change_and_admins_without_a_platform() {
    let mut world = with_room(RoomKind::Live);
    world.enter_room(at(1), &room(), &account("user2")).unwrap();
    assert_eq!(told(&mut world)[0]["EventCause"], "Enter");
    let body = json!({ "RoomId": "rid-123", "NewOwner_Account": "user2" });
    assert_eq!(code(&room_call(&mut world, LIVE, "change_room_owner", body)), 0);
    let body = json!({ "RoomId": "rid-123", "CommandType": 1, "Admin_Account": ["user1"] });
    assert_eq!(code(&room_call(&mut world, LIVE, "modify_admin", body)), 0);
    let callbacks = world.take_callbacks();
    assert_eq!(
        callbacks.iter().map(|callback| parse(&callback.body)).collect::<Vec<_>>(),
        [
            json!({
                "CallbackCommand": "Live.CallbackAfterChangeOwner", "RoomId": "rid-123",
                "EventTime": at(9).0, "Operator_Account": "admin",
                "CurrentOwner_Account": "user2", "OriginalOwner_Account": "user1",
            }),
            json!({
                "CallbackCommand": "Live.CallbackAfterModifyAdmin", "RoomId": "rid-123",
                "EventTime": at(9).0, "Operator_Account": "admin", "Admin_Account": ["user1"],
                "opType": "add",
            }),
        ]
    );
    assert!(callbacks.iter().all(|callback| platform(callback).is_empty()));
    let answer = room_call(&mut world, LIVE, "get_admin_list", json!({ "RoomId": "rid-123" }));
    assert_eq!(answer["Response"]["Admin_Account"], json!(["user1"]));
}

#[test]
fn a_live_room_that_everybody_left_ends_by_the_system() {
    let mut world = with_room(RoomKind::Live);
    world.leave_room(at(1), &room(), &account("user1")).unwrap();
    let bodies = told(&mut world);
    assert_eq!(bodies[1]["CallbackCommand"], "Live.CallbackAfterDestroyRoom");
    assert_eq!(bodies[1]["EventType"], "DestroyBySystem");
    assert!(world.room(&room()).is_none());
}

#[test]
fn rooms_are_made_and_ended_over_rest() {
    let mut world = world();
    let info = json!({ "RoomId": "r", "RoomName": "n", "Owner_Account": "user1" });
    let body = json!({ "RoomInfo": info });
    assert_eq!(code(&room_call(&mut world, CONFERENCE, "create_room", body.clone())), 0);
    assert_eq!(code(&room_call(&mut world, CONFERENCE, "create_room", body)), 100_002);
    let kick = json!({ "RoomId": "r", "MemberList_Account": ["user1"] });
    assert_eq!(code(&room_call(&mut world, CONFERENCE, "kick_user_out", kick)), 100_006);
    let id = json!({ "RoomId": "r" });
    assert_eq!(code(&room_call(&mut world, CONFERENCE, "destroy_room", id.clone())), 0);
    assert_eq!(code(&room_call(&mut world, CONFERENCE, "destroy_room", id)), 100_004);
    let commands: Vec<Value> =
        told(&mut world).iter().map(|body| body["CallbackCommand"].clone()).collect();
    assert_eq!(commands, ["Room.CallbackAfterCreateRoom", "Room.CallbackAfterDestroyRoom"]);
}
