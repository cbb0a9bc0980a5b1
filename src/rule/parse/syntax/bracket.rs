//! The bracket that is never closed.

/// A bracket without its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclosed {
    /// Where it opens.
    pub opened: usize,
    /// Where it shows: all that is reported behind this follows from it.
    pub noticed: usize,
}

/// The innermost `[` or `{` that is still open where something stands that it cannot hold: the other
/// closing bracket, a heading, `key = value` in a list, or the end of the file. `None` when every bracket is closed.
pub fn unclosed(text: &str) -> Option<Unclosed> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match c {
            '#' => {
                at = text[at..].find('\n').map_or(text.len(), |found| at + found);
                continue;
            }
            '"' | '\'' => {
                at = end_of_text(text, at, c);
                continue;
            }
            '[' | '{' => open.push((at, c)),
            ']' | '}' => {
                let (place, opened) = open.pop()?;
                if (opened == '[') != (c == ']') {
                    return Some(Unclosed { opened: place, noticed: at });
                }
            }
            '\n' if ends_the_value(&text[at + 1..], open.last()) => {
                return open.last().map(|(place, _)| Unclosed { opened: *place, noticed: at });
            }
            _ => {}
        }
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    open.last().map(|(place, _)| Unclosed { opened: *place, noticed: text.len() })
}

/// Whether a line shows that the open bracket should have been closed before it.
fn ends_the_value(rest: &str, open: Option<&(usize, char)>) -> bool {
    let line = rest.lines().next().unwrap_or("");
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let heading = line.trim_start_matches('[').trim_start_matches(is_word);
    let is_heading = line.starts_with('[') && heading.starts_with(']') && line.contains('.');
    let key = line.trim_start().trim_start_matches(is_word);
    let is_key = key.len() < line.trim_start().len() && key.trim_start().starts_with('=');
    match open {
        None => false,
        Some((_, '[')) => is_heading || is_key,
        Some(_) => is_heading,
    }
}

/// Behind the closing quote, or the end of the line where there is none.
fn end_of_text(text: &str, at: usize, quote: char) -> usize {
    let three = quote.to_string().repeat(3);
    let rest = &text[at..];
    if rest.starts_with(&three) {
        return rest[3..].find(&three).map_or(text.len(), |found| at + 3 + found + 3);
    }
    let mut escaped = false;
    for (offset, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at + offset,
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return at + offset + 1,
            _ => {}
        }
    }
    text.len()
}
