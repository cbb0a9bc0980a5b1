//! Actions that say something: to a group, to a person, to operators.

use super::common::{accounts, one_account, said};
use crate::chat::limits;
use crate::rule::model::Action;
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape, TEXT};
use crate::rule::parse::scope::About;

/// The keys of `send_message`.
pub const SEND_MESSAGE: &[Key] =
    &[TEXT, Key::new("from", Shape::Account, "Who says it; left out, the app admin.")];
/// The keys of `send_private`.
pub const SEND_PRIVATE: &[Key] =
    &[Key::new("to", Shape::Account, "Who gets it; left out, whom the event is about."), TEXT];
/// The keys of `notify_group`.
pub const NOTIFY_GROUP: &[Key] = &[
    TEXT,
    Key::new(
        "to",
        Shape::List(&Shape::Account, 1),
        "Who gets it, at most 500; left out, the whole group.",
    ),
];
/// The keys of `alert`.
pub const ALERT: &[Key] = &[TEXT];

pub fn send_message(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let text = said(file, fields, about);
    let from = match fields.get("from") {
        None => Some(None),
        Some(entry) => {
            let text = file.text("from", &entry.node);
            text.and_then(|text| file.account("from", text, &entry.node)).map(Some)
        }
    };
    Some(Action::SendMessage { text: text?, from: from? })
}

pub fn send_private(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let to = one_account(file, fields, "to", about.texts.as_ref());
    Some(Action::SendPrivate { text: said(file, fields, about)?, to: to? })
}

pub fn notify_group(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let text = said(file, fields, about);
    let to = match fields.get("to") {
        None => Some(Vec::new()),
        Some(entry) => accounts(file, entry, about.texts.as_ref(), limits::NOTIFY_ACCOUNTS),
    };
    Some(Action::NotifyGroup { text: text?, to: to? })
}

pub fn alert(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    Some(Action::Alert { text: said(file, fields, about)? })
}
