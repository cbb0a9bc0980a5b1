//! A recording played again: the same acts at the same times in a fresh world, before another bot or
//! another version of it, and what came out differently.
//!
//! Callbacks are not taken from the recording. They follow from the acts and from what the bot does,
//! as they did then; so do the answers to its calls.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::http::Simulator;
use super::recording::{BotAnswer, Entry, Recording};
use super::rest::is_read;
use crate::clock::{Clock, Timestamp};

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The pauses so many times shorter.
    Speed(f64),
    /// Without pauses: after each act, only until the bot has come to rest.
    AtOnce,
}

/// No call and no callback for so long: the bot has come to rest.
const QUIET: Duration = Duration::from_millis(200);
/// How often that is waited for until one goes on all the same.
const PATIENCE: usize = 50;

/// Fields that differ from one run to the next: times, and numbers of chance.
const VOLATILE: [&str; 9] = [
    "EventTime",
    "MsgTime",
    "MsgKey",
    "Random",
    "MsgRandom",
    "RequestID",
    "RequestTime",
    "CreateTime",
    "LastReadTime",
];

/// Plays the acts, whose times are taken from the recording's beginning on. `real` is the clock of
/// the machine; `skip` moves the simulator's.
pub async fn play(
    simulator: &Simulator,
    recording: &Recording,
    pace: Pace,
    real: &dyn Clock,
    skip: &(dyn Fn(Duration) + Send + Sync),
) {
    let start = simulator.now();
    for entry in &recording.entries {
        let Entry::Act { at, verb, fields } = entry else { continue };
        let due = start + at.since(recording.begins.at);
        let wait = due.since(simulator.now());
        match pace {
            Pace::Speed(speed) => {
                let short = wait.div_f64(speed.max(1.0));
                real.sleep_until(real.now() + short).await;
                skip(due.since(simulator.now()));
            }
            Pace::AtOnce => skip(wait),
        }
        // The times of the acts have moved the clock already.
        if verb != "clock" {
            simulator.act(verb, fields).await;
        }
        if pace == Pace::AtOnce {
            rest(simulator, real).await;
        }
    }
    let length = recording.entries.iter().map(Entry::at).max().unwrap_or(recording.begins.at);
    let end = start + length.since(recording.begins.at);
    match pace {
        Pace::Speed(speed) => {
            let left = end.since(simulator.now()).div_f64(speed.max(1.0));
            real.sleep_until(real.now() + left).await;
        }
        Pace::AtOnce => skip(end.since(simulator.now())),
    }
    rest(simulator, real).await;
}

/// Waits until nothing happens any more.
async fn rest(simulator: &Simulator, real: &dyn Clock) {
    for _ in 0..PATIENCE {
        let before = simulator.recorded();
        real.sleep_until(real.now() + QUIET).await;
        if simulator.recorded() == before && simulator.is_idle() {
            return;
        }
    }
}

impl Entry {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Begins(begins) => begins.at,
            Self::Act { at, .. } | Self::Call { at, .. } | Self::Callback { at, .. } => *at,
        }
    }
}

/// What was compared, and what differs, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Callbacks of the recording.
    pub callbacks: usize,
    /// Calls of the recording that change something.
    pub calls: usize,
    pub differences: Vec<String>,
}

/// Compares what happened then and now: callbacks with the bot's answers, and calls that change
/// something with Chat's. What only reads is passed over: it depends on what the bot still knew.
/// Neither the order nor times and random numbers are compared.
pub fn compare(then: &[Entry], now: &[Entry]) -> Comparison {
    let (callbacks_then, callbacks_now) = (callbacks(then), callbacks(now));
    let (calls_then, calls_now) = (calls(then), calls(now));
    let count = |found: &Found| found.values().map(Vec::len).sum();
    let mut differences = Vec::new();
    differ("callback", &callbacks_then, &callbacks_now, "the bot answered", &mut differences);
    differ("call", &calls_then, &calls_now, "Chat answered", &mut differences);
    Comparison { callbacks: count(&callbacks_then), calls: count(&calls_then), differences }
}

/// What is the same but for its answers, with those, in order.
type Found = BTreeMap<(String, String), Vec<String>>;

fn callbacks(entries: &[Entry]) -> Found {
    let mut found = Found::new();
    for entry in entries {
        if let Entry::Callback { command, body, answer, .. } = entry {
            let key = (command.clone(), lasting(body).to_string());
            found.entry(key).or_default().push(answer_words(answer.as_ref()));
        }
    }
    found
}

fn calls(entries: &[Entry]) -> Found {
    let mut found = Found::new();
    for entry in entries {
        if let Entry::Call { service, command, body, status, answer, .. } = entry
            && !is_read(service, command)
        {
            let said = match (status, answer["ErrorCode"].as_i64()) {
                (200, Some(code)) => format!("ErrorCode {code}"),
                (status, _) => format!("HTTP {status}"),
            };
            let key = (format!("{service}/{command}"), lasting(body).to_string());
            found.entry(key).or_default().push(said);
        }
    }
    found
}

fn answer_words(answer: Option<&BotAnswer>) -> String {
    match answer {
        None => "nothing".to_owned(),
        Some(BotAnswer { status: 200, body }) => body.to_string(),
        Some(BotAnswer { status, .. }) => format!("HTTP {status}"),
    }
}

/// A body without what differs from run to run.
fn lasting(body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
            let kept: Map<String, Value> =
                kept.map(|(name, value)| (name.clone(), lasting(value))).collect();
            Value::Object(kept)
        }
        Value::Array(list) => list.iter().map(lasting).collect(),
        value => value.clone(),
    }
}

fn differ(what: &str, then: &Found, now: &Found, said: &str, differences: &mut Vec<String>) {
    let none = Vec::new();
    for (key @ (command, body), old) in then {
        let new = now.get(key).unwrap_or(&none);
        for (old, new) in old.iter().zip(new).filter(|(old, new)| old != new) {
            differences.push(format!("{what} {command} {body}: {said} {old} then, {new} now"));
        }
        if old.len() != new.len() {
            differences.push(times(what, command, body, old.len(), new.len()));
        }
    }
    for ((command, body), new) in now.iter().filter(|(key, _)| !then.contains_key(key)) {
        differences.push(times(what, command, body, 0, new.len()));
    }
}

fn times(what: &str, command: &str, body: &str, then: usize, now: usize) -> String {
    format!("{what} {command} {body}: {} then, {} now", count(then), count(now))
}

fn count(number: usize) -> String {
    match number {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        number => format!("{number} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn callback(at: i64, text: &str, code: i64) -> Entry {
        Entry::Callback {
            at: Timestamp(at),
            command: "Group.CallbackBeforeSendMsg".into(),
            query: Vec::new(),
            body: json!({ "Text": text, "EventTime": at, "Random": at * 7 }),
            answer: Some(BotAnswer { status: 200, body: json!({ "ErrorCode": code }) }),
        }
    }

    fn call(command: &str, muted: &str, code: i64) -> Entry {
        Entry::Call {
            at: Timestamp(0),
            service: "group_open_http_svc".into(),
            command: command.into(),
            identifier: "administrator".into(),
            body: json!({ "Members_Account": [muted] }),
            status: 200,
            answer: json!({ "ErrorCode": code }),
        }
    }

    #[test]
    fn times_chance_and_order_make_no_difference_and_reads_are_passed_over() {
        let then = [callback(1, "a", 0), callback(2, "b", 1), call("get_group_info", "x", 0)];
        let now = [callback(9, "b", 1), callback(8, "a", 0)];
        let same = Comparison { callbacks: 2, calls: 0, differences: Vec::new() };
        assert_eq!(compare(&then, &now), same);
    }

    #[test]
    fn other_answers_and_what_is_missing_or_new_are_told() {
        let then = [callback(1, "a", 0), call("forbid_send_msg", "ann", 0)];
        let now = [
            callback(1, "a", 1),
            callback(1, "b", 0),
            call("forbid_send_msg", "bob", 0),
            call("forbid_send_msg", "bob", 10010),
        ];
        let service = "group_open_http_svc";
        let before = "callback Group.CallbackBeforeSendMsg";
        assert_eq!(
            compare(&then, &now).differences,
            [
                format!(
                    r#"{before} {{"Text":"a"}}: the bot answered {{"ErrorCode":0}} then, {{"ErrorCode":1}} now"#
                ),
                format!(r#"{before} {{"Text":"b"}}: never then, once now"#),
                format!(
                    r#"call {service}/forbid_send_msg {{"Members_Account":["ann"]}}: once then, never now"#
                ),
                format!(
                    r#"call {service}/forbid_send_msg {{"Members_Account":["bob"]}}: never then, 2 times now"#
                ),
            ]
        );
    }
}
