//! Conditions that are never true, so that the rule never acts; and clauses that change nothing.

use super::given::{self, Given};
use crate::rule::condition::{Clause, Condition, Formula, never_together};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::Rule;
use crate::rule::parse::codes::{CHANGES_NOTHING, NEVER_ACTS};
use crate::rule::parse::file::File;
use crate::rule::parse::lint::idle::hears_only_others;
use crate::rule::parse::tree::{Entry, Node, Span, Table, Value};
use crate::rule::source::Spot;

const SO: &str = "so this rule never acts";

/// Tells what is certain about `when` and `unless`.
pub fn check(file: &mut File<'_>, table: &Table, rule: &Rule) {
    if rule.when.is_none() && rule.unless.is_none() {
        return;
    }
    let given = given::of(rule);
    let lint = Lint { file, table, given: &given };
    let mut found = Vec::new();
    lint.never(rule, &mut found);
    // What is never true makes everything beside it look superfluous.
    if found.is_empty() {
        lint.superfluous(rule, &mut found);
    }
    file.found.extend(found);
}

struct Lint<'l, 'f> {
    file: &'l File<'f>,
    table: &'l Table,
    given: &'l [Given],
}

impl Lint<'_, '_> {
    fn never(&self, rule: &Rule, found: &mut Vec<Diagnostic>) {
        let clauses = rule.when.as_ref().map_or(&[][..], Condition::clauses);
        for (at, clause) in clauses.iter().enumerate() {
            let formula = clause.formula();
            let spot = || self.spot("when", clause);
            if never_together([formula]) {
                let message = format!("{} is never true", shown(clause));
                let told = warning(NEVER_ACTS, spot(), message).label(SO);
                found.push(told.help(instead_of(clause)));
            } else if let Some(other) =
                clauses[..at].iter().find(|other| never_together([other.formula(), formula]))
            {
                let message = format!("{} and {} are never both true", shown(other), shown(clause));
                let told = warning(NEVER_ACTS, spot(), message).label(SO);
                let told = told.related(self.spot("when", other), "the other");
                found.push(told.help(either(other, clause)));
            } else if let Some(given) =
                self.given.iter().find(|given| never_together([&given.formula, formula]))
            {
                let message = format!("{} is never true here", shown(clause));
                let told = warning(NEVER_ACTS, spot(), message).label(SO);
                found.push(self.beside(told, given, rule));
            }
        }
        if !found.is_empty() {
            return;
        }
        let given = || self.given.iter().map(|given| &given.formula);
        let when = || clauses.iter().map(Clause::formula);
        if let Some(key) = self.table.get("when")
            && never_together(given().chain(when()))
        {
            let spot = self.file.source.spot(key.key_span.clone());
            let message = "the clauses of `when` are never all true";
            let told = warning(NEVER_ACTS, spot, message).label(SO);
            found.push(told.help("leave one of them out".to_owned()));
        } else if let (Some(key), Some(unless)) = (self.table.get("unless"), &rule.unless)
            && let spared = unless.formula().negated()
            && never_together(given().chain(when()).chain([&spared]))
        {
            let spot = self.value(key, 0..unless.text().len());
            let message = match &rule.when {
                Some(_) => "`unless` holds back everything that `when` lets through",
                None => "`unless` holds back every event",
            };
            let help = "leave `unless` out, or let it be about fewer".to_owned();
            let told = warning(NEVER_ACTS, spot, message).label(SO).help(help);
            found.push(match self.table.get("when") {
                Some(when) => {
                    let spot = self.file.source.spot(when.key_span.clone());
                    told.related(spot, "what lets through")
                }
                None => told,
            });
        }
    }

    fn superfluous(&self, rule: &Rule, found: &mut Vec<Diagnostic>) {
        let clauses = rule.when.as_ref().map_or(&[][..], Condition::clauses);
        for (at, clause) in clauses.iter().enumerate() {
            let opposite = clause.formula().negated();
            let certain = clause.formula().is_certain();
            let follows = |from: &Formula| certain && never_together([from, &opposite]);
            let spot = self.spot("when", clause);
            if follows(&Formula::Always) {
                let message = format!("{} is always true", shown(clause));
                found.push(changes_nothing(spot, message));
            } else if let Some(given) = self.given.iter().find(|given| follows(&given.formula)) {
                let message = format!("{} is always true here", shown(clause));
                found.push(self.beside(changes_nothing(spot, message), given, rule));
            } else if let Some(other) = clauses[..at].iter().find(|other| other.repeats(clause)) {
                let message = format!("{} stands here twice", shown(clause));
                let told = changes_nothing(spot, message);
                found.push(told.related(self.spot("when", other), "first here"));
            } else if let Some(other) = others(clauses, at).find(|other| follows(other.formula())) {
                let message = format!("{} is true whenever {} is", shown(clause), shown(other));
                let told = changes_nothing(spot, message);
                found.push(told.related(self.spot("when", other), "this says more"));
            }
        }
        let Some((key, unless)) = self.table.get("unless").zip(rule.unless.as_ref()) else {
            return;
        };
        let given = self.given.iter().map(|given| &given.formula);
        let both = clauses.iter().chain(unless.clauses()).map(Clause::formula);
        if never_together(given.chain(both)) {
            let spot = self.value(key, 0..unless.text().len());
            let message = "`unless` is never true here".to_owned();
            found.push(changes_nothing(spot, message).help("leave `unless` out".to_owned()));
        }
    }

    /// Points to the key that leaves out what a clause asks for.
    fn beside(&self, told: Diagnostic, given: &Given, rule: &Rule) -> Diagnostic {
        let place = given.path.split_first().and_then(|(first, rest)| {
            let mut entry = self.table.get(first)?;
            for key in rest {
                let Value::Table(table) = &entry.node.value else { return None };
                entry = table.get(key)?;
            }
            Some(self.file.source.spot(entry.key_span.clone()))
        });
        match place {
            Some(place) => {
                let help = format!("change `{}` or leave the clause out", given.path.join("."));
                let help = told.help.clone().unwrap_or(help);
                told.help(help).related(place, given.said.clone())
            }
            None => {
                let help = match hears_only_others(rule) {
                    true => "leave the clause out",
                    false => "leave the clause out, or write `on_own = true` beside it",
                };
                let help = told.help.clone().unwrap_or_else(|| help.to_owned());
                told.label(given.said.clone()).help(help)
            }
        }
    }

    fn spot(&self, key: &str, clause: &Clause) -> Spot {
        match self.table.get(key) {
            Some(entry) => self.value(entry, clause.range()),
            None => self.file.source.spot(0..0),
        }
    }

    /// A part of a text value.
    fn value(&self, entry: &Entry, part: Span) -> Spot {
        let Node { span, value } = &entry.node;
        let Value::Text(text) = value else { return self.file.source.spot(span.clone()) };
        self.file.source.spot(self.file.source.inside(span.clone(), text, part))
    }
}

/// The other clauses; of two that say the same only the later one has another.
fn others(clauses: &[Clause], at: usize) -> impl Iterator<Item = &Clause> {
    let same = move |other: &Clause| {
        let (one, two) = (other.formula(), clauses[at].formula());
        one.is_certain() && never_together([two, &one.negated()])
    };
    let later = clauses[at + 1..].iter().filter(move |other| !same(other));
    clauses[..at].iter().chain(later)
}

fn warning(code: crate::rule::mistake::Code, spot: Spot, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Level::Warning, code, spot, message)
}

fn changes_nothing(spot: Spot, message: String) -> Diagnostic {
    let told = warning(CHANGES_NOTHING, spot, message).label("it changes nothing");
    told.help("leave it out".to_owned())
}

/// The clause in a sentence: on one line and not long.
fn shown(clause: &Clause) -> String {
    const LONGEST: usize = 60;
    let text = clause.text().split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

/// What to do about a clause that is never true by itself.
fn instead_of(clause: &Clause) -> String {
    let lower = clause.text().contains(".lowerAscii()") && clause.text().contains('"');
    match lower {
        true => "write the text in small letters, as `lowerAscii` gives them".to_owned(),
        false => "leave the clause out, or write `mode = \"off\"` while the rule rests".to_owned(),
    }
}

/// Two values of one thing: one or the other was meant. Anything else is for a person to sort out.
fn either(one: &Clause, two: &Clause) -> String {
    let (first, second) = (one.formula().only_fact(), two.formula().only_fact());
    let equal = first.zip(second).and_then(|(a, b)| a.equality().zip(b.equality()));
    match (equal, first.zip(second)) {
        (Some(((subject, a), (_, b))), _) if !subject.contains(' ') => {
            format!("write `{subject} in [{a:?}, {b:?}]` for either")
        }
        (_, Some((a, b))) if a.is_positive() && b.is_positive() => {
            format!("write `({} || {})` for either", one.text(), two.text())
        }
        _ => "leave one of the two out".to_owned(),
    }
}
