//! The load: closed loop for throughput, open loop for latencies.
//!
//! In the open loop a request has a time at which it is to be sent, whatever became of those before; its
//! latency counts from that time. A server that stands still for a second is then seen by everything
//! that should have been sent in that second (no coordinated omission).

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet, spawn_local};

use super::callbacks::{Kind, Template};
use super::http::Connection;

/// The longest latency that is told apart, microseconds.
const LONGEST: u64 = 120_000_000;
/// Requests that are due within this are let go together.
const GRAIN: Duration = Duration::from_micros(100);
/// Groups that the callbacks are spread over.
pub const GROUPS: u64 = 1_000;

/// What a run came to.
pub struct Run {
    pub sent: u64,
    pub failed: u64,
    pub took: Duration,
    /// Microseconds; from the intended time in the open loop.
    pub latencies: Histogram<u64>,
}

impl Run {
    fn count(&mut self, answered: &io::Result<u16>, from: Instant) {
        self.sent += 1;
        match answered {
            Ok(200) => self.latencies.saturating_record(micros(from.elapsed())),
            _ => self.failed += 1,
        }
    }

    pub fn rate(&self) -> f64 {
        (self.sent - self.failed) as f64 / self.took.as_secs_f64()
    }

    /// Milliseconds.
    pub fn at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e3
    }
}

pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).unwrap()
}

pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST).clamp(1, LONGEST)
}

/// The callbacks of one kind; numbers go on from one run to the next, so that none comes twice.
pub struct Callbacks {
    kind: Kind,
    next: Rc<Cell<u64>>,
    groups: u64,
}

/// What one connection needs.
struct Sender {
    address: SocketAddr,
    template: Template,
    next: Rc<Cell<u64>>,
    told: Rc<RefCell<Run>>,
}

impl Callbacks {
    pub fn new(kind: Kind) -> Self {
        Self::over(kind, GROUPS)
    }

    pub fn over(kind: Kind, groups: u64) -> Self {
        Self { kind, next: Rc::default(), groups }
    }

    /// How many there were: the number of the next one.
    pub fn count(&self) -> u64 {
        self.next.get()
    }

    fn sender(&self, address: SocketAddr, told: &Rc<RefCell<Run>>) -> Sender {
        let template = Template::new(self.kind, self.groups);
        Sender { address, template, next: self.next.clone(), told: told.clone() }
    }

    /// Each connection sends its next request when the last one is answered.
    pub async fn closed(&self, address: SocketAddr, connections: usize, time: Duration) -> Run {
        let end = Instant::now() + time;
        self.run(address, connections, |sender| sender.closed(end)).await
    }

    /// `rate` requests a second for `time`. Says also when each was to be sent, in order.
    pub async fn open(
        &self,
        address: SocketAddr,
        connections: usize,
        rate: f64,
        time: Duration,
    ) -> (Run, Vec<Instant>) {
        let count = (rate * time.as_secs_f64()) as u64;
        // Connecting is not part of it.
        let begin = Instant::now() + Duration::from_millis(50);
        let intended: Rc<Vec<Instant>> = Rc::new(
            (0..count)
                .map(|number| begin + Duration::from_secs_f64(number as f64 / rate))
                .collect(),
        );
        let due = Arc::new(Semaphore::new(0));
        let pacer = std::thread::spawn({
            let due = due.clone();
            move || pace(&due, begin, rate, count)
        });
        let first = self.count();
        let run = self
            .run(address, connections, |sender| sender.open(due.clone(), intended.clone(), first))
            .await;
        pacer.join().unwrap();
        (run, Rc::unwrap_or_clone(intended))
    }

    async fn run<F: Future<Output = ()> + 'static>(
        &self,
        address: SocketAddr,
        connections: usize,
        work: impl Fn(Sender) -> F,
    ) -> Run {
        let run = Run { sent: 0, failed: 0, took: Duration::ZERO, latencies: histogram() };
        let told = Rc::new(RefCell::new(run));
        let begin = Instant::now();
        let mut works = JoinSet::new();
        for _ in 0..connections {
            works.spawn_local(work(self.sender(address, &told)));
        }
        while let Some(work) = works.join_next().await {
            work.unwrap();
        }
        let mut run = Rc::into_inner(told).unwrap().into_inner();
        run.took = begin.elapsed();
        run
    }
}

impl Sender {
    async fn closed(mut self, end: Instant) {
        let mut request = Vec::new();
        let mut connection = Connection::open(self.address).await.unwrap();
        while Instant::now() < end {
            let sent = Instant::now();
            self.send(&mut connection, &mut request, sent).await;
        }
    }

    async fn open(mut self, due: Arc<Semaphore>, intended: Rc<Vec<Instant>>, first: u64) {
        let mut request = Vec::new();
        let mut connection = Connection::open(self.address).await.unwrap();
        while let Ok(permit) = due.acquire().await {
            permit.forget();
            let place = (self.next.get() - first) as usize;
            self.send(&mut connection, &mut request, intended[place]).await;
            if place + 1 == intended.len() {
                due.close();
            }
        }
    }

    async fn send(&mut self, connection: &mut Connection, request: &mut Vec<u8>, from: Instant) {
        let number = self.next.replace(self.next.get() + 1);
        self.template.render(number, request);
        let answered = connection.exchange(request).await;
        self.told.borrow_mut().count(&answered, from);
        if let Err(error) = answered {
            eprintln!("a request failed: {error}");
            *connection = Connection::open(self.address).await.unwrap();
        }
    }
}

/// Lets requests go when they are due. A thread of its own: the runtime's timer knows only whole
/// milliseconds.
fn pace(due: &Semaphore, begin: Instant, rate: f64, count: u64) {
    let mut let_go = 0;
    while let_go < count {
        let passed = Instant::now().saturating_duration_since(begin).as_secs_f64();
        let now_due = match Instant::now() < begin {
            true => 0,
            false => ((passed * rate) as u64 + 1).min(count),
        };
        due.add_permits((now_due - let_go) as usize);
        let_go = now_due;
        let next = begin + Duration::from_secs_f64(let_go as f64 / rate);
        std::thread::sleep(next.saturating_duration_since(Instant::now()).max(GRAIN));
    }
}

/// Runs what measures on one thread, beside the sink.
pub fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(work))
}

/// Lets a task run beside the measurement.
pub fn beside(work: impl Future<Output = ()> + 'static) {
    spawn_local(work);
}
