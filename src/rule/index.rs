//! Which of many rules on one kind of event an event can reach, found without looking at each of them.
//!
//! A rule is kept under a key without which it cannot act: a group that it looks at, or what one clause
//! of its `when` wants to see in a text. What has no such key is reached by every event.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use regex::{RegexSet, RegexSetBuilder};

use super::Rule;
use super::catalog::Object;
use super::condition::{Clause, Condition, Facts, Field, Key, Seen, Sign};
use super::model::Mode;

/// With more rules than this on one kind of event, they are found by an index. Up to here each is judged
/// and told of in traces, which costs little and spares a second look.
pub const MANY: usize = 100;
/// Bytes of the patterns of one field, compiled together.
const LARGEST: usize = 16 << 20;

/// What a rule cannot act without.
#[derive(Debug)]
pub enum Gate<'r> {
    /// `in` names groups.
    Groups,
    /// A clause of `when`.
    Clause(&'r Clause),
}

/// Where a rule is in the running order.
type Place = u32;

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

/// The rules that look for something in one field.
#[derive(Debug)]
struct ByField {
    subject: Subject,
    places: Vec<Place>,
    equals: HashMap<Box<[u8]>, Vec<Place>>,
    /// By length, so that a text is looked up once for each.
    begins: Vec<(usize, HashMap<Box<[u8]>, Vec<Place>>)>,
    contains: Option<(AhoCorasick, Vec<Place>)>,
    matches: Option<(RegexSet, Vec<Place>)>,
}

/// Where something is looked for.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    field: Field,
    lower: bool,
    /// For `in`, which says nothing about events without a group.
    scope: bool,
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
/// first, for that costs no look at the state.
pub fn gate(rule: &Rule) -> Option<Gate<'_>> {
    if !rule.scope.groups.is_empty() && rule.scope.groups.signs().is_some() {
        return Some(Gate::Groups);
    }
    let clauses = rule.when.iter().flat_map(Condition::clauses);
    let gates = clauses.filter_map(|clause| Some((cost(&keys(clause)?)?, clause)));
    gates.min_by_key(|(cost, _)| *cost).map(|(_, clause)| Gate::Clause(clause))
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

impl Index {
    /// Puts rules, in running order, under their gates.
    pub fn new<'r>(rules: impl Iterator<Item = &'r Rule>) -> Self {
        let mut index = Self::default();
        let mut signs: Vec<(Subject, Vec<(Sign<'r>, Place)>)> = Vec::new();
        for (place, rule) in (0..).zip(rules) {
            if rule.mode == Mode::Off {
                continue;
            }
            let mut put = |subject: Subject, sign| match signs
                .iter_mut()
                .find(|(other, _)| *other == subject)
            {
                Some((_, signs)) => signs.push((sign, place)),
                None => signs.push((subject, vec![(sign, place)])),
            };
            match gate(rule) {
                None => index.always.push(place),
                Some(Gate::Groups) => {
                    let field = (Object::Group, "id".to_owned());
                    let subject = Subject { field, lower: false, scope: true };
                    let groups = rule.scope.groups.signs().unwrap_or_default();
                    groups.into_iter().for_each(|sign| put(subject.clone(), sign));
                }
                Some(Gate::Clause(clause)) => {
                    for Key { field, lower, sign } in keys(clause).unwrap_or_default() {
                        put(Subject { field: field.clone(), lower, scope: false }, sign);
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
                // Patterns too large to be compiled together: each is judged for itself.
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
        self.fields.iter().any(|field| field.subject.field.1 == "role")
    }
}

impl ByField {
    /// `None`: its patterns are too large together.
    fn new(subject: Subject, signs: &[(Sign<'_>, Place)]) -> Option<Self> {
        let mut equals: HashMap<Box<[u8]>, Vec<Place>> = HashMap::new();
        let mut begins: Vec<(usize, HashMap<Box<[u8]>, Vec<Place>>)> = Vec::new();
        let (mut words, mut patterns) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for (sign, place) in signs {
            match sign {
                Sign::Equals(text) => equals.entry(bytes(text)).or_default().push(*place),
                Sign::Begins(text) => {
                    let at = begins.iter().position(|(length, _)| *length == text.len());
                    let at = at.unwrap_or_else(|| {
                        begins.push((text.len(), HashMap::new()));
                        begins.len() - 1
                    });
                    begins[at].1.entry(bytes(text)).or_default().push(*place);
                }
                Sign::Contains(word) => {
                    words.0.push(*word);
                    words.1.push(*place);
                }
                Sign::Matches(pattern) => {
                    patterns.0.push(pattern.text());
                    patterns.1.push(*place);
                }
            }
        }
        let contains = match words.0.as_slice() {
            [] => None,
            some => Some((AhoCorasick::new(some).ok()?, words.1)),
        };
        let matches = match patterns.0.as_slice() {
            [] => None,
            some => {
                let set = RegexSetBuilder::new(some).size_limit(LARGEST).build().ok()?;
                Some((set, patterns.1))
            }
        };
        let places = signs.iter().map(|(_, place)| *place).collect();
        Some(Self { subject, places, equals, begins, contains, matches })
    }

    fn find(&self, facts: &impl Facts, unknown: Unknown, reached: &mut Vec<Place>) {
        let Subject { field: (object, field), lower, scope } = &self.subject;
        let look = |text: &str, reached: &mut Vec<Place>| {
            if *lower {
                self.look(&text.to_ascii_lowercase(), reached)
            } else {
                self.look(text, reached)
            }
        };
        match facts.fact(*object, field) {
            Some(Seen::Text(text)) => look(text, reached),
            Some(Seen::Texts(items)) => items.iter().for_each(|item| look(item, reached)),
            Some(Seen::Absent) if !*scope => look("", reached),
            None if unknown == Unknown::Hides => {}
            _ => reached.extend(&self.places),
        }
    }

    fn look(&self, text: &str, reached: &mut Vec<Place>) {
        reached.extend(self.equals.get(text.as_bytes()).into_iter().flatten());
        for (length, begins) in &self.begins {
            let begin = text.as_bytes().get(..*length);
            reached.extend(begin.and_then(|begin| begins.get(begin)).into_iter().flatten());
        }
        if let Some((words, places)) = &self.contains {
            let found = words.find_overlapping_iter(text);
            reached.extend(found.map(|found| places[found.pattern().as_usize()]));
        }
        if let Some((patterns, places)) = &self.matches {
            reached.extend(patterns.matches(text).iter().map(|pattern| places[pattern]));
        }
    }
}

fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}
