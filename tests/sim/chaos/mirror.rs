//! What the bot believes about groups, beside what is so in Chat: L5 and L6.

use std::collections::BTreeMap;

use groupkeeper::chat::{GroupId, GroupType, Role};
use groupkeeper::decision::StateValue;
use groupkeeper::decision::state::{GroupRecord, Owner};
use groupkeeper::ledger::{self, Kind};
use groupkeeper::simulator::Group;

use super::end::decoded;
use super::{Fault, Plan, books};
use crate::bot::Machine;

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

/// L6: where a rule looks for owners, no group is left without one and without a word to people.
fn owned(machine: &Machine, plan: &Plan) {
    // A clock that was set back lets rules wait for hours.
    let waits = plan.has(Fault::Reload) || plan.has(Fault::ClockBack);
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
