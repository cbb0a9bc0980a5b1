//! Whether owners still exist: Chat goes on naming an owner whose account is gone, and no callback tells
//! of that. The accounts that own some groups are looked up together, each once in a run.

use std::collections::BTreeSet;

use super::Reconciler;
use super::asking::Stop;
use super::mirrored::Listed;
use super::work::Done;
use crate::chat::{Account, GroupId, GroupType, limits};
use crate::decision::seen::Seen;
use crate::rest::reply::{AccountState, GroupItem};
use crate::rest::{AppRead, Call, Reply};
use crate::rule::EventKind;

/// A group and who owns it.
pub(super) struct Owned {
    group: GroupId,
    kind: Option<GroupType>,
    owner: Account,
}

impl Reconciler {
    /// The groups of a description that have an owner; none, unless a rule would hear of one who is gone.
    pub(super) fn owned(&self, items: &[GroupItem]) -> Vec<Owned> {
        if self.pipeline.rules().on(EventKind::GroupOwnerless).is_empty() {
            return Vec::new();
        }
        let there = items.iter().filter(|item| item.facts.exists && item.error.is_none());
        there
            .filter_map(|item| {
                let owner = item.facts.owner.clone().filter(Account::is_somebody)?;
                Some(Owned { group: item.group.clone(), kind: item.facts.group_type, owner })
            })
            .collect()
    }

    /// Asks which of the owners exist (34956, a hundred accounts a call), and tells of those who do not.
    /// `known` have been found to exist before in this run.
    pub(super) async fn owners(&self, owned: &[Owned], known: &Listed) -> Result<Done, Stop> {
        let owners: BTreeSet<&Account> = owned
            .iter()
            .map(|owned| &owned.owner)
            .filter(|owner| !known.contains(owner.as_str()))
            .collect();
        let owners: Vec<Account> = owners.into_iter().cloned().collect();
        let began = self.clock.now();
        let (mut done, mut gone) = (Done::default(), BTreeSet::new());
        for some in owners.chunks(limits::CHECK_ACCOUNTS) {
            let call = Call::App(AppRead::Accounts(some.to_vec()));
            let states = match self.ask(&call).await {
                Ok(Reply::Accounts(states)) => states,
                Ok(_) => return Err(Stop::unexpected(&call)),
                Err(stop) if stop.is_final() => {
                    tracing::warn!("whether owners exist cannot be asked: {}", stop.words());
                    return Ok(done);
                }
                Err(stop) => return Err(stop),
            };
            for (account, state) in states {
                match state {
                    AccountState::Exists => done.known.push(account),
                    AccountState::Missing => {
                        gone.insert(account);
                    }
                    AccountState::Unknown { code, words } => {
                        tracing::warn!(%account, code, "Chat cannot say whether an owner exists: {words}");
                    }
                }
            }
        }
        for Owned { group, kind, owner } in owned.iter().filter(|owned| gone.contains(&owned.owner))
        {
            let seen = Seen::AccountGone { owner: owner.clone() };
            let found = self.tell_of((group, *kind), seen, began, "account gone").await?;
            done.add(found);
        }
        Ok(done)
    }
}
