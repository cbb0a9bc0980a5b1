//! Reads rule files: text in, rules and everything that is to be told about them out.

pub(crate) mod actions;
mod bounds;
pub(crate) mod codes;
mod do_list;
pub(crate) mod file;
pub(crate) mod key;
mod lint;
mod memory;
pub(crate) mod one_rule;
mod possible;
pub(crate) mod scope;
pub(crate) mod syntax;
pub(crate) mod tree;
mod trigger;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Level};
use super::model::{Globs, Rule};
use super::names::Memory;
use super::set::RuleSet;
use super::source::{Source, Spot};
use super::suggest::closest;
use crate::chat::Account;
use crate::clock::Timestamp;
use codes::{BAD_ID, NOT_A_RULE, RULE_TWICE};
use file::File;
use tree::{Entry, Table, Value};

/// The longest id of a rule, in bytes: it is part of the keys that its state is kept under.
const ID_BYTES: usize = 64;

/// What came of reading rule files.
#[derive(Debug)]
pub struct Reading {
    /// The rules without mistakes. With [`Reading::has_errors`] they are not to be used: some are missing.
    pub rules: RuleSet,
    /// By file, then by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// Whether the rules must not be taken.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|told| told.level == Level::Error)
    }

    /// Whether something in them is probably not meant.
    pub fn has_warnings(&self) -> bool {
        self.diagnostics.iter().any(|told| told.level == Level::Warning)
    }
}

/// Reads rule files, given as name and content in the order in which their rules run. All mistakes of
/// all files are told at once.
///
/// With `notes_at`, the next three firings of every schedule from then on are told too (R301).
pub fn read(files: Vec<(String, String)>, notes_at: Option<Timestamp>) -> Reading {
    let mut rules: Vec<(Rule, Spot)> = Vec::new();
    let mut found = Vec::new();
    let mut ids: BTreeMap<String, Spot> = BTreeMap::new();
    let trees: Vec<_> = files
        .iter()
        .map(|(name, text)| {
            let source = Source::new(name, text);
            let tree = syntax::read(&source);
            (source, tree)
        })
        .collect();
    // What one rule remembers, the rules of any file can read.
    let good = trees.iter().filter_map(|(_, tree)| tree.as_ref().ok());
    let memory = Arc::new(memory::declared(good));
    for (source, tree) in trees {
        let mut file = File { source: &source, found: Vec::new() };
        let before = rules.len();
        match tree {
            Err(mistakes) => file.found = mistakes,
            Ok(table) => rules.extend(read_file(&mut file, &table, &mut ids, &memory)),
        }
        if let Some(now) = notes_at {
            let own = rules[before..].iter();
            file.found.extend(own.flat_map(|(rule, spot)| lint::notes(rule, spot, now)));
        }
        file.found.sort_by_key(|told| (told.spot.span().start, told.level));
        found.extend(file.found);
    }
    found.extend(lint::across(&rules));
    let rules = rules.into_iter().map(|(rule, _)| rule).collect();
    Reading { rules: RuleSet::new(rules, files), diagnostics: found }
}

/// Actions that never come to anything because of whom the configuration protects, `[safety] protected`,
/// and of the bot's own accounts.
pub fn on_protected(rules: &RuleSet, protected: &Globs, own: &[Account]) -> Vec<Diagnostic> {
    lint::by_account(rules, protected, own)
}

/// The rules of one file, each with the place of its heading.
fn read_file(
    file: &mut File<'_>,
    table: &Table,
    ids: &mut BTreeMap<String, Spot>,
    memory: &Arc<Memory>,
) -> Vec<(Rule, Spot)> {
    let mut rules = Vec::new();
    for entry in table.entries() {
        let headings = match &entry.node.value {
            Value::Table(table) if entry.key == "rule" => table.entries(),
            _ => {
                not_a_rule(file, entry);
                continue;
            }
        };
        if let Some(key) = headings.iter().find(|key| !is_heading(key)) {
            no_name(file, key);
            continue;
        }
        for heading in headings {
            let spot = file.source.spot(heading.key_span.clone());
            if let Some(first) = ids.get(&heading.key) {
                let message = format!("there are two rules `{}`", heading.key);
                let told = Diagnostic::new(Level::Error, RULE_TWICE, spot.clone(), message)
                    .label("again here")
                    .help("an id is unique over all files: rename one of the two".to_owned())
                    .related(first.clone(), "first here");
                file.found.push(told);
            } else {
                ids.insert(heading.key.clone(), spot.clone());
            }
            let good_id = check_id(file, heading);
            let rule = one_rule::read(file, heading, memory);
            rule.iter().for_each(|rule| lint::of_rule(file, heading, rule));
            rules.extend(rule.filter(|_| good_id).map(|rule| (rule, spot)));
        }
    }
    rules
}

fn is_heading(entry: &Entry) -> bool {
    matches!(&entry.node.value, Value::Table(_))
}

/// `[rule]` with keys below it, or `[[rule.its-name]]`.
fn no_name(file: &mut File<'_>, entry: &Entry) {
    let key = &entry.key;
    let of_tables =
        |items: &[tree::Node]| items.iter().all(|item| matches!(item.value, Value::Table(_)));
    let double = matches!(&entry.node.value, Value::List(items) if of_tables(items) && key != "do");
    let (message, label, help) = if double {
        let help = format!("write `[rule.{key}]` with single brackets");
        (format!("`{key}` is a list of rules"), "each rule has its own heading", help)
    } else {
        let help = "write `[rule.its-name]` above it".to_owned();
        (
            format!("`{key}` belongs to a rule without a name"),
            "the heading lacks the rule's id",
            help,
        )
    };
    file.error(NOT_A_RULE, entry.key_span.clone(), message).label(label).help(help);
}

/// Something stands in the file that is not a `[rule.…]`.
fn not_a_rule(file: &mut File<'_>, entry: &Entry) {
    let key = &entry.key;
    let (label, help) = match &entry.node.value {
        Value::List(_) if key == "rule" => (
            "each rule has its own heading",
            "write `[rule.its-name]` with single brackets".to_owned(),
        ),
        _ if closest(key, ["rule"]).is_some() || key == "rule" => {
            ("the headings of rules begin with `rule.`", "write `[rule.its-name]`".to_owned())
        }
        Value::List(_) if key == "test" => {
            ("tests stand in files of their own", "move it to a `.test.toml` file".to_owned())
        }
        Value::Table(_) => {
            ("the headings of rules begin with `rule.`", format!("write `[rule.{key}]`"))
        }
        _ => (
            "this stands above the first `[rule.…]`",
            "write `[rule.its-name]` above the keys of a rule".to_owned(),
        ),
    };
    let message = format!("`{key}` is not a rule");
    file.error(NOT_A_RULE, entry.key_span.clone(), message).label(label).help(help);
}

/// An id is part of keys, links and command lines.
fn check_id(file: &mut File<'_>, heading: &Entry) -> bool {
    let id = &heading.key;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !id.is_empty() && id.len() <= ID_BYTES && id.chars().all(allowed) {
        return true;
    }
    let better: String = id.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let better = better.trim_matches('-');
    let help = (!better.is_empty() && better.len() <= ID_BYTES)
        .then(|| format!("write `[rule.{better}]`"));
    file.error(BAD_ID, heading.key_span.clone(), "this cannot be the id of a rule")
        .label("letters, digits, `-` and `_`, at most 64 bytes")
        .help(help);
    false
}
