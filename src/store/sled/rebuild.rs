//! A database written anew beside the one that there is, which then takes its place.
//!
//! It begins in `rebuilt.tmp`, and is called `rebuilt` when it is whole and on disk. From then on it is
//! what counts: whoever opens the store next finishes the exchange. All of it happens inside the store's
//! directory, under its lock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SledStore;
use super::disk::{sync_directory, sync_files};
use super::entries::{Entries, failed};
use super::{doubt, garbage};
use crate::store::group_commit::guarded;
use crate::store::lock::DirectoryLock;
use crate::store::{Store, StoreError};

const BEGUN: &str = "rebuilt.tmp";
const WHOLE: &str = "rebuilt";

/// Entries that are copied at once.
const BATCH: usize = 1_000;

fn trouble(directory: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| {
        StoreError(format!("the store in {} cannot be written anew: {error}", directory.display()))
    }
}

/// Copies everything into new files, which take the place of the old ones. When that fails, the old
/// ones stay.
pub(super) fn rewrite(directory: &Path, entries: Entries) -> Result<Entries, StoreError> {
    let beside = begin(directory).map_err(trouble(directory))?;
    let copied = copy(&entries, &beside).and_then(|()| whole(directory));
    if let Err(error) = copied {
        // The space is needed for better things.
        let _ = fs::remove_dir_all(&beside);
        return Err(error);
    }
    drop(entries);
    finish(directory).map_err(trouble(directory))?;
    Entries::open(directory)
}

/// An empty place for a new database.
pub(super) fn begin(directory: &Path) -> io::Result<PathBuf> {
    let beside = directory.join(BEGUN);
    remove_dir(&beside)?;
    fs::create_dir(&beside)?;
    Ok(beside)
}

fn copy(entries: &Entries, beside: &Path) -> Result<(), StoreError> {
    let new = Entries::open(beside)?;
    guarded(|| {
        let mut all = entries.db.iter();
        loop {
            let (mut batch, mut number) = (sled::Batch::default(), 0);
            for entry in all.by_ref().take(BATCH) {
                let (key, value) = entry.map_err(failed)?;
                batch.insert(key, value);
                number += 1;
            }
            new.db.apply_batch(batch).map_err(failed)?;
            garbage::free(number);
            if number < BATCH {
                return new.db.flush().map(|_| ()).map_err(failed);
            }
        }
    })
}

/// The new database is closed and whole: from now on it counts.
pub(super) fn whole(directory: &Path) -> Result<(), StoreError> {
    let exchange = || {
        let beside = directory.join(BEGUN);
        // sled's threads may hold the file for a moment; its lock says when they have let it go.
        fs::File::open(beside.join("db"))?.lock()?;
        sync_files(&beside)?;
        fs::rename(&beside, directory.join(WHOLE))?;
        sync_directory(directory)
    };
    exchange().map_err(trouble(directory))
}

/// Whether an exchange was begun that only has to be finished.
pub(super) fn is_whole(directory: &Path) -> bool {
    directory.join(WHOLE).join("db").exists()
}

/// Finishes an exchange that was begun, and takes away what was not whole. Every step can be repeated.
pub(super) fn finish(directory: &Path) -> io::Result<()> {
    remove_dir(&directory.join(BEGUN))?;
    let whole = directory.join(WHOLE);
    if !whole.try_exists()? {
        return Ok(());
    }
    // A snapshot belongs to its log; sled does without it, and makes a new one.
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path())?;
        }
    }
    for name in ["conf", "db"] {
        if whole.join(name).try_exists()? {
            fs::rename(whole.join(name), directory.join(name))?;
        }
    }
    doubt::clear(directory)?;
    sync_directory(directory)?;
    remove_dir(&whole)?;
    sync_directory(directory)
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// An empty store that is filled beside its place, and takes that only when it is whole: a restore that
/// is broken off leaves nothing.
pub struct Restoring {
    directory: PathBuf,
    // Dropped before the lock on the directory around it.
    beside: SledStore,
    _lock: DirectoryLock,
}

impl Restoring {
    /// Begins in a directory that holds no entries, or is not there yet.
    ///
    /// # Errors
    /// When there are entries, or the directory cannot be used.
    pub fn begin(directory: &Path) -> Result<Self, StoreError> {
        let (lock, entries) = super::entries_of(directory)?;
        if !entries.keys(b"", &super::entries::END, 1)?.is_empty() {
            return Err(StoreError(format!(
                "the store in {} is not empty, and is not touched: give a directory that is not there yet, or move that one aside",
                directory.display()
            )));
        }
        drop(entries);
        let beside = SledStore::open(begin(directory).map_err(trouble(directory))?)?;
        Ok(Self { directory: directory.to_owned(), beside, _lock: lock })
    }

    /// What is to be filled.
    pub fn store(&self) -> &dyn Store {
        &self.beside
    }

    /// Puts it into its place. Durable from then on.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> Result<(), StoreError> {
        let Self { directory, beside, _lock } = self;
        beside.close()?;
        drop(beside);
        whole(&directory)?;
        finish(&directory).map_err(trouble(&directory))
    }
}
