//! Reading members: 34948, 64897, 50293.

use std::cmp::Reverse;
use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::super::quirks::Quirks;
use super::super::roles::role_name;
use super::super::settings::Refusal;
use super::super::state::{Group, Member};
use super::super::world::World;
use super::fields::Fields;
use super::mutes::to_usize;
use super::{Call, Reply};
use crate::chat::{Account, GroupType, Role};
use crate::clock::Timestamp;

const WRONG: i64 = 10004;
/// Members of one page of `get_members` (50293).
const ONLINE_PAGE: usize = 500;
/// Members that `get_members` lists at all: those who came last (50293).
const ONLINE_LISTED: usize = 1_000;
/// What a filter of member fields may name (34948).
pub(super) const MEMBER_FIELDS: [&str; 8] = [
    "Member_Account",
    "Role",
    "JoinTime",
    "MsgSeq",
    "MsgFlag",
    "LastSendMsgTime",
    "MuteUntil",
    "NameCard",
];

/// One entry of a `MemberList`: the named fields, or all.
pub(super) fn member_entry(
    quirks: &Quirks,
    group: &Group,
    now: Timestamp,
    account: &Account,
    member: &Member,
    names: Option<&[&str]>,
    data: &[&str],
) -> Value {
    let until = group.muted_until(account, now);
    let all = json!({
        "Role": quirks.role(role_name(group.role(account))),
        "JoinTime": member.joined_at.secs(),
        "MsgSeq": member.read_sequence,
        "MsgFlag": member.msg_flag,
        "LastSendMsgTime": member.last_message_at.map_or(0, Timestamp::secs),
        "MuteUntil": until.map_or(0, |until| quirks.until(now, until)),
        "NameCard": member.name_card,
    });
    let mut entry = match all {
        Value::Object(entry) => entry,
        _ => Map::new(),
    };
    if let Some(names) = names {
        entry.retain(|name, _| names.contains(&name.as_str()));
    }
    entry.insert("Member_Account".to_owned(), json!(account));
    let wanted = member.fields.iter().filter(|(key, _)| data.contains(&key.as_str()));
    let data: Vec<Value> =
        wanted.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    if !data.is_empty() {
        entry.insert("AppMemberDefinedData".to_owned(), Value::from(data));
    }
    Value::Object(entry)
}

/// Pages by `Limit` and `Offset`; in a Community by `Limit` (at most 100) and `Next`, which is empty
/// at both ends.
pub(super) fn get_group_member_info(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let known = [
        "GroupId",
        "Limit",
        "Offset",
        "Next",
        "MemberInfoFilter",
        "MemberRoleFilter",
        "AppDefinedDataFilter_GroupMember",
    ];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let group = world.group_or_refusal(&fields.group()?)?;
    if group.kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("an AVChatRoom keeps no list of members"));
    }
    let by_cursor = group.kind == GroupType::Community;
    if fields.has(if by_cursor { "Offset" } else { "Next" }) {
        return Err(fields.wrong("Offset is for other groups than Community, Next for Community"));
    }
    let most = if by_cursor { 100 } else { 6_000 };
    let limit = to_usize(fields.number("Limit", 1, most)?.unwrap_or(most));
    let names = fields.filter("MemberInfoFilter", &MEMBER_FIELDS)?;
    let roles = fields.filter("MemberRoleFilter", &["Owner", "Admin", "Member"])?;
    let data = fields.filter("AppDefinedDataFilter_GroupMember", &[])?.unwrap_or_default();
    let offset = to_usize(fields.number("Offset", 0, i64::MAX)?.unwrap_or(0));
    // `Next` is the last member seen: a page costs its length, whatever lies before it.
    let after = match fields.text("Next", usize::MAX)? {
        None | Some("") => Bound::Unbounded,
        Some(last) => Bound::Excluded(Account::from(last)),
    };
    let quirks = &world.settings.quirks;
    let fits = |account: &Account| {
        roles.as_ref().is_none_or(|roles| roles.contains(&role_name(group.role(account))))
    };
    let rest = group.members.range((after, Bound::Unbounded));
    let fitting = rest.filter(|(account, _)| fits(account));
    let page: Vec<(&Account, &Member)> = fitting.skip(offset).take(limit).collect();
    let entry = |(account, member): &(&Account, &Member)| {
        member_entry(quirks, group, call.now, account, member, names.as_deref(), &data)
    };
    let list: Value = page.iter().map(entry).collect();
    let mut body = json!({ "MemberNum": group.members.len(), "MemberList": list });
    if by_cursor {
        let full = page.len() == limit;
        body["Next"] = json!(page.last().filter(|_| full).map_or("", |(last, _)| last.as_str()));
    }
    Ok(Reply::Done(body))
}

/// Only the named members; whoever is none is left out.
pub(super) fn get_specified_group_member_info(
    world: &mut World,
    call: &Call,
) -> Result<Reply, Refusal> {
    let known =
        ["GroupId", "Member_List_Account", "MemberInfoFilter", "AppDefinedDataFilter_GroupMember"];
    let fields = Fields::new(&call.record.body, WRONG, &known)?;
    let accounts = fields.accounts("Member_List_Account", 100)?;
    let names = fields.filter("MemberInfoFilter", &MEMBER_FIELDS)?;
    let data = fields.filter("AppDefinedDataFilter_GroupMember", &[])?.unwrap_or_default();
    let group = world.group_or_refusal(&fields.group()?)?;
    if group.kind == GroupType::AVChatRoom {
        return Err(Refusal::permission("an AVChatRoom keeps no list of members"));
    }
    let quirks = &world.settings.quirks;
    let entry = |account: &Account| {
        let member = group.members.get(account)?;
        Some(member_entry(quirks, group, call.now, account, member, names.as_deref(), &data))
    };
    let list: Value = accounts.iter().filter_map(entry).collect();
    Ok(Reply::Done(json!({ "MemberList": list })))
}

/// Who is online in an AVChatRoom, latest first; `NextTimestamp` 0 ends.
pub(super) fn get_members(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "Timestamp"])?;
    let before = fields.needed("Timestamp", fields.number("Timestamp", 0, i64::MAX)?)?;
    let group = world.group_or_refusal(&fields.group()?)?;
    if !matches!(group.kind, GroupType::AVChatRoom | GroupType::Community) {
        return Err(Refusal::permission("only AVChatRoom and Community list who is online"));
    }
    let mut online: Vec<_> = group.members.iter().filter(|(_, member)| member.online).collect();
    let latest_first = |(_, member): &(&Account, &Member)| Reverse(member.joined_at);
    if online.len() > ONLINE_LISTED {
        online.select_nth_unstable_by_key(ONLINE_LISTED, latest_first);
        online.truncate(ONLINE_LISTED);
    }
    online.sort_by_key(latest_first);
    online.retain(|(_, member)| before == 0 || member.joined_at.secs() < before);
    let more = online.len() > ONLINE_PAGE;
    online.truncate(ONLINE_PAGE);
    let quirks = &world.settings.quirks;
    let next = online.last().filter(|_| more).map_or(0, |(_, member)| member.joined_at.secs());
    let entry = |(account, member): &(&Account, &Member)| {
        let role = group.role(account);
        let role = if role == Role::Outside { Role::Member } else { role };
        json!({
            "Member_Account": account,
            "JoinTime": member.joined_at.secs(),
            "NickName": "",
            "Role": quirks.role(role_name(role)),
            "Marks": group.marks.get(*account).into_iter().flatten().collect::<Vec<_>>(),
        })
    };
    let list: Value = online.iter().map(entry).collect();
    Ok(Reply::Done(json!({ "MemberList": list, "NextTimestamp": next })))
}
