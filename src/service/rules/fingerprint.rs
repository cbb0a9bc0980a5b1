//! What a rules directory looks like from outside: enough to see that something changed, without
//! opening a file. It works where the system tells of no changes: network and overlay file systems.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::authoring::{identity, is_test, walk};

/// A digest of names, sizes, times and inodes; comparable only within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// Of what symbolic links lead to, so that a link that is pointed elsewhere is a change.
    pub(super) files: u64,
    /// Which folders there are: when others stand in their place, a watch on them sees nothing more.
    pub(super) folders: u64,
}

impl Fingerprint {
    /// Looks at a directory. One that cannot be looked at has a fingerprint as well: the reason.
    pub(super) fn of(directory: &Path) -> Self {
        let (mut files, mut folders) = (DefaultHasher::new(), DefaultHasher::new());
        let root = std::fs::metadata(directory);
        root.as_ref().map(identity).map_err(io::Error::kind).hash(&mut folders);
        match walk(directory) {
            Err(error) => error.kind().hash(&mut files),
            Ok(found) => {
                for found in found {
                    match &found.metadata {
                        Ok(metadata) if metadata.is_dir() => {
                            (&found.path, identity(metadata)).hash(&mut folders);
                        }
                        _ if is_test(&found.path) => {}
                        Ok(metadata) => (&found.path, look(metadata)).hash(&mut files),
                        Err(error) => (&found.path, error.kind()).hash(&mut files),
                    }
                }
            }
        }
        Self { files: files.finish(), folders: folders.finish() }
    }
}

/// The time of change sees what the time of modification does not: a file that becomes readable, a
/// copy that keeps its old time.
fn look(metadata: &Metadata) -> impl Hash {
    (
        identity(metadata),
        metadata.len(),
        (metadata.mtime(), metadata.mtime_nsec()),
        (metadata.ctime(), metadata.ctime_nsec()),
    )
}
