//! The effect of `transfer_owner` for a room: first the question, then, with the answer, the transfer.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::effect::{Act, Answer, MemberFacts, Read, RoomFacts};
use super::super::event::{Room, RoomKind};
use super::super::state::Owner;
use super::super::steps::{Outcome, Run};
use super::super::view::room_owner;
use super::choice::{self, Wanted};
use crate::chat::{Account, Role};
use crate::rule::EventKind;
use crate::rule::model::{Action, Successor};

/// The list of a Live room's members is up to 40 s old (66908); a minute is on the safe side.
const LIST_AGE: Duration = Duration::from_secs(60);

/// What `transfer_owner` comes to for a room.
pub(in super::super) fn of_room(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    action: &Action,
    room: &Room,
    answer: Option<&Answer>,
) -> Outcome {
    let Action::TransferOwner { to, except, alert_if_none } = action else {
        return Outcome::LeftOut;
    };
    let (id, kind) = (room.id.clone(), room.kind);
    let Some(Answer::RoomCandidates { room: facts, members }) = answer else {
        return Outcome::Act(Act::Read(Read::RoomCandidates { room: id, kind }));
    };
    let what = format!("transfer room {id}");
    if !facts.exists {
        return run.leave_out(&what, "the room is closed");
    }
    if let Some(why) = settled(draft, run, kind, facts, members) {
        return run.leave_out(&what, &why);
    }
    let from = present_owner(draft, room, facts);
    let listed = in_order(draft, room, to, members);
    let others: Vec<_> =
        listed.iter().filter(|member| Some(&member.account) != from.as_ref()).collect();
    let wanted = Wanted { to, except: except.as_ref() };
    let chosen = choice::choose(draft, run, &wanted, &others);
    let why = match (chosen, from) {
        // 60713 demands the present owner's name.
        (Some(_), None) if kind == RoomKind::Conference => {
            run.left_out.push(format!("{what}: Chat does not say who owns it"));
            "cannot transfer it: Chat names no present owner, whom the call has to name".to_owned()
        }
        (Some(to), from) => return Outcome::Act(Act::TransferRoom { room: id, kind, from, to }),
        (None, _) => {
            run.left_out.push(format!("{what}: nobody may succeed"));
            format!("{} people in it", choice::nobody(run, members.len()))
        }
    };
    if !alert_if_none {
        return Outcome::LeftOut;
    }
    let text = format!("room {id} is without its owner, and `{}` {why}", run.rule.id);
    Outcome::Instead(Act::Alert { text })
}

fn present_owner(draft: &Draft<'_>, room: &Room, facts: &RoomFacts) -> Option<Account> {
    let heard = || match room_owner(draft, room) {
        Owner::Is(owner) => Some(owner),
        Owner::Nobody | Owner::Unknown => None,
    };
    facts.owner.clone().or_else(heard)
}

/// Why there is nothing to do any more: the owner who left is back, or somebody else owns the room.
fn settled(
    draft: &Draft<'_>,
    run: &Run<'_>,
    kind: RoomKind,
    facts: &RoomFacts,
    members: &[MemberFacts],
) -> Option<String> {
    let event = run.event;
    if event.kind() != Some(EventKind::RoomOwnerLeft) {
        return None;
    }
    let owner = facts.owner.as_ref()?;
    if event.member.as_ref() != Some(owner) {
        return Some(format!("{owner} owns it by now"));
    }
    let entered = draft.room(&facts.room).map_or(&[][..], |record| &record.entered);
    let seen = entered.iter().any(|(account, _)| account == owner);
    let list_is_newer = kind == RoomKind::Conference || event.time + LIST_AGE <= draft.now;
    let listed = list_is_newer && members.iter().any(|member| member.account == *owner);
    (seen || listed).then(|| format!("{owner} is in the room again"))
}

/// Those in the room with the times at which we saw them enter, in the order in which Chat lists them.
/// Chat lists at most a thousand of a Live room, and those a little late: whom the rule names may be
/// there without being listed, and Chat says no (100005) if they are not.
fn in_order(
    draft: &Draft<'_>,
    room: &Room,
    to: &[Successor],
    members: &[MemberFacts],
) -> Vec<MemberFacts> {
    let entered = draft.room(&room.id).map_or(&[][..], |record| &record.entered);
    let mut listed = members.to_vec();
    if room.kind == RoomKind::Live {
        for wish in to {
            let Successor::Account(account) = wish else { continue };
            if !members.iter().any(|member| member.account == *account) {
                listed.push(unlisted(account));
            }
        }
    }
    for member in &mut listed {
        let seen = entered.iter().find(|(account, _)| *account == member.account);
        member.joined_at = member.joined_at.or(seen.map(|(_, time)| *time));
    }
    listed
}

fn unlisted(account: &Account) -> MemberFacts {
    MemberFacts {
        account: account.clone(),
        role: Role::Member,
        joined_at: None,
        name_card: String::new(),
        muted_until: None,
        last_message_at: None,
    }
}
