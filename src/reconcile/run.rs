//! One run: over all groups, or over some. What is left to do stands on a stack, so that a group is read
//! to its end before the next page of groups is asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use super::group::Reading;
use super::mirrored::Listed;
use super::owners::Owned;
use super::progress::{Found, RunStatus, Why};
use crate::chat::{GroupId, limits};
use crate::clock::Timestamp;

/// Calls to Chat at once: most of the rate is left to delivery.
const AT_ONCE: usize = 4;

/// Something to do; one call at most.
pub(super) enum Job {
    /// One page of the list of groups. Everything of the pages before is done.
    List { cursor: i64 },
    /// Groups of the mirror that no page named, behind one.
    Unlisted { behind: Option<GroupId> },
    /// The description of some groups; `only`: nothing else is read of them.
    Ask { groups: Vec<GroupId>, only: bool },
    /// Whether the accounts exist that own some groups.
    Owners { owned: Vec<Owned> },
    /// What else there is to read of a group.
    Read(Box<Reading>),
}

impl Job {
    /// Whether it needs everything before it to be done.
    fn is_alone(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Unlisted { .. })
    }

    /// A question about several groups as two, each about half of them.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let Self::Ask { groups, only } = self else { return None };
        let half = |groups: &[GroupId]| Self::Ask { groups: groups.to_vec(), only: *only };
        let (first, second) = groups.split_at(groups.len() / 2);
        (!first.is_empty()).then(|| [half(first), half(second)])
    }
}

/// A run under way.
pub(super) struct Run {
    pub status: RunStatus,
    /// When the last run over all groups before this one began: what was created after it, is new.
    pub since: Option<Timestamp>,
    /// Members are read, whether that is due or not.
    pub forced: bool,
    /// Groups that the list has named.
    pub listed: Arc<Listed>,
    /// Owners whose accounts exist.
    pub known: Arc<Listed>,
    jobs: VecDeque<Job>,
}

impl Run {
    /// Over all groups, from this page of the list on.
    pub(super) fn over_all(run: u64, why: Why, began: Timestamp, cursor: i64) -> Self {
        let mut this = Self::new(run, why, began);
        this.status.all = true;
        this.push(vec![Job::List { cursor }]);
        this
    }

    /// Over some groups.
    pub(super) fn over(run: u64, why: Why, began: Timestamp, groups: &[GroupId]) -> Self {
        let mut this = Self::new(run, why, began);
        this.status.of = Some(groups.len() as u64);
        this.forced = why == Why::Asked;
        this.push(questions(groups, false));
        this
    }

    fn new(run: u64, why: Why, began: Timestamp) -> Self {
        let status = RunStatus {
            run,
            why,
            all: false,
            began,
            ended: None,
            groups: 0,
            of: None,
            members: 0,
            skipped: 0,
            found: Found::new(),
        };
        let (listed, known, jobs) = (Arc::default(), Arc::default(), VecDeque::new());
        Self { status, since: None, forced: false, listed, known, jobs }
    }

    /// Puts jobs before all others, the first of them first.
    pub(super) fn push(&mut self, jobs: Vec<Job>) {
        jobs.into_iter().rev().for_each(|job| self.jobs.push_front(job));
    }

    /// Takes what can be done beside each other.
    pub(super) fn take(&mut self) -> Vec<Job> {
        if self.jobs.front().is_some_and(Job::is_alone) {
            return self.jobs.pop_front().into_iter().collect();
        }
        let jobs = self.jobs.iter().take(AT_ONCE).take_while(|job| !job.is_alone()).count();
        self.jobs.drain(..jobs).collect()
    }
}

/// The questions about groups, as many in each as Chat takes.
pub(super) fn questions(groups: &[GroupId], only: bool) -> Vec<Job> {
    let pages = groups.chunks(limits::GROUP_INFO_GROUPS);
    pages.map(|groups| Job::Ask { groups: groups.to_vec(), only }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(jobs: &[Job]) -> Vec<String> {
        let one = |job: &Job| match job {
            Job::List { cursor } => format!("list {cursor}"),
            Job::Unlisted { .. } => "unlisted".to_owned(),
            Job::Ask { groups, .. } => format!("ask {}", groups.len()),
            Job::Owners { owned } => format!("owners {}", owned.len()),
            Job::Read(_) => "read".to_owned(),
        };
        jobs.iter().map(one).collect()
    }

    #[test]
    fn the_next_page_waits_until_all_groups_of_this_one_are_done() {
        let mut run = Run::over_all(1, Why::Start, Timestamp(0), 0);
        assert_eq!(told(&run.take()), ["list 0"]);
        let groups: Vec<GroupId> = (0..230).map(|n| GroupId::from(format!("g{n}"))).collect();
        let mut jobs = questions(&groups, false);
        jobs.push(Job::List { cursor: 230 });
        run.push(jobs);
        assert_eq!(told(&run.take()), ["ask 50", "ask 50", "ask 50", "ask 50"]);
        assert_eq!(told(&run.take()), ["ask 30"]);
        assert_eq!(told(&run.take()), ["list 230"]);
        assert_eq!(told(&run.take()), Vec::<String>::new());
    }
}
