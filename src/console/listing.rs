//! Lists a page at a time: each entry with its `place`, and how many there are in all.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{listed, problem};
use super::api::Page;
use crate::ledger::{self, Kind};
use crate::store::{Store, StoreError};

/// Says how many entries there are, on this page and others.
const TOTAL: &str = "x-total-count";
/// Beyond so many, they are not counted.
const COUNTED: usize = 100_000;

/// One page; what cannot be read stands there as such, and hides nothing else.
pub(super) struct Listing<T> {
    pub(super) entries: Vec<(Vec<u8>, Result<T, StoreError>)>,
    total: usize,
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
    let total = store.keys(&first, &to, COUNTED).map_err(NoPage::Store)?.len();
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
    ([(TOTAL, list.total.to_string())], listed(Ok(entries))).into_response()
}
