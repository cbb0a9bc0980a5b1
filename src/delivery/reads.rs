//! Effects that ask: which calls they take, and the answer put together from the replies.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use super::Delivery;
use super::candidates::Wanted;
use super::carry::{Asking, NoReply};
use crate::chat::{Account, GroupId, GroupType, Role, limits};
use crate::clock::Timestamp;
use crate::decision::effect::{Answer, GroupFacts, MemberFacts, Read};
use crate::rest::{Call, CallError, Class, Failure, Page, Reply};

impl Delivery {
    pub(super) async fn read(&self, asking: &Asking<'_>, read: &Read) -> Result<Answer, NoReply> {
        match read {
            Read::Group { group } => self.group(asking, group).await.map(Answer::Group),
            Read::Roles { group, group_type, accounts, details } => {
                self.roles(asking, group, (*group_type, *details), accounts).await
            }
            Read::Candidates { group, named } => self.candidates(asking, group, named).await,
            Read::Room { room, kind, .. } => self.room(asking, room, *kind).await.map(Answer::Room),
            Read::RoomCandidates { room, kind } => self.room_candidates(asking, room, *kind).await,
            Read::Muted { group, member, .. } => {
                let call = Call::GetGroupMutedAccount { group: group.clone() };
                let reply = self.ask(asking, &call).await?;
                let Reply::Muted(muted) = reply else { return Err(unexpected(&call)) };
                Ok(of_muted(&muted, member))
            }
        }
    }

    pub(super) async fn group(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
    ) -> Result<GroupFacts, NoReply> {
        let call = Call::GetGroupInfo { groups: vec![group.clone()] };
        let reply = self.ask(asking, &call).await?;
        let Reply::Groups(items) = reply else { return Err(unexpected(&call)) };
        let Some(item) = items.into_iter().find(|item| item.group == *group) else {
            return Err(unexpected(&call));
        };
        match item.error {
            Some((code, words)) if item.facts.exists => {
                let class = crate::rest::error::classify(call.command(), code);
                let failure = Failure::Chat { code, words, class };
                Err(NoReply::Failed(CallError { command: call.command(), failure }))
            }
            _ => Ok(item.facts),
        }
    }

    async fn roles(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        (group_type, details): (Option<GroupType>, bool),
        accounts: &[Account],
    ) -> Result<Answer, NoReply> {
        let mut facts = None;
        let mut kind = group_type;
        if matches!(kind, None | Some(GroupType::AVChatRoom)) {
            let read = self.group(asking, group).await?;
            kind = read.group_type.or(kind);
            let gone = !read.exists;
            facts = Some(read);
            if gone {
                return Ok(Answer::Roles { group: facts, roles: Vec::new(), members: Vec::new() });
            }
        }
        if let Some(kind) = kind.filter(|kind| details && *kind != GroupType::AVChatRoom) {
            let found = self.named(asking, group, kind, accounts).await?;
            let role = |account: &Account| {
                let member = found.iter().find(|member| member.account == *account);
                member.map_or(Role::Outside, |member| member.role)
            };
            let roles = accounts.iter().map(|account| (account.clone(), role(account))).collect();
            return Ok(Answer::Roles { group: facts, roles, members: found });
        }
        let roles = if kind == Some(GroupType::AVChatRoom) {
            let owner = facts.as_ref().and_then(|facts| facts.owner.clone());
            self.audience_roles(asking, group, owner.as_ref(), accounts).await?
        } else {
            let mut roles = Vec::with_capacity(accounts.len());
            for accounts in accounts.chunks(limits::ROLE_ACCOUNTS) {
                let call =
                    Call::GetRoleInGroup { group: group.clone(), accounts: accounts.to_vec() };
                let reply = self.ask(asking, &call).await?;
                let Reply::Roles(page) = reply else { return Err(unexpected(&call)) };
                roles.extend(page);
            }
            roles
        };
        Ok(Answer::Roles { group: facts, roles, members: Vec::new() })
    }

    /// An AVChatRoom stores no members: its owner and its admins are all that Chat knows (60524).
    async fn audience_roles(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        owner: Option<&Account>,
        accounts: &[Account],
    ) -> Result<Vec<(Account, Role)>, NoReply> {
        let call = Call::GetAdminList { group: group.clone() };
        let admins = match self.ask_if_there(asking, &call).await {
            Ok(Reply::Admins(admins)) => admins,
            Ok(_) => return Err(unexpected(&call)),
            // Without the premium plan there are no admins, and Chat refuses to list them.
            Err(NoReply::Failed(error))
                if matches!(error.class(), Class::Refused | Class::Configuration) =>
            {
                Vec::new()
            }
            Err(other) => return Err(other),
        };
        let role = |account: &Account| {
            if Some(account) == owner {
                Role::Owner
            } else if admins.contains(account) {
                Role::Admin
            } else {
                Role::Member
            }
        };
        Ok(accounts.iter().map(|account| (account.clone(), role(account))).collect())
    }

    /// Named members with what Chat knows of them (64897), whatever the size of the group.
    pub(super) async fn named(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        kind: GroupType,
        named: &[Account],
    ) -> Result<Vec<MemberFacts>, NoReply> {
        let mut members = Vec::with_capacity(named.len());
        for some in named.chunks(limits::SPECIFIED_MEMBERS) {
            let (group, some) = (group.clone(), some.to_vec());
            let call = Call::GetSpecifiedGroupMemberInfo { group: group.clone(), members: some };
            match self.ask_if_there(asking, &call).await {
                Ok(Reply::Members { members: found, .. }) => members.extend(found),
                Ok(_) => return Err(unexpected(&call)),
                // The command is younger than the others: an app may not have it.
                Err(NoReply::Failed(error)) if is_unknown_command(&error) => {
                    let wanted = Wanted::These(named);
                    return self.members(asking, &group, kind, &wanted).await;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(members)
    }

    pub(super) fn halfway(&self) -> MutexGuard<'_, HashMap<u64, (Page, Vec<MemberFacts>)>> {
        self.halfway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Members, page by page (34948), as far as they are wanted.
    pub(super) async fn members(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        kind: GroupType,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<MemberFacts>, NoReply> {
        let community = kind == GroupType::Community;
        let first = if community { Page::Next(String::new()) } else { Page::Offset(0) };
        let (mut page, mut members) =
            self.halfway().remove(&asking.sequence).unwrap_or((first, Vec::new()));
        loop {
            let here = page.clone();
            let call = Call::GetGroupMemberInfo { group: group.clone(), page, roles: Vec::new() };
            let reply = match self.ask(asking, &call).await {
                Err(NoReply::Limited(at)) => {
                    self.halfway().insert(asking.sequence, (here, members));
                    return Err(NoReply::Limited(at));
                }
                reply => reply?,
            };
            let Reply::Members { members: some, next, .. } = reply else {
                return Err(unexpected(&call));
            };
            let complete = wanted.take(&mut members, some);
            match next.filter(|_| !complete) {
                Some(next) => page = next,
                None => {
                    wanted.cut(&mut members);
                    return Ok(members);
                }
            }
        }
    }
}

/// Until when a member is muted, out of the list of all who are.
pub(super) fn of_muted(muted: &[(Account, Timestamp)], member: &Account) -> Answer {
    let until = muted.iter().find(|(account, _)| account == member);
    Answer::Muted { until: until.map(|(_, until)| *until) }
}

/// Chat's ways of saying that it has no such command, or not for this app.
fn is_unknown_command(error: &CallError) -> bool {
    matches!(error.code(), Some(10003 | 10007 | 10026 | 60009 | 60017))
}

/// A reply of another command: our bug, kept from being taken for an answer.
pub(super) fn unexpected(call: &Call) -> NoReply {
    let failure = Failure::Garbled("the answer does not belong to this command".into());
    NoReply::Failed(CallError { command: call.command(), failure })
}
