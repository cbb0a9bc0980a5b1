//! What a condition says, as far as it is plain: facts joined by "all" and "any", and whether they can
//! be true together.
//!
//! CEL's `&&`, `||` and `!` pass errors on as Kleene's logic does: a formula is only true when all facts
//! of one of its alternatives are. So what is never true here is never true there, error or not.

use super::fact::Fact;

/// How many facts are tried before a question is left open. Conditions that people write take dozens.
const MOST_TRIED: usize = 4_000;

/// What must hold.
#[derive(Clone, Debug)]
pub enum Formula {
    Always,
    Never,
    Is(Fact),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

impl Formula {
    /// True where this is false. An error stays one.
    #[must_use]
    pub fn negated(&self) -> Self {
        let each = |parts: &[Self]| parts.iter().map(Self::negated).collect();
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Is(fact) => Self::Is(fact.negated()),
            Self::All(parts) => Self::Any(each(parts)),
            Self::Any(parts) => Self::All(each(parts)),
        }
    }

    /// Whether judging it gives an answer for every event: nothing in it can end in an error.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Always | Self::Never => true,
            Self::Is(fact) => fact.is_certain(),
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_certain),
        }
    }

    /// The only fact, where there is one.
    pub fn only_fact(&self) -> Option<&Fact> {
        match self {
            Self::Is(fact) => Some(fact),
            _ => None,
        }
    }
}

/// Whether these are never all true. "No" also means that it was not found out.
pub fn never_together<'f>(formulas: impl IntoIterator<Item = &'f Formula>) -> bool {
    let mut open: Vec<&Formula> = formulas.into_iter().collect();
    // Alternatives last, so that each is tried against all that holds anyway.
    open.sort_by_key(|formula| !matches!(formula, Formula::Any(_)));
    let mut search = Search { facts: Vec::new(), tried: 0 };
    !search.possible(open)
}

/// Looks for alternatives that do not rule each other out.
struct Search<'f> {
    facts: Vec<&'f Fact>,
    tried: usize,
}

impl<'f> Search<'f> {
    /// Whether the open formulas may be true beside the facts that were taken.
    fn possible(&mut self, mut open: Vec<&'f Formula>) -> bool {
        let taken = self.facts.len();
        while let Some(next) = open.pop() {
            self.tried += 1;
            if self.tried > MOST_TRIED {
                return true;
            }
            match next {
                Formula::Always => {}
                Formula::Never => {
                    self.facts.truncate(taken);
                    return false;
                }
                Formula::Is(fact) => {
                    if !fact.is_possible() || self.facts.iter().any(|other| other.excludes(fact)) {
                        self.facts.truncate(taken);
                        return false;
                    }
                    self.facts.push(fact);
                }
                Formula::All(parts) => {
                    let (later, first): (Vec<&Formula>, Vec<&Formula>) =
                        parts.iter().partition(|part| matches!(part, Formula::Any(_)));
                    drop(open.splice(0..0, later));
                    open.extend(first);
                }
                Formula::Any(parts) => {
                    let found = parts.iter().any(|part| {
                        let mut rest = open.clone();
                        rest.push(part);
                        self.possible(rest)
                    });
                    self.facts.truncate(taken);
                    return found;
                }
            }
        }
        self.facts.truncate(taken);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(id: &str) -> Formula {
        Formula::Is(Fact::equals("member.id", id))
    }

    #[test]
    fn one_value_is_not_another() {
        assert!(never_together([&is("a"), &is("b")]));
        assert!(!never_together([&is("a"), &is("a")]));
        assert!(never_together([&is("a"), &is("a").negated()]));
    }

    #[test]
    fn every_alternative_must_be_impossible() {
        let either = Formula::Any(vec![is("a"), is("b")]);
        assert!(!never_together([&either, &is("b")]));
        assert!(never_together([&either, &is("c")]));
        assert!(never_together([&either, &either.negated()]));
    }

    #[test]
    fn alternatives_of_the_first_are_tried_against_those_of_the_second() {
        let pair = |a, b| Formula::Any(vec![is(a), is(b)]);
        assert!(!never_together([&pair("a", "b"), &pair("b", "c")]));
        assert!(never_together([&pair("a", "b"), &pair("c", "d")]));
        assert!(never_together([&pair("a", "b"), &pair("b", "c"), &pair("c", "a")]));
    }

    #[test]
    fn what_takes_too_long_is_left_open() {
        let pairs: Vec<_> = (0..40)
            .map(|n| {
                let fact = |end: &str| Formula::Is(Fact::equals(&format!("event.f{n}{end}"), "x"));
                Formula::Any(vec![fact("a"), fact("b")])
            })
            .collect();
        let all = pairs.iter().chain([&Formula::Never]);
        assert!(never_together(all), "found at once");
        let impossible = Formula::Any(vec![Formula::Never, Formula::Never]);
        let _ = never_together(pairs.iter().chain([&impossible]));
    }
}
