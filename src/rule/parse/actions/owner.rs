//! `transfer_owner` and `import_members`: actions on a group as a whole.

use crate::chat::{Account, limits};
use crate::rule::condition::Condition;
use crate::rule::model::{Action, ImportedMember, Successor};
use crate::rule::parse::codes::{REPEATED, TOO_LONG};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape, words};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::{Entry, Node, Value};

const ACCOUNT: &str = "account:";
const ORDERS: [(&str, Successor); 3] = [
    ("longest_serving_admin", Successor::LongestServingAdmin),
    ("longest_serving_member", Successor::LongestServingMember),
    ("most_recently_active", Successor::MostRecentlyActive),
];

const IF_NONE: [(&str, bool); 1] = [("alert", true)];
const IMPORTED_ROLES: [(&str, bool); 2] = [("admin", true), ("member", false)];

/// The keys of `transfer_owner`.
pub const TRANSFER_OWNER: &[Key] = &[
    Key::new(
        "to",
        Shape::List(
            &Shape::Either(&[Shape::Word(|| words(&ORDERS)), Shape::Pattern(r"account:\S{1,32}")]),
            1,
        ),
        "Who is tried, in this order.",
    )
    .required(),
    Key::new(
        "except",
        Shape::Condition,
        "Candidates who are passed over, as a condition on `candidate`.",
    ),
    Key::new(
        "if_none",
        Shape::Word(|| words(&IF_NONE)),
        "Call a person when there is nobody to be owner.",
    ),
];
/// The keys of `import_members`.
pub const IMPORT_MEMBERS: &[Key] = &[Key::new(
    "members",
    Shape::List(&Shape::Table(IMPORTED), 1),
    "Who is imported, at most 300.",
)
.required()];
const IMPORTED: &[Key] = &[
    Key::new("id", Shape::Account, "The account.").required(),
    Key::new("role", Shape::Word(|| words(&IMPORTED_ROLES)), "The role in the group.")
        .default("\"member\""),
    Key::new(
        "joined_at",
        Shape::Either(&[Shape::Moment, Shape::Number(1, u32::MAX as i64)]),
        "When the member joined: a date with time and offset, or unix seconds.",
    ),
    Key::new("unread", Shape::Number(0, u32::MAX as i64), "How many messages are unread."),
];

pub fn transfer_owner(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let to = file
        .required(fields, "to", "to = [\"longest_serving_admin\", \"longest_serving_member\"]")
        .and_then(|entry| successors(file, entry));
    let except = fields.get("except").and_then(|entry| read_except(file, entry, about));
    let if_none = match fields.get("if_none") {
        None => Some(false),
        Some(entry) => file.choice("if_none", &entry.node, &IF_NONE),
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
    let habits = [("account", "id"), ("name", "id")];
    let fields = file.fields("a member", item.span.clone(), table, IMPORTED, &habits);
    let id: Option<Account> = file.required(&fields, "id", "id = \"ann\"").and_then(|entry| {
        let text = file.text("id", &entry.node)?;
        file.account("id", text, &entry.node)
    });
    let admin = match fields.get("role") {
        None => Some(false),
        Some(entry) => file.choice("role", &entry.node, &IMPORTED_ROLES),
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
