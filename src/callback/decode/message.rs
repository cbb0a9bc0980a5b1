//! Messages in groups and between two accounts (34364, 34365, 34374, 34375, 49462).

use super::callback::{Callback, Unfit, set, set_texts};
use super::fields::Fields;
use crate::chat::{Element, Message};
use crate::decision::Event;
use crate::decision::event::Field;
use crate::rule::EventKind;

/// How a message that mentions everybody stands in `mentions`.
const EVERYBODY: &str = "@all";

/// A message is about to be sent (34374).
pub(super) fn sending(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![in_group(callback, EventKind::MessageSending)?])
}

/// A message was sent (34375).
pub(super) fn sent(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![in_group(callback, EventKind::MessageSent)?])
}

/// A message was not sent: too fast, muted, censored, … (49462).
pub(super) fn failed(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = in_group(callback, EventKind::MessageFailed)?;
    if let Some(code) = callback.fields.int("ErrorCode") {
        set(&mut event, "error_code", Field::Int(code));
    }
    set_texts(&mut event, callback.fields, &[("error_info", "ErrorInfo")]);
    Ok(vec![event])
}

/// Messages were recalled (the page "After a group message is recalled").
pub(super) fn recalled(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    let mut event = callback.in_group(EventKind::MessageRecalled)?;
    let sequences = callback.fields.texts_under("MsgSeqList", "MsgSeq");
    set(&mut event, "sequences", Field::Texts(sequences));
    set_texts(&mut event, callback.fields, &[("topic", "TopicId")]);
    Ok(vec![event])
}

/// A private message is about to be sent (34364).
pub(super) fn private_sending(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    Ok(vec![between_two(callback, EventKind::PrivateSending)?])
}

/// A private message was sent; the callback also comes when it was not (34365).
pub(super) fn private_sent(callback: &Callback<'_>) -> Result<Vec<Event>, Unfit> {
    match callback.fields.int("SendMsgResult") {
        None | Some(0) => Ok(vec![between_two(callback, EventKind::PrivateSent)?]),
        Some(code) => Err(Unfit::Nothing(format!("not sent: SendMsgResult is {code}"))),
    }
}

/// The sender is absent where REST sent in the name of an account that does not exist.
fn in_group(callback: &Callback<'_>, kind: EventKind) -> Result<Event, Unfit> {
    let mut event = callback.in_group(kind)?;
    event.member = callback.fields.account("From_Account");
    event.message = Some(message(callback.fields));
    set_texts(&mut event, callback.fields, &[("topic", "TopicId")]);
    Ok(event)
}

fn between_two(callback: &Callback<'_>, kind: EventKind) -> Result<Event, Unfit> {
    let account = |name| callback.fields.account(name).ok_or_else(|| Unfit::missing(name));
    Ok(Event {
        member: Some(account("From_Account")?),
        receiver: Some(account("To_Account")?),
        message: Some(message(callback.fields)),
        ..callback.only(kind)
    })
}

fn message(fields: Fields<'_>) -> Message {
    Message {
        sequence: fields.int("MsgSeq"),
        mentions: mentions(fields),
        custom_data: fields.text("CloudCustomData").unwrap_or_default().into_owned(),
        ..Message::from_elements(&elements(fields))
    }
}

fn elements(fields: Fields<'_>) -> Vec<Element> {
    let element = |element: Fields<'_>| {
        let kind = element.text("MsgType")?.into_owned();
        let mut text = String::new();
        if let Some(content) = element.inner("MsgContent") {
            add_text(&mut text, &kind, content);
        }
        Some(Element { kind, text })
    };
    fields.objects("MsgBody").filter_map(element).collect()
}

/// Adds what a person, or the app in a person's name, can read in an element (33527). Relayed
/// messages are read to the last one inside: otherwise a forbidden word only needs to be forwarded.
fn add_text(text: &mut String, kind: &str, content: Fields<'_>) {
    let names: &[&str] = match kind {
        "TIMTextElem" => &["Text"],
        "TIMCustomElem" => &["Desc", "Data", "Ext"],
        "TIMLocationElem" => &["Desc"],
        "TIMFileElem" => &["FileName"],
        "TIMRelayElem" => &["Title"],
        _ => &[],
    };
    for name in names {
        add(text, &content.text(name).unwrap_or_default());
    }
    if kind == "TIMRelayElem" {
        for line in content.texts("AbstractList") {
            add(text, &line);
        }
        for relayed in content.objects("MsgList") {
            for element in elements(relayed) {
                add(text, &element.text);
            }
        }
    }
}

fn add(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push(' ');
    }
    text.push_str(part);
}

/// `GroupAtInfo` (34959) and, for robots, `AtRobots_Account` (68953).
fn mentions(fields: Fields<'_>) -> Vec<String> {
    let at = fields.objects("GroupAtInfo").filter_map(|at| match at.int("GroupAtAllFlag") {
        Some(1) => Some(EVERYBODY.to_owned()),
        _ => at.account("GroupAt_Account").map(|account| account.to_string()),
    });
    let robots = fields.accounts("AtRobots_Account", "Member_Account");
    at.chain(robots.iter().map(ToString::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Message {
        message(Fields::of(&serde_json::from_str(json).unwrap()).unwrap())
    }

    #[test]
    fn every_element_with_text_gives_its_text_in_order() {
        let message = read(
            r#"{"MsgBody": [
                {"MsgType": "TIMTextElem", "MsgContent": {"Text": "one"}},
                {"MsgType": "TIMFaceElem", "MsgContent": {"Index": 1, "Data": "smile"}},
                {"MsgType": "TIMCustomElem", "MsgContent": {"Data": "{\"a\":1}", "Desc": "two", "Ext": "three"}},
                {"MsgType": "TIMLocationElem", "MsgContent": {"Desc": "four", "Latitude": 1.5}},
                {"MsgType": "TIMFileElem", "MsgContent": {"FileName": "five.exe"}}
            ]}"#,
        );
        assert_eq!(message.text, "one two {\"a\":1} three four five.exe");
        let types =
            ["TIMTextElem", "TIMFaceElem", "TIMCustomElem", "TIMLocationElem", "TIMFileElem"];
        assert_eq!(message.types, types);
    }

    #[test]
    fn a_relayed_message_is_read_to_the_last_one_inside() {
        let message = read(
            r#"{"MsgBody": [{"MsgType": "TIMRelayElem", "MsgContent": {
                "Title": "history", "AbstractList": ["ann: hi"],
                "MsgList": [{"MsgBody": [{"MsgType": "TIMRelayElem", "MsgContent": {
                    "MsgList": [{"MsgBody": [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "buy"}}]}]
                }}]}]
            }}]}"#,
        );
        assert_eq!(message.text, "history ann: hi buy");
        assert_eq!(message.types, ["TIMRelayElem"]);
    }

    #[test]
    fn mentions_of_members_of_everybody_and_of_robots_are_listed() {
        let message = read(
            r#"{"GroupAtInfo": [{"GroupAtAllFlag": 1}, {"GroupAtAllFlag": 0, "GroupAt_Account": "ann"}],
                "AtRobots_Account": ["@RBT#001"]}"#,
        );
        assert_eq!(message.mentions, ["@all", "ann", "@RBT#001"]);
    }

    #[test]
    fn what_has_the_wrong_shape_is_passed_over() {
        let message = read(
            r#"{"MsgBody": [7, {"MsgType": 1}, {"MsgType": "TIMTextElem", "MsgContent": "x"},
                {"MsgType": "TIMTextElem", "MsgContent": {"Text": ["y"]}}, {"MsgContent": {"Text": "z"}}],
                "MsgSeq": "12", "CloudCustomData": {"a": 1}, "GroupAtInfo": "all"}"#,
        );
        assert_eq!(message.text, "");
        assert_eq!(message.types, ["1", "TIMTextElem", "TIMTextElem"]);
        assert_eq!(message.sequence, Some(12));
        assert_eq!(message.custom_data, "");
    }
}
