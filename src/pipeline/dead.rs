//! What was given up, in an operator's hand: tried again or dropped, each by an event of its own.

use super::held::Which;
use super::process::Extra;
use super::{NotTaken, Pipeline};
use crate::decision::event::{Cause, Event};
use crate::decision::{Effect, EventId};
use crate::ledger::{self, DeadLetter, Kind};
use crate::rule::RuleId;
use crate::store::StoreError;

/// Entries that are read at once.
const PAGE: usize = 500;
/// So many are named when an id does not say which.
const CANDIDATES: usize = 10;

/// What becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadFate {
    /// Back into the outbox, behind everything that its lane holds by now.
    Retry,
    /// Never sent, nor what hung on it.
    Drop,
    /// Never sent, because it has been, or is not needed: what hung on it is.
    TakeForDone,
}

/// Where an order that takes several steps stands: the dead letters from one number to another. What
/// is given up again meanwhile has a higher one, and is not tried in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: u64,
    pub to: u64,
}

/// What one step of an order came to.
#[derive(Clone, Debug, PartialEq)]
pub enum DeadOrdered {
    /// What it was, and what is left of the order.
    Settled(Vec<DeadLetter>, Option<Stretch>),
    /// Several ids begin so, and nothing was done: the first of them.
    Ambiguous(Vec<DeadLetter>),
}

/// A dead letter as it stands in the store.
struct Standing {
    key: Vec<u8>,
    bytes: Vec<u8>,
    sequence: u64,
    letter: DeadLetter,
}

impl Standing {
    fn read((key, bytes): (Vec<u8>, Vec<u8>)) -> Result<Self, StoreError> {
        let letter = ledger::decode(&key, &bytes)?;
        let sequence = ledger::seq_of(&key).unwrap_or_default();
        Ok(Self { key, bytes, sequence, letter })
    }

    fn id(&self) -> &EventId {
        &self.letter.pending.effect.id
    }
}

impl Pipeline {
    /// Retries or drops dead letters, oldest first, at most so many at once. An id that several begin
    /// with settles none of them.
    ///
    /// # Errors
    /// When the store does not take it; what came before is done.
    pub async fn settle_dead(
        &self,
        which: &Which,
        fate: DeadFate,
        stretch: Option<Stretch>,
        most: usize,
    ) -> Result<DeadOrdered, NotTaken> {
        let taken = |error: StoreError| NotTaken(error.0);
        let (found, left) = match which {
            Which::Id(begin) => {
                let found = self.dead_beginning(begin).map_err(taken)?;
                if found.len() > 1 {
                    let letters = found.into_iter().map(|standing| standing.letter);
                    return Ok(DeadOrdered::Ambiguous(letters.collect()));
                }
                (found, None)
            }
            Which::Rule(rule) => {
                self.dead_of(stretch, most, |its| its == Some(rule)).map_err(taken)?
            }
            Which::All => self.dead_of(stretch, most, |_| true).map_err(taken)?,
        };
        let mut settled = Vec::with_capacity(found.len());
        for standing in found {
            let event = event(&standing, fate, self.now());
            // Two operators at once: the second finds it gone.
            let extra = Extra {
                expect: vec![(standing.key.clone(), Some(standing.bytes))],
                writes: vec![(standing.key, None)],
            };
            self.process(event, extra).await?;
            settled.push(standing.letter);
        }
        Ok(DeadOrdered::Settled(settled, left))
    }

    /// The ones whose ids begin so, or the one that is called so.
    fn dead_beginning(&self, begin: &str) -> Result<Vec<Standing>, StoreError> {
        let mut found: Vec<Standing> = Vec::new();
        let (mut from, to) = ledger::prefix(Kind::Dead);
        loop {
            let page = self.store().scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            from = ledger::after(last);
            for entry in page {
                let standing = Standing::read(entry)?;
                if standing.id().as_str() == begin {
                    return Ok(vec![standing]);
                }
                if standing.id().as_str().starts_with(begin) && found.len() < CANDIDATES {
                    found.push(standing);
                }
            }
        }
    }

    /// The next ones that are meant, and where it goes on.
    fn dead_of(
        &self,
        stretch: Option<Stretch>,
        most: usize,
        meant: impl Fn(Option<&RuleId>) -> bool,
    ) -> Result<(Vec<Standing>, Option<Stretch>), StoreError> {
        let stretch = stretch.unwrap_or_else(|| self.all_dead());
        let mut found = Vec::new();
        let mut from = ledger::dead_key(stretch.from);
        let to = ledger::after(&ledger::dead_key(stretch.to));
        loop {
            let page = self.store().scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok((found, None)) };
            from = ledger::after(last);
            for entry in page {
                let standing = Standing::read(entry)?;
                if !meant(standing.letter.pending.effect.rule.as_ref()) {
                    continue;
                }
                if found.len() == most {
                    return Ok((found, Some(Stretch { from: standing.sequence, ..stretch })));
                }
                found.push(standing);
            }
        }
    }

    /// Everything that has been given up by now: numbers that are given later are higher.
    fn all_dead(&self) -> Stretch {
        Stretch { from: 0, to: self.last_number() }
    }
}

/// The event by which an operator's will is decided, in the lane of the effect.
fn event(standing: &Standing, fate: DeadFate, now: crate::clock::Timestamp) -> Event {
    let effect: &Effect = &standing.letter.pending.effect;
    let (what, cause) = match fate {
        DeadFate::Retry => {
            let fell = standing.letter.fell.clone().map(Box::new);
            let hung = standing.letter.hung.clone();
            ("retried", Cause::Retried { effect: Box::new(effect.clone()), fell, hung })
        }
        DeadFate::TakeForDone => {
            let hung = standing.letter.hung.clone();
            ("taken for done", Cause::TakenForDone { effect: Box::new(effect.clone()), hung })
        }
        DeadFate::Drop => ("dropped", Cause::Dropped(Box::new(effect.clone()))),
    };
    // One effect may be given up and retried more than once; each letter has a number of its own.
    let id = effect.id.derive(&format!("{what} {}", standing.sequence));
    let mut event = Event::new(id, cause, now, "operator");
    event.group = effect.act.group().cloned();
    event.room = effect.act.room();
    event.member = effect.act.member().cloned();
    event
}
