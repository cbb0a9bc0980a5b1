//! One binary: stories, store conformance, wire fixtures, shipped rules, command line.

mod rest_http;
mod usersig;
