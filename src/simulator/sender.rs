//! Posting callbacks to the bot, as Chat does: two seconds for an answer (34354).

use std::time::Duration;

use super::callbacks::Callback;
use crate::clock::Clock;

/// How long Chat waits (34354), by the clock of the simulator.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may hang where that clock stands still.
const LONGEST: Duration = Duration::from_secs(60);

/// Chat's HTTP client.
pub(super) struct Sender {
    client: reqwest::Client,
    url: Option<String>,
}

/// What came of one post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Post {
    /// HTTP status and body.
    Answered(u16, Vec<u8>),
    /// Nothing came in time.
    TimedOut,
    /// Nobody was reached: no URL, or why not, in words.
    Failed(String),
}

impl Post {
    /// HTTP status and body; `None` when nothing came in time or at all.
    pub fn reply(self) -> Option<(u16, Vec<u8>)> {
        match self {
            Self::Answered(status, body) => Some((status, body)),
            Self::TimedOut | Self::Failed(_) => None,
        }
    }
}

impl Sender {
    pub fn new(url: Option<String>) -> std::io::Result<Self> {
        // The library insists on a TLS provider even for plain HTTP; another one may be there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(LONGEST)
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self { client, url })
    }

    /// Whether a callback URL is configured.
    pub fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// Posts one callback, which is signed already, and waits two seconds of `clock`.
    pub async fn post(&self, callback: &Callback, clock: &dyn Clock) -> Post {
        let Some(url) = callback.url.as_ref().or(self.url.as_ref()) else {
            return Post::Failed("there is no URL".to_owned());
        };
        let over = clock.sleep_until(clock.now() + PATIENCE);
        tokio::select! {
            posted = self.once(url, callback) => match posted {
                Ok((status, body)) => Post::Answered(status, body),
                Err(error) if error.is_timeout() => Post::TimedOut,
                Err(error) if error.is_connect() => Post::Failed(format!("{url} is not reached")),
                Err(error) => Post::Failed(error.without_url().to_string()),
            },
            () = over => Post::TimedOut,
        }
    }

    async fn once(&self, url: &str, callback: &Callback) -> reqwest::Result<(u16, Vec<u8>)> {
        let separator = if url.contains('?') { '&' } else { '?' };
        let request = self
            .client
            .post(format!("{url}{separator}{}", encode(&callback.query)))
            .header("Content-Type", "application/json")
            .body(callback.body.clone());
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.to_vec()))
    }
}

/// Names and values, percent-encoded.
fn encode(query: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in query {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_percent_encoded() {
        let query = [("a".to_owned(), "x y#1".to_owned()), ("b".to_owned(), "é-_.~".to_owned())];
        assert_eq!(encode(&query), "a=x%20y%231&b=%C3%A9-_.~");
    }
}
