//! What operators wrote: parse, type-check, diagnostics, catalog. Pure: text in, rules out.

mod action;
pub mod catalog;
pub mod condition;
pub mod crontab;
pub mod diagnostic;
pub mod duration;
pub mod edit;
pub mod explain;
mod glob;
pub mod index;
mod lookup;
pub mod mistake;
pub mod model;
pub mod names;
pub mod parse;
mod set;
pub mod source;
pub mod suggest;
pub mod template;
pub mod unread;

pub use catalog::EventKind;
pub use model::{Rule, RuleId};
pub use parse::{Reading, on_protected, read};
pub use set::RuleSet;
