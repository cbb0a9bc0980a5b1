//! Bugs, planted around the bot: ports that break one promise each. The simulation has to find them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use groupkeeper::decision::effect::Manner;
use groupkeeper::decision::event::Timer;
use groupkeeper::decision::{Event, StateKey, StateValue, Verdict};
use groupkeeper::ledger::{self, Kind, Pending, TimerRecord};
use groupkeeper::pipeline::{Door, Entering, Noting};
use groupkeeper::rest::client::{Calling, Posting, Transport};
use groupkeeper::rest::{Call, Chat, Failure};
use groupkeeper::store::{Commit, Entry, Store, StoreError, WriteSet};
use serde_json::{Value, json};

/// One bug each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Chat is told "taken" before the decision is on disk.
    AnswerBeforeCommit,
    /// Nothing marks an event as seen.
    NoSeenMark,
    /// No commit waits for the disk.
    NothingDurable,
    /// A timer ends whatever sanction runs now, not the one it was set for, and a later end is forgotten.
    TimerWithoutId,
    /// The timers of sanctions are not found again after a restart.
    EndsLostAtRestart,
    /// A lost answer is taken for a request that never left, and the effect is sent again.
    SentAgainUnverified,
    /// An effect leaves the outbox before its call goes out.
    GoneBeforeSent,
    /// After a restart, effects are taken up from the newest.
    NewestFirst,
    /// Reads are made beside the limiter, hundreds at once.
    RateIgnored,
    /// Callbacks of our own calls are not recognised.
    EchoStartsRules,
    /// An effect of a rule in shadow loses its mark.
    ShadowSends,
    /// What rules have done is not kept: `[safety] limit` always begins anew.
    LimitForgotten,
    /// Of members nothing is kept, whatever callbacks and readings tell.
    MirrorForgotten,
}

impl Mutant {
    pub const ALL: [Self; 13] = [
        Self::AnswerBeforeCommit,
        Self::NoSeenMark,
        Self::NothingDurable,
        Self::TimerWithoutId,
        Self::EndsLostAtRestart,
        Self::SentAgainUnverified,
        Self::GoneBeforeSent,
        Self::NewestFirst,
        Self::RateIgnored,
        Self::EchoStartsRules,
        Self::ShadowSends,
        Self::LimitForgotten,
        Self::MirrorForgotten,
    ];

    pub fn store(self, inner: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(WrongStore { mutant: self, inner, timers: Mutex::default() })
    }

    pub fn chat(self, inner: Arc<dyn Chat>, store: Arc<dyn Store>) -> Arc<dyn Chat> {
        Arc::new(WrongChat { mutant: self, inner, store })
    }

    pub fn wire(self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        match self {
            Self::RateIgnored => Arc::new(HastyWire(inner)),
            _ => inner,
        }
    }

    /// The promise that it breaks: what finds it begins so.
    pub fn breaks(self) -> &'static str {
        match self {
            Self::AnswerBeforeCommit => "S1",
            Self::NoSeenMark | Self::SentAgainUnverified => "S3",
            Self::NothingDurable | Self::GoneBeforeSent => "S2",
            Self::TimerWithoutId => "S9",
            Self::EndsLostAtRestart => "L2",
            Self::NewestFirst => "S7",
            Self::RateIgnored | Self::LimitForgotten => "S6",
            Self::EchoStartsRules => "S12",
            Self::ShadowSends => "S11",
            Self::MirrorForgotten => "L5",
        }
    }

    pub fn door(self, inner: Arc<dyn Door>) -> Arc<dyn Door> {
        match self {
            Self::AnswerBeforeCommit => Arc::new(HastyDoor(inner)),
            _ => inner,
        }
    }
}

struct HastyDoor(Arc<dyn Door>);

impl Door for HastyDoor {
    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        let door = self.0.clone();
        if events.iter().any(|event| event.kind().is_some_and(|kind| kind.asks())) {
            return self.0.enter(events);
        }
        tokio::spawn(async move { door.enter(events).await });
        Box::pin(async { Ok(Verdict::Allow) })
    }

    fn note(&self, event: Event, note: String) -> Noting<'_> {
        self.0.note(event, note)
    }
}

/// With each message to a group, the group is read beside all limits.
struct HastyWire(Arc<dyn Transport>);

impl Transport for HastyWire {
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
        let (from, to) = ("/send_group_msg?", "/get_group_info?");
        if !url.contains(from) {
            return self.0.post(url, body);
        }
        Box::pin(async move {
            let message: Value = serde_json::from_slice(&body).unwrap();
            let read = json!({ "GroupIdList": [message["GroupId"]] }).to_string().into_bytes();
            let reads = (0..250).map(|_| self.0.post(url.replace(from, to), read.clone()));
            futures_util::future::join_all(reads).await;
            self.0.post(url, body).await
        })
    }
}

struct WrongStore {
    mutant: Mutant,
    inner: Arc<dyn Store>,
    /// Keys of the timers that this process has set.
    timers: Mutex<BTreeSet<Vec<u8>>>,
}

fn is(kind: Kind, key: &[u8]) -> bool {
    key.first() == Some(&(kind as u8))
}

impl WrongStore {
    fn writes(&self, mut set: WriteSet) -> WriteSet {
        match self.mutant {
            Mutant::NoSeenMark => set.writes.retain(|(key, _)| !is(Kind::Seen, key)),
            Mutant::LimitForgotten => set.writes.retain(|(key, _)| !is(Kind::Limit, key)),
            Mutant::MirrorForgotten => set.writes.retain(|(key, _)| !is(Kind::Member, key)),
            Mutant::NothingDurable => set.durable = false,
            Mutant::ShadowSends => {
                for (key, value) in &mut set.writes {
                    if let (true, Some(bytes)) = (is(Kind::Outbox, key), value.as_mut()) {
                        let mut pending: Pending = ledger::decode(key, bytes).unwrap();
                        pending.effect.manner = Manner::Send;
                        *bytes = ledger::encode(&pending).unwrap();
                    }
                }
            }
            Mutant::TimerWithoutId => {
                for (key, value) in &mut set.writes {
                    if let (true, Some(bytes)) = (is(Kind::Sanction, key), value.as_mut()) {
                        *bytes = self.with_the_first_end(key, bytes);
                    }
                }
            }
            Mutant::EndsLostAtRestart => {
                let timers = set.writes.iter().filter(|(key, _)| is(Kind::Timer, key));
                self.timers.lock().unwrap().extend(timers.map(|(key, _)| key.clone()));
            }
            _ => {}
        }
        set
    }

    /// A sanction as if nobody had noticed that it begins anew: it keeps the end of the one that runs.
    fn with_the_first_end(&self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let new: StateValue = ledger::decode(key, bytes).unwrap();
        let old: Option<StateValue> = ledger::read(&*self.inner, key).unwrap();
        match (old, new) {
            (Some(StateValue::Sanction(old)), StateValue::Sanction(mut new)) => {
                if let (Some(first), Some(later)) = (old.until, new.until) {
                    new.until = Some(first.min(later));
                }
                ledger::encode(&StateValue::Sanction(new)).unwrap()
            }
            _ => bytes.to_vec(),
        }
    }

    /// The timer as if it named nothing: whatever runs now is what it ends.
    fn nameless(&self, (key, bytes): Entry) -> Entry {
        let mut record: TimerRecord = ledger::decode(&key, &bytes).unwrap();
        if let Timer::SanctionEnd { group, member, kind, sanction } = &mut record.timer {
            let place =
                ledger::state_key(&StateKey::Sanction(group.clone(), member.clone(), *kind));
            if let Ok(Some(StateValue::Sanction(live))) = ledger::read(&*self.inner, &place) {
                *sanction = live.id;
            }
        }
        (key, ledger::encode(&record).unwrap())
    }
}

impl Store for WrongStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let timers = is(Kind::Timer, from);
        match self.mutant {
            Mutant::TimerWithoutId if timers => {
                let found = self.inner.scan(from, to, limit)?;
                Ok(found.into_iter().map(|entry| self.nameless(entry)).collect())
            }
            Mutant::EndsLostAtRestart if timers => {
                let mut found = self.inner.scan(from, to, limit)?;
                let own = self.timers.lock().unwrap();
                found.retain(|(key, bytes)| {
                    let record: TimerRecord = ledger::decode(key, bytes).unwrap();
                    own.contains(key) || !matches!(record.timer, Timer::SanctionEnd { .. })
                });
                Ok(found)
            }
            Mutant::NewestFirst if is(Kind::Outbox, from) && limit == 1_000 => {
                // The walk over all of it at the start: its pages come back to front.
                if from.len() > 2 {
                    return Ok(Vec::new());
                }
                let mut found = self.inner.scan(from, to, usize::MAX)?;
                found.reverse();
                Ok(found)
            }
            _ => self.inner.scan(from, to, limit),
        }
    }

    fn commit(&self, changes: WriteSet) -> Commit {
        self.inner.commit(self.writes(changes))
    }

    fn health(&self) -> Result<(), StoreError> {
        self.inner.health()
    }

    fn size_on_disk(&self) -> u64 {
        self.inner.size_on_disk()
    }
}

struct WrongChat {
    mutant: Mutant,
    inner: Arc<dyn Chat>,
    store: Arc<dyn Store>,
}

impl WrongChat {
    /// Takes the effect whose calls carry this number out of the outbox.
    async fn forget(&self, random: u32) {
        let (from, to) = ledger::prefix(Kind::Outbox);
        let begin = format!("{random:08x}");
        for (key, bytes) in self.store.scan(&from, &to, usize::MAX).unwrap() {
            let pending: Pending = ledger::decode(&key, &bytes).unwrap();
            if pending.effect.id.as_str().starts_with(&begin) {
                let set =
                    WriteSet { writes: vec![(key, None)], durable: true, ..WriteSet::default() };
                // A full disk keeps it; that is no part of this bug.
                let _ = self.store.commit(set).await;
            }
        }
    }
}

impl Chat for WrongChat {
    fn call<'a>(&'a self, call: &'a Call, random: u32) -> Calling<'a> {
        Box::pin(async move {
            if self.mutant == Mutant::GoneBeforeSent && !call.is_read() {
                self.forget(random).await;
            }
            let mut answer = self.inner.call(call, random).await;
            if self.mutant == Mutant::SentAgainUnverified
                && let Err(error) = &mut answer
                && let Failure::Unreachable { outcome_unknown, .. } = &mut error.failure
            {
                *outcome_unknown = false;
            }
            answer
        })
    }
}
