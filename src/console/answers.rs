//! Answers of the API: JSON, and problems in words.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::lookup::hung_up;
use crate::store::StoreError;

/// A problem that the caller can do something about.
pub(super) fn problem(status: StatusCode, text: &str) -> (StatusCode, Json<serde_json::Value>) {
    (status, Json(json!({ "error": text })))
}

/// A list out of the store, or 503 when the store cannot be read.
pub(super) fn listed<T: Serialize>(list: Result<T, StoreError>) -> Response {
    match list {
        Ok(list) => Json(list).into_response(),
        Err(error) => {
            if !hung_up(&error) {
                tracing::error!(%error, "the store cannot be read");
            }
            problem(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read; the log says why")
                .into_response()
        }
    }
}
