//! Actions that change what Chat keeps about a member: role, name card, receiving, fields.

use super::common::{accounts, fits, who};
use crate::chat::{Role, limits};
use crate::rule::model::{Action, MessageReceiving};
use crate::rule::parse::codes::{EMPTY, OUT_OF_RANGE, UNKNOWN_VALUE};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape, TIME_OR_FOREVER, WHO, words};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::Value;
use crate::rule::template::Template;

/// Custom fields of a member (33529).
const MOST_FIELDS: usize = 5;

const ROLES: [(&str, Role); 2] = [("admin", Role::Admin), ("member", Role::Member)];
const RECEIVING: [MessageReceiving; 3] = [
    MessageReceiving::AcceptAndNotify,
    MessageReceiving::AcceptNotNotify,
    MessageReceiving::Discard,
];
const SILENT: Key =
    Key::new("silent", Shape::Truth, "Chat does not tell the group of it.").default("false");
const REASON: Key = Key::new("reason", Shape::Template, "Why, for the person and for the record.");

/// The keys of `set_role`.
pub const SET_ROLE: &[Key] = &[
    WHO,
    Key::new(
        "role",
        Shape::Word(|| words(&ROLES)),
        "The role to give; for the owner there is `transfer_owner`.",
    )
    .required(),
    Key::new("for", Shape::Duration, "The role is taken back after that time."),
];
/// The keys of `set_name_card`.
pub const SET_NAME_CARD: &[Key] =
    &[WHO, Key::new("text", Shape::Template, "The name card, 50 bytes.").required()];
/// The keys of `set_message_receiving`.
pub const SET_MESSAGE_RECEIVING: &[Key] = &[
    WHO,
    Key::new(
        "mode",
        Shape::Word(|| RECEIVING.map(MessageReceiving::name).to_vec()),
        "Whether the member gets the group's messages, and hears of them.",
    )
    .required(),
];
/// The keys of `set_member_fields`.
pub const SET_MEMBER_FIELDS: &[Key] = &[
    WHO,
    Key::new(
        "fields",
        Shape::Map(&Shape::Template),
        "Custom fields of the member, at most 5, with 64 bytes a value.",
    )
    .required(),
];
/// The keys of `add_members`.
pub const ADD_MEMBERS: &[Key] = &[
    Key::new("members", Shape::List(&Shape::Account, 1), "Who is added, at most 300.").required(),
    SILENT,
];
/// The keys of `remove_member`.
pub const REMOVE_MEMBER: &[Key] = &[WHO, SILENT, REASON];
/// The keys of `ban`.
pub const BAN: &[Key] =
    &[WHO, Key::new("for", TIME_OR_FOREVER, "How long the member stays out.").required(), REASON];
/// The keys of `unban` and `unmute`.
pub const ONLY_WHO: &[Key] = &[WHO];

pub fn set_role(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let who = who(file, fields, about.texts.as_ref());
    let role = file.required(fields, "role", "role = \"admin\"").and_then(|entry| {
        if matches!(&entry.node.value, Value::Text(text) if text == "owner") {
            file.error(
                UNKNOWN_VALUE,
                entry.node.span.clone(),
                "nobody is made owner by `set_role`",
            )
            .label("there are: admin member")
            .help("write `transfer_owner = { to = […] }`".to_owned());
            return None;
        }
        file.choice("role", &entry.node, &ROLES)
    });
    let time = fields.get("for").and_then(|entry| file.duration("for", &entry.node));
    Some(Action::SetRole { who: who?, role: role?, time })
}

pub fn set_name_card(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let who = who(file, fields, about.texts.as_ref());
    let entry = file.required(fields, "text", "text = \"new here\"")?;
    let text = file.template("text", &entry.node, about.texts.as_ref())?;
    if !fits(file, "text", &entry.node, &text, limits::NAME_CARD_BYTES) {
        return None;
    }
    Some(Action::SetNameCard { who: who?, text })
}

pub fn set_message_receiving(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    about: &About,
) -> Option<Action> {
    let who = who(file, fields, about.texts.as_ref());
    let choices = RECEIVING.map(|mode| (mode.name(), mode));
    let mode = file
        .required(fields, "mode", "mode = \"Discard\"")
        .and_then(|entry| file.choice("mode", &entry.node, &choices));
    Some(Action::SetMessageReceiving { who: who?, mode: mode? })
}

pub fn set_member_fields(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    about: &About,
) -> Option<Action> {
    const EXAMPLE: &str = "fields = { Key = \"Value\" }";
    let who = who(file, fields, about.texts.as_ref());
    let entry = file.required(fields, "fields", EXAMPLE)?;
    let table = file.table(entry, EXAMPLE)?;
    if table.entries().is_empty() {
        file.error(EMPTY, entry.node.span.clone(), "`fields` is empty")
            .help(format!("write for instance `{EXAMPLE}`"));
        return None;
    }
    if let Some(extra) = table.entries().get(MOST_FIELDS) {
        let message = format!("a member has at most {MOST_FIELDS} fields");
        file.error(OUT_OF_RANGE, extra.key_span.clone(), message).label("one too many");
    }
    let mut read = Vec::new();
    for field in table.entries() {
        let value = file.template(&field.key, &field.node, about.texts.as_ref());
        let fitting = value
            .filter(|text| fits(file, &field.key, &field.node, text, limits::MEMBER_FIELD_BYTES));
        read.extend(fitting.map(|text| (field.key.clone(), text)));
    }
    let complete = read.len() == table.entries().len();
    complete.then_some(Action::SetMemberFields { who: who?, fields: read })
}

pub fn add_members(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let silent = truth(file, fields, "silent");
    let entry = file.required(fields, "members", "members = [\"ann\"]")?;
    let members = accounts(file, entry, about.texts.as_ref(), limits::ADD_MEMBERS);
    Some(Action::AddMembers { members: members?, silent: silent? })
}

pub fn remove_member(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let who = who(file, fields, about.texts.as_ref());
    let silent = truth(file, fields, "silent");
    let reason = reason(file, fields, about);
    Some(Action::RemoveMember { who: who?, silent: silent?, reason: reason? })
}

pub fn ban(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let who = who(file, fields, about.texts.as_ref());
    let reason = reason(file, fields, about);
    let time =
        file.required(fields, "for", "for = \"7d\"").and_then(|entry| match &entry.node.value {
            Value::Text(text) if text == "forever" => Some(None),
            _ => file.duration("for", &entry.node).map(Some),
        });
    Some(Action::Ban { who: who?, time: time?, reason: reason? })
}

pub fn unban(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    Some(Action::Unban { who: who(file, fields, about.texts.as_ref())? })
}

fn truth(file: &mut File<'_>, fields: &Fields<'_>, key: &str) -> Option<bool> {
    fields.get(key).map_or(Some(false), |entry| file.truth(key, &entry.node))
}

/// A text that may be left out; the outer `None` is a mistake.
fn reason(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Option<Template>> {
    let Some(entry) = fields.get("reason") else { return Some(None) };
    let text = file.template("reason", &entry.node, about.texts.as_ref())?;
    fits(file, "reason", &entry.node, &text, limits::REASON_BYTES).then_some(Some(text))
}
