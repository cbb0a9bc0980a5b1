//! What the writing thread holds: the database, and the file that is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::doubt;
use super::entries::{Entries, failed};
use super::{garbage, rebuild, trouble};
use crate::store::StoreError;
use crate::store::follow::Followers;
use crate::store::group_commit::{Changes, Medium, Stood};

/// So much must be writable before a database that has failed is opened again, in bytes: sled takes
/// its space by half a MiB.
const PROBE: usize = 2 << 20;

/// What readers and the writing thread share.
pub(super) struct Shared {
    /// Nothing while it is being reopened.
    entries: RwLock<Option<Entries>>,
    pub(super) followers: Followers,
}

impl Shared {
    pub(super) fn new(entries: Entries) -> Self {
        Self { entries: RwLock::new(Some(entries)), followers: Followers::default() }
    }

    fn lock(&self) -> RwLockReadGuard<'_, Option<Entries>> {
        // The lock only keeps readers out while a group is applied; there is nothing to be half done.
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, while nothing is written.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Entries) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lock().as_ref().map_or_else(|| Err(closed()), look)
    }
}

fn closed() -> StoreError {
    StoreError("the store has failed and could not be opened again yet".to_owned())
}

pub(super) struct Disk {
    pub(super) shared: Arc<Shared>,
    pub(super) directory: PathBuf,
    pub(super) file: File,
    /// As the mark of [`doubt`], for a disk that does not take even that.
    pub(super) doubtful: bool,
}

impl Disk {
    /// Syncs through the handle that was open when everything was written, so that it is told of every page
    /// that could not be written back since its last sync, whoever else has been told (Linux, since 4.13).
    fn sync_data(&mut self) -> io::Result<()> {
        let synced = self.file.sync_data();
        if synced.is_err() {
            self.doubtful = true;
            doubt::mark(&self.directory);
        }
        synced
    }
}

impl Medium for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.read(|entries| entries.get(key))
    }

    fn apply(&mut self, changes: &Changes, stood: &Stood) -> Result<(), StoreError> {
        // Only this thread writes: readers need not wait while the batch is put together.
        let batch = self.shared.read(|entries| entries.batch(changes, stood))?;
        let mut entries = self.shared.entries.write().unwrap_or_else(PoisonError::into_inner);
        let applied = entries.as_mut().ok_or_else(closed)?.db.apply_batch(batch);
        applied.map_err(|error| told(&self.directory, &mut self.doubtful, error))?;
        // Before any reader gets in: a follower knows of everything that a scan shows.
        self.shared.followers.tell(changes.iter());
        drop(entries);
        garbage::free(changes.len());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let (directory, doubtful) = (&self.directory, &mut self.doubtful);
        self.shared
            .read(|entries| entries.db.flush().map_err(|error| told(directory, doubtful, error)))?;
        self.sync_data().map_err(|error| {
            let directory = self.directory.display();
            StoreError(format!("the disk did not confirm what was written in {directory}: {error}"))
        })
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let directory = self.directory.clone();
        let at = |error: io::Error| {
            StoreError(format!("the disk takes nothing in {}: {error}", directory.display()))
        };
        probe(&directory).map_err(at)?;
        let shared = Arc::clone(&self.shared);
        let mut place = shared.entries.write().unwrap_or_else(PoisonError::into_inner);
        // sled lets its files go with its last handle.
        *place = None;
        rebuild::finish(&directory).map_err(at)?;
        let mut entries = Entries::open(&directory)?;
        entries.check_schema(&directory)?;
        // The handle knows of a write-back that failed where nobody asked sled for anything.
        if self.doubtful || self.sync_data().is_err() {
            entries = rebuild::rewrite(&directory, entries)?;
        }
        self.file = sync_files(&directory).map_err(at)?;
        *place = Some(entries);
        self.doubtful = false;
        Ok(())
    }
}

/// What sled says of a failure. Unless the disk was only full, its log may have a hole then: opened again as it
/// is, a later sync can wait for ever, so all of it is written anew.
fn told(directory: &Path, doubtful: &mut bool, error: sled::Error) -> StoreError {
    *doubtful |= !trouble::is_full(&error);
    let StoreError(words) = failed(error);
    StoreError(format!("the store in {}: {words}", directory.display()))
}

/// Whether there is space, and the disk confirms what is written.
fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join("probe.tmp");
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&vec![0xa5; PROBE])?;
        file.sync_all()
    };
    let written = write();
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Makes sure that the directory and the files which opening has written are on disk, and hands
/// out the one that holds the entries. sled itself does not sync directories.
pub(super) fn sync_files(directory: &Path) -> io::Result<File> {
    let synced = sync_each(directory);
    if synced.is_err() {
        doubt::mark(directory);
    }
    synced?;
    OpenOptions::new().read(true).write(true).open(directory.join("db"))
}

fn sync_each(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            OpenOptions::new().read(true).write(true).open(entry.path())?.sync_all()?;
        }
    }
    sync_directory(directory)?;
    if cfg!(unix)
        && let Some(parent) = fs::canonicalize(directory)?.parent()
    {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Makes sure that names are on disk.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened, and need not be synced.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8]) -> Changes {
        Changes::from([(key.to_vec(), Some(b"v".to_vec()))])
    }

    fn disk(path: &Path) -> Disk {
        let entries = Entries::open(path).unwrap();
        entries.check_schema(path).unwrap();
        let file = sync_files(path).unwrap();
        let shared = Arc::new(Shared::new(entries));
        Disk { shared, directory: path.to_owned(), file, doubtful: false }
    }

    #[test]
    fn a_database_written_anew_and_not_yet_in_its_place_does_not_take_the_place_of_later_commits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut disk = disk(path);
        disk.apply(&put(b"before"), &Stood::new()).unwrap();
        disk.sync().unwrap();
        // As when the disk fails once more right after the new one was given its name.
        let whole = path.join("rebuilt");
        fs::create_dir(&whole).unwrap();
        for name in ["conf", "db"] {
            fs::copy(path.join(name), whole.join(name)).unwrap();
        }
        disk.reopen().unwrap();
        disk.apply(&put(b"after"), &Stood::new()).unwrap();
        disk.sync().unwrap();
        drop(disk);
        rebuild::finish(path).unwrap();
        let entries = Entries::open(path).unwrap();
        for key in [&b"before"[..], b"after"] {
            assert_eq!(entries.get(key), Ok(Some(b"v".to_vec())));
        }
    }

    #[test]
    fn a_doubt_is_over_when_everything_was_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut disk = disk(path);
        disk.apply(&put(b"k"), &Stood::new()).unwrap();
        disk.doubtful = true;
        doubt::mark(path);
        disk.reopen().unwrap();
        assert!(!disk.doubtful && !doubt::is_marked(path));
        assert_eq!(disk.get(b"k"), Ok(Some(b"v".to_vec())));
    }
}
