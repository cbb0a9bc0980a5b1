//! Group types, what each supports (33529), and the roles of members.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a group. Old names (`Private`, `ChatRoom`) are read as today's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GroupType {
    Work,
    Public,
    Meeting,
    AVChatRoom,
    Community,
    /// A type that this version does not know, `BChatRoom` among them. Nothing is assumed about it.
    Unknown,
}

/// What may be possible in a group type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Members can be made admins, by whichever command.
    Admins,
    /// A member can be muted (34900, 34951).
    Mute,
    /// The owner can be changed (34966).
    TransferOwner,
    /// The owner may quit and leave the group ownerless.
    OwnerMayQuit,
    /// Members have a stored profile: role, name card, join time (34900, 34948).
    MemberProfile,
    /// Members can be added (34921) and removed (34949).
    Membership,
    /// Members can be banned (50296).
    Ban,
    /// How one joins can be set (34962).
    JoinOption,
}

impl GroupType {
    /// The five types that an operator can write.
    pub const ALL: [GroupType; 5] =
        [Self::Work, Self::Public, Self::Meeting, Self::AVChatRoom, Self::Community];

    /// Reads a type as rules and old and new callbacks write it; unknown names give `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Work" | "Private" => Self::Work,
            "Public" => Self::Public,
            "Meeting" | "ChatRoom" => Self::Meeting,
            "AVChatRoom" => Self::AVChatRoom,
            "Community" => Self::Community,
            _ => return None,
        })
    }

    /// Today's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Work => "Work",
            Self::Public => "Public",
            Self::Meeting => "Meeting",
            Self::AVChatRoom => "AVChatRoom",
            Self::Community => "Community",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether Chat supports this for groups of this type; an unknown type is given the benefit of the doubt.
    pub fn supports(self, ability: Ability) -> bool {
        use Ability::{
            Admins, Ban, JoinOption, MemberProfile, Membership, Mute, OwnerMayQuit, TransferOwner,
        };
        match self {
            Self::Work => {
                matches!(
                    ability,
                    TransferOwner | OwnerMayQuit | MemberProfile | Membership | JoinOption
                )
            }
            Self::Public | Self::Meeting => !matches!(ability, OwnerMayQuit | Ban),
            Self::Community => !matches!(ability, OwnerMayQuit | Ban | JoinOption),
            Self::AVChatRoom => matches!(ability, Admins | Mute | Ban | JoinOption),
            Self::Unknown => true,
        }
    }

    /// What it is that groups of this type do not support (33529, 34900, 34921, 34949, 34951, 34962, 34966, 34969, 50296).
    pub fn lacks(self, ability: Ability) -> String {
        let kind = self;
        match ability {
            Ability::Admins => format!("{kind} groups have no admins"),
            Ability::Mute => format!("nobody can be muted in {kind} groups"),
            Ability::TransferOwner => format!("the owner of {kind} groups cannot be changed"),
            Ability::OwnerMayQuit => format!("the owner of {kind} groups cannot leave"),
            Ability::MemberProfile => format!("{kind} groups keep nothing about their members"),
            Ability::Membership if kind == Self::AVChatRoom => {
                "an AVChatRoom has no list of members; `ban` or `mute` works".to_owned()
            }
            Ability::Membership => format!("members of {kind} groups cannot be changed"),
            Ability::Ban => "only an AVChatRoom has bans; `remove_member` works".to_owned(),
            Ability::JoinOption => format!("{kind} groups have no join option"),
        }
    }
}

impl fmt::Display for GroupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an account is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Owner,
    Admin,
    Member,
    /// Known not to be in the group (`NotMember` of 34963).
    Outside,
}

impl Role {
    /// Reads Chat's spelling, in any case, with the trailing space that 34948 prints and the
    /// `RoomOwner` of 60715.
    pub fn from_wire(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "owner" | "roomowner" => Self::Owner,
            "admin" => Self::Admin,
            "member" => Self::Member,
            "notmember" => Self::Outside,
            _ => return None,
        })
    }

    /// As conditions see it; somebody outside has no role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Outside => "",
        }
    }
}
