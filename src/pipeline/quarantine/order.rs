//! What is in quarantine, in an operator's hand: tried again, or dropped.

use std::collections::BTreeMap;

use super::super::held::Which;
use super::super::process::{Extra, Owed};
use super::super::{DeadFate, NotTaken, Pipeline};
use super::{PAGE, Trouble, mark, taken};
use crate::decision::event::{Cause, Timer};
use crate::decision::{Event, StateKey, StateValue};
use crate::ledger::{self, Kept, Kind, Pending, Quarantined, TimerRecord};
use crate::store::{CommitError, StoreError, Write, WriteSet};

/// So many are named when an id does not say which.
const CANDIDATES: usize = 10;
/// Timers that are looked at in one go.
const TIMERS: usize = 1_000;

/// Where the timers stand that bring events in quarantine again and again, by the events' ids; `None`: it is
/// gone.
type Timers = BTreeMap<String, Option<Vec<u8>>>;

/// What came of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum QuarantineOrdered {
    /// What it was, and what failed again and stays.
    Settled { done: Vec<Quarantined>, failed: Vec<Quarantined> },
    /// Several ids begin so, and nothing was done: the first of them.
    Ambiguous(Vec<Quarantined>),
}

impl Pipeline {
    /// Has what is in quarantine decided or read again, or drops it. What fails again stays, with its new
    /// cause. Of a reading of Chat nothing is decided: Chat is read again, and what it said is old.
    ///
    /// # Errors
    /// When the store does not take it; what came before is done.
    pub async fn settle_quarantined(
        &self,
        which: &Which,
        fate: DeadFate,
    ) -> Result<QuarantineOrdered, NotTaken> {
        let found = self.meant(which).map_err(taken)?;
        if matches!(which, Which::Id(_)) && found.len() > 1 {
            return Ok(QuarantineOrdered::Ambiguous(found));
        }
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let mut timers = self.timers_of(&found).map_err(taken)?;
        for kept in found {
            let settled = match fate {
                DeadFate::Drop | DeadFate::TakeForDone => {
                    self.drop_kept(&kept, &mut timers).await.map(|()| true)?
                }
                DeadFate::Retry => self.try_kept(&kept, &mut timers).await?,
            };
            if settled {
                self.quarantine.forget(&kept.id);
                done.push(kept);
            } else {
                let place = ledger::quarantine_key(&kept.id);
                let now_there = ledger::read(self.store(), &place).map_err(taken)?;
                failed.extend(now_there.or(Some(kept)));
            }
        }
        Ok(QuarantineOrdered::Settled { done, failed })
    }

    /// The one that is called so, or all whose ids begin so, or everything.
    fn meant(&self, which: &Which) -> Result<Vec<Quarantined>, StoreError> {
        let (mut from, to) = ledger::prefix(Kind::Quarantine);
        let mut found: Vec<Quarantined> = Vec::new();
        loop {
            let page = self.store().scan(&from, &to, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            from = ledger::after(last);
            for (key, bytes) in page {
                let kept: Quarantined = ledger::decode(&key, &bytes)?;
                match which {
                    Which::All => found.push(kept),
                    Which::Id(begin) if kept.id.as_str() == begin => return Ok(vec![kept]),
                    Which::Id(begin) => {
                        let fits = kept.id.as_str().starts_with(begin.as_str());
                        found.extend(Some(kept).filter(|_| fits && found.len() < CANDIDATES));
                    }
                    Which::Rule(_) => {}
                }
            }
        }
    }

    async fn drop_kept(&self, kept: &Quarantined, timers: &mut Timers) -> Result<(), NotTaken> {
        let (mut expect, mut writes) = (Vec::new(), vec![(ledger::quarantine_key(&kept.id), None)]);
        if let Kept::Event(event) = &kept.what {
            writes.extend(mark(&self.marks, event, self.now()));
            writes.extend(self.timer_of(event, timers).map_err(taken)?);
            if let Some(wait) = self.wait_of(event).map_err(taken)? {
                writes.push((wait.0.clone(), None));
                expect.push(wait);
            }
        }
        tracing::warn!(quarantine.id = %kept.id, "dropped by an operator: {}", kept.what);
        self.write(expect, writes).await
    }

    /// The wait whose end an event is, if it still runs: with no timer left it would never be over, and the
    /// rule would take no further event for its key.
    fn wait_of(&self, event: &Event) -> Result<Option<Write>, StoreError> {
        let Cause::Timer(Timer::WaitOver { rule, key, wait, .. }) = &event.cause else {
            return Ok(None);
        };
        let place = ledger::state_key(&StateKey::Wait(rule.clone(), key.clone()));
        let Some(bytes) = self.store().get(&place)? else { return Ok(None) };
        // One that cannot be read may be of another event; `fsck` takes it out.
        let runs = matches!(ledger::decode(&place, &bytes),
            Ok(StateValue::Wait { wait: running, .. }) if running == *wait);
        Ok(runs.then_some((place, Some(bytes))))
    }

    /// The timers of events, found in one walk: there may be a million timers, and ten thousand events.
    fn timers_of(&self, found: &[Quarantined]) -> Result<Timers, StoreError> {
        let of_timers = found.iter().filter_map(|kept| match &kept.what {
            Kept::Event(event) if matches!(event.cause, Cause::Timer(_)) => {
                Some(event.id.to_string())
            }
            _ => None,
        });
        let mut timers = of_timers.map(|id| (id, None)).collect();
        self.find_timers(&mut timers)?;
        Ok(timers)
    }

    fn find_timers(&self, timers: &mut Timers) -> Result<(), StoreError> {
        if timers.is_empty() {
            return Ok(());
        }
        let (mut from, to) = ledger::prefix(Kind::Timer);
        loop {
            let page = self.store().keys(&from, &to, TIMERS)?;
            let Some(last) = page.last() else { return Ok(()) };
            from = ledger::after(last);
            for key in page {
                let id = ledger::timer_id_of(&key);
                if let Some(place) = id.and_then(|id| timers.get_mut(&id)) {
                    *place = Some(key);
                }
            }
        }
    }

    /// The timer that brings an event again and again.
    fn timer_of(&self, event: &Event, timers: &mut Timers) -> Result<Option<Write>, StoreError> {
        let Some(Some(key)) = timers.get(event.id.as_str()) else { return Ok(None) };
        if self.store().get(key)?.is_none() {
            // It has come again since and was postponed, and others with it.
            timers.values_mut().for_each(|place| *place = None);
            self.find_timers(timers)?;
        }
        Ok(timers.get(event.id.as_str()).cloned().flatten().map(|key| (key, None)))
    }

    /// Says whether it could be decided or read this time.
    async fn try_kept(&self, kept: &Quarantined, timers: &mut Timers) -> Result<bool, NotTaken> {
        let place = ledger::quarantine_key(&kept.id);
        match &kept.what {
            Kept::Record { .. } => self.put_back(kept).await,
            Kept::Event(event) if matches!(event.cause, Cause::Seen(_)) => {
                self.write(Vec::new(), vec![(place, None)]).await.map(|()| true)
            }
            Kept::Event(event) => {
                let bytes = self.store().get(&place).map_err(taken)?;
                let mut writes = vec![(place.clone(), None)];
                // Decided now, it need not come once more.
                writes.extend(self.timer_of(event, timers).map_err(taken)?);
                // Two operators at once: the second finds it gone.
                let extra = Extra { expect: vec![(place, bytes)], writes };
                match self.process_again(event, &extra).await {
                    Ok(()) => Ok(true),
                    Err(Trouble::Store(error)) => Err(taken(error)),
                    Err(Trouble::Bug(why)) => self.still_there(kept, why).await.map(|()| false),
                }
            }
        }
    }

    /// Puts a record back, if it can be read by now: a timer where it stood, an effect behind those of its
    /// lane, which have gone on without it.
    async fn put_back(&self, kept: &Quarantined) -> Result<bool, NotTaken> {
        let Some((key, bytes)) = kept.what.bytes() else {
            return Err(NotTaken("the entry itself is garbled; it can only be dropped".to_owned()));
        };
        let kept_at = ledger::quarantine_key(&kept.id);
        // Two operators at once: the second finds it gone.
        let as_kept = self.store().get(&kept_at).map_err(taken)?;
        if as_kept.is_none() {
            return Err(settled_meanwhile());
        }
        let expect = vec![(kept_at.clone(), as_kept), (key.clone(), None)];
        if Kind::of(&key) == Some(Kind::Outbox) {
            let mut pending = match ledger::decode::<Pending>(&key, &bytes) {
                Ok(pending) => pending,
                Err(error) => return self.still_there(kept, error.0).await.map(|()| false),
            };
            // Nobody knows how far it had come; of a message its record tells.
            pending.perhaps_done |= !pending.effect.act.speaks();
            let bytes = ledger::encode(&pending).map_err(taken)?;
            let effect = pending.effect;
            let _one_at_a_time = self.in_lane(&effect.lane).await;
            let sequence = self.next_number();
            let place = ledger::outbox_key(&effect.lane, sequence);
            self.write(expect, vec![(place, Some(bytes)), (kept_at, None)]).await?;
            self.tell_delivery(vec![Owed { sequence, effect }]);
            return Ok(true);
        }
        if let Err(error) = ledger::decode::<TimerRecord>(&key, &bytes) {
            return self.still_there(kept, error.0).await.map(|()| false);
        }
        self.write(expect, vec![(key, Some(bytes)), (kept_at, None)]).await?;
        self.tell_schedule();
        Ok(true)
    }

    async fn still_there(&self, kept: &Quarantined, why: String) -> Result<(), NotTaken> {
        let (last, tries) = (self.now(), kept.tries + 1);
        let kept = Quarantined { why: why.clone(), last, tries, ..kept.clone() };
        let bytes = ledger::encode(&kept).map_err(taken)?;
        self.write(Vec::new(), vec![(ledger::quarantine_key(&kept.id), Some(bytes))]).await?;
        self.quarantine.known().insert(kept.id, why);
        Ok(())
    }

    async fn write(&self, expect: Vec<Write>, writes: Vec<Write>) -> Result<(), NotTaken> {
        let done = self.store().commit(WriteSet { expect, writes, durable: true }).await;
        done.map_err(|error| match error {
            CommitError::Conflict => settled_meanwhile(),
            CommitError::Store(error) => taken(error),
        })
    }
}

fn settled_meanwhile() -> NotTaken {
    NotTaken("somebody else has settled it meanwhile".to_owned())
}
