//! One event of a lane at a time; lanes beside each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::decision::Lane;

/// The lanes that somebody is in or waits for; of the millions of others nothing is kept. Each has its
/// own lock: what holds up one lane holds up no other, and the same events meet in the same order.
#[derive(Default)]
pub(super) struct Lanes {
    busy: Mutex<HashMap<Lane, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to decide in a lane.
pub(super) struct InLane<'l> {
    lanes: &'l Lanes,
    lane: Lane,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Lanes {
    /// Waits until the lane is free; it is held until the guard goes. First come, first served.
    pub(super) async fn enter(&self, lane: &Lane) -> InLane<'_> {
        let lock = Arc::clone(self.busy().entry(lane.clone()).or_default());
        // Made before the wait: whoever stops waiting tidies up too.
        let mut place = InLane { lanes: self, lane: lane.clone(), guard: None };
        place.guard = Some(lock.lock_owned().await);
        place
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<Lane, Arc<tokio::sync::Mutex<()>>>> {
        // Nothing below can panic half way through a change.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InLane<'_> {
    fn drop(&mut self) {
        let mut busy = self.lanes.busy();
        self.guard = None;
        // Whoever waits holds the lock's other end; it can only be cloned under `busy`.
        if busy.get(&self.lane).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            busy.remove(&self.lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn lane(name: &str) -> Lane {
        Lane::group(&name.into())
    }

    #[tokio::test]
    async fn a_lane_lets_one_in_at_a_time_and_no_lane_waits_for_another() {
        let (lanes, a) = (Lanes::default(), lane("a"));
        let first = lanes.enter(&a).await;
        let _other = lanes.enter(&lane("b")).await;
        let mut second = Box::pin(lanes.enter(&a));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_lane_that_nobody_is_in() {
        let (lanes, a) = (Lanes::default(), lane("a"));
        let first = lanes.enter(&a).await;
        let mut second = Box::pin(lanes.enter(&a));
        assert!(second.as_mut().now_or_never().is_none());
        drop(second);
        assert_eq!(lanes.busy().len(), 1);
        drop(first);
        assert_eq!(lanes.busy().len(), 0);
    }
}
