//! Backups: taken under load, read back, refused when they are not whole; and those of every version.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::ledger::backup::Backup;
use groupkeeper::ledger::{Kind, fsck, restore};
use groupkeeper::simulator::FaultKind;
use groupkeeper::store::{Entry, MemoryStore, SledStore, Store, WriteSet};

use crate::stage::Stage;

fn all(store: &dyn Store) -> Vec<Entry> {
    store.scan(b"", &[0xff; 16], usize::MAX).unwrap()
}

/// What a backup comes to.
fn restored(text: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let summary = restore::check(Cursor::new(text)).unwrap();
    let mut entries = BTreeMap::new();
    for writes in restore::writes(Cursor::new(text), summary.schema).unwrap() {
        for (key, value) in writes.unwrap() {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
    }
    entries
}

fn taken(store: &Arc<dyn Store>) -> String {
    let mut backup = Backup::begin(Arc::clone(store), Timestamp(0)).unwrap();
    std::iter::from_fn(|| backup.next_lines().unwrap()).collect()
}

/// Commit number `n`: one key at each end of the range, both of the commit before it gone, and one of
/// those in the middle changed.
fn change(n: u32) -> WriteSet {
    let value = |n: u32| Some(n.to_string().into_bytes());
    let mut writes = vec![
        (format!("a{n:05}").into_bytes(), value(n)),
        (format!("m{:05}", n * 37 % 3_000).into_bytes(), value(n)),
        (format!("z{n:05}").into_bytes(), value(n)),
    ];
    for end in ["a", "z"] {
        writes.push((format!("{end}{:05}", n.wrapping_sub(1)).into_bytes(), None));
    }
    WriteSet { writes, durable: false, ..WriteSet::default() }
}

async fn a_backup_under_load_is_the_store_between_two_commits(store: Arc<dyn Store>) {
    let mut model = BTreeMap::new();
    let writes = (0..3_000).map(|n| (format!("m{n:05}").into_bytes(), Some(b"0".to_vec())));
    let set = WriteSet { writes: writes.collect(), ..WriteSet::default() };
    model.extend(set.writes.iter().cloned());
    store.commit(set).await.unwrap();

    let mut backup = Backup::begin(Arc::clone(&store), Timestamp(0)).unwrap();
    let (mut text, mut number) = (String::new(), 0);
    while let Some(lines) = backup.next_lines().unwrap() {
        text.push_str(&lines);
        for _ in 0..50 {
            number += 1;
            store.commit(change(number)).await.unwrap();
        }
    }
    let found = restored(&text);
    let last = found.keys().find(|key| key.starts_with(b"a")).unwrap();
    let last: u32 = String::from_utf8(last[1..].to_vec()).unwrap().parse().unwrap();
    assert!(last > 200, "most of the load came before the last page: {last}");
    for n in 1..=last {
        model.extend(change(n).writes);
    }
    model.retain(|_, value| value.is_some());
    let model: BTreeMap<_, _> =
        model.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    assert!(found == model, "it is not the store as it was behind commit {last}");
}

#[tokio::test]
async fn a_backup_of_memory_under_load_is_the_store_between_two_commits() {
    a_backup_under_load_is_the_store_between_two_commits(Arc::new(MemoryStore::default())).await;
}

#[tokio::test]
async fn a_backup_of_sled_under_load_is_the_store_between_two_commits() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    a_backup_under_load_is_the_store_between_two_commits(Arc::new(store)).await;
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_and_says_why() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for n in 0..9 {
        store.commit(change(n)).await.unwrap();
    }
    let whole = taken(&store);
    let refused = |text: &str| restore::check(Cursor::new(text)).unwrap_err().0;
    let lines: Vec<&str> = whole.lines().collect();
    let without = |left_out: usize| {
        let kept = lines.iter().enumerate().filter(|(number, _)| *number != left_out);
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    assert!(refused(&without(lines.len() - 1)).contains("breaks off after 11 lines"));
    assert!(refused(&without(3)).contains("its 10 lines are not the 11"));
    assert!(refused(&whole[..whole.len() / 2]).contains("is no line of a Groupkeeper backup"));
    assert!(
        refused(&whole.replacen("\"value\":8", "\"value\":9", 1)).contains("changed or damaged")
    );
    assert!(refused(&format!("{whole}{}\n", lines[1])).contains("goes on behind its end"));
    assert!(refused("").contains("is empty"));
    let later = whole.replacen("\"schema\":1", "\"schema\":99", 1);
    assert!(refused(&later).contains("the backup was written by a later version (schema 99"));
}

const RULES: &str = r#"
[rule.quiet]
on = "message.sent"
when = 'message.text == "SHOUT"'
do = [{ mute = { for = "3d" } }]
"#;

#[tokio::test]
async fn a_running_service_is_backed_up_and_goes_on_elsewhere_where_it_was() {
    let mut stage = Stage::with_rules(RULES).await;
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &members);
    cats.says("ann", "SHOUT");
    stage.settle().await;
    stage.fault("modify_group_member_info", None, FaultKind::Status(503));
    cats.says("ben", "SHOUT");
    stage.settle().await;
    let url = stage.admin_url();
    let (exit, _, told) = stage.groupkeeper(&["backup", "copy.jsonl", "--url", &url]).await;
    assert_eq!(exit, Some(0), "{told}");
    // On the same folder, and never into a store that there is.
    let restore = ["restore", "copy.jsonl", "--store", "sled:elsewhere"];
    let (exit, _, told) = stage.groupkeeper(&restore).await;
    assert!(exit == Some(0) && told.contains("taken 2026-01-01T12:00:00Z by version"), "{told}");
    let (exit, _, told) = stage.groupkeeper(&restore).await;
    assert!(exit == Some(1) && told.contains("is not empty, and is not touched"), "{told}");
    let (exit, shown, told) = stage.groupkeeper(&["fsck", "--store", "sled:elsewhere"]).await;
    assert!(exit == Some(0) && shown.contains("nothing is wrong"), "{shown}{told}");

    stage.stop().await;
    let data = stage.folder.path().join("data");
    fs::remove_dir_all(&data).unwrap();
    fs::rename(stage.folder.path().join("elsewhere"), &data).unwrap();
    stage.start().await.unwrap();
    stage.mend();
    stage.advance(std::time::Duration::from_secs(600)).await;
    assert!(stage.group("@TGS#cats").muted_for("ben").is_some(), "the outbox was in the backup");
    // The mute that ran when it was taken ends in time.
    stage.advance(std::time::Duration::from_secs(4 * 86_400)).await;
    assert_eq!(stage.admin("/api/v1/sanctions").await.1, "[]");
    stage.finish().await;
}

#[tokio::test]
async fn the_store_of_a_stopped_service_gives_the_same_backup_again_and_again() {
    let mut stage = Stage::with_rules(RULES).await;
    let cats = stage.create("@TGS#cats", GroupType::Public, "olga", &[("ann", Role::Member)]);
    cats.says("ann", "SHOUT");
    stage.settle().await;
    stage.stop().await;
    let commands: [&[&str]; 4] = [
        &["backup", "one.jsonl", "--store", "sled:data"],
        &["restore", "one.jsonl", "--store", "sled:again"],
        &["backup", "two.jsonl", "--store", "sled:again"],
        &["compact", "--store", "sled:again"],
    ];
    for command in commands {
        let (exit, _, told) = stage.groupkeeper(command).await;
        assert_eq!(exit, Some(0), "{command:?}: {told}");
    }
    let read = |name: &str| restored(&fs::read_to_string(stage.folder.path().join(name)).unwrap());
    assert!(!read("one.jsonl").is_empty());
    assert!(read("one.jsonl") == read("two.jsonl"));
    let (exit, text, _) = stage.groupkeeper(&["backup", "-", "--store", "sled:again"]).await;
    assert_eq!(exit, Some(0));
    assert!(restored(&text) == read("one.jsonl"));
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores")
}

/// A backup of each version of the store's form holds a row of every kind.
#[tokio::test]
async fn what_any_version_has_written_is_read_by_this_one() {
    let mut versions = 0;
    for file in fs::read_dir(fixtures()).unwrap() {
        let path = file.unwrap().path();
        let entries = restored(&fs::read_to_string(&path).unwrap());
        for (kind, name) in Kind::ALL {
            let rows = entries.keys().filter(|key| Kind::of(key) == Some(kind)).count();
            assert!(rows > 0, "{}: no row of kind {name}", path.display());
        }
        let store = MemoryStore::default();
        let writes = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        let report = fsck::examine(&store, |_| {}).unwrap();
        assert_eq!(report.findings, [], "{}", path.display());
        versions += 1;
    }
    assert_eq!(versions, groupkeeper::store::migrations::SCHEMA as usize);
}

#[tokio::test]
#[ignore = "writes tests/fixtures/stores for a new form of the store"]
async fn write_the_rows_of_this_version() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let writes = crate::fsck::rows();
    store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
    fs::create_dir_all(fixtures()).unwrap();
    let name = format!("v{}.jsonl", groupkeeper::store::migrations::SCHEMA);
    fs::write(fixtures().join(name), taken(&store)).unwrap();
    assert!(!all(&*store).is_empty());
}
