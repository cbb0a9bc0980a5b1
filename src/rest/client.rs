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
use super::reply::{self, Envelope, Reply};
use super::usersig::{FORGET, Signer};
use crate::chat::Account;
use crate::clock::Clock;

/// How long a call may take. Chat itself gives up after 3 s (34620).
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer that is read, bytes; Chat sends at most 1 MB (10018).
const ANSWER_BYTES: usize = 2 << 20;

/// Chat's words are kept up to this many characters.
const WORDS: usize = 300;

/// A call under way.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send + 'a>>;

/// A request under way: HTTP status and body.
pub type Posting<'a> =
    Pin<Box<dyn Future<Output = Result<(u16, Vec<u8>), TransportError>> + Send + 'a>>;

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
}

impl Client {
    /// A client of one app.
    pub fn new(app: App, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let App { sdk_app_id, admin, secret_key, base_url } = app;
        let signer = Signer::new(sdk_app_id, secret_key, admin.clone());
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { transport, clock, sdk_app_id, admin, base_url, signer }
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
        let token = self.signer.token(self.clock.now());
        let (status, answer) = self.transport.post(self.url(call, &token, random), body).await?;
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
        format!(
            "{}/{}?sdkappid={}&identifier={}&usersig={}&random={random}&contenttype=json",
            self.base_url,
            call.path(),
            self.sdk_app_id,
            percent_encode(self.admin.as_str()),
            percent_encode(token.expose_secret()),
        )
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

    async fn exchange(&self, url: String, body: Vec<u8>) -> Result<(u16, Vec<u8>), TransportError> {
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
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { error.to_string() };
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    TransportError::Unreachable { text, outcome_unknown }
}
