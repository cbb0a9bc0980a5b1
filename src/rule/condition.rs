//! Conditions: one line of CEL, checked against the names of the rule's events when it is loaded.

use super::catalog::Object;

/// A checked condition, kept as its top-level `&&` clauses, so that a trace can name the one that failed.
#[derive(Debug)]
pub struct Condition {
    text: String,
    clauses: Vec<Clause>,
}

/// One clause of a condition.
#[derive(Debug)]
pub struct Clause {
    text: String,
    uses: Vec<(Object, String)>,
}

impl Condition {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The clauses; all must hold.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }
}

impl Clause {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The fields that it reads.
    pub fn uses(&self) -> &[(Object, String)] {
        &self.uses
    }

    /// Judges it; the error is a sentence for the trace.
    pub fn evaluate(&self, _context: &cel::Context<'_, '_>) -> Result<bool, String> {
        Err("not compiled".into())
    }
}
