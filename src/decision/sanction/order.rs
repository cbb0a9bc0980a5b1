//! What an operator orders of a sanction: that it ends now, or at another time.

use super::ending::{await_end, ending_act};
use super::{Who, ban, live, mute, owe, renewal, set, timer_for_end, words};
use crate::clock::Timestamp;
use crate::decision::draft::Draft;
use crate::decision::event::{Event, EventId};
use crate::decision::state::{Sanction, SanctionKind};

/// An operator ends a sanction before its time. It is over when Chat has confirmed that.
pub(in crate::decision) fn lifted(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    id: &EventId,
) {
    let Some(sanction) = live(draft, who, id).cloned() else {
        draft.note(format!("{} is over already", words(who)));
        return;
    };
    if sanction.ending && sanction.told_late.is_none() {
        draft.note(format!("{} is being ended already", words(who)));
        return;
    }
    draft.note(format!("an operator lifts {}", words(who)));
    let until = sanction.until.filter(|until| *until <= draft.now).or(Some(draft.now));
    let ending = Sanction { ending: true, until, chat_until: None, lifted: true, ..sanction };
    let act = ending_act(draft, who, &ending);
    owe(draft, event, &ending, act, &format!("lift {}", event.id));
    await_end(draft, who, ending);
}

/// An operator gives a sanction another end, sooner or later than its own.
pub(in crate::decision) fn extended(
    draft: &mut Draft<'_>,
    event: &Event,
    who: Who<'_>,
    id: &EventId,
    until: Timestamp,
) {
    let kind = who.2;
    let Some(sanction) = live(draft, who, id).cloned() else {
        draft.note(format!("{} is over already", words(who)));
        return;
    };
    if sanction.ending || until <= draft.now {
        draft.note(format!("{} is being ended; it gets no other end", words(who)));
        return;
    }
    draft.note(format!("an operator lets {} end at {until}", words(who)));
    let mut changed = Sanction {
        until: Some(until),
        time: Some(until.since(sanction.from)),
        confirmed: match kind {
            SanctionKind::Mute | SanctionKind::Ban => None,
            // Chat knows no end of these, and has nothing to confirm.
            SanctionKind::Role | SanctionKind::MuteAll => sanction.confirmed,
        },
        tries: 0,
        told_late: None,
        ..sanction
    };
    let what = format!("extended {}", event.id);
    let at_chat = renewal::end_for_chat(draft, who, &mut changed);
    match kind {
        SanctionKind::Mute if !changed.away => {
            mute(draft, event, who, &changed, at_chat, &what);
        }
        SanctionKind::Ban => ban(draft, event, who, &changed, at_chat, &what),
        // The bot alone ends the others.
        _ => {}
    }
    timer_for_end(draft, who, &changed);
    set(draft, who, Some(changed));
}
