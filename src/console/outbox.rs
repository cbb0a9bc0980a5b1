//! What is still to be sent, and what each entry waits for.

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::Console;
use super::answers::listed;
use super::api::{Page, records};
use crate::decision::{EventId, Lane};
use crate::ledger::{Kind, Pending};

pub(super) async fn list(State(console): State<Console>, Query(page): Query<Page>) -> Response {
    let list = records::<Pending>(&*console.store, Kind::Outbox, page.limit());
    listed(list.map(|list| waiting(list.into_iter().map(|(_, pending)| pending))))
}

/// Entries come lane by lane, each lane from its first one: whoever stands before, is waited for.
fn waiting(list: impl Iterator<Item = Pending>) -> Vec<Value> {
    let mut lane: Option<(Lane, EventId, usize)> = None;
    let mut told = Vec::new();
    for pending in list {
        let mut value = pending_json(&pending);
        match &mut lane {
            Some((its, first, before)) if *its == pending.effect.lane => {
                *before += 1;
                value["behind"] = json!(first);
                value["before"] = json!(before);
            }
            _ => lane = Some((pending.effect.lane.clone(), pending.effect.id.clone(), 0)),
        }
        told.push(value);
    }
    told
}

/// `behind` is the first effect of the lane where that is another one, and `before` how many come
/// before this one; `not_before` is until when it rests after a try that failed with `trouble`.
pub(super) fn pending_json(pending: &Pending) -> Value {
    let effect = &pending.effect;
    json!({
        "id": effect.id,
        "lane": effect.lane,
        "what": effect.act.to_string(),
        "rule": effect.rule,
        "event": effect.event,
        "created": effect.created.to_string(),
        "tries": pending.tries,
        "not_before": (!pending.trouble.is_empty()).then(|| pending.not_before.to_string()),
        "trouble": pending.trouble,
        "behind": Value::Null,
        "before": 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::decision::Effect;
    use crate::decision::effect::{Act, Manner};

    fn pending(lane: &str, number: u8) -> Pending {
        let id = EventId::of(&[&[number]]);
        let act = Act::Alert { text: "x".to_owned() };
        let effect = Effect {
            event: id.clone(),
            id,
            lane: Lane::group(&lane.into()),
            act,
            rule: None,
            created: Timestamp(0),
            manner: Manner::Send,
            then: None,
            continue_on_refusal: false,
        };
        Pending {
            effect,
            tries: 0,
            not_before: Timestamp(0),
            perhaps_done: false,
            trouble: String::new(),
        }
    }

    #[test]
    fn an_entry_says_which_one_of_its_lane_it_waits_for_and_how_many_come_before() {
        let list = [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5)];
        let told = waiting(list.into_iter().map(|(lane, number)| pending(lane, number)));
        let told: Vec<_> =
            told.iter().map(|entry| (entry["behind"].clone(), entry["before"].clone())).collect();
        let id = |number: u8| json!(EventId::of(&[&[number]]));
        let expected = [
            (Value::Null, json!(0)),
            (id(1), json!(1)),
            (id(1), json!(2)),
            (Value::Null, json!(0)),
            (id(4), json!(1)),
        ];
        assert_eq!(told, expected);
    }
}
