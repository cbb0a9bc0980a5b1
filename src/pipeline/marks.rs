//! Marks that events were seen, so that none is decided twice: in two buckets, so that they stay bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::decision::EventId;
use crate::ledger::{self, marks};
use crate::store::{Store, StoreError};

/// A bucket is closed after this time at the latest.
const LONGEST: Duration = Duration::from_secs(86_400);
/// A bucket with many marks is closed sooner, but not before this: what Chat repeats, it repeats within
/// minutes (how late at most, its documents do not say).
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const MANY: usize = 500_000;

/// Where marks stand: in the bucket that is open and in the one before it.
pub(super) struct Marks(Mutex<Buckets>);

struct Buckets {
    open: u64,
    before: Option<u64>,
    /// When the open one was begun, or is taken to have been.
    begun: Timestamp,
    /// Places that were given out in the open one since the start.
    marks: usize,
}

impl Marks {
    /// Goes on with the buckets of a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn read(store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        let mut kept = marks::buckets(store)?.into_iter().rev();
        let open = kept.next();
        // One that was begun long ago was not closed because nothing came, or no process was there: it is
        // closed soon, when what the one before it holds is not repeated any more.
        let number = open.and_then(|open| i64::try_from(open).ok()).map(Timestamp);
        let soon = now - (LONGEST - SHORTEST);
        let begun = number.filter(|begun| *begun <= now && *begun > soon).unwrap_or(soon);
        let (open, begun) = open.map_or((of_time(now), now), |open| (open, begun));
        Ok(Self(Mutex::new(Buckets { open, before: kept.next(), begun, marks: 0 })))
    }

    /// The places at which an event is marked if it was seen.
    pub(super) fn places(&self, id: &EventId) -> impl Iterator<Item = Vec<u8>> {
        let Buckets { open, before, .. } = *self.buckets();
        [Some(open), before].into_iter().flatten().map(|bucket| ledger::seen_key(bucket, id))
    }

    /// The place at which an event is to be marked now.
    pub(super) fn place(&self, id: &EventId, now: Timestamp) -> Vec<u8> {
        let mut buckets = self.buckets();
        // The clock was set back.
        buckets.begun = buckets.begun.min(now);
        let full = buckets.marks >= MANY && buckets.begun + SHORTEST <= now;
        if full || buckets.begun + LONGEST <= now {
            let open = of_time(now).max(buckets.open.saturating_add(1));
            *buckets = Buckets { open, before: Some(buckets.open), begun: now, marks: 0 };
        }
        buckets.marks += 1;
        ledger::seen_key(buckets.open, id)
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        // Nothing under this lock can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a bucket that is begun now.
fn of_time(now: Timestamp) -> u64 {
    now.0.max(0).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, WriteSet};

    const NOW: Timestamp = Timestamp(1_767_268_800_000);

    fn id(name: &str) -> EventId {
        EventId::of(&[name.as_bytes()])
    }

    fn is_among(marks: &Marks, name: &str, place: &[u8]) -> bool {
        marks.places(&id(name)).any(|known| known == place)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn a_mark_is_found_for_a_day_at_least_and_is_forgotten_by_whole_buckets() {
        let marks = Marks::read(&MemoryStore::default(), NOW).unwrap();
        let last = marks.place(&id("x"), NOW + minutes(24 * 60 - 1));
        assert!(is_among(&marks, "x", &last));
        marks.place(&id("y"), NOW + minutes(24 * 60));
        assert!(is_among(&marks, "x", &last));
        marks.place(&id("y"), NOW + minutes(2 * 24 * 60 - 1));
        assert!(is_among(&marks, "x", &last));
        marks.place(&id("y"), NOW + minutes(2 * 24 * 60));
        assert!(!is_among(&marks, "x", &last));
    }

    #[test]
    fn of_a_flood_marks_are_found_for_ten_minutes_at_least() {
        let marks = Marks::read(&MemoryStore::default(), NOW).unwrap();
        let place = marks.place(&id("x"), NOW);
        let flood = |at| (0..MANY).for_each(|_| drop(marks.place(&id("flood"), at)));
        flood(NOW + minutes(9));
        flood(NOW + minutes(9));
        marks.place(&id("flood"), NOW + minutes(10));
        flood(NOW + minutes(19));
        assert!(is_among(&marks, "x", &place));
        marks.place(&id("flood"), NOW + minutes(20));
        assert!(!is_among(&marks, "x", &place));
    }

    #[test]
    fn a_clock_that_is_set_back_and_right_again_forgets_nothing() {
        let marks = Marks::read(&MemoryStore::default(), NOW).unwrap();
        let place = marks.place(&id("x"), NOW);
        for days in [-400, 0] {
            let now = Timestamp(NOW.0 + days * ledger::DAY);
            marks.place(&id("y"), now);
            assert!(is_among(&marks, "x", &place), "{days}");
        }
    }

    #[tokio::test]
    async fn a_start_goes_on_with_the_buckets_of_the_store() {
        let store = MemoryStore::default();
        let number = of_time(NOW);
        // The first two as an early version numbered them.
        for bucket in [20_453, 20_454, number] {
            let writes = vec![(ledger::seen_key(bucket, &id("x")), Some(Vec::new()))];
            store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
            let before = marks::buckets(&store).unwrap();
            let later = NOW + minutes(9 * 24 * 60);
            let marks = Marks::read(&store, later).unwrap();
            let place = marks.place(&id("y"), later);
            assert_eq!(place, ledger::seen_key(bucket, &id("y")));
            let kept = before.into_iter().rev().take(marks::KEPT);
            let places: Vec<_> = kept.map(|bucket| ledger::seen_key(bucket, &id("x"))).collect();
            assert_eq!(marks.places(&id("x")).collect::<Vec<_>>(), places);
        }
    }

    #[tokio::test]
    async fn an_old_bucket_is_closed_however_often_the_process_starts() {
        let store = MemoryStore::default();
        let writes = vec![(ledger::seen_key(20_454, &id("x")), Some(Vec::new()))];
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        for hours in [0, 1, 2] {
            let start = NOW + minutes(hours * 60);
            let marks = Marks::read(&store, start).unwrap();
            let old = marks.place(&id("y"), start);
            assert_eq!(old, ledger::seen_key(20_454, &id("y")));
            let new = marks.place(&id("y"), start + minutes(10));
            assert_ne!(new, old);
            assert!(is_among(&marks, "y", &old) && is_among(&marks, "y", &new));
        }
    }
}
