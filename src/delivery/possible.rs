//! What a group's type can never do is told without asking Chat (33529).

use super::Delivery;
use crate::chat::{Ability, GroupId, GroupType};
use crate::decision::effect::Act;
use crate::ledger;

impl Delivery {
    /// Why this can never work in the group it is for; nothing when it can, or when the mirror does not
    /// know the type. The type may have become known since the effect was decided.
    pub(super) fn impossible(&self, act: &Act) -> Option<String> {
        let group = act.group().filter(|_| needs_type(act))?;
        lacks(act, self.group_type(group)?)
    }

    /// The group's type, as the mirror has it.
    pub(super) fn group_type(&self, group: &GroupId) -> Option<GroupType> {
        // Where the store cannot be read, Chat may say so itself.
        let record = ledger::group_record(&*self.store, group).ok()??;
        // A group that is gone may have come back by the same id as one of another type.
        record.group_type.filter(|_| !record.dismissed)
    }
}

fn needs_type(act: &Act) -> bool {
    ability(act).is_some() || matches!(act, Act::NotifyGroup { to, .. } if !to.is_empty())
}

/// What a group must be able to do for this.
fn ability(act: &Act) -> Option<Ability> {
    Some(match act {
        Act::SetRole { .. } => Ability::Admins,
        Act::Mute { .. } | Act::Unmute { .. } => Ability::Mute,
        Act::SetNameCard { .. } | Act::SetMessageReceiving { .. } | Act::SetMemberFields { .. } => {
            Ability::MemberProfile
        }
        Act::TransferOwner { .. } => Ability::TransferOwner,
        Act::ImportMembers { .. } | Act::AddMembers { .. } | Act::RemoveMember { .. } => {
            Ability::Membership
        }
        Act::Ban { .. } | Act::Unban { .. } => Ability::Ban,
        Act::SetGroup { fields, .. } if fields.join.is_some() => Ability::JoinOption,
        _ => return None,
    })
}

fn lacks(act: &Act, kind: GroupType) -> Option<String> {
    if let Some(ability) = ability(act) {
        return (!kind.supports(ability)).then(|| kind.lacks(ability));
    }
    match act {
        Act::NotifyGroup { to, .. } if !to.is_empty() && kind == GroupType::AVChatRoom => {
            Some("an AVChatRoom can only notify everybody".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Role;
    use crate::rule::model::{GroupFields, JoinOption};

    fn group() -> GroupId {
        "cats".into()
    }

    #[test]
    fn what_a_type_lacks_is_told_and_what_it_has_is_not() {
        let mute = Act::Mute {
            group: group(),
            member: "ann".into(),
            time: None,
            until: None,
            shortens: false,
        };
        let role = Act::SetRole {
            group: group(),
            group_type: None,
            member: "ann".into(),
            role: Role::Admin,
        };
        let remove = Act::RemoveMember {
            group: group(),
            member: "ann".into(),
            silent: false,
            reason: String::new(),
        };
        let ban = Act::Ban {
            group: group(),
            member: "ann".into(),
            time: None,
            until: None,
            shortens: false,
            reason: String::new(),
        };
        let notify = |to| Act::NotifyGroup { group: group(), text: "hello".into(), to };
        let join = GroupFields { join: Some(JoinOption::FreeAccess), ..GroupFields::default() };
        let join = Act::SetGroup { group: group(), fields: join };
        use GroupType::{AVChatRoom, Community, Public, Work};
        for (act, can, cannot, words) in [
            (&mute, Public, Work, "nobody can be muted in Work groups"),
            (&role, AVChatRoom, Work, "Work groups have no admins"),
            (
                &remove,
                Work,
                AVChatRoom,
                "an AVChatRoom has no list of members; `ban` or `mute` works",
            ),
            (&ban, AVChatRoom, Public, "only an AVChatRoom has bans; `remove_member` works"),
            (&join, Public, Community, "Community groups have no join option"),
            (
                &notify(vec!["ann".into()]),
                Public,
                AVChatRoom,
                "an AVChatRoom can only notify everybody",
            ),
        ] {
            assert!(needs_type(act));
            assert_eq!(lacks(act, can), None, "{act}");
            assert_eq!(lacks(act, cannot).as_deref(), Some(words), "{act}");
            assert_eq!(lacks(act, GroupType::Unknown), None, "{act}");
        }
        assert!(!needs_type(&notify(Vec::new())));
        assert!(!needs_type(&Act::DismissGroup { group: group() }));
    }
}
