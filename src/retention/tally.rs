//! How many entries the journal has, counted as it grows: reading all of it each time would take too long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PAGE;
use crate::clock::Timestamp;
use crate::ledger::{self, Kind};
use crate::store::{Store, StoreError, Write};

/// Younger entries are counted later: what is decided at the same time is not committed in that order.
const SETTLING: Duration = Duration::from_secs(10);
/// It is counted from the beginning this often: a clock that was set back puts entries before those that
/// were counted, and others take entries out.
const ANEW: Duration = Duration::from_secs(86_400);
/// Pages that are counted in one look.
const PAGES: usize = 1_000;

/// The name of the setting that holds it.
const NAME: &str = "journal";

/// The number of entries up to a key (included). It stands in the store, so that a start need not count
/// what was counted before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) entries: u64,
    up_to: Vec<u8>,
    /// When the counting began.
    since: Timestamp,
}

impl Tally {
    /// As it was last written down; one that cannot be read is counted anew.
    pub(super) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let key = ledger::setting_key(NAME);
        let bytes = store.get(&key)?;
        Ok(bytes.and_then(|bytes| ledger::decode(&key, &bytes).ok()).unwrap_or_default())
    }

    /// Counts what has come since, or some of it.
    pub(super) async fn go_on(
        &mut self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ahead = ledger::time_of(&self.up_to).is_some_and(|up_to| up_to > now);
        if ahead || self.since > now || self.since + ANEW <= now {
            *self = Self { since: now, ..Self::default() };
        }
        let (first, _) = ledger::prefix(Kind::Journal);
        let (to, _) = ledger::journal_range(now - SETTLING, now);
        for _ in 0..PAGES {
            let from = ledger::after(&self.up_to).max(first.clone());
            let page = store.keys(&from, &to, PAGE)?;
            self.entries += page.len() as u64;
            let full = page.len() == PAGE;
            if let Some(last) = page.into_iter().last() {
                self.up_to = last;
            }
            if !full {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// An entry goes.
    pub(super) fn without(&mut self, key: &[u8]) {
        if self.has_counted(key) {
            self.entries = self.entries.saturating_sub(1);
        }
    }

    pub(super) fn has_counted(&self, key: &[u8]) -> bool {
        key <= self.up_to.as_slice()
    }

    pub(super) fn write(&self) -> Result<Write, StoreError> {
        Ok((ledger::setting_key(NAME), Some(ledger::encode(self)?)))
    }
}
