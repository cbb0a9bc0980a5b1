//! The effect of `transfer_owner` for a group: first the question, then, with the answer, the transfer.

use super::super::draft::Draft;
use super::super::effect::{Act, Answer, MemberFacts, Read};
use super::super::event::{Event, Field};
use super::super::steps::{Outcome, Run};
use super::choice::{self, Wanted};
use super::gone_owner;
use crate::chat::{Ability, Account, GroupId, GroupType};
use crate::clock::Timestamp;
use crate::rule::EventKind;
use crate::rule::model::{Action, Successor};

const DAY: i64 = 86_400_000;

/// What `transfer_owner` comes to for a group.
pub(in super::super) fn of_group(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    action: &Action,
    group: &GroupId,
    answer: Option<&Answer>,
) -> Outcome {
    let Action::TransferOwner { to, except, alert_if_none } = action else {
        return Outcome::LeftOut;
    };
    let known = run.event.group_type.or(draft.group(group).group_type);
    if let Some(kind) = fixed(known) {
        return impossible(draft, run, group, kind, *alert_if_none);
    }
    let Some(Answer::Candidates { group: facts, members }) = answer else {
        let named = to.iter().filter_map(|wish| match wish {
            Successor::Account(account) => Some(account.clone()),
            _ => None,
        });
        let read = Read::Candidates { group: group.clone(), named: named.collect() };
        return Outcome::Act(Act::Read(read));
    };
    if !facts.exists {
        return run.leave_out(&format!("transfer {group}"), "the group does not exist any more");
    }
    if let Some(kind) = fixed(facts.group_type) {
        return impossible(draft, run, group, kind, *alert_if_none);
    }
    if let Some(owner) = &facts.owner
        && let Some(why) = settled(draft, run.event, owner, members)
    {
        return run.leave_out(&format!("transfer {group}"), &why);
    }
    let old = facts.owner.clone();
    let mut others: Vec<_> =
        members.iter().filter(|member| Some(&member.account) != old.as_ref()).collect();
    // Equal times are told apart by the account, so that the same answer gives the same choice.
    others.sort_by(|one, other| one.account.cmp(&other.account));
    let wanted = Wanted { to, except: except.as_ref() };
    if let Some(chosen) = choice::choose(draft, run, &wanted, &others) {
        return Outcome::Act(Act::TransferOwner { group: group.clone(), from: old, to: chosen });
    }
    run.left_out.push(format!("transfer {group}: nobody may succeed"));
    if !alert_if_none {
        return Outcome::LeftOut;
    }
    let state = match (&old, run.event.kind()) {
        (None, _) => "has no owner".to_owned(),
        (Some(owner), Some(EventKind::OwnerInactive)) => format!("has an inactive owner, {owner}"),
        (Some(owner), Some(EventKind::GroupOwnerless)) => {
            format!("belongs to {owner}, whose account is gone")
        }
        (Some(owner), _) => format!("belongs to {owner}"),
    };
    let found = choice::nobody(run, members.len());
    let text = format!("{group} {state}, and `{}` {found} members", run.rule.id);
    Outcome::Instead(Act::Alert { text })
}

/// The type, if groups of it keep their owner for good.
fn fixed(kind: Option<GroupType>) -> Option<GroupType> {
    kind.filter(|kind| !kind.supports(Ability::TransferOwner))
}

/// Chat cannot do it, for any member. People are told once for each group and rule, not at every event.
fn impossible(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    group: &GroupId,
    kind: GroupType,
    alert: bool,
) -> Outcome {
    let why = kind.lacks(Ability::TransferOwner);
    run.left_out.push(format!("transfer {group}: {why}"));
    let mut record = draft.group(group);
    if !alert || record.told_fixed.contains(&run.rule.id) {
        return Outcome::LeftOut;
    }
    if !draft.in_shadow(run.rule) {
        record.told_fixed.push(run.rule.id.clone());
        draft.set_group(group, record);
    }
    let text = format!(
        "`{}` cannot give {group} another owner: {why}. Make another group in its place, or keep the \
         rule to other types with `in`. It is not told again for this group",
        run.rule.id
    );
    Outcome::Instead(Act::Alert { text })
}

/// Why there is nothing to do any more, by what Chat has just said of the present owner: the rule acts
/// for want of one, or of an active one.
fn settled(
    draft: &Draft<'_>,
    event: &Event,
    owner: &Account,
    members: &[MemberFacts],
) -> Option<String> {
    let owns = || Some(format!("{owner} owns it by now"));
    match event.kind() {
        Some(EventKind::GroupOwnerless) if gone_owner(event).as_ref() == Some(owner) => None,
        Some(EventKind::OwnerLeft | EventKind::GroupOwnerless) => owns(),
        Some(EventKind::OwnerInactive) if event.member.as_ref() != Some(owner) => owns(),
        Some(EventKind::OwnerInactive) => active_again(draft, event, owner, members),
        _ => None,
    }
}

/// Whether the owner has said something since they were found inactive for so many days.
fn active_again(
    draft: &Draft<'_>,
    event: &Event,
    owner: &Account,
    members: &[MemberFacts],
) -> Option<String> {
    let days = match event.fields.get("inactive_days") {
        Some(Field::Int(days)) => *days,
        _ => 0,
    };
    let since = Timestamp(event.time.0.saturating_sub(days.saturating_mul(DAY)));
    let group = event.group.as_ref()?;
    let told = members.iter().find(|member| member.account == *owner)?.last_message_at;
    let heard = draft.member(group, owner).last_message_at;
    told.max(heard)
        .filter(|spoke| *spoke > since)
        .map(|spoke| format!("{owner} is active again, since {spoke}"))
}
