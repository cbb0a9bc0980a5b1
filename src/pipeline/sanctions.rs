//! Sanctions in an operator's hand: lifted, or given another end, each by an event of its own.

use std::time::Duration;

use super::process::Extra;
use super::{NotTaken, Pipeline};
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::event::{Cause, Event};
use crate::decision::state::SanctionKind;
use crate::ledger::sanctions::{Standing, Wanted, find};
use crate::rule::duration;
use crate::store::StoreError;

/// The longest time that rules know: ten years.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// What an operator wants of a sanction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It ends now.
    Lift,
    /// It goes on for longer than it would have, by so much.
    Longer(Duration),
    /// It ends then.
    Until(Timestamp),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Obeyed {
    /// The sanction as it stands now; of a ban that is lifted, as it stood.
    Done(Box<Standing>),
    /// The member has none (of that kind) in this group.
    NoneThere,
    /// They have several, and nothing was done: which is meant?
    Several(Vec<SanctionKind>),
    /// It cannot be: why, and what can.
    Impossible(String),
}

impl Pipeline {
    /// Sanctions that are meant, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sanctions(&self, wanted: &Wanted, most: usize) -> Result<Vec<Standing>, StoreError> {
        find(self.store(), wanted, most)
    }

    /// Has a sanction of a member (or of everybody in a group) end now, or at another time. The same
    /// order once more changes nothing.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn order_sanction(
        &self,
        group: &GroupId,
        member: &Account,
        kind: Option<SanctionKind>,
        order: Order,
    ) -> Result<Obeyed, NotTaken> {
        let taken = |error: StoreError| NotTaken(error.0);
        let mut wanted = Wanted {
            group: Some(group.clone()),
            member: Some(member.clone()),
            kind,
            ..Wanted::default()
        };
        let mut found = self.sanctions(&wanted, SanctionKind::ALL.len()).map_err(taken)?;
        if found.len() > 1 {
            return Ok(Obeyed::Several(found.iter().map(|one| one.kind).collect()));
        }
        let Some(standing) = found.pop() else { return Ok(Obeyed::NoneThere) };
        match event(&standing, order, self.now()) {
            Err(why) => return Ok(Obeyed::Impossible(why)),
            Ok(None) => return Ok(Obeyed::Done(Box::new(standing))),
            Ok(Some(event)) => self.process(event, Extra::default()).await?,
        };
        wanted.kind = Some(standing.kind);
        let now_there = self.sanctions(&wanted, 1).map_err(taken)?.pop();
        Ok(Obeyed::Done(Box::new(now_there.unwrap_or(standing))))
    }
}

/// The event by which an operator's will is decided; `None` when it is so already.
fn event(standing: &Standing, order: Order, now: Timestamp) -> Result<Option<Event>, String> {
    let Standing { group, member, kind, sanction, .. } = standing;
    let (group, member, kind) = (group.clone(), member.clone(), *kind);
    let id = sanction.id.clone();
    let (name, cause) = match order {
        Order::Lift if sanction.ending && !sanction.is_late(now) => return Ok(None),
        Order::Lift => {
            (format!("lifted {}", now.0), Cause::Lifted { group, member, kind, sanction: id })
        }
        Order::Longer(_) | Order::Until(_) => {
            let until = new_end(standing, order, now)?;
            if sanction.until == Some(until) {
                return Ok(None);
            }
            let name = format!("extended {} {}", until.0, now.0);
            (name, Cause::Extended { group, member, kind, sanction: id, until })
        }
    };
    let mut event = Event::new(sanction.id.derive(&name), cause, now, "operator");
    event.group = Some(standing.group.clone());
    event.member = Some(standing.member.clone());
    Ok(Some(event))
}

fn new_end(standing: &Standing, order: Order, now: Timestamp) -> Result<Timestamp, String> {
    let kind = standing.kind.name();
    if standing.sanction.ending || standing.sanction.until.is_some_and(|until| until <= now) {
        return Err(format!("the {kind} is over and being ended; it gets no other end"));
    }
    let until = match (order, standing.sanction.until) {
        (Order::Until(until), _) => until,
        (Order::Longer(time), Some(until)) => until + time,
        _ => {
            return Err(format!(
                "the {kind} has no end, so it cannot go on for longer; give it one: until=2026-11-21T04:00:00Z"
            ));
        }
    };
    if until <= now {
        return Err(format!("{until} has passed: it is {now}. To end the {kind} now, lift it"));
    }
    if until.since(now) > LONGEST {
        let longest = duration::format(LONGEST);
        return Err(format!("{until} is too far away: {longest} from now is the longest"));
    }
    Ok(until)
}
