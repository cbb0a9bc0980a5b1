//! Which effect comes next: first of its lane, due, and of a command that may be called.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::clock::Timestamp;
use crate::decision::Lane;
use crate::rest::Rates;

/// A command, as limits count it; empty for what needs no call.
pub(super) type Command = &'static str;

/// What waits, in memory: keys only, the effects stand in the store.
#[derive(Default)]
pub(super) struct Index {
    lanes: HashMap<Lane, Queue>,
    /// Lanes whose first effect is due, by its command.
    ready: HashMap<Command, VecDeque<Lane>>,
    /// Lanes whose first effect is due later.
    later: BTreeSet<(Timestamp, Lane)>,
    /// Commands that are not to be called before a time.
    paused: HashMap<Command, Timestamp>,
    /// Found at the start: perhaps sent by a process that died.
    recovered: HashSet<u64>,
    len: usize,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<(u64, Command)>,
    in_flight: bool,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts an effect behind the others of its lane.
    pub(super) fn push(&mut self, lane: Lane, sequence: u64, command: Command) {
        self.insert(lane, sequence, command, Timestamp::default());
    }

    /// Puts an effect in that was found in the outbox at the start.
    pub(super) fn recover(
        &mut self,
        lane: Lane,
        sequence: u64,
        command: Command,
        not_before: Timestamp,
    ) {
        // Of a lane, only the first effect can have been on its way.
        if !self.lanes.contains_key(&lane) {
            self.recovered.insert(sequence);
        }
        self.insert(lane, sequence, command, not_before);
    }

    fn insert(&mut self, lane: Lane, sequence: u64, command: Command, not_before: Timestamp) {
        let queue = self.lanes.entry(lane.clone()).or_default();
        queue.entries.push_back((sequence, command));
        self.len += 1;
        if queue.entries.len() == 1 && !queue.in_flight {
            self.enqueue(lane, command, not_before);
        }
    }

    fn enqueue(&mut self, lane: Lane, command: Command, not_before: Timestamp) {
        if not_before > Timestamp::default() {
            self.later.insert((not_before, lane));
        } else {
            self.ready.entry(command).or_default().push_back(lane);
        }
    }

    /// Claims the first effects of free lanes, as far as the limits allow.
    pub(super) fn claim(&mut self, now: Timestamp, most: usize, rates: &Rates) -> Vec<(Lane, u64)> {
        while let Some((due, _)) = self.later.first()
            && *due <= now
        {
            let Some((_, lane)) = self.later.pop_first() else { break };
            let command = self.head(&lane).map(|(_, command)| command);
            if let Some(command) = command {
                self.ready.entry(command).or_default().push_back(lane);
            }
        }
        let mut claimed = Vec::new();
        for (command, lanes) in &mut self.ready {
            if self.paused.get(command).is_some_and(|until| *until > now) {
                continue;
            }
            while claimed.len() < most && !lanes.is_empty() {
                if !command.is_empty() && rates.take(command, now).is_err() {
                    break;
                }
                let Some(lane) = lanes.pop_front() else { break };
                let Some(queue) = self.lanes.get_mut(&lane) else { continue };
                let Some((sequence, _)) = queue.entries.front() else { continue };
                queue.in_flight = true;
                claimed.push((lane, *sequence));
            }
        }
        self.ready.retain(|_, lanes| !lanes.is_empty());
        claimed
    }

    fn head(&self, lane: &Lane) -> Option<(u64, Command)> {
        self.lanes.get(lane)?.entries.front().copied()
    }

    /// The effect may have been carried out although it could not be settled.
    pub(super) fn perhaps_done(&mut self, sequence: u64) {
        self.recovered.insert(sequence);
    }

    /// Whether the effect may have been carried out: found at the start, or not settled.
    pub(super) fn was_recovered(&self, sequence: u64) -> bool {
        self.recovered.contains(&sequence)
    }

    /// The claimed effect is settled, and with it others of its lane.
    pub(super) fn settled(&mut self, lane: &Lane, sequences: &[u64]) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let before = queue.entries.len();
        queue.entries.retain(|(sequence, _)| !sequences.contains(sequence));
        self.len -= before - queue.entries.len();
        sequences.iter().for_each(|sequence| {
            self.recovered.remove(sequence);
        });
        queue.in_flight = false;
        match queue.entries.front() {
            Some((_, command)) => {
                let command = *command;
                self.enqueue(lane.clone(), command, Timestamp::default());
            }
            None => {
                self.lanes.remove(lane);
            }
        }
    }

    /// The claimed effect is to be tried again.
    pub(super) fn again(&mut self, lane: &Lane, not_before: Timestamp) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        queue.in_flight = false;
        if let Some((_, command)) = queue.entries.front() {
            let command = *command;
            self.enqueue(lane.clone(), command, not_before);
        }
    }

    /// Nothing of this command is claimed before the time.
    pub(super) fn pause(&mut self, command: Command, until: Timestamp) {
        self.paused.insert(command, until);
    }

    /// When something can be claimed.
    pub(super) fn next_due(&self, now: Timestamp, rates: &Rates) -> Option<Timestamp> {
        let ready = self.ready.iter().filter(|(_, lanes)| !lanes.is_empty()).map(|(command, _)| {
            let paused = self.paused.get(command).copied().unwrap_or_default();
            let limited = if command.is_empty() { now } else { rates.free_at(command, now) };
            paused.max(limited).max(now)
        });
        let later = self.later.first().map(|(due, _)| *due);
        ready.chain(later).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn lane(name: &str) -> Lane {
        Lane::group(&name.into())
    }

    #[test]
    fn a_lane_gives_its_effects_one_at_a_time_and_in_order() {
        let (mut index, rates) = (Index::default(), Rates::default());
        index.push(lane("a"), 1, "x");
        index.push(lane("a"), 2, "y");
        index.push(lane("b"), 3, "x");
        let mut claimed = index.claim(NOW, 10, &rates);
        claimed.sort();
        assert_eq!(claimed, [(lane("a"), 1), (lane("b"), 3)]);
        assert!(index.claim(NOW, 10, &rates).is_empty());
        index.settled(&lane("a"), &[1]);
        assert_eq!(index.claim(NOW, 10, &rates), [(lane("a"), 2)]);
        index.settled(&lane("a"), &[2]);
        index.settled(&lane("b"), &[3]);
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn an_effect_to_be_tried_again_waits_for_its_time_and_keeps_its_lane() {
        let (mut index, rates) = (Index::default(), Rates::default());
        index.push(lane("a"), 1, "x");
        index.push(lane("a"), 2, "x");
        index.claim(NOW, 10, &rates);
        let later = NOW + std::time::Duration::from_secs(5);
        index.again(&lane("a"), later);
        assert!(index.claim(NOW, 10, &rates).is_empty());
        assert_eq!(index.next_due(NOW, &rates), Some(later));
        assert_eq!(index.claim(later, 10, &rates), [(lane("a"), 1)]);
    }

    #[test]
    fn a_paused_command_does_not_hold_up_another() {
        let (mut index, rates) = (Index::default(), Rates::default());
        index.pause("x", NOW + std::time::Duration::from_secs(60));
        index.push(lane("a"), 1, "x");
        index.push(lane("b"), 2, "y");
        assert_eq!(index.claim(NOW, 10, &rates), [(lane("b"), 2)]);
    }
}
