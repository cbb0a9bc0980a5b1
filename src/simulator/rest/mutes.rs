//! Mutes and bans over REST: 34951, 34964, 50296, 50297, 50295.

use serde_json::{Value, json};

use super::super::settings::Refusal;
use super::super::topics::no_topic;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};
use crate::chat::{Account, GroupType};
use crate::clock::Timestamp;

const WRONG: i64 = 10004;

pub(super) fn forbid_send_msg(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "Members_Account", "MuteTime", "TopicId"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let accounts = fields.accounts("Members_Account", 500)?;
    let seconds = fields.needed("MuteTime", fields.u32("MuteTime")?)?;
    match fields.text("TopicId", 96)? {
        Some(topic) => world.set_topic_mutes(call.now, &id, topic, &accounts, seconds)?,
        None => world.set_mutes(call.now, &id, &accounts, seconds)?,
    }
    Ok(done())
}

pub(super) fn get_group_muted_account(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "TopicId"])?;
    let group = world.group_or_refusal(&fields.group()?)?;
    let mutes = match fields.text("TopicId", 96)? {
        Some(topic) => &group.topics.get(topic).ok_or_else(no_topic)?.mutes,
        None => &group.mutes,
    };
    let quirks = &world.settings.quirks;
    let muted = mutes.iter().filter(|(_, until)| **until > call.now);
    let one = |(account, until): (&Account, &Timestamp)| json!({ "Member_Account": account, "MutedUntil": quirks.until(call.now, *until) });
    let list: Value = muted.map(one).collect();
    Ok(Reply::Done(json!({ "GroupId": group.id, "MutedAccountList": list })))
}

pub(super) fn ban_group_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = ["GroupId", "Members_Account", "Duration", "Description"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let accounts = fields.accounts("Members_Account", 20)?;
    let seconds = fields.needed("Duration", fields.u32("Duration")?)?;
    fields.text("Description", 1000)?;
    world.ban(call.now, &id, &accounts, seconds)?;
    Ok(done())
}

pub(super) fn unban_group_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "Members_Account"])?;
    let id = fields.group()?;
    let accounts = fields.accounts("Members_Account", 20)?;
    world.unban(&id, &accounts)?;
    Ok(done())
}

pub(super) fn get_group_ban_member(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "Limit", "Offset"])?;
    let limit = fields.number("Limit", 1, 100)?.unwrap_or(100);
    let offset = fields.number("Offset", 0, i64::MAX)?.unwrap_or(0);
    let group = world.group_or_refusal(&fields.group()?)?;
    if group.kind != GroupType::AVChatRoom {
        return Err(Refusal::permission("only an AVChatRoom can ban"));
    }
    let banned: Vec<_> = group.bans.iter().filter(|(_, until)| **until > call.now).collect();
    let (skip, take) = (to_usize(offset), to_usize(limit));
    let quirks = &world.settings.quirks;
    let one = |(account, until): &(&Account, &Timestamp)| json!({ "Member_Account": account, "BannedUntil": quirks.until(call.now, **until) });
    let list: Vec<Value> = banned.iter().skip(skip).take(take).map(one).collect();
    let next = if skip + list.len() < banned.len() { skip + list.len() } else { 0 };
    Ok(Reply::Done(json!({ "BannedAccountList": list, "NextOffset": next })))
}

/// A number that was checked not to be negative.
pub(super) fn to_usize(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
