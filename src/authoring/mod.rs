//! What operators do with rules before they run: check them, test them.

mod bench;
mod check;
mod coverage;
mod directory;
mod expect;
mod runner;
mod testfile;

pub use check::{Checked, check};
pub use coverage::Coverage;
pub use directory::{Files, FoundFile, SourceFile, identity, is_test, refusal, walk};
pub use runner::{Report, TestResult, run_tests};
