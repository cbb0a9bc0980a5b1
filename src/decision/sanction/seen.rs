//! What Chat says of mutes, against what is wanted: at the end of one, and of a whole group.

use std::collections::{BTreeMap, BTreeSet};

use super::{TOLERANCE, Who, ended, overruled_mute, owe, renewal, timer_for_end};
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::draft::Draft;
use crate::decision::effect::Act;
use crate::decision::event::{Event, EventId};
use crate::decision::state::{MemberRecord, Sanction, SanctionKind};

/// Chat has said until when a member is muted.
pub(in crate::decision) fn mute_seen(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member): (&GroupId, &Account),
    id: &EventId,
    until: Option<Timestamp>,
) {
    let live = draft.sanction(group, member, SanctionKind::Mute).filter(|live| live.id == *id);
    let Some(sanction) = live.cloned() else {
        draft.note(format!("that mute of {member} is over, or a newer one has superseded it"));
        return;
    };
    if !sanction.ending {
        return renewal::seen(draft, event, (group, member, SanctionKind::Mute), sanction, until);
    }
    let wanted = sanction.until.unwrap_or(draft.now);
    match until {
        // What an operator lifts ends before the time that Chat was told.
        Some(until) if until > draft.now && until > wanted + TOLERANCE && !sanction.lifted => {
            draft.note(format!(
                "{member} stays muted until {until}: somebody else muted them for longer"
            ));
            super::closed(draft, event, (group, member, SanctionKind::Mute));
            let record = MemberRecord { muted_until: Some(until), ..draft.member(group, member) };
            draft.set_member(group, member, record);
        }
        Some(until) if until > draft.now => {
            draft.note(format!("{member} is still muted although the time is over; lifting it"));
            let ends = Some(sanction.id.clone());
            let act = Act::Unmute { group: group.clone(), member: member.clone(), ends };
            owe(draft, event, &sanction, act, &format!("lift {}", event.id));
        }
        _ => ended(draft, event, group, member, "expired"),
    }
}

/// Chat's list of the muted members of a group, as reconciliation has read it, against what is wanted.
///
/// `ours` are the accounts of the group that have a live mute, or that the mirror takes for muted;
/// `muted` is the whole list (document 34964). `event.time` is when the reading began. A mute that Chat
/// had confirmed well before and that is not there any more was lifted by a person, and one that ends
/// earlier was shortened by one: both are respected.
pub(in crate::decision) fn list_seen(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    ours: &[Account],
    muted: &[(Account, Timestamp)],
) {
    let seen: BTreeMap<&Account, Timestamp> =
        muted.iter().map(|(account, until)| (account, *until)).collect();
    let all: BTreeSet<&Account> = ours.iter().chain(seen.keys().copied()).collect();
    for member in all {
        let until = seen.get(member).copied();
        let live = draft.sanction(group, member, SanctionKind::Mute).cloned();
        let holds = match live {
            Some(live) => of_ours(draft, event, (group, member), live, until),
            None => true,
        };
        if holds {
            correct(draft, event, (group, member), until);
        }
    }
}

/// Compares one of our mutes; says whether it is still there.
fn of_ours(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member): (&GroupId, &Account),
    live: Sanction,
    seen: Option<Timestamp>,
) -> bool {
    // Many members may be seen at once, and what follows for each is an event of its own.
    let mut of_member = event.clone();
    of_member.id = event.id.derive(&format!("mute of {member}"));
    let is_muted = seen.is_some_and(|until| live.at_chat().is_none() || until > event.time);
    if live.until.is_some_and(|until| until <= event.time) {
        // What is being ended is told when that is done: a call that lifts it may be under way.
        if !is_muted && !live.ending {
            ended(draft, &of_member, group, member, "expired");
        }
        return is_muted;
    }
    let known = live.confirmed.is_some_and(|at| at + TOLERANCE < event.time);
    if live.ending || live.away || !known {
        return true;
    }
    let Some(until) = seen.filter(|_| is_muted) else {
        let runs_out = live.at_chat().is_some_and(|end| end <= event.time + TOLERANCE);
        if !runs_out {
            overruled_mute(draft, &of_member, group, member);
        }
        return runs_out;
    };
    let Some(wanted) = live.at_chat() else { return true };
    if until > wanted + TOLERANCE && draft.member(group, member).muted_until != Some(until) {
        draft.note(format!("{member} is muted until {until}: somebody else wants it for longer"));
    } else if until + TOLERANCE < wanted {
        shortened(draft, (group, member, SanctionKind::Mute), live, until);
    }
    true
}

/// A person wants a mute to be over sooner. Its end is theirs, and verified as ours would be.
pub(super) fn shortened(draft: &mut Draft<'_>, who: Who<'_>, live: Sanction, until: Timestamp) {
    draft.note(format!("the mute of {} ends at {until}: a person has shortened it", who.1));
    let shorter = Sanction { until: Some(until), chat_until: None, ..live };
    timer_for_end(draft, who, &shorter);
    draft.set_sanction(who.0, who.1, who.2, Some(shorter));
}

/// What the mirror believes of a mute, by whomever it is.
fn correct(
    draft: &mut Draft<'_>,
    event: &Event,
    (group, member): (&GroupId, &Account),
    until: Option<Timestamp>,
) {
    let mut record = draft.member(group, member);
    let until = until.filter(|until| *until > event.time);
    if record.muted_until != until {
        record.muted_until = until;
        draft.set_member(group, member, record);
    }
}
