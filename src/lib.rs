//! Groupkeeper keeps the groups of a Tencent Cloud Chat app in order.
//!
//! # The flow
//!
//! ```text
//! Chat ──▶ callback ──▶ event ──▶ decision ──▶ one commit ──▶ answer
//!                          ▲          ▲            │
//! schedule, timer, reconciliation ────┘            └──▶ outbox ──▶ delivery ──▶ rest ──▶ Chat
//! ```
//!
//! # The map
//!
//! Modules stand from the pure inside out; each uses only those above it (`tests/architecture.rs`
//! holds that).
//!
//! # What always holds
//!
//! - `decide` is a function of its arguments.
//! - Nothing is sent before it is committed.
//! - Only `rest/client.rs` sends; only `clock.rs` reads the time; only `callback/decode.rs` reads
//!   callback JSON; only `service/config.rs` reads the environment.
//! - Production code does not differ under test; loops are thin, and tests call `step()`.

// What Chat is made of: ids, group types, roles, messages. Pure.
pub mod chat;

// Timestamp and Clock; the only reader of time.
pub mod clock;

// What operators wrote: parse, type-check, diagnostics, catalog. Pure.
pub mod rule;

// Event + rules + state → decision; guards; effects; trace. Pure.
pub mod decision;

// What survives: trait Store; memory, sled.
pub mod store;

// What stands in the store: keys and records of state, outbox, timers, journal.
pub mod ledger;

// What has served its time goes: journal, seen-marks, counters.
pub mod retention;

// Event in, verdict out: load, decide, commit.
pub mod pipeline;

// Where Chat calls us: limit, authenticate, decode, reply.
pub mod callback;

// Due schedules and timers → events.
pub mod schedule;

// Where we call Chat: client, commands, errors, UserSig.
pub mod rest;

// Outbox → REST: order, retry, rates, verification.
pub mod delivery;

// Chat's truth → mirror and missed events.
pub mod reconcile;

// Pipeline, schedule and delivery on one store: the bot without sockets.
pub mod engine;

// Operators' pages and API.
pub mod console;

// A Chat to test and demonstrate against; shares no wire code with the bot.
pub mod simulator;

// What operators do with rules before they run: check them, test them.
pub mod authoring;

// Wiring, configuration, reload, telemetry.
pub mod service;

// Commands and exit codes.
pub mod cli;
