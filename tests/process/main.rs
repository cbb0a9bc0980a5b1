//! The real binary as a process beside a simulated Chat that is another one: killed, stopped, started twice,
//! under a clock that jumps. `docs/reliability.md` tells what is demanded and how to repeat a run.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]
#![expect(clippy::disallowed_methods, reason = "a process has no clock that a test could move")]

#[path = "../shared/addresses.rs"]
mod addresses;
mod bot;
mod chat;
mod clock;
mod http;
mod kills;
mod line;
mod overload;
mod people;
#[path = "../sim/rng.rs"]
#[expect(dead_code, reason = "the simulation draws in more ways")]
mod rng;
mod scene;
mod terminate;
mod truth;
mod two;

use std::time::{Duration, Instant};

use addresses::free_address;

/// The simulator's key and token; they open nothing.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "token-of-the-simulated-chat";
pub const SDK_APP_ID: u64 = 1_400_000_000;
/// The app admin: the bot's own account.
pub const ADMIN: &str = "administrator";

/// Polls until it is so, or panics after `limit` with what `told` says then.
pub fn wait_until(limit: Duration, told: impl Fn() -> String, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < limit, "not so after {limit:?}: {}", told());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A number from the environment.
pub fn given(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}
