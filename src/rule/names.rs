//! The names that a condition or a text may use: those that every event of its rule carries.

use super::catalog::{EventKind, Object, Type};

/// Names in scope.
#[derive(Clone, Debug)]
pub struct Names {
    objects: Vec<(Object, Vec<(&'static str, Type)>)>,
    events: Vec<EventKind>,
    count: bool,
    mute: bool,
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
        let mut objects = vec![(Object::Event, event_fields)];
        if let Some(first) = kinds.first() {
            objects
                .extend(first.objects().iter().filter(carried).map(|o| (*o, o.fields().to_vec())));
        }
        Self { objects, events: kinds.to_vec(), count: false, mute: false }
    }

    /// What a scheduled rule sees: `event`, and `group` when it runs for each group.
    pub fn of_schedule(for_each_group: bool) -> Self {
        let mut objects = vec![(Object::Event, Object::Event.fields().to_vec())];
        if for_each_group {
            objects.push((Object::Group, Object::Group.fields().to_vec()));
        }
        Self { objects, events: Vec::new(), count: false, mute: false }
    }

    /// Adds `count`.
    #[must_use]
    pub fn with_count(mut self) -> Self {
        self.count = true;
        self
    }

    /// Adds `candidate`, for `except` of `transfer_owner`.
    #[must_use]
    pub fn with_candidate(mut self) -> Self {
        self.objects.push((Object::Candidate, Object::Candidate.fields().to_vec()));
        self
    }

    /// Adds `{mute.for}`, `{mute.until}` and `{mute.reason}`, for texts of a rule that mutes.
    #[must_use]
    pub fn with_mute(mut self) -> Self {
        self.mute = true;
        self
    }

    /// Objects and their fields.
    pub fn objects(&self) -> &[(Object, Vec<(&'static str, Type)>)] {
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
