//! Writes rule files and test files in one calm way: keys in their documented order, one blank line
//! between rules, nothing aligned, lines that fit. Comments stay with what they are about.

mod order;
mod quote;
mod tree;
mod write;

use std::fmt;

use super::schema::Language;
use crate::rule::diagnostic::Diagnostic;
use crate::rule::parse::syntax;
use crate::rule::parse::tree::{Node, Value};
use crate::rule::source::Source;

/// Why a file was not formatted.
#[derive(Debug)]
pub enum NotFormatted {
    /// It is not TOML; what is wrong with it.
    Mistakes(Vec<Diagnostic>),
    /// Formatting would have changed what the file says, or lost a comment: a bug of ours.
    Meaning,
}

impl fmt::Display for NotFormatted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistakes(mistakes) => {
                f.write_str(&crate::rule::diagnostic::render_all(mistakes, false))
            }
            Self::Meaning => {
                f.write_str("formatting would change what this file says; it is left alone")
            }
        }
    }
}

/// A rule file or (when its name ends in `.test.toml`) a test file, formatted. Files that `check` finds
/// fault with are formatted too, as long as they are TOML.
///
/// # Errors
/// The file is to be left alone; see [`NotFormatted`].
pub fn format(name: &str, text: &str) -> Result<String, NotFormatted> {
    let before = meaning(name, text).map_err(NotFormatted::Mistakes)?;
    let document = tree::read(text);
    let comments = tree::comments(text);
    let formatted = write::document(&document, Language::of_file(name));
    let after = meaning(name, &formatted).ok();
    if after.as_ref() == Some(&before) && tree::comments(&formatted) == comments {
        Ok(formatted)
    } else {
        Err(NotFormatted::Meaning)
    }
}

/// What a file says, whatever its layout.
fn meaning(name: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let table = syntax::read(&Source::new(name, text))?;
    Ok(Node { span: 0..0, value: Value::Table(table) }.content())
}
