//! The last good rules in the store: what a start goes on with when the files are broken.

use crate::ledger;
use crate::rule::{self, Reading, RuleSet};
use crate::store::{Store, WriteSet};

/// Where they stand.
const LAST_GOOD: &str = "last good rules";

/// Names and texts of files.
type Sources = Vec<(String, String)>;

fn stored(store: &dyn Store) -> Option<Sources> {
    match ledger::read(store, &ledger::setting_key(LAST_GOOD)) {
        Ok(sources) => sources,
        Err(error) => {
            tracing::error!(%error, "the last good rules in the store cannot be read");
            None
        }
    }
}

/// The last good rules, if there are any and this version of the program still takes them.
pub(super) fn load(store: &dyn Store) -> Option<Reading> {
    let reading = rule::read(stored(store)?, None);
    if reading.has_errors() {
        tracing::error!("the last good rules in the store are none for this version");
        return None;
    }
    Some(reading)
}

/// Keeps rules as the last good ones, if they are not those already.
pub(super) async fn keep(store: &dyn Store, rules: &RuleSet) {
    if stored(store).is_some_and(|sources| sources == rules.sources()) {
        return;
    }
    let kept = match ledger::encode(&rules.sources()) {
        Ok(bytes) => {
            let writes = vec![(ledger::setting_key(LAST_GOOD), Some(bytes))];
            let set = WriteSet { writes, durable: true, ..WriteSet::default() };
            store.commit(set).await.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "the last good rules could not be kept: a start with broken files would fail");
    }
}
