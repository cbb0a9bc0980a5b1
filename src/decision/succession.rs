//! Who becomes owner: candidates as Chat has just described them, in the order that the rule wants.

use std::cmp::Reverse;

use super::draft::Draft;
use super::effect::{Act, Answer, MemberFacts, Read};
use super::event::{Event, Room, RoomKind};
use super::state::Owner;
use super::steps::Run;
use super::view::{View, bind_candidate, room_owner};
use crate::chat::{Ability, Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::rule::condition::Condition;
use crate::rule::model::{Action, Successor};

/// Candidates that may be refused by Chat before a person is called.
const TRIES: usize = 5;

/// The effect of `transfer_owner` for a group: first the question, then, with the answer, the transfer.
pub(super) fn of_group(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    action: &Action,
    group: &GroupId,
    answer: Option<&Answer>,
) -> Option<Act> {
    let Action::TransferOwner { to, except, alert_if_none } = action else { return None };
    let kind = run.event.group_type.or(draft.group(group).group_type);
    if kind.is_some_and(|kind| !kind.supports(Ability::TransferOwner)) {
        let kind = kind.map_or("these", GroupType::name);
        run.left_out.push(format!("transfer {group}: {kind} groups cannot change their owner"));
        return None;
    }
    let Some(Answer::Candidates { group: facts, members }) = answer else {
        return Some(Act::Read(Read::Candidates { group: group.clone() }));
    };
    if !facts.exists {
        run.left_out.push(format!("transfer {group}: the group does not exist any more"));
        return None;
    }
    if for_want_of_owner(run.event)
        && let Some(owner) = &facts.owner
    {
        run.left_out.push(format!("transfer {group}: {owner} owns it by now"));
        return None;
    }
    let old = facts.owner.clone();
    let mut eligible = Vec::new();
    for member in members.iter().filter(|m| Some(&m.account) != old.as_ref()) {
        match stands_in_the_way(draft, run, except.as_ref(), member) {
            None => eligible.push(member),
            Some(why) => run.left_out.push(format!("choose {}: {why}", member.account)),
        }
    }
    if let Some(chosen) = first_of(to, &eligible) {
        return Some(Act::TransferOwner { group: group.clone(), from: old, to: chosen });
    }
    nobody(run, group, members.len(), *alert_if_none)
}

fn nobody(run: &mut Run<'_>, group: &GroupId, members: usize, alert: bool) -> Option<Act> {
    let text = format!(
        "{group} has no owner, and `{}` finds nobody to become one among {members} members",
        run.rule.id
    );
    run.left_out.push(format!("transfer {group}: nobody may succeed"));
    alert.then_some(Act::Alert { text })
}

/// Whether the rule acts because there was no owner; then a present one ends the matter.
fn for_want_of_owner(event: &Event) -> bool {
    use crate::rule::EventKind::{GroupOwnerless, OwnerLeft};
    matches!(event.kind(), Some(OwnerLeft | GroupOwnerless))
}

fn stands_in_the_way(
    draft: &Draft<'_>,
    run: &Run<'_>,
    except: Option<&Condition>,
    member: &MemberFacts,
) -> Option<String> {
    if run.tried.contains(&member.account) || run.tried.len() >= TRIES {
        return Some("Chat refused it".into());
    }
    if draft.settings.own.contains(&member.account) {
        return Some("it is the bot's own account".into());
    }
    let except = except?;
    let mut context = View { draft, event: run.event, count: run.count }.context();
    bind_candidate(&mut context, member, draft.now);
    for clause in except.clauses() {
        match clause.evaluate(&context) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(format!("`except` could not be judged: {error}")),
        }
    }
    Some("`except` holds".into())
}

/// The first wish that somebody fulfils.
fn first_of(wishes: &[Successor], eligible: &[&MemberFacts]) -> Option<Account> {
    wishes.iter().find_map(|wish| one_of(wish, eligible))
}

fn one_of(wish: &Successor, eligible: &[&MemberFacts]) -> Option<Account> {
    // Equal times are told apart by the account, so that the same answer gives the same choice.
    let longest = |member: &&&MemberFacts| {
        (member.joined_at.unwrap_or(Timestamp(i64::MAX)), member.account.clone())
    };
    let chosen = match wish {
        Successor::Account(account) => eligible.iter().find(|m| m.account == *account),
        Successor::LongestServingAdmin => {
            eligible.iter().filter(|m| m.role == Role::Admin).min_by_key(longest)
        }
        Successor::LongestServingMember => eligible.iter().min_by_key(longest),
        Successor::MostRecentlyActive => eligible
            .iter()
            .filter(|m| m.last_message_at.is_some())
            .min_by_key(|m| (Reverse(m.last_message_at), m.account.clone())),
    };
    chosen.map(|member| member.account.clone())
}

/// The effect of `transfer_owner` for a room. Its members are not read in this version: only named
/// accounts can succeed.
pub(super) fn of_room(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    action: &Action,
    room: &Room,
) -> Option<Act> {
    let Action::TransferOwner { to, alert_if_none, .. } = action else { return None };
    let from = match room_owner(draft, room) {
        Owner::Is(owner) => Some(owner),
        Owner::Nobody | Owner::Unknown => None,
    };
    if room.kind == RoomKind::Conference && from.is_none() {
        // 60713 demands the present owner's name.
        run.left_out.push(format!("transfer room {}: nobody told us who owns it", room.id));
        return None;
    }
    let named = to.iter().find_map(|wish| match wish {
        Successor::Account(account) if from.as_ref() != Some(account) => Some(account.clone()),
        _ => None,
    });
    match named {
        Some(to) => Some(Act::TransferRoom { room: room.id.clone(), kind: room.kind, from, to }),
        None => {
            let text = format!("room {}: `{}` names nobody to own it", room.id, run.rule.id);
            run.left_out.push(format!("transfer room {}: no account is named", room.id));
            alert_if_none.then_some(Act::Alert { text })
        }
    }
}
