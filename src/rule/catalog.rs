//! The one table of what rules can refer to: events, and the names that each event carries.

use serde::{Deserialize, Serialize};

/// The type of a name in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    /// A list of strings.
    Strings,
    /// Anything: only `event.body` of a `callback` event.
    Dynamic,
    Null,
    /// `group`, `member`, … with the fields that [`Object::fields`] lists.
    Object(Object),
}

impl Type {
    /// As an operator reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Strings => "list of strings",
            Self::Dynamic => "anything",
            Self::Null => "null",
            Self::Object(object) => object.kind(),
        }
    }
}

/// A name at the top of a condition that has fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Event,
    Group,
    Member,
    Operator,
    Candidate,
    Message,
    Room,
    User,
    Sender,
    Receiver,
    /// One of those whom `invite.requested` names, in `which` of `refuse_invited`.
    Invited,
    /// What rules remember; its fields are their keys.
    Memory,
}

const PERSON: &[(&str, Type)] = &[
    ("id", Type::String),
    ("role", Type::String),
    ("joined_at", Type::Timestamp),
    ("name_card", Type::String),
    ("muted", Type::Bool),
    ("muted_until", Type::Timestamp),
    ("last_message_at", Type::Timestamp),
];

const ID: &[(&str, Type)] = &[("id", Type::String)];

impl Object {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Event,
        Self::Group,
        Self::Member,
        Self::Operator,
        Self::Candidate,
        Self::Message,
        Self::Room,
        Self::User,
        Self::Sender,
        Self::Receiver,
        Self::Invited,
        Self::Memory,
    ];

    /// Reads the name it stands under.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.name() == name)
    }

    /// The name it stands under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Group => "group",
            Self::Member => "member",
            Self::Operator => "operator",
            Self::Candidate => "candidate",
            Self::Message => "message",
            Self::Room => "room",
            Self::User => "user",
            Self::Sender => "sender",
            Self::Receiver => "receiver",
            Self::Invited => "invited",
            Self::Memory => "memory",
        }
    }

    /// What kind of thing it is, for messages.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Group => "a group",
            Self::Member | Self::Operator | Self::Candidate => "a member",
            Self::Message => "a message",
            Self::Room => "a room",
            Self::User | Self::Sender | Self::Receiver | Self::Invited => "a user",
            Self::Memory => "what rules remember",
        }
    }

    /// Its fields; those of `event` depend on the event and come from [`EventKind::event_fields`].
    pub fn fields(self) -> &'static [(&'static str, Type)] {
        match self {
            Self::Event => &[
                ("name", Type::String),
                ("command", Type::String),
                ("time", Type::Timestamp),
                ("platform", Type::String),
                ("by_bot", Type::Bool),
                ("found", Type::Bool),
            ],
            Self::Group => &[
                ("id", Type::String),
                ("type", Type::String),
                ("name", Type::String),
                ("owner", Type::String),
                ("member_count", Type::Int),
                ("created_at", Type::Timestamp),
            ],
            Self::Member | Self::Operator | Self::Candidate => PERSON,
            Self::Message => &[
                ("text", Type::String),
                ("types", Type::Strings),
                ("sequence", Type::Int),
                ("mentions", Type::Strings),
                ("custom_data", Type::String),
            ],
            Self::Room => &[
                ("id", Type::String),
                ("kind", Type::String),
                ("owner", Type::String),
                ("member_count", Type::Int),
            ],
            Self::User | Self::Sender | Self::Receiver | Self::Invited => ID,
            Self::Memory => &[],
        }
    }
}

/// Declares every event once: its variant, its name, whether Chat waits for the answer, the objects
/// that its conditions see besides `event` and `now`, and the fields of `event` that only it has.
macro_rules! events {
    ($($variant:ident $name:literal $asks:literal [$($object:ident)*] {$($field:literal $type:ident)*})*) => {
        /// What can happen, by the name that rules use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// All of them, in the order of the documentation.
            pub const ALL: &[EventKind] = &[$(Self::$variant,)*];

            /// The name in rules.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether Chat waits for our answer (a before callback).
            pub fn asks(self) -> bool {
                match self { $(Self::$variant => $asks,)* }
            }

            /// What conditions see besides `event` and `now`.
            pub fn objects(self) -> &'static [Object] {
                match self { $(Self::$variant => &[$(Object::$object),*],)* }
            }

            /// The fields of `event` that this event has besides the common ones.
            pub fn event_fields(self) -> &'static [(&'static str, Type)] {
                match self { $(Self::$variant => &[$(($field, Type::$type)),*],)* }
            }
        }
    };
}

events! {
    MemberJoined "member.joined" false [Group Operator Member] {"join_type" String}
    MemberLeft "member.left" false [Group Operator Member] {}
    MemberRemoved "member.removed" false [Group Operator Member] {}
    MemberRoleChanged "member.role_changed" false [Group Operator Member] {"role" String "name_card" String}
    MemberCardChanged "member.card_changed" false [Group Operator Member] {"role" String "name_card" String}
    MemberOnline "member.online" false [Group Member] {}
    MemberOffline "member.offline" false [Group Member] {}
    OwnerLeft "owner.left" false [Group Operator Member] {}
    OwnerChanged "owner.changed" false [Group Operator] {"old_owner" String "new_owner" String}
    GroupCreated "group.created" false [Group Operator] {"owner" String "name" String "members" Strings}
    GroupDismissed "group.dismissed" false [Group] {"owner" String "name" String}
    GroupFull "group.full" false [Group] {}
    GroupInfoChanged "group.info_changed" false [Group Operator] {"name" String "introduction" String "notification" String "face_url" String "mute_all" String "join" String}
    GroupAttributesChanged "group.attributes_changed" false [Group Operator] {"option" String "keys" Strings}
    GroupOwnerless "group.ownerless" false [Group] {"reason" String "owner" String}
    OwnerInactive "owner.inactive" false [Group Member] {"inactive_days" Int}
    MessageSent "message.sent" false [Group Operator Member Message] {"topic" String}
    MessageRecalled "message.recalled" false [Group Operator] {"sequences" Strings "topic" String}
    MessageFailed "message.failed" false [Group Operator Member Message] {"topic" String "error_code" Int "error_info" String}
    MessageSending "message.sending" true [Group Operator Member Message] {"topic" String}
    JoinRequested "join.requested" true [Group Member] {}
    InviteRequested "invite.requested" true [Group Operator Member] {"invited" Strings}
    GroupCreating "group.creating" true [Operator Member] {"type" String "name" String "owner" String "created_count" Int "invited" Strings}
    TopicCreating "topic.creating" true [Operator Member] {"type" String "name" String}
    TopicCreated "topic.created" false [Group Operator] {"topic" String "name" String "owner" String}
    TopicDismissed "topic.dismissed" false [Group] {"topics" Strings}
    TopicInfoChanged "topic.info_changed" false [Group Operator] {"topic" String "name" String "introduction" String "notification" String "face_url" String}
    MuteEnded "mute.ended" false [Group Member] {"reason" String}
    RoomCreated "room.created" false [Room Operator] {"name" String}
    RoomClosed "room.closed" false [Room Operator] {"how" String}
    RoomInfoChanged "room.info_changed" false [Room Operator] {"name" String}
    RoomMemberEntered "room.member_entered" false [Room Operator Member] {}
    RoomMemberLeft "room.member_left" false [Room Operator Member] {"how" String "reason" String}
    RoomOwnerLeft "room.owner_left" false [Room Operator Member] {"how" String "reason" String}
    RoomOwnerChanged "room.owner_changed" false [Room Operator] {"old_owner" String "new_owner" String}
    UserOnline "user.online" false [User] {"reason" String "kicked_devices" Strings}
    UserOffline "user.offline" false [User] {"reason" String}
    UserProfileChanged "user.profile_changed" false [User Operator] {"tags" Strings}
    PrivateSending "private.sending" true [Sender Receiver Message] {}
    PrivateSent "private.sent" false [Sender Receiver Message] {}
    Callback "callback" false [] {"body" Dynamic "note" String}
}

impl EventKind {
    /// Reads the name that rules use.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether its conditions see this object.
    pub fn carries(self, object: Object) -> bool {
        object == Object::Event || self.objects().contains(&object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(EventKind::from_name("member.join"), None);
    }
}
