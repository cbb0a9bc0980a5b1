//! The identifiers of Chat, one type each, so that a member can never stand where a group belongs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Makes one identifier type: cheap to clone, ordered, and written as plain text.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as Chat writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

identifier! {
    /// `GroupId`: `@TGS#…` when Chat assigned it, otherwise any printable ASCII below 48 bytes (33529).
    GroupId
}
identifier! {
    /// `*_Account`, a UserID of at most 32 bytes.
    Account
}
identifier! {
    /// `RoomId` of a Conference room or a Live room.
    RoomId
}

impl Account {
    /// Stands for every member of a group, in a sanction of the whole group. No UserID is written so:
    /// Chat's own ids and names take no `*`.
    pub fn everybody() -> Self {
        Self::from("*")
    }

    /// Whether this names a user at all: Chat writes `@TLS#NOT_FOUND` for an account that its
    /// profile store does not know, and an empty text for "nobody".
    pub fn is_somebody(&self) -> bool {
        !self.0.is_empty() && &*self.0 != "@TLS#NOT_FOUND"
    }
}
