//! Which callback this is: the same one, delivered again, has the same id.

use super::fields::Fields;
use crate::clock::Timestamp;
use crate::decision::EventId;

/// How long the same words without a time of their own are one callback. Long enough for a repeated
/// delivery, short enough that a member who goes offline twice is seen twice.
const UNDATED_MILLISECONDS: i64 = 60_000;

/// The id, out of what the callback says and never of the connection (`RequestID`, `RequestTime`
/// and `Sign` may differ when it is delivered again).
pub(super) fn of(command: &str, fields: Fields<'_>, now: Timestamp) -> EventId {
    of_message(command, fields).unwrap_or_else(|| of_body(command, fields, now))
}

/// A message has a number of its own: in a group `MsgSeq` (34375), between two accounts `MsgKey`
/// (34364). `MsgTime` is in it because a group made anew under an old id counts from 1 again.
fn of_message(command: &str, fields: Fields<'_>) -> Option<EventId> {
    let names: &[&str] = match command {
        "Group.CallbackAfterSendMsg" => &["GroupId", "TopicId", "MsgSeq", "MsgTime"],
        "C2C.CallbackBeforeSendMsg" | "C2C.CallbackAfterSendMsg" => {
            &["From_Account", "To_Account", "MsgKey", "SendMsgResult"]
        }
        _ => return None,
    };
    let required = if command.starts_with("Group.") { "MsgSeq" } else { "MsgKey" };
    fields.text(required).filter(|text| !text.is_empty())?;
    let values: Vec<_> = names.iter().map(|name| fields.text(name).unwrap_or_default()).collect();
    let mut parts = vec![command.as_bytes()];
    parts.extend(values.iter().map(|value| value.as_bytes()));
    Some(EventId::of(&parts))
}

/// Everything else is told apart by all that it says: group, members and time are in the body.
fn of_body(command: &str, fields: Fields<'_>, now: Timestamp) -> EventId {
    // The map is ordered by key, so the same content is the same text.
    let canonical = serde_json::to_vec(&fields.owned()).unwrap_or_default();
    let undated = match fields.time() {
        Some(_) => String::new(),
        None => now.0.div_euclid(UNDATED_MILLISECONDS).to_string(),
    };
    EventId::of(&[command.as_bytes(), &canonical, undated.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_700_000_000_000);

    fn id(command: &str, json: &str, now: Timestamp) -> EventId {
        of(command, Fields::of(&serde_json::from_str(json).unwrap()).unwrap(), now)
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp(NOON.0 + seconds * 1000)
    }

    #[test]
    fn spaces_and_the_order_of_fields_do_not_count() {
        let one = id("Group.X", r#"{"EventTime":1700000000000,"A":{"b":1,"c":[1,2]}}"#, NOON);
        let same =
            id("Group.X", r#"{ "A": {"c": [1, 2], "b": 1}, "EventTime": 1700000000000 }"#, NOON);
        let other = id("Group.X", r#"{"EventTime":1700000000000,"A":{"b":1,"c":[2,1]}}"#, NOON);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn a_dated_callback_is_the_same_whenever_it_arrives() {
        let json = r#"{"EventTime":"1700000000000","GroupId":"g"}"#;
        assert_eq!(id("Group.X", json, NOON), id("Group.X", json, later(86_400)));
    }

    #[test]
    fn the_command_counts() {
        let json = r#"{"EventTime":1700000000000}"#;
        assert_ne!(id("Group.X", json, NOON), id("Group.Y", json, NOON));
    }

    #[test]
    fn an_undated_callback_is_another_one_when_it_comes_a_minute_later() {
        let json =
            r#"{"GroupId":"g","EventType":"Offline","MemberList":[{"Member_Account":"ann"}]}"#;
        let command = "Group.CallbackOnMemberStateChange";
        assert_eq!(id(command, json, NOON), id(command, json, later(5)));
        assert_ne!(id(command, json, NOON), id(command, json, later(60)));
    }

    #[test]
    fn a_sent_message_is_known_by_its_number_alone() {
        let command = "Group.CallbackAfterSendMsg";
        let first = id(command, r#"{"GroupId":"g","MsgSeq":12,"MsgTime":1700000000}"#, NOON);
        let retold =
            r#"{"GroupId":"g","MsgSeq":"12","MsgTime":1700000000,"EventTime":1700000009000}"#;
        assert_eq!(first, id(command, retold, later(3_600)));
        for other in [
            r#"{"GroupId":"g","MsgSeq":13,"MsgTime":1700000000}"#,
            r#"{"GroupId":"h","MsgSeq":12,"MsgTime":1700000000}"#,
            r#"{"GroupId":"g","MsgSeq":12,"MsgTime":1700000000,"TopicId":"t"}"#,
            r#"{"GroupId":"g","MsgSeq":12,"MsgTime":1800000000}"#,
        ] {
            assert_ne!(first, id(command, other, NOON), "{other}");
        }
    }

    #[test]
    fn a_message_without_a_number_is_known_by_its_body() {
        let command = "Group.CallbackAfterSendMsg";
        let one = id(command, r#"{"GroupId":"g","EventTime":1700000000000,"Random":1}"#, NOON);
        let other = id(command, r#"{"GroupId":"g","EventTime":1700000000000,"Random":2}"#, NOON);
        assert_ne!(one, other);
    }

    #[test]
    fn asking_about_a_private_message_is_not_the_same_as_having_sent_it() {
        let json = r#"{"From_Account":"a","To_Account":"b","MsgKey":"1_2_3"}"#;
        let asking = id("C2C.CallbackBeforeSendMsg", json, NOON);
        assert_ne!(asking, id("C2C.CallbackAfterSendMsg", json, NOON));
        assert_eq!(asking, id("C2C.CallbackBeforeSendMsg", json, later(3_600)));
    }
}
