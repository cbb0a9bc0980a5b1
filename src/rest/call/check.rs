//! Calls and single values checked against Chat's limits; each error says what is wrong and what the limit is.

use super::{Call, group, members, message};
use crate::chat::{Account, limits};

impl Call {
    /// Checks Chat's documented limits, so that a call which Chat must refuse is never sent.
    /// The error says which value is wrong and what the limit is.
    pub fn check(&self) -> Result<(), String> {
        self.check_address()?;
        let several = |members: &[Account], most| accounts("members", members, most);
        match self {
            Self::ChangeGroupOwner { new_owner, from, .. } => {
                account(new_owner)?;
                from.iter().try_for_each(account)
            }
            Self::ModifyGroupMemberInfo { member, change, .. } => {
                account(member)?;
                change.check()
            }
            Self::ModifyAdmin { admins, .. } => {
                accounts("admins", admins, limits::AVCHATROOM_ADMINS)
            }
            Self::ImportGroupMember { members, .. } => members::check_import(members),
            Self::AddGroupMember { members, .. } => several(members, limits::ADD_MEMBERS),
            Self::DeleteGroupMember { members, reason, .. } => {
                members::check_delete(members, reason)
            }
            Self::BanGroupMember { members, seconds, description, .. } => {
                members::check_ban(members, *seconds, description)
            }
            Self::UnbanGroupMember { members, .. } => several(members, members::BAN_MEMBERS),
            Self::ForbidSendMsg { members, .. } => several(members, limits::MUTE_MEMBERS),
            Self::GetSpecifiedGroupMemberInfo { members, .. } => {
                several(members, limits::SPECIFIED_MEMBERS)
            }
            Self::GetGroupMemberInfo { roles, .. } => members::check_roles(roles),
            Self::App(read) => read.check(),
            Self::ChangeRoomOwner { live, from, new_owner, .. } => {
                account(new_owner)?;
                if from.is_none() && !live {
                    return Err("a Conference room changes hands only when its present owner is \
                                named (From_Account)"
                        .to_owned());
                }
                from.iter().try_for_each(account)
            }
            Self::ModifyGroupBaseInfo { fields, mute_all, .. } => {
                group::check_base_info(fields, *mute_all)
            }
            Self::SendGroupMsg { text, from, .. } => {
                message::check_text(text)?;
                from.iter().try_for_each(account)
            }
            Self::SendGroupSystemNotification { to, text, .. } => {
                message::check_notification(to, text)
            }
            Self::GroupMsgRecall { topic, sequences, .. } => {
                message::check_recall(topic.as_deref(), sequences)
            }
            Self::SendMsg { to, text, .. } => {
                account(to)?;
                message::check_text(text)
            }
            Self::GetGroupInfo { groups } => {
                count("groups", groups.len(), limits::GROUP_INFO_GROUPS)?;
                groups.iter().try_for_each(|group| id("GroupId", group.as_str()))
            }
            Self::GetRoleInGroup { accounts: some, .. } => {
                accounts("accounts", some, limits::ROLE_ACCOUNTS)
            }
            Self::DestroyGroup { .. }
            | Self::GetGroupMutedAccount { .. }
            | Self::GetGroupBanMember { .. }
            | Self::GetAdminList { .. }
            | Self::Room(_) => Ok(()),
        }
    }

    /// The group or room that it goes to has an id.
    fn check_address(&self) -> Result<(), String> {
        match self {
            Self::ChangeGroupOwner { group, .. }
            | Self::ModifyGroupMemberInfo { group, .. }
            | Self::ModifyAdmin { group, .. }
            | Self::ImportGroupMember { group, .. }
            | Self::AddGroupMember { group, .. }
            | Self::DeleteGroupMember { group, .. }
            | Self::ForbidSendMsg { group, .. }
            | Self::BanGroupMember { group, .. }
            | Self::UnbanGroupMember { group, .. }
            | Self::ModifyGroupBaseInfo { group, .. }
            | Self::DestroyGroup { group }
            | Self::SendGroupMsg { group, .. }
            | Self::SendGroupSystemNotification { group, .. }
            | Self::GroupMsgRecall { group, .. }
            | Self::GetGroupMemberInfo { group, .. }
            | Self::GetSpecifiedGroupMemberInfo { group, .. }
            | Self::GetRoleInGroup { group, .. }
            | Self::GetGroupMutedAccount { group }
            | Self::GetGroupBanMember { group, .. }
            | Self::GetAdminList { group } => id("GroupId", group.as_str()),
            Self::ChangeRoomOwner { room, .. } => id("RoomId", room.as_str()),
            Self::Room(read) => id("RoomId", read.room().as_str()),
            Self::SendMsg { .. } | Self::GetGroupInfo { .. } | Self::App(_) => Ok(()),
        }
    }
}

pub(super) fn id(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

pub(super) fn account(account: &Account) -> Result<(), String> {
    if !account.is_somebody() {
        return Err(format!("{account:?} is nobody's account"));
    }
    bytes(&format!("account {account}"), account.as_str().len(), limits::ACCOUNT_BYTES)
}

/// At least one, and at most so many.
pub(super) fn accounts(what: &str, list: &[Account], limit: usize) -> Result<(), String> {
    count(what, list.len(), limit)?;
    list.iter().try_for_each(account)
}

pub(super) fn bytes(what: &str, bytes: usize, limit: usize) -> Result<(), String> {
    if bytes > limit {
        return Err(format!("{what} has {bytes} bytes; Chat takes at most {limit}"));
    }
    Ok(())
}

/// At least one, and at most so many.
pub(super) fn count(what: &str, count: usize, limit: usize) -> Result<(), String> {
    match count {
        0 => Err(format!("no {what} given")),
        _ if count > limit => Err(format!("{count} {what}; Chat takes at most {limit} a call")),
        _ => Ok(()),
    }
}
