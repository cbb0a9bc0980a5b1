//! What is written, laid out anew.

use super::order::Place;
use super::quote;
use super::tree::{Document, Entry, Heading, Line, Section, Value, Word};
use crate::authoring::schema::Language;

/// Lines are broken where they would be longer, in characters.
const WIDTH: usize = 120;
const INDENT: usize = 2;

/// A whole file.
pub(super) fn document(document: &Document, language: Language) -> String {
    let mut out = String::new();
    for part in &document.sections {
        section(&mut out, part, Place::file(language));
    }
    let end = lines(&document.end);
    let end = end.trim_end();
    if !end.is_empty() {
        let blank = matches!(document.end.first(), Some(Line::Blank)) && !out.is_empty();
        out.push_str(if blank { "\n" } else { "" });
        out.push_str(end);
        out.push('\n');
    }
    out
}

fn section(out: &mut String, section: &Section, file: Place) {
    let mut place = file;
    if let Some(heading) = &section.heading {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&lines(&section.above));
        out.push_str(&self::heading(heading));
        out.push('\n');
        place = file.path(&heading.path);
        if heading.of_list {
            place = place.item();
        }
    }
    for entry in place.sorted(&section.entries) {
        comments(out, &entry.above, 0);
        out.push_str(&pair(entry, place, 0, 0, true));
        behind(out, entry.behind.as_deref());
        out.push('\n');
    }
    comments(out, &section.end, 0);
}

/// Comments with blank lines between them: one at a time, none at either end but before a heading.
fn lines(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in lines {
        match line {
            Line::Blank => blank = !out.is_empty(),
            Line::Comment(text) => {
                out.push_str(if blank { "\n" } else { "" });
                out.push_str(text);
                out.push('\n');
                blank = false;
            }
        }
    }
    // A file's own comment keeps its distance from the first heading.
    if blank {
        out.push('\n');
    }
    out
}

fn heading(heading: &Heading) -> String {
    let path = path(&heading.path);
    let mut out = if heading.of_list { format!("[[{path}]]") } else { format!("[{path}]") };
    behind(&mut out, heading.behind.as_deref());
    out
}

fn path(words: &[Word]) -> String {
    words.iter().map(quote::key).collect::<Vec<_>>().join(".")
}

fn comments(out: &mut String, comments: &[String], indent: usize) {
    for comment in comments {
        out.push_str(&format!("{:indent$}{comment}\n", ""));
    }
}

fn behind(out: &mut String, comment: Option<&str>) {
    if let Some(comment) = comment {
        out.push_str("  ");
        out.push_str(comment);
    }
}

/// `key = value`, or the value alone for an item of a list; `follows` characters come behind it.
fn pair(entry: &Entry, table: Place, indent: usize, follows: usize, top: bool) -> String {
    if entry.key.is_empty() {
        return value(&entry.value, table.item(), indent, indent, follows, top);
    }
    let key = format!("{} = ", path(&entry.key));
    let column = indent + key.chars().count();
    key + &value(&entry.value, table.path(&entry.key), indent, column, follows, top)
}

/// A value that begins in that column.
fn value(
    value: &Value,
    place: Place,
    indent: usize,
    column: usize,
    follows: usize,
    top: bool,
) -> String {
    let inline = inline(value, place);
    let Value::Many { of_table, entries, end } = value else {
        return inline.unwrap_or_default();
    };
    // Actions and steps are read one to a line.
    let several = top && entries.iter().filter(|entry| entry.value.is_many()).count() > 1;
    if let Some(inline) = inline.filter(|_| !several || *of_table)
        && column + inline.chars().count() + follows <= WIDTH
    {
        return inline;
    }
    let (open, close) = if *of_table { ("{", "}") } else { ("[", "]") };
    let sorted = if *of_table { place.sorted(entries) } else { entries.iter().collect() };
    if let ([only], []) = (sorted.as_slice(), end.as_slice())
        && only.value.is_many()
        && only.above.is_empty()
        && only.behind.is_none()
    {
        return alone(only, place, *of_table, indent, column, follows);
    }
    let mut out = format!("{open}\n");
    let inner = indent + INDENT;
    for entry in sorted {
        comments(&mut out, &entry.above, inner);
        out.push_str(&format!("{:inner$}{},", "", pair(entry, place, inner, 1, false)));
        behind(&mut out, entry.behind.as_deref());
        out.push('\n');
    }
    comments(&mut out, end, inner);
    out.push_str(&format!("{:indent$}{close}", ""));
    out
}

/// A single thing in brackets hugs them, so that only what is inside is broken.
fn alone(
    only: &Entry,
    place: Place,
    of_table: bool,
    indent: usize,
    column: usize,
    follows: usize,
) -> String {
    if !of_table {
        let inner = value(&only.value, place.item(), indent, column + 1, follows + 1, false);
        return format!("[{inner}]");
    }
    let key = format!("{{ {} = ", path(&only.key));
    let column = column + key.chars().count();
    let inner = value(&only.value, place.path(&only.key), indent, column, follows + 2, false);
    format!("{key}{inner} }}")
}

/// On one line; `None` when a comment or a text of several lines is in the way.
fn inline(value: &Value, place: Place) -> Option<String> {
    let (of_table, entries) = match value {
        Value::Plain(word) => return Some(quote::value(word, place.style())),
        Value::Many { .. } if value.has_comment() => return None,
        Value::Many { of_table, entries, .. } => (*of_table, entries),
    };
    let mut parts = Vec::new();
    for entry in if of_table { place.sorted(entries) } else { entries.iter().collect() } {
        let inner = match entry.key.as_slice() {
            [] => inline(&entry.value, place.item())?,
            key => format!("{} = {}", path(key), inline(&entry.value, place.path(key))?),
        };
        if inner.contains('\n') {
            return None;
        }
        parts.push(inner);
    }
    Some(match (of_table, parts.is_empty()) {
        (true, true) => "{}".to_owned(),
        (true, false) => format!("{{ {} }}", parts.join(", ")),
        (false, _) => format!("[{}]", parts.join(", ")),
    })
}
