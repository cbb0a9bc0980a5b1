//! Where a process dies: before or after a chosen commit or send, or wherever chance has it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::rng::Rng;

/// The n-th of something, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing of this commit is on disk.
    BeforeCommit(u64),
    /// It is seen by readers, and its sync is called for.
    BeforeSync(u64),
    /// It is on disk (if it was to be), and whoever committed never hears of it.
    AfterCommit(u64),
    /// Nothing of this call has left.
    BeforeSend(u64),
    /// Chat has carried the call out, and nobody reads its answer.
    AfterSend(u64),
}

/// How one process comes to its end.
pub struct Power {
    off: Notify,
    is_off: AtomicBool,
    plan: Mutex<Plan>,
}

struct Plan {
    stop: Option<Stop>,
    commits: u64,
    sends: u64,
    /// Dies so many times in a thousand at each of these points.
    chance: Option<(Rng, u64)>,
}

impl Power {
    pub fn new(stop: Option<Stop>, chance: Option<(Rng, u64)>) -> Self {
        let plan = Mutex::new(Plan { stop, commits: 0, sends: 0, chance });
        Self { off: Notify::new(), is_off: AtomicBool::new(false), plan }
    }

    /// Ends when the process has died.
    pub async fn gone(&self) {
        self.off.notified().await;
    }

    pub fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }

    pub fn cut(&self) {
        self.is_off.store(true, Ordering::Relaxed);
        self.off.notify_one();
    }

    /// Commits and sends that were begun.
    pub fn counted(&self) -> (u64, u64) {
        let plan = self.plan.lock().unwrap();
        (plan.commits, plan.sends)
    }

    pub fn commit_begins(&self) -> bool {
        self.reached(|plan| {
            plan.commits += 1;
            Stop::BeforeCommit(plan.commits)
        })
    }

    /// `number`: the how-manieth commit it was.
    pub fn sync_begins(&self, number: u64) -> bool {
        self.reached(|_| Stop::BeforeSync(number))
    }

    /// As [`Power::sync_begins`].
    pub fn commit_ends(&self, number: u64) -> bool {
        self.reached(|_| Stop::AfterCommit(number))
    }

    pub fn send_begins(&self) -> bool {
        self.reached(|plan| {
            plan.sends += 1;
            Stop::BeforeSend(plan.sends)
        })
    }

    pub fn send_applied(&self, number: u64) -> bool {
        self.reached(|_| Stop::AfterSend(number))
    }

    /// Whether the process is dead, from here on at the latest.
    fn reached(&self, point: impl FnOnce(&mut Plan) -> Stop) -> bool {
        let mut plan = self.plan.lock().unwrap();
        let point = point(&mut plan);
        let by_chance = plan.chance.as_mut().is_some_and(|(rng, rate)| rng.chance(*rate));
        if by_chance || plan.stop == Some(point) {
            self.cut();
        }
        self.is_off()
    }
}
