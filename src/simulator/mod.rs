//! A stateful Tencent Chat to test and demonstrate against.
//!
//! [`World`] is the core: plain calls with the time as an argument, no IO. It keeps groups, members,
//! roles, owners, mutes and rooms, answers REST calls as strictly as the documents, and makes the
//! callbacks that follow from its state. [`Simulator`] puts it on a loopback port.
//!
//! Its JSON is written by hand from Tencent's documents and shares no code with the bot: two
//! witnesses of one wire format. Where the documents are silent, the comment at the place says
//! which way was taken.

mod accounts;
mod asks;
mod attributes;
mod callbacks;
mod connection;
mod control;
mod faults;
mod groups;
mod http;
mod look;
mod members;
mod messages;
mod moderation;
mod playback;
mod private;
mod quirks;
mod rates;
mod recording;
mod relations;
mod rest;
mod roles;
mod room_callbacks;
mod room_state;
mod rooms;
mod sender;
mod settings;
mod speaking;
mod state;
mod topics;
mod unseen;
mod world;

pub use asks::{Answered, Creating, Joining, Saying};
pub use attributes::AttributeChange;
pub use callbacks::{Callback, CallbackId, all_commands};
pub use faults::{Fault, FaultKind, Scope};
pub use groups::NewGroup;
pub use http::{Options, Simulator, Skip, Undelivered};
pub use messages::Words;
pub use playback::{Comparison, Pace, compare, play};
pub use quirks::{EventTime, GroupCounter, Ownerless, Quirks};
pub use rates::CallRecord;
pub use recording::{Begins, BotAnswer, Entry, Recorder, Recording};
pub use relations::Befriending;
pub use rest::{RestAnswer, RestFault, commands as rest_commands};
pub use room_state::Seat;
pub use rooms::{NewRoom, Room, RoomKind, RoomMember};
pub use settings::{OwnUrl, Refusal, Settings};
pub use state::{Group, Member, Message, Topic};
pub use topics::{Opening, TopicChange};
pub use unseen::MemberChange;
pub use world::World;

/// The verbs of the control API: name, what it does, an example of its fields as JSON.
pub fn control_verbs() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    control::verbs()
}

#[cfg(test)]
mod tests;
