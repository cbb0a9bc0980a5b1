//! State on disk, in sled 0.34.
//!
//! What sled needs to keep its word: its own `flush()` does not survive a power cut (it syncs
//! neither the file's length nor the drive's cache), so the file `db` is synced after it; large
//! values would leave that file, so they are cut ([`pieces`]); `flush_async` can deadlock, so one
//! thread does all the writing ([`GroupCommit`]).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::Duration;

use super::group_commit::{Changes, GroupCommit, Medium, guarded};
use super::lock::DirectoryLock;
use super::pieces::{self, Head};
use super::{Commit, Entry, Store, StoreError, WriteSet, too_long};

/// The form in which entries are kept. A store of a later one is not opened.
const SCHEMA: u32 = 1;

/// Memory for pages, in bytes; sled's own choice would be a GiB.
const CACHE: u64 = 64 << 20;

/// How long a commit that did not wait for the disk may be without it.
const IDLE_SYNC: Duration = Duration::from_secs(1);

/// How often, and after which pause, a database that is still locked is tried again: sled's own
/// threads may hold it for a moment after it was closed. Our lock says that nobody else has it.
const CLOSING_ATTEMPTS: u32 = 100;
const CLOSING_PAUSE: Duration = Duration::from_millis(20);

/// A store in one directory.
pub struct SledStore {
    directory: PathBuf,
    writer: GroupCommit,
    entries: Arc<RwLock<Entries>>,
    // The last field: it is let go when sled has closed its files.
    _lock: DirectoryLock,
}

impl SledStore {
    /// Opens the store in a directory, or makes one. Refuses a directory that another process has
    /// open, that is damaged, or that a later version has written.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        let at = |what: &str, error: &dyn std::fmt::Display| {
            StoreError(format!("{what} {}: {error}", directory.display()))
        };
        fs::create_dir_all(&directory)
            .map_err(|error| at("no directory for the store can be made at", &error))?;
        let lock = DirectoryLock::take(&directory)?;
        let entries = Entries::open(&directory).map_err(|error| {
            at("there is no opening the store in", &format!("{error}. If it is damaged, move the directory aside and put a copy in its place"))
        })?;
        entries.check_schema(&directory)?;
        let file = sync_files(&directory)
            .map_err(|error| at("the disk does not take the store in", &error))?;
        let entries = Arc::new(RwLock::new(entries));
        let medium = Disk { entries: Arc::clone(&entries), file };
        let writer = GroupCommit::start(medium, IDLE_SYNC)?;
        Ok(Self { directory, writer, entries, _lock: lock })
    }

    fn entries(&self) -> RwLockReadGuard<'_, Entries> {
        // The lock only keeps readers out while a group is applied; there is nothing to be half done.
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.entries().get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.entries().scan(from, to, limit)
    }

    fn commit(&self, changes: WriteSet) -> Commit {
        match too_long(&changes) {
            Some(error) => Box::pin(std::future::ready(Err(error.into()))),
            None => self.writer.commit(changes),
        }
    }

    fn health(&self) -> Result<(), StoreError> {
        self.writer.health()
    }

    fn size_on_disk(&self) -> u64 {
        self.entries().db.size_on_disk().unwrap_or(0)
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

/// The one tree of the database. Under a lock, because a reader of several keys must not see one
/// half of a commit.
struct Entries {
    db: sled::Db,
}

impl Entries {
    fn open(directory: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new().path(directory).cache_capacity(CACHE).flush_every_ms(None);
        let mut patience = CLOSING_ATTEMPTS;
        loop {
            // sled asserts what it reads: a damaged file is a panic.
            match guarded(|| Ok(config.open()))? {
                Ok(db) => return Ok(Self { db }),
                Err(error) if patience > 0 && is_locked(&error) => patience -= 1,
                Err(error) => return Err(failed(error)),
            }
            thread::sleep(CLOSING_PAUSE);
        }
    }

    fn check_schema(&self, directory: &Path) -> Result<(), StoreError> {
        let key = pieces::meta_key("schema");
        guarded(|| {
            let Some(stored) = self.db.get(&key).map_err(failed)? else {
                if !self.db.is_empty() {
                    return Err(StoreError(format!(
                        "{} holds a sled database that is not Groupkeeper's: choose another [store] url",
                        directory.display()
                    )));
                }
                self.db.insert(&key, &SCHEMA.to_be_bytes()).map_err(failed)?;
                self.db.flush().map_err(failed)?;
                return Ok(());
            };
            match stored.as_ref().try_into().map(u32::from_be_bytes) {
                Ok(SCHEMA) => Ok(()),
                Ok(later) if later > SCHEMA => Err(StoreError(format!(
                    "the store in {} was written by a later version (schema {later}, this version knows {SCHEMA}): run that version, or put back the copy from before the upgrade",
                    directory.display()
                ))),
                _ => Err(pieces::damaged("its schema has no known form")),
            }
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| match self.db.get(pieces::head_key(key)).map_err(failed)? {
            Some(head) => self.value(key, &head).map(Some),
            None => Ok(None),
        })
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        guarded(|| {
            let heads = self.db.range(pieces::head_key(from)..pieces::head_key(to));
            let entry = |stored: sled::Result<(sled::IVec, sled::IVec)>| {
                let (stored, head) = stored.map_err(failed)?;
                let key = pieces::key_of_head(&stored);
                Ok((key.to_vec(), self.value(key, &head)?))
            };
            heads.take(limit).map(entry).collect()
        })
    }

    fn value(&self, key: &[u8], head: &[u8]) -> Result<Vec<u8>, StoreError> {
        let count = match pieces::read_head(head)? {
            Head::Whole(value) => return Ok(value.to_vec()),
            Head::Cut { pieces } => pieces,
        };
        let mut value = Vec::new();
        let mut found = 0;
        for piece in self.db.range(pieces::piece_key(key, 0)..pieces::piece_key(key, count)) {
            value.extend_from_slice(&piece.map_err(failed)?.1);
            found += 1;
        }
        if found == count {
            Ok(value)
        } else {
            Err(pieces::damaged("a piece of a value is missing"))
        }
    }

    fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            let head_key = pieces::head_key(key);
            let old = match self.db.get(&head_key).map_err(failed)? {
                Some(head) => match pieces::read_head(&head)? {
                    Head::Whole(_) => 0,
                    Head::Cut { pieces } => pieces,
                },
                None => 0,
            };
            let mut new = 0;
            if let Some(value) = value {
                let (head, cut) = pieces::cut(value);
                batch.insert(head_key, head);
                for (number, piece) in cut {
                    batch.insert(pieces::piece_key(key, number), piece);
                    new = number + 1;
                }
            } else {
                batch.remove(head_key);
            }
            for number in new..old {
                batch.remove(pieces::piece_key(key, number));
            }
        }
        self.db.apply_batch(batch).map_err(failed)
    }
}

/// What the writing thread holds.
struct Disk {
    entries: Arc<RwLock<Entries>>,
    file: File,
}

impl Medium for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    fn apply(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).apply(changes)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.db.flush().map_err(failed)?;
        self.file.sync_data().map_err(|error| {
            StoreError(format!("the disk did not confirm what was written: {error}"))
        })
    }
}

/// Makes sure that the directory and the files which opening has written are on disk, and hands
/// out the one that holds the entries. sled itself does not sync directories.
fn sync_files(directory: &Path) -> io::Result<File> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            OpenOptions::new().read(true).write(true).open(entry.path())?.sync_all()?;
        }
    }
    if cfg!(unix) {
        // Elsewhere a directory cannot be opened, and need not be synced.
        File::open(directory)?.sync_all()?;
        if let Some(parent) = fs::canonicalize(directory)?.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    OpenOptions::new().read(true).write(true).open(directory.join("db"))
}

/// sled has no kind for it, only these words.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn failed(error: sled::Error) -> StoreError {
    StoreError(format!("sled: {error}"))
}
