//! Stories: what happens in Chat, and what must be so afterwards.

mod actions;
mod asked;
mod callbacks;
mod dead_letters;
mod entrances;
mod faults;
mod flooding;
mod imports;
mod limits;
mod loops;
mod members;
mod operators;
mod ownership;
mod promotion;
mod reconcile;
mod restarted;
mod sanctions;
mod sanctions_by_hand;
mod sanctions_kept;
mod sanctions_late;
mod sanctions_seen;
mod schedules;
mod succession_found;
mod succession_groups;
mod succession_rooms;
mod waits;
