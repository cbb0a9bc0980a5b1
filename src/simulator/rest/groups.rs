//! Groups over REST: 34895, 34896, 34962.

use super::super::asks::Answered;
use super::super::groups::Proposal;
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::mutes::to_usize;
use super::{Call, Reply, done};
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

const WRONG: i64 = 10004;
/// Texts of a group and their bytes (33529).
const TEXTS: [(&str, usize); 4] =
    [("Name", 30), ("Introduction", 240), ("Notification", 300), ("FaceUrl", 100)];
const JOIN_OPTIONS: [&str; 3] = ["FreeAccess", "NeedPermission", "DisableApply"];

pub(super) fn create_group(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "Type",
        "Name",
        "Owner_Account",
        "GroupId",
        "Introduction",
        "Notification",
        "FaceUrl",
        "MaxMemberCount",
        "ApplyJoinOption",
        "AppDefinedData",
        "MemberList",
        "SupportTopic",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let kinds = ["Work", "Private", "Public", "Meeting", "ChatRoom", "AVChatRoom", "Community"];
    let kind = fields.needed("Type", fields.choice("Type", &kinds)?)?;
    let kind = GroupType::from_name(kind).unwrap_or(GroupType::Unknown);
    let text = |index: usize| fields.text(TEXTS[index].0, TEXTS[index].1);
    let id = fields.text("GroupId", usize::MAX)?;
    if let Some(id) = id {
        check_custom_id(&fields, kind, id)?;
    }
    let by_default = if kind == GroupType::Public { "NeedPermission" } else { "FreeAccess" };
    let join_option = fields.choice("ApplyJoinOption", &JOIN_OPTIONS)?.unwrap_or(by_default);
    let proposal = Proposal {
        id: id.map(GroupId::from),
        kind,
        name: fields.needed("Name", text(0)?)?.to_owned(),
        introduction: text(1)?.unwrap_or("").to_owned(),
        notification: text(2)?.unwrap_or("").to_owned(),
        face_url: text(3)?.unwrap_or("").to_owned(),
        join_option: join_option.to_owned(),
        max_members: fields.number("MaxMemberCount", 1, 1_000_000)?.map(to_usize),
        owner: fields.account("Owner_Account")?,
        members: first_members(&fields, kind, call.now)?,
        fields: fields.pairs("AppDefinedData", 10, 512)?,
        with_topics: fields.number("SupportTopic", 0, 1)? == Some(1),
        silent: false,
    };
    let creating = world.propose(call.now, proposal, call.origin.clone());
    super::reply(&Answered::Created(creating), call.record)
}

/// Printable ASCII below 48 bytes; `@TGS#` is Chat's own, and `@TGS#_` marks a Community (33529).
fn check_custom_id(fields: &Fields, kind: GroupType, id: &str) -> Result<(), Refusal> {
    let printable = id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let prefix = if kind == GroupType::Community {
        id.starts_with("@TGS#_")
    } else {
        !id.starts_with("@TGS#")
    };
    if id.is_empty() || id.len() >= 48 || !printable || !prefix {
        return Err(fields.wrong("this can be no custom GroupId"));
    }
    Ok(())
}

fn first_members(
    fields: &Fields,
    kind: GroupType,
    now: Timestamp,
) -> Result<Vec<(Account, Role, Timestamp)>, Refusal> {
    if !fields.has("MemberList") {
        return Ok(Vec::new());
    }
    if kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("an AVChatRoom begins without members"));
    }
    let mut members = Vec::new();
    for entry in fields.list("MemberList", 100)? {
        let entry = Fields::new(entry, WRONG, &["Member_Account", "Role"])?;
        let account = entry.needed("Member_Account", entry.account("Member_Account")?)?;
        let role = entry.choice("Role", &["Admin"])?.map_or(Role::Member, |_| Role::Admin);
        members.push((account, role, now));
    }
    Ok(members)
}

pub(super) fn destroy_group(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId"])?;
    let id = fields.group()?;
    world.group_or_refusal(&id)?;
    world.end_group(call.now, &id, &call.origin);
    Ok(done())
}

pub(super) fn modify_group_base_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "Name",
        "Introduction",
        "Notification",
        "FaceUrl",
        "MaxMemberNum",
        "ApplyJoinOption",
        "MuteAllMember",
        "AppDefinedData",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let id = fields.group()?;
    let mut texts = Vec::new();
    for (name, bytes) in TEXTS {
        if let Some(text) = fields.text(name, bytes)? {
            texts.push((name, text.to_owned()));
        }
    }
    let most = fields.number("MaxMemberNum", 1, 1_000_000)?.map(to_usize);
    let join = fields.choice("ApplyJoinOption", &JOIN_OPTIONS)?.map(str::to_owned);
    let mute_all = fields.choice("MuteAllMember", &["On", "Off"])?;
    let data = fields.pairs("AppDefinedData", 10, 512)?;

    let group = world.group_mut_or_refusal(&id)?;
    if join.is_some() && group.kind == GroupType::Community {
        return Err(Refusal::permission("a Community has no ApplyJoinOption"));
    }
    group.max_members = most.unwrap_or(group.max_members);
    group.join_option = join.unwrap_or_else(|| group.join_option.clone());
    group.fields.extend(data);
    if let Some(word) = mute_all {
        world.set_mute_all(call.now, &id, &call.origin, word == "On")?;
    }
    world.set_texts(call.now, &id, &call.origin, texts)?;
    Ok(done())
}
