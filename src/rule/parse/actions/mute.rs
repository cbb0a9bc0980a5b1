//! `mute` with its ladder, and `unmute`.

use super::common::who;
use crate::rule::duration;
use crate::rule::model::{Action, Ladder, MuteTime};
use crate::rule::parse::codes::LADDER_ORDER;
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{Key, Shape, TIME_OR_FOREVER, WHO};
use crate::rule::parse::scope::About;
use crate::rule::parse::tree::{Entry, Node, Value};

/// The keys of `mute`.
pub const MUTE: &[Key] = &[
    WHO,
    Key::new(
        "for",
        Shape::Either(&[TIME_OR_FOREVER, Shape::List(&TIME_OR_FOREVER, 1)]),
        "How long: a duration, a ladder of them (the next step each time), or `forever`.",
    )
    .required(),
    Key::new(
        "forget_after",
        Shape::Duration,
        "After that time without a mute, the ladder begins again.",
    ),
    Key::new("reason", Shape::Template, "Why, for the record and for texts as {mute.reason}."),
];

pub fn mute(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let who = who(file, fields, about.names.as_ref());
    let steps =
        file.required(fields, "for", "for = \"10m\"").and_then(|entry| read_steps(file, entry));
    let forget_after =
        fields.get("forget_after").and_then(|entry| file.duration("forget_after", &entry.node));
    // The reason is part of the mute, and cannot speak of it.
    let reason = fields
        .get("reason")
        .and_then(|entry| file.template("reason", &entry.node, about.names.as_ref()));
    let ladder = Ladder { steps: steps?, forget_after };
    check_forgetting(file, fields, &ladder);
    Some(Action::Mute { who: who?, ladder, reason })
}

pub fn unmute(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    Some(Action::Unmute { who: who(file, fields, about.texts.as_ref())? })
}

fn read_steps(file: &mut File<'_>, entry: &Entry) -> Option<Vec<MuteTime>> {
    let Value::List(items) = &entry.node.value else {
        return mute_time(file, &entry.node).map(|time| vec![time]);
    };
    if items.is_empty() {
        file.empty(entry, "for = [\"5m\", \"30m\"]");
        return None;
    }
    let mut steps: Vec<MuteTime> = Vec::new();
    for item in items {
        let Some(time) = mute_time(file, item) else { continue };
        if let Some(before) = steps.last().filter(|before| time < **before) {
            let message = "the steps of a ladder go up";
            let label = format!("shorter than {}, the step before it", written(*before));
            file.warn(LADDER_ORDER, item.span.clone(), message).label(label);
        }
        steps.push(time);
    }
    (steps.len() == items.len()).then_some(steps)
}

fn mute_time(file: &mut File<'_>, node: &Node) -> Option<MuteTime> {
    match &node.value {
        Value::Text(text) if text == "forever" => Some(MuteTime::Forever),
        _ => file.duration("for", node).map(MuteTime::For),
    }
}

/// A ladder that is forgotten while a mute still runs never climbs past that step.
fn check_forgetting(file: &mut File<'_>, fields: &Fields<'_>, ladder: &Ladder) {
    let (Some(entry), Some(after)) = (fields.get("forget_after"), ladder.forget_after) else {
        return;
    };
    let climbs = ladder.steps.iter().take(ladder.steps.len().saturating_sub(1));
    let longest = climbs.max().copied();
    if let Some(longest) = longest.filter(|longest| *longest > MuteTime::For(after)) {
        let message = "the ladder is forgotten before the mute ends";
        let label = format!("shorter than {}, a step of the ladder", written(longest));
        file.warn(LADDER_ORDER, entry.node.span.clone(), message).label(label);
    }
}

fn written(time: MuteTime) -> String {
    match time {
        MuteTime::For(time) => duration::format(time),
        MuteTime::Forever => "forever".to_owned(),
    }
}
