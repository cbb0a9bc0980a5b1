//! The rows of the table, in its order.

mod answered;
pub mod builds;
mod growth;
mod idle;
mod joins;
mod large;
mod outbox;
mod rest;
mod rules;
mod wire;

use std::time::Duration;

use super::Scale;
use super::generate::{Callbacks, Run};
use super::servers::Server;
use super::table::Row;

/// What can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rows {
    /// A message callback that no rule wants
    Answered,
    /// A join that promotes, synced to disk, answered
    Joins,
    /// From callback to REST call, beside hand-written bots
    Rest,
    /// From callback to REST call on the wire
    Wire,
    /// An outbox drained within Chat's limit: takes eight minutes
    Outbox,
    /// An outbox drained without a limit
    Drain,
    /// A thousand rules
    Rules,
    /// A million members
    Large,
    /// Memory, binary, start
    Idle,
    /// From 1× to 100×; writes the plots
    Growth,
}

impl Rows {
    #[rustfmt::skip]
    pub const ALL: [Self; 10] = [
        Self::Answered, Self::Joins, Self::Rest, Self::Wire, Self::Outbox, Self::Drain, Self::Rules,
        Self::Large, Self::Idle, Self::Growth,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Joins => "joins",
            Self::Rest => "rest",
            Self::Wire => "wire",
            Self::Outbox => "outbox",
            Self::Drain => "drain",
            Self::Rules => "rules",
            Self::Large => "large",
            Self::Idle => "idle",
            Self::Growth => "growth",
        }
    }

    pub fn measure(self, scale: &Scale) -> Vec<Row> {
        match self {
            Self::Answered => answered::rows(scale),
            Self::Joins => joins::rows(scale),
            Self::Rest => rest::rows(scale),
            Self::Wire => wire::rows(scale),
            Self::Outbox => outbox::limited(scale),
            Self::Drain => outbox::free(scale),
            Self::Rules => rules::rows(scale),
            Self::Large => large::rows(scale),
            Self::Idle => idle::rows(scale),
            Self::Growth => growth::rows(scale),
        }
    }
}

/// One server under load: requests a second, and processor time for each.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    rate: f64,
    /// Microseconds.
    cpu: f64,
}

/// The median of several turns.
fn median(mut speeds: Vec<Speed>) -> Speed {
    speeds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    speeds[speeds.len() / 2]
}

/// Measures servers in turns, so that what else the machine does falls on all of them.
async fn in_turns(
    scale: &Scale,
    servers: &[(&Server, &Callbacks)],
    connections: usize,
) -> Vec<Speed> {
    let mut told = vec![Vec::new(); servers.len()];
    for (server, callbacks) in servers {
        // To warm up.
        closed(server, callbacks, connections, scale.time / 5).await;
    }
    for _ in 0..scale.turns {
        for ((server, callbacks), told) in servers.iter().zip(&mut told) {
            told.push(closed(server, callbacks, connections, scale.time).await);
        }
    }
    told.into_iter().map(median).collect()
}

/// What a server does in a closed loop.
async fn closed(
    server: &Server,
    callbacks: &Callbacks,
    connections: usize,
    time: Duration,
) -> Speed {
    let before = server.cpu();
    let run = callbacks.closed(server.address, connections, time).await;
    assert_eq!(run.failed, 0, "callbacks failed");
    let cpu = (server.cpu() - before).as_secs_f64() * 1e6 / run.sent as f64;
    Speed { rate: run.rate(), cpu }
}

/// Latencies of an open loop, of the turn in the middle by its p99.
async fn open_in_turns(
    scale: &Scale,
    servers: &[(&Server, &Callbacks)],
    connections: usize,
    rate: f64,
) -> Vec<Run> {
    let mut told: Vec<Vec<Run>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..scale.turns {
        for ((server, callbacks), told) in servers.iter().zip(&mut told) {
            let (run, _) = callbacks.open(server.address, connections, rate, scale.time).await;
            assert_eq!(run.failed, 0, "callbacks failed");
            told.push(run);
            // The next one begins when this one has nothing left to do.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let middle = |mut runs: Vec<Run>| {
        runs.sort_by_key(|run| run.latencies.value_at_quantile(0.99));
        let middle = runs.len() / 2;
        runs.swap_remove(middle)
    };
    told.into_iter().map(middle).collect()
}
