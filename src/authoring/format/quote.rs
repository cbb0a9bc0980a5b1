//! Quotes: conditions in `'…'`, other texts in `"…"` unless that takes escapes, keys bare where they can be.

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::{Raw, Span};

use super::tree::Word;

/// How a text likes to be quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Literal,
    Basic,
}

/// A key, bare if it can be.
pub(super) fn key(word: &Word) -> String {
    let Some(text) = decoded(word) else { return word.raw.clone() };
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.chars().all(bare) {
        text
    } else {
        quoted(&text, Style::Basic, word)
    }
}

/// A plain value.
pub(super) fn value(word: &Word, style: Style) -> String {
    match decoded(word) {
        Some(text) => quoted(&text, style, word),
        None => word.raw.clone(),
    }
}

/// The text of a quoted word of one line whose escapes say nothing but `"` and `\`.
fn decoded(word: &Word) -> Option<String> {
    match word.quoted? {
        Encoding::LiteralString => {}
        Encoding::BasicString if escapes_only_quotes(&word.raw) => {}
        // Of several lines, or with escapes that show what could not be seen.
        _ => return None,
    }
    let raw = Raw::new_unchecked(&word.raw, word.quoted, Span::new_unchecked(0, word.raw.len()));
    let mut text = std::borrow::Cow::Borrowed("");
    let mut wrong = false;
    let kind = raw.decode_scalar(&mut text, &mut |_| wrong = true);
    (kind == ScalarKind::String && !wrong).then(|| text.into_owned())
}

fn escapes_only_quotes(raw: &str) -> bool {
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && !matches!(characters.next(), Some('"' | '\\')) {
            return false;
        }
    }
    true
}

fn quoted(text: &str, style: Style, word: &Word) -> String {
    // A tab is the one control character that may stand in a text as it is.
    if text.chars().any(|c| c.is_control()) {
        return word.raw.clone();
    }
    let literal = !text.contains('\'');
    let plain = !text.contains(['"', '\\']);
    if literal && (style == Style::Literal || !plain) {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(raw: &str) -> Word {
        let quoted = match raw {
            _ if raw.starts_with("'''") => Some(Encoding::MlLiteralString),
            _ if raw.starts_with("\"\"\"") => Some(Encoding::MlBasicString),
            _ if raw.starts_with('\'') => Some(Encoding::LiteralString),
            _ if raw.starts_with('"') => Some(Encoding::BasicString),
            _ => None,
        };
        Word { raw: raw.to_owned(), quoted }
    }

    #[test]
    fn conditions_stand_in_single_quotes_unless_they_have_one() {
        let written = |raw| value(&word(raw), Style::Literal);
        assert_eq!(written(r#""group.owner == \"\"""#), r#"'group.owner == ""'"#);
        assert_eq!(written(r#""count > 3""#), "'count > 3'");
        assert_eq!(written(r#""member.id == 'ann'""#), r#""member.id == 'ann'""#);
    }

    #[test]
    fn texts_stand_in_double_quotes_unless_that_takes_escapes() {
        let written = |raw| value(&word(raw), Style::Basic);
        assert_eq!(written("'hi'"), "\"hi\"");
        assert_eq!(written(r#""say \"hi\"""#), r#"'say "hi"'"#);
        assert_eq!(written(r#"'it'"#), "\"it\"");
        assert_eq!(written(r#""it's \"him\"""#), r#""it's \"him\"""#);
    }

    #[test]
    fn what_only_an_escape_can_show_stays_an_escape() {
        for raw in [
            r#""a\tb""#,
            r#""a\u200Bb""#,
            "'a\tb'",
            "'''a\nb'''",
            "\"\"\"a \"b\"\"\"\"",
            "1_000",
            "true",
        ] {
            assert_eq!(value(&word(raw), Style::Basic), raw);
        }
    }

    #[test]
    fn keys_are_bare_where_they_can_be() {
        assert_eq!(key(&word("\"quiet-flooders\"")), "quiet-flooders");
        assert_eq!(key(&word("'群'")), "\"群\"");
        assert_eq!(key(&word("\"a.b\"")), "\"a.b\"");
    }
}
