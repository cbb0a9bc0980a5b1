//! Event + rules + state → decision: guards, effects, trace. Pure.

pub mod effect;
pub mod event;
pub mod state;
mod verdict;

pub use effect::Effect;
pub use event::{Event, EventId, Lane};
pub use verdict::Verdict;
