//! One binary for all tests that see the program from outside.

// The pages of `groupkeeper explain`, checked against what they explain.
mod error_pages;
// The shipped rules, and what reading makes of them.
mod rule_files;
