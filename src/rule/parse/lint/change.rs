//! What an action sets, so that two that set the same thing differently are found.

use crate::rule::EventKind;
use crate::rule::condition::{Fact, Formula};
use crate::rule::model::Action;
use crate::rule::template::Template;

/// What an action sets, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// "the role"; the same for actions that can undo each other.
    pub what: &'static str,
    pub value: String,
    /// Whom it is about, as written; `None` is the event's member.
    who: Option<String>,
}

impl Change {
    /// What an action sets that another can set otherwise.
    pub fn of(action: &Action) -> Option<Self> {
        let written = |who: &Option<Template>| who.as_ref().map(|who| who.text().to_owned());
        let (what, value, who) = match action {
            Action::SetRole { who, role, .. } => ("the role", role.name().to_owned(), written(who)),
            Action::Mute { who, .. } => ("the mute", "on".to_owned(), written(who)),
            Action::Unmute { who } => ("the mute", "off".to_owned(), written(who)),
            Action::Ban { who, .. } => ("the ban", "on".to_owned(), written(who)),
            Action::Unban { who } => ("the ban", "off".to_owned(), written(who)),
            Action::MuteAll { .. } => ("the mute of everybody", "on".to_owned(), None),
            Action::UnmuteAll => ("the mute of everybody", "off".to_owned(), None),
            Action::SetNameCard { who, text } => {
                ("the name card", text.text().to_owned(), written(who))
            }
            Action::SetMessageReceiving { who, mode } => {
                ("the receiving of messages", mode.name().to_owned(), written(who))
            }
            Action::TransferOwner { to, .. } => ("the owner", format!("{to:?}"), None),
            _ => return None,
        };
        Some(Self { what, value, who })
    }

    /// Whether the other sets the same thing of the same member otherwise.
    pub fn undoes(&self, other: &Self) -> bool {
        self.what == other.what && self.value != other.value && self.who == other.who
    }
}

/// The event that Chat reports when an action was carried out, and what is certain about it. Mutes and
/// imports have none; messages go out with their callbacks forbidden.
pub fn echo(action: &Action) -> Option<(EventKind, Formula)> {
    let by_bot = Formula::Is(Fact::is_true("event.by_bot"));
    let of = |kind, fact: Option<Fact>| {
        let facts = fact.map(Formula::Is).into_iter().chain([by_bot.clone()]);
        Some((kind, Formula::All(facts.collect())))
    };
    match action {
        Action::SetRole { role, .. } => {
            of(EventKind::MemberRoleChanged, Some(Fact::equals("event.role", role.name())))
        }
        Action::SetNameCard { .. } => of(EventKind::MemberCardChanged, None),
        Action::TransferOwner { .. } => of(EventKind::OwnerChanged, None),
        other => of(by_name(other.name())?, None),
    }
}

/// Of actions without fields that matter here.
fn by_name(action: &str) -> Option<EventKind> {
    Some(match action {
        "add_members" => EventKind::MemberJoined,
        "remove_member" => EventKind::MemberRemoved,
        "recall_message" => EventKind::MessageRecalled,
        "set_group" => EventKind::GroupInfoChanged,
        "dismiss_group" => EventKind::GroupDismissed,
        _ => return None,
    })
}
