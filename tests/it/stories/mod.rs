//! Stories: what happens in Chat, and what must be so afterwards.

mod actions;
mod callbacks;
mod faults;
mod flooding;
mod operators;
mod ownership;
mod promotion;
mod restarted;
mod schedules;
