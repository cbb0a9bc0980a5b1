//! Members come and go.

use serde_json::json;

use super::asks::{Act, Answered, Joining};
use super::callbacks::{Origin, member_list};
use super::settings::Refusal;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

impl World {
    /// Somebody applies to join. Asks first (`Group.CallbackBeforeApplyJoinGroup`); then joins, or
    /// waits for an admin where the group wants that. Work groups take invitations only (33529).
    pub fn join(&mut self, now: Timestamp, id: &GroupId, account: &Account) -> Joining {
        self.tick(now);
        if let Err(refusal) = self.may_apply(now, id, account) {
            return Joining::Refused(refusal);
        }
        let body = json!({ "Requestor_Account": account });
        let act = Act::Join { group: id.clone(), account: account.clone() };
        let command = "Group.CallbackBeforeApplyJoinGroup";
        joining(self.ask(now, command, Origin::client(account), Some(id), body, act))
    }

    fn may_apply(&self, now: Timestamp, id: &GroupId, account: &Account) -> Result<(), Refusal> {
        let group = self.group_or_refusal(id)?;
        if self.deleted.contains(account) {
            return Err(Refusal::new(10019, "the account does not exist"));
        }
        if group.kind == GroupType::Work || group.join_option == "DisableApply" {
            return Err(Refusal::permission("this group cannot be applied to"));
        }
        if group.members.contains_key(account) {
            return Err(Refusal::new(10013, "already a member"));
        }
        if group.bans.get(account).is_some_and(|until| *until > now) {
            return Err(Refusal::permission("banned from this group"));
        }
        Ok(())
    }

    /// After the bot allowed it.
    pub(super) fn enter(&mut self, now: Timestamp, id: &GroupId, account: &Account) -> Joining {
        if let Err(refusal) = self.may_apply(now, id, account) {
            return Joining::Refused(refusal);
        }
        if let Some(group) = self.groups.get_mut(id)
            && group.join_option == "NeedPermission"
            && group.kind == GroupType::Public
        {
            group.applicants.insert(account.clone());
            return Joining::Applied;
        }
        match self.admit(now, id, account) {
            Ok(()) => Joining::Joined,
            Err(refusal) => Joining::Refused(refusal),
        }
    }

    /// An admin lets an applicant in: no callback but the joining itself (34355).
    pub fn approve(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        if !matches!(group.role(by), Role::Owner | Role::Admin) && !self.is_app_admin(by) {
            return Err(Refusal::permission("only the owner and admins may approve"));
        }
        if !group.applicants.contains(account) {
            return Err(Refusal::new(10024, "the application has been handled"));
        }
        self.admit(now, id, account)
    }

    fn admit(&mut self, now: Timestamp, id: &GroupId, account: &Account) -> Result<(), Refusal> {
        let origin = Origin::client(account);
        if self.add_member(now, id, account, &origin)? {
            self.tell_joined(now, id, &origin, "Apply", std::slice::from_ref(account));
            self.tell_if_full(now, id, &origin);
        }
        Ok(())
    }

    /// A member brings others in. Asks first (`Group.CallbackBeforeInviteJoinGroup`). Work and
    /// Community only (33529); app admins may in Public and Meeting too.
    pub fn invite(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        accounts: &[Account],
    ) -> Joining {
        self.tick(now);
        let group = match self.group_or_refusal(id) {
            Ok(group) => group,
            Err(refusal) => return Joining::Refused(refusal),
        };
        let by_members = matches!(group.kind, GroupType::Work | GroupType::Community);
        let member = group.role(by) != Role::Outside;
        let may =
            group.kind != GroupType::AVChatRoom && (self.is_app_admin(by) || by_members && member);
        if !may {
            return Joining::Refused(Refusal::permission("not allowed to invite here"));
        }
        self.ask_invite(now, id, Origin::client(by), accounts.to_vec())
    }

    pub(super) fn ask_invite(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: Origin,
        accounts: Vec<Account>,
    ) -> Joining {
        let body = json!({
            "Operator_Account": origin.operator,
            "DestinationMembers": member_list(&accounts),
        });
        let act = Act::Invite { group: id.clone(), accounts };
        let command = "Group.CallbackBeforeInviteJoinGroup";
        joining(self.ask(now, command, origin, Some(id), body, act))
    }

    /// After the bot allowed it, but for those it refused.
    pub(super) fn bring_in(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        accounts: Vec<Account>,
        refused: &[Account],
    ) -> Joining {
        let mut results = Vec::new();
        let mut added = Vec::new();
        for account in accounts {
            let result = if refused.contains(&account) || self.deleted.contains(&account) {
                0
            } else {
                match self.add_member(now, id, &account, origin) {
                    Ok(true) => {
                        added.push(account.clone());
                        1
                    }
                    Ok(false) => 2,
                    // A full group fails the call as a whole when nobody got in (10014).
                    Err(refusal) if results.is_empty() => return Joining::Refused(refusal),
                    Err(_) => 0,
                }
            };
            results.push((account, result));
        }
        if !added.is_empty() {
            self.tell_joined(now, id, origin, "Invited", &added);
            self.tell_if_full(now, id, origin);
        }
        Joining::Invited(results)
    }

    /// `false` when already in; a full group refuses, and tells (34376).
    fn add_member(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        account: &Account,
        origin: &Origin,
    ) -> Result<bool, Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        if group.members.contains_key(account) {
            return Ok(false);
        }
        if group.is_full() {
            self.tell(now, "Group.CallbackAfterGroupFull", origin, Some(id), json!({}));
            return Err(Refusal::new(10014, "the group is full"));
        }
        group.add(account.clone(), Role::Member, now);
        Ok(true)
    }

    fn tell_if_full(&mut self, now: Timestamp, id: &GroupId, origin: &Origin) {
        if self.groups.get(id).is_some_and(super::state::Group::is_full) {
            self.tell(now, "Group.CallbackAfterGroupFull", origin, Some(id), json!({}));
        }
    }

    fn tell_joined(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        how: &str,
        accounts: &[Account],
    ) {
        for accounts in self.portions(accounts) {
            let body = json!({
                "JoinType": how,
                "Operator_Account": origin.operator,
                "NewMemberList": member_list(accounts),
            });
            self.tell(now, "Group.CallbackAfterNewMemberJoin", origin, Some(id), body);
        }
    }

    /// A member quits. The owner may only in a Work group, which is then ownerless; else 10009 (33529).
    pub fn leave(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_mut_or_refusal(id)?;
        if !group.members.contains_key(account) {
            return Err(Refusal::permission("not a member"));
        }
        if group.owner.as_ref() == Some(account) && group.kind != GroupType::Work {
            return Err(Refusal::new(10009, "the owner cannot quit; transfer the group first"));
        }
        group.take_out(account);
        self.tell_left(now, id, &Origin::client(account), "Quit", std::slice::from_ref(account));
        Ok(())
    }

    /// Removes members. Work: the owner may; AVChatRoom: nobody may; else the owner and admins, and
    /// an admin only plain members (33529). Accounts that are no members are passed over.
    pub fn kick(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        accounts: &[Account],
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let role = group.role(by);
        let may = match group.kind {
            GroupType::AVChatRoom => return Err(Refusal::parameter("no removing in AVChatRoom")),
            GroupType::Work => role == Role::Owner,
            _ => matches!(role, Role::Owner | Role::Admin),
        };
        let above = |account: &Account| {
            let target = group.role(account);
            target == Role::Owner || (role == Role::Admin && target == Role::Admin)
        };
        if !self.is_app_admin(by) && (!may || accounts.iter().any(above)) {
            return Err(Refusal::permission("not allowed to remove these members"));
        }
        self.remove(now, id, &Origin::client(by), accounts);
        Ok(())
    }

    /// Takes out whoever is a member. What happens to an owner is not documented for
    /// `delete_group_member`; here the group becomes ownerless.
    pub(super) fn remove(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        accounts: &[Account],
    ) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let mut removed = Vec::new();
        for account in accounts {
            if group.members.contains_key(account) {
                group.take_out(account);
                removed.push(account.clone());
            }
        }
        if !removed.is_empty() {
            self.tell_left(now, id, origin, "Kicked", &removed);
        }
    }

    /// The lists of one happening, each for a callback of its own.
    fn portions<'a>(&self, accounts: &'a [Account]) -> Vec<&'a [Account]> {
        match self.settings.quirks.members_per_callback {
            0 => vec![accounts],
            most => accounts.chunks(most).collect(),
        }
    }

    pub(super) fn tell_left(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        how: &str,
        accounts: &[Account],
    ) {
        for accounts in self.portions(accounts) {
            let leaver = accounts.first().filter(|_| self.settings.quirks.exit_names_leaver);
            let body = json!({
                "ExitType": how,
                "Operator_Account": leaver.unwrap_or(&origin.operator),
                "ExitMemberList": member_list(accounts),
            });
            self.tell(now, "Group.CallbackAfterMemberExit", origin, Some(id), body);
        }
    }
}

fn joining(answered: Answered) -> Joining {
    match answered {
        Answered::Joined(joining) => joining,
        _ => Joining::Refused(Refusal::new(10002, "the act ended as another one")),
    }
}
