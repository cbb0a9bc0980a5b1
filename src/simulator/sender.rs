//! Posting callbacks to the bot, as Chat does: two seconds for an answer (34354).

use std::time::Duration;

use super::callbacks::Callback;
use crate::clock::Timestamp;

/// How long Chat waits (34354).
const PATIENCE: Duration = Duration::from_secs(2);

/// Chat's HTTP client.
pub(super) struct Sender {
    client: reqwest::Client,
    url: Option<String>,
    /// The console's switch "retry after callbacks on time-out".
    retry: bool,
}

/// HTTP status and body; `None` when nothing came in time or at all.
pub(super) type Reply = Option<(u16, Vec<u8>)>;

impl Sender {
    pub fn new(url: Option<String>, retry: bool) -> std::io::Result<Self> {
        // The library insists on a TLS provider even for plain HTTP; another one may be there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self { client, url, retry })
    }

    /// Whether a callback URL is configured.
    pub fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// Signs and posts one callback. An after callback that timed out is posted once more if the
    /// switch is on. Without a URL nobody is there to answer.
    pub async fn post(&self, mut callback: Callback, now: Timestamp) -> Reply {
        let url = self.url.as_ref()?;
        callback.sign(now);
        match self.once(url, &callback).await {
            Err(error) if error.is_timeout() && self.retry && !callback.asks => {
                self.once(url, &callback).await.ok()
            }
            reply => reply.ok(),
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
