//! What survives: one trait, and the stores behind it.
//!
//! A store is an ordered map of byte strings. Everything that follows from one event is one
//! [`WriteSet`]: it is applied whole or not at all, and when [`Store::commit`] has returned for a
//! durable one, it outlives the process and the power supply.

mod follow;
mod group_commit;
mod lock;
mod memory;
pub mod migrations;
mod pieces;
mod sled;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::follow::{Follower, Write};
pub use self::memory::MemoryStore;
pub use self::sled::{Compacted, Restoring, SledStore, is_sparse};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 1_024;

/// The longest value, in bytes.
pub const MAX_VALUE: usize = 16 << 20;

/// While a store takes nothing, whoever works with it looks again after this.
pub const TROUBLE: Duration = Duration::from_secs(1);

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

    /// The keys of a range as [`Store::scan`] reads it, without their values: also of entries that a
    /// damaged store cannot read.
    fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.scan(from, to, limit)?.into_iter().map(|(key, _)| key).collect())
    }

    /// Applies a set of changes. Commits are applied in the order of the calls; a reader sees a
    /// commit as soon as its future has ended, all of it or nothing. A reader may see a durable one
    /// before: whoever acts on what it has read waits for a durable commit of its own first, which
    /// may be an empty one, and then everything it has read is on disk too. A commit goes ahead even
    /// when its future is dropped. Keys over [`MAX_KEY`] and values over [`MAX_VALUE`] are refused.
    fn commit(&self, changes: WriteSet) -> Commit;

    /// Hears of every commit from now on, so that the store can be copied while it is written to.
    ///
    /// # Errors
    /// When this store cannot tell.
    fn follow(&self) -> Result<Follower, StoreError> {
        Err(StoreError("this store cannot be copied while it is open".to_owned()))
    }

    /// What is left of a value that cannot be read: its pieces, as far as they are there.
    fn remains(&self, _key: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// What lies in the store and belongs to no entry, which only damage leaves behind; taken out when
    /// `remove` is set.
    fn loose_pieces(&self, remove: bool) -> Result<usize, StoreError> {
        let _ = remove;
        Ok(0)
    }

    /// Whether the store takes commits. After a failed write or sync it does not, until it could be
    /// opened again; what was not acknowledged by then is undone.
    fn health(&self) -> Result<(), StoreError>;

    /// Bytes on disk; zero in memory.
    fn size_on_disk(&self) -> u64;

    /// Says whether what is on disk is worth writing anew, which the next start sees to.
    fn mark_sparse(&self, sparse: bool) {
        let _ = sparse;
    }

    /// Carries out the commits that wait, durable or not, and brings all of them to disk; blocks
    /// meanwhile. Later commits are refused. Where nothing is to be closed it does nothing.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Opens the store that `[store] url` names: `sled:DIRECTORY`, or `memory:`, which forgets
/// everything with the process.
pub fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(url, |directory| SledStore::open(directory))
}

/// As [`open`], and a store that was found worth it ([`Store::mark_sparse`]) is written anew first.
pub fn open_compact(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(url, |directory| SledStore::open_compact(directory))
}

fn open_with(
    url: &str,
    sled: impl FnOnce(&str) -> Result<SledStore, StoreError>,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match known(url)? {
        Some(directory) => Arc::new(sled(directory)?),
        None => Arc::new(MemoryStore::default()),
    })
}

/// The directory that a url names; `None` of one in memory.
///
/// # Errors
/// When the url names no store that there could be.
pub fn known(url: &str) -> Result<Option<&str>, StoreError> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok(None),
        Some(("sled", directory)) if !directory.is_empty() => Ok(Some(directory)),
        Some(("postgres" | "postgresql", _)) => Err(StoreError(
            "PostgreSQL is not in this version: write `sled:DIRECTORY` as [store] url".to_owned(),
        )),
        // The text is not repeated: it may hold a password.
        _ => Err(StoreError(
            "the [store] url names no store: write `sled:DIRECTORY`, or `memory:` for one that forgets everything".to_owned(),
        )),
    }
}

/// The directory of a `sled:` url.
///
/// # Errors
/// When the url names no directory.
pub fn directory(url: &str) -> Result<&std::path::Path, StoreError> {
    let directory = url.strip_prefix("sled:").filter(|directory| !directory.is_empty());
    directory.map(std::path::Path::new).ok_or_else(|| {
        StoreError("this needs a store in a directory: write `sled:DIRECTORY`".to_owned())
    })
}

/// The directory of the store that a `sled:` url names, where there is one: to open another directory
/// would make an empty store in it.
///
/// # Errors
/// When the url names no directory, or one that is not there or holds no store.
pub fn existing(url: &str) -> Result<&std::path::Path, StoreError> {
    let directory = directory(url)?;
    if sled::is_in(directory) {
        return Ok(directory);
    }
    Err(StoreError(format!("there is no store in {}", directory.display())))
}

/// As [`existing`], for a command that opens it in place of the service.
///
/// # Errors
/// As there; or when it is another user's, whose service could not open what this one would leave there.
pub fn stopped(url: &str) -> Result<&std::path::Path, StoreError> {
    let directory = existing(url)?;
    sled::is_of_another(directory).map_or(Ok(directory), Err)
}

/// Whether a process has had the store of this url before.
pub fn is_used(url: &str) -> bool {
    let mut files = directory(url).ok().and_then(|directory| directory.read_dir().ok());
    files.as_mut().is_some_and(|files| files.next().is_some())
}

/// What makes a set of changes too long for any store, so that none takes what another refuses.
fn too_long(changes: &WriteSet) -> Option<StoreError> {
    for (key, value) in changes.expect.iter().chain(&changes.writes) {
        let value = value.as_ref().map_or(0, Vec::len);
        if key.len() > MAX_KEY {
            let length = key.len();
            return Some(StoreError(format!(
                "a key of {length} bytes is over the {MAX_KEY} that are kept"
            )));
        }
        if value > MAX_VALUE {
            return Some(StoreError(format!(
                "a value of {value} bytes is over the {MAX_VALUE} that are kept"
            )));
        }
    }
    None
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
