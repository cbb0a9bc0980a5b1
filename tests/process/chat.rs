//! `groupkeeper simulate` as a process: people act in it, and what is true of Chat is read from it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::free_address;
use crate::http::Http;

/// A running simulated Chat; ends with its test.
pub struct Chat {
    child: Child,
    /// As `[app] api_base` wants it.
    pub url: String,
    http: Http,
}

impl Chat {
    /// Starts one that sends its callbacks to this URL, and waits until it listens.
    pub fn start(callback_url: &str) -> Self {
        let address = free_address();
        let mut child = Command::new(env!("CARGO_BIN_EXE_groupkeeper"))
            .args(["simulate", "--listen", &address.to_string(), "--callback-url", callback_url])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let url = format!("http://{address}");
        let http = Http::new(url.clone(), Duration::from_secs(30));
        let chat = Self { child, url, http };
        let mut line = String::new();
        while !line.contains("Ctrl-C ends it") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the simulated Chat did not start");
        }
        // Read on, or it would stand still once the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        chat
    }

    /// Somebody acts: the outcome, or Chat's refusal as JSON with `code` and `error`.
    pub fn act(&self, verb: &str, fields: &Value) -> Result<Value, Value> {
        let path = format!("/control/{verb}");
        let (status, body) = self.http.post(&path, fields.to_string().as_bytes()).unwrap();
        let mut body: Value = serde_json::from_str(&body).unwrap();
        match status {
            200 => Ok(body["outcome"].take()),
            409 => Err(body),
            _ => panic!("{verb} {fields}: {status} {body}"),
        }
    }

    /// The same where Chat must not refuse.
    pub fn must(&self, verb: &str, fields: &Value) -> Value {
        self.act(verb, fields).unwrap_or_else(|refusal| panic!("{verb} {fields}: {refusal}"))
    }

    /// Makes something go wrong from now on: `kind` as `GET /control` lists them.
    pub fn fault(&self, fault: &Value) {
        self.must("fault", fault);
    }

    pub fn clear_faults(&self) {
        self.must("clear_faults", &json!({}));
    }

    /// Everything that is true of it.
    pub fn state(&self) -> Value {
        self.http.json("/control/state")
    }

    /// One group of the state; `null` if there is none.
    pub fn group(&self, id: &str) -> Value {
        let state = self.state();
        let groups = state["groups"].as_array().unwrap();
        groups.iter().find(|group| group["id"] == id).cloned().unwrap_or_default()
    }

    /// What an account is in a group: `owner`, `admin`, `member`, or nothing.
    pub fn role(&self, group: &str, account: &str) -> String {
        let group = self.group(group);
        let members = group["members"].as_array().into_iter().flatten();
        let member = members.into_iter().find(|member| member["id"] == account);
        member.map(|member| member["role"].as_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// The REST calls that it received, in order.
    pub fn calls(&self) -> Vec<Value> {
        self.http.json("/control/calls").as_array().unwrap().clone()
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
