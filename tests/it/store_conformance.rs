//! What every store must do, run for each of them.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not see as tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use groupkeeper::store::{
    CommitError, Entry, MAX_KEY, MAX_VALUE, MemoryStore, SledStore, Store, WriteSet,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// A place that keeps a store's entries while nobody has it open.
pub trait Place: Default {
    fn open(&self) -> Arc<dyn Store>;
}

#[derive(Default)]
struct Memory(MemoryStore);

impl Place for Memory {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

struct Sled(tempfile::TempDir);

impl Default for Sled {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for Sled {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SledStore::open(self.0.path()).unwrap())
    }
}

fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> WriteSet {
    let writes = vec![(key.as_ref().to_vec(), Some(value.as_ref().to_vec()))];
    WriteSet { writes, durable: true, ..WriteSet::default() }
}

fn expecting(key: &str, value: Option<&str>, changes: WriteSet) -> WriteSet {
    let expect = vec![(key.as_bytes().to_vec(), value.map(|v| v.as_bytes().to_vec()))];
    WriteSet { expect, ..changes }
}

fn entry(key: &str, value: &str) -> Entry {
    (key.as_bytes().to_vec(), value.as_bytes().to_vec())
}

fn all(store: &dyn Store) -> Vec<Entry> {
    store.scan(b"", &[0xff; 8], usize::MAX).unwrap()
}

/// Bytes that differ from place to place, so that a piece at the wrong place is noticed.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 251 + place * 7) as u8).collect()
}

async fn all_writes_of_a_commit_are_applied_or_none<P: Place>() {
    let store = P::default().open();
    store.commit(put("a", "1")).await.unwrap();
    let writes = vec![
        (b"b".to_vec(), Some(b"2".to_vec())),
        (b"c".to_vec(), Some(b"3".to_vec())),
        (b"a".to_vec(), None),
    ];
    let changes = WriteSet { writes, durable: true, ..WriteSet::default() };
    let refused = store.commit(expecting("a", Some("0"), changes.clone())).await;
    assert_eq!(refused, Err(CommitError::Conflict));
    assert_eq!(all(&*store), [entry("a", "1")]);
    store.commit(expecting("a", Some("1"), changes)).await.unwrap();
    assert_eq!(all(&*store), [entry("b", "2"), entry("c", "3")]);
}

async fn a_commit_that_expects_nothing_under_a_key_conflicts_with_what_stands_there<P: Place>() {
    let store = P::default().open();
    store.commit(expecting("k", None, put("k", "1"))).await.unwrap();
    let again = store.commit(expecting("k", None, put("k", "2"))).await;
    assert_eq!(again, Err(CommitError::Conflict));
    let absent = store.commit(expecting("l", Some("1"), put("k", "2"))).await;
    assert_eq!(absent, Err(CommitError::Conflict));
    assert_eq!(store.get(b"k").unwrap(), Some(b"1".to_vec()));
}

async fn an_empty_value_is_not_an_absent_one<P: Place>() {
    let store = P::default().open();
    store.commit(put("k", "")).await.unwrap();
    assert_eq!(store.get(b"k").unwrap(), Some(Vec::new()));
    let absent = store.commit(expecting("k", None, put("k", "1"))).await;
    assert_eq!(absent, Err(CommitError::Conflict));
    store.commit(expecting("k", Some(""), put("k", "1"))).await.unwrap();
}

async fn the_last_write_of_a_key_in_a_commit_wins<P: Place>() {
    let store = P::default().open();
    let key = || b"k".to_vec();
    let writes = vec![(key(), Some(b"1".to_vec())), (key(), None), (key(), Some(b"2".to_vec()))];
    store.commit(WriteSet { writes, durable: true, ..WriteSet::default() }).await.unwrap();
    assert_eq!(store.get(b"k").unwrap(), Some(b"2".to_vec()));
}

async fn commits_are_applied_in_the_order_of_the_calls<P: Place>() {
    let store = P::default().open();
    let commits: Vec<_> = (0..100)
        .map(|n| {
            let before = (n > 0).then(|| (n - 1).to_string());
            store.commit(expecting("k", before.as_deref(), put("k", n.to_string())))
        })
        .collect();
    // Nobody has waited for one before the next was called.
    for commit in commits {
        assert_eq!(commit.await, Ok(()));
    }
    assert_eq!(store.get(b"k").unwrap(), Some(b"99".to_vec()));
}

async fn a_commit_goes_ahead_when_its_future_is_dropped<P: Place>() {
    let store = P::default().open();
    drop(store.commit(put("k", "1")));
    store.commit(put("l", "2")).await.unwrap();
    assert_eq!(store.get(b"k").unwrap(), Some(b"1".to_vec()));
}

async fn a_scan_is_ascending_and_keeps_to_its_range_and_limit<P: Place>() {
    let store = P::default().open();
    for key in ["b/2", "a", "b/10", "c", "b/1", "b"] {
        store.commit(put(key, key.to_uppercase())).await.unwrap();
    }
    let keys = |from: &str, to: &str, limit| -> Vec<String> {
        let entries = store.scan(from.as_bytes(), to.as_bytes(), limit).unwrap();
        entries.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    };
    assert_eq!(keys("b/", "b0", 9), ["b/1", "b/10", "b/2"]);
    assert_eq!(keys("b/", "b0", 2), ["b/1", "b/10"]);
    assert_eq!(keys("b/", "b0", 0), [""; 0]);
    assert_eq!(keys("b/1", "b/2", 9), ["b/1", "b/10"]);
    assert_eq!(keys("", "b", 9), ["a"]);
    assert_eq!(keys("c", "c", 9), [""; 0]);
    assert_eq!(keys("c", "a", 9), [""; 0]);
    let found = store.scan(b"b/2", b"b/3", 9).unwrap();
    assert_eq!(found, [entry("b/2", "B/2")]);
}

async fn values_of_any_length_come_back_from_get_and_scan<P: Place>() {
    let place = P::default();
    let store = place.open();
    let lengths = [0, 1, 3_499, 3_500, 3_501, 7_000, 7_001, 65_536, 1 << 20];
    for length in lengths {
        store.commit(put(format!("k{length:07}"), bytes(length))).await.unwrap();
    }
    let check = |store: &dyn Store| {
        let entries = all(store);
        let found: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), value.len())).collect();
        let wanted = lengths.map(|n| (format!("k{n:07}").into_bytes(), n));
        assert_eq!(found, wanted);
        for (key, value) in entries {
            assert!(value == bytes(value.len()), "{} differs", value.len());
            assert!(store.get(&key).unwrap() == Some(value));
        }
    };
    check(&*store);
    drop(store);
    check(&*place.open());
}

async fn a_long_value_can_be_overwritten_expected_and_removed<P: Place>() {
    let store = P::default().open();
    // The second key begins with the first: neither may touch the other's pieces.
    for (key, length) in [("k", 50_000), ("k\0", 9_000), ("k", 8_000), ("k", 10), ("k", 20_000)] {
        store.commit(put(key, bytes(length))).await.unwrap();
        assert!(store.get(key.as_bytes()).unwrap() == Some(bytes(length)), "{length}");
    }
    let expect = vec![(b"k".to_vec(), Some(bytes(20_000)))];
    let remove = vec![(b"k".to_vec(), None)];
    let changes = WriteSet { expect, writes: remove, durable: true };
    store.commit(changes.clone()).await.unwrap();
    assert_eq!(store.commit(changes).await, Err(CommitError::Conflict));
    assert_eq!(store.get(b"k").unwrap(), None);
    assert!(all(&*store) == [(b"k\0".to_vec(), bytes(9_000))]);
}

async fn removing_what_is_not_there_is_fine<P: Place>() {
    let store = P::default().open();
    let writes = vec![(b"k".to_vec(), None)];
    let changes = WriteSet { writes, durable: true, ..WriteSet::default() };
    assert_eq!(store.commit(changes).await, Ok(()));
    assert_eq!(all(&*store), []);
}

async fn a_commit_that_is_not_durable_is_seen_and_survives_closing<P: Place>() {
    let place = P::default();
    let store = place.open();
    store.commit(WriteSet { durable: false, ..put("k", "1") }).await.unwrap();
    assert_eq!(store.get(b"k").unwrap(), Some(b"1".to_vec()));
    store.close().unwrap();
    drop(store);
    assert_eq!(place.open().get(b"k").unwrap(), Some(b"1".to_vec()));
}

async fn too_long_a_key_or_value_is_refused_and_the_store_goes_on<P: Place>() {
    let store = P::default().open();
    let key = store.commit(put(vec![1; MAX_KEY + 1], "v")).await.unwrap_err();
    assert!(key.to_string().contains("1025 bytes"), "{key}");
    let value = store.commit(put("k", vec![1; MAX_VALUE + 1])).await.unwrap_err();
    assert!(value.to_string().contains("16777217 bytes"), "{value}");
    store.commit(put(vec![1; MAX_KEY], "v")).await.unwrap();
    assert_eq!(store.health(), Ok(()));
}

/// Each of many committers raises one shared number and one of its own, trying again at a conflict.
async fn no_update_is_lost_among_many_committers<P: Place>() {
    const COMMITTERS: u64 = 16;
    const ROUNDS: u64 = 20;
    let store = P::default().open();
    let read = |store: &dyn Store, key: &[u8]| -> (Option<Vec<u8>>, u64) {
        let stored = store.get(key).unwrap();
        let number = stored.as_ref().map_or(0, |v| String::from_utf8_lossy(v).parse().unwrap());
        (stored, number)
    };
    let committer = |own: u64, store: Arc<dyn Store>| async move {
        for round in 0..ROUNDS {
            loop {
                let (stored, shared) = read(&*store, b"shared");
                let writes = vec![
                    (b"shared".to_vec(), Some((shared + 1).to_string().into_bytes())),
                    (format!("own/{own}").into_bytes(), Some((round + 1).to_string().into_bytes())),
                ];
                let expect = vec![(b"shared".to_vec(), stored)];
                match store.commit(WriteSet { expect, writes, durable: round % 2 == 0 }).await {
                    Ok(()) => break,
                    Err(CommitError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    let tasks: Vec<_> =
        (0..COMMITTERS).map(|own| tokio::spawn(committer(own, Arc::clone(&store)))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(read(&*store, b"shared").1, COMMITTERS * ROUNDS);
    for own in 0..COMMITTERS {
        assert_eq!(read(&*store, format!("own/{own}").as_bytes()).1, ROUNDS);
    }
}

/// A reader sees the two keys, one of them long, always with the same number in them.
async fn a_scan_never_sees_half_of_a_commit<P: Place>() {
    let store = P::default().open();
    let changes = |n: u8| {
        let writes = vec![
            (b"a".to_vec(), Some(vec![n; 20_000 - usize::from(n) * 50])),
            (b"z".to_vec(), Some(vec![n])),
        ];
        WriteSet { writes, ..WriteSet::default() }
    };
    store.commit(changes(0)).await.unwrap();
    let reader = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || {
            loop {
                let seen = all(&*store);
                let number = seen[1].1[0];
                let length = 20_000 - usize::from(number) * 50;
                assert!(seen[0].1 == vec![number; length], "half of commit {number}");
                if number == 200 {
                    return;
                }
            }
        })
    };
    for n in 1..=200 {
        store.commit(changes(n)).await.unwrap();
    }
    reader.await.unwrap();
}

/// One step of the model test.
#[derive(Clone, Debug)]
enum Step {
    Commit { writes: Vec<(u8, Option<u16>)>, expect: Option<(u8, bool)>, durable: bool },
    Scan { from: u8, to: u8, limit: usize },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they are overwritten; lengths on both sides of where values are cut.
    let write = (0..12_u8, proptest::option::weighted(0.7, 0..12_000_u16));
    let expect = proptest::option::of((0..12_u8, proptest::bool::weighted(0.8)));
    let commit = (proptest::collection::vec(write, 0..5), expect, any::<bool>())
        .prop_map(|(writes, expect, durable)| Step::Commit { writes, expect, durable });
    let scan = (0..13_u8, 0..13_u8, 0..8_usize).prop_map(|(from, to, limit)| Step::Scan {
        from,
        to,
        limit,
    });
    proptest::collection::vec(prop_oneof![8 => commit, 4 => scan, 1 => Just(Step::Reopen)], 1..40)
}

fn key(number: u8) -> Vec<u8> {
    // Some keys begin with others.
    [b"key".as_slice(), &[b'a' + number / 3], &vec![0; usize::from(number % 3)]].concat()
}

fn agrees_with_the_model<P: Place>(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = Runtime::new().unwrap();
    let place = P::default();
    let mut store = place.open();
    let mut model = BTreeMap::<Vec<u8>, Vec<u8>>::new();
    for step in steps {
        match step {
            Step::Commit { writes, expect, durable } => {
                let expect: Vec<_> = expect
                    .into_iter()
                    .map(|(n, right)| {
                        let value = model.get(&key(n)).cloned();
                        (key(n), if right { value } else { Some(b"another value".to_vec()) })
                    })
                    .collect();
                let fits = expect.iter().all(|(key, value)| model.get(key) == value.as_ref());
                let writes: Vec<_> = writes
                    .into_iter()
                    .map(|(n, length)| (key(n), length.map(|length| bytes(usize::from(length)))))
                    .collect();
                if fits {
                    for (key, value) in writes.clone() {
                        match value {
                            Some(value) => model.insert(key, value),
                            None => model.remove(&key),
                        };
                    }
                }
                let outcome = runtime.block_on(store.commit(WriteSet { expect, writes, durable }));
                prop_assert_eq!(outcome, if fits { Ok(()) } else { Err(CommitError::Conflict) });
            }
            Step::Scan { from, to, limit } => {
                let (from, to) = (key(from), key(to));
                let wanted: Vec<Entry> = model
                    .iter()
                    .filter(|(key, _)| from <= **key && **key < to)
                    .take(limit)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                prop_assert!(store.scan(&from, &to, limit).unwrap() == wanted);
            }
            Step::Reopen => {
                drop(store);
                store = place.open();
            }
        }
    }
    let wanted: Vec<Entry> = model.into_iter().collect();
    prop_assert!(all(&*store) == wanted);
    Ok(())
}

async fn keys_are_those_of_a_scan<P: Place>() {
    let store = P::default().open();
    for (key, length) in [("a", 0), ("b", 9_000), ("c", 3)] {
        store.commit(put(key, bytes(length))).await.unwrap();
    }
    assert_eq!(store.keys(b"a", b"c", 9).unwrap(), [b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(store.keys(b"a", b"z", 2).unwrap(), [b"a".to_vec(), b"b".to_vec()]);
    assert!(store.keys(b"c", b"a", 9).unwrap().is_empty());
}

async fn a_follower_hears_of_every_commit_since_its_making_in_order<P: Place>() {
    let store = P::default().open();
    store.commit(put("before", "0")).await.unwrap();
    let follower = store.follow().unwrap();
    let removed =
        WriteSet { writes: vec![(b"before".to_vec(), None)], durable: true, ..WriteSet::default() };
    for changes in [put("k", "1"), put("k", "2"), removed] {
        store.commit(changes).await.unwrap();
    }
    let refused = store.commit(expecting("k", Some("1"), put("l", "1"))).await;
    assert_eq!(refused, Err(CommitError::Conflict));
    let wanted = [("k", Some("1")), ("k", Some("2")), ("before", None)];
    let wanted: Vec<_> = wanted
        .map(|(key, value)| (key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec())))
        .into();
    assert_eq!(follower.take().unwrap(), wanted);
    assert!(follower.take().unwrap().is_empty());
}

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name::<super::Memory>().await; })*
        }
        mod sled {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name::<super::Sled>().await; })*
        }
    };
}

conformance!(
    all_writes_of_a_commit_are_applied_or_none,
    a_commit_that_expects_nothing_under_a_key_conflicts_with_what_stands_there,
    an_empty_value_is_not_an_absent_one,
    the_last_write_of_a_key_in_a_commit_wins,
    commits_are_applied_in_the_order_of_the_calls,
    a_commit_goes_ahead_when_its_future_is_dropped,
    a_scan_is_ascending_and_keeps_to_its_range_and_limit,
    values_of_any_length_come_back_from_get_and_scan,
    a_long_value_can_be_overwritten_expected_and_removed,
    removing_what_is_not_there_is_fine,
    a_commit_that_is_not_durable_is_seen_and_survives_closing,
    too_long_a_key_or_value_is_refused_and_the_store_goes_on,
    no_update_is_lost_among_many_committers,
    a_scan_never_sees_half_of_a_commit,
    keys_are_those_of_a_scan,
    a_follower_hears_of_every_commit_since_its_making_in_order,
);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn memory_agrees_with_a_plain_map(steps in steps()) {
        agrees_with_the_model::<Memory>(steps)?;
    }

    #[test]
    fn sled_agrees_with_a_plain_map(steps in steps()) {
        agrees_with_the_model::<Sled>(steps)?;
    }
}
