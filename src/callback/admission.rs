//! How many callbacks are inside at once. What is more than can be decided in time is shed at the door:
//! quickly, so that the others are answered while Chat still waits, and before it takes up memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::regulars::Regulars;
use crate::clock::{Clock, Timestamp};
use crate::decision::Lane;

/// How much is inside at most. The defaults hold for any machine: what a slow one does not manage in
/// time is shed by `wait`, not by a number.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Callbacks that wait or are being decided.
    pub inside: usize,
    /// One lane may have one part in so many of the places that are free: however many groups are flooded,
    /// there is room for one that is not.
    pub share: usize,
    /// One part in so many of all places is for lanes that have been seen before: however many groups are
    /// made only to send something, there is room for one that there was.
    pub reserve: usize,
    /// Callbacks that are being decided. As many share one sync of the store.
    pub at_once: usize,
    /// The same, of one lane. They are decided one after the other anyway; whoever waits for its lane
    /// shall not stand in the way of other lanes.
    pub of_lane_at_once: usize,
    /// Bytes of all bodies that are being read, wait, or are being decided.
    pub bytes: usize,
    /// How long an after callback waits for its turn: half the time that Chat does (34354).
    pub wait: Duration,
    /// Events of one callback. Chat's own lists end far below this.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inside: 2_048,
            share: 8,
            reserve: 4,
            at_once: 256,
            of_lane_at_once: 8,
            bytes: 32 * 1024 * 1024,
            wait: Duration::from_secs(1),
            events: 1_000,
        }
    }
}

/// Knows who is inside.
#[derive(Debug)]
pub struct Admission {
    pub(super) limits: Limits,
    at_once: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    inside: Mutex<Inside>,
    /// The last one has gone.
    left: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    count: usize,
    /// The lanes that somebody waits for or is in; of the others nothing is kept.
    lanes: HashMap<Lane, InLane>,
    regulars: Regulars,
}

#[derive(Debug)]
struct InLane {
    count: usize,
    turns: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Admission {
    /// Lets in as much as the limits say.
    pub fn new(limits: Limits) -> Self {
        let (at_once, bytes) = (Semaphore::new(limits.at_once), Semaphore::new(limits.bytes));
        let inside = Mutex::default();
        Self { limits, at_once: at_once.into(), bytes: bytes.into(), inside, left: Notify::new() }
    }

    /// Callbacks that wait or are being decided.
    pub fn inside(&self) -> usize {
        self.lock().count
    }

    /// Ends when nobody is inside any more.
    pub async fn emptied(&self) {
        loop {
            // Asked for before the look: who leaves in between is not missed.
            let left = self.left.notified();
            if self.inside() == 0 {
                return;
            }
            left.await;
        }
    }

    /// Room for so many more bytes of bodies, if there is.
    pub(super) fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()
    }

    /// A place in the line of a lane, if there is one.
    pub(super) fn place(self: &Arc<Self>, lane: Lane, now: Timestamp) -> Option<Place> {
        let mut inside = self.lock();
        let free = self.limits.inside.saturating_sub(inside.count);
        let reserved = match self.limits.inside.checked_div(self.limits.reserve) {
            Some(reserved) if inside.regulars.are_known(now) => reserved,
            _ => 0,
        };
        if free == 0 || (free <= reserved && !inside.regulars.knows(&lane, now)) {
            return None;
        }
        inside.regulars.meet(&lane, now);
        let new = || InLane { count: 0, turns: Semaphore::new(self.limits.of_lane_at_once).into() };
        let in_lane = inside.lanes.entry(lane.clone()).or_insert_with(new);
        // Nobody who is alone is turned away.
        if in_lane.count > 0 && in_lane.count >= free / self.limits.share.max(1) {
            return None;
        }
        in_lane.count += 1;
        let turns = Arc::clone(&in_lane.turns);
        inside.count += 1;
        drop(inside);
        Some(Place { admission: Arc::clone(self), lane, turns, held: None })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Each change is whole by itself.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place inside, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    lane: Lane,
    turns: Arc<Semaphore>,
    held: Option<[OwnedSemaphorePermit; 2]>,
}

impl Place {
    /// Waits for the turn, first come, first served; whether it came before `until`.
    pub(super) async fn turn(&mut self, clock: &dyn Clock, until: Timestamp) -> bool {
        let (of_lane, of_all) = (Arc::clone(&self.turns), Arc::clone(&self.admission.at_once));
        // The lane first: whoever waits for its lane takes nobody else's turn.
        let turn = async {
            let of_lane = of_lane.acquire_owned().await.ok()?;
            Some([of_lane, of_all.acquire_owned().await.ok()?])
        };
        self.held = tokio::select! {
            biased;
            held = turn => held,
            () = clock.sleep_until(until) => None,
        };
        self.held.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held = None;
        let mut inside = self.admission.lock();
        inside.count = inside.count.saturating_sub(1);
        if let Some(in_lane) = inside.lanes.get_mut(&self.lane) {
            in_lane.count = in_lane.count.saturating_sub(1);
            if in_lane.count == 0 {
                inside.lanes.remove(&self.lane);
            }
        }
        if inside.count == 0 {
            self.admission.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::clock::ManualClock;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn admission(inside: usize, share: usize, at_once: usize) -> Arc<Admission> {
        let limits =
            Limits { inside, share, reserve: 0, at_once, of_lane_at_once: 1, ..Limits::default() };
        Arc::new(Admission::new(limits))
    }

    fn lane(name: &str) -> Lane {
        Lane::group(&name.into())
    }

    /// How many of a lane get in.
    fn flood(admission: &Arc<Admission>, name: &str) -> Vec<Place> {
        std::iter::from_fn(|| admission.place(lane(name), NOW)).collect()
    }

    #[test]
    fn no_more_are_inside_than_the_limit_says_and_each_is_given_back() {
        let admission = admission(3, 1, 8);
        let inside = ["a", "b", "c"].map(|name| admission.place(lane(name), NOW));
        assert!(inside.iter().all(Option::is_some));
        assert!(admission.place(lane("d"), NOW).is_none());
        drop(inside);
        assert!(admission.place(lane("d"), NOW).is_some());
    }

    #[test]
    fn however_many_lanes_are_flooded_there_is_room_for_one_that_is_not() {
        let admission = admission(100, 4, 8);
        let floods = ["a", "b", "c", "d", "e"].map(|name| flood(&admission, name));
        assert_eq!(floods.each_ref().map(Vec::len), [20, 16, 13, 10, 8]);
        assert!(admission.place(lane("f"), NOW).is_some());
        let more: Vec<_> = (0..33).map(|n| admission.place(lane(&n.to_string()), NOW)).collect();
        assert!(more.iter().all(Option::is_some));
        assert!(admission.place(lane("g"), NOW).is_none());
    }

    #[test]
    fn however_many_new_lanes_come_there_is_room_for_one_that_has_come_before() {
        let limits = Limits { inside: 100, share: 1, reserve: 4, ..Limits::default() };
        let admission = Arc::new(Admission::new(limits));
        drop(admission.place(lane("old"), NOW));
        let later = NOW + Duration::from_secs(61);
        let strangers: Vec<_> =
            (0..200).filter_map(|n| admission.place(lane(&n.to_string()), later)).collect();
        assert_eq!(strangers.len(), 75);
        assert!(admission.place(lane("old"), later).is_some());
        assert!(admission.place(lane("new"), later).is_none());
    }

    #[test]
    fn nothing_is_kept_of_a_lane_that_nobody_is_in() {
        let admission = admission(8, 1, 8);
        for number in 0..1_000 {
            drop(admission.place(lane(&number.to_string()), NOW));
        }
        assert_eq!((admission.inside(), admission.lock().lanes.len()), (0, 0));
    }

    #[tokio::test]
    async fn whoever_waits_for_its_lane_does_not_hold_up_another() {
        let (admission, clock) = (admission(8, 1, 2), ManualClock::new(Timestamp(0)));
        let later = Timestamp(1_000);
        let [mut first, mut second, mut other] =
            ["a", "a", "b"].map(|name| admission.place(lane(name), NOW).unwrap());
        assert!(first.turn(&clock, later).await);
        let mut waiting = Box::pin(second.turn(&clock, later));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(other.turn(&clock, later).await);
        drop(first);
        assert_eq!(waiting.as_mut().now_or_never(), Some(true));
    }

    #[tokio::test]
    async fn a_turn_that_does_not_come_in_time_is_given_up() {
        let (admission, clock) = (admission(8, 1, 1), ManualClock::new(Timestamp(0)));
        let later = Timestamp(1_000);
        let [mut first, mut second] =
            ["a", "b"].map(|name| admission.place(lane(name), NOW).unwrap());
        assert!(first.turn(&clock, later).await);
        let passing = async { clock.set(later) };
        let (came, ()) = tokio::join!(second.turn(&clock, later), passing);
        assert!(!came);
    }

    #[tokio::test]
    async fn it_is_empty_when_the_last_one_has_gone() {
        let admission = admission(8, 1, 8);
        let place = admission.place(lane("a"), NOW);
        let mut emptied = Box::pin(admission.emptied());
        assert!(emptied.as_mut().now_or_never().is_none());
        drop(place);
        assert!(emptied.as_mut().now_or_never().is_some());
    }

    #[test]
    fn bytes_are_lent_and_given_back() {
        let limits = Limits { bytes: 10, ..Limits::default() };
        let admission = Admission::new(limits);
        let lent = admission.room(7).unwrap();
        assert!(admission.room(4).is_none());
        drop(lent);
        assert!(admission.room(10).is_some());
    }
}
