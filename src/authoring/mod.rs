//! What operators do with rules before they run: check them, test them.

mod bench;
mod check;
mod coverage;
mod expect;
mod runner;
mod testfile;

pub use check::{Checked, check, read_directory};
pub use coverage::Coverage;
pub use runner::{Report, TestResult, run_tests};
