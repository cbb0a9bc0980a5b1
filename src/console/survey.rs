//! `/api/v1/state` and `/api/v1/groups/ID`: what the store holds about rules and about one group.

use axum::extract::{Path, State};
use axum::response::Response;

use super::Console;
use super::answers::listed;
use crate::chat::GroupId;
use crate::ledger::survey;

/// How many pieces of state each rule has.
pub(super) async fn rule_state(State(console): State<Console>) -> Response {
    listed(survey::rule_state(&*console.store))
}

/// One group with all members that the mirror knows.
pub(super) async fn group(State(console): State<Console>, Path(group): Path<String>) -> Response {
    listed(survey::group(&*console.store, &GroupId::from(group)))
}
