//! What is known of a command before its body is looked at.

use std::fmt;

use super::callback::{Callback, Unfit};
use super::fields::Fields;
use super::table::COMMANDS;
use crate::callback::reply::Answering;
use crate::decision::Event;
use crate::rule::EventKind;

/// The label of a command that is not in the table.
pub(super) const OTHER: &str = "other";

/// Reads the events of one callback; never an empty list.
pub(super) type Reader = fn(&Callback<'_>) -> Result<Vec<Event>, Unfit>;

/// A command that Tencent lists.
#[derive(Debug)]
pub struct Command {
    /// `CallbackCommand`.
    pub name: &'static str,
    pub document: Document,
    /// The events it can become; none where it is kept as a `callback` event only.
    pub events: &'static [EventKind],
    pub(super) reader: Option<Reader>,
    pub(super) answers: Answers,
}

/// Where Tencent describes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Under product 1047, Chat.
    Chat(u32),
    /// Under product 647, rooms and live.
    Room(u32),
    /// A page without a number that anybody recorded, or somebody else's code.
    Elsewhere(&'static str),
}

impl Document {
    /// The page's address, where it has a number.
    pub fn link(self) -> Option<String> {
        let (product, number) = match self {
            Self::Chat(number) => (1047, number),
            Self::Room(number) => (647, number),
            Self::Elsewhere(_) => return None,
        };
        Some(format!("https://www.tencentcloud.com/document/product/{product}/{number}"))
    }
}

impl fmt::Display for Document {
    /// The number, or where else it stands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(number) | Self::Room(number) => number.fmt(f),
            Self::Elsewhere(place) => f.write_str(place),
        }
    }
}

/// Which answers a command understands, before its body is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    After,
    Allow,
    Group,
    Invite,
    GroupMessage,
    PrivateMessage,
    /// One item for each `To_Account` of this list.
    Friends(&'static str),
}

impl Command {
    /// The command of this name, if Tencent lists it.
    pub(super) fn named(name: &str) -> Option<&'static Command> {
        let place = COMMANDS.binary_search_by(|command| command.name.cmp(name)).ok()?;
        COMMANDS.get(place)
    }

    /// Whether Chat waits for the answer and acts upon it.
    pub fn is_before(&self) -> bool {
        is_before(self.name)
    }

    /// Which answers this callback understands.
    pub(super) fn answering(&self, fields: Fields<'_>) -> Answering {
        match self.answers {
            Answers::After => Answering::After,
            Answers::Allow => Answering::Allow,
            Answers::Group => Answering::Group,
            Answers::Invite => Answering::Invite,
            Answers::GroupMessage => Answering::GroupMessage,
            Answers::PrivateMessage => Answering::PrivateMessage,
            Answers::Friends(list) => Answering::Friends(fields.accounts(list, "To_Account")),
        }
    }
}

/// Every command of Tencent's lists, by name.
pub fn commands() -> &'static [Command] {
    COMMANDS
}

/// The name to use for a command: 64413 has two for one, in the URL and in the body.
pub(super) fn official(name: &str) -> &str {
    match name.trim() {
        "Live.CallbackMemberStateChanged" => "Live.CallbackAfterMemberStateChanged",
        name => name,
    }
}

/// Whether a name is one of those that ask first; also one that nobody has listed yet.
pub(super) fn is_before(name: &str) -> bool {
    name.contains(".CallbackBefore") || name.contains(".CallbackPrev")
}

/// The command itself if it is in Tencent's lists, otherwise `other`: a label for metrics that
/// nobody outside can multiply.
pub fn label(command: &str) -> &'static str {
    Command::named(official(command)).map_or(OTHER, |command| command.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_command_is_found() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
        for command in COMMANDS {
            assert_eq!(label(command.name), command.name);
        }
    }

    #[test]
    fn what_is_not_listed_is_labelled_other() {
        for name in ["", "Group.CallbackAfterMemberInvited", "state.statechange"] {
            assert_eq!(label(name), "other");
        }
    }

    #[test]
    fn a_command_asks_exactly_when_its_name_says_so() {
        for command in COMMANDS {
            let asks = command.answers != Answers::After;
            assert_eq!(command.is_before(), asks, "{}", command.name);
            let events_ask = command.events.iter().any(|event| event.asks());
            let judged = asks && !matches!(command.answers, Answers::Allow | Answers::Friends(_));
            assert_eq!(events_ask, judged, "{}", command.name);
        }
    }

    #[test]
    fn a_command_has_events_exactly_when_something_reads_them() {
        for command in COMMANDS {
            assert_eq!(command.reader.is_some(), !command.events.is_empty(), "{}", command.name);
        }
    }

    #[test]
    fn a_document_is_linked_under_its_product() {
        let base = "https://www.tencentcloud.com/document/product";
        assert_eq!(Document::Chat(34_369).link(), Some(format!("{base}/1047/34369")));
        assert_eq!(Document::Room(72_553).link(), Some(format!("{base}/647/72553")));
        assert_eq!(Document::Elsewhere("an SDK").link(), None);
        assert_eq!(Document::Elsewhere("an SDK").to_string(), "an SDK");
    }
}
