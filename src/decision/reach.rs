//! Which rules an event comes to. Where many listen, an index passes over those that the event itself
//! shows not to act; why they do not is told when somebody asks.

use std::borrow::Cow;
use std::sync::Arc;

use super::draft::Draft;
use super::event::Event;
use super::sight::{Sight, Told};
use super::trace::Why;
use super::{Settings, State, guard, judge};
use crate::chat::Role;
use crate::clock::Timestamp;
use crate::rule::catalog::Object;
use crate::rule::condition::{Facts, Seen};
use crate::rule::index::{self, Gate, Index, Unknown};
use crate::rule::{EventKind, Rule, RuleId, RuleSet};

/// The rules that an event comes to, in running order.
pub(super) struct Reached<'r> {
    pub(super) rules: Cow<'r, [Arc<Rule>]>,
    /// Whether others in scope were passed over.
    pub(super) passed_over: bool,
}

/// Finds the rules that an event comes to; behind one, if one is named.
pub(super) fn reached<'r>(
    draft: &Draft<'r>,
    event: &Event,
    kind: EventKind,
    behind: Option<&RuleId>,
) -> Reached<'r> {
    let all = draft.rules.on(kind);
    let first = behind.map_or(0, |behind| {
        all.iter().position(|rule| rule.id == *behind).map_or(all.len(), |place| place + 1)
    });
    let index = draft.rules.index(kind).filter(|_| !draft.settings.tells_all);
    let Some(index) = index else {
        return Reached { rules: Cow::Borrowed(&all[first..]), passed_over: false };
    };
    let places = if event.by_bot {
        index.on_own().to_vec()
    } else {
        index.reached(&Seeing { told: Told(event), draft: Some(draft) }, Unknown::Reaches)
    };
    let behind = places.iter().map(|place| *place as usize).filter(|place| *place >= first);
    let rules: Vec<_> = behind.map(|place| Arc::clone(&all[place])).collect();
    Reached { rules: Cow::Owned(rules), passed_over: passes_over(index, all, &places, event) }
}

/// Whether a rule that looks at the event's group is not among those that it comes to.
fn passes_over(index: &Index, all: &[Arc<Rule>], places: &[u32], event: &Event) -> bool {
    let left = |place: &&u32| places.binary_search(place).is_err();
    let selects = |place: &u32| {
        let group = event.group.as_ref();
        group.is_none_or(|group| all[*place as usize].scope.selects(group, event.group_type))
    };
    index.anywhere().iter().any(|place| left(&place))
        || index.elsewhere().iter().filter(left).any(selects)
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

/// Why a rule that listens to an event, and left no word about it, did not act. `known` is what was
/// known of its people when it was decided.
pub fn why_passed_over(rule: &Rule, rules: &RuleSet, event: &Event, known: &State) -> Why {
    let settings = Settings::default();
    let draft = Draft::new(rules, &settings, known, Timestamp::default());
    if let Some(why) = judge::kept_out(&draft, rule, event) {
        return why;
    }
    match index::gate(rule) {
        None | Some(Gate::Groups) => Why::OutOfScope,
        Some(Gate::Clause(clause)) => {
            let values = Sight::new(event).values(&draft, clause, None);
            Why::ClauseFalse { clause: clause.shared_text(), values }
        }
    }
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
        guard::role(draft, group, who).map(Role::name).map(Seen::Text)
    }

    fn count(&self) -> Option<i64> {
        None
    }
}

#[cfg(test)]
mod tests;
