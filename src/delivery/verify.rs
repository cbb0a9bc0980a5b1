//! Whether a try whose answer was lost has worked: Chat's truth is read before anything is repeated.

use std::time::Duration;

use super::Delivery;
use super::carry::{Asking, NoReply};
use super::reads::unexpected;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::{Act, Outcome};
use crate::ledger;
use crate::rest::{Call, Class, Reply};

/// Chat counts `MuteTime` from when it got the call, and its clock is not ours.
const TOLERANCE: Duration = Duration::from_secs(60);

impl Delivery {
    /// The outcome, if the effect has taken place or has become impossible; `None`: to be sent (again).
    ///
    /// What comes to the same twice is sent again without asking: texts and fields of a group or a member,
    /// message receiving, recalls. Messages are judged in `unrepeatable`.
    pub(super) async fn verify(&self, asking: &Asking<'_>) -> Result<Option<Outcome>, NoReply> {
        let effect = asking.effect;
        match &effect.act {
            Act::TransferOwner { group, from, to } => {
                self.verify_owner(asking, group, from.as_ref(), to).await
            }
            Act::TransferRoom { room, kind, from, to } => {
                let facts = self.room(asking, room, *kind).await?;
                if !facts.exists {
                    return Ok(Some(refused(NO_ROOM, "the room does not exist any more")));
                }
                Ok(owned_by_now(facts.owner, from.as_ref(), to))
            }
            // An AVChatRoom's admins can be set twice without harm; a role elsewhere is read.
            Act::SetRole { group, group_type, member, role }
                if *group_type != Some(GroupType::AVChatRoom) =>
            {
                self.verify_role(asking, group, member, *role).await
            }
            Act::Mute { group, member, until, shortens, .. } => {
                let seen = self.muted_until(asking, group, member).await?;
                Ok(self.is_this(seen, *until, *shortens).then_some(Outcome::Done))
            }
            Act::Unmute { group, member, .. } => {
                let seen = self.muted_until(asking, group, member).await?;
                Ok(self.has_ended(seen).then_some(Outcome::Done))
            }
            Act::Ban { group, member, until, shortens, .. } => {
                let seen = self.banned_until(asking, group, member).await?.flatten();
                Ok(self.is_this(seen, *until, *shortens).then_some(Outcome::Done))
            }
            Act::Unban { group, member } => {
                let seen = self.banned_until(asking, group, member).await?;
                Ok(seen.is_some_and(|seen| self.has_ended(seen)).then_some(Outcome::Done))
            }
            Act::MuteAll { group, .. } => self.verify_mute_of_all(asking, group, true).await,
            Act::UnmuteAll { group } => self.verify_mute_of_all(asking, group, false).await,
            Act::AddMembers { group, members, .. } => {
                self.verify_additions(asking, group, members).await
            }
            Act::ImportMembers { group, members } => {
                let members: Vec<_> = members.iter().map(|member| member.id.clone()).collect();
                self.verify_additions(asking, group, &members).await
            }
            Act::SetNameCard { group, member, text } => {
                let named = std::slice::from_ref(member);
                let found = self.named(asking, group, GroupType::Unknown, named).await?;
                let done = found.iter().any(|found| found.name_card == *text);
                Ok(done.then_some(Outcome::Done))
            }
            Act::RemoveMember { group, member, .. } => {
                self.verify_removal(asking, group, member).await
            }
            Act::DismissGroup { group } => self.verify_dismissal(asking, group).await,
            _ => Ok(None),
        }
    }

    /// Whether what Chat says of a mute or ban shows this one. Somebody else may want it for longer; one
    /// of ours that this one shortens does not show it.
    fn is_this(&self, seen: Option<Timestamp>, until: Option<Timestamp>, shortens: bool) -> bool {
        let Some(seen) = seen else { return false };
        match until {
            Some(until) => seen + TOLERANCE >= until && !(shortens && seen > until + TOLERANCE),
            // Chat's number for "for ever" is not documented; anything beyond ten years is.
            None => seen.since(self.clock.now()) > TEN_YEARS,
        }
    }

    /// Whether what Chat says of a mute or ban shows that there is none.
    fn has_ended(&self, seen: Option<Timestamp>) -> bool {
        seen.is_none_or(|until| until <= self.clock.now())
    }

    async fn verify_mute_of_all(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        wanted: bool,
    ) -> Result<Option<Outcome>, NoReply> {
        let facts = self.group(asking, group).await?;
        Ok((facts.mute_all == Some(wanted)).then_some(Outcome::Done))
    }

    /// Who was added and has left since is not added a second time.
    async fn verify_additions(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        members: &[Account],
    ) -> Result<Option<Outcome>, NoReply> {
        let found = self.named(asking, group, GroupType::Unknown, members).await?;
        let left = self.left_since(group, asking.effect.created);
        let was_added = |member: &Account| {
            found.iter().any(|found| found.account == *member) || left.contains(member)
        };
        Ok(members.iter().all(was_added).then_some(Outcome::Done))
    }

    /// Who was told to have left since then, as far as the mirror remembers.
    fn left_since(&self, group: &GroupId, since: Timestamp) -> Vec<Account> {
        let record = ledger::group_record(&*self.store, group).ok().flatten();
        let left = record.into_iter().flat_map(|record| record.left);
        // A leave that the addition follows from was told in the same moment.
        left.filter(|(_, at)| *at > since).map(|(member, _)| member).collect()
    }

    /// Somebody who came back after the removal had been decided is not removed a second time.
    async fn verify_removal(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        member: &Account,
    ) -> Result<Option<Outcome>, NoReply> {
        let named = std::slice::from_ref(member);
        let found = self.named(asking, group, GroupType::Unknown, named).await?;
        let back = |joined: Timestamp| joined > asking.effect.created + TOLERANCE;
        let done = match found.iter().find(|found| found.account == *member) {
            Some(found) => found.joined_at.is_some_and(back),
            None => true,
        };
        Ok(done.then_some(Outcome::Done))
    }

    /// A group that was made after the dismissal had been decided is another one with the same id.
    async fn verify_dismissal(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
    ) -> Result<Option<Outcome>, NoReply> {
        let facts = self.group(asking, group).await?;
        let another = facts.created_at.is_some_and(|made| made > asking.effect.created + TOLERANCE);
        Ok((!facts.exists || another).then_some(Outcome::Done))
    }

    async fn verify_owner(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        from: Option<&Account>,
        to: &Account,
    ) -> Result<Option<Outcome>, NoReply> {
        let call = Call::GetGroupInfo { groups: vec![group.clone()] };
        let reply = self.ask(asking, &call).await?;
        let Reply::Groups(items) = reply else { return Err(unexpected(&call)) };
        let Some(item) = items.into_iter().find(|item| item.group == *group) else {
            return Err(unexpected(&call));
        };
        if !item.facts.exists {
            return Ok(Some(refused(NO_GROUP, "the group does not exist any more")));
        }
        Ok(owned_by_now(item.facts.owner, from, to))
    }

    async fn verify_role(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        member: &Account,
        wanted: Role,
    ) -> Result<Option<Outcome>, NoReply> {
        let call = Call::GetRoleInGroup { group: group.clone(), accounts: vec![member.clone()] };
        let reply = self.ask(asking, &call).await?;
        let Reply::Roles(roles) = reply else { return Err(unexpected(&call)) };
        let role = roles.into_iter().find(|(account, _)| account == member);
        Ok(role.is_some_and(|(_, role)| role == wanted).then_some(Outcome::Done))
    }

    async fn muted_until(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        member: &Account,
    ) -> Result<Option<Timestamp>, NoReply> {
        let call = Call::GetGroupMutedAccount { group: group.clone() };
        let reply = self.ask(asking, &call).await?;
        let Reply::Muted(muted) = reply else { return Err(unexpected(&call)) };
        let found = muted.into_iter().find(|(account, _)| account == member);
        Ok(found.map(|(_, until)| until))
    }

    /// Until when they are banned; the outer `None` where Chat does not let us see.
    async fn banned_until(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        member: &Account,
    ) -> Result<Option<Option<Timestamp>>, NoReply> {
        let mut offset = 0;
        for _ in 0..BANNED_PAGES {
            let call = Call::GetGroupBanMember { group: group.clone(), offset };
            let (banned, next) = match self.ask_if_there(asking, &call).await {
                Ok(Reply::Banned { banned, next }) => (banned, next),
                Ok(_) => return Err(unexpected(&call)),
                Err(NoReply::Failed(error))
                    if matches!(error.class(), Class::Refused | Class::Configuration) =>
                {
                    return Ok(None);
                }
                Err(other) => return Err(other),
            };
            if let Some((_, until)) = banned.into_iter().find(|(account, _)| account == member) {
                return Ok(Some(Some(until)));
            }
            let Some(next) = next else { return Ok(Some(None)) };
            offset = next;
        }
        Ok(None)
    }
}

/// Pages of the banned that are read for one of them; a ban that stands behind is stated again.
const BANNED_PAGES: usize = 20;

/// Further away than any mute that names its end.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Whether what Chat says leaves no doubt that such an effect has not taken place. Not so of a mute of
/// everybody: a stale answer would let its end be forgotten.
pub(super) fn is_read_back(act: &Act) -> bool {
    match act {
        Act::SetRole { group_type, .. } => *group_type != Some(GroupType::AVChatRoom),
        Act::TransferOwner { .. }
        | Act::TransferRoom { .. }
        | Act::Mute { .. }
        | Act::Unmute { .. }
        | Act::RemoveMember { .. }
        | Act::DismissGroup { .. } => true,
        _ => false,
    }
}

const NO_GROUP: i64 = 10010;
const NO_ROOM: i64 = 100_004;

fn refused(code: i64, words: &str) -> Outcome {
    Outcome::Refused { code, words: words.to_owned() }
}

/// What a transfer comes to by whom Chat names as owner: done, settled by somebody else, or (`None`) to
/// be sent.
fn owned_by_now(owner: Option<Account>, from: Option<&Account>, to: &Account) -> Option<Outcome> {
    match owner {
        Some(owner) if owner == *to => Some(Outcome::Done),
        Some(owner) if Some(&owner) != from => {
            Some(refused(0, &format!("{owner} has become the owner meanwhile")))
        }
        _ => None,
    }
}
