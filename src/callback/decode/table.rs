//! The commands of Tencent's lists: where each is described, and what becomes of it.

use super::command::{Answers as A, Command, Document, Reader};
use super::{group, member, message, room, user};
use crate::rule::EventKind as E;
use Document::{Chat, Room};

/// Named in the models of this SDK; no page of Tencent's that was read has a number for it.
const SDK: Document = Document::Elsewhere("doocs/qcloud-im-server-sdk-java");
/// The page was read in Tencent's repository of documents, which gives no number.
const RECALL: Document = Document::Elsewhere("\"After a Group Message Is Recalled\"");

const fn reads(
    name: &'static str,
    document: Document,
    reader: Reader,
    events: &'static [E],
) -> Command {
    Command { name, document, events, reader: Some(reader), answers: A::After }
}

const fn asks(
    name: &'static str,
    document: Document,
    reader: Reader,
    answers: A,
    events: &'static [E],
) -> Command {
    Command { name, document, events, reader: Some(reader), answers }
}

const fn kept(name: &'static str, document: Document) -> Command {
    Command { name, document, events: &[], reader: None, answers: A::After }
}

/// Asks, about something that no event stands for.
const fn allowed(name: &'static str, document: Document) -> Command {
    Command { name, document, events: &[], reader: None, answers: A::Allow }
}

const fn befriends(name: &'static str, document: Document, list: &'static str) -> Command {
    Command { name, document, events: &[], reader: None, answers: A::Friends(list) }
}

/// Sorted by name. Groups: 34355 and the newer pages; others: 34354; rooms: 60729; live: 64413.
#[rustfmt::skip]
pub(super) const COMMANDS: &[Command] = &[
    kept("Alert.RequestOverLimit", Chat(60_256)),
    kept("Bot.OnC2CMessage", Chat(68_952)),
    kept("Bot.OnGroupMessage", Chat(68_953)),
    kept("C2C.CallbackAfterMsgReport", Chat(43_465)),
    kept("C2C.CallbackAfterMsgWithDraw", Chat(43_466)),
    reads("C2C.CallbackAfterSendMsg", Chat(34_365), message::private_sent, &[E::PrivateSent]),
    asks("C2C.CallbackBeforeSendMsg", Chat(34_364), message::private_sending, A::PrivateMessage, &[E::PrivateSending]),
    kept("Chatbot.OnC2CSignalMessage", SDK),
    kept("ContentCallback.ResultNotify", SDK),
    kept("Follow.CallbackAfterFollowAdd", Chat(70_355)),
    kept("Follow.CallbackAfterFollowDelete", Chat(70_356)),
    reads("Group.CallbackAfterChangeGroupOwner", Chat(60_396), group::owner_changed, &[E::OwnerChanged]),
    reads("Group.CallbackAfterCreateGroup", Chat(34_369), group::created, &[E::GroupCreated]),
    reads("Group.CallbackAfterCreateTopic", Chat(49_464), group::topic_created, &[E::TopicCreated]),
    reads("Group.CallbackAfterGroupAttrChanged", Chat(60_394), group::attributes_changed, &[E::GroupAttributesChanged]),
    reads("Group.CallbackAfterGroupDestroyed", Chat(34_377), group::dismissed, &[E::GroupDismissed]),
    reads("Group.CallbackAfterGroupFull", Chat(34_376), group::full, &[E::GroupFull]),
    reads("Group.CallbackAfterGroupInfoChanged", Chat(34_378), group::info_changed, &[E::GroupInfoChanged]),
    reads("Group.CallbackAfterMemberExit", Chat(34_373), member::exit, &[E::MemberLeft, E::MemberRemoved]),
    reads("Group.CallbackAfterMemberFieldChanged", Chat(60_393), member::field_changed, &[E::MemberRoleChanged, E::MemberCardChanged]),
    reads("Group.CallbackAfterNewMemberJoin", Chat(34_372), member::joined, &[E::MemberJoined]),
    kept("Group.CallbackAfterReadReceipt", Chat(60_395)),
    reads("Group.CallbackAfterRecallMsg", RECALL, message::recalled, &[E::MessageRecalled]),
    reads("Group.CallbackAfterSendMsg", Chat(34_375), message::sent, &[E::MessageSent]),
    reads("Group.CallbackAfterTopicDestroyed", Chat(49_465), group::topic_dismissed, &[E::TopicDismissed]),
    reads("Group.CallbackAfterTopicInfoChanged", Chat(49_466), group::topic_info_changed, &[E::TopicInfoChanged]),
    asks("Group.CallbackBeforeApplyJoinGroup", Chat(34_370), member::join_requested, A::Group, &[E::JoinRequested]),
    asks("Group.CallbackBeforeCreateGroup", Chat(34_368), group::creating, A::Group, &[E::GroupCreating]),
    asks("Group.CallbackBeforeCreateTopic", Chat(49_463), group::topic_creating, A::Group, &[E::TopicCreating]),
    asks("Group.CallbackBeforeInviteJoinGroup", Chat(34_371), member::invite_requested, A::Invite, &[E::InviteRequested]),
    asks("Group.CallbackBeforeSendMsg", Chat(34_374), message::sending, A::GroupMessage, &[E::MessageSending]),
    kept("Group.CallbackOnDailyGroupQuotaAlarm", Chat(57_455)),
    reads("Group.CallbackOnMemberStateChange", Chat(48_734), member::state_changed, &[E::MemberOnline, E::MemberOffline]),
    reads("Group.CallbackSendMsgException", Chat(49_462), message::failed, &[E::MessageFailed]),
    reads("Live.CallbackAfterChangeOwner", Room(72_553), room::live_owner_changed, &[E::RoomOwnerChanged]),
    kept("Live.CallbackAfterCreateBattle", Room(68_259)),
    reads("Live.CallbackAfterCreateRoom", Room(64_422), room::created, &[E::RoomCreated]),
    kept("Live.CallbackAfterCreateRoomReachingThreshold", Room(70_485)),
    kept("Live.CallbackAfterDelMetadata", Room(68_223)),
    reads("Live.CallbackAfterDestroyRoom", Room(64_423), room::closed, &[E::RoomClosed]),
    kept("Live.CallbackAfterEndBattle", Room(64_413)),
    reads("Live.CallbackAfterMemberStateChanged", Room(64_413), room::live_member_state_changed, &[E::RoomMemberEntered, E::RoomMemberLeft]),
    kept("Live.CallbackAfterModifyAdmin", Room(72_554)),
    kept("Live.CallbackAfterSetMetadata", Room(68_222)),
    kept("Live.CallbackAfterStartBattle", Room(68_260)),
    reads("Live.CallbackAfterUpdateRoomInfo", Room(67_938), room::info_changed, &[E::RoomInfoChanged]),
    allowed("Live.CallbackBeforeCallBackNotBlock", Room(64_413)),
    allowed("Live.CallbackBeforeSendGift", Room(64_413)),
    kept("Mic.CallbackAfterSeatInfoChanged", Room(60_736)),
    kept("OfficialAccount.CallbackAfterAddSubscriber", SDK),
    kept("OfficialAccount.CallbackAfterCreateOfficialAccount", SDK),
    kept("OfficialAccount.CallbackAfterDeleteSubscriber", SDK),
    kept("OfficialAccount.CallbackAfterMsgWithDraw", SDK),
    kept("OfficialAccount.CallbackAfterOfficialAccountDestroyed", SDK),
    kept("OfficialAccount.CallbackAfterOfficialAccountFull", SDK),
    kept("OfficialAccount.CallbackAfterOfficialAccountInfoChanged", SDK),
    kept("OfficialAccount.CallbackAfterSendMsg", SDK),
    allowed("OfficialAccount.CallbackBeforeAddSubscriber", SDK),
    allowed("OfficialAccount.CallbackBeforeCreateOfficialAccount", SDK),
    allowed("OfficialAccount.CallbackBeforeSendMsg", SDK),
    reads("Profile.CallbackPortraitSet", Chat(48_733), user::profile_changed, &[E::UserProfileChanged]),
    kept("Push.AllMemberPush", SDK),
    kept("Push.OfflinePush", SDK),
    reads("Room.CallbackAfterCreateRoom", Room(60_733), room::created, &[E::RoomCreated]),
    reads("Room.CallbackAfterDestroyRoom", Room(60_732), room::closed, &[E::RoomClosed]),
    reads("Room.CallbackAfterMemberEnter", Room(60_735), room::member_entered, &[E::RoomMemberEntered]),
    reads("Room.CallbackAfterMemberLeave", Room(60_734), room::member_left, &[E::RoomMemberLeft]),
    reads("Room.CallbackAfterUpdateRoomInfo", Room(60_731), room::info_changed, &[E::RoomInfoChanged]),
    kept("Sns.CallbackBlackListAdd", Chat(34_361)),
    kept("Sns.CallbackBlackListDelete", Chat(34_362)),
    kept("Sns.CallbackFriendAdd", Chat(34_359)),
    kept("Sns.CallbackFriendDelete", Chat(34_360)),
    befriends("Sns.CallbackPrevFriendAdd", Chat(43_468), "FriendItem"),
    befriends("Sns.CallbackPrevFriendResponse", Chat(43_467), "ResponseFriendItem"),
    reads("State.StateChange", Chat(34_357), user::state_changed, &[E::UserOnline, E::UserOffline]),
];
