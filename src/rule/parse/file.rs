//! A file that is being read: what is wrong is noted and reading goes on.

use super::codes::{MISSING, UNKNOWN_KEY, WRONG_TYPE};
use super::key::Named;
use super::tree::{Entry, Node, Span, Table};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::mistake::{Code, Mistake};
use crate::rule::source::Source;
use crate::rule::suggest::closest;
use crate::rule::{condition, edit};

/// A file that is being read, and what was found in it so far.
pub struct File<'a> {
    pub source: &'a Source,
    pub found: Vec<Diagnostic>,
}

/// A table whose keys are known.
#[derive(Clone)]
pub struct Fields<'n> {
    pub table: &'n Table,
    /// Where something that is missing is told.
    pub place: Span,
    /// "a rule", "`mute`".
    pub what: String,
    /// Keys that were probably meant by unknown ones: they are not told to be missing as well.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The entry of that key, if it is given.
    pub fn get(&self, key: &str) -> Option<&'n Entry> {
        self.table.get(key)
    }

    /// Whether a key is missing, and not just misspelt.
    pub fn lacks(&self, key: &str) -> bool {
        self.table.get(key).is_none() && !self.meant.contains(&key)
    }
}

impl File<'_> {
    /// Notes a mistake; label and help can be added to what is returned.
    pub fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> Told<'_> {
        self.tell(Level::Error, code, span, message)
    }

    /// Notes something that is probably not meant.
    pub fn warn(&mut self, code: Code, span: Span, message: impl Into<String>) -> Told<'_> {
        self.tell(Level::Warning, code, span, message)
    }

    fn tell(
        &mut self,
        level: Level,
        code: Code,
        span: Span,
        message: impl Into<String>,
    ) -> Told<'_> {
        let told = Diagnostic::new(level, code, self.source.spot(span), message);
        let at = self.found.len();
        self.found.push(told);
        Told(&mut self.found[at])
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.found.iter().filter(|told| told.level == Level::Error).count()
    }

    /// Notes what is wrong in a text value, at its place in the file.
    pub fn mistake(&mut self, node: &Node, text: &str, mistake: Mistake) {
        let span = self.source.inside(node.span.clone(), text, mistake.range.clone());
        let help = mistake.help.as_deref();
        let edit = edit::inside(self.source.text(), &span, text, &mistake.range, help);
        let level = if condition::is_warning(&mistake) { Level::Warning } else { Level::Error };
        let told = self.tell(level, mistake.code, span, mistake.message).label(mistake.label);
        told.0.help = mistake.help;
        told.0.edit = edit;
    }

    /// A value is of another kind than it must be.
    pub fn wrong_type(&mut self, name: &str, node: &Node, wanted: &str, help: Option<String>) {
        let message = format!("`{name}` must be {wanted}");
        let told = self.error(WRONG_TYPE, node.span.clone(), message);
        told.0.label = format!("this is {}", node.kind());
        told.0.help = help;
    }

    /// Takes a table and complains about keys that it cannot have.
    pub fn fields<'n, K: Named>(
        &mut self,
        what: &str,
        place: Span,
        table: &'n Table,
        keys: &[K],
        habits: &[(&str, &'static str)],
    ) -> Fields<'n> {
        let keys: Vec<&'static str> = keys.iter().map(Named::name).collect();
        let mut meant = Vec::new();
        for entry in table.entries().iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let key = &entry.key;
            let habit = habits.iter().find(|(word, _)| word == key).map(|(_, meant)| *meant);
            let instead = habit.or_else(|| closest(key, keys.iter().copied()));
            meant.extend(instead);
            let message = format!("`{key}` is not a key of {what}");
            let told = self.error(UNKNOWN_KEY, entry.key_span.clone(), message);
            if keys.is_empty() {
                told.label("it has none").help("leave it out".to_owned());
                continue;
            }
            told.label(there_are(&keys)).help(instead.map(|instead| format!("write `{instead}`")));
        }
        Fields { table, place, what: what.to_owned(), meant }
    }

    /// The entry of a key that must be given; `example` shows how.
    pub fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        key: &str,
        example: &str,
    ) -> Option<&'n Entry> {
        let entry = fields.get(key);
        if fields.lacks(key) {
            let message = format!("`{key}` is missing in {}", fields.what);
            self.error(MISSING, fields.place.clone(), message)
                .help(format!("write for instance `{example}`"));
        }
        entry
    }
}

/// What was just noted.
pub struct Told<'a>(&'a mut Diagnostic);

impl Told<'_> {
    /// What exists instead.
    pub fn label(self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// One proposed edit.
    pub fn help(self, help: impl Into<Option<String>>) -> Self {
        self.0.help = help.into();
        self
    }
}

/// "there are: a b c".
pub fn there_are(words: &[&str]) -> String {
    format!("there are: {}", words.join(" "))
}
