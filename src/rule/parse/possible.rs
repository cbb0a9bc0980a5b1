//! Whether an action can work at all: on the rule's events, in the rule's groups.

use super::actions::{ActionKind, Target};
use super::codes::{GROUP_GONE, IMPOSSIBLE, NOBODY, PARTLY_IMPOSSIBLE, WRONG_EVENT};
use super::file::{Fields, File};
use super::scope::About;
use crate::chat::GroupType;
use crate::rule::catalog::{EventKind, Object};

/// Complains about an action that cannot work.
pub fn check(file: &mut File<'_>, kind: &ActionKind, fields: &Fields<'_>, about: &About) {
    check_target(file, kind, fields, about);
    check_types(file, kind, fields, about);
}

fn check_target(file: &mut File<'_>, kind: &ActionKind, fields: &Fields<'_>, about: &About) {
    let name = kind.name;
    let places: &[Object] = match kind.target {
        Target::Nothing => return,
        Target::Only(kinds) => return check_events(file, kind, fields, about, kinds),
        Target::Person => &[Object::Member, Object::User, Object::Sender],
        Target::Group | Target::Member => &[Object::Group],
        Target::GroupOrRoom => &[Object::Group, Object::Room],
    };
    if kind.target == Target::Person {
        if fields.get("to").is_none() && !places.iter().any(|object| about.carries(*object)) {
            let lacking = about.lacking(places);
            file.error(
                NOBODY,
                fields.place.clone(),
                format!("`{name}` does not know whom to tell"),
            )
            .label(format!("there is nobody on {lacking}"))
            .help(format!("write `{name} = {{ to = \"…\", … }}`"));
        }
        return;
    }
    if !places.iter().any(|object| about.carries(*object)) {
        let lacking = about.lacking(places);
        // Some events have a group, the others a room: each has one of them.
        if !lacking.is_empty() {
            let scheduled = about.events().is_empty();
            let help = scheduled.then(|| "write `for_each = \"group\"` in this rule".to_owned());
            file.error(NOBODY, fields.place.clone(), format!("`{name}` needs a group"))
                .label(format!("there is none on {lacking}"))
                .help(help);
            return;
        }
    }
    if about.events().contains(&EventKind::GroupDismissed) {
        file.error(GROUP_GONE, fields.place.clone(), format!("`{name}` needs a group"))
            .label("it is gone on group.dismissed");
        return;
    }
    let says_who = fields.get("who").is_some();
    if kind.target == Target::Member && !says_who && !about.carries(Object::Member) {
        let lacking = about.lacking(&[Object::Member]);
        file.error(NOBODY, fields.place.clone(), format!("`{name}` does not know whom to act on"))
            .label(format!("there is no member on {lacking}"))
            .help(format!("write `{name} = {{ who = \"…\", … }}`"));
    }
}

/// An action that only makes sense on some events.
fn check_events(
    file: &mut File<'_>,
    kind: &ActionKind,
    fields: &Fields<'_>,
    about: &About,
    kinds: &[EventKind],
) {
    if about.names.is_none() {
        return;
    }
    let others: Vec<_> = about.events().iter().filter(|event| !kinds.contains(event)).collect();
    let there = match (others.as_slice(), about.events()) {
        ([], []) => "a schedule".to_owned(),
        ([], _) => return,
        (others, _) => others.iter().map(|event| event.name()).collect::<Vec<_>>().join(", "),
    };
    let possible: Vec<_> = kinds.iter().map(|event| event.name()).collect();
    // `message.sent` with `reject`: the one that asks was meant.
    let meant = others.iter().find_map(|event| {
        let subject = event.name().split('.').next()?;
        possible.iter().find(|name| name.split('.').next() == Some(subject))
    });
    let instead = meant.or(possible.first()).map(|name| format!("write `on = \"{name}\"`"));
    file.error(
        WRONG_EVENT,
        fields.place.clone(),
        format!("`{}` cannot be done on {there}", kind.name),
    )
    .label(format!("only on {}", possible.join(", ")))
    .help(instead);
}

/// Only types that the rule names itself are held against it: a rule for all groups is refused in some.
fn check_types(file: &mut File<'_>, kind: &ActionKind, fields: &Fields<'_>, about: &About) {
    let Some(ability) = kind.ability else { return };
    let (good, bad): (Vec<_>, Vec<_>) =
        about.types.iter().partition(|(kind, _)| kind.supports(ability));
    let Some((first, _)) = bad.first() else { return };
    let names: Vec<_> = bad.iter().map(|(kind, _)| kind.name()).collect();
    let message = format!("`{}` cannot work in {} groups", kind.name, names.join(" and "));
    let label = first.lacks(ability);
    let place = fields.place.clone();
    if good.is_empty() {
        let able: Vec<_> =
            GroupType::ALL.into_iter().filter(|kind| kind.supports(ability)).collect();
        let able: Vec<_> = able.iter().map(|kind| kind.name()).collect();
        let help = format!("it works in {} groups: name them in `in.types`", able.join(", "));
        file.error(IMPOSSIBLE, place, message).label(label).help(help);
    } else {
        let help = format!("leave {} out of `in.types`", names.join(" and "));
        file.warn(PARTLY_IMPOSSIBLE, place, message).label(label).help(help);
    }
    for (kind, span) in bad {
        let spot = file.source.spot(span.clone());
        if let Some(told) = file.found.last_mut() {
            told.related.push((spot, format!("{kind} is named here")));
        }
    }
}
