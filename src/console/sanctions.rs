//! `/api/v1/sanctions`: who is restrained until when; lifted, or given another end, by an operator.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Console;
use super::answers::{listed, problem};
use super::api::{MOST, hundred};
use super::lookup::Lookup;
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::state::SanctionKind;
use crate::ledger::sanctions::{Told, Wanted, find};
use crate::pipeline::{Obeyed, Order};
use crate::rule::duration;

/// `?group=…&member=…&kind=…&late=true&after=PLACE&limit=100`.
#[derive(Deserialize)]
pub(super) struct Asked {
    group: Option<String>,
    member: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    late: bool,
    after: Option<String>,
    #[serde(default = "hundred")]
    limit: usize,
}

/// `?group=…&member=…&kind=…`, and for another end `&for=2h` or `&until=2026-11-21T04:00:00Z`.
#[derive(Deserialize)]
pub(super) struct Ordered {
    group: Option<String>,
    member: Option<String>,
    kind: Option<String>,
    #[serde(rename = "for")]
    longer: Option<String>,
    until: Option<String>,
}

pub(super) async fn list(
    State(console): State<Console>,
    lookup: Lookup,
    Query(asked): Query<Asked>,
) -> Response {
    let kind = match kind_of(asked.kind.as_deref()) {
        Ok(kind) => kind,
        Err(text) => return problem(StatusCode::BAD_REQUEST, &text).into_response(),
    };
    let now = console.pipeline.now();
    let wanted = Wanted {
        group: asked.group.map(GroupId::from),
        member: asked.member.map(Account::from),
        kind,
        late_at: asked.late.then_some(now),
        after: asked.after,
    };
    let found = find(&lookup, &wanted, asked.limit.clamp(1, MOST));
    listed(found.map(|found| found.iter().map(|one| one.told(now)).collect::<Vec<Told>>()))
}

pub(super) async fn lift(State(console): State<Console>, Query(asked): Query<Ordered>) -> Response {
    obey(&console, &asked, Ok(Order::Lift)).await
}

pub(super) async fn extend(
    State(console): State<Console>,
    Query(asked): Query<Ordered>,
) -> Response {
    let order = match (&asked.longer, &asked.until) {
        (Some(time), None) => duration::parse(time)
            .map(Order::Longer)
            .map_err(|mistake| format!("for={time}: {}", mistake.message)),
        (None, Some(until)) => until.parse::<Timestamp>().map(Order::Until),
        _ => Err("say how long: ?for=2h (longer than now), or ?until=2026-11-21T04:00:00Z".into()),
    };
    obey(&console, &asked, order).await
}

async fn obey(console: &Console, asked: &Ordered, order: Result<Order, String>) -> Response {
    let (order, who) = match order.and_then(|order| Ok((order, who(asked)?))) {
        Ok(understood) => understood,
        Err(text) => return problem(StatusCode::BAD_REQUEST, &text).into_response(),
    };
    let (group, member, kind) = who;
    let done = match order {
        Order::Lift => "lifted",
        Order::Longer(_) | Order::Until(_) => "given another end to",
    };
    match console.pipeline.order_sanction(&group, &member, kind, order).await {
        Ok(Obeyed::Done(standing)) => {
            let told = standing.told(console.pipeline.now());
            let (kind, until) = (told.kind.name(), told.until.as_deref().unwrap_or("open"));
            tracing::info!(%group, %member, kind, until, "an operator has {done} a sanction");
            Json(told).into_response()
        }
        Ok(Obeyed::NoneThere) => {
            problem(StatusCode::NOT_FOUND, "there is no such sanction").into_response()
        }
        Ok(Obeyed::Several(kinds)) => {
            let kinds: Vec<&str> = kinds.into_iter().map(SanctionKind::name).collect();
            let text = format!(
                "nothing was done: {member} has several in {group}; say which kind: {}",
                kinds.join(" or ")
            );
            problem(StatusCode::CONFLICT, &text).into_response()
        }
        Ok(Obeyed::Impossible(why)) => problem(StatusCode::CONFLICT, &why).into_response(),
        Err(reason) => {
            tracing::error!(%reason, "an operator's order about a sanction was not taken");
            problem(StatusCode::SERVICE_UNAVAILABLE, &reason.0).into_response()
        }
    }
}

/// Whose sanction is meant. Only the mute of everybody needs no member.
fn who(asked: &Ordered) -> Result<(GroupId, Account, Option<SanctionKind>), String> {
    let kind = kind_of(asked.kind.as_deref())?;
    let group = asked.group.as_deref().filter(|group| !group.is_empty());
    let member = asked.member.as_deref().filter(|member| !member.is_empty());
    match (group, member, kind) {
        (Some(group), _, Some(SanctionKind::MuteAll)) => {
            Ok((GroupId::from(group), Account::everybody(), kind))
        }
        (Some(group), Some(member), _) => Ok((GroupId::from(group), Account::from(member), kind)),
        _ => Err("say whose: ?group=…&member=…, or ?group=…&kind=mute_all".to_owned()),
    }
}

fn kind_of(name: Option<&str>) -> Result<Option<SanctionKind>, String> {
    let Some(name) = name else { return Ok(None) };
    let kinds = SanctionKind::ALL.map(SanctionKind::name).join(", ");
    let known = SanctionKind::from_name(name);
    known.map(Some).ok_or_else(|| format!("`{name}` is no kind of sanction: there is {kinds}"))
}
