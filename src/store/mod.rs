//! What survives: one trait, and the stores behind it.
//!
//! A store is an ordered map of byte strings. Everything that follows from one event is one
//! [`WriteSet`]: it is applied whole or not at all, and when [`Store::commit`] has returned for a
//! durable one, it outlives the process and the power supply.

mod memory;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use memory::MemoryStore;

/// Key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A commit under way.
pub type Commit = Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send>>;

/// Changes that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// What must still stand under these keys (`None`: nothing); otherwise nothing is written.
    pub expect: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// New values; `None` removes the key. A later entry for the same key wins.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether the commit waits until the disk has it. What Chat can tell us again may do without.
    pub durable: bool,
}

/// The place where state, outbox, timers, journal and seen-marks are kept.
pub trait Store: Send + Sync {
    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Entries from `from` (included) to `to` (excluded), ascending, at most `limit`.
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Applies a set of changes. Commits are applied in the order of the calls; a reader sees a
    /// commit as soon as its future has ended, all of it or nothing.
    fn commit(&self, changes: WriteSet) -> Commit;

    /// Whether the store still takes commits; after a failed sync it never does again until reopened.
    fn health(&self) -> Result<(), StoreError>;

    /// Bytes on disk; zero in memory.
    fn size_on_disk(&self) -> u64;
}

/// What went wrong in a store, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// Why a commit did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The state has moved since it was read: load and decide again.
    Conflict,
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the state moved while it was being decided"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {}
