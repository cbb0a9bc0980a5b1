//! When the faults have stopped: everything that was begun comes to its end, in bounded time.

use std::collections::BTreeMap;
use std::time::Duration;

use groupkeeper::clock::{Clock, Timestamp};
use groupkeeper::decision::StateValue;
use groupkeeper::decision::event::Timer;
use groupkeeper::ledger::{self, DeadLetter, Kind, Pending, TimerRecord};
use groupkeeper::pipeline::{DeadFate, Which};
use groupkeeper::simulator::Group;

use super::{Fault, Plan, account, mirror};
use crate::ADMIN;
use crate::bot::{Bot, Machine};

/// What is due is done after so long at the latest: an hour is the longest that a delayed callback or
/// a refused call keeps a lane, with a margin.
const LATE: Duration = Duration::from_secs(900);
/// What was due during the faults, too, is done after so long.
const BOUND: Duration = Duration::from_secs(3 * 3_600);
/// Quarters of an hour: longer than the longest sanction, with a day of tries to end it where Chat refuses.
const LONGEST: u32 = 160;

/// Lets time pass without faults until nothing is left to do, and demands that it is so.
pub async fn quiet(machine: &Machine, bot: &Bot, plan: &Plan) {
    mirror::live_mutes(machine, bot, plan).await;
    machine.clock.sleep(plan.quiet()).await;
    until(machine, || !is_busy(machine)).await;
    if let Some(reconciler) = &bot.engine.reconciler {
        machine.net.story.tell("all groups are compared");
        reconciler.start(&[]);
        until(machine, || reconciler.status().running.is_empty()).await;
        // A leave and a join that were both lost leave the count as it is: only a list of all members shows them.
        let groups: Vec<_> = machine.net.world().groups().map(|group| group.id.clone()).collect();
        reconciler.start(&groups);
        until(machine, || reconciler.status().running.is_empty()).await;
        // What it has found is acted upon.
        until(machine, || !is_busy(machine)).await;
    }
    try_dead_letters_again(machine, bot).await;
    machine.clock.sleep(LATE).await;
    // What a schedule has begun in this very second is not late.
    for _ in 0..60 {
        let outbox = machine.disk.scan(Kind::Outbox);
        if outbox.is_empty() && machine.net.witness.unsettled().is_empty() {
            break;
        }
        machine.clock.sleep(Duration::from_secs(1)).await;
    }
    check(machine);
    // Chat recognises a repetition for five minutes (34959); a clock that is set back does not know them.
    if !plan.has(Fault::ClockBack) {
        messages(machine);
    }
    if let Some(directory) = &machine.directory {
        directory.check(&bot.rules, true);
    }
    if bot.engine.reconciler.is_some() {
        mirror::check(machine, plan);
    }
    mirror::rooms_owned(machine, plan);
}

/// What Chat refused for a while it takes now: an operator has it tried again.
async fn try_dead_letters_again(machine: &Machine, bot: &Bot) {
    for (_, letter) in decoded::<DeadLetter>(machine, Kind::Dead) {
        if !may_have_been_sent(&letter) {
            let DeadLetter { pending, at, why, .. } = &letter;
            let early = pending.tries < 6 || at.since(pending.effect.created) < LATE;
            // A clock that jumps takes the measure of time with it.
            if early && machine.clock.skew() == 0 {
                let words = format!(
                    "L4: given up after {} tries: {}: {why}",
                    pending.tries, pending.effect.act
                );
                machine.net.story.broken(words);
            }
            let id = letter.pending.effect.id.to_string();
            machine.net.story.tell(format!("an operator has {id} tried again"));
            let (which, fate) = (Which::Id(id), DeadFate::Retry);
            bot.engine.pipeline.settle_dead(&which, fate, None, 1).await.unwrap();
        }
    }
    until(machine, || !is_busy(machine)).await;
}

/// What people could read twice is for a person to judge, and is not tried again here.
pub(super) fn may_have_been_sent(letter: &DeadLetter) -> bool {
    letter.why.starts_with("it may have been sent")
}

/// Lets a quarter of an hour pass, again and again, until it is so, or never will be.
async fn until(machine: &Machine, is_so: impl Fn() -> bool) {
    let begin = machine.clock.now();
    for quarter in 0..LONGEST {
        if !machine.net.story.is_whole() || is_so() {
            return;
        }
        machine.clock.sleep(LATE).await;
        if quarter % 4 == 0 && LATE * quarter > BOUND {
            in_time(machine, begin);
        }
    }
}

/// What fell due during the faults is done within the bound, a sanction whose time was over since then at once.
fn in_time(machine: &Machine, since: Timestamp) {
    let (story, now) = (&machine.net.story, machine.clock.now());
    for (_, pending) in decoded::<Pending>(machine, Kind::Outbox) {
        if pending.effect.created + BOUND < now {
            story.broken(format!(
                "L3: {} has waited since {}",
                pending.effect.act, pending.effect.created
            ));
        }
    }
    for (_, value) in decoded::<StateValue>(machine, Kind::Sanction) {
        let StateValue::Sanction(sanction) = value else { continue };
        let late = |until: Timestamp| until + if until < since { BOUND } else { LATE } < now;
        // Where Chat refuses the end, people are told, and it is tried for a day.
        if sanction.tries == 0 && sanction.until.is_some_and(late) {
            story.broken(format!("L1: a sanction of `{}` is late: {sanction:?}", sanction.rule));
        }
    }
}

/// Whether an effect is under way or a sanction still runs.
fn is_busy(machine: &Machine) -> bool {
    let runs = |record: TimerRecord| matches!(record.timer, Timer::SanctionEnd { .. });
    let timers = decoded::<TimerRecord>(machine, Kind::Timer);
    machine.net.unanswered() > 0
        || !machine.disk.scan(Kind::Outbox).is_empty()
        || timers.into_iter().any(|(_, record)| runs(record))
}

pub(super) fn decoded<T: serde::de::DeserializeOwned>(
    machine: &Machine,
    kind: Kind,
) -> Vec<(Vec<u8>, T)> {
    let found = machine.disk.scan(kind);
    found
        .into_iter()
        .map(|(key, bytes)| {
            let record = ledger::decode(&key, &bytes).unwrap();
            (key, record)
        })
        .collect()
}

fn check(machine: &Machine) {
    let story = &machine.net.story;
    let now = machine.clock.now();
    if machine.net.unanswered() > 0 {
        story.broken(format!("L3: {} callbacks are not answered", machine.net.unanswered()));
    }
    for (_, pending) in decoded::<Pending>(machine, Kind::Outbox) {
        let Pending { effect, tries, trouble, .. } = pending;
        story.broken(format!(
            "L3: {} is still in the outbox after {tries} tries: {trouble}",
            effect.act
        ));
    }
    for (key, record) in decoded::<TimerRecord>(machine, Kind::Timer) {
        let due = ledger::time_of(&key).unwrap();
        if due + LATE < now {
            story.broken(format!("L2: a timer was due at {due}: {:?}", record.timer));
        }
    }
    for (_, value) in decoded::<StateValue>(machine, Kind::Sanction) {
        let StateValue::Sanction(sanction) = value else { continue };
        if sanction.until.is_some_and(|until| until + LATE < now) {
            story.broken(format!(
                "L1: a sanction of `{}` should have ended: {sanction:?}",
                sanction.rule
            ));
        }
    }
    for words in machine.net.witness.unsettled() {
        story.broken(format!("L3: nobody knows what became of {words}"));
    }
    for (_, letter) in decoded::<DeadLetter>(machine, Kind::Dead) {
        if !may_have_been_sent(&letter) {
            story.broken(format!(
                "L4: a dead letter without need: {}: {}",
                letter.pending.effect.act, letter.why
            ));
        }
    }
    for (key, _) in machine.disk.scan(Kind::Quarantine) {
        story.broken(format!("L3: in quarantine: {}", String::from_utf8_lossy(&key)));
    }
    silences(machine);
    mutes(machine);
}

/// S3: whatever was lost and sent again, people read a message of the bot once.
fn messages(machine: &Machine) {
    let world = machine.net.world();
    for group in world.groups() {
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for message in group.messages.iter().filter(|message| message.from == account(ADMIN)) {
            *seen.entry(message.random).or_default() += 1;
        }
        for (random, times) in seen.into_iter().filter(|(_, times)| *times > 1) {
            machine.net.story.broken(format!("S3: {} reads {random:08x} {times} times", group.id));
        }
    }
}

/// L1: by now nobody is muted by anybody: people mute for half an hour at most.
fn mutes(machine: &Machine) {
    let (alerts, now) = (machine.net.witness.alerts(), machine.clock.truth());
    let world = machine.net.world();
    for group in world.groups() {
        for account in group.members.keys() {
            let of_them = format!("{account} in {}", group.id);
            let told = || alerts.iter().any(|text| text.contains(&of_them));
            let until = group.muted_until(account, now);
            if let Some(until) = until.filter(|_| !told()) {
                let words = format!("L1: {account} is muted in {} until {until}", group.id);
                machine.net.story.broken(words);
            }
        }
    }
}

/// L1: a group that the bot silenced for a time speaks again, or a person was called.
fn silences(machine: &Machine) {
    let alerts = machine.net.witness.alerts();
    let world = machine.net.world();
    let told = |group: &Group| alerts.iter().any(|text| text.contains(group.id.as_str()));
    for group in world.groups().filter(|group| group.mute_all && !told(group)) {
        let by_bot = |call: &&groupkeeper::simulator::CallRecord| {
            call.body["GroupId"] == group.id.as_str() && call.body["MuteAllMember"].is_string()
        };
        let last = world.calls().iter().rev().find(by_bot);
        // People silence groups too; the bot's last word here must not be "on".
        if last.is_some_and(|call| call.body["MuteAllMember"] == "On" && call.error_code == 0) {
            machine.net.story.broken(format!("L1: {} is still silent", group.id));
        }
    }
}
