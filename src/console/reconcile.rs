//! Comparing groups with Chat: how far it is, and having it done.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Console;
use super::answers::problem;
use crate::chat::GroupId;

pub(super) async fn status(State(console): State<Console>) -> Response {
    match &console.reconciler {
        Some(reconciler) => Json(reconciler.status()).into_response(),
        None => nothing(),
    }
}

/// `?group=…`, as often as there are groups; without any, all groups.
pub(super) async fn start(
    State(console): State<Console>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let mut groups = Vec::new();
    for (name, value) in query {
        if name != "group" || value.is_empty() {
            let text = format!("`{name}={value}` says nothing here: write ?group=… for each group");
            return problem(StatusCode::BAD_REQUEST, &text).into_response();
        }
        groups.push(GroupId::from(value));
    }
    match &console.reconciler {
        Some(reconciler) => Json(json!({ "run": reconciler.start(&groups) })).into_response(),
        None => nothing(),
    }
}

fn nothing() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is compared with Chat here").into_response()
}
