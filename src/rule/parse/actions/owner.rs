//! `transfer_owner` and `import_members`: actions on a group as a whole.

use crate::chat::{Account, limits};
use crate::rule::condition::Condition;
use crate::rule::model::{Action, ImportedMember, Successor};
use crate::rule::parse::codes::{REPEATED, TOO_LONG};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::{Entry, Node, Value};

const ACCOUNT: &str = "account:";
const ORDERS: [(&str, Successor); 3] = [
    ("longest_serving_admin", Successor::LongestServingAdmin),
    ("longest_serving_member", Successor::LongestServingMember),
    ("most_recently_active", Successor::MostRecentlyActive),
];

pub fn transfer_owner(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let to = file
        .required(fields, "to", "to = [\"longest_serving_admin\", \"longest_serving_member\"]")
        .and_then(|entry| successors(file, entry));
    let except = fields.get("except").and_then(|entry| read_except(file, entry, about));
    let if_none = match fields.get("if_none") {
        None => Some(false),
        Some(entry) => file.choice("if_none", &entry.node, &[("alert", true)]),
    };
    Some(Action::TransferOwner { to: to?, except, alert_if_none: if_none? })
}

fn read_except(file: &mut File<'_>, entry: &Entry, about: &About) -> Option<Condition> {
    let names = about.names.clone().map(crate::rule::names::Names::with_candidate);
    file.condition("except", &entry.node, names.as_ref())
}

fn successors(file: &mut File<'_>, entry: &Entry) -> Option<Vec<Successor>> {
    let written = match &entry.node.value {
        Value::List(items) => items.len(),
        _ => 0,
    };
    let mut to = Vec::new();
    let mut read = 0;
    for (text, node) in file.some_texts(entry, "to = [\"longest_serving_admin\"]") {
        let Some(successor) = successor(file, text, node) else { continue };
        read += 1;
        if to.contains(&successor) {
            file.warn(REPEATED, node.span.clone(), format!("`{text}` is listed twice"));
        } else {
            to.push(successor);
        }
    }
    (read > 0 && read == written).then_some(to)
}

fn successor(file: &mut File<'_>, text: &str, node: &Node) -> Option<Successor> {
    if let Some(account) = text.strip_prefix(ACCOUNT) {
        return file.account("to", account, node).map(Successor::Account);
    }
    if let Some((_, order)) = ORDERS.iter().find(|(word, _)| *word == text) {
        return Some(order.clone());
    }
    let words =
        ["longest_serving_admin", "longest_serving_member", "most_recently_active", "account:ID"];
    file.unknown_value("to", text, node, &words);
    if let Some(told) = file.found.last_mut().filter(|told| told.help.is_none()) {
        told.help = Some(format!("write `\"account:{text}\"` if that is an account"));
    }
    None
}

pub fn import_members(file: &mut File<'_>, fields: &Fields<'_>, _about: &About) -> Option<Action> {
    const EXAMPLE: &str = "members = [{ id = \"ann\" }]";
    let entry = file.required(fields, "members", EXAMPLE)?;
    let items = file.list("members", &entry.node, "tables")?;
    if items.is_empty() {
        file.empty(entry, EXAMPLE);
        return None;
    }
    if let Some(extra) = items.get(limits::IMPORT_MEMBERS) {
        let message = format!("Chat imports at most {} members at once", limits::IMPORT_MEMBERS);
        file.error(TOO_LONG, extra.span.clone(), message)
            .label("one too many")
            .help("write a second `import_members`".to_owned());
        return None;
    }
    let mut members: Vec<ImportedMember> = Vec::new();
    let mut read = 0;
    for item in items {
        let Some(member) = imported(file, item) else { continue };
        read += 1;
        if members.iter().any(|known| known.id == member.id) {
            file.warn(REPEATED, item.span.clone(), format!("`{}` is listed twice", member.id));
        } else {
            members.push(member);
        }
    }
    (read == items.len()).then_some(Action::ImportMembers { members })
}

fn imported(file: &mut File<'_>, item: &Node) -> Option<ImportedMember> {
    let Value::Table(table) = &item.value else {
        let help = match &item.value {
            Value::Text(id) => format!("write `{{ id = \"{id}\" }}`"),
            _ => "write for instance `{ id = \"ann\" }`".to_owned(),
        };
        file.wrong_type("an item of members", item, "a table", Some(help));
        return None;
    };
    let keys = ["id", "role", "joined_at", "unread"];
    let habits = [("account", "id"), ("name", "id")];
    let fields = file.fields("a member", item.span.clone(), table, &keys, &habits);
    let id: Option<Account> = file.required(&fields, "id", "id = \"ann\"").and_then(|entry| {
        let text = file.text("id", &entry.node)?;
        file.account("id", text, &entry.node)
    });
    let roles = [("admin", true), ("member", false)];
    let admin = match fields.get("role") {
        None => Some(false),
        Some(entry) => file.choice("role", &entry.node, &roles),
    };
    let joined_at = fields.get("joined_at").and_then(|entry| moment(file, entry));
    let unread = fields
        .get("unread")
        .and_then(|entry| file.number("unread", &entry.node, 0..i64::from(u32::MAX) + 1));
    Some(ImportedMember { id: id?, admin: admin?, joined_at, unread })
}

/// A moment as TOML writes dates with their offset, or in unix seconds.
fn moment(file: &mut File<'_>, entry: &Entry) -> Option<i64> {
    let seconds = match &entry.node.value {
        Value::Date(seconds) => *seconds,
        Value::Int(seconds) => {
            seconds.filter(|seconds| (1..=i64::from(u32::MAX)).contains(seconds))
        }
        _ => None,
    };
    if seconds.is_none() {
        let help = Some("write for instance `2026-01-31T08:00:00Z`, or unix seconds".to_owned());
        file.wrong_type(&entry.key, &entry.node, "a moment", help);
    }
    seconds
}
