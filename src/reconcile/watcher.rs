//! Looks on at what is decided: groups that were never read, numbers of messages that leave a gap, and
//! what readings have found.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::mirrored;
use super::progress::Found;
use crate::chat::GroupId;
use crate::clock::{Clock, Timestamp};
use crate::decision::event::Cause;
use crate::decision::{Decision, Event, EventId};
use crate::pipeline::Observer;
use crate::rule::EventKind;
use crate::store::Store;

/// Callbacks overtake each other: so long a missing number may still come.
const OVERTAKEN: Duration = Duration::from_secs(30);
/// Numbers are given to messages without callbacks too (tips, our own): a group is suspected no more
/// often than this.
const SUSPECTED_AGAIN: Duration = Duration::from_secs(600);
/// Callbacks that could not be taken are many at once: the groups are read when it is over.
const REFUSED: Duration = Duration::from_secs(30);
/// So many groups of callbacks that were lost are read by themselves; are there more, all are read.
const LOST: usize = 1_000;
/// Strangers can make connections be closed that perhaps were Chat's: all groups are read no more often
/// than this because of it.
const CLOSED: Duration = Duration::from_secs(300);
/// Groups that are remembered; behind that it begins anew, and some are looked up once more.
const MOST: usize = 200_000;
/// Groups that wait to be read.
const WAITING: usize = 10_000;

/// What a group's messages have told.
#[derive(Clone, Copy, Debug, Default)]
struct Sequence {
    last: i64,
    suspected: Option<Timestamp>,
}

#[derive(Default)]
struct Watched {
    /// Groups that have been read, or wait for it.
    known: HashSet<u64>,
    unread: Vec<GroupId>,
    sequences: HashMap<u64, Sequence>,
    /// How many numbers are missing, since when, and in which group.
    gaps: HashMap<u64, (GroupId, i64, Timestamp)>,
    /// Since when callbacks were lost, and those of which groups.
    lost: Option<(Timestamp, BTreeSet<GroupId>)>,
    /// Since when callbacks were lost that could be of any group.
    refused: Option<Timestamp>,
    /// Since when connections were closed that perhaps were Chat's.
    closed: Option<Timestamp>,
    /// What was found by readings that are being decided.
    found: HashMap<EventId, Found>,
}

impl Watched {
    /// Where the clock has been put back, nothing is as far away as it was.
    fn settle(&mut self, now: Timestamp) {
        let lost = self.lost.iter_mut().map(|(since, _)| since);
        let gaps = self.gaps.values_mut().map(|(_, _, since)| since);
        let others = [&mut self.refused, &mut self.closed].into_iter().flatten();
        for since in lost.chain(gaps).chain(others) {
            *since = now.min(*since);
        }
    }
}

/// Groups that should be read soon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Never read, and something happens there.
    pub unread: Vec<GroupId>,
    /// Callbacks are missing.
    pub gaps: Vec<GroupId>,
    /// Callbacks of any group may be missing.
    pub all: bool,
}

/// Looks on, in memory only: a start reads all groups anyway.
pub struct Watcher {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    next: Arc<dyn Observer>,
    hasher: RandomState,
    watched: Mutex<Watched>,
}

impl Watcher {
    /// Looks on, and hands everything on to `next`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, next: Arc<dyn Observer>) -> Self {
        Self { store, clock, next, hasher: RandomState::new(), watched: Mutex::default() }
    }

    /// A callback could not be taken: nobody knows what it would have told, of this group or of any.
    pub fn lost(&self, group: Option<&GroupId>) {
        let now = self.clock.now();
        let mut watched = self.watched();
        let Watched { lost, refused, .. } = &mut *watched;
        let Some(group) = group else {
            refused.get_or_insert(now);
            return;
        };
        let (_, groups) = lost.get_or_insert_with(|| (now, BTreeSet::new()));
        if groups.len() < LOST || groups.contains(group) {
            groups.insert(group.clone());
        } else {
            refused.get_or_insert(now);
        }
    }

    /// A connection was closed to make room, or not taken: perhaps it was Chat's.
    pub fn closed(&self) {
        let now = self.clock.now();
        self.watched().closed.get_or_insert(now);
    }

    /// Takes what is due by now.
    pub(super) fn due(&self, now: Timestamp) -> Due {
        let mut watched = self.watched();
        watched.settle(now);
        let unread = std::mem::take(&mut watched.unread);
        let over: Vec<u64> = watched
            .gaps
            .iter()
            .filter(|(_, (_, _, since))| *since + OVERTAKEN <= now)
            .map(|(hash, _)| *hash)
            .collect();
        let mut gaps = Vec::new();
        for hash in over {
            let Some((group, _, _)) = watched.gaps.remove(&hash) else { continue };
            watched.sequences.entry(hash).or_default().suspected = Some(now);
            gaps.push(group);
        }
        let lost = watched.lost.take_if(|(since, _)| *since + REFUSED <= now);
        gaps.extend(lost.into_iter().flat_map(|(_, groups)| groups));
        gaps.sort();
        gaps.dedup();
        let refused = watched.refused.take_if(|since| *since + REFUSED <= now).is_some();
        let closed = watched.closed.take_if(|since| *since + CLOSED <= now).is_some();
        let all = refused || closed;
        Due { unread, gaps, all }
    }

    /// When something will be due, if nothing new happens.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let watched = self.watched();
        let gaps = watched.gaps.values().map(|(_, _, since)| *since + OVERTAKEN).min();
        let refused = watched.refused.map(|since| since + REFUSED);
        let lost = watched.lost.as_ref().map(|(since, _)| *since + REFUSED);
        let closed = watched.closed.map(|since| since + CLOSED);
        let unread = (!watched.unread.is_empty()).then_some(Timestamp::default());
        [gaps, refused, lost, closed, unread].into_iter().flatten().min()
    }

    /// What a reading has found, once it is decided.
    pub(super) fn found_by(&self, id: &EventId) -> Found {
        self.watched().found.remove(id).unwrap_or_default()
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Each change is whole by itself.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, event: &Event, decision: &Decision) {
        let Some(group) = &event.group else { return };
        let hash = self.hasher.hash_one(group.as_str());
        match &event.cause {
            Cause::Seen(_) => {
                let mut watched = self.watched();
                if watched.known.len() >= MOST {
                    watched.known.clear();
                }
                watched.known.insert(hash);
                let mut found: Found = BTreeMap::new();
                for event in decision.derived.iter().filter(|event| event.found) {
                    *found.entry(event.name().to_owned()).or_default() += 1;
                }
                if !found.is_empty() {
                    watched.found.insert(event.id.clone(), found);
                }
            }
            Cause::Kind(EventKind::GroupDismissed) => {
                let mut watched = self.watched();
                watched.known.remove(&hash);
                watched.sequences.remove(&hash);
                watched.gaps.remove(&hash);
            }
            Cause::Kind(kind) => {
                self.first_sight(hash, group);
                if *kind == EventKind::MessageSent {
                    self.number(hash, group, event);
                }
            }
            _ => {}
        }
    }

    /// Whether the group was ever read: asked of the store once for each.
    fn first_sight(&self, hash: u64, group: &GroupId) {
        {
            let mut watched = self.watched();
            if watched.known.len() >= MOST {
                watched.known.clear();
            }
            if watched.unread.len() >= WAITING || !watched.known.insert(hash) {
                return;
            }
        }
        if mirrored::is_read(&*self.store, group) == Ok(false) {
            self.watched().unread.push(group.clone());
        }
    }

    /// The number of a message: those of a group follow each other (34375).
    fn number(&self, hash: u64, group: &GroupId, event: &Event) {
        // The messages of a topic have numbers of their own.
        let of_topic = matches!(event.fields.get("topic"), Some(crate::decision::event::Field::Text(topic)) if !topic.is_empty());
        let Some(number) = event.message.as_ref().and_then(|message| message.sequence) else {
            return;
        };
        if of_topic {
            return;
        }
        let mut watched = self.watched();
        if watched.sequences.len() >= MOST {
            watched.sequences.clear();
        }
        let sequence = watched.sequences.entry(hash).or_default();
        let last = sequence.last;
        sequence.last = last.max(number);
        let now = self.clock.now();
        let quiet = sequence.suspected.is_some_and(|at| at <= now && now < at + SUSPECTED_AGAIN);
        if last == 0 || quiet {
            return;
        }
        if number < last {
            // One that was missing has come after all.
            if let Some((_, missing, _)) = watched.gaps.get_mut(&hash) {
                *missing = missing.saturating_sub(1);
                if *missing <= 0 {
                    watched.gaps.remove(&hash);
                }
            }
        } else if number > last.saturating_add(1)
            // Nobody takes them where groups are not compared by themselves.
            && (watched.gaps.len() < WAITING || watched.gaps.contains_key(&hash))
        {
            let new = || (group.clone(), 0, self.clock.now());
            let gap = watched.gaps.entry(hash).or_insert_with(new);
            gap.1 = gap.1.saturating_add(number - last - 1);
        }
    }
}

impl Observer for Watcher {
    fn decided(&self, event: &Event, decision: &Decision) {
        self.see(event, decision);
        self.next.decided(event, decision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Message;
    use crate::clock::ManualClock;
    use crate::store::MemoryStore;

    const NOW: Timestamp = Timestamp(1_767_268_800_000);

    fn watcher() -> (Watcher, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Arc::new(MemoryStore::default());
        (Watcher::new(store, clock.clone(), Arc::new(())), clock)
    }

    fn message(watcher: &Watcher, number: i64) {
        let id = EventId::of(&[&number.to_be_bytes()]);
        let mut event = Event::new(id, Cause::Kind(EventKind::MessageSent), NOW, "after");
        event.group = Some("@TGS#1".into());
        event.message = Some(Message { sequence: Some(number), ..Message::default() });
        watcher.decided(&event, &Decision::default());
    }

    #[test]
    fn a_group_that_was_never_read_is_due_once() {
        let (watcher, _) = watcher();
        message(&watcher, 1);
        message(&watcher, 2);
        assert_eq!(watcher.due(NOW).unread, ["@TGS#1".into()]);
        assert_eq!(watcher.due(NOW), Due::default());
    }

    #[test]
    fn numbers_that_overtake_each_other_leave_no_gap() {
        let (watcher, _) = watcher();
        for number in [1, 4, 3, 2, 5] {
            message(&watcher, number);
        }
        watcher.due(NOW);
        assert_eq!(watcher.due(NOW + OVERTAKEN), Due::default());
    }

    #[test]
    fn a_number_that_does_not_come_is_a_gap_and_the_next_one_is_not_for_a_while() {
        let (watcher, clock) = watcher();
        for number in [1, 4, 3] {
            message(&watcher, number);
        }
        watcher.due(NOW);
        assert_eq!(watcher.next_due(), Some(NOW + OVERTAKEN));
        clock.advance(OVERTAKEN);
        assert_eq!(watcher.due(clock.now()).gaps, ["@TGS#1".into()]);
        message(&watcher, 9);
        clock.advance(OVERTAKEN);
        assert_eq!(watcher.due(clock.now()), Due::default());
        clock.advance(SUSPECTED_AGAIN);
        message(&watcher, 12);
        assert_eq!(watcher.next_due(), Some(clock.now() + OVERTAKEN));
    }

    #[test]
    fn what_was_lost_while_the_clock_was_ahead_is_due_when_it_has_been_put_back() {
        let (watcher, clock) = watcher();
        clock.advance(SUSPECTED_AGAIN * 1_000);
        [1, 4, 3].into_iter().for_each(|number| message(&watcher, number));
        watcher.lost(None);
        watcher.closed();
        clock.set(NOW);
        assert_eq!(watcher.due(NOW).gaps, []);
        let due = watcher.due(NOW + OVERTAKEN.max(REFUSED));
        assert_eq!((due.gaps, due.all), (vec!["@TGS#1".into()], true));
    }

    #[test]
    fn callbacks_of_no_known_group_that_were_lost_make_all_groups_due_when_it_is_over() {
        let (watcher, clock) = watcher();
        watcher.lost(None);
        clock.advance(Duration::from_secs(10));
        watcher.lost(None);
        assert!(!watcher.due(clock.now()).all);
        clock.advance(Duration::from_secs(20));
        assert!(watcher.due(clock.now()).all);
        assert!(!watcher.due(clock.now()).all);
    }

    #[test]
    fn a_lost_callback_of_a_group_makes_that_group_due_and_no_other() {
        let (watcher, clock) = watcher();
        watcher.lost(Some(&"@TGS#2".into()));
        watcher.lost(Some(&"@TGS#1".into()));
        watcher.lost(Some(&"@TGS#2".into()));
        assert_eq!(watcher.next_due(), Some(NOW + REFUSED));
        assert_eq!(watcher.due(clock.now()), Due::default());
        clock.advance(REFUSED);
        let due = watcher.due(clock.now());
        assert_eq!((due.gaps, due.all), (vec!["@TGS#1".into(), "@TGS#2".into()], false));
        assert_eq!(watcher.due(clock.now()), Due::default());
    }

    #[test]
    fn lost_callbacks_of_more_groups_than_are_remembered_make_all_due() {
        let (watcher, clock) = watcher();
        for number in 0..LOST + 1 {
            watcher.lost(Some(&GroupId::from(number.to_string())));
        }
        clock.advance(REFUSED);
        let due = watcher.due(clock.now());
        assert_eq!((due.gaps.len(), due.all), (LOST, true));
    }

    #[test]
    fn closed_connections_make_all_groups_due_and_however_many_no_more_often_than_that() {
        let (watcher, clock) = watcher();
        watcher.closed();
        clock.advance(REFUSED);
        watcher.closed();
        assert!(!watcher.due(clock.now()).all);
        clock.set(NOW + CLOSED);
        assert!(watcher.due(clock.now()).all);
        watcher.closed();
        assert_eq!(watcher.next_due(), Some(NOW + CLOSED + CLOSED));
    }

    #[test]
    fn numbers_at_the_end_of_their_range_are_borne() {
        let (watcher, _) = watcher();
        for number in [1, i64::MAX, i64::MIN, i64::MAX, 5, -1, 0] {
            message(&watcher, number);
        }
        assert_eq!(watcher.due(NOW).gaps, Vec::<GroupId>::new());
    }

    #[test]
    fn however_many_groups_nobody_knows_they_take_up_no_more_than_a_bound() {
        let (watcher, _) = watcher();
        let cause = Cause::Kind(EventKind::MessageSent);
        let mut event = Event::new(EventId::of(&[b"one"]), cause, NOW, "after");
        event.message = Some(Message { sequence: Some(7), ..Message::default() });
        for number in 0..MOST + 1_000 {
            event.group = Some(GroupId::from(number.to_string()));
            watcher.decided(&event, &Decision::default());
        }
        let watched = watcher.watched();
        assert_eq!(watched.unread.len(), WAITING);
        assert_eq!((watched.known.len(), watched.sequences.len()), (WAITING, 1_000));
        assert!(watched.gaps.is_empty() && watched.found.is_empty());
    }
}
