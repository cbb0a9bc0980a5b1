//! The connections of a listener: since when each is in which phase, and which goes first.
//!
//! Time is counted in beats, which the listener's loop makes: a clock that jumps closes nothing.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Terms;
use crate::callback::Busy;
use crate::clock::{Clock, Seldom};

/// From one look at the connections to the next.
pub(super) const BEAT: Duration = Duration::from_millis(250);
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
    /// Beats since the start.
    beats: AtomicU64,
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
    from: IpAddr,
    at: Mutex<At>,
    busy: Busy,
    close: Notify,
}

#[derive(Clone, Copy)]
struct At {
    phase: Phase,
    /// In beats.
    since: u64,
    until: u64,
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
        let beats = AtomicU64::new(0);
        Arc::new(Self { name, terms, clock, told, logged, beats, open, left })
    }

    /// How they are counted.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many there may be.
    pub fn most(&self) -> usize {
        self.terms.connections
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open().there
    }

    fn begins(&self, phase: Phase, time: Duration) -> At {
        let since = self.beats.load(Ordering::Relaxed);
        // Rounded up: nobody has less time than was said.
        At { phase, since, until: since + beats(time) }
    }

    /// Takes one more; others go for it if need be. `None` when all are at work.
    pub fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Connection> {
        let mut open = self.open();
        let room = self.terms.connections.saturating_sub(open.staying.len());
        let gone = if room > 0 { 0 } else { open.close_oldest(AT_ONCE.min(self.at_least_one())) };
        let has_room = room + gone > 0;
        let connection = has_room.then(|| {
            open.number += 1;
            let number = open.number;
            let at = self.begins(Phase::Head, self.terms.head);
            let (at, busy, close) = (Mutex::new(at), Busy::default(), Notify::new());
            let state = Arc::new(State { from: source(from), at, busy, close });
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

    /// Another beat has passed: closes those whose time is over.
    pub fn beat(&self) {
        let now = self.beats.fetch_add(1, Ordering::Relaxed) + 1;
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
        let end = self.beats.load(Ordering::Relaxed) + beats(ENDING);
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
    /// Closes up to `most` that are not at work: strangers before those that Chat has used, of each those
    /// whose address has the most, and of these the oldest. So a crowd from a few addresses closes its own.
    fn close_oldest(&mut self, most: usize) -> usize {
        let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
        let idle = self.staying.iter().filter(|(_, state)| !state.busy.is_working());
        let idle: Vec<_> = idle
            .inspect(|(_, state)| *crowds.entry(state.from).or_default() += 1)
            .map(|(number, state)| (state.busy.has_worked(), state.from, state.at().since, *number))
            .collect();
        // A crowd nearly as large is as large.
        let crowd = |from: &IpAddr| crowds.get(from).copied().unwrap_or(1).ilog2();
        let ranked = idle
            .iter()
            .map(|(worked, from, since, number)| (*worked, Reverse(crowd(from)), *since, *number));
        let mut ranked: Vec<(bool, Reverse<u32>, u64, u64)> = ranked.collect();
        let most = most.min(ranked.len());
        if most > 0 && most < ranked.len() {
            ranked.select_nth_unstable(most - 1);
        }
        for (.., number) in ranked.iter().take(most) {
            if let Some(state) = self.staying.remove(number) {
                state.close.notify_one();
            }
        }
        most
    }
}

/// Whose crowd an address belongs to: who has one IPv6 address has 2⁶⁴ of them.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => IpAddr::V6(Ipv6Addr::from_bits(long.to_bits() >> 64 << 64)),
        short @ IpAddr::V4(_) => short,
    }
}

fn beats(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(BEAT.as_millis())).unwrap_or(u64::MAX)
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
            *at = self.all.begins(Phase::Head, self.all.terms.head);
        }
    }

    /// Bytes have gone: an answer that is being read is not cut off.
    pub(super) fn says(&self) {
        let mut at = self.state.at();
        if at.phase == Phase::Idle {
            *at = self.all.begins(Phase::Idle, self.all.terms.idle);
        }
    }

    /// The head of a request is complete.
    pub(super) fn asks(&self) {
        *self.state.at() = self.all.begins(Phase::Asked, self.all.terms.request);
    }

    /// The answer is there, and perhaps still to be written.
    pub(super) fn is_answered(&self) {
        *self.state.at() = self.all.begins(Phase::Idle, self.all.terms.idle);
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
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;

    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    struct House {
        connections: Arc<Connections>,
        closed: Arc<AtomicUsize>,
    }

    impl House {
        fn of(connections: usize) -> Self {
            let (clock, closed) = (Arc::new(ManualClock::new(Timestamp(0))), Arc::default());
            let counting: Arc<AtomicUsize> = Arc::clone(&closed);
            let told = Arc::new(move |_| {
                counting.fetch_add(1, Ordering::Relaxed);
            });
            let terms = Terms::callback(connections);
            Self { connections: Connections::new("callback", terms, clock, told), closed }
        }

        fn enter(&self) -> Connection {
            self.enter_from("192.0.2.1")
        }

        fn enter_from(&self, address: &str) -> Connection {
            self.connections.enter(address.parse().unwrap()).unwrap()
        }

        fn pass(&self, seconds: u64) {
            (0..seconds * 4).for_each(|_| self.connections.beat());
        }

        fn closed(&self) -> usize {
            self.closed.load(Ordering::Relaxed)
        }
    }

    fn must_go(connection: &Connection) -> bool {
        connection.closed().now_or_never().is_some()
    }

    #[test]
    fn when_there_is_no_room_the_oldest_goes_that_is_not_at_work() {
        let house = House::of(3);
        let (first, second, third) = (house.enter(), house.enter(), house.enter());
        let _work = first.busy().at_work();
        let fourth = house.enter();
        assert_eq!([&first, &second, &third, &fourth].map(must_go), [false, true, false, false]);
        assert_eq!((house.closed(), house.connections.count()), (1, 4));
        drop(second);
        assert_eq!(house.connections.count(), 3);
    }

    #[test]
    fn a_connection_that_has_worked_goes_after_those_of_strangers() {
        let house = House::of(2);
        let chat = house.enter();
        drop(chat.busy().at_work());
        house.pass(1);
        let stranger = house.enter();
        let _new = house.enter();
        assert_eq!([&chat, &stranger].map(must_go), [false, true]);
    }

    #[test]
    fn a_crowd_from_one_address_closes_its_own_connections_and_not_the_older_one_of_another() {
        let house = House::of(4);
        let alone = house.enter_from("198.51.100.7");
        house.pass(1);
        let crowd =
            ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(|from| house.enter_from(from));
        let _another = house.enter_from("2001:db8::4");
        assert!(!must_go(&alone));
        assert_eq!(crowd.each_ref().map(must_go), [true, false, false]);
    }

    #[test]
    fn when_all_are_at_work_no_more_is_taken_and_that_is_counted() {
        let house = House::of(2);
        let inside = [house.enter(), house.enter()];
        let _work = inside.each_ref().map(|connection| connection.busy().at_work());
        assert!(house.connections.enter("192.0.2.1".parse().unwrap()).is_none());
        assert_eq!(house.closed(), 1);
    }

    #[test]
    fn the_first_head_must_be_complete_within_five_seconds_however_it_dribbles() {
        let house = House::of(8);
        let slow = house.enter();
        house.pass(4);
        slow.hears();
        assert!(!must_go(&slow));
        house.pass(1);
        assert!(must_go(&slow) && house.closed() == 1);
    }

    #[test]
    fn so_must_the_head_of_a_later_request_from_its_first_byte_on() {
        let house = House::of(8);
        let kept = house.enter();
        kept.asks();
        kept.is_answered();
        house.pass(74);
        kept.hears();
        house.pass(4);
        kept.hears();
        assert!(!must_go(&kept));
        house.pass(1);
        assert!(must_go(&kept));
    }

    #[test]
    fn a_request_has_its_time_and_what_is_at_work_has_no_end() {
        let house = House::of(8);
        let [stranger, chat] = [house.enter(), house.enter()];
        stranger.asks();
        chat.asks();
        let work = chat.busy().at_work();
        house.pass(11);
        stranger.hears();
        assert!(!must_go(&stranger));
        house.pass(1);
        assert_eq!([&stranger, &chat].map(must_go), [true, false]);
        house.pass(3_600);
        assert!(!must_go(&chat));
        drop(work);
        chat.is_answered();
        house.pass(74);
        assert!(!must_go(&chat));
        house.pass(1);
        assert!(must_go(&chat));
    }

    #[test]
    fn when_the_service_ends_only_what_is_at_work_may_take_its_time() {
        let house = House::of(8);
        let [silent, chat] = [house.enter(), house.enter()];
        let _work = chat.busy().at_work();
        house.connections.end();
        house.pass(1);
        assert_eq!([&silent, &chat].map(must_go), [true, false]);
    }
}
