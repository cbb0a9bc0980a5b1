//! Reading typed values out of a file's tree; what is wrong is noted and reading goes on.

use std::ops::Range;
use std::time::Duration;

use super::codes::{
    BAD_ACCOUNT, BAD_GLOB, EMPTY, MISSING, OUT_OF_RANGE, UNKNOWN_KEY, UNKNOWN_VALUE, WRONG_TYPE,
};
use super::tree::{Entry, Node, Span, Table, Value};
use crate::chat::{Account, limits};
use crate::rule::condition::{self, Condition};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::duration;
use crate::rule::mistake::{Code, Mistake};
use crate::rule::model::Globs;
use crate::rule::names::Names;
use crate::rule::source::Source;
use crate::rule::suggest::closest;
use crate::rule::template::Template;

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
        let level = if condition::is_warning(&mistake) { Level::Warning } else { Level::Error };
        let told = self.tell(level, mistake.code, span, mistake.message).label(mistake.label);
        told.0.help = mistake.help;
    }

    /// A value is of another kind than it must be.
    pub fn wrong_type(&mut self, name: &str, node: &Node, wanted: &str, help: Option<String>) {
        let message = format!("`{name}` must be {wanted}");
        let told = self.error(WRONG_TYPE, node.span.clone(), message);
        told.0.label = format!("this is {}", node.kind());
        told.0.help = help;
    }

    /// Takes a table and complains about keys that it cannot have.
    pub fn fields<'n>(
        &mut self,
        what: &str,
        place: Span,
        table: &'n Table,
        keys: &[&'static str],
        habits: &[(&str, &'static str)],
    ) -> Fields<'n> {
        let mut meant = Vec::new();
        for entry in table.entries().iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let key = &entry.key;
            let habit = habits.iter().find(|(word, _)| word == key).map(|(_, meant)| *meant);
            let instead = habit.or_else(|| closest(key, keys.iter().copied()));
            meant.extend(instead);
            let message = format!("`{key}` is not a key of {what}");
            self.error(UNKNOWN_KEY, entry.key_span.clone(), message)
                .label(there_are(keys))
                .help(instead.map(|instead| format!("write `{instead}`")));
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

    /// A text.
    pub fn text<'n>(&mut self, name: &str, node: &'n Node) -> Option<&'n str> {
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        let plain = !matches!(node.value, Value::List(_) | Value::Table(_));
        let help = plain.then(|| format!("write `\"{}\"`", self.written(node)));
        self.wrong_type(name, node, "a text", help);
        None
    }

    /// `true` or `false`.
    pub fn truth(&mut self, name: &str, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Bool(truth) => return Some(*truth),
            Value::Text(text) if matches!(text.as_str(), "true" | "false") => {
                let help = Some(format!("write `{text}` without quotes"));
                self.wrong_type(name, node, "`true` or `false`", help);
            }
            _ => self.wrong_type(name, node, "`true` or `false`", None),
        }
        None
    }

    /// A whole number within bounds.
    pub fn number(&mut self, name: &str, node: &Node, bounds: Range<i64>) -> Option<u32> {
        let Value::Int(number) = &node.value else {
            let number = match &node.value {
                Value::Text(text) => text.parse::<i64>().ok(),
                _ => None,
            };
            let help = number.map(|number| format!("write `{number}` without quotes"));
            self.wrong_type(name, node, "a whole number", help);
            return None;
        };
        let fitting = number.filter(|number| bounds.contains(number));
        if fitting.is_none() {
            let (low, high) = (bounds.start, bounds.end - 1);
            self.error(OUT_OF_RANGE, node.span.clone(), format!("`{name}` is out of range"))
                .label(format!("from {low} to {high}"));
        }
        fitting.and_then(|number| u32::try_from(number).ok())
    }

    /// A duration.
    pub fn duration(&mut self, name: &str, node: &Node) -> Option<Duration> {
        let Value::Text(text) = &node.value else {
            let help = match &node.value {
                Value::Int(Some(number)) => Some(format!("write `\"{number}s\"` for seconds")),
                _ => Some("write for instance `\"10s\"` or `\"1h30m\"`".to_owned()),
            };
            self.wrong_type(name, node, "a duration", help);
            return None;
        };
        duration::parse(text).map_err(|mistake| self.mistake(node, text, mistake)).ok()
    }

    /// A duration that the bot can look back over.
    pub fn window(&mut self, name: &str, node: &Node, longest: Duration) -> Option<Duration> {
        let time = self.duration(name, node)?;
        if time > longest {
            let label = format!("at most {}", duration::format(longest));
            self.error(OUT_OF_RANGE, node.span.clone(), format!("`{name}` is too long"))
                .label(label);
            return None;
        }
        Some(time)
    }

    /// A list.
    pub fn list<'n>(&mut self, name: &str, node: &'n Node, of: &str) -> Option<&'n [Node]> {
        if let Value::List(items) = &node.value {
            return Some(items);
        }
        let help = match &node.value {
            Value::Text(_) => Some(format!("write `{name} = [{}]`", self.written(node))),
            _ => None,
        };
        self.wrong_type(name, node, &format!("a list of {of}"), help);
        None
    }

    /// A list of texts, those that are none left out.
    pub fn texts<'n>(&mut self, entry: &'n Entry) -> Vec<(&'n str, &'n Node)> {
        let items = self.list(&entry.key, &entry.node, "texts").unwrap_or_default();
        let text =
            |item| self.text(&format!("an item of {}", entry.key), item).map(|text| (text, item));
        items.iter().filter_map(text).collect()
    }

    /// As [`File::texts`], complaining about an empty list.
    pub fn some_texts<'n>(&mut self, entry: &'n Entry, example: &str) -> Vec<(&'n str, &'n Node)> {
        if matches!(&entry.node.value, Value::List(items) if items.is_empty()) {
            self.empty(entry, example);
        }
        self.texts(entry)
    }

    /// A list has nothing in it.
    pub fn empty(&mut self, entry: &Entry, example: &str) {
        self.error(EMPTY, entry.node.span.clone(), format!("`{}` is empty", entry.key))
            .label("at least one is needed")
            .help(format!("write for instance `{example}`"));
    }

    /// A table.
    pub fn table<'n>(&mut self, entry: &'n Entry, help: &str) -> Option<&'n Table> {
        if let Value::Table(table) = &entry.node.value {
            return Some(table);
        }
        let help = Some(format!("write for instance `{help}`"));
        self.wrong_type(&entry.key, &entry.node, "a table", help);
        None
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        name: &str,
        node: &Node,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(name, node)?;
        if let Some((_, meaning)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.unknown_value(name, text, node, &words);
        None
    }

    /// A word that is none of those there are.
    pub fn unknown_value(&mut self, name: &str, text: &str, node: &Node, words: &[&'static str]) {
        let help = closest(text, words.iter().copied()).map(|word| format!("write `\"{word}\"`"));
        let message = format!("`{text}` is not a value of `{name}`");
        self.error(UNKNOWN_VALUE, node.span.clone(), message).label(there_are(words)).help(help);
    }

    /// A text with placeholders. Without names only that it is a text can be said.
    pub fn template(&mut self, name: &str, node: &Node, names: Option<&Names>) -> Option<Template> {
        let text = self.text(name, node)?;
        let found = Template::parse(text, names?);
        found
            .map_err(|mistakes| {
                mistakes.into_iter().for_each(|mistake| self.mistake(node, text, mistake));
            })
            .ok()
    }

    /// A condition. Without names only that it is a text can be said.
    pub fn condition(
        &mut self,
        name: &str,
        node: &Node,
        names: Option<&Names>,
    ) -> Option<Condition> {
        let text = self.text(name, node)?;
        let (condition, mistakes) = Condition::check(text, names?);
        mistakes.into_iter().for_each(|mistake| self.mistake(node, text, mistake));
        condition
    }

    /// Globs over ids.
    pub fn globs(&mut self, entry: &Entry, example: &str) -> Globs {
        let texts = self.some_texts(entry, example);
        let mut good = Vec::new();
        for (text, node) in texts {
            match Globs::new(&[text]) {
                Ok(_) => good.push(text),
                Err((_, why)) => {
                    let message = format!("`{text}` is not a pattern: {why}");
                    self.error(BAD_GLOB, node.span.clone(), message).help(
                        "`*` and `?` stand for any characters, `[ab]` for one of them, `[[]` for a bracket"
                            .to_owned(),
                    );
                }
            }
        }
        Globs::new(&good).unwrap_or_default()
    }

    /// An account as Chat takes it: 1 to 32 bytes (34381).
    pub fn account(&mut self, name: &str, text: &str, node: &Node) -> Option<Account> {
        let label = match text.len() {
            0 => "it is empty",
            1..=limits::ACCOUNT_BYTES if !text.contains(char::is_whitespace) => {
                return Some(Account::from(text));
            }
            1..=limits::ACCOUNT_BYTES => "it has a space in it",
            _ => "longer than the 32 bytes of a UserID",
        };
        let message = format!("`{name}` does not name an account");
        self.error(BAD_ACCOUNT, node.span.clone(), message).label(label);
        None
    }

    /// The value as it stands in the file, its first line.
    fn written(&self, node: &Node) -> &str {
        let text = self.source.text().get(node.span.clone()).unwrap_or("");
        text.lines().next().unwrap_or("")
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
