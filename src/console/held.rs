//! What limits hold back: shown, released, discarded.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::answers::problem;
use super::api::Page;
use super::listing;
use super::lookup::Lookup;
use crate::decision::Held;
use crate::decision::effect::Act;
use crate::ledger::Kind;
use crate::pipeline::{Fate, Ordered, Which};
use crate::rule::model::Action;
use crate::rule::template::{Part, Template};
use crate::rule::{Rule, RuleId, RuleSet};

/// `?id=…` (the beginning is enough) or `?rule=…`.
#[derive(Deserialize)]
pub(super) struct Meant {
    id: Option<String>,
    rule: Option<String>,
}

pub(super) async fn list(
    State(console): State<Console>,
    lookup: Lookup,
    Query(page): Query<Page>,
) -> Response {
    let rules = console.pipeline.rules();
    let list = listing::page::<Held>(&lookup, Kind::Held, &page);
    listing::answer(list, |held| held_json(&held, &rules))
}

pub(super) async fn release(
    State(console): State<Console>,
    Query(meant): Query<Meant>,
) -> Response {
    settle(&console, meant, Fate::Release).await
}

pub(super) async fn discard(
    State(console): State<Console>,
    Query(meant): Query<Meant>,
) -> Response {
    settle(&console, meant, Fate::Discard).await
}

async fn settle(console: &Console, meant: Meant, fate: Fate) -> Response {
    let which = match (meant.id, meant.rule) {
        (Some(id), None) if !id.is_empty() => Which::Id(id),
        (None, Some(rule)) => Which::Rule(RuleId::from(rule.as_str())),
        _ => {
            let text = "say which: ?id=… (the beginning of an id is enough) or ?rule=…";
            return problem(StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    // The rules as they were when it was asked: what is told is told by them.
    let rules = console.pipeline.rules();
    match console.pipeline.settle_held(&which, fate).await {
        Ok(Ordered::Settled(held)) if held.is_empty() => {
            problem(StatusCode::NOT_FOUND, "nothing of that kind is held").into_response()
        }
        Ok(Ordered::Settled(held)) => {
            let what = match fate {
                Fate::Release => "released",
                Fate::Discard => "discarded",
            };
            let rule = held.first().map(|held| held.rule.as_str());
            tracing::info!(held = held.len(), rule, "an operator has {what} what was held");
            let told = held.iter().map(|held| held_json(held, &rules));
            Json(told.collect::<Vec<_>>()).into_response()
        }
        Ok(Ordered::Ambiguous(held)) => {
            problem(StatusCode::CONFLICT, &candidates(&held)).into_response()
        }
        Err(reason) => {
            tracing::error!(%reason, "held effects could not be settled");
            problem(StatusCode::CONFLICT, &reason.0).into_response()
        }
    }
}

/// Which ones an id that is too short may mean.
fn candidates(held: &[Held]) -> String {
    let mut text =
        "nothing was done: several ids begin so; give more of one of them, or its rule".to_owned();
    for held in held {
        text.push_str(&format!("\n  {}  {}", held.id, held.rule));
    }
    text
}

fn held_json(held: &Held, rules: &RuleSet) -> Value {
    let rule = rules.rules().iter().find(|rule| rule.id == held.rule).map(AsRef::as_ref);
    json!({
        "id": held.id,
        "rule": held.rule,
        "event": held.event.id,
        "group": held.event.group,
        "member": held.event.member,
        "since": held.at.to_string(),
        "why": held.why,
        "wants": held.effects.iter().map(|effect| effect.act.to_string()).collect::<Vec<_>>(),
        "texts": texts(held, rule),
    })
}

/// What the effects say, as the rule has it: what is filled in may be a member's words, and is not
/// shown. `null` where the rule has been edited since and says something else now.
fn texts(held: &Held, rule: Option<&Rule>) -> Vec<Option<String>> {
    let written = |act: &Act| {
        let said = said(act)?;
        let steps = rule.into_iter().flat_map(|rule| &rule.steps);
        let mut steps = steps.filter(|step| step.action.name() == act.name());
        let found = steps.find_map(|step| template(&step.action).filter(|text| fits(text, said)));
        Some(found.map(|text| text.text().to_owned()))
    };
    held.effects.iter().filter_map(|effect| written(&effect.act)).collect()
}

/// What people will read.
fn said(act: &Act) -> Option<&str> {
    match act {
        Act::SendMessage { text, .. }
        | Act::SendPrivate { text, .. }
        | Act::NotifyGroup { text, .. } => Some(text),
        Act::RemoveMember { reason, .. } | Act::Ban { reason, .. } if !reason.is_empty() => {
            Some(reason)
        }
        _ => None,
    }
}

fn template(action: &Action) -> Option<&Template> {
    match action {
        Action::SendMessage { text, .. }
        | Action::SendPrivate { text, .. }
        | Action::NotifyGroup { text, .. } => Some(text),
        Action::RemoveMember { reason, .. } | Action::Ban { reason, .. } => reason.as_ref(),
        _ => None,
    }
}

/// Whether a text can come from a template: its own words stand in it, in their order.
fn fits(template: &Template, text: &str) -> bool {
    let parts = template.parts();
    let mut rest = text;
    for (at, part) in parts.iter().enumerate() {
        let Part::Text(words) = part else { continue };
        let found = match at {
            0 => rest.starts_with(words.as_str()).then_some(0),
            _ if at + 1 == parts.len() => {
                rest.ends_with(words.as_str()).then(|| rest.len() - words.len())
            }
            _ => rest.find(words.as_str()),
        };
        let Some(found) = found else { return false };
        rest = &rest[found + words.len()..];
    }
    rest.is_empty() || matches!(parts.last(), Some(Part::Name(..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::EventKind;
    use crate::rule::names::Names;

    #[test]
    fn a_text_fits_the_template_that_it_was_made_of() {
        let names = Names::of_events(&[EventKind::MessageSent]);
        let read = |text| Template::parse(text, &names).unwrap();
        for (template, good, bad) in [
            ("quiet", "quiet", "quiet!"),
            ("{member.id}: quiet", "ann: quiet", "ann: quieter"),
            ("quiet, {member.id}", "quiet, ann", "be quiet, ann"),
            ("a {member.id} b {group.id} c", "a ann b @TGS#1 c", "a ann @TGS#1 c"),
        ] {
            assert!(fits(&read(template), good), "{template}");
            assert!(!fits(&read(template), bad), "{template}");
        }
    }
}
