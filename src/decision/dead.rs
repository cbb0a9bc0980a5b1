//! Dead letters in an operator's hand: what was given up is put back into its lane, or dropped for good.

use super::draft::Draft;
use super::effect::{Act, Effect, Read};
use super::event::Hung;
use super::state::{Sanction, SanctionKind, Sanctioned, StateKey};
use super::{limit, sanction};
use crate::chat::Account;

/// The sanction that an effect begins, prolongs or ends: given up, it takes that with it.
pub fn sanction_of(effect: &Effect) -> Option<StateKey> {
    let (group, member, kind) = match &effect.act {
        Act::Mute { group, member, .. }
        | Act::Unmute { group, member, .. }
        | Act::Read(Read::Muted { group, member, .. }) => {
            (group, member.clone(), SanctionKind::Mute)
        }
        Act::SetRole { group, member, .. } => (group, member.clone(), SanctionKind::Role),
        Act::Ban { group, member, .. } | Act::Unban { group, member } => {
            (group, member.clone(), SanctionKind::Ban)
        }
        Act::MuteAll { group, .. } | Act::UnmuteAll { group } => {
            (group, Account::everybody(), SanctionKind::MuteAll)
        }
        _ => return None,
    };
    Some(StateKey::Sanction(group.clone(), member, kind))
}

/// An operator has an effect tried again, and what hung on it.
pub(super) fn retried(
    draft: &mut Draft<'_>,
    effect: &Effect,
    fell: Option<&Sanction>,
    hung: &[Hung],
) {
    draft.note(format!("an operator has it tried again: {}", effect.act));
    again(draft, effect, fell);
    go_on(draft, hung);
}

/// An operator takes a dead letter away. What it would have begun fell when it was given up.
pub(super) fn dropped(draft: &mut Draft<'_>, effect: &Effect) {
    draft.note(format!("dropped by an operator: {}", effect.act));
}

/// An operator knows that an effect was carried out, or does without it: what hung on it is sent.
pub(super) fn taken_for_done(draft: &mut Draft<'_>, effect: &Effect, hung: &[Hung]) {
    draft.note(format!("an operator takes it for done: {}", effect.act));
    go_on(draft, hung);
}

fn go_on(draft: &mut Draft<'_>, hung: &[Hung]) {
    for Hung { effect, fell } in hung {
        draft.note(format!("what hung on it is sent: {}", effect.act));
        again(draft, effect, fell.as_ref());
    }
}

/// Puts an effect back into its lane. A sanction that it begins lasts from now; one that it ends is
/// watched again until it has ended.
fn again(draft: &mut Draft<'_>, effect: &Effect, fell: Option<&Sanction>) {
    let begins = fell.is_none_or(|fell| fell.id == effect.id);
    let mut effect = if begins { limit::from_now(effect, draft.now) } else { effect.clone() };
    // It has all the time for its tries again.
    effect.created = draft.now;
    let place = sanction_of(&effect);
    let id = effect.id.clone();
    draft.effects.push(effect);
    let (Some(fell), Some(StateKey::Sanction(group, member, kind))) = (fell, place) else { return };
    if fell.id == id {
        let whom = Sanctioned {
            id,
            group,
            member,
            kind,
            time: fell.time,
            reason: fell.reason.clone(),
            before: fell.before,
        };
        sanction::begin(draft, &fell.rule, &fell.event, whom);
    } else if fell.ending
        && draft.sanction(&group, &member, kind).is_none_or(|live| live.id == fell.id)
    {
        draft.set_sanction(&group, &member, kind, Some(fell.clone()));
    }
}
