//! Texts and quotes: where an unquoted value ends, and how it is written right.

use std::ops::Range;

use super::place::{before_on_line, line_of};

/// A value as it stands in the file.
pub struct Found<'a> {
    pub span: Range<usize>,
    /// Its key, when it is alone behind `key =` on its line.
    pub key: Option<&'a str>,
    /// Nothing but this value stands behind the `=`: no list or inline table around it.
    pub alone: bool,
}

/// The value that begins at `at`, with what a person meant to belong to it: all of the line behind
/// `key =`, otherwise the word up to a comma or bracket.
pub fn value_at(text: &str, at: usize) -> Found<'_> {
    let before = before_on_line(text, at);
    let rest = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let key = before.trim().strip_suffix('=').map(str::trim).filter(|key| is_key(key));
    let value = match key {
        Some(_) => without_comment(rest),
        None => &rest[..rest.find([',', ']', '}', '"', '\'']).unwrap_or(rest.len())],
    };
    let span = at..at + value.trim_end().len();
    Found { span, key, alone: key.is_some() }
}

/// What is wrong and the value in quotes.
pub fn advice(written: &str) -> (&'static str, String) {
    match written.to_lowercase().as_str() {
        "true" | "yes" | "on" => return ("true or false is written so", "true".to_owned()),
        "false" | "no" | "off" => return ("true or false is written so", "false".to_owned()),
        _ => {}
    }
    let curly = |c: char| matches!(c, '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '＂' | '＇');
    if written.starts_with(curly) {
        return ("these are not the quotes of TOML", quoted(written.trim_matches(curly)));
    }
    ("this has none", quoted(written))
}

/// A value of another notation as TOML: numbers, truth and quoted texts stay, all else is quoted.
pub fn as_value(written: &str) -> String {
    let plain = written.parse::<i64>().is_ok() || matches!(written, "true" | "false");
    if plain || written.starts_with(['"', '\'', '[', '{']) {
        written.to_owned()
    } else {
        quoted(written)
    }
}

/// In the quotes that leave the text as it is.
fn quoted(text: &str) -> String {
    match (text.contains('"'), text.contains('\'') || text.contains('\\')) {
        (false, false) if !is_condition(text) => format!("\"{text}\""),
        (_, false) => format!("'{text}'"),
        (false, true) if !text.contains('\\') => format!("\"{text}\""),
        _ => format!("'''{text}'''"),
    }
}

/// Conditions are shown in `'…'`, so that texts in them can have the other quotes.
fn is_condition(text: &str) -> bool {
    text.contains(['(', '<', '>', '!', '&', '|']) || text.contains("==")
}

/// Where the text begins whose end is missing at `end`.
pub fn opening(text: &str, end: usize) -> usize {
    let before = text.get(..end).unwrap_or(text);
    if let Some(at) = open_block(before) {
        return at;
    }
    let line = before_on_line(text, before.len());
    let start = before.len() - line.len();
    let mut open = None;
    for (at, c) in line.char_indices().filter(|(_, c)| matches!(c, '"' | '\'')) {
        open = match open {
            None => Some((at, c)),
            Some((_, quote)) if quote == c => None,
            Some(_) => open,
        };
    }
    let last = line.rfind(['"', '\'']).unwrap_or(0);
    start + open.map_or(last, |(at, _)| at)
}

/// The opening quotes of a text over several lines that is not closed before the end.
fn open_block(before: &str) -> Option<usize> {
    let mut open: Option<(usize, &str)> = None;
    let mut at = 0;
    while let Some(found) = before[at..].find(['"', '\'']) {
        let here = at + found;
        let three = before.get(here..here + 3).filter(|three| matches!(*three, "\"\"\"" | "'''"));
        open = match (open, three) {
            (None, Some(quotes)) => Some((here, quotes)),
            (Some((_, quotes)), Some(these)) if quotes == these => None,
            _ => open,
        };
        at = here + if three.is_some() { 3 } else { 1 };
    }
    open.map(|(at, _)| at)
}

/// The text that begins at `at`, closed; `None` where its end cannot be guessed.
pub fn closed(text: &str, at: usize) -> Option<String> {
    let rest = line_of(text, at).get(before_on_line(text, at).len()..)?.trim_end();
    let quote =
        rest.chars().next().filter(|_| !rest.starts_with("\"\"\"") && !rest.starts_with("'''"))?;
    let ends_there = !rest.contains([',', ']', '}']) && !rest.ends_with('\\');
    ends_there.then(|| format!("{rest}{quote}"))
}

/// `key = value` whose value has its own quotes in it, with other quotes around.
pub fn requoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), without_comment(value).trim());
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if !is_key(key) || value.starts_with("\"\"\"") || value.starts_with("'''") {
        return None;
    }
    let doubled = value.ends_with("\"\"") || value.ends_with("''");
    let odd = value.matches(quote).count() % 2 == 1;
    let content = match value.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
        Some(inside) if doubled || odd => inside,
        _ => value,
    };
    Some(format!("{key} = {}", quoted(content)))
}

/// A heading that TOML takes: other signs become `-`, letters of other alphabets get quotes.
pub fn heading(line: &str) -> String {
    let name = |part: &str| {
        let part = part.trim().trim_matches(['"', '\'']);
        let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let name: String = part.chars().map(|c| if word(c) { c } else { '-' }).collect();
        if name.is_ascii() { name } else { format!("\"{name}\"") }
    };
    let names: Vec<_> = line.trim_matches(['[', ']']).split('.').map(name).collect();
    let (open, close) = if line.starts_with("[[") { ("[[", "]]") } else { ("[", "]") };
    format!("{open}{}{close}", names.join("."))
}

fn is_key(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(allowed)
}

/// Without a comment behind it; a `#` in quotes or in the middle of a word is none.
fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '#' && before.is_whitespace() => return text[..at].trim_end(),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        before = c;
    }
    text.trim_end()
}
