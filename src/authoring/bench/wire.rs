//! The simulated Chat as REST calls reach it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, ManualClock, Timestamp};
use crate::rest::Transport;
use crate::rest::client::{Posting, TransportError};
use crate::simulator::{RestFault, World};

/// A Chat without sockets.
pub(super) struct Wire {
    world: Mutex<World>,
    clock: Arc<ManualClock>,
    down_until: Mutex<Timestamp>,
}

impl Wire {
    pub(super) fn new(world: World, clock: Arc<ManualClock>) -> Self {
        Self { world: Mutex::new(world), clock, down_until: Mutex::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing answers for a time.
    pub(super) fn down(&self, time: Duration) {
        let until = self.clock.now() + time;
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Transport for Wire {
    fn post(&self, url: String, body: Vec<u8>) -> Posting<'_> {
        Box::pin(async move {
            let unreachable = |text: &str, outcome_unknown| {
                Err(TransportError::Unreachable { text: text.to_owned(), outcome_unknown })
            };
            let now = self.clock.now();
            if now < *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) {
                return unreachable("the test says that Chat is down", false);
            }
            let (path, query) = split_url(&url);
            let answer = self.world().rest(now, path, query, &body);
            match answer.fault {
                Some(RestFault::Hang) => unreachable("the test says that Chat is slow", true),
                Some(RestFault::Drop) => {
                    unreachable("the test says that the answer was lost", true)
                }
                None => Ok((answer.status, answer.body)),
            }
        })
    }
}

/// Path and query of a URL.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find('/').map_or("", |at| &rest[at..]);
    target.split_once('?').unwrap_or((target, ""))
}
