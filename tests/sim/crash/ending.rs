//! How a story ended: what Chat holds, what people read, and what was left for a person.

use std::collections::BTreeMap;

use groupkeeper::chat::Account;
use groupkeeper::clock::Clock;
use groupkeeper::decision::StateValue;
use groupkeeper::decision::effect::{Act, Outcome};
use groupkeeper::decision::event::Cause;
use groupkeeper::ledger::{self, DeadLetter, JournalEntry, Kind, Pending};

use crate::ADMIN;
use crate::bot::Machine;

/// How Chat looks at the end. Times differ by as much as a process was down, and are left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    /// Everything that is so, in words.
    state: Vec<String>,
    /// What the bot wrote, and how often people can read it.
    read: BTreeMap<String, usize>,
    /// What was given up because it might have been sent.
    dead: BTreeMap<String, usize>,
    alerts: usize,
    /// Steps that fell with one that was given up: the journal and the dead letter tell of them.
    fell: usize,
    /// What should not be left over.
    pub unfinished: Vec<String>,
}

impl Ending {
    pub fn of(machine: &Machine) -> Self {
        let now = machine.clock.truth();
        let (mut state, mut read, mut dead) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut count = |text: &str| *read.entry(without_times(text)).or_insert(0) += 1;
        let world = machine.net.world();
        for group in world.groups() {
            state.push(format!("{} of {:?}, {:?}", group.id, group.owner, group.notification));
            state.push(format!("silent: {}", group.mute_all));
            for (account, member) in &group.members {
                let muted = group.muted_until(account, now).is_some();
                state.push(format!(
                    "{account} {} {:?} {} {:?} muted: {muted}",
                    group.role(account).name(),
                    member.name_card,
                    member.msg_flag,
                    member.fields
                ));
            }
            state.extend(
                group
                    .bans
                    .iter()
                    .filter(|(_, until)| **until > now)
                    .map(|(who, _)| format!("{who} is banned")),
            );
            let own = group.messages.iter().filter(|message| message.from == Account::from(ADMIN));
            own.for_each(|message| count(&message.text));
            let others =
                group.messages.iter().filter(|message| message.from != Account::from(ADMIN));
            state.extend(
                others.map(|message| {
                    format!("{}: {} {}", message.from, message.text, message.recalled)
                }),
            );
            group.notifications.iter().for_each(|(_, text)| count(text));
        }
        for room in world.rooms() {
            let members = room.members.keys().map(Account::as_str).collect::<Vec<_>>();
            state.push(format!("{} of {}, with {members:?}", room.id, room.owner));
        }
        world.private_messages().iter().for_each(|(_, message)| count(&message.text));
        for (key, bytes) in machine.disk.scan(Kind::Dead) {
            let letter: DeadLetter = ledger::decode(&key, &bytes).unwrap();
            if let Some(text) = text_of(&letter.pending.effect.act) {
                *dead.entry(without_times(text)).or_insert(0) += 1;
            } else {
                state.push(format!("dead: {}", letter.pending.effect.act));
            }
        }
        drop(world);
        let fell = fell(machine);
        let unfinished = unfinished(machine);
        let alerts = machine.net.witness.alerts().len();
        Self { state, read, dead, alerts, fell, unfinished }
    }

    /// What is otherwise than in the same story without a stop. A message that may have been sent when
    /// the process died is not sent again: it is read once, or a dead letter tells of it.
    pub fn differs_from(&self, whole: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let more_fell = self.fell > whole.fell && self.dead != whole.dead;
        let state = |one: &Self, other: &Self| -> Vec<String> {
            one.state.iter().filter(|line| !other.state.contains(line)).cloned().collect()
        };
        for (line, how) in state(whole, self)
            .iter()
            .map(|line| (line, "missing"))
            .chain(state(self, whole).iter().map(|line| (line, "new")))
        {
            if !more_fell {
                differences.push(format!("{how}: {line}"));
            }
        }
        let texts = [&self.read, &self.dead, &whole.read, &whole.dead]
            .into_iter()
            .flat_map(|texts| texts.keys());
        let mut texts: Vec<_> = texts.collect();
        texts.sort();
        texts.dedup();
        let number =
            |of: &BTreeMap<String, usize>, text: &String| of.get(text).copied().unwrap_or(0);
        for text in texts {
            let (read, dead) = (number(&self.read, text), number(&self.dead, text));
            let wanted = number(&whole.read, text).max(number(&whole.dead, text));
            if read > wanted || (read + dead < wanted && !more_fell) {
                differences.push(format!(
                    "{text:?} is read {read} times and {dead} times dead, not {wanted}"
                ));
            }
        }
        if self.alerts < whole.alerts {
            differences.push(format!("{} alerts, not {}", self.alerts, whole.alerts));
        }
        differences
    }
}

/// How many steps fell with one that was given up.
fn fell(machine: &Machine) -> usize {
    let journal = machine.disk.scan(Kind::Journal);
    let entries =
        journal.iter().map(|(key, bytes)| ledger::decode::<JournalEntry>(key, bytes).unwrap());
    let skipped = entries.filter_map(|entry| match entry.body?.cause {
        Cause::Settled { outcome: Outcome::Dead { .. }, skipped, .. } => Some(skipped.len()),
        _ => None,
    });
    skipped.sum()
}

/// What was begun and has not ended.
fn unfinished(machine: &Machine) -> Vec<String> {
    let mut left: Vec<String> = machine.net.witness.unsettled();
    for (key, bytes) in machine.disk.scan(Kind::Outbox) {
        let pending: Pending = ledger::decode(&key, &bytes).unwrap();
        left.push(format!("in the outbox: {}", pending.effect.act));
    }
    for (key, _) in machine.disk.scan(Kind::Timer) {
        if ledger::time_of(&key).is_some_and(|due| due < machine.clock.now()) {
            left.push("a timer that was due".to_owned());
        }
    }
    for (key, bytes) in machine.disk.scan(Kind::Sanction) {
        // One without an end stays until a person or a rule ends it.
        if let StateValue::Sanction(sanction) = ledger::decode(&key, &bytes).unwrap()
            && (sanction.until.is_some() || sanction.ending)
        {
            left.push(format!("a sanction: {sanction:?}"));
        }
    }
    left
}

fn text_of(act: &Act) -> Option<&str> {
    match act {
        Act::NotifyGroup { text, .. }
        | Act::SendPrivate { text, .. }
        | Act::SendMessage { text, .. } => Some(text),
        _ => None,
    }
}

/// A text without what depends on when it was written.
fn without_times(text: &str) -> String {
    text.split(' ')
        .filter(|word| !word.contains("T") || !word.ends_with('Z'))
        .collect::<Vec<_>>()
        .join(" ")
}
