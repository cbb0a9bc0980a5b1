//! Reads a request's body, no more of it and no longer than allowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use tokio::sync::OwnedSemaphorePermit;

use super::admission::Admission;
use super::watch::Answered;
use crate::clock::Clock;

/// How long a body may take. Chat gives up after two seconds (34354).
const TIME: Duration = Duration::from_secs(10);
/// How many times the limit is read and thrown away before the connection is cut: a sender that is
/// cut off while it still writes never sees the answer.
const PATIENCE: usize = 8;

/// So much is set aside for a body on its word alone, before it has come.
const AHEAD: usize = 16 * 1024;

/// A body, and the room that it takes up.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// The whole body of at most `limit` bytes, for which there must be room. Without `admission` nothing
/// is kept: whoever is refused anyway shall not fill our memory, but must be heard out to see the answer.
pub(super) async fn read(
    body: Body,
    limit: usize,
    admission: Option<&Admission>,
    clock: &dyn Clock,
) -> Result<Read, Answered> {
    in_time(gather(body, limit, admission), clock).await
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, Answered>>,
    clock: &dyn Clock,
) -> Result<T, Answered> {
    // No timer is set for a body that is there already.
    let over = async { clock.sleep_until(clock.now() + TIME).await };
    tokio::select! {
        biased;
        done = work => done,
        () = over => Err(Answered::TooSlow),
    }
}

async fn gather(
    mut body: Body,
    limit: usize,
    admission: Option<&Admission>,
) -> Result<Read, Answered> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut read = Read::default();
    if admission.is_some() {
        read.bytes.reserve(announced.min(limit).min(AHEAD));
    }
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // A connection that breaks here is the caller's affair; nobody reads the answer.
        let Ok(data) = frame.map_err(|_| Answered::Garbled)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit.saturating_mul(PATIENCE) {
            break;
        }
        if let Some(admission) = admission
            && length <= limit
        {
            // Only for what has come: a promise of bytes takes up no room.
            let room = admission.room(data.len()).ok_or(Answered::Shed)?;
            match &mut read.room {
                Some(held) => held.merge(room),
                none => *none = Some(room),
            }
            read.bytes.extend_from_slice(&data);
        }
    }
    if length > limit { Err(Answered::TooLarge) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::admission::Limits;
    use crate::clock::{ManualClock, Timestamp};

    async fn read_of(length: usize, keep: bool) -> Result<usize, Answered> {
        let limits = Limits { bytes: 150, ..Limits::default() };
        let (admission, clock) = (Admission::new(limits), ManualClock::new(Timestamp(0)));
        let body = Body::from(vec![b'x'; length]);
        let read = read(body, 100, keep.then_some(&admission), &clock).await;
        read.map(|read| read.bytes.len())
    }

    #[tokio::test]
    async fn a_body_holds_the_room_that_it_takes_up_and_without_room_is_shed() {
        let limits = Limits { bytes: 150, ..Limits::default() };
        let (admission, clock) = (Admission::new(limits), ManualClock::new(Timestamp(0)));
        let one = || read(Body::from(vec![b'x'; 100]), 100, Some(&admission), &clock);
        let first = one().await.unwrap();
        assert_eq!(one().await.unwrap_err(), Answered::Shed);
        drop(first);
        assert_eq!(one().await.unwrap().bytes.len(), 100);
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_too_large() {
        assert_eq!(read_of(0, true).await, Ok(0));
        assert_eq!(read_of(100, true).await, Ok(100));
        assert_eq!(read_of(101, true).await, Err(Answered::TooLarge));
        assert_eq!(read_of(1_000, true).await, Err(Answered::TooLarge));
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_body_that_is_only_heard_out() {
        assert_eq!(read_of(100, false).await, Ok(0));
        assert_eq!(read_of(101, false).await, Err(Answered::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_given_up_when_its_time_is_over() {
        let clock = ManualClock::new(Timestamp(0));
        let moving = async {
            clock.advance(TIME - Duration::from_millis(1));
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(1));
        };
        let waiting = in_time(std::future::pending::<Result<(), Answered>>(), &clock);
        let (read, ()) = tokio::join!(waiting, moving);
        assert_eq!(read, Err(Answered::TooSlow));
    }
}
