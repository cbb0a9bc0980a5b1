//! One binary: stories, store conformance, wire fixtures, rules that are wrong, the command line.

mod error_pages;
mod fixtures;
mod stage;
mod store_conformance;
mod store_on_disk;
mod stories;
