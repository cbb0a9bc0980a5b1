//! A writer and a reader for `tests/power_cut.py`: few keys, rewritten without end, so that the store's space is
//! used again and again.
//!
//! `torture write DIRECTORY` says on stdout what is on disk, a line for each acknowledged commit: its slot and its
//! number. `torture check DIRECTORY` says the number that each slot has now, and exits with 1 when half of a commit
//! is there, or a piece of something that is not. Nothing is measured.

#![expect(clippy::unwrap_used, reason = "a writer that fails may panic")]

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use groupkeeper::store::{SledStore, Store, WriteSet};

const WRITERS: u64 = 8;
const SLOTS: u64 = 40;
/// Short-lived entries that a slot has at a time.
const LIVE: u64 = 3;

fn bytes(slot: u64, number: u64) -> Vec<u8> {
    // Some are long enough to be cut into pieces.
    let length = if (slot + number).is_multiple_of(16) {
        12_000
    } else {
        100 + (slot * 37 + number * 11) % 600
    };
    let mut value = number.to_be_bytes().to_vec();
    value.resize(8 + length as usize, (slot * 31 + number) as u8);
    value
}

fn key(kind: char, slot: u64) -> Vec<u8> {
    format!("{kind}{slot:03}").into_bytes()
}

fn passing(slot: u64, number: u64) -> Vec<u8> {
    format!("c{slot:03}/{number:012}").into_bytes()
}

/// The next commit of a slot: two keys far apart with the same number, a short-lived entry in, an old one out.
fn changes(slot: u64, number: u64) -> WriteSet {
    let mut writes = vec![
        (key('a', slot), Some(bytes(slot, number))),
        (key('z', slot), Some(bytes(slot, number))),
        (passing(slot, number), Some(bytes(slot, number))),
    ];
    if let Some(old) = number.checked_sub(LIVE) {
        writes.push((passing(slot, old), None));
    }
    WriteSet { writes, durable: number % 4 != 3, ..WriteSet::default() }
}

/// The number that a slot has; `None` when it is not there; what is wrong as an error.
fn number(store: &dyn Store, slot: u64) -> Result<Option<u64>, String> {
    let read = |key: &[u8]| store.get(key).map_err(|error| format!("slot {slot}: {error}"));
    let (a, z) = (read(&key('a', slot))?, read(&key('z', slot))?);
    let number = a.as_ref().map(|value| u64::from_be_bytes(*value.first_chunk().unwrap()));
    if a != z || a != number.map(|number| bytes(slot, number)) {
        return Err(format!("slot {slot}: half of a commit"));
    }
    let (from, to) = (passing(slot, 0), passing(slot + 1, 0));
    let found = store.scan(&from, &to, usize::MAX).map_err(|error| error.to_string())?;
    let first = number.map_or(0, |number| (number + 1).saturating_sub(LIVE));
    let wanted: Vec<_> = number
        .map(|last| (first..=last).map(|n| (passing(slot, n), bytes(slot, n))).collect())
        .unwrap_or_default();
    if found != wanted {
        return Err(format!(
            "slot {slot}: its short-lived entries are not those of commit {number:?}"
        ));
    }
    Ok(number)
}

async fn write(store: Arc<dyn Store>) {
    let writer = |own: u64| {
        let store = Arc::clone(&store);
        async move {
            let slots = (own..SLOTS).step_by(WRITERS as usize);
            let mut next: Vec<_> = slots
                .map(|slot| (slot, number(&*store, slot).unwrap().map_or(0, |n| n + 1)))
                .collect();
            loop {
                for (slot, number) in &mut next {
                    let set = changes(*slot, *number);
                    let durable = set.durable;
                    store.commit(set).await.unwrap();
                    if durable {
                        let line = format!("{slot} {number}\n");
                        if std::io::stdout().write_all(line.as_bytes()).is_err() {
                            // Nobody listens any more.
                            return;
                        }
                    }
                    *number += 1;
                }
            }
        }
    };
    let tasks: Vec<_> = (0..WRITERS).map(|own| tokio::spawn(writer(own))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn check(store: &dyn Store) -> Result<(), String> {
    let loose = store.loose_pieces(false).map_err(|error| error.to_string())?;
    if loose > 0 {
        return Err(format!("{loose} pieces of values belong to nothing"));
    }
    for slot in 0..SLOTS {
        if let Some(number) = number(store, slot)? {
            println!("{slot} {number}");
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, directory] = arguments.as_slice() else {
        // `cargo bench` without a name runs every benchmark; this one has nothing to measure.
        return ExitCode::SUCCESS;
    };
    let store = match SledStore::open(directory) {
        Ok(store) => Arc::new(store),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if what == "write" {
        write(store).await;
        return ExitCode::SUCCESS;
    }
    match check(&*store) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
