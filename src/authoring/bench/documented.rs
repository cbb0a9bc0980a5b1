//! Callbacks that do not follow from the simulated Chat's state, written as Tencent's documents show them.

use serde_json::{Map, Value, json};

use super::happen::{group_of, need, room_of};
use crate::authoring::testfile::Send;
use crate::clock::Timestamp;
use crate::rule::EventKind as E;
use crate::simulator::{RoomKind, World};

/// What can change about a group or topic: our word and Chat's (34378, 49466).
pub(super) const INFO: [(&str, &str); 4] = [
    ("name", "Name"),
    ("introduction", "Introduction"),
    ("notification", "Notification"),
    ("face_url", "FaceUrl"),
];

/// Sends the callback of a step for the n-th time.
pub(super) fn emit(
    world: &mut World,
    now: Timestamp,
    send: &Send,
    number: u32,
) -> Result<(), String> {
    let (command, mut body) = match send.event {
        E::Callback => {
            (send.text("command").unwrap_or_default().to_owned(), Value::Object(send.body.clone()))
        }
        _ => {
            let (command, body) = of_event(world, send)?;
            (command.to_owned(), body)
        }
    };
    let dated = body.get("EventTime").is_some();
    // It has none (48734); and the same callback at the same moment would be a repetition of it.
    if !dated && command != "Group.CallbackOnMemberStateChange" {
        body["EventTime"] = json!(now.0 + i64::from(number) - 1);
    }
    world.emit(now, &command, send.group.as_ref(), body);
    Ok(())
}

fn of_event(world: &World, send: &Send) -> Result<(&'static str, Value), String> {
    let by = |usual: &str| send.text("by").unwrap_or(usual).to_owned();
    let owner = send.group.as_ref().and_then(|id| world.group(id)).and_then(|g| g.owner.clone());
    let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
    Ok(match send.event {
        E::MemberOnline | E::MemberOffline => (
            "Group.CallbackOnMemberStateChange",
            json!({
                "EventType": if send.event == E::MemberOnline { "Online" } else { "Offline" },
                "MemberList": [{ "Member_Account": need(send, "from")? }],
            }),
        ),
        E::GroupFull => ("Group.CallbackAfterGroupFull", json!({})),
        E::GroupAttributesChanged => {
            let pair = |key: &String| json!({ "key": key, "value": "" });
            let pairs: Vec<_> = send.list("keys").iter().map(pair).collect();
            let option = send.text("option").unwrap_or("set");
            (
                "Group.CallbackAfterGroupAttrChanged",
                json!({ "Operator_Account": by(&owner), "OptionType": option, "GroupAttr": pairs }),
            )
        }
        E::MessageFailed => ("Group.CallbackSendMsgException", failed(send)?),
        E::TopicCreating | E::TopicCreated | E::TopicDismissed | E::TopicInfoChanged => {
            return topic(send, &by(&owner));
        }
        E::RoomInfoChanged => {
            let id = room_of(send)?;
            let room = world.room(&id).ok_or_else(|| format!("there is no room {id}"))?;
            let body = json!({
                "Operator_Account": by(room.owner.as_str()),
                "RoomInfo": { "RoomId": id, "RoomName": send.text("name") },
            });
            match room.kind {
                RoomKind::Conference => ("Room.CallbackAfterUpdateRoomInfo", body),
                RoomKind::Live => ("Live.CallbackAfterUpdateRoomInfo", body),
            }
        }
        E::UserProfileChanged => {
            let from = need(send, "from")?;
            let item = |tag: &String| json!({ "Tag": tag, "Value": "" });
            let items: Vec<_> = send.list("tags").iter().map(item).collect();
            (
                "Profile.CallbackPortraitSet",
                json!({ "Operator_Account": from, "From_Account": from, "ProfileItem": items }),
            )
        }
        E::UserOnline | E::UserOffline => {
            let online = send.event == E::UserOnline;
            let usual = if online { ("Login", "Register") } else { ("Disconnect", "LinkClose") };
            let reason = send.text("reason").unwrap_or(usual.1);
            let info =
                json!({ "Action": usual.0, "To_Account": need(send, "from")?, "Reason": reason });
            ("State.StateChange", json!({ "Info": info }))
        }
        other => return Err(format!("`{}` cannot be sent", other.name())),
    })
}

/// A message that was not sent (49462).
fn failed(send: &Send) -> Result<Value, String> {
    let from = need(send, "from")?;
    let text = send.text("text").unwrap_or("hi");
    let mut body = json!({
        "From_Account": from,
        "Operator_Account": from,
        "Random": 1,
        "OnlineOnlyFlag": 0,
        "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }],
        "CloudCustomData": "",
        "ErrorCode": send.error_code.unwrap_or(80001),
        "ErrorInfo": send.text("error_info").unwrap_or("the message was not sent"),
    });
    if let Some(topic) = send.text("topic") {
        body["TopicId"] = json!(topic);
    }
    Ok(body)
}

/// Topics of Community groups (49463 to 49466).
fn topic(send: &Send, by: &str) -> Result<(&'static str, Value), String> {
    group_of(send)?;
    let name = send.text("name").unwrap_or("topic");
    Ok(match send.event {
        E::TopicCreating => (
            "Group.CallbackBeforeCreateTopic",
            json!({ "Operator_Account": need(send, "from")?, "Name": name }),
        ),
        E::TopicCreated => {
            let from = need(send, "from")?;
            (
                "Group.CallbackAfterCreateTopic",
                json!({
                    "TopicId": send.text("topic"),
                    "Operator_Account": from,
                    "Owner_Account": from,
                    "Name": name,
                }),
            )
        }
        E::TopicDismissed => {
            ("Group.CallbackAfterTopicDestroyed", json!({ "TopicIdList": send.list("topics") }))
        }
        _ => {
            let mut body = Map::new();
            body.insert("Operator_Account".to_owned(), json!(by));
            if let Some(topic) = send.text("topic") {
                body.insert("TopicId".to_owned(), json!(topic));
            }
            for (key, wire) in INFO {
                body.extend(send.text(key).map(|text| (wire.to_owned(), json!(text))));
            }
            ("Group.CallbackAfterTopicInfoChanged", Value::Object(body))
        }
    })
}
