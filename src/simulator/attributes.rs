//! Attributes of a group, a store of keys and values beside its custom fields (60394).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::callbacks::Origin;
use super::settings::Refusal;
use super::world::World;
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;

/// Keys of a group at most; bytes of a key, of a value, and of all values (34348, 10045 to 10048).
const KEYS: usize = 16;
const KEY: usize = 32;
const VALUE: usize = 4_000;
const ALL: usize = 16_000;

/// What is done to the attributes; the word is `OptionType` (60394).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeChange {
    /// These instead of all that were.
    Set(BTreeMap<String, String>),
    /// These besides those that were.
    Modify(BTreeMap<String, String>),
    Delete(Vec<String>),
    Clear,
}

impl World {
    /// The owner or an admin changes attributes; told with what was given (60394).
    pub fn change_attributes(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        change: AttributeChange,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_manage(id, by)?;
        self.set_attributes(now, id, &Origin::client(by), change)
    }

    pub(super) fn set_attributes(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        change: AttributeChange,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        let mut attributes = group.attributes.clone();
        let (option, told): (_, Vec<Value>) = match change {
            AttributeChange::Set(pairs) => {
                attributes.clone_from(&pairs);
                ("set", pairs.iter().map(pair).collect())
            }
            AttributeChange::Modify(pairs) => {
                attributes.extend(pairs.clone());
                ("modify", pairs.iter().map(pair).collect())
            }
            AttributeChange::Delete(keys) => {
                attributes.retain(|key, _| !keys.contains(key));
                ("delete", keys.iter().map(|key| json!({ "key": key })).collect())
            }
            AttributeChange::Clear => {
                attributes.clear();
                ("clear", Vec::new())
            }
        };
        check(&attributes)?;
        group.attributes = attributes;
        let body = json!({
            "Operator_Account": origin.operator, "OptionType": option, "GroupAttr": told,
        });
        self.tell(now, "Group.CallbackAfterGroupAttrChanged", origin, Some(id), body);
        Ok(())
    }
}

fn pair((key, value): (&String, &String)) -> Value {
    json!({ "key": key, "value": value })
}

/// 10045 too many keys, 10046 a key too long, 10047 a value too long, 10048 all together too long.
fn check(attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if attributes.len() > KEYS {
        return Err(Refusal::new(10045, format!("more than {KEYS} attributes")));
    }
    if attributes.keys().any(|key| key.len() > KEY) {
        return Err(Refusal::new(10046, format!("a key is over {KEY} bytes")));
    }
    if attributes.values().any(|value| value.len() > VALUE) {
        return Err(Refusal::new(10047, format!("a value is over {VALUE} bytes")));
    }
    if attributes.values().map(String::len).sum::<usize>() > ALL {
        return Err(Refusal::new(10048, format!("all values together are over {ALL} bytes")));
    }
    Ok(())
}
