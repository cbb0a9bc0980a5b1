//! Working on a run: pages of groups, their descriptions, and what is read of each.

use std::sync::Arc;

use super::Reconciler;
use super::asking::Stop;
use super::group::{Reading, Told};
use super::mirrored::{self, Listed};
use super::plan::{self, Known};
use super::progress::Found;
use super::run::{Job, questions};
use crate::chat::{Account, GroupId, GroupType};
use crate::clock::Timestamp;
use crate::decision::event::Cause;
use crate::decision::seen::Seen;
use crate::decision::{Event, EventId};
use crate::ledger;
use crate::pipeline::Extra;
use crate::rest::reply::GroupItem;
use crate::rest::{AppRead, Call, Reply};

/// Groups of one page of the list. One call a second is allowed for it, and a restart begins with the
/// page again.
const LIST_PAGE: u32 = 500;

/// What a job has come to.
#[derive(Default)]
pub(super) struct Done {
    /// What is to be done next, before everything else.
    pub jobs: Vec<Job>,
    /// Groups that the list has named.
    pub listed: Vec<GroupId>,
    /// Owners whose accounts exist.
    pub known: Vec<Account>,
    /// How many groups there are in all.
    pub total: Option<u64>,
    /// Groups that have been read to their end.
    pub groups: u64,
    /// Members that were listed.
    pub members: u64,
    pub skipped: u64,
    pub found: Found,
}

impl Done {
    pub(super) fn add(&mut self, found: Found) {
        for (name, count) in found {
            *self.found.entry(name).or_default() += count;
        }
    }
}

/// What a run says to its jobs.
pub(super) struct Terms {
    pub since: Option<Timestamp>,
    pub forced: bool,
    /// Groups that the list has named.
    pub listed: Arc<Listed>,
    /// Owners whose accounts exist.
    pub known: Arc<Listed>,
}

impl Reconciler {
    /// Does one job; what cannot be done now is given back with the reason.
    pub(super) async fn work(&self, job: Job, terms: &Terms) -> Result<Done, (Job, Stop)> {
        match job {
            Job::List { cursor } => {
                self.list(cursor).await.map_err(|stop| (Job::List { cursor }, stop))
            }
            Job::Unlisted { behind } => {
                let next = self.unlisted(&terms.listed, behind.as_ref());
                next.map_err(|stop| (Job::Unlisted { behind }, stop))
            }
            Job::Ask { groups, only } => match self.describe(&groups, only, terms).await {
                Ok(done) => Ok(done),
                Err(stop) => Err((Job::Ask { groups, only }, stop)),
            },
            Job::Owners { owned } => match self.owners(&owned, &terms.known).await {
                Ok(done) => Ok(done),
                Err(stop) => Err((Job::Owners { owned }, stop)),
            },
            Job::Read(mut reading) => match self.read(&mut reading).await {
                Ok(told) => Ok(Self::read_on(reading, told)),
                Err(stop) => Err((Job::Read(reading), stop)),
            },
        }
    }

    fn read_on(reading: Box<Reading>, told: Told) -> Done {
        let Told { members, found } = told;
        let over = reading.is_over();
        let jobs = if over { Vec::new() } else { vec![Job::Read(reading)] };
        Done { jobs, groups: u64::from(over), members, found, ..Done::default() }
    }

    /// One page of the list of groups (34960).
    async fn list(&self, cursor: i64) -> Result<Done, Stop> {
        let call = Call::App(AppRead::Groups { kind: None, limit: LIST_PAGE, next: cursor });
        let Reply::GroupIds { total, groups, next } = self.ask(&call).await? else {
            return Err(Stop::unexpected(&call));
        };
        let wanted = |group: &&GroupId| self.settings.groups.matches(group.as_str());
        let chosen: Vec<GroupId> = groups.iter().filter(wanted).cloned().collect();
        let mut jobs = questions(&chosen, false);
        jobs.push(match next {
            Some(cursor) => Job::List { cursor },
            None => Job::Unlisted { behind: None },
        });
        let total = total.and_then(|total| u64::try_from(total).ok());
        Ok(Done { jobs, listed: groups, total, ..Done::default() })
    }

    /// Groups that the mirror has and the list does not: whether they are gone, Chat is asked of each.
    fn unlisted(&self, listed: &Listed, behind: Option<&GroupId>) -> Result<Done, Stop> {
        let (groups, last) = mirrored::unlisted(&*self.store, listed, behind, self.clock.now())?;
        let wanted = |group: &&GroupId| self.settings.groups.matches(group.as_str());
        let groups: Vec<GroupId> = groups.iter().filter(wanted).cloned().collect();
        let mut jobs = questions(&groups, true);
        jobs.extend(last.map(|last| Job::Unlisted { behind: Some(last) }));
        Ok(Done { jobs, ..Done::default() })
    }

    /// What some groups are (34961), and what else is to be read of them.
    async fn describe(&self, groups: &[GroupId], only: bool, terms: &Terms) -> Result<Done, Stop> {
        let began = self.clock.now();
        let call = Call::GetGroupInfo { groups: groups.to_vec() };
        let Reply::Groups(items) = self.ask(&call).await? else {
            return Err(Stop::unexpected(&call));
        };
        let mut done = Done::default();
        let owned = if only { Vec::new() } else { self.owned(&items) };
        for item in items {
            match self.described(item, terms, began).await? {
                None => {}
                Some((Some(reading), found)) if !only => {
                    done.jobs.push(Job::Read(Box::new(reading)));
                    done.add(found);
                }
                Some((_, found)) => {
                    done.groups += u64::from(!only);
                    done.add(found);
                }
            }
        }
        let told = done.groups + done.jobs.len() as u64;
        if !only {
            done.skipped = (groups.len() as u64).saturating_sub(told);
        }
        if !owned.is_empty() {
            done.jobs.push(Job::Owners { owned });
        }
        Ok(done)
    }

    /// Compares one group, and says what is left to read of it; `None` when it is left alone.
    async fn described(
        &self,
        item: GroupItem,
        terms: &Terms,
        began: Timestamp,
    ) -> Result<Option<(Option<Reading>, Found)>, Stop> {
        let GroupItem { group, error, facts } = item;
        if let Some((code, words)) = error.filter(|_| facts.exists) {
            tracing::warn!(%group, code, "Chat does not describe a group: {words}");
            return Ok(None);
        }
        let store = &*self.store;
        let record = ledger::group_record(store, &group)?;
        if !facts.exists && record.is_none() {
            // Somebody has named it, or it went between the list and this.
            tracing::info!(%group, "Chat knows no such group, and no callback has told of one");
            return Ok(None);
        }
        let read = record.as_ref().is_some_and(|record| record.members.is_some());
        let mirrored =
            if read { mirrored::of(store, &group).await? } else { mirrored::Mirrored::default() };
        let muted = mirrored::muted(store, &group)?;
        let known = Known {
            record: record.as_ref(),
            mirrored: &mirrored,
            muted: &muted,
            now: began,
            every: self.settings.members,
            forced: terms.forced,
        };
        let parts = plan::parts(&facts, &known);
        let reading = Reading::new(&facts, parts, mirrored.admins, muted);
        let seen = Seen::Group { facts, since: terms.since };
        let found = self.tell(&reading, seen, began, "group").await?;
        Ok(Some(((!reading.is_over()).then_some(reading), found)))
    }

    /// Brings a piece of reading in where all events come in; says what it has found.
    pub(super) async fn tell(
        &self,
        reading: &Reading,
        seen: Seen,
        began: Timestamp,
        what: &str,
    ) -> Result<Found, Stop> {
        self.tell_of((&reading.group, reading.kind), seen, began, what).await
    }

    /// The same, of a group that is not being read.
    pub(super) async fn tell_of(
        &self,
        (group, kind): (&GroupId, Option<GroupType>),
        seen: Seen,
        began: Timestamp,
        what: &str,
    ) -> Result<Found, Stop> {
        let began_at = began.0.to_be_bytes();
        let id =
            EventId::of(&[b"reconcile", group.as_str().as_bytes(), &began_at, what.as_bytes()]);
        let mut event = Event::new(id.clone(), Cause::Seen(Box::new(seen)), began, "reconcile");
        event.group = Some(group.clone());
        event.group_type = kind;
        self.pipeline.process(event, Extra::default()).await?;
        Ok(self.watcher.found_by(&id))
    }
}
