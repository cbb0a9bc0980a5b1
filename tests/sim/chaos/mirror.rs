//! What the bot believes about groups, beside what is so in Chat: L5 and L6.

use std::collections::BTreeMap;
use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::StateValue;
use groupkeeper::decision::state::{GroupRecord, Owner};
use groupkeeper::ledger::{self, Kind};
use groupkeeper::simulator::Group;

use super::end::decoded;
use super::{Fault, Plan, books};
use crate::bot::{Bot, Machine};

/// Compares every group, after all were read and what was found was acted upon.
pub fn check(machine: &Machine, plan: &Plan) {
    let believed = believed(machine);
    let members = members(machine);
    let world = machine.net.world();
    for group in world.groups() {
        let words = match believed.get(&group.id) {
            None => vec!["is not known".to_owned()],
            Some(record) => differences(group, record, members.get(&group.id)),
        };
        for words in words {
            machine.net.story.broken(format!("L5: {} {words}", group.id));
        }
    }
    for (id, _) in believed.iter().filter(|(_, record)| !record.dismissed) {
        if world.group(id).is_none() {
            machine.net.story.broken(format!("L5: {id} is believed in, and is gone"));
        }
    }
    drop(world);
    owned(machine, plan);
}

type Members = BTreeMap<String, Role>;

fn believed(machine: &Machine) -> BTreeMap<GroupId, GroupRecord> {
    let records = decoded::<StateValue>(machine, Kind::Group).into_iter();
    let named = records.filter_map(|(key, value)| match value {
        StateValue::Group(record) => Some((ledger::group_of(&key)?, record)),
        _ => None,
    });
    named.collect()
}

/// Those who are believed to be in a group, and what they are there.
fn members(machine: &Machine) -> BTreeMap<GroupId, Members> {
    let mut groups: BTreeMap<GroupId, Members> = BTreeMap::new();
    for (key, value) in decoded::<StateValue>(machine, Kind::Member) {
        let StateValue::Member(record) = value else { continue };
        let [group, member] = &ledger::texts_of(&key)[..] else { panic!("the key {key:?}") };
        if let (true, Some(role)) = (record.is_present(), record.role) {
            let group = groups.entry(GroupId::from(group.as_str())).or_default();
            group.insert(member.clone(), role);
        }
    }
    groups
}

fn differences(group: &Group, record: &GroupRecord, believed: Option<&Members>) -> Vec<String> {
    let mut words = Vec::new();
    if record.owner != Owner::from_account(group.owner.as_ref()) {
        words.push(format!("is owned by {:?}, not by {:?}", group.owner, record.owner));
    }
    if record.dismissed {
        words.push("is believed to be gone".to_owned());
    }
    // Nobody lists the members of an AVChatRoom (34948).
    if group.kind == GroupType::AVChatRoom {
        return words;
    }
    let present: Members =
        group.members.keys().map(|who| (who.to_string(), group.role(who))).collect();
    let none = Members::new();
    let believed = believed.unwrap_or(&none);
    if present != *believed {
        words.push(format!("has {present:?}, and believed are {believed:?}"));
    }
    words
}

/// Chat's lists may be that old.
const JUST_BEFORE: Duration = Duration::from_secs(90);
/// How often it is looked whether a comparison, and what follows from it, is done.
const LOOKS: u32 = 60;

/// L5 of mutes, soon after the faults have stopped, while some still stand: who is believed to be muted is so in
/// Chat, once all members were read.
pub async fn live_mutes(machine: &Machine, bot: &Bot, plan: &Plan) {
    let Some(reconciler) = &bot.engine.reconciler else { return };
    if plan.has(Fault::ClockBack) || plan.has(Fault::ClockForward) {
        return;
    }
    let groups: Vec<_> = machine.net.world().groups().map(|group| group.id.clone()).collect();
    machine.clock.sleep(Duration::from_secs(30)).await;
    let began = machine.clock.truth();
    reconciler.start(&groups);
    let rests = || {
        reconciler.status().running.is_empty()
            && machine.net.unanswered() == 0
            && machine.disk.scan(Kind::Outbox).is_empty()
    };
    for _ in 0..LOOKS {
        machine.clock.sleep(Duration::from_secs(5)).await;
        if rests() {
            return mutes_stand(machine, began);
        }
    }
}

/// `began`: when the reading of the members did. It tells nothing of what Chat had confirmed just before.
fn mutes_stand(machine: &Machine, began: Timestamp) {
    let now = machine.clock.truth();
    let world = machine.net.world();
    for (key, value) in decoded::<StateValue>(machine, Kind::Sanction) {
        let StateValue::Sanction(sanction) = value else { continue };
        let [group, member, kind] = &ledger::texts_of(&key)[..] else { panic!("the key {key:?}") };
        let soon = sanction.at_chat().is_some_and(|until| until < now + Duration::from_secs(60));
        let stands =
            kind == "mute" && sanction.confirmed.is_some_and(|at| at + JUST_BEFORE < began);
        if !stands || sanction.ending || sanction.away || soon {
            continue;
        }
        let member = Account::from(member.as_str());
        let there = world.group(&GroupId::from(group.as_str()));
        let there = there.filter(|group| group.members.contains_key(&member));
        if there.is_some_and(|group| group.muted_until(&member, now).is_none()) {
            let words = format!("L5: {member} is believed to be muted in {group}: {sanction:?}");
            machine.net.story.broken(words);
        }
    }
}

/// L6: where a rule looks for owners, no group is left without one and without a word to people.
fn owned(machine: &Machine, plan: &Plan) {
    // A clock that was set back lets rules wait for hours; what a limit holds back waits for an operator.
    let waits = plan.has(Fault::Reload) || plan.has(Fault::ClockBack) || plan.limit.is_some();
    if !books::keeps_groups_owned(plan.book) || waits {
        return;
    }
    let alerts = machine.net.witness.alerts();
    let told = |group: &Group| alerts.iter().any(|text| text.contains(group.id.as_str()));
    let world = machine.net.world();
    for group in world.groups().filter(|group| group.owner.is_none() && !told(group)) {
        machine.net.story.broken(format!("L6: {} has no owner, and nobody was told", group.id));
    }
}

/// L6 of rooms: where the rule for them is in force and every callback came in its time, whoever left does
/// not own a room in which there are others.
pub fn rooms_owned(machine: &Machine, plan: &Plan) {
    let spoilt = [
        Fault::ClockBack,
        Fault::Crowded,
        Fault::Delay,
        Fault::Forged,
        Fault::FullDisk,
        Fault::Lose,
        Fault::NeverAgain,
        Fault::Operator,
        Fault::Reload,
        Fault::Reorder,
        Fault::StaleReads,
    ];
    let held = plan.limit.is_some() || spoilt.iter().any(|fault| plan.has(*fault));
    if !books::keeps_rooms_owned(plan.book) || held {
        return;
    }
    let alerts = machine.net.witness.alerts();
    let world = machine.net.world();
    for room in world.rooms() {
        let told = alerts.iter().any(|text| text.contains(room.id.as_str()));
        if !room.members.is_empty() && !room.members.contains_key(&room.owner) && !told {
            let words = format!("L6: {} left {}, and still owns it", room.owner, room.id);
            machine.net.story.broken(words);
        }
    }
}
