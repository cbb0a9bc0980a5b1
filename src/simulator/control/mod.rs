//! The control API: people and scripts act in the world over HTTP. JSON in, JSON out.
//!
//! `GET /control` lists everything; `POST /control/{act}` takes the act's fields; `GET
//! /control/state` and `GET /control/calls` look. 200 with the outcome, 409 when the simulated Chat
//! refuses, 400 when the request is wrong.

mod catalogue;
mod run;
mod words;

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::http::Shared;
use super::recording::Entry;
pub(super) use catalogue::{catalogue, verbs};
use run::{End, run, settled};
use words::Act;

/// `POST /control/{name}`: does it, and keeps it in the recording.
pub(super) async fn act(shared: &Shared, name: &str, body: &[u8]) -> (StatusCode, Value) {
    let fields = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
    let fields: Value = match fields {
        Ok(fields) => fields,
        Err(error) => return wrong(&error),
    };
    let at = shared.now();
    let act = match serde_json::from_value(json!({ name: fields })) {
        Ok(act) => act,
        Err(error) => return wrong(&error),
    };
    // Kept before it is done: what follows from it stands behind it.
    shared.record(Entry::Act { at, verb: name.to_owned(), fields });
    match act {
        Act::Clock { seconds } => skip(shared, Duration::from_secs(seconds)),
        act => perform(shared, act).await,
    }
}

async fn perform(shared: &Shared, act: Act) -> (StatusCode, Value) {
    let now = shared.now();
    let (ended, question) = {
        let mut world = shared.world();
        let ended = run(&mut world, now, act);
        // Taken under the same lock, before the delivering task can.
        let question = match &ended {
            Ok(End::Waiting(id)) => world.take_callback(*id),
            _ => None,
        };
        (ended, question)
    };
    let ended = match (ended, question) {
        (Ok(End::Waiting(_)), Some(question)) => settled(shared.settle(question).await),
        (ended, _) => ended,
    };
    shared.notify();
    match ended {
        Ok(End::Done(outcome)) => (StatusCode::OK, json!({ "outcome": outcome })),
        Ok(End::Waiting(id)) => (StatusCode::OK, json!({ "outcome": "waiting", "id": id })),
        Err(refusal) => {
            (StatusCode::CONFLICT, json!({ "code": refusal.code, "error": refusal.info }))
        }
    }
}

fn wrong(error: &serde_json::Error) -> (StatusCode, Value) {
    let help = "GET /control lists what can be done";
    (StatusCode::BAD_REQUEST, json!({ "error": error.to_string(), "help": help }))
}

fn skip(shared: &Shared, by: Duration) -> (StatusCode, Value) {
    let Some(skip) = &shared.skip else {
        let error = json!({ "error": "the clock of this simulator cannot be moved" });
        return (StatusCode::BAD_REQUEST, error);
    };
    skip(by);
    shared.notify();
    (StatusCode::OK, json!({ "outcome": "done", "now": shared.now() }))
}

/// One JSON answer.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
