//! Chat refuses a transfer, or to say who may succeed: the next one is tried, a person is called, or
//! there is nothing left to hand over.

use super::super::draft::Draft;
use super::super::effect::{Act, Effect, Read, Resume};
use super::super::event::Event;
use super::super::mirror;
use super::super::state::StateKey;
use crate::rule::EventKind;

/// The group does not exist (any more) (34966).
const NO_GROUP: [i64; 2] = [10010, 10015];
/// The room does not exist any more (60713).
const NO_ROOM: i64 = 100_004;

/// What follows from a refusal.
pub(in super::super) enum Next {
    /// There is nothing to hand over any more, or somebody has: no alert.
    Gone,
    /// The rule looks again, and passes this one over.
    Again(Box<Resume>),
    /// The rule ends; people are told this.
    Tell(String),
}

/// Chat refused to make somebody the owner. They may have left since Chat listed them (10004, 10007,
/// 10012 and 10019 are what it may say then; in rooms 100005), or may own as many groups as an account
/// can: whatever the reason, the next one is looked for among candidates that are read anew.
pub(in super::super) fn transfer_refused(
    draft: &mut Draft<'_>,
    effect: &Effect,
    code: i64,
) -> Option<Next> {
    let to = match &effect.act {
        Act::TransferOwner { group, .. } if NO_GROUP.contains(&code) => {
            mirror::gone(draft, &group.clone());
            return Some(Next::Gone);
        }
        Act::TransferRoom { room, .. } if code == NO_ROOM => {
            draft.set(StateKey::Room(room.clone()), None);
            return Some(Next::Gone);
        }
        Act::TransferOwner { to, .. } | Act::TransferRoom { to, .. } => to,
        _ => return None,
    };
    let then = effect.then.as_ref()?;
    // The bot's own word: Chat names another owner than the one it named when this was decided.
    if code == 0 && !for_want_of_owner(&then.event) {
        return Some(Next::Gone);
    }
    let mut next = then.clone();
    next.tried.push(to.clone());
    Some(Next::Again(next))
}

/// Whether the rule acts because the owner was missing or inactive: what is read anew then ends the matter.
fn for_want_of_owner(event: &Event) -> bool {
    use EventKind::{GroupOwnerless, OwnerInactive, OwnerLeft, RoomOwnerLeft};
    matches!(event.kind(), Some(GroupOwnerless | OwnerInactive | OwnerLeft | RoomOwnerLeft))
}

/// Chat refused to say who may succeed: asking again would be refused again.
pub(in super::super) fn read_refused(
    draft: &mut Draft<'_>,
    effect: &Effect,
    (code, words): (i64, &str),
) -> Option<Next> {
    let rule = &effect.then.as_ref()?.rule;
    let place = match &effect.act {
        Act::Read(Read::Candidates { group, .. }) if NO_GROUP.contains(&code) => {
            mirror::gone(draft, &group.clone());
            return Some(Next::Gone);
        }
        Act::Read(Read::Candidates { group, .. }) => group.to_string(),
        Act::Read(Read::RoomCandidates { room, .. }) if code == NO_ROOM => {
            draft.set(StateKey::Room(room.clone()), None);
            return Some(Next::Gone);
        }
        Act::Read(Read::RoomCandidates { room, .. }) => format!("room {room}"),
        _ => return None,
    };
    Some(Next::Tell(format!(
        "`{rule}` cannot find a successor for the owner of {place}: Chat refuses to tell the members \
         ({code} {words})"
    )))
}
