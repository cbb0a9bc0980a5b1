//! Which events a step can send, where each happens, and what it takes.

use crate::chat::GroupType;
use crate::rule::EventKind;

/// Where an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the group that the step or the test names.
    Group,
    /// In a group that the step itself brings about.
    NewGroup,
    Room,
    NewRoom,
    App,
}

/// One event that a step can send.
#[derive(Debug)]
pub struct Sendable {
    pub event: EventKind,
    pub place: Place,
    pub needs: &'static [&'static str],
    pub takes: &'static [&'static str],
    /// The group types that it can happen in, with the document that says so; `None` for every type.
    pub only_in: Option<(&'static [GroupType], &'static str)>,
}

impl Sendable {
    /// The entry of an event, if a step can send it.
    pub fn of(event: EventKind) -> Option<&'static Self> {
        SENDABLE.iter().find(|sendable| sendable.event == event)
    }

    /// Whether the event takes this key.
    pub fn allows(&self, key: &str) -> bool {
        let place = match self.place {
            Place::Group | Place::NewGroup => "group",
            Place::Room | Place::NewRoom => "room",
            Place::App => "",
        };
        matches!(key, "send" | "times" | "every")
            || key == place
            || (key == "late" && !self.event.asks())
            || self.needs.contains(&key)
            || self.takes.contains(&key)
    }

    /// Whether `from` must be a member of the group or room.
    pub fn from_member(&self) -> bool {
        use EventKind as E;
        let comes = matches!(
            self.event,
            E::MemberJoined
                | E::JoinRequested
                | E::RoomMemberEntered
                | E::TopicCreating
                | E::TopicCreated
        );
        matches!(self.place, Place::Group | Place::Room) && !comes
    }
}

use EventKind as E;
use GroupType::{AVChatRoom, Community, Meeting, Public, Work};

const fn on(
    event: E,
    place: Place,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
) -> Sendable {
    Sendable { event, place, needs, takes, only_in: None }
}

const fn only(
    event: E,
    types: &'static [GroupType],
    document: &'static str,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
) -> Sendable {
    let only_in = Some((types, document));
    Sendable { event, place: Place::Group, needs, takes, only_in }
}

const WORDS: &[&str] = &["text", "elements", "mentions", "custom_data", "topic"];
const INFO: &[&str] = &["by", "name", "introduction", "notification", "face_url"];
const TOPIC_INFO: &[&str] = &["by", "topic", "name", "introduction", "notification", "face_url"];

/// In the order of the documentation. What is not here comes from inside: `group.ownerless`,
/// `owner.inactive` and `mute.ended`.
#[rustfmt::skip]
pub const SENDABLE: &[Sendable] = &[
    on(E::MemberJoined, Place::Group, &["from"], &["by"]),
    on(E::MemberLeft, Place::Group, &["from"], &[]),
    only(E::MemberRemoved, &[Work, Public, Meeting, Community], "33529", &["from"], &["by"]),
    only(E::MemberRoleChanged, &[Public, Meeting, Community], "33529", &["from", "role"], &["by"]),
    on(E::MemberCardChanged, Place::Group, &["from", "name_card"], &["by"]),
    only(E::MemberOnline, &[AVChatRoom], "48734", &["from"], &[]),
    only(E::MemberOffline, &[AVChatRoom], "48734", &["from"], &[]),
    only(E::OwnerLeft, &[Work, Public, Meeting, Community], "33529", &[], &["by"]),
    only(E::OwnerChanged, &[Work, Public, Meeting, Community], "34966", &["to"], &["by"]),
    on(E::GroupCreated, Place::NewGroup, &["group"], &["from", "type", "name", "invited"]),
    on(E::GroupDismissed, Place::Group, &[], &["by"]),
    on(E::GroupFull, Place::Group, &[], &[]),
    on(E::GroupInfoChanged, Place::Group, &[], INFO),
    on(E::GroupAttributesChanged, Place::Group, &["keys"], &["by", "option"]),
    on(E::MessageSent, Place::Group, &["from"], WORDS),
    on(E::MessageRecalled, Place::Group, &[], &["from", "by"]),
    on(E::MessageFailed, Place::Group, &["from"], &["text", "topic", "error_code", "error_info"]),
    on(E::MessageSending, Place::Group, &["from"], WORDS),
    only(E::JoinRequested, &[Public, Meeting, AVChatRoom, Community], "33529", &["from"], &[]),
    only(E::InviteRequested, &[Work, Public, Meeting, Community], "33529", &["from", "invited"], &[]),
    on(E::GroupCreating, Place::NewGroup, &["from"], &["type", "name", "invited"]),
    only(E::TopicCreating, &[Community], "49463", &["from"], &["name"]),
    only(E::TopicCreated, &[Community], "49464", &["from", "topic"], &["name"]),
    only(E::TopicDismissed, &[Community], "49465", &["topics"], &[]),
    only(E::TopicInfoChanged, &[Community], "49466", &[], TOPIC_INFO),
    on(E::RoomCreated, Place::NewRoom, &["room", "from"], &["kind", "name"]),
    on(E::RoomClosed, Place::Room, &[], &["by"]),
    on(E::RoomInfoChanged, Place::Room, &["name"], &["by"]),
    on(E::RoomMemberEntered, Place::Room, &["from"], &[]),
    on(E::RoomMemberLeft, Place::Room, &["from"], &["by"]),
    on(E::RoomOwnerLeft, Place::Room, &[], &[]),
    on(E::RoomOwnerChanged, Place::Room, &["to"], &["by"]),
    on(E::UserOnline, Place::App, &["from"], &["reason"]),
    on(E::UserOffline, Place::App, &["from"], &["reason"]),
    on(E::UserProfileChanged, Place::App, &["from", "tags"], &[]),
    on(E::PrivateSending, Place::App, &["from", "to"], &["text"]),
    on(E::PrivateSent, Place::App, &["from", "to"], &["text"]),
    on(E::Callback, Place::App, &["command"], &["body", "group"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_that_can_come_from_outside_can_be_sent() {
        let missing: Vec<_> =
            EventKind::ALL.iter().filter(|kind| Sendable::of(**kind).is_none()).collect();
        assert_eq!(missing, [&E::GroupOwnerless, &E::OwnerInactive, &E::MuteEnded]);
    }
}
