//! Owners, admins and name cards.

use serde_json::{Map, Value, json};

use super::callbacks::Origin;
use super::settings::Refusal;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

impl World {
    /// The owner hands the group to another member (not in AVChatRoom).
    pub fn change_owner(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        to: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        if group.owner.as_ref() != Some(by) && !self.is_app_admin(by) {
            return Err(Refusal::permission("only the owner may hand the group over"));
        }
        self.transfer(now, id, &Origin::client(by), to)
    }

    /// The old owner becomes a plain member. The documents give no code for a new owner who is no
    /// member or owns the group already; 10004 here.
    pub(super) fn transfer(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        to: &Account,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        if group.kind == GroupType::AVChatRoom {
            return Err(Refusal::permission("an AVChatRoom cannot change its owner"));
        }
        if group.owner.as_ref() == Some(to) {
            return Err(Refusal::parameter("this account owns the group already"));
        }
        let Some(new) = group.members.get_mut(to) else {
            return Err(Refusal::parameter("the new owner is not a member of the group"));
        };
        new.role = Role::Owner;
        let old = group.owner.replace(to.clone());
        if let Some(member) = old.as_ref().and_then(|old| group.members.get_mut(old)) {
            member.role = Role::Member;
        }
        let mut body = json!({ "Operator_Account": origin.operator, "NewOwner_Account": to });
        self.settings.quirks.put_owner(&mut body, "OldOwner_Account", old.as_ref());
        self.tell(now, "Group.CallbackAfterChangeGroupOwner", origin, Some(id), body);
        Ok(())
    }

    /// The owner makes an admin, or a plain member again. Not in Work and AVChatRoom (33529).
    pub fn set_role(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        account: &Account,
        role: Role,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        if group.role(by) != Role::Owner && !self.is_app_admin(by) {
            return Err(Refusal::permission("only the owner appoints admins"));
        }
        self.set_profile(now, id, &Origin::client(by), account, Some(role), None)
    }

    /// Sets the name card: one's own, or anybody's as owner or admin.
    pub fn set_name_card(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        account: &Account,
        card: &str,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let may = by == account
            || matches!(group.role(by), Role::Owner | Role::Admin)
            || self.is_app_admin(by);
        if !may {
            return Err(Refusal::permission("only admins change the name card of others"));
        }
        self.set_profile(now, id, &Origin::client(by), account, None, Some(card.to_owned()))
    }

    /// Role and name card of one member, with one callback for what changed (60393).
    pub(super) fn set_profile(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        account: &Account,
        role: Option<Role>,
        card: Option<String>,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        let kind = group.kind;
        let member = group
            .members
            .get_mut(account)
            .ok_or_else(|| Refusal::parameter("not a member of the group"))?;
        let mut body = Map::new();
        if let Some(role) = role {
            if matches!(kind, GroupType::Work | GroupType::AVChatRoom) || member.role == Role::Owner
            {
                return Err(Refusal::permission("this role cannot be set here"));
            }
            if !matches!(role, Role::Admin | Role::Member) {
                return Err(Refusal::parameter("Role is Admin or Member"));
            }
            if member.role != role {
                member.role = role;
                body.insert("Role".to_owned(), json!(role_name(role)));
            }
        }
        if let Some(card) = card
            && member.name_card != card
        {
            body.insert("NameCard".to_owned(), json!(card));
            member.name_card = card;
        }
        if body.is_empty() {
            return Ok(());
        }
        body.insert("Operator_Account".to_owned(), json!(origin.operator));
        body.insert("Member_Account".to_owned(), json!(account));
        let command = "Group.CallbackAfterMemberFieldChanged";
        self.tell(now, command, origin, Some(id), Value::Object(body));
        Ok(())
    }
}

/// Chat's spelling of a role (34963).
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
        Role::Outside => "NotMember",
    }
}
