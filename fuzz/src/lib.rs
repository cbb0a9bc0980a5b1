//! What is fuzzed: each target is a function of one text (or bytes) that must come to an end without a panic.
//!
//! The tests of the main package include this file too and run the kept corpus through the same
//! functions, so it uses nothing but `groupkeeper` and what the tests have anyway.

mod events;
mod told;

pub mod callbacks;
pub mod connections;
pub mod expressions;
pub mod rules;
pub mod tests;
pub mod texts;
