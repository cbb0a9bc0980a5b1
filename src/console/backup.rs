//! `/api/v1/backup`: the whole store, as JSON lines, while it is written to.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::Console;
use super::answers::listed;
use super::lookup::apart;
use crate::ledger::backup::Backup;

/// A page is read when the one before has been taken: however large the store, memory is bounded. When
/// something fails, the answer breaks off, and its last line is missing.
pub(super) async fn backup(State(console): State<Console>) -> Response {
    let begun = Backup::begin(Arc::clone(&console.store), console.pipeline.now());
    let backup = match begun {
        Ok(backup) => backup,
        Err(error) => return listed::<()>(Err(error)),
    };
    let lines = stream::unfold(Some(backup), |backup| async {
        let mut backup = backup?;
        let page = apart(move || backup.next_lines().map(|lines| (lines, backup)));
        match page.await {
            Ok((lines, backup)) => lines.map(|lines| (Ok(lines), Some(backup))),
            Err(error) => {
                tracing::error!(%error, "a backup broke off");
                Some((Err(error), None))
            }
        }
    });
    ([("content-type", "application/x-ndjson")], Body::from_stream(lines)).into_response()
}
