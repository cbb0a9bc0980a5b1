//! `groupkeeper simulate` and `groupkeeper serve`, two real processes: recorded, and played again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::addresses::free_address;
use crate::stage::repository;

const GREET: &str = r#"
[rule.greet]
title = "Whoever joins is greeted"
on    = "member.joined"
in    = { types = ["Work", "Public", "Meeting", "Community"], groups = ["*"] }
do    = [{ send_message = { text = "Hello, {member.id}" } }]
"#;

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(command: &mut Command, words: &str) -> (Self, Vec<String>) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let process = Self(child);
        let mut told = Vec::new();
        loop {
            let mut line = String::new();
            let read = log.read_line(&mut line).unwrap();
            assert!(read > 0, "the log ended without {words:?}: {told:?}");
            told.push(line.trim_end().to_owned());
            if line.contains(words) {
                // Read on, or the process would stand still once the pipe is full.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return (process, told);
            }
        }
    }

    fn interrupt(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

fn groupkeeper(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    command.args(arguments);
    command
}

/// The bot, run as the simulated Chat said that it is to be.
fn bot(folder: &Path, told: &[String], rules: &str) -> Process {
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    std::fs::write(folder.join("rules/rules.toml"), rules).unwrap();
    let mut command = groupkeeper(&["serve"]);
    command.current_dir(folder).env("GROUPKEEPER_ADMIN_LISTEN", "127.0.0.1:0");
    let variables = told.iter().filter_map(|line| line.trim().strip_suffix(" \\"));
    for (name, value) in variables.filter_map(|line| line.split_once('=')) {
        command.env(name, value);
    }
    Process::start(&mut command, "ready").0
}

fn post(url: &str, verb: &str, fields: &Value) -> Value {
    let mut answer = ureq::post(format!("{url}/control/{verb}")).send(fields.to_string()).unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn state(url: &str) -> Value {
    let mut answer = ureq::get(format!("{url}/control/state")).call().unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

#[test]
fn what_was_recorded_plays_the_same_with_the_same_rules_and_tells_what_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording.jsonl");
    let (chat, callbacks) = (free_address(), free_address());
    let (listen, url) = (chat.to_string(), format!("http://{chat}"));
    let callback_url = format!("http://{callbacks}/hooks");
    let simulate = |further: &[&str]| {
        let mut arguments = vec!["simulate", "--listen", &listen, "--callback-url", &callback_url];
        arguments.extend(further);
        groupkeeper(&arguments)
    };
    let path = recording.to_str().unwrap();
    let (simulator, told) = Process::start(&mut simulate(&["--record", path]), "Ctrl-C ends it");
    let first = bot(&folder.path().join("first"), &told, GREET);
    let group = json!({ "id": "cats", "type": "Public", "owner": "olga", "members": ["ann"] });
    assert_eq!(post(&url, "group", &group)["outcome"], json!({ "created": "cats" }));
    post(&url, "invite", &json!({ "group": "cats", "by": "administrator", "accounts": ["zoe"] }));
    let greeted = || state(&url)["groups"][0]["messages"][0]["text"] == "Hello, zoe";
    assert!((0..5_000).any(|_| greeted()), "zoe was not greeted: {}", state(&url));
    assert_eq!(simulator.interrupt(), Some(0));
    drop(first);
    let text = std::fs::read_to_string(&recording).unwrap();
    assert!(!text.contains("\"Sign\"") && !text.contains("0123456789abcdef"), "{text}");

    let second = bot(&folder.path().join("second"), &told, GREET);
    let played = simulate(&["--play", path, "--at-once"]).output().unwrap();
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert_eq!(played.status.code(), Some(0), "{said}");
    assert_eq!(said, "1 callbacks and 1 calls of the recording went as then\n");
    drop(second);

    let other = GREET.replace("Hello", "Welcome");
    let third = bot(&folder.path().join("third"), &told, &other);
    let played = simulate(&["--play", path, "--at-once"]).output().unwrap();
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert_eq!(played.status.code(), Some(3), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].contains("Hello, zoe") && lines[0].ends_with("once then, never now"),
        "{said}"
    );
    assert!(
        lines[1].contains("Welcome, zoe") && lines[1].ends_with("never then, once now"),
        "{said}"
    );
    assert!(said.contains("2 differences, over 1 callbacks and 1 calls"), "{said}");
    drop(third);
}

#[test]
fn a_file_that_cannot_be_played_or_recorded_into_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "nonsense\n").unwrap();
    for (option, words) in [
        ("--play", "line 1 is none of a recording, which has one JSON object"),
        ("--record", "cannot be recorded into"),
    ] {
        let output = groupkeeper(&["simulate", option, file.to_str().unwrap()]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words), "{told}");
    }
    assert!(repository("docs/simulating.md").contains("not\noverwritten"));
}
