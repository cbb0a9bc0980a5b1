//! Stories: what happens in Chat, and what must be so afterwards.

mod actions;
mod asked;
mod callbacks;
mod entrances;
mod faults;
mod flooding;
mod limits;
mod members;
mod operators;
mod ownership;
mod promotion;
mod reconcile;
mod restarted;
mod sanctions;
mod schedules;
mod succession_found;
mod succession_groups;
mod succession_rooms;
mod waits;
