//! All rules of a directory, found by event and by name without looking at the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::catalog::{EventKind, Object};
use super::condition::{Clause, Condition};
use super::index::{Index, MANY};
use super::model::{Action, Each, MemoryKey, Rule, RuleId, Step, Trigger, digest};

/// All rules of a directory, in the order in which they run.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    by_event: HashMap<EventKind, Vec<Arc<Rule>>>,
    /// For kinds of events on which there are many.
    indexes: HashMap<EventKind, Index>,
    /// Those with a `wait`, in running order.
    waiting: Vec<Arc<Rule>>,
    notes_messages: bool,
    by_id: HashMap<RuleId, Arc<Rule>>,
    /// The texts that they were read from: file name and content, in order.
    sources: Vec<(String, String)>,
    version: String,
    /// For what each piece of memory is kept.
    memory: BTreeMap<MemoryKey, Vec<Each>>,
}

impl RuleSet {
    /// Puts rules and their sources together; the version is a digest of the sources.
    pub fn new(rules: Vec<Rule>, sources: Vec<(String, String)>) -> Self {
        let version = digest(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let kept = |step: &Step| match &step.action {
            Action::Remember { key, each, .. } => Some((key.clone(), each.clone())),
            _ => None,
        };
        let memory = rules.iter().flat_map(|rule| &rule.steps).filter_map(kept).collect();
        Self::of(rules.into_iter().map(Arc::new).collect(), sources, version, memory)
    }

    /// The rules of one file alone; `None` when there are none in it. What others remember can be read, and
    /// is never there.
    pub fn of_file(&self, file: &str) -> Option<Self> {
        let own = self.rules.iter().filter(|rule| &*rule.place.file == file);
        let rules: Vec<_> = own.cloned().collect();
        let (sources, version) = (self.sources.clone(), self.version.clone());
        (!rules.is_empty()).then(|| Self::of(rules, sources, version, self.memory.clone()))
    }

    fn of(
        rules: Vec<Arc<Rule>>,
        sources: Vec<(String, String)>,
        version: String,
        memory: BTreeMap<MemoryKey, Vec<Each>>,
    ) -> Self {
        let mut by_event: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_id = HashMap::new();
        for rule in &rules {
            // While there are mistakes there may be two of a name: the first counts.
            by_id.entry(rule.id.clone()).or_insert_with(|| Arc::clone(rule));
            let Trigger::On(kinds) = &rule.trigger else { continue };
            for (position, kind) in kinds.iter().enumerate() {
                if !kinds[..position].contains(kind) {
                    by_event.entry(*kind).or_default().push(Arc::clone(rule));
                }
            }
        }
        let many = by_event.iter().filter(|(_, rules)| rules.len() > MANY);
        let index = |(kind, rules): (&EventKind, &Vec<Arc<Rule>>)| {
            (*kind, Index::new(rules.iter().map(AsRef::as_ref), kind.asks()))
        };
        let indexes = many.map(index).collect();
        let waiting = rules.iter().filter(|rule| rule.wait.is_some()).cloned().collect();
        let notes_messages = rules.iter().any(|rule| reads_last_message(rule));
        Self { rules, by_event, indexes, waiting, notes_messages, by_id, sources, version, memory }
    }

    /// The keys of all pieces of memory.
    pub fn memory_keys(&self) -> impl ExactSizeIterator<Item = &MemoryKey> {
        self.memory.keys()
    }

    /// For what a piece of memory is kept (`each`); `None` when no rule remembers it.
    pub fn memory(&self, key: &str) -> Option<&[Each]> {
        self.memory.get(key).map(Vec::as_slice)
    }

    /// In running order.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rules that an event starts, in running order.
    pub fn on(&self, kind: EventKind) -> &[Arc<Rule>] {
        self.by_event.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Finds those that an event can reach, where there are many; its places are those of [`RuleSet::on`].
    pub fn index(&self, kind: EventKind) -> Option<&Index> {
        self.indexes.get(&kind)
    }

    /// The rules that have a `wait`, in running order.
    pub fn waiting(&self) -> &[Arc<Rule>] {
        &self.waiting
    }

    /// Whether a condition reads `last_message_at` of anybody but a candidate, whom Chat describes.
    pub fn notes_messages(&self) -> bool {
        self.notes_messages
    }

    /// The rule of that name.
    pub fn get(&self, id: &RuleId) -> Option<&Arc<Rule>> {
        self.by_id.get(id)
    }

    /// File names and contents.
    pub fn sources(&self) -> &[(String, String)] {
        &self.sources
    }

    /// Twelve hex digits that change when any file changes.
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn reads_last_message(rule: &Rule) -> bool {
    let conditions = [&rule.when, &rule.unless].into_iter().flatten();
    let mut uses = conditions.flat_map(Condition::clauses).flat_map(Clause::uses);
    uses.any(|(object, field)| *object != Object::Candidate && field == "last_message_at")
}
