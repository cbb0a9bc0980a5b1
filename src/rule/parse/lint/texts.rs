//! Names in texts that are written as other systems write them, and so are only text.

use crate::rule::catalog::Object;
use crate::rule::parse::codes::ONLY_TEXT;
use crate::rule::parse::file::File;
use crate::rule::parse::tree::{Entry, Node, Table, Value};

/// Looks through all texts of `do`.
pub fn check(file: &mut File<'_>, table: &Table) {
    if let Some(entry) = table.get("do") {
        inside(file, "do", &entry.node);
    }
}

fn inside(file: &mut File<'_>, key: &str, node: &Node) {
    match &node.value {
        Value::Text(text) => one(file, key, node, text),
        Value::List(items) => items.iter().for_each(|item| inside(file, key, item)),
        // `except` is a condition, and names stand bare in it.
        Value::Table(table) => {
            let texts = |entry: &&Entry| entry.key != "except";
            table.entries().iter().filter(texts).for_each(|e| inside(file, &e.key, &e.node));
        }
        _ => {}
    }
}

fn one(file: &mut File<'_>, key: &str, node: &Node, text: &str) {
    if key == "who" && (is_path(text) || Object::from_name(text).is_some()) {
        let path = if text.contains('.') { text.to_owned() } else { format!("{text}.id") };
        file.warn(ONLY_TEXT, node.span.clone(), format!("this is the account named `{text}`"))
            .label("a name is filled in where it stands in braces")
            .help(format!("write `\"{{{path}}}\"`"));
        return;
    }
    let doubled = between(text, "{{", "}}").map(|path| (format!("{{{{{path}}}}}"), path));
    let dollar = between(text, "${", "}").map(|path| (format!("${{{path}}}"), path));
    let Some((written, path)) = doubled.or(dollar) else { return };
    let at = text.find(&written).unwrap_or(0);
    let place = file.source.inside(node.span.clone(), text, at..at + written.len());
    let shown = if written.starts_with('$') {
        "the `$` is sent too"
    } else {
        "the braces and the name are sent as they are"
    };
    file.warn(ONLY_TEXT, place, format!("`{written}` is not how a name is filled in"))
        .label(shown)
        .help(format!("write `{{{path}}}`"));
}

/// A field of an object between two signs.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        rest = &rest[at + open.len()..];
        let path = rest.split(close).next().filter(|path| rest.len() > path.len());
        if let Some(path) = path.filter(|path| is_path(path.trim())) {
            return Some(path);
        }
    }
    None
}

/// `member.id`, but not `example.com`.
fn is_path(text: &str) -> bool {
    let Some((object, field)) = text.split_once('.') else { return false };
    let known = |object: Object| {
        object == Object::Event || object.fields().iter().any(|(name, _)| *name == field)
    };
    Object::from_name(object).is_some_and(known)
}
