//! One `[rule.…]`: its keys, in the order in which one depends on the other.

use std::sync::Arc;

use super::codes::{BAD_ID, DOES_NOTHING, OWN_ECHOES, UNGUARDED};
use super::file::{Fields, File};
use super::key::{Key, Shape, words};
use super::lint::hears_only_others;
use super::scope::{self, About};
use super::tree::{Entry, Value};
use super::trigger::{self, Started};
use super::{bounds, do_list};
use crate::rule::condition::Condition;
use crate::rule::model::{Mode, Place, Rule, RuleId, Trigger, digest};
use crate::rule::names::{Memory, Names};

/// The keys of a rule, in the order in which a file is best read.
pub const KEYS: &[Key] = &[
    Key::new("title", Shape::Text, "What the rule is for, in one line."),
    Key::new("notes", Shape::Text, "Whatever else people should know."),
    Key::new("tags", Shape::List(&Shape::Text, 0), "Words to find the rule by."),
    Key::new(
        "on",
        Shape::Either(&[Shape::Event, Shape::List(&Shape::Event, 1)]),
        "The event, or several, that starts the rule.",
    )
    .exactly_one(),
    Key::new(
        "schedule",
        Shape::Table(trigger::KEYS),
        "Instead of `on`: when the clock starts the rule.",
    )
    .exactly_one(),
    Key::new(
        "for_each",
        Shape::Word(|| words(&trigger::FOR_EACH)),
        "With `schedule`: run for each known group that `in` selects.",
    )
    .beside("schedule"),
    Key::new(
        "in",
        Shape::Table(scope::KEYS),
        "Which groups the rule looks at; left out, all of them.",
    ),
    Key::new(
        "when",
        Shape::Condition,
        "The rule goes on only when this holds; each `&&` clause is explained by itself.",
    ),
    Key::new("unless", Shape::Condition, "The rule stops when this holds."),
    Key::new(
        "count",
        Shape::Table(bounds::COUNT_KEYS),
        "Go on from so many events in a time; conditions read the number as `count`.",
    ),
    Key::new(
        "once",
        Shape::Table(bounds::ONCE_KEYS),
        "Act once for each of these, ever or in a time.",
    ),
    Key::new("cooldown", Shape::Table(bounds::COOLDOWN_KEYS), "After acting, be quiet for a time."),
    Key::new(
        "wait",
        Shape::Duration,
        "Act that long after the event, if the cause still holds then.",
    ),
    Key::new(
        "do",
        Shape::List(&Shape::Action, 0),
        "The actions in their order; when one is refused for good, those behind it are skipped.",
    ),
    Key::new(
        "stop",
        Shape::Truth,
        "Rules behind this one do not see the event once this one has acted.",
    )
    .default("false"),
    Key::new(
        "mode",
        Shape::Word(|| words(&MODES)),
        "`shadow` decides, records and shows, and never sends.",
    )
    .default("\"enforce\""),
    Key::new(
        "limit",
        Shape::Table(bounds::LIMIT_KEYS),
        "A rule that does more than this is wrong; what is over it is held or dropped.",
    ),
    Key::new(
        "allow_protected",
        Shape::Truth,
        "Lifts the guard over the owner, admins and protected accounts for this rule.",
    )
    .default("false"),
    Key::new("on_own", Shape::Truth, "What the bot does itself starts this rule too.")
        .default("false"),
];
const MODES: [(&str, Mode); 3] =
    [("enforce", Mode::Enforce), ("shadow", Mode::Shadow), ("off", Mode::Off)];

/// What people write who know other systems.
const HABITS: &[(&str, &str)] = &[
    ("action", "do"),
    ("actions", "do"),
    ("condition", "when"),
    ("cron", "schedule"),
    ("delay", "wait"),
    ("description", "notes"),
    ("enabled", "mode"),
    ("event", "on"),
    ("events", "on"),
    ("group", "in"),
    ("groups", "in"),
    ("if", "when"),
    ("name", "title"),
    ("then", "do"),
    ("trigger", "on"),
    ("types", "in"),
];

/// Reads a rule; `None` when anything in it is wrong.
pub fn read(file: &mut File<'_>, heading: &Entry, memory: &Arc<Memory>) -> Option<Rule> {
    let before = file.errors();
    let place = heading.key_span.clone();
    let Value::Table(table) = &heading.node.value else {
        let help = Some(format!("write `[rule.{}]` above its keys", heading.key));
        file.wrong_type(&format!("rule.{}", heading.key), &heading.node, "a table", help);
        return None;
    };
    if let [only] = table.entries()
        && matches!(only.node.value, Value::Table(_))
        && !KEYS.iter().any(|key| key.name == only.key)
    {
        file.error(BAD_ID, only.key_span.clone(), "the id of a rule has no dot")
            .help(format!("write `[rule.{}-{}]`", heading.key, only.key));
        return None;
    }
    let fields = file.fields("a rule", place.clone(), table, KEYS, HABITS);
    let Started { trigger, names } = trigger::read(file, &fields);
    let (scope, types) = scope::read(file, &fields, names.as_ref());
    let names = names.map(|names| match fields.get("count") {
        Some(_) => names.with_count().with_memory(memory),
        None => names.with_memory(memory),
    });
    let texts = names.clone().map(|names| match do_list::mutes(&fields) {
        true => names.with_mute(),
        false => names,
    });
    let about = About { names, texts, types };
    let (when, unless) = conditions(file, &fields, about.names.as_ref());
    let mut rule = Rule {
        id: RuleId::from(heading.key.as_str()),
        title: optional_text(file, &fields, "title"),
        notes: optional_text(file, &fields, "notes"),
        tags: tags(file, &fields),
        // Without one there is an error, and nothing is returned.
        trigger: trigger.unwrap_or(Trigger::On(Vec::new())),
        scope,
        when,
        unless,
        count: bounds::count(file, &fields, &about),
        once: bounds::once(file, &fields, &about),
        cooldown: bounds::cooldown(file, &fields, &about),
        wait: fields.get("wait").and_then(|entry| file.duration("wait", &entry.node)),
        steps: Vec::new(),
        stop: truth(file, &fields, "stop"),
        mode: mode(file, &fields),
        limit: bounds::limit(file, &fields),
        allow_protected: truth(file, &fields, "allow_protected"),
        on_own: truth(file, &fields, "on_own"),
        digest: digest([("rule", heading.node.content().as_str())]),
        place: Place { file: file.source.name().clone(), line: file.source.spot(place).line() },
    };
    rule.steps = do_list::read(file, &fields, &about);
    // A part with a mistake was read as absent above: no rule may come of that.
    if file.errors() > before {
        return None;
    }
    lint(file, &fields, &rule);
    Some(rule)
}

fn conditions(
    file: &mut File<'_>,
    fields: &Fields<'_>,
    names: Option<&Names>,
) -> (Option<Condition>, Option<Condition>) {
    let mut read = |key: &str| {
        let entry = fields.get(key)?;
        file.condition(key, &entry.node, names)
    };
    (read("when"), read("unless"))
}

fn optional_text(file: &mut File<'_>, fields: &Fields<'_>, key: &str) -> Option<String> {
    let entry = fields.get(key)?;
    file.text(key, &entry.node).map(str::to_owned)
}

fn tags(file: &mut File<'_>, fields: &Fields<'_>) -> Vec<String> {
    let entry = fields.get("tags");
    let texts = entry.map(|entry| file.texts(entry)).unwrap_or_default();
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn truth(file: &mut File<'_>, fields: &Fields<'_>, key: &str) -> bool {
    let read = fields.get(key).and_then(|entry| file.truth(key, &entry.node));
    read.unwrap_or(false)
}

fn mode(file: &mut File<'_>, fields: &Fields<'_>) -> Mode {
    let read = fields.get("mode").and_then(|entry| file.choice("mode", &entry.node, &MODES));
    read.unwrap_or_default()
}

/// What is allowed and probably not meant.
fn lint(file: &mut File<'_>, fields: &Fields<'_>, rule: &Rule) {
    if let (true, Some(entry)) = (rule.allow_protected, fields.get("allow_protected")) {
        let message = format!("`{}` may act on the owner, admins and protected accounts", rule.id);
        file.warn(UNGUARDED, entry.key_span.clone(), message)
            .label("this lifts the guard")
            .help("leave it out unless that is what you want".to_owned());
    }
    let lifted = rule.on_own && !hears_only_others(rule);
    if let (true, Some(entry)) = (lifted, fields.get("on_own")) {
        let message = format!("`{}` is also started by what the bot does itself", rule.id);
        file.warn(OWN_ECHOES, entry.key_span.clone(), message)
            .label("this lifts the guard against loops")
            .help("leave it out unless that is what you want".to_owned());
    }
    let no_actions = match fields.get("do").map(|entry| &entry.node.value) {
        None => true,
        Some(Value::List(items)) => items.is_empty(),
        Some(_) => false,
    };
    // A rule that only hides events from those behind it is complete.
    if no_actions && !rule.stop {
        let place = fields.get("do").map_or(fields.place.clone(), |entry| entry.key_span.clone());
        file.warn(DOES_NOTHING, place, format!("`{}` does nothing", rule.id))
            .label("it has no actions")
            .help("write for instance `do = [{ alert = { text = \"…\" } }]`".to_owned());
    }
}
