//! Why rules did or did not act on an event, told from the journal: weeks later, by the rules of then.

mod chain;
mod checklist;
mod subject;

use serde::Serialize;

use super::one_line;
use super::recorded::{Recorded, Trouble};
use super::ruletext;
use crate::decision::{EventId, RuleTrace, State, Why, why_passed_over};
use crate::ledger::journal::Filter;
use crate::ledger::{JournalEntry, settled_id};
use crate::rule::diagnostic::Level;
use crate::rule::model::{Mode, Place, Rule, Trigger};
use crate::rule::{self, RuleSet};

use chain::Chain;
pub use checklist::{Step, StepState, WhyNot};
use subject::Subject;

/// What is asked about.
pub struct Question<'q> {
    /// An id, its first digits, or `last`.
    pub event: &'q str,
    /// Which `last` one.
    pub filter: Filter,
    /// Rules to tell it by when those of then are not kept: a journal of JSON lines has none.
    pub instead: &'q dyn Fn() -> Result<RuleSet, Trouble>,
}

/// An event, what came of it, and the rules of then.
pub struct Case {
    chain: Chain,
    subject: Subject,
    rules: RuleSet,
    /// What to know about the telling, if it is not by the rules of then.
    note: Option<String>,
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectTold {
    pub what: String,
    pub became: String,
    /// When that was known; absent when it is not settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// How far a rule came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    Acted,
    /// Chat was asked, or a wait runs.
    UnderWay,
    /// It looked at the event and something stopped it.
    Stopped,
    /// It does not listen to this event.
    NotListening,
}

/// What one rule made of the event.
#[derive(Clone, Debug, Serialize)]
pub struct RuleTold {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `rules/quiet_flooders.toml:2`
    pub place: String,
    pub came: Came,
    /// Sentences whose subject is the rule, in order of time.
    pub sentences: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectTold>,
}

/// What all rules made of an event.
#[derive(Clone, Debug, Serialize)]
pub struct WhyTold {
    pub event: String,
    pub id: EventId,
    /// The event that this one goes on with, after Chat has answered or a wait is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<EventId>,
    #[serde(skip)]
    goes_on: bool,
    pub about: String,
    pub at: String,
    pub rules_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub rules: Vec<RuleTold>,
    /// What happened beside the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Case {
    /// Looks an event up, with everything that followed from it.
    ///
    /// # Errors
    /// When it is not in the journal: with what would have kept it.
    pub fn open(recorded: &Recorded, question: &Question<'_>) -> Result<Self, Trouble> {
        let entry = find(recorded, question)?;
        let (rules, note) = match recorded.rules(&entry.rules)? {
            Some(files) => (read(files)?, None),
            None => {
                let rules = (question.instead)()?;
                let note = (rules.version() != entry.rules).then(|| {
                    let then = if entry.rules.is_empty() { "nobody knows which" } else { &entry.rules };
                    format!(
                        "the rules that decided it ({then}) are not kept; told with version {}, in which they may read differently",
                        rules.version()
                    )
                });
                (rules, note)
            }
        };
        let mut subject = Subject::of(&entry);
        if let Some(first) = &subject.continues
            && recorded.find(first.as_str())?.is_empty()
        {
            // To be sent on to what is not there helps nobody.
            subject.continues = None;
        }
        Ok(Self { chain: Chain::follow(recorded, entry)?, subject, rules, note })
    }

    /// What every rule made of it.
    pub fn why(&self) -> WhyTold {
        let entry = self.chain.entry();
        let subject = self.subject.clone();
        let mut rules: Vec<RuleTold> =
            self.rules.rules().iter().map(|rule| self.rule_told(rule)).collect();
        // A rule that has gone since, when the telling is by other rules than those of then.
        for trace in &entry.trace.rules {
            if self.rules.get(&trace.rule).is_none() {
                rules.push(self.of_traces(trace.rule.as_str(), None, String::new()));
            }
        }
        WhyTold {
            event: subject.event,
            id: entry.id.clone(),
            continues: subject.continues,
            goes_on: subject.goes_on,
            about: subject.about,
            at: entry.at.to_string(),
            rules_version: entry.rules.clone(),
            note: self.note.clone(),
            rules,
            notes: entry.trace.notes.clone(),
        }
    }

    /// How far one rule came, step by step.
    ///
    /// # Errors
    /// When there is no such rule; with the one that was probably meant.
    pub fn why_not(&self, id: &str) -> Result<WhyNot, Trouble> {
        let Some(rule) = self.rules.rules().iter().find(|rule| rule.id.as_str() == id) else {
            return Err(no_rule(id, &self.rules));
        };
        let texts = ruletext::of_files(self.rules.sources());
        let told = self.rule_told(rule);
        let why = self.last_why(rule).or_else(|| self.unseen(rule));
        let text = texts.get(id);
        let (entry, subject) = (self.chain.entry(), self.subject.clone());
        Ok(checklist::of(rule, text, entry, subject, why.as_ref(), told, self.note.clone()))
    }

    fn rule_told(&self, rule: &Rule) -> RuleTold {
        let Place { file, line } = &rule.place;
        let mut told =
            self.of_traces(rule.id.as_str(), rule.title.clone(), format!("{file}:{line}"));
        if told.sentences.is_empty() {
            let (came, sentence) = match self.unseen(rule) {
                Some(why) => (Came::Stopped, why.to_string()),
                None if self.subject.goes_on => (
                    Came::NotListening,
                    "has no part in this: another rule goes on here".to_owned(),
                ),
                None => (Came::NotListening, not_listening(rule, &self.subject.event)),
            };
            told.came = came;
            told.sentences.push(sentence);
        }
        told
    }

    /// Why a rule that listens to the event has left no trace.
    fn unseen(&self, rule: &Rule) -> Option<Why> {
        let Trigger::On(kinds) = &rule.trigger else { return None };
        // An answer, or the end of a wait, is for the one rule that asked or waited.
        if self.subject.goes_on || !kinds.iter().any(|kind| kind.name() == self.subject.event) {
            return None;
        }
        let entry = self.chain.entry();
        match &entry.body {
            Some(event) if entry.trace.passed_over => {
                let mut known = State::default();
                let pieces = entry.known.pieces(event);
                pieces.into_iter().for_each(|(key, value)| known.insert(key, Some(value)));
                why_passed_over(rule, &self.rules, event, &known)
            }
            _ => Some(if rule.mode == Mode::Off { Why::Off } else { Why::OutOfScope }),
        }
    }

    fn last_why(&self, rule: &Rule) -> Option<Why> {
        self.chain.traces_of(rule.id.as_str()).last().map(|(_, trace)| trace.why.clone())
    }

    fn of_traces(&self, rule: &str, title: Option<String>, place: String) -> RuleTold {
        let traces: Vec<_> = self.chain.traces_of(rule).collect();
        let root = self.chain.entry();
        let subject = &self.subject.event;
        let sentence = |(entry, trace): &(&JournalEntry, &RuleTrace)| {
            let event = if trace.event == **subject {
                String::new()
            } else {
                format!("on {}, which followed from it, ", trace.event)
            };
            let (at, then) = (entry.at.to_string(), root.at.to_string());
            let later = if at == then { String::new() } else { format!("at {at} ") };
            let acted = trace.why.acted();
            let what = if acted { format!("acted: {}", trace.why) } else { trace.why.to_string() };
            format!("{event}{later}{what}")
        };
        let effects = self.chain.effects_of(rule).map(|(_, wanted)| {
            let settled = self.chain.get(&settled_id(&wanted.id));
            let became = settled.and_then(|entry| entry.outcome.as_deref());
            let skipped = self.chain.skipped(&wanted.id);
            EffectTold {
                what: wanted.what.clone(),
                became: match (became, skipped) {
                    // The outcome repeats what was wanted.
                    (Some(told), _) => {
                        told.strip_prefix(&format!("{}: ", wanted.what)).unwrap_or(told).to_owned()
                    }
                    (None, true) => "not sent, because a step before it was not done".to_owned(),
                    (None, false) => "not settled yet".to_owned(),
                },
                at: settled.map(|entry| entry.at.to_string()),
            }
        });
        let last = traces.last().map(|(_, trace)| &trace.why);
        let came = match last {
            Some(why) if why.acted() => Came::Acted,
            Some(Why::Asking { .. } | Why::Waiting { .. } | Why::AlreadyWaiting { .. }) => {
                Came::UnderWay
            }
            _ => Came::Stopped,
        };
        let (effects, sentences) = (effects.collect(), traces.iter().map(sentence).collect());
        RuleTold { rule: rule.to_owned(), title, place, came, sentences, effects }
    }
}

/// Reads rules that were good when they were kept.
///
/// # Errors
/// When this version does not read them any more.
pub fn read(files: Vec<(String, String)>) -> Result<RuleSet, Trouble> {
    let reading = rule::read(files, None);
    match reading.diagnostics.iter().find(|told| told.level == Level::Error) {
        None => Ok(reading.rules),
        Some(error) => Err(Trouble(format!(
            "the rules of then are not good rules for this version of Groupkeeper:\n{}",
            error.render(false)
        ))),
    }
}

fn find(recorded: &Recorded, question: &Question<'_>) -> Result<JournalEntry, Trouble> {
    let asked = question.event;
    if asked == "last" {
        let newest = recorded.newest(&question.filter)?;
        return newest.ok_or_else(|| {
            unknown_rule(recorded, question)
                .unwrap_or_else(|| Trouble(format!("the journal holds no such event{KEPT}")))
        });
    }
    if asked.len() < 4 || !asked.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Trouble(format!(
            "`{asked}` is no event: give its id, at least its first four digits (/api/v1/events lists them), or `last`"
        )));
    }
    let mut found = recorded.find(&asked.to_lowercase())?;
    match found.len() {
        0 => Err(Trouble(format!("the journal holds no event {asked}{KEPT}"))),
        1 => Ok(found.remove(0)),
        _ => {
            let lines: Vec<String> = found
                .iter()
                .map(|entry| {
                    let about = one_line(&about(entry));
                    format!("  {} {} {} {about}", entry.id, entry.at, entry.event)
                })
                .collect();
            Err(Trouble(format!("several events begin with {asked}:\n{}", lines.join("\n"))))
        }
    }
}

/// That the rule asked about is none that could have looked at anything, where the rules are known.
fn unknown_rule(recorded: &Recorded, question: &Question<'_>) -> Option<Trouble> {
    let id = question.filter.rule.as_deref()?;
    let rules = match recorded.rules_in_force() {
        Ok(Some(files)) => read(files).ok()?,
        Ok(None) => (question.instead)().ok()?,
        Err(_) => return None,
    };
    rules.get(&id.into()).is_none().then(|| no_rule(id, &rules))
}

/// With the one that was probably meant.
fn no_rule(id: &str, rules: &RuleSet) -> Trouble {
    let ids: Vec<&str> = rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    let help = match rule::suggest::closest(id, ids.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there is: {}", ids.join(" ")),
    };
    Trouble(format!("there is no rule `{id}` in these rules; {help}"))
}

/// What decides about whether an event is in the journal.
const KEPT: &str = "
  Events are kept for `[journal] keep` (7d unless it is set), as many as `[journal] most` says. With `[journal]
  events = \"judged\"`, the default, one is kept when a rule in scope looked at it; with \"all\", every one; with
  \"decided\", when something came of it.";

/// Whom and what an event is about: `ann in @TGS#cats`.
pub(super) fn about(entry: &JournalEntry) -> String {
    match (&entry.member, &entry.group) {
        (Some(member), Some(group)) => format!("{member} in {group}"),
        (Some(member), None) => member.to_string(),
        (None, Some(group)) => group.to_string(),
        (None, None) => String::new(),
    }
}

fn not_listening(rule: &Rule, event: &str) -> String {
    match &rule.trigger {
        Trigger::On(kinds) => {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("does not listen to {event}; it listens to {}", names.join(", "))
        }
        Trigger::Schedule(_) if event == "schedule" => "runs by another schedule".to_owned(),
        Trigger::Schedule(_) => {
            format!("does not listen to {event}; it runs by its schedule")
        }
    }
}

impl WhyTold {
    /// For a terminal. Rules that do not listen to the event are one line, unless `all` are shown.
    pub fn render(&self, all: bool) -> String {
        let Self { event, id, about, at, rules_version, .. } = self;
        let about = if about.is_empty() { String::new() } else { format!(" {}", one_line(about)) };
        let goes_on = subject::goes_on(self.continues.as_ref());
        let mut text =
            format!("{event}{about}\nevent {id}{goes_on}, decided {at} by rules {rules_version}\n");
        if let Some(note) = &self.note {
            text.push_str(&format!("note: {note}\n"));
        }
        let shown = |rule: &&RuleTold| all || rule.came != Came::NotListening;
        for rule in self.rules.iter().filter(shown) {
            text.push('\n');
            text.push_str(&rule.render());
        }
        let folded = self.rules.len() - self.rules.iter().filter(shown).count();
        if folded > 0 {
            text.push_str(&format!("\n{} (--all shows them)\n", self.folded(folded)));
        }
        if !self.notes.is_empty() {
            text.push_str("\nbeside the rules:\n");
            self.notes.iter().for_each(|note| text.push_str(&format!("  {}\n", one_line(note))));
        }
        text
    }
}

impl WhyTold {
    /// Tells of rules that are not shown.
    fn folded(&self, number: usize) -> String {
        let event = &self.event;
        match (number, self.goes_on) {
            (1, false) => format!("1 rule does not listen to {event}"),
            (_, false) => format!("{number} rules do not listen to {event}"),
            (1, true) => "1 rule has no part in this".to_owned(),
            (_, true) => format!("{number} rules have no part in this"),
        }
    }
}

impl RuleTold {
    fn render(&self) -> String {
        let mut text = String::new();
        let place =
            if self.place.is_empty() { String::new() } else { format!("  ({})", self.place) };
        // How it ended comes first; how it came there stands below.
        if let Some((last, earlier)) = self.sentences.split_last() {
            text.push_str(&format!("`{}` {}{place}\n", self.rule, one_line(last)));
            for sentence in earlier {
                text.push_str(&format!("  before that: {}\n", one_line(sentence)));
            }
        }
        for effect in &self.effects {
            let at = effect.at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
            let what = one_line(&format!("{}: {}", effect.what, effect.became));
            text.push_str(&format!("  {what}{at}\n"));
        }
        text
    }
}
