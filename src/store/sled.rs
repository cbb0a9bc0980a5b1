//! State on disk, in sled 0.34.
//!
//! What sled needs to keep its word: its own `flush()` does not survive a power cut (it syncs
//! neither the file's length nor the drive's cache), so the file `db` is synced after it; large
//! values would leave that file, so they are cut (`pieces`); what it replaces would pile up in memory,
//! so it is freed after each batch (`garbage`); `flush_async` can deadlock, so one
//! thread does all the writing ([`GroupCommit`]); after an error it takes nothing any more, so it is
//! opened again; what has gone leaves space that only sled's own thread gives back, so that runs, and a file
//! that is sparse all the same is written anew.

mod disk;
mod doubt;
mod entries;
mod garbage;
mod rebuild;
mod trouble;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::follow::Follower;
use super::group_commit::GroupCommit;
use super::lock::DirectoryLock;
use super::{Commit, Entry, Store, StoreError, WriteSet, too_long};
use disk::{Disk, Shared, sync_files};
use entries::Entries;
pub use rebuild::Restoring;
use trouble::unopened;

/// How long a commit that did not wait for the disk may be without it.
const IDLE_SYNC: Duration = Duration::from_secs(1);

/// A file that is smaller is not worth the writing, in bytes.
const SMALL: u64 = 64 << 20;
/// A file is sparse when it is so many times as large as what lives in it.
const SPARSE: u64 = 4;

/// The file that says that a sparse one was found.
const SPARSE_MARK: &str = "sparse";

/// What to do about a store that does not open and may be damaged.
const DAMAGE: &str = ". If it is damaged: move the directory aside, and make the store again out of a backup with \
    `groupkeeper restore FILE --store sled:DIRECTORY`. (`groupkeeper fsck --repair` mends single records, of a \
    store that opens)";

/// A store in one directory.
pub struct SledStore {
    directory: PathBuf,
    writer: GroupCommit,
    shared: Arc<Shared>,
    // The last field: it is let go when sled has closed its files.
    _lock: DirectoryLock,
}

/// How large a store was on disk, and how large it is now, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    pub before: u64,
    pub after: u64,
}

impl SledStore {
    /// Opens the store in a directory, or makes one. Refuses a directory that another process has
    /// open, that is damaged, or that a later version has written; brings one of an earlier version
    /// into the form of this one.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        let (lock, entries) = entries_of(&directory)?;
        Self::start(directory, lock, entries)
    }

    /// The same; a file that was found much larger than what lives in it, and still is, is written anew
    /// before anything begins. Where that is not possible, the store is opened as it is.
    pub fn open_compact(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        let (lock, entries) = entries_of(&directory)?;
        // To read everything at each start would take as long as the start itself.
        let mark = directory.join(SPARSE_MARK);
        if !mark.exists() || !is_worth_writing_anew(&entries)? {
            return Self::start(directory, lock, entries);
        }
        let _ = fs::remove_file(mark);
        let before = size(&entries)?;
        match rebuild::rewrite(&directory, entries) {
            Ok(entries) => {
                let after = size(&entries)?;
                tracing::info!(before, after, "the store was compacted; sizes in bytes");
                Self::start(directory, lock, entries)
            }
            Err(error) => {
                tracing::warn!(%error, "the store was not compacted");
                drop(lock);
                Self::open(directory)
            }
        }
    }

    fn start(
        directory: PathBuf,
        lock: DirectoryLock,
        entries: Entries,
    ) -> Result<Self, StoreError> {
        let file = sync_files(&directory).map_err(|error| {
            unopened(&directory, "the disk does not take the store in", &error, "")
        })?;
        let shared = Arc::new(Shared::new(entries));
        let medium = Disk {
            shared: Arc::clone(&shared),
            directory: directory.clone(),
            file,
            doubtful: false,
        };
        let writer = GroupCommit::start(medium, IDLE_SYNC)?;
        Ok(Self { directory, writer, shared, _lock: lock })
    }

    /// Writes a closed store anew, without the space of what has gone.
    ///
    /// # Errors
    /// As [`SledStore::open`]; or when there is no space beside it, and then it is as it was.
    pub fn compact(directory: &Path) -> Result<Compacted, StoreError> {
        let (_lock, entries) = entries_of(directory)?;
        let before = size(&entries)?;
        let entries = rebuild::rewrite(directory, entries)?;
        sync_files(directory)
            .map_err(|error| at(directory, "the disk does not take the store in", &error))?;
        Ok(Compacted { before, after: size(&entries)? })
    }
}

/// Whether a file of this size is worth writing anew for what lives in it, both in bytes.
pub fn is_sparse(size: u64, live: u64) -> bool {
    size > SMALL && size / SPARSE > live
}

fn is_worth_writing_anew(entries: &Entries) -> Result<bool, StoreError> {
    let size = size(entries)?;
    Ok(size > SMALL && is_sparse(size, live(entries)?))
}

/// Bytes of the file.
fn size(entries: &Entries) -> Result<u64, StoreError> {
    entries.db.size_on_disk().map_err(entries::failed)
}

/// Bytes of what is in the store.
fn live(entries: &Entries) -> Result<u64, StoreError> {
    super::group_commit::guarded(|| {
        let mut live = 0;
        for entry in entries.db.iter() {
            let (key, value) = entry.map_err(entries::failed)?;
            live += (key.len() + value.len()) as u64;
        }
        Ok(live)
    })
}

fn at(directory: &Path, what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError(format!("{what} {}: {error}", directory.display()))
}

/// Whether a directory holds a store. Where that cannot be seen, opening it says why.
pub(super) fn is_in(directory: &Path) -> bool {
    let there = |path: PathBuf| path.try_exists().unwrap_or(true);
    there(directory.join("db")) || rebuild::is_whole(directory)
}

/// Why the store in this directory is not to be opened by us, if it is another user's.
pub(super) fn is_of_another(directory: &Path) -> Option<StoreError> {
    trouble::is_of_another(directory)
}

/// Locks a directory and opens what is in it.
fn entries_of(directory: &Path) -> Result<(DirectoryLock, Entries), StoreError> {
    fs::create_dir_all(directory).map_err(|error| {
        unopened(directory, "no directory for the store can be made at", &error, "")
    })?;
    let lock =
        DirectoryLock::take(directory).map_err(|error| trouble::or_denied(directory, error))?;
    rebuild::finish(directory)
        .map_err(|error| unopened(directory, "the store cannot be put together in", &error, ""))?;
    let entries = Entries::open(directory)
        .map_err(|error| unopened(directory, "there is no opening the store in", &error, DAMAGE))?;
    entries.check_schema(directory)?;
    if doubt::is_marked(directory) {
        tracing::warn!(
            "a sync of the store has failed in an earlier run: all of it is written anew"
        );
        return Ok((lock, rebuild::rewrite(directory, entries)?));
    }
    Ok((lock, entries))
}

impl Store for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.read(|entries| entries.get(key))
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.shared.read(|entries| entries.scan(from, to, limit))
    }

    fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.shared.read(|entries| entries.keys(from, to, limit))
    }

    fn commit(&self, changes: WriteSet) -> Commit {
        match too_long(&changes) {
            Some(error) => Box::pin(std::future::ready(Err(error.into()))),
            None => self.writer.commit(changes),
        }
    }

    fn follow(&self) -> Result<Follower, StoreError> {
        Ok(self.shared.followers.follow())
    }

    fn remains(&self, key: &[u8]) -> Vec<Vec<u8>> {
        self.shared.read(|entries| entries.remains(key)).unwrap_or_default()
    }

    fn loose_pieces(&self, remove: bool) -> Result<usize, StoreError> {
        self.shared.read(|entries| entries.loose_pieces(remove))
    }

    fn health(&self) -> Result<(), StoreError> {
        self.writer.health()
    }

    fn size_on_disk(&self) -> u64 {
        let size = self.shared.read(|entries| entries.db.size_on_disk().map_err(entries::failed));
        size.unwrap_or(0)
    }

    fn mark_sparse(&self, sparse: bool) {
        let mark = self.directory.join(SPARSE_MARK);
        // Without the mark, or with an old one, a start does what it would have done later or sooner.
        let _ = if sparse { fs::write(mark, b"") } else { fs::remove_file(mark) };
    }

    fn close(&self) -> Result<(), StoreError> {
        self.writer.close()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        if let Err(error) = self.writer.close() {
            tracing::error!(
                "the store in {} was not closed well: {error}",
                self.directory.display()
            );
        }
    }
}
