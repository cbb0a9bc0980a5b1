//! Mutes and bans that go on for longer than Chat takes at once: renewed before Chat ends them.

use std::time::Duration;

use super::{
    TOLERANCE, Who, ban, is_of_another_group, live, mute, overruled_mute, owe, seen, set, words,
};
use crate::clock::Timestamp;
use crate::decision::draft::Draft;
use crate::decision::effect::{Act, Effect, Read};
use crate::decision::event::{Event, EventId, Timer};
use crate::decision::settle::alert;
use crate::decision::state::{Sanction, SanctionKind};

/// A renewal that was refused or given up is tried again after this.
const AGAIN: Duration = Duration::from_secs(3_600);
/// After so many refusals the sanction is given up: a day of tries.
const REFUSALS: u32 = 24;

/// The end that Chat is told: the wanted one, or the latest that it takes, with a timer to renew it.
pub(super) fn end_for_chat(
    draft: &mut Draft<'_>,
    who: Who<'_>,
    sanction: &mut Sanction,
) -> Option<Timestamp> {
    sanction.chat_until = None;
    let longest = match who.2 {
        SanctionKind::Mute => draft.settings.longest_mute,
        SanctionKind::Ban => draft.settings.longest_ban,
        SanctionKind::Role | SanctionKind::MuteAll => None,
    };
    let Some(longest) = longest else { return sanction.until };
    let last = draft.now + longest;
    if sanction.until.is_some_and(|until| until <= last) {
        return sanction.until;
    }
    sanction.chat_until = Some(last);
    renew_at(draft, who, sanction, last - (longest / 10).min(Sanction::AHEAD));
    Some(last)
}

pub(super) fn renew_at(draft: &mut Draft<'_>, who: Who<'_>, sanction: &Sanction, at: Timestamp) {
    let (group, member, kind) = (who.0.clone(), who.1.clone(), who.2);
    let timer = Timer::SanctionRenewal { group, member, kind, sanction: sanction.id.clone() };
    draft.timer(at, timer);
}

/// Whether a sanction still wants to be renewed.
fn runs(draft: &Draft<'_>, live: &Sanction) -> bool {
    !live.ending && !live.away && live.until.is_none_or(|until| until > draft.now)
}

/// Chat's end comes nearer. Of a mute, it is read first whether a person has lifted it.
pub(in crate::decision) fn to_be_renewed(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    id: &EventId,
) {
    let (group, member, kind) = who;
    let Some(sanction) = live(draft, who, id).filter(|live| runs(draft, live)).cloned() else {
        draft.note(format!("{} is not to be renewed", words(who)));
        return;
    };
    if is_of_another_group(draft, group, &sanction) {
        draft.note(format!("{} was in an earlier group of this id", words(who)));
        return set(draft, who, None);
    }
    let what = format!("renewal {}", event.id);
    if kind == SanctionKind::Mute {
        let (group, member) = (group.clone(), member.clone());
        let read = Read::Muted { group, member, sanction: id.clone() };
        return owe(draft, event, &sanction, Act::Read(read), &what);
    }
    let mut renewed = Sanction { confirmed: None, ..sanction };
    let until = end_for_chat(draft, who, &mut renewed);
    ban(draft, event, who, &renewed, until, &what);
    set(draft, who, Some(renewed));
}

/// Chat has said until when a member is muted whose mute is to be renewed.
pub(super) fn seen(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    sanction: Sanction,
    until: Option<Timestamp>,
) {
    let (group, member, _) = who;
    let now = draft.now;
    if !runs(draft, &sanction) {
        return;
    }
    let (wanted, known) = (sanction.at_chat(), sanction.confirmed.is_some());
    match until.filter(|until| *until > now) {
        Some(until) if wanted.is_some_and(|wanted| until > wanted + TOLERANCE) => {
            draft.note(format!(
                "{member} is muted until {until}: somebody else wants it for longer"
            ));
            let outlives = sanction.until.is_some_and(|end| end <= until);
            let theirs = Sanction { chat_until: (!outlives).then_some(until), ..sanction };
            if !outlives {
                renew_at(draft, who, &theirs, until - Sanction::AHEAD.min(until.since(now) / 10));
            }
            set(draft, who, Some(theirs));
        }
        Some(until) if known && wanted.is_some_and(|wanted| until + TOLERANCE < wanted) => {
            seen::shortened(draft, who, sanction, until);
        }
        // After Chat's own end, nobody has lifted anything.
        None if known && wanted.is_none_or(|wanted| wanted > now + TOLERANCE) => {
            overruled_mute(draft, event, group, member);
        }
        _ => {
            let mut renewed = Sanction { confirmed: None, ..sanction };
            let until = end_for_chat(draft, who, &mut renewed);
            mute(draft, event, who, &renewed, until, &format!("renewed {}", event.id));
            set(draft, who, Some(renewed));
        }
    }
}

/// A mute or ban that goes on could not be set anew, or not be asked for: it is tried again.
pub(in crate::decision) fn not_renewed(
    draft: &mut Draft<'_>,
    event: &Event,
    effect: &Effect,
    who: Who<'_>,
    refused: bool,
) {
    let Some(sanction) = draft.sanction(who.0, who.1, who.2).cloned() else { return };
    if !runs(draft, &sanction) {
        return;
    }
    let tries = sanction.tries + 1;
    let gives_up = draft.group(who.0).dismissed || (refused && tries >= REFUSALS);
    let end = match sanction.at_chat() {
        Some(end) => format!("Chat may end it at {end}"),
        None => "Chat may end it before its time".to_owned(),
    };
    if gives_up || tries == 1 {
        let then = if gives_up { "the bot gives it up" } else { "it is tried again every hour" };
        let text = format!("{} could not be renewed: {end}; {then}", words(who));
        alert(draft, event, &effect.id, Some(sanction.rule.clone()), text);
    }
    if gives_up {
        return set(draft, who, None);
    }
    renew_at(draft, who, &sanction, draft.now + AGAIN);
    set(draft, who, Some(Sanction { tries, ..sanction }));
}
