//! `remember` and `forget`: state that rules keep by themselves, and read as `memory.KEY`.

use super::draft::Draft;
use super::event::Event;
use super::judge::each_key;
use super::state::{StateKey, StateValue};
use crate::rule::RuleSet;
use crate::rule::model::{Each, MemoryKey};

/// Where a piece of memory stands for an event.
pub(super) fn key_of(key: &MemoryKey, each: &[Each], event: &Event) -> StateKey {
    StateKey::Memory(key.clone(), each_key(each, event))
}

/// Where conditions and texts read `memory.KEY`; `None` when no rule remembers it.
pub(super) fn key_named(rules: &RuleSet, key: &str, event: &Event) -> Option<StateKey> {
    Some(key_of(&key.into(), rules.memory(key)?, event))
}

/// What is remembered under a name; nothing when its time is over.
pub(super) fn recall(draft: &Draft<'_>, key: &str, event: &Event) -> Option<String> {
    match draft.get(&key_named(draft.rules, key, event)?) {
        Some(StateValue::Memory { value, until })
            if until.is_none_or(|until| until > draft.now) =>
        {
            Some(value.clone())
        }
        _ => None,
    }
}
