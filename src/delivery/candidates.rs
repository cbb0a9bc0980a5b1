//! Who may succeed an owner: the group and its members, of a very large one only those who matter.

use std::cmp::Reverse;

use super::Delivery;
use super::carry::{Asking, NoReply};
use crate::chat::{Ability, Account, GroupId, GroupType, Role};
use crate::clock::Timestamp;
use crate::decision::effect::{Answer, MemberFacts};

/// Of those who have been there longest, and of those who have spoken last, so many are kept: a Community has up
/// to a million members (33529), and what a rule passes over is told one by one.
const MOST: usize = 3_000;

/// Which members are read.
pub(super) enum Wanted<'w> {
    These(&'w [Account]),
    /// Whoever may be chosen; these are kept whatever they are.
    Candidates(Vec<&'w Account>),
}

impl Wanted<'_> {
    /// Takes over what is wanted of a page; says whether nothing more is.
    pub(super) fn take(&self, members: &mut Vec<MemberFacts>, page: Vec<MemberFacts>) -> bool {
        match self {
            Self::These(named) => {
                members.extend(page.into_iter().filter(|one| named.contains(&one.account)));
                members.len() >= named.len()
            }
            Self::Candidates(_) => {
                members.extend(page);
                // Now and then, so that it is not done for every page.
                if members.len() > 4 * MOST {
                    self.cut(members);
                }
                false
            }
        }
    }

    /// Leaves those out who cannot be the first of anybody's choice while thousands stand before them.
    pub(super) fn cut(&self, members: &mut Vec<MemberFacts>) {
        let Self::Candidates(named) = self else { return };
        if members.len() <= 2 * MOST {
            return;
        }
        let stays = |one: &MemberFacts| one.role != Role::Member || named.contains(&&one.account);
        let (mut kept, mut others): (Vec<_>, Vec<_>) =
            std::mem::take(members).into_iter().partition(stays);
        let longest = |one: &MemberFacts| one.joined_at.unwrap_or(Timestamp(i64::MAX));
        others.sort_by(|a, b| (longest(a), &a.account).cmp(&(longest(b), &b.account)));
        let mut rest = others.split_off(MOST.min(others.len()));
        rest.sort_by_key(|one| Reverse(one.last_message_at));
        rest.truncate(MOST);
        kept.extend(others);
        kept.extend(rest);
        *members = kept;
    }
}

impl Delivery {
    /// The group, then its members.
    pub(super) async fn candidates(
        &self,
        asking: &Asking<'_>,
        group: &GroupId,
        named: &[Account],
    ) -> Result<Answer, NoReply> {
        let facts = self.group(asking, group).await?;
        let kind = facts.group_type.unwrap_or(GroupType::Unknown);
        // Where the owner stays for good, nobody is asked for: of an AVChatRoom Chat would not even tell.
        if !facts.exists || !kind.supports(Ability::TransferOwner) {
            return Ok(Answer::Candidates { group: facts, members: Vec::new() });
        }
        let wanted = Wanted::Candidates(named.iter().chain(&facts.owner).collect());
        let members = self.members(asking, group, kind, &wanted).await?;
        Ok(Answer::Candidates { group: facts, members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: i64) -> MemberFacts {
        MemberFacts {
            account: format!("user{number}").into(),
            role: if number == 77_777 { Role::Admin } else { Role::Member },
            joined_at: Some(Timestamp(number)),
            name_card: String::new(),
            muted_until: None,
            last_message_at: (number % 2 == 0).then_some(Timestamp(number)),
        }
    }

    fn numbers(members: &[MemberFacts]) -> Vec<i64> {
        let mut numbers: Vec<_> =
            members.iter().filter_map(|one| one.joined_at.map(|time| time.0)).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn of_very_many_those_stay_who_came_first_who_spoke_last_admins_and_who_is_named() {
        let named = Account::from("user50000");
        let wanted = Wanted::Candidates(vec![&named]);
        let mut members = Vec::new();
        for page in 0..1_000 {
            assert!(
                !wanted.take(&mut members, (page * 100..page * 100 + 100).map(member).collect())
            );
            assert!(members.len() <= 4 * MOST);
        }
        wanted.cut(&mut members);
        let most = i64::try_from(MOST).unwrap();
        let mut expected: Vec<_> = (0..most).chain([50_000, 77_777]).collect();
        expected.extend((100_000 - 2 * most..100_000).filter(|number| number % 2 == 0));
        assert_eq!(numbers(&members), expected);
    }

    #[test]
    fn of_some_thousand_all_stay() {
        let wanted = Wanted::Candidates(Vec::new());
        let mut members = Vec::new();
        wanted.take(&mut members, (0..6_000).map(member).collect());
        wanted.cut(&mut members);
        assert_eq!(members.len(), 6_000);
    }

    #[test]
    fn those_who_are_named_are_all_that_is_read() {
        let named = [Account::from("user3"), "user7".into()];
        let wanted = Wanted::These(&named);
        let mut members = Vec::new();
        assert!(!wanted.take(&mut members, (0..5).map(member).collect()));
        assert!(wanted.take(&mut members, (5..9).map(member).collect()));
        assert_eq!(numbers(&members), [3, 7]);
    }
}
