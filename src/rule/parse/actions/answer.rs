//! Actions that answer an event which asks.

use super::common::said;
use crate::rule::catalog::EventKind;
use crate::rule::model::Action;
use crate::rule::names::Names;
use crate::rule::parse::codes::OUT_OF_RANGE;
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape, TEXT};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::Value;

/// Codes that reach the client after a refusal in a group (34368, 34374).
const GROUP_CODES: (i64, i64) = (10_100, 10_200);
/// The same for private messages (34364).
const PRIVATE_CODES: (i64, i64) = (120_001, 130_000);

/// The keys of `reject`.
pub const REJECT: &[Key] = &[
    Key::new("text", Shape::Template, "What the person who asked is told."),
    Key::new(
        "code",
        Shape::Either(&[
            Shape::Number(GROUP_CODES.0, GROUP_CODES.1),
            Shape::Number(PRIVATE_CODES.0, PRIVATE_CODES.1),
        ]),
        "What the client gets: 10100 to 10200; for private messages 120001 to 130000.",
    ),
];
/// The keys of `replace_text`.
pub const REPLACE_TEXT: &[Key] = &[TEXT];
/// The keys of `refuse_invited`.
pub const REFUSE_INVITED: &[Key] = &[Key::new(
    "which",
    Shape::Condition,
    "Which of them, as a condition on `invited`; left out, all.",
)];

pub fn reject(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let text = match fields.get("text") {
        None => Some(crate::rule::template::Template::literal("")),
        Some(_) => said(file, fields, about),
    };
    let code = match fields.get("code") {
        None => Some(None),
        Some(_) => code(file, fields, about).map(Some),
    };
    Some(Action::Reject { text: text?, code: code? })
}

fn code(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<i64> {
    let entry = fields.get("code")?;
    let Value::Int(number) = entry.node.value else {
        file.wrong_type("code", &entry.node, "a whole number", None);
        return None;
    };
    let private = about.events().contains(&EventKind::PrivateSending);
    let in_groups = about.events().iter().any(|kind| *kind != EventKind::PrivateSending);
    let ranges = [(private, PRIVATE_CODES), (in_groups, GROUP_CODES)];
    let allowed: Vec<_> =
        ranges.into_iter().filter(|(is, _)| *is).map(|(_, range)| range).collect();
    let inside = |number: &i64| allowed.iter().any(|(low, high)| (low..=high).contains(&number));
    let fitting = number.filter(inside);
    if fitting.is_none() {
        let words: Vec<_> = allowed.iter().map(|(low, high)| format!("{low} to {high}")).collect();
        file.error(OUT_OF_RANGE, entry.node.span.clone(), "Chat does not pass this `code` on")
            .label(format!("from {}", words.join(", or ")));
    }
    fitting
}

pub fn replace_text(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    Some(Action::ReplaceText { text: said(file, fields, about)? })
}

pub fn refuse_invited(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let Some(entry) = fields.get("which") else {
        return Some(Action::RefuseInvited { which: None });
    };
    let names = about.names.clone().map(Names::with_invited);
    let which = file.condition("which", &entry.node, names.as_ref())?;
    Some(Action::RefuseInvited { which: Some(which) })
}
