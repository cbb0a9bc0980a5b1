//! A rule file as text, and places in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A file's name and content; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// The name is shown to people as it is given.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name, relative to where the directory was named.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The content.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A place of this file. It is cut to its first line and to whole characters: what is shown to
    /// a person is where to look, not a block of ten lines.
    pub fn spot(&self, span: Range<usize>) -> Spot {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end).max(start);
        let line = self.text[start..end].lines().next().unwrap_or("");
        Spot { source: self.clone(), span: start..start + line.len() }
    }

    /// Where a part of a TOML text value stands in the file: `value` is the place of the whole value with
    /// its quotes, `decoded` what it says. A value with escapes is marked as a whole, because its
    /// bytes are not those of the file.
    pub fn inside(&self, value: Range<usize>, decoded: &str, part: Range<usize>) -> Range<usize> {
        let raw = self.text.get(value.clone()).unwrap_or("");
        let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
        let written = raw.get(quotes..raw.len().saturating_sub(quotes)).unwrap_or("");
        // TOML drops a line end that follows the opening quotes directly.
        let dropped = match written {
            _ if quotes == 1 => 0,
            text if text.starts_with("\r\n") => 2,
            text if text.starts_with('\n') => 1,
            _ => 0,
        };
        if written.get(dropped..) == Some(decoded) {
            let start = value.start + quotes + dropped;
            start + part.start..start + part.end
        } else {
            value
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// A place in a file: bytes of one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Spot {
    source: Source,
    span: Range<usize>,
}

impl Spot {
    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The file's name.
    pub fn file(&self) -> &Arc<str> {
        &self.source.name
    }

    /// Bytes of the file.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// One-based.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// One-based, in characters.
    pub fn column(&self) -> usize {
        let start = self.before().rfind('\n').map_or(0, |newline| newline + 1);
        self.before()[start..].chars().count() + 1
    }

    /// The column behind the last character. A place is on one line.
    pub fn end_column(&self) -> usize {
        self.column() + self.source.text[self.span.clone()].chars().count()
    }

    fn before(&self) -> &str {
        &self.source.text[..self.span.start]
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, decoded: &str, range: Range<usize>) -> String {
        let source = Source::new("a.toml", text);
        let span = source.inside(0..text.len(), decoded, range);
        text[span].to_owned()
    }

    #[test]
    fn a_part_of_a_plain_value_is_found_behind_any_quotes() {
        assert_eq!(part("'member.id'", "member.id", 7..9), "id");
        assert_eq!(part("\"member.id\"", "member.id", 7..9), "id");
        assert_eq!(part("'''member.id'''", "member.id", 7..9), "id");
        assert_eq!(part("'''\nmember.id'''", "member.id", 7..9), "id");
        assert_eq!(part("\"\"\"\r\nmember.id\"\"\"", "member.id", 7..9), "id");
    }

    #[test]
    fn a_part_of_a_value_with_escapes_is_the_whole_value() {
        assert_eq!(part(r#""a\tb""#, "a\tb", 2..3), r#""a\tb""#);
    }

    #[test]
    fn columns_count_characters_and_lines_begin_at_one() {
        let source = Source::new("a.toml", "x = 1\n# 群组 y\n");
        let spot = source.spot(15..16);
        assert_eq!((spot.line(), spot.column()), (2, 6));
        assert_eq!(format!("{spot:?}"), "a.toml:2:6");
    }

    #[test]
    fn a_place_over_several_lines_is_cut_to_the_first() {
        let source = Source::new("a.toml", "do = [\n  1,\n]\n");
        assert_eq!(source.spot(5..13).span(), 5..6);
    }

    #[test]
    fn a_place_in_the_middle_of_a_character_takes_it_whole() {
        let source = Source::new("a.toml", "群");
        assert_eq!(source.spot(1..2).span(), 0..3);
        assert_eq!(source.spot(9..9).span(), 3..3);
    }
}
