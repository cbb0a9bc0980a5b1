//! How many durable commits per second the store on disk takes, beside the limit of this disk.
//!
//! `cargo bench --bench store [-- DIRECTORY]`. The limit is a plain file to which one thread
//! appends what waits, with one `fdatasync` for all. Machines differ and are noisy: read the ratio.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use groupkeeper::store::{SledStore, Store, WriteSet};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const TIME: Duration = Duration::from_secs(2);
const VALUE: usize = 700;

type Done = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes a key and a value; the future ends when the disk has them.
type Write1 = Arc<dyn Fn(Vec<u8>, Vec<u8>) -> Done + Send + Sync>;

fn sled(directory: &Path) -> Write1 {
    let store = SledStore::open(directory.join("sled")).unwrap();
    Arc::new(move |key, value| {
        let writes = vec![(key, Some(value))];
        let commit = store.commit(WriteSet { writes, durable: true, ..WriteSet::default() });
        Box::pin(async move { commit.await.unwrap() })
    })
}

fn append(directory: &Path) -> Write1 {
    let mut file = File::create(directory.join("append")).unwrap();
    let (queue, waiting): (Sender<(Vec<u8>, oneshot::Sender<()>)>, _) = channel();
    std::thread::spawn(move || {
        while let Ok(first) = waiting.recv() {
            let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let bytes: Vec<u8> = group.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            for (_, done) in group {
                let _ = done.send(());
            }
        }
    });
    Arc::new(move |key, value| {
        let (done, outcome) = oneshot::channel();
        queue.send(([key, value].concat(), done)).unwrap();
        Box::pin(async move { outcome.await.unwrap() })
    })
}

/// Operations per second, and the sorted latencies.
fn measure(runtime: &Runtime, write: &Write1, callers: u64) -> (f64, Vec<Duration>) {
    let begin = Instant::now();
    let caller = |own: u64, write: Write1| async move {
        let mut latencies = Vec::new();
        for number in 0_u64.. {
            let key = [callers.to_be_bytes(), own.to_be_bytes(), number.to_be_bytes()].concat();
            let sent = Instant::now();
            if sent - begin > TIME {
                break;
            }
            write(key, vec![own as u8; VALUE]).await;
            latencies.push(sent.elapsed());
        }
        latencies
    };
    let tasks: Vec<_> =
        (0..callers).map(|own| runtime.spawn(caller(own, Arc::clone(write)))).collect();
    let mut latencies: Vec<_> =
        tasks.into_iter().flat_map(|task| runtime.block_on(task).unwrap()).collect();
    let rate = latencies.len() as f64 / begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    (rate, latencies)
}

fn main() {
    // `cargo bench` passes `--bench`.
    let parent = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = Runtime::new().unwrap();
    let (sled, append) = (sled(directory.path()), append(directory.path()));
    println!("{VALUE}-byte values, durable; latencies in ms");
    println!("callers      append/s      sled/s   ratio     p50     p99     max");
    for callers in [1, 64, 256] {
        let (limit, _) = measure(&runtime, &append, callers);
        let (rate, latencies) = measure(&runtime, &sled, callers);
        let at = |share: f64| {
            let place = (latencies.len() as f64 * share) as usize;
            latencies[place.min(latencies.len() - 1)].as_secs_f64() * 1e3
        };
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        println!(
            "{callers:>7} {limit:>13.0} {rate:>11.0} {ratio:>7.2} {p50:>7.2} {p99:>7.2} {max:>7.2}",
            ratio = rate / limit
        );
    }
}
