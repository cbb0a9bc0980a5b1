//! Mutes and bans. Chat sends no callback for either (34951, 50296).

use serde_json::json;

use super::callbacks::Origin;
use super::settings::Refusal;
use super::state::end;
use super::topics::no_topic;
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
        self.set_mute_all(now, id, &Origin::client(by), on)
    }

    /// Not told, unless the app has a habit that only code of others shows.
    pub(super) fn set_mute_all(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        origin: &Origin,
        on: bool,
    ) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        let changed = std::mem::replace(&mut group.mute_all, on) != on;
        if changed && self.settings.quirks.tells_mute_all {
            let word = if on { "On" } else { "Off" };
            let body = json!({ "Operator_Account": origin.operator, "ShutUpAllMember": word });
            self.tell(now, "Group.CallbackAfterGroupInfoChanged", origin, Some(id), body);
        }
        Ok(())
    }

    /// As [`World::mute`] with 0: a person lifts a mute by hand.
    pub fn unmute(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        account: &Account,
    ) -> Result<(), Refusal> {
        self.mute(now, id, by, account, 0)
    }

    /// The owner or an admin bans from an `AVChatRoom` for so many seconds.
    pub fn ban_by_hand(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        accounts: &[Account],
        seconds: u32,
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_manage(id, by)?;
        self.ban(now, id, accounts, seconds)
    }

    /// The owner or an admin lets somebody in again.
    pub fn unban_by_hand(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        by: &Account,
        accounts: &[Account],
    ) -> Result<(), Refusal> {
        self.tick(now);
        self.may_manage(id, by)?;
        self.unban(id, accounts)
    }

    pub(super) fn unban(&mut self, id: &GroupId, accounts: &[Account]) -> Result<(), Refusal> {
        let group = self.group_mut_or_refusal(id)?;
        if group.kind != GroupType::AVChatRoom {
            return Err(Refusal::permission("only an AVChatRoom can ban"));
        }
        for account in accounts {
            group.bans.remove(account);
        }
        Ok(())
    }

    /// Mutes in one topic only; 0 lifts.
    pub(super) fn set_topic_mutes(
        &mut self,
        now: Timestamp,
        id: &GroupId,
        topic: &str,
        accounts: &[Account],
        seconds: u32,
    ) -> Result<(), Refusal> {
        let topics = &mut self.group_mut_or_refusal(id)?.topics;
        let topic = topics.get_mut(topic).ok_or_else(no_topic)?;
        for account in accounts {
            topic.mutes.insert(account.clone(), end(now, seconds));
        }
        topic.mutes.retain(|_, until| *until > now);
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
