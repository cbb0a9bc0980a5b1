//! What no test reached: rules that never acted, clauses that never stopped one, ladder steps never
//! climbed to, bounds never hit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::effect::Act;
use crate::decision::{Decision, Why};
use crate::rule::model::{Action, Mode, MuteTime, Place};
use crate::rule::{Rule, RuleId, RuleSet, duration};

/// What the tests have reached so far.
#[derive(Debug, Default)]
pub struct Coverage {
    rules: BTreeMap<RuleId, Reached>,
}

/// What they have reached of one rule.
#[derive(Debug, Default)]
struct Reached {
    acted: bool,
    /// Clauses of `when` that were false.
    stopped_at: BTreeSet<Arc<str>>,
    unless: bool,
    below_count: bool,
    once: bool,
    quiet: bool,
    mutes: BTreeSet<Option<Duration>>,
}

/// One thing that no test reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub rule: RuleId,
    pub place: Place,
    /// The sentence behind the rule's name: "never acted".
    pub what: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.rule, self.what)
    }
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub reached: usize,
    pub all: usize,
}

impl Share {
    fn add(&mut self, reached: bool) {
        self.reached += usize::from(reached);
        self.all += 1;
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.reached, self.all)
    }
}

/// What the tests reached of a rule set, and what they did not.
#[derive(Clone, Debug, Default)]
pub struct Covered {
    pub rules: Share,
    /// Clauses of `when` that were false once, and `unless` that stopped something once.
    pub clauses: Share,
    pub ladder_steps: Share,
    /// `count`, `once` and `cooldown` that held a rule back once.
    pub bounds: Share,
    /// In the order of the rules.
    pub gaps: Vec<Gap>,
}

impl Coverage {
    /// Takes one decision into account.
    pub fn add(&mut self, decision: &Decision) {
        for trace in &decision.trace.rules {
            let reached = self.of(&trace.rule);
            match &trace.why {
                Why::Acted { wanted, .. } => reached.acted |= !wanted.is_empty(),
                Why::ClauseFalse { clause, .. } if !reached.stopped_at.contains(clause) => {
                    reached.stopped_at.insert(clause.clone());
                }
                Why::Unless { .. } => reached.unless = true,
                Why::CountBelow { .. } => reached.below_count = true,
                Why::ActedOnce => reached.once = true,
                Why::Quiet { .. } => reached.quiet = true,
                _ => {}
            }
        }
        for effect in &decision.effects {
            if let (Some(rule), Act::Mute { time, .. }) = (&effect.rule, &effect.act) {
                self.of(rule).mutes.insert(*time);
            }
        }
    }

    fn of(&mut self, rule: &RuleId) -> &mut Reached {
        if !self.rules.contains_key(rule) {
            self.rules.insert(rule.clone(), Reached::default());
        }
        self.rules.entry(rule.clone()).or_default()
    }

    /// Takes another's findings in.
    pub fn merge(&mut self, other: Self) {
        for (rule, other) in other.rules {
            let own = self.of(&rule);
            own.acted |= other.acted;
            own.stopped_at.extend(other.stopped_at);
            own.unless |= other.unless;
            own.below_count |= other.below_count;
            own.once |= other.once;
            own.quiet |= other.quiet;
            own.mutes.extend(other.mutes);
        }
    }

    /// What was reached of these rules; a rule that is off is passed over.
    pub fn of_rules(&self, rules: &RuleSet) -> Covered {
        let nothing = Reached::default();
        let mut covered = Covered::default();
        for rule in rules.rules().iter().filter(|rule| rule.mode != Mode::Off) {
            covered.rule(rule, self.rules.get(&rule.id).unwrap_or(&nothing));
        }
        covered
    }
}

impl Covered {
    fn gap(&mut self, rule: &Rule, what: String) {
        self.gaps.push(Gap { rule: rule.id.clone(), place: rule.place.clone(), what });
    }

    fn rule(&mut self, rule: &Rule, reached: &Reached) {
        self.rules.add(reached.acted);
        if !reached.acted {
            self.gap(rule, "never acted".to_owned());
        }
        // Of a rule that never acted, only that is told; the rest still counts.
        let before = self.gaps.len();
        for clause in rule.when.iter().flat_map(|condition| condition.clauses()) {
            let stopped = reached.stopped_at.contains(clause.text());
            self.clauses.add(stopped);
            if !stopped {
                self.gap(rule, format!("was never stopped by `{}`", clause.text()));
            }
        }
        if let Some(unless) = &rule.unless {
            self.clauses.add(reached.unless);
            if !reached.unless {
                self.gap(rule, format!("was never stopped by `unless`: `{}`", unless.text()));
            }
        }
        let bounds = [
            (rule.count.is_some(), reached.below_count, "`count`"),
            (rule.once.is_some(), reached.once, "`once`"),
            (rule.cooldown.is_some(), reached.quiet, "`cooldown`"),
        ];
        for (_, hit, name) in bounds.into_iter().filter(|(has, ..)| *has) {
            self.bounds.add(hit);
            if !hit {
                self.gap(rule, format!("was never held back by its {name}"));
            }
        }
        for step in &rule.steps {
            let Action::Mute { ladder, .. } = &step.action else { continue };
            for time in &ladder.steps {
                let (time, words) = match time {
                    MuteTime::For(time) => (Some(*time), duration::format(*time)),
                    MuteTime::Forever => (None, "ever".to_owned()),
                };
                let climbed = reached.mutes.contains(&time);
                self.ladder_steps.add(climbed);
                if !climbed {
                    self.gap(rule, format!("never muted for {words}"));
                }
            }
        }
        if !reached.acted {
            self.gaps.truncate(before);
        }
    }
}
