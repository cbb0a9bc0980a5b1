//! One binary: stories, store conformance, wire fixtures, shipped rules, command line.

mod cli;
mod shipped_rules;
mod stage;
mod stories;
