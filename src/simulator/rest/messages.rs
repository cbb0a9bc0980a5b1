//! Messages over REST: 34959, 34958, 34965, 34919.

use serde_json::{Value, json};

use super::super::asks::{Answered, is_element};
use super::super::messages::Draft;
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::mutes::to_usize;
use super::{Call, Reply, done};
use crate::chat::GroupType;

const WRONG: i64 = 10004;
/// A message, bytes: the page says 12 KB, the limits page 8,000; the smaller holds here (34381).
const LONGEST: usize = 8_000;

pub(super) fn send_group_msg(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "Random",
        "MsgBody",
        "From_Account",
        "MsgPriority",
        "OnlineOnlyFlag",
        "To_Account",
        "ForbidCallbackControl",
        "SendMsgControl",
        "CloudCustomData",
        "OfflinePushInfo",
        "GroupAtInfo",
        "SupportMessageExtension",
        "TopicId",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let group = world.group_or_refusal(&id)?;
    if fields.has("To_Account") {
        fields.accounts("To_Account", 50)?;
        if matches!(group.kind, GroupType::AVChatRoom | GroupType::Community) {
            return Err(Refusal::permission("To_Account is for Work, Public and Meeting"));
        }
    }
    fields.filter("SendMsgControl", &["NoLastMsg", "NoUnread"])?;
    let priorities = ["High", "Normal", "Low", "Lowest"];
    let priority = fields.choice("MsgPriority", &priorities)?.unwrap_or("Normal").to_owned();
    let forbidden = ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"];
    let forbidden = fields.filter("ForbidCallbackControl", &forbidden)?.unwrap_or_default();
    let from = fields.account("From_Account")?.unwrap_or_else(|| call.origin.operator.clone());
    if world.deleted.contains(&from) {
        return Err(Refusal::new(10019, "From_Account does not exist"));
    }
    let draft = Draft {
        group: Some(id),
        from,
        body: message_body(&fields, 80002)?,
        random: fields.needed("Random", fields.u32("Random")?)?,
        custom_data: fields.text("CloudCustomData", usize::MAX)?.unwrap_or("").to_owned(),
        online_only: fields.number("OnlineOnlyFlag", 0, 1)? == Some(1),
        priority,
        ask: !forbidden.contains(&"ForbidBeforeSendMsgCallback"),
        tell: !forbidden.contains(&"ForbidAfterSendMsgCallback"),
        more: serde_json::Map::new(),
    };
    let saying = world.send(call.now, draft, call.origin.clone());
    super::reply(&Answered::Said(saying), call.record)
}

fn message_body(fields: &Fields, too_long: i64) -> Result<Value, Refusal> {
    let list = fields.list("MsgBody", usize::MAX)?;
    if !list.iter().all(is_element) {
        return Err(fields.wrong("MsgBody holds what is no {MsgType, MsgContent}"));
    }
    let body = Value::from(list.to_vec());
    if body.to_string().len() > LONGEST {
        return Err(Refusal::new(too_long, format!("the message is over {LONGEST} bytes")));
    }
    Ok(body)
}

pub(super) fn send_group_system_notification(
    world: &mut World,
    call: &Call,
) -> Result<Reply, Refusal> {
    let known = ["GroupId", "ToMembers_Account", "Content", "TopicId"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let everybody = call.record.body["ToMembers_Account"].as_array().is_none_or(Vec::is_empty);
    let to = if everybody { Vec::new() } else { fields.accounts("ToMembers_Account", 500)? };
    let content = fields.needed("Content", fields.text("Content", LONGEST)?)?.to_owned();
    let group = world.group_mut_or_refusal(&id)?;
    if group.kind == GroupType::AVChatRoom && !to.is_empty() {
        return Err(Refusal::permission("in an AVChatRoom everybody is notified"));
    }
    group.notifications.push((to, content));
    Ok(done())
}

/// `RecallRetList` has a code of its own for each message.
pub(super) fn group_msg_recall(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "MsgSeqList", "TopicId"])?;
    let id = fields.group()?;
    let mut sequences = Vec::new();
    for entry in fields.list("MsgSeqList", 10)? {
        let entry = Fields::new(entry, WRONG, &["MsgSeq"])?;
        sequences.push(entry.needed("MsgSeq", entry.number("MsgSeq", 1, i64::MAX)?)?);
    }
    if world.group_or_refusal(&id)?.kind == GroupType::AVChatRoom {
        return Err(Refusal::new(10033, "messages of an AVChatRoom cannot be recalled"));
    }
    let results = world.take_back(call.now, &id, &call.origin, &sequences);
    let one = |(sequence, code)| json!({ "MsgSeq": sequence, "RetCode": code });
    let list: Value = results.into_iter().map(one).collect();
    Ok(Reply::Done(json!({ "RecallRetList": list })))
}

/// A private message. Its `MsgSeq` is the simulator's own; one in the request is only checked.
pub(super) fn sendmsg(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "SyncOtherMachine",
        "From_Account",
        "To_Account",
        "MsgLifeTime",
        "MsgSeq",
        "MsgRandom",
        "MsgBody",
        "ForbidCallbackControl",
        "SendMsgControl",
        "CloudCustomData",
        "OfflinePushInfo",
        "IsNeedReadReceipt",
    ];
    let fields = Fields::new(&call.record.body, 90001, &known)?;
    fields.number("SyncOtherMachine", 1, 2)?;
    let life = fields.number("MsgLifeTime", 0, 604_800)?.map(to_usize);
    fields.u32("MsgSeq")?;
    fields.filter("SendMsgControl", &["NoUnread", "NoLastMsg", "WithMuteNotifications"])?;
    let forbidden = ["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"];
    let forbidden = fields.filter("ForbidCallbackControl", &forbidden)?.unwrap_or_default();
    let to = fields.needed("To_Account", fields.account("To_Account")?)?;
    let from = fields.account("From_Account")?.unwrap_or_else(|| call.origin.operator.clone());
    if world.deleted.contains(&to) || world.deleted.contains(&from) {
        return Err(Refusal::new(20003, "the account does not exist"));
    }
    let draft = Draft {
        group: None,
        from,
        body: message_body(&fields, 93000)?,
        random: fields.needed("MsgRandom", fields.u32("MsgRandom")?)?,
        custom_data: fields.text("CloudCustomData", usize::MAX)?.unwrap_or("").to_owned(),
        online_only: life == Some(0),
        priority: "Normal".to_owned(),
        ask: !forbidden.contains(&"ForbidBeforeSendMsgCallback"),
        tell: !forbidden.contains(&"ForbidAfterSendMsgCallback"),
        more: serde_json::Map::new(),
    };
    let saying = world.send_privately(call.now, draft, to, call.origin.clone());
    super::reply(&Answered::Said(saying), call.record)
}
