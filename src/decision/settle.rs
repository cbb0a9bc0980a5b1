//! What follows when an effect is settled: the mirror believes it, sanctions begin or fall, rules go on.

use super::draft::Draft;
use super::effect::{Act, Answer, Effect, GroupFacts, MemberFacts, Outcome, Read, Resume, Stage};
use super::event::{Event, EventId, Field};
use super::judge::Came;
use super::sight::Sight;
use super::state::{MemberRecord, Owner, Sanction, SanctionKind, StateKey};
use super::steps::Start;
use super::succession::{self, Next, confirm};
use super::{judge, mirror, room, sanction, seen, steps, wait};
use crate::chat::{Account, GroupId, Role};
use crate::rule::{EventKind, Rule};

/// Decides the settling of one effect; `unsure` are those that may have been carried out although they
/// were refused or given up.
pub(super) fn settled(
    draft: &mut Draft<'_>,
    event: &Event,
    effect: &Effect,
    (outcome, unsure): (&Outcome, &[EventId]),
) {
    let unsure = unsure.contains(&effect.id);
    match outcome {
        Outcome::Done => done(draft, event, effect),
        Outcome::Partly { words } => {
            draft.note(format!("Chat did only a part of \"{}\": {words}", effect.act));
            done(draft, event, effect);
        }
        Outcome::Answer(answer) => answered(draft, event, effect, answer),
        Outcome::Refused { code, words } => refused(draft, event, effect, (*code, words), unsure),
        Outcome::Dead { words } => {
            draft.note(format!("given up: {words}"));
            not_done(draft, event, effect, (None, unsure));
        }
        Outcome::Observed => {}
    }
}

fn done(draft: &mut Draft<'_>, event: &Event, effect: &Effect) {
    match &effect.act {
        Act::SetRole { group, member, role, .. } => {
            let (role_at, before) = (Some(draft.now), draft.member(group, member));
            let record = MemberRecord { role: Some(*role), role_at, ..before };
            draft.set_member(group, member, record);
            sanction::role_set(draft, event, (group, member, *role), &effect.id);
        }
        Act::Mute { group, member, until, .. } => {
            sanction::confirmed(draft, (group, member, SanctionKind::Mute), *until);
        }
        Act::Ban { group, member, until, .. } => {
            sanction::confirmed(draft, (group, member, SanctionKind::Ban), *until);
        }
        Act::MuteAll { group, .. } => {
            let who = (group, &Account::everybody(), SanctionKind::MuteAll);
            let until = draft.sanction(who.0, who.1, who.2).and_then(|live| live.at_chat());
            sanction::confirmed(draft, who, until);
        }
        Act::Unmute { group, member, ends } => {
            let live = draft.sanction(group, member, SanctionKind::Mute);
            // A newer mute may stand here by now, and two calls may have ended the same one.
            let its = match ends {
                Some(ends) => live.is_some_and(|live| live.ending && live.id == *ends),
                None => live.is_some_and(|live| live.ending),
            };
            if its {
                sanction::ended(draft, event, group, member, "lifted");
            } else if live.is_none() {
                // Somebody else had muted them.
                sanction::heard_again(draft, group, member);
            }
        }
        Act::UnmuteAll { group } => {
            let who = (group, &Account::everybody(), SanctionKind::MuteAll);
            // As with one member: a newer one may stand here.
            match draft.sanction(who.0, who.1, who.2).cloned() {
                Some(live) if live.ending => sanction::closed(draft, event, who),
                // What an effect before this one has brought about for it is over.
                Some(live) => {
                    let value = Some(Sanction { confirmed: None, ..live });
                    draft.set_sanction(who.0, who.1, who.2, value);
                }
                None => {}
            }
        }
        Act::Unban { group, member } => {
            let who = (group, member, SanctionKind::Ban);
            if draft.sanction(who.0, who.1, who.2).is_some_and(|live| live.ending) {
                sanction::closed(draft, event, who);
            }
        }
        Act::RemoveMember { group, member, .. } => {
            draft.set(StateKey::Member(group.clone(), member.clone()), None);
            // Chat's callback may be lost, and a list without them would look as if somebody had unmuted them.
            sanction::goes_away(draft, group, member);
        }
        Act::SetNameCard { group, member, text } => {
            let record = MemberRecord { name_card: text.clone(), ..draft.member(group, member) };
            draft.set_member(group, member, record);
        }
        Act::TransferOwner { group, from, to } => {
            confirm::accepted(draft, event, (group, from.as_ref(), to), &effect.id);
        }
        Act::TransferRoom { room, kind, to, .. } => {
            confirm::room_accepted(draft, (room, *kind, to), &effect.id);
        }
        _ => {}
    }
}

fn answered(draft: &mut Draft<'_>, event: &Event, effect: &Effect, answer: &Answer) {
    match (answer, &effect.act) {
        (Answer::Group(facts), _) => believe_group(draft, event, facts),
        (
            Answer::Roles { group: facts, roles, members },
            Act::Read(Read::Roles { group, details, .. }),
        ) => {
            if let Some(facts) = facts {
                believe_group(draft, event, facts);
            }
            believe_roles(draft, event, group, roles, *details);
            believe_members(draft, group, members);
        }
        (Answer::Candidates { group, .. }, _) => believe_group(draft, event, group),
        (Answer::Room(facts), Act::Read(Read::Room { left, .. })) => {
            room::believe(draft, event, facts, left.as_ref());
        }
        (Answer::RoomCandidates { room: facts, .. }, _) => room::believe(draft, event, facts, None),
        (Answer::Muted { until }, Act::Read(Read::Muted { group, member, sanction })) => {
            sanction::mute_seen(draft, event, (group, member), sanction, *until);
        }
        _ => {}
    }
    if let Some(resume) = &effect.then {
        go_on(draft, resume, Some(answer));
    }
}

fn believe_roles(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    roles: &[(Account, Role)],
    details: bool,
) {
    let now = draft.now;
    for (account, role) in roles {
        // Reconciliation would not miss them any more: the event is missed here, and once.
        if *role == Role::Outside && seen::left_unheard(draft, event, group, account) {
            continue;
        }
        let before = draft.member(group, account);
        let mut record = MemberRecord { role: Some(*role), role_at: Some(now), ..before };
        if details {
            record.read_at = Some(now);
        }
        draft.set_member(group, account, record);
    }
}

fn believe_members(draft: &mut Draft<'_>, group: &GroupId, members: &[MemberFacts]) {
    for member in members {
        let mut record = draft.member(group, &member.account);
        record.joined_at = member.joined_at.or(record.joined_at);
        record.name_card.clone_from(&member.name_card);
        // They may have spoken since Chat answered.
        record.last_message_at = record.last_message_at.max(member.last_message_at);
        draft.set_member(group, &member.account, record);
    }
}

/// Takes what Chat says about a group into the mirror; an owner who is missed is an event.
fn believe_group(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts) {
    let group = &facts.group;
    if !facts.exists {
        return seen::gone_unheard(draft, event, facts);
    }
    confirm::by_reading(draft, event, facts);
    let mut record = draft.group(group);
    record.dismissed = false;
    let before = std::mem::replace(&mut record.owner, Owner::from_account(facts.owner.as_ref()));
    record.group_type = facts.group_type.or(record.group_type);
    record.name.clone_from(&facts.name);
    record.member_count = facts.member_count.or(record.member_count);
    record.created_at = facts.created_at.or(record.created_at);
    record.read_at = Some(draft.now);
    let found_ownerless = record.owner == Owner::Nobody && before != Owner::Nobody;
    if record.owner != before && before != Owner::Unknown {
        // Since when, nobody told; not before this has been noticed, then.
        record.owner_since = Some(draft.now);
        record.owner_told = None;
    }
    let changed = match (&before, &record.owner) {
        (Owner::Is(old), Owner::Is(new)) if old != new => Some((old.clone(), new.clone())),
        _ => None,
    };
    if changed.is_some() {
        record.found_at = Some(draft.now);
    }
    draft.set_group(group, record);
    if let Some((old, new)) = changed {
        owned_by_another(draft, event, group, (&old, &new));
    }
    if let Some(owner) = &facts.owner {
        wait::end_for_owner(draft, group, owner);
    }
    if found_ownerless {
        let derived = draft.derive(event, EventKind::GroupOwnerless);
        derived.group = Some(group.clone());
        derived.member = None;
        derived.operator = None;
        succession::ownerless(derived, "found");
    }
}

/// A question of a rule shows what no callback has told. Reconciliation would find nothing any more: the
/// event is missed here, and once.
fn owned_by_another(
    draft: &mut Draft<'_>,
    event: &Event,
    group: &GroupId,
    (old, new): (&Account, &Account),
) {
    mirror::new_owner(draft, event, group, Some(old), Some(new));
    draft.note(format!("{new} owns {group}, not {old}; no callback told us"));
    let missed = seen::found(draft, event, EventKind::OwnerChanged, None);
    missed.group = Some(group.clone());
    missed.fields.insert("old_owner".into(), Field::Text(old.to_string()));
    missed.fields.insert("new_owner".into(), Field::Text(new.to_string()));
}

/// Chat will never do it. What hung on it falls, and a successor who cannot be owner makes room for the next.
fn refused(
    draft: &mut Draft<'_>,
    event: &Event,
    effect: &Effect,
    (code, words): (i64, &str),
    unsure: bool,
) {
    draft.note(format!("Chat refused to {}: {code} {words}", effect.act));
    let next = match &effect.act {
        Act::Read(_) => succession::read_refused(draft, effect, (code, words)),
        _ => succession::transfer_refused(draft, effect, code),
    };
    match next {
        Some(Next::Again(resume)) => return go_on(draft, &resume, None),
        Some(Next::Tell(text)) => {
            return alert(draft, event, &effect.id, effect.rule.clone(), text);
        }
        Some(Next::Gone) => return,
        None => not_done(draft, event, effect, (Some(code), unsure)),
    }
    if let (Act::Read(Read::Roles { .. }), Some(resume)) = (&effect.act, &effect.then) {
        // Judged with what is known: guards keep their hands off whoever might be protected.
        let nothing = Answer::Roles { group: None, roles: Vec::new(), members: Vec::new() };
        go_on(draft, resume, Some(&nothing));
    }
}

/// Calls for a person, on account of an effect or event.
pub(super) fn alert(
    draft: &mut Draft<'_>,
    event: &Event,
    about: &super::EventId,
    rule: Option<crate::rule::RuleId>,
    text: String,
) {
    draft.owe(event, about.derive("alert"), rule, Act::Alert { text });
}

/// What hung on a refused effect was not sent either.
pub(super) fn skipped(
    draft: &mut Draft<'_>,
    event: &Event,
    (effects, unsure): (&[Effect], &[EventId]),
) {
    for effect in effects {
        draft.note(format!("not sent, because a step before it was not done: {}", effect.act));
        not_done(draft, event, effect, (None, unsure.contains(&effect.id)));
    }
}

/// An effect that did not happen takes its sanction with it; an end that did not happen keeps it.
/// `refusal`: Chat's code, when it will never do it; `unsure`: it may have happened all the same.
fn not_done(
    draft: &mut Draft<'_>,
    event: &Event,
    effect: &Effect,
    (refusal, unsure): (Option<i64>, bool),
) {
    let everybody = Account::everybody();
    let (group, member, kind) = match &effect.act {
        Act::Mute { group, member, .. }
        | Act::Unmute { group, member, .. }
        | Act::Read(Read::Muted { group, member, .. }) => (group, member, SanctionKind::Mute),
        Act::SetRole { group, member, .. } => (group, member, SanctionKind::Role),
        Act::Ban { group, member, .. } | Act::Unban { group, member } => {
            (group, member, SanctionKind::Ban)
        }
        Act::MuteAll { group, .. } | Act::UnmuteAll { group } => {
            (group, &everybody, SanctionKind::MuteAll)
        }
        _ => return,
    };
    let Some(live) = draft.sanction(group, member, kind) else { return };
    let begins = matches!(effect.act, Act::Mute { .. } | Act::Ban { .. } | Act::MuteAll { .. });
    // Chat itself ends the mute or ban of a member; these would stay for ever.
    let only_we_end_it = matches!(kind, SanctionKind::Role | SanctionKind::MuteAll);
    // Confirmed: an effect before this one has brought about the same.
    let perhaps = unsure || live.confirmed.is_some();
    if live.id == effect.id && perhaps && only_we_end_it {
        draft.note(format!("it may have been done: {} is ended in its time", kind.name()));
    } else if live.id == effect.id {
        let live = live.clone();
        sanction::fell(draft, (group, member, kind), &live);
    } else if live.ending && !begins {
        sanction::not_ended(draft, event, effect, (group, member, kind), refusal);
    } else if !live.ending && (begins || effect.act.is_read()) && kind != SanctionKind::MuteAll {
        sanction::not_renewed(draft, event, effect, (group, member, kind), refusal.is_some());
    }
}

/// The rule that asked goes on where it stood.
fn go_on(draft: &mut Draft<'_>, resume: &Resume, answer: Option<&Answer>) {
    let rules = draft.rules;
    let Some(rule) = rules.get(&resume.rule) else {
        draft.note(format!("`{}` is not among the rules any more", resume.rule));
        return;
    };
    let (event, count) = (&resume.event, resume.count);
    let start = Start {
        count,
        tried: &resume.tried,
        acted: resume.acted,
        holds_up: resume.holds_up,
        ..Start::default()
    };
    if !wait::listens(rule, event) {
        draft.note(format!(
            "`{}` does not listen to `{}` any more; it ends here",
            rule.id,
            event.name()
        ));
        return came_to_nothing(draft, rule, event, start);
    }
    if let Some(why) = judge::kept_out(draft, rule, event) {
        draft.note_rule(rule, event, why);
        return came_to_nothing(draft, rule, event, start);
    }
    // An edited rule has other steps: it begins with the first, unless one of the old has been done.
    let edited = !resume.digest.is_empty() && resume.digest != rule.digest;
    match resume.stage {
        Stage::Conditions => {
            if judge::after_answer(draft, rule, event, resume.holds_up) == Came::Nowhere {
                let_pass(draft, rule, event, resume.holds_up);
            }
        }
        Stage::Steps { from } if edited && from > 0 => {
            draft.note(format!("`{}` was edited while Chat was asked; it ends here", rule.id));
            came_to_nothing(draft, rule, event, start);
        }
        Stage::Steps { from } => {
            // A sweep looked at the group some time ago; what has been settled since stays so.
            let swept = judge::scheduled_at(event).is_some() || edited;
            if swept && let Err(why) = judge::hold(draft, rule, &mut Sight::new(event), None) {
                draft.note_rule(rule, event, why);
                return came_to_nothing(draft, rule, event, start);
            }
            let answer = answer.filter(|_| !edited);
            if steps::run(draft, rule, event, Start { from, answer, ..start }) == Came::Nowhere {
                let_pass(draft, rule, event, resume.holds_up);
            }
        }
    }
}

/// A rule ends that has asked Chat: what it took for itself is given back, unless it has done something.
fn came_to_nothing(draft: &mut Draft<'_>, rule: &Rule, event: &Event, start: Start<'_>) {
    if !start.acted {
        judge::give_marks_back(draft, rule, event);
        let_pass(draft, rule, event, start.holds_up);
    }
}

/// Nothing has come of a rule that would have stopped the event: those behind it waited for that.
fn let_pass(draft: &mut Draft<'_>, rule: &Rule, event: &Event, holds_up: bool) {
    if let (true, Some(kind)) = (holds_up, event.kind()) {
        draft.through_rules(event, kind, Some(&rule.id));
    }
}
