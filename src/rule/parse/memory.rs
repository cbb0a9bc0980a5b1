//! What the rules of a directory remember, gathered before any condition that reads it is checked.

use super::tree::{Node, Table, Value};
use crate::rule::model::Each;
use crate::rule::names::Memory;

/// The keys of all `remember` actions and what each is kept for. Mistakes are told when the rule is
/// read; where two rules disagree, the first one counts.
pub fn declared<'t>(files: impl Iterator<Item = &'t Table>) -> Memory {
    let mut memory = Memory::new();
    let rules = files.filter_map(|file| table(&file.get("rule")?.node));
    for rule in rules.flat_map(Table::entries).filter_map(|heading| table(&heading.node)) {
        let Some(Value::List(steps)) = rule.get("do").map(|entry| &entry.node.value) else {
            continue;
        };
        for fields in steps.iter().filter_map(|step| table(&table(step)?.get("remember")?.node)) {
            let key = fields.get("key").and_then(|entry| text(&entry.node));
            if let (Some(key), Some(each)) = (key, each(fields)) {
                memory.entry(key.into()).or_insert(each);
            }
        }
    }
    memory
}

fn each(fields: &Table) -> Option<Vec<Each>> {
    let Value::List(items) = &fields.get("each")?.node.value else { return None };
    items.iter().map(|item| text(item).and_then(Each::from_name)).collect()
}

fn table(node: &Node) -> Option<&Table> {
    match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
