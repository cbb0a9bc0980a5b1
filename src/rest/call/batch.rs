//! Calls for several: joined where that saves calls, split where a call takes no more.

use super::{Call, MemberChange};
use crate::chat::{Account, limits};
use crate::rest::call::members::BAN_MEMBERS;
use crate::rest::call::message::RECALL_MESSAGES;

impl Call {
    /// One call that does what this and `other` do, if there is one: the same thing to other members
    /// or messages of the same group, and still within Chat's limit.
    pub fn joined(&self, other: &Call) -> Option<Call> {
        match (self, other) {
            (
                Self::DeleteGroupMember { group, members, silent, reason },
                Self::DeleteGroupMember { group: g, members: more, silent: s, reason: r },
            ) if (group, silent, reason) == (g, s, r) => Some(Self::DeleteGroupMember {
                members: united(members, more, limits::DELETE_MEMBERS)?,
                group: group.clone(),
                silent: *silent,
                reason: reason.clone(),
            }),
            (
                Self::BanGroupMember { group, members, seconds, description },
                Self::BanGroupMember { group: g, members: more, seconds: s, description: d },
            ) if (group, seconds, description) == (g, s, d) => Some(Self::BanGroupMember {
                members: united(members, more, BAN_MEMBERS)?,
                group: group.clone(),
                seconds: *seconds,
                description: description.clone(),
            }),
            (
                Self::UnbanGroupMember { group, members },
                Self::UnbanGroupMember { group: g, members: more },
            ) if group == g => Some(Self::UnbanGroupMember {
                members: united(members, more, BAN_MEMBERS)?,
                group: group.clone(),
            }),
            (
                Self::GroupMsgRecall { group, topic, sequences },
                Self::GroupMsgRecall { group: g, topic: t, sequences: more },
            ) if (group, topic) == (g, t) => Some(Self::GroupMsgRecall {
                sequences: united(sequences, more, RECALL_MESSAGES)?,
                group: group.clone(),
                topic: topic.clone(),
            }),
            // One list tells of all who are muted.
            (Self::GetGroupMutedAccount { .. }, _) if self == other => Some(self.clone()),
            _ => joined_mute(self, other),
        }
    }

    /// The same where members have no profile, as in an `AVChatRoom`: a mute goes by 34951, since 34900
    /// does not know such groups.
    pub fn without_profile(self) -> Call {
        match self {
            Self::ModifyGroupMemberInfo {
                group,
                member,
                change: MemberChange::MuteSeconds(seconds),
            } => Self::ForbidSendMsg { group, members: vec![member], seconds },
            other => other,
        }
    }

    /// This call as several, each of which takes no more members than Chat does (34921, 34969, 34958).
    pub fn parts(self) -> Vec<Call> {
        match self {
            Self::AddGroupMember { group, members, silent } => {
                in_parts(members, limits::ADD_MEMBERS, |members| Self::AddGroupMember {
                    group: group.clone(),
                    members,
                    silent,
                })
            }
            Self::ImportGroupMember { group, members } => {
                in_parts(members, limits::IMPORT_MEMBERS, |members| Self::ImportGroupMember {
                    group: group.clone(),
                    members,
                })
            }
            // Nobody named means everybody, which is one call.
            Self::SendGroupSystemNotification { group, to, text } if !to.is_empty() => {
                in_parts(to, limits::NOTIFY_ACCOUNTS, |to| Self::SendGroupSystemNotification {
                    group: group.clone(),
                    to,
                    text: text.clone(),
                })
            }
            other => vec![other],
        }
    }

    /// The members that it names one by one, where Chat answers or fails for each of them.
    pub fn members(&self) -> Vec<Account> {
        match self {
            Self::AddGroupMember { members, .. } => members.clone(),
            Self::ImportGroupMember { members, .. } => {
                members.iter().map(|member| member.id.clone()).collect()
            }
            Self::SendGroupSystemNotification { to, .. } => to.clone(),
            _ => Vec::new(),
        }
    }

    /// This call as two with half of the members each: what Chat's limit is, its pages do not agree on
    /// (300 in 34921, 100 in 34381). `None` when there is nothing to halve.
    pub fn halves(&self) -> Option<[Call; 2]> {
        match self {
            Self::AddGroupMember { group, members, silent } => {
                let halves = halves(members)?;
                Some(halves.map(|members| Self::AddGroupMember {
                    group: group.clone(),
                    members,
                    silent: *silent,
                }))
            }
            Self::ImportGroupMember { group, members } => {
                let halves = halves(members)?;
                Some(
                    halves.map(|members| Self::ImportGroupMember { group: group.clone(), members }),
                )
            }
            _ => None,
        }
    }
}

/// Mutes of single members (34900) become one of several (34951).
fn joined_mute(one: &Call, other: &Call) -> Option<Call> {
    let (group, members, seconds) = as_mute(one)?;
    let (other_group, more, other_seconds) = as_mute(other)?;
    if (group, seconds) != (other_group, other_seconds) {
        return None;
    }
    let members = united(members, more, limits::MUTE_MEMBERS)?;
    Some(Call::ForbidSendMsg { group: group.clone(), members, seconds })
}

fn as_mute(call: &Call) -> Option<(&crate::chat::GroupId, &[Account], u32)> {
    match call {
        Call::ModifyGroupMemberInfo {
            group,
            member,
            change: MemberChange::MuteSeconds(seconds),
        } => Some((group, std::slice::from_ref(member), *seconds)),
        Call::ForbidSendMsg { group, members, seconds } => Some((group, members, *seconds)),
        _ => None,
    }
}

fn united<T: Clone + PartialEq>(some: &[T], more: &[T], most: usize) -> Option<Vec<T>> {
    let mut all = some.to_vec();
    all.extend(more.iter().filter(|item| !some.contains(item)).cloned());
    (all.len() <= most).then_some(all)
}

fn in_parts<T: Clone>(items: Vec<T>, most: usize, make: impl Fn(Vec<T>) -> Call) -> Vec<Call> {
    if items.len() <= most {
        return vec![make(items)];
    }
    items.chunks(most).map(|part| make(part.to_vec())).collect()
}

fn halves<T: Clone>(items: &[T]) -> Option<[Vec<T>; 2]> {
    (items.len() > 1).then(|| {
        let (first, second) = items.split_at(items.len().div_ceil(2));
        [first.to_vec(), second.to_vec()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::model::ImportedMember;

    fn names(from: usize, to: usize) -> Vec<Account> {
        (from..to).map(|i| Account::from(format!("user{i}"))).collect()
    }

    fn mute(group: &str, member: &str, seconds: u32) -> Call {
        let change = MemberChange::MuteSeconds(seconds);
        Call::ModifyGroupMemberInfo { group: group.into(), member: member.into(), change }
    }

    fn forbid(members: Vec<Account>) -> Call {
        Call::ForbidSendMsg { group: "cats".into(), members, seconds: 60 }
    }

    #[test]
    fn mutes_of_one_group_and_time_become_one_call() {
        let two = mute("cats", "ann", 60).joined(&mute("cats", "bob", 60)).unwrap();
        assert_eq!(two, forbid(vec!["ann".into(), "bob".into()]));
        let three = two.joined(&mute("cats", "cy", 60)).unwrap();
        assert_eq!(three, forbid(vec!["ann".into(), "bob".into(), "cy".into()]));
        assert_eq!(three.joined(&mute("cats", "cy", 60)), Some(three.clone()));
        for other in [mute("dogs", "cy", 60), mute("cats", "cy", 61), mute("cats", "cy", 0)] {
            assert_eq!(two.joined(&other), None, "{other:?}");
        }
        let unmutes = mute("cats", "ann", 0).joined(&mute("cats", "bob", 0));
        assert!(matches!(unmutes, Some(Call::ForbidSendMsg { seconds: 0, .. })));
    }

    #[test]
    fn a_joined_call_takes_no_more_than_chat_does() {
        assert!(forbid(names(0, 499)).joined(&mute("cats", "ann", 60)).is_some());
        assert_eq!(forbid(names(0, 500)).joined(&mute("cats", "ann", 60)), None);
        let remove = |members: Vec<Account>, reason: &str| Call::DeleteGroupMember {
            group: "cats".into(),
            members,
            silent: false,
            reason: reason.to_owned(),
        };
        let all = remove(names(0, 99), "").joined(&remove(names(99, 100), "")).unwrap();
        assert_eq!(all, remove(names(0, 100), ""));
        assert_eq!(all.joined(&remove(names(100, 101), "")), None);
        assert_eq!(remove(names(0, 1), "").joined(&remove(names(1, 2), "spam")), None);
        let ban = |members| Call::BanGroupMember {
            group: "hall".into(),
            members,
            seconds: 60,
            description: String::new(),
        };
        assert_eq!(ban(names(0, 19)).joined(&ban(names(19, 20))), Some(ban(names(0, 20))));
        assert_eq!(ban(names(0, 20)).joined(&ban(names(20, 21))), None);
        let unban = |members| Call::UnbanGroupMember { group: "hall".into(), members };
        assert_eq!(unban(names(0, 1)).joined(&unban(names(1, 2))), Some(unban(names(0, 2))));
        assert_eq!(unban(names(0, 1)).joined(&ban(names(1, 2))), None);
        let recall = |sequences: std::ops::Range<i64>, topic: Option<&str>| Call::GroupMsgRecall {
            group: "cats".into(),
            topic: topic.map(str::to_owned),
            sequences: sequences.collect(),
        };
        assert_eq!(recall(1..10, None).joined(&recall(10..11, None)), Some(recall(1..11, None)));
        assert_eq!(recall(1..11, None).joined(&recall(11..12, None)), None);
        assert_eq!(recall(1..2, None).joined(&recall(2..3, Some("tails"))), None);
    }

    #[test]
    fn where_members_have_no_profile_a_mute_goes_by_the_other_command() {
        assert_eq!(mute("hall", "ann", 60).without_profile().command(), "forbid_send_msg");
        let unban = Call::UnbanGroupMember { group: "hall".into(), members: names(0, 1) };
        assert_eq!(unban.clone().without_profile(), unban);
    }

    #[test]
    fn what_is_different_for_each_is_not_joined() {
        let role = |member: &str| Call::ModifyGroupMemberInfo {
            group: "cats".into(),
            member: member.into(),
            change: MemberChange::NameCard("x".to_owned()),
        };
        assert_eq!(role("ann").joined(&role("bob")), None);
        assert_eq!(role("ann").joined(&mute("cats", "bob", 60)), None);
    }

    #[test]
    fn a_call_over_the_limit_is_split_and_everybody_is_in_one_part() {
        let add = |members| Call::AddGroupMember { group: "cats".into(), members, silent: true };
        let parts = add(names(0, 650)).parts();
        assert_eq!(parts, [add(names(0, 300)), add(names(300, 600)), add(names(600, 650))]);
        assert_eq!(add(names(0, 300)).parts(), [add(names(0, 300))]);
        assert!(parts.iter().all(|part| part.check().is_ok()));
        let tell = |to| Call::SendGroupSystemNotification {
            group: "cats".into(),
            to,
            text: "hello".to_owned(),
        };
        assert_eq!(tell(names(0, 501)).parts(), [tell(names(0, 500)), tell(names(500, 501))]);
        assert_eq!(tell(Vec::new()).parts(), [tell(Vec::new())]);
        let imported =
            |id: Account| ImportedMember { id, admin: false, joined_at: None, unread: None };
        let import = Call::ImportGroupMember {
            group: "cats".into(),
            members: names(0, 301).into_iter().map(imported).collect(),
        };
        let parts = import.parts();
        assert_eq!(parts.iter().map(|part| part.members().len()).collect::<Vec<_>>(), [300, 1]);
    }

    #[test]
    fn a_list_that_chat_finds_too_long_is_halved_down_to_one() {
        let add = |members| Call::AddGroupMember { group: "cats".into(), members, silent: false };
        assert_eq!(add(names(0, 3)).halves(), Some([add(names(0, 2)), add(names(2, 3))]));
        assert_eq!(add(names(0, 1)).halves(), None);
        assert_eq!(mute("cats", "ann", 60).halves(), None);
    }
}
