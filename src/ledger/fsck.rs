//! Looking over a whole store: whether each record can be read, and whether those that belong together
//! are all there.

use std::collections::{BTreeMap, HashSet};
use std::io;

use serde_json::json;

use super::backup::written;
use super::shape::{self, Record};
use super::{Kind, TimerRecord};
use crate::clock::Timestamp;
use crate::decision::event::{EventId, Timer};
use crate::decision::state::Sanction;
use crate::decision::{StateKey, StateValue, sanction_of};
use crate::store::{MAX_KEY, Store, StoreError, Write as Change, WriteSet};

const PAGE: usize = 500;
const END: [u8; MAX_KEY + 1] = [0xff; MAX_KEY + 1];

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `sanction`, `outbox`, …
    pub kind: &'static str,
    /// Where, as a backup writes keys.
    pub key: String,
    pub what: String,
    pub repair: Repair,
}

/// What can be done about it with certainty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// A person has to look.
    None,
    /// The record is moved to a file.
    Aside(Vec<u8>),
    /// These changes; in words what they do.
    Changes(&'static str, Vec<Change>),
    /// What belongs to no entry is taken out.
    LoosePieces,
}

impl Repair {
    /// In words: what `--repair` does.
    pub fn words(&self) -> &'static str {
        match self {
            Self::None => "nothing that would be certain: a person has to look",
            Self::Aside(_) => "moves it to a file",
            Self::Changes(words, _) => words,
            Self::LoosePieces => "takes them out",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub entries: u64,
    pub findings: Vec<Finding>,
}

/// What has been read so far and others may belong to.
#[derive(Default)]
struct Seen {
    /// The sanctions and waits whose end is set.
    timers: HashSet<EventId>,
    /// The sanctions that will be renewed before Chat ends them.
    renewals: HashSet<EventId>,
    /// The sanctions about which something is still to be sent.
    owed: HashSet<StateKey>,
    /// Numbers of what was given up, which is not to be in the outbox as well.
    dead: HashSet<u64>,
}

/// Reads everything. `progress` hears now and then how many entries that were.
///
/// # Errors
/// When the store cannot be read at all.
pub fn examine(store: &dyn Store, mut progress: impl FnMut(u64)) -> Result<Report, StoreError> {
    let (mut report, mut seen, mut from) = (Report::default(), Seen::default(), Vec::new());
    loop {
        let page = store.keys(&from, &END, PAGE)?;
        let Some(last) = page.last() else { break };
        from = super::after(last);
        for key in &page {
            report.entries += 1;
            if let Some((what, repair)) = one(store, key, &mut seen)? {
                let kind = Kind::of(key).map_or("unknown", Kind::name);
                report.findings.push(Finding { kind, key: written(key), what, repair });
            }
        }
        progress(report.entries);
    }
    let loose = store.loose_pieces(false)?;
    if loose > 0 {
        let what = format!("{loose} pieces of values belong to no record");
        let repair = Repair::LoosePieces;
        report.findings.push(Finding { kind: "store", key: String::new(), what, repair });
    }
    Ok(report)
}

/// What is wrong with one entry, and what can be done.
fn one(
    store: &dyn Store,
    key: &[u8],
    seen: &mut Seen,
) -> Result<Option<(String, Repair)>, StoreError> {
    let value = match store.get(key) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(error) => return Ok(Some((error.0, Repair::Aside(key.to_vec())))),
    };
    let record = match shape::read(key, &value) {
        Ok(record) => record,
        Err(shape::Misfit::Unknown) => {
            let what = "no record of this version has such a key".to_owned();
            return Ok(Some((what, Repair::None)));
        }
        Err(shape::Misfit::Garbled(what)) => return Ok(Some((what, Repair::Aside(key.to_vec())))),
    };
    match record {
        Record::Index(place) => index(store, key, &place),
        Record::Journal(id) => journal(store, key, &id),
        Record::Timer(record) => {
            match &record.timer {
                Timer::SanctionEnd { sanction, .. } => seen.timers.insert(sanction.clone()),
                Timer::WaitOver { wait, .. } => seen.timers.insert(wait.clone()),
                Timer::SanctionRenewal { sanction, .. } => seen.renewals.insert(sanction.clone()),
                // None of these ends anything by itself.
                Timer::SanctionLate { .. }
                | Timer::Unconfirmed { .. }
                | Timer::RoomUnconfirmed { .. }
                | Timer::Sweep { .. } => false,
            };
            Ok(None)
        }
        Record::Dead(number) => {
            seen.dead.insert(number);
            Ok(None)
        }
        Record::Outbox(number, effect) => {
            seen.owed.extend(sanction_of(&effect));
            let twice =
                || ("it was given up, and is in the outbox as well".to_owned(), Repair::None);
            Ok(seen.dead.contains(&number).then(twice))
        }
        Record::Wait(id) if !seen.timers.contains(&id) => {
            let words = "takes the wait out, so that the rule can begin another one";
            let changes = Repair::Changes(words, vec![(key.to_vec(), None)]);
            Ok(Some(("the wait has no timer, and would never be over".to_owned(), changes)))
        }
        Record::Sanction(place, sanction) => match not_renewed(&place, &sanction, seen)? {
            None => sanction_ends(key, place, sanction, seen),
            found => Ok(found),
        },
        Record::Wait(_) | Record::Other => Ok(None),
    }
}

fn index(
    store: &dyn Store,
    key: &[u8],
    place: &[u8],
) -> Result<Option<(String, Repair)>, StoreError> {
    // Whether it can be read is another finding.
    if !store.keys(place, &super::after(place), 1)?.is_empty() {
        return Ok(None);
    }
    let repair = Repair::Changes("takes it out of the index", vec![(key.to_vec(), None)]);
    Ok(Some(("the index names an event that the journal does not hold".to_owned(), repair)))
}

fn journal(
    store: &dyn Store,
    key: &[u8],
    id: &EventId,
) -> Result<Option<(String, Repair)>, StoreError> {
    let place = super::index_key(id.as_str());
    if store.get(&place).is_ok_and(|found| found.is_some()) {
        return Ok(None);
    }
    let changes = vec![(place, Some(key.to_vec()))];
    let what = "the journal holds an event that the index does not name".to_owned();
    Ok(Some((what, Repair::Changes("puts it into the index", changes))))
}

/// One that goes on for longer than Chat takes at once is told to Chat again, or ends there too soon.
fn not_renewed(
    place: &StateKey,
    sanction: &Sanction,
    seen: &Seen,
) -> Result<Option<(String, Repair)>, StoreError> {
    let Some(chat_until) = sanction.chat_until else { return Ok(None) };
    let StateKey::Sanction(group, member, kind) = place else { return Ok(None) };
    let rests = sanction.ending || sanction.away;
    if rests || seen.renewals.contains(&sanction.id) || seen.owed.contains(place) {
        return Ok(None);
    }
    let what = format!("Chat ends it {chat_until}, and it has no timer to be renewed by");
    let id = sanction.id.derive("its renewal, set again");
    let (group, member, kind) = (group.clone(), member.clone(), *kind);
    let timer = Timer::SanctionRenewal { group, member, kind, sanction: sanction.id.clone() };
    let record = super::encode(&TimerRecord { id: id.clone(), timer })?;
    let place = super::timer_key((chat_until - Sanction::AHEAD).max(Timestamp(0)), &id);
    let repair = Repair::Changes("sets its timer again", vec![(place, Some(record))]);
    Ok(Some((what, repair)))
}

/// A sanction ends by its timer, or, where that was, by an effect that ends it.
fn sanction_ends(
    key: &[u8],
    place: StateKey,
    sanction: Sanction,
    seen: &Seen,
) -> Result<Option<(String, Repair)>, StoreError> {
    let Some(until) = sanction.until else { return Ok(None) };
    let what = match sanction.ending {
        false if seen.timers.contains(&sanction.id) => return Ok(None),
        false => format!("it should end {until}, and has no timer"),
        // While it is being ended, a timer leaves it alone.
        true if seen.owed.contains(&place) => return Ok(None),
        true => "its time is over, and nothing is left that would end it".to_owned(),
    };
    let StateKey::Sanction(group, member, kind) = place else { return Ok(None) };
    let id = sanction.id.derive("its end, set again");
    let timer = Timer::SanctionEnd { group, member, kind, sanction: sanction.id.clone() };
    let record = TimerRecord { id: id.clone(), timer };
    let anew = StateValue::Sanction(Sanction { ending: false, ..sanction });
    let changes = vec![
        (super::timer_key(until.max(Timestamp(0)), &id), Some(super::encode(&record)?)),
        (key.to_vec(), Some(super::encode(&anew)?)),
    ];
    Ok(Some((what, Repair::Changes("sets its timer again", changes))))
}

impl Report {
    /// How many findings of each kind there are.
    pub fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for finding in &self.findings {
            *kinds.entry(finding.kind).or_default() += 1;
        }
        kinds
    }

    /// Does what is certain, in one commit. What cannot be read is given to `aside` first, one JSON
    /// object on each line; when that returns, the disk must have it. Says how many findings that were.
    ///
    /// # Errors
    /// When `aside` or the store does not take it; then the store is as it was.
    pub async fn repair(
        &self,
        store: &dyn Store,
        aside: impl FnOnce(&str) -> io::Result<()>,
    ) -> Result<usize, StoreError> {
        let mut lines = String::new();
        let (mut repaired, mut set) = (0, WriteSet { durable: true, ..WriteSet::default() });
        for finding in &self.findings {
            match &finding.repair {
                Repair::None => continue,
                Repair::Aside(key) => {
                    lines.push_str(&format!("{}\n", set_aside(store, key, finding)));
                    set.writes.push((key.clone(), None));
                }
                Repair::Changes(_, changes) => set.writes.extend(changes.iter().cloned()),
                Repair::LoosePieces => {}
            }
            repaired += 1;
        }
        if !lines.is_empty() {
            aside(&lines).map_err(|error| not_aside(&error))?;
        }
        store.commit(set).await.map_err(|error| StoreError(error.to_string()))?;
        if self.findings.iter().any(|finding| finding.repair != Repair::None) {
            // Records that were taken out may leave some behind, too.
            store.loose_pieces(true)?;
        }
        Ok(repaired)
    }
}

/// A record as it is moved to a file; of a value that is not whole, what is left of it.
fn set_aside(store: &dyn Store, key: &[u8], finding: &Finding) -> serde_json::Value {
    use base64::Engine as _;
    let encoded = |bytes: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(bytes);
    let Finding { kind, key: named, what, .. } = finding;
    let mut line = json!({ "kind": kind, "key": named, "what": what });
    match store.get(key).ok().flatten() {
        Some(value) => line["base64"] = encoded(value).into(),
        None => {
            let remains = store.remains(key).into_iter().map(encoded);
            line["pieces_base64"] = remains.collect::<Vec<_>>().into();
        }
    }
    line
}

fn not_aside(error: &io::Error) -> StoreError {
    StoreError(format!("what cannot be read could not be written down, and stays: {error}"))
}
