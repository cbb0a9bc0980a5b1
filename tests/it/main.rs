//! Tests from outside: wire fixtures, the callback listener.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

mod callback;
mod fixtures;
