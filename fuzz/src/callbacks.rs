//! Callbacks: a first line with the query of the URL, and after it the body. Decoded, and posted to the
//! listener as Chat would.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, Uri};
use groupkeeper::callback::decode::{Settings, label};
use groupkeeper::callback::{
    Answered, CallbackSettings, Decoded, Entrance, Gate, Incomplete, Lost, OverBudget, OverLimit,
    Query, Seen, Sources, Watch, decode, reply, router,
};
use groupkeeper::chat::Account;
use groupkeeper::clock::ManualClock;
use groupkeeper::decision::{Event, Verdict};
use groupkeeper::pipeline::{Door, Entering, Noting};
use serde_json::{Map, Value};
use tower::ServiceExt;

use super::events::NOW;

const APP: u64 = 1_400_000_000;
const ADMIN: &str = "administrator";
/// More than any text that is tried.
const BODY_LIMIT: usize = 1 << 16;

/// Decodes it twice, answers it in every way, and posts it.
pub fn run(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let Ok(query) = std::str::from_utf8(query) else { return };
    let Ok(uri) = format!("/callback?{query}").parse::<Uri>() else { return };
    let query = Query::of(&uri);
    let decoded = [false, true].map(|wanted| decoded(&query, body, wanted));
    if let [Some(alone), Some(with_callback)] = &decoded {
        holds(alone, body);
        holds(with_callback, body);
        let own = |decoded: &Decoded| decoded.events[0].clone();
        if alone.events.len() < with_callback.events.len() {
            assert_eq!(own(alone), own(with_callback), "a rule on `callback` changes the others");
        }
    }
    let [alone, _] = decoded;
    posted(uri.clone(), &query, body, alone);
}

/// Decoding is a function of its arguments, and refuses exactly what is no JSON object.
fn decoded(query: &Query<'_>, body: &[u8], wants_callback_event: bool) -> Option<Decoded> {
    let admins = [Account::from(ADMIN)];
    let settings = Settings { admins: &admins, wants_callback_event };
    let first = decode(query, body, settings, NOW);
    assert_eq!(first, decode(query, body, settings, NOW));
    let object = serde_json::from_slice::<Map<String, Value>>(body);
    assert_eq!(first.is_ok(), object.is_ok());
    let object = Value::Object(object.ok()?);
    if !has_fractions(&object) {
        // Another spacing and order of the same fields is the same callback.
        let again = serde_json::to_vec(&object).unwrap_or_default();
        assert_eq!(first, decode(query, &again, settings, NOW));
    }
    first.ok()
}

/// Fractions lose digits when they are written and read again.
fn has_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fractions),
        Value::Object(fields) => fields.values().any(has_fractions),
        _ => false,
    }
}

fn holds(decoded: &Decoded, body: &[u8]) {
    assert!(!decoded.events.is_empty(), "nothing happened");
    assert_eq!(decoded.label, label(&decoded.command));
    let ids: BTreeSet<_> = decoded.events.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids.len(), decoded.events.len(), "two events share an id: {decoded:?}");
    let asking = decoded.events.iter().filter(|e| e.kind().is_some_and(|kind| kind.asks()));
    assert!(asking.count() <= 1, "one answer, two questions");
    decoded.events.iter().for_each(|event| event_holds(event, body));
    for verdict in verdicts() {
        well_formed(&reply(&decoded.answering, &verdict), "OK");
    }
}

fn event_holds(event: &Event, body: &[u8]) {
    for account in [&event.operator, &event.member, &event.receiver].into_iter().flatten() {
        assert!(account.is_somebody(), "nobody is told as somebody: {event:?}");
    }
    let Some(kind) = event.kind() else { panic!("no kind: {event:?}") };
    for field in event.fields.keys() {
        assert!(kind.event_fields().iter().any(|(name, _)| name == field), "{field}: {event:?}");
    }
    let Ok(stored) = serde_json::to_vec(event) else { panic!("cannot be stored: {event:?}") };
    let object: Result<Value, _> = serde_json::from_slice(body);
    if object.is_ok_and(|object| !has_fractions(&object)) {
        assert_eq!(serde_json::from_slice::<Event>(&stored).ok().as_ref(), Some(event));
    }
}

fn verdicts() -> [Verdict; 5] {
    [
        Verdict::Allow,
        Verdict::Drop,
        Verdict::Reject { code: Some(10_100), text: "no \"links\"\n".to_owned() },
        Verdict::Replace { text: "***".to_owned() },
        Verdict::RefuseInvited { accounts: vec!["ann".into()] },
    ]
}

/// Every answer has Tencent's three fields (34354).
fn well_formed(answer: &str, status: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    assert_eq!(answer["ActionStatus"], status, "{answer}");
    assert!(answer["ErrorCode"].is_i64() && answer["ErrorInfo"].is_string(), "{answer}");
}

/// Posts it, and compares what came to the door and what was counted with what was decoded.
fn posted(uri: Uri, query: &Query<'_>, body: &[u8], decoded: Option<Decoded>) {
    thread_local! {
        static SITE: RefCell<Site> = RefCell::new(Site::new());
    }
    SITE.with_borrow_mut(|site| {
        let (status, answer) = site.post(uri, body);
        let (events, seen, warnings) = site.log.take();
        assert_eq!(seen.map(|seen| seen.answered.status()), Some(status));
        match decoded {
            Some(decoded) if query.sdk_app_id.parse() == Ok(APP) => {
                well_formed(&answer, "OK");
                assert_eq!((status, &events), (StatusCode::OK, &decoded.events));
                assert_eq!(seen.map(|seen| seen.command), Some(decoded.label));
                assert_eq!(warnings, decoded.over_limit.into_iter().collect::<Vec<_>>());
            }
            _ => {
                well_formed(&answer, "FAIL");
                assert!(status.is_client_error() && events.is_empty() && warnings.is_empty());
                let expected = [Answered::WrongApp, Answered::Garbled];
                assert!(seen.is_some_and(|seen| expected.contains(&seen.answered)), "{seen:?}");
            }
        }
    });
}

/// A listener without tokens, whose door lets everything in.
pub(super) struct Site {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) router: Router,
    pub(super) clock: Arc<ManualClock>,
    pub(super) log: Arc<Log>,
}

#[derive(Default)]
pub(super) struct Log {
    events: Mutex<Vec<Event>>,
    seen: Mutex<Option<Seen>>,
    count: Mutex<usize>,
    warnings: Mutex<Vec<OverLimit>>,
}

impl Log {
    /// Requests that were seen.
    pub(super) fn count(&self) -> usize {
        *locked(&self.count)
    }

    pub(super) fn take(&self) -> (Vec<Event>, Option<Seen>, Vec<OverLimit>) {
        let seen = locked(&self.seen).take();
        (
            std::mem::take(&mut locked(&self.events)),
            seen,
            std::mem::take(&mut locked(&self.warnings)),
        )
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Door for Log {
    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        locked(&self.events).extend(events);
        Box::pin(std::future::ready(Ok(Verdict::Allow)))
    }

    fn note(&self, _: Event, _: String) -> Noting<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Watch for Log {
    fn callback(&self, seen: Seen) {
        *locked(&self.seen) = Some(seen);
        *locked(&self.count) += 1;
    }

    fn lost(&self, _: &Lost) {}

    fn incomplete(&self, _: &Incomplete) {}

    fn over_limit(&self, over: &OverLimit) {
        locked(&self.warnings).push(over.clone());
    }
}

impl Site {
    pub(super) fn new() -> Self {
        let gate = Gate { sdk_app_id: APP, tokens: Vec::new(), window: Duration::from_secs(60) };
        let (name, path) = ("chat", "/callback".to_owned());
        let settings = CallbackSettings {
            entrances: vec![Entrance { name, path, gate, only_rooms: false }],
            sources: Arc::new(Sources::anywhere()),
            admins: vec![ADMIN.into()],
            body_limit: BODY_LIMIT,
            budget: Duration::from_secs(1),
            over_budget: OverBudget::Allow,
            admission: Arc::default(),
            wants_callback_event: Arc::new(AtomicBool::new(false)),
        };
        let log = Arc::new(Log::default());
        let clock = Arc::new(ManualClock::new(NOW));
        let router = router(settings, log.clone(), clock.clone(), log.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let Ok(runtime) = runtime else { panic!("no runtime") };
        Self { runtime, router, clock, log }
    }

    fn post(&self, uri: Uri, body: &[u8]) -> (StatusCode, String) {
        let request = Request::post(uri).body(Body::from(body.to_vec()));
        let Ok(request) = request else { panic!("no request") };
        self.runtime.block_on(async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let status = response.status();
            let bytes = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap_or_default();
            (status, String::from_utf8_lossy(&bytes).into_owned())
        })
    }
}
