//! Reading keys: from the environment, else from the file; each mistake with its place.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigMistake;

/// What our environment variables begin with.
pub(super) const PREFIX: &str = "GROUPKEEPER_";

/// A value and where it came from.
pub(super) struct Found {
    pub(super) value: Written,
    pub(super) origin: Origin,
}

/// A value as it was written.
pub(super) enum Written {
    Text(String),
    Integer(i64),
    List(Vec<String>),
    Table(Vec<(String, Written)>),
    Other(&'static str),
}

/// Where a value was written.
#[derive(Clone)]
pub(super) enum Origin {
    File(Range<usize>),
    Variable(String),
    Nowhere,
}

pub(super) struct Reader<'r> {
    name: &'r str,
    text: &'r str,
    table: Spanned<DeTable<'r>>,
    environment: &'r [(String, String)],
    known: BTreeSet<(&'static str, &'static str)>,
    mistakes: Vec<ConfigMistake>,
    /// Which of the mistakes are only that something is not there.
    absent: BTreeSet<usize>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(
        name: &'r str,
        text: &'r str,
        environment: &'r [(String, String)],
    ) -> Result<Self, Vec<ConfigMistake>> {
        let table = DeTable::parse(text).map_err(|error| {
            let range = error.span().unwrap_or_default();
            let message = format!("this is not TOML: {}", error.message());
            vec![at(name, text, &range, message, String::new())]
        })?;
        let (known, mistakes, absent) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        Ok(Self { name, text, table, environment, known, mistakes, absent })
    }

    /// The value of a key; the environment wins. A secret is also read from the file that
    /// `…_FILE` names.
    pub(super) fn find(
        &mut self,
        section: &'static str,
        key: &'static str,
        secret: bool,
    ) -> Option<Found> {
        self.known.insert((section, key));
        let variable = variable(section, key);
        if let Some(text) = self.variable(&variable) {
            return Some(Found { value: Written::Text(text), origin: Origin::Variable(variable) });
        }
        let file = format!("{variable}_FILE");
        if secret && let Some(path) = self.variable(&file) {
            return self.secret_file(file, &path);
        }
        let section = self.table.get_ref().get(section)?;
        let DeValue::Table(section) = section.get_ref() else { return None };
        let value = section.get(key)?;
        let origin = Origin::File(value.span());
        Some(Found { value: written(value.get_ref()), origin })
    }

    /// Where a key is written, as [`Reader::find`] finds it.
    pub(super) fn origin(&self, section: &str, key: &str) -> Origin {
        let variable = variable(section, key);
        for name in [format!("{variable}_FILE"), variable] {
            if self.variable(&name).is_some() {
                return Origin::Variable(name);
            }
        }
        let section = self.table.get_ref().get(section).map(Spanned::get_ref);
        let value = section.and_then(|section| section.as_table()?.get(key));
        value.map_or(Origin::Nowhere, |value| Origin::File(value.span()))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let found = self.environment.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    fn secret_file(&mut self, variable: String, path: &str) -> Option<Found> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                let origin = Origin::Variable(variable);
                Some(Found { value: Written::Text(text), origin })
            }
            Err(error) => {
                let message = format!("`{path}` cannot be read: {error}");
                self.not_there(&Origin::Variable(variable), message, String::new());
                None
            }
        }
    }

    pub(super) fn mistake(&mut self, origin: &Origin, message: String, help: String) {
        let mistake = match origin {
            Origin::File(range) => at(self.name, self.text, range, message, help),
            Origin::Variable(name) => {
                ConfigMistake { place: name.clone(), excerpt: String::new(), message, help }
            }
            Origin::Nowhere => {
                let place = if self.name.is_empty() { "the environment" } else { self.name };
                ConfigMistake { place: place.into(), excerpt: String::new(), message, help }
            }
        };
        self.mistakes.push(mistake);
    }

    /// Something is not there, a secret for one: a mistake where it is needed.
    pub(super) fn not_there(&mut self, origin: &Origin, message: String, help: String) {
        self.absent.insert(self.mistakes.len());
        self.mistake(origin, message, help);
    }

    /// How many mistakes were found so far.
    pub(super) fn wrong(&self) -> usize {
        self.mistakes.len()
    }

    /// The mistakes found so far.
    pub(super) fn mistakes(self) -> Vec<ConfigMistake> {
        self.mistakes
    }

    /// The mistakes found, those of keys that nobody knows among them.
    pub(super) fn finish(mut self) -> Vec<ConfigMistake> {
        self.unknown_keys();
        self.unknown_variables();
        self.mistakes
    }

    /// As [`Reader::finish`], and apart from them what is not there, which may be elsewhere. What the
    /// environment of a check has besides is not asked.
    pub(super) fn finish_apart(mut self) -> (Vec<ConfigMistake>, Vec<ConfigMistake>) {
        self.unknown_keys();
        let absent = std::mem::take(&mut self.absent);
        let (mut mistakes, mut secrets) = (Vec::new(), Vec::new());
        for (number, mistake) in self.mistakes.into_iter().enumerate() {
            let list = if absent.contains(&number) { &mut secrets } else { &mut mistakes };
            list.push(mistake);
        }
        (mistakes, secrets)
    }

    fn unknown_keys(&mut self) {
        let known = self.known.clone();
        let sections: BTreeSet<&str> = known.iter().map(|(section, _)| *section).collect();
        let mut found = Vec::new();
        for (section, value) in self.table.get_ref() {
            let name: &str = section.get_ref();
            let DeValue::Table(table) = value.get_ref() else {
                let message = format!("`{name}` stands outside of a section");
                found.push((
                    section.span(),
                    message,
                    "write it below `[app]`, `[callback]`, …".into(),
                ));
                continue;
            };
            if !sections.contains(name) {
                let help = closest(name, sections.iter().copied(), |s| format!("`[{s}]`"));
                found.push((section.span(), format!("there is no section `[{name}]`"), help));
                continue;
            }
            let keys = || known.iter().filter(|(s, _)| *s == name).map(|(_, key)| *key);
            for key in table.keys().filter(|key| !keys().any(|k| k == &**key.get_ref())) {
                let message = format!("`[{name}]` has no key `{}`", key.get_ref());
                let help = closest(key.get_ref(), keys(), |key| format!("`{key}`"));
                found.push((key.span(), message, help));
            }
        }
        for (range, message, help) in found {
            self.mistake(&Origin::File(range), message, help);
        }
    }

    fn unknown_variables(&mut self) {
        let names: Vec<String> = self.known.iter().map(|(s, k)| variable(s, k)).collect();
        let unknown = |name: &String| {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            name.starts_with(PREFIX) && !names.iter().any(|known| known == name || known == base)
        };
        let found: Vec<String> =
            self.environment.iter().map(|(name, _)| name.clone()).filter(unknown).collect();
        for name in found {
            let help = closest(&name, names.iter().map(String::as_str), |n| format!("`{n}`"));
            let message = format!("the variable `{name}` belongs to no key");
            self.mistake(&Origin::Variable(name), message, help);
        }
    }
}

/// The variable of a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.map_or(Written::Other("a number that is too large"), Written::Integer)
        }
        DeValue::Array(list) => {
            let texts = list.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts
                .collect::<Option<_>>()
                .map_or(Written::Other("a list of other things"), Written::List)
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                (AsRef::<str>::as_ref(key.get_ref()).to_owned(), written(value.get_ref()))
            };
            Written::Table(table.iter().map(entry).collect())
        }
        DeValue::Boolean(_) => Written::Other("a boolean"),
        DeValue::Float(_) => Written::Other("a fraction"),
        DeValue::Datetime(_) => Written::Other("a date"),
    }
}

fn at(
    name: &str,
    text: &str,
    range: &Range<usize>,
    message: String,
    help: String,
) -> ConfigMistake {
    let start = text.floor_char_boundary(range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let number = text[..start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count() + 1;
    let end = range.end.clamp(start, line_start + line.len());
    let width = text.get(start..end).map_or(1, |marked| marked.chars().count().max(1));
    // A secret's value is not shown, not even to its owner's terminal.
    let secret = ["secret", "token", "password"].iter().any(|word| line.contains(word))
        || line.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let shown = match (secret, line.split_once('=')) {
        (true, Some((key, _))) => format!("{key}= …"),
        _ => line.to_owned(),
    };
    let gutter = " ".repeat(number.to_string().len());
    let mark = format!("{}{}", " ".repeat(column - 1), "^".repeat(if secret { 1 } else { width }));
    let excerpt = format!("{gutter} |\n{number} | {shown}\n{gutter} | {mark}");
    ConfigMistake { place: format!("{name}:{number}:{column}"), excerpt, message, help }
}

/// A proposal, or what there is.
fn closest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    show: impl Fn(&str) -> String,
) -> String {
    let near = known.clone().map(|other| (strsim::damerau_levenshtein(name, other), other));
    match near.min() {
        Some((distance, other)) if distance * 3 <= name.len().max(3) => {
            format!("did you mean {}?", show(other))
        }
        _ => format!("there are {}", known.map(show).collect::<Vec<_>>().join(", ")),
    }
}
