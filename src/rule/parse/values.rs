//! Reading typed values out of a file's tree; a value of another kind is noted and left out.

use std::ops::Range;
use std::time::Duration;

use super::codes::{BAD_ACCOUNT, BAD_GLOB, EMPTY, OUT_OF_RANGE, UNKNOWN_VALUE};
use super::file::{File, there_are};
use super::tree::{Entry, Node, Table, Value};
use crate::chat::{Account, limits};
use crate::rule::condition::Condition;
use crate::rule::duration;
use crate::rule::model::Globs;
use crate::rule::names::Names;
use crate::rule::suggest::closest;
use crate::rule::template::Template;

/// What other systems call one of our words.
const HABITS: [(&str, &str); 17] = [
    ("account", "member"),
    ("user", "member"),
    ("sender", "member"),
    ("room", "group"),
    ("chat", "group"),
    ("channel", "group"),
    ("global", "app"),
    ("all", "app"),
    ("dry-run", "shadow"),
    ("dryrun", "shadow"),
    ("observe", "shadow"),
    ("test", "shadow"),
    ("disabled", "off"),
    ("false", "off"),
    ("enabled", "enforce"),
    ("on", "enforce"),
    ("live", "enforce"),
];

impl File<'_> {
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
            value => {
                let truth = match value {
                    Value::Int(Some(1)) => Some("true"),
                    Value::Int(Some(0)) => Some("false"),
                    Value::Text(text) => match text.to_lowercase().as_str() {
                        "yes" | "on" | "true" => Some("true"),
                        "no" | "off" | "false" => Some("false"),
                        _ => None,
                    },
                    _ => None,
                };
                let help = truth.map(|truth| format!("write `{truth}` without quotes"));
                self.wrong_type(name, node, "`true` or `false`", help);
            }
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
                Value::Int(Some(number)) if *number > 0 => {
                    Some(format!("write `\"{number}s\"` for seconds"))
                }
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
        if let Value::Bool(truth) = &node.value
            && choices.iter().any(|(word, _)| *word == "off")
        {
            // `mode = false`: switched off, in other systems.
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let meant = if *truth { words.first().copied().unwrap_or("off") } else { "off" };
            let message = format!("`{name}` is one of a few words");
            self.error(UNKNOWN_VALUE, node.span.clone(), message)
                .label(there_are(&words))
                .help(format!("write `\"{meant}\"`"));
            return None;
        }
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
        let lower = text.to_lowercase().replace('_', "-");
        let habit = HABITS.iter().find(|(habit, word)| *habit == lower && words.contains(word));
        let meant = habit.map(|(_, word)| *word).or_else(|| closest(text, words.iter().copied()));
        let help = meant.map(|word| format!("write `\"{word}\"`"));
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
        let text = match &node.value {
            Value::Text(text) => text,
            _ => {
                self.no_condition(name, node);
                return None;
            }
        };
        let (condition, mistakes) = Condition::check(text, names?);
        mistakes.into_iter().for_each(|mistake| self.mistake(node, text, mistake));
        condition
    }

    /// Something stands where a condition is wanted.
    fn no_condition(&mut self, name: &str, node: &Node) {
        let help = match &node.value {
            Value::Bool(true) => Some(format!("leave `{name}` out: then nothing is asked")),
            Value::Bool(false) => Some("write `mode = \"off\"` to switch the rule off".to_owned()),
            Value::List(items) => {
                let texts: Option<Vec<_>> = items
                    .iter()
                    .map(|item| match &item.value {
                        Value::Text(text) if !text.contains('\'') => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                texts.map(|texts| format!("write `{name} = '{}'`", texts.join(" && ")))
            }
            _ => Some(format!("write for instance `{name} = 'member.role == \"admin\"'`")),
        };
        self.wrong_type(name, node, "a condition in quotes", help);
    }

    /// Globs over ids.
    pub fn globs(&mut self, entry: &Entry, example: &str) -> Globs {
        let texts = self.some_texts(entry, example);
        let mut good = Vec::new();
        for (text, node) in texts {
            match Globs::new(&[text]) {
                Ok(_) => good.push(text),
                Err(_) => {
                    let message = format!("`{text}` is not a pattern");
                    let told = self.error(BAD_GLOB, node.span.clone(), message);
                    told.label(glob_fault(text)).help(
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

/// What is wrong with a glob, in a few words.
fn glob_fault(text: &str) -> &'static str {
    let count = |sign: char| text.matches(sign).count();
    match () {
        () if text.ends_with('\\') => "it ends with a `\\` that stands for nothing",
        () if count('[') > count(']') || text.contains("[]") => "a `[` is never closed",
        () if count('{') > count('}') => "a `{` is never closed",
        () if count('}') > count('{') => "a `}` closes nothing",
        () if text.contains('-') && text.contains('[') => "a range in brackets runs backwards",
        () => "it cannot be read",
    }
}
