//! What a text must be like for a clause to hold: by such keys, the rules that an event can reach are
//! found without judging every rule.

use super::{Field, Native, Text, TextTest};
use crate::rule::condition::Pattern;

/// One of the things of which a clause needs one.
#[derive(Clone, Copy, Debug)]
pub struct Key<'n> {
    pub field: &'n Field,
    /// Looked for in the text in lower case.
    pub lower: bool,
    pub sign: Sign<'n>,
}

/// What a text is, or has in it.
#[derive(Clone, Copy, Debug)]
pub enum Sign<'n> {
    /// Where the field is a list, one of its items is.
    Equals(&'n str),
    Begins(&'n str),
    Contains(&'n str),
    Matches(&'n Pattern),
}

impl Native {
    /// The clause holds exactly when one of these does; `None` for a clause that cannot be said so, and
    /// for one that holds for nearly everything.
    pub fn keys(&self) -> Option<Vec<Key<'_>>> {
        let (text, test) = match self {
            Self::Any(tests) => {
                let mut keys = tests[0].keys()?;
                keys.extend(tests[1].keys()?);
                return Some(keys);
            }
            Self::Holds(field, item) => {
                return Some(vec![Key { field, lower: false, sign: Sign::Equals(item) }]);
            }
            Self::Is(text, test) => (text, test),
            _ => return None,
        };
        let (field, lower) = text.subject()?;
        let of = |sign| Key { field, lower, sign };
        match test {
            TextTest::Equals(other) => Some(vec![of(Sign::Equals(other))]),
            TextTest::OneOf(others) => {
                Some(others.iter().map(|other| of(Sign::Equals(other))).collect())
            }
            TextTest::Begins(part) if !part.is_empty() => Some(vec![of(Sign::Begins(part))]),
            TextTest::Contains(part) if !part.is_empty() => Some(vec![of(Sign::Contains(part))]),
            TextTest::Matches(pattern) => Some(vec![of(Sign::Matches(pattern))]),
            _ => None,
        }
    }
}

impl Text {
    fn subject(&self) -> Option<(&Field, bool)> {
        match self {
            Self::Field(field) => Some((field, false)),
            Self::Lower(text) => text.subject().map(|(field, _)| (field, true)),
            Self::Item => None,
        }
    }
}
