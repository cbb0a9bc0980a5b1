//! The looking half of the control API: the state of the world and the calls it saw.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::control::answer;
use super::http::Shared;
use super::rooms::{Room, RoomKind};
use super::state::Group;
use crate::chat::Account;
use crate::clock::Timestamp;

/// `GET /control/{what}`.
pub(super) fn look(shared: &Shared, what: &str) -> Response {
    let now = shared.now();
    let world = shared.world();
    let found = match what {
        "state" => json!({
            "now": now,
            "groups": world.groups().map(|group| group_words(group, now)).collect::<Value>(),
            "rooms": world.rooms().map(room_words).collect::<Value>(),
            "waiting": world.waiting().collect::<Vec<_>>(),
            "complaints": world.complaints(),
        }),
        "calls" => {
            let call = |call: &super::rates::CallRecord| {
                json!({
                    "at": call.at,
                    "command": format!("{}/{}", call.service, call.command),
                    "identifier": call.identifier,
                    "body": call.body,
                    "status": call.status,
                    "error_code": call.error_code,
                    "fault": call.fault,
                })
            };
            world.calls().iter().map(call).collect()
        }
        _ => {
            let error = json!({ "error": "look at /control/state or /control/calls" });
            return answer(StatusCode::NOT_FOUND, &error);
        }
    };
    answer(StatusCode::OK, &found)
}

fn group_words(group: &Group, now: Timestamp) -> Value {
    let member = |(account, member): (&Account, &super::state::Member)| {
        json!({
            "id": account,
            "role": group.role(account),
            "joined_at": member.joined_at,
            "name_card": member.name_card,
            "message_receiving": member.msg_flag,
            "fields": member.fields,
            "muted_until": group.muted_until(account, now),
            "last_message_at": member.last_message_at,
        })
    };
    let message = |message: &super::state::Message| {
        json!({
            "sequence": message.sequence,
            "from": message.from,
            "text": message.text,
            "at": message.at,
            "recalled": message.recalled,
        })
    };
    json!({
        "id": group.id,
        "type": group.kind,
        "name": group.name,
        "owner": group.owner,
        "created_at": group.created_at,
        "mute_all": group.mute_all,
        "room_admins": group.room_admins,
        "members": group.members.iter().map(member).collect::<Value>(),
        "messages": group.messages.iter().map(message).collect::<Value>(),
    })
}

fn room_words(room: &Room) -> Value {
    json!({
        "id": room.id,
        "kind": if room.kind == RoomKind::Live { "live" } else { "conference" },
        "name": room.name,
        "owner": room.owner,
        "admins": room.admins,
        "members": room.members.keys().collect::<Vec<_>>(),
    })
}
