//! Mutes and bans. Chat sends no callback for either (34951, 50296).

use super::settings::Refusal;
use super::state::end;
use super::world::World;
use crate::chat::{Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;

impl World {
    /// The owner or an admin mutes somebody for so many seconds, 0 to lift; not in Work groups, not
    /// the owner, and an admin not another admin (33529).
    pub fn mute(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        account: &Account,
        seconds: u32,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let group = self.group_or_refusal(id)?;
        let may = match (group.role(by), group.role(account)) {
            (_, Role::Owner) => false,
            (Role::Owner, _) => true,
            (Role::Admin, target) => target != Role::Admin,
            _ => self.is_app_admin(by),
        };
        if !may {
            return Err(Refusal::permission("not allowed to mute this member"));
        }
        self.set_mutes(now, id, std::slice::from_ref(account), seconds)
    }

    pub(super) fn set_mutes(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        accounts: &[Account],
        seconds: u32,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        if group.kind == GroupType::Work {
            return Err(Refusal::permission("Work groups cannot mute members"));
        }
        for account in accounts {
            group.set_mute(now, account, seconds);
        }
        Ok(())
    }

    /// Silences everybody but the owner and admins, or lifts that.
    pub fn mute_all(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        on: bool,
    ) -> Result<(), Refusal> {
        self.tick(now);
        let may = matches!(self.group_or_refusal(id)?.role(by), Role::Owner | Role::Admin);
        if !may && !self.is_app_admin(by) {
            return Err(Refusal::permission("only the owner and admins mute everybody"));
        }
        self.group_mut_or_refusal(id)?.mute_all = on;
        Ok(())
    }

    /// Bans from an AVChatRoom: out at once, and no way in until then (50296). No callback is
    /// documented, not even for the leaving.
    pub(super) fn ban(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        accounts: &[Account],
        seconds: u32,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        if group.kind != GroupType::AVChatRoom {
            return Err(Refusal::permission("only an AVChatRoom can ban"));
        }
        for account in accounts {
            if group.owner.as_ref() == Some(account) {
                return Err(Refusal::permission("the owner cannot be banned"));
            }
            group.members.remove(account);
            group.bans.insert(account.clone(), end(now, seconds));
        }
        Ok(())
    }
}
