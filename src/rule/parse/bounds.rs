//! The tables that need memory over time: `count`, `once`, `cooldown`, `limit`.

use std::time::Duration;

use super::codes::{MISSING, NOT_BOTH, NOT_COUNTABLE, REPEATED};
use super::file::{Fields, File};
use super::key::{EACH, Key, Named, Shape, words};
use super::scope::About;
use super::tree::Entry;
use crate::rule::catalog::Object;
use crate::rule::model::{Cooldown, Count, Each, Excess, Limit, Once};

/// The highest threshold of a count: so many moments are kept for each key.
const MOST_COUNTED: i64 = 1_000;
/// The most actions of a limit.
const MOST_LIMITED: i64 = 10_000;
/// The longest window of a count or limit.
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// The keys of `count`.
pub const COUNT_KEYS: &[Key] = &[
    EACH,
    Key::new(
        "within",
        Shape::Duration,
        "The window, at most 7d; it slides over the time of the events.",
    )
    .required(),
    Key::new(
        "more_than",
        Shape::Number(0, MOST_COUNTED - 1),
        "Act when there are more than this many in the window.",
    )
    .exactly_one(),
    Key::new(
        "at_least",
        Shape::Number(1, MOST_COUNTED),
        "Act when there are this many in the window, or more.",
    )
    .exactly_one(),
];
/// The keys of `once`.
pub const ONCE_KEYS: &[Key] =
    &[EACH, Key::new("per", Shape::Duration, "Once in that time; left out, once ever.")];
/// The keys of `cooldown`.
pub const COOLDOWN_KEYS: &[Key] = &[
    EACH,
    Key::new("for", Shape::Duration, "How long the rule is quiet after it has acted.").required(),
];
/// The keys of `limit`.
pub const LIMIT_KEYS: &[Key] = &[
    Key::new("actions", Shape::Number(1, MOST_LIMITED), "How many actions are believable.")
        .required(),
    Key::new("per", Shape::Duration, "In which time, at most 7d.").required(),
    Key::new(
        "then",
        Shape::Word(|| words(&EXCESS)),
        "Hold what is over the limit until an operator releases it, or drop it.",
    )
    .default("\"hold\""),
];
const EXCESS: [(&str, Excess); 2] = [("hold", Excess::Hold), ("drop", Excess::Drop)];

const COUNT: &str = "count = { each = [\"group\", \"member\"], within = \"10s\", more_than = 5 }";
const ONCE: &str = "once = { each = [\"member\"], per = \"24h\" }";
const COOLDOWN: &str = "cooldown = { each = [\"group\", \"member\"], for = \"60s\" }";
const LIMIT: &str = "limit = { actions = 30, per = \"1m\", then = \"hold\" }";

/// Opens the table under `key`, if it is given.
fn open<'n>(
    file: &mut File<'_>,
    rule: &Fields<'n>,
    key: &str,
    keys: &'static [Key],
    example: &str,
) -> Option<Fields<'n>> {
    let entry = rule.get(key)?;
    let table = file.table(entry, example)?;
    let habits =
        [("window", "within"), ("per", "within"), ("threshold", "at_least"), ("time", "for")];
    let habits: Vec<_> = habits
        .into_iter()
        .filter(|(_, meant)| keys.iter().any(|key| key.name() == *meant))
        .collect();
    Some(file.fields(&format!("`{key}`"), entry.key_span.clone(), table, keys, &habits))
}

/// Reads `count`.
pub fn count(file: &mut File<'_>, rule: &Fields<'_>, about: &About) -> Option<Count> {
    let fields = open(file, rule, "count", COUNT_KEYS, COUNT)?;
    let each = each(file, &fields, about);
    let within = file
        .required(&fields, "within", "within = \"10s\"")
        .and_then(|entry| file.window("within", &entry.node, LONGEST_WINDOW));
    let threshold = match (fields.get("more_than"), fields.get("at_least")) {
        (Some(entry), None) => {
            file.number("more_than", &entry.node, 0..MOST_COUNTED).map(|more_than| more_than + 1)
        }
        (None, Some(entry)) => file.number("at_least", &entry.node, 1..MOST_COUNTED + 1),
        (Some(_), Some(entry)) => {
            let message = "a count has either `more_than` or `at_least`";
            file.error(NOT_BOTH, entry.key_span.clone(), message).label("`more_than` is given too");
            None
        }
        (None, None) => {
            if fields.lacks("more_than") && fields.lacks("at_least") {
                file.error(MISSING, fields.place.clone(), "`count` does not say how many")
                    .help("write for instance `more_than = 5`".to_owned());
            }
            None
        }
    };
    Some(Count { each: each?, within: within?, threshold: threshold? })
}

/// Reads `once`.
pub fn once(file: &mut File<'_>, rule: &Fields<'_>, about: &About) -> Option<Once> {
    let fields = open(file, rule, "once", ONCE_KEYS, ONCE)?;
    let each = each(file, &fields, about);
    let per = fields.get("per").and_then(|entry| file.duration("per", &entry.node));
    Some(Once { each: each?, per })
}

/// Reads `cooldown`.
pub fn cooldown(file: &mut File<'_>, rule: &Fields<'_>, about: &About) -> Option<Cooldown> {
    let fields = open(file, rule, "cooldown", COOLDOWN_KEYS, COOLDOWN)?;
    let each = each(file, &fields, about);
    let time = file
        .required(&fields, "for", "for = \"60s\"")
        .and_then(|entry| file.duration("for", &entry.node));
    Some(Cooldown { each: each?, time: time? })
}

/// Reads `limit`.
pub fn limit(file: &mut File<'_>, rule: &Fields<'_>) -> Option<Limit> {
    let fields = open(file, rule, "limit", LIMIT_KEYS, LIMIT)?;
    let actions = file
        .required(&fields, "actions", "actions = 30")
        .and_then(|entry| file.number("actions", &entry.node, 1..MOST_LIMITED + 1));
    let per = file
        .required(&fields, "per", "per = \"1m\"")
        .and_then(|entry| file.window("per", &entry.node, LONGEST_WINDOW));
    let then = match fields.get("then") {
        None => Some(Excess::default()),
        Some(entry) => file.choice("then", &entry.node, &EXCESS),
    };
    Some(Limit { actions: actions?, per: per?, then: then? })
}

/// `each`: mandatory, because a count over the whole app instead of each member is a disaster that
/// looks like a detail.
pub fn each(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Vec<Each>> {
    const EXAMPLE: &str = "each = [\"group\", \"member\"]";
    let entry = file.required(fields, "each", EXAMPLE)?;
    let mut each = Vec::new();
    for (text, node) in file.some_texts(entry, EXAMPLE) {
        let Some(key) = Each::from_name(text) else {
            file.unknown_value("each", text, node, &Each::ALL.map(Each::name));
            continue;
        };
        if each.contains(&key) {
            file.warn(REPEATED, node.span.clone(), format!("`{text}` is listed twice"));
            continue;
        }
        each.push(key);
    }
    check_each(file, entry, &each, about);
    (!each.is_empty()).then_some(each)
}

/// Every event must say which group or member it counts for.
fn check_each(file: &mut File<'_>, entry: &Entry, each: &[Each], about: &About) {
    let persons = [Object::Member, Object::User, Object::Sender];
    let wanted: [(Each, &str, &[Object]); 2] =
        [(Each::Group, "group", &[Object::Group]), (Each::Member, "member", &persons)];
    for (key, name, objects) in wanted {
        if !each.contains(&key) || objects.iter().any(|object| about.carries(*object)) {
            continue;
        }
        let lacking = about.lacking(objects);
        if lacking.is_empty() {
            continue;
        }
        let message = format!("there is no {name} to keep this for");
        file.error(NOT_COUNTABLE, entry.node.span.clone(), message)
            .label(format!("there is no {name} on {lacking}"))
            .help(format!("leave `\"{name}\"` out of `each`"));
    }
}
