//! One binary for all tests that see the program from outside.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

// One mistake each, and what the operator is told.
mod bad_rules;

// The pages of `groupkeeper explain`, checked against what they explain.
mod error_pages;
// The shipped rules, and what reading makes of them.
mod rule_files;
// The pages about whole rule files.
mod rule_pages;
// What reading makes of any rule file.
mod rule_reading;
