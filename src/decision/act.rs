//! From an action to an effect: addressed and complete, unless a guard or the group's type forbids it.

use std::time::Duration;

use super::draft::Draft;
use super::effect::{Act, Answer};
use super::event::Event;
use super::state::{SanctionKind, Sanctioned, StateKey, StateValue};
use super::steps::{Outcome, Run};
use super::view::{MuteWords, time_words};
use super::{answer, guard, mirror, sanction, succession};
use crate::chat::{Account, GroupId, Role, limits};
use crate::clock::Timestamp;
use crate::rule::Rule;
use crate::rule::model::{Action, GroupFields, Ladder, MuteTime, Step};
use crate::rule::template::Template;

/// Whom an action is about; it follows from the event alone.
pub(super) fn target(action: &Action, event: &Event) -> Option<Account> {
    let who = match action {
        Action::SetRole { who, .. }
        | Action::Mute { who, .. }
        | Action::Unmute { who }
        | Action::SetNameCard { who, .. }
        | Action::SetMessageReceiving { who, .. }
        | Action::SetMemberFields { who, .. }
        | Action::RemoveMember { who, .. }
        | Action::Ban { who, .. }
        | Action::Unban { who }
        | Action::SendPrivate { to: who, .. } => who,
        _ => return None,
    };
    match who {
        None => event.member.clone(),
        Some(template) => account(template, event),
    }
}

/// The account that a text stands for.
fn account(template: &Template, event: &Event) -> Option<Account> {
    let id = template.render(|object, field| {
        let account = match (object, field) {
            ("member" | "user" | "sender", "id") => event.member.as_ref(),
            ("operator", "id") => event.operator.as_ref(),
            ("receiver", "id") => event.receiver.as_ref(),
            ("event", name) => return mirror::text(event, name).unwrap_or("").to_owned(),
            _ => None,
        };
        account.map(ToString::to_string).unwrap_or_default()
    });
    Some(Account::from(id)).filter(Account::is_somebody)
}

fn accounts(templates: &[Template], event: &Event) -> Vec<Account> {
    let mut accounts: Vec<_> = templates.iter().filter_map(|who| account(who, event)).collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

/// The rule's own mute of the event's member, so that texts can speak of it.
pub(super) fn mute_words(draft: &Draft<'_>, rule: &Rule, event: &Event) -> MuteWords {
    let mutes = rule.steps.iter().any(|step| matches!(step.action, Action::Mute { .. }));
    let (Some(group), Some(member), true) = (&event.group, &event.member, mutes) else {
        return MuteWords::default();
    };
    match draft.sanction(group, member, SanctionKind::Mute) {
        Some(sanction) if sanction.rule == rule.id => MuteWords {
            time: time_words(sanction.time),
            until: sanction.until.map_or_else(|| "ever".to_owned(), |until| until.to_string()),
            reason: sanction.reason.clone(),
        },
        _ => MuteWords::default(),
    }
}

/// What one step comes to.
pub(super) fn of_step(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    step: &Step,
    answer: Option<&Answer>,
) -> Outcome {
    let event = run.event;
    let action = &step.action;
    match action {
        Action::Reject { .. }
        | Action::Drop
        | Action::ReplaceText { .. }
        | Action::RefuseInvited { .. }
        | Action::Remember { .. }
        | Action::Forget { .. } => return answer::of_action(draft, run, action),
        Action::Alert { text } => return Outcome::Act(Act::Alert { text: run.text(draft, text) }),
        Action::SendPrivate { text, .. } => {
            let Some(to) = target(action, event) else {
                return run.leave_out(action.name(), "the event names nobody");
            };
            let text = cut(&run.text(draft, text), limits::MESSAGE_BYTES - 500);
            return Outcome::Act(Act::SendPrivate { to, text });
        }
        Action::TransferOwner { .. } => {
            return match (&event.room, &event.group) {
                (Some(room), _) => succession::of_room(draft, run, action, room, answer),
                (None, Some(group)) => succession::of_group(draft, run, action, group, answer),
                (None, None) => run.leave_out(action.name(), "the event has no group"),
            };
        }
        _ => {}
    }
    let Some(group) = event.group.clone() else {
        return run.leave_out(action.name(), "the event belongs to no group");
    };
    let kind = event.group_type.or(draft.group(&group).group_type);
    if let (Some(kind), Some(ability)) = (kind, action.ability())
        && !kind.supports(ability)
    {
        let what = target(action, event).map_or_else(
            || action.name().to_owned(),
            |member| format!("{} {member}", action.name().replace('_', " ")),
        );
        return run.leave_out(&what, &kind.lacks(ability));
    }
    match target(action, event) {
        Some(member) => on_member(draft, run, position, action, group, member),
        None => on_group(draft, run, position, action, group),
    }
}

/// The topic in which a message stands. A topic that is told of by itself may be gone.
fn topic_of(event: &Event) -> Option<String> {
    event.message.as_ref()?;
    mirror::text(event, "topic").filter(|topic| !topic.is_empty()).map(str::to_owned)
}

/// Actions on a group as a whole; those on a member come here when there is none.
fn on_group(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    action: &Action,
    group: GroupId,
) -> Outcome {
    let event = run.event;
    Outcome::Act(match action {
        Action::ImportMembers { members } => Act::ImportMembers { group, members: members.clone() },
        Action::AddMembers { members, silent } => {
            let members = accounts(members, event);
            if members.is_empty() {
                return run.leave_out(action.name(), "the event names nobody");
            }
            Act::AddMembers { group, members, silent: *silent }
        }
        Action::SendMessage { text, from } => {
            let text = cut(&run.text(draft, text), limits::MESSAGE_BYTES - 500);
            Act::SendMessage { group, text, from: from.clone(), topic: topic_of(event) }
        }
        Action::NotifyGroup { text, to } => {
            let named = accounts(to, event);
            // Nobody of those who were meant is not everybody.
            if named.is_empty() && !to.is_empty() {
                return run.leave_out(action.name(), "the event names nobody");
            }
            let text = cut(&run.text(draft, text), limits::MESSAGE_BYTES - 500);
            Act::NotifyGroup { group, text, to: named }
        }
        Action::RecallMessage => {
            let sequence = event.message.as_ref().and_then(|message| message.sequence);
            let Some(sequence) = sequence else {
                return run
                    .leave_out(action.name(), "Chat named no sequence number of the message");
            };
            Act::RecallMessage { group, topic: topic_of(event), sequence }
        }
        Action::MuteAll { time } => {
            let act = Act::MuteAll { group: group.clone(), time: *time };
            run.sanctions.push(Sanctioned {
                id: run.id(position, &act),
                group,
                member: Account::everybody(),
                kind: SanctionKind::MuteAll,
                time: *time,
                reason: String::new(),
                before: None,
            });
            act
        }
        Action::UnmuteAll => Act::UnmuteAll { group },
        Action::SetGroup(fields) => {
            let text = |text: &Option<Template>, bytes| {
                text.as_ref().map(|text| cut(&run.text(draft, text), bytes))
            };
            let fields = GroupFields {
                name: text(&fields.name, limits::GROUP_NAME_BYTES),
                introduction: text(&fields.introduction, limits::INTRODUCTION_BYTES),
                notification: text(&fields.notification, limits::NOTIFICATION_BYTES),
                join: fields.join,
            };
            Act::SetGroup { group, fields }
        }
        Action::DismissGroup => Act::DismissGroup { group },
        other => return run.leave_out(other.name(), "the event names no member"),
    })
}

fn on_member(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    action: &Action,
    group: GroupId,
    member: Account,
) -> Outcome {
    Outcome::Act(match action {
        Action::SetRole { role, time, .. } => {
            return set_role(draft, run, position, (group, member), *role, *time);
        }
        Action::Mute { ladder, reason, .. } => {
            return mute(draft, run, position, (group, member), ladder, reason.as_ref());
        }
        Action::Unmute { .. } => Act::Unmute { group, member, ends: None },
        Action::SetNameCard { text, .. } => {
            let text = cut(&run.text(draft, text), limits::NAME_CARD_BYTES);
            Act::SetNameCard { group, member, text }
        }
        Action::SetMessageReceiving { mode, .. } => {
            Act::SetMessageReceiving { group, member, mode: *mode }
        }
        Action::SetMemberFields { fields, .. } => {
            let value = |text| cut(&run.text(draft, text), limits::MEMBER_FIELD_BYTES);
            let fields = fields.iter().map(|(key, text)| (key.clone(), value(text))).collect();
            Act::SetMemberFields { group, member, fields }
        }
        Action::RemoveMember { silent, reason, .. } => {
            if let Some(why) = guard::protects(draft, run.rule, &group, &member, true) {
                return run.leave_out(&format!("remove {member}"), &why);
            }
            let reason = reason_of(draft, run, reason.as_ref());
            Act::RemoveMember { group, member, silent: *silent, reason }
        }
        Action::Ban { time, reason, .. } => {
            return ban(draft, run, position, (group, member), *time, reason.as_ref());
        }
        Action::Unban { .. } => Act::Unban { group, member },
        other => return run.leave_out(other.name(), "it is not about a member"),
    })
}

fn reason_of(draft: &Draft<'_>, run: &Run<'_>, reason: Option<&Template>) -> String {
    reason.map(|reason| cut(&run.text(draft, reason), limits::REASON_BYTES)).unwrap_or_default()
}

fn set_role(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    (group, member): (GroupId, Account),
    role: Role,
    time: Option<Duration>,
) -> Outcome {
    let what = format!("set the role of {member}");
    let group_type = run.event.group_type.or(draft.group(&group).group_type);
    if role == Role::Member
        && let Some(why) = guard::protects(draft, run.rule, &group, &member, false)
    {
        return run.leave_out(&what, &why);
    }
    let before = guard::role(draft, &group, &member);
    if before == Some(Role::Owner) {
        return run.leave_out(&what, &format!("{member} owns the group"));
    }
    let act = Act::SetRole { group: group.clone(), group_type, member: member.clone(), role };
    let running = draft.sanction(&group, &member, SanctionKind::Role);
    let Some(time) = time else { return Outcome::Act(act) };
    // A second temporary role goes back to what was before the first.
    let before = running.map_or(before, |running| running.before.or(Some(Role::Member)));
    if before.is_none() {
        let why = format!("nobody can tell what {member} is in the group, and so would be again");
        return run.leave_out(&what, &why);
    }
    run.sanctions.push(Sanctioned {
        id: run.id(position, &act),
        group,
        member,
        kind: SanctionKind::Role,
        time: Some(time),
        reason: String::new(),
        before: before.filter(|before| *before != Role::Outside),
    });
    Outcome::Act(act)
}

fn mute(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    (group, member): (GroupId, Account),
    ladder: &Ladder,
    reason: Option<&Template>,
) -> Outcome {
    let what = format!("mute {member}");
    if let Some(why) = guard::protects(draft, run.rule, &group, &member, true) {
        return run.leave_out(&what, &why);
    }
    let key = StateKey::Ladder(run.rule.id.clone(), position, group.clone(), member.clone());
    let time = match climb(draft, run, key, ladder) {
        MuteTime::For(time) => Some(time),
        MuteTime::Forever => None,
    };
    let until = time.map(|time| draft.now + time);
    let reason = reason_of(draft, run, reason);
    let (group_id, account) = (group.clone(), member.clone());
    // Whether it shortens another one is known when it begins.
    let act = Act::Mute { group: group_id, member: account, time, until, shortens: false };
    let (id, kind) = (run.id(position, &act), SanctionKind::Mute);
    let whom = Sanctioned { id, group, member, kind, time, reason, before: None };
    // Of another rule's mute that goes on for longer, texts tell the end.
    let longer = sanction::outlasts(draft, &run.rule.id, &whom, until);
    let until = longer.map_or(until, |longer| longer.until);
    let left = until.map(|until| Duration::from_secs(until.since(draft.now).as_secs()));
    run.mute = MuteWords {
        time: time_words(left),
        until: until.map_or_else(|| "ever".to_owned(), |until| until.to_string()),
        reason: whom.reason.clone(),
    };
    run.sanctions.push(whom);
    Outcome::Act(act)
}

fn ban(
    draft: &mut Draft<'_>,
    run: &mut Run<'_>,
    position: usize,
    (group, member): (GroupId, Account),
    time: Option<Duration>,
    reason: Option<&Template>,
) -> Outcome {
    let what = format!("ban {member}");
    if let Some(why) = guard::protects(draft, run.rule, &group, &member, true) {
        return run.leave_out(&what, &why);
    }
    let until = time.map(|time| draft.now + time);
    let reason = reason_of(draft, run, reason);
    let act = Act::Ban {
        group: group.clone(),
        member: member.clone(),
        time,
        until,
        shortens: false,
        reason: reason.clone(),
    };
    let (id, kind) = (run.id(position, &act), SanctionKind::Ban);
    run.sanctions.push(Sanctioned { id, group, member, kind, time, reason, before: None });
    Outcome::Act(act)
}

/// The next step of a ladder; the first again when the last mute is forgotten.
fn climb(draft: &Draft<'_>, run: &mut Run<'_>, key: StateKey, ladder: &Ladder) -> MuteTime {
    let last = ladder.steps.len().saturating_sub(1);
    let forgotten = |at: Timestamp| ladder.forget_after.is_some_and(|time| at + time <= draft.now);
    let step = match draft.get(&key) {
        Some(StateValue::Ladder { step, at }) if !forgotten(*at) => (step + 1).min(last),
        _ => 0,
    };
    let at = draft.now;
    run.ladders.push((key, StateValue::Ladder { step, at }));
    ladder.steps.get(step).copied().unwrap_or(MuteTime::Forever)
}

/// At most so many UTF-8 bytes, never cut inside a character.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Message;
    use crate::decision::event::{Cause, EventId, Field};
    use crate::rule::EventKind;

    #[test]
    fn what_is_said_about_a_message_in_a_topic_is_said_there() {
        let (id, cause) = (EventId::of(&[b"said"]), Cause::Kind(EventKind::MessageSent));
        let mut event = Event::new(id, cause, Timestamp(0), "after");
        event.fields.insert("topic".to_owned(), Field::Text("@TOPIC#one".to_owned()));
        assert_eq!(topic_of(&event), None);
        event.message = Some(Message::default());
        assert_eq!(topic_of(&event).as_deref(), Some("@TOPIC#one"));
        event.fields.insert("topic".to_owned(), Field::Text(String::new()));
        assert_eq!(topic_of(&event), None);
    }
}
