//! Event in, verdict out: load, decide, commit.
//!
//! Everything enters here: callbacks, schedules, timers, Chat's answers. One commit holds all that
//! follows from an event; only when it has returned is the verdict given.

mod dead;
mod held;
mod journaling;
mod lanes;
mod loaded;
mod marks;
mod process;
mod quarantine;
mod sanctions;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::decision::{Decision, Event, Verdict};

pub use dead::{DeadFate, DeadOrdered, Stretch};
pub use held::{Fate, Ordered, Which};
pub use journaling::JournalEvents;
pub use process::{Extra, Owed, Pipeline};
pub use quarantine::{QuarantineOrdered, apart};
pub use sanctions::{Obeyed, Order};

/// A verdict under way.
pub type Entering<'a> = Pin<Box<dyn Future<Output = Result<Verdict, NotTaken>> + Send + 'a>>;

/// A note on its way into the journal.
pub type Noting<'a> = Pin<Box<dyn Future<Output = Result<(), NotTaken>> + Send + 'a>>;

/// Where callbacks bring what happened.
pub trait Door: Send + Sync {
    /// The verdict on the events of one callback, if no state is needed for it and nothing follows from
    /// them: then they are taken. Otherwise nothing has happened, and they are to be brought in.
    fn at_once(&self, events: &[Event]) -> Option<Verdict> {
        let _ = events;
        None
    }

    /// Decides the events of one callback, in order; ends when everything that follows from them
    /// is on disk. Events that were seen before change nothing.
    fn enter(&self, events: Vec<Event>) -> Entering<'_>;

    /// Adds a sentence to what the journal holds of an event that has been entered: what happened to
    /// it beside the rules.
    fn note(&self, event: Event, note: String) -> Noting<'_>;

    /// Whether so much is owed to Chat already that nothing more should be brought for now.
    fn is_full(&self) -> bool {
        false
    }
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

/// Who looks on: metrics, the demo, the runner of rule tests. Called after the commit, in lane order.
pub trait Observer: Send + Sync {
    /// An event was decided, and the decision is in the store.
    fn decided(&self, event: &Event, decision: &Decision);
}

/// Nobody looks on.
impl Observer for () {
    fn decided(&self, _: &Event, _: &Decision) {}
}
