//! Which effect comes next: first of its lane, due, and of a command that may be called.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::decision::Lane;
use crate::rest::Rates;

use super::stops::Stops;
use super::together;

/// A command, as limits count it; empty for what needs no call.
pub(super) type Command = &'static str;

/// How an effect is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calling {
    pub(super) command: Command,
    /// Whether one call can carry out several of its kind.
    pub(super) joins: bool,
    /// Of whom it hangs together with: [`super::calls::chain`].
    pub(super) chain: u64,
}

impl Calling {
    /// Whether one call may carry out both.
    fn goes_with(self, other: Self) -> bool {
        self.joins && other.joins && self.command == other.command
    }
}

/// Nothing that waits is due later than this: a command that is stopped rests for a quarter of an hour at most.
const FARTHEST: Duration = Duration::from_secs(20 * 60);

/// Effects of one command that are carried out at once, of all that are ([`super::AT_ONCE`]).
const MOST_OF_ONE: usize = super::AT_ONCE / 4 * 3;

/// What waits, in memory: keys only, the effects stand in the store.
#[derive(Default)]
pub(super) struct Index {
    lanes: HashMap<Lane, Queue>,
    /// Lanes whose first effect is due, by its command. Ordered, so that what happens to one process
    /// happens in the same way to the next.
    ready: BTreeMap<Command, VecDeque<Lane>>,
    /// Lanes whose first effect is due later.
    later: BTreeSet<(Timestamp, Lane)>,
    /// Commands that a person must make work again.
    pub(super) stops: Stops,
    /// Found at the start: perhaps sent by a process that died.
    recovered: HashSet<u64>,
    /// To be sent by a call of their own.
    alone: HashSet<u64>,
    /// How many effects of each command are being carried out.
    under_way: BTreeMap<Command, usize>,
    /// The command that was served last: the next one has its turn.
    served: Command,
    len: usize,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<(u64, Calling)>,
    /// The command of its first effect, while that is being carried out.
    in_flight: Option<Command>,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts an effect behind the others of its lane.
    pub(super) fn push(&mut self, lane: Lane, sequence: u64, calling: Calling) {
        self.insert(lane, sequence, calling, Timestamp::default());
    }

    /// Puts an effect in that was found in the outbox at the start, and whose record does not say whether it
    /// was sent.
    pub(super) fn recover(
        &mut self,
        lane: Lane,
        sequence: u64,
        calling: Calling,
        not_before: Timestamp,
    ) {
        // Of a lane, only the first effect can have been on its way, and those that one call carries out
        // together with it.
        let sent = self.lanes.get(&lane).is_none_or(|queue| {
            let together = |(earlier, other): &(u64, Calling)| {
                calling.goes_with(*other) && self.recovered.contains(earlier)
            };
            // What goes for the last goes for those before it.
            queue.entries.len() < together::MOST && queue.entries.back().is_some_and(together)
        });
        if sent {
            self.recovered.insert(sequence);
        }
        self.insert(lane, sequence, calling, not_before);
    }

    /// As [`Index::push`], not before this time.
    pub(super) fn insert(
        &mut self,
        lane: Lane,
        sequence: u64,
        calling: Calling,
        not_before: Timestamp,
    ) {
        let queue = self.lanes.entry(lane.clone()).or_default();
        queue.entries.push_back((sequence, calling));
        self.len += 1;
        if queue.entries.len() == 1 && queue.in_flight.is_none() {
            self.enqueue(lane, calling.command, not_before);
        }
    }

    fn enqueue(&mut self, lane: Lane, command: Command, not_before: Timestamp) {
        if not_before > Timestamp::default() {
            self.later.insert((not_before, lane));
        } else {
            self.ready.entry(command).or_default().push_back(lane);
        }
    }

    /// Claims the first effects of free lanes, as far as the limits allow. Commands take turns, and none of them
    /// has all the places: one that Chat is slow with, or of which a hundred thousand wait, must not keep
    /// a mute from ending.
    pub(super) fn claim(&mut self, now: Timestamp, most: usize, rates: &Rates) -> Vec<(Lane, u64)> {
        while let Some(lane) = self.due(now) {
            if let Some(Calling { command, .. }) = self.head(&lane) {
                self.ready.entry(command).or_default().push_back(lane);
            }
        }
        let mut claimed = Vec::new();
        let mut in_turn: VecDeque<Command> = self.ready.keys().copied().collect();
        in_turn.rotate_left(in_turn.iter().take_while(|command| **command <= self.served).count());
        while claimed.len() < most
            && let Some(command) = in_turn.pop_front()
        {
            if let Some(one) = self.claim_of(command, now, rates) {
                claimed.push(one);
                self.served = command;
                in_turn.push_back(command);
            }
        }
        self.ready.retain(|_, lanes| !lanes.is_empty());
        claimed
    }

    /// Takes a lane whose time has come. One whose time is too far away was put there by a clock that has been
    /// put back since, perhaps before a restart.
    fn due(&mut self, now: Timestamp) -> Option<Lane> {
        let (first, last) = (self.later.first()?.0, self.later.last()?.0);
        let taken = if first <= now {
            self.later.pop_first()
        } else if last > now + FARTHEST {
            self.later.pop_last()
        } else {
            None
        };
        taken.map(|(_, lane)| lane)
    }

    /// Claims one effect of a command, if there is one and it may be called.
    fn claim_of(&mut self, command: Command, now: Timestamp, rates: &Rates) -> Option<(Lane, u64)> {
        let lanes = self.ready.get_mut(command)?;
        let under_way = self.under_way.get(command).copied().unwrap_or_default();
        if under_way >= MOST_OF_ONE {
            return None;
        }
        loop {
            let lane = lanes.front()?;
            let first = self.lanes.get_mut(lane).and_then(|queue| {
                let (sequence, _) = *queue.entries.front()?;
                Some((queue, sequence))
            });
            let Some((queue, sequence)) = first else {
                lanes.pop_front();
                continue;
            };
            if !command.is_empty()
                && (self.stops.free_at(command, Some(sequence), now) > now
                    || rates.take_of(command, lanes.len(), now).is_err()
                    || self.stops.pass(command, sequence, now).is_err())
            {
                return None;
            }
            queue.in_flight = Some(command);
            self.under_way.insert(command, under_way + 1);
            return lanes.pop_front().map(|lane| (lane, sequence));
        }
    }

    /// What was claimed of a lane is not carried out any more.
    fn landed(&mut self, lane: &Lane) {
        let Some(command) = self.lanes.get_mut(lane).and_then(|queue| queue.in_flight.take())
        else {
            return;
        };
        if let Some(count) = self.under_way.get_mut(command) {
            *count = count.saturating_sub(1);
        }
    }

    fn head(&self, lane: &Lane) -> Option<Calling> {
        self.lanes.get(lane)?.entries.front().map(|(_, calling)| *calling)
    }

    /// The effect may have been carried out although it could not be settled.
    pub(super) fn perhaps_done(&mut self, sequence: u64) {
        self.recovered.insert(sequence);
    }

    /// Whether the effect may have been carried out: found at the start, or not settled.
    pub(super) fn was_recovered(&self, sequence: u64) -> bool {
        self.recovered.contains(&sequence)
    }

    /// The effect is not to be joined with others again.
    pub(super) fn alone(&mut self, sequence: u64) {
        self.alone.insert(sequence);
    }

    /// The effects behind the first of a lane that one call may carry out with it: of the same kind, and
    /// neither sent before nor to be sent alone.
    pub(super) fn followers(&self, lane: &Lane, first: u64, most: usize) -> Vec<u64> {
        let Some(queue) = self.lanes.get(lane) else { return Vec::new() };
        let Some((head, calling)) = queue.entries.front() else { return Vec::new() };
        if *head != first || !calling.joins || self.alone.contains(head) {
            return Vec::new();
        }
        let behind = queue.entries.iter().skip(1).take(most);
        let fits = |(sequence, other): &&(u64, Calling)| {
            calling.goes_with(*other)
                && !self.alone.contains(sequence)
                && !self.recovered.contains(sequence)
        };
        behind.take_while(fits).map(|(sequence, _)| *sequence).collect()
    }

    /// The effects behind the first of a lane that may hang together with it.
    pub(super) fn behind(&self, lane: &Lane, first: u64, chain: u64) -> Vec<u64> {
        let entries = self.lanes.get(lane).into_iter().flat_map(|queue| &queue.entries);
        let behind = entries.filter(|(sequence, other)| *sequence > first && other.chain == chain);
        behind.map(|(sequence, _)| *sequence).collect()
    }

    /// The claimed effect is settled, and with it others of its lane.
    pub(super) fn settled(&mut self, lane: &Lane, sequences: &[u64]) {
        self.release(lane, sequences, Timestamp::default());
    }

    /// Frees a lane that was claimed; these of its effects are settled, the others wait for the time.
    pub(super) fn release(&mut self, lane: &Lane, sequences: &[u64], not_before: Timestamp) {
        self.landed(lane);
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let before = queue.entries.len();
        let is_settled = |(sequence, _): &(u64, Calling)| sequences.contains(sequence);
        // They stand in front, but for those that fall with a refusal; a lane may be a hundred thousand long.
        while queue.entries.front().is_some_and(is_settled) {
            queue.entries.pop_front();
        }
        if before - queue.entries.len() < sequences.len() {
            queue.entries.retain(|entry| !is_settled(entry));
        }
        self.len -= before - queue.entries.len();
        sequences.iter().for_each(|sequence| {
            self.recovered.remove(sequence);
            self.alone.remove(sequence);
        });
        match self.head(lane) {
            Some(Calling { command, .. }) => self.enqueue(lane.clone(), command, not_before),
            None => {
                self.lanes.remove(lane);
            }
        }
    }

    /// The claimed effect is to be tried again.
    pub(super) fn again(&mut self, lane: &Lane, not_before: Timestamp) {
        self.release(lane, &[], not_before);
    }

    /// When something can be claimed, if nothing is settled before.
    pub(super) fn next_due(&self, now: Timestamp, rates: &Rates) -> Option<Timestamp> {
        let full = |command| self.under_way.get(command).is_some_and(|count| *count >= MOST_OF_ONE);
        let free =
            self.ready.iter().filter(|(command, lanes)| !lanes.is_empty() && !full(*command));
        let ready = free.map(|(command, lanes)| {
            if command.is_empty() {
                return now;
            }
            self.stops.free_at(command, None, now).max(rates.free_for(command, lanes.len(), now))
        });
        let later = self.later.first().map(|(due, _)| *due);
        let put_back = self.later.last().filter(|(due, _)| *due > now + FARTHEST).map(|_| now);
        ready.chain(later).chain(put_back).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::stops::Scope;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn calling(command: Command) -> Calling {
        Calling { command, ..Calling::default() }
    }

    fn joining(command: Command) -> Calling {
        Calling { joins: true, ..calling(command) }
    }

    fn lane(name: &str) -> Lane {
        Lane::group(&name.into())
    }

    #[test]
    fn a_lane_gives_its_effects_one_at_a_time_and_in_order() {
        let (mut index, rates) = (Index::default(), Rates::default());
        index.push(lane("a"), 1, calling("x"));
        index.push(lane("a"), 2, calling("y"));
        index.push(lane("b"), 3, calling("x"));
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
        index.push(lane("a"), 1, calling("x"));
        index.push(lane("a"), 2, calling("x"));
        index.claim(NOW, 10, &rates);
        let later = NOW + std::time::Duration::from_secs(5);
        index.again(&lane("a"), later);
        assert!(index.claim(NOW, 10, &rates).is_empty());
        assert_eq!(index.next_due(NOW, &rates), Some(later));
        assert_eq!(index.claim(later, 10, &rates), [(lane("a"), 1)]);
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_put_off_is_tried_when_it_is_put_back() {
        let (mut index, rates) = (Index::default(), Rates::default());
        let (ahead, pause) = (NOW + FARTHEST * 1_000, Duration::from_secs(300));
        index.push(lane("a"), 1, calling("x"));
        assert_eq!(index.claim(ahead, 10, &rates).len(), 1);
        index.again(&lane("a"), ahead + pause);
        // As a restart finds it.
        index.insert(lane("b"), 2, calling("x"), ahead + pause);
        assert!(index.claim(ahead, 10, &rates).is_empty());
        assert_eq!(index.next_due(ahead, &rates), Some(ahead + pause));
        assert_eq!(index.next_due(NOW, &rates), Some(NOW));
        assert_eq!(index.claim(NOW, 10, &rates).len(), 2);
    }

    #[test]
    fn a_stopped_command_does_not_hold_up_another_and_is_tried_by_one_effect() {
        let (mut index, rates) = (Index::default(), Rates::default());
        let minute = std::time::Duration::from_secs(60);
        index.stops.stop(Scope::Command("x"), 9, "10026", NOW);
        index.push(lane("a"), 1, calling("x"));
        index.push(lane("b"), 2, calling("y"));
        index.push(lane("c"), 3, calling("x"));
        assert_eq!(index.claim(NOW, 10, &rates), [(lane("b"), 2)]);
        assert_eq!(index.next_due(NOW, &rates), Some(NOW + minute));
        assert_eq!(index.claim(NOW + minute, 10, &rates).len(), 1);
        assert!(index.claim(NOW + minute, 10, &rates).is_empty());
        index.stops.works(Scope::Command("x"));
        assert_eq!(index.claim(NOW + minute, 10, &rates).len(), 1);
    }

    #[test]
    fn a_command_of_which_very_many_wait_or_hang_leaves_places_to_the_others() {
        let (mut index, rates) = (Index::default(), Rates::default());
        for number in 0..200 {
            index.push(lane(&format!("a{number}")), number, calling("a"));
        }
        index.push(lane("z"), 900, calling("z"));
        // One at a time, as places get free.
        let claimed: Vec<_> = (0..2).flat_map(|_| index.claim(NOW, 1, &rates)).collect();
        assert!(claimed.contains(&(lane("z"), 900)), "{claimed:?}");
        index.settled(&lane("z"), &[900]);
        let claimed = index.claim(NOW, 100, &rates).len() + 1;
        assert_eq!(claimed, MOST_OF_ONE);
        assert_eq!(index.next_due(NOW, &rates), None);
        index.push(lane("y"), 901, calling("z"));
        assert_eq!(index.next_due(NOW, &rates), Some(NOW));
        assert_eq!(index.claim(NOW, 100, &rates), [(lane("y"), 901)]);
        index.again(&lane("a0"), NOW + std::time::Duration::from_secs(1));
        assert_eq!(index.claim(NOW, 100, &rates).len(), 1);
    }

    #[test]
    fn only_effects_of_one_command_that_were_not_sent_go_together() {
        let mut index = Index::default();
        for (sequence, command) in [(1, "x"), (2, "x"), (3, "x"), (4, "y"), (5, "x")] {
            index.push(lane("a"), sequence, joining(command));
            index.push(lane("b"), 10 + sequence, calling(command));
        }
        assert_eq!(index.followers(&lane("a"), 1, 10), [2, 3]);
        assert_eq!(index.followers(&lane("a"), 1, 1), [2]);
        assert!(index.followers(&lane("a"), 2, 10).is_empty());
        assert!(index.followers(&lane("b"), 11, 10).is_empty());
        index.perhaps_done(3);
        assert_eq!(index.followers(&lane("a"), 1, 10), [2]);
        index.alone(2);
        assert!(index.followers(&lane("a"), 1, 10).is_empty());
    }

    #[test]
    fn what_may_have_gone_together_is_verified_after_a_restart() {
        let (mute, card) =
            (joining("modify_group_member_info"), calling("modify_group_member_info"));
        let (mut index, talk) = (Index::default(), calling("sendmsg"));
        for (sequence, calling) in [(1, mute), (2, mute), (3, talk), (4, mute)] {
            index.recover(lane("a"), sequence, calling, NOW);
        }
        index.recover(lane("b"), 5, talk, NOW);
        index.recover(lane("b"), 6, talk, NOW);
        // Cards go one by one, although their command is that of mutes.
        index.recover(lane("c"), 7, card, NOW);
        index.recover(lane("c"), 8, card, NOW);
        // No call carries out more than so many, whatever stands in a lane.
        for sequence in 0..2 * together::MOST as u64 {
            index.recover(lane("d"), 1_000 + sequence, mute, NOW);
        }
        let most = (1_000..).take_while(|sequence| index.was_recovered(*sequence)).count();
        assert_eq!((most, index.recovered.len()), (together::MOST, 4 + together::MOST));
        let recovered = (1..=8).filter(|sequence| index.was_recovered(*sequence));
        assert_eq!(recovered.collect::<Vec<_>>(), [1, 2, 5, 7]);
    }
}
