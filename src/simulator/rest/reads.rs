//! Reading groups: 34961, 34960, 34925, 38521.

use serde_json::{Map, Value, json};

use super::super::roles::role_name;
use super::super::settings::{Refusal, Settings};
use super::super::state::Group;
use super::super::world::World;
use super::fields::Fields;
use super::member_reads::{MEMBER_FIELDS, member_entry};
use super::mutes::to_usize;
use super::{Call, Reply};
use crate::chat::{GroupId, GroupType, Role};

const WRONG: i64 = 10004;
/// Groups of one `get_group_info` (34961).
const GROUPS: usize = 50;
const BASE_FIELDS: [&str; 16] = [
    "GroupId",
    "Type",
    "Name",
    "Appid",
    "Introduction",
    "Notification",
    "FaceUrl",
    "Owner_Account",
    "CreateTime",
    "LastInfoTime",
    "LastMsgTime",
    "NextMsgSeq",
    "MemberNum",
    "MaxMemberNum",
    "ApplyJoinOption",
    "MuteAllMember",
];

/// The outer code is 0 whatever happened; each group has its own.
pub(super) fn get_group_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupIdList", "ResponseFilter"])?;
    let filters = Filters::read(&fields)?;
    let mut list = Vec::new();
    for value in fields.list("GroupIdList", GROUPS)? {
        let Some(text) = value.as_str() else {
            return Err(fields.wrong("GroupIdList holds what is no text"));
        };
        list.push(match world.group_or_refusal(&GroupId::from(text)) {
            Ok(group) => filters.apply(world, call, group),
            Err(refusal) => json!({
                "GroupId": text, "ErrorCode": refusal.code, "ErrorInfo": refusal.info,
            }),
        });
    }
    Ok(Reply::Done(json!({ "GroupInfo": Value::from(list) })))
}

/// What of a group is wanted. Without `ResponseFilter`: everything. With it: only what it names.
struct Filters<'a> {
    base: Option<Vec<&'a str>>,
    members: Option<Option<Vec<&'a str>>>,
    data: Option<Vec<&'a str>>,
    member_data: Vec<&'a str>,
}

impl<'a> Filters<'a> {
    fn read(fields: &Fields<'a>) -> Result<Self, Refusal> {
        let Some(filter) = fields.value("ResponseFilter") else {
            return Ok(Self {
                base: None,
                members: Some(None),
                data: None,
                member_data: Vec::new(),
            });
        };
        let known = [
            "GroupBaseInfoFilter",
            "MemberInfoFilter",
            "AppDefinedDataFilter_Group",
            "AppDefinedDataFilter_GroupMember",
        ];
        let filter = Fields::new(filter, WRONG, &known)?;
        let members = filter.filter("MemberInfoFilter", &MEMBER_FIELDS)?;
        Ok(Self {
            base: filter.filter("GroupBaseInfoFilter", &BASE_FIELDS)?,
            members: members.filter(|names| !names.is_empty()).map(Some),
            data: Some(filter.filter("AppDefinedDataFilter_Group", &[])?.unwrap_or_default()),
            member_data: filter
                .filter("AppDefinedDataFilter_GroupMember", &[])?
                .unwrap_or_default(),
        })
    }

    fn apply(&self, world: &World, call: &Call, group: &Group) -> Value {
        let mut info = base_info(&world.settings, group);
        if let Some(names) = &self.base {
            info.retain(|name, _| name == "GroupId" || names.contains(&name.as_str()));
        }
        info.insert("ErrorCode".to_owned(), json!(0));
        info.insert("ErrorInfo".to_owned(), json!(""));
        let wanted = |key: &str| self.data.as_ref().is_none_or(|keys| keys.contains(&key));
        let data: Value = group
            .fields
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        info.insert("AppDefinedData".to_owned(), data);
        if let (Some(names), true) = (&self.members, group.kind != GroupType::AVChatRoom) {
            let quirks = &world.settings.quirks;
            let entry = |(account, member)| {
                let names = names.as_deref();
                member_entry(quirks, group, call.now, account, member, names, &self.member_data)
            };
            info.insert("MemberList".to_owned(), group.members.iter().map(entry).collect());
        }
        Value::Object(info)
    }
}

fn base_info(settings: &Settings, group: &Group) -> Map<String, Value> {
    let last_message = group.messages.last().map_or(0, |message| message.at.secs());
    let mut info = json!({
        "GroupId": group.id,
        "Type": group.kind.name(),
        "Name": group.name,
        "Appid": settings.sdk_app_id,
        "Introduction": group.introduction,
        "Notification": group.notification,
        "FaceUrl": group.face_url,
        "CreateTime": group.created_at.secs(),
        "LastInfoTime": group.last_info_at.secs(),
        "LastMsgTime": last_message,
        "NextMsgSeq": group.next_sequence(),
        "MemberNum": group.members.len(),
        "MaxMemberNum": group.max_members.min(1_000_000),
        "ApplyJoinOption": group.join_option,
        "MuteAllMember": if group.mute_all { "On" } else { "Off" },
    });
    settings.quirks.put_owner(&mut info, "Owner_Account", group.owner.as_ref());
    match info {
        Value::Object(info) => info,
        _ => Map::new(),
    }
}

/// The old names are today's on this page (34960).
fn wanted_kind(fields: &Fields) -> Result<Option<GroupType>, Refusal> {
    let names = ["Public", "Private", "ChatRoom", "AVChatRoom", "BChatRoom", "Community"];
    Ok(fields
        .choice("GroupType", &names)?
        .map(|name| GroupType::from_name(name).unwrap_or(GroupType::Unknown)))
}

/// `Next` is the number of the last group seen; 0 begins and ends.
pub(super) fn get_appid_group_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["Limit", "Next", "GroupType"])?;
    let limit = to_usize(fields.number("Limit", 1, 10_000)?.unwrap_or(10_000));
    let next = fields.number("Next", 0, i64::MAX)?.unwrap_or(0);
    let kind = wanted_kind(&fields)?;
    let mut groups: Vec<&Group> =
        world.groups().filter(|group| kind.is_none_or(|kind| kind == group.kind)).collect();
    let total = groups.len();
    groups.sort_by_key(|group| group.serial);
    groups.retain(|group| group.serial > u64::try_from(next).unwrap_or(0));
    let next = if groups.len() > limit { groups[limit - 1].serial } else { 0 };
    let list: Value =
        groups.iter().take(limit).map(|group| json!({ "GroupId": group.id })).collect();
    Ok(Reply::Done(json!({ "TotalCount": total, "GroupIdList": list, "Next": next })))
}

/// Without `WithHugeGroups` no `AVChatRoom`, without `WithNoActiveGroups` no Work groups in which
/// nothing was said yet.
pub(super) fn get_joined_group_list(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "Member_Account",
        "Limit",
        "Offset",
        "GroupType",
        "WithHugeGroups",
        "WithNoActiveGroups",
        "SupportTopic",
        "ResponseFilter",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let account = fields.needed("Member_Account", fields.account("Member_Account")?)?;
    let limit = to_usize(fields.number("Limit", 1, 5_000)?.unwrap_or(5_000));
    let offset = to_usize(fields.number("Offset", 0, i64::MAX)?.unwrap_or(0));
    let kind = wanted_kind(&fields)?;
    let huge = fields.number("WithHugeGroups", 0, 1)? == Some(1);
    let inactive = fields.number("WithNoActiveGroups", 0, 1)? == Some(1);
    fields.number("SupportTopic", 0, 1)?;
    let (base, own) = joined_filters(&fields)?;
    let listed = |group: &&Group| {
        group.role(&account) != Role::Outside
            && kind.is_none_or(|kind| kind == group.kind)
            && (huge || group.kind != GroupType::AVChatRoom)
            && (inactive || group.kind != GroupType::Work || !group.messages.is_empty())
    };
    let groups: Vec<&Group> = world.groups().filter(listed).collect();
    let entry = |group: &&Group| {
        let mut info = base_info(&world.settings, group);
        info.retain(|name, _| name == "GroupId" || base.contains(&name.as_str()));
        if own && let Some(member) = group.members.get(&account) {
            let names = ["Role", "JoinTime", "MsgFlag", "MsgSeq"];
            let quirks = &world.settings.quirks;
            let mut own =
                member_entry(quirks, group, call.now, &account, member, Some(&names), &[]);
            own["Role"] = world.settings.quirks.role(role_name(group.role(&account)));
            info.insert("SelfInfo".to_owned(), own);
        }
        Value::Object(info)
    };
    let list: Value = groups.iter().skip(offset).take(limit).map(entry).collect();
    Ok(Reply::Done(json!({ "TotalCount": groups.len(), "GroupIdList": list })))
}

fn joined_filters<'a>(fields: &Fields<'a>) -> Result<(Vec<&'a str>, bool), Refusal> {
    let Some(filter) = fields.value("ResponseFilter") else { return Ok((Vec::new(), false)) };
    let filter = Fields::new(filter, WRONG, &["GroupBaseInfoFilter", "SelfInfoFilter"])?;
    let base = filter.filter("GroupBaseInfoFilter", &BASE_FIELDS)?.unwrap_or_default();
    let own = filter
        .filter("SelfInfoFilter", &["Role", "JoinTime", "MsgFlag", "UnreadMsgNum", "MsgSeq"])?;
    Ok((base, own.is_some_and(|names| !names.is_empty())))
}

pub(super) fn get_online_member_num(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId"])?;
    let group = world.group_or_refusal(&fields.group()?)?;
    if group.kind != GroupType::AVChatRoom {
        return Err(Refusal::permission("only an AVChatRoom counts who is online"));
    }
    let online = group.members.values().filter(|member| member.online).count();
    Ok(Reply::Done(json!({ "OnlineMemberNum": online })))
}
