//! Sending a call and reading its answer: the only file that sends HTTP.

use std::error::Error;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::call::Call;
use super::error::{CallError, Class, Failure, classify};
use super::pace::Pace;
use super::reply::{self, Envelope, Reply};
use super::usersig::{FORGET, Signer};
use crate::chat::{Account, limits};
use crate::clock::Clock;

/// How long a call may take. Chat itself gives up after 3 s (34620).
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer that is read, bytes; Chat sends at most 1 MB (10018).
const ANSWER_BYTES: usize = 2 << 20;

/// Chat's words are kept up to this many characters.
const WORDS: usize = 300;

/// A call under way.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send + 'a>>;

/// What came back: HTTP status and body.
pub type Posted = Result<(u16, Vec<u8>), TransportError>;

/// A request under way.
pub type Posting<'a> = Pin<Box<dyn Future<Output = Posted> + Send + 'a>>;

/// Chat, as whoever calls it sees it.
pub trait Chat: Send + Sync {
    /// Makes one call. `random` marks the request in Chat's logs.
    fn call<'a>(&'a self, call: &'a Call, random: u32) -> Calling<'a>;
}

/// What carries requests.
pub trait Transport: Send + Sync {
    /// POSTs a JSON body. The URL carries the signature: it must not get into a log or an error.
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// With `outcome_unknown`, the request may have arrived.
    Unreachable { text: String, outcome_unknown: bool },
    /// The answer is larger than anything Chat sends.
    TooLarge,
}

/// The app that calls are made for.
#[derive(Clone, Debug)]
pub struct App {
    pub sdk_app_id: u64,
    /// The app admin account.
    pub admin: Account,
    pub secret_key: SecretString,
    /// For instance `https://adminapisgp.im.qcloud.com`; `region` knows them.
    pub base_url: String,
}

/// Calls Chat as the app admin.
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    sdk_app_id: u64,
    admin: Account,
    base_url: String,
    signer: Signer,
    pace: Pace,
}

impl Client {
    /// A client of one app.
    pub fn new(app: App, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let App { sdk_app_id, admin, secret_key, base_url } = app;
        let signer = Signer::new(sdk_app_id, secret_key, admin.clone());
        let base_url = base_url.trim_end_matches('/').to_owned();
        let pace = Pace::new(limits::CALLS_PER_SECOND, clock.clone());
        Self { transport, clock, sdk_app_id, admin, base_url, signer, pace }
    }

    /// Another number of calls a second than Chat's, for commands without a limit of their own.
    pub fn with_rate(mut self, calls_per_second: u32) -> Self {
        self.pace = Pace::new(calls_per_second, self.clock.clone());
        self
    }

    /// Takes over from a process that may have called until now: its calls count for another second.
    pub fn taking_over(mut self) -> Self {
        self.pace.inherit();
        self
    }

    /// Makes one call. When Chat does not accept the signature, signs anew and repeats, once.
    pub async fn call(&self, call: &Call, random: u32) -> Result<Reply, CallError> {
        let failed = |failure| CallError { command: call.command(), failure };
        call.check().map_err(|text| failed(Failure::Invalid(text)))?;
        let body = call.body().to_string().into_bytes();
        match self.send(call, body.clone(), random).await {
            Err(Failure::Chat { class: Class::Resign, code, .. }) => {
                tracing::warn!(
                    command = call.command(),
                    code,
                    "signing anew: the UserSig was not accepted"
                );
                self.signer.forget();
                self.send(call, body, random).await.map_err(|failure| failed(not_signable(failure)))
            }
            result => result.map_err(failed),
        }
    }

    async fn send(&self, call: &Call, body: Vec<u8>, random: u32) -> Result<Reply, Failure> {
        let under_way = self.pace.leave(call.command()).await;
        let token = self.signer.token(self.clock.now());
        let posted = self.transport.post(self.url(call, &token, random), body).await;
        drop(under_way);
        let (status, answer) = posted?;
        if status != 200 {
            return Err(Failure::Status(status));
        }
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| {
            Failure::Garbled(format!("not JSON, {} bytes: {error}", answer.len()))
        })?;
        let Envelope { code, words } = Envelope::read(&answer).map_err(Failure::Garbled)?;
        if code == 0 || reply::has_items(call, &answer) {
            return reply::read(call, &answer).map_err(Failure::Garbled);
        }
        if FORGET.contains(&code) {
            self.signer.forget();
        }
        match classify(call.command(), code) {
            Class::Done if !call.is_read() => Ok(Reply::Done),
            class => {
                // Chat might quote what it was sent.
                let words = words.replace(token.expose_secret(), "(UserSig)");
                Err(Failure::Chat { code, words: words.chars().take(WORDS).collect(), class })
            }
        }
    }

    fn url(&self, call: &Call, token: &SecretString, random: u32) -> String {
        let mut url = format!(
            "{}/{}?sdkappid={}&identifier={}&usersig={}&random={random}&contenttype=json",
            self.base_url,
            call.path(),
            self.sdk_app_id,
            percent_encode(self.admin.as_str()),
            percent_encode(token.expose_secret()),
        );
        if let Some((name, value)) = call.query() {
            // Writing into a String cannot fail.
            let _ = write!(url, "&{name}={value}");
        }
        url
    }
}

impl Chat for Client {
    fn call<'a>(&'a self, call: &'a Call, random: u32) -> Calling<'a> {
        Box::pin(Client::call(self, call, random))
    }
}

/// A signature that was refused although it is new: the key or the account is wrong.
fn not_signable(failure: Failure) -> Failure {
    match failure {
        Failure::Chat { class: Class::Resign, code, words } => {
            Failure::Chat { class: Class::Configuration, code, words }
        }
        other => other,
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable { text, outcome_unknown } => {
                Self::Unreachable { text, outcome_unknown }
            }
            TransportError::TooLarge => {
                Self::Garbled(format!("it is larger than {} MiB", ANSWER_BYTES >> 20))
            }
        }
    }
}

/// Escapes a value of the query; what a `UserSig` consists of stays as it is.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'*' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// HTTP with a pool of connections that are kept alive.
#[derive(Debug)]
pub struct HttpTransport {
    http: reqwest::Client,
}

impl HttpTransport {
    /// `timeout` is for the whole of a request; [`TIMEOUT`] is a good one. Fails when the system has
    /// no CA certificates.
    pub fn new(timeout: Duration) -> Result<Self, TransportError> {
        // Fails only when somebody has installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .http1_only()
            .timeout(timeout)
            // Earlier than the whole: a connection that never stood is a request that never went out.
            .connect_timeout(timeout * 3 / 5)
            // Below what servers usually allow, so that they seldom close it just as we send.
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("groupkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(unreachable)?;
        Ok(Self { http })
    }

    async fn exchange(&self, url: String, body: Vec<u8>) -> Posted {
        let request = self.http.post(url).header("content-type", "application/json").body(body);
        let mut response = request.send().await.map_err(unreachable)?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + chunk.len() > ANSWER_BYTES {
                return Err(TransportError::TooLarge);
            }
            answer.extend_from_slice(&chunk);
        }
        Ok((response.status().as_u16(), answer))
    }
}

impl Transport for HttpTransport {
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
        Box::pin(self.exchange(url, body))
    }
}

/// Says why without the URL, which carries the signature.
fn unreachable(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let outcome_unknown = !(error.is_connect() || error.is_builder());
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    TransportError::Unreachable { text, outcome_unknown }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::chat::GroupId;
    use crate::clock::{ManualClock, Timestamp};
    use crate::rest::AppRead;

    /// Answers as it was told and remembers what it was asked.
    struct Script {
        answers: Mutex<VecDeque<Posted>>,
        asked: Mutex<Vec<(String, Value)>>,
    }

    impl Transport for Script {
        fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
            let body = serde_json::from_slice(&body).unwrap();
            self.asked.lock().unwrap().push((url, body));
            let answer = self.answers.lock().unwrap().pop_front().expect("one answer too few");
            Box::pin(std::future::ready(answer))
        }
    }

    fn code(code: i64, words: &str) -> Posted {
        let status = if code == 0 { "OK" } else { "FAIL" };
        let body = json!({ "ActionStatus": status, "ErrorCode": code, "ErrorInfo": words });
        Ok((200, body.to_string().into_bytes()))
    }

    fn app() -> App {
        App {
            sdk_app_id: 1_400_000_001,
            admin: Account::from("bot & co"),
            secret_key: SecretString::from("0123456789abcdef"),
            base_url: "http://127.0.0.1:9/".to_owned(),
        }
    }

    /// A client that gets these answers, one for each request.
    fn client(answers: Vec<Posted>) -> (Client, Arc<Script>, Arc<ManualClock>) {
        let script = Script { answers: Mutex::new(answers.into()), asked: Mutex::default() };
        let script = Arc::new(script);
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        (Client::new(app(), script.clone(), clock.clone()), script, clock)
    }

    fn transfer() -> Call {
        let group = GroupId::from("@TGS#cats");
        Call::ChangeGroupOwner { group, new_owner: Account::from("bob"), from: None }
    }

    fn signature(url: &str) -> String {
        url.split("usersig=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_call_goes_to_its_path_with_everything_that_chat_wants_in_the_url() {
        let (client, script, _) = client(vec![code(0, "")]);
        assert_eq!(client.call(&transfer(), 99).await, Ok(Reply::Done));
        let asked = script.asked.lock().unwrap();
        let (url, body) = &asked[0];
        let signature = signature(url);
        assert_eq!(
            *url,
            format!(
                "http://127.0.0.1:9/v4/group_open_http_svc/change_group_owner\
                 ?sdkappid=1400000001&identifier=bot%20%26%20co&usersig={signature}\
                 &random=99&contenttype=json"
            )
        );
        assert_eq!(*body, json!({ "GroupId": "@TGS#cats", "NewOwner_Account": "bob" }));
        assert!(signature.len() > 100, "{signature}");
    }

    #[tokio::test]
    async fn what_one_command_wants_in_the_url_stands_behind_what_all_want() {
        let (client, script, _) = client(vec![code(0, "")]);
        let call = Call::App(AppRead::Addresses { outside_china: true });
        assert_eq!(client.call(&call, 1).await, Ok(Reply::Addresses(Vec::new())));
        let asked = script.asked.lock().unwrap();
        assert!(asked[0].0.ends_with("&random=1&contenttype=json&nettype=6"), "{}", asked[0].0);
        assert!(asked[0].0.starts_with("http://127.0.0.1:9/v4/ConfigSvc/GetIPList?"));
    }

    #[tokio::test]
    async fn a_refused_signature_is_replaced_and_the_call_repeated_once() {
        let (client, script, _) = client(vec![code(70001, "expired"), code(0, "")]);
        assert_eq!(client.call(&transfer(), 1).await, Ok(Reply::Done));
        assert_eq!(script.asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn the_signature_is_kept_between_calls_and_made_anew_after_a_refusal() {
        let (client, script, clock) =
            client(vec![code(0, ""), code(0, ""), code(70013, "mismatch"), code(0, "")]);
        for _ in 0..4 {
            let _ = client.call(&transfer(), 1).await;
            clock.advance(Duration::from_secs(1));
        }
        let asked = script.asked.lock().unwrap();
        let signatures = asked.iter().map(|(url, _)| signature(url)).collect::<Vec<_>>();
        assert_eq!(signatures[0], signatures[1]);
        assert_eq!(signatures[1], signatures[2]);
        assert_ne!(signatures[2], signatures[3]);
    }

    #[tokio::test]
    async fn two_refused_signatures_are_a_matter_of_configuration() {
        let (client, script, _) = client(vec![code(70003, "invalid"), code(70003, "invalid")]);
        let error = client.call(&transfer(), 1).await.unwrap_err();
        assert_eq!(error.class(), Class::Configuration);
        assert_eq!(error.code(), Some(70003));
        assert!(!error.outcome_unknown());
        assert_eq!(script.asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn chats_refusal_keeps_its_code_and_words_but_no_signature() {
        let (client, script, _) = client(vec![code(0, "")]);
        let _ = client.call(&transfer(), 1).await;
        let signature = signature(&script.asked.lock().unwrap()[0].0);
        let quoting = format!("not allowed: usersig={signature}");
        script.answers.lock().unwrap().push_back(code(10007, &quoting));
        let error = client.call(&transfer(), 1).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "change_group_owner was answered with error 10007 (not permitted, or not supported \
             by this group type): not allowed: usersig=(UserSig)"
        );
        assert_eq!(error.class(), Class::Refused);
    }

    #[tokio::test]
    async fn a_call_over_a_limit_is_not_sent() {
        let (client, script, _) = client(vec![]);
        let error = client.call(&Call::GetGroupInfo { groups: vec![] }, 1).await.unwrap_err();
        assert_eq!(error.to_string(), "get_group_info was not sent: no groups given");
        assert_eq!(error.class(), Class::Refused);
        assert!(script.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn groups_are_read_one_by_one_although_the_envelope_has_an_error() {
        let body = json!({ "ActionStatus": "FAIL", "ErrorCode": 10010, "GroupInfo": [
            { "GroupId": "gone", "ErrorCode": 10010, "ErrorInfo": "no such group" },
        ] });
        let (client, _, _) = client(vec![Ok((200, body.to_string().into_bytes()))]);
        let call = Call::GetGroupInfo { groups: vec![GroupId::from("gone")] };
        let Ok(Reply::Groups(items)) = client.call(&call, 1).await else { panic!("no groups") };
        assert!(!items[0].facts.exists);
    }

    #[tokio::test]
    async fn what_is_so_already_is_done() {
        let (client, _, _) = client(vec![code(10013, "already")]);
        assert_eq!(client.call(&transfer(), 1).await, Ok(Reply::Done));
    }
}
