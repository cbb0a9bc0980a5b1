//! Conditions: any text is checked against the names of some events and, where it is good, judged.
//!
//! With more than one line, the first says which events and names there are:
//! `message.sent member.joined count`. Words that mean nothing are passed over.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use groupkeeper::clock::Timestamp;
use groupkeeper::rule::EventKind;
use groupkeeper::rule::catalog::{Object, Type};
use groupkeeper::rule::condition::{
    self, Clause, Condition, Datum, Formula, bind, bind_int, bind_time, never_together,
};
use groupkeeper::rule::model::Each;
use groupkeeper::rule::names::{Memory, Names};

use super::events::{NOW, body};

static MEMORY: LazyLock<Arc<Memory>> = LazyLock::new(|| {
    Arc::new(BTreeMap::from([("warned".into(), vec![Each::Group]), ("seen".into(), vec![])]))
});

/// How much is known when a condition is judged.
#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    Something,
    /// As large and as long as it gets.
    Extremes,
}

/// Checks the text as a condition, and judges it.
pub fn run(text: &str) {
    let (words, text) = text.split_once('\n').unwrap_or(("message.sent count", text));
    let names = names(words);
    let (condition, mistakes) = Condition::check(text, &names);
    for mistake in &mistakes {
        assert!(text.get(mistake.range.clone()).is_some(), "{mistake:?} is not in {text:?}");
        assert!(!mistake.message.is_empty(), "{mistake:?}");
    }
    let Some(condition) = condition else {
        assert!(!mistakes.is_empty(), "refused without a reason: {text:?}");
        return;
    };
    let scenes = [Known::Nothing, Known::Something, Known::Extremes];
    let scenes = scenes.map(|known| (known, scene(&names, known)));
    for (known, scene) in &scenes {
        let mut all = true;
        for clause in condition.clauses() {
            all &= judge(clause, scene, *known) == Ok(true);
        }
        let never = never_together([&condition.formula()]);
        assert!(!(all && never), "holds and can never hold: {text:?} with {known:?}");
    }
}

/// Judges a clause, and holds what lint believes of it against that.
fn judge(clause: &Clause, scene: &cel::Context<'_, '_>, known: Known) -> Result<bool, String> {
    let judged = clause.evaluate(scene);
    assert_eq!(judged, clause.evaluate(scene), "judged otherwise: {:?}", clause.text());
    let formula = clause.formula();
    let impossible = |formula: &Formula| never_together([formula]);
    let believed = match judged {
        Ok(true) => !impossible(formula),
        Ok(false) => !impossible(&formula.negated()),
        Err(_) => !formula.is_certain(),
    };
    assert!(believed, "{judged:?} with {known:?}: {:?} is {formula:?}", clause.text());
    assert!(clause.repeats(clause), "{:?}", clause.text());
    clause.values(scene);
    judged
}

fn names(words: &str) -> Names {
    let kinds: Vec<_> = words.split_whitespace().filter_map(EventKind::from_name).collect();
    let has = |word: &str| words.split_whitespace().any(|other| other == word);
    let mut names = match kinds.as_slice() {
        [] => Names::of_schedule(has("group")),
        kinds => Names::of_events(kinds),
    };
    if has("count") {
        names = names.with_count();
    }
    if has("candidate") {
        names = names.with_candidate();
    }
    if has("invited") {
        names = names.with_invited();
    }
    if has("memory") {
        names = names.with_memory(&MEMORY);
    }
    names
}

fn scene(names: &Names, known: Known) -> cel::Context<'static, 'static> {
    let mut scene = condition::context();
    for (object, fields) in names.objects() {
        let facts = fields
            .iter()
            .map(|(name, kind)| (name.clone(), datum(names, *object, name, *kind, known)));
        bind(&mut scene, *object, facts.collect());
    }
    bind_time(&mut scene, "now", NOW);
    let count = match known {
        Known::Nothing => 0,
        Known::Something => 6,
        Known::Extremes => i64::from(u32::MAX),
    };
    bind_int(&mut scene, "count", count);
    scene
}

/// A value of a field. Fields that only ever have known values get one of those.
fn datum(names: &Names, object: Object, name: &str, kind: Type, known: Known) -> Datum {
    const LONG: usize = 2_000;
    const MANY: usize = 60;
    const END_OF_9999: Timestamp = Timestamp(253_402_300_799_000);
    let extreme = match known {
        Known::Nothing => return Datum::Absent,
        Known::Something => false,
        Known::Extremes => true,
    };
    let one_of = match (object, name) {
        (_, "role") => Some("admin"),
        (Object::Group | Object::Event, "type") => Some("Public"),
        (Object::Room, "kind") => Some("live"),
        (_, "join_type") => Some("Apply"),
        (_, "types") => Some("TIMTextElem"),
        (Object::Event, "name") => {
            condition::event_names(names).and_then(|all| all.last().copied())
        }
        _ => None,
    };
    let text = match one_of {
        Some(text) => text.to_owned(),
        None if extreme => "ann é".repeat(LONG),
        None => "ann".to_owned(),
    };
    match kind {
        Type::Bool => Datum::Bool(true),
        Type::Int | Type::Double => Datum::Int(if extreme { i64::MAX } else { 3 }),
        Type::String => Datum::Text(text),
        Type::Timestamp => Datum::Time(if extreme { END_OF_9999 } else { NOW }),
        Type::Strings => Datum::Texts(vec![text; if extreme { MANY } else { 1 }]),
        Type::Dynamic => Datum::Json(body()),
        Type::Duration | Type::Null | Type::Object(_) => Datum::Absent,
    }
}
