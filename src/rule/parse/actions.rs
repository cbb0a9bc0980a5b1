//! The actions: one table says what each is called, takes, needs, and how it is read.

mod answer;
mod common;
mod group;
mod members;
mod memory;
mod mute;
mod owner;
mod speech;

use super::file::{Fields, File};
use super::key::Key;
use super::scope::About;
use crate::chat::Ability;
use crate::rule::catalog::EventKind;
use crate::rule::model::Action;

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
    /// One sentence, for people.
    pub about: &'static str,
    pub keys: &'static [Key],
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

const NONE: &[Key] = &[];

static ACTIONS: &[ActionKind] = &[
    ActionKind {
        name: "set_role",
        about: "Makes somebody a group admin or takes that back; with `for` only for a time.",
        keys: members::SET_ROLE,
        habits: TIME,
        main: Some("role"),
        example: "set_role = { role = \"admin\" }",
        target: Target::Member,
        ability: Some(Ability::Admins),
        read: members::set_role,
    },
    ActionKind {
        name: "mute",
        about: "Mutes a member for a time; Chat gets the end too, and the bot sees to it.",
        keys: mute::MUTE,
        habits: TIME,
        main: Some("for"),
        example: "mute = { for = \"10m\" }",
        target: Target::Member,
        ability: Some(Ability::Mute),
        read: mute::mute,
    },
    ActionKind {
        name: "unmute",
        about: "Ends the mute of a member.",
        keys: members::ONLY_WHO,
        habits: WHO,
        main: Some("who"),
        example: "unmute = {}",
        target: Target::Member,
        ability: Some(Ability::Mute),
        read: mute::unmute,
    },
    ActionKind {
        name: "set_name_card",
        about: "Sets the name that a member has in the group.",
        keys: members::SET_NAME_CARD,
        habits: &[("name", "text"), ("name_card", "text"), ("card", "text")],
        main: Some("text"),
        example: "set_name_card = { text = \"new here\" }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_name_card,
    },
    ActionKind {
        name: "set_message_receiving",
        about: "Sets how a member gets the group's messages.",
        keys: members::SET_MESSAGE_RECEIVING,
        habits: WHO,
        main: Some("mode"),
        example: "set_message_receiving = { mode = \"Discard\" }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_message_receiving,
    },
    ActionKind {
        name: "set_member_fields",
        about: "Sets custom fields of a member.",
        keys: members::SET_MEMBER_FIELDS,
        habits: WHO,
        main: None,
        example: "set_member_fields = { fields = { Key = \"Value\" } }",
        target: Target::Member,
        ability: Some(Ability::MemberProfile),
        read: members::set_member_fields,
    },
    ActionKind {
        name: "transfer_owner",
        about: "Gives the group or room a new owner: the first of `to` whom Chat takes.",
        keys: owner::TRANSFER_OWNER,
        habits: &[("who", "to"), ("unless", "except")],
        main: None,
        example: "transfer_owner = { to = [\"longest_serving_admin\"] }",
        target: Target::GroupOrRoom,
        ability: Some(Ability::TransferOwner),
        read: owner::transfer_owner,
    },
    ActionKind {
        name: "import_members",
        about: "Imports members with their join time and role, without telling anybody.",
        keys: owner::IMPORT_MEMBERS,
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
        about: "Adds accounts to the group.",
        keys: members::ADD_MEMBERS,
        habits: &[("who", "members"), ("accounts", "members")],
        main: Some("members"),
        example: "add_members = { members = [\"ann\"] }",
        target: Target::Group,
        ability: Some(Ability::Membership),
        read: members::add_members,
    },
    ActionKind {
        name: "remove_member",
        about: "Removes a member from the group.",
        keys: members::REMOVE_MEMBER,
        habits: WHO,
        main: Some("reason"),
        example: "remove_member = { reason = \"spam\" }",
        target: Target::Member,
        ability: Some(Ability::Membership),
        read: members::remove_member,
    },
    ActionKind {
        name: "ban",
        about: "Removes a member and keeps them out for a time.",
        keys: members::BAN,
        habits: TIME,
        main: Some("for"),
        example: "ban = { for = \"7d\" }",
        target: Target::Member,
        ability: Some(Ability::Ban),
        read: members::ban,
    },
    ActionKind {
        name: "unban",
        about: "Lets a banned account in again.",
        keys: members::ONLY_WHO,
        habits: WHO,
        main: Some("who"),
        example: "unban = {}",
        target: Target::Member,
        ability: Some(Ability::Ban),
        read: members::unban,
    },
    ActionKind {
        name: "send_message",
        about: "Sends a message to the group.",
        keys: speech::SEND_MESSAGE,
        habits: TEXT,
        main: Some("text"),
        example: "send_message = { text = \"Hello {member.id}\" }",
        target: Target::Group,
        ability: None,
        read: speech::send_message,
    },
    ActionKind {
        name: "send_private",
        about: "Sends a private message.",
        keys: speech::SEND_PRIVATE,
        habits: &[("who", "to"), ("message", "text"), ("content", "text")],
        main: Some("text"),
        example: "send_private = { text = \"Hello {member.id}\" }",
        target: Target::Person,
        ability: None,
        read: speech::send_private,
    },
    ActionKind {
        name: "notify_group",
        about: "Sends a system notification to the group, or to some of it.",
        keys: speech::NOTIFY_GROUP,
        habits: &[("who", "to"), ("message", "text"), ("content", "text")],
        main: Some("text"),
        example: "notify_group = { text = \"Be kind\" }",
        target: Target::Group,
        ability: None,
        read: speech::notify_group,
    },
    ActionKind {
        name: "recall_message",
        about: "Recalls the message that the event is about.",
        keys: NONE,
        habits: &[],
        main: None,
        example: "recall_message = {}",
        target: Target::Only(&[EventKind::MessageSent]),
        ability: Some(Ability::Membership),
        read: |_, _, _| Some(Action::RecallMessage),
    },
    ActionKind {
        name: "mute_all",
        about: "Mutes the whole group, but for its owner and admins.",
        keys: group::MUTE_ALL,
        habits: TIME,
        main: Some("for"),
        example: "mute_all = { for = \"8h\" }",
        target: Target::Group,
        ability: Some(Ability::Mute),
        read: group::mute_all,
    },
    ActionKind {
        name: "unmute_all",
        about: "Lets the whole group speak again.",
        keys: NONE,
        habits: &[],
        main: None,
        example: "unmute_all = {}",
        target: Target::Group,
        ability: Some(Ability::Mute),
        read: |_, _, _| Some(Action::UnmuteAll),
    },
    ActionKind {
        name: "set_group",
        about: "Changes name, introduction, notification or join option of the group.",
        keys: group::SET_GROUP,
        habits: &[("title", "name"), ("notice", "notification"), ("ApplyJoinOption", "join")],
        main: Some("name"),
        example: "set_group = { notification = \"Read the rules\" }",
        target: Target::Group,
        ability: None,
        read: group::set_group,
    },
    ActionKind {
        name: "dismiss_group",
        about: "Dismisses the group for good.",
        keys: NONE,
        habits: &[],
        main: None,
        example: "dismiss_group = {}",
        target: Target::Group,
        ability: None,
        read: |_, _, _| Some(Action::DismissGroup),
    },
    ActionKind {
        name: "reject",
        about: "Says no to what was asked.",
        keys: answer::REJECT,
        habits: TEXT,
        main: Some("text"),
        example: "reject = { text = \"no links here\" }",
        target: Target::Only(ASKING),
        ability: None,
        read: answer::reject,
    },
    ActionKind {
        name: "drop",
        about: "Lets a message vanish: the sender believes that it was sent.",
        keys: NONE,
        habits: &[],
        main: None,
        example: "drop = {}",
        target: Target::Only(MESSAGES_ASKING),
        ability: None,
        read: |_, _, _| Some(Action::Drop),
    },
    ActionKind {
        name: "replace_text",
        about: "Lets a message through with another text.",
        keys: answer::REPLACE_TEXT,
        habits: TEXT,
        main: Some("text"),
        example: "replace_text = { text = \"***\" }",
        target: Target::Only(MESSAGES_ASKING),
        ability: None,
        read: answer::replace_text,
    },
    ActionKind {
        name: "refuse_invited",
        about: "Lets an invitation go ahead without some of the invited.",
        keys: answer::REFUSE_INVITED,
        habits: &[("who", "which"), ("when", "which"), ("except", "which")],
        main: Some("which"),
        example: "refuse_invited = { which = 'invited.id.startsWith(\"guest_\")' }",
        target: Target::Only(&[EventKind::InviteRequested]),
        ability: None,
        read: answer::refuse_invited,
    },
    ActionKind {
        name: "remember",
        about: "Keeps a value that conditions read as `memory.KEY`.",
        keys: memory::REMEMBER,
        habits: &[("name", "key"), ("ttl", "for"), ("duration", "for"), ("time", "for")],
        main: None,
        example: "remember = { each = [\"group\", \"member\"], key = \"warned\" }",
        target: Target::Nothing,
        ability: None,
        read: memory::remember,
    },
    ActionKind {
        name: "forget",
        about: "Drops what was remembered.",
        keys: memory::FORGET,
        habits: &[("name", "key")],
        main: Some("key"),
        example: "forget = { key = \"warned\" }",
        target: Target::Nothing,
        ability: None,
        read: memory::forget,
    },
    ActionKind {
        name: "alert",
        about: "Tells the operators: log, console, metric.",
        keys: speech::ALERT,
        habits: TEXT,
        main: Some("text"),
        example: "alert = { text = \"{group.id} is full\" }",
        target: Target::Nothing,
        ability: None,
        read: speech::alert,
    },
];

/// All actions.
pub fn all() -> &'static [ActionKind] {
    ACTIONS
}

/// The action of that name.
pub fn find(name: &str) -> Option<&'static ActionKind> {
    ACTIONS.iter().find(|kind| kind.name == name)
}

/// The names of all actions.
pub fn names() -> Vec<&'static str> {
    ACTIONS.iter().map(|kind| kind.name).collect()
}

/// The action that people mean by a word from elsewhere.
pub fn meant(word: &str) -> Option<&'static str> {
    HABITS.iter().find(|(habit, _)| *habit == word).map(|(_, name)| *name)
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
                let known = |word: &str| kind.keys.iter().any(|key| key.name == word);
                assert!(known(meant), "{}: {meant}", kind.name);
                assert!(!known(word), "{}: {word}", kind.name);
            }
        }
    }
}
