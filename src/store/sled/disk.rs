//! What the writing thread holds: the database, and the file that is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::entries::{Entries, failed};
use super::rebuild;
use crate::store::StoreError;
use crate::store::follow::Followers;
use crate::store::group_commit::{Changes, Medium};

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
    /// A sync has failed: what the operating system holds of the file may never reach the disk.
    pub(super) doubtful: bool,
}

impl Medium for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.read(|entries| entries.get(key))
    }

    fn apply(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let mut entries = self.shared.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.as_mut().ok_or_else(closed)?.apply(changes)?;
        // Before any reader gets in: a follower knows of everything that a scan shows.
        self.shared.followers.tell(changes.iter());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.shared.read(|entries| entries.db.flush().map_err(failed))?;
        self.file.sync_data().map_err(|error| {
            self.doubtful = true;
            StoreError(format!("the disk did not confirm what was written: {error}"))
        })
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let directory = &self.directory;
        let at = |error: io::Error| {
            StoreError(format!("the disk takes nothing in {}: {error}", directory.display()))
        };
        probe(directory).map_err(at)?;
        let mut place = self.shared.entries.write().unwrap_or_else(PoisonError::into_inner);
        // sled lets its files go with its last handle.
        *place = None;
        let mut entries = Entries::open(directory)?;
        entries.check_schema(directory)?;
        if self.doubtful {
            // A second sync would report success for pages that the first one has dropped. So every
            // entry is written again, to another file.
            entries = rebuild::rewrite(directory, entries)?;
        }
        self.file = sync_files(directory).map_err(at)?;
        *place = Some(entries);
        self.doubtful = false;
        Ok(())
    }
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
    OpenOptions::new().read(true).write(true).open(directory.join("db"))
}

/// Makes sure that names are on disk.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened, and need not be synced.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
