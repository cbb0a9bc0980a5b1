//! Calls about messages: 34919, 34958, 34959, 34965.

use serde_json::{Value, json};

use super::check::{accounts, bytes, count, id};
use crate::chat::{Account, GroupId, limits};

/// Messages of one `group_msg_recall` (34965).
pub(super) const RECALL_MESSAGES: usize = 10;
/// A topic's id, bytes (33529).
const TOPIC_BYTES: usize = 96;
/// `SyncOtherMachine` 2: not into the history of the sender, the app admin, whom nobody logs in as.
const NOT_TO_THE_SENDER: u8 = 2;

pub(super) fn to_group(group: &GroupId, topic: Option<&str>, text: &str, random: u32) -> Value {
    let mut body = json!({
        "GroupId": group,
        "Random": random,
        "MsgBody": elements(text),
        "ForbidCallbackControl": without_callbacks(),
    });
    if let Some(topic) = topic {
        body["TopicId"] = json!(topic);
    }
    body
}

pub(super) fn private(to: &Account, text: &str, random: u32) -> Value {
    json!({
        "SyncOtherMachine": NOT_TO_THE_SENDER,
        "To_Account": to,
        "MsgRandom": random,
        "MsgBody": elements(text),
        "ForbidCallbackControl": without_callbacks(),
    })
}

pub(super) fn notification(group: &GroupId, to: &[Account], text: &str) -> Value {
    let mut body = json!({ "GroupId": group, "Content": text });
    if !to.is_empty() {
        body["ToMembers_Account"] = json!(to);
    }
    body
}

pub(super) fn recall(group: &GroupId, topic: Option<&str>, sequences: &[i64]) -> Value {
    let list = sequences.iter().map(|sequence| json!({ "MsgSeq": sequence })).collect::<Vec<_>>();
    let mut body = json!({ "GroupId": group, "MsgSeqList": list });
    if let Some(topic) = topic {
        body["TopicId"] = json!(topic);
    }
    body
}

/// The text of a message, in the form that Chat measures.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    id("Text", text)?;
    bytes("the message", elements(text).to_string().len(), limits::MESSAGE_BYTES)
}

/// The page names no limit of its own for `Content`; a message's holds here.
pub(super) fn check_notification(to: &[Account], text: &str) -> Result<(), String> {
    id("Content", text)?;
    bytes("Content", text.len(), limits::MESSAGE_BYTES)?;
    if to.is_empty() { Ok(()) } else { accounts("accounts", to, limits::NOTIFY_ACCOUNTS) }
}

pub(super) fn check_recall(topic: Option<&str>, sequences: &[i64]) -> Result<(), String> {
    count("messages", sequences.len(), RECALL_MESSAGES)?;
    if let Some(wrong) = sequences.iter().find(|sequence| **sequence <= 0) {
        return Err(format!("MsgSeq is {wrong}; Chat counts messages from 1"));
    }
    bytes("TopicId", topic.map_or(0, str::len), TOPIC_BYTES)
}

fn elements(text: &str) -> Value {
    json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }])
}

/// What the bot says must not start its own rules.
fn without_callbacks() -> Value {
    json!(["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"])
}
