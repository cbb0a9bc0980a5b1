//! What must be true when everything has come to rest: the ledger against the journal, and Chat against the rules.

use std::collections::BTreeMap;
use std::time::Duration;

use groupkeeper::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::Value;

use crate::ADMIN;
use crate::bot::Bot;
use crate::chat::Chat;
use crate::line::{Line, Told};
use crate::people::{Expected, FLOOD, MUTE, Membership};
use crate::wait_until;

/// An effect that met a fault rests for up to a minute; the machine may have other work.
const REST: Duration = Duration::from_secs(240);

/// Figures of a run that went well.
#[derive(Debug, Default)]
pub struct Figures {
    /// Callbacks that something must follow from: each was decided once.
    pub decided: usize,
    /// Callbacks that nothing lasting follows from. The journal takes them down without waiting for the
    /// disk: a kill may lose that, and nothing marks them as seen.
    pub idle: usize,
    pub idle_not_kept: usize,
    /// Different calls that change something.
    pub effects: usize,
    /// Calls like one that was made before.
    pub repeated: usize,
    /// Those of them that Chat had said yes to before.
    pub repeated_after_success: usize,
    pub dead: usize,
}

/// Waits until every callback is answered, nothing is left to send, nobody is sanctioned and no timer
/// lies in the past.
pub fn come_to_rest(line: &Line, bot: &Bot) {
    let told = || {
        let outbox = bot.get("/api/v1/outbox");
        let left = outbox.as_array().unwrap();
        format!(
            "{} callbacks wait; {} effects, the first {:#}; sanctions {}; overdue {:?}; stopped {}",
            line.waiting(),
            left.len(),
            left.first().unwrap_or(&Value::Null),
            bot.get("/api/v1/sanctions"),
            overdue(bot),
            bot.get("/api/v1/stopped"),
        )
    };
    wait_until(REST, told, || {
        std::thread::sleep(Duration::from_millis(50));
        let empty = |path| bot.get(path).as_array().unwrap().is_empty();
        line.waiting() == 0
            && empty("/api/v1/outbox")
            && empty("/api/v1/sanctions")
            && overdue(bot).is_empty()
    });
}

/// Timers that should have rung two seconds ago.
fn overdue(bot: &Bot) -> Vec<Value> {
    let late = SystemClock::default().now() - Duration::from_secs(2);
    let timers = bot.get("/api/v1/timers");
    let due = |timer: &Value| timer["due"].as_str().unwrap().parse::<Timestamp>().unwrap();
    timers.as_array().unwrap().iter().filter(|timer| due(timer) < late).cloned().collect()
}

/// Everything that is wrong, in words; figures when nothing is.
pub fn judge(
    line: &Line,
    bot: &Bot,
    chat: &Chat,
    expected: &Expected,
) -> Result<Figures, Vec<String>> {
    let mut wrong = Vec::new();
    let dead = bot.get("/api/v1/dead");
    let dead: Vec<String> =
        dead.as_array().unwrap().iter().map(|letter| letter["what"].to_string()).collect();
    let mut figures = Figures { dead: dead.len(), ..Figures::default() };
    journal_against_ledger(&line.ledger(), bot, &mut figures, &mut wrong);
    let state = chat.state();
    let complaints = state["complaints"].as_array().unwrap();
    wrong.extend(complaints.iter().map(|complaint| format!("Chat complains: {complaint}")));
    roles(&state, expected, &mut wrong);
    messages(&state, expected, &dead, &mut wrong);
    calls(&chat.calls(), expected, &mut figures, &mut wrong);
    if wrong.is_empty() { Ok(figures) } else { Err(wrong) }
}

/// What tells one callback from another: command, group, `EventTime`, `MsgSeq`.
type Key = (String, String, i64, i64);

fn key_of_told(told: &Told) -> Key {
    let number = |name: &str| told.body[name].as_i64().unwrap_or_default();
    let group = told.group().to_owned();
    (told.command().to_owned(), group, number("EventTime"), number("MsgSeq"))
}

/// `None` for what no callback brought.
fn key_of_entry(entry: &Value) -> Option<Key> {
    let body = &entry["body"];
    let command = body["command"].as_str().filter(|command| command.contains('.'))?;
    let group = body["group"].as_str().unwrap_or_default().to_owned();
    let sequence = body["message"]["sequence"].as_i64().unwrap_or_default();
    Some((command.to_owned(), group, body["time"].as_i64()?, sequence))
}

/// Each answered callback is in the journal once; and nothing else is that a callback brought.
fn journal_against_ledger(
    ledger: &[Told],
    bot: &Bot,
    figures: &mut Figures,
    wrong: &mut Vec<String>,
) {
    let (status, journal) = bot.admin.get("/api/v1/journal").unwrap();
    assert_eq!(status, 200, "{journal}");
    let mut decided: BTreeMap<Key, usize> = BTreeMap::new();
    for line in journal.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        if let Some(key) = key_of_entry(&entry) {
            *decided.entry(key).or_default() += 1;
        }
    }
    // How often it was told, and whether something must follow from it.
    let mut told: BTreeMap<Key, (usize, bool)> = BTreeMap::new();
    for callback in ledger {
        if callback.answered == 0 {
            wrong.push(format!("never answered: {}", callback.body));
        }
        let known = told.entry(key_of_told(callback)).or_default();
        known.0 += 1;
        known.1 |= obliges(callback);
    }
    for (key, (times, obliges)) in &told {
        let in_journal = decided.get(key).copied().unwrap_or_default();
        if !obliges {
            figures.idle += times;
            figures.idle_not_kept += times.saturating_sub(in_journal);
        } else if in_journal == *times {
            figures.decided += times;
        } else {
            wrong.push(format!("{key:?} was told {times} times and decided {in_journal} times"));
        }
    }
    let unheard = decided.keys().filter(|key| !told.contains_key(*key));
    wrong.extend(unheard.map(|key| format!("{key:?} was decided and never told")));
}

/// Whoever joins is greeted, and what floods is counted.
fn obliges(callback: &Told) -> bool {
    match callback.command() {
        "Group.CallbackAfterNewMemberJoin" => true,
        "Group.CallbackAfterSendMsg" => callback.body["MsgBody"][0]["MsgContent"]["Text"] == FLOOD,
        _ => false,
    }
}

fn membership(group: &Value, member: &Value) -> Membership {
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (text(group), text(member))
}

/// Staff are admins and nobody else is; nobody is muted any more; every group has an owner of its own.
fn roles(state: &Value, expected: &Expected, wrong: &mut Vec<String>) {
    let mut staff = expected.staff.clone();
    for group in state["groups"].as_array().unwrap() {
        let id = &group["id"];
        let mut owners = 0;
        for member in group["members"].as_array().unwrap() {
            let who = membership(group, member);
            let is_staff = staff.remove(&who);
            match member["role"].as_str().unwrap() {
                "owner" => owners += usize::from(member["id"] == group["owner"]),
                "admin" if !is_staff => wrong.push(format!("{who:?} is an admin, and is no staff")),
                "member" if is_staff => wrong.push(format!("{who:?} is staff, and no admin")),
                _ => {}
            }
            if !member["muted_until"].is_null() {
                wrong.push(format!("{who:?} is still muted: {member}"));
            }
        }
        if owners != 1 {
            wrong.push(format!("{id} has the owner {} and {owners} of them", group["owner"]));
        }
    }
    wrong.extend(staff.iter().map(|who| format!("{who:?} joined and is not there")));
}

/// Whatever is to be said was said once, or lies in a dead letter; and nothing else was said.
fn messages(state: &Value, expected: &Expected, dead: &[String], wrong: &mut Vec<String>) {
    let mut said: BTreeMap<(String, String), usize> = BTreeMap::new();
    for group in state["groups"].as_array().unwrap() {
        let ours = |message: &&Value| message["from"] == ADMIN;
        for message in group["messages"].as_array().unwrap().iter().filter(ours) {
            let text = message["text"].as_str().unwrap().to_owned();
            *said.entry((group["id"].as_str().unwrap().to_owned(), text)).or_default() += 1;
        }
    }
    let hello = expected.joined.iter().map(|(group, who)| (group, format!("Hello, {who}")));
    let muted =
        expected.flooded.iter().map(|(group, who)| (group, format!("{who} is muted for {MUTE}")));
    for (group, text) in hello.chain(muted) {
        let times = said.remove(&(group.clone(), text.clone())).unwrap_or_default();
        let given_up = || dead.iter().any(|what| what.contains(&text));
        if times > 1 || (times == 0 && !given_up()) {
            wrong.push(format!("said {times} times in {group}: {text}"));
        }
    }
    wrong.extend(said.keys().map(|what| format!("said for no reason: {what:?}")));
}

/// Who flooded was muted; how often calls were repeated.
fn calls(calls: &[Value], expected: &Expected, figures: &mut Figures, wrong: &mut Vec<String>) {
    let mut flooded = expected.flooded.clone();
    // How often each was made, and how often Chat said yes.
    let mut made: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for call in calls {
        let (command, body) = (call["command"].as_str().unwrap(), &call["body"]);
        let name = command.rsplit('/').next().unwrap();
        if name.starts_with("get_") {
            continue;
        }
        let applied = call["error_code"] == 0 && call["status"] != 502;
        if applied && body["MuteTime"].as_i64().is_some_and(|seconds| seconds > 0) {
            let group = body["GroupId"].as_str().unwrap().to_owned();
            // One of several (34951), or one alone (34900).
            let several = body["Members_Account"].as_array().into_iter().flatten();
            for member in several.chain(body.get("Member_Account")) {
                flooded.remove(&(group.clone(), member.as_str().unwrap().to_owned()));
            }
        }
        let times = made.entry(format!("{command} {body}")).or_default();
        figures.repeated += usize::from(times.0 > 0);
        figures.repeated_after_success += usize::from(times.1 > 0);
        times.0 += 1;
        times.1 += usize::from(applied);
    }
    figures.effects = made.len();
    wrong.extend(flooded.iter().map(|who| format!("{who:?} flooded and was never muted")));
}
