//! What the store on disk promises beyond the conformance suite: crashes, strangers, versions.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not see as tests")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use groupkeeper::store::{self, Restoring, SledStore, Store, StoreError, WriteSet};

fn put(key: &str, value: Vec<u8>) -> WriteSet {
    let writes = vec![(key.as_bytes().to_vec(), Some(value))];
    WriteSet { writes, durable: true, ..WriteSet::default() }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn refusal(directory: &Path) -> String {
    SledStore::open(directory).err().unwrap().0
}

/// The database under the store. sled's threads may hold it for a moment after it was closed.
fn database(directory: &Path) -> sled::Db {
    let attempts = std::iter::repeat_with(|| {
        std::thread::yield_now();
        sled::open(directory)
    });
    attempts.take(100_000).find_map(Result::ok).unwrap()
}

/// An entry of the journal comes and goes, and a mark under a random key stays: their space lies mixed in the
/// file. sled gives it back with a thread of its own, in real time and so much in each second.
#[tokio::test]
async fn the_space_of_what_has_gone_is_used_again_while_others_stay() {
    const KEPT: u64 = 1_000;
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let entry = |n: u64| format!("j{n:08}").into_bytes();
    let mut sizes = Vec::new();
    for first in (0..60_000_u64).step_by(20) {
        let mut writes = Vec::new();
        for n in first..first + 20 {
            let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            writes.push((entry(n), Some(vec![7; 700])));
            writes.push((format!("s{random:016x}").into_bytes(), Some(Vec::new())));
            writes.extend(n.checked_sub(KEPT).map(|old| (entry(old), None)));
        }
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        if first % 3_000 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            sizes.push(store.size_on_disk() >> 20);
        }
    }
    println!("{sizes:?}");
    // Marks and entries are some 4 MB.
    assert!(sizes.iter().all(|size| *size < 50), "MiB as it went on: {sizes:?}");
}

/// After every acknowledged commit the files are copied as they are, and the copy is opened.
///
/// This is what SIGKILL leaves: whatever the process had given to the operating system is there,
/// whatever it still held in memory is not, and nothing was closed. It does not show a power cut,
/// where the operating system's own memory is lost too; there the `fdatasync` counts, and a copy
/// cannot tell whether it took place. (That it takes place before the answer, is shown with a
/// scripted disk beside `store/group_commit.rs`.)
#[tokio::test]
async fn a_copy_of_the_files_taken_at_an_acknowledgement_holds_what_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for round in 0..40_usize {
        // One in four is cut into pieces; each commit removes the one two before it.
        let length = if round % 4 == 0 { 30_000 } else { 100 };
        let value = |n: usize| vec![n as u8; length];
        let mut changes = put(&format!("{round:03}"), value(round));
        if let Some(old) = round.checked_sub(2) {
            changes.writes.push((format!("{old:03}").into_bytes(), None));
        }
        store.commit(changes).await.unwrap();

        let killed = tempfile::tempdir().unwrap();
        copy(directory.path(), killed.path());
        let reopened = SledStore::open(killed.path()).unwrap();
        let entries = reopened.scan(b"", b"~", 9).unwrap();
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        let wanted: Vec<_> =
            (round.saturating_sub(1)..=round).map(|n| format!("{n:03}").into_bytes()).collect();
        assert_eq!(keys, wanted);
        assert!(entries.last().unwrap().1 == value(round), "round {round}");
    }
}

/// The log is cut at many places, as a crash in the middle of writing leaves it: a commit is there
/// with both of its keys or with neither, none is there without those before it, and all are there
/// that were acknowledged when the log was that long.
#[tokio::test]
async fn a_log_that_ends_in_the_middle_of_a_commit_holds_the_commits_before_it_and_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let db = || fs::read(directory.path().join("db")).unwrap();
    let length = |db: &[u8]| db.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut lengths = Vec::new();
    for number in 0..12_u8 {
        let mut changes = put(&format!("a{number:02}"), vec![number; 6_000]);
        changes.writes.push((format!("z{number:02}").into_bytes(), Some(vec![number; 100])));
        store.commit(changes).await.unwrap();
        lengths.push(length(&db()));
    }
    let whole = db();
    let cuts = (0..60).map(|n| length(&whole) * n / 59);
    for cut in cuts.chain(lengths.iter().flat_map(|length| [length - 1, *length])) {
        let killed = tempfile::tempdir().unwrap();
        copy(directory.path(), killed.path());
        let mut torn = whole.clone();
        torn[cut..].fill(0);
        fs::write(killed.path().join("db"), torn).unwrap();

        let reopened = SledStore::open(killed.path()).unwrap();
        let left = reopened.scan(b"a", b"b", 99).unwrap();
        let right = reopened.scan(b"z", b"~", 99).unwrap();
        let whole_ones = |number: u8| {
            let a = (format!("a{number:02}").into_bytes(), vec![number; 6_000]);
            let z = (format!("z{number:02}").into_bytes(), vec![number; 100]);
            (a, z)
        };
        let found = left.len();
        let (a, z): (Vec<_>, Vec<_>) = (0..12).take(found).map(whole_ones).unzip();
        assert!((left, right) == (a, z), "not whole after a cut at {cut}");
        let acknowledged = lengths.iter().filter(|length| **length <= cut).count();
        assert!(found >= acknowledged, "{found} of {acknowledged} after a cut at {cut}");
    }
}

/// sled moves pages over 128 KiB to files in `blobs`, which the sync of the log does not cover.
#[tokio::test]
async fn no_value_leaves_the_file_that_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for round in 0..4_u8 {
        for key in 0..60 {
            let length = if key % 6 == 0 { 200_000 } else { 3_500 };
            let key = format!("{key:02}{}", "k".repeat(1_000));
            store
                .commit(WriteSet { durable: false, ..put(&key, vec![round; length]) })
                .await
                .unwrap();
        }
    }
    store.close().unwrap();
    assert!(store.size_on_disk() > 2_000_000);
    assert_eq!(fs::read_dir(directory.path().join("blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_long_value_that_was_shortened_or_removed_leaves_no_pieces_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for (key, length) in [("shortened", 50_000), ("shortened", 10), ("removed", 50_000)] {
        store.commit(put(key, vec![1; length])).await.unwrap();
    }
    let writes = vec![(b"removed".to_vec(), None)];
    store.commit(WriteSet { writes, durable: true, ..WriteSet::default() }).await.unwrap();
    drop(store);
    let keys: Vec<_> = database(directory.path()).iter().keys().map(Result::unwrap).collect();
    assert_eq!(keys, ["kshortened", "mschema"]);
}

#[test]
fn a_directory_that_is_open_already_is_refused_and_says_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = SledStore::open(directory.path()).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");
    assert!(refused.contains(&directory.path().display().to_string()), "{refused}");
    drop(first);
    SledStore::open(directory.path()).unwrap();
}

#[test]
fn a_store_can_be_opened_again_as_soon_as_it_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..50 {
        SledStore::open(directory.path()).unwrap();
    }
}

#[test]
fn a_store_of_a_later_version_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    drop(SledStore::open(directory.path()).unwrap());
    let db = database(directory.path());
    db.insert(b"mschema", &2_u32.to_be_bytes()).unwrap();
    drop(db);
    let refused = refusal(directory.path());
    assert!(refused.contains("schema 2, this version knows 1"), "{refused}");
}

#[test]
fn somebody_elses_database_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let db = database(directory.path());
    db.insert(b"theirs", b"1").unwrap();
    drop(db);
    let refused = refusal(directory.path());
    assert!(refused.contains("not Groupkeeper's"), "{refused}");
    let db = database(directory.path());
    assert_eq!(db.iter().count(), 1);
}

#[tokio::test]
async fn a_damaged_database_is_an_error_with_advice_and_not_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    for number in 0..200 {
        store.commit(put(&number.to_string(), vec![1; 3_000])).await.unwrap();
    }
    drop(store);
    // Pages that the snapshot of the last opening still points to; where exactly they lie differs.
    let path = directory.path().join("db");
    drop(SledStore::open(directory.path()).unwrap());
    let mut file = fs::read(&path).unwrap();
    let quarter = file.len() / 4;
    file[quarter..3 * quarter].fill(0xa5);
    fs::write(path, file).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("move the directory aside"), "{refused}");
    assert!(refused.contains("`groupkeeper restore FILE"), "{refused}");
    assert!(refused.contains("`groupkeeper fsck --repair`"), "{refused}");
    assert!(!refused.contains("backtrace"), "{refused}");
}

/// A user who is nobody in particular.
#[cfg(target_os = "linux")]
const OTHER: u32 = 65_534;

/// A store in a directory that everybody may look into; `None` where only root could lend it to another user.
#[cfg(target_os = "linux")]
fn of_root() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(SledStore::open(folder.path().join("data")).unwrap());
    (folder.path().metadata().unwrap().uid() == 0).then_some(folder)
}

#[cfg(target_os = "linux")]
fn groupkeeper(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    command.args(arguments).current_dir(folder);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_that_may_not_be_used_is_not_called_damaged_but_says_whose_it_is() {
    use std::os::unix::process::CommandExt;
    let Some(folder) = of_root() else { return };
    let output = groupkeeper(folder.path(), &["fsck"]).uid(OTHER).gid(OTHER).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let whose = "it belongs to uid 0, and this process runs as uid 65534";
    assert!(told.contains("`data") && told.contains(whose), "{told}");
    assert!(!told.contains("damaged"), "{told}");
}

/// The snapshot that root leaves is one that the service cannot open.
#[cfg(target_os = "linux")]
#[test]
fn a_command_leaves_the_store_of_another_user_alone() {
    use std::os::unix::fs::chown;
    let Some(folder) = of_root() else { return };
    let data = folder.path().join("data");
    let files = || fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
    files().chain([data.clone()]).for_each(|path| chown(path, Some(OTHER), Some(OTHER)).unwrap());
    let before: BTreeSet<_> = files().collect();
    for arguments in [&["fsck"][..], &["compact"], &["why", "last", "--store", "sled:data"]] {
        let output = groupkeeper(folder.path(), arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("belongs to uid 65534, and this process runs as uid 0"), "{told}");
        assert_eq!(files().collect::<BTreeSet<_>>(), before, "{arguments:?}");
    }
}

/// A second sync would report success for what a failed one has dropped, in the next process too.
#[tokio::test]
async fn a_store_whose_last_process_ended_after_a_failed_sync_is_written_anew_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    store.commit(put("k", vec![1; 9_000])).await.unwrap();
    drop(store);
    let inode = || fs::metadata(directory.path().join("db")).unwrap().ino();
    let before = inode();
    fs::write(directory.path().join("doubtful"), "").unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    assert!(store.get(b"k").unwrap() == Some(vec![1; 9_000]));
    drop(store);
    let after = inode();
    assert_ne!(after, before);
    drop(SledStore::open(directory.path()).unwrap());
    assert_eq!(inode(), after);
}

/// Many short-lived values and a few that stay: what sled's file is worst at.
async fn sparse(directory: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = SledStore::open(directory).unwrap();
    let mut staying = Vec::new();
    for round in 0..300_u32 {
        let mut changes = WriteSet { durable: round % 50 == 0, ..WriteSet::default() };
        for number in 0..40_u32 {
            let key = format!("{round:04}/{number:02}").into_bytes();
            if number == 0 && round % 30 == 0 {
                let value = vec![round as u8; if round % 60 == 0 { 9_000 } else { 700 }];
                staying.push((key.clone(), value.clone()));
                changes.writes.push((key, Some(value)));
            } else {
                changes.writes.push((key, Some(vec![1; 700])));
            }
            if let Some(before) =
                round.checked_sub(2).filter(|_| number > 0 || (round - 2) % 30 > 0)
            {
                changes.writes.push((format!("{before:04}/{number:02}").into_bytes(), None));
            }
        }
        store.commit(changes).await.unwrap();
    }
    let clear = (298..300).flat_map(|round| (0..40).map(move |n| format!("{round:04}/{n:02}")));
    let writes = clear.map(|key| (key.into_bytes(), None)).collect();
    store.commit(WriteSet { writes, durable: true, ..WriteSet::default() }).await.unwrap();
    staying
}

#[tokio::test]
async fn compaction_gives_space_back_and_keeps_every_entry() {
    let directory = tempfile::tempdir().unwrap();
    let staying = sparse(directory.path()).await;
    let untouched = SledStore::open_compact(directory.path()).unwrap().size_on_disk();
    let done = SledStore::compact(directory.path()).unwrap();
    assert!(
        done.after * 3 < done.before.min(untouched),
        "{untouched}: too small for that, {done:?}"
    );
    let store = SledStore::open(directory.path()).unwrap();
    assert!(store.scan(b"", b"~", usize::MAX).unwrap() == staying);
    store.commit(put("goes", vec![1; 9_000])).await.unwrap();
    drop(store);
    assert!(SledStore::open(directory.path()).unwrap().get(b"goes").unwrap().is_some());
}

/// Wherever the exchange of the files is broken off, the next opening has one of them whole.
#[tokio::test]
async fn a_compaction_that_is_broken_off_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let staying = sparse(directory.path()).await;
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(directory.path(), old.path());
    copy(directory.path(), new.path());
    SledStore::compact(new.path()).unwrap();
    let cases: [(&str, &[&str], bool); 5] = [
        ("rebuilt.tmp", &["conf"], true),
        ("rebuilt.tmp", &["conf", "db"], true),
        ("rebuilt", &["conf", "db"], true),
        ("rebuilt", &["conf", "db"], false),
        ("rebuilt", &["db"], false),
    ];
    for (name, there, snapshots) in cases {
        let broken = tempfile::tempdir().unwrap();
        copy(old.path(), broken.path());
        fs::create_dir(broken.path().join(name)).unwrap();
        for file in there {
            fs::copy(new.path().join(file), broken.path().join(name).join(file)).unwrap();
        }
        for entry in fs::read_dir(broken.path()).unwrap() {
            let entry = entry.unwrap();
            if !snapshots && entry.file_name().to_string_lossy().starts_with("snap.") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        let store = SledStore::open(broken.path()).unwrap();
        assert!(store.scan(b"", b"~", usize::MAX).unwrap() == staying, "{name} {there:?}");
        assert!(!broken.path().join(name).exists());
    }
}

#[tokio::test]
async fn a_store_is_filled_beside_its_place_and_only_where_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let restoring = Restoring::begin(directory.path()).unwrap();
    restoring.store().commit(put("k", vec![1])).await.unwrap();
    drop(restoring);
    let empty = SledStore::open(directory.path()).unwrap();
    assert_eq!(empty.get(b"k").unwrap(), None, "what was broken off leaves nothing");
    drop(empty);
    let restoring = Restoring::begin(directory.path()).unwrap();
    restoring.store().commit(put("k", vec![2])).await.unwrap();
    restoring.finish().unwrap();
    assert_eq!(SledStore::open(directory.path()).unwrap().get(b"k").unwrap(), Some(vec![2]));
    let refused = Restoring::begin(directory.path()).err().unwrap().0;
    assert!(refused.contains("is not empty, and is not touched"), "{refused}");
}

#[test]
fn a_url_opens_its_store_or_says_what_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sled:{}", directory.path().join("deep/data").display());
    store::open(&url).unwrap();
    assert!(directory.path().join("deep/data/db").exists());
    store::open("memory:").unwrap();
    let refused = |url: &str| -> StoreError { store::open(url).err().unwrap() };
    assert!(refused("postgres://u:hunter2@h/d").0.contains("not in this version"));
    for url in ["data", "sled:", "mysql://u:hunter2@h/d", "memory:x", ""] {
        let words = refused(url).0;
        assert!(words.contains("sled:DIRECTORY") && !words.contains("hunter2"), "{words}");
    }
}
