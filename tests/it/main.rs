//! One binary for all tests that see the program from outside.

// The pages of `groupkeeper explain`, checked against what they explain.
mod error_pages;
