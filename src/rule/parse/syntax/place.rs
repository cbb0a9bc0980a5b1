//! Places in a text: lines, headings, keys given before.

use std::ops::Range;

use crate::rule::parse::tree::{Entry, Node, Table, Value};

/// The same heading further up.
pub fn heading_before(text: &str, heading: &str, before: usize) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at + line.len() > before {
            return None;
        }
        if line.trim() == heading {
            return Some(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

/// The last place before `before` where that key is given.
pub fn first_of(table: &Table, key: &str, before: usize) -> Option<Range<usize>> {
    let in_value = |node: &Node| match &node.value {
        Value::Table(table) => first_of(table, key, before),
        Value::List(items) => items.iter().rev().find_map(|item| match &item.value {
            Value::Table(table) => first_of(table, key, before),
            _ => None,
        }),
        _ => None,
    };
    let own = |entry: &Entry| {
        (entry.key == key && entry.key_span.start < before).then(|| entry.key_span.clone())
    };
    table
        .entries()
        .iter()
        .flat_map(|entry| [own(entry), in_value(&entry.node)])
        .flatten()
        .max_by_key(|span| span.start)
}

pub fn before_on_line(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or("");
    &before[before.rfind('\n').map_or(0, |newline| newline + 1)..]
}

pub fn line_of(text: &str, at: usize) -> &str {
    let start = at - before_on_line(text, at).len();
    text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("")
}

/// The next character at or behind `at` that is not white space, or the end of the text.
pub fn next_character(text: &str, at: usize) -> Range<usize> {
    let rest = text.get(at..).unwrap_or("");
    let skipped = rest.len() - rest.trim_start().len();
    let length = rest[skipped..].chars().next().map_or(0, char::len_utf8);
    at + skipped..at + skipped + length
}
