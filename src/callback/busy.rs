//! Says to the listener which of its connections are at work for Chat and which only take up room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const WORKING: u8 = 1;
const WORKED: u8 = 2;

/// Of one connection; the listener puts it among the extensions of each request.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<AtomicU8>);

impl Busy {
    /// A callback that was let in and has arrived whole is being answered, until this is dropped.
    pub fn at_work(&self) -> Working {
        self.0.store(WORKING, Ordering::Relaxed);
        Working(self.clone())
    }

    /// Whether a callback is being answered: the connection must not be closed now.
    pub fn is_working(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WORKING
    }

    /// Whether a callback has ever been let in: of two idle connections, the other is closed first.
    pub fn has_worked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != WAITING
    }
}

/// A callback that is being answered.
#[derive(Debug)]
#[must_use]
pub struct Working(Busy);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.store(WORKED, Ordering::Relaxed);
    }
}
