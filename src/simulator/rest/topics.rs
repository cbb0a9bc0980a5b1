//! Topics over REST: 49468, 49469, 49470, 49471.

use serde_json::{Value, json};

use super::super::asks::Answered;
use super::super::settings::Refusal;
use super::super::state::Topic;
use super::super::topics::{NewTopic, TopicChange};
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};

const WRONG: i64 = 10004;
/// A `TopicId`, bytes (34381).
const ID: usize = 96;

fn text(fields: &Fields, name: &str, bytes: usize) -> Result<Option<String>, Refusal> {
    Ok(fields.text(name, bytes)?.map(str::to_owned))
}

/// `{GroupId}@TOPIC#_…`, of at most 96 bytes.
fn check_id(fields: &Fields, group: &str, id: &str) -> Result<(), Refusal> {
    if id.starts_with(&format!("{group}@TOPIC#_")) {
        return Ok(());
    }
    Err(fields.wrong("a TopicId begins with the GroupId and @TOPIC#_"))
}

pub(super) fn create_topic(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "TopicId",
        "TopicName",
        "From_Account",
        "CustomString",
        "FaceUrl",
        "Notification",
        "Introduction",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let group = fields.group()?;
    let id = text(&fields, "TopicId", ID)?;
    if let Some(id) = &id {
        check_id(&fields, group.as_str(), id)?;
    }
    let topic = Topic {
        name: fields.needed("TopicName", text(&fields, "TopicName", 150)?)?,
        owner: fields.account("From_Account")?.or_else(|| Some(call.origin.operator.clone())),
        introduction: text(&fields, "Introduction", 400)?.unwrap_or_default(),
        notification: text(&fields, "Notification", 400)?.unwrap_or_default(),
        face_url: text(&fields, "FaceUrl", 500)?.unwrap_or_default(),
        custom: text(&fields, "CustomString", 3_000)?.unwrap_or_default(),
        ..Topic::default()
    };
    let opening = world.open_topic(call.now, NewTopic { group, id, topic }, call.origin.clone());
    super::reply(&Answered::Opened(opening), call.record)
}

pub(super) fn modify_topic(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "TopicId",
        "TopicName",
        "From_Account",
        "CustomString",
        "FaceUrl",
        "Notification",
        "Introduction",
        "MuteAllMember",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let group = fields.group()?;
    let id = fields.needed("TopicId", text(&fields, "TopicId", ID)?)?;
    fields.account("From_Account")?;
    let change = TopicChange {
        name: text(&fields, "TopicName", 150)?,
        introduction: text(&fields, "Introduction", 400)?,
        notification: text(&fields, "Notification", 400)?,
        face_url: text(&fields, "FaceUrl", 500)?,
        custom: text(&fields, "CustomString", 3_000)?,
        mute_all: fields.choice("MuteAllMember", &["On", "Off"])?.map(|text| text == "On"),
    };
    world.set_topic(call.now, &group, &call.origin, &id, change)?;
    Ok(done())
}

/// All topics, or the listed ones, each with its code. `ShutUpAllMember` is what 49469 still prints.
pub(super) fn get_topic(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "From_Account", "TopicIdList", "ResponseFilter"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    fields.account("From_Account")?;
    let group = world.group_or_refusal(&fields.group()?)?;
    if !group.with_topics {
        return Err(Refusal::permission("only a Community with topics has them"));
    }
    let wanted = fields.filter("TopicIdList", &[])?;
    let ids: Vec<&str> =
        wanted.unwrap_or_else(|| group.topics.keys().map(String::as_str).collect());
    let entry = |id: &&str| match group.topics.get(*id) {
        Some(topic) => {
            let in_topic = group.messages.iter().rev().find(|m| m.topic.as_deref() == Some(*id));
            json!({ "ErrorCode": 0, "ErrorInfo": "", "TopicInfo": {
                "TopicId": id,
                "TopicName": topic.name,
                "FaceUrl": topic.face_url,
                "Notification": topic.notification,
                "Introduction": topic.introduction,
                "CustomString": topic.custom,
                "CreateTime": topic.created_at.secs(),
                "LastMsgTime": in_topic.map_or(0, |message| message.at.secs()),
                "ShutUpAllMember": if topic.mute_all { "On" } else { "Off" },
            } })
        }
        None => json!({
            "ErrorCode": 10010, "ErrorInfo": "the topic does not exist",
            "TopicInfo": { "TopicId": id },
        }),
    };
    let list: Value = ids.iter().map(entry).collect();
    Ok(Reply::Done(json!({ "TopicInfoList": list })))
}

pub(super) fn destroy_topic(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "TopicIdList", "From_Account"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let group = fields.group()?;
    fields.account("From_Account")?;
    let mut topics = Vec::new();
    for value in fields.list("TopicIdList", 200)? {
        let text = value.as_str().filter(|text| text.len() <= ID);
        topics.push(fields.needed("TopicIdList", text)?.to_owned());
    }
    let gone = world.end_topics(call.now, &group, &call.origin, &topics)?;
    let one = |(topic, gone): (&String, bool)| {
        let (code, info) = if gone { (0, "") } else { (10010, "the topic does not exist") };
        json!({ "TopicId": topic, "ErrorCode": code, "ErrorInfo": info })
    };
    let list: Value = topics.iter().zip(gone).map(one).collect();
    Ok(Reply::Done(json!({ "DestroyResultItem": list })))
}
