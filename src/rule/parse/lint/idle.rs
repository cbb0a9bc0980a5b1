//! Keys of a rule that do nothing as they are combined, and times that are surely not meant.

use std::time::Duration;

use crate::rule::model::{Action, Each, Excess, Missed, Rule, Schedule, Timing, Trigger};
use crate::rule::parse::codes::{
    CANNOT_WAIT, IDLE_KEY, LIMIT_TOO_LOW, OFTEN, TOO_LATE, WAITS_LONG,
};
use crate::rule::parse::file::File;
use crate::rule::parse::tree::{Entry, Table, Value};
use crate::rule::{EventKind, duration};

/// A wait longer than this outlives what people remember of a rule.
const LONG_WAIT: Duration = Duration::from_secs(90 * 86_400);
/// A sweep over all groups more often than this reads them from Chat without end.
const OFTEN_SWEPT: Duration = Duration::from_secs(5 * 60);
/// The same for a crontab line: so many times an hour.
const MOST_SWEEPS: usize = 12;
/// A firing no later than this is on time anyway.
const ON_TIME: Duration = Duration::from_secs(60);

/// Tells of keys that do nothing.
pub fn check(file: &mut File<'_>, table: &Table, rule: &Rule) {
    match &rule.trigger {
        Trigger::Schedule(schedule) => of_schedule(file, table, rule, schedule),
        Trigger::On(kinds) => asked(file, table, rule, kinds),
    }
    if let Some(entry) = table.get("wait")
        && rule.wait.is_some_and(|wait| wait > LONG_WAIT)
    {
        let message = format!("`{}` waits longer than 90 days", rule.id);
        file.warn(WAITS_LONG, entry.node.span.clone(), message)
            .label("its cause is likely gone by then, and the rule forgotten")
            .help("use a `schedule` that looks at what is the case then".to_owned());
    }
    once_and_cooldown(file, table, rule);
    app_and_more(file, table);
    limited(file, table, rule);
}

/// Whether nothing that the bot does starts the rule: its own messages go out with their callbacks
/// forbidden (34959, 34919).
pub fn hears_only_others(rule: &Rule) -> bool {
    let silent = |kind: &EventKind| {
        use EventKind::{MessageSending, MessageSent, PrivateSending, PrivateSent};
        matches!(kind, MessageSent | MessageSending | PrivateSent | PrivateSending)
    };
    matches!(&rule.trigger, Trigger::On(kinds) if !kinds.is_empty() && kinds.iter().all(silent))
}

/// What a rule does for one event is let through or held back as a whole.
fn limited(file: &mut File<'_>, table: &Table, rule: &Rule) {
    let (Some(limit), Some(entry)) = (rule.limit, table.get("limit")) else { return };
    let counted = rule.steps.iter().filter(|step| is_counted(&step.action)).count();
    if counted <= usize::try_from(limit.actions).unwrap_or(usize::MAX) {
        return;
    }
    let become_of = match limit.then {
        Excess::Hold => "held",
        Excess::Drop => "dropped",
    };
    let message = format!("`{}` does {counted} actions at once, more than its `limit`", rule.id);
    file.warn(LIMIT_TOO_LOW, entry.node.span.clone(), message)
        .label(format!("each time, all of them are {become_of}"))
        .help(format!("write `actions = {counted}` or more"));
}

/// Whether an action surely counts against the limit together with the others of its rule. Alerts,
/// answers and memory never do; a new owner is looked for first, and counts by itself.
fn is_counted(action: &Action) -> bool {
    let never = ["alert", "remember", "forget", "transfer_owner"];
    let answers = ["reject", "drop", "replace_text", "refuse_invited"];
    !never.contains(&action.name()) && !answers.contains(&action.name())
}

/// Chat waits two seconds for an answer, and no longer.
fn asked(file: &mut File<'_>, table: &Table, rule: &Rule, kinds: &[EventKind]) {
    let asking: Vec<_> = kinds.iter().filter(|kind| kind.asks()).map(|kind| kind.name()).collect();
    if let (Some(entry), true, true) = (table.get("on_own"), rule.on_own, hears_only_others(rule)) {
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let message = format!("`on_own` does nothing on {}", names.join(" and "));
        file.warn(IDLE_KEY, entry.key_span.clone(), message)
            .label("Chat does not tell of messages that the bot sends")
            .help("leave it out".to_owned());
    }
    if let (Some(entry), Some(_), [_, ..]) = (table.get("wait"), rule.wait, asking.as_slice()) {
        let message = format!("a rule on {} cannot wait", asking.join(" and "));
        file.error(CANNOT_WAIT, entry.key_span.clone(), message)
            .label("Chat waits two seconds for the answer")
            .help("leave `wait` out, or listen to the event that comes afterwards".to_owned());
    }
}

fn of_schedule(file: &mut File<'_>, table: &Table, rule: &Rule, schedule: &Schedule) {
    for (key, set, why) in [
        ("stop", rule.stop, "a firing is for this rule alone"),
        ("on_own", rule.on_own, "a schedule is never an echo of the bot"),
    ] {
        if let (true, Some(entry)) = (set, table.get(key)) {
            let message = format!("`{key}` does nothing in a rule with a `schedule`");
            file.warn(IDLE_KEY, entry.key_span.clone(), message)
                .label(why)
                .help("leave it out".to_owned());
        }
    }
    let Some(entry) = table.get("schedule") else { return };
    let Value::Table(fields) = &entry.node.value else { return };
    if let Some(late) = fields.get("max_late") {
        lateness(file, schedule, late);
    }
    let often = match &schedule.timing {
        Timing::Every(time) => *time < OFTEN_SWEPT,
        Timing::Cron(crontab) => crontab.fires_more_than(MOST_SWEEPS),
    };
    if often && schedule.for_each_group {
        let timing = fields.get("every").or_else(|| fields.get("cron")).unwrap_or(entry);
        let message = format!("`{}` looks at all groups every few minutes", rule.id);
        file.warn(OFTEN, timing.node.span.clone(), message)
            .label("each time, every group is read from Chat")
            .help("let 5 minutes or more pass between two firings".to_owned());
    }
}

fn lateness(file: &mut File<'_>, schedule: &Schedule, late: &Entry) {
    if schedule.max_late.is_some_and(|most| most < ON_TIME) {
        let message = "`max_late` makes up for nothing that was missed";
        file.warn(TOO_LATE, late.node.span.clone(), message)
            .label("a restart alone can take longer")
            .help("write for instance `max_late = \"6h\"`".to_owned());
    } else if schedule.missed == Missed::Skip {
        let message = "`max_late` does nothing with `missed = \"skip\"`";
        file.warn(IDLE_KEY, late.key_span.clone(), message)
            .label("what was missed is skipped however late it is")
            .help("leave it out".to_owned());
    }
}

/// One of the two is always over when the other is.
fn once_and_cooldown(file: &mut File<'_>, table: &Table, rule: &Rule) {
    let (Some(once), Some(cooldown)) = (&rule.once, &rule.cooldown) else { return };
    let (Some(once_at), Some(cooldown_at)) = (table.get("once"), table.get("cooldown")) else {
        return;
    };
    // `each = ["group"]` holds back all that `each = ["group", "member"]` does, and more.
    let wider = |one: &[Each], two: &[Each]| {
        one.iter().all(|each| *each == Each::App || two.contains(each))
    };
    let (idle, by, time) = if wider(&once.each, &cooldown.each)
        && once.per.is_none_or(|per| per >= cooldown.time)
    {
        (cooldown_at, "once", once.per)
    } else if wider(&cooldown.each, &once.each) && once.per.is_some_and(|per| per <= cooldown.time)
    {
        (once_at, "cooldown", Some(cooldown.time))
    } else {
        return;
    };
    let time = time.map_or("for ever".to_owned(), |time| format!("for {}", duration::format(time)));
    file.warn(
        IDLE_KEY,
        idle.key_span.clone(),
        format!("`{}` does nothing beside `{by}`", idle.key),
    )
    .label(format!("`{by}` keeps the rule quiet {time}"))
    .help(format!("leave `{}` out", idle.key));
}

/// `"app"` is one key for everything, and adds nothing to another.
fn app_and_more(file: &mut File<'_>, table: &Table) {
    for key in ["count", "once", "cooldown"] {
        let Some(entry) = table.get(key) else { continue };
        let Value::Table(fields) = &entry.node.value else { continue };
        let Some(Value::List(items)) = fields.get("each").map(|each| &each.node.value) else {
            continue;
        };
        let app = |text: &Value| matches!(text, Value::Text(text) if text == "app");
        let Some(item) = items.iter().find(|item| app(&item.value)) else { continue };
        if items.iter().any(|item| !app(&item.value)) {
            file.warn(IDLE_KEY, item.span.clone(), "`\"app\"` adds nothing to the others")
                .label("it stands for one number for the whole app")
                .help("leave it out, or leave the others out".to_owned());
        }
    }
}
