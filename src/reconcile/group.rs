//! Reading one group: its members page by page, its owner and admins, its mutes. No page is kept: each
//! is compared and forgotten, and only a hash of whom it named stays until the list has ended.

use std::collections::VecDeque;

use super::Reconciler;
use super::asking::Stop;
use super::mirrored::{self, Listed};
use super::plan::Part;
use super::progress::Found;
use crate::chat::{Account, GroupId, GroupType, Role, limits};
use crate::clock::Timestamp;
use crate::decision::effect::GroupFacts;
use crate::decision::seen::Seen;
use crate::rest::{Call, Page, Reply};

/// A group that is being read.
pub(super) struct Reading {
    pub group: GroupId,
    pub kind: Option<GroupType>,
    /// Members, as Chat counts them.
    count: Option<i64>,
    /// Trouble in a row with this group alone.
    pub tries: u32,
    /// Admins (with owners) and muted members, as the mirror has them.
    admins: Vec<Account>,
    muted: Vec<Account>,
    now: Option<Step>,
    parts: VecDeque<Part>,
}

/// Where a part is; one call each.
enum Step {
    /// A page of members.
    Page {
        staff: bool,
        page: Page,
        pages: u32,
        listed: Listed,
        began: Timestamp,
    },
    /// Those of the mirror whom the list did not name, behind a key.
    Missing {
        listed: Listed,
        began: Timestamp,
        behind: Option<Vec<u8>>,
        present: i64,
    },
    /// Admins and owners of the mirror whom the list of them did not name.
    Demoted {
        accounts: Vec<Account>,
    },
    Muted,
}

/// What one call has told.
#[derive(Default)]
pub(super) struct Told {
    pub members: u64,
    pub found: Found,
}

impl Told {
    fn found(found: Found) -> Self {
        Self { members: 0, found }
    }
}

impl Reading {
    pub(super) fn new(
        facts: &GroupFacts,
        parts: VecDeque<Part>,
        admins: Vec<Account>,
        muted: Vec<Account>,
    ) -> Self {
        let (group, kind, count) = (facts.group.clone(), facts.group_type, facts.member_count);
        Self { group, kind, count, tries: 0, admins, muted, now: None, parts }
    }

    /// Whether everything has been read.
    pub(super) fn is_over(&self) -> bool {
        self.now.is_none() && self.parts.is_empty()
    }

    /// The step to take: the one under way, or the first of the next part.
    fn step(&mut self, now: Timestamp) -> Option<Step> {
        if let Some(step) = self.now.take() {
            return Some(step);
        }
        let part = self.parts.pop_front()?;
        let staff = match part {
            Part::Muted => return Some(Step::Muted),
            Part::Staff => true,
            Part::Members => false,
        };
        let community = self.kind == Some(GroupType::Community);
        let page = if community { Page::Next(String::new()) } else { Page::Offset(0) };
        Some(Step::Page { staff, page, pages: 0, listed: Listed::default(), began: now })
    }
}

impl Reconciler {
    /// Makes the next call about a group. What could not be asked is asked again.
    pub(super) async fn read(&self, reading: &mut Reading) -> Result<Told, Stop> {
        let Some(step) = reading.step(self.clock.now()) else { return Ok(Told::default()) };
        match step {
            Step::Page { .. } => self.page(reading, step).await,
            Step::Missing { .. } => self.missing(reading, step).await,
            Step::Demoted { accounts } => {
                let told = self.roles(reading, &accounts, "admins").await;
                if told.is_err() {
                    reading.now = Some(Step::Demoted { accounts });
                }
                told.map(|(_, found)| Told::found(found))
            }
            Step::Muted => {
                let told = self.muted(reading).await;
                if told.is_err() {
                    reading.now = Some(Step::Muted);
                }
                told.map(Told::found)
            }
        }
    }

    /// One page of members (34948).
    async fn page(&self, reading: &mut Reading, step: Step) -> Result<Told, Stop> {
        let Step::Page { staff, page, pages, mut listed, began } = step else {
            return Ok(Told::default());
        };
        let roles = if staff { vec![Role::Owner, Role::Admin] } else { Vec::new() };
        let call =
            Call::GetGroupMemberInfo { group: reading.group.clone(), page: page.clone(), roles };
        let asked = self.clock.now();
        let told = match self.ask(&call).await {
            Ok(Reply::Members { members, next, .. }) => {
                members.iter().for_each(|member| listed.insert(member.account.as_str()));
                // Chat counts all members where it lists a few: a page that is not full is the last.
                let full = members.len() >= limits::MEMBER_PAGE;
                let next = next.filter(|next| full || matches!(next, Page::Next(_)));
                let (count, what) = (members.len() as u64, format!("members {pages} {staff}"));
                let seen = Seen::Members { members };
                let found = self.tell(reading, seen, asked, &what).await;
                found.map(|found| (next, Told { members: count, found }))
            }
            Ok(_) => Err(Stop::unexpected(&call)),
            Err(stop) => Err(stop),
        };
        match told {
            Ok((next, told)) => {
                reading.now = self.behind_page(reading, staff, next, pages, listed, began);
                Ok(told)
            }
            Err(stop) => {
                reading.now = Some(Step::Page { staff, page, pages, listed, began });
                Err(stop)
            }
        }
    }

    /// What follows a page: the next one, or a look for those whom none has named.
    fn behind_page(
        &self,
        reading: &Reading,
        staff: bool,
        next: Option<Page>,
        pages: u32,
        listed: Listed,
        began: Timestamp,
    ) -> Option<Step> {
        if let Some(page) = next {
            return Some(Step::Page { staff, page, pages: pages + 1, listed, began });
        }
        if !staff {
            return Some(Step::Missing { listed, began, behind: None, present: 0 });
        }
        let demoted = reading.admins.iter().filter(|admin| !listed.contains(admin.as_str()));
        let accounts: Vec<Account> = demoted.take(limits::ROLE_ACCOUNTS).cloned().collect();
        (!accounts.is_empty()).then_some(Step::Demoted { accounts })
    }

    /// Members of the mirror whom the list did not name: they may have left, or a page was shifted by
    /// somebody who did. Chat is asked what they are before anybody is told.
    async fn missing(&self, reading: &mut Reading, step: Step) -> Result<Told, Stop> {
        let Step::Missing { listed, began, behind, present } = step else {
            return Ok(Told::default());
        };
        let (store, group) = (&*self.store, &reading.group);
        let now = self.clock.now();
        let asked = match mirrored::missing(store, group, &listed, began, now, behind.clone()).await
        {
            Err(error) => Err(Stop::from(error)),
            Ok(missing) if missing.accounts.is_empty() => Ok((missing, 0, Found::new())),
            Ok(missing) => {
                let what = format!("missing {}", missing.accounts[0]);
                let asked = self.roles(reading, &missing.accounts, &what).await;
                asked.map(|(inside, found)| (missing, inside, found))
            }
        };
        let (missing, inside, found) = match asked {
            Ok(asked) => asked,
            Err(stop) => {
                reading.now = Some(Step::Missing { listed, began, behind, present });
                return Err(stop);
            }
        };
        let present = present + missing.present + inside;
        if missing.behind.is_some() {
            reading.now = Some(Step::Missing { listed, began, behind: missing.behind, present });
            return Ok(Told::found(found));
        }
        let difference = reading.count.map_or(0, |count| count.saturating_sub(present));
        self.tell(reading, Seen::Complete { difference }, began, "complete").await?;
        Ok(Told::found(found))
    }

    /// What some members are (34963); says how many are in the group.
    async fn roles(
        &self,
        reading: &Reading,
        accounts: &[Account],
        what: &str,
    ) -> Result<(i64, Found), Stop> {
        let call =
            Call::GetRoleInGroup { group: reading.group.clone(), accounts: accounts.to_vec() };
        let asked = self.clock.now();
        let Reply::Roles(roles) = self.ask(&call).await? else {
            return Err(Stop::unexpected(&call));
        };
        let inside = roles.iter().filter(|(_, role)| *role != Role::Outside).count();
        let found = self.tell(reading, Seen::Roles { roles }, asked, what).await?;
        Ok((i64::try_from(inside).unwrap_or(i64::MAX), found))
    }

    /// Who is muted (34964).
    async fn muted(&self, reading: &Reading) -> Result<Found, Stop> {
        let call = Call::GetGroupMutedAccount { group: reading.group.clone() };
        let asked = self.clock.now();
        let Reply::Muted(muted) = self.ask(&call).await? else {
            return Err(Stop::unexpected(&call));
        };
        let ours = reading.muted.clone();
        self.tell(reading, Seen::Muted { ours, muted }, asked, "muted").await
    }
}
