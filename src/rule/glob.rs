//! Globs over ids: `*` and `?` stand for any characters, `[ab]` for one of them.

use globset::{GlobBuilder, GlobMatcher};

use super::condition::Sign;

/// Patterns of which any may match.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    matchers: Vec<Matcher>,
    patterns: Vec<String>,
}

/// A pattern as it is matched. Nearly all are names or have one star, which needs no automaton: that
/// is many times as fast to load and to match.
#[derive(Clone, Debug)]
enum Matcher {
    Exactly(String),
    /// `begin*end`; either may be empty.
    Around {
        begin: String,
        end: String,
    },
    /// `*middle*`
    Within(String),
    Glob(GlobMatcher),
}

impl Matcher {
    /// Reads a pattern without special characters beside stars.
    fn plain(pattern: &str) -> Option<Self> {
        if pattern.contains(['?', '[', ']', '{', '}', '\\']) || pattern.contains("**") {
            return None;
        }
        let parts: Vec<&str> = pattern.split('*').collect();
        Some(match parts.as_slice() {
            [name] => Self::Exactly((*name).to_owned()),
            [begin, end] => Self::Around { begin: (*begin).to_owned(), end: (*end).to_owned() },
            ["", middle, ""] => Self::Within((*middle).to_owned()),
            _ => return None,
        })
    }

    fn sign(&self) -> Option<Sign<'_>> {
        match self {
            Self::Exactly(name) => Some(Sign::Equals(name)),
            Self::Around { begin, .. } if !begin.is_empty() => Some(Sign::Begins(begin)),
            Self::Within(middle) if !middle.is_empty() => Some(Sign::Contains(middle)),
            _ => None,
        }
    }

    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Exactly(name) => id == name,
            Self::Around { begin, end } => {
                id.len() >= begin.len() + end.len()
                    && id.starts_with(begin.as_str())
                    && id.ends_with(end.as_str())
            }
            Self::Within(middle) => id.contains(middle.as_str()),
            Self::Glob(glob) => glob.is_match(id),
        }
    }
}

impl Globs {
    /// Compiles patterns; the error names the first bad one and what is wrong with it.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, (String, String)> {
        let matcher = |pattern: &S| {
            let pattern = pattern.as_ref();
            match Matcher::plain(pattern) {
                Some(plain) => Ok(plain),
                None => compile(pattern).map(Matcher::Glob),
            }
        };
        let matchers = patterns.iter().map(matcher).collect::<Result<_, _>>()?;
        Ok(Self { matchers, patterns: patterns.iter().map(|p| p.as_ref().to_owned()).collect() })
    }

    /// Whether any pattern matches.
    pub fn matches(&self, id: &str) -> bool {
        self.matchers.iter().any(|matcher| matcher.matches(id))
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// One of these shows on every id that matches; `None` where a pattern says no such thing.
    pub fn signs(&self) -> Option<Vec<Sign<'_>>> {
        self.matchers.iter().map(Matcher::sign).collect()
    }

    /// As written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

fn compile(pattern: &str) -> Result<GlobMatcher, (String, String)> {
    let built = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|error| (pattern.to_owned(), error.kind().to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_overlaps_nothing() {
        let matches = |pattern: &str, id: &str| Globs::new(&[pattern]).unwrap().matches(id);
        assert!(matches("@TGS#*", "@TGS#cats/1") && matches("*", "") && matches("a*a", "aa"));
        assert!(!matches("a*a", "a") && !matches("cats", "cats2") && !matches("*x*", "abc"));
        assert!(matches("ops_?", "ops_1") && matches("[ab]c", "bc"));
    }

    proptest! {
        #[test]
        fn plain_patterns_match_what_the_automaton_matches(
            pattern in "[ab/#.@\n]{0,3}\\*?[ab/]{0,2}\\*?[ab]{0,2}", id in "[ab/#.@\n]{0,8}"
        ) {
            if let Some(plain) = Matcher::plain(&pattern) {
                prop_assert_eq!(plain.matches(&id), compile(&pattern).unwrap().is_match(&id));
            }
        }
    }
}
