//! The keys of test files, for the schema; a test holds them against the reader's.

use crate::authoring::testfile::SENDABLE;
use crate::rule::parse::key::{Key, Shape};
use crate::rule::parse::scope::group_types;

const ACCOUNTS: Shape = Shape::List(&Shape::Account, 0);
const TEXTS: Shape = Shape::List(&Shape::Text, 0);
const ROLE: Shape = Shape::Word(|| vec!["admin", "member"]);
const ANY_ROLE: Shape = Shape::Word(|| vec!["owner", "admin", "member"]);
const ROOM_KIND: Shape = Shape::Word(|| vec!["conference", "live"]);
const MODE: Shape = Shape::Word(|| vec!["enforce", "shadow"]);
const GROUP_TYPE: Shape = Shape::Word(group_types);

/// The keys of a test.
pub(super) const TEST: &[Key] = &[
    Key::new("name", Shape::Text, "What is true when the test passes.").required(),
    Key::new("notes", Shape::Text, "Whatever else people should know."),
    Key::new(
        "now",
        Shape::Moment,
        "When it begins; left out, a Thursday noon (UTC) in January 2026.",
    ),
    Key::new(
        "mode",
        MODE,
        "As `[rules] mode` of the service: `shadow` decides everything and sends nothing.",
    )
    .default("\"enforce\""),
    Key::new(
        "protected",
        Shape::List(&Shape::Text, 1),
        "As `[safety] protected` of the service: ids, also with `*`.",
    ),
    Key::new("group", Shape::Table(GROUP), "A group that exists when the test begins."),
    Key::new(
        "groups",
        Shape::List(&Shape::Table(GROUP), 0),
        "Groups that exist when the test begins.",
    ),
    Key::new("room", Shape::Table(ROOM), "A room that exists when the test begins."),
    Key::new(
        "rooms",
        Shape::List(&Shape::Table(ROOM), 0),
        "Rooms that exist when the test begins.",
    ),
    Key::new(
        "steps",
        Shape::List(&Shape::Table(STEP), 1),
        "What happens, and what is expected, in its order.",
    )
    .required(),
];

/// The keys of a group.
pub(super) const GROUP: &[Key] = &[
    Key::new("id", Shape::Account, "Its id, as `@TGS#1`.").required(),
    Key::new("type", GROUP_TYPE, "What kind of group it is.").default("\"Public\""),
    Key::new("name", Shape::Text, "Its name."),
    Key::new("owner", Shape::Text, "Who owns it; an empty text is nobody."),
    Key::new(
        "members",
        Shape::List(&Shape::Either(&[Shape::Account, Shape::Table(MEMBER)]), 0),
        "Its members; the earlier in the list, the longer they are there.",
    ),
];

/// The keys of a member of a group.
pub(super) const MEMBER: &[Key] = &[
    Key::new("id", Shape::Account, "The account.").required(),
    Key::new("role", ROLE, "The role in the group.").default("\"member\""),
    Key::new("joined", Shape::Duration, "How long before the beginning they joined."),
    Key::new("name_card", Shape::Text, "The name in the group."),
    Key::new("last_message", Shape::Duration, "How long before the beginning they last wrote."),
];

/// The keys of a room.
pub(super) const ROOM: &[Key] = &[
    Key::new("id", Shape::Account, "Its id.").required(),
    Key::new("kind", ROOM_KIND, "What kind of room it is.").default("\"conference\""),
    Key::new("owner", Shape::Account, "Who owns it.").required(),
    Key::new("members", ACCOUNTS, "Who is in it."),
];

/// The keys of a step: one says what it does, and the others belong to that one.
pub(super) const STEP: &[Key] = &[
    Key::new("send", Shape::Word(sendable), "Something happens in Chat.").exactly_one(),
    Key::new(
        "expect",
        Shape::Either(&[Shape::List(&Shape::Effect, 0), Shape::Word(|| vec!["nothing"])]),
        "All effects since the last `expect`, in order, or \"nothing\".",
    )
    .exactly_one(),
    Key::new("advance", Shape::Duration, "Time passes.").exactly_one(),
    Key::new("restart", Shape::Truth, "The bot is stopped and started again.").exactly_one(),
    Key::new("api", Shape::Word(|| vec!["down"]), "Chat does not answer REST calls for a time.")
        .exactly_one(),
    Key::new("chat", Shape::Table(CHAT), "The next calls of a REST command go wrong.")
        .exactly_one(),
    Key::new("member", Shape::Table(UNSEEN), "A member changes in Chat, and no callback tells it.")
        .exactly_one(),
    Key::new("because", Shape::Text, "A piece of text that a sentence of the trace must contain.")
        .beside("expect"),
    Key::new("for", Shape::Duration, "How long Chat does not answer.").beside("api"),
    sent("group", Shape::Account, "In which group; left out, the first of the test."),
    sent("room", Shape::Text, "In which room; left out, the first of the test."),
    sent("from", Shape::Account, "Whom it is about: who joins, leaves, writes, asks."),
    sent("to", Shape::Account, "The new owner, or who gets a private message."),
    sent("by", Shape::Account, "Who does it, where that is somebody else."),
    sent("text", Shape::Text, "The text of the message."),
    sent("elements", TEXTS, "Elements without content that the message has: TIMImageElem."),
    sent("mentions", TEXTS, "Who is mentioned; @all for everybody."),
    sent("custom_data", Shape::Text, "The custom data of the message."),
    sent("topic", Shape::Text, "The topic that it happens in."),
    sent("topics", TEXTS, "The topics that are dismissed."),
    sent("role", ROLE, "The new role."),
    sent("name_card", Shape::Text, "The new name in the group."),
    sent("invited", ACCOUNTS, "Who is invited."),
    sent("type", GROUP_TYPE, "The type of the new group."),
    sent("kind", ROOM_KIND, "The kind of the new room."),
    sent("name", Shape::Text, "The name of what is created or changed."),
    sent("introduction", Shape::Text, "The new introduction."),
    sent("notification", Shape::Text, "The new notification."),
    sent("face_url", Shape::Text, "The new picture."),
    sent("option", Shape::Text, "What is done with the attributes."),
    sent("keys", TEXTS, "The attributes that change."),
    sent("error_code", Shape::Number(1, 999_999), "Why the message failed, as a code."),
    sent("error_info", Shape::Text, "Why the message failed, in words."),
    sent("tags", TEXTS, "The fields of the profile that change."),
    sent("reason", Shape::Text, "Why somebody goes online or offline."),
    sent("command", Shape::Text, "The callback command."),
    sent("body", Shape::Any, "The body of the callback: a table, or JSON in a text."),
    sent("times", Shape::Number(1, 10_000), "So many times; {n} in texts and ids counts from 1.")
        .default("1"),
    sent("every", Shape::Duration, "How much time is between two times."),
    sent("late", Shape::Duration, "The callback comes that long after what it tells of."),
];

/// The keys of `chat`.
pub(super) const CHAT: &[Key] = &[
    Key::new("command", Shape::Text, "The last part of the REST command's path, or * for any.")
        .required(),
    Key::new("refuse", Shape::Number(1, 999_999), "It is refused with this error code.")
        .exactly_one(),
    Key::new("status", Shape::Number(100, 599), "It gets this HTTP status.").exactly_one(),
    Key::new("slow", Shape::Truth, "It gets no answer in time, and Chat has done nothing.")
        .exactly_one(),
    Key::new("lost", Shape::Truth, "It is carried out, and the answer gets lost.").exactly_one(),
    Key::new("times", Shape::Number(1, 10_000), "For so many calls.").default("1"),
];

/// The keys of `member`.
pub(super) const UNSEEN: &[Key] = &[
    Key::new("id", Shape::Account, "The account; who is no member becomes one.").required(),
    Key::new("group", Shape::Text, "In which group; left out, the first of the test."),
    Key::new("role", ANY_ROLE, "The new role."),
    Key::new("joined", Shape::Duration, "How long before the beginning they joined."),
    Key::new("name_card", Shape::Text, "The new name in the group."),
    Key::new("last_message", Shape::Duration, "How long before the beginning they last wrote."),
    Key::new("muted", Shape::Duration, "For how long they are muted."),
    Key::new("left", Shape::Truth, "They have left."),
];

const fn sent(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key::new(name, shape, about).beside("send")
}

fn sendable() -> Vec<&'static str> {
    SENDABLE.iter().map(|sendable| sendable.event.name()).collect()
}
