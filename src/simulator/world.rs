//! The world: what exists, what waits, and what a test may look at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::asks::{Act, Answered, Suspended};
use super::callbacks::{Callback, CallbackId, Origin, asks};
use super::faults::{Fault, FaultKind, Faults, Scope};
use super::rates::{CallRecord, Rates, SlidingSecond};
use super::rooms::Room;
use super::settings::{Refusal, Settings};
use super::speaking::Silence;
use super::state::{Group, Message};
use crate::chat::{Account, GroupId, RoomId};
use crate::clock::Timestamp;

/// A Tencent Chat without IO: calls change it, callbacks and answers come out of it.
#[derive(Debug)]
pub struct World {
    pub(super) settings: Settings,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    /// What stale reads see.
    pub(super) old: Option<(BTreeMap<GroupId, Group>, BTreeMap<RoomId, Room>)>,
    /// When which group was dismissed, and whose it was.
    pub(super) gone: BTreeMap<GroupId, (Timestamp, Option<Account>)>,
    pub(super) deleted: BTreeSet<Account>,
    pub(super) offline: BTreeSet<Account>,
    pub(super) private: Vec<(Account, Message)>,
    pub(super) profiles: BTreeMap<Account, BTreeMap<String, Value>>,
    pub(super) friends: BTreeSet<(Account, Account)>,
    /// Who blocks whom.
    pub(super) blocked: BTreeSet<(Account, Account)>,
    pub(super) silences: BTreeMap<Account, Silence>,
    /// The day, how many groups it brought net, and whether that was told.
    pub(super) growth: (i64, i64, bool),
    pub(super) queue: Vec<Callback>,
    pub(super) suspended: BTreeMap<CallbackId, Suspended>,
    pub(super) unanswered_commands: BTreeMap<CallbackId, String>,
    pub(super) outcomes: BTreeMap<CallbackId, Answered>,
    pub(super) complaints: Vec<String>,
    pub(super) faults: Faults,
    pub(super) rates: Rates,
    pub(super) messages_per_second: BTreeMap<GroupId, SlidingSecond>,
    pub(super) calls: Vec<CallRecord>,
    now: Timestamp,
    counter: u64,
}

impl World {
    /// An app without groups.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            groups: BTreeMap::new(),
            rooms: BTreeMap::new(),
            old: None,
            gone: BTreeMap::new(),
            deleted: BTreeSet::new(),
            offline: BTreeSet::new(),
            private: Vec::new(),
            profiles: BTreeMap::new(),
            friends: BTreeSet::new(),
            blocked: BTreeSet::new(),
            silences: BTreeMap::new(),
            growth: (0, 0, false),
            queue: Vec::new(),
            suspended: BTreeMap::new(),
            unanswered_commands: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            complaints: Vec::new(),
            faults: Faults::default(),
            rates: Rates::default(),
            messages_per_second: BTreeMap::new(),
            calls: Vec::new(),
            now: Timestamp::default(),
            counter: 0,
        }
    }

    /// Tells the world the time. Every call with a `now` does; it never goes back.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The latest time this world was told.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The app's configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The app's configuration, to turn switches while it runs.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A `Random` that differs from message to message, over all 32 bits.
    pub(super) fn next_random(&mut self) -> u32 {
        let bits = self.next_id().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        u32::try_from(bits >> 32).unwrap_or(u32::MAX)
    }

    /// One group, or `None` when it was never made or is dismissed.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    /// All groups, by id.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// One Conference or Live room.
    pub fn room(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.get(id)
    }

    /// All rooms, by id.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// The messages of a group, oldest first; none when it does not exist.
    pub fn messages(&self, id: &GroupId) -> &[Message] {
        self.groups.get(id).map_or(&[], |group| &group.messages)
    }

    /// Private messages that were delivered: receiver and message, oldest first.
    pub fn private_messages(&self) -> &[(Account, Message)] {
        &self.private
    }

    /// The REST calls that arrived and were answered (or deliberately not), oldest first.
    pub fn calls(&self) -> &[CallRecord] {
        &self.calls
    }

    /// Takes the recorded REST calls out.
    pub fn take_calls(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.calls)
    }

    /// The most calls of `command` (or `service/command`) that any sliding second saw.
    pub fn max_rate(&self, command: &str) -> usize {
        self.rates.highest(command)
    }

    /// Makes something go wrong from `now` on.
    pub fn inject(&mut self, now: Timestamp, fault: Fault) {
        self.inject_within(now, fault, Scope::default());
    }

    /// The same, only for some groups, for some time, or now and then.
    pub fn inject_within(&mut self, now: Timestamp, fault: Fault, scope: Scope) {
        self.tick(now);
        if matches!(fault.kind, FaultKind::StaleReads { .. }) {
            self.old = Some((self.groups.clone(), self.rooms.clone()));
        }
        self.faults.inject(now, fault, scope);
    }

    /// Ends all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.old = None;
    }

    /// Sends any callback with the given body; `CallbackCommand`, `EventTime`, `GroupId` and `Type`
    /// are added where they are missing, and no switch is looked at. An asking command waits like an
    /// act: its id is returned, and the bot's word is its `outcome`.
    pub fn emit(
        &mut self,
        now: Timestamp,
        command: &str,
        group: Option<&GroupId>,
        body: Value,
    ) -> Option<CallbackId> {
        self.tick(now);
        let operator = body["Operator_Account"].as_str().unwrap_or_default();
        let origin = Origin::client(&Account::from(operator));
        let callback = self.compose(now, command, &origin, group, body);
        let id = callback.id;
        if !self.enqueue(now, callback) || !asks(command) {
            return None;
        }
        self.suspended.insert(id, Suspended { act: Act::Emit, origin, call: None });
        Some(id)
    }

    pub(super) fn group_or_refusal(&self, id: &GroupId) -> Result<&Group, Refusal> {
        self.groups.get(id).ok_or_else(|| missing(id))
    }

    pub(super) fn group_mut_or_refusal(&mut self, id: &GroupId) -> Result<&mut Group, Refusal> {
        self.groups.get_mut(id).ok_or_else(|| missing(id))
    }
}

/// 10010, or 10015 for what can be no group id at all (33529: printable ASCII below 48 bytes).
fn missing(id: &GroupId) -> Refusal {
    let text = id.as_str();
    let valid = !text.is_empty()
        && text.len() < 96
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if valid {
        Refusal::new(10010, "the group does not exist or has been dismissed")
    } else {
        Refusal::new(10015, "invalid group id")
    }
}
