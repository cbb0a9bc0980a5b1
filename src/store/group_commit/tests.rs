//! Group commit on a disk in the hands of the test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// A disk in the hands of the test: it says when a sync begins and waits for how it is to end. All
/// that was written before a failure survives, confirmed or not.
struct Scripted {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    mended: Arc<AtomicBool>,
    begun: Sender<usize>,
    outcome: Receiver<Result<(), StoreError>>,
}

impl Medium for Scripted {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.entries.get(key).cloned())
    }

    fn apply(&mut self, changes: &Changes, _: &Stood) -> Result<(), StoreError> {
        for (key, value) in changes {
            assert_ne!(key, b"panic", "as a damaged page makes sled do");
            match value {
                Some(value) => self.entries.insert(key.clone(), value.clone()),
                None => self.entries.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.begun.send(self.entries.len()).unwrap();
        self.outcome.recv().unwrap_or(Ok(()))
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        if self.mended.load(Ordering::Relaxed) { Ok(()) } else { Err(disk_error()) }
    }
}

struct Script {
    store: GroupCommit,
    /// How many entries there are when a sync begins.
    begun: Receiver<usize>,
    end: Sender<Result<(), StoreError>>,
    mended: Arc<AtomicBool>,
}

fn script(idle: Duration) -> Script {
    script_that_reopens(idle, LONG)
}

fn script_that_reopens(idle: Duration, reopen: Duration) -> Script {
    let (begun_sender, begun) = channel();
    let (end, outcome) = channel();
    let mended = Arc::default();
    let entries = BTreeMap::new();
    let medium = Scripted { entries, begun: begun_sender, outcome, mended: Arc::clone(&mended) };
    let store = GroupCommit::start_with(medium, idle, reopen).unwrap();
    Script { store, begun, end, mended }
}

const LONG: Duration = Duration::from_secs(3_600);

fn put(key: &str, durable: bool) -> WriteSet {
    let writes = vec![(key.as_bytes().to_vec(), Some(b"v".to_vec()))];
    WriteSet { writes, durable, ..WriteSet::default() }
}

fn disk_error() -> StoreError {
    StoreError("input/output error".to_owned())
}

#[tokio::test]
async fn commits_that_arrive_during_a_sync_share_the_next_one() {
    let Script { store, begun, end, .. } = script(LONG);
    let first = store.commit(put("first", true));
    assert_eq!(begun.recv(), Ok(1));
    let rest: Vec<_> = (0..64).map(|n| store.commit(put(&n.to_string(), true))).collect();
    end.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(begun.recv(), Ok(65));
    end.send(Ok(())).unwrap();
    for commit in rest {
        assert_eq!(commit.await, Ok(()));
    }
    store.close().unwrap();
    assert!(begun.try_recv().is_err(), "there was a third sync");
}

#[tokio::test]
async fn a_commit_that_is_not_durable_does_not_wait_for_the_sync_of_its_group() {
    let Script { store, begun, end, .. } = script(LONG);
    let first = store.commit(put("first", true));
    assert_eq!(begun.recv(), Ok(1));
    let durable = store.commit(put("durable", true));
    let light = store.commit(put("light", false));
    end.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(begun.recv(), Ok(3));
    // The sync has begun and not ended.
    assert_eq!(light.await, Ok(()));
    end.send(Ok(())).unwrap();
    assert_eq!(durable.await, Ok(()));
}

#[tokio::test]
async fn an_expectation_counts_the_commits_before_it_in_its_group() {
    let Script { store, begun, end, .. } = script(LONG);
    let first = store.commit(put("first", true));
    assert_eq!(begun.recv(), Ok(1));
    let absent =
        |key: &str| WriteSet { expect: vec![(key.as_bytes().to_vec(), None)], ..put(key, true) };
    let (won, lost) = (store.commit(absent("k")), store.commit(absent("k")));
    drop(end);
    assert_eq!(first.await, Ok(()));
    assert_eq!((won.await, lost.await), (Ok(()), Err(CommitError::Conflict)));
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_committed_until_it_was_opened_anew() {
    let Script { store, begun, end, .. } = script(LONG);
    end.send(Err(disk_error())).unwrap();
    let failure = match store.commit(put("k", true)).await {
        Err(CommitError::Store(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert!(failure.0.contains("input/output error"), "{failure}");
    assert!(failure.0.contains("no callback is taken until"), "{failure}");
    assert_eq!(store.health(), Err(failure.clone()));
    // Neither the next durable commit nor one that needs no disk; and no second sync is tried.
    assert_eq!(store.commit(put("l", true)).await, Err(CommitError::Store(failure.clone())));
    assert_eq!(store.commit(put("m", false)).await, Err(CommitError::Store(failure.clone())));
    assert_eq!(store.close(), Err(failure));
    assert_eq!(begun.iter().count(), 1);
}

#[tokio::test]
async fn a_disk_that_takes_writes_again_has_what_was_confirmed_and_nothing_else() {
    let moment = Duration::from_millis(1);
    let Script { store, begun, end, mended } = script_that_reopens(LONG, moment);
    let first = store.commit(put("first", true));
    assert_eq!(begun.recv(), Ok(1));
    end.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(()));
    // Both are written, and nobody can say whether the disk has them.
    store.commit(put("light", false)).await.unwrap();
    end.send(Err(disk_error())).unwrap();
    assert!(store.commit(put("durable", true)).await.is_err());
    assert_eq!(begun.recv(), Ok(3));
    assert!(store.health().is_err());

    mended.store(true, Ordering::Relaxed);
    assert_eq!(begun.recv(), Ok(1), "what was not confirmed is taken back");
    end.send(Ok(())).unwrap();
    while store.health().is_err() {
        std::thread::yield_now();
    }
    let again = store.commit(put("durable", true));
    assert_eq!(begun.recv(), Ok(2));
    end.send(Ok(())).unwrap();
    assert_eq!(again.await, Ok(()));
}

#[tokio::test]
async fn a_panic_of_the_database_is_a_failure_that_everyone_waiting_is_told() {
    let Script { store, begun, end, .. } = script(LONG);
    let first = store.commit(put("first", true));
    assert_eq!(begun.recv(), Ok(1));
    let (bad, good) = (store.commit(put("panic", true)), store.commit(put("good", false)));
    end.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(()));
    for commit in [bad, good] {
        let Err(CommitError::Store(failure)) = commit.await else { panic!("it was taken") };
        assert!(failure.0.contains("the database panicked"), "{failure}");
    }
    assert!(store.health().is_err());
}

#[tokio::test]
async fn what_did_not_wait_for_the_disk_is_synced_when_nothing_else_comes() {
    let Script { store, begun, end, .. } = script(Duration::from_millis(1));
    store.commit(put("k", false)).await.unwrap();
    assert_eq!(begun.recv(), Ok(1));
    drop(end);
}

#[tokio::test]
async fn what_did_not_wait_for_the_disk_is_synced_although_more_of_it_comes() {
    let Script { store, begun, end, .. } = script(Duration::from_millis(5));
    end.send(Ok(())).unwrap();
    let mut more = 0;
    while begun.try_recv().is_err() {
        store.commit(put("k", false)).await.unwrap();
        more += 1;
        assert!(more < 1_000_000, "nothing was synced");
    }
}

#[tokio::test]
async fn what_did_not_wait_for_the_disk_does_not_pile_up() {
    let Script { store, begun, end, .. } = script(LONG);
    let all: Vec<_> = (0..UNSYNCED).map(|n| store.commit(put(&n.to_string(), false))).collect();
    assert_eq!(begun.recv(), Ok(UNSYNCED));
    end.send(Ok(())).unwrap();
    for commit in all {
        assert_eq!(commit.await, Ok(()));
    }
}

#[tokio::test]
async fn closing_carries_out_and_syncs_what_waits_and_refuses_what_comes_later() {
    let Script { store, begun, end, .. } = script(LONG);
    let commits: Vec<_> = (0..9).map(|n| store.commit(put(&n.to_string(), false))).collect();
    drop(end);
    store.close().unwrap();
    assert_eq!(begun.iter().last(), Some(9));
    for commit in commits {
        assert_eq!(commit.await, Ok(()));
    }
    let closed = StoreError("the store is closed".to_owned());
    assert_eq!(store.commit(put("k", true)).await, Err(CommitError::Store(closed)));
}

#[tokio::test]
async fn an_empty_durable_commit_brings_what_was_committed_before_to_disk() {
    let Script { store, begun, end, .. } = script(LONG);
    store.commit(put("k", false)).await.unwrap();
    let barrier = store.commit(WriteSet { durable: true, ..WriteSet::default() });
    assert_eq!(begun.recv(), Ok(1));
    end.send(Ok(())).unwrap();
    assert_eq!(barrier.await, Ok(()));
}
