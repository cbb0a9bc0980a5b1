//! The actions: one table says what each is called, takes, needs, and how it is read.

mod members;
mod mute;
mod owner;

use super::codes::{EMPTY, TOO_LONG};
use super::file::{Fields, File};
use super::scope::About;
use super::tree::Node;
use crate::chat::{Ability, limits};
use crate::rule::model::Action;
use crate::rule::names::Names;
use crate::rule::template::{Part, Template};

/// What an action acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A member of the event's group: `who`, or the member that the event is about.
    Member,
    /// The event's group.
    Group,
    /// The event's group or room.
    GroupOrRoom,
    Nothing,
}

/// Reads the fields of an action; what is wrong is noted and gives `None`.
type Read = fn(&mut File<'_>, &Fields<'_>, &About) -> Option<Action>;

/// An action as rules can write it.
pub struct ActionKind {
    pub name: &'static str,
    pub keys: &'static [&'static str],
    /// Names from other systems, and the key that is meant.
    pub habits: &'static [(&'static str, &'static str)],
    /// The field that says most when somebody writes a text instead of the fields.
    pub main: Option<&'static str>,
    pub example: &'static str,
    pub target: Target,
    /// What a group type must support.
    pub ability: Option<Ability>,
    pub read: Read,
}

/// Actions of the rule language that this version cannot do.
pub const LATER: &[&str] = &[
    "add_members",
    "remove_member",
    "ban",
    "unban",
    "send_private",
    "notify_group",
    "recall_message",
    "mute_all",
    "set_group",
    "dismiss_group",
    "reject",
    "drop",
    "replace_text",
    "remember",
    "forget",
];

/// What other bots and Chat's API call them.
const HABITS: [(&str, &str); 12] = [
    ("silence", "mute"),
    ("forbid_send_msg", "mute"),
    ("shut_up", "mute"),
    ("promote", "set_role"),
    ("demote", "set_role"),
    ("kick", "remove_member"),
    ("delete_member", "remove_member"),
    ("say", "send_message"),
    ("reply", "send_message"),
    ("change_group_owner", "transfer_owner"),
    ("notify", "alert"),
    ("log", "alert"),
];

const TIME: &[(&str, &str)] = &[("duration", "for"), ("time", "for"), ("until", "for")];
const WHO: &[(&str, &str)] = &[("member", "who"), ("user", "who"), ("id", "who")];
const TEXT: &[(&str, &str)] = &[("message", "text"), ("content", "text"), ("body", "text")];

static ACTIONS: [ActionKind; 10] = [
    ActionKind {
        name: "set_role",
        keys: &["who", "role", "for"],
        habits: TIME,
        main: Some("role"),
        example: "set_role = { role = \"admin\" }",
        target: Target::Member,
        ability: Some(Ability::Admins),
        read: members::set_role,
    },
    ActionKind {
        name: "mute",
        keys: &["who", "for", "forget_after", "reason"],
        habits: TIME,
        main: Some("for"),
        example: "mute = { for = \"10m\" }",
        target: Target::Member,
        ability: Some(Ability::Mute),
        read: mute::mute,
    },
    ActionKind {
        name: "unmute",
        keys: &["who"],
        habits: WHO,
        main: Some("who"),
        example: "unmute = {}",
        target: Target::Member,
        ability: Some(Ability::Mute),
        read: mute::unmute,
    },
    ActionKind {
        name: "set_name_card",
        keys: &["who", "text"],
        habits: &[("name", "text"), ("name_card", "text"), ("card", "text")],
        main: Some("text"),
        example: "set_name_card = { text = \"new here\" }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_name_card,
    },
    ActionKind {
        name: "set_message_receiving",
        keys: &["who", "mode"],
        habits: WHO,
        main: Some("mode"),
        example: "set_message_receiving = { mode = \"Discard\" }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_message_receiving,
    },
    ActionKind {
        name: "set_member_fields",
        keys: &["who", "fields"],
        habits: WHO,
        main: None,
        example: "set_member_fields = { fields = { Key = \"Value\" } }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_member_fields,
    },
    ActionKind {
        name: "transfer_owner",
        keys: &["to", "except", "if_none"],
        habits: &[("who", "to"), ("unless", "except")],
        main: None,
        example: "transfer_owner = { to = [\"longest_serving_admin\"] }",
        target: Target::GroupOrRoom,
        ability: Some(Ability::TransferOwner),
        read: owner::transfer_owner,
    },
    ActionKind {
        name: "import_members",
        keys: &["members"],
        habits: &[("accounts", "members"), ("users", "members")],
        main: None,
        example: "import_members = { members = [{ id = \"ann\" }] }",
        target: Target::Group,
        // 34969 lists the types that keep member data.
        ability: Some(Ability::MemberProfile),
        read: owner::import_members,
    },
    ActionKind {
        name: "send_message",
        keys: &["text", "from"],
        habits: TEXT,
        main: Some("text"),
        example: "send_message = { text = \"Hello {member.id}\" }",
        target: Target::Group,
        ability: None,
        read: send_message,
    },
    ActionKind {
        name: "alert",
        keys: &["text"],
        habits: TEXT,
        main: Some("text"),
        example: "alert = { text = \"{group.id} is full\" }",
        target: Target::Nothing,
        ability: None,
        read: alert,
    },
];

/// The action of that name, if this version can do it.
pub fn find(name: &str) -> Option<&'static ActionKind> {
    ACTIONS.iter().find(|kind| kind.name == name)
}

/// The actions of this version.
pub fn names() -> Vec<&'static str> {
    ACTIONS.iter().map(|kind| kind.name).collect()
}

/// The action that people mean by a word from elsewhere.
pub fn meant(word: &str) -> Option<&'static str> {
    HABITS.iter().find(|(habit, _)| *habit == word).map(|(_, name)| *name)
}

fn send_message(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
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

fn alert(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    Some(Action::Alert { text: said(file, fields, about)? })
}

/// `text`, which must say something.
fn said(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Template> {
    let entry = file.required(fields, "text", "text = \"…\"")?;
    let text = file.template("text", &entry.node, about.texts.as_ref())?;
    if text.text().trim().is_empty() {
        file.error(EMPTY, entry.node.span.clone(), "`text` says nothing");
        return None;
    }
    fits(file, "text", &entry.node, &text, limits::MESSAGE_BYTES).then_some(text)
}

/// Whether a text can fit into so many bytes: what stands between the placeholders, at least.
fn fits(file: &mut File<'_>, name: &str, node: &Node, text: &Template, bytes: usize) -> bool {
    let fixed = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Name(..) => 0,
    };
    let length: usize = text.parts().iter().map(fixed).sum();
    if length > bytes {
        file.error(TOO_LONG, node.span.clone(), format!("`{name}` is too long for Chat"))
            .label(format!("{length} bytes, and Chat takes {bytes}"));
    }
    length <= bytes
}

/// `who`: absent means the member that the event is about; `None` when it has a mistake.
fn who(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    names: Option<&Names>,
) -> Option<Option<Template>> {
    let Some(entry) = fields.get("who") else { return Some(None) };
    let who = file.template("who", &entry.node, names)?;
    if who.parts().iter().all(|part| matches!(part, Part::Text(_))) {
        let written: String = who.render(|_, _| String::new());
        file.account("who", &written, &entry.node)?;
    }
    Some(Some(who))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_is_both_here_and_later() {
        assert!(names().iter().all(|name| !LATER.contains(name)));
    }

    #[test]
    fn every_word_of_habit_means_an_action_and_is_none() {
        for (word, meant) in HABITS {
            assert!(find(meant).is_some() || LATER.contains(&meant), "{meant}");
            assert!(find(word).is_none() && !LATER.contains(&word), "{word}");
        }
    }

    #[test]
    fn every_key_of_habit_means_a_key_of_its_action() {
        for kind in &ACTIONS {
            for (word, meant) in kind.habits {
                assert!(kind.keys.contains(meant), "{}: {meant}", kind.name);
                assert!(!kind.keys.contains(word), "{}: {word}", kind.name);
            }
        }
    }
}
