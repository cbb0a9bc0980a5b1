//! The groups and rooms that a test begins with.

use std::time::Duration;

use super::codes::LISTED_TWICE;
use super::{TestGroup, TestMember, TestRoom};
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::parse::codes::{BAD_ACCOUNT, UNKNOWN_VALUE};
use crate::rule::parse::file::{Fields, File, there_are};
use crate::rule::parse::tree::{Entry, Node, Table, Value};
use crate::rule::suggest::closest;
use crate::simulator::RoomKind;

const GROUP: &[&str] = &["id", "type", "name", "owner", "members"];
const GROUP_HABITS: &[(&str, &str)] = &[("kind", "type"), ("member", "members"), ("title", "name")];
const GROUP_EXAMPLE: &str =
    "group = { id = \"@TGS#1\", type = \"Public\", owner = \"olga\", members = [\"ann\"] }";
const MEMBER: &[&str] = &["id", "role", "joined", "name_card", "last_message"];
const MEMBER_HABITS: &[(&str, &str)] = &[
    ("joined_at", "joined"),
    ("last_message_at", "last_message"),
    ("card", "name_card"),
    ("account", "id"),
];
const ROOM: &[&str] = &["id", "kind", "owner", "members"];
const ROOM_EXAMPLE: &str = "room = { id = \"room-1\", kind = \"live\", owner = \"olga\" }";
const DAY: Duration = Duration::from_secs(86_400);

/// The two roles that a member can be given.
pub(super) const ROLES: [(&str, Role); 2] = [("admin", Role::Admin), ("member", Role::Member)];
/// The two kinds of rooms.
pub(super) const ROOM_KINDS: [(&str, RoomKind); 2] =
    [("conference", RoomKind::Conference), ("live", RoomKind::Live)];

/// The tables of `single` or of the list `several`.
fn tables<'n>(
    file: &mut File<'_>,
    test: &Fields<'n>,
    single: &str,
    several: &str,
    example: &str,
) -> Vec<(&'n Node, &'n Table)> {
    let mut found = Vec::new();
    if let Some(entry) = test.get(single) {
        found.extend(file.table(entry, example).map(|table| (&entry.node, table)));
    }
    let list = test.get(several).and_then(|entry| file.list(several, &entry.node, "tables"));
    for item in list.unwrap_or_default() {
        match &item.value {
            Value::Table(table) => found.push((item, table)),
            _ => {
                let help = Some(format!("write for instance `{example}`"));
                file.wrong_type(&format!("an item of {several}"), item, "a table", help);
            }
        }
    }
    found
}

/// `group` and `groups`.
pub(super) fn groups(file: &mut File<'_>, test: &Fields<'_>, now: Timestamp) -> Vec<TestGroup> {
    let mut groups: Vec<TestGroup> = Vec::new();
    for (node, table) in tables(file, test, "group", "groups", GROUP_EXAMPLE) {
        let fields = file.fields("a group", node.span.clone(), table, GROUP, GROUP_HABITS);
        let Some((id, entry)) = id(file, &fields, "id = \"@TGS#1\"") else { continue };
        if groups.iter().any(|known| known.id.as_str() == id) {
            file.error(LISTED_TWICE, entry.node.span.clone(), "two groups have this id")
                .label("again here");
        }
        let kind = fields.get("type").and_then(|entry| group_type(file, &entry.node));
        let name = fields.get("name").and_then(|entry| file.text("name", &entry.node));
        let owner = fields.get("owner").and_then(|entry| owner(file, entry));
        let members = members(file, &fields, owner.as_ref(), now);
        groups.push(TestGroup {
            id: GroupId::from(id),
            kind: kind.unwrap_or(GroupType::Public),
            name: name.unwrap_or_default().to_owned(),
            owner,
            members,
        });
    }
    groups
}

fn id<'n>(file: &mut File<'_>, fields: &Fields<'n>, example: &str) -> Option<(&'n str, &'n Entry)> {
    let entry = file.required(fields, "id", example)?;
    let id = file.text("id", &entry.node)?;
    if id.is_empty() {
        file.error(BAD_ACCOUNT, entry.node.span.clone(), "`id` is empty");
        return None;
    }
    Some((id, entry))
}

/// A group type by today's or its old name.
pub(super) fn group_type(file: &mut File<'_>, node: &Node) -> Option<GroupType> {
    let text = file.text("type", node)?;
    let kind = GroupType::from_name(text);
    if kind.is_none() {
        let names = GroupType::ALL.map(GroupType::name);
        let old = ["Private", "ChatRoom"];
        let instead = closest(text, names.into_iter().chain(old));
        file.error(UNKNOWN_VALUE, node.span.clone(), format!("`{text}` is not a group type"))
            .label(there_are(&names))
            .help(instead.map(|name| format!("write `\"{name}\"`")));
    }
    kind
}

/// An empty text means nobody.
fn owner(file: &mut File<'_>, entry: &Entry) -> Option<Account> {
    match file.text("owner", &entry.node)? {
        "" => None,
        text => file.account("owner", text, &entry.node),
    }
}

/// The owner and whoever is listed: the earlier in the list, the longer a member, a day apart.
fn members(
    file: &mut File<'_>,
    group: &Fields<'_>,
    owner: Option<&Account>,
    now: Timestamp,
) -> Vec<TestMember> {
    let list = group.get("members").and_then(|entry| file.list("members", &entry.node, "members"));
    let list = list.unwrap_or_default();
    let days_ago = |days: usize| now - DAY * u32::try_from(days).unwrap_or(u32::MAX);
    let plain = |id: Account, role, joined_at| TestMember {
        id,
        role,
        joined_at,
        name_card: String::new(),
        last_message_at: None,
    };
    let owns = |owner: &Account| plain(owner.clone(), Role::Owner, days_ago(list.len() + 1));
    let mut members: Vec<_> = owner.map(owns).into_iter().collect();
    for (place, item) in list.iter().enumerate() {
        let usual = days_ago(list.len() - place);
        let member = match &item.value {
            Value::Text(text) => file
                .account("an item of members", text, item)
                .map(|account| plain(account, Role::Member, usual)),
            Value::Table(table) => member(file, item, table, now, usual),
            _ => {
                let help = "write for instance `\"ann\"` or `{ id = \"ann\", role = \"admin\" }`";
                let help = Some(help.to_owned());
                file.wrong_type("an item of members", item, "an account or a table", help);
                None
            }
        };
        let Some(member) = member else { continue };
        if members.iter().any(|known| known.id == member.id) {
            let message = format!("`{}` is in the group twice", member.id);
            let owns = owner == Some(&member.id);
            let label = if owns { "the owner is a member anyway" } else { "again here" };
            file.error(LISTED_TWICE, item.span.clone(), message).label(label);
        }
        members.push(member);
    }
    members
}

fn member(
    file: &mut File<'_>,
    item: &Node,
    table: &Table,
    now: Timestamp,
    usual: Timestamp,
) -> Option<TestMember> {
    let fields = file.fields("a member", item.span.clone(), table, MEMBER, MEMBER_HABITS);
    let role = fields.get("role").and_then(|entry| file.choice("role", &entry.node, &ROLES));
    let mut ago = |name| {
        let entry = fields.get(name)?;
        file.duration(name, &entry.node).map(|time| now - time)
    };
    let (joined, last_message_at) = (ago("joined"), ago("last_message"));
    let card = fields.get("name_card").and_then(|entry| file.text("name_card", &entry.node));
    let (id, entry) = id(file, &fields, "id = \"ann\"")?;
    Some(TestMember {
        id: file.account("id", id, &entry.node)?,
        role: role.unwrap_or(Role::Member),
        joined_at: joined.unwrap_or(usual),
        name_card: card.unwrap_or_default().to_owned(),
        last_message_at,
    })
}

/// `room` and `rooms`.
pub(super) fn rooms(file: &mut File<'_>, test: &Fields<'_>) -> Vec<TestRoom> {
    let mut rooms: Vec<TestRoom> = Vec::new();
    for (node, table) in tables(file, test, "room", "rooms", ROOM_EXAMPLE) {
        let fields = file.fields("a room", node.span.clone(), table, ROOM, &[("type", "kind")]);
        let kind = fields.get("kind").and_then(|e| file.choice("kind", &e.node, &ROOM_KINDS));
        let members = fields.get("members").map(|entry| file.texts(entry)).unwrap_or_default();
        let members = members
            .into_iter()
            .filter_map(|(text, node)| file.account("an item of members", text, node));
        let members = members.collect();
        let found = id(file, &fields, "id = \"room-1\"");
        let owner = file.required(&fields, "owner", "owner = \"olga\"");
        let owner = owner.and_then(|entry| {
            let text = file.text("owner", &entry.node)?;
            file.account("owner", text, &entry.node)
        });
        let (Some((id, entry)), Some(owner)) = (found, owner) else { continue };
        if rooms.iter().any(|known| known.id.as_str() == id) {
            file.error(LISTED_TWICE, entry.node.span.clone(), "two rooms have this id")
                .label("again here");
        }
        let kind = kind.unwrap_or(RoomKind::Conference);
        rooms.push(TestRoom { id: RoomId::from(id), kind, owner, members });
    }
    rooms
}
