//! Sanctions: wanted states with an end. They begin with an effect, and their end is verified.

mod seen;

use std::time::Duration;

pub(super) use seen::list_seen;
pub(super) use seen::mute_seen;

use super::draft::Draft;
use super::effect::{Act, Effect, Manner, Read};
use super::event::{Event, EventId, Field, Timer};
use super::state::{Sanction, SanctionKind, Sanctioned};
use crate::chat::{Account, GroupId, Role};
use crate::clock::Timestamp;
use crate::rule::{EventKind, RuleId, duration};

/// Chat counts `MuteTime` from when it got the call; an end that differs by no more is ours.
const TOLERANCE: Duration = Duration::from_secs(60);

/// Records a sanction under its effect's id, with a timer for its end. A newer one of the same rule
/// supersedes; of two rules, the later end wins.
pub(super) fn begin(draft: &mut Draft<'_>, rule: &RuleId, event: &EventId, whom: Sanctioned) {
    let now = draft.now;
    let until = whom.time.map(|time| now + time);
    if let Some(longer) = outlasts(draft, rule, &whom, until) {
        keep_longer(draft, &whom, &longer);
        return;
    }
    let effect = draft.effects.iter().find(|effect| effect.id == whom.id);
    let role = effect.and_then(|effect| match &effect.act {
        Act::SetRole { role, .. } => Some(*role),
        _ => None,
    });
    let sanction = Sanction {
        id: whom.id.clone(),
        from: now,
        until,
        time: whom.time,
        reason: whom.reason,
        rule: rule.clone(),
        event: event.clone(),
        ending: false,
        before: whom.before,
        role,
        confirmed: None,
        chat_until: None,
        away: false,
        tries: 0,
        told_late: None,
    };
    draft.set_sanction(&whom.group, &whom.member, whom.kind, Some(sanction));
    if let Some(until) = until {
        let timer = Timer::SanctionEnd {
            group: whom.group,
            member: whom.member,
            kind: whom.kind,
            sanction: whom.id,
        };
        draft.timer(until, timer);
    }
}

/// The sanction of another rule that runs and ends later than this one would.
fn outlasts(
    draft: &Draft<'_>,
    rule: &RuleId,
    whom: &Sanctioned,
    until: Option<Timestamp>,
) -> Option<Sanction> {
    // What somebody is has no length: the newer role is the one that is wanted.
    if whom.kind == SanctionKind::Role {
        return None;
    }
    let running = draft.sanction(&whom.group, &whom.member, whom.kind)?;
    let later = running.until.is_none_or(|end| until.is_some_and(|until| end > until));
    (running.rule != *rule && !running.ending && later).then(|| running.clone())
}

/// Leaves the longer sanction in place. Chat takes every call for the new end, so it gets the later one.
fn keep_longer(draft: &mut Draft<'_>, whom: &Sanctioned, longer: &Sanction) {
    let now = draft.now;
    if let Some(effect) = draft.effects.iter_mut().find(|effect| effect.id == whom.id) {
        match &mut effect.act {
            Act::Mute { time, until, .. } | Act::Ban { time, until, .. } => {
                *until = longer.until;
                *time = longer.until.map(|until| until.since(now));
            }
            Act::MuteAll { time, .. } => *time = longer.until.map(|until| until.since(now)),
            _ => {}
        }
    }
    let end = longer.until.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
    let of = if whom.kind == SanctionKind::MuteAll {
        "in the group".to_owned()
    } else {
        format!("of {}", whom.member)
    };
    draft.note(format!("the {} {of} by `{}` goes on {end}", whom.kind.name(), longer.rule));
}

/// Chat has taken a mute: from now on its list of muted members tells something of it.
pub(super) fn confirmed(
    draft: &mut Draft<'_>,
    (group, member): (&GroupId, &Account),
    until: Option<Timestamp>,
) {
    let live = draft.sanction(group, member, SanctionKind::Mute);
    let Some(live) = live.filter(|live| !live.ending && live.at_chat() == until) else { return };
    let confirmed = Sanction { confirmed: Some(draft.now), ..live.clone() };
    draft.set_sanction(group, member, SanctionKind::Mute, Some(confirmed));
}

/// The time of a sanction is over: asks Chat whether a mute has ended, takes a temporary role back.
pub(super) fn time_is_over(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member, kind): (&GroupId, &Account, SanctionKind),
    id: &EventId,
) {
    let Some(sanction) = draft.sanction(group, member, kind).filter(|live| live.id == *id) else {
        draft.note(format!("a newer {} of {member} has superseded this one", kind.name()));
        return;
    };
    if sanction.until.is_none_or(|until| until > draft.now) {
        draft.note(format!("the {} of {member} has a later end by now", kind.name()));
        return;
    }
    let mut ending = sanction.clone();
    ending.ending = true;
    let act = match kind {
        SanctionKind::Ban => {
            // `Duration` of 50296: Chat counts it down by itself.
            draft.note(format!("the ban of {member} is over"));
            draft.set_sanction(group, member, kind, None);
            return;
        }
        SanctionKind::MuteAll => Act::UnmuteAll { group: group.clone() },
        SanctionKind::Mute => Act::Read(Read::Muted {
            group: group.clone(),
            member: member.clone(),
            sanction: id.clone(),
        }),
        SanctionKind::Role => Act::SetRole {
            group: group.clone(),
            group_type: draft.group(group).group_type,
            member: member.clone(),
            role: ending.before.unwrap_or(Role::Member),
        },
    };
    owe(draft, event, &ending, act, "end");
    draft.set_sanction(group, member, kind, Some(ending));
}

/// A person has decided what a member is: a temporary role is theirs to end, and no longer ours.
pub(super) fn overruled(draft: &mut Draft<'_>, group: &GroupId, member: &Account, why: &str) {
    if draft.sanction(group, member, SanctionKind::Role).is_some() {
        draft.note(format!("the temporary role of {member} ends before its time: {why}"));
        draft.set_sanction(group, member, SanctionKind::Role, None);
    }
}

/// Somebody who is muted is not in the group any more: until they are back, Chat's list of muted
/// members tells nothing of them.
pub(super) fn goes_away(draft: &mut Draft<'_>, group: &GroupId, member: &Account) {
    let Some(live) = draft.sanction(group, member, SanctionKind::Mute) else { return };
    let away = Sanction { away: true, confirmed: None, ..live.clone() };
    draft.set_sanction(group, member, SanctionKind::Mute, Some(away));
}

/// Somebody who is muted is back in the group: they get what is left of it, under the same sanction.
///
/// `forbid_send_msg` outlives a leave (34951); of `MuteTime`, which mutes one member, it is not documented.
pub(super) fn comes_back(draft: &mut Draft<'_>, event: &Event, group: &GroupId, member: &Account) {
    let now = draft.now;
    let runs = |live: &&Sanction| !live.ending && live.until.is_none_or(|until| until > now);
    let live = draft.sanction(group, member, SanctionKind::Mute).filter(runs);
    let Some(sanction) = live.cloned() else { return };
    let left = sanction.until.map(|until| until.since(now));
    let words = left.map_or_else(|| "ever".to_owned(), duration::format);
    draft.note(format!("{member} comes back with a mute of `{}` for {words}", sanction.rule));
    let back = Sanction { away: false, confirmed: None, ..sanction.clone() };
    draft.set_sanction(group, member, SanctionKind::Mute, Some(back));
    let (group, member) = (group.clone(), member.clone());
    let act = Act::Mute { group, member, time: left, until: sanction.until };
    owe(draft, event, &sanction, act, &format!("rest {}", event.id));
}

/// Something that the bot owes by itself, on account of a sanction.
fn owe(draft: &mut Draft<'_>, event: &Event, sanction: &Sanction, act: Act, what: &str) {
    draft.effects.push(Effect {
        id: sanction.id.derive(what),
        lane: event.lane(),
        act,
        rule: Some(sanction.rule.clone()),
        event: event.id.clone(),
        created: draft.now,
        manner: Manner::Send,
        then: None,
        continue_on_refusal: true,
    });
}

/// A mute of ours is over: its record goes, and `mute.ended` follows.
pub(super) fn ended(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    member: &Account,
    reason: &str,
) {
    draft.set_sanction(group, member, SanctionKind::Mute, None);
    let mut record = draft.member(group, member);
    if record.muted_until.take().is_some() {
        draft.set_member(group, member, record);
    }
    let derived = draft.derive(event, EventKind::MuteEnded);
    derived.group = Some(group.clone());
    derived.member = Some(member.clone());
    derived.fields.insert("reason".into(), Field::Text(reason.into()));
}
