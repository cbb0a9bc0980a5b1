//! The callback listener: the paths that Chat calls, POST only, everything counted.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use super::authenticate::Gate;
use super::body;
use super::decode::{Decoded, Settings, decode, label};
use super::query::Query;
use super::reply::{Answering, failure, reply};
use super::source::Sources;
use super::watch::{Answered, Seen, Watch};
use crate::chat::Account;
use crate::clock::{Clock, Timestamp};
use crate::decision::{Event, Verdict};
use crate::pipeline::Door;
use crate::rule::EventKind;

/// The largest body that is read, unless configured otherwise; Chat documents no limit.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

/// How the listener is set up.
#[derive(Clone, Debug)]
pub struct CallbackSettings {
    /// The paths that are answered.
    pub entrances: Vec<Entrance>,
    pub sources: Arc<Sources>,
    /// The accounts that our REST calls are made as; what they do over REST is our own echo.
    pub admins: Vec<Account>,
    /// Bytes.
    pub body_limit: usize,
    /// How long Chat may wait for the answer to a before callback.
    pub budget: Duration,
    pub over_budget: OverBudget,
    /// Whether some rule listens on `callback`: only then does a command that has an event of its
    /// own yield that one too. Set anew when rules are loaded.
    pub wants_callback_event: Arc<AtomicBool>,
}

/// A path that Chat calls. Chat, Conference and Live each have a configuration of their own there,
/// with an address and a token of their own (34354, 60729, 69528).
#[derive(Clone, Debug)]
pub struct Entrance {
    /// How it is counted.
    pub name: &'static str,
    /// For instance `/callback`.
    pub path: String,
    pub gate: Gate,
    /// Whether only room callbacks are taken: nothing else must come in where nothing is signed.
    pub only_rooms: bool,
}

/// What Chat is told when deciding a before callback takes longer than its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverBudget {
    #[default]
    Allow,
    Reject,
}

struct Listener {
    settings: CallbackSettings,
    door: Arc<dyn Door>,
    clock: Arc<dyn Clock>,
    watch: Arc<dyn Watch>,
}

/// What is known of a request once it has been answered.
struct Outcome {
    result: Result<String, Answered>,
    disagreed: bool,
    incomplete: bool,
    /// The command's name, if the body had to tell it.
    command: Option<&'static str>,
    over_budget: bool,
}

/// Where a request arrived and came from.
struct Arrival<'a> {
    query: &'a Query,
    entrance: Option<&'a Entrance>,
    origin: Option<IpAddr>,
    began: Timestamp,
}

impl From<Answered> for Outcome {
    fn from(answered: Answered) -> Self {
        Self {
            result: Err(answered),
            disagreed: false,
            incomplete: false,
            command: None,
            over_budget: false,
        }
    }
}

/// Answers callbacks: limits, authenticates and decodes them, brings their events to `door`, and
/// tells Chat the verdict once everything that follows from them is on disk.
pub fn router(
    settings: CallbackSettings,
    door: Arc<dyn Door>,
    clock: Arc<dyn Clock>,
    watch: Arc<dyn Watch>,
) -> Router {
    // A fallback instead of a route: a path out of the configuration can then neither be a pattern
    // nor panic.
    Router::new().fallback(receive).with_state(Arc::new(Listener { settings, door, clock, watch }))
}

async fn receive(State(listener): State<Arc<Listener>>, request: Request) -> Response {
    let began = listener.clock.now();
    let query = Query::of(request.uri());
    let settings = &listener.settings;
    let path = request.uri().path();
    let entrance = settings.entrances.iter().find(|entrance| entrance.path == path);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let origin = settings.sources.origin(peer, request.headers());
    let arrival = Arrival { query: &query, entrance, origin, began };
    let outcome = listener.take(&arrival, request).await;
    let answered = match &outcome.result {
        Err(answered) => *answered,
        Ok(_) if outcome.over_budget => Answered::OverBudget,
        Ok(_) => Answered::Taken,
    };
    let seen = Seen {
        command: outcome.command.unwrap_or_else(|| label(&query.command)),
        entrance: entrance.map_or("none", |entrance| entrance.name),
        answered,
        took: listener.clock.now().since(began),
        disagreed: outcome.disagreed,
        incomplete: outcome.incomplete,
        origin,
    };
    listener.watch.callback(seen);
    tracing::debug!(command = seen.command, answered = answered.name(), "callback");
    respond(answered, outcome.result.unwrap_or_else(|answered| failure(answered.info())))
}

fn respond(answered: Answered, json: String) -> Response {
    let mut response =
        (answered.status(), [(header::CONTENT_TYPE, "application/json")], json).into_response();
    if answered == Answered::WrongMethod {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

impl Listener {
    async fn take(&self, arrival: &Arrival<'_>, request: Request) -> Outcome {
        let Some(entrance) = arrival.entrance else { return Answered::NotFound.into() };
        if request.method() != Method::POST {
            return Answered::WrongMethod.into();
        }
        let gate = self.let_in(entrance, arrival);
        let body = match self.read(request.into_body(), gate.is_ok()).await {
            Ok(body) => body,
            // What strangers send broken is no callback that was lost.
            Err(answered) => return gate.err().unwrap_or(answered).into(),
        };
        if let Err(refused) = gate {
            return refused.into();
        }
        let settings = Settings {
            admins: &self.settings.admins,
            wants_callback_event: self.settings.wants_callback_event.load(Ordering::Relaxed),
        };
        match decode(arrival.query, &body, settings, self.clock.now()) {
            Ok(decoded) if entrance.only_rooms && !decoded.is_of_a_room() => {
                Outcome { command: Some(decoded.label), ..Answered::WrongPath.into() }
            }
            Ok(decoded) => {
                if let Some(over) = &decoded.over_limit {
                    self.watch.over_limit(over);
                }
                self.bring(decoded, arrival.began).await
            }
            Err(garbled) => {
                tracing::debug!(%garbled, "callback not decoded");
                Answered::Garbled.into()
            }
        }
    }

    /// The address is looked at last: that somebody has the token and calls from elsewhere is worth
    /// knowing, that strangers do is not.
    fn let_in(&self, entrance: &Entrance, arrival: &Arrival<'_>) -> Result<(), Answered> {
        entrance.gate.check(arrival.query, self.clock.now())?;
        if self.settings.sources.allows(arrival.origin) {
            Ok(())
        } else {
            Err(Answered::WrongSource)
        }
    }

    async fn read(&self, body: Body, keep: bool) -> Result<Vec<u8>, Answered> {
        body::read(body, self.settings.body_limit, keep, &*self.clock).await
    }

    async fn bring(&self, decoded: Decoded, began: Timestamp) -> Outcome {
        let Decoded { label, events, answering, disagreed, incomplete, .. } = decoded;
        // Of the events of one callback, one asks.
        let asks = |event: &&Event| event.kind().is_some_and(EventKind::asks);
        let asking = events.iter().find(asks).cloned();
        let mut deciding = Box::pin(self.enter(label, events));
        let verdict = if answering == Answering::After {
            Some(deciding.as_mut().await)
        } else {
            let in_time = self.clock.sleep_until(began + self.settings.budget);
            tokio::select! {
                biased;
                verdict = &mut deciding => Some(verdict),
                () = in_time => None,
            }
        };
        let over_budget = verdict.is_none();
        let verdict = verdict.unwrap_or_else(|| {
            // What no rule can judge is allowed however long it takes.
            let judged = asking.is_some();
            let told = if judged { self.settings.over_budget } else { OverBudget::Allow };
            self.tell_later(label, asking, told, deciding);
            Ok(told.verdict())
        });
        let result = verdict.map(|verdict| reply(&answering, &verdict));
        Outcome { result, disagreed, incomplete, command: Some(label), over_budget }
    }

    /// Chat is answered without a decision. Says so now; and once there is one, in the journal too,
    /// if Chat should have been told something else. Chat does not wait for that.
    fn tell_later(
        &self,
        label: &'static str,
        asking: Option<Event>,
        told: OverBudget,
        deciding: impl Future<Output = Result<Verdict, Answered>> + Send + 'static,
    ) {
        let (word, budget) = (told.word(), self.settings.budget);
        let id = asking.as_ref().map(|event| event.id.to_string()).unwrap_or_default();
        tracing::warn!(
            command = label,
            event.id = %id,
            "over budget: Chat was told to {word} it, because there was no decision after {budget:?}"
        );
        let door = Arc::clone(&self.door);
        tokio::spawn(async move {
            // What was not taken has been told of, and the journal holds nothing of it.
            let (Ok(verdict), Some(event)) = (deciding.await, asking) else { return };
            if verdict == told.verdict() {
                return;
            }
            tracing::warn!(event.id = %event.id, "the rules decided otherwise than Chat was told over budget");
            let note = format!(
                "Chat was told to {word} it: over budget, there was no decision after {budget:?} (`[callback] budget`)"
            );
            if let Err(reason) = door.note(event, note).await {
                tracing::warn!(event.id = %id, %reason, "the journal does not say what Chat was told");
            }
        });
    }

    /// A task of its own: Chat hangs up after two seconds, and a commit must not be abandoned half
    /// way because of that; and a panic ends with the task.
    fn enter(
        &self,
        label: &'static str,
        events: Vec<Event>,
    ) -> impl Future<Output = Result<Verdict, Answered>> + Send + use<> {
        let door = Arc::clone(&self.door);
        let task = tokio::spawn(async move { door.enter(events).await });
        async move {
            match task.await {
                Ok(Ok(verdict)) => Ok(verdict),
                Ok(Err(reason)) => {
                    tracing::error!(command = label, %reason, "callback not taken");
                    Err(Answered::NotTaken)
                }
                Err(_) => {
                    tracing::error!(command = label, "a callback made the pipeline panic");
                    Err(Answered::Panicked)
                }
            }
        }
    }
}

impl OverBudget {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Reject => "reject",
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::Reject => Verdict::Reject { code: None, text: String::new() },
        }
    }
}
