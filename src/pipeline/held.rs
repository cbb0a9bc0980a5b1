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
/// So many are named when an id does not say which.
const CANDIDATES: usize = 10;

/// Which of what is held, or was given up, is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The only one whose id begins so.
    Id(String),
    /// Everything that this rule wanted.
    Rule(RuleId),
    All,
}

/// What came of an operator's order.
#[derive(Clone, Debug, PartialEq)]
pub enum Ordered {
    /// What it was; nothing when nothing fits.
    Settled(Vec<Held>),
    /// Several ids begin so, and nothing was done: the first of them.
    Ambiguous(Vec<Held>),
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

    /// The ones whose ids begin so, or the one that is called so; at most so many.
    fn beginning(&self, id: &str, most: usize) -> Result<Vec<Held>, StoreError> {
        let (mut from, to) = ledger::prefix(Kind::Held);
        let mut found: Vec<Held> = Vec::new();
        loop {
            let page = self.store().scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            from = ledger::after(last);
            for (key, bytes) in page {
                let held: Held = ledger::decode(&key, &bytes)?;
                if held.id.as_str() == id {
                    return Ok(vec![held]);
                }
                if held.id.as_str().starts_with(id) && found.len() < most {
                    found.push(held);
                }
            }
        }
    }

    /// Releases or discards what is held; says what it was. An id that several begin with settles none
    /// of them.
    ///
    /// # Errors
    /// When the store does not take it; what came before is done.
    pub async fn settle_held(&self, which: &Which, fate: Fate) -> Result<Ordered, NotTaken> {
        let taken = |error: StoreError| NotTaken(error.0);
        let mut id = None;
        if let Which::Id(begin) = which {
            let found = self.beginning(begin, CANDIDATES).map_err(taken)?;
            match found.as_slice() {
                [] => return Ok(Ordered::Settled(Vec::new())),
                [one] => id = Some(one.id.clone()),
                _ => return Ok(Ordered::Ambiguous(found)),
            }
        }
        let (mut from, to) = ledger::prefix(Kind::Held);
        let mut settled = Vec::new();
        loop {
            let page = self.store().scan(&from, &to, PAGE).map_err(taken)?;
            let Some((last, _)) = page.last() else { return Ok(Ordered::Settled(settled)) };
            from = ledger::after(last);
            for (key, bytes) in page {
                let held: Held = ledger::decode(&key, &bytes).map_err(taken)?;
                let meant = match which {
                    Which::Id(_) => Some(&held.id) == id.as_ref(),
                    Which::Rule(rule) => held.rule == *rule,
                    Which::All => true,
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
