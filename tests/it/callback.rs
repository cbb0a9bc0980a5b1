//! The callback listener from outside: who is let in, what is answered, what reaches the door.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use groupkeeper::callback::router::DEFAULT_BODY_LIMIT;
use groupkeeper::callback::{
    Admission, Answered, CallbackSettings, Entrance, Gate, Incomplete, Limits, Lost, OverBudget,
    OverLimit, Seen, Sources, Watch, router,
};
use groupkeeper::clock::{Clock, ManualClock, Timestamp};
use groupkeeper::decision::{Event, Verdict};
use groupkeeper::pipeline::{Door, Entering, NotTaken, Noting};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::fixtures::{NOW, fixture};

const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// What the door does with events.
#[derive(Clone)]
pub enum Behaviour {
    Answers(Verdict),
    Refuses,
    Panics,
    /// Takes them only after this was notified.
    Waits(Arc<Notify>),
    /// The same, and rejects them then.
    RejectsLate(Arc<Notify>),
}

pub struct RecordingDoor {
    behaviour: Behaviour,
    pub entered: Mutex<Vec<Event>>,
    taken: Notify,
    notes: Mutex<Vec<String>>,
}

impl Door for RecordingDoor {
    fn enter(&self, events: Vec<Event>) -> Entering<'_> {
        Box::pin(async move {
            let verdict = match &self.behaviour {
                Behaviour::Answers(verdict) => verdict.clone(),
                Behaviour::Refuses => return Err(NotTaken("the disk is full".into())),
                Behaviour::Panics => panic!("a fault in the pipeline"),
                Behaviour::Waits(until) => {
                    until.notified().await;
                    Verdict::Allow
                }
                Behaviour::RejectsLate(until) => {
                    until.notified().await;
                    Verdict::Reject { code: None, text: "late".into() }
                }
            };
            self.entered.lock().unwrap().extend(events);
            self.taken.notify_one();
            Ok(verdict)
        })
    }

    fn note(&self, event: Event, note: String) -> Noting<'_> {
        Box::pin(async move {
            self.notes.lock().unwrap().push(format!("{}: {note}", event.name()));
            Ok(())
        })
    }
}

#[derive(Default)]
pub struct Counts(
    pub Mutex<Vec<Seen>>,
    pub Mutex<Vec<OverLimit>>,
    pub Mutex<Vec<Lost>>,
    pub Mutex<Vec<Incomplete>>,
);

impl Watch for Counts {
    fn callback(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    fn lost(&self, lost: &Lost) {
        self.2.lock().unwrap().push(lost.clone());
    }

    fn incomplete(&self, incomplete: &Incomplete) {
        self.3.lock().unwrap().push(incomplete.clone());
    }

    fn over_limit(&self, over: &OverLimit) {
        self.1.lock().unwrap().push(over.clone());
    }
}

fn entrance(name: &'static str, path: &str, tokens: &[&str]) -> Entrance {
    Entrance {
        name,
        path: path.into(),
        gate: Gate {
            sdk_app_id: 1_400_000_000,
            tokens: tokens.iter().map(|token| SecretString::from(*token)).collect(),
            window: Duration::from_secs(60),
        },
        only_rooms: tokens.is_empty(),
    }
}

/// A listener with two tokens, its door, and what was counted.
pub struct Site {
    pub router: Router,
    pub door: Arc<RecordingDoor>,
    pub clock: Arc<ManualClock>,
    pub counts: Arc<Counts>,
    wants_callback_event: Arc<AtomicBool>,
    pub sources: Arc<Sources>,
}

impl Site {
    fn new(behaviour: Behaviour) -> Self {
        Self::over_budget(behaviour, OverBudget::Allow)
    }

    fn over_budget(behaviour: Behaviour, over_budget: OverBudget) -> Self {
        Self::with(behaviour, over_budget, &["room"], Sources::anywhere())
    }

    pub fn with(
        behaviour: Behaviour,
        over_budget: OverBudget,
        room_tokens: &[&str],
        sources: Sources,
    ) -> Self {
        Self::limited(behaviour, over_budget, room_tokens, sources, Limits::default())
    }

    pub fn limited(
        behaviour: Behaviour,
        over_budget: OverBudget,
        room_tokens: &[&str],
        sources: Sources,
        limits: Limits,
    ) -> Self {
        let sources = Arc::new(sources);
        let (entered, notes) = (Mutex::default(), Mutex::default());
        let door = Arc::new(RecordingDoor { behaviour, entered, taken: Notify::new(), notes });
        let clock = Arc::new(ManualClock::new(NOW));
        let counts = Arc::new(Counts::default());
        let wants_callback_event = Arc::new(AtomicBool::new(false));
        let settings = CallbackSettings {
            budget: Duration::from_millis(500),
            over_budget,
            admission: Arc::new(Admission::new(limits)),
            entrances: vec![
                entrance("chat", "/callback", &["today", "yesterday"]),
                entrance("room", "/rooms", room_tokens),
            ],
            sources: Arc::clone(&sources),
            admins: vec!["administrator".into()],
            body_limit: DEFAULT_BODY_LIMIT,
            wants_callback_event: Arc::clone(&wants_callback_event),
        };
        let (taking, ticking) = (Arc::clone(&door), Arc::clone(&clock));
        let router = router(settings, taking, ticking, Arc::<Counts>::clone(&counts));
        Self { router, door, clock, counts, wants_callback_event, sources }
    }

    pub fn allowing() -> Self {
        Self::new(Behaviour::Answers(Verdict::Allow))
    }

    pub async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Posts a body to a path with query, and gives back the status and what was counted.
    pub async fn post(&self, uri: &str, body: impl Into<Body>) -> (StatusCode, Answered) {
        let (status, text) = self.send(posted(uri, body)).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        let (action, code) = if status == StatusCode::OK { ("OK", 0) } else { ("FAIL", 1) };
        assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&json!(action), &json!(code)));
        (status, self.counted().answered)
    }

    /// Posts a documented body, rightly signed, and gives back the answer.
    pub async fn post_fixture(&self, name: &str) -> String {
        let fixture = fixture(name);
        let (status, text) =
            self.send(posted(&signed(&fixture.command), fixture.body.to_string())).await;
        assert_eq!(status, StatusCode::OK);
        text
    }

    pub fn counted(&self) -> Seen {
        *self.counts.0.lock().unwrap().last().unwrap()
    }

    pub fn entered(&self) -> Vec<String> {
        let events = self.door.entered.lock().unwrap();
        events.iter().map(|event| event.name().to_owned()).collect()
    }
}

pub fn posted(uri: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(uri).body(body.into()).unwrap()
}

fn sign(token: &str, time: &str) -> String {
    let digest = Sha256::digest(format!("{token}{time}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn uri(command: &str, token: &str, at: Timestamp) -> String {
    let time = at.secs().to_string();
    let sign = sign(token, &time);
    format!(
        "/callback?SdkAppid=1400000000&CallbackCommand={command}&contenttype=json\
         &ClientIP=192.0.2.1&OptPlatform=RESTAPI&Sign={sign}&RequestTime={time}"
    )
}

pub fn signed(command: &str) -> String {
    uri(command, "today", NOW)
}

const JOIN: &str = "Group.CallbackAfterNewMemberJoin";

fn join_body() -> String {
    fixture(JOIN).body.to_string()
}

#[tokio::test]
async fn a_signed_callback_reaches_the_door_and_is_answered_ok() {
    let site = Site::allowing();
    assert_eq!(site.post_fixture(JOIN).await, OK);
    assert_eq!(site.entered(), ["member.joined", "member.joined"]);
    let expected = Seen {
        entrance: "chat",
        origin: None,
        command: JOIN,
        answered: Answered::Taken,
        took: Duration::ZERO,
        disagreed: false,
        incomplete: false,
    };
    assert_eq!(site.counted(), expected);
}

#[tokio::test]
async fn either_token_lets_in_and_a_third_is_forged() {
    let site = Site::allowing();
    for (token, expected) in [
        ("today", (StatusCode::OK, Answered::Taken)),
        ("yesterday", (StatusCode::OK, Answered::Taken)),
        ("tomorrow", (StatusCode::FORBIDDEN, Answered::Forged)),
    ] {
        assert_eq!(site.post(&uri(JOIN, token, NOW), join_body()).await, expected, "{token}");
    }
}

#[tokio::test]
async fn the_window_includes_its_edges_and_nothing_beyond() {
    let site = Site::allowing();
    let request = signed(JOIN);
    for (offset, expected) in [
        (-60_001, (StatusCode::FORBIDDEN, Answered::Stale)),
        (-60_000, (StatusCode::OK, Answered::Taken)),
        (60_000, (StatusCode::OK, Answered::Taken)),
        (60_001, (StatusCode::FORBIDDEN, Answered::Stale)),
    ] {
        site.clock.set(Timestamp(NOW.0 + offset));
        assert_eq!(site.post(&request, join_body()).await, expected, "{offset}");
    }
}

#[tokio::test]
async fn unsigned_and_foreign_callbacks_are_refused_alike_and_leave_nothing() {
    let site = Site::allowing();
    let unsigned = format!("/callback?SdkAppid=1400000000&CallbackCommand={JOIN}");
    let foreign = signed(JOIN).replace("1400000000", "1400000001");
    let anonymous = signed(JOIN).replace("SdkAppid", "App");
    for (uri, answered) in [
        (&unsigned, Answered::Unsigned),
        (&foreign, Answered::WrongApp),
        (&anonymous, Answered::WrongApp),
    ] {
        assert_eq!(site.post(uri, join_body()).await, (StatusCode::FORBIDDEN, answered));
        let (_, text) = site.send(posted(uri, join_body())).await;
        assert_eq!(text, r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"refused"}"#);
    }
    assert_eq!(site.entered(), Vec::<String>::new());
}

#[tokio::test]
async fn the_body_is_not_looked_at_before_the_signature() {
    let site = Site::allowing();
    let forged = uri(JOIN, "tomorrow", NOW);
    let expected = (StatusCode::FORBIDDEN, Answered::Forged);
    assert_eq!(site.post(&forged, "not json").await, expected);
    // Nor is its size: what strangers send tells nothing of lost callbacks.
    assert_eq!(site.post(&forged, " ".repeat(DEFAULT_BODY_LIMIT + 1)).await, expected);
}

#[tokio::test]
async fn names_of_the_query_are_compared_without_case() {
    let site = Site::allowing();
    let request = signed(JOIN)
        .replace("SdkAppid", "sdkappid")
        .replace("CallbackCommand", "callbackcommand")
        .replace("Sign", "SIGN")
        .replace("RequestTime", "requestTime");
    assert_eq!(site.post(&request, join_body()).await, (StatusCode::OK, Answered::Taken));
    assert_eq!(site.entered(), ["member.joined", "member.joined"]);
}

#[tokio::test]
async fn a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_not() {
    let site = Site::allowing();
    let mut body = join_body();
    body.push_str(&" ".repeat(DEFAULT_BODY_LIMIT - body.len()));
    let taken = (StatusCode::OK, Answered::Taken);
    assert_eq!(site.post(&signed(JOIN), body.clone()).await, taken);
    body.push(' ');
    let refused = (StatusCode::PAYLOAD_TOO_LARGE, Answered::TooLarge);
    assert_eq!(site.post(&signed(JOIN), body).await, refused);
    assert_eq!(site.entered().len(), 2);
}

#[tokio::test]
async fn what_is_no_json_object_is_a_bad_request() {
    let site = Site::allowing();
    let refused = (StatusCode::BAD_REQUEST, Answered::Garbled);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cut = &join_body()[..40];
    for body in ["", "not json", "[]", "null", "{} {}", cut, &deep] {
        assert_eq!(site.post(&signed(JOIN), body.to_owned()).await, refused);
    }
    assert_eq!(site.post(&signed(JOIN), vec![b'{', b'"', 0xff, b'"', b'}']).await, refused);
    assert_eq!(site.entered(), Vec::<String>::new());
}

#[tokio::test]
async fn other_paths_and_methods_are_told_apart() {
    let site = Site::allowing();
    let elsewhere = signed(JOIN).replace("/callback", "/callback/");
    let expected = (StatusCode::NOT_FOUND, Answered::NotFound);
    assert_eq!(site.post(&elsewhere, join_body()).await, expected);
    for method in [Method::GET, Method::PUT, Method::HEAD, Method::OPTIONS] {
        let request =
            Request::builder().method(&method).uri(signed(JOIN)).body(Body::empty()).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[header::ALLOW], "POST");
        assert_eq!(site.counted().answered, Answered::WrongMethod);
    }
}

#[tokio::test]
async fn an_unknown_command_is_answered_ok_counted_as_other_and_kept() {
    let site = Site::allowing();
    let taken = (StatusCode::OK, Answered::Taken);
    assert_eq!(site.post(&signed("Group.CallbackOfTomorrow"), r#"{"A":1}"#).await, taken);
    assert_eq!(site.counted().command, "other");
    let events = site.door.entered.lock().unwrap();
    let kept = (events[0].name(), events[0].command.as_str());
    assert_eq!(kept, ("callback", "Group.CallbackOfTomorrow"));
}

#[tokio::test]
async fn a_rule_on_callback_gets_known_commands_too_as_soon_as_it_is_loaded() {
    let site = Site::allowing();
    site.post_fixture("State.StateChange").await;
    site.wants_callback_event.store(true, std::sync::atomic::Ordering::Relaxed);
    site.post_fixture("State.StateChange").await;
    assert_eq!(site.entered(), ["user.online", "user.online", "callback"]);
}

#[tokio::test]
async fn a_disagreement_of_query_and_body_is_counted_and_the_query_wins() {
    let site = Site::allowing();
    site.post(&signed("Group.CallbackAfterGroupFull"), join_body()).await;
    assert_eq!(site.entered(), ["group.full"]);
    assert!(site.counted().disagreed);
}

#[tokio::test]
async fn a_known_command_without_its_group_is_counted_as_incomplete() {
    let site = Site::allowing();
    site.post(&signed(JOIN), "{}").await;
    assert_eq!(site.entered(), ["callback"]);
    assert!(site.counted().incomplete);
    let told = site.counts.3.lock().unwrap();
    let told: Vec<_> = told.iter().map(|told| (told.command, told.what.as_str())).collect();
    assert_eq!(told, [(JOIN, "GroupId is missing")]);
}

#[tokio::test]
async fn a_verdict_is_answered_in_the_words_of_the_command() {
    let site = Site::new(Behaviour::Answers(Verdict::Drop));
    let code = |text: String| serde_json::from_str::<Value>(&text).unwrap()["ErrorCode"].clone();
    assert_eq!(code(site.post_fixture("Group.CallbackBeforeSendMsg").await), 2);
    assert_eq!(code(site.post_fixture("Group.CallbackBeforeApplyJoinGroup").await), 1);
    assert_eq!(code(site.post_fixture("Group.CallbackAfterSendMsg").await), 0);
}

#[tokio::test]
async fn friends_to_be_are_answered_one_by_one() {
    let site = Site::allowing();
    for name in ["Sns.CallbackPrevFriendAdd", "Sns.CallbackPrevFriendResponse"] {
        let answer: Value = serde_json::from_str(&site.post_fixture(name).await).unwrap();
        let item = |to: &str| json!({"To_Account": to, "ResultCode": 0, "ResultInfo": ""});
        assert_eq!(answer["ResultItem"], json!([item("id1"), item("id2")]), "{name}");
    }
}

#[tokio::test]
async fn an_echo_of_our_own_call_is_marked() {
    let site = Site::allowing();
    let body =
        json!({"GroupId": "g", "Operator_Account": "administrator", "NewOwner_Account": "a"});
    let command = "Group.CallbackAfterChangeGroupOwner";
    site.post(&signed(command), body.to_string()).await;
    site.post(&signed(command).replace("RESTAPI", "iOS"), body.to_string()).await;
    let other = json!({"GroupId": "g", "Operator_Account": "backend", "NewOwner_Account": "a"});
    site.post(&signed(command), other.to_string()).await;
    let events = site.door.entered.lock().unwrap();
    let by_bot: Vec<bool> = events.iter().map(|event| event.by_bot).collect();
    assert_eq!(by_bot, [true, false, false]);
}

#[tokio::test]
async fn a_repeated_delivery_has_the_same_event_ids() {
    let site = Site::allowing();
    site.post_fixture(JOIN).await;
    site.clock.advance(Duration::from_secs(3_600));
    let again = format!("{}&RequestID=2", uri(JOIN, "yesterday", site.clock.now()));
    site.post(&again, join_body()).await;
    let events = site.door.entered.lock().unwrap();
    assert_eq!(events[..2], events[2..]);
    assert_ne!(events[0].id, events[1].id);
}

#[tokio::test]
async fn what_was_not_taken_is_not_answered_ok_and_says_nothing_of_why() {
    let site = Site::new(Behaviour::Refuses);
    let (status, text) = site.send(posted(&signed(JOIN), join_body())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!text.contains("disk"), "{text}");
    assert_eq!(site.counted().answered, Answered::NotTaken);
}

#[tokio::test]
async fn a_panic_behind_the_door_is_an_answer_and_the_next_callback_is_taken() {
    let site = Site::new(Behaviour::Panics);
    for _ in 0..2 {
        let expected = (StatusCode::INTERNAL_SERVER_ERROR, Answered::Panicked);
        assert_eq!(site.post(&signed(JOIN), join_body()).await, expected);
    }
}

#[tokio::test]
async fn what_is_being_taken_is_finished_although_chat_has_hung_up() {
    let gate = Arc::new(Notify::new());
    let site = Site::new(Behaviour::Waits(Arc::clone(&gate)));
    let asking = tokio::spawn(site.router.clone().oneshot(posted(&signed(JOIN), join_body())));
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() < 2 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.notify_one();
    site.door.taken.notified().await;
    assert_eq!(site.entered(), ["member.joined", "member.joined"]);
}

#[tokio::test]
async fn a_before_callback_over_its_budget_is_answered_as_configured_and_decided_all_the_same() {
    const SENDING: &str = "Group.CallbackBeforeSendMsg";
    for (over_budget, code) in [(OverBudget::Allow, 0), (OverBudget::Reject, 1)] {
        let late = Arc::new(Notify::new());
        let site = Site::over_budget(Behaviour::Waits(late.clone()), over_budget);
        let clock = site.clock.clone();
        let budget_ends = async {
            // The door has the event by now; its answer is what does not come.
            tokio::task::yield_now().await;
            clock.set(NOW + Duration::from_millis(500));
        };
        let (answer, ()) = tokio::join!(site.post_fixture(SENDING), budget_ends);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ErrorCode"], json!(code));
        assert_eq!(site.counted().answered, Answered::OverBudget);
        late.notify_one();
        site.door.taken.notified().await;
        assert_eq!(site.entered(), ["message.sending"]);
    }
}

#[tokio::test]
async fn a_decision_that_comes_over_budget_is_noted_where_chat_was_told_something_else() {
    let command = "Group.CallbackBeforeSendMsg";
    let late = |gate: &Arc<Notify>| Behaviour::RejectsLate(Arc::clone(gate));
    let same = |gate: &Arc<Notify>| Behaviour::Waits(Arc::clone(gate));
    let told = "message.sending: Chat was told to allow it: over budget, there was no decision after 500ms (`[callback] budget`)";
    for (behaviour, expected) in [(late as fn(&_) -> _, vec![told.to_owned()]), (same, Vec::new())]
    {
        let gate = Arc::new(Notify::new());
        let site = Site::new(behaviour(&gate));
        let passing = async { site.clock.advance(Duration::from_millis(500)) };
        // It is answered although nothing is decided, let alone noted.
        let (answer, ()) = tokio::join!(site.post_fixture(command), passing);
        assert_eq!((answer.as_str(), site.counted().answered), (OK, Answered::OverBudget));
        assert!(site.entered().is_empty() && site.door.notes.lock().unwrap().is_empty());
        gate.notify_one();
        while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(site.entered(), ["message.sending"]);
        assert_eq!(*site.door.notes.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn an_after_callback_has_no_budget_it_waits_for_the_disk() {
    let late = Arc::new(Notify::new());
    let site = Site::new(Behaviour::Waits(late.clone()));
    let clock = site.clock.clone();
    let much_later = async {
        tokio::task::yield_now().await;
        clock.set(NOW + Duration::from_secs(5));
        tokio::task::yield_now().await;
        late.notify_one();
    };
    let (answer, ()) = tokio::join!(site.post_fixture(JOIN), much_later);
    assert_eq!(answer, OK);
    assert_eq!(site.counted().answered, Answered::Taken);
}

#[tokio::test]
async fn whoever_sends_too_much_over_a_socket_sees_the_answer() {
    let site = Site::allowing();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.router.clone()).into_future());
    let body = vec![b' '; 3 * DEFAULT_BODY_LIMIT];
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        uri(JOIN, "tomorrow", NOW),
        body.len()
    );
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    server.abort();
}
