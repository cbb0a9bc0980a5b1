//! The end of a sanction: verified, tried again until it is certain, and told when it is late.

use std::time::Duration;

use super::{Who, ended, is_of_another_group, live, owe, renewal, set, words};
use crate::chat::Role;
use crate::decision::draft::Draft;
use crate::decision::effect::{Act, Effect, Read};
use crate::decision::event::{Event, EventId, Timer};
use crate::decision::settle::alert;
use crate::decision::state::{LATE, Sanction, SanctionKind};
use crate::rule::duration;

/// An end that was given up is tried again after this.
const AGAIN: Duration = Duration::from_secs(3_600);
/// What Chat refuses so often will not be allowed by asking once more: a day of tries.
const REFUSALS: u32 = 24;
/// Chat's words for a group that is gone: it does not exist, or its id is none (10010, 10015).
const GONE: [i64; 2] = [10010, 10015];

/// The time of a sanction is over: asks Chat whether a mute has ended, takes a temporary role back.
pub(in crate::decision) fn time_is_over(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    id: &EventId,
) {
    let (group, member, kind) = who;
    let Some(sanction) = live(draft, who, id).cloned() else {
        draft.note(format!("a newer {} of {member} has superseded this one", kind.name()));
        return;
    };
    if sanction.until.is_none_or(|until| until > draft.now) {
        draft.note(format!("{} has a later end by now", words(who)));
        if sanction.until.is_some_and(|until| until <= event.time) {
            // It is the end that this timer was for: the clock went back since it was found.
            super::timer_for_end(draft, who, &sanction);
        }
        return;
    }
    if sanction.ending {
        draft.note(format!("{} is being ended already", words(who)));
        return;
    }
    if is_of_another_group(draft, group, &sanction) {
        draft.note(format!("{} was in an earlier group of this id", words(who)));
        return set(draft, who, None);
    }
    let ending = Sanction { ending: true, ..sanction.clone() };
    let act = match kind {
        // `Duration` of 50296: Chat counts it down by itself. Only what an operator has lifted, and Chat
        // has refused to lift, may go on.
        SanctionKind::Ban if !sanction.lifted => {
            draft.note(format!("the ban of {member} is over"));
            set(draft, who, None);
            return;
        }
        SanctionKind::Mute => Act::Read(Read::Muted {
            group: group.clone(),
            member: member.clone(),
            sanction: id.clone(),
        }),
        SanctionKind::MuteAll | SanctionKind::Role | SanctionKind::Ban => {
            ending_act(draft, who, &ending)
        }
    };
    let what = match ending.tries {
        0 => "end".to_owned(),
        tries => format!("end {tries}"),
    };
    owe(draft, event, &ending, act, &what);
    await_end(draft, who, ending);
}

/// The call that ends a sanction now.
pub(super) fn ending_act(
    draft: &Draft<'_>,
    (group, member, kind): Who<'_>,
    sanction: &Sanction,
) -> Act {
    let (group, member) = (group.clone(), member.clone());
    match kind {
        SanctionKind::Mute => Act::Unmute { group, member, ends: Some(sanction.id.clone()) },
        SanctionKind::Ban => Act::Unban { group, member },
        SanctionKind::MuteAll => Act::UnmuteAll { group },
        SanctionKind::Role => Act::SetRole {
            group_type: draft.group(&group).group_type,
            group,
            member,
            role: sanction.before.unwrap_or(Role::Member),
        },
    }
}

/// From now on the end is owed. Unless it is certain soon, people are told.
pub(super) fn await_end(draft: &mut Draft<'_>, who: Who<'_>, ending: Sanction) {
    if ending.told_late.is_none() {
        let (group, member, kind) = (who.0.clone(), who.1.clone(), who.2);
        let timer = Timer::SanctionLate { group, member, kind, sanction: ending.id.clone() };
        draft.timer(draft.now + LATE, timer);
    }
    set(draft, who, Some(ending));
}

/// A sanction should have ended a while ago: told once, if it is still not certain.
pub(in crate::decision) fn is_late(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    id: &EventId,
) {
    let now = draft.now;
    let late = live(draft, who, id).filter(|live| live.is_late(now) && live.told_late.is_none());
    let Some(late) = late.cloned() else { return };
    let until = late.until.unwrap_or(now);
    let text = format!(
        "{} by `{}` should have ended at {until}, and Chat has not confirmed that yet; it is tried until \
         it is certain (`groupkeeper sanctions list --late`)",
        words(who),
        late.rule
    );
    // Told by the bot itself: no rule has a step for it.
    alert(draft, event, &event.id, None, text);
    set(draft, who, Some(Sanction { told_late: Some(now), ..late }));
}

/// The end of a sanction was refused (with Chat's code) or given up: it is tried again in an hour.
pub(in crate::decision) fn not_ended(
    draft: &mut Draft<'_>,
    event: &Event,
    effect: &Effect,
    who: Who<'_>,
    refusal: Option<i64>,
) {
    let (group, member, kind) = who;
    let Some(sanction) = draft.sanction(group, member, kind).cloned() else { return };
    if sanction.until.is_none_or(|until| until > draft.now) {
        draft.note(format!("{} goes on: its end was not sent, or not taken", words(who)));
        let goes_on = Sanction { ending: false, ..sanction };
        if goes_on.chat_until.is_some() {
            // Its timer may have come while the end was under way.
            renewal::renew_at(draft, who, &goes_on, draft.now);
        }
        return set(draft, who, Some(goes_on));
    }
    let gone = draft.group(group).dismissed || refusal.is_some_and(|code| GONE.contains(&code));
    if gone {
        draft.note(format!("{} is over: the group is gone", words(who)));
        set(draft, who, None);
        return;
    }
    if refusal.is_some() && sanction.away {
        draft.note(format!("{member} is not in the group; nothing is left to be lifted"));
        match kind {
            SanctionKind::Mute => ended(draft, event, group, member, "lifted"),
            _ => closed(draft, event, who),
        }
        return;
    }
    let tries = sanction.tries + 1;
    if refusal.is_some() && tries >= REFUSALS {
        let text = format!(
            "{} should have ended, and Chat has refused to verify or lift it {tries} times; the bot \
             gives it up: look at it in the console",
            words(who)
        );
        set(draft, who, None);
        alert(draft, event, &effect.id, Some(sanction.rule), text);
        return;
    }
    if sanction.told_late.is_none() {
        let text = format!(
            "{} should have ended, and Chat does not let the bot verify or lift it; it is tried again \
             every hour (`groupkeeper sanctions list --late`)",
            words(who)
        );
        alert(draft, event, &effect.id, Some(sanction.rule.clone()), text);
    }
    let told_late = sanction.told_late.or(Some(draft.now));
    let (group, member) = (group.clone(), member.clone());
    let timer = Timer::SanctionEnd { group, member, kind, sanction: sanction.id.clone() };
    draft.timer(draft.now + AGAIN, timer);
    set(draft, who, Some(Sanction { ending: false, tries, told_late, ..sanction }));
}

/// The end is certain: the record goes. Whoever was told that it is late is told this too.
pub(in crate::decision) fn closed(draft: &mut Draft<'_>, event: &Event, who: Who<'_>) {
    let Some(sanction) = draft.sanction(who.0, who.1, who.2).cloned() else { return };
    set(draft, who, None);
    let (Some(_), Some(until)) = (sanction.told_late, sanction.until) else { return };
    let late = Duration::from_secs(draft.now.since(until).as_secs());
    let late = duration::format(late);
    let text = format!("{} by `{}` is over at last, {late} late", words(who), sanction.rule);
    alert(draft, event, &event.id.derive("at last"), None, text);
}
