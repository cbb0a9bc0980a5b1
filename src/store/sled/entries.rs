//! The one tree of the database, and how entries lie in it.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{garbage, trouble};
use crate::store::group_commit::{Changes, Stood, guarded};
use crate::store::migrations::{self, Migration, SCHEMA};
use crate::store::pieces::{self, Head};
use crate::store::{Entry, StoreError};

/// Pages that are kept in memory, in bytes as they lie on disk; records as small as ours take four times that.
/// Sled's own choice would be a GiB.
const CACHE: u64 = 32 << 20;

/// How often sled's own thread gives back the space of a segment whose entries have gone (512 KiB), in
/// milliseconds. It does one at a time, and nobody else does enough: without it a file grows by all
/// that is written until the next start. What it syncs by the way, nobody relies on.
const CLEANING: u64 = 100;

/// How often, and after which pause, a database that is still locked is tried again: sled's own
/// threads may hold it for a moment after it was closed. Our lock says that nobody else has it.
const CLOSING_ATTEMPTS: u32 = 100;
const CLOSING_PAUSE: Duration = Duration::from_millis(20);

/// Entries that a migration rewrites at once.
const BATCH: usize = 500;

/// Where the schema stands, and how far a migration has come: the form it leads to, and the next key.
const FORM: &str = "schema";
const MIGRATING: &str = "migrating";

/// The database. Under a lock where it is shared: a reader of several keys must not see one half of a
/// commit.
pub(super) struct Entries {
    pub(super) db: sled::Db,
}

impl Entries {
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        take_away_half_a_snapshot(directory).map_err(|error| {
            StoreError(format!(
                "what a start that was killed has left in {} cannot be taken away: {error}",
                directory.display()
            ))
        })?;
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE)
            .flush_every_ms(Some(CLEANING));
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

    /// Makes sure that the entries are of this version's form; those of an earlier one are migrated.
    pub(super) fn check_schema(&self, directory: &Path) -> Result<(), StoreError> {
        guarded(|| {
            let Some(stored) = self.db.get(pieces::meta_key(FORM)).map_err(failed)? else {
                if !self.db.is_empty() {
                    return Err(StoreError(format!(
                        "{} holds a sled database that is not Groupkeeper's: choose another [store] url",
                        directory.display()
                    )));
                }
                return self.set_schema(SCHEMA);
            };
            let schema = stored.as_ref().try_into().map(u32::from_be_bytes).unwrap_or_default();
            let whose = format!("the store in {}", directory.display());
            self.migrate(migrations::from(schema, &whose)?)
        })
    }

    fn set_schema(&self, schema: u32) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        batch.insert(pieces::meta_key(FORM), &schema.to_be_bytes());
        batch.remove(pieces::meta_key(MIGRATING));
        self.db.apply_batch(batch).map_err(failed)?;
        self.db.flush().map_err(failed).map(|_| ())
    }

    /// Rewrites all entries, step by step. Each batch is committed with the place where it ends: after
    /// a crash it goes on there.
    pub(super) fn migrate(&self, steps: &[Migration]) -> Result<(), StoreError> {
        for step in steps {
            let mark = pieces::meta_key(MIGRATING);
            let mut from = match self.db.get(&mark).map_err(failed)? {
                Some(place) if place.starts_with(&step.to.to_be_bytes()) => place[4..].to_vec(),
                _ => Vec::new(),
            };
            tracing::warn!("the store is brought into the form of schema {}", step.to);
            loop {
                let page = self.scan(&from, &END, BATCH)?;
                let Some((last, _)) = page.last() else { break };
                from = [last.as_slice(), &[0]].concat();
                let mut changes = Changes::new();
                for entry in page {
                    changes.insert(entry.0.clone(), None);
                    for (key, value) in (step.rewrite)(entry)? {
                        changes.insert(key, Some(value));
                    }
                }
                let mut batch = self.batch(&changes, &Stood::new())?;
                batch.insert(mark.clone(), [&step.to.to_be_bytes(), from.as_slice()].concat());
                self.db.apply_batch(batch).map_err(failed)?;
                garbage::free(BATCH);
            }
            self.set_schema(step.to)?;
        }
        Ok(())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| match self.db.get(pieces::head_key(key)).map_err(failed)? {
            Some(head) => self.value(key, &head).map(Some),
            None => Ok(None),
        })
    }

    pub(super) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
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

    pub(super) fn keys(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        guarded(|| {
            let heads = self.db.range(pieces::head_key(from)..pieces::head_key(to)).keys();
            let key = |stored: sled::Result<sled::IVec>| {
                stored.map(|stored| pieces::key_of_head(&stored).to_vec()).map_err(failed)
            };
            heads.take(limit).map(key).collect()
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

    /// The head of an entry and its pieces, those that can be read.
    pub(super) fn remains(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        guarded(|| {
            let head = self.db.get(pieces::head_key(key)).ok().flatten();
            let places = pieces::piece_key(key, 0)..=pieces::piece_key(key, u64::MAX);
            let pieces = self.db.range(places).filter_map(|piece| Some(piece.ok()?.1));
            Ok(head.into_iter().chain(pieces).map(|part| part.to_vec()).collect())
        })
    }

    /// The changes as the tree takes them. Of a value whose present length is not known, it is looked up how
    /// many pieces it has.
    pub(super) fn batch(
        &self,
        changes: &Changes,
        stood: &Stood,
    ) -> Result<sled::Batch, StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            let head_key = pieces::head_key(key);
            let old = match stood.get(key) {
                Some(stood) => stood.as_deref().map_or(0, pieces::count),
                None => self.pieces_of(&head_key)?,
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
        Ok(batch)
    }

    fn pieces_of(&self, head_key: &[u8]) -> Result<u64, StoreError> {
        let head = self.db.get(head_key).map_err(failed)?;
        Ok(match head.as_deref().map(pieces::read_head) {
            Some(Ok(Head::Cut { pieces })) => pieces,
            // What is no head has no pieces that could be known of; it is replaced.
            Some(Ok(Head::Whole(_)) | Err(_)) | None => 0,
        })
    }

    /// Pieces that belong to no entry; taken out when `remove` is set.
    pub(super) fn loose_pieces(&self, remove: bool) -> Result<usize, StoreError> {
        guarded(|| {
            let mut loose = 0;
            for stored in self.db.scan_prefix(pieces::piece_prefix()).keys() {
                let stored = stored.map_err(failed)?;
                let belongs = match pieces::of_piece(&stored) {
                    None => false,
                    Some((key, number)) => {
                        let head = self.db.get(pieces::head_key(key)).map_err(failed)?;
                        let head = head.as_deref().map(pieces::read_head);
                        matches!(head, Some(Ok(Head::Cut { pieces })) if number < pieces)
                    }
                };
                if !belongs {
                    loose += 1;
                    if remove {
                        self.db.remove(&stored).map_err(failed)?;
                    }
                }
            }
            if remove && loose > 0 {
                self.db.flush().map_err(failed)?;
            }
            Ok(loose)
        })
    }
}

/// Behind every key: none is longer than this, and none begins with it.
pub(super) const END: [u8; crate::store::MAX_KEY + 1] = [0xff; crate::store::MAX_KEY + 1];

/// sled has no kind for it, only these words.
/// A process that is killed while it opens a database leaves the snapshot that sled was writing. sled
/// 0.34 takes that for the newest whole one and the database for damaged, at every start from then on.
/// The snapshot before it is still there, and the log, out of which it is made again.
fn take_away_half_a_snapshot(directory: &Path) -> io::Result<()> {
    let files = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    for file in files {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(file.path())?;
            tracing::info!(file = %name, "the last start was killed while the store was opened");
        }
    }
    Ok(())
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

pub(super) fn failed(error: sled::Error) -> StoreError {
    StoreError(trouble::words(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Migration = Migration {
        to: 2,
        rewrite: |(key, mut value)| {
            match key.as_slice() {
                b"n299" => return Ok(Vec::new()),
                b"stop" => return Err(StoreError("the power fails".to_owned())),
                _ => {}
            }
            if !value.starts_with(b"new ") {
                value.splice(..0, *b"new ");
            }
            Ok(vec![(key, value)])
        },
    };

    fn apply(entries: &Entries, changes: &Changes) {
        entries.db.apply_batch(entries.batch(changes, &Stood::new()).unwrap()).unwrap();
    }

    fn entries(directory: &Path) -> Entries {
        let entries = Entries::open(directory).unwrap();
        entries.check_schema(directory).unwrap();
        entries
    }

    #[test]
    fn a_migration_that_was_broken_off_goes_on_and_rewrites_everything_once() {
        let directory = tempfile::tempdir().unwrap();
        let before = entries(directory.path());
        let key = |n: usize| format!("n{n:03}").into_bytes();
        let mut changes: Changes = (0..900)
            .map(|n| (key(n), Some(vec![b'v'; if n % 7 == 0 { 9_000 } else { 9 }])))
            .collect();
        changes.insert(b"stop".to_vec(), Some(Vec::new()));
        apply(&before, &changes);
        assert!(before.migrate(&[NEXT]).is_err());
        // The first batch is done, the second is not.
        assert!(before.get(&key(0)).unwrap().unwrap().starts_with(b"new "));
        assert!(!before.get(&key(800)).unwrap().unwrap().starts_with(b"new "));
        apply(&before, &Changes::from([(b"stop".to_vec(), None)]));
        drop(before);

        let after = Entries::open(directory.path()).unwrap();
        after.migrate(&[NEXT]).unwrap();
        let all = after.scan(b"", &END, usize::MAX).unwrap();
        assert_eq!(all.len(), 899);
        for (key, value) in all {
            assert!(value.starts_with(b"new vvv"), "{}", String::from_utf8_lossy(&key));
        }
        assert_eq!(after.db.get(b"mschema").unwrap().unwrap().as_ref(), 2_u32.to_be_bytes());
        assert_eq!(
            (after.db.get(b"mmigrating").unwrap(), after.loose_pieces(false)),
            (None, Ok(0))
        );
    }

    #[test]
    fn a_start_that_was_killed_while_it_wrote_a_snapshot_leaves_a_store_that_opens() {
        for half in [&b""[..], b"half of a snapshot"] {
            let directory = tempfile::tempdir().unwrap();
            let before = entries(directory.path());
            apply(&before, &Changes::from([(b"k".to_vec(), Some(b"v".to_vec()))]));
            before.db.flush().unwrap();
            drop(before);
            let left = directory.path().join("snap.00000000FFFFFFFF.generating");
            fs::write(&left, half).unwrap();
            let after = entries(directory.path());
            assert_eq!(after.get(b"k"), Ok(Some(b"v".to_vec())));
            assert!(!left.exists());
        }
    }

    #[test]
    fn pieces_that_belong_to_nothing_are_counted_and_taken_out() {
        let directory = tempfile::tempdir().unwrap();
        let entries = entries(directory.path());
        apply(&entries, &Changes::from([(b"k".to_vec(), Some(vec![1; 9_000]))]));
        entries.db.insert(pieces::piece_key(b"k", 3), b"x").unwrap();
        entries.db.insert(pieces::piece_key(b"gone", 0), b"x").unwrap();
        assert_eq!(entries.loose_pieces(true), Ok(2));
        assert_eq!(entries.loose_pieces(false), Ok(0));
        assert_eq!(entries.get(b"k"), Ok(Some(vec![1; 9_000])));
    }
}
