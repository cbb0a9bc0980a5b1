//! Files and lines that are something else than TOML: YAML, JSON, habits of programming languages.

use std::ops::Range;

use super::place::line_of;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::parse::codes::NOT_TOML;
use crate::rule::source::Source;

const LIKE_THIS: &str =
    "write a heading `[rule.its-name]`, and below it lines such as `on = \"member.joined\"`";

/// A file that is wholly in another notation: one mistake instead of one for each line.
pub fn whole_file(source: &Source) -> Option<Diagnostic> {
    let text = source.text();
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    let first = lines.clone().next()?;
    let start = first.as_ptr() as usize - text.as_ptr() as usize;
    let indent = first.len() - first.trim_start().len();
    let yaml = |line: &str| {
        let line = line.trim();
        let toml = line.contains('=') && !line.contains(": ");
        !toml && !line.starts_with('[') && (line.contains(':') || line.starts_with("- "))
    };
    let nested = lines.clone().count() > 1 && lines.clone().any(|line| line.trim().ends_with(':'));
    let language = match first.trim().chars().next()? {
        '{' => "JSON",
        _ if nested && lines.all(yaml) => "YAML",
        _ => return None,
    };
    let spot = source.spot(start + indent..start + first.trim_end().len());
    let message = format!("this file is {language}, and rule files are TOML");
    let told = Diagnostic::new(Level::Error, NOT_TOML, spot, message);
    Some(told.label("the file begins so").help(LIKE_THIS.to_owned()))
}

type Words = (&'static str, &'static str, Option<String>);

/// What the TOML crate says of a place, in our words.
pub fn words(text: &str, span: &Range<usize>, said: &str) -> Words {
    let help = |text: &str| Some(text.to_owned());
    let line = line_of(text, span.start).trim();
    if said.contains("carriage return") {
        let label = "a carriage return stands here without its newline";
        return (
            "the ends of lines cannot be read",
            label,
            help("save the file with Unix line ends"),
        );
    }
    if said.contains("unicode value digits") || said.contains("escape") {
        let label = "`\\u` has four hexadecimal digits behind it, `\\U` eight, `\\x` two";
        return ("this is not an escape", label, help("write `\\\\` for a backslash"));
    }
    let control = text.get(span.start..).and_then(|rest| rest.chars().next());
    if said.contains("string") && control.is_some_and(char::is_control) {
        let label = "a character that cannot be seen stands here";
        return (
            "a text has a control character in it",
            label,
            help("take it out, or write `\\t` for a tab"),
        );
    }
    if said.contains("extra `=`") {
        let one = line.replacen("==", "=", 1);
        return ("one `=` is enough here", "", Some(format!("write `{one}`")));
    }
    if line.starts_with('[') && said.contains("empty") {
        return (
            "a part of this heading is missing",
            "a rule has an id",
            help("write `[rule.its-name]`"),
        );
    }
    ("this is not TOML", "from here on it cannot be read", None)
}

/// A value that is no text without quotes: nothing at all, or a sign of another language.
pub fn no_value(text: &str, value: &Range<usize>, key: Option<&str>) -> Option<Words> {
    let written = text.get(value.clone())?;
    let key = key?;
    if written.trim().is_empty() {
        return Some(("a value is missing", "nothing stands behind this `=`", None));
    }
    let rest = written.strip_prefix('>')?.trim();
    let help = Some(format!("write `{key} = {rest}`"));
    Some(("a value stands behind `=`", "`=>` is of another language", help))
}

/// A line whose value is followed by something that was meant to be part of it: `'a' && 'b'`, or that is
/// left from another language: `"a";`.
pub fn joined(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let bare = value.trim_end_matches([';', ',']);
    let closed = bare.len() > 1 && bare.ends_with(quote);
    if bare != value && closed && bare.matches(quote).count() == 2 {
        return Some(format!("{key} = {bare}"));
    }
    let parts: Vec<_> = value.split(quote).collect();
    // Texts stand at the odd places, what joins them between.
    let [first, .., last] = parts.as_slice() else { return None };
    let joins = parts[1..parts.len() - 1].iter().skip(1).step_by(2);
    let joins_only = joins.clone().all(|join| matches!(join.trim(), "&&" | "||" | "and" | "or"));
    if !first.is_empty() || !last.is_empty() || parts.len() < 5 || !joins_only {
        return None;
    }
    let inside = parts[1..parts.len() - 1].concat();
    let inside = inside.replace(" and ", " && ").replace(" or ", " || ");
    let quote = if inside.contains('\'') { '"' } else { '\'' };
    (!inside.contains(quote)).then(|| format!("{key} = {quote}{inside}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_quotes_of_their_own_are_joined() {
        let joined = |line| joined(line).unwrap_or_default();
        assert_eq!(joined("when = 'a' && 'b > 5'"), "when = 'a && b > 5'");
        assert_eq!(joined("on = \"message.sent\";"), "on = \"message.sent\"");
        assert_eq!(joined("when = \"member.role == \"x\"\""), "");
    }

    #[test]
    fn a_file_of_another_notation_is_one_mistake() {
        let told = |text| whole_file(&Source::new("a.toml", text)).map(|told| told.message);
        assert!(told("rule:\n  a:\n    on: message.sent\n").unwrap().contains("YAML"));
        assert!(told("{\n  \"rule\": {}\n}\n").unwrap().contains("JSON"));
        assert_eq!(told("[rule.a]\non: message.sent\n"), None);
        assert_eq!(told("on: member.joined\nb = 1\n"), None);
    }
}
