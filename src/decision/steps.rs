//! The steps of one rule and one event: run in order, then sent, held, dropped or only observed.

use super::act::{self, mute_words};
use super::draft::{Draft, effect_id};
use super::effect::{Act, Answer, Effect, Held, Manner, Resume, Stage};
use super::event::{Event, EventId};
use super::judge::Came;
use super::state::{Sanctioned, StateKey, StateValue};
use super::trace::Why;
use super::view::{MuteWords, View};
use super::{guard, judge, limit, loops, sanction};
use crate::chat::Account;
use crate::rule::Rule;
use crate::rule::model::{Excess, Step};
use crate::rule::template::Template;

/// What the steps of one rule come to.
pub(super) struct Run<'r> {
    pub(super) rule: &'r Rule,
    pub(super) event: &'r Event,
    pub(super) count: Option<u32>,
    pub(super) tried: &'r [Account],
    pub(super) wanted: Vec<String>,
    pub(super) left_out: Vec<String>,
    pub(super) mute: MuteWords,
    /// What was done within the decision: answers, memory.
    pub(super) settled: Vec<String>,
    pub(super) sanctions: Vec<Sanctioned>,
    /// The places on ladders that it climbs to.
    pub(super) ladders: Vec<(StateKey, StateValue)>,
    effects: Vec<Effect>,
    /// Whether something was done, now or before it asked Chat.
    acted: bool,
    holds_up: bool,
}

/// Where a run begins, and what it has heard.
#[derive(Clone, Copy, Default)]
pub(super) struct Start<'s> {
    /// The first step.
    pub(super) from: usize,
    pub(super) count: Option<u32>,
    /// What Chat said to the question that the first step had asked.
    pub(super) answer: Option<&'s Answer>,
    /// Candidates that Chat refused.
    pub(super) tried: &'s [Account],
    /// Whether a step before the first was done.
    pub(super) acted: bool,
    /// Whether the rules behind it wait for what comes of it.
    pub(super) holds_up: bool,
}

/// What one step comes to.
pub(super) enum Outcome {
    /// An effect.
    Act(Act),
    /// Done within the decision: an answer, a memory.
    Settled,
    LeftOut,
    /// Left out, and this is done in its place: a person is called.
    Instead(Act),
}

/// Runs the steps from one on; says what came of the rule.
pub(super) fn run(draft: &mut Draft<'_>, rule: &Rule, event: &Event, start: Start<'_>) -> Came {
    let Start { from, answer, .. } = start;
    if answer.is_none()
        && let Some(read) = guard::missing_for_steps(draft, rule, event, from)
    {
        if judge::asks(event) {
            // Chat does not wait for that; guards keep their hands off whom they do not know.
            guard::ask_for_next_time(draft, rule, event, read);
            return steps(draft, rule, event, start);
        }
        let why = guard::ask(draft, rule, event, read, Stage::Steps { from }, start);
        draft.note_rule(rule, event, why);
        // Taken for itself until the answer comes: what happens meanwhile asks no second time.
        judge::act_marks(draft, rule, event);
        return Came::Asking;
    }
    steps(draft, rule, event, start)
}

fn steps(draft: &mut Draft<'_>, rule: &Rule, event: &Event, start: Start<'_>) -> Came {
    let Start { from, count, answer, tried, acted, holds_up } = start;
    let mut run = Run {
        rule,
        event,
        count,
        tried,
        wanted: Vec::new(),
        left_out: Vec::new(),
        mute: mute_words(draft, rule, event),
        settled: Vec::new(),
        sanctions: Vec::new(),
        ladders: Vec::new(),
        effects: Vec::new(),
        acted,
        holds_up,
    };
    let mut left = false;
    for (position, step) in rule.steps.iter().enumerate().skip(from) {
        if left && !step.action.answers() {
            continue;
        }
        let answer = answer.filter(|_| position == from);
        match act::of_step(draft, &mut run, position, step, answer) {
            Outcome::Act(mut act) => {
                if let Err(why) = loops::admit(draft, rule, event, &mut act) {
                    run.take_back(position, &act);
                    run.leave_out(&act.to_string(), &why);
                    left |= !step.continue_on_refusal;
                    continue;
                }
                let asks = act.is_read();
                run.push(draft, position, step, act);
                run.acted |= !asks;
                if asks {
                    // What stands behind waits for the answer, so that the order holds.
                    break;
                }
            }
            Outcome::Settled => run.acted = true,
            // Left out is as good as refused: what stands behind would tell of what did not happen. An
            // answer to Chat is no such thing.
            Outcome::LeftOut => left |= !step.continue_on_refusal,
            Outcome::Instead(act) => {
                run.push(draft, position, step, act);
                run.acted = true;
                left |= !step.continue_on_refusal;
            }
        }
    }
    run.finish(draft, (from > 0 || answer.is_some()) && !acted)
}

impl Run<'_> {
    /// What hangs on a step that comes to nothing.
    fn take_back(&mut self, position: usize, act: &Act) {
        let id = self.id(position, act);
        self.sanctions.retain(|whom| whom.id != id);
        let of_step =
            |key: &StateKey| matches!(key, StateKey::Ladder(_, at, ..) if *at == position);
        self.ladders.retain(|(key, _)| !of_step(key));
    }

    fn push(&mut self, draft: &mut Draft<'_>, position: usize, step: &Step, act: Act) {
        self.wanted.push(act.to_string());
        let then = match &act {
            Act::Read(_) | Act::TransferOwner { .. } | Act::TransferRoom { .. } => {
                Some(Box::new(Resume {
                    rule: self.rule.id.clone(),
                    event: self.event.clone(),
                    stage: Stage::Steps { from: position },
                    tried: self.tried.to_vec(),
                    count: self.count,
                    digest: self.rule.digest.clone(),
                    acted: self.acted,
                    // What is sent has come of it, whatever Chat says to it.
                    holds_up: self.holds_up && act.is_read(),
                }))
            }
            _ => None,
        };
        let manner = if act.is_read() { Manner::Send } else { guard::manner(draft, self.rule) };
        self.effects.push(Effect {
            id: self.id(position, &act),
            lane: self.event.lane(),
            rule: Some(self.rule.id.clone()),
            event: self.event.id.clone(),
            created: draft.now,
            manner,
            then,
            continue_on_refusal: step.continue_on_refusal,
            act,
        });
    }

    /// What was wanted takes effect, unless a limit is exceeded. `asked`: it had asked Chat before it did anything.
    fn finish(self, draft: &mut Draft<'_>, asked: bool) -> Came {
        let Self { rule, event, wanted, left_out, settled, sanctions, ladders, .. } = self;
        let mut effects = self.effects;
        // A rule without actions is there to `stop` what it matches.
        let something = !wanted.is_empty() || !settled.is_empty() || rule.steps.is_empty();
        let came = match (self.acted || rule.steps.is_empty(), something) {
            (true, _) => Came::Acted,
            (false, true) => Came::Asking,
            (false, false) => Came::Nowhere,
        };
        let shadow = draft.in_shadow(rule);
        let actions = effects.iter().filter(|effect| limit::counts(effect)).count();
        let excess = match actions {
            0 => None,
            _ if shadow => None,
            actions => limit::spend(draft, rule, event, actions),
        };
        let dropped = excess.as_ref().is_some_and(|excess| excess.then == Excess::Drop);
        if something && !dropped {
            judge::act_marks(draft, rule, event);
            ladders.into_iter().for_each(|(key, place)| draft.set(key, Some(place)));
        } else if asked {
            judge::give_marks_back(draft, rule, event);
        }
        let Some(excess) = excess else {
            // What is only observed restrains nobody, so nothing has to end.
            if !shadow {
                sanction::end_with(draft, &mut effects, &sanctions);
            }
            draft.effects.extend(effects);
            if !shadow {
                let begin = |whom| sanction::begin(draft, &rule.id, &event.id, whom);
                sanctions.into_iter().for_each(begin);
            }
            let wanted = settled.into_iter().chain(wanted).collect();
            draft.note_rule(rule, event, Why::Acted { wanted, left_out });
            return came;
        };
        if let (false, Some(first)) = (dropped, effects.first()) {
            draft.held.push(Held {
                id: first.id.clone(),
                rule: rule.id.clone(),
                event: event.clone(),
                at: draft.now,
                why: excess.words.clone(),
                effects,
                sanctions,
            });
        }
        let why = Why::OverLimit { wanted, limit: excess.words, held: !dropped, settled };
        draft.note_rule(rule, event, why);
        came
    }

    pub(super) fn id(&self, position: usize, act: &Act) -> EventId {
        let tries = self.tried.len();
        effect_id(self.event, &self.rule.id, &format!("{position} {} {tries}", act.name()))
    }

    pub(super) fn text(&self, draft: &Draft<'_>, template: &Template) -> String {
        View { draft, event: self.event, count: self.count }.render(template, &self.mute)
    }

    pub(super) fn leave_out(&mut self, what: &str, why: &str) -> Outcome {
        self.left_out.push(format!("{what}: {why}"));
        Outcome::LeftOut
    }
}
