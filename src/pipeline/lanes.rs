//! One event of a lane at a time; lanes beside each other.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use tokio::sync::{Mutex, MutexGuard};

use crate::decision::Lane;

/// More than the callbacks that are decided at once, so that two groups seldom share one.
const STRIPES: usize = 1024;

/// Locks, one for every so many lanes.
pub(super) struct Lanes {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}

impl Lanes {
    /// Waits until the lane is free; it is held until the guard goes.
    pub(super) async fn enter(&self, lane: &Lane) -> MutexGuard<'_, ()> {
        let stripes = self.stripes.len() as u64;
        let stripe = self.hasher.hash_one(lane.as_str()) % stripes;
        let stripe = usize::try_from(stripe).unwrap_or_default();
        self.stripes[stripe].lock().await
    }
}
