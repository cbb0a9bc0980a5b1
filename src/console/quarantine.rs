//! What a bug or a garbled byte keeps from being worked on: shown, tried again, dropped.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::answers::problem;
use super::api::Page;
use super::listing;
use super::lookup::Lookup;
use crate::ledger::{Kept, Kind, Quarantined};
use crate::pipeline::{DeadFate, QuarantineOrdered, Which};

/// `?id=…` (the beginning is enough) or `?all=true`.
#[derive(Deserialize)]
pub(super) struct Meant {
    id: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn list(lookup: Lookup, Query(page): Query<Page>) -> Response {
    let list = listing::page::<Quarantined>(&lookup, Kind::Quarantine, &page);
    listing::answer(list, |kept| told(&kept))
}

/// `comes_again` says that it is tried by itself, too. The event is shown without what somebody wrote.
fn told(kept: &Quarantined) -> Value {
    let mut value = json!({
        "id": kept.id,
        "what": kept.what.to_string(),
        "why": kept.why,
        "since": kept.since.to_string(),
        "last": kept.last.to_string(),
        "tries": kept.tries,
        "comes_again": kept.what.comes_again(),
    });
    match &kept.what {
        Kept::Event(event) => {
            value["event"] = json!({
                "id": event.id,
                "name": event.name(),
                "command": event.command,
                "time": event.time.to_string(),
                "group": event.group,
                "member": event.member,
                "operator": event.operator,
                "room": event.room.as_ref().map(|room| &room.id),
            });
        }
        Kept::Record { key, value: bytes } => {
            value["record"] = json!({ "key": key, "bytes": bytes.len() });
        }
    }
    value
}

pub(super) async fn retry(State(console): State<Console>, Query(meant): Query<Meant>) -> Response {
    settle(&console, meant, DeadFate::Retry).await
}

pub(super) async fn drop(State(console): State<Console>, Query(meant): Query<Meant>) -> Response {
    settle(&console, meant, DeadFate::Drop).await
}

async fn settle(console: &Console, meant: Meant, fate: DeadFate) -> Response {
    let which = match (meant.id, meant.all) {
        (Some(id), false) if !id.is_empty() => Which::Id(id),
        (None, true) => Which::All,
        _ => {
            let text = "say which: ?id=… (the beginning of an id is enough) or ?all=true";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    match console.pipeline.settle_quarantined(&which, fate).await {
        Ok(QuarantineOrdered::Settled { done, failed }) if done.is_empty() && failed.is_empty() => {
            problem(StatusCode::NOT_FOUND, "nothing of that kind is in quarantine").into_response()
        }
        Ok(QuarantineOrdered::Settled { done, failed }) => {
            let each = |list: Vec<Quarantined>| list.iter().map(told).collect::<Vec<_>>();
            Json(json!({ "settled": each(done), "failed": each(failed) })).into_response()
        }
        Ok(QuarantineOrdered::Ambiguous(found)) => {
            let mut text =
                "nothing was done: several ids begin so; give more of one of them".to_owned();
            for kept in found {
                text.push_str(&format!("\n  {}  {}", kept.id, kept.what));
            }
            problem(StatusCode::CONFLICT, &text).into_response()
        }
        Err(reason) => {
            tracing::error!(%reason, "the quarantine could not be settled");
            problem(StatusCode::CONFLICT, &reason.0).into_response()
        }
    }
}
