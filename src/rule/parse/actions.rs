//! The actions: one table says what each is called, takes, needs, and how it is read.

mod answer;
mod group;
mod members;
mod memory;
mod mute;
mod owner;
mod speech;

use super::codes::{EMPTY, TOO_LONG};
use super::file::{Fields, File};
use super::scope::About;
use super::tree::{Entry, Node};
use crate::chat::{Ability, limits};
use crate::rule::catalog::EventKind;
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
    /// A person: `to`, or the member or user that the event is about.
    Person,
    /// These events only.
    Only(&'static [EventKind]),
    Nothing,
}

/// Chat waits for the answer to these.
const ASKING: &[EventKind] = &[
    EventKind::MessageSending,
    EventKind::JoinRequested,
    EventKind::InviteRequested,
    EventKind::GroupCreating,
    EventKind::TopicCreating,
    EventKind::PrivateSending,
];
const MESSAGES_ASKING: &[EventKind] = &[EventKind::MessageSending, EventKind::PrivateSending];

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

/// What other bots and Chat's API call them.
const HABITS: [(&str, &str); 30] = [
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
    ("block", "ban"),
    ("invite", "add_members"),
    ("add_group_member", "add_members"),
    ("delete_group_member", "remove_member"),
    ("ban_group_member", "ban"),
    ("unban_group_member", "unban"),
    ("sendmsg", "send_private"),
    ("dm", "send_private"),
    ("send_group_msg", "send_message"),
    ("send_group_system_notification", "notify_group"),
    ("group_msg_recall", "recall_message"),
    ("delete_message", "recall_message"),
    ("lock", "mute_all"),
    ("unlock", "unmute_all"),
    ("modify_group_base_info", "set_group"),
    ("destroy_group", "dismiss_group"),
    ("deny", "reject"),
    ("censor", "replace_text"),
];

const TIME: &[(&str, &str)] = &[("duration", "for"), ("time", "for"), ("until", "for")];
const WHO: &[(&str, &str)] = &[("member", "who"), ("user", "who"), ("id", "who")];
const TEXT: &[(&str, &str)] = &[("message", "text"), ("content", "text"), ("body", "text")];

static ACTIONS: &[ActionKind] = &[
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
        name: "add_members",
        keys: &["members", "silent"],
        habits: &[("who", "members"), ("accounts", "members")],
        main: Some("members"),
        example: "add_members = { members = [\"ann\"] }",
        target: Target::Group,
        ability: Some(Ability::Membership),
        read: members::add_members,
    },
    ActionKind {
        name: "remove_member",
        keys: &["who", "silent", "reason"],
        habits: WHO,
        main: Some("reason"),
        example: "remove_member = { reason = \"spam\" }",
        target: Target::Member,
        ability: Some(Ability::Membership),
        read: members::remove_member,
    },
    ActionKind {
        name: "ban",
        keys: &["who", "for", "reason"],
        habits: TIME,
        main: Some("for"),
        example: "ban = { for = \"7d\" }",
        target: Target::Member,
        ability: Some(Ability::Ban),
        read: members::ban,
    },
    ActionKind {
        name: "unban",
        keys: &["who"],
        habits: WHO,
        main: Some("who"),
        example: "unban = {}",
        target: Target::Member,
        ability: Some(Ability::Ban),
        read: members::unban,
    },
    ActionKind {
        name: "send_message",
        keys: &["text", "from"],
        habits: TEXT,
        main: Some("text"),
        example: "send_message = { text = \"Hello {member.id}\" }",
        target: Target::Group,
        ability: None,
        read: speech::send_message,
    },
    ActionKind {
        name: "send_private",
        keys: &["to", "text"],
        habits: &[("who", "to"), ("message", "text"), ("content", "text")],
        main: Some("text"),
        example: "send_private = { text = \"Hello {member.id}\" }",
        target: Target::Person,
        ability: None,
        read: speech::send_private,
    },
    ActionKind {
        name: "notify_group",
        keys: &["text", "to"],
        habits: &[("who", "to"), ("message", "text"), ("content", "text")],
        main: Some("text"),
        example: "notify_group = { text = \"Be kind\" }",
        target: Target::Group,
        ability: None,
        read: speech::notify_group,
    },
    ActionKind {
        name: "recall_message",
        keys: &[],
        habits: &[],
        main: None,
        example: "recall_message = {}",
        target: Target::Only(&[EventKind::MessageSent]),
        ability: Some(Ability::Membership),
        read: |_, _, _| Some(Action::RecallMessage),
    },
    ActionKind {
        name: "mute_all",
        keys: &["for"],
        habits: TIME,
        main: Some("for"),
        example: "mute_all = { for = \"8h\" }",
        target: Target::Group,
        ability: Some(Ability::Mute),
        read: group::mute_all,
    },
    ActionKind {
        name: "unmute_all",
        keys: &[],
        habits: &[],
        main: None,
        example: "unmute_all = {}",
        target: Target::Group,
        ability: Some(Ability::Mute),
        read: |_, _, _| Some(Action::UnmuteAll),
    },
    ActionKind {
        name: "set_group",
        keys: &["name", "introduction", "notification", "join"],
        habits: &[("title", "name"), ("notice", "notification"), ("ApplyJoinOption", "join")],
        main: Some("name"),
        example: "set_group = { notification = \"Read the rules\" }",
        target: Target::Group,
        ability: None,
        read: group::set_group,
    },
    ActionKind {
        name: "dismiss_group",
        keys: &[],
        habits: &[],
        main: None,
        example: "dismiss_group = {}",
        target: Target::Group,
        ability: None,
        read: |_, _, _| Some(Action::DismissGroup),
    },
    ActionKind {
        name: "reject",
        keys: &["text", "code"],
        habits: TEXT,
        main: Some("text"),
        example: "reject = { text = \"no links here\" }",
        target: Target::Only(ASKING),
        ability: None,
        read: answer::reject,
    },
    ActionKind {
        name: "drop",
        keys: &[],
        habits: &[],
        main: None,
        example: "drop = {}",
        target: Target::Only(MESSAGES_ASKING),
        ability: None,
        read: |_, _, _| Some(Action::Drop),
    },
    ActionKind {
        name: "replace_text",
        keys: &["text"],
        habits: TEXT,
        main: Some("text"),
        example: "replace_text = { text = \"***\" }",
        target: Target::Only(MESSAGES_ASKING),
        ability: None,
        read: answer::replace_text,
    },
    ActionKind {
        name: "refuse_invited",
        keys: &["which"],
        habits: &[("who", "which"), ("when", "which"), ("except", "which")],
        main: Some("which"),
        example: "refuse_invited = { which = 'invited.id.startsWith(\"guest_\")' }",
        target: Target::Only(&[EventKind::InviteRequested]),
        ability: None,
        read: answer::refuse_invited,
    },
    ActionKind {
        name: "remember",
        keys: &["each", "key", "value", "for"],
        habits: &[("name", "key"), ("ttl", "for"), ("duration", "for"), ("time", "for")],
        main: None,
        example: "remember = { each = [\"group\", \"member\"], key = \"warned\" }",
        target: Target::Nothing,
        ability: None,
        read: memory::remember,
    },
    ActionKind {
        name: "forget",
        keys: &["key"],
        habits: &[("name", "key")],
        main: Some("key"),
        example: "forget = { key = \"warned\" }",
        target: Target::Nothing,
        ability: None,
        read: memory::forget,
    },
    ActionKind {
        name: "alert",
        keys: &["text"],
        habits: TEXT,
        main: Some("text"),
        example: "alert = { text = \"{group.id} is full\" }",
        target: Target::Nothing,
        ability: None,
        read: speech::alert,
    },
];

/// The action of that name.
pub fn find(name: &str) -> Option<&'static ActionKind> {
    ACTIONS.iter().find(|kind| kind.name == name)
}

/// All actions.
pub fn names() -> Vec<&'static str> {
    ACTIONS.iter().map(|kind| kind.name).collect()
}

/// The action that people mean by a word from elsewhere.
pub fn meant(word: &str) -> Option<&'static str> {
    HABITS.iter().find(|(habit, _)| *habit == word).map(|(_, name)| *name)
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
    one_account(file, fields, "who", names)
}

/// An account that may be left out; the outer `None` is a mistake.
fn one_account(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    key: &str,
    names: Option<&Names>,
) -> Option<Option<Template>> {
    let Some(entry) = fields.get(key) else { return Some(None) };
    account(file, key, &entry.node, names).map(Some)
}

/// An account, or a placeholder that stands for one.
fn account(file: &mut File<'_>, key: &str, node: &Node, names: Option<&Names>) -> Option<Template> {
    let account = file.template(key, node, names)?;
    if account.parts().iter().all(|part| matches!(part, Part::Text(_))) {
        let written: String = account.render(|_, _| String::new());
        file.account(key, &written, node)?;
    }
    Some(account)
}

/// A list of accounts, no more than Chat takes at once.
fn accounts(
    file: &mut File<'_>,
    entry: &Entry,
    names: Option<&Names>,
    most: usize,
) -> Option<Vec<Template>> {
    let key = &entry.key;
    let items = file.list(key, &entry.node, "accounts")?;
    if items.is_empty() {
        file.empty(entry, &format!("{key} = [\"ann\"]"));
        return None;
    }
    if let Some(extra) = items.get(most) {
        file.error(TOO_LONG, extra.span.clone(), format!("Chat takes at most {most} at once"))
            .label("one too many");
        return None;
    }
    let name = format!("an item of {key}");
    let read: Vec<_> = items.iter().filter_map(|item| account(file, &name, item, names)).collect();
    (read.len() == items.len()).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_habit_means_an_action_and_is_none() {
        for (word, meant) in HABITS {
            assert!(find(meant).is_some(), "{meant}");
            assert!(find(word).is_none(), "{word}");
        }
    }

    #[test]
    fn every_key_of_habit_means_a_key_of_its_action() {
        for kind in ACTIONS {
            for (word, meant) in kind.habits {
                assert!(kind.keys.contains(meant), "{}: {meant}", kind.name);
                assert!(!kind.keys.contains(word), "{}: {word}", kind.name);
            }
        }
    }
}
