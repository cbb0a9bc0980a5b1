//! Stores of a size, made of the service's own records.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{Act, Manner};
use groupkeeper::decision::event::{Cause, Timer};
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner, Sanction, SanctionKind};
use groupkeeper::decision::{Decision, Effect, Event, EventId, Lane, State, StateKey, StateValue};
use groupkeeper::ledger::{self, JournalEntry, Pending, TimerRecord};
use groupkeeper::rule::EventKind;
use groupkeeper::store::{SledStore, Store, WriteSet};

/// Records that are committed at once.
const BATCH: usize = 5_000;
const DAY: Duration = Duration::from_secs(86_400);

type Write = (Vec<u8>, Option<Vec<u8>>);

/// What a store holds.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    pub groups: usize,
    /// In all groups together.
    pub members: usize,
    /// Members that are muted, each with its timer: ends spread over the month from tomorrow on.
    pub mutes: usize,
    /// Members whose mutes end one after the other, ten milliseconds apart, from a time on.
    pub ending: Option<(Range<usize>, Timestamp)>,
    /// Effects that wait: name cards to be set.
    pub outbox: usize,
    /// Decisions of the last days.
    pub journal: usize,
}

impl Seed {
    /// Writes the store of a service whose folder this is.
    pub fn write(&self, folder: &Path, now: Timestamp) {
        let store = SledStore::open(folder.join("data")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut batch = Vec::with_capacity(BATCH + 2);
        let mut put = |writes: &mut dyn Iterator<Item = Write>| {
            for write in writes {
                batch.push(write);
                if batch.len() >= BATCH {
                    let writes = std::mem::take(&mut batch);
                    runtime
                        .block_on(store.commit(WriteSet { writes, ..WriteSet::default() }))
                        .unwrap();
                }
            }
        };
        put(&mut (0..self.groups).map(|number| group(number, now)));
        put(&mut (0..self.members).map(|number| member(self, number, now)));
        put(&mut (0..self.mutes).flat_map(|number| {
            let spread = DAY * 30 / u32::try_from(self.mutes).unwrap();
            mute(self, number, now, now + DAY + spread * number as u32)
        }));
        let (members, from) = self.ending.clone().unwrap_or_default();
        put(&mut members.enumerate().flat_map(|(place, number)| {
            mute(self, number, now, from + Duration::from_millis(10) * place as u32)
        }));
        put(&mut (0..self.outbox).map(|number| effect(self, number, now)));
        put(&mut (0..self.journal).flat_map(|number| journal(self, number, now)));
        let set = WriteSet { writes: batch, durable: true, ..WriteSet::default() };
        runtime.block_on(store.commit(set)).unwrap();
        drop(store);
        // Filled at this speed, a large file is sparse; the first start would write it anew.
        if self.members > 0 {
            SledStore::compact(&folder.join("data")).unwrap();
        }
    }

    /// The group of the member (or effect) with this number, and what they are called.
    fn place(&self, number: usize) -> (String, String) {
        let group = number % self.groups;
        (group_id(group), format!("member_{:010}", 1_000_000_000 + number))
    }
}

/// As the callbacks of the load name them.
fn group_id(number: usize) -> String {
    format!("@TGS#load{number:05}")
}

fn id(what: &str, number: usize) -> EventId {
    EventId::of(&[what.as_bytes(), &number.to_be_bytes()])
}

fn state(key: &StateKey, value: &StateValue) -> Write {
    (ledger::state_key(key), Some(ledger::encode(value).unwrap()))
}

fn group(number: usize, now: Timestamp) -> Write {
    let record = GroupRecord {
        group_type: Some(GroupType::Public),
        name: format!("Group {number}"),
        owner: Owner::Is("olga".into()),
        member_count: Some(100),
        created_at: Some(now - DAY * 100),
        read_at: Some(now),
        ..GroupRecord::default()
    };
    state(&StateKey::Group(group_id(number).into()), &StateValue::Group(record))
}

fn member(seed: &Seed, number: usize, now: Timestamp) -> Write {
    let (group, account) = seed.place(number);
    let record = MemberRecord {
        role: Some(Role::Member),
        joined_at: Some(now - DAY * 50),
        read_at: Some(now),
        ..MemberRecord::default()
    };
    state(&StateKey::Member(group.into(), account.into()), &StateValue::Member(record))
}

/// A sanction that Chat has confirmed, and the timer for its end.
fn mute(seed: &Seed, number: usize, now: Timestamp, until: Timestamp) -> [Write; 2] {
    let (group, account) = seed.place(number);
    let sanction = id("mute", number);
    let record = Sanction {
        id: sanction.clone(),
        from: now,
        until: Some(until),
        time: Some(until.since(now)),
        reason: "flooding".to_owned(),
        rule: "quiet-flooders".into(),
        event: id("message", number),
        ending: false,
        before: None,
        role: None,
        confirmed: Some(now),
        chat_until: None,
        away: false,
        lifted: false,
        tries: 0,
        told_late: None,
        instead_of: None,
        group_made: None,
    };
    let kind = SanctionKind::Mute;
    let key = StateKey::Sanction(group.clone().into(), account.clone().into(), kind);
    let timer = Timer::SanctionEnd { group: group.into(), member: account.into(), kind, sanction };
    let timer = TimerRecord { id: id("timer", number), timer };
    let place = ledger::timer_key(until, &timer.id);
    [state(&key, &StateValue::Sanction(record)), (place, Some(ledger::encode(&timer).unwrap()))]
}

fn effect(seed: &Seed, number: usize, now: Timestamp) -> Write {
    let (group, account) = seed.place(number);
    let lane = Lane::group(&group.clone().into());
    let act = Act::SetNameCard {
        group: group.into(),
        member: account.into(),
        text: "Anybody".to_owned(),
    };
    let effect = Effect {
        id: id("effect", number),
        lane: lane.clone(),
        act,
        rule: Some("name-cards".into()),
        event: id("join", number),
        created: now,
        manner: Manner::Send,
        then: None,
        continue_on_refusal: false,
    };
    let pending = Pending {
        effect,
        tries: 0,
        not_before: Timestamp::default(),
        perhaps_done: false,
        trouble: String::new(),
        panics: 0,
    };
    (ledger::outbox_key(&lane, number as u64 + 1), Some(ledger::encode(&pending).unwrap()))
}

/// A decision with its place in the index.
fn journal(seed: &Seed, number: usize, now: Timestamp) -> [Write; 2] {
    let (group, account) = seed.place(number);
    let at = now - DAY * 3 * (number as u32 + 1) / (seed.journal as u32 + 1);
    let cause = Cause::Kind(EventKind::MemberJoined);
    let mut event =
        Event::new(id("journal", number), cause, at, "Group.CallbackAfterNewMemberJoin");
    event.group = Some(group.into());
    event.member = Some(account.into());
    let known = ([].iter(), &State::default());
    let entry = JournalEntry::new(&event, &Decision::default(), "rules of old", at, known);
    let place = ledger::journal_key(at, number as u64, &event.id);
    [
        (ledger::index_key(event.id.as_str()), Some(place.clone())),
        (place, Some(ledger::encode(&entry).unwrap())),
    ]
}
