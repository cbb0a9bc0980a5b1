//! One fact about one subject (`member.id` begins with "staff_"), and which facts exclude each other.

use std::sync::Arc;

use super::engine::Pattern;
use crate::rule::model::Globs;

/// A test of a subject, and whether it must pass or fail.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What is tested: a field (`member.id`), or an expression with its spaces made even.
    subject: Arc<str>,
    test: Test,
    holds: bool,
    /// The subject is there on every event, so that the test never ends in an error.
    certain: bool,
}

#[derive(Clone, Debug)]
enum Test {
    /// The subject itself, a bool.
    True,
    Equals(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Matches(Pattern),
    /// One of the globs of a scope.
    Globs(Globs),
    /// A whole number: of ints, or of nanoseconds.
    AtLeast(i128),
    /// A whole number that is never negative: how long something is.
    SizeAtLeast(i128),
}

impl Fact {
    fn new(subject: &str, test: Test) -> Self {
        Self { subject: subject.into(), test, holds: true, certain: true }
    }

    /// A bool is true.
    pub fn is_true(subject: &str) -> Self {
        Self::new(subject, Test::True)
    }

    /// A text is this one.
    pub fn equals(subject: &str, text: &str) -> Self {
        Self::new(subject, Test::Equals(text.to_owned()))
    }

    /// A text passes `startsWith`, `endsWith` or `contains`; `None` for any other function.
    pub fn of_function(function: &str, subject: &str, text: &str) -> Option<Self> {
        let text = text.to_owned();
        let test = match function {
            "startsWith" => Test::Prefix(text),
            "endsWith" => Test::Suffix(text),
            "contains" => Test::Contains(text),
            "matches" => Test::Matches(Pattern::new(&text).ok()?),
            _ => return None,
        };
        Some(Self::new(subject, test))
    }

    /// An id matches one of the globs.
    pub fn globs(subject: &str, globs: &Globs) -> Self {
        Self::new(subject, Test::Globs(globs.clone()))
    }

    /// A whole number is not below this.
    pub fn at_least(subject: &str, bound: i128) -> Self {
        Self::new(subject, Test::AtLeast(bound))
    }

    /// A length is not below this.
    pub fn size_at_least(subject: &str, bound: i128) -> Self {
        Self::new(subject, Test::SizeAtLeast(bound))
    }

    /// The same about a subject that is perhaps not there.
    #[must_use]
    pub fn uncertain(mut self) -> Self {
        self.certain = false;
        self
    }

    /// The opposite.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { holds: !self.holds, ..self.clone() }
    }

    /// Whether testing never ends in an error.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// Subject and value, where the fact is that a text equals another.
    pub fn equality(&self) -> Option<(&str, &str)> {
        match &self.test {
            Test::Equals(text) if self.holds => Some((&self.subject, text)),
            _ => None,
        }
    }

    /// Whether it says what something is, and not what it is not.
    pub fn is_positive(&self) -> bool {
        self.holds
    }

    /// What is tested.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether any value passes.
    pub fn is_possible(&self) -> bool {
        match &self.test {
            Test::Prefix(text) | Test::Suffix(text) | Test::Contains(text) => {
                self.holds || !text.is_empty()
            }
            Test::SizeAtLeast(bound) => self.holds || *bound > 0,
            Test::Globs(globs) => self.holds || !globs.patterns().iter().any(|glob| glob == "*"),
            _ => true,
        }
    }

    /// Whether no value passes both.
    pub fn excludes(&self, other: &Self) -> bool {
        self.subject == other.subject && (self.rules_out(other) || other.rules_out(self))
    }

    /// One direction of [`Fact::excludes`]: what follows from this one passing its test.
    fn rules_out(&self, other: &Self) -> bool {
        if !self.holds {
            return false;
        }
        match (&self.test, &other.test) {
            (Test::True, Test::True) => !other.holds,
            (Test::Equals(value), test) => {
                test.judge(value).is_some_and(|passes| passes != other.holds)
            }
            (Test::AtLeast(low), Test::AtLeast(high))
            | (Test::SizeAtLeast(low), Test::SizeAtLeast(high)) => !other.holds && low >= high,
            (Test::Prefix(one), Test::Prefix(two)) if other.holds => {
                !one.starts_with(two.as_str()) && !two.starts_with(one.as_str())
            }
            (Test::Suffix(one), Test::Suffix(two)) if other.holds => {
                !one.ends_with(two.as_str()) && !two.ends_with(one.as_str())
            }
            (Test::Prefix(one), Test::Prefix(two)) => one.starts_with(two.as_str()),
            (Test::Suffix(one), Test::Suffix(two)) => one.ends_with(two.as_str()),
            (Test::Prefix(one) | Test::Suffix(one) | Test::Contains(one), Test::Contains(two)) => {
                !other.holds && one.contains(two.as_str())
            }
            (Test::Matches(one), Test::Matches(two)) => !other.holds && one.text() == two.text(),
            (Test::Prefix(prefix), Test::Globs(globs)) if other.holds => {
                globs.patterns().iter().all(|glob| {
                    let start = literal_start(glob);
                    !start.starts_with(prefix.as_str()) && !prefix.starts_with(start)
                })
            }
            (Test::Prefix(prefix), Test::Globs(globs)) => globs.patterns().iter().any(|glob| {
                let start = literal_start(glob);
                &glob[start.len()..] == "*" && prefix.starts_with(start)
            }),
            (Test::Globs(one), Test::Globs(two)) => {
                !other.holds && one.patterns().iter().all(|glob| two.patterns().contains(glob))
            }
            _ => false,
        }
    }
}

impl Test {
    /// Whether a text passes; `None` for tests of something else.
    fn judge(&self, value: &str) -> Option<bool> {
        Some(match self {
            Self::Equals(text) => text == value,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
            Self::Contains(text) => value.contains(text.as_str()),
            Self::Matches(pattern) => pattern.is_match(value),
            Self::Globs(globs) => globs.matches(value),
            Self::True | Self::AtLeast(_) | Self::SizeAtLeast(_) => return None,
        })
    }
}

/// What every id that a glob matches begins with.
fn literal_start(glob: &str) -> &str {
    &glob[..glob.find(['*', '?', '[', '{', '\\']).unwrap_or(glob.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: &str, text: &str) -> Fact {
        Fact::of_function(function, "x", text).unwrap()
    }

    fn globs(patterns: &[&str]) -> Fact {
        Fact::globs("x", &Globs::new(patterns).unwrap())
    }

    #[test]
    fn beginnings_agree_only_when_one_continues_the_other() {
        assert!(of("startsWith", "a").excludes(&of("startsWith", "b")));
        assert!(!of("startsWith", "a").excludes(&of("startsWith", "ab")));
        assert!(of("startsWith", "ab").excludes(&of("startsWith", "a").negated()));
        assert!(!of("startsWith", "a").excludes(&of("startsWith", "ab").negated()));
    }

    #[test]
    fn a_value_is_held_against_every_test() {
        let value = Fact::equals("x", "abc");
        assert!(value.excludes(&of("startsWith", "a").negated()));
        assert!(value.excludes(&of("endsWith", "d")));
        assert!(value.excludes(&of("matches", "^[0-9]+$")));
        assert!(value.excludes(&globs(&["b*", "c*"])));
        assert!(!value.excludes(&globs(&["b*", "?bc"])));
    }

    #[test]
    fn a_beginning_is_held_against_globs() {
        assert!(of("startsWith", "@TGS#_dog").excludes(&globs(&["@TGS#_cat*", "room?"])));
        assert!(!of("startsWith", "@TGS#_").excludes(&globs(&["@TGS#_cat*"])));
        assert!(!of("startsWith", "x").excludes(&globs(&["*"])));
        assert!(of("startsWith", "test_1").excludes(&globs(&["test_*"]).negated()));
        assert!(!of("startsWith", "test").excludes(&globs(&["test_*"]).negated()));
    }

    #[test]
    fn numbers_have_bounds() {
        let at_least = |bound| Fact::at_least("n", bound);
        assert!(at_least(6).excludes(&at_least(6).negated()));
        assert!(!at_least(5).excludes(&at_least(6).negated()));
        assert!(!Fact::size_at_least("n", 0).negated().is_possible());
    }

    #[test]
    fn different_subjects_never_exclude_each_other() {
        assert!(!Fact::equals("x", "a").excludes(&Fact::equals("y", "b")));
    }
}
