//! Event in, verdict out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::decision::{Event, Verdict};

/// A verdict under way.
pub type Entering<'a> = Pin<Box<dyn Future<Output = Result<Verdict, NotTaken>> + Send + 'a>>;

/// Where callbacks, schedules and timers bring what happened.
pub trait Door: Send + Sync {
    /// Decides the events of one callback, in order; ends when everything that follows from them
    /// is on disk. Events that were seen before change nothing.
    fn enter(&self, events: Vec<Event>) -> Entering<'_>;
}

/// The event was not taken: nothing of it is kept, and Chat must not be told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken(pub String);

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotTaken {}
