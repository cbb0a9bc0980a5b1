//! The connections of a listener: since when each is in which phase, and which goes first.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Terms;
use crate::callback::{Busy, Seldom};
use crate::clock::{Clock, Timestamp};

/// How often it is told that there is no room.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Connections that are closed at once when there is no room, so that not every new one has to look for
/// the oldest.
const AT_ONCE: usize = 32;
/// What is not at work when the service stops has so long to come to an end.
const ENDING: Duration = Duration::from_millis(500);

/// Why a connection was closed that would have stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// To make room for others, or it was not taken: there was no room.
    Full,
    /// Its time was over.
    Slow,
}

impl Closed {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Slow => "slow",
        }
    }
}

/// Hears which connections are closed.
pub type Told = Arc<dyn Fn(Closed) + Send + Sync>;

/// The connections of one listener.
pub struct Connections {
    name: &'static str,
    terms: Terms,
    clock: Arc<dyn Clock>,
    told: Told,
    logged: Seldom<Closed>,
    open: Mutex<Open>,
    left: Notify,
}

#[derive(Default)]
struct Open {
    /// Those that count. One that was told to go does not, however long that takes.
    staying: HashMap<u64, Arc<State>>,
    /// All that are there.
    there: usize,
    number: u64,
}

struct State {
    at: Mutex<At>,
    busy: Busy,
    close: Notify,
}

#[derive(Clone, Copy)]
struct At {
    phase: Phase,
    since: Timestamp,
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests; nothing of the next one has come.
    Idle,
    /// Before the head of a request is complete.
    Head,
    /// Before its answer.
    Asked,
}

impl State {
    fn at(&self) -> MutexGuard<'_, At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// No connections yet; `name` is how they are counted.
    pub fn new(name: &'static str, terms: Terms, clock: Arc<dyn Clock>, told: Told) -> Arc<Self> {
        let (logged, open, left) = (Seldom::new(TOLD_EVERY), Mutex::default(), Notify::new());
        Arc::new(Self { name, terms, clock, told, logged, open, left })
    }

    /// How they are counted.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open().there
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Takes one more; others go for it if need be. `None` when all are at work.
    pub fn enter(self: &Arc<Self>) -> Option<Connection> {
        let now = self.clock.now();
        let mut open = self.open();
        let room = self.terms.connections.saturating_sub(open.staying.len());
        let gone = if room > 0 { 0 } else { open.close_oldest(AT_ONCE.min(self.at_least_one())) };
        let has_room = room + gone > 0;
        let connection = has_room.then(|| {
            open.number += 1;
            let number = open.number;
            let at = At { phase: Phase::Head, since: now, until: now + self.terms.head };
            let (at, busy, close) = (Mutex::new(at), Busy::default(), Notify::new());
            let state = Arc::new(State { at, busy, close });
            open.staying.insert(number, Arc::clone(&state));
            open.there += 1;
            Connection { all: Arc::clone(self), number, state }
        });
        drop(open);
        self.tell(Closed::Full, gone + usize::from(!has_room), &"it has as many as it may");
        connection
    }

    /// An eighth of a small house at most.
    fn at_least_one(&self) -> usize {
        (self.terms.connections / 8).max(1)
    }

    /// Closes some that are not at work, because the system cannot open more.
    pub(super) fn make_room(&self, some: usize, why: &dyn Display) {
        let gone = self.open().close_oldest(some);
        // The one that could not be taken counts too.
        self.tell(Closed::Full, gone + 1, why);
    }

    /// Closes those whose time is over.
    pub fn close_overdue(&self) {
        let now = self.clock.now();
        let mut gone = 0;
        self.open().staying.retain(|_, state| {
            let stays = state.busy.is_working() || now < state.at().until;
            if !stays {
                state.close.notify_one();
                gone += 1;
            }
            stays
        });
        (0..gone).for_each(|_| (self.told)(Closed::Slow));
    }

    /// The service stops: what is not at work must end soon.
    pub(super) fn end(&self) {
        let end = self.clock.now() + ENDING;
        for state in self.open().staying.values() {
            let mut at = state.at();
            at.until = at.until.min(end);
        }
    }

    /// Ends when the last one has gone.
    pub(super) async fn emptied(&self) {
        loop {
            // Asked for before the look: who leaves in between is not missed.
            let left = self.left.notified();
            if self.count() == 0 {
                return;
            }
            left.await;
        }
    }

    fn tell(&self, why: Closed, times: usize, words: &dyn Display) {
        (0..times).for_each(|_| (self.told)(why));
        if times > 0
            && let Some(others) = self.logged.is_time(why, self.clock.now())
        {
            tracing::warn!(
                listener = self.name,
                others,
                "connections are closed that are not at work, to make room: {words} (told once a minute)"
            );
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Each change is whole by itself.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes up to `most` that are not at work: strangers before those that Chat has used, and of each
    /// the oldest.
    fn close_oldest(&mut self, most: usize) -> usize {
        let idle = self.staying.iter().filter(|(_, state)| !state.busy.is_working());
        let mut idle: Vec<(bool, Timestamp, u64)> = idle
            .map(|(number, state)| (state.busy.has_worked(), state.at().since, *number))
            .collect();
        let most = most.min(idle.len());
        if most > 0 && most < idle.len() {
            idle.select_nth_unstable(most - 1);
        }
        for (_, _, number) in idle.iter().take(most) {
            if let Some(state) = self.staying.remove(number) {
                state.close.notify_one();
            }
        }
        most
    }
}

/// One connection, until it is dropped.
pub struct Connection {
    all: Arc<Connections>,
    number: u64,
    state: Arc<State>,
}

impl Connection {
    /// Bytes have come.
    pub(super) fn hears(&self) {
        let mut at = self.state.at();
        if at.phase == Phase::Idle {
            *at = self.from_now(Phase::Head, self.all.terms.head);
        }
    }

    /// Bytes have gone: an answer that is being read is not cut off.
    pub(super) fn says(&self) {
        let mut at = self.state.at();
        if at.phase == Phase::Idle {
            *at = self.from_now(Phase::Idle, self.all.terms.idle);
        }
    }

    /// The head of a request is complete.
    pub(super) fn asks(&self) {
        *self.state.at() = self.from_now(Phase::Asked, self.all.terms.request);
    }

    /// The answer is there, and perhaps still to be written.
    pub(super) fn is_answered(&self) {
        *self.state.at() = self.from_now(Phase::Idle, self.all.terms.idle);
    }

    fn from_now(&self, phase: Phase, time: Duration) -> At {
        let since = self.all.clock.now();
        At { phase, since, until: since + time }
    }

    /// Where the request says that it is at work for Chat.
    pub(super) fn busy(&self) -> Busy {
        self.state.busy.clone()
    }

    /// Ends when this one has to go.
    pub(super) async fn closed(&self) {
        self.state.close.notified().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.all.open();
        open.staying.remove(&self.number);
        open.there = open.there.saturating_sub(1);
        let last = open.there == 0;
        drop(open);
        if last {
            self.all.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;
    use crate::clock::ManualClock;

    struct House {
        connections: Arc<Connections>,
        clock: Arc<ManualClock>,
        closed: Arc<AtomicUsize>,
    }

    fn house(connections: usize) -> House {
        let (clock, closed) = (Arc::new(ManualClock::new(Timestamp(0))), Arc::default());
        let counting: Arc<AtomicUsize> = Arc::clone(&closed);
        let told = Arc::new(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
        });
        let terms = Terms::callback(connections);
        House { connections: Connections::new("callback", terms, clock.clone(), told), clock, closed }
    }

    fn must_go(connection: &Connection) -> bool {
        connection.closed().now_or_never().is_some()
    }

    #[test]
    fn when_there_is_no_room_the_oldest_goes_that_is_not_at_work() {
        let House { connections, clock, closed } = house(3);
        let enter = || {
            clock.advance(Duration::from_millis(1));
            connections.enter().unwrap()
        };
        let (first, second, third) = (enter(), enter(), enter());
        let _work = first.busy().at_work();
        let fourth = enter();
        assert_eq!([&first, &second, &third, &fourth].map(must_go), [false, true, false, false]);
        assert_eq!((closed.load(Ordering::Relaxed), connections.count()), (1, 4));
        drop(second);
        assert_eq!(connections.count(), 3);
    }

    #[test]
    fn a_connection_that_has_worked_goes_after_those_of_strangers() {
        let House { connections, clock, .. } = house(2);
        let chat = connections.enter().unwrap();
        drop(chat.busy().at_work());
        clock.advance(Duration::from_secs(1));
        let stranger = connections.enter().unwrap();
        let _new = connections.enter().unwrap();
        assert_eq!([&chat, &stranger].map(must_go), [false, true]);
    }

    #[test]
    fn when_all_are_at_work_no_more_is_taken_and_that_is_counted() {
        let House { connections, closed, .. } = house(2);
        let inside = [connections.enter().unwrap(), connections.enter().unwrap()];
        let _work = inside.each_ref().map(|connection| connection.busy().at_work());
        assert!(connections.enter().is_none());
        assert_eq!(closed.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn each_phase_has_its_time_and_work_has_none() {
        let House { connections, clock, closed } = house(8);
        let overdue = |connection: &Connection, seconds: u64| {
            connections.close_overdue();
            let before = must_go(connection);
            clock.advance(Duration::from_secs(seconds));
            connections.close_overdue();
            (before, must_go(connection))
        };
        let silent = connections.enter().unwrap();
        assert_eq!(overdue(&silent, 5), (false, true));
        let dribbling = connections.enter().unwrap();
        dribbling.asks();
        clock.advance(Duration::from_secs(11));
        dribbling.hears();
        assert_eq!(overdue(&dribbling, 1), (false, true));
        let idle = connections.enter().unwrap();
        idle.is_answered();
        clock.advance(Duration::from_secs(74));
        assert_eq!(overdue(&idle, 1), (false, true));
        let late = connections.enter().unwrap();
        late.is_answered();
        clock.advance(Duration::from_secs(74));
        late.hears();
        clock.advance(Duration::from_secs(4));
        late.hears();
        assert_eq!(overdue(&late, 1), (false, true));
        let working = connections.enter().unwrap();
        let _work = working.busy().at_work();
        assert_eq!(overdue(&working, 3_600), (false, false));
        assert_eq!(closed.load(Ordering::Relaxed), 4);
    }
}
