//! What Chat is made of: ids, group types and what each supports, roles, messages. Pure.

mod group;
mod id;
pub mod limits;
mod message;

pub use group::{Ability, GroupType, Role};
pub use id::{Account, GroupId, RoomId};
pub use message::{Element, Message, normalise};
