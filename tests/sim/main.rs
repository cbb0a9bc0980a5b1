//! The whole bot from a seed: the same processes, disk, net and people every time, and everything that can
//! go wrong. `docs/reliability.md` tells what is demanded and how to repeat a run.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

mod bot;
mod chaos;
mod clock;
mod crash;
mod directory;
mod disk;
mod garbage;
mod mutant;
mod net;
mod power;
mod rng;
mod seeds;
mod story;
mod weather;
mod witness;

use groupkeeper::clock::Timestamp;

/// The app admin: the bot's own account.
pub const ADMIN: &str = "administrator";
pub const SDK_APP_ID: u64 = 1_400_000_000;
/// The simulator's key; it opens nothing.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// With which Chat signs its callbacks.
pub const TOKEN: &str = "xxxxyyyy";
/// A Thursday evening, UTC: a few hours before midnight, so that many runs see a day end.
pub const BEGIN: Timestamp = Timestamp(1_767_297_600_000);
