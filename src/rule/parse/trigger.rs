//! What starts a rule: `on`, or `schedule` with `for_each`.

use super::codes::{MISSING, NEEDS_ANOTHER, NOT_BOTH, REPEATED, UNKNOWN_EVENT};
use super::file::{Fields, File, there_are};
use super::key::{Key, Shape, words};
use super::tree::{Entry, Node, Table, Value};
use crate::rule::catalog::EventKind;
use crate::rule::crontab::{self, Crontab};
use crate::rule::model::{Missed, Schedule, Timing, Trigger};
use crate::rule::names::Names;
use crate::rule::suggest::closest;

const SCHEDULE: &str = "schedule = { cron = \"0 4 * * *\", timezone = \"Asia/Shanghai\" }";
/// The keys of `schedule`.
pub const KEYS: &[Key] = &[
    Key::new(
        "cron",
        Shape::Pattern(r"\S+(\s+\S+){4}"),
        "Minute, hour, day of month, month, day of week (0 and 7 are Sunday).",
    )
    .exactly_one(),
    Key::new("timezone", Shape::Word(timezones), "The time zone of `cron`, as `Asia/Shanghai`.")
        .default("\"UTC\"")
        .beside("cron"),
    Key::new(
        "missed",
        Shape::Word(|| words(&MISSED)),
        "Firings that fell into a stop: made up for once, all of them, or not at all.",
    )
    .default("\"once\""),
    Key::new("max_late", Shape::Duration, "A firing that is later than this is skipped."),
    Key::new("every", Shape::Duration, "Instead of `cron`: every so often, counted from 1970.")
        .exactly_one(),
];
const MISSED: [(&str, Missed); 3] =
    [("skip", Missed::Skip), ("once", Missed::Once), ("all", Missed::All)];
fn timezones() -> Vec<&'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect()
}

/// What `for_each` can be.
pub const FOR_EACH: [(&str, bool); 1] = [("group", true)];

/// Chat's commands that stand for one event, for those who write them into `on`.
const COMMANDS: [(&str, EventKind); 12] = [
    ("Group.CallbackAfterNewMemberJoin", EventKind::MemberJoined),
    ("Group.CallbackAfterMemberExit", EventKind::MemberLeft),
    ("Group.CallbackAfterMemberFieldChanged", EventKind::MemberRoleChanged),
    ("Group.CallbackAfterChangeGroupOwner", EventKind::OwnerChanged),
    ("Group.CallbackAfterCreateGroup", EventKind::GroupCreated),
    ("Group.CallbackAfterGroupDestroyed", EventKind::GroupDismissed),
    ("Group.CallbackAfterGroupFull", EventKind::GroupFull),
    ("Group.CallbackAfterGroupInfoChanged", EventKind::GroupInfoChanged),
    ("Group.CallbackAfterSendMsg", EventKind::MessageSent),
    ("Group.CallbackBeforeSendMsg", EventKind::MessageSending),
    ("Group.CallbackAfterRecallMsg", EventKind::MessageRecalled),
    ("Group.CallbackBeforeApplyJoinGroup", EventKind::JoinRequested),
];

/// What starts a rule, as far as it could be read, and the names that follow from it.
pub struct Started {
    pub trigger: Option<Trigger>,
    /// `None` when it is not sure which events there are.
    pub names: Option<Names>,
}

/// Reads `on`, `schedule` and `for_each`.
pub fn read(file: &mut File<'_>, fields: &Fields<'_>) -> Started {
    match (fields.get("on"), fields.get("schedule")) {
        (Some(on), None) => {
            if let Some(for_each) = fields.get("for_each") {
                let message = "`for_each` belongs to a `schedule`";
                file.error(NEEDS_ANOTHER, for_each.key_span.clone(), message)
                    .label("a rule with `on` runs for the group of its event")
                    .help("leave it out".to_owned());
            }
            read_on(file, on)
        }
        (None, Some(schedule)) => read_schedule(file, fields, schedule),
        (Some(on), Some(schedule)) => {
            let message = "a rule has either `on` or `schedule`";
            file.error(NOT_BOTH, schedule.key_span.clone(), message)
                .label("`on` is given too")
                .help("make two rules of it".to_owned());
            // Their own mistakes are told all the same; names would be guesses.
            read_on(file, on);
            read_schedule(file, fields, schedule);
            Started { trigger: None, names: None }
        }
        (None, None) => {
            if fields.lacks("on") && fields.lacks("schedule") {
                file.error(MISSING, fields.place.clone(), "nothing starts this rule")
                    .label("it has neither `on` nor `schedule`")
                    .help("write for instance `on = \"member.joined\"`".to_owned());
            }
            Started { trigger: None, names: None }
        }
    }
}

fn read_on(file: &mut File<'_>, on: &Entry) -> Started {
    let texts = match &on.node.value {
        Value::Text(text) => vec![(text.as_str(), &on.node)],
        Value::List(_) => file.some_texts(on, "on = [\"member.joined\"]"),
        _ => {
            let help = Some("write for instance `on = \"member.joined\"`".to_owned());
            file.wrong_type("on", &on.node, "the name of an event, or a list of them", help);
            Vec::new()
        }
    };
    let written = match &on.node.value {
        Value::List(items) => items.len(),
        _ => 1,
    };
    let mut kinds = Vec::new();
    let mut repeated = 0;
    for (text, node) in texts {
        match EventKind::from_name(text) {
            Some(kind) if kinds.contains(&kind) => {
                repeated += 1;
                file.warn(REPEATED, node.span.clone(), format!("`{text}` is listed twice"));
            }
            Some(kind) => kinds.push(kind),
            None => unknown_event(file, text, node),
        }
    }
    let complete = !kinds.is_empty() && kinds.len() + repeated == written;
    let names = complete.then(|| Names::of_events(&kinds));
    Started { trigger: complete.then_some(Trigger::On(kinds)), names }
}

fn unknown_event(file: &mut File<'_>, text: &str, node: &Node) {
    let all = || EventKind::ALL.iter().map(|kind| kind.name());
    let subject = text.split('.').next().unwrap_or("");
    let near: Vec<_> =
        all().filter(|name| name.split('.').next().is_some_and(|known| known == subject)).collect();
    let label = if near.is_empty() {
        let mut subjects: Vec<_> = all().filter_map(|name| name.split('.').next()).collect();
        let mut seen = vec!["callback"];
        subjects.retain(|subject| !seen.contains(subject) && (seen.push(*subject), true).1);
        format!("events begin with: {}", subjects.join(" "))
    } else {
        there_are(&near)
    };
    let command = COMMANDS.iter().find(|(command, _)| command.eq_ignore_ascii_case(text));
    let instead = command.map(|(_, kind)| kind.name()).or_else(|| closest(text, all()));
    let parts: Vec<_> = text.split([',', ' ', '|']).filter(|part| !part.is_empty()).collect();
    let several = parts.len() > 1 && parts.iter().all(|part| EventKind::from_name(part).is_some());
    let help = match instead {
        _ if several => {
            let quoted: Vec<_> = parts.iter().map(|part| format!("\"{part}\"")).collect();
            Some(format!("write `[{}]`", quoted.join(", ")))
        }
        _ if text.contains('*') => Some("name each event: `on` takes no patterns".to_owned()),
        instead => instead.map(|name| format!("write `\"{name}\"`")),
    };
    let message = match text {
        "" => "the name of an event is missing".to_owned(),
        _ => format!("`{text}` is not an event"),
    };
    file.error(UNKNOWN_EVENT, node.span.clone(), message).label(label).help(help);
}

fn read_schedule(file: &mut File<'_>, fields: &Fields<'_>, entry: &Entry) -> Started {
    let for_each_group = fields
        .get("for_each")
        .map(|for_each| file.choice("for_each", &for_each.node, &FOR_EACH).unwrap_or(true));
    let for_each_group = for_each_group.unwrap_or(false);
    if let (false, Some(scope)) = (for_each_group, fields.get("in")) {
        file.error(NEEDS_ANOTHER, scope.key_span.clone(), "this schedule runs for no group")
            .label("`in` selects groups")
            .help("write `for_each = \"group\"` beside it".to_owned());
    }
    let names = Some(Names::of_schedule(for_each_group));
    let trigger = schedule_table(file, entry).and_then(|table| times(file, entry, table)).map(
        |(timing, missed, max_late)| {
            Trigger::Schedule(Schedule { timing, missed, max_late, for_each_group })
        },
    );
    Started { trigger, names }
}

/// Opens the table; a crontab line or an interval alone is put into one in the help.
fn schedule_table<'n>(file: &mut File<'_>, entry: &'n Entry) -> Option<&'n Table> {
    let Value::Text(text) = &entry.node.value else { return file.table(entry, SCHEDULE) };
    let words = text.split_whitespace().count();
    let interval = text.trim_start_matches("@every").trim_start_matches("every").trim();
    let inner = match () {
        () if words == 5 || (words == 1 && text.starts_with('@')) => format!("cron = \"{text}\""),
        () if crate::rule::duration::parse(interval).is_ok() => format!("every = \"{interval}\""),
        () => return file.table(entry, SCHEDULE),
    };
    let help = Some(format!("write `schedule = {{ {inner} }}`"));
    file.wrong_type("schedule", &entry.node, "a table", help);
    None
}

type Times = (Timing, Missed, Option<std::time::Duration>);

fn times(file: &mut File<'_>, entry: &Entry, table: &Table) -> Option<Times> {
    let fields = file.fields("`schedule`", entry.key_span.clone(), table, KEYS, &[]);
    let missed = fields.get("missed").map(|missed| file.choice("missed", &missed.node, &MISSED));
    let max_late = fields.get("max_late").and_then(|late| file.duration("max_late", &late.node));
    let timing = match (fields.get("cron"), fields.get("every")) {
        (Some(cron), None) => read_cron(file, &fields, cron),
        (None, Some(every)) => {
            if let Some(timezone) = fields.get("timezone") {
                let message = "`timezone` belongs to `cron`";
                file.error(NEEDS_ANOTHER, timezone.key_span.clone(), message)
                    .label("`every` is the same everywhere")
                    .help("leave it out".to_owned());
            }
            file.duration("every", &every.node).map(Timing::Every)
        }
        (Some(_), Some(every)) => {
            let message = "a schedule has either `cron` or `every`";
            file.error(NOT_BOTH, every.key_span.clone(), message).label("`cron` is given too");
            None
        }
        (None, None) => {
            file.required(&fields, "cron", "cron = \"0 4 * * *\"");
            None
        }
    };
    Some((timing?, missed.unwrap_or(Some(Missed::Once))?, max_late))
}

fn read_cron(file: &mut File<'_>, fields: &Fields<'_>, cron: &Entry) -> Option<Timing> {
    let timezone = match fields.get("timezone") {
        None => Some(chrono_tz::UTC),
        Some(entry) => file.text("timezone", &entry.node).and_then(|text| {
            crontab::timezone(text).map_err(|mistake| file.mistake(&entry.node, text, mistake)).ok()
        }),
    };
    let text = file.text("cron", &cron.node)?;
    // A line is read even when its zone is not known, so that both are told.
    match Crontab::parse(text, timezone.unwrap_or(chrono_tz::UTC)) {
        Ok(crontab) => timezone.map(|_| Timing::Cron(crontab)),
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| file.mistake(&cron.node, text, mistake));
            None
        }
    }
}
