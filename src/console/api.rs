//! `/api/v1`: what stands in the store, as JSON.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Console;
use super::answers::{listed, problem};
use crate::decision::StateValue;
use crate::ledger::{self, Kind, TimerRecord};
use crate::store::{Store, StoreError};

/// Entries of one answer, at most.
pub(super) const MOST: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default = "hundred")]
    limit: usize,
    /// The `place` of the last entry of the page before this one.
    pub(super) after: Option<String>,
}

pub(super) fn hundred() -> usize {
    100
}

impl Page {
    pub(super) fn limit(&self) -> usize {
        self.limit.clamp(1, MOST)
    }
}

pub(super) async fn ready(State(console): State<Console>) -> Response {
    let trouble = console.status.not_ready();
    if trouble.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", trouble.join("\n"))).into_response()
}

pub(super) async fn metrics(State(console): State<Console>) -> Response {
    let kind = [("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, console.status.metrics()).into_response()
}

pub(super) async fn rules(State(console): State<Console>) -> Response {
    Json(console.status.rules()).into_response()
}

pub(super) async fn reload(State(console): State<Console>) -> Response {
    match console.status.reload().await {
        Ok(told) => Json(json!({ "reloaded": told })).into_response(),
        Err(trouble) => problem(StatusCode::CONFLICT, &trouble).into_response(),
    }
}

/// All records of a kind, in the order of their keys.
pub(super) fn records<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    limit: usize,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let (from, to) = ledger::prefix(kind);
    let entries = store.scan(&from, &to, limit)?;
    entries
        .into_iter()
        .map(|(key, bytes)| {
            let record = ledger::decode(&key, &bytes)?;
            Ok((key, record))
        })
        .collect()
}

/// What stands still until a person has mended something: a command, or `all`.
pub(super) async fn stopped(State(console): State<Console>) -> Response {
    let each = console.status.stopped().into_iter().map(|stopped| {
        json!({
            "command": stopped.what.name(),
            "since": stopped.since.to_string(),
            "trouble": stopped.trouble,
            "next_try": stopped.next_try.to_string(),
        })
    });
    listed(Ok(each.collect::<Vec<_>>()))
}

pub(super) async fn groups(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let list = records::<StateValue>(&*console.store, Kind::Group, page.limit());
    listed(list.map(|list| {
        let each = list.into_iter().filter_map(|(key, value)| {
            let StateValue::Group(group) = value else { return None };
            Some(json!({ "group": ledger::group_of(&key), "record": group }))
        });
        each.collect::<Vec<_>>()
    }))
}

pub(super) async fn timers(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let list = records::<TimerRecord>(&*console.store, Kind::Timer, page.limit());
    listed(list.map(|list| {
        let due = |key: &[u8]| ledger::time_of(key).map(|time| time.to_string());
        let each =
            list.iter().map(|(key, record)| json!({ "due": due(key), "timer": record.timer }));
        each.collect::<Vec<_>>()
    }))
}

/// A page that a person can read, until there is a better one.
pub(super) async fn overview(State(console): State<Console>) -> Response {
    let rules = console.status.rules();
    let trouble = console.status.not_ready();
    let state = match (trouble.is_empty(), &rules.trouble) {
        (true, None) => "ready".to_owned(),
        (true, Some(_)) => {
            "ready, with the last good rules: those on disk are wrong (see below)".to_owned()
        }
        (false, _) => trouble.join("; "),
    };
    let mut text = format!(
        "Groupkeeper: {state}\n\n{} rules from {}, version {}, loaded {}\n",
        rules.rules.len(),
        rules.directory,
        rules.version,
        rules.loaded_at
    );
    for rule in &rules.rules {
        let title = rule.title.as_deref().unwrap_or("");
        text.push_str(&format!("  {:<28} {:<8} {title}\n", rule.id, rule.mode));
    }
    if let Some(trouble) = &rules.trouble {
        let since = &trouble.since;
        text.push_str(&format!(
            "\nNot in force since {since}: the rules on disk\n{}\n",
            trouble.text
        ));
    }
    for stopped in console.status.stopped() {
        text.push_str(&format!(
            "\nStopped since {} ({}), next try {}:\n  {}\n",
            stopped.since,
            stopped.what.name(),
            stopped.next_try,
            stopped.trouble
        ));
    }
    text.push_str(
        "\nMore: /api/v1/rules /api/v1/events /api/v1/journal /api/v1/outbox /api/v1/stopped \
         /api/v1/held /api/v1/dead /api/v1/quarantine \
         /api/v1/sanctions \
         /api/v1/groups /api/v1/reconcile /api/v1/timers /metrics\n",
    );
    text.into_response()
}
