//! The commands of Tencent's lists, and what becomes of each.

use super::fields::Fields;
use super::{Callback, Unfit, group, member, message, room, user};
use crate::callback::reply::Answering;
use crate::decision::Event;

/// The label of a command that is not in the table.
pub(super) const OTHER: &str = "other";

/// Reads the events of one callback; never an empty list.
pub(super) type Reader = fn(&Callback<'_>) -> Result<Vec<Event>, Unfit>;

/// A command that Tencent documents.
pub(super) struct Command {
    pub(super) name: &'static str,
    /// Without one, the command yields only a `callback` event.
    pub(super) reader: Option<Reader>,
    answers: Answers,
}

/// The name to use for a command: 64413 has two for one, in the URL and in the body.
pub(super) fn official(name: &str) -> &str {
    match name {
        "Live.CallbackMemberStateChanged" => "Live.CallbackAfterMemberStateChanged",
        name => name,
    }
}

/// Which answers a command understands, before its body is looked at.
#[derive(Clone, Copy)]
enum Answers {
    After,
    Group,
    Invite,
    GroupMessage,
    PrivateMessage,
    /// One item for each `To_Account` of this list.
    Friends(&'static str),
}

const fn reads(name: &'static str, reader: Reader) -> Command {
    Command { name, reader: Some(reader), answers: Answers::After }
}

const fn asks(name: &'static str, reader: Reader, answers: Answers) -> Command {
    Command { name, reader: Some(reader), answers }
}

const fn kept(name: &'static str) -> Command {
    Command { name, reader: None, answers: Answers::After }
}

const fn befriends(name: &'static str, list: &'static str) -> Command {
    Command { name, reader: None, answers: Answers::Friends(list) }
}

/// Sorted by name. Groups: 34355 and the newer pages; others: 34354; rooms: 60729; live: 64413.
const COMMANDS: &[Command] = &[
    kept("Alert.RequestOverLimit"),
    kept("Bot.OnC2CMessage"),
    kept("Bot.OnGroupMessage"),
    kept("C2C.CallbackAfterMsgReport"),
    kept("C2C.CallbackAfterMsgWithDraw"),
    reads("C2C.CallbackAfterSendMsg", message::private_sent),
    asks("C2C.CallbackBeforeSendMsg", message::private_sending, Answers::PrivateMessage),
    kept("Chatbot.OnC2CSignalMessage"),
    kept("ContentCallback.ResultNotify"),
    kept("Follow.CallbackAfterFollowAdd"),
    kept("Follow.CallbackAfterFollowDelete"),
    reads("Group.CallbackAfterChangeGroupOwner", group::owner_changed),
    reads("Group.CallbackAfterCreateGroup", group::created),
    reads("Group.CallbackAfterCreateTopic", group::topic_created),
    reads("Group.CallbackAfterGroupAttrChanged", group::attributes_changed),
    reads("Group.CallbackAfterGroupDestroyed", group::dismissed),
    reads("Group.CallbackAfterGroupFull", group::full),
    reads("Group.CallbackAfterGroupInfoChanged", group::info_changed),
    reads("Group.CallbackAfterMemberExit", member::exit),
    reads("Group.CallbackAfterMemberFieldChanged", member::field_changed),
    reads("Group.CallbackAfterNewMemberJoin", member::joined),
    kept("Group.CallbackAfterReadReceipt"),
    reads("Group.CallbackAfterRecallMsg", message::recalled),
    reads("Group.CallbackAfterSendMsg", message::sent),
    reads("Group.CallbackAfterTopicDestroyed", group::topic_dismissed),
    reads("Group.CallbackAfterTopicInfoChanged", group::topic_info_changed),
    asks("Group.CallbackBeforeApplyJoinGroup", member::join_requested, Answers::Group),
    asks("Group.CallbackBeforeCreateGroup", group::creating, Answers::Group),
    asks("Group.CallbackBeforeCreateTopic", group::topic_creating, Answers::Group),
    asks("Group.CallbackBeforeInviteJoinGroup", member::invite_requested, Answers::Invite),
    asks("Group.CallbackBeforeSendMsg", message::sending, Answers::GroupMessage),
    kept("Group.CallbackOnDailyGroupQuotaAlarm"),
    reads("Group.CallbackOnMemberStateChange", member::state_changed),
    reads("Group.CallbackSendMsgException", message::failed),
    reads("Live.CallbackAfterChangeOwner", room::live_owner_changed),
    kept("Live.CallbackAfterCreateBattle"),
    reads("Live.CallbackAfterCreateRoom", room::created),
    kept("Live.CallbackAfterCreateRoomReachingThreshold"),
    kept("Live.CallbackAfterDelMetadata"),
    reads("Live.CallbackAfterDestroyRoom", room::closed),
    kept("Live.CallbackAfterEndBattle"),
    reads("Live.CallbackAfterMemberStateChanged", room::live_member_state_changed),
    kept("Live.CallbackAfterModifyAdmin"),
    kept("Live.CallbackAfterSetMetadata"),
    kept("Live.CallbackAfterStartBattle"),
    reads("Live.CallbackAfterUpdateRoomInfo", room::info_changed),
    kept("Live.CallbackBeforeCallBackNotBlock"),
    kept("Live.CallbackBeforeSendGift"),
    kept("Mic.CallbackAfterSeatInfoChanged"),
    kept("OfficialAccount.CallbackAfterAddSubscriber"),
    kept("OfficialAccount.CallbackAfterCreateOfficialAccount"),
    kept("OfficialAccount.CallbackAfterDeleteSubscriber"),
    kept("OfficialAccount.CallbackAfterMsgWithDraw"),
    kept("OfficialAccount.CallbackAfterOfficialAccountDestroyed"),
    kept("OfficialAccount.CallbackAfterOfficialAccountFull"),
    kept("OfficialAccount.CallbackAfterOfficialAccountInfoChanged"),
    kept("OfficialAccount.CallbackAfterSendMsg"),
    kept("OfficialAccount.CallbackBeforeAddSubscriber"),
    kept("OfficialAccount.CallbackBeforeCreateOfficialAccount"),
    kept("OfficialAccount.CallbackBeforeSendMsg"),
    reads("Profile.CallbackPortraitSet", user::profile_changed),
    kept("Push.AllMemberPush"),
    kept("Push.OfflinePush"),
    reads("Room.CallbackAfterCreateRoom", room::created),
    reads("Room.CallbackAfterDestroyRoom", room::closed),
    reads("Room.CallbackAfterMemberEnter", room::member_entered),
    reads("Room.CallbackAfterMemberLeave", room::member_left),
    reads("Room.CallbackAfterUpdateRoomInfo", room::info_changed),
    kept("Sns.CallbackBlackListAdd"),
    kept("Sns.CallbackBlackListDelete"),
    kept("Sns.CallbackFriendAdd"),
    kept("Sns.CallbackFriendDelete"),
    befriends("Sns.CallbackPrevFriendAdd", "FriendItem"),
    befriends("Sns.CallbackPrevFriendResponse", "ResponseFriendItem"),
    reads("State.StateChange", user::state_changed),
];

impl Command {
    /// The command of this name, if Tencent documents it.
    pub(super) fn named(name: &str) -> Option<&'static Command> {
        let place = COMMANDS.binary_search_by(|command| command.name.cmp(name)).ok()?;
        COMMANDS.get(place)
    }

    /// Which answers this callback understands.
    pub(super) fn answering(&self, fields: Fields<'_>) -> Answering {
        match self.answers {
            Answers::After => Answering::After,
            Answers::Group => Answering::Group,
            Answers::Invite => Answering::Invite,
            Answers::GroupMessage => Answering::GroupMessage,
            Answers::PrivateMessage => Answering::PrivateMessage,
            Answers::Friends(list) => Answering::Friends(fields.accounts(list, "To_Account")),
        }
    }
}

/// The command itself if it is in Tencent's lists, otherwise `other`: a label for metrics that
/// nobody outside can multiply.
pub fn label(command: &str) -> &'static str {
    Command::named(official(command)).map_or(OTHER, |command| command.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_command_is_found() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
        for command in COMMANDS {
            assert_eq!(label(command.name), command.name);
        }
    }

    #[test]
    fn what_is_not_listed_is_labelled_other() {
        for name in ["", "Group.CallbackAfterMemberInvited", "state.statechange"] {
            assert_eq!(label(name), "other");
        }
    }
}
