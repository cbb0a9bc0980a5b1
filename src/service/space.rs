//! How much of the store's file is in use, measured now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::metrics::Metrics;
use crate::clock::Clock;
use crate::ledger::after;
use crate::store::{MAX_KEY, Store, StoreError, is_sparse};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(3_600);
/// Entries that are read at once, so that nobody waits for it.
const PAGE: usize = 250;

/// Measures, and says once when the file has become worth writing anew.
pub(super) struct Space {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    told: AtomicBool,
}

impl Space {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self { store, clock, metrics, told: AtomicBool::new(false) }
    }

    /// Works until told to stop.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.step().await {
                tracing::warn!(%error, "the store's space could not be measured");
            }
            tokio::select! {
                biased;
                () = self.clock.sleep_until(self.clock.now() + EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn step(&self) -> Result<(), StoreError> {
        let size = self.store.size_on_disk();
        // What is too small to be worth writing anew need not be read either.
        let live = if is_sparse(size, 0) { live(&*self.store).await? } else { size };
        self.metrics.set_store_live(live);
        let sparse = is_sparse(size, live);
        self.store.mark_sparse(sparse);
        if sparse && !self.told.swap(true, Ordering::Relaxed) {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            tracing::warn!(
                "the store's file has {} MiB for {} MiB that live in it: the next start of `groupkeeper serve` writes \
                 it anew, or `groupkeeper compact` while the service is stopped",
                mib(size),
                mib(live)
            );
        }
        if !sparse {
            self.told.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Bytes of all keys and values, read page by page while others write.
async fn live(store: &dyn Store) -> Result<u64, StoreError> {
    let (mut live, mut from) = (0, Vec::new());
    let end = [0xff; MAX_KEY + 1];
    loop {
        let page = store.scan(&from, &end, PAGE)?;
        live += page.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = after(last),
            _ => return Ok(live),
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::store::{Commit, Entry, MemoryStore, WriteSet};

    /// A store in memory whose file is said to be this large, in bytes.
    struct Large(MemoryStore, u64);

    impl Store for Large {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key)
        }

        fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
            self.0.scan(from, to, limit)
        }

        fn commit(&self, changes: WriteSet) -> Commit {
            self.0.commit(changes)
        }

        fn health(&self) -> Result<(), StoreError> {
            Ok(())
        }

        fn size_on_disk(&self) -> u64 {
            self.1
        }
    }

    async fn filled(size: u64) -> (Space, Arc<Metrics>) {
        let store = MemoryStore::default();
        let writes = (0..1_000).map(|n| (format!("{n:04}").into_bytes(), Some(vec![1; 96])));
        store.commit(WriteSet { writes: writes.collect(), ..WriteSet::default() }).await.unwrap();
        let metrics = Arc::new(Metrics::default());
        let clock = Arc::new(SystemClock::default());
        (Space::new(Arc::new(Large(store, size)), clock, Arc::clone(&metrics)), metrics)
    }

    #[tokio::test]
    async fn a_large_file_with_little_in_it_is_measured_and_told_once() {
        let (space, metrics) = filled(100 << 20).await;
        space.step().await.unwrap();
        assert!(space.told.load(Ordering::Relaxed));
        assert!(metrics.render().contains("groupkeeper_store_live_bytes 100000\n"));
    }

    #[tokio::test]
    async fn a_small_file_is_not_told_of() {
        let (space, _) = filled(10 << 20).await;
        space.step().await.unwrap();
        assert!(!space.told.load(Ordering::Relaxed));
    }
}
