//! Which rules an event comes to. Where many listen, an index passes over those that the event itself
//! shows not to act; why they do not is told when somebody asks.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::Draft;
use super::event::Event;
use super::sight::{Sight, Told};
use super::trace::Why;
use super::{Settings, State, guard, judge, mirror, needs};
use crate::chat::Role;
use crate::rule::catalog::Object;
use crate::rule::condition::{Clause, Facts, Seen};
use crate::rule::index::{Index, Unknown};
use crate::rule::model::Mode;
use crate::rule::{EventKind, Rule, RuleId, RuleSet};

/// The rules that an event comes to, in running order.
pub(super) struct Reached<'r> {
    pub(super) rules: Cow<'r, [Arc<Rule>]>,
    /// Whether others in scope were passed over.
    pub(super) passed_over: bool,
}

/// Finds the rules that an event comes to; behind one, if one is named. Only what a callback told goes by
/// the index: what followed from it is told in full, for nobody could see it again later.
pub(super) fn reached<'r>(
    draft: &Draft<'r>,
    event: &Event,
    kind: EventKind,
    behind: Option<&RuleId>,
) -> Reached<'r> {
    let all = draft.rules.on(kind);
    let index = draft.rules.index(kind);
    let by_index = behind.is_none() && !draft.follows() && !draft.settings.tells_all;
    let Some(index) = index.filter(|_| by_index) else {
        let first = behind.map_or(0, |behind| {
            all.iter().position(|rule| rule.id == *behind).map_or(all.len(), |place| place + 1)
        });
        return Reached { rules: Cow::Borrowed(&all[first..]), passed_over: false };
    };
    let (places, passed_over) = if event.by_bot {
        let left_out = |rule: &Arc<Rule>| rule.mode != Mode::Off && !rule.on_own;
        let mut left_out = all.iter().filter(|rule| left_out(rule));
        (index.on_own().to_vec(), left_out.any(|rule| looks(rule, event)))
    } else {
        let facts = Seeing { told: Told(event), draft: Some(draft) };
        let places = index.reached(&facts, Unknown::Reaches);
        let passed_over = passes_over(index, all, &places, event);
        (places, passed_over)
    };
    let rules: Vec<_> = places.iter().map(|place| Arc::clone(&all[*place as usize])).collect();
    if index.reads_roles() {
        // Named before anything is loaded were only those that are reached whatever the roles are.
        let mut keys = BTreeSet::new();
        rules.iter().for_each(|rule| needs::of_rule(&mut keys, event, rule, draft.rules));
        for key in &keys {
            // Looked for, so that it is named if it has not been loaded.
            let _ = draft.get(key);
        }
    }
    Reached { rules: Cow::Owned(rules), passed_over }
}

/// Whether a rule that looks at the event's group is not among those that it comes to.
fn passes_over(index: &Index, all: &[Arc<Rule>], places: &[u32], event: &Event) -> bool {
    let left = |place: &&u32| places.binary_search(place).is_err();
    index.anywhere().iter().any(|place| left(&place))
        || index.elsewhere().iter().filter(left).any(|place| looks(&all[*place as usize], event))
}

fn looks(rule: &Rule, event: &Event) -> bool {
    let group = event.group.as_ref();
    group.is_none_or(|group| rule.scope.selects(group, event.group_type))
}

/// The rules whose pieces of state are named before anything is loaded, and whether roles decide about
/// others: what those need is loaded when they turn out to be reached.
pub(super) fn named<'r>(
    rules: &'r RuleSet,
    event: &Event,
    kind: EventKind,
) -> (Cow<'r, [Arc<Rule>]>, bool) {
    let all = rules.on(kind);
    let Some(index) = rules.index(kind) else { return (Cow::Borrowed(all), false) };
    let at = |place: &u32| Arc::clone(&all[*place as usize]);
    if event.by_bot {
        return (index.on_own().iter().map(at).collect(), false);
    }
    let places = index.reached(&Seeing { told: Told(event), draft: None }, Unknown::Hides);
    (places.iter().map(at).collect(), index.reads_roles())
}

/// Why a rule that listens to an event, and left no word about it, did not act; `None` where these rules
/// do not tell. `known` is what was known of its people before it was decided.
pub fn why_passed_over(rule: &Rule, rules: &RuleSet, event: &Event, known: &State) -> Option<Why> {
    let kind = event.kind()?;
    let settings = Settings::default();
    let mut draft = Draft::new(rules, &settings, known, event.time);
    mirror::apply(&mut draft, event, kind);
    if let Some(why) = judge::kept_out(&draft, rule, event) {
        return Some(why);
    }
    let facts = Seeing { told: Told(event), draft: Some(&draft) };
    let knows = |clause: &Clause| {
        clause.uses().iter().all(|(object, field)| facts.fact(*object, field).is_some())
    };
    judge::first_false(&draft, rule, &mut Sight::new(event), knows)
}

/// What an index looks at: the event, and, once they are loaded, the roles of its people.
struct Seeing<'e, 'd> {
    told: Told<'e>,
    draft: Option<&'e Draft<'d>>,
}

impl Facts for Seeing<'_, '_> {
    fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>> {
        let event = self.told.0;
        let who = match (object, field) {
            (Object::Member, "role") => &event.member,
            (Object::Operator, "role") => &event.operator,
            _ => return self.told.fact(object, field),
        };
        let (draft, group, who) = (self.draft?, event.group.as_ref()?, who.as_ref()?);
        guard::known_role(draft, event, group, who).map(Role::name).map(Seen::Text)
    }

    fn count(&self) -> Option<i64> {
        None
    }
}

#[cfg(test)]
mod tests;
