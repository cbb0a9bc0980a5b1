//! The names that a condition or a text may use: those that every event of its rule carries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::{EventKind, Object, Type};
use super::model::{Each, MemoryKey};

/// For what each piece of memory is kept, over all rules of a directory.
pub type Memory = BTreeMap<MemoryKey, Vec<Each>>;

/// Fields of an object, and their types.
pub type Fields = Vec<(Cow<'static, str>, Type)>;

/// Names in scope.
#[derive(Clone, Debug)]
pub struct Names {
    objects: Vec<(Object, Fields)>,
    events: Vec<EventKind>,
    count: bool,
    mute: bool,
    memory: Arc<Memory>,
}

fn of_table(fields: &[(&'static str, Type)]) -> Fields {
    fields.iter().map(|(name, kind)| (Cow::Borrowed(*name), *kind)).collect()
}

impl Names {
    /// What all of these events carry; a field of `event` must be known to each of them.
    pub fn of_events(kinds: &[EventKind]) -> Self {
        let mut event_fields = Object::Event.fields().to_vec();
        if let Some((first, rest)) = kinds.split_first() {
            let shared = |field: &&(&'static str, Type)| {
                rest.iter().all(|kind| kind.event_fields().contains(field))
            };
            event_fields.extend(first.event_fields().iter().filter(shared));
        }
        let carried = |object: &&Object| kinds.iter().all(|kind| kind.carries(**object));
        let mut objects = vec![(Object::Event, of_table(&event_fields))];
        if let Some(first) = kinds.first() {
            let shared = first.objects().iter().filter(carried);
            objects.extend(shared.map(|object| (*object, of_table(object.fields()))));
        }
        Self::new(objects, kinds)
    }

    /// What a scheduled rule sees: `event`, and `group` when it runs for each group.
    pub fn of_schedule(for_each_group: bool) -> Self {
        let mut objects = vec![(Object::Event, of_table(Object::Event.fields()))];
        if for_each_group {
            objects.push((Object::Group, of_table(Object::Group.fields())));
        }
        Self::new(objects, &[])
    }

    fn new(objects: Vec<(Object, Fields)>, events: &[EventKind]) -> Self {
        Self { objects, events: events.to_vec(), count: false, mute: false, memory: Arc::default() }
    }

    /// Adds `memory`, as far as it is kept for what the events carry.
    #[must_use]
    pub fn with_memory(mut self, memory: &Arc<Memory>) -> Self {
        let read = |(key, each): (&MemoryKey, &Vec<Each>)| {
            let known = each.iter().all(|each| self.carries_each(*each));
            known.then(|| (Cow::Owned(key.to_string()), Type::String))
        };
        let fields: Fields = memory.iter().filter_map(read).collect();
        if !fields.is_empty() {
            self.objects.push((Object::Memory, fields));
        }
        self.memory = memory.clone();
        self
    }

    /// Whether there is something to keep state for.
    pub fn carries_each(&self, each: Each) -> bool {
        let has = |wanted: &[Object]| self.objects.iter().any(|(known, _)| wanted.contains(known));
        match each {
            Each::App => true,
            Each::Group => has(&[Object::Group, Object::Room]),
            Each::Member => has(&[Object::Member, Object::User, Object::Sender]),
        }
    }

    /// For what a piece of memory is kept, whether it can be read here or not.
    pub fn memory(&self, key: &str) -> Option<&[Each]> {
        self.memory.get(key).map(Vec::as_slice)
    }

    /// Adds `count`.
    #[must_use]
    pub fn with_count(mut self) -> Self {
        self.count = true;
        self
    }

    /// The keys of all pieces of memory.
    pub fn memory_keys(&self) -> impl Iterator<Item = &str> {
        self.memory.keys().map(|key| &**key)
    }

    /// Adds `candidate`, for `except` of `transfer_owner`.
    #[must_use]
    pub fn with_candidate(mut self) -> Self {
        self.objects.push((Object::Candidate, of_table(Object::Candidate.fields())));
        self
    }

    /// Adds `invited`, for `which` of `refuse_invited`.
    #[must_use]
    pub fn with_invited(mut self) -> Self {
        self.objects.push((Object::Invited, of_table(Object::Invited.fields())));
        self
    }

    /// Adds `{mute.for}`, `{mute.until}` and `{mute.reason}`, for texts of a rule that mutes.
    #[must_use]
    pub fn with_mute(mut self) -> Self {
        self.mute = true;
        self
    }

    /// Objects and their fields.
    pub fn objects(&self) -> &[(Object, Fields)] {
        &self.objects
    }

    /// The events they come from; empty for a schedule.
    pub fn events(&self) -> &[EventKind] {
        &self.events
    }

    /// Whether `count` is there.
    pub fn has_count(&self) -> bool {
        self.count
    }

    /// Whether `{mute.…}` is there.
    pub fn has_mute(&self) -> bool {
        self.mute
    }
}
