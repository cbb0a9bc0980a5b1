//! From an effect to the call that carries it out, and to the command that limits count.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::index::{Calling, Command};
use crate::chat::{Account, GroupId, GroupType, Role, limits};
use crate::clock::Timestamp;
use crate::decision::Effect;
use crate::decision::effect::{Act, Manner, Read};
use crate::decision::event::RoomKind;
use crate::rest::{Call, MemberChange};
use crate::rule::model::GroupFields;

/// The command of an effect's main call, for the limits; empty for what needs no call.
pub(super) fn command(effect: &Effect) -> Command {
    if effect.manner != Manner::Send {
        return "";
    }
    match &effect.act {
        Act::Read(Read::Group { .. } | Read::Candidates { .. }) => "get_group_info",
        Act::Read(Read::Roles { group_type: Some(GroupType::AVChatRoom) | None, .. }) => {
            "get_group_info"
        }
        Act::Read(Read::Roles { details: true, .. }) => "get_specified_group_member_info",
        Act::Read(Read::Roles { .. }) => "get_role_in_group",
        Act::Read(Read::Muted { .. }) => "get_group_muted_account",
        Act::Read(Read::Room { .. } | Read::RoomCandidates { .. }) => "get_room_info",
        _ => call_for(effect, Timestamp::default()).map_or("", |call| call.command()),
    }
}

/// How an effect is carried out, as far as its lane must know.
pub(super) fn calling(effect: &Effect) -> Calling {
    Calling { command: command(effect), joins: joins(effect), chain: chain(effect) }
}

/// What an effect shares with those that hang together with it, those of its rule and event; others seldom
/// have the same.
pub(super) fn chain(effect: &Effect) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((&effect.event, &effect.rule))
}

/// Whether one call can carry out several of its kind.
pub(super) fn joins(effect: &Effect) -> bool {
    let several = matches!(
        effect.act,
        Act::Mute { .. }
            | Act::Unmute { .. }
            | Act::RemoveMember { .. }
            | Act::Ban { .. }
            | Act::Unban { .. }
            | Act::RecallMessage { .. }
            | Act::Read(Read::Muted { .. })
    );
    several && effect.manner == Manner::Send
}

/// The call that carries an effect out; `None` for most reads, which take several, and alerts.
pub(super) fn call_for(effect: &Effect, now: Timestamp) -> Option<Call> {
    Some(match effect.act.clone() {
        Act::Read(Read::Muted { group, .. }) => Call::GetGroupMutedAccount { group },
        Act::SetRole { group, group_type: Some(GroupType::AVChatRoom), member, role } => {
            Call::ModifyAdmin { group, set: role == Role::Admin, admins: vec![member] }
        }
        Act::SetRole { group, member, role, .. } => modify(group, member, MemberChange::Role(role)),
        Act::Mute { group, member, until, .. } => {
            modify(group, member, MemberChange::MuteSeconds(seconds_left(until, now)))
        }
        Act::Unmute { group, member, .. } => modify(group, member, MemberChange::MuteSeconds(0)),
        Act::SetNameCard { group, member, text } => {
            modify(group, member, MemberChange::NameCard(text))
        }
        Act::SetMessageReceiving { group, member, mode } => {
            modify(group, member, MemberChange::MsgFlag(mode))
        }
        Act::SetMemberFields { group, member, fields } => {
            modify(group, member, MemberChange::Fields(fields))
        }
        Act::TransferOwner { group, to, .. } => {
            Call::ChangeGroupOwner { group, new_owner: to, from: None }
        }
        Act::TransferRoom { room, kind, from, to } => {
            // Only 60713 knows a `From_Account`; that of live rooms (72534) does not.
            let live = kind == RoomKind::Live;
            Call::ChangeRoomOwner { room, live, from: from.filter(|_| !live), new_owner: to }
        }
        Act::ImportMembers { group, members } => Call::ImportGroupMember { group, members },
        Act::AddMembers { group, members, silent } => {
            Call::AddGroupMember { group, members, silent }
        }
        Act::RemoveMember { group, member, silent, reason } => {
            Call::DeleteGroupMember { group, members: vec![member], silent, reason }
        }
        Act::Ban { group, member, until, reason, .. } => Call::BanGroupMember {
            group,
            members: vec![member],
            seconds: seconds_left(until, now),
            description: reason,
        },
        Act::Unban { group, member } => Call::UnbanGroupMember { group, members: vec![member] },
        Act::NotifyGroup { group, text, to } => {
            Call::SendGroupSystemNotification { group, to, text }
        }
        Act::RecallMessage { group, topic, sequence } => {
            Call::GroupMsgRecall { group, topic, sequences: vec![sequence] }
        }
        Act::MuteAll { group, .. } => mute_all(group, true),
        Act::UnmuteAll { group } => mute_all(group, false),
        Act::SetGroup { group, fields } => {
            Call::ModifyGroupBaseInfo { group, fields, mute_all: None }
        }
        Act::DismissGroup { group } => Call::DestroyGroup { group },
        Act::SendPrivate { to, text } => Call::SendMsg { to, text, random: random(effect) },
        Act::SendMessage { group, text, from, topic } => {
            Call::SendGroupMsg { group, topic, text, from, random: random(effect) }
        }
        Act::Alert { .. } | Act::Read(_) => return None,
    })
}

fn modify(group: GroupId, member: Account, change: MemberChange) -> Call {
    Call::ModifyGroupMemberInfo { group, member, change }
}

fn mute_all(group: GroupId, on: bool) -> Call {
    Call::ModifyGroupBaseInfo { group, fields: GroupFields::default(), mute_all: Some(on) }
}

/// Seconds to a wanted end: rounded up, so that it never comes early, and never 0, which would lift
/// a mute.
fn seconds_left(until: Option<Timestamp>, now: Timestamp) -> u32 {
    let Some(until) = until else { return limits::MUTE_FOREVER };
    let seconds = until.since(now).as_millis().div_ceil(1000);
    // One below "for ever", which is not what was wanted.
    u32::try_from(seconds).unwrap_or(u32::MAX).clamp(1, limits::MUTE_FOREVER - 1)
}

/// A number that follows from the effect, so that a repeated call carries the same.
pub(super) fn random(effect: &Effect) -> u32 {
    u32::from_str_radix(&effect.id.as_str()[..8], 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_sanction_lasts_to_its_end_and_not_a_second_less() {
        for (left, seconds) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (300_000, 300)] {
            let until = NOW + Duration::from_millis(left);
            assert_eq!(seconds_left(Some(until), NOW), seconds, "{left} ms");
        }
    }

    #[test]
    fn for_ever_is_the_largest_number_and_nothing_else_is() {
        assert_eq!(seconds_left(None, NOW), u32::MAX);
        let late = NOW + Duration::from_secs(200 * 365 * 86_400);
        assert_eq!(seconds_left(Some(late), NOW), u32::MAX - 1);
    }
}
