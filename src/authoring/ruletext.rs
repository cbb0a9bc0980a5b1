//! Rules as they are written: where each key stands, and what it says.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::check::SourceFile;
use crate::rule::source::{Source, Spot};

/// One rule as it is written.
pub(super) struct RuleText {
    source: Source,
    heading: Range<usize>,
    /// Where the value of each key stands.
    spans: BTreeMap<String, Range<usize>>,
    /// What each key says.
    pub(super) keys: toml::Table,
}

/// The rules of files that have been read without a mistake, by their ids.
pub(super) fn of_files(files: &[SourceFile]) -> BTreeMap<String, RuleText> {
    let mut texts = BTreeMap::new();
    for (name, text) in files {
        let (Ok(places), Ok(mut values)) =
            (DeTable::parse(text), toml::from_str::<toml::Table>(text))
        else {
            continue;
        };
        let Some(DeValue::Table(rules)) = places.get_ref().get("rule").map(|rule| rule.get_ref())
        else {
            continue;
        };
        let Some(toml::Value::Table(mut values)) = values.remove("rule") else { continue };
        let source = Source::new(name, text);
        for (id, rule) in rules {
            let id_text: &str = id.get_ref();
            let (DeValue::Table(keys), Some(toml::Value::Table(values))) =
                (rule.get_ref(), values.remove(id_text))
            else {
                continue;
            };
            let spans = keys.iter().map(|(key, value)| {
                let key: &str = key.get_ref();
                (key.to_owned(), value.span())
            });
            let rule = RuleText {
                source: source.clone(),
                heading: id.span(),
                spans: spans.collect(),
                keys: values,
            };
            texts.insert(id_text.to_owned(), rule);
        }
    }
    texts
}

impl RuleText {
    /// The rule's heading.
    pub(super) fn heading(&self) -> Spot {
        self.source.spot(self.heading.clone())
    }

    /// The value of a key; where there is none, the heading.
    pub(super) fn key(&self, key: &str) -> Spot {
        self.source.spot(self.spans.get(key).unwrap_or(&self.heading).clone())
    }

    /// A part of a text that is the value of a key; the whole value when it is not found there.
    pub(super) fn part(&self, key: &str, part: &str) -> Spot {
        let found = self.spans.get(key).and_then(|span| {
            let text = self.keys.get(key)?.as_str()?;
            let at = text.find(part)?;
            Some(self.source.inside(span.clone(), text, at..at + part.len()))
        });
        found.map_or_else(|| self.key(key), |span| self.source.spot(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_found_in_the_file_and_a_key_that_is_not_there_at_the_heading() {
        let text = "[rule.a]\non = \"message.sent\"\nwhen = 'member.role == \"admin\" && true'\n";
        let texts = of_files(&[("a.toml".to_owned(), text.to_owned())]);
        let rule = &texts["a"];
        let clause = rule.part("when", "true");
        assert_eq!((clause.line(), &text[clause.span()]), (3, "true"));
        assert_eq!((rule.key("in").line(), &text[rule.key("in").span()]), (1, "a"));
        assert_eq!(rule.heading().line(), 1);
    }
}
