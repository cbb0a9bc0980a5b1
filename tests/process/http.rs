//! Asking a process over HTTP, with a bound on how long.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// Connections to one process. Every status is an answer; what is no answer in time is an error.
#[derive(Clone)]
pub struct Http {
    agent: Agent,
    base: String,
}

impl Http {
    pub fn new(base: String, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .max_idle_connections_per_host(4);
        Self { agent: config.build().new_agent(), base }
    }

    /// The same place, for who has more time.
    pub fn patient(&self, patience: Duration) -> Self {
        Self::new(self.base.clone(), patience)
    }

    /// HTTP status and body; `Err` when nobody answered, or not in time.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        read(self.agent.get(format!("{}{path}", self.base)).call())
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Result<(u16, String), String> {
        let request = self.agent.post(format!("{}{path}", self.base));
        read(request.header("Content-Type", "application/json").send(body))
    }

    /// What must be there as JSON.
    pub fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error} in {body}"))
    }
}

fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    // A state of many thousand messages is longer than what is read by default.
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string();
    Ok((status, body.map_err(|error| error.to_string())?))
}
