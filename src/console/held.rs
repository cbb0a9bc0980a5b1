//! What limits hold back: shown, released, discarded.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::answers::{listed, problem};
use super::api::Page;
use crate::decision::Held;
use crate::pipeline::{Fate, Ordered, Which};
use crate::rule::RuleId;

/// `?id=…` (the beginning is enough) or `?rule=…`.
#[derive(Deserialize)]
pub(super) struct Meant {
    id: Option<String>,
    rule: Option<String>,
}

pub(super) async fn list(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let held = console.pipeline.held(page.limit());
    listed(held.map(|held| held.iter().map(held_json).collect::<Vec<_>>()))
}

pub(super) async fn release(
    State(console): State<Console>,
    Query(meant): Query<Meant>,
) -> Response {
    settle(&console, meant, Fate::Release).await
}

pub(super) async fn discard(
    State(console): State<Console>,
    Query(meant): Query<Meant>,
) -> Response {
    settle(&console, meant, Fate::Discard).await
}

async fn settle(console: &Console, meant: Meant, fate: Fate) -> Response {
    let which = match (meant.id, meant.rule) {
        (Some(id), None) if !id.is_empty() => Which::Id(id),
        (None, Some(rule)) => Which::Rule(RuleId::from(rule.as_str())),
        _ => {
            let text = "say which: ?id=… (the beginning of an id is enough) or ?rule=…";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    match console.pipeline.settle_held(&which, fate).await {
        Ok(Ordered::Settled(held)) if held.is_empty() => {
            problem(StatusCode::NOT_FOUND, "nothing of that kind is held").into_response()
        }
        Ok(Ordered::Settled(held)) => {
            Json(held.iter().map(held_json).collect::<Vec<_>>()).into_response()
        }
        Ok(Ordered::Ambiguous(held)) => {
            problem(StatusCode::CONFLICT, &candidates(&held)).into_response()
        }
        Err(reason) => {
            tracing::error!(%reason, "held effects could not be settled");
            problem(StatusCode::CONFLICT, &reason.0).into_response()
        }
    }
}

/// Which ones an id that is too short may mean.
fn candidates(held: &[Held]) -> String {
    let mut text =
        "nothing was done: several ids begin so; give more of one of them, or its rule".to_owned();
    for held in held {
        text.push_str(&format!("\n  {}  {}", held.id, held.rule));
    }
    text
}

fn held_json(held: &Held) -> Value {
    json!({
        "id": held.id,
        "rule": held.rule,
        "event": held.event.id,
        "group": held.event.group,
        "member": held.event.member,
        "since": held.at.to_string(),
        "why": held.why,
        "wants": held.effects.iter().map(|effect| effect.act.to_string()).collect::<Vec<_>>(),
    })
}
