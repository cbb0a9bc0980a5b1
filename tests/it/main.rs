//! One binary: stories, store conformance, wire fixtures, shipped rules, command line.

mod error_pages;
mod stage;
mod store_conformance;
mod store_on_disk;
mod stories;
