//! Event + rules + state → decision: guards, effects, trace. Pure.

pub mod effect;
pub mod event;
pub mod state;
