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

    /// Adds so many members named `prefix000000` and on, without a callback. 10014 when the group has
    /// no place for them all.
    pub fn crowd(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        prefix: &str,
        count: u32,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_mut_or_refusal(id)?;
        let room = group.max_members.saturating_sub(group.members.len());
        if usize::try_from(count).is_ok_and(|count| count > room) {
            return Err(Refusal::new(10014, "the group has no place for so many"));
        }
        for number in 0..count {
            let account = Account::from(format!("{prefix}{number:06}"));
            group.members.entry(account).or_insert_with(|| Member::new(Role::Member, now));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{NewGroup, Settings};

    fn world() -> World {
        let mut world = World::new(Settings::new(1, "administrator", "key"));
        let group = NewGroup::new("g", GroupType::Public, "olga", &["ann", "ben"]);
        world.create_group(Timestamp(1_000), group);
        world
    }

    fn change(world: &mut World, account: &str, role: Option<Role>) {
        let change = MemberChange { role, ..MemberChange::default() };
        world.change_unseen(Timestamp(2_000), &"g".into(), &account.into(), change).unwrap();
    }

    #[test]
    fn roles_and_owner_change_and_no_callback_tells_it() {
        let mut world = world();
        change(&mut world, "ann", Some(Role::Owner));
        change(&mut world, "ben", Some(Role::Outside));
        change(&mut world, "cyd", Some(Role::Admin));
        let group = world.group(&"g".into()).unwrap();
        let role = |account: &str| group.role(&account.into());
        assert_eq!(
            ["olga", "ann", "ben", "cyd"].map(role),
            [Role::Member, Role::Owner, Role::Outside, Role::Admin]
        );
        assert_eq!(group.owner, Some("ann".into()));
        assert!(world.take_callbacks().is_empty());
    }

    #[test]
    fn an_owner_who_is_made_a_member_leaves_the_group_ownerless() {
        let mut world = world();
        change(&mut world, "olga", Some(Role::Member));
        assert_eq!(world.group(&"g".into()).unwrap().owner, None);
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let mut world = world();
        let muted = MemberChange { muted: Some(Duration::from_secs(60)), ..Default::default() };
        change(&mut world, "ann", Some(Role::Admin));
        world.change_unseen(Timestamp(2_000), &"g".into(), &"ann".into(), muted).unwrap();
        let group = world.group(&"g".into()).unwrap();
        assert_eq!(group.role(&"ann".into()), Role::Admin);
        assert_eq!(group.members[&Account::from("ann")].joined_at, Timestamp(1_000));
        let until = group.muted_until(&"ann".into(), Timestamp(2_000));
        assert_eq!(until, Some(Timestamp(62_000)));
    }
}
