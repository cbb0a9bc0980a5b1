//! What happened: from a callback, a schedule, a timer, Chat's answer, or an operator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::effect::{Effect, Held, Outcome};
use super::seen::Seen;
use super::state::{Sanction, SanctionKind};
use crate::chat::{Account, GroupId, GroupType, Message, RoomId};
use crate::clock::Timestamp;
use crate::rule::{EventKind, RuleId};

/// The key of an event: 16 hex digits of what the callback says, never of the connection. The same
/// callback delivered twice has the same id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Arc<str>);

impl EventId {
    /// Derives an id from the parts that identify the event; the parts' borders count.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut id = String::with_capacity(16);
        for byte in digest.finalize().iter().take(8) {
            for half in [byte >> 4, byte & 15] {
                id.extend(char::from_digit(half.into(), 16));
            }
        }
        Self(id.into())
    }

    /// An id that follows from this one, for what is derived from the event.
    pub fn derive(&self, what: &str) -> Self {
        Self::of(&[self.0.as_bytes(), what.as_bytes()])
    }

    /// The 16 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field of `event`, of the type that the catalog gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    Bool(bool),
    Int(i64),
    Text(String),
    Texts(Vec<String>),
    /// Only `event.body` of a `callback` event.
    Json(serde_json::Value),
}

/// The room of a Room or Live callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub id: RoomId,
    pub kind: RoomKind,
    /// Absent where the callback does not say.
    pub owner: Option<Account>,
    pub member_count: Option<i64>,
}

impl Room {
    /// A room of which nothing more is told.
    pub fn of(id: RoomId, kind: RoomKind) -> Self {
        Self { id, kind, owner: None, member_count: None }
    }
}

/// Which engine a room belongs to; their REST commands differ (60713, 66908).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    Conference,
    Live,
}

/// One thing that happened to one member, group, room or user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub cause: Cause,
    /// When it happened, by Chat's word where there is one.
    pub time: Timestamp,
    /// `CallbackCommand`, or `schedule`, `timer`, `effect`, `reconcile`.
    pub command: String,
    /// `OptPlatform`, empty where absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// An echo of a call that we made ourselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_bot: bool,
    /// Nobody told us: reconciliation has found that it must have happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_type: Option<GroupType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Account>,
    /// The member (or user) it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Account>,
    /// The receiver of a private message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Account>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// What `event.*` has besides the common fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
}

/// What kind of thing happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// One of the events that rules name.
    Kind(EventKind),
    /// A schedule's time has come (for one group, when `group` is set).
    Schedule { rule: RuleId, due: Timestamp },
    /// A timer of ours is due.
    Timer(Timer),
    /// An effect was settled; a read effect brings what Chat answered.
    /// `skipped` hung on it and was not sent. `unsure` are those of them that may have been carried out
    /// all the same: a try whose answer was lost came before.
    Settled {
        effect: Box<Effect>,
        outcome: Outcome,
        skipped: Vec<Effect>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsure: Vec<EventId>,
    },
    /// Reconciliation has read something about the group; the event's time is when the reading began.
    Seen(Box<Seen>),
    /// An operator lets effects go that were held back.
    Released(Box<Held>),
    /// An operator takes away effects that were held back.
    Discarded(Box<Held>),
    /// An operator ends a sanction before its time.
    Lifted { group: GroupId, member: Account, kind: SanctionKind, sanction: EventId },
    /// An operator gives a sanction another end.
    Extended {
        group: GroupId,
        member: Account,
        kind: SanctionKind,
        sanction: EventId,
        until: Timestamp,
    },
    /// An operator has an effect tried again that was given up; `fell` is the sanction that fell with it,
    /// `hung` what stood behind it.
    Retried {
        effect: Box<Effect>,
        fell: Option<Box<Sanction>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hung: Vec<Hung>,
    },
    /// An operator takes away an effect that was given up.
    Dropped(Box<Effect>),
    /// An operator takes an effect for done that was given up: what stood behind it is sent.
    TakenForDone { effect: Box<Effect>, hung: Vec<Hung> },
}

/// What hung on an effect that was given up, and the sanction that fell with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hung {
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell: Option<Sanction>,
}

/// What a timer is for. It names what it belongs to, so that a superseded one does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// A sanction's end.
    SanctionEnd { group: GroupId, member: Account, kind: SanctionKind, sanction: EventId },
    /// A sanction goes on longer than Chat takes at once: it is renewed before Chat ends it.
    SanctionRenewal { group: GroupId, member: Account, kind: SanctionKind, sanction: EventId },
    /// A sanction should have ended a while ago: people are told if that is still not certain.
    SanctionLate { group: GroupId, member: Account, kind: SanctionKind, sanction: EventId },
    /// The `wait` of a rule is over; the event that started it is judged again.
    WaitOver {
        rule: RuleId,
        key: String,
        wait: EventId,
        event: Box<Event>,
        /// What was counted when the wait began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// Chat has accepted a transfer; if its callback has not shown the new owner by now, Chat is asked.
    Unconfirmed { group: GroupId, to: Account, transfer: EventId },
    /// The same for a room.
    RoomUnconfirmed { room: RoomId, kind: RoomKind, to: Account, transfer: EventId },
    /// A scheduled rule goes on with the groups behind this one (`None`: from the first).
    Sweep { rule: RuleId, due: Timestamp, after: Option<GroupId> },
}

impl Timer {
    /// The sanction that it is for: group, member, kind and id.
    pub fn sanction(&self) -> Option<(&GroupId, &Account, SanctionKind, &EventId)> {
        match self {
            Self::SanctionEnd { group, member, kind, sanction }
            | Self::SanctionRenewal { group, member, kind, sanction }
            | Self::SanctionLate { group, member, kind, sanction } => {
                Some((group, member, *kind, sanction))
            }
            Self::WaitOver { .. }
            | Self::Unconfirmed { .. }
            | Self::RoomUnconfirmed { .. }
            | Self::Sweep { .. } => None,
        }
    }
}

/// Where order holds: everything of one lane is decided and delivered one after the other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(Arc<str>);

impl Lane {
    /// The lane of a group.
    pub fn group(group: &GroupId) -> Self {
        Self(format!("g:{group}").into())
    }

    /// The lane of a room.
    pub fn room(room: &RoomId) -> Self {
        Self(format!("r:{room}").into())
    }

    /// The lane of a user outside groups.
    pub fn account(account: &Account) -> Self {
        Self(format!("u:{account}").into())
    }

    /// The lane of what belongs to the whole app.
    pub fn app() -> Self {
        Self("app".into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Lane {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Event {
    /// An event with nothing but what every event has.
    pub fn new(id: EventId, cause: Cause, time: Timestamp, command: &str) -> Self {
        Self {
            id,
            cause,
            time,
            command: command.to_owned(),
            platform: String::new(),
            by_bot: false,
            found: false,
            group: None,
            group_type: None,
            operator: None,
            member: None,
            receiver: None,
            room: None,
            message: None,
            fields: BTreeMap::new(),
        }
    }

    /// The event's kind, if rules can name it.
    pub fn kind(&self) -> Option<EventKind> {
        match self.cause {
            Cause::Kind(kind) => Some(kind),
            _ => None,
        }
    }

    /// The name that traces and conditions use.
    pub fn name(&self) -> &'static str {
        match &self.cause {
            Cause::Kind(kind) => kind.name(),
            Cause::Schedule { .. } => "schedule",
            Cause::Timer(_) => "timer",
            Cause::Settled { .. } => "settled",
            Cause::Seen(_) => "seen",
            Cause::Released(_) => "released",
            Cause::Discarded(_) => "discarded",
            Cause::Lifted { .. } => "lifted",
            Cause::Extended { .. } => "extended",
            Cause::Retried { .. } => "retried",
            Cause::Dropped(_) => "dropped",
            Cause::TakenForDone { .. } => "taken_for_done",
        }
    }

    /// The names of what rules do not listen to.
    pub const UNHEARD: [&str; 11] = [
        "schedule",
        "timer",
        "settled",
        "seen",
        "released",
        "discarded",
        "lifted",
        "extended",
        "retried",
        "dropped",
        "taken_for_done",
    ];

    /// The lane in which it is decided: of what concerns an effect, the effect's own.
    pub fn lane(&self) -> Lane {
        if let Cause::Settled { effect, .. }
        | Cause::Retried { effect, .. }
        | Cause::TakenForDone { effect, .. }
        | Cause::Dropped(effect) = &self.cause
        {
            effect.lane.clone()
        } else if let Some(group) = &self.group {
            Lane::group(group)
        } else if let Some(room) = &self.room {
            Lane::room(&room.id)
        } else if let Some(member) = &self.member {
            Lane::account(member)
        } else {
            Lane::app()
        }
    }
}
