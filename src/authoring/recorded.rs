//! Where the journal comes from: a running service, the store of a stopped one, or a file of JSON lines.

mod admin;
mod lines;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use super::check::SourceFile;
use crate::chat::GroupId;
use crate::clock::Timestamp;
use crate::ledger::journal::{self, Filter};
use crate::ledger::survey::{self, GroupSurvey, RuleState};
use crate::ledger::{self, JournalEntry, sanctions};
use crate::store::{self, Store, StoreError};

pub use admin::{Admin, escaped};
use lines::Lines;

/// Entries whose ids may begin with the same digits before that is too little to tell them apart.
const MATCHES: usize = 10;
/// Where the service keeps the last good rules in its store.
const LAST_GOOD: &str = "last good rules";

/// Why a recorded journal cannot be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub String);

impl Trouble {
    /// That URL is none that the service's admin listener could have.
    pub fn no_listener(url: &str) -> Self {
        Self(format!(
            "`{url}` is not the address of an admin listener: write it as http://127.0.0.1:8081"
        ))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self(error.0)
    }
}

/// Opens the store of a service that does not run, as `[store] url` names it.
///
/// # Errors
/// When there is no store, or when a running service has it.
pub fn stopped(url: &str) -> Result<Arc<dyn Store>, Trouble> {
    store::stopped(url)?;
    Ok(store::open(url)?)
}

/// Entries in the order of decision.
pub type Entries<'r> = Box<dyn Iterator<Item = Result<JournalEntry, Trouble>> + 'r>;

/// A recorded journal.
pub struct Recorded(Origin);

enum Origin {
    Service(Admin),
    Store(Arc<dyn Store>),
    Lines(Lines),
}

impl Recorded {
    /// Asks a running service, at its admin listener: `http://127.0.0.1:8081`.
    ///
    /// # Errors
    /// When the address is none. Whether somebody answers shows with the first question.
    pub fn service(url: &str, token: Option<SecretString>) -> Result<Self, Trouble> {
        Admin::new(url, token).map(|admin| Self(Origin::Service(admin.or_its_store())))
    }

    /// Opens the store of a service that does not run, as `[store] url` names it.
    ///
    /// # Errors
    /// When there is no store, or when a running service has it.
    pub fn store(url: &str) -> Result<Self, Trouble> {
        Ok(Self::opened(stopped(url).map_err(|error| match error.0.contains("is held by") {
            true => Trouble(format!(
                "{error}\nA service that runs is asked with --url http://127.0.0.1:8081, its [admin] listen"
            )),
            false => error,
        })?))
    }

    /// Reads a store that is open already.
    pub fn opened(store: Arc<dyn Store>) -> Self {
        Self(Origin::Store(store))
    }

    /// Reads a file of JSON lines: what `/api/v1/journal` answers, or single events. `-` is standard
    /// input.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn lines(path: &Path) -> Result<Self, Trouble> {
        let lines = if path == Path::new("-") {
            Lines::spool(&mut io::stdin().lock())
        } else {
            Lines::open(path)
        };
        lines.map(|lines| Self(Origin::Lines(lines)))
    }

    /// Entries from a time (included) to another (excluded), read as they are taken.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, since: Timestamp, until: Timestamp) -> Result<Entries<'_>, Trouble> {
        Ok(match &self.0 {
            Origin::Service(admin) => Box::new(admin.journal(since, until)?),
            Origin::Store(store) => {
                let entries = journal::entries(&**store, since, until);
                Box::new(entries.map(|entry| entry.map_err(Into::into)))
            }
            Origin::Lines(lines) => {
                let meant = move |entry: &Result<JournalEntry, Trouble>| match entry {
                    Ok(entry) => entry.at >= since && entry.at < until,
                    Err(_) => true,
                };
                Box::new(lines.entries()?.filter(meant))
            }
        })
    }

    /// Entries whose ids begin with these digits: the one, none, or some of several.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(&self, digits: &str) -> Result<Vec<JournalEntry>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.find(digits),
            Origin::Store(store) => Ok(journal::find(&**store, digits, MATCHES)?),
            Origin::Lines(lines) => {
                let meant = |entry: &Result<JournalEntry, Trouble>| match entry {
                    Ok(entry) => entry.id.as_str().starts_with(digits),
                    Err(_) => true,
                };
                lines.entries()?.filter(meant).take(MATCHES).collect()
            }
        }
    }

    /// The newest entry that a filter means.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn newest(&self, filter: &Filter) -> Result<Option<JournalEntry>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.newest(filter),
            Origin::Store(store) => {
                // A stopped store may be of any time.
                let (since, now) = (Timestamp(0), Timestamp(i64::MAX));
                Ok(journal::newest(&**store, filter, since, now, 1)?.into_iter().next())
            }
            Origin::Lines(lines) => {
                let mut newest = None;
                for entry in lines.entries()? {
                    let entry = entry?;
                    if filter.matches(&entry) {
                        newest = Some(entry);
                    }
                }
                Ok(newest)
            }
        }
    }

    /// The rule files of a version, where they are kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rules(&self, version: &str) -> Result<Option<Vec<SourceFile>>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.rules(Some(version)),
            Origin::Store(store) => {
                Ok(journal::rules(&**store, version)?.map(|version| version.files))
            }
            Origin::Lines(_) => Ok(None),
        }
    }

    /// The rule files in force, or that were so last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rules_in_force(&self) -> Result<Option<Vec<SourceFile>>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.rules(None),
            Origin::Store(store) => Ok(ledger::read(&**store, &ledger::setting_key(LAST_GOOD))?),
            Origin::Lines(_) => Ok(None),
        }
    }

    /// The sanctions that stand now, at most so many.
    ///
    /// # Errors
    /// When they cannot be read, or when only events are recorded.
    pub fn sanctions(
        &self,
        wanted: &sanctions::Wanted,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<sanctions::Told>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.sanctions(wanted, most),
            Origin::Store(store) => {
                let found = sanctions::find(&**store, wanted, most)?;
                Ok(found.iter().map(|one| one.told(now)).collect())
            }
            Origin::Lines(_) => Err(Trouble(
                "a journal tells no sanctions: ask the service, or its store with --store"
                    .to_owned(),
            )),
        }
    }

    /// How much state each rule has; `None` where there is no state, only events.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rule_state(&self) -> Result<Option<BTreeMap<String, RuleState>>, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.rule_state().map(Some),
            Origin::Store(store) => Ok(Some(survey::rule_state(&**store)?)),
            Origin::Lines(_) => Ok(None),
        }
    }

    /// What the mirror knows of a group now; nothing where there is no mirror.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn group(&self, group: &GroupId) -> Result<GroupSurvey, Trouble> {
        match &self.0 {
            Origin::Service(admin) => admin.group(group),
            Origin::Store(store) => Ok(survey::group(&**store, group)?),
            Origin::Lines(_) => Ok(GroupSurvey::default()),
        }
    }
}
