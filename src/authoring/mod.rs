//! What operators do with rules before they run: check them, test them.

mod bench;
mod check;
mod coverage;
mod directory;
mod expect;
pub mod format;
mod junit;
mod oneline;
pub mod plan;
pub mod presets;
pub mod recorded;
pub mod replay;
mod ruletext;
mod runner;
pub mod schema;
pub mod testfile;
pub mod why;

pub use check::{Checked, SourceFile, check};
pub use coverage::{Coverage, Covered, Gap, Share};
pub use directory::{Files, FoundFile, identity, is_test, refusal, walk};
pub use expect::{Difference, Expected, FieldDifference, Kind};
pub use junit::junit;
pub use oneline::one_line;
pub use runner::{Failure, Report, TestResult, run_read, run_tests};
