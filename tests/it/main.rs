//! One binary: stories, store conformance, wire fixtures, rules that are wrong, the command line.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

mod bad_rules;
mod callback;
mod cli;
mod decide_properties;
mod decisions;
mod delivery;
mod documents;
mod entrances;
mod error_pages;
mod fixtures;
mod format;
mod fuzz_corpus;
mod journal;
mod lints;
mod lost_callbacks;
mod plan;
mod presets;
mod process;
mod readings;
mod reload;
mod replay;
mod rest_http;
mod rule_files;
mod rule_pages;
mod rule_reading;
mod rule_tests;
mod schema;
mod simulate;
mod stage;
mod store_conformance;
mod store_on_disk;
mod stories;
mod tencent;
mod usersig;
mod why;
