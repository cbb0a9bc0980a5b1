//! What must be true when everything has come to rest: the ledger against the journal, and Chat against the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use groupkeeper::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::Value;

use crate::ADMIN;
use crate::bot::Bot;
use crate::chat::Chat;
use crate::line::{Line, Told};
use crate::people::{Expected, FLOOD, Membership};
use crate::wait_until;

/// An effect that met a fault rests for up to a minute; the machine may have other work.
const REST: Duration = Duration::from_secs(240);

/// Chat's code for a command that is called too often.
const OVER_THE_RATE: i64 = 60007;

/// Figures of a run that went well.
#[derive(Debug, Default)]
pub struct Figures {
    /// Callbacks that something followed from, each once.
    pub decided: usize,
    /// Callbacks that nothing lasting follows from. The journal takes them down without waiting for the
    /// disk: a kill may lose that, and nothing marks them as seen.
    pub idle: usize,
    /// Joins that a comparison with Chat had found before their callback came.
    pub found: usize,
    pub idle_not_kept: usize,
    /// Different calls that change something.
    pub effects: usize,
    /// Calls like one that was made before.
    pub repeated: usize,
    /// Those of them that Chat had said yes to before.
    pub repeated_after_success: usize,
    pub dead: usize,
    /// Groups without an owner, of which operators were told: whoever was to be made one had left each time.
    pub given_up: usize,
    /// Seconds in which Chat warned that over 80 % of what it allows was used; more it never saw.
    pub warnings: usize,
    /// Mutes that were over before the bot lived long enough to send them; what was to be said of them
    /// falls with them.
    pub too_late: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decided, idle, found, idle_not_kept, effects, .. } = self;
        let Self { repeated, repeated_after_success, dead, too_late, given_up, warnings, .. } =
            self;
        write!(
            f,
            "events: {decided} callbacks obliged the bot, each was decided once; {found} joins it had \
             found before; {idle} oblige it to nothing, {idle_not_kept} of them are not in the journal\n\
             effects: {effects} different calls that change something; {repeated} repetitions, \
             {repeated_after_success} of what Chat had said yes to; {dead} dead letters; {too_late} mutes \
             were over before they could be sent\n\
             owners: {given_up} groups have none because each candidate had left, and operators were told\n\
             rates: {warnings} warnings that a command was near its limit, no call over it"
        )
    }
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
    mute: &str,
) -> Result<Figures, Vec<String>> {
    let mut wrong = Vec::new();
    let dead = bot.get("/api/v1/dead");
    let dead: Vec<String> =
        dead.as_array().unwrap().iter().map(|letter| text(&letter["what"])).collect();
    let mut figures = Figures { dead: dead.len(), ..Figures::default() };
    let journal = journal(bot);
    journal_against_ledger(&line.ledger(), &journal, &mut figures, &mut wrong);
    let too_late = over_before_sent(&journal);
    figures.too_late = too_late.len();
    let muted: BTreeSet<Membership> = expected.flooded.difference(&too_late).cloned().collect();
    let state = chat.state();
    let complaints = state["complaints"].as_array().unwrap();
    wrong.extend(complaints.iter().map(|complaint| format!("Chat complains: {complaint}")));
    figures.given_up = roles(&state, expected, &journal, &mut wrong);
    let hello = expected.joined.iter().map(|(group, who)| (group, format!("Hello, {who}")));
    let told = muted.iter().map(|(group, who)| (group, format!("{who} is muted for {mute}")));
    let said = hello.chain(told).map(|(group, text)| (group.clone(), text));
    messages(&state, said, dead, &mut wrong);
    calls(&chat.calls(), muted, &mut figures, &mut wrong);
    if wrong.is_empty() { Ok(figures) } else { Err(wrong) }
}

/// What tells one callback from another: command, group, `EventTime`, `MsgSeq`.
type Key = (String, String, i64, i64);

fn key_of_told(told: &Told) -> Key {
    let number = |name: &str| told.body[name].as_i64().unwrap_or_default();
    let group = told.group().to_owned();
    (told.command().to_owned(), group, number("EventTime"), number("MsgSeq"))
}

/// Chat's warnings carry no time, so that nothing tells one from the next (60256).
fn is_warning(command: &str) -> bool {
    command.starts_with("Alert.")
}

/// `None` for what no callback brought, and for warnings.
fn key_of_entry(entry: &Value) -> Option<Key> {
    let body = &entry["body"];
    let command = body["command"].as_str()?;
    if !command.contains('.') || is_warning(command) {
        return None;
    }
    let group = body["group"].as_str().unwrap_or_default().to_owned();
    let sequence = body["message"]["sequence"].as_i64().unwrap_or_default();
    Some((command.to_owned(), group, body["time"].as_i64()?, sequence))
}

/// Everything that was decided, oldest first.
fn journal(bot: &Bot) -> Vec<Value> {
    // Of hundreds of thousands of entries after many kills.
    let (status, lines) = bot.admin.patient(REST).get("/api/v1/journal").unwrap();
    assert_eq!(status, 200, "{lines}");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whose mute was over before it could be sent.
fn over_before_sent(journal: &[Value]) -> BTreeSet<Membership> {
    let over = |entry: &&Value| {
        let outcome = entry["outcome"].as_str().unwrap_or_default();
        outcome.starts_with("mute ") && outcome.contains("was over before it could be sent")
    };
    let whose = |entry: &Value| (text(&entry["group"]), text(&entry["member"]));
    journal.iter().filter(over).map(whose).collect()
}

/// Each answered callback is in the journal once; and nothing else is that a callback brought.
fn journal_against_ledger(
    ledger: &[Told],
    journal: &[Value],
    figures: &mut Figures,
    wrong: &mut Vec<String>,
) {
    // How often the journal has it, and how often something was to be done.
    let mut decided: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
    for (key, entry) in journal.iter().filter_map(|entry| Some((key_of_entry(entry)?, entry))) {
        let times = decided.entry(key).or_default();
        times.0 += 1;
        times.1 += usize::from(!entry["effects"].is_null());
    }
    let mut told: BTreeMap<Key, (usize, Duty)> = BTreeMap::new();
    for callback in ledger {
        if callback.answered == 0 {
            wrong.push(format!("never answered: {}", callback.body));
        }
        if is_warning(callback.command()) {
            figures.warnings += 1;
            continue;
        }
        let known = told.entry(key_of_told(callback)).or_insert((0, Duty::of(callback)));
        known.0 += 1;
    }
    for (key, (times, duty)) in &told {
        let (entries, acted) = decided.get(key).copied().unwrap_or_default();
        match duty {
            Duty::Count if entries == *times => figures.decided += times,
            Duty::Greet if acted <= *times => {
                figures.decided += acted;
                figures.found += times - acted;
            }
            Duty::Nothing => {
                figures.idle += times;
                figures.idle_not_kept += times.saturating_sub(entries);
            }
            _ => wrong.push(format!(
                "{key:?} was told {times} times, decided {entries} times, and acted upon {acted} times"
            )),
        }
    }
    let unheard = decided.keys().filter(|key| !told.contains_key(*key));
    wrong.extend(unheard.map(|key| format!("{key:?} was decided and never told")));
}

/// What a callback obliges the bot to.
#[derive(Clone, Copy, Debug)]
enum Duty {
    /// To keep the count of a flood, which is on disk before the answer: decided once.
    Count,
    /// To greet: acted upon once, be it that a comparison with Chat has found it before.
    Greet,
    Nothing,
}

impl Duty {
    fn of(callback: &Told) -> Self {
        let text = &callback.body["MsgBody"][0]["MsgContent"]["Text"];
        match callback.command() {
            "Group.CallbackAfterNewMemberJoin" => Self::Greet,
            "Group.CallbackAfterSendMsg" if text == FLOOD => Self::Count,
            _ => Self::Nothing,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn membership(group: &Value, member: &Value) -> Membership {
    (text(&group["id"]), text(&member["id"]))
}

/// Staff are admins and nobody else is; nobody is muted any more; every group has an owner of its own, or
/// operators know of it. So many have none.
fn roles(state: &Value, expected: &Expected, journal: &[Value], wrong: &mut Vec<String>) -> usize {
    let mut given_up = 0;
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
            // Chat ends it by itself, to the second.
            let until = member["muted_until"].as_i64().unwrap_or_default();
            if until - state["now"].as_i64().unwrap() > 2_000 {
                wrong.push(format!("{who:?} is still muted: {member}"));
            }
        }
        if owners == 0 && is_told_of(text(id), journal) {
            given_up += 1;
        } else if owners != 1 {
            wrong.push(format!("{id} has the owner {} and {owners} of them", group["owner"]));
        }
    }
    wrong.extend(staff.iter().map(|who| format!("{who:?} joined and is not there")));
    given_up
}

/// Whether operators were alerted that the group has no owner and nobody can be made one.
fn is_told_of(group: String, journal: &[Value]) -> bool {
    let alert = format!("alert: {group} has no owner");
    let effects = journal.iter().filter_map(|entry| entry["effects"].as_array()).flatten();
    effects.filter_map(|effect| effect["what"].as_str()).any(|what| what.starts_with(&alert))
}

/// Whatever is to be said was said once, or lies in a dead letter; and nothing else was said.
fn messages(
    state: &Value,
    wanted: impl Iterator<Item = (String, String)>,
    mut dead: Vec<String>,
    wrong: &mut Vec<String>,
) {
    let mut said: BTreeMap<(String, String), usize> = BTreeMap::new();
    for group in state["groups"].as_array().unwrap() {
        let ours = |message: &&Value| message["from"] == ADMIN;
        for message in group["messages"].as_array().unwrap().iter().filter(ours) {
            *said.entry((text(&group["id"]), text(&message["text"]))).or_default() += 1;
        }
    }
    for (group, words) in wanted {
        let times = said.remove(&(group.clone(), words.clone())).unwrap_or_default();
        let given_up = times == 0 && {
            // A dead letter does not show what was to be said: each stands for one message of its group.
            let what = format!("send a message to {group}");
            let place = dead.iter().position(|letter| *letter == what);
            place.map(|place| dead.swap_remove(place)).is_some()
        };
        if times != 1 && !given_up {
            wrong.push(format!("said {times} times in {group}: {words}"));
        }
    }
    wrong.extend(said.keys().map(|what| format!("said for no reason: {what:?}")));
}

/// Who flooded was muted; no command was called too often; how often calls were repeated.
fn calls(
    calls: &[Value],
    mut flooded: BTreeSet<Membership>,
    figures: &mut Figures,
    wrong: &mut Vec<String>,
) {
    // How often each was made, and how often Chat said yes.
    let mut made: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for call in calls {
        let (command, body) = (call["command"].as_str().unwrap(), &call["body"]);
        if call["error_code"] == OVER_THE_RATE {
            wrong.push(format!("called too often: {call}"));
        }
        let name = command.rsplit('/').next().unwrap();
        if name.starts_with("get_") {
            continue;
        }
        let applied = call["error_code"] == 0 && call["status"] != 502;
        if applied && body["MuteTime"].as_i64().is_some_and(|seconds| seconds > 0) {
            let group = text(&body["GroupId"]);
            // One of several (34951), or one alone (34900).
            let several = body["Members_Account"].as_array().into_iter().flatten();
            for member in several.chain(body.get("Member_Account")) {
                flooded.remove(&(group.clone(), text(member)));
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
