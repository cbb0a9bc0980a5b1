//! `docs/lost-callbacks.md` says of every callback what happens if it never comes.

use std::collections::BTreeMap;

use groupkeeper::callback::decode::commands;
use groupkeeper::rule::EventKind;

use crate::stage::repository;

/// The rows of the table: each callback with its other cells.
fn rows() -> BTreeMap<String, Vec<String>> {
    let page = repository("docs/lost-callbacks.md");
    let (_, table) = page.split_once("## Callback by callback").unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let named = |cells: Vec<String>| {
        let name = cells[0].strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some((name, cells[1..].to_vec()))
    };
    let lines = table.lines().filter(|line| line.starts_with('|'));
    let rows: Vec<_> = lines.filter_map(|line| named(cells(line))).collect();
    let count = rows.len();
    let rows: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "a callback stands twice in docs/lost-callbacks.md");
    rows
}

#[test]
fn every_callback_is_in_the_table_of_lost_ones_and_nothing_else_is() {
    let documented: Vec<String> = rows().into_keys().collect();
    let mut known: Vec<&str> = commands().iter().map(|command| command.name).collect();
    known.sort_unstable();
    assert_eq!(documented, known);
}

#[test]
fn what_is_lost_for_good_or_found_are_events_of_the_callback() {
    // `group.ownerless` and `owner.left` follow from others.
    let follows = [EventKind::GroupOwnerless, EventKind::OwnerLeft, EventKind::RoomOwnerLeft];
    for command in commands() {
        let cells = &rows()[command.name];
        assert_eq!(cells.len(), 3, "{}", command.name);
        assert!(!cells[0].is_empty(), "{}", command.name);
        let text = cells.join(" ");
        for kind in EventKind::ALL.iter().filter(|kind| **kind != EventKind::Callback) {
            let said = text.contains(&format!("`{}`", kind.name()));
            let of = command.events.contains(kind) || follows.contains(kind);
            assert!(!said || of, "{} does not become {}", command.name, kind.name());
            // A question that nobody asks is no event that is missed.
            let removed = *kind == EventKind::MemberRemoved;
            let missed = command.events.contains(kind) && !kind.asks() && !removed;
            assert!(!missed || said, "{}: nothing about {}", command.name, kind.name());
        }
        if command.is_before() {
            assert!(text.contains("unasked") || text.contains("callback"), "{}", command.name);
        }
    }
}
