//! Which of many rules on one kind of event an event can reach, found without looking at each of them.
//!
//! A rule is kept under a key without which it cannot act: a group that it looks at, or what one clause
//! of its `when` wants to see in a text. What has no such key is reached by every event.

mod field;

use super::Rule;
use super::catalog::Object;
use super::condition::{Clause, Condition, Facts, Key, Sign};
use super::model::Mode;
use field::{ByField, Subject};

/// With more rules than this on one kind of event, they are found by an index. Up to here each is judged
/// and told of in traces, which costs little and spares a second look.
pub const MANY: usize = 100;

/// What a rule cannot act without.
enum Gate<'r> {
    /// `in` names groups.
    Groups,
    /// A clause of `when`.
    Clause(&'r Clause),
}

/// Where a rule is in the running order.
type Place = u32;

/// What is looked for, and by which rules.
type Signs<'r> = Vec<(Subject, Vec<(Sign<'r>, Place)>)>;

/// The rules on one kind of event, by what they cannot act without.
#[derive(Debug, Default)]
pub struct Index {
    fields: Vec<ByField>,
    /// Without a gate.
    always: Vec<Place>,
    /// With `on_own`: no others act on what the bot did itself.
    on_own: Vec<Place>,
    /// That look at every group.
    anywhere: Vec<Place>,
    /// The others that are gated by a clause.
    elsewhere: Vec<Place>,
}

/// What is reached where nobody knows what stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// What looks there.
    Reaches,
    /// Nothing.
    Hides,
}

/// What a rule cannot act without, if an event can show that; what events tell by themselves is taken
/// first, for that costs no look at the state. `asks`: on events that Chat waits for, where a rule that
/// reads what is not known has it read for the next time, whatever else it says.
fn gate(rule: &Rule, asks: bool) -> Option<Gate<'_>> {
    if !rule.scope.groups.is_empty() && rule.scope.groups.signs().is_some() {
        return Some(Gate::Groups);
    }
    if asks && reads_what_chat_knows(rule) {
        return None;
    }
    let clauses = rule.when.iter().flat_map(Condition::clauses);
    let gates = clauses.filter_map(|clause| Some((cost(&keys(clause)?)?, clause)));
    gates.min_by_key(|(cost, _)| *cost).map(|(_, clause)| Gate::Clause(clause))
}

fn reads_what_chat_knows(rule: &Rule) -> bool {
    let clauses = [&rule.when, &rule.unless].into_iter().flatten().flat_map(Condition::clauses);
    let mut uses = clauses.flat_map(Clause::uses);
    let asked =
        |object: &Object| matches!(object, Object::Group | Object::Member | Object::Operator);
    uses.any(|(object, field)| asked(object) && field != "id")
}

fn keys(clause: &Clause) -> Option<Vec<Key<'_>>> {
    if clause.reads("count") { None } else { clause.native()?.keys() }
}

/// How dear a gate is, and how many pass it; `None`: the index knows nothing of such a field.
fn cost(keys: &[Key<'_>]) -> Option<u8> {
    let of = |key: &Key<'_>| {
        let (object, field) = key.field;
        let looked_up = u8::from(matches!(key.sign, Sign::Matches(_)));
        match (object, field.as_str()) {
            (Object::Message | Object::Event, _) => Some(looked_up),
            (Object::Member | Object::Operator | Object::User | Object::Sender, "id") => {
                Some(looked_up)
            }
            (Object::Group, "id") => Some(looked_up),
            // Known only when the state is loaded.
            (Object::Member | Object::Operator, "role") => Some(2),
            // Half of all groups may be of one type.
            (Object::Group, "type") => Some(3),
            _ => None,
        }
    };
    keys.iter().map(of).try_fold(0, |most, cost| Some(most.max(cost?)))
}

fn of_subject<'s, 'r>(
    signs: &'s mut Signs<'r>,
    subject: Subject,
) -> &'s mut Vec<(Sign<'r>, Place)> {
    let known = signs.iter().position(|(other, _)| *other == subject);
    let at = known.unwrap_or_else(|| {
        signs.push((subject, Vec::new()));
        signs.len() - 1
    });
    &mut signs[at].1
}

impl Index {
    /// Puts rules, in running order, under their gates.
    pub fn new<'r>(rules: impl Iterator<Item = &'r Rule>, asks: bool) -> Self {
        let mut index = Self::default();
        let mut signs: Signs<'r> = Vec::new();
        for (place, rule) in (0..).zip(rules) {
            if rule.mode == Mode::Off {
                continue;
            }
            match gate(rule, asks) {
                None => index.always.push(place),
                Some(Gate::Groups) => {
                    let field = (Object::Group, "id".to_owned());
                    let subject = Subject { field, lower: false, scope: true };
                    let groups = rule.scope.groups.signs().unwrap_or_default();
                    let groups = groups.into_iter().map(|sign| (sign, place));
                    of_subject(&mut signs, subject).extend(groups);
                }
                Some(Gate::Clause(clause)) => {
                    for Key { field, lower, sign } in keys(clause).unwrap_or_default() {
                        let subject = Subject { field: field.clone(), lower, scope: false };
                        of_subject(&mut signs, subject).push((sign, place));
                    }
                    if !rule.scope.is_everywhere() {
                        index.elsewhere.push(place);
                    }
                }
            }
            if rule.scope.is_everywhere() {
                index.anywhere.push(place);
            }
            if rule.on_own {
                index.on_own.push(place);
            }
        }
        for (subject, signs) in signs {
            match ByField::new(subject, &signs) {
                Some(field) => index.fields.push(field),
                // Words too large to be looked for together.
                None => index.always.extend(signs.iter().map(|(_, place)| *place)),
            }
        }
        index
    }

    /// The places of the rules that an event can reach, in running order.
    pub fn reached(&self, facts: &impl Facts, unknown: Unknown) -> Vec<Place> {
        let mut reached = self.always.clone();
        for field in &self.fields {
            field.find(facts, unknown, &mut reached);
        }
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    /// The places of the rules that look at what the bot did itself.
    pub fn on_own(&self) -> &[Place] {
        &self.on_own
    }

    /// The places of rules that look at every group.
    pub fn anywhere(&self) -> &[Place] {
        &self.anywhere
    }

    /// The places of rules that do not, and whose gate is not their scope.
    pub fn elsewhere(&self) -> &[Place] {
        &self.elsewhere
    }

    /// Whether roles make a difference to what is reached.
    pub fn reads_roles(&self) -> bool {
        self.fields.iter().any(ByField::is_of_roles)
    }
}
