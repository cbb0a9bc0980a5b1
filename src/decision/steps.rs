//! From a rule's actions to effects: addressed, complete, in order.

use std::time::Duration;

use super::draft::{Draft, effect_id};
use super::effect::{Act, Answer, Effect, Resume, Stage};
use super::event::{Event, Timer};
use super::guard;
use super::sanction::{self, Sanctioned};
use super::state::{SanctionKind, StateKey, StateValue};
use super::succession;
use super::trace::Why;
use super::view::{MuteWords, View, time_words};
use crate::chat::{Ability, Account, GroupId, GroupType, Role, limits};
use crate::clock::Timestamp;
use crate::rule::Rule;
use crate::rule::model::{Action, Ladder, MuteTime, Step};
use crate::rule::template::Template;

/// What the steps of one rule come to.
pub(super) struct Run<'r> {
    pub(super) rule: &'r Rule,
    pub(super) event: &'r Event,
    pub(super) count: Option<u32>,
    pub(super) tried: &'r [Account],
    pub(super) wanted: Vec<String>,
    pub(super) left_out: Vec<String>,
    mute: MuteWords,
}

/// Runs the steps from one on; says whether anything came of it.
///
/// `answer` is what Chat said to the question that the step at `from` had asked.
pub(super) fn run(
    draft: &mut Draft<'_>,
    rule: &Rule,
    event: &Event,
    from: usize,
    count: Option<u32>,
    answer: Option<&Answer>,
    tried: &[Account],
) -> bool {
    if answer.is_none()
        && let Some(read) = guard::missing_for_steps(draft, rule, event, from)
    {
        let why = guard::ask(draft, rule, event, read, Stage::Steps { from });
        draft.note_rule(rule, event, why);
        return true;
    }
    let mute = mute_words(draft, rule, event);
    let (wanted, left_out) = (Vec::new(), Vec::new());
    let mut run = Run { rule, event, count, tried, wanted, left_out, mute };
    for (position, step) in rule.steps.iter().enumerate().skip(from) {
        let answer = answer.filter(|_| position == from);
        let Some(act) = run.act(draft, position, step, answer) else {
            // Left out is as good as refused: what stands behind would tell of what did not happen.
            if step.continue_on_refusal {
                continue;
            }
            break;
        };
        let asks = act.is_read();
        run.push(draft, position, step, act);
        if asks {
            // What stands behind waits for the answer, so that the order holds.
            break;
        }
    }
    let acted = !run.wanted.is_empty();
    let why = Why::Acted { wanted: run.wanted, left_out: run.left_out };
    draft.note_rule(rule, event, why);
    acted
}

/// Whom an action is about; it follows from the event alone.
pub(super) fn target(action: &Action, event: &Event) -> Option<Account> {
    let who = match action {
        Action::SetRole { who, .. }
        | Action::Mute { who, .. }
        | Action::Unmute { who }
        | Action::SetNameCard { who, .. }
        | Action::SetMessageReceiving { who, .. }
        | Action::SetMemberFields { who, .. } => who,
        _ => return None,
    };
    let Some(template) = who else { return event.member.clone() };
    let id = template.render(|object, field| {
        let account = match (object, field) {
            ("member", "id") => event.member.as_ref(),
            ("operator", "id") => event.operator.as_ref(),
            ("event", name) => return super::mirror::text(event, name).unwrap_or("").to_owned(),
            _ => None,
        };
        account.map(ToString::to_string).unwrap_or_default()
    });
    Some(Account::from(id)).filter(Account::is_somebody)
}

fn mute_words(draft: &Draft<'_>, rule: &Rule, event: &Event) -> MuteWords {
    let (Some(group), Some(member)) = (&event.group, &event.member) else {
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

impl Run<'_> {
    fn push(&mut self, draft: &mut Draft<'_>, position: usize, step: &Step, act: Act) {
        self.wanted.push(act.to_string());
        let then = match &act {
            Act::Read(_) | Act::TransferOwner { .. } => Some(Box::new(Resume {
                rule: self.rule.id.clone(),
                event: self.event.clone(),
                stage: Stage::Steps { from: position },
                tried: self.tried.to_vec(),
            })),
            _ => None,
        };
        draft.effects.push(Effect {
            id: self.id(position, &act),
            lane: self.event.lane(),
            rule: Some(self.rule.id.clone()),
            event: self.event.id.clone(),
            created: draft.now,
            manner: if act.is_read() {
                super::effect::Manner::Send
            } else {
                guard::manner(draft, self.rule)
            },
            then,
            continue_on_refusal: step.continue_on_refusal,
            act,
        });
    }

    fn id(&self, position: usize, act: &Act) -> super::EventId {
        let tries = self.tried.len();
        effect_id(self.event, &self.rule.id, &format!("{position} {} {tries}", act.name()))
    }

    fn text(&self, draft: &Draft<'_>, template: &Template) -> String {
        View { draft, event: self.event, count: self.count }.render(template, &self.mute)
    }

    fn leave_out(&mut self, what: &str, why: &str) -> Option<Act> {
        self.left_out.push(format!("{what}: {why}"));
        None
    }

    /// The effect of one step, unless a guard or the group's type forbids it.
    fn act(
        &mut self,
        draft: &mut Draft<'_>,
        position: usize,
        step: &Step,
        answer: Option<&Answer>,
    ) -> Option<Act> {
        if let Action::Alert { text } = &step.action {
            return Some(Act::Alert { text: self.text(draft, text) });
        }
        if let (Action::TransferOwner { .. }, Some(room)) = (&step.action, &self.event.room) {
            return succession::of_room(draft, self, &step.action, room);
        }
        let Some(group) = self.event.group.clone() else {
            return self.leave_out(step.action.name(), "the event belongs to no group");
        };
        match &step.action {
            Action::TransferOwner { .. } => {
                succession::of_group(draft, self, &step.action, &group, answer)
            }
            Action::ImportMembers { members } => {
                Some(Act::ImportMembers { group, members: members.clone() })
            }
            Action::SendMessage { text, from } => {
                let text = cut(&self.text(draft, text), limits::MESSAGE_BYTES - 500);
                Some(Act::SendMessage { group, text, from: from.clone() })
            }
            action => {
                let Some(member) = target(action, self.event) else {
                    return self.leave_out(action.name(), "the event names no member");
                };
                self.act_on(draft, position, action, group, member)
            }
        }
    }

    fn act_on(
        &mut self,
        draft: &mut Draft<'_>,
        position: usize,
        action: &Action,
        group: GroupId,
        member: Account,
    ) -> Option<Act> {
        match action {
            Action::SetRole { role, time, .. } => {
                self.set_role(draft, position, group, member, *role, *time)
            }
            Action::Mute { ladder, reason, .. } => {
                self.mute(draft, position, group, member, ladder, reason.as_ref())
            }
            Action::Unmute { .. } => {
                if !draft.in_shadow(self.rule) {
                    draft.set_sanction(&group, &member, SanctionKind::Mute, None);
                }
                Some(Act::Unmute { group, member })
            }
            Action::SetNameCard { text, .. } => {
                let text = cut(&self.text(draft, text), limits::NAME_CARD_BYTES);
                Some(Act::SetNameCard { group, member, text })
            }
            Action::SetMessageReceiving { mode, .. } => {
                Some(Act::SetMessageReceiving { group, member, mode: *mode })
            }
            Action::SetMemberFields { fields, .. } => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| {
                        (key.clone(), cut(&self.text(draft, value), limits::MEMBER_FIELD_BYTES))
                    })
                    .collect();
                Some(Act::SetMemberFields { group, member, fields })
            }
            other => self.leave_out(other.name(), "it is not about a member"),
        }
    }

    fn set_role(
        &mut self,
        draft: &mut Draft<'_>,
        position: usize,
        group: GroupId,
        member: Account,
        role: Role,
        time: Option<Duration>,
    ) -> Option<Act> {
        let what = format!("set the role of {member}");
        let group_type = self.event.group_type.or(draft.group(&group).group_type);
        if group_type.is_some_and(|kind| !kind.supports(Ability::Admins)) {
            return self.leave_out(&what, "Work groups have no admins");
        }
        if role == Role::Member
            && let Some(why) = guard::protects(draft, self.rule, &group, &member, false)
        {
            return self.leave_out(&what, &why);
        }
        if guard::role(draft, &group, &member) == Some(Role::Owner) {
            return self.leave_out(&what, &format!("{member} owns the group"));
        }
        let act = Act::SetRole { group: group.clone(), group_type, member: member.clone(), role };
        if let Some(time) = time {
            let sanctioned =
                Sanctioned { group, member, kind: SanctionKind::Role, time: Some(time) };
            let id = self.id(position, &act);
            sanction::begin(draft, self.rule, self.event, id, sanctioned, String::new());
        }
        Some(act)
    }

    fn mute(
        &mut self,
        draft: &mut Draft<'_>,
        position: usize,
        group: GroupId,
        member: Account,
        ladder: &Ladder,
        reason: Option<&Template>,
    ) -> Option<Act> {
        let what = format!("mute {member}");
        let group_type = self.event.group_type.or(draft.group(&group).group_type);
        if group_type == Some(GroupType::Work) {
            return self.leave_out(&what, "Work groups cannot mute members");
        }
        if let Some(why) = guard::protects(draft, self.rule, &group, &member, true) {
            return self.leave_out(&what, &why);
        }
        let key = StateKey::Ladder(self.rule.id.clone(), position, group.clone(), member.clone());
        let time = match climb(draft, key, ladder) {
            MuteTime::For(time) => Some(time),
            MuteTime::Forever => None,
        };
        let until = time.map(|time| draft.now + time);
        let reason = reason.map(|reason| self.text(draft, reason)).unwrap_or_default();
        self.mute = MuteWords {
            time: time_words(time),
            until: until.map_or_else(|| "ever".to_owned(), |until| until.to_string()),
            reason: reason.clone(),
        };
        let act = Act::Mute { group: group.clone(), member: member.clone(), time, until };
        let sanctioned = Sanctioned { group, member, kind: SanctionKind::Mute, time };
        let id = self.id(position, &act);
        sanction::begin(draft, self.rule, self.event, id, sanctioned, reason);
        Some(act)
    }
}

/// The next step of a ladder; the first again when the last mute is forgotten.
fn climb(draft: &mut Draft<'_>, key: StateKey, ladder: &Ladder) -> MuteTime {
    let last = ladder.steps.len().saturating_sub(1);
    let forgotten = |at: Timestamp| ladder.forget_after.is_some_and(|time| at + time <= draft.now);
    let step = match draft.get(&key) {
        Some(StateValue::Ladder { step, at }) if !forgotten(*at) => (step + 1).min(last),
        _ => 0,
    };
    let at = draft.now;
    draft.set(key, Some(StateValue::Ladder { step, at }));
    ladder.steps.get(step).copied().unwrap_or(MuteTime::Forever)
}

/// At most so many UTF-8 bytes, never cut inside a character.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// The timer of a sanction's end.
pub(super) fn end_timer(
    group: &GroupId,
    member: &Account,
    kind: SanctionKind,
    sanction: super::EventId,
) -> Timer {
    Timer::SanctionEnd { group: group.clone(), member: member.clone(), kind, sanction }
}
