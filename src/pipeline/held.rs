//! What limits hold back, in an operator's hand: released or discarded, each by an event of its own.

use super::process::Extra;
use super::{NotTaken, Pipeline};
use crate::decision::Held;
use crate::decision::event::{Cause, Event};
use crate::ledger::{self, Kind};
use crate::rule::RuleId;
use crate::store::StoreError;

/// Entries that are read at once.
const PAGE: usize = 500;

/// Which of the held effects are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one whose id begins so.
    Id(String),
    /// Everything that this rule wanted.
    Rule(RuleId),
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Sent, with their times counted from now.
    Release,
    /// Never sent.
    Discard,
}

impl Pipeline {
    /// Everything that is held, oldest first, at most so much.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn held(&self, most: usize) -> Result<Vec<Held>, StoreError> {
        let (from, to) = ledger::prefix(Kind::Held);
        let page = self.store().scan(&from, &to, most)?;
        page.iter().map(|(key, bytes)| ledger::decode(key, bytes)).collect()
    }

    /// Releases or discards what is held; says what it was. Nothing that fits is no error.
    ///
    /// # Errors
    /// When the store does not take it; what came before is done.
    pub async fn settle_held(&self, which: &Which, fate: Fate) -> Result<Vec<Held>, NotTaken> {
        let taken = |error: StoreError| NotTaken(error.0);
        let (mut from, to) = ledger::prefix(Kind::Held);
        let mut settled = Vec::new();
        loop {
            let page = self.store().scan(&from, &to, PAGE).map_err(taken)?;
            let Some((last, _)) = page.last() else { return Ok(settled) };
            from = ledger::after(last);
            for (key, bytes) in page {
                let held: Held = ledger::decode(&key, &bytes).map_err(taken)?;
                let meant = match which {
                    Which::Id(id) => !id.is_empty() && held.id.as_str().starts_with(id.as_str()),
                    Which::Rule(rule) => held.rule == *rule,
                };
                if meant {
                    let event = event(&held, fate, self.now());
                    // Two operators at once: the second finds it gone.
                    let extra = Extra {
                        expect: vec![(key.clone(), Some(bytes))],
                        writes: vec![(key, None)],
                    };
                    self.process(event, extra).await?;
                    settled.push(held);
                }
            }
        }
    }
}

/// The event by which an operator's will is decided, in the lane of the event it all began with.
fn event(held: &Held, fate: Fate, now: crate::clock::Timestamp) -> Event {
    let (what, cause) = match fate {
        Fate::Release => ("released", Cause::Released(Box::new(held.clone()))),
        Fate::Discard => ("discarded", Cause::Discarded(Box::new(held.clone()))),
    };
    let mut event = Event::new(held.id.derive(what), cause, now, "operator");
    event.group.clone_from(&held.event.group);
    event.room.clone_from(&held.event.room);
    event.member.clone_from(&held.event.member);
    event
}
