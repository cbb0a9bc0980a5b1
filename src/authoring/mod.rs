//! What operators do with rules before they run: check them, test them.

mod bench;
mod check;
mod coverage;
mod expect;
pub mod plan;
pub mod recorded;
pub mod replay;
mod ruletext;
mod runner;
mod testfile;
pub mod why;

pub use check::{Checked, check, read_directory};
pub use coverage::Coverage;
pub use runner::{Report, TestResult, run_tests};
