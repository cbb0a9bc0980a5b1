//! A round over HTTP: a bot behind a URL, REST, the control API, faults on real connections.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::routing::post;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::simulator::{Fault, FaultKind, Options, Saying, Simulator};

type Heard = Arc<Mutex<Vec<(String, Value)>>>;

/// A bot that refuses what contains "spam" and allows everything else.
async fn bot() -> (String, Heard) {
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/callback", post(hear)).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

async fn hear(State(heard): State<Heard>, RawQuery(query): RawQuery, body: Bytes) -> String {
    let spam = String::from_utf8_lossy(&body).contains("spam");
    heard.lock().unwrap().push((query.unwrap(), parse(&body)));
    let code = u8::from(spam);
    let status = if spam { "FAIL" } else { "OK" };
    json!({ "ActionStatus": status, "ErrorCode": code, "ErrorInfo": "" }).to_string()
}

fn commands(heard: &Heard) -> Vec<String> {
    let command =
        |(_, body): &(String, Value)| body["CallbackCommand"].as_str().unwrap().to_owned();
    heard.lock().unwrap().iter().map(command).collect()
}

async fn started(
    world: World,
    url: Option<String>,
    background: bool,
) -> (Simulator, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(at(0)));
    let skipping = Arc::clone(&clock);
    let mut options = Options::new(world, Arc::clone(&clock) as Arc<dyn Clock>);
    options.callback_url = url;
    options.background = background;
    options.skip = Some(Arc::new(move |by| skipping.advance(by)));
    (Simulator::start(options).await.unwrap(), clock)
}

async fn http(url: String, body: Value) -> reqwest::Result<Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build()?;
    let text = client.post(url).body(body.to_string()).send().await?.text().await?;
    Ok(serde_json::from_str(&text).unwrap())
}

async fn rest(simulator: &Simulator, command: &str, body: Value) -> reqwest::Result<Value> {
    http(format!("{}/v4/group_open_http_svc/{command}?{QUERY}", simulator.url()), body).await
}

async fn control(simulator: &Simulator, act: &str, body: Value) -> Value {
    http(format!("{}/control/{act}", simulator.url()), body).await.unwrap()
}

#[tokio::test]
async fn callbacks_are_delivered_in_order_signed_and_their_answers_decide() {
    let (url, heard) = bot().await;
    let mut world = with_group(asking_world(), GroupType::Public);
    world.settings_mut().callback_token = Some("xxxxyyyy".to_owned());
    let (simulator, clock) = started(world, Some(url), false).await;
    let now = clock.now();
    let sayings = simulator
        .with_world(|world| ["hi", "spam"].map(|text| world.say(now, &id(), &account("u2"), text)));
    assert_eq!(simulator.deliver_callbacks().await, 3);
    assert_eq!(
        commands(&heard),
        [
            "Group.CallbackBeforeSendMsg",
            "Group.CallbackBeforeSendMsg",
            "Group.CallbackAfterSendMsg"
        ]
    );
    let texts = simulator.with_world(|world| {
        world.messages(&id()).iter().map(|message| message.text.clone()).collect::<Vec<_>>()
    });
    assert_eq!(texts, ["hi"]);
    let Saying::Waiting(spam) = sayings[1] else { panic!() };
    assert!(simulator.with_world(|world| format!("{:?}", world.outcome(spam))).contains("10016"));
    let query = heard.lock().unwrap()[0].0.clone();
    assert!(query.contains("SdkAppid=1400000001&CallbackCommand=Group.CallbackBeforeSendMsg"));
    assert!(query.contains("&Sign=") && query.ends_with("&RequestTime=1700000000"), "{query}");
    assert_eq!(simulator.with_world(|world| world.complaints().len()), 0);
    simulator.stop().await;
}

#[tokio::test]
async fn a_rest_call_that_raises_a_question_waits_for_the_bot() {
    let (url, heard) = bot().await;
    let (simulator, _) =
        started(with_group(asking_world(), GroupType::Public), Some(url), false).await;
    let body = |text: &str| {
        json!({ "GroupId": GROUP, "Random": 5, "MsgBody": [
            { "MsgType": "TIMTextElem", "MsgContent": { "Text": text } },
        ] })
    };
    assert_eq!(code(&rest(&simulator, "send_group_msg", body("spam")).await.unwrap()), 10016);
    let answer = rest(&simulator, "send_group_msg", body("hello")).await.unwrap();
    assert_eq!((code(&answer), &answer["MsgSeq"]), (0, &json!(1)));
    assert_eq!(heard.lock().unwrap().len(), 2);
    simulator.stop().await;
}

#[tokio::test]
async fn lost_replies_and_hanging_calls_look_like_that_to_the_client() {
    let (simulator, _) = started(with_group(world(), GroupType::Public), None, false).await;
    let inject = |kind: FaultKind| {
        simulator.with_world(|world| {
            world.inject(at(0), Fault { on: "*".into(), times: Some(1), kind });
        });
    };
    let owner = || simulator.with_world(|world| world.group(&id()).unwrap().owner.clone());
    let to = |to: &str| json!({ "GroupId": GROUP, "NewOwner_Account": to });

    inject(FaultKind::RefuseConnection);
    let error = rest(&simulator, "change_group_owner", to("u2")).await.unwrap_err();
    assert!(!error.is_timeout());
    assert_eq!(owner(), Some(account("u1")));

    inject(FaultKind::ApplyThenDropReply);
    let error = rest(&simulator, "change_group_owner", to("u2")).await.unwrap_err();
    assert!(!error.is_timeout());
    assert_eq!(owner(), Some(account("u2")));

    inject(FaultKind::ApplyThenHang);
    let error = rest(&simulator, "change_group_owner", to("u3")).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(owner(), Some(account("u3")));

    inject(FaultKind::Status(502));
    let client = reqwest::Client::new();
    let url = format!("{}/v4/group_open_http_svc/get_group_info?{QUERY}", simulator.url());
    let response = client.post(url).body("{}").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 502);
    simulator.stop().await;
}

#[tokio::test]
async fn stopping_ends_a_call_that_hangs() {
    let (simulator, _) = started(world(), None, false).await;
    simulator.with_world(|world| {
        world.inject(at(0), Fault { on: "*".into(), times: None, kind: FaultKind::Hang });
    });
    let url = format!("{}/v4/openim/sendmsg?{QUERY}", simulator.url());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let call = tokio::spawn(reqwest::Client::new().post(url).body("{}").send());
    while simulator.with_world(|world| world.calls().is_empty()) {
        tokio::task::yield_now().await;
    }
    simulator.stop().await;
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn the_control_api_acts_shows_and_moves_the_clock() {
    let (url, heard) = bot().await;
    let (simulator, clock) = started(asking_world(), Some(url), true).await;
    let group = json!({
        "id": GROUP, "type": "Public", "owner": "u1",
        "members": ["u2", { "id": "u3", "role": "admin", "joined_at": at(-50).0 }],
    });
    assert_eq!(
        control(&simulator, "group", group).await,
        json!({ "outcome": { "created": GROUP } })
    );
    let say = |text: &str| json!({ "group": GROUP, "account": "u2", "text": text });
    assert_eq!(control(&simulator, "say", say("hi")).await, json!({ "outcome": { "sent": 1 } }));
    assert_eq!(control(&simulator, "say", say("spam")).await["code"], 10016);
    let mute = json!({ "group": GROUP, "by": "u3", "account": "u2", "seconds": 60 });
    assert_eq!(control(&simulator, "mute", mute).await, json!({ "outcome": "done" }));
    assert_eq!(control(&simulator, "say", say("hi")).await["code"], 10017);
    assert_eq!(control(&simulator, "clock", json!({ "seconds": 60 })).await["now"], at(60).0);
    assert_eq!(clock.now(), at(60));
    assert_eq!(control(&simulator, "say", say("again")).await, json!({ "outcome": { "sent": 2 } }));
    let wrong = control(&simulator, "shout", json!({})).await;
    assert!(wrong["error"].as_str().unwrap().contains("unknown variant `shout`"), "{wrong}");
    let wrong = control(&simulator, "leave", json!({ "group": GROUP, "who": "u2" })).await;
    assert!(wrong["error"].as_str().unwrap().contains("unknown field `who`"), "{wrong}");
    // Told in the background, without anybody asking for it.
    while !commands(&heard).iter().filter(|c| *c == "Group.CallbackAfterSendMsg").count().eq(&2) {
        tokio::task::yield_now().await;
    }
    let state = reqwest::get(format!("{}/control/state", simulator.url())).await.unwrap();
    let state = parse(&state.bytes().await.unwrap());
    assert_eq!(state["groups"][0]["members"][2]["joined_at"], at(-50).0);
    assert_eq!(state["groups"][0]["messages"][1]["text"], "again");
    simulator.stop().await;
}

/// A bot that hears and never answers.
async fn silent_bot() -> (String, Heard) {
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let hears = async |State(heard): State<Heard>, body: Bytes| -> String {
        heard.lock().unwrap().push((String::new(), parse(&body)));
        std::future::pending().await
    };
    let app = axum::Router::new().route("/callback", post(hears)).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

async fn heard_times(heard: &Heard, times: usize) {
    while heard.lock().unwrap().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_not_answered_in_two_seconds_of_the_clock_is_sent_again_as_often_as_configured() {
    let (url, heard) = silent_bot().await;
    let clock = Arc::new(ManualClock::new(at(0)));
    let mut world = with_group(world(), GroupType::Public);
    world.settings_mut().retries = vec![Duration::ZERO, Duration::from_secs(60)];
    let mut options = Options::new(world, Arc::clone(&clock) as Arc<dyn Clock>);
    options.callback_url = Some(url);
    options.background = true;
    options.retry_after = true;
    let simulator = Simulator::start(options).await.unwrap();
    simulator.with_world(|world| world.leave(at(0), &id(), &account("u2")).unwrap());
    let patience = Duration::from_secs(2);
    heard_times(&heard, 1).await;
    clock.advance(patience);
    heard_times(&heard, 2).await;
    clock.advance(patience);
    while simulator.with_world(|world| world.next_callback_due()) != Some(at(64)) {
        tokio::task::yield_now().await;
    }
    assert_eq!(simulator.with_world(|world| world.complaints().len()), 0);
    clock.advance(Duration::from_secs(60));
    heard_times(&heard, 3).await;
    clock.advance(patience);
    while simulator.with_world(|world| world.complaints().is_empty()) {
        tokio::task::yield_now().await;
    }
    let complaints = simulator.with_world(|world| world.complaints().to_vec());
    assert_eq!(complaints, ["Group.CallbackAfterMemberExit: no answer in time"]);
    assert_eq!(heard.lock().unwrap().len(), 3);
    simulator.stop().await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let mut options = Options::new(world(), Arc::new(ManualClock::new(at(0))));
    options.listen = "0.0.0.0:0".parse().unwrap();
    let error = Simulator::start(options).await.err().unwrap();
    assert!(error.to_string().contains("loopback only"), "{error}");
}
