//! Sanctions: wanted states with an end. They begin with an effect, and their end is verified.

mod ending;
mod order;
mod renewal;
mod seen;

use std::time::Duration;

pub(super) use ending::{closed, is_late, not_ended, time_is_over};
pub(super) use order::{extended, lifted};
pub(super) use renewal::{not_renewed, to_be_renewed};
pub(super) use seen::{list_seen, mute_seen};

use super::draft::Draft;
use super::effect::{Act, Effect};
use super::event::{Event, EventId, Field, Timer};
use super::loops;
use super::state::{Sanction, SanctionKind, Sanctioned};
use crate::chat::{Account, GroupId, Role};
use crate::clock::Timestamp;
use crate::rule::{EventKind, RuleId, duration};

/// Chat counts `MuteTime` from when it got the call; an end that differs by no more is ours.
const TOLERANCE: Duration = Duration::from_secs(60);

/// What is told of when a group was made differs by no more.
const MADE: Duration = Duration::from_secs(3_600);

/// Whom a sanction restrains, and how.
type Who<'w> = (&'w GroupId, &'w Account, SanctionKind);

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
    let mut sanction = Sanction {
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
        lifted: false,
        tries: 0,
        told_late: None,
        instead_of: None,
        group_made: draft.group(&whom.group).created_at,
    };
    let who = (&whom.group, &whom.member, whom.kind);
    sanction.instead_of = superseded(draft, who);
    let at_chat = renewal::end_for_chat(draft, who, &mut sanction);
    if sanction.chat_until.is_some() {
        set_end(draft, &whom.id, at_chat);
    }
    note_shortening(draft, who, &whom.id, at_chat);
    timer_for_end(draft, who, &sanction);
    set(draft, who, Some(sanction));
}

/// The sanction whose place a newer one takes: as Chat knows it, so not one that has not happened yet.
fn superseded(draft: &Draft<'_>, (group, member, kind): Who<'_>) -> Option<Box<Sanction>> {
    let running = draft.sanction(group, member, kind).filter(|running| !running.ending)?;
    match running.confirmed {
        Some(_) => Some(Box::new(Sanction { instead_of: None, ..running.clone() })),
        None => running.instead_of.clone(),
    }
}

/// A sanction has not come to be. What it was to take the place of goes on, and is ended in its time.
pub(super) fn fell(
    draft: &mut Draft<'_>,
    who: (&GroupId, &Account, SanctionKind),
    live: &Sanction,
) {
    let before = live.instead_of.as_deref().cloned();
    if let Some(before) = &before {
        draft.note(format!("{} by `{}` goes on as it was", words(who), before.rule));
        // Its timer may have come meanwhile, and found another in its place.
        timer_for_end(draft, who, before);
        if before.chat_until.is_some() {
            renewal::renew_at(draft, who, before, draft.now);
        }
    }
    set(draft, who, before);
}

fn set(draft: &mut Draft<'_>, (group, member, kind): Who<'_>, sanction: Option<Sanction>) {
    draft.set_sanction(group, member, kind, sanction);
}

/// The live sanction with this id. A newer one may stand in its place.
fn live<'d>(
    draft: &'d Draft<'_>,
    (group, member, kind): Who<'_>,
    id: &EventId,
) -> Option<&'d Sanction> {
    draft.sanction(group, member, kind).filter(|live| live.id == *id)
}

/// `of ann in @TGS#cats`, or `of everybody in @TGS#cats`.
fn words((group, member, kind): Who<'_>) -> String {
    match kind {
        SanctionKind::MuteAll => format!("the mute of everybody in {group}"),
        SanctionKind::Role => format!("the temporary role of {member} in {group}"),
        SanctionKind::Mute | SanctionKind::Ban => {
            format!("the {} of {member} in {group}", kind.name())
        }
    }
}

fn timer_for_end(draft: &mut Draft<'_>, (group, member, kind): Who<'_>, sanction: &Sanction) {
    if let Some(until) = sanction.until {
        let (group, member) = (group.clone(), member.clone());
        let timer = Timer::SanctionEnd { group, member, kind, sanction: sanction.id.clone() };
        draft.timer(until, timer);
    }
}

/// The sanction of another rule that runs and ends later than this one would.
pub(super) fn outlasts(
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
    set_end(draft, &whom.id, longer.at_chat());
    let end = longer.until.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
    let of = if whom.kind == SanctionKind::MuteAll {
        "in the group".to_owned()
    } else {
        format!("of {}", whom.member)
    };
    draft.note(format!("the {} {of} by `{}` goes on {end}", whom.kind.name(), longer.rule));
}

/// Notes in an effect of this decision whether a longer one of ours stands where it begins.
fn note_shortening(draft: &mut Draft<'_>, who: Who<'_>, id: &EventId, until: Option<Timestamp>) {
    let now = shortens(draft, who, until);
    let effect = draft.effects.iter_mut().find(|effect| effect.id == *id);
    if let Some(Act::Mute { shortens, .. } | Act::Ban { shortens, .. }) =
        effect.map(|effect| &mut effect.act)
    {
        *shortens = now;
    }
}

/// Gives an effect of this decision another end.
fn set_end(draft: &mut Draft<'_>, id: &EventId, end: Option<Timestamp>) {
    let now = draft.now;
    let Some(effect) = draft.effects.iter_mut().find(|effect| effect.id == *id) else { return };
    match &mut effect.act {
        Act::Mute { time, until, .. } | Act::Ban { time, until, .. } => {
            *until = end;
            *time = end.map(|end| end.since(now));
        }
        Act::MuteAll { time, .. } => *time = end.map(|end| end.since(now)),
        _ => {}
    }
}

/// What becomes of the records of sanctions by effects that a rule has sent: not by those that a limit
/// holds back or drops. They are over when Chat has confirmed that; until then their records stay, so
/// that an end which is refused is not forgotten.
pub(super) fn end_with(draft: &mut Draft<'_>, effects: &mut [Effect], begun: &[Sanctioned]) {
    for effect in effects {
        // A role that is meant to stay ends the one that was meant to pass.
        let stays = begun.iter().all(|one| one.id != effect.id);
        let ended = match &effect.act {
            Act::Unmute { group, member, .. } => (group, member.clone(), SanctionKind::Mute),
            Act::UnmuteAll { group } => (group, Account::everybody(), SanctionKind::MuteAll),
            Act::Unban { group, member } => (group, member.clone(), SanctionKind::Ban),
            Act::SetRole { group, member, .. } if stays => {
                (group, member.clone(), SanctionKind::Role)
            }
            _ => continue,
        };
        let (group, member, kind) = (ended.0.clone(), ended.1, ended.2);
        let Some(live) = draft.sanction(&group, &member, kind).cloned() else { continue };
        if let Act::Unmute { ends, .. } = &mut effect.act {
            *ends = Some(live.id.clone());
        }
        draft.set_sanction(&group, &member, kind, Some(Sanction { ending: true, ..live }));
    }
}

/// Chat has taken a mute: from now on its list of muted members tells something of it.
pub(super) fn confirmed(
    draft: &mut Draft<'_>,
    who: (&GroupId, &Account, SanctionKind),
    until: Option<Timestamp>,
) {
    let live = draft.sanction(who.0, who.1, who.2);
    let Some(live) = live.filter(|live| !live.ending && live.at_chat() == until) else { return };
    let now = Some(draft.now);
    let confirmed = Sanction { confirmed: now, tries: 0, instead_of: None, ..live.clone() };
    set(draft, who, Some(confirmed));
}

/// Chat has set a role, by this effect.
pub(super) fn role_set(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member, role): (&GroupId, &Account, Role),
    by: &EventId,
) {
    let who = (group, member, SanctionKind::Role);
    match draft.sanction(group, member, SanctionKind::Role) {
        // Whatever it is by now, the temporary one is no more.
        Some(live) if live.ending && live.id != *by => closed(draft, event, who),
        _ => role_echoed(draft, event, group, member, role),
    }
}

/// Our own change of a role comes back as a callback: it is so, whatever became of the call's answer.
pub(super) fn role_echoed(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    member: &Account,
    role: Role,
) {
    let who = (group, member, SanctionKind::Role);
    let Some(live) = draft.sanction(group, member, SanctionKind::Role).cloned() else { return };
    let back = role == live.before.unwrap_or(Role::Member);
    if live.ending && (back || live.role.is_some_and(|its| its != role)) {
        closed(draft, event, who);
    } else if !live.ending && live.role == Some(role) && live.confirmed.is_none() {
        let now = Some(draft.now);
        set(draft, who, Some(Sanction { confirmed: now, instead_of: None, ..live }));
    }
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
    unbanned(draft, group, member);
    let (now, who) = (draft.now, (group, member, SanctionKind::Mute));
    let runs = |live: &&Sanction| !live.ending && live.until.is_none_or(|until| until > now);
    let live = draft.sanction(group, member, SanctionKind::Mute).cloned();
    if live.as_ref().is_some_and(|live| is_of_another_group(draft, group, live)) {
        draft.note(format!("{} was in an earlier group of this id", words(who)));
        return set(draft, who, None);
    }
    if let Some(ending) = live.clone().filter(|live| live.ending && live.away) {
        // What Chat refuses from now on is refused of somebody who is there.
        set(draft, who, Some(Sanction { away: false, ..ending }));
    }
    let Some(mut sanction) = live.filter(|live| runs(&live)) else { return };
    (sanction.away, sanction.confirmed) = (false, None);
    let left = sanction.until.map(|until| until.since(now));
    let words = left.map_or_else(|| "ever".to_owned(), duration::format);
    draft.note(format!("{member} comes back with a mute of `{}` for {words}", sanction.rule));
    let until = renewal::end_for_chat(draft, who, &mut sanction);
    mute(draft, event, who, &sanction, until, &format!("rest {}", event.id));
    set(draft, who, Some(sanction));
}

/// Whether a sanction began in an earlier group: ids are free again once their group is dismissed. Only Chat's
/// times are compared, for ours may be wrong.
fn is_of_another_group(draft: &Draft<'_>, group: &GroupId, sanction: &Sanction) -> bool {
    let made = sanction.group_made.zip(draft.group(group).created_at);
    made.is_some_and(|(then, now)| then + MADE < now)
}

/// Whom Chat lets in is banned no more: a person has taken it back, and it is not renewed.
fn unbanned(draft: &mut Draft<'_>, group: &GroupId, member: &Account) {
    let Some(ban) = draft.sanction(group, member, SanctionKind::Ban) else { return };
    // A ban that is under way may be overtaken by the one who is banned.
    if ban.confirmed.is_some() {
        draft.note(format!("{member} is banned no more: a person has lifted it"));
        draft.set_sanction(group, member, SanctionKind::Ban, None);
    }
}

/// Whether the sanction that stands goes on, at Chat, for longer than to this end.
fn shortens(draft: &Draft<'_>, (group, member, kind): Who<'_>, until: Option<Timestamp>) -> bool {
    let Some(until) = until else { return false };
    let stands = draft.sanction(group, member, kind).filter(|stands| !stands.ending);
    stands.is_some_and(|stands| stands.at_chat().is_none_or(|end| end > until))
}

/// Owes the mute of a sanction, up to an end.
fn mute(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member, _): Who<'_>,
    sanction: &Sanction,
    until: Option<Timestamp>,
    what: &str,
) {
    let time = until.map(|until| until.since(draft.now));
    let shortens = shortens(draft, (group, member, SanctionKind::Mute), until);
    let act = Act::Mute { group: group.clone(), member: member.clone(), time, until, shortens };
    owe(draft, event, sanction, act, what);
}

/// The same for a ban.
fn ban(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    sanction: &Sanction,
    until: Option<Timestamp>,
    what: &str,
) {
    let act = Act::Ban {
        group: who.0.clone(),
        member: who.1.clone(),
        time: until.map(|until| until.since(draft.now)),
        until,
        shortens: shortens(draft, who, until),
        reason: sanction.reason.clone(),
    };
    owe(draft, event, sanction, act, what);
}

/// Something that the bot owes by itself, on account of a sanction.
fn owe(draft: &mut Draft<'_>, event: &Event, sanction: &Sanction, act: Act, what: &str) {
    draft.owe(event, sanction.id.derive(what), Some(sanction.rule.clone()), act);
}

/// A person has lifted a mute of ours.
fn overruled_mute(draft: &mut Draft<'_>, event: &Event, group: &GroupId, member: &Account) {
    draft.note(format!("{member} is not muted any more: a person has lifted it"));
    loops::unmuted(draft, group, member);
    ended(draft, event, group, member, "overruled");
}

/// Nobody mutes a member any more.
pub(super) fn heard_again(draft: &mut Draft<'_>, group: &GroupId, member: &Account) {
    let mut record = draft.member(group, member);
    if record.muted_until.take().is_some() {
        draft.set_member(group, member, record);
    }
}

/// A mute of ours is over: its record goes, and `mute.ended` follows.
pub(super) fn ended(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    member: &Account,
    reason: &str,
) {
    closed(draft, event, (group, member, SanctionKind::Mute));
    heard_again(draft, group, member);
    let derived = draft.derive(event, EventKind::MuteEnded);
    derived.group = Some(group.clone());
    derived.member = Some(member.clone());
    derived.fields.insert("reason".into(), Field::Text(reason.into()));
}
