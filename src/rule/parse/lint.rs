//! What is allowed and probably not meant: rules that never act or are never reached, that work against
//! each other, keys that do nothing. Only what is certain is told.

mod change;
mod fights;
mod given;
mod idle;
mod loops;
mod protected;
mod reach;
mod texts;
mod times;
mod truth;

pub use idle::hears_only_others;
pub use protected::by_account;
pub use times::notes;

use super::file::File;
use super::tree::{Entry, Value};
use crate::rule::diagnostic::Diagnostic;
use crate::rule::model::{Mode, Rule};
use crate::rule::source::Spot;

/// What shows in one rule. A rule that is off is somebody's work in progress.
pub fn of_rule(file: &mut File<'_>, heading: &Entry, rule: &Rule) {
    let Value::Table(table) = &heading.node.value else { return };
    if rule.mode == Mode::Off {
        return;
    }
    truth::check(file, table, rule);
    protected::by_role(file, table, rule);
    idle::check(file, table, rule);
    texts::check(file, table);
}

/// What only shows across rules.
pub fn across(rules: &[(Rule, Spot)]) -> Vec<Diagnostic> {
    let mut found = loops::find(rules);
    found.extend(fights::find(rules));
    found.extend(reach::unreached(rules));
    found.extend(reach::repeated(rules));
    found
}
