//! What stands in the store: the keys and records of state, outbox, timers, journal and seen-marks.
//!
//! Every record is JSON with a version, so that a later version can read what an earlier one wrote,
//! and a person can read what a backup holds.

pub mod backup;
mod entry;
pub mod fsck;
pub mod journal;
mod keys;
pub mod marks;
mod quarantine;
mod records;
pub mod restore;
pub mod sanctions;
mod shape;
pub mod survey;

pub use entry::{JournalEntry, Known, TimerSet, Wanted, settled_id, timer_id};
pub use keys::{
    DAY, Kind, after, bucket_of, dead_key, group_of, held_key, index_key, index_range, journal_id,
    journal_key, journal_range, ladder_of, lane_of, members_of, outbox_key, outbox_lane, prefix,
    quarantine_key, rules_key, sanctions_of, seen_from, seen_key, seq_of, setting_key, state_key,
    texts_of, time_of, timer_id_of, timer_key, timer_moved,
};
pub use quarantine::{Kept, Quarantined};
pub use records::{DeadLetter, Pending, TimerRecord, decode, encode, outcome_words};

pub use sanctions::key_at;

use crate::chat::GroupId;
use crate::decision::state::{GroupRecord, Sanction};
use crate::decision::{Effect, StateKey, StateValue, sanction_of};
use crate::store::{Store, StoreError};

/// A key as the API names it, to go on behind it.
pub fn place_of(key: &[u8]) -> String {
    backup::hex(key)
}

/// Keys that are counted at once: as long as they are read, nobody writes.
const COUNTED: usize = 1_000;

/// How many entries stand from one key (included) to another (excluded), counted up to `most`.
///
/// # Errors
/// When the store cannot be read.
pub fn count(store: &dyn Store, from: &[u8], to: &[u8], most: usize) -> Result<usize, StoreError> {
    let (mut from, mut counted) = (from.to_vec(), 0);
    while counted < most {
        let page = store.keys(&from, to, COUNTED.min(most - counted))?;
        let Some(last) = page.last() else { break };
        from = after(last);
        counted += page.len();
    }
    Ok(counted)
}

/// Reads a record; a garbled one is an error that names its key.
pub fn read<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    match store.get(key)? {
        Some(bytes) => decode(key, &bytes).map(Some),
        None => Ok(None),
    }
}

/// What the mirror holds of a group.
///
/// # Errors
/// When the store cannot be read.
pub fn group_record(store: &dyn Store, group: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
    Ok(match read(store, &state_key(&StateKey::Group(group.clone())))? {
        Some(StateValue::Group(record)) => Some(record),
        _ => None,
    })
}

/// The sanction that runs and that an effect begins, prolongs or ends.
///
/// # Errors
/// When the store cannot be read.
pub fn live_sanction(store: &dyn Store, effect: &Effect) -> Result<Option<Sanction>, StoreError> {
    let Some(key) = sanction_of(effect) else { return Ok(None) };
    Ok(match read(store, &state_key(&key))? {
        Some(StateValue::Sanction(sanction)) => Some(sanction),
        _ => None,
    })
}
