//! Operators' pages and API: health, metrics, and what the bot knows and owes.

mod answers;
mod api;
mod backup;
mod dead;
mod events;
mod held;
mod listing;
mod lookup;
mod outbox;
mod quarantine;
mod reconcile;
mod sanctions;
mod survey;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use subtle::ConstantTimeEq;

use self::lookup::{Turns, to_its_end};
use crate::delivery::Stopped;
use crate::pipeline::Pipeline;
use crate::reconcile::Reconciler;
use crate::store::Store;

/// A reload under way: what came of it, in words.
pub type Reloading<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// What the service tells its operators.
pub trait Status: Send + Sync {
    /// Why the service cannot work now; nothing when it can.
    fn not_ready(&self) -> Vec<String>;
    /// Prometheus text.
    fn metrics(&self) -> String;
    /// What Chat refuses to do until a person has mended something.
    fn stopped(&self) -> Vec<Stopped>;
    /// The rules in force, and what is wrong with those on disk.
    fn rules(&self) -> RulesStatus;
    /// The version of the rules in force, and the files that they were read from: name and text.
    fn sources(&self) -> (String, Vec<(String, String)>);
    /// Reads the rules directory again.
    fn reload(&self) -> Reloading<'_>;
}

/// The rules in force.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RulesStatus {
    pub directory: String,
    /// Changes when any file changes.
    pub version: String,
    pub loaded_at: String,
    pub rules: Vec<RuleStatus>,
    /// Why what is on disk is not what is in force; `null` when it is.
    pub trouble: Option<RulesTrouble>,
    pub last_attempt: LastAttempt,
}

/// What is wrong with the rules on disk.
#[derive(Clone, Debug, Serialize)]
pub struct RulesTrouble {
    /// Since when what is on disk is not in force.
    pub since: String,
    /// How many mistakes there are; of many, the first hundred are told.
    pub errors: usize,
    /// As `groupkeeper check --json` tells them: code, file, line, column, message, …
    pub diagnostics: Vec<serde_json::Value>,
    /// The same for people, as `groupkeeper check` prints it.
    pub text: String,
}

/// The last time that the files were read, whatever came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LastAttempt {
    pub at: String,
    pub success: bool,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStatus {
    pub id: String,
    pub title: Option<String>,
    pub mode: String,
    pub file: String,
    pub line: usize,
    /// Changes when anything in the rule does; layout and place do not count.
    pub digest: String,
}

/// What the admin listener works with.
#[derive(Clone)]
pub struct Console {
    pub status: Arc<dyn Status>,
    pub store: Arc<dyn Store>,
    pub pipeline: Arc<Pipeline>,
    pub reconciler: Option<Arc<Reconciler>>,
    /// Demanded as `Authorization: Bearer …`, except of health and metrics on loopback.
    pub token: Option<SecretString>,
}

impl FromRef<Console> for Arc<dyn Store> {
    fn from_ref(console: &Console) -> Self {
        Arc::clone(&console.store)
    }
}

/// The admin listener's router.
pub fn router(console: Console) -> Router {
    // What grows with the store. Whoever looks after the service must not wait for these.
    let long = Router::new()
        .route("/api/v1/outbox", get(outbox::list))
        .route("/api/v1/dead", get(dead::list))
        .route("/api/v1/held", get(held::list))
        .route("/api/v1/quarantine", get(quarantine::list))
        .route("/api/v1/sanctions", get(sanctions::list))
        .route("/api/v1/groups/{group}", get(survey::group))
        .route("/api/v1/state", get(survey::rule_state))
        .route("/api/v1/events", get(events::events))
        .layer(middleware::from_fn_with_state(lookup::turns(), to_its_end));
    let short = Router::new()
        .route("/api/v1/rules", get(api::rules))
        .route("/api/v1/reload", post(api::reload))
        .route("/api/v1/stopped", get(api::stopped))
        .route("/api/v1/dead/retry", post(dead::retry))
        .route("/api/v1/dead/done", post(dead::done))
        .route("/api/v1/dead/drop", post(dead::drop))
        .route("/api/v1/held/release", post(held::release))
        .route("/api/v1/held/discard", post(held::discard))
        .route("/api/v1/quarantine/retry", post(quarantine::retry))
        .route("/api/v1/quarantine/drop", post(quarantine::drop))
        .route("/api/v1/reconcile", get(reconcile::status).post(reconcile::start))
        .route("/api/v1/sanctions/lift", post(sanctions::lift))
        .route("/api/v1/sanctions/extend", post(sanctions::extend))
        .route("/api/v1/groups", get(api::groups))
        .route("/api/v1/timers", get(api::timers))
        .route("/api/v1/events/{id}", get(events::event))
        .route("/api/v1/journal", get(events::journal))
        .route("/api/v1/journal/{id}", get(events::entry))
        .route("/api/v1/rules/sources", get(events::sources_in_force))
        .route("/api/v1/rules/sources/{version}", get(events::sources))
        .route("/api/v1/backup", get(backup::backup))
        .route("/metrics", get(api::metrics))
        .route("/", get(api::overview))
        .layer(middleware::from_fn_with_state(Turns::None, to_its_end));
    let api = long.merge(short);
    let api = api.layer(middleware::from_fn_with_state(console.clone(), authorize));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(api::ready))
        .merge(api)
        .fallback(|| async { answers::problem(StatusCode::NOT_FOUND, "there is no such page") })
        .with_state(console)
}

/// Without a token, whoever reaches the listener may ask and order, but not the pages that they have open
/// in a browser: those would do it behind their back. A browser says where a request comes from.
async fn authorize(State(console): State<Console>, request: Request, next: Next) -> Response {
    let Some(token) = &console.token else {
        if is_of_another_page(request.headers()) {
            let text = "a page of another origin asks for this, or it is asked for by another name than \
                        `localhost` or an address; set `[admin] token` if that may be";
            return answers::problem(StatusCode::FORBIDDEN, text).into_response();
        }
        return next.run(request).await;
    };
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let wanted = token.expose_secret().as_bytes();
    if !wanted.is_empty() && bool::from(given.as_bytes().ct_eq(wanted)) {
        return next.run(request).await;
    }
    let mut response =
        answers::problem(StatusCode::UNAUTHORIZED, "send the header `Authorization: Bearer TOKEN`")
            .into_response();
    let bearer = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    response
}

fn is_of_another_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let asked_by_hand = site.is_none_or(|site| site == b"none" || site == b"same-origin");
    // A page whose own name has been made to lead here. Without a token this is reached on loopback only.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = host.and_then(|host| host.parse::<Authority>().ok()).is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        !host.eq_ignore_ascii_case("localhost") && host.parse::<IpAddr>().is_err()
    });
    headers.contains_key(header::ORIGIN) || !asked_by_hand || named
}
