//! One binary: stories, store conformance, wire fixtures, shipped rules, command line.

mod error_pages;
mod stage;
mod stories;
