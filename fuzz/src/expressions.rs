//! Conditions: any text is checked against the names of some events and, where it is good, judged.
//!
//! With more than one line, the first says which events and names there are:
//! `message.sent member.joined count`. Words that mean nothing are passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use groupkeeper::clock::Timestamp;
use groupkeeper::rule::EventKind;
use groupkeeper::rule::catalog::{Object, Type};
use groupkeeper::rule::condition::{
    self, Clause, Condition, Datum, Facts, Formula, Seen, bind, bind_int, bind_time, never_together,
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
    let never = never_together([&condition.formula()]);
    for known in [Known::Nothing, Known::Something, Known::Extremes] {
        let scene = Scene::new(&names, known);
        let holds = |clause: &Clause| judge(clause, &scene) == Ok(true);
        let all = condition.clauses().iter().filter(|clause| holds(clause)).count();
        let all = all == condition.clauses().len();
        assert!(!(all && never), "holds and can never hold: {text:?} with {known:?}");
    }
}

/// Judges a clause, and holds what is believed of it against that: by lint, and without CEL.
fn judge(clause: &Clause, scene: &Scene) -> Result<bool, String> {
    let judged = clause.evaluate(&scene.context);
    assert_eq!(judged, clause.evaluate(&scene.context), "judged otherwise: {:?}", clause.text());
    let formula = clause.formula();
    let impossible = |formula: &Formula| never_together([formula]);
    let believed = match judged {
        Ok(true) => !impossible(formula),
        Ok(false) => !impossible(&formula.negated()),
        Err(_) => !formula.is_certain(),
    };
    assert!(believed, "{judged:?} with {:?}: {:?} is {formula:?}", scene.known, clause.text());
    if let Some(without_cel) = clause.native().and_then(|native| native.judge(scene)) {
        let text = clause.text();
        assert_eq!(Ok(without_cel), judged, "{text:?} without CEL, with {:?}", scene.known);
    }
    assert!(clause.repeats(clause), "{:?}", clause.text());
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

/// What is known of an event, for CEL and for those that do without.
struct Scene {
    known: Known,
    facts: Vec<(Object, String, Datum)>,
    count: i64,
    context: cel::Context<'static, 'static>,
}

impl Scene {
    fn new(names: &Names, known: Known) -> Self {
        let mut facts = Vec::new();
        let mut context = condition::context();
        for (object, fields) in names.objects() {
            let value = |(name, kind): &(Cow<'static, str>, Type)| {
                (name.to_string(), datum(names, *object, name, *kind, known))
            };
            let values: Vec<_> = fields.iter().map(value).collect();
            facts.extend(values.iter().map(|(name, value)| (*object, name.clone(), value.clone())));
            bind(&mut context, *object, values);
        }
        bind_time(&mut context, "now", NOW);
        let count = match known {
            Known::Nothing => 0,
            Known::Something => 6,
            Known::Extremes => i64::from(u32::MAX),
        };
        bind_int(&mut context, "count", count);
        Self { known, facts, count, context }
    }
}

impl Facts for Scene {
    fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>> {
        let mut facts = self.facts.iter();
        match &facts.find(|(of, name, _)| *of == object && name == field)?.2 {
            Datum::Bool(value) => Some(Seen::Bool(*value)),
            Datum::Int(number) => Some(Seen::Int(*number)),
            Datum::Text(text) => Some(Seen::Text(text)),
            Datum::Texts(texts) => Some(Seen::Texts(texts)),
            Datum::Absent => Some(Seen::Absent),
            Datum::Time(_) | Datum::Json(_) => None,
        }
    }

    fn count(&self) -> Option<i64> {
        Some(self.count)
    }
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
