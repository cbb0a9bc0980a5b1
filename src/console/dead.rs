//! What was given up: shown, tried again, dropped.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::answers::problem;
use super::api::{MOST, Page};
use super::listing;
use super::lookup::Lookup;
use super::outbox::pending_json;
use crate::ledger::{DeadLetter, Kind};
use crate::pipeline::{DeadFate, DeadOrdered, Stretch, Which};
use crate::rule::RuleId;

/// `?id=…` (the beginning is enough), `?rule=…` or `?all=true`; of many, at most `limit` at once, and
/// what is left goes on with the `next` of the answer.
#[derive(Deserialize)]
pub(super) struct Meant {
    id: Option<String>,
    rule: Option<String>,
    #[serde(default)]
    all: bool,
    #[serde(default = "most")]
    limit: usize,
    next: Option<String>,
}

fn most() -> usize {
    MOST
}

pub(super) async fn list(lookup: Lookup, Query(page): Query<Page>) -> Response {
    let list = listing::page::<DeadLetter>(&lookup, Kind::Dead, &page);
    listing::answer(list, |letter| letter_json(&letter))
}

fn letter_json(letter: &DeadLetter) -> Value {
    let mut value = pending_json(&letter.pending);
    value["given_up"] = json!(letter.at.to_string());
    value["why"] = json!(letter.why);
    let hung = letter.hung.iter().map(|hung| hung.effect.act.to_string());
    value["hung"] = json!(hung.collect::<Vec<_>>());
    value
}

pub(super) async fn retry(State(console): State<Console>, Query(meant): Query<Meant>) -> Response {
    settle(&console, meant, DeadFate::Retry).await
}

pub(super) async fn done(State(console): State<Console>, Query(meant): Query<Meant>) -> Response {
    settle(&console, meant, DeadFate::TakeForDone).await
}

pub(super) async fn drop(State(console): State<Console>, Query(meant): Query<Meant>) -> Response {
    settle(&console, meant, DeadFate::Drop).await
}

async fn settle(console: &Console, meant: Meant, fate: DeadFate) -> Response {
    let which = match (meant.id, meant.rule, meant.all) {
        (Some(id), None, false) if !id.is_empty() => Which::Id(id),
        (None, Some(rule), false) => Which::Rule(RuleId::from(rule.as_str())),
        (None, None, true) => Which::All,
        _ => {
            let text = "say which: ?id=… (the beginning of an id is enough), ?rule=… or ?all=true";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    let stretch = match meant.next.as_deref().map(stretch) {
        Some(None) => {
            let text = "`next` is not what the answer before this one said";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
        Some(stretch) => stretch,
        None => None,
    };
    let limit = meant.limit.clamp(1, MOST);
    match console.pipeline.settle_dead(&which, fate, stretch, limit).await {
        Ok(DeadOrdered::Settled(letters, _)) if letters.is_empty() && meant.next.is_none() => {
            problem(StatusCode::NOT_FOUND, "nothing of that kind was given up").into_response()
        }
        Ok(DeadOrdered::Settled(letters, left)) => {
            let done = match fate {
                DeadFate::Retry => "has some tried again",
                DeadFate::TakeForDone => "takes some for done",
                DeadFate::Drop => "has dropped some",
            };
            tracing::info!(letters = letters.len(), "an operator {done} of what was given up");
            let settled: Vec<Value> = letters.iter().map(letter_json).collect();
            let next = left.map(|Stretch { from, to }| format!("{from:x}-{to:x}"));
            Json(json!({ "settled": settled, "next": next })).into_response()
        }
        Ok(DeadOrdered::Ambiguous(letters)) => {
            problem(StatusCode::CONFLICT, &candidates(&letters)).into_response()
        }
        Err(reason) => {
            tracing::error!(%reason, "dead letters could not be settled");
            problem(StatusCode::CONFLICT, &reason.0).into_response()
        }
    }
}

fn stretch(text: &str) -> Option<Stretch> {
    let (from, to) = text.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some(Stretch { from: number(from)?, to: number(to)? })
}

/// Which ones an id that is too short may mean.
fn candidates(letters: &[DeadLetter]) -> String {
    let mut text =
        "nothing was done: several ids begin so; give more of one of them, or its rule".to_owned();
    for letter in letters {
        let effect = &letter.pending.effect;
        text.push_str(&format!("\n  {}  {}", effect.id, effect.act));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_order_goes_on_is_read_back_and_anything_else_is_refused() {
        assert_eq!(stretch("1f-ff"), Some(Stretch { from: 31, to: 255 }));
        for bad in ["", "-", "1f", "x-1", "1-"] {
            assert_eq!(stretch(bad), None, "{bad}");
        }
    }
}
