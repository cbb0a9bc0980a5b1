//! `remember` and `forget`: what rules keep by themselves, read as `memory.KEY`.

use crate::rule::model::{Action, Each, MemoryKey};
use crate::rule::names::Names;
use crate::rule::parse::bounds;
use crate::rule::parse::codes::{BAD_KEY, EMPTY, KEPT_OTHERWISE, TOO_LONG};
use crate::rule::parse::file::{Fields, File};
use crate::rule::parse::key::{EACH, Key, Shape};
use crate::rule::parse::scope::About;
use crate::rule::template::Template;

/// What is remembered when nothing is said.
const YES: &str = "yes";
/// The longest key and value: they are part of every read and write.
const KEY_BYTES: usize = 40;
const VALUE_BYTES: usize = 500;

const KEY: Key = Key::new(
    "key",
    Shape::Pattern("[a-z][a-z0-9_]{0,39}"),
    "Its name: conditions read it as `memory.KEY`.",
)
.required();
/// Words that CEL does not take behind a dot: `memory.in` cannot be read.
const NOT_KEYS: [&str; 4] = ["false", "in", "null", "true"];
/// The keys of `remember`.
pub const REMEMBER: &[Key] = &[
    EACH,
    KEY,
    Key::new("value", Shape::Template, "What is remembered, 500 bytes.").default("\"yes\""),
    Key::new("for", Shape::Duration, "After that time it is forgotten; left out, never."),
];
/// The keys of `forget`.
pub const FORGET: &[Key] = &[KEY];

pub fn remember(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let key = key(file, fields);
    let each = bounds::each(file, fields, about);
    let value = match fields.get("value") {
        None => Some(Template::literal(YES)),
        Some(entry) => {
            let value = file.template("value", &entry.node, about.texts.as_ref());
            if value.as_ref().is_some_and(|value| value.text().is_empty()) {
                file.error(EMPTY, entry.node.span.clone(), "an empty `value` is no memory")
                    .label("`memory.KEY` is empty when nothing is remembered")
                    .help("write `forget = { key = \"…\" }` to forget".to_owned());
            }
            value
                .filter(|value| super::common::fits(file, "value", &entry.node, value, VALUE_BYTES))
        }
    };
    let time = match fields.get("for") {
        None => Some(None),
        Some(entry) => file.duration("for", &entry.node).map(Some),
    };
    let (key, each) = (key?, each?);
    agrees(file, fields, about, &key, &each);
    Some(Action::Remember { key, each, value: value?, time: time? })
}

pub fn forget(file: &mut File<'_>, fields: &Fields<'_>, about: &About) -> Option<Action> {
    let key = key(file, fields)?;
    let names = about.names.as_ref()?;
    let entry = fields.get("key")?;
    let Some(each) = names.memory(&key) else {
        let known: Vec<&str> = names.memory_keys().collect();
        let help = crate::rule::suggest::closest(&key, known.iter().copied());
        file.error(KEPT_OTHERWISE, entry.node.span.clone(), format!("no rule remembers `{key}`"))
            .label("there is nothing to forget")
            .help(help.map(|known| format!("write `\"{known}\"`")));
        return None;
    };
    if let Some(lacking) = each.iter().find(|each| !names.carries_each(**each)) {
        let message = format!("`{key}` is kept for each {}", lacking.name());
        file.error(KEPT_OTHERWISE, entry.node.span.clone(), message)
            .label(format!("and there is none {}", crate::rule::lookup::place(names)));
        return None;
    }
    Some(Action::Forget { key, each: each.to_vec() })
}

/// A key is a name in conditions.
fn key(file: &mut File<'_>, fields: &Fields<'_>) -> Option<MemoryKey> {
    let entry = file.required(fields, "key", "key = \"warned\"")?;
    let text = file.text("key", &entry.node)?;
    if text.len() > KEY_BYTES {
        file.error(TOO_LONG, entry.node.span.clone(), "`key` is too long")
            .label(format!("at most {KEY_BYTES} bytes"));
        return None;
    }
    if NOT_KEYS.contains(&text) {
        file.error(BAD_KEY, entry.node.span.clone(), format!("`{text}` cannot be a key"))
            .label(format!("conditions cannot read `memory.{text}`: it is a word of theirs"))
            .help(format!("write for instance `\"is_{text}\"`"));
        return None;
    }
    let good = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !good {
        let better: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' })
            .collect();
        let better = better.trim_matches(|c: char| c == '_' || c.is_ascii_digit()).to_owned();
        file.error(BAD_KEY, entry.node.span.clone(), format!("`{text}` cannot be a key"))
            .label("conditions read it as `memory.KEY`: small letters, digits and `_`")
            .help((!better.is_empty()).then(|| format!("write `\"{better}\"`")));
        return None;
    }
    Some(text.into())
}

/// A key is kept for the same wherever it is remembered: otherwise nobody could say what it reads.
fn agrees(file: &mut File<'_>, fields: &Fields<'_>, about: &About, key: &MemoryKey, each: &[Each]) {
    let elsewhere = about.names.as_ref().and_then(|names: &Names| names.memory(key));
    let (Some(elsewhere), Some(entry)) = (elsewhere, fields.get("each")) else { return };
    if elsewhere != each {
        let list: Vec<_> = elsewhere.iter().map(|each| format!("{:?}", each.name())).collect();
        let message = format!("`{key}` is kept for something else in another place");
        file.error(KEPT_OTHERWISE, entry.node.span.clone(), message)
            .label("the same key is kept for the same everywhere")
            .help(format!("write `each = [{}]`, or another `key`", list.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::diagnostic::render_all;

    /// What CEL reserves (its language definition, "Identifiers").
    const RESERVED: [&str; 22] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
        "warned",
    ];

    #[test]
    fn every_key_that_is_accepted_can_be_read() {
        for key in RESERVED {
            let rule = |when: &str| {
                let text = format!(
                    "[rule.a]\non = \"message.sent\"\n{when}\
                     do = [{{ remember = {{ each = [\"member\"], key = \"{key}\" }} }}]\n"
                );
                crate::rule::read(vec![("a.toml".to_owned(), text)], None)
            };
            if rule("").has_errors() {
                assert!(super::NOT_KEYS.contains(&key), "{key}");
                continue;
            }
            let reading = rule(&format!("when = 'memory.{key} == \"yes\"'\n"));
            assert!(!reading.has_errors(), "{}", render_all(&reading.diagnostics, false));
        }
    }
}
