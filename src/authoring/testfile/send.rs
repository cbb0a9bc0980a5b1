//! `send`: something that happens in Chat.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::codes::{
    CANNOT_HAPPEN, NOT_SENT, SEND_FIELD, SEND_LACKS, UNKNOWN_EVENT, UNKNOWN_MEMBER, UNKNOWN_PLACE,
};
use super::group::{ROLES, ROOM_KINDS, group_type};
use super::known::{Known, NUMBER};
use super::sendable::{Place, SENDABLE, Sendable};
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::rule::EventKind;
use crate::rule::parse::codes::WRONG_TYPE;
use crate::rule::parse::file::{Fields, File, there_are};
use crate::rule::parse::tree::{Entry, Node, Table, Value};
use crate::rule::suggest::closest;
use crate::simulator::RoomKind;

/// More would be a slip of the finger, and would take long.
const MOST_TIMES: i64 = 10_000;

/// Every key of a `send` step.
pub const KEYS: &[&str] = &[
    "send",
    "group",
    "room",
    "from",
    "by",
    "to",
    "text",
    "elements",
    "mentions",
    "custom_data",
    "topic",
    "topics",
    "role",
    "name_card",
    "invited",
    "type",
    "kind",
    "name",
    "introduction",
    "notification",
    "face_url",
    "option",
    "keys",
    "error_code",
    "error_info",
    "tags",
    "reason",
    "command",
    "body",
    "times",
    "every",
    "late",
];
pub(super) const HABITS: &[(&str, &str)] = &[
    ("who", "from"),
    ("member", "from"),
    ("sender", "from"),
    ("card", "name_card"),
    ("user", "from"),
    ("receiver", "to"),
    ("operator", "by"),
    ("members", "invited"),
    ("repeat", "times"),
    ("delay", "late"),
    ("message", "text"),
    ("types", "elements"),
];
const ACCOUNTS: [&str; 3] = ["from", "by", "to"];
const LISTS: [&str; 6] = ["invited", "elements", "mentions", "topics", "keys", "tags"];
const TEXTS: [&str; 13] = [
    "text",
    "custom_data",
    "topic",
    "name_card",
    "name",
    "introduction",
    "notification",
    "face_url",
    "option",
    "error_info",
    "reason",
    "command",
    "room",
];

/// The keys that a step takes which sends this event, and those of other events that it has anyway:
/// these are told with a code of their own.
pub(super) fn keys(step: &Table) -> Vec<&'static str> {
    let event = step.get("send").and_then(|entry| match &entry.node.value {
        Value::Text(name) => EventKind::from_name(name),
        _ => None,
    });
    let Some(sendable) = event.and_then(Sendable::of) else { return KEYS.to_vec() };
    let keys = KEYS.iter().copied();
    keys.filter(|key| sendable.allows(key) || step.get(key).is_some()).collect()
}

/// Something that happens in Chat.
#[derive(Clone, Debug)]
pub struct Send {
    pub event: EventKind,
    /// Where it happens: what the step says, else the only or first group of the test.
    pub group: Option<GroupId>,
    pub room: Option<RoomId>,
    pub role: Option<Role>,
    pub group_type: Option<GroupType>,
    pub room_kind: Option<RoomKind>,
    pub error_code: Option<u32>,
    /// The further body of a `callback`.
    pub body: Map<String, Json>,
    pub times: u32,
    /// Between two times.
    pub every: Duration,
    /// The callback comes so long after what it tells of.
    pub late: Duration,
    texts: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<String>>,
}

impl Send {
    /// A text, if the step gives it.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// An account, if the step gives it.
    pub fn account(&self, key: &str) -> Option<Account> {
        self.text(key).map(Account::from)
    }

    /// A list; empty if the step does not give it.
    pub fn list(&self, key: &str) -> &[String] {
        self.lists.get(key).map_or(&[], Vec::as_slice)
    }

    /// As it is for the n-th time (from 1), with `{n}` filled in.
    pub fn numbered(&self, number: u32) -> Self {
        let mut numbered = self.clone();
        let texts = numbered.texts.values_mut();
        for text in texts.chain(numbered.lists.values_mut().flatten()) {
            if text.contains(NUMBER) {
                *text = text.replace(NUMBER, &number.to_string());
            }
        }
        numbered
    }
}

/// Reads a step that sends.
pub(super) fn read(file: &mut File<'_>, step: &Fields<'_>, known: &Known) -> Option<Send> {
    let entry = step.get("send")?;
    let event = event(file, entry)?;
    let sendable = sendable(file, event, entry)?;
    for entry in step.table.entries() {
        let key = entry.key.as_str();
        if KEYS.contains(&key) && !sendable.allows(key) {
            not_taken(file, sendable, entry);
        }
    }
    for key in sendable.needs.iter().filter(|key| step.lacks(key)) {
        let message = format!("`{}` needs `{key}`", event.name());
        file.error(SEND_LACKS, entry.node.span.clone(), message)
            .label(format!("`{key}` is missing in this step"))
            .help(format!("add `{key} = {}`", example(key)));
    }
    let group = place(file, step, entry, sendable, known);
    let mut send = Send {
        event,
        group,
        room: None,
        role: None,
        group_type: None,
        room_kind: None,
        error_code: None,
        body: Map::new(),
        times: 1,
        every: Duration::ZERO,
        late: Duration::ZERO,
        texts: BTreeMap::new(),
        lists: BTreeMap::new(),
    };
    values(file, step, &mut send);
    send.room = send.text("room").map(RoomId::from);
    changes_nothing(file, entry, &send);
    room(file, step, sendable, &mut send, known);
    members(file, step, sendable, known);
    Some(send)
}

fn event(file: &mut File<'_>, entry: &Entry) -> Option<EventKind> {
    let name = file.text("send", &entry.node)?;
    let event = EventKind::from_name(name);
    if event.is_none() {
        let names: Vec<_> = SENDABLE.iter().map(|sendable| sendable.event.name()).collect();
        let instead = closest(name, names.iter().copied());
        file.error(UNKNOWN_EVENT, entry.node.span.clone(), format!("`{name}` is not an event"))
            .label(there_are(&names))
            .help(instead.map(|instead| format!("write `send = \"{instead}\"`")));
    }
    event
}

fn sendable(file: &mut File<'_>, event: EventKind, entry: &Entry) -> Option<&'static Sendable> {
    let sendable = Sendable::of(event);
    if sendable.is_none() {
        let help = match event {
            EventKind::MuteEnded => "let the time of a mute pass: `{ advance = \"10m\" }`",
            _ => "write `{ send = \"group.created\", group = \"@TGS#new\" }`, without `from`",
        };
        let message = format!("`{}` cannot be sent", event.name());
        file.error(NOT_SENT, entry.node.span.clone(), message)
            .label("the bot finds this out by itself")
            .help(help.to_owned());
    }
    sendable
}

fn not_taken(file: &mut File<'_>, sendable: &Sendable, entry: &Entry) {
    let (key, event) = (&entry.key, sendable.event);
    let label = if key == "late" {
        "Chat waits for the answer to this event".to_owned()
    } else {
        let allowed = |key: &&&str| sendable.allows(key) && **key != "send";
        let keys: Vec<_> = KEYS.iter().filter(allowed).copied().collect();
        there_are(&keys)
    };
    let message = format!("`{}` has no `{key}`", event.name());
    file.error(SEND_FIELD, entry.key_span.clone(), message).label(label);
}

fn example(key: &str) -> &'static str {
    match key {
        "role" => "\"admin\"",
        "group" => "\"@TGS#new\"",
        "room" => "\"room-1\"",
        "topic" => "\"@TGS#_topic\"",
        "invited" => "[\"ben\"]",
        "topics" => "[\"@TGS#_topic\"]",
        "keys" => "[\"score\"]",
        "tags" => "[\"Tag_Profile_IM_Nick\"]",
        "command" => "\"Group.CallbackAfterReadReceipt\"",
        "to" => "\"ben\"",
        "name" | "name_card" => "\"Annie\"",
        _ => "\"ann\"",
    }
}

/// The group that the event happens in.
fn place(
    file: &mut File<'_>,
    step: &Fields<'_>,
    send: &Entry,
    sendable: &Sendable,
    known: &Known,
) -> Option<GroupId> {
    let named = step.get("group");
    let group = match named {
        Some(entry) => GroupId::from(file.text("group", &entry.node)?),
        None if sendable.place == Place::Group => match known.groups.first() {
            Some((first, _)) => first.clone(),
            None => {
                let event = sendable.event.name();
                let message = format!("`{event}` happens in a group, and the test has none");
                file.error(UNKNOWN_PLACE, send.node.span.clone(), message).help(
                    "add `group = { id = \"@TGS#1\", owner = \"olga\", members = [\"ann\"] }` to the test"
                        .to_owned(),
                );
                return None;
            }
        },
        None => return None,
    };
    if sendable.place != Place::Group {
        return Some(group);
    }
    let Some(kind) = known.group_type(&group) else {
        let node = &named?.node;
        unknown_group(file, node, &group, known);
        return None;
    };
    if let Some((types, document)) = sendable.only_in
        && !types.contains(&kind)
    {
        let names: Vec<_> = types.iter().map(|kind| kind.name()).collect();
        let message = format!("`{}` cannot happen in {kind} groups", sendable.event.name());
        file.error(CANNOT_HAPPEN, send.node.span.clone(), message)
            .label(format!("only in {} (document {document})", names.join(", ")));
    }
    Some(group)
}

/// A step names a group that the test does not have.
pub(super) fn unknown_group(file: &mut File<'_>, node: &Node, group: &GroupId, known: &Known) {
    let names: Vec<_> = known.groups.iter().map(|(id, _)| id.as_str()).collect();
    let help = closest(group.as_str(), names.iter().copied());
    file.error(UNKNOWN_PLACE, node.span.clone(), format!("the test has no group `{group}`"))
        .label(there_are(&names))
        .help(help.map(|name| format!("write `group = \"{name}\"`")));
}

fn values(file: &mut File<'_>, step: &Fields<'_>, send: &mut Send) {
    for entry in step.table.entries() {
        let (key, node) = (entry.key.as_str(), &entry.node);
        if let Some(key) = TEXTS.iter().find(|known| **known == key) {
            send.texts.extend(file.text(key, node).map(|text| (*key, text.to_owned())));
        } else if let Some(key) = ACCOUNTS.iter().find(|known| **known == key) {
            let text = file.text(key, node);
            let account = text.and_then(|text| file.account(key, text, node));
            send.texts.extend(account.map(|account| (*key, account.to_string())));
        } else if let Some(key) = LISTS.iter().find(|known| **known == key) {
            let texts = file.some_texts(entry, &format!("{key} = {}", example(key)));
            send.lists.insert(key, texts.into_iter().map(|(text, _)| text.to_owned()).collect());
        }
        match key {
            "role" => send.role = file.choice(key, node, &ROLES),
            "type" => send.group_type = group_type(file, node),
            "kind" => send.room_kind = file.choice(key, node, &ROOM_KINDS),
            "error_code" => send.error_code = file.number(key, node, 1..1_000_000),
            "body" => send.body = body(file, entry),
            "times" => send.times = file.number(key, node, 1..MOST_TIMES + 1).unwrap_or(1),
            "every" => send.every = file.duration(key, node).unwrap_or_default(),
            "late" => send.late = file.duration(key, node).unwrap_or_default(),
            _ => {}
        }
    }
}

/// The body of a callback: a table, or the JSON text itself.
fn body(file: &mut File<'_>, entry: &Entry) -> Map<String, Json> {
    let json = match &entry.node.value {
        Value::Text(text) => serde_json::from_str(text).ok(),
        Value::Table(_) => Some(json(file, &entry.node)),
        _ => None,
    };
    match json {
        Some(Json::Object(fields)) => fields,
        _ => {
            let help = "write for instance `body = { GroupId = \"@TGS#1\" }`, or JSON in `'…'`";
            let message = "`body` must be a table, or a JSON object in quotes";
            file.error(WRONG_TYPE, entry.node.span.clone(), message).help(help.to_owned());
            Map::new()
        }
    }
}

fn json(file: &mut File<'_>, node: &Node) -> Json {
    match &node.value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bool(truth) => Json::from(*truth),
        Value::Int(Some(number)) => Json::from(*number),
        Value::Float | Value::Int(None) | Value::Date(_) => {
            // What a number with a fraction is stands in the text only.
            let written = file.source.text().get(node.span.clone()).unwrap_or("");
            written.parse::<f64>().map_or_else(|_| Json::from(written), Json::from)
        }
        Value::List(items) => items.iter().map(|item| json(file, item)).collect(),
        Value::Table(table) => {
            let field = |entry: &Entry| (entry.key.clone(), json(file, &entry.node));
            Json::Object(table.entries().iter().map(field).collect())
        }
    }
}

/// A change that says nothing of what is new.
fn changes_nothing(file: &mut File<'_>, entry: &Entry, send: &Send) {
    let changes = matches!(send.event, EventKind::GroupInfoChanged | EventKind::TopicInfoChanged);
    let said = ["name", "introduction", "notification", "face_url"];
    if changes && !said.iter().any(|key| send.texts.contains_key(key)) {
        let message = format!("`{}` needs what has changed", send.event.name());
        file.error(SEND_LACKS, entry.node.span.clone(), message)
            .label(there_are(&said))
            .help("add `name = \"Cats\"`".to_owned());
    }
}

fn room(
    file: &mut File<'_>,
    step: &Fields<'_>,
    sendable: &Sendable,
    send: &mut Send,
    known: &Known,
) {
    if sendable.place != Place::Room {
        return;
    }
    let names: Vec<_> = known.rooms.iter().map(RoomId::as_str).collect();
    match (&send.room, step.get("room"), known.rooms.first()) {
        (Some(room), Some(entry), _) if !known.rooms.contains(room) => {
            let help = closest(room.as_str(), names.iter().copied());
            let message = format!("the test has no room `{room}`");
            file.error(UNKNOWN_PLACE, entry.node.span.clone(), message)
                .label(there_are(&names))
                .help(help.map(|name| format!("write `room = \"{name}\"`")));
        }
        (None, None, Some(first)) => send.room = Some(first.clone()),
        (None, None, None) => {
            let event = sendable.event.name();
            let message = format!("`{event}` happens in a room, and the test has none");
            file.error(UNKNOWN_PLACE, step.place.clone(), message)
                .help("add `room = { id = \"room-1\", owner = \"olga\" }` to the test".to_owned());
        }
        _ => {}
    }
}

/// Somebody does something who is never a member.
fn members(file: &mut File<'_>, step: &Fields<'_>, sendable: &Sendable, known: &Known) {
    let new_owner = matches!(sendable.event, EventKind::OwnerChanged | EventKind::RoomOwnerChanged);
    for (key, must) in [("from", sendable.from_member()), ("to", new_owner)] {
        let Some(entry) = step.get(key).filter(|_| must && known.sure) else { continue };
        let Value::Text(account) = &entry.node.value else { continue };
        if account.is_empty() || known.has(account) {
            continue;
        }
        let help = match known.closest(account) {
            Some(name) => format!("write `{key} = \"{name}\"`"),
            None => format!("add `{account}` to the members, or let them join before"),
        };
        let members = known.some();
        let label = if members.is_empty() { String::new() } else { there_are(&members) };
        let message = format!("`{account}` is not a member in this test");
        file.error(UNKNOWN_MEMBER, entry.node.span.clone(), message).label(label).help(help);
    }
}
