//! What the mirror holds of a group, looked through a page at a time.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::chat::{Account, GroupId, Role, limits};
use crate::clock::Timestamp;
use crate::decision::state::{MemberRecord, SanctionKind};
use crate::decision::{StateKey, StateValue};
use crate::ledger::{self, Kind};
use crate::store::{Store, StoreError};

/// Records that are looked at before others have their turn.
const PAGE: usize = 500;

/// So long after a group was told or found to be gone, Chat is still asked about it.
const SETTLED: Duration = Duration::from_secs(86_400);

/// A question for so few accounts less than Chat takes is not worth more looking.
const SCRAP: usize = 100;

/// The members that the mirror has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mirrored {
    /// How many are in the group.
    pub present: i64,
    /// Admins, and whoever is on record as an owner.
    pub admins: Vec<Account>,
}

/// Accounts in a small space: a hundred thousand of them take two megabytes. That one is taken for
/// another happens once in 2^64 pairs, and is put right by the next reading.
#[derive(Clone, Default)]
pub(super) struct Listed {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl Listed {
    pub(super) fn insert(&mut self, name: &str) {
        self.hashes.insert(self.hasher.hash_one(name));
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(name))
    }
}

/// Whether Chat was ever asked about a group.
pub(super) fn is_read(store: &dyn Store, group: &GroupId) -> Result<bool, StoreError> {
    let known = ledger::group_record(store, group)?;
    Ok(known.is_some_and(|known| known.read_at.is_some() || known.members.is_some()))
}

/// One page of the mirror's members, behind a key (`None`: from the first): each with their record,
/// and the key that the next page begins behind.
type MemberPage = (Vec<(Account, MemberRecord)>, Option<Vec<u8>>);

fn page(
    store: &dyn Store,
    group: &GroupId,
    behind: Option<&Vec<u8>>,
    most: usize,
) -> Result<MemberPage, StoreError> {
    let (first, to) = ledger::members_of(group);
    let from = behind.map_or(first, |key| ledger::after(key));
    let entries = store.scan(&from, &to, most)?;
    let last = entries.last().map(|(key, _)| key.clone());
    let mut members = Vec::with_capacity(entries.len());
    for (key, bytes) in entries {
        if let (Some(account), StateValue::Member(record)) =
            (ledger::texts_of(&key).pop(), ledger::decode(&key, &bytes)?)
        {
            members.push((Account::from(account), record));
        }
    }
    Ok((members, last))
}

/// Counts the members of a group, and names its admins and owners.
pub(super) async fn of(store: &dyn Store, group: &GroupId) -> Result<Mirrored, StoreError> {
    let mut mirrored = Mirrored::default();
    let mut behind = None;
    loop {
        let (members, last) = page(store, group, behind.as_ref(), PAGE)?;
        if last.is_none() {
            return Ok(mirrored);
        }
        behind = last;
        for (account, record) in members.into_iter().filter(|(_, record)| record.is_present()) {
            mirrored.present += 1;
            if matches!(record.role, Some(Role::Admin | Role::Owner)) {
                mirrored.admins.push(account);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Those whom a whole list did not name, as many as Chat can be asked about at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub accounts: Vec<Account>,
    /// Members that were passed by and need no question.
    pub present: i64,
    /// Where to go on; `None` when all have been looked at.
    pub behind: Option<Vec<u8>>,
}

/// Looks for members whom `listed` has not: from `behind` on. Whoever was told of since the list was
/// `began`, and up to `now`, came while it was read.
pub(super) async fn missing(
    store: &dyn Store,
    group: &GroupId,
    listed: &Listed,
    began: Timestamp,
    now: Timestamp,
    mut behind: Option<Vec<u8>>,
) -> Result<Missing, StoreError> {
    let mut found = Missing::default();
    loop {
        let room = limits::ROLE_ACCOUNTS - found.accounts.len();
        let (members, last) = page(store, group, behind.as_ref(), room.min(PAGE))?;
        if last.is_none() {
            return Ok(found);
        }
        for (account, record) in members {
            let named = listed.contains(account.as_str());
            // A time to come is none: the clock was set back.
            let came = record.told_at.is_some_and(|told| told >= began && told <= now);
            if named || came {
                found.present += i64::from(record.is_present());
            } else {
                found.accounts.push(account);
            }
        }
        if found.accounts.len() + SCRAP > limits::ROLE_ACCOUNTS {
            found.behind = last;
            return Ok(found);
        }
        behind = last;
        tokio::task::yield_now().await;
    }
}

/// Who has a live mute of ours in a group.
pub(super) fn muted(store: &dyn Store, group: &GroupId) -> Result<Vec<Account>, StoreError> {
    let (mut from, to) = ledger::sanctions_of(group);
    let mut accounts = Vec::new();
    loop {
        let entries = store.scan(&from, &to, PAGE)?;
        let Some((last, _)) = entries.last() else { return Ok(accounts) };
        from = ledger::after(last);
        let of_mutes = entries.iter().filter_map(|(key, _)| {
            let mut parts = ledger::texts_of(key).into_iter().skip(1);
            let (account, kind) = (parts.next()?, parts.next()?);
            (kind == SanctionKind::Mute.name()).then(|| Account::from(account))
        });
        accounts.extend(of_mutes);
    }
}

/// Groups of the mirror, behind one, that a list did not name; and where to go on. Of those that are gone,
/// only what was found out of late is asked about once more: it may have been too early.
pub(super) fn unlisted(
    store: &dyn Store,
    listed: &Listed,
    behind: Option<&GroupId>,
    now: Timestamp,
) -> Result<(Vec<GroupId>, Option<GroupId>), StoreError> {
    let (first, to) = ledger::prefix(Kind::Group);
    let from = behind
        .map_or(first, |group| ledger::after(&ledger::state_key(&StateKey::Group(group.clone()))));
    let entries = store.scan(&from, &to, PAGE)?;
    let last = entries.iter().rev().find_map(|(key, _)| ledger::group_of(key));
    let to_be_asked = |key: &[u8], bytes: &[u8]| {
        let group = ledger::group_of(key).filter(|group| !listed.contains(group.as_str()))?;
        let long_gone = match ledger::decode(key, bytes) {
            Ok(StateValue::Group(record)) if record.dismissed => {
                record.told_at.max(record.found_at).is_none_or(|told| told + SETTLED < now)
            }
            // What cannot be read is told of where it is compared.
            _ => false,
        };
        (!long_gone).then_some(group)
    };
    Ok((entries.iter().filter_map(|(key, bytes)| to_be_asked(key, bytes)).collect(), last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, WriteSet};

    const BEGAN: Timestamp = Timestamp(1_767_268_800_000);
    const NOW: Timestamp = Timestamp(1_767_268_830_000);

    async fn store(members: &[(&str, MemberRecord)]) -> MemoryStore {
        let store = MemoryStore::default();
        let write = |(account, record): &(&str, MemberRecord)| {
            let key = StateKey::Member("@TGS#1".into(), Account::from(*account));
            let value = StateValue::Member(record.clone());
            (ledger::state_key(&key), Some(ledger::encode(&value).unwrap()))
        };
        let writes = members.iter().map(write).collect();
        store.commit(WriteSet { writes, ..WriteSet::default() }).await.unwrap();
        store
    }

    fn is(role: Role) -> MemberRecord {
        MemberRecord { role: Some(role), ..MemberRecord::default() }
    }

    #[tokio::test]
    async fn whoever_is_outside_or_was_found_to_be_gone_does_not_count() {
        let gone = MemberRecord { gone_at: Some(BEGAN), ..MemberRecord::default() };
        let members = [
            ("ada", is(Role::Admin)),
            ("ann", is(Role::Member)),
            ("gus", gone),
            ("old", is(Role::Owner)),
            ("out", is(Role::Outside)),
            ("who", MemberRecord::default()),
        ];
        let mirrored = of(&store(&members).await, &"@TGS#1".into()).await.unwrap();
        assert_eq!(mirrored, Mirrored { present: 4, admins: vec!["ada".into(), "old".into()] });
    }

    #[tokio::test]
    async fn missing_are_those_whom_the_list_did_not_name_and_nobody_told_of_since() {
        let late = MemberRecord { told_at: Some(BEGAN), ..is(Role::Member) };
        let early = MemberRecord { told_at: Some(Timestamp(0)), ..is(Role::Member) };
        let future = MemberRecord { told_at: Some(Timestamp(NOW.0 + 1)), ..is(Role::Member) };
        let members = [("ann", is(Role::Member)), ("ben", early), ("fay", future), ("lea", late)];
        let mut listed = Listed::default();
        listed.insert("ann");
        let store = store(&members).await;
        let found = missing(&store, &"@TGS#1".into(), &listed, BEGAN, NOW, None).await.unwrap();
        let expected =
            Missing { accounts: vec!["ben".into(), "fay".into()], present: 2, behind: None };
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn no_more_are_missing_at_once_than_chat_can_be_asked_about() {
        let names: Vec<String> = (0..1_200).map(|number| format!("m{number:05}")).collect();
        let members: Vec<_> = names.iter().map(|name| (name.as_str(), is(Role::Member))).collect();
        let (store, listed) = (store(&members).await, Listed::default());
        let (mut behind, mut sizes) = (None, Vec::new());
        loop {
            let found =
                missing(&store, &"@TGS#1".into(), &listed, BEGAN, NOW, behind).await.unwrap();
            sizes.push(found.accounts.len());
            behind = found.behind;
            if behind.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [500, 500, 200]);
    }
}
