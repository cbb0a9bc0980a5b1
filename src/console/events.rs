//! `/api/v1/events`, `/api/v1/journal`, `/api/v1/rules/sources`: what was decided, and by which rules.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Console;
use super::answers::{listed, problem};
use super::api::{MOST, hundred};
use super::lookup::{Lookup, apart};
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::ledger::journal::{self, Filter};
use crate::ledger::{JournalEntry, journal_range};
use crate::store::{Store, StoreError};

/// Entries of which one is meant, when an id is not written out; more are not worth telling apart.
const MATCHES: usize = 10;

/// `?group=&member=&rule=&event=&happened=&acted=&since=&limit=`
#[derive(Deserialize)]
pub(super) struct Wanted {
    group: Option<GroupId>,
    member: Option<Account>,
    rule: Option<String>,
    event: Option<String>,
    #[serde(default)]
    happened: bool,
    #[serde(default)]
    acted: bool,
    since: Option<String>,
    limit: Option<usize>,
}

/// `?since=&until=`
#[derive(Deserialize)]
pub(super) struct Span {
    since: Option<String>,
    until: Option<String>,
}

fn time(text: Option<&String>, usual: Timestamp) -> Result<Timestamp, String> {
    text.map_or(Ok(usual), |text| text.parse())
}

fn refused(error: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, error).into_response()
}

/// The newest decisions that are wanted, newest first.
pub(super) async fn events(
    State(console): State<Console>,
    lookup: Lookup,
    Query(wanted): Query<Wanted>,
) -> Response {
    let since = match time(wanted.since.as_ref(), Timestamp(0)) {
        Ok(since) => since,
        Err(error) => return refused(&error),
    };
    let Wanted { group, member, rule, event, happened, acted, limit, .. } = wanted;
    let rules = console.pipeline.rules();
    let listens = rule.as_deref().and_then(|rule| rules.get(&rule.into()).cloned());
    let filter = Filter { group, member, rule, listens, event, happened, acted };
    let limit = limit.unwrap_or_else(hundred).clamp(1, MOST);
    let newest = journal::newest(&lookup, &filter, since, console.pipeline.now(), limit);
    listed(newest.map(|entries| entries.iter().map(entry_json).collect::<Vec<_>>()))
}

/// One decision with its whole trace.
pub(super) async fn event(State(console): State<Console>, Path(id): Path<String>) -> Response {
    match journal::find(&*console.store, &id, MATCHES) {
        Ok(found) if found.len() == 1 => Json(entry_json(&found[0])).into_response(),
        Ok(found) if found.is_empty() => {
            let text = format!(
                "the journal holds no event {id}: no rule looked at it (`[journal] events` says what \
                 is kept), it is older than `[journal] keep`, or came before the last `[journal] most`"
            );
            problem(StatusCode::NOT_FOUND, &text).into_response()
        }
        Ok(found) => {
            let ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
            let text = format!("several events begin with {id}: {}", ids.join(", "));
            problem(StatusCode::CONFLICT, &text).into_response()
        }
        Err(error) => listed::<()>(Err(error)),
    }
}

/// Whole entries whose ids begin with these digits.
pub(super) async fn entry(State(console): State<Console>, Path(id): Path<String>) -> Response {
    listed(journal::find(&*console.store, &id, MATCHES))
}

/// Whole entries, one JSON object on each line, oldest first.
pub(super) async fn journal(State(console): State<Console>, Query(span): Query<Span>) -> Response {
    let since = time(span.since.as_ref(), Timestamp(0));
    let until = time(span.until.as_ref(), Timestamp(i64::MAX));
    let (since, until) = match (since, until) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(error), _) | (_, Err(error)) => return refused(&error),
    };
    let (from, to) = journal_range(since, until);
    let store: Arc<dyn Store> = Arc::clone(&console.store);
    // A page is read when the one before has been taken: however long the journal, memory is bounded.
    let pages = stream::unfold(Some(from), move |from| {
        let (store, to) = (Arc::clone(&store), to.clone());
        async move {
            let from = from?;
            let page = apart(move || {
                let (entries, next) = journal::page(&*store, &from, &to)?;
                Ok((lines(&entries)?, next))
            });
            Some(match page.await {
                Ok((lines, next)) => (Ok(lines), next),
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    (Err(error), None)
                }
            })
        }
    });
    ([("content-type", "application/x-ndjson")], Body::from_stream(pages)).into_response()
}

fn lines(entries: &[JournalEntry]) -> Result<String, StoreError> {
    let mut text = String::new();
    for entry in entries {
        let line = serde_json::to_string(entry)
            .map_err(|error| StoreError(format!("an entry cannot be written: {error}")))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Rules as texts.
#[derive(Serialize)]
struct Sources {
    version: String,
    /// File name and content, in order.
    files: Vec<(String, String)>,
}

/// The files of the rules in force.
pub(super) async fn sources_in_force(State(console): State<Console>) -> Response {
    let (version, files) = console.status.sources();
    Json(Sources { version, files }).into_response()
}

/// The files of a version that the journal refers to.
pub(super) async fn sources(
    State(console): State<Console>,
    Path(version): Path<String>,
) -> Response {
    match journal::rules(&*console.store, &version) {
        Ok(Some(kept)) => Json(Sources { version, files: kept.files }).into_response(),
        Ok(None) => {
            let text = format!("no entry of the journal refers to rules of version {version}");
            problem(StatusCode::NOT_FOUND, &text).into_response()
        }
        Err(error) => listed::<()>(Err(error)),
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
        "passed_over": entry.trace.passed_over,
        "notes": entry.trace.notes,
        "effects": entry.effects,
        "outcome": entry.outcome,
    })
}
