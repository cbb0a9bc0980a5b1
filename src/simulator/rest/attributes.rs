//! Group attributes over REST: set, modify, delete, clear, get (60394; limits in 34348).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::attributes::AttributeChange;
use super::super::settings::Refusal;
use super::super::world::World;
use super::fields::Fields;
use super::{Call, Reply, done};

const WRONG: i64 = 10004;

/// `[{"key": …, "value": …}]`, in small letters, unlike every other list of this service.
fn pairs(fields: &Fields) -> Result<BTreeMap<String, String>, Refusal> {
    let mut pairs = BTreeMap::new();
    for entry in fields.list("GroupAttr", 16)? {
        let entry = Fields::new(entry, WRONG, &["key", "value"])?;
        let key = entry.needed("key", entry.text("key", usize::MAX)?)?;
        let value = entry.needed("value", entry.text("value", usize::MAX)?)?;
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

fn change(
    world: &mut World,
    call: &Call,
    read: fn(&Fields) -> Result<AttributeChange, Refusal>,
) -> Result<Reply, Refusal> {
    let fields = Fields::new(&call.record.body, WRONG, &["GroupId", "GroupAttr"])?;
    let id = fields.group()?;
    let change = read(&fields)?;
    world.set_attributes(call.now, &id, &call.origin, change)?;
    Ok(done())
}

pub(super) fn set_group_attr(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    change(world, call, |fields| pairs(fields).map(AttributeChange::Set))
}

pub(super) fn modify_group_attr(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    change(world, call, |fields| pairs(fields).map(AttributeChange::Modify))
}

pub(super) fn clear_group_attr(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    change(world, call, |_| Ok(AttributeChange::Clear))
}

pub(super) fn delete_group_attr(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    change(world, call, |fields| {
        let mut keys = Vec::new();
        for entry in fields.list("GroupAttr", 16)? {
            let entry = Fields::new(entry, WRONG, &["key"])?;
            keys.push(entry.needed("key", entry.text("key", usize::MAX)?)?.to_owned());
        }
        Ok(AttributeChange::Delete(keys))
    })
}

pub(super) fn get_group_attr(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let id = Fields::new(&call.record.body, WRONG, &["GroupId"])?.group()?;
    let group = world.group_or_refusal(&id)?;
    let pair = |(key, value)| json!({ "key": key, "value": value });
    let list: Value = group.attributes.iter().map(pair).collect();
    Ok(Reply::Done(json!({ "GroupAttrAry": list })))
}
