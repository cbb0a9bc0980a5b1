//! What each kind of key must hold: reading an entry without knowing what for.

use serde::de::DeserializeOwned;

use super::journal::RulesVersion;
use super::{DeadLetter, JournalEntry, Kind, Pending, Quarantined, TimerRecord};
use crate::decision::effect::Effect;
use crate::decision::event::EventId;
use crate::decision::state::{Sanction, SanctionKind};
use crate::decision::{Held, StateKey, StateValue, Verdict};

/// An entry that was read, as far as others belong to it.
pub(super) enum Record {
    /// The journal's key that it leads to.
    Index(Vec<u8>),
    Journal(EventId),
    Timer(TimerRecord),
    Dead(u64),
    Outbox(u64, Effect),
    Wait(EventId),
    Sanction(StateKey, Sanction),
    Other,
}

/// Why an entry was not read.
pub(super) enum Misfit {
    /// No record of this version has such a key.
    Unknown,
    /// In words.
    Garbled(String),
}

/// Reads an entry, and whether its key fits it.
pub(super) fn read(key: &[u8], value: &[u8]) -> Result<Record, Misfit> {
    let kind = Kind::of(key).ok_or(Misfit::Unknown)?;
    let number = super::seq_of(key).unwrap_or_default();
    let record = match kind {
        Kind::Index => Record::Index(value.to_vec()),
        Kind::Journal => {
            let entry: JournalEntry = decode(key, value)?;
            let named = super::journal_id(key).is_some_and(|id| id == entry.id.as_str());
            fits(named && super::time_of(key) == Some(entry.at))?;
            Record::Journal(entry.id)
        }
        Kind::Timer => {
            let record: TimerRecord = decode(key, value)?;
            let due = super::time_of(key);
            fits(due.is_some_and(|due| super::timer_key(due, &record.id) == key))?;
            Record::Timer(record)
        }
        Kind::Dead => {
            let _: DeadLetter = decode(key, value)?;
            Record::Dead(number)
        }
        Kind::Held => {
            let _: Held = decode(key, value)?;
            Record::Other
        }
        Kind::Outbox => {
            let pending: Pending = decode(key, value)?;
            fits(super::outbox_key(&pending.effect.lane, number) == key)?;
            Record::Outbox(number, pending.effect)
        }
        Kind::Quarantine => {
            let kept: Quarantined = decode(key, value)?;
            fits(super::quarantine_key(&kept.id) == key)?;
            Record::Other
        }
        Kind::Rules => {
            let _: RulesVersion = decode(key, value)?;
            Record::Other
        }
        Kind::Setting => {
            let _: serde_json::Value = decode(key, value)?;
            Record::Other
        }
        Kind::Seen if value.is_empty() => Record::Other,
        Kind::Seen => {
            let _: Verdict = decode(key, value)?;
            Record::Other
        }
        _ => return state(kind, key, decode(key, value)?),
    };
    Ok(record)
}

fn state(kind: Kind, key: &[u8], value: StateValue) -> Result<Record, Misfit> {
    use StateValue as Value;
    let fitting = matches!(
        (kind, &value),
        (Kind::Group, Value::Group(_))
            | (Kind::Member, Value::Member(_))
            | (Kind::Room, Value::Room { .. })
            | (Kind::Counter, Value::Times(_))
            | (Kind::Cooldown | Kind::Once, Value::Until(_))
            | (Kind::Wait, Value::Wait { .. })
            | (Kind::Ladder, Value::Ladder { .. })
            | (Kind::Sanction, Value::Sanction(_))
            | (Kind::Fired, Value::Fired { .. })
            | (Kind::Memory, Value::Memory { .. })
            | (Kind::Limit, Value::Limit(_))
            | (Kind::Changes, Value::Changes(_))
    );
    fits(fitting)?;
    Ok(match value {
        Value::Wait { wait, .. } => Record::Wait(wait),
        Value::Sanction(sanction) => {
            let place = sanction_place(key).ok_or_else(misplaced)?;
            Record::Sanction(place, sanction)
        }
        _ => Record::Other,
    })
}

fn sanction_place(key: &[u8]) -> Option<StateKey> {
    let parts = super::texts_of(key);
    let [group, member, kind] = parts.as_slice() else { return None };
    let kind = SanctionKind::ALL.into_iter().find(|known| known.name() == kind)?;
    Some(StateKey::Sanction(group.as_str().into(), member.as_str().into(), kind))
}

fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, Misfit> {
    super::decode(key, value).map_err(|error| Misfit::Garbled(error.0))
}

fn fits(fits: bool) -> Result<(), Misfit> {
    if fits { Ok(()) } else { Err(misplaced()) }
}

fn misplaced() -> Misfit {
    Misfit::Garbled("the record does not belong under this key".to_owned())
}
