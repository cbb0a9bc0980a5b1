//! One binary: stories, store conformance, wire fixtures, rules that are wrong, the command line.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

#[path = "../shared/addresses.rs"]
mod addresses;
mod backup;
mod bad_rules;
mod callback;
mod cli;
mod decide_properties;
mod decisions;
mod delivery;
mod disk_full;
mod documents;
mod entrances;
mod error_pages;
mod fixtures;
mod format;
mod fsck;
mod fuzz_corpus;
mod journal;
mod lints;
mod listener;
mod load;
mod lost_callbacks;
mod overload;
mod plan;
mod presets;
mod process;
mod quarantine;
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
