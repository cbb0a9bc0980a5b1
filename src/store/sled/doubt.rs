//! Whether the disk has what the operating system shows of the store's files.
//!
//! Pages that could not be written back stay readable in memory and count as clean: the next sync reports
//! success for them. So after a sync that failed everything is written anew, to another file. A process
//! that ends before it has done so leaves a mark for the next one. The mark need not be on disk: when the
//! machine loses its memory, the doubt is over too.

use std::fs::{self, File};
use std::io;
use std::path::Path;

const MARK: &str = "doubtful";

/// Leaves the mark. Where even that is refused, it is told.
pub(super) fn mark(directory: &Path) {
    if let Err(error) = File::create(directory.join(MARK)) {
        tracing::warn!(%error, "that a sync has failed cannot be written down: do not restart before the disk is well");
    }
}

/// Whether the mark is there.
pub(super) fn is_marked(directory: &Path) -> bool {
    directory.join(MARK).exists()
}

/// Everything was written anew.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(MARK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}
