//! The state that decisions read and change: which keys there are, and what stands under each.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::EventId;
use crate::chat::{Account, GroupId, GroupType, Role, RoomId};
use crate::clock::Timestamp;
use crate::rule::model::MemoryKey;
use crate::rule::{EventKind, RuleId};

/// Where one piece of state stands. A rule's pieces carry its id, so that editing one rule touches no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// The mirror of a group.
    Group(GroupId),
    /// The mirror of a member.
    Member(GroupId, Account),
    /// The mirror of a room.
    Room(RoomId),
    /// Times of the events that a rule counts, for one `each` key.
    Counter(RuleId, String),
    /// Until when a rule is quiet, for one `each` key.
    Cooldown(RuleId, String),
    /// That (and until when) a rule has acted once, for one `each` key.
    Once(RuleId, String),
    /// The wait that runs for a rule and its `each` key.
    Wait(RuleId, String),
    /// How far up the ladder a member is, for the step at this position of a rule.
    Ladder(RuleId, usize, GroupId, Account),
    /// The live sanction of a member: at most one of each kind.
    Sanction(GroupId, Account, SanctionKind),
    /// The last firing of a schedule.
    Fired(RuleId),
    /// What rules remember under a name, for one `each` key.
    Memory(MemoryKey, String),
    /// How much a rule (`None`: all rules together) has done of late.
    Limit(Option<RuleId>),
    /// How a field of a group (its member is [`Account::everybody`]) or of a member changed of late.
    Changes(GroupId, ChangedField, Account),
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateValue {
    Group(GroupRecord),
    Member(MemberRecord),
    Room(RoomRecord),
    Times(Times),
    Until(Option<Timestamp>),
    Wait {
        wait: EventId,
        due: Timestamp,
        /// What it waits after, so that the opposite can end it. Absent in records of old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<EventKind>,
        /// The owner whom Chat still names, and whose account is gone: this one does not end it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<Account>,
    },
    Ladder {
        step: usize,
        at: Timestamp,
    },
    Sanction(Sanction),
    Fired {
        at: Timestamp,
    },
    Memory {
        value: String,
        until: Option<Timestamp>,
    },
    Limit(Spent),
    Changes(Changes),
}

/// A field that two can change back and forth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangedField {
    Role,
    NameCard,
    Mute,
    Ban,
    MuteAll,
    Owner,
    GroupName,
    Introduction,
    Notification,
    Join,
}

impl ChangedField {
    /// One word for keys and people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::NameCard => "name card",
            Self::Mute => "mute",
            Self::Ban => "ban",
            Self::MuteAll => "mute of everybody",
            Self::Owner => "owner",
            Self::GroupName => "name",
            Self::Introduction => "introduction",
            Self::Notification => "notification",
            Self::Join => "join option",
        }
    }
}

/// The changes of one field within the time that `[safety] loop` looks back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub recent: Vec<Change>,
    /// Until then, the bot leaves the field alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
}

/// One change of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    /// What it became; of a text, its digest.
    pub to: String,
    /// The rule that wanted it; absent for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<RuleId>,
}

/// What was done within the time of a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Slices of time by their beginning, with the number of actions in each. A slice counts until
    /// it is wholly outside the window, so that a limit is never exceeded.
    pub slices: Vec<(Timestamp, u32)>,
    /// When operators were last told that it is exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
    /// Actions of the rule that are held back and wait for an operator, whichever limit holds them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held: u32,
}

/// What we believe about a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    pub group_type: Option<GroupType>,
    pub name: String,
    pub owner: Owner,
    pub member_count: Option<i64>,
    pub created_at: Option<Timestamp>,
    /// When Chat was last asked.
    pub read_at: Option<Timestamp>,
    /// It is gone. Such a record stays only for the rules that still wait for something in it.
    #[serde(default)]
    pub dismissed: bool,
    /// When Chat was asked about it for a before callback, which could not wait for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Since when the owner is that, if we have seen it begin: nobody is blamed for the time before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_since: Option<Timestamp>,
    /// When rules last heard that this owner is inactive, or that their account is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_told: Option<Timestamp>,
    /// The transfer to the present owner, as long as neither Chat's callback nor a reading has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<EventId>,
    /// The rules that have told people that this group's owner cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_fixed: Vec<RuleId>,
    /// When we were last told, and by our clock, who owns it, what it is called, or that it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// When reconciliation began the reading that found out what no callback had told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<Timestamp>,
    /// Who was told to have left of late, and when: they have no record that could say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<(Account, Timestamp)>,
    /// When the last of those left whom `left` has no place for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// The time, by Chat's clock, of the latest callback that told who owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_told_at: Option<Timestamp>,
    /// The last reading of all members; absent as long as there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<MembersRead>,
}

impl GroupRecord {
    /// Leaves that are remembered one by one, and for how long: longer than a page of members is read.
    const LEAVES: usize = 50;
    const LEFT_OF_LATE: Duration = Duration::from_secs(60);

    /// Notes that somebody has left just now.
    pub fn note_leave(&mut self, member: &Account, now: Timestamp) {
        self.left.retain(|(_, at)| *at + Self::LEFT_OF_LATE > now);
        self.left.push((member.clone(), now));
        if self.left.len() > Self::LEAVES {
            self.left_at = Some(self.left.remove(0).1);
        }
    }

    /// When this account was last told to have left, or may have been.
    pub fn told_to_have_left(&self, member: &Account) -> Option<Timestamp> {
        let own = self.left.iter().filter(|(account, _)| account == member);
        own.map(|(_, at)| *at).max().max(self.left_at)
    }

    /// Whether a newer record says something else about what reconciliation compares.
    pub fn contradicts(&self, newer: &Self) -> bool {
        let compared = |record: &Self| (record.owner.clone(), record.dismissed, record.group_type);
        compared(self) != compared(newer) || self.name != newer.name
    }
}

/// A reading of all members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersRead {
    /// When it began.
    pub at: Timestamp,
    /// How many more members Chat counted than it listed. Another difference later means that a
    /// callback was missed.
    #[serde(default)]
    pub difference: i64,
}

/// What we believe about a room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoomRecord {
    pub owner: Owner,
    /// Who was seen entering and has not left since, the earliest first; at most [`Self::ENTERED`], and
    /// only while a rule looks for successors in rooms, or listens to `room.owner_left`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entered: Vec<(Account, Timestamp)>,
    /// The transfer to the present owner, as long as neither Chat's callback nor a reading has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<EventId>,
    /// Rules have heard that this owner has left, and they have not come back since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner_out: bool,
    /// The last day (since 1970) on which something was told of it; absent in records of old, which stay
    /// until then. No finer, so that not each event about a room is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_on: Option<i64>,
}

impl RoomRecord {
    /// A Live room can hold a hundred thousand; whoever has been there longest is among the first.
    pub const ENTERED: usize = 50;

    /// Of which nothing but the owner is known.
    pub fn owned_by(owner: Owner) -> Self {
        Self { owner, ..Self::default() }
    }
}

/// Who owns a group, as far as we know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Nobody told us yet.
    #[default]
    Unknown,
    Nobody,
    Is(Account),
}

impl Owner {
    /// From what Chat says: empty and `@TLS#NOT_FOUND` mean nobody.
    pub fn from_account(account: Option<&Account>) -> Self {
        match account {
            Some(account) if account.is_somebody() => Self::Is(account.clone()),
            _ => Self::Nobody,
        }
    }

    /// Whether it is this account.
    pub fn is(&self, account: &Account) -> bool {
        matches!(self, Self::Is(owner) if owner == account)
    }
}

/// What we believe about a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// `None`: nobody told us yet.
    pub role: Option<Role>,
    /// When Chat was last asked for it, or we have set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_at: Option<Timestamp>,
    pub joined_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_card: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Timestamp>,
    /// When Chat last told join time, name card and last message: what is missing then, is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When Chat was asked about them for a before callback, which could not wait for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When we were last told something about them, by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// When reconciliation began the reading that found out what no callback had told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<Timestamp>,
    /// They were found to have left, by a reading that began then. The record stays a while, so that a
    /// callback which is late tells nothing twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
}

impl MemberRecord {
    /// Whether they are in the group, as far as we know.
    pub fn is_present(&self) -> bool {
        self.gone_at.is_none() && self.role != Some(Role::Outside)
    }
}

/// What a sanction restrains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SanctionKind {
    Mute,
    Role,
    Ban,
    /// Of the whole group; its member is [`Account::everybody`].
    MuteAll,
}

impl SanctionKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Mute, Self::Role, Self::Ban, Self::MuteAll];
    /// Those of one member.
    pub const OF_MEMBER: [Self; 3] = [Self::Mute, Self::Role, Self::Ban];

    /// One word for keys and people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Role => "role",
            Self::Ban => "ban",
            Self::MuteAll => "mute_all",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A wanted state of a member with an end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sanction {
    /// The effect that began it; timers name it, so that a superseded one does nothing.
    pub id: EventId,
    pub from: Timestamp,
    /// `None`: for ever.
    pub until: Option<Timestamp>,
    pub time: Option<Duration>,
    pub reason: String,
    pub rule: RuleId,
    pub event: EventId,
    /// Its time is over, and Chat is being asked whether it has really ended.
    #[serde(default)]
    pub ending: bool,
    /// What a temporary role goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Role>,
    /// The temporary role itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// When Chat confirmed it, with this end. What is read from Chat before tells nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
    /// The end that Chat was told, where it takes no later one: it is renewed before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_until: Option<Timestamp>,
    /// The member is not in the group. What is left begins when they come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
    /// An operator has ended it before its time, whatever Chat was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifted: bool,
    /// How often its end was given up, to be tried again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// When operators were told that its end is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_late: Option<Timestamp>,
    /// The one that stood here before, until Chat has confirmed this one: if it never does, that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Box<Sanction>>,
    /// When its group was made, as Chat had told by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_made: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An end that is not certain so long after its time is late: people are told.
pub const LATE: Duration = Duration::from_secs(120);

impl Sanction {
    /// One that Chat ends too early is renewed at most so long before that: an outage in between does no harm.
    pub const AHEAD: Duration = Duration::from_secs(3_600);

    /// The end that Chat knows of; `None`: for ever.
    pub fn at_chat(&self) -> Option<Timestamp> {
        self.chat_until.or(self.until)
    }

    /// Whether it should have ended a while ago.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until + LATE <= now)
    }
}

/// A sanction that is to begin: whom it restrains, how, and for how long (`None`: for ever).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sanctioned {
    /// Of the effect that begins it.
    pub id: EventId,
    pub group: GroupId,
    pub member: Account,
    pub kind: SanctionKind,
    pub time: Option<Duration>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What a temporary role goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Role>,
}

/// Times in ascending order: those of a window, and no more of them than the threshold needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(pub Vec<Timestamp>);

/// The pieces of state that were loaded for one event; of each it is known whether it is there.
#[derive(Clone, Debug, Default)]
pub struct State(HashMap<StateKey, Option<StateValue>>);

impl State {
    /// Puts in what was found under a key; `None`: nothing stands there.
    pub fn insert(&mut self, key: StateKey, value: Option<StateValue>) {
        self.0.insert(key, value);
    }

    /// What was found under a key, if it was looked for.
    pub fn get(&self, key: &StateKey) -> Option<Option<&StateValue>> {
        self.0.get(key).map(Option::as_ref)
    }
}
