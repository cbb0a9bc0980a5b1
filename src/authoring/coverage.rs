//! What no test reached: rules that never acted, clauses that never stopped one, ladder steps never climbed to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::decision::effect::Act;
use crate::decision::{Decision, Why};
use crate::rule::model::{Action, MuteTime};
use crate::rule::{RuleId, RuleSet, duration};

/// What the tests have reached so far.
#[derive(Debug, Default)]
pub struct Coverage {
    acted: BTreeSet<RuleId>,
    stopped_at: BTreeSet<(RuleId, String)>,
    mutes: BTreeMap<RuleId, BTreeSet<Option<Duration>>>,
}

impl Coverage {
    /// Takes one decision into account.
    pub fn add(&mut self, decision: &Decision) {
        for trace in &decision.trace.rules {
            match &trace.why {
                why if why.acted() => {
                    self.acted.insert(trace.rule.clone());
                }
                Why::ClauseFalse { clause, .. } => {
                    self.stopped_at.insert((trace.rule.clone(), clause.to_string()));
                }
                _ => {}
            }
        }
        for effect in &decision.effects {
            if let (Some(rule), Act::Mute { time, .. }) = (&effect.rule, &effect.act) {
                self.mutes.entry(rule.clone()).or_default().insert(*time);
            }
        }
    }

    /// Takes another's findings in.
    pub fn merge(&mut self, other: Self) {
        self.acted.extend(other.acted);
        self.stopped_at.extend(other.stopped_at);
        for (rule, times) in other.mutes {
            self.mutes.entry(rule).or_default().extend(times);
        }
    }

    /// A sentence for each thing that no test reached.
    pub fn gaps(&self, rules: &RuleSet) -> Vec<String> {
        let mut gaps = Vec::new();
        for rule in rules.rules() {
            let id = &rule.id;
            if !self.acted.contains(id) {
                gaps.push(format!("`{id}` never acted"));
                continue;
            }
            for clause in rule.when.iter().flat_map(|condition| condition.clauses()) {
                if !self.stopped_at.contains(&(id.clone(), clause.text().to_owned())) {
                    gaps.push(format!("`{id}`: `{}` was never false", clause.text()));
                }
            }
            for step in &rule.steps {
                let Action::Mute { ladder, .. } = &step.action else { continue };
                let reached = self.mutes.get(id);
                for time in &ladder.steps {
                    let (time, words) = match time {
                        MuteTime::For(time) => (Some(*time), duration::format(*time)),
                        MuteTime::Forever => (None, "forever".to_owned()),
                    };
                    if !reached.is_some_and(|reached| reached.contains(&time)) {
                        gaps.push(format!("`{id}`: the mute for {words} was never reached"));
                    }
                }
            }
        }
        gaps
    }
}
