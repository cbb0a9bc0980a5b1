//! Time: the only file that reads it.

mod seldom;

use std::fmt;
use std::future::Future;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use seldom::Seldom;

/// Milliseconds since 1970 (UTC), the unit of `EventTime`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From unix seconds, the unit of `MsgTime`, `JoinTime` and `MutedUntil`; saturates.
    pub fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole unix seconds, rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole days since 1970 (UTC), rounded down.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// The time from `earlier` to this; zero when it lies after.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(time) => write!(f, "{}", time.format("%Y-%m-%dT%H:%M:%SZ")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = String;

    /// RFC 3339, or milliseconds since 1970.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(milliseconds) = text.parse() {
            return Ok(Self(milliseconds));
        }
        let time = chrono::DateTime::parse_from_rfc3339(text);
        time.map(|time| Self(time.timestamp_millis()))
            .map_err(|_| format!("`{text}` is no time: write it as 2026-11-21T04:00:00Z"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A sleep that ends when the clock says so.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where the time comes from. Loops sleep through it, so that a test or the demo can move it.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// Ends at `time`, or soon after; at once if it has passed. Where the clock is set back meanwhile, it ends
    /// when as much time has passed as was left at the beginning: whoever needs the time itself looks again.
    fn sleep_until(&self, time: Timestamp) -> Sleep<'_>;
}

/// The machine's clock, plus what it was told to skip: nothing in production, the waits of a story in the demo.
#[derive(Debug)]
pub struct SystemClock {
    /// Milliseconds. Beside the channel, for the time is read several times for each callback.
    skipped: AtomicU64,
    skips: watch::Sender<()>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { skipped: AtomicU64::default(), skips: watch::Sender::new(()) }
    }
}

impl SystemClock {
    /// Moves the time forward for everybody who holds this clock, and wakes the sleepers.
    pub fn skip(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.skipped.fetch_add(millis, Ordering::Relaxed);
        self.skips.send_replace(());
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let elapsed =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(0) + elapsed + Duration::from_millis(self.skipped.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, time: Timestamp) -> Sleep<'_> {
        Box::pin(async move {
            let mut skips = self.skips.subscribe();
            let (first, passed) = (time.since(self.now()), Stopwatch::start());
            loop {
                let left = time.since(self.now()).min(first.saturating_sub(passed.elapsed()));
                if left.is_zero() {
                    return;
                }
                // Never long: a machine that was suspended wakes up late and must notice it.
                let nap = left.min(Duration::from_secs(30));
                tokio::select! {
                    () = tokio::time::sleep(nap) => {}
                    changed = skips.changed() => if changed.is_err() { return },
                }
            }
        })
    }
}

/// How long something takes, whatever clocks are set to meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    time: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// Stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { time: watch::Sender::new(start) }
    }

    /// Moves on (never back) and wakes the sleepers whose time has come.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now() + duration);
    }

    /// Moves to `time`, also backwards: machines do that too.
    pub fn set(&self, time: Timestamp) {
        self.time.send_replace(time);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.time.borrow()
    }

    fn sleep_until(&self, time: Timestamp) -> Sleep<'_> {
        Box::pin(async move {
            let mut moves = self.time.subscribe();
            // The sender lives as long as `self`; the wait can only end by time.
            let _ = moves.wait_for(|now| *now >= time).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_manual_clock_is_moved_past_its_time() {
        let clock = ManualClock::new(Timestamp(1_000));
        let mut sleep = clock.sleep_until(Timestamp(3_000));
        clock.advance(Duration::from_secs(1));
        assert!(futures_poll(&mut sleep).is_none());
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    #[tokio::test]
    async fn skipping_wakes_whoever_sleeps_on_the_system_clock() {
        let clock = SystemClock::default();
        let sleep = clock.sleep_until(clock.now() + Duration::from_secs(3_600));
        clock.skip(Duration::from_secs(3_601));
        sleep.await;
    }

    #[test]
    fn times_read_as_rfc_3339() {
        assert_eq!(Timestamp::from_secs(1_700_000_000).to_string(), "2023-11-14T22:13:20Z");
    }

    fn futures_poll(sleep: &mut Sleep<'_>) -> Option<()> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match sleep.as_mut().poll(&mut context) {
            std::task::Poll::Ready(()) => Some(()),
            std::task::Poll::Pending => None,
        }
    }
}
