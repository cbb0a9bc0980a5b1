//! TOML in; what is wrong with it in words that help, one mistake for each cause.
//!
//! The TOML crate recovers after a mistake and then reports what follows from it. What is shown here is
//! the cause: an unquoted text, a quote or bracket that is never closed, a key given twice.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::codes::{KEY_TWICE, NO_QUOTES, NOT_TOML, OPEN_BRACKET, OPEN_QUOTE};
use super::tree::Table;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::mistake::Code;
use crate::rule::source::Source;

mod bracket;
mod foreign;
mod place;
mod quote;

use bracket::Unclosed;
use place::{before_on_line, first_of, heading_before, line_of, next_character};

/// Reads a file's TOML.
///
/// # Errors
///
/// The syntax mistakes of the file, R001 to R005; never empty.
pub fn read(source: &Source) -> Result<Table, Vec<Diagnostic>> {
    let (document, mut errors) = DeTable::parse_recoverable(source.text());
    let table = Table::of(document.get_ref());
    if errors.is_empty() {
        return Ok(table);
    }
    if let Some(told) = foreign::whole_file(source) {
        return Err(vec![told]);
    }
    errors.sort_by_key(|error| span_of(error).start);
    let open = errors.iter().any(|error| error.message().starts_with("unclosed"));
    let open = open.then(|| bracket::unclosed(source.text())).flatten();
    let mut mistakes = Mistakes { source, open, found: Vec::new(), line: 0, joined_until: 0 };
    for error in &errors {
        let at = span_of(error);
        if let Some(open) = open.filter(|open| at.start >= open.noticed) {
            mistakes.open_bracket(open.opened);
            break;
        }
        let goes_on = match error.message() {
            "duplicate key" => mistakes.key_twice(&table, at),
            text if text.starts_with("string values must be quoted") => mistakes.no_quotes(at),
            text => mistakes.other(text, at),
        };
        if !goes_on {
            break;
        }
    }
    Err(mistakes.found)
}

fn span_of(error: &Error) -> Range<usize> {
    error.span().unwrap_or(0..0)
}

struct Mistakes<'a> {
    source: &'a Source,
    open: Option<Unclosed>,
    found: Vec<Diagnostic>,
    /// The last line (one-based) whose mistake was told; what else is wrong with it follows from that.
    line: usize,
    /// Up to here, the keys of two tables with one heading were thrown together.
    joined_until: usize,
}

impl Mistakes<'_> {
    fn tell(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: &str,
        label: &str,
        help: Option<String>,
    ) {
        let spot = self.source.spot(span);
        self.line = spot.line();
        let told = Diagnostic::new(Level::Error, code, spot, message).label(label).help(help);
        self.found.push(told);
    }

    /// Each of these says whether what follows is still to be trusted.
    fn key_twice(&mut self, table: &Table, span: Range<usize>) -> bool {
        if span.start < self.joined_until {
            return true;
        }
        let text = self.source.text();
        let key = text.get(span.clone()).unwrap_or("").trim_matches(['"', '\'']).to_owned();
        let line = line_of(text, span.start).trim();
        let (first, help) = if line.starts_with('[') {
            let rest = &text[span.end..];
            self.joined_until = rest.find("\n[").map_or(text.len(), |found| span.end + found);
            let help = "give one of the two another name, or join them under one heading";
            (heading_before(text, line, span.start), help)
        } else {
            (first_of(table, &key, span.start), "keep one of the two")
        };
        let message = format!("`{key}` is given twice");
        self.tell(KEY_TWICE, span, &message, "again here", Some(help.to_owned()));
        if let (Some(first), Some(told)) = (first, self.found.last_mut()) {
            told.related.push((self.source.spot(first), "first here".to_owned()));
        }
        true
    }

    fn no_quotes(&mut self, span: Range<usize>) -> bool {
        let text = self.source.text();
        let line = self.source.spot(span.clone()).line();
        let value = quote::value_at(text, span.start);
        if line == self.line && value.alone {
            return true;
        }
        let written = &text[value.span.clone()];
        if let Some((message, label, help)) = foreign::no_value(text, &value.span, value.key) {
            self.tell(NOT_TOML, value.span, message, label, help);
            return true;
        }
        let (label, help) = quote::advice(written);
        let help = match value.key {
            Some(key) => format!("write `{key} = {help}`"),
            None => format!("write `{help}`"),
        };
        self.tell(NO_QUOTES, value.span.clone(), "a text stands in quotes", label, Some(help));
        // What stands behind a `#` was read as a comment, closing brackets among it.
        value.alone || !written.contains('#')
    }

    fn other(&mut self, text: &str, span: Range<usize>) -> bool {
        let line = self.source.spot(span.clone()).line();
        if line == self.line && self.open.is_none() {
            return true;
        }
        if text.contains("string") && (text.ends_with("`\"`") || text.ends_with("`'`")) {
            self.open_quote(span);
        } else if text.starts_with("unexpected key or value") {
            self.behind_value(span);
        } else if text.starts_with("key with no value")
            || text.starts_with("invalid unquoted key")
            || (text.starts_with("unclosed table") && self.open.is_none())
        {
            self.bad_key(span);
        } else if text.starts_with("invalid boolean") {
            let word = quote::value_at(self.source.text(), span.start).span;
            let label = "neither a text in quotes nor `true` or `false`";
            let written = self.source.text().get(word.clone()).unwrap_or("").to_lowercase();
            let truth = matches!(written.as_str(), "true" | "false");
            let help = truth.then(|| format!("write `{written}`"));
            self.tell(NOT_TOML, word, "this value cannot be read", label, help);
            return self.open.is_none();
        } else if let Some(open) = self.open {
            self.open_bracket(open.opened);
            return false;
        } else if text.starts_with("missing comma") {
            let help = Some("write a `,` before it".to_owned());
            let span = next_character(self.source.text(), span.start);
            self.tell(NOT_TOML, span, "a comma is missing before this", "", help);
            return false;
        } else if text.starts_with("missing escaped value") {
            let help =
                "write `\\\\` for a backslash, or the text in `'…'`, where nothing is escaped";
            let span = span.start.saturating_sub(1)..span.end;
            self.tell(NOT_TOML, span, "this is not an escape", "", Some(help.to_owned()));
        } else {
            let (message, label, help) = foreign::words(self.source.text(), &span, text);
            self.tell(NOT_TOML, span, message, label, help);
            return false;
        }
        self.open.is_none()
    }

    fn open_quote(&mut self, end: Range<usize>) {
        let text = self.source.text();
        let at = quote::opening(text, end.start);
        let label = "the text that begins here has no end on this line";
        let help = quote::closed(text, at).map(|closed| format!("write `{closed}`"));
        self.tell(OPEN_QUOTE, at..at + 1, "a quote is not closed", label, help);
    }

    fn behind_value(&mut self, span: Range<usize>) {
        let text = self.source.text();
        let line = line_of(text, span.start);
        let help = foreign::joined(line).or_else(|| quote::requoted(line));
        let help = help.map(|line| format!("write `{line}`"));
        let rest = next_character(text, span.start);
        let message = "something stands behind the value";
        self.tell(NOT_TOML, rest, message, "the value has ended before this", help);
    }

    fn bad_key(&mut self, span: Range<usize>) {
        let text = self.source.text();
        let start = span.start - before_on_line(text, span.start).len();
        let line = line_of(text, span.start);
        let indent = line.len() - line.trim_start().len();
        let whole = start + indent..start + line.trim_end().len();
        let help = match line.trim().split_once(':') {
            Some((key, value)) if !key.contains(['=', '[', '"', '\'']) => {
                Some(format!("write `{} = {}`", key.trim(), quote::as_value(value.trim())))
            }
            _ if line.trim().starts_with([';', '/', '-']) && !line.contains('=') => {
                let comment = line.trim().trim_start_matches([';', '/', '-']).trim_start();
                Some(format!("write `# {comment}`"))
            }
            _ if line.trim().starts_with('[') => {
                Some(format!("write `{}`", quote::heading(line.trim())))
            }
            _ => Some("write `key = value`".to_owned()),
        };
        self.tell(NOT_TOML, whole, "this is neither a heading nor `key = value`", "", help);
    }

    fn open_bracket(&mut self, at: usize) {
        let bracket = &self.source.text()[at..=at];
        let message = format!("`{bracket}` is never closed");
        let closing = if bracket == "[" { "]" } else { "}" };
        let help = Some(format!("write a `{closing}` where it ends"));
        self.tell(OPEN_BRACKET, at..at + 1, &message, "opened here", help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, marked text, help of each mistake.
    fn told(text: &str) -> Vec<(&'static str, String, String)> {
        let source = Source::new("a.toml", text);
        let told = |mistake: Diagnostic| {
            let marked = text[mistake.spot.span()].to_owned();
            (mistake.code.0, marked, mistake.help.unwrap_or_default())
        };
        read(&source).unwrap_err().into_iter().map(told).collect()
    }

    fn one(text: &str) -> (&'static str, String, String) {
        let mut all = told(text);
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    fn expected(code: &'static str, marked: &str, help: &str) -> (&'static str, String, String) {
        (code, marked.to_owned(), help.to_owned())
    }

    #[test]
    fn a_group_id_without_quotes_is_one_mistake_though_its_hash_hides_the_rest() {
        let text = "in = { groups = [\"a\", @TGS#1],\n types = [Public] }\nx = 1\n";
        assert_eq!(one(text), expected("R002", "@TGS#1", "write `\"@TGS#1\"`"));
    }

    #[test]
    fn a_condition_without_quotes_is_quoted_whole() {
        let help = "write `when = 'member.id == \"x\"'`";
        assert_eq!(
            one("when = member.id == \"x\"\nb = 1\n"),
            expected("R002", "member.id == \"x\"", help)
        );
        let help = "write `when = '!member.muted'`";
        assert_eq!(one("when = !member.muted # no\n"), expected("R002", "!member.muted", help));
    }

    #[test]
    fn every_text_without_quotes_is_told() {
        let all = told("for = 5m\nx = { a = 10s, b = spam }\n");
        let expected = [
            expected("R002", "5m", "write `for = \"5m\"`"),
            expected("R002", "10s", "write `\"10s\"`"),
            expected("R002", "spam", "write `\"spam\"`"),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_quote_without_an_end_is_told_where_it_begins() {
        let help = "write `\"abc\"`";
        assert_eq!(one("t = \"abc\nb = 1\n"), expected("R003", "\"", help));
    }

    #[test]
    fn quotes_in_a_text_of_the_same_quotes_get_others() {
        let help = "write `when = 'member.id == \"x\"'`";
        assert_eq!(one("when = \"member.id == \"x\"\"\n").2, help);
        assert_eq!(one("title = 'it's'\n").2, "write `title = \"it's\"`");
        assert_eq!(one("when = 'a' == 'b'\n").2, "write `when = \"'a' == 'b'\"`");
    }

    #[test]
    fn a_bracket_that_is_never_closed_is_told_where_it_opens() {
        let text = "do = [{ mute = { for = \"5m\" } }\n[rule.y]\na = 1\n";
        assert_eq!(one(text), expected("R005", "[", "write a `]` where it ends"));
        let text = "do = [{ mute = { for = \"5m\" }, { alert = {} }]\nb = 1\n";
        assert_eq!(one(text), expected("R005", "{", "write a `}` where it ends"));
    }

    #[test]
    fn a_key_given_twice_points_to_the_first() {
        let source = Source::new("a.toml", "a = 1\na = 2\n");
        let mistakes = read(&source).unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].spot.span(), 6..7);
        assert_eq!(mistakes[0].related[0].0.span(), 0..1);
    }

    #[test]
    fn yaml_is_turned_into_toml() {
        assert_eq!(
            one("on: member.joined\nb = 1\n"),
            expected("R001", "on: member.joined", "write `on = \"member.joined\"`")
        );
    }

    #[test]
    fn a_heading_gets_a_name_that_toml_takes() {
        let text = "[rule.promote staff]\na = 1\n";
        let help = "write `[rule.promote-staff]`";
        assert_eq!(one(text), expected("R001", "[rule.promote staff]", help));
        assert_eq!(one("[rule.禁言]\na = 1\n").2, "write `[rule.\"禁言\"]`");
    }

    #[test]
    fn a_missing_comma_is_told_where_it_belongs() {
        let text = "do = [{ a = 1 }\n  { b = 2 }]\n";
        assert_eq!(one(text), expected("R001", "{", "write a `,` before it"));
    }
}
