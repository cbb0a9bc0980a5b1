//! All rules of a directory, found by event and by name without looking at the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::catalog::EventKind;
use super::model::{Action, Each, MemoryKey, Rule, RuleId, Step, Trigger, digest};

/// All rules of a directory, in the order in which they run.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    by_event: HashMap<EventKind, Vec<Arc<Rule>>>,
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
        Self { rules, by_event, by_id, sources, version, memory }
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
    pub fn on(&self, kind: EventKind) -> impl Iterator<Item = &Arc<Rule>> {
        self.by_event.get(&kind).into_iter().flatten()
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
