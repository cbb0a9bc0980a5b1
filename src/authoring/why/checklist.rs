//! How far one rule came, step by step, and the place in its text where it stopped.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::subject::{Subject, goes_on};
use super::{Came, RuleTold};
use crate::authoring::one_line;
use crate::authoring::ruletext::RuleText;
use crate::decision::{EventId, Why};
use crate::ledger::JournalEntry;
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::duration;
use crate::rule::model::{Mode, Trigger};
use crate::rule::source::Spot;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Passed,
    Stopped,
    NotReached,
}

/// One thing that must hold for the rule to act.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The key of the rule: `on`, `in`, `when`, …
    pub key: &'static str,
    pub what: String,
    pub state: StepState,
    /// What was seen, where it stopped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seen: String,
}

/// How far one rule came.
#[derive(Clone, Debug, Serialize)]
pub struct WhyNot {
    pub event: String,
    /// As in [`super::WhyTold`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<EventId>,
    pub about: String,
    pub at: String,
    pub rules_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(flatten)]
    pub told: RuleTold,
    pub steps: Vec<Step>,
    #[serde(skip)]
    spot: Option<Spot>,
    id: String,
}

/// Puts the list together: the steps in the order in which a rule is judged.
pub(super) fn of(
    rule: &Rule,
    text: Option<&RuleText>,
    entry: &JournalEntry,
    subject: Subject,
    why: Option<&Why>,
    told: RuleTold,
    note: Option<String>,
) -> WhyNot {
    let mut steps = expected(rule, matches!(why, Some(Why::Stopped { .. })));
    let stopped = stops_at(&steps, why);
    let early = matches!(why, Some(Why::ClauseFalse { early: true, .. }));
    for (number, step) in steps.iter_mut().enumerate() {
        step.state = match stopped {
            Some(at) if number == at => StepState::Stopped,
            Some(at) if number > at => StepState::NotReached,
            Some(_) if early && step.key == "when" => StepState::NotReached,
            _ => StepState::Passed,
        };
    }
    if let Some(at) = stopped {
        steps[at].seen = match why {
            Some(why) => seen(why),
            None => told.sentences.first().cloned().unwrap_or_default(),
        };
    }
    let spot = text.and_then(|text| {
        let step = &steps[stopped?];
        Some(match step.key {
            "when" | "unless" => text.part(step.key, &step.what),
            "echo" => text.heading(),
            key => text.key(key),
        })
    });
    WhyNot {
        event: subject.event,
        id: entry.id.to_string(),
        continues: subject.continues,
        about: subject.about,
        at: entry.at.to_string(),
        rules_version: entry.rules.clone(),
        note,
        told,
        steps,
        spot,
    }
}

fn step(key: &'static str, what: impl Into<String>) -> Step {
    Step { key, what: what.into(), state: StepState::NotReached, seen: String::new() }
}

/// Everything that must hold, in the order in which it is judged.
fn expected(rule: &Rule, stopped: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    match &rule.trigger {
        Trigger::On(kinds) => {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            steps.push(step("on", names.join(", ")));
        }
        Trigger::Schedule(_) => steps.push(step("schedule", "its time has come")),
    }
    if stopped {
        steps.push(step("stop", "no rule before it said `stop`"));
    }
    if rule.mode != Mode::Enforce {
        steps.push(step("mode", if rule.mode == Mode::Off { "off" } else { "shadow" }));
    }
    steps.push(step("in", scope(rule)));
    if !rule.on_own {
        steps.push(step("echo", "not the bot's own call (`on_own`)"));
    }
    let clauses = |steps: &mut Vec<Step>, counted: bool| {
        for clause in rule.when.iter().flat_map(Condition::clauses) {
            if clause.reads("count") == counted {
                steps.push(step("when", clause.text()));
            }
        }
        if let Some(unless) = &rule.unless
            && unless.clauses().iter().any(|clause| clause.reads("count")) == counted
        {
            steps.push(step("unless", unless.text()));
        }
    };
    clauses(&mut steps, false);
    if let Some(count) = &rule.count {
        let within = duration::format(count.within);
        steps.push(step("count", format!("at least {} within {within}", count.threshold)));
        clauses(&mut steps, true);
    }
    if rule.once.is_some() {
        steps.push(step("once", "it has not acted yet"));
    }
    if let Some(cooldown) = &rule.cooldown {
        let time = duration::format(cooldown.time);
        steps.push(step("cooldown", format!("it has not acted in the last {time}")));
    }
    if let Some(wait) = rule.wait {
        let time = duration::format(wait);
        steps.push(step("wait", format!("{time} later the cause still holds")));
    }
    if let Some(limit) = rule.limit {
        let per = duration::format(limit.per);
        steps.push(step("limit", format!("at most {} actions in {per}", limit.actions)));
    }
    let names: Vec<_> = rule.steps.iter().map(|step| step.action.name()).collect();
    steps.push(step("do", names.join(", ")));
    steps
}

/// Which groups it looks at, in words.
fn scope(rule: &Rule) -> String {
    let scope = &rule.scope;
    let mut parts = Vec::new();
    if !scope.groups.is_empty() {
        parts.push(scope.groups.patterns().join(" "));
    }
    if !scope.types.is_empty() {
        let types: Vec<&str> = scope.types.iter().map(|kind| kind.name()).collect();
        parts.push(format!("of type {}", types.join(", ")));
    }
    if !scope.except.is_empty() {
        parts.push(format!("but not {}", scope.except.patterns().join(" ")));
    }
    if parts.is_empty() { "every group".to_owned() } else { format!("groups {}", parts.join(" ")) }
}

/// Which of the steps stopped it; `None`: it acted.
fn stops_at(steps: &[Step], why: Option<&Why>) -> Option<usize> {
    let key = |key: &str| steps.iter().position(|step| step.key == key);
    let condition =
        |key: &str, text: &str| steps.iter().position(|step| step.key == key && step.what == text);
    match why {
        None => Some(0),
        Some(Why::Off) => key("mode"),
        Some(Why::OutOfScope) => key("in"),
        Some(Why::Echo) => key("echo"),
        Some(Why::ClauseFalse { clause, .. }) => condition("when", clause).or_else(|| key("when")),
        Some(Why::Unjudged { clause, .. }) => {
            condition("when", clause).or_else(|| key("unless")).or_else(|| key("when"))
        }
        Some(Why::Unless { .. }) => key("unless"),
        Some(Why::CountBelow { .. }) => key("count"),
        Some(Why::ActedOnce) => key("once"),
        Some(Why::Quiet { .. }) => key("cooldown"),
        Some(Why::Waiting { .. } | Why::AlreadyWaiting { .. } | Why::CauseGone { .. }) => {
            key("wait")
        }
        // The limit of the service is none of the rule's own.
        Some(Why::OverLimit { .. }) => key("limit").or_else(|| key("do")),
        Some(Why::Stopped { .. } | Why::Behind { .. }) => key("stop"),
        // What is asked first is for the conditions, and for the guards of the steps behind them.
        Some(Why::Asking { .. }) => key("when").or_else(|| key("do")),
        Some(why @ Why::Acted { left_out, .. }) => {
            if why.acted() && left_out.is_empty() {
                None
            } else {
                key("do")
            }
        }
    }
}

/// What was seen there, without what the step says itself.
fn seen(why: &Why) -> String {
    match why {
        Why::ClauseFalse { values, .. } | Why::Unless { values } => {
            let values: Vec<_> =
                values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            values.join(", ")
        }
        Why::Unjudged { error, .. } => format!("could not be judged: {error}"),
        Why::CountBelow { count, .. } => format!("counted {count}"),
        other => other.to_string(),
    }
}

impl WhyNot {
    /// For a terminal: the verdict, the steps, and the place in the rule's text where it stopped.
    pub fn render(&self, coloured: bool) -> String {
        let rule = &self.told.rule;
        let acted = match self.told.came {
            Came::Acted => "acted",
            Came::UnderWay => "has not acted yet",
            Came::Stopped | Came::NotListening => "did not act",
        };
        let about = if self.about.is_empty() {
            String::new()
        } else {
            format!(" of {}", one_line(&self.about))
        };
        let goes_on = goes_on(self.continues.as_ref());
        let mut text = format!(
            "`{rule}` {acted} on {}{about}\nevent {}{goes_on}, decided {} by rules {}\n\n",
            self.event, self.id, self.at, self.rules_version
        );
        if let Some(note) = &self.note {
            text.push_str(&format!("note: {note}\n\n"));
        }
        for step in &self.steps {
            let state = match step.state {
                StepState::Passed => "ok",
                StepState::Stopped => "NO",
                StepState::NotReached => "-",
            };
            let seen = if step.seen.is_empty() {
                String::new()
            } else {
                format!(": {}", one_line(&step.seen))
            };
            text.push_str(&format!("  {state:<3} {:<9} {}{seen}\n", step.key, step.what));
        }
        if !self.told.effects.is_empty() {
            text.push_str(&format!("\n{}", self.told.render()));
        }
        if let Some(excerpt) = self.excerpt(coloured) {
            text.push_str(&format!("\n{excerpt}\n"));
        }
        text
    }

    fn excerpt(&self, coloured: bool) -> Option<String> {
        let spot = self.spot.as_ref()?;
        let stopped = self.steps.iter().find(|step| step.state == StepState::Stopped)?;
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let title = Level::INFO.primary_title("here it stopped");
        let seen = one_line(&stopped.seen);
        let annotation = AnnotationKind::Primary.span(spot.span()).label(&seen);
        let snippet =
            Snippet::source(spot.source().text()).path(&**spot.file()).annotation(annotation);
        Some(renderer.render(&[Group::with_title(title).element(snippet)]))
    }
}
