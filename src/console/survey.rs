//! `/api/v1/state` and `/api/v1/groups/ID`: what the store holds about rules and about one group.

use axum::extract::Path;
use axum::response::Response;

use super::answers::listed;
use super::lookup::Lookup;
use crate::chat::GroupId;
use crate::ledger::survey;

/// How many pieces of state each rule has.
pub(super) async fn rule_state(lookup: Lookup) -> Response {
    listed(survey::rule_state(&lookup))
}

/// One group with all members that the mirror knows.
pub(super) async fn group(lookup: Lookup, Path(group): Path<String>) -> Response {
    listed(survey::group(&lookup, &GroupId::from(group)))
}
