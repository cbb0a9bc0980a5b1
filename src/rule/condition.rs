//! Conditions: one line of CEL, checked against the names of the rule's events when it is loaded.

mod calls;
mod check;
mod engine;
mod fact;
mod formula;
mod functions;
mod known;
mod lexer;
mod meaning;
mod native;
mod operators;
mod scope;
mod shape;
mod syntax;
mod token;

pub use engine::{Pattern, context};
pub use fact::Fact;
pub use formula::{Formula, never_together};
pub use known::event_names;
pub use native::{Facts, Field, Key, Native, Seen, Sign};
pub use scope::{Datum, bind, bind_int, bind_time, shown};

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::catalog::Object;
use super::mistake::Mistake;
use super::names::Names;
use engine::Program;
use operators::NEVER;
use syntax::Tree;
use token::Tokens;

/// A checked condition, kept as its top-level `&&` clauses, so that a trace can name the one that failed.
#[derive(Debug)]
pub struct Condition {
    text: String,
    clauses: Vec<Clause>,
}

/// One clause of a condition.
#[derive(Debug)]
pub struct Clause {
    text: Arc<str>,
    /// What it is, when that is simple.
    native: Option<Native>,
    /// Compiled when it is loaded; a simple one when it is first wanted, which is hardly ever.
    program: OnceLock<Result<Program, String>>,
    uses: Vec<(Object, String)>,
    /// What it uses as it is written, `member.role` for instance.
    names: Vec<Arc<str>>,
    /// `count` and `now`, where it reads them.
    bare: Vec<&'static str>,
    /// Bytes of the condition.
    range: Range<usize>,
    normal: String,
    formula: Formula,
}

impl Condition {
    /// Reads and checks a condition: its type is bool, and every name, function and comparison in it
    /// makes sense on the rule's events. It is judged per clause, each compiled once.
    ///
    /// # Errors
    ///
    /// All mistakes at once, ordered by place: R010 to R028, R040, R041, R044. Those of
    /// [`is_warning`] are among them; [`Condition::check`] leaves their weight to the caller.
    pub fn compile(text: &str, names: &Names) -> Result<Self, Vec<Mistake>> {
        match Self::check(text, names) {
            (Some(condition), mistakes) if mistakes.is_empty() => Ok(condition),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// As [`Condition::compile`], but there is a condition too when all mistakes are warnings.
    pub fn check(text: &str, names: &Names) -> (Option<Self>, Vec<Mistake>) {
        let tokens = match Tokens::read(text) {
            Ok(tokens) => tokens,
            Err(mistakes) => return (None, mistakes),
        };
        let mut clauses = Vec::new();
        let mut mistakes = Vec::new();
        for range in tokens.clauses() {
            clauses.extend(Clause::compile(&tokens, range, names, &mut mistakes));
        }
        mistakes.sort_by_key(|mistake| (mistake.range.start, mistake.code));
        let judgeable = mistakes.iter().all(is_warning);
        (judgeable.then(|| Self { text: text.to_owned(), clauses }), mistakes)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The clauses; all must hold.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// What all clauses together say.
    pub fn formula(&self) -> Formula {
        Formula::All(self.clauses.iter().map(|clause| clause.formula.clone()).collect())
    }
}

impl Clause {
    /// `None` when a mistake that was found leaves nothing to judge.
    fn compile(
        tokens: &Tokens<'_>,
        range: Range<usize>,
        names: &Names,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let tree = Tree::parse(tokens, range.clone()).map_err(|found| mistakes.push(found)).ok()?;
        let (reads, found) = check::check(&tree, names);
        let judgeable = found.iter().all(is_warning);
        mistakes.extend(found);
        if !judgeable {
            return None;
        }
        let text = &tokens.text[range.clone()];
        let native = Native::read(&tree.root);
        let program = OnceLock::new();
        if native.is_none() {
            let refused = || token::syntax(range.clone(), "this cannot be compiled".to_owned());
            let compiled = program.get_or_init(|| Program::compile(text));
            compiled.as_ref().map_err(|_| mistakes.push(refused())).ok()?;
        }
        let name = |(object, field): &(Object, String)| format!("{}.{field}", object.name()).into();
        let shown = reads.fields.iter().map(name).collect();
        Some(Self {
            text: text.into(),
            native,
            program,
            uses: reads.fields,
            names: shown,
            bare: reads.bare,
            normal: meaning::normal(&tree),
            formula: meaning::of(&tree, names),
            range,
        })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As written, to be kept in traces.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// How it is judged without CEL, when it is that simple.
    pub fn native(&self) -> Option<&Native> {
        self.native.as_ref()
    }

    /// What [`Clause::uses`] tells, as it is written: `member.role`.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// `count` and `now`, where it reads them.
    pub fn bare(&self) -> &[&'static str] {
        &self.bare
    }

    /// Where it stands in the condition, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What it says, as far as that is plain.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// Whether another clause says the same in the same words.
    pub fn repeats(&self, other: &Self) -> bool {
        self.normal == other.normal
    }

    /// The fields that it reads.
    pub fn uses(&self) -> &[(Object, String)] {
        &self.uses
    }

    /// Whether it reads `count` or `now`.
    pub fn reads(&self, name: &str) -> bool {
        self.bare.contains(&name)
    }

    /// Judges it; the error is a sentence for the trace, without values.
    ///
    /// The context is [`context`] with the rule's names bound by [`bind`], [`bind_int`] and
    /// [`bind_time`]; one serves all rules of an event.
    pub fn evaluate(&self, context: &cel::Context<'_, '_>) -> Result<bool, String> {
        match self.program.get_or_init(|| Program::compile(&self.text)) {
            Ok(program) => program.evaluate(context),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Whether a mistake leaves the condition judgeable, so that it may count as a warning: a comparison
/// that always has the same result.
pub fn is_warning(mistake: &Mistake) -> bool {
    mistake.code == NEVER
}

#[cfg(test)]
mod tests;
