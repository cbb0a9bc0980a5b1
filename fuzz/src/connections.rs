//! Connections: the bytes of one HTTP connection as they come, whatever they are, in pieces. Served as by the
//! listener that Chat calls.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use groupkeeper::clock::ManualClock;
use groupkeeper::service::listener::{Connections, Terms, converse};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::callbacks::Site;
use super::events::NOW;

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);
/// Beats of the listener after which nothing that is not at work may still be there.
const BEATS: usize = 4 * 100;
/// A connection has so much room for answers: more are not written before some are read.
const ROOM: usize = 4_096;

/// Serves the bytes; the first one says in which pieces they come.
pub fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let piece = usize::from(*first).max(1);
    let site = Site::new();
    let answers = site.runtime.block_on(served(&site, bytes, piece));
    let seen = site.log.count();
    // Every answer of ours has Tencent's three fields (34354); others are hyper's, and have no body.
    let ours = answers.iter().filter(|answer| !answer.body.is_empty());
    let ours = ours.inspect(|answer| {
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let action = if answer.status == 200 { "OK" } else { "FAIL" };
        assert_eq!(said["ActionStatus"], action, "{answer:?}");
        assert!(said["ErrorCode"].is_i64() && said["ErrorInfo"].is_string(), "{answer:?}");
    });
    assert!(ours.count() <= seen, "more answers than requests were seen: {answers:?}");
    if !site.log.take().0.is_empty() {
        assert!(answers.iter().any(|answer| answer.status == 200), "taken and not answered");
    }
}

/// What came back, until the connection was closed.
async fn served(site: &Site, bytes: &[u8], piece: usize) -> Vec<Answer> {
    let clock = Arc::new(ManualClock::new(NOW));
    let closed = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&closed);
    let told = Arc::new(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
    });
    let connections = Connections::new("callback", Terms::callback(1), clock, told);
    let Some(connection) = connections.enter(PEER.ip()) else { panic!("there is room for one") };
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let stop = watch::Sender::new(false);
    let (router, stopping) = (site.router.clone(), stop.subscribe());
    let serving =
        tokio::spawn(async move { converse(theirs, PEER, router, connection, stopping).await });
    let (mut reading, mut writing) = tokio::io::split(ours);
    let writes = async {
        for some in bytes.chunks(piece) {
            // What is refused in the middle is not read to its end.
            if writing.write_all(some).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        // However little or much was said: it comes to an end by itself.
        site.clock.advance(std::time::Duration::from_secs(11));
        for _ in 0..BEATS {
            connections.beat();
            tokio::task::yield_now().await;
        }
    };
    let mut told = Vec::new();
    let (_, read) = tokio::join!(writes, reading.read_to_end(&mut told));
    assert!(read.is_ok() && serving.await.is_ok(), "the connection was not served to its end");
    assert_eq!(connections.count(), 0);
    split(&told)
}

/// An answer as it stood on the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Each answer has a head that is text, and a body as long as it says.
fn split(mut told: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !told.is_empty() {
        let end = told.windows(4).position(|four| four == b"\r\n\r\n");
        // The last one may have been cut off with its connection.
        let Some(end) = end else { break };
        let Ok(head) = std::str::from_utf8(&told[..end]) else { panic!("no text: {told:?}") };
        let (Some(version), Some(status)) = (head.get(..9), head.get(9..12)) else {
            panic!("no status: {head}")
        };
        assert!(version == "HTTP/1.1 " || version == "HTTP/1.0 ", "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        told = &told[end + 4..];
        let Ok(status) = status.parse() else { panic!("no status: {head}") };
        // An answer to HEAD only says how long its body would be.
        let length = if told.starts_with(b"HTTP/1") { 0 } else { length };
        let Some(body) = told.get(..length).map(<[u8]>::to_vec) else { break };
        told = &told[length..];
        answers.push(Answer { status, body });
    }
    answers
}
