//! Looking over what stands in the store: how much state each rule has, whom the mirror knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, after, decode, members_of, prefix, state_key, texts_of};
use crate::chat::{Account, GroupId};
use crate::decision::state::{GroupRecord, MemberRecord};
use crate::decision::{StateKey, StateValue};
use crate::store::{Entry, Store, StoreError};

const PAGE: usize = 1_000;

/// How many pieces of state a rule has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleState {
    pub counters: usize,
    pub cooldowns: usize,
    pub once: usize,
    pub waits: usize,
    pub ladders: usize,
    /// Mutes and temporary roles that have not ended.
    pub sanctions: usize,
}

impl RuleState {
    fn of_kind(&mut self, kind: Kind) -> Option<&mut usize> {
        Some(match kind {
            Kind::Counter => &mut self.counters,
            Kind::Cooldown => &mut self.cooldowns,
            Kind::Once => &mut self.once,
            Kind::Wait => &mut self.waits,
            Kind::Ladder => &mut self.ladders,
            Kind::Sanction => &mut self.sanctions,
            _ => return None,
        })
    }
}

/// The state of all rules, by their ids. Reads all of it, a page at a time.
///
/// # Errors
/// When the store cannot be read.
pub fn rule_state(store: &dyn Store) -> Result<BTreeMap<String, RuleState>, StoreError> {
    let mut rules: BTreeMap<String, RuleState> = BTreeMap::new();
    let kinds =
        [Kind::Counter, Kind::Cooldown, Kind::Once, Kind::Wait, Kind::Ladder, Kind::Sanction];
    for kind in kinds {
        each(store, prefix(kind), |(key, bytes)| {
            let rule = match kind {
                Kind::Sanction => match decode(&key, &bytes)? {
                    StateValue::Sanction(sanction) => Some(sanction.rule.to_string()),
                    _ => None,
                },
                _ => texts_of(&key).into_iter().next(),
            };
            if let Some(rule) = rule
                && let Some(count) = rules.entry(rule).or_default().of_kind(kind)
            {
                *count += 1;
            }
            Ok(())
        })?;
    }
    Ok(rules)
}

/// What the mirror knows about a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSurvey {
    pub record: Option<GroupRecord>,
    pub members: BTreeMap<Account, MemberRecord>,
}

/// The mirror of one group and of its members.
///
/// # Errors
/// When the store cannot be read.
pub fn group(store: &dyn Store, group: &GroupId) -> Result<GroupSurvey, StoreError> {
    let record = super::read(store, &state_key(&StateKey::Group(group.clone())))?;
    let record = match record {
        Some(StateValue::Group(record)) => Some(record),
        _ => None,
    };
    let mut members = BTreeMap::new();
    each(store, members_of(group), |(key, bytes)| {
        if let (Some(account), StateValue::Member(record)) =
            (texts_of(&key).pop(), decode(&key, &bytes)?)
        {
            members.insert(Account::from(account), record);
        }
        Ok(())
    })?;
    Ok(GroupSurvey { record, members })
}

/// Walks through a range of keys, a page at a time.
fn each(
    store: &dyn Store,
    (mut from, to): (Vec<u8>, Vec<u8>),
    mut see: impl FnMut(Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    loop {
        let page = store.scan(&from, &to, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = after(last);
        page.into_iter().try_for_each(&mut see)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::state::Times;
    use crate::ledger::encode;
    use crate::store::{MemoryStore, WriteSet};

    #[tokio::test]
    async fn state_is_counted_for_the_rule_that_it_belongs_to() {
        let store = MemoryStore::default();
        let mut set = WriteSet::default();
        let mut put = |key: StateKey, value: StateValue| {
            set.writes.push((state_key(&key), Some(encode(&value).unwrap())));
        };
        for member in ["ann", "bob"] {
            let times = StateValue::Times(Times::default());
            put(StateKey::Counter("quiet".into(), member.into()), times);
        }
        let ladder = StateKey::Ladder("quiet".into(), 300, "@TGS#1".into(), "ann".into());
        put(ladder, StateValue::Ladder { step: 0, at: crate::clock::Timestamp(0) });
        put(StateKey::Once("hello".into(), "x".into()), StateValue::Until(None));
        store.commit(set).await.unwrap();
        let quiet = RuleState { counters: 2, ladders: 1, ..RuleState::default() };
        let hello = RuleState { once: 1, ..RuleState::default() };
        let expected = BTreeMap::from([("hello".to_owned(), hello), ("quiet".to_owned(), quiet)]);
        assert_eq!(rule_state(&store), Ok(expected));
    }
}
