//! Who and what a test speaks of: a step that names somebody else has a slip of the finger in it.

use std::collections::BTreeSet;

use super::{TestGroup, TestRoom};
use crate::authoring::bench::ADMIN;
use crate::chat::{GroupId, GroupType, RoomId};
use crate::rule::parse::tree::{Node, Table, Value};
use crate::rule::suggest::closest;

/// Events after which somebody is a member who was not one before, and the keys that say who.
const BRINGS_IN: &[(&str, &[&str])] = &[
    ("member.joined", &["from"]),
    ("join.requested", &["from"]),
    ("invite.requested", &["invited"]),
    ("group.created", &["from", "invited"]),
    ("group.creating", &["from", "invited"]),
    ("room.created", &["from"]),
    ("room.member_entered", &["from"]),
];

/// The number of a repetition, in a text.
pub(super) const NUMBER: &str = "{n}";

/// Groups, rooms and members of one test.
#[derive(Debug)]
pub(super) struct Known {
    pub groups: Vec<(GroupId, GroupType)>,
    pub rooms: Vec<RoomId>,
    /// Whether it is sure who is a member: not when the groups or rooms could not be read.
    pub sure: bool,
    /// Everybody who is, becomes or is expected to become a member of anything.
    members: BTreeSet<String>,
}

impl Known {
    /// What the test begins with, and what its steps bring in. The order of the steps does not count:
    /// who has left by then is told when the test runs.
    pub fn of(groups: &[TestGroup], rooms: &[TestRoom], steps: &[Node]) -> Self {
        let mut known = Self {
            groups: groups.iter().map(|group| (group.id.clone(), group.kind)).collect(),
            rooms: rooms.iter().map(|room| room.id.clone()).collect(),
            members: BTreeSet::new(),
            sure: !(groups.is_empty() && rooms.is_empty()),
        };
        let members = groups.iter().flat_map(|group| &group.members);
        known.members.extend(members.map(|member| member.id.to_string()));
        for room in rooms {
            known.members.insert(room.owner.to_string());
            known.members.extend(room.members.iter().map(ToString::to_string));
        }
        for step in steps {
            if let Value::Table(step) = &step.value {
                known.step(step);
            }
        }
        known
    }

    fn step(&mut self, step: &Table) {
        if let Some(event) = step.get("send").and_then(|entry| text(&entry.node)) {
            let brought = BRINGS_IN.iter().find(|(name, _)| *name == event);
            for key in brought.map_or(&[][..], |(_, keys)| keys) {
                step.get(key).into_iter().for_each(|entry| self.add(&entry.node));
            }
            if matches!(event, "group.created" | "group.creating")
                && let Some(id) = step.get("group").and_then(|entry| text(&entry.node))
            {
                let kind = step.get("type").and_then(|entry| text(&entry.node));
                let kind = kind.and_then(GroupType::from_name).unwrap_or(GroupType::Public);
                self.groups.push((GroupId::from(id), kind));
            }
            if event == "room.created"
                && let Some(id) = step.get("room").and_then(|entry| text(&entry.node))
            {
                self.rooms.push(RoomId::from(id));
            }
        }
        if let Some(Value::Table(member)) = step.get("member").map(|entry| &entry.node.value) {
            member.get("id").into_iter().for_each(|entry| self.add(&entry.node));
        }
        // A rule may bring in members; then the test expects it.
        if let Some(Value::List(effects)) = step.get("expect").map(|entry| &entry.node.value) {
            effects.iter().for_each(|effect| self.expected(effect));
        }
    }

    fn expected(&mut self, effect: &Node) {
        let Value::Table(effect) = &effect.value else { return };
        for action in effect.entries() {
            let Value::Table(fields) = &action.node.value else { continue };
            let whom = ["who", "to", "members"];
            whom.iter().filter_map(|key| fields.get(key)).for_each(|entry| self.add(&entry.node));
        }
    }

    fn add(&mut self, node: &Node) {
        match &node.value {
            Value::Text(text) => {
                self.members.insert(text.clone());
            }
            Value::List(items) => items.iter().for_each(|item| self.add(item)),
            _ => {}
        }
    }

    /// Whether this account can be a member of something at some time of the test.
    pub fn has(&self, account: &str) -> bool {
        if account == ADMIN || account.contains(NUMBER) || self.members.contains(account) {
            return true;
        }
        let numbered = self.members.iter().filter_map(|name| name.split_once(NUMBER));
        numbered.into_iter().any(|(before, behind)| {
            let number = account.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
            number.is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
    }

    /// Who was probably meant.
    pub fn closest(&self, account: &str) -> Option<&str> {
        closest(account, self.members.iter().map(String::as_str))
    }

    /// A few of the members, for a message.
    pub fn some(&self) -> Vec<&str> {
        self.members.iter().take(8).map(String::as_str).collect()
    }

    /// The type of a group.
    pub fn group_type(&self, id: &GroupId) -> Option<GroupType> {
        self.groups.iter().find(|(known, _)| known == id).map(|(_, kind)| *kind)
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_joins_by_a_number_is_known_with_any_number() {
        let mut known = Known::of(&[], &[], &[]);
        known.members.insert("raider_{n}_x".to_owned());
        for (account, has) in [
            ("raider_12_x", true),
            ("raider__x", false),
            ("raider_a_x", false),
            ("raider_1", false),
        ] {
            assert_eq!(known.has(account), has, "{account}");
        }
    }
}
