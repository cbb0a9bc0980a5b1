//! What sled has replaced is freed as fast as it comes.
//!
//! sled leaves each node that it replaces to crossbeam-epoch, which frees at most 512 things with every
//! 128th use of the database by a thread. A batch is one use, however many entries it has, and replaces
//! a node or two for each: a hundred thousand entries removed in a few hundred batches left 500 MB behind
//! (crossbeam#566), and threads fought over memory that one had taken and the other freed.

/// Entries of a batch for which things are freed once: they come to less than is freed then.
const ENTRIES: usize = 64;

/// After a batch of so many entries: frees what nobody reads any more.
pub(super) fn free(entries: usize) {
    for _ in 0..=entries / ENTRIES {
        crossbeam_epoch::pin().flush();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Node(Arc<AtomicUsize>);

    impl Drop for Node {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Other tests of this process use the database meanwhile, so that some of it waits for them.
    #[test]
    fn what_batches_replace_does_not_pile_up() {
        let left = Arc::new(AtomicUsize::new(0));
        let mut most = 0;
        for _ in 0..2_000 {
            let batch = crossbeam_epoch::pin();
            for _ in 0..100 {
                left.fetch_add(2, Ordering::Relaxed);
                let nodes = (Node(left.clone()), Node(left.clone()));
                batch.defer(move || drop(nodes));
            }
            drop(batch);
            free(100);
            most = most.max(left.load(Ordering::Relaxed));
        }
        assert!(most < 200_000, "{most} of 400,000 lay there at once");
    }
}
