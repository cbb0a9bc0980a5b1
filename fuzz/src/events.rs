//! Events of every kind: with everything that a callback can tell, and with nothing of it.

use groupkeeper::chat::{GroupType, Message};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::event::{Cause, Field, Room, RoomKind};
use groupkeeper::decision::{Event, EventId};
use groupkeeper::rule::EventKind;
use groupkeeper::rule::catalog::Type;
use serde_json::json;

/// 2026-11-21 04:00 UTC.
pub const NOW: Timestamp = Timestamp(1_795_233_600_000);

/// Everybody is there, and what they do is told in full.
pub fn full(cause: Cause, number: u32) -> Event {
    let mut event = bare(cause, number);
    event.group = Some("@TGS#1".into());
    event.group_type = Some(GroupType::Public);
    event.member = Some("ann".into());
    event.operator = Some("bob".into());
    event.receiver = Some("carl".into());
    let owner = Some("olga".into());
    let (id, kind) = ("room1".into(), RoomKind::Live);
    event.room = Some(Room { id, kind, owner, member_count: Some(3) });
    event.message = Some(Message {
        text: "buy now 😀 123".to_owned(),
        types: vec!["TIMTextElem".to_owned(), "TIMImageElem".to_owned()],
        sequence: Some(i64::from(number)),
        mentions: vec!["bob".to_owned()],
        custom_data: "{}".to_owned(),
    });
    for (name, kind) in event.kind().map_or(&[][..], EventKind::event_fields) {
        event.fields.extend(value(name, *kind).map(|value| ((*name).to_owned(), value)));
    }
    event
}

/// Chat says no more than that it happened.
pub fn bare(cause: Cause, number: u32) -> Event {
    Event::new(EventId::of(&[&number.to_be_bytes()]), cause, NOW, "Group.Something")
}

/// A field of an event, by what it is; texts are of those that Chat sends there.
fn value(name: &str, kind: Type) -> Option<Field> {
    let text = match name {
        "role" => "admin",
        "type" => "Public",
        "join_type" => "Apply",
        "owner" | "old_owner" => "olga",
        _ => "ann",
    };
    Some(match kind {
        Type::String => Field::Text(text.to_owned()),
        Type::Strings => Field::Texts(vec!["ann".to_owned(), "bob".to_owned()]),
        Type::Int => Field::Int(3),
        Type::Bool => Field::Bool(true),
        Type::Dynamic => Field::Json(body()),
        Type::Double | Type::Timestamp | Type::Duration | Type::Null | Type::Object(_) => {
            return None;
        }
    })
}

/// The body of a callback that the bot has no event for.
pub fn body() -> serde_json::Value {
    json!({
        "GroupId": "@TGS#1", "Count": 3, "Large": u64::MAX, "Part": 1.5, "Yes": true, "None": null,
        "List": [1, "a", { "b": [] }, -1], "Deep": { "Deep": { "Deep": "text" } },
    })
}
