//! Whether a try whose answer was lost has worked: Chat's truth is read before anything is repeated.

use std::time::Duration;

use super::Delivery;
use super::carry::{Asking, NoReply};
use super::reads::unexpected;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::{Act, Outcome};
use crate::rest::{Call, Reply};

/// Chat counts `MuteTime` from when it got the call, and its clock is not ours.
const TOLERANCE: Duration = Duration::from_secs(60);

impl Delivery {
    /// The outcome, if the effect has taken place or has become impossible; `None`: to be sent (again).
    ///
    /// What states a wish is sent again without asking: additions, bans, texts of the group, the mute of
    /// everybody, imports and recalls come to the same twice. Messages are judged in `unrepeatable`.
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
            Act::Mute { group, member, until, .. } => {
                let seen = self.muted_until(asking, group, member).await?;
                let wanted = until.map_or(Timestamp(i64::MAX / 2), |until| until - TOLERANCE);
                let done = seen.is_some_and(|seen| seen >= wanted);
                // Chat's number for "for ever" is not documented; anything beyond ten years is.
                let forever = until.is_none()
                    && seen.is_some_and(|seen| seen.since(self.clock.now()) > TEN_YEARS);
                Ok((done || forever).then_some(Outcome::Done))
            }
            Act::Unmute { group, member, .. } => {
                let seen = self.muted_until(asking, group, member).await?;
                Ok(seen.is_none_or(|until| until <= self.clock.now()).then_some(Outcome::Done))
            }
            Act::RemoveMember { group, member, .. } => {
                self.verify_removal(asking, group, member).await
            }
            Act::DismissGroup { group } => self.verify_dismissal(asking, group).await,
            _ => Ok(None),
        }
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
}

/// Further away than any mute that names its end.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Whether Chat's truth tells if such an effect has taken place (`verify` reads it).
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
