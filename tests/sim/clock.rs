//! Time that passes only when nobody has anything left to do; and the bot's clock, which may be wrong.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use groupkeeper::clock::{Clock, Sleep, Timestamp};
use tokio::runtime::{Builder, Runtime};

/// The true time, by which Chat and the network live, and the bot's, which jumps.
pub struct SimClock(Mutex<Inner>);

struct Inner {
    truth: Timestamp,
    /// What the bot's clock shows more than the true time, ms.
    skew: i64,
    /// By true time, and by the bot's time.
    sleepers: [BTreeMap<(Timestamp, u64), Waker>; 2],
    next: u64,
}

#[derive(Clone, Copy)]
enum Whose {
    Truth,
    Bot,
}

impl SimClock {
    pub fn new(start: Timestamp) -> Arc<Self> {
        let sleepers = [BTreeMap::new(), BTreeMap::new()];
        let inner = Inner { truth: start, skew: 0, sleepers, next: 0 };
        Arc::new(Self(Mutex::new(inner)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The true time.
    pub fn truth(&self) -> Timestamp {
        self.inner().truth
    }

    /// Sleeps by the true time.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + '_ {
        let due = self.truth() + time;
        Sleeper { clock: self, whose: Whose::Truth, due, latest: due, place: None }
    }

    /// Sets the bot's clock forward, or back where `ms` is negative.
    pub fn jump(&self, ms: i64) {
        let mut inner = self.inner();
        inner.skew += ms;
        inner.wake();
    }

    pub fn skew(&self) -> i64 {
        self.inner().skew
    }

    /// Lets time pass while nobody runs: between two processes.
    pub fn pass(&self, time: Duration) {
        let mut inner = self.inner();
        inner.truth = inner.truth + time;
        inner.wake();
    }

    /// Everybody sleeps: time goes on to when the first is to wake.
    fn move_on(&self) {
        let mut inner = self.inner();
        let due = |inner: &Inner, whose: Whose| {
            let first = inner.sleepers[whose as usize].keys().next();
            first.map(|(due, _)| match whose {
                Whose::Truth => *due,
                Whose::Bot => Timestamp(due.0 - inner.skew),
            })
        };
        let first =
            [due(&inner, Whose::Truth), due(&inner, Whose::Bot)].into_iter().flatten().min();
        let first =
            first.unwrap_or_else(|| panic!("everybody waits, and nobody for a time: it is stuck"));
        inner.truth = inner.truth.max(first);
        inner.wake();
    }

    /// A runtime of one thread whose idleness makes this clock move.
    pub fn runtime(self: &Arc<Self>) -> Runtime {
        let clock = Arc::clone(self);
        Builder::new_current_thread().on_thread_park(move || clock.move_on()).build().unwrap()
    }
}

impl Inner {
    fn now(&self, whose: Whose) -> Timestamp {
        match whose {
            Whose::Truth => self.truth,
            Whose::Bot => Timestamp(self.truth.0 + self.skew),
        }
    }

    fn wake(&mut self) {
        for whose in [Whose::Truth, Whose::Bot] {
            let now = self.now(whose);
            let later = self.sleepers[whose as usize].split_off(&(Timestamp(now.0 + 1), 0));
            let due = std::mem::replace(&mut self.sleepers[whose as usize], later);
            due.into_values().for_each(Waker::wake);
        }
    }
}

struct Sleeper<'c> {
    clock: &'c SimClock,
    whose: Whose,
    due: Timestamp,
    /// By true time: as the machine's clock, a bot's that is set back keeps nobody asleep for longer than
    /// was meant.
    latest: Timestamp,
    place: Option<u64>,
}

impl Future for Sleeper<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.clock.inner();
        if inner.now(self.whose) >= self.due || inner.truth >= self.latest {
            return Poll::Ready(());
        }
        let place = self.place.unwrap_or(inner.next);
        inner.next += u64::from(self.place.is_none());
        inner.sleepers[self.whose as usize].insert((self.due, place), context.waker().clone());
        let latest = (self.latest, place);
        inner.sleepers[Whose::Truth as usize].insert(latest, context.waker().clone());
        drop(inner);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut inner = self.clock.inner();
            inner.sleepers[self.whose as usize].remove(&(self.due, place));
            inner.sleepers[Whose::Truth as usize].remove(&(self.latest, place));
        }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.inner().now(Whose::Bot)
    }

    fn sleep_until(&self, time: Timestamp) -> Sleep<'_> {
        let (now, truth) = (self.now(), self.truth());
        let latest = truth + time.since(now);
        Box::pin(Sleeper { clock: self, whose: Whose::Bot, due: time, latest, place: None })
    }
}
