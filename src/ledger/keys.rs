//! Keys: a letter for the kind of record, then its parts, in an order that scans can use.

use crate::chat::GroupId;
use crate::clock::Timestamp;
use crate::decision::event::EventId;
use crate::decision::{Lane, StateKey};

/// One day in milliseconds.
pub const DAY: i64 = 86_400_000;

/// The kinds of records, by the first byte of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Cooldown = b'c',
    Dead = b'd',
    Fired = b'f',
    Group = b'g',
    Held = b'a',
    Rules = b'h',
    Index = b'i',
    Journal = b'j',
    Ladder = b'l',
    Member = b'm',
    Counter = b'n',
    Outbox = b'o',
    Quarantine = b'q',
    Once = b'1',
    Room = b'r',
    Seen = b's',
    Timer = b't',
    Setting = b'v',
    Wait = b'w',
    Sanction = b'x',
    Memory = b'y',
    Limit = b'z',
    Changes = b'u',
}

impl Kind {
    /// All kinds, with the words that people read.
    pub const ALL: [(Self, &'static str); 23] = [
        (Self::Held, "held"),
        (Self::Cooldown, "cooldown"),
        (Self::Dead, "dead letter"),
        (Self::Fired, "firing"),
        (Self::Group, "group"),
        (Self::Rules, "rules"),
        (Self::Index, "index"),
        (Self::Journal, "journal"),
        (Self::Ladder, "ladder"),
        (Self::Member, "member"),
        (Self::Counter, "counter"),
        (Self::Outbox, "outbox"),
        (Self::Quarantine, "quarantine"),
        (Self::Once, "once"),
        (Self::Room, "room"),
        (Self::Seen, "seen"),
        (Self::Timer, "timer"),
        (Self::Setting, "setting"),
        (Self::Wait, "wait"),
        (Self::Sanction, "sanction"),
        (Self::Memory, "memory"),
        (Self::Limit, "limit"),
        (Self::Changes, "changes"),
    ];

    /// The kind of the record under a key.
    pub fn of(key: &[u8]) -> Option<Self> {
        let kind = Self::ALL.into_iter().map(|(kind, _)| kind);
        kind.into_iter().find(|kind| key.starts_with(&[*kind as u8, b'/']))
    }

    /// One or two words for people.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// Builds a key out of parts that may hold any byte.
struct Key(Vec<u8>);

impl Key {
    fn new(kind: Kind) -> Self {
        Self(vec![kind as u8, b'/'])
    }

    /// A part of any content, closed by a byte pair that no content has.
    fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xFF);
            }
        }
        self.0.extend([0, 1]);
        self
    }

    /// A number whose bytes sort as it does.
    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn time(self, time: Timestamp) -> Self {
        self.number(time.0.max(0).unsigned_abs())
    }
}

/// The range of all keys of a kind: from (included) and to (excluded).
pub fn prefix(kind: Kind) -> (Vec<u8>, Vec<u8>) {
    (vec![kind as u8, b'/'], vec![kind as u8, b'/' + 1])
}

/// The smallest key behind this one: where a scan goes on.
pub fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

/// Where a piece of state stands.
pub fn state_key(key: &StateKey) -> Vec<u8> {
    match key {
        StateKey::Group(group) => Key::new(Kind::Group).text(group.as_str()),
        StateKey::Member(group, account) => {
            Key::new(Kind::Member).text(group.as_str()).text(account.as_str())
        }
        StateKey::Room(room) => Key::new(Kind::Room).text(room.as_str()),
        StateKey::Counter(rule, each) => Key::new(Kind::Counter).text(rule.as_str()).text(each),
        StateKey::Cooldown(rule, each) => Key::new(Kind::Cooldown).text(rule.as_str()).text(each),
        StateKey::Once(rule, each) => Key::new(Kind::Once).text(rule.as_str()).text(each),
        StateKey::Wait(rule, each) => Key::new(Kind::Wait).text(rule.as_str()).text(each),
        StateKey::Ladder(rule, position, group, account) => Key::new(Kind::Ladder)
            .text(rule.as_str())
            .number(*position as u64)
            .text(group.as_str())
            .text(account.as_str()),
        StateKey::Sanction(group, account, kind) => {
            Key::new(Kind::Sanction).text(group.as_str()).text(account.as_str()).text(kind.name())
        }
        StateKey::Fired(rule) => Key::new(Kind::Fired).text(rule.as_str()),
        StateKey::Memory(key, each) => Key::new(Kind::Memory).text(key).text(each),
        // The limit over all rules has no rule's name.
        StateKey::Limit(rule) => {
            Key::new(Kind::Limit).text(rule.as_ref().map_or("", |rule| rule.as_str()))
        }
        StateKey::Changes(group, field, account) => {
            Key::new(Kind::Changes).text(group.as_str()).text(account.as_str()).text(field.name())
        }
    }
    .0
}

/// The group of a mirror key.
pub fn group_of(key: &[u8]) -> Option<GroupId> {
    key.starts_with(&[Kind::Group as u8, b'/']).then(|| texts_of(key))?.pop().map(GroupId::from)
}

/// The text parts of a key that has nothing else.
pub fn texts_of(key: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = key.iter().skip(2).copied();
    while let Some(byte) = bytes.next() {
        if byte != 0 {
            part.push(byte);
        } else if bytes.next() == Some(1) {
            parts.push(String::from_utf8_lossy(&std::mem::take(&mut part)).into_owned());
        } else {
            part.push(0);
        }
    }
    parts
}

/// The rule of a ladder's key, and the step of it that is the ladder.
pub fn ladder_of(key: &[u8]) -> Option<(String, usize)> {
    let rule = key.starts_with(&[Kind::Ladder as u8, b'/']).then(|| texts_of(key))?;
    let rule = rule.into_iter().next()?;
    let from = Key::new(Kind::Ladder).text(&rule).0.len();
    let position = key.get(from..from + 8)?.try_into().ok().map(u64::from_be_bytes)?;
    Some((rule, usize::try_from(position).ok()?))
}

/// The time that begins a timer's or a journal entry's key.
pub fn time_of(key: &[u8]) -> Option<Timestamp> {
    let bytes: [u8; 8] = key.get(2..10)?.try_into().ok()?;
    i64::try_from(u64::from_be_bytes(bytes)).ok().map(Timestamp)
}

/// An effect that is not settled: by lane, then in the order of decision.
pub fn outbox_key(lane: &Lane, sequence: u64) -> Vec<u8> {
    Key::new(Kind::Outbox).text(lane.as_str()).number(sequence).0
}

/// The range of a lane's effects.
pub fn outbox_lane(lane: &Lane) -> (Vec<u8>, Vec<u8>) {
    let from = Key::new(Kind::Outbox).text(lane.as_str());
    let to = Key(from.0.clone()).number(u64::MAX);
    (from.0, to.0)
}

/// The lane of an effect in the outbox.
pub fn lane_of(key: &[u8]) -> Option<Lane> {
    let parts = key.starts_with(&[Kind::Outbox as u8, b'/']).then(|| texts_of(key))?;
    parts.into_iter().next().map(Lane::from)
}

/// The sequence number that ends an outbox or dead-letter key.
pub fn seq_of(key: &[u8]) -> Option<u64> {
    let tail = key.len().checked_sub(8).and_then(|at| key.get(at..))?;
    tail.try_into().ok().map(u64::from_be_bytes)
}

/// A dead letter, in the order of decision.
pub fn dead_key(sequence: u64) -> Vec<u8> {
    Key::new(Kind::Dead).number(sequence).0
}

/// Effects of one rule and event that are held back, in the order of decision.
pub fn held_key(sequence: u64) -> Vec<u8> {
    Key::new(Kind::Held).number(sequence).0
}

/// A timer, by the time it is due.
pub fn timer_key(due: Timestamp, id: &EventId) -> Vec<u8> {
    Key::new(Kind::Timer).time(due).text(id.as_str()).0
}

/// The same timer, due at another time.
pub fn timer_moved(key: &[u8], due: Timestamp) -> Vec<u8> {
    let mut moved = Key::new(Kind::Timer).time(due).0;
    moved.extend(key.get(10..).unwrap_or_default());
    moved
}

/// The id that ends a timer's key.
pub fn timer_id_of(key: &[u8]) -> Option<String> {
    let id = key.get(10..)?.strip_suffix(&[0, 1])?;
    String::from_utf8(id.to_vec()).ok()
}

/// What could not be decided or read.
pub fn quarantine_key(id: &EventId) -> Vec<u8> {
    Key::new(Kind::Quarantine).text(id.as_str()).0
}

/// A journal entry, by the time of its decision, then in the order of decision: many fall into one
/// millisecond, and a replay needs to know which came first.
pub fn journal_key(at: Timestamp, sequence: u64, id: &EventId) -> Vec<u8> {
    Key::new(Kind::Journal).time(at).number(sequence).text(id.as_str()).0
}

/// The id that ends a journal entry's key.
pub fn journal_id(key: &[u8]) -> Option<String> {
    let id = key.get(18..)?.strip_suffix(&[0, 1])?;
    String::from_utf8(id.to_vec()).ok()
}

/// The range of the journal from a time (included) to another (excluded).
pub fn journal_range(since: Timestamp, until: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (Key::new(Kind::Journal).time(since).0, Key::new(Kind::Journal).time(until).0)
}

/// Where it is written under which key the journal has an event.
pub fn index_key(id: &str) -> Vec<u8> {
    Key::new(Kind::Index).text(id).0
}

/// The range of the index in which ids begin with some of their digits.
pub fn index_range(digits: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = Key::new(Kind::Index).0;
    from.extend(digits.bytes());
    let mut to = from.clone();
    to.push(0xFF);
    (from, to)
}

/// A version of the rules that journal entries refer to.
pub fn rules_key(version: &str) -> Vec<u8> {
    Key::new(Kind::Rules).text(version).0
}

/// The range of a group's members in the mirror.
pub fn members_of(group: &GroupId) -> (Vec<u8>, Vec<u8>) {
    let from = Key::new(Kind::Member).text(group.as_str());
    let mut to = from.0.clone();
    to.extend([0xFF; 2]);
    (from.0, to)
}

/// The range of the sanctions of a group's members, and of everybody in it.
pub fn sanctions_of(group: &GroupId) -> (Vec<u8>, Vec<u8>) {
    let from = Key::new(Kind::Sanction).text(group.as_str());
    let mut to = from.0.clone();
    to.extend([0xFF; 2]);
    (from.0, to)
}

/// The mark that an event was seen, in a bucket ([`super::marks`]).
pub fn seen_key(bucket: u64, id: &EventId) -> Vec<u8> {
    Key::new(Kind::Seen).number(bucket).text(id.as_str()).0
}

/// The range of the marks in a bucket and in all behind it.
pub fn seen_from(bucket: u64) -> (Vec<u8>, Vec<u8>) {
    (Key::new(Kind::Seen).number(bucket).0, prefix(Kind::Seen).1)
}

/// The bucket of a mark.
pub fn bucket_of(key: &[u8]) -> Option<u64> {
    key.get(2..10)?.try_into().ok().map(u64::from_be_bytes)
}

/// Something of the service's own: the last good rules, the layout's version.
pub fn setting_key(name: &str) -> Vec<u8> {
    Key::new(Kind::Setting).text(name).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_back_from_its_key_whatever_its_bytes() {
        for id in ["@TGS#1", "34", "", "a\0b", "a\0", "\0\0x"] {
            let group = GroupId::from(id);
            assert_eq!(group_of(&state_key(&StateKey::Group(group.clone()))), Some(group));
        }
    }

    #[test]
    fn parts_with_separators_inside_do_not_collide() {
        let rule = crate::rule::RuleId::from("r");
        let key = |group: &str, account: &str| {
            state_key(&StateKey::Ladder(rule.clone(), 0, group.into(), account.into()))
        };
        assert_ne!(key("a\0\u{1}b", "c"), key("a", "b\0\u{1}c"));
    }

    #[test]
    fn the_members_of_a_group_are_all_in_its_range_and_nobody_elses() {
        let key =
            |group: &str, account: &str| state_key(&StateKey::Member(group.into(), account.into()));
        let (from, to) = members_of(&"@TGS#1".into());
        for account in ["", "ann", "\u{10FFFF}"] {
            assert!((&from..&to).contains(&&key("@TGS#1", account)), "{account:?}");
            assert!(!(&from..&to).contains(&&key("@TGS#10", account)), "{account:?}");
        }
    }

    #[test]
    fn what_is_decided_in_one_millisecond_keeps_its_order() {
        let id = |name: &str| EventId::of(&[name.as_bytes()]);
        let (first, second) = (id("b"), id("a"));
        let now = Timestamp(1_767_268_800_000);
        assert!(journal_key(now, 1, &first) < journal_key(now, 2, &second));
        assert!(journal_key(now, 9, &first) < journal_key(Timestamp(now.0 + 1), 1, &second));
    }

    #[test]
    fn effects_of_a_lane_sort_by_sequence_and_stay_inside_its_range() {
        let lane = Lane::group(&"@TGS#1".into());
        let (from, to) = outbox_lane(&lane);
        let (first, second) = (outbox_key(&lane, 9), outbox_key(&lane, 1_000));
        assert!(from < first && first < second && second < to);
        assert_eq!(seq_of(&second), Some(1_000));
        assert!(!(from..to).contains(&outbox_key(&Lane::group(&"@TGS#10".into()), 1)));
    }
}
