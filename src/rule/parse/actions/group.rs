//! Actions that change a group as a whole.

use super::common::fits;
use crate::chat::limits;
use crate::rule::model::{Action, GroupFields, JoinOption};
use crate::rule::parse::codes::{EMPTY, IMPOSSIBLE};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape};
use crate::rule::parse::scope::About;
use crate::rule::template::Template;

/// The keys of `mute_all`.
pub const MUTE_ALL: &[Key] = &[Key::new(
    "for",
    Shape::Duration,
    "When it ends by itself; left out, until `unmute_all` or a person ends it.",
)];
/// The keys of `set_group`, at least one of which is given.
pub const SET_GROUP: &[Key] = &[
    Key::new("name", Shape::Template, "The group's name, 30 bytes.").at_least_one(),
    Key::new("introduction", Shape::Template, "The group's introduction, 240 bytes.")
        .at_least_one(),
    Key::new("notification", Shape::Template, "The group's notification, 300 bytes.")
        .at_least_one(),
    Key::new(
        "join",
        Shape::Word(|| JoinOption::ALL.map(JoinOption::name).to_vec()),
        "How one joins: freely, when an admin agrees, or not at all.",
    )
    .at_least_one(),
];

pub fn mute_all(file: &mut File<'_>, fields: &Fields<'_>, _about: &About) -> Option<Action> {
    let time = match fields.get("for") {
        None => Some(None),
        Some(entry) => file.duration("for", &entry.node).map(Some),
    };
    Some(Action::MuteAll { time: time? })
}

pub fn set_group(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let name = text(file, fields, about, "name", limits::GROUP_NAME_BYTES);
    let introduction = text(file, fields, about, "introduction", limits::INTRODUCTION_BYTES);
    let notification = text(file, fields, about, "notification", limits::NOTIFICATION_BYTES);
    let choices = JoinOption::ALL.map(|option| (option.name(), option));
    let join = match fields.get("join") {
        None => Some(None),
        Some(entry) => file.choice("join", &entry.node, &choices).map(Some),
    };
    if fields.table.entries().is_empty() {
        file.error(EMPTY, fields.place.clone(), "`set_group` sets nothing")
            .help("write for instance `set_group = { notification = \"…\" }`".to_owned());
        return None;
    }
    no_join_in_communities(file, fields, about);
    let (name, introduction) = (name?, introduction?);
    Some(Action::SetGroup(GroupFields {
        name,
        introduction,
        notification: notification?,
        join: join?,
    }))
}

/// A field that may be left out; the outer `None` is a mistake.
fn text(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    about: &About,
    key: &str,
    bytes: usize,
) -> Option<Option<Template>> {
    let Some(entry) = fields.get(key) else { return Some(None) };
    let text = file.template(key, &entry.node, about.texts.as_ref())?;
    fits(file, key, &entry.node, &text, bytes).then_some(Some(text))
}

/// 34962: a Community has no `ApplyJoinOption`.
fn no_join_in_communities(file: &mut File<'_>, fields: &Fields<'_>, about: &About) {
    let (Some(entry), false) = (fields.get("join"), about.types.is_empty()) else { return };
    if about.types.iter().all(|(kind, _)| !kind.supports(crate::chat::Ability::JoinOption)) {
        let message = "`join` cannot be set in Community groups";
        file.error(IMPOSSIBLE, entry.key_span.clone(), message)
            .label("how one joins a Community is not an option of the group");
    }
}
