//! Reads about rooms: Conference (60704, 60715) and live (63404, 63425, 66908).

use serde_json::{Value, json};

use crate::chat::RoomId;

/// Members of one page of `get_room_member_list`: what 60715 takes when nothing is said.
const PAGE: u32 = 50;

/// A read about a room. `live` says which of the two services has it.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomRead {
    /// Documents 60704 and 63404.
    Info { room: RoomId, live: bool },
    /// Documents 60715 and 66908. One page; `next` is empty for the first. Of a live room Chat knows
    /// at most 1,000 members, as of up to 40 s ago, and not their roles.
    Members { room: RoomId, live: bool, next: String },
    /// Document 63425, live only.
    Admins { room: RoomId },
}

impl RoomRead {
    /// The room that it is about.
    pub fn room(&self) -> &RoomId {
        match self {
            Self::Info { room, .. } | Self::Members { room, .. } | Self::Admins { room } => room,
        }
    }

    pub(super) fn path(&self) -> &'static str {
        match self {
            Self::Info { live: false, .. } => "v4/room_engine_http_srv/get_room_info",
            Self::Info { live: true, .. } => "v4/live_engine_http_srv/get_room_info",
            Self::Members { live: false, .. } => "v4/room_engine_http_srv/get_room_member_list",
            Self::Members { live: true, .. } => "v4/live_engine_http_srv/get_member_list",
            Self::Admins { .. } => "v4/live_engine_http_srv/get_admin_list",
        }
    }

    pub(super) fn body(&self) -> Value {
        match self {
            Self::Members { room, live: false, next } => {
                json!({ "RoomId": room, "Count": PAGE, "Next": next })
            }
            // The page's table of fields forgets RoomId; its newer sample has it (1071/78156).
            Self::Members { room, live: true, next } => json!({ "RoomId": room, "Next": next }),
            Self::Info { room, .. } | Self::Admins { room } => json!({ "RoomId": room }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of 60704, 63404, 60715, 66908 and 63425.
    #[test]
    fn rooms_are_read_as_the_samples_show_each_kind_by_its_own_service() {
        let room = || RoomId::from("room-test");
        let members = |live| RoomRead::Members { room: room(), live, next: String::new() };
        let info = |live| RoomRead::Info { room: room(), live };
        for (read, path, body) in [
            (
                info(false),
                "v4/room_engine_http_srv/get_room_info",
                json!({ "RoomId": "room-test" }),
            ),
            (info(true), "v4/live_engine_http_srv/get_room_info", json!({ "RoomId": "room-test" })),
            (
                members(false),
                "v4/room_engine_http_srv/get_room_member_list",
                json!({ "RoomId": "room-test", "Count": 50, "Next": "" }),
            ),
            (
                members(true),
                "v4/live_engine_http_srv/get_member_list",
                json!({ "RoomId": "room-test", "Next": "" }),
            ),
            (
                RoomRead::Admins { room: room() },
                "v4/live_engine_http_srv/get_admin_list",
                json!({ "RoomId": "room-test" }),
            ),
        ] {
            assert_eq!((read.path(), read.body()), (path, body));
            assert_eq!(read.room(), &room());
        }
    }
}
