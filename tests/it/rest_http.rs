//! The client over real connections: what a network and a broken server do to a call.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use groupkeeper::chat::{Account, GroupId};
use groupkeeper::clock::SystemClock;
use groupkeeper::rest::client::TIMEOUT;
use groupkeeper::rest::{App, Call, CallError, Class, Client, Failure, HttpTransport, Reply};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpSocket};

const PATH: &str = "/v4/group_open_http_svc/change_group_owner";
const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// Short, but longer than a busy machine needs for a connection to itself.
const IMPATIENT: Duration = Duration::from_millis(400);

fn client(base_url: String, timeout: Duration) -> Client {
    let app = App {
        sdk_app_id: 1_400_000_001,
        admin: Account::from("administrator"),
        secret_key: SecretString::from("0123456789abcdef"),
        base_url,
    };
    let transport = HttpTransport::new(timeout).unwrap();
    Client::new(app, Arc::new(transport), Arc::new(SystemClock::default()))
}

fn transfer() -> Call {
    let (group, new_owner) = (GroupId::from("@TGS#cats"), Account::from("bob"));
    Call::ChangeGroupOwner { group, new_owner, from: None }
}

/// Serves a router on a port of its own until the test ends.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}

/// Answers the call with this status and body.
async fn answering(status: StatusCode, body: impl Into<String>) -> String {
    let body = body.into();
    serve(Router::new().route(PATH, post(move || async move { (status, body) }))).await
}

async fn failing(base_url: String, timeout: Duration) -> CallError {
    let error = client(base_url, timeout).call(&transfer(), 1).await.unwrap_err();
    // The URL carries the signature.
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("usersig") && !text.contains("/v4/"), "{text}");
    }
    error
}

#[tokio::test]
async fn a_call_arrives_as_json_with_the_query_that_chat_wants() {
    type Seen = Arc<Mutex<Option<(HeaderMap, Uri, String)>>>;
    let seen = Seen::default();
    let kept = seen.clone();
    let handler = move |headers: HeaderMap, uri: Uri, body: String| async move {
        *kept.lock().unwrap() = Some((headers, uri, body));
        OK
    };
    let url = serve(Router::new().route(PATH, post(handler))).await;
    assert_eq!(client(url, TIMEOUT).call(&transfer(), 4_294_967_295).await, Ok(Reply::Done));
    let (headers, uri, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(body, r#"{"GroupId":"@TGS#cats","NewOwner_Account":"bob"}"#);
    let query = uri.query().unwrap().split('&').collect::<Vec<_>>();
    let [app, identifier, usersig, random, contenttype] = query[..] else { panic!("{query:?}") };
    assert_eq!([app, identifier], ["sdkappid=1400000001", "identifier=administrator"]);
    assert!(usersig.starts_with("usersig=eJ"), "{usersig}");
    assert_eq!([random, contenttype], ["random=4294967295", "contenttype=json"]);
}

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let peers = Arc::new(Mutex::new(Vec::new()));
    let kept = peers.clone();
    let handler = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
        kept.lock().unwrap().push(peer);
        OK
    };
    let url = serve(Router::new().route(PATH, post(handler))).await;
    let client = client(url, TIMEOUT);
    for _ in 0..5 {
        assert_eq!(client.call(&transfer(), 1).await, Ok(Reply::Done));
    }
    let mut peers = peers.lock().unwrap().clone();
    assert_eq!(peers.len(), 5);
    peers.dedup();
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[tokio::test]
async fn a_bad_gateway_is_tried_again_and_its_outcome_is_unknown() {
    let url = answering(StatusCode::BAD_GATEWAY, "<html>bad gateway</html>").await;
    let error = failing(url, TIMEOUT).await;
    assert_eq!(error.failure, Failure::Status(502));
    assert_eq!((error.class(), error.outcome_unknown()), (Class::Again, true));
}

#[tokio::test]
async fn a_redirect_is_not_followed_because_it_would_carry_the_signature_along() {
    let handler = || async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]) };
    let elsewhere = post(|| async { OK });
    let router = Router::new().route(PATH, post(handler)).route("/elsewhere", elsewhere);
    assert_eq!(failing(serve(router).await, TIMEOUT).await.failure, Failure::Status(307));
}

#[tokio::test]
async fn a_server_that_hangs_leaves_the_outcome_unknown() {
    let handler = || std::future::pending::<&str>();
    let url = serve(Router::new().route(PATH, post(handler))).await;
    let error = failing(url, IMPATIENT).await;
    let Failure::Unreachable { text, outcome_unknown } = &error.failure else {
        panic!("{error}");
    };
    assert!(text.contains("timed out"), "{text}");
    assert!(outcome_unknown);
    assert_eq!(error.class(), Class::Again);
}

#[tokio::test]
async fn a_refused_connection_leaves_no_doubt_that_nothing_was_done() {
    // Bound and not listening: nobody else can get the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = failing(format!("http://{}", socket.local_addr().unwrap()), TIMEOUT).await;
    assert!(!error.outcome_unknown(), "{error}");
    assert_eq!(error.class(), Class::Again);
    assert!(error.to_string().starts_with("change_group_owner did not reach Chat: "), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_was_not_told_anything() {
    let url = answering(StatusCode::OK, OK).await.replace("http://", "https://");
    let error = failing(url, TIMEOUT).await;
    assert!(!error.outcome_unknown(), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_the_outcome_unknown() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.read(&mut [0; 64]).unwrap()
    });
    let error = failing(url, TIMEOUT).await;
    assert!(server.join().unwrap() > 0);
    assert!(error.outcome_unknown(), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_garbled_and_not_quoted() {
    let error = failing(answering(StatusCode::OK, "secret banana").await, TIMEOUT).await;
    assert!(matches!(error.failure, Failure::Garbled(_)), "{error}");
    assert!(!error.to_string().contains("banana"), "{error}");
    assert!(error.outcome_unknown());
}

#[tokio::test]
async fn an_answer_may_be_two_mebibytes_and_no_more() {
    let padded = |bytes: usize| format!("{OK}{}", " ".repeat(bytes - OK.len()));
    let url = answering(StatusCode::OK, padded(2 << 20)).await;
    assert_eq!(client(url, TIMEOUT).call(&transfer(), 1).await, Ok(Reply::Done));
    let url = answering(StatusCode::OK, padded((2 << 20) + 1)).await;
    let error = failing(url, TIMEOUT).await;
    assert_eq!(error.failure, Failure::Garbled("it is larger than 2 MiB".to_owned()));
    assert!(error.outcome_unknown());
}
