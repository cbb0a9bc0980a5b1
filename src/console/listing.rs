//! Lists a page at a time: each entry with its `place`, and with the first page how many there are in all.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{listed, problem};
use super::api::Page;
use crate::ledger::{self, Kind};
use crate::store::{Store, StoreError};

/// Says how many entries there are, on this page and those behind it. Counted once for a list: a page further
/// on has no such header.
const TOTAL: &str = "x-total-count";
/// Beyond so many, they are not counted.
const COUNTED: usize = 100_000;

/// One page; what cannot be read stands there as such, and hides nothing else.
pub(super) struct Listing<T> {
    pub(super) entries: Vec<(Vec<u8>, Result<T, StoreError>)>,
    total: Option<usize>,
}

/// What keeps a page from being told.
pub(super) enum NoPage {
    Store(StoreError),
    /// `after` is no `place` of this list.
    Nowhere,
}

/// The records of a kind behind `after`, in the order of their keys.
pub(super) fn page<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    page: &Page,
) -> Result<Listing<T>, NoPage> {
    let (first, to) = ledger::prefix(kind);
    let from = match page.after.as_deref().map(ledger::key_at) {
        None => first.clone(),
        Some(Some(key)) if Kind::of(&key) == Some(kind) => ledger::after(&key),
        Some(_) => return Err(NoPage::Nowhere),
    };
    let entries = store.scan(&from, &to, page.limit()).map_err(NoPage::Store)?;
    let total = match page.after {
        None => Some(ledger::count(store, &first, &to, COUNTED).map_err(NoPage::Store)?),
        Some(_) => None,
    };
    let read = |(key, bytes): (Vec<u8>, Vec<u8>)| {
        let record = ledger::decode(&key, &bytes);
        (key, record)
    };
    Ok(Listing { entries: entries.into_iter().map(read).collect(), total })
}

/// The page as JSON.
pub(super) fn answer<T>(
    list: Result<Listing<T>, NoPage>,
    mut told: impl FnMut(T) -> Value,
) -> Response {
    let list = match list {
        Ok(list) => list,
        Err(NoPage::Store(error)) => return listed::<Value>(Err(error)),
        Err(NoPage::Nowhere) => {
            let text = "`after` is the `place` of an entry, as the page before this one named it";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    let each = list.entries.into_iter().map(|(key, record)| {
        let place = ledger::place_of(&key);
        let mut value = match record {
            Ok(record) => told(record),
            Err(error) => {
                json!({ "id": place, "what": "a record that cannot be read", "why": error.0 })
            }
        };
        value["place"] = json!(place);
        value
    });
    let entries: Vec<Value> = each.collect();
    let answer = listed(Ok(entries));
    match list.total {
        Some(total) => ([(TOTAL, total.to_string())], answer).into_response(),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::decision::{EventId, StateKey, StateValue};
    use crate::store::{Commit, Entry, MemoryStore, WriteSet};

    /// A store of which nobody may read much at once: whoever writes would wait.
    struct Narrow(MemoryStore);

    impl Store for Narrow {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key)
        }

        fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
            assert!(limit <= 1_000, "{limit} at once");
            self.0.scan(from, to, limit)
        }

        fn commit(&self, changes: WriteSet) -> Commit {
            self.0.commit(changes)
        }

        fn health(&self) -> Result<(), StoreError> {
            self.0.health()
        }

        fn size_on_disk(&self) -> u64 {
            0
        }
    }

    #[tokio::test]
    async fn a_long_list_is_counted_once_and_never_much_at_once() {
        let store = Narrow(MemoryStore::default());
        let value = ledger::encode(&StateValue::Fired { at: Timestamp(0) }).unwrap();
        let key = |number: usize| {
            let id = EventId::of(&[&number.to_be_bytes()]);
            ledger::state_key(&StateKey::Fired(id.as_str().into()))
        };
        let writes = (0..2_500).map(|number| (key(number), Some(value.clone()))).collect();
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        let (mut listed, mut totals, mut after) = (0, Vec::new(), None);
        loop {
            let asked = serde_json::from_value(json!({ "limit": 1_000, "after": after }));
            let Ok(list) = page::<StateValue>(&store, Kind::Fired, &asked.unwrap()) else {
                panic!("no page")
            };
            totals.push(list.total);
            listed += list.entries.len();
            let Some((last, _)) = list.entries.last() else { break };
            after = Some(ledger::place_of(last));
        }
        assert_eq!((listed, totals), (2_500, vec![Some(2_500), None, None, None]));
        let (from, to) = ledger::prefix(Kind::Fired);
        assert_eq!(ledger::count(&store, &from, &to, 1_700), Ok(1_700));
    }
}
