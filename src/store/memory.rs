//! A store in memory: for tests, the demo and `check`; it forgets everything with the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::follow::{Follower, Followers};
use super::{Commit, CommitError, Entry, Store, StoreError, WriteSet, too_long};

/// A map behind a mutex. A clone is another handle on the same entries, so that a test can drop
/// everything that held one handle and "open" the store again through the other.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    entries: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    followers: Arc<Followers>,
}

impl MemoryStore {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        // Nothing below can panic half way through a change, so a poisoned map is still whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: WriteSet) -> Result<(), CommitError> {
        if let Some(error) = too_long(&changes) {
            return Err(error.into());
        }
        let mut entries = self.entries();
        if changes.expect.iter().any(|(key, expected)| entries.get(key) != expected.as_ref()) {
            return Err(CommitError::Conflict);
        }
        self.followers.tell(changes.writes.iter().map(|(key, value)| (key, value)));
        for (key, value) in changes.writes {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.entries().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let entries = self.entries();
        let range = entries.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        Ok(range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Applied before this returns: the order of the calls is the order of the commits.
    fn commit(&self, changes: WriteSet) -> Commit {
        Box::pin(ready(self.apply(changes)))
    }

    fn follow(&self) -> Result<Follower, StoreError> {
        Ok(self.followers.follow())
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn size_on_disk(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clone_sees_what_was_committed_through_the_other_handle() {
        let store = MemoryStore::default();
        let reopened = store.clone();
        let writes = vec![(b"k".to_vec(), Some(b"v".to_vec()))];
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        drop(store);
        assert_eq!(reopened.get(b"k").unwrap(), Some(b"v".to_vec()));
    }
}
