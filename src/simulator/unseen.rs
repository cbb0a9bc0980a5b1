//! Changes that nobody is told of: what a test sets up, and what a lost callback leaves behind.

use std::time::Duration;

use super::settings::Refusal;
use super::state::Member;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

/// What is to be different about a member; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// `Owner` takes the group from whoever owned it; `Outside` takes the member out.
    pub role: Option<Role>,
    pub joined_at: Option<Timestamp>,
    pub name_card: Option<String>,
    pub last_message_at: Option<Timestamp>,
    /// Muted for so long from now on.
    pub muted: Option<Duration>,
}

impl World {
    /// Makes, changes or takes out a member without a callback. 10010 when there is no such group.
    pub fn change_unseen(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        account: &Account,
        change: MemberChange,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_mut_or_refusal(id)?;
        if change.role == Some(Role::Outside) {
            group.take_out(account);
            return Ok(());
        }
        if change.role == Some(Role::Owner) {
            let old = group.owner.replace(account.clone());
            if let Some(member) = old.as_ref().and_then(|old| group.members.get_mut(old)) {
                member.role = Role::Member;
            }
        } else if change.role.is_some() && group.owner.as_ref() == Some(account) {
            group.owner = None;
        }
        let mut role = change.role;
        if group.kind == GroupType::AVChatRoom && matches!(role, Some(Role::Admin | Role::Member)) {
            // Admins of an AVChatRoom are kept apart from its members (60525).
            if role.replace(Role::Member) == Some(Role::Admin) {
                group.room_admins.insert(account.clone());
            } else {
                group.room_admins.remove(account);
            }
        }
        let fresh = || Member::new(Role::Member, now);
        let member = group.members.entry(account.clone()).or_insert_with(fresh);
        member.role = role.unwrap_or(member.role);
        member.joined_at = change.joined_at.unwrap_or(member.joined_at);
        member.last_message_at = change.last_message_at.or(member.last_message_at);
        if let Some(card) = change.name_card {
            member.name_card = card;
        }
        if let Some(time) = change.muted {
            group.mutes.insert(account.clone(), now + time);
        }
        Ok(())
    }
}
