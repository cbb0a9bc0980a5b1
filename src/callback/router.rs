//! The callback listener: the paths that Chat calls, POST only, everything counted.

use std::borrow::Cow;
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
use tokio::sync::OwnedSemaphorePermit;

use super::admission::{Admission, Place};
use super::authenticate::Gate;
use super::body::{self, Read};
use super::busy::Busy;
use super::decode::{Decoded, Settings, decode, label};
use super::query::Query;
use super::reply::{Answering, failure, reply};
use super::source::Sources;
use super::watch::{Answered, Lost, Seen, Watch};
use crate::chat::{Account, GroupId};
use crate::clock::{Clock, Seldom, Timestamp};
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
    /// Who is inside, and how many there may be.
    pub admission: Arc<Admission>,
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

/// How often the same trouble is told of.
const TROUBLE_EVERY: Duration = Duration::from_secs(10);

struct Listener {
    settings: CallbackSettings,
    door: Arc<dyn Door>,
    clock: Arc<dyn Clock>,
    watch: Arc<dyn Watch>,
    told: Arc<Seldom<Answered>>,
}

/// What is known of a request once it has been answered.
struct Outcome {
    result: Result<Cow<'static, str>, Answered>,
    disagreed: bool,
    incomplete: bool,
    /// The command's name, if the body had to tell it.
    command: Option<&'static str>,
    over_budget: bool,
}

/// Where a request arrived and came from.
struct Arrival<'a> {
    query: &'a Query<'a>,
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
    let told = Arc::new(Seldom::new(TROUBLE_EVERY));
    let listener = Listener { settings, door, clock, watch, told };
    Router::new().fallback(receive).with_state(Arc::new(listener))
}

async fn receive(State(listener): State<Arc<Listener>>, request: Request) -> Response {
    let began = listener.clock.now();
    let uri = request.uri().clone();
    let (query, path) = (Query::of(&uri), uri.path());
    let settings = &listener.settings;
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
    respond(answered, outcome.result.unwrap_or_else(|answered| failure(answered.info()).into()))
}

fn respond(answered: Answered, json: Cow<'static, str>) -> Response {
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
        if let Err(refused) = self.let_in(entrance, arrival) {
            self.hear_out(request).await;
            return refused.into();
        }
        let busy = request.extensions().get::<Busy>().cloned().unwrap_or_default();
        let body = match self.read(request.into_body()).await {
            Ok(body) => body,
            Err(answered) => return self.lose(answered, label(&arrival.query.command), None),
        };
        // From here on somebody whom Chat has sent waits for an answer.
        let _working = busy.at_work();
        let settings = Settings {
            admins: &self.settings.admins,
            wants_callback_event: self.settings.wants_callback_event.load(Ordering::Relaxed),
        };
        match decode(arrival.query, &body.bytes, settings, self.clock.now()) {
            Ok(decoded) if entrance.only_rooms && !decoded.is_of_a_room() => {
                Outcome { command: Some(decoded.label), ..Answered::WrongPath.into() }
            }
            Ok(decoded) => {
                if let Some(over) = &decoded.over_limit {
                    self.watch.over_limit(over);
                }
                if let Some(incomplete) = &decoded.incomplete {
                    self.watch.incomplete(incomplete);
                }
                self.bring(decoded, body, arrival.began).await
            }
            Err(garbled) => {
                tracing::debug!(%garbled, "callback not decoded");
                self.lose(Answered::Garbled, label(&arrival.query.command), None)
            }
        }
    }

    /// What was let in is not taken.
    fn lose(&self, why: Answered, command: &'static str, group: Option<GroupId>) -> Outcome {
        self.watch.lost(&Lost { command, why, group });
        Outcome { command: Some(command), ..why.into() }
    }

    /// The address is looked at last: that somebody has the token and calls from elsewhere is worth
    /// knowing, that strangers do is not.
    fn let_in(&self, entrance: &Entrance, arrival: &Arrival<'_>) -> Result<(), Answered> {
        entrance.gate.check(arrival.query, arrival.began)?;
        if self.settings.sources.allows(arrival.origin) {
            Ok(())
        } else {
            Err(Answered::WrongSource)
        }
    }

    async fn read(&self, body: Body) -> Result<Read, Answered> {
        let admission = Some(&*self.settings.admission);
        body::read(body, self.settings.body_limit, admission, &*self.clock).await
    }

    /// Lets a stranger finish, for it must have written all to see the answer; nothing is kept. One that
    /// asks first whether it may send its body sees the answer without.
    async fn hear_out(&self, request: Request) {
        if request.headers().contains_key(header::EXPECT) {
            return;
        }
        // What strangers send broken is no callback that was lost.
        let _ = body::read(request.into_body(), self.settings.body_limit, None, &*self.clock).await;
    }

    async fn bring(&self, decoded: Decoded, body: Read, began: Timestamp) -> Outcome {
        let Decoded { label, events, answering, disagreed, incomplete, .. } = decoded;
        let incomplete = incomplete.is_some();
        let Some(first) = events.first() else { return Answered::Garbled.into() };
        let admission = &self.settings.admission;
        if events.len() > admission.limits.events {
            return self.lose(Answered::TooMany, label, first.group.clone());
        }
        let full = self.door.is_full();
        if !full && let Some(verdict) = self.door.at_once(&events) {
            let result = Ok(reply(&answering, &verdict));
            return Outcome {
                result,
                disagreed,
                incomplete,
                command: Some(label),
                over_budget: false,
            };
        }
        let (lane, group) = (first.lane(), first.group.clone());
        let place = if full { None } else { admission.place(lane, began) };
        let Some(place) = place else { return self.lose(Answered::Shed, label, group) };
        // Half the time is for waiting, the other half for deciding.
        let wait = match answering {
            Answering::After => admission.limits.wait,
            _ => self.settings.budget / 2,
        };
        // Of the events of one callback, one asks.
        let asks = |event: &&Event| event.kind().is_some_and(EventKind::asks);
        let asking = events.iter().find(asks).cloned();
        let lost = Lost { command: label, why: Answered::Panicked, group };
        let mut deciding = Box::pin(self.enter(lost, events, (place, began + wait), body.room));
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
        if let Some(others) = self.told.is_time(Answered::OverBudget, self.clock.now()) {
            tracing::warn!(
                command = label,
                event.id = %id,
                others,
                "over budget: Chat was told to {word} it, because there was no decision after {budget:?}"
            );
        }
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
        lost: Lost,
        events: Vec<Event>,
        (mut place, until): (Place, Timestamp),
        room: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = Result<Verdict, Answered>> + Send + use<> {
        let (door, clock) = (Arc::clone(&self.door), Arc::clone(&self.clock));
        let mut fate = Fate {
            lost: Some(lost),
            clock: Arc::clone(&self.clock),
            watch: Arc::clone(&self.watch),
            told: Arc::clone(&self.told),
        };
        let task = tokio::spawn(async move {
            let _room = room;
            if !place.turn(&*clock, until).await {
                return Err(fate.is(Answered::Shed, &"there was no turn for it in time"));
            }
            match door.enter(events).await {
                Ok(verdict) => {
                    fate.is_taken();
                    Ok(verdict)
                }
                Err(reason) => Err(fate.is(Answered::NotTaken, &reason)),
            }
        });
        async move { task.await.unwrap_or(Err(Answered::Panicked)) }
    }
}

/// What becomes of a callback that was let in. Whether anybody waits for the answer or not: what was
/// not taken is told of, and a panic too.
struct Fate {
    lost: Option<Lost>,
    clock: Arc<dyn Clock>,
    watch: Arc<dyn Watch>,
    told: Arc<Seldom<Answered>>,
}

impl Fate {
    fn is_taken(&mut self) {
        self.lost = None;
    }

    fn is(&mut self, why: Answered, reason: &dyn std::fmt::Display) -> Answered {
        if let Some(lost) = &mut self.lost {
            lost.why = why;
            if let Some(others) = self.told.is_time(why, self.clock.now()) {
                tracing::error!(command = lost.command, %reason, others, "callback not taken");
            }
        }
        why
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        let Some(lost) = self.lost.take() else { return };
        if lost.why == Answered::Panicked {
            tracing::error!(command = lost.command, "a callback made the pipeline panic");
        }
        self.watch.lost(&lost);
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
