//! The rules that look for something in one field, found by what stands there.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

use super::{Place, Unknown};
use crate::rule::catalog::Object;
use crate::rule::condition::{Facts, Field, Pattern, Seen, Sign};

/// Shorter pieces of a pattern stand in too many texts to be worth looking for.
const SHORTEST: usize = 3;

type Places = Vec<Place>;
type ByText = HashMap<Box<[u8]>, Places>;

/// Where something is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    pub(super) field: Field,
    pub(super) lower: bool,
    /// For `in`, which says nothing about events without a group.
    pub(super) scope: bool,
}

/// What is looked for in one field, and by which rules.
#[derive(Debug)]
pub(super) struct ByField {
    subject: Subject,
    places: Places,
    equals: ByText,
    /// By length, so that a text is looked up once for each.
    begins: Vec<(usize, ByText)>,
    /// Each word once, with the rules that look for it.
    contains: Option<(AhoCorasick, Vec<Places>)>,
    /// Those without a word that must be there. Not put together into one automaton: each has its own
    /// short cuts, and one that has none must not take them from the others.
    matches: Vec<(Pattern, Places)>,
}

impl ByField {
    /// `None`: its words are too large together.
    pub(super) fn new(subject: Subject, signs: &[(Sign<'_>, Place)]) -> Option<Self> {
        let (mut equals, mut words) = (ByText::new(), ByText::new());
        let mut begins: HashMap<usize, ByText> = HashMap::new();
        let mut matches: Vec<(Pattern, Places)> = Vec::new();
        for (sign, place) in signs {
            match sign {
                Sign::Equals(text) => equals.entry(bytes(text)).or_default().push(*place),
                Sign::Begins(text) => {
                    let of_length = begins.entry(text.len()).or_default();
                    of_length.entry(bytes(text)).or_default().push(*place);
                }
                Sign::Contains(word) => words.entry(bytes(word)).or_default().push(*place),
                Sign::Matches(pattern) => match pieces(pattern.text()) {
                    Some(pieces) => {
                        pieces
                            .into_iter()
                            .for_each(|word| words.entry(word).or_default().push(*place));
                    }
                    None => {
                        match matches.iter_mut().find(|(one, _)| one.text() == pattern.text()) {
                            Some((_, places)) => places.push(*place),
                            None => matches.push(((*pattern).clone(), vec![*place])),
                        }
                    }
                },
            }
        }
        let (words, looked_for): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        let contains = match words.as_slice() {
            [] => None,
            some => Some((AhoCorasick::new(some).ok()?, looked_for)),
        };
        let places = signs.iter().map(|(_, place)| *place).collect();
        Some(Self {
            subject,
            places,
            equals,
            begins: begins.into_iter().collect(),
            contains,
            matches,
        })
    }

    pub(super) fn is_of_roles(&self) -> bool {
        let (object, field) = &self.subject.field;
        *object != Object::Event && field == "role"
    }

    /// Adds the places of the rules that find here what they look for.
    pub(super) fn find(&self, facts: &impl Facts, unknown: Unknown, reached: &mut Places) {
        let Subject { field: (object, field), lower, scope } = &self.subject;
        let look = |text: &str, reached: &mut Places| match lower {
            true => self.look(&text.to_ascii_lowercase(), reached),
            false => self.look(text, reached),
        };
        match facts.fact(*object, field) {
            Some(Seen::Text(text)) => look(text, reached),
            Some(Seen::Texts(items)) => items.iter().for_each(|item| look(item, reached)),
            Some(Seen::Absent) if !*scope => look("", reached),
            None if unknown == Unknown::Hides => {}
            _ => reached.extend(&self.places),
        }
    }

    fn look(&self, text: &str, reached: &mut Places) {
        reached.extend(self.equals.get(text.as_bytes()).into_iter().flatten());
        for (length, begins) in &self.begins {
            let begin = text.as_bytes().get(..*length);
            reached.extend(begin.and_then(|begin| begins.get(begin)).into_iter().flatten());
        }
        if let Some((words, looked_for)) = &self.contains {
            let mut found = vec![false; looked_for.len()];
            for word in words.find_overlapping_iter(text).map(|found| found.pattern().as_usize()) {
                // A word that stands there a thousand times is found once.
                if !std::mem::replace(&mut found[word], true) {
                    reached.extend(&looked_for[word]);
                }
            }
        }
        let matching = self.matches.iter().filter(|(pattern, _)| pattern.is_match(text));
        matching.for_each(|(_, places)| reached.extend(places));
    }
}

fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

/// Pieces of which one stands in every text that a pattern matches: what it begins or what it ends with,
/// whichever is longer. `None` where that says little.
fn pieces(pattern: &str) -> Option<Vec<Box<[u8]>>> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    let of = |kind| {
        let pieces = Extractor::new().kind(kind).extract(&parsed);
        let shortest = pieces.min_literal_len().filter(|shortest| *shortest >= SHORTEST)?;
        let words = pieces.literals()?.iter().map(|piece| piece.as_bytes().into());
        Some((shortest, words.collect::<Vec<Box<[u8]>>>()))
    };
    let both = [of(ExtractKind::Prefix), of(ExtractKind::Suffix)].into_iter().flatten();
    both.max_by_key(|(shortest, _)| *shortest).map(|(_, pieces)| pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(pattern: &str) -> Option<Vec<String>> {
        let mut words: Vec<_> = pieces(pattern)?
            .iter()
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
            .collect();
        words.sort();
        Some(words)
    }

    #[test]
    fn the_longer_of_what_a_pattern_begins_and_ends_with_is_looked_for() {
        let texts = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(words("w.rd17"), texts(&["rd17"]));
        assert_eq!(words("https?://.+"), texts(&["http://", "https://"]));
        assert_eq!(words("(buy|sell) now"), texts(&["buy now", "sell now"]));
        assert_eq!(words("(?i)ab."), None);
        assert_eq!(words("a|b"), None);
        assert_eq!(words("\\d+"), None);
        assert_eq!(words(""), None);
    }

    proptest! {
        #[test]
        fn every_text_that_a_pattern_matches_has_one_of_its_pieces(
            text in "[abcé ]{0,12}", pattern in "(\\(\\?i\\))?\\^?[abcé.]{1,4}(b\\?|c\\+|\\[ab\\]\\*|\\(abc\\|cba\\))[abcé ]{0,4}\\$?",
        ) {
            let regex = regex::Regex::new(&pattern).unwrap();
            if let Some(pieces) = pieces(&pattern)
                && regex.is_match(&text)
            {
                let stands = |piece: &[u8]| text.as_bytes().windows(piece.len()).any(|part| part == piece);
                prop_assert!(pieces.iter().any(|piece| stands(piece)), "{pattern} in {text:?}");
            }
        }
    }
}
