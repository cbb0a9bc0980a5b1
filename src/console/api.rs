//! `/api/v1`: what stands in the store, as JSON.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::answers::{listed, problem};
use crate::decision::StateValue;
use crate::ledger::{self, DeadLetter, JournalEntry, Kind, Pending, TimerRecord};
use crate::store::{Store, StoreError};

/// Entries of one answer, at most.
const MOST: usize = 1_000;
/// Journal entries that are looked through for one event.
const JOURNAL_PAGE: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default = "hundred")]
    limit: usize,
}

fn hundred() -> usize {
    100
}

impl Page {
    fn limit(&self) -> usize {
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
fn records<T: serde::de::DeserializeOwned>(
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

pub(super) async fn outbox(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let list = records::<Pending>(&*console.store, Kind::Outbox, page.limit());
    listed(
        list.map(|list| list.iter().map(|(_, pending)| pending_json(pending)).collect::<Vec<_>>()),
    )
}

fn pending_json(pending: &Pending) -> Value {
    let effect = &pending.effect;
    json!({
        "id": effect.id,
        "what": effect.act.to_string(),
        "rule": effect.rule,
        "event": effect.event,
        "created": effect.created.to_string(),
        "tries": pending.tries,
        "not_before": (!pending.trouble.is_empty()).then(|| pending.not_before.to_string()),
        "trouble": pending.trouble,
    })
}

pub(super) async fn dead(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let list = records::<DeadLetter>(&*console.store, Kind::Dead, page.limit());
    listed(list.map(|list| {
        let each = list.iter().map(|(_, letter)| {
            let mut value = pending_json(&letter.pending);
            value["given_up"] = json!(letter.at.to_string());
            value["why"] = json!(letter.why);
            value
        });
        each.collect::<Vec<_>>()
    }))
}

pub(super) async fn sanctions(
    State(console): State<Console>,
    Query(page): Query<Page>,
) -> Response {
    let list = records::<StateValue>(&*console.store, Kind::Sanction, page.limit());
    listed(list.map(|list| {
        let each = list.into_iter().filter_map(|(key, value)| {
            let StateValue::Sanction(sanction) = value else { return None };
            let parts = ledger::texts_of(&key);
            Some(json!({
                "group": parts.first(),
                "member": parts.get(1),
                "kind": parts.get(2),
                "from": sanction.from.to_string(),
                "until": sanction.until.map(|until| until.to_string()),
                "reason": sanction.reason,
                "rule": sanction.rule,
                "event": sanction.event,
                "ending": sanction.ending,
            }))
        });
        each.collect::<Vec<_>>()
    }))
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

/// The newest decisions, newest first.
pub(super) async fn events(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    listed(newest(&*console.store, page.limit()))
}

fn newest(store: &dyn Store, limit: usize) -> Result<Vec<Value>, StoreError> {
    let mut last = std::collections::VecDeque::with_capacity(limit);
    each_entry(store, |entry| {
        if last.len() == limit {
            last.pop_front();
        }
        last.push_back(entry_json(&entry));
        true
    })?;
    Ok(last.into_iter().rev().collect())
}

/// One decision with its whole trace.
pub(super) async fn event(State(console): State<Console>, Path(id): Path<String>) -> Response {
    let mut found = None;
    let searched = each_entry(&*console.store, |entry| {
        if entry.id.as_str() == id {
            found = Some(entry_json(&entry));
        }
        found.is_none()
    });
    match (searched, found) {
        (Ok(()), Some(entry)) => Json(entry).into_response(),
        (Ok(()), None) => {
            let text = format!(
                "the journal holds no event {id}: nothing followed from it, or it is too old"
            );
            problem(StatusCode::NOT_FOUND, &text).into_response()
        }
        (Err(error), _) => listed::<()>(Err(error)),
    }
}

/// Walks through the journal, oldest first, until told to stop.
fn each_entry(
    store: &dyn Store,
    mut see: impl FnMut(JournalEntry) -> bool,
) -> Result<(), StoreError> {
    let (mut from, to) = ledger::prefix(Kind::Journal);
    loop {
        let page = store.scan(&from, &to, JOURNAL_PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = ledger::after(last);
        for (key, bytes) in &page {
            if !see(ledger::decode(key, bytes)?) {
                return Ok(());
            }
        }
    }
}

fn entry_json(entry: &JournalEntry) -> Value {
    let rules = entry.trace.rules.iter().map(
        |trace| json!({ "rule": trace.rule, "event": trace.event, "why": trace.why.to_string() }),
    );
    json!({
        "id": entry.id,
        "at": entry.at.to_string(),
        "event": entry.event,
        "group": entry.group,
        "member": entry.member,
        "rules_version": entry.rules,
        "rules": rules.collect::<Vec<_>>(),
        "notes": entry.trace.notes,
        "effects": entry.effects,
        "outcome": entry.outcome,
    })
}

/// A page that a person can read, until there is a better one.
pub(super) async fn overview(State(console): State<Console>) -> Response {
    let rules = console.status.rules();
    let trouble = console.status.not_ready();
    let state = if trouble.is_empty() { "ready".to_owned() } else { trouble.join("; ") };
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
    text.push_str(
        "\nMore: /api/v1/rules /api/v1/events /api/v1/outbox /api/v1/dead /api/v1/sanctions \
         /api/v1/groups /api/v1/timers /metrics\n",
    );
    text.into_response()
}
