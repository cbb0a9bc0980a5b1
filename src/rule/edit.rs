//! Proposed edits that a program can make: which bytes of the file, and what to put there.

use std::ops::Range;

use super::diagnostic::Diagnostic;

/// A replacement in the file of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the file.
    pub span: Range<usize>,
    pub replacement: String,
}

/// Kinds of mistakes whose help is the whole correction of the marked place, and not an example of one.
/// A test makes every edit that the reviewed mistakes propose, and looks whether the mistake is gone.
const WHOLE: [&str; 15] = [
    "R001", "R002", "R003", "R006", "R008", "R044", "R050", "R051", "R054", "R055", "R056", "R040",
    "R042", "R030", "R061",
];

/// The edit that a diagnostic proposes in words, where it says all that a program must know.
pub fn proposed(told: &Diagnostic) -> Option<Edit> {
    if let Some(edit) = &told.edit {
        return Some(edit.clone());
    }
    let text = told.spot.source().text();
    let span = told.spot.span();
    let written = written(told.help.as_deref()?).filter(|_| WHOLE.contains(&told.code.0))?;
    let marked = text.get(span.clone())?;
    let line = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
    let before = text[line..span.start].trim_start();
    let behind = text[span.end..end].trim_end();
    // The help shows the place with what stands around it, so that a person can copy the line.
    let inner = written.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
    let around = !before.is_empty() || !behind.is_empty();
    if let Some(inner) = inner.filter(|_| around) {
        return Some(Edit { span, replacement: inner.to_owned() });
    }
    if let Some(rest) = written.strip_prefix(before).filter(|_| !before.is_empty()) {
        return Some(Edit { span: span.start..end, replacement: rest.to_owned() });
    }
    // `alert = { … }` for the value of `alert`, wherever in the line that stands.
    let value = written.split_once(" = ").filter(|(key, _)| before.ends_with(&format!("{key} = ")));
    if let Some((_, value)) = value {
        return Some(Edit { span, replacement: value.to_owned() });
    }
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let same_key = key(before).is_some_and(|own| key(written) == Some(own));
    if same_key || (before.starts_with('[') && written.starts_with('[')) {
        let indent = text[line..].len() - text[line..].trim_start().len();
        return Some(Edit { span: line + indent..end, replacement: written.to_owned() });
    }
    Some(Edit { span, replacement: quoted_as(marked, written)? })
}

/// The correction of a part of a text value, as it must stand between the value's quotes: `text` is what
/// the value says, and what is wrong stands at `part` of it.
pub fn inside(
    source: &str,
    place: &Range<usize>,
    text: &str,
    part: &Range<usize>,
    help: Option<&str>,
) -> Option<Edit> {
    let written = written(help?)?;
    // A value with escapes is marked as a whole: its bytes are not those of the text.
    if source.get(place.clone()) != text.get(part.clone()) {
        return None;
    }
    let (before, behind) = (text[..part.start].trim_start(), text[part.end..].trim_end());
    let whole = written.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
    let alone = before.is_empty() && behind.is_empty();
    let replacement = match whole {
        Some(inner) => inner,
        // A long condition is not repeated in the help; then this is the part itself.
        None if !alone && text.len() > SHOWN_WHOLE => written,
        None => return None,
    };
    let line = source[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
    let quote = source[line..place.start].chars().find(|c| matches!(c, '"' | '\''))?;
    let replacement = match quote {
        '\'' if replacement.contains('\'') => return None,
        '\'' => replacement.to_owned(),
        _ => replacement.replace('\\', "\\\\").replace('"', "\\\""),
    };
    Some(Edit { span: place.clone(), replacement })
}

/// Conditions up to this length are repeated in the help; some bytes are for the correction itself.
const SHOWN_WHOLE: usize = 120;

/// What stands between the backticks of "write `…`", when that is all that the help says.
fn written(help: &str) -> Option<&str> {
    let rest = help.strip_prefix("write `")?;
    let rest = rest.strip_suffix("` without quotes").or_else(|| rest.strip_suffix('`'))?;
    (!rest.contains(['`', '…', '\n'])).then_some(rest)
}

/// A value that stands in quotes keeps them.
fn quoted_as(marked: &str, written: &str) -> Option<String> {
    let quoted = |text: &str| text.starts_with(['"', '\'']);
    match marked.chars().next() {
        Some(quote @ ('"' | '\'')) if !quoted(written) && marked.len() > 1 => {
            let number = written.parse::<f64>().is_ok() || matches!(written, "true" | "false");
            let plain = number || written.starts_with(['[', '{']);
            Some(if plain { written.to_owned() } else { format!("{quote}{written}{quote}") })
        }
        Some(_) => Some(written.to_owned()),
        None => None,
    }
}
