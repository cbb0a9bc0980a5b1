//! What is still to be sent, and what each entry waits for.

use axum::extract::Query;
use axum::response::Response;
use serde_json::{Value, json};

use super::api::Page;
use super::listing;
use super::lookup::Lookup;
use crate::decision::{EventId, Lane};
use crate::ledger::{self, Kind, Pending};
use crate::store::{Store, StoreError};

pub(super) async fn list(lookup: Lookup, Query(page): Query<Page>) -> Response {
    let list = listing::page::<Pending>(&lookup, Kind::Outbox, &page);
    let mut waiting = match list.as_ref().map(|page| page.entries.first()) {
        Ok(Some((key, Ok(pending)))) => Waiting::before(&lookup, key, pending),
        _ => Ok(Waiting::default()),
    };
    listing::answer(list, |pending| {
        waiting.as_mut().map_or(Value::Null, |lane| lane.told(&pending))
    })
}

/// Entries come lane by lane, each lane from its first one: whoever stands before, is waited for.
#[derive(Default)]
struct Waiting(Option<(Lane, EventId, usize)>);

impl Waiting {
    /// As it stands at an entry: a page may begin in the middle of a lane.
    fn before(store: &dyn Store, key: &[u8], pending: &Pending) -> Result<Self, StoreError> {
        let lane = &pending.effect.lane;
        let (from, _) = ledger::outbox_lane(lane);
        let Some(place) = store.keys(&from, key, 1)?.pop() else { return Ok(Self::default()) };
        let Ok(Some(first)) = ledger::read::<Pending>(store, &place) else {
            return Ok(Self::default());
        };
        let between = ledger::count(store, &ledger::after(&place), key, usize::MAX)?;
        Ok(Self(Some((lane.clone(), first.effect.id, between))))
    }

    fn told(&mut self, pending: &Pending) -> Value {
        let mut value = pending_json(pending);
        match &mut self.0 {
            Some((its, first, before)) if *its == pending.effect.lane => {
                *before += 1;
                value["behind"] = json!(first);
                value["before"] = json!(before);
            }
            lane => *lane = Some((pending.effect.lane.clone(), pending.effect.id.clone(), 0)),
        }
        value
    }
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
    use crate::store::{MemoryStore, WriteSet};

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
            panics: 0,
        }
    }

    #[test]
    fn an_entry_says_which_one_of_its_lane_it_waits_for_and_how_many_come_before() {
        let list = [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5)];
        let mut waiting = Waiting::default();
        let told = list.map(|(lane, number)| waiting.told(&pending(lane, number)));
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

    #[tokio::test]
    async fn a_page_that_begins_in_the_middle_of_a_lane_says_how_many_come_before() {
        let store = MemoryStore::default();
        let lane = Lane::group(&"a".into());
        let entry = |number: u8| {
            let bytes = ledger::encode(&pending("a", number)).unwrap();
            (ledger::outbox_key(&lane, number.into()), Some(bytes))
        };
        let writes = (1..=4).map(entry).collect();
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        let told = [1, 2, 4].map(|number| {
            let (key, _) = entry(number);
            let its = pending("a", number);
            let told = Waiting::before(&store, &key, &its).unwrap().told(&its);
            (told["behind"].clone(), told["before"].clone())
        });
        let first = json!(EventId::of(&[&[1]]));
        let expected = [(Value::Null, json!(0)), (first.clone(), json!(1)), (first, json!(3))];
        assert_eq!(told, expected);
    }
}
