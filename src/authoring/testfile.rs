//! `*.test.toml`: what operators expect of their rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::rule::duration;

/// When a test begins, unless it says `now`: a Thursday noon (UTC) without a clock change near it.
const BEGIN: Timestamp = Timestamp(1_767_268_800_000);

/// One test.
#[derive(Debug)]
pub struct Test {
    pub name: String,
    /// One-based line of the test's `name`.
    pub line: usize,
    pub now: Timestamp,
    pub groups: Vec<TestGroup>,
    pub steps: Vec<TestStep>,
}

/// A group that exists before the first step.
#[derive(Clone, Debug)]
pub struct TestGroup {
    pub id: GroupId,
    pub kind: GroupType,
    pub owner: Option<Account>,
    /// In the order in which they joined, a day apart, unless `joined` says otherwise.
    pub members: Vec<(Account, Role, Timestamp)>,
}

/// One step, and the line it begins on.
#[derive(Debug)]
pub struct TestStep {
    pub line: usize,
    pub act: StepAct,
}

/// What a step does.
#[derive(Debug)]
pub enum StepAct {
    /// Something happens in Chat.
    Send(Send),
    /// The effects since the last `expect`, and words that the trace of one event must contain.
    Expect { effects: Vec<Expected>, because: Option<String> },
    /// Time passes.
    Advance(Duration),
    /// The bot is stopped and started again.
    Restart,
    /// Chat does not answer REST calls for a time.
    ApiDown(Duration),
}

/// Something that happens in Chat.
#[derive(Debug)]
pub struct Send {
    pub event: String,
    pub group: Option<GroupId>,
    pub from: Option<Account>,
    pub by: Option<Account>,
    pub to: Option<Account>,
    pub text: String,
    pub role: Option<Role>,
    pub times: u32,
    pub every: Duration,
}

/// One effect that is expected: its name and the fields that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub action: String,
    pub fields: BTreeMap<String, String>,
}

/// A mistake in a test file.
#[derive(Debug, PartialEq, Eq)]
pub struct TestMistake {
    pub line: usize,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    test: Vec<toml::Spanned<RawTest>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTest {
    name: toml::Spanned<String>,
    now: Option<toml::value::Datetime>,
    group: Option<RawGroup>,
    #[serde(default)]
    groups: Vec<RawGroup>,
    steps: Vec<toml::Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    id: String,
    #[serde(rename = "type", default = "public")]
    kind: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    members: Vec<RawMember>,
}

fn public() -> String {
    "Public".to_owned()
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a member is an id or { id = \"…\", role = \"admin\", joined = \"30d\" }")]
enum RawMember {
    Id(String),
    Full { id: String, role: Option<String>, joined: Option<String> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    send: Option<String>,
    group: Option<String>,
    from: Option<String>,
    by: Option<String>,
    to: Option<String>,
    text: Option<String>,
    role: Option<String>,
    times: Option<u32>,
    every: Option<String>,
    expect: Option<toml::Value>,
    because: Option<String>,
    advance: Option<String>,
    restart: Option<bool>,
    api: Option<String>,
    #[serde(rename = "for")]
    time: Option<String>,
}

/// Reads a test file; all tests, or the mistakes in it.
///
/// # Errors
/// Every mistake that can be told apart, each with its line.
pub fn parse(text: &str) -> Result<Vec<Test>, Vec<TestMistake>> {
    let file: RawFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![TestMistake { line: line_of(text, at), message: error.message().to_owned() }]
    })?;
    let mut mistakes = Vec::new();
    let mut tests = Vec::new();
    for raw in file.test {
        let line = line_of(text, raw.get_ref().name.span().start);
        match test(raw.into_inner(), line, text, &mut mistakes) {
            Ok(test) => tests.push(test),
            Err(message) => mistakes.push(TestMistake { line, message }),
        }
    }
    if mistakes.is_empty() { Ok(tests) } else { Err(mistakes) }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn test(
    raw: RawTest,
    line: usize,
    text: &str,
    mistakes: &mut Vec<TestMistake>,
) -> Result<Test, String> {
    let now = match raw.now {
        None => BEGIN,
        Some(written) => moment(&written.to_string())?,
    };
    let groups = raw.group.into_iter().chain(raw.groups);
    let groups = groups.map(|raw| group(raw, now)).collect::<Result<Vec<_>, _>>()?;
    let mut steps = Vec::new();
    for raw in raw.steps {
        let line = line_of(text, raw.span().start);
        match step(raw.into_inner()) {
            Ok(act) => steps.push(TestStep { line, act }),
            Err(message) => mistakes.push(TestMistake { line, message }),
        }
    }
    Ok(Test { name: raw.name.into_inner(), line, now, groups, steps })
}

fn moment(written: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(written)
        .map(|time| Timestamp(time.timestamp_millis()))
        .map_err(|_| {
            format!("`now = {written}` needs a date, a time and an offset: 2026-11-21T03:59:00+08:00")
        })
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|mistake| mistake.message)
}

fn role_of(text: &str) -> Result<Role, String> {
    match text {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        other => Err(format!("the role `{other}` does not exist; there is `admin` and `member`")),
    }
}

fn group(raw: RawGroup, now: Timestamp) -> Result<TestGroup, String> {
    let kind = GroupType::from_name(&raw.kind)
        .ok_or_else(|| format!("the group type `{}` does not exist", raw.kind))?;
    let owner = Some(Account::from(raw.owner)).filter(Account::is_somebody);
    let count = raw.members.len() + 1;
    let mut members = Vec::with_capacity(count);
    // The earlier in the list, the longer a member.
    let days_ago = |days: usize| now - Duration::from_secs(86_400 * days as u64);
    if let Some(owner) = &owner {
        members.push((owner.clone(), Role::Owner, days_ago(count)));
    }
    for (place, member) in raw.members.into_iter().enumerate() {
        let usual = days_ago(count - 1 - place);
        members.push(match member {
            RawMember::Id(id) => (Account::from(id), Role::Member, usual),
            RawMember::Full { id, role, joined } => {
                let role = role.map_or(Ok(Role::Member), |role| role_of(&role))?;
                let joined = joined.map_or(Ok(usual), |ago| time(&ago).map(|ago| now - ago))?;
                (Account::from(id), role, joined)
            }
        });
    }
    Ok(TestGroup { id: GroupId::from(raw.id), kind, owner, members })
}

fn step(raw: RawStep) -> Result<StepAct, String> {
    let verbs = [
        ("send", raw.send.is_some()),
        ("expect", raw.expect.is_some()),
        ("advance", raw.advance.is_some()),
        ("restart", raw.restart.is_some()),
        ("api", raw.api.is_some()),
    ];
    let named = verbs.iter().filter(|(_, there)| *there).map(|(verb, _)| *verb).collect::<Vec<_>>();
    match named[..] {
        ["send"] => Ok(StepAct::Send(sending(raw)?)),
        ["expect"] => Ok(StepAct::Expect {
            effects: expected(raw.expect.unwrap_or(toml::Value::Array(Vec::new())))?,
            because: raw.because,
        }),
        ["advance"] => time(&raw.advance.unwrap_or_default()).map(StepAct::Advance),
        ["restart"] if raw.restart == Some(true) => Ok(StepAct::Restart),
        ["restart"] => Err("write `restart = true`".into()),
        ["api"] => match (raw.api.as_deref(), raw.time) {
            (Some("down"), Some(length)) => time(&length).map(StepAct::ApiDown),
            (Some("down"), None) => Err("`api = \"down\"` needs `for = \"10m\"`".into()),
            (other, _) => Err(format!("`api = {other:?}` is not known; there is `\"down\"`")),
        },
        [] => Err("a step needs one of send, expect, advance, restart, api".into()),
        _ => Err(format!("a step does one thing; this one has {}", named.join(" and "))),
    }
}

fn sending(raw: RawStep) -> Result<Send, String> {
    Ok(Send {
        event: raw.send.unwrap_or_default(),
        group: raw.group.map(GroupId::from),
        from: raw.from.map(Account::from),
        by: raw.by.map(Account::from),
        to: raw.to.map(Account::from),
        text: raw.text.unwrap_or_else(|| "hi".to_owned()),
        role: raw.role.as_deref().map(role_of).transpose()?,
        times: raw.times.unwrap_or(1),
        every: raw.every.as_deref().map_or(Ok(Duration::ZERO), time)?,
    })
}

fn expected(value: toml::Value) -> Result<Vec<Expected>, String> {
    match value {
        toml::Value::String(word) if word == "nothing" => Ok(Vec::new()),
        toml::Value::Array(list) => list.into_iter().map(one_expected).collect(),
        other => Err(format!("`expect = {other}`: write \"nothing\" or a list of effects")),
    }
}

fn one_expected(value: toml::Value) -> Result<Expected, String> {
    match value {
        toml::Value::String(action) => Ok(Expected { action, fields: BTreeMap::new() }),
        toml::Value::Table(table) if table.len() == 1 => {
            let (action, fields) = table.into_iter().next().unwrap_or_else(|| {
                (String::new(), toml::Value::Table(toml::Table::new()))
            });
            let toml::Value::Table(fields) = fields else {
                return Err(format!("`{action}` needs its fields: {action} = {{}}"));
            };
            let fields = fields.into_iter().map(|(name, value)| match value {
                toml::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            });
            Ok(Expected { action, fields: fields.collect() })
        }
        other => Err(format!("{other} is no effect: write {{ mute = {{ who = \"ann\" }} }}")),
    }
}
