//! How far reconciliation is: what survives a restart, and what operators are told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ledger;
use crate::store::{CommitError, Store, StoreError, WriteSet};

/// Where it stands in the store.
const PLACE: &str = "reconcile";

/// Events that were found, by name.
pub type Found = BTreeMap<String, u64>;

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The service has started: nobody knows what was missed meanwhile.
    Start,
    /// The run before the start had not ended.
    Resumed,
    /// `[reconcile] every`.
    Interval,
    /// An operator wants it.
    Asked,
    /// A callback named groups that were never read.
    FirstSight,
    /// Callbacks are missing: numbers of messages left a gap, or callbacks could not be taken.
    Gap,
}

/// What is kept in the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// A run over all groups that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
    /// The last one that has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<RunStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Unfinished {
    pub began: Timestamp,
    /// `Next` of the page of the group list that is being worked on.
    pub cursor: i64,
    /// Groups that lie before that page.
    pub groups: u64,
}

impl Kept {
    pub(super) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(ledger::read(store, &ledger::setting_key(PLACE))?.unwrap_or_default())
    }

    pub(super) async fn write(&self, store: &dyn Store) -> Result<(), CommitError> {
        let writes = vec![(ledger::setting_key(PLACE), Some(ledger::encode(self)?))];
        store.commit(WriteSet { writes, durable: true, ..WriteSet::default() }).await
    }
}

/// One run, as operators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// Counts up since the start.
    pub run: u64,
    pub why: Why,
    /// Whether it is over all groups.
    pub all: bool,
    #[serde(with = "written")]
    pub began: Timestamp,
    #[serde(default, with = "perhaps_written", skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Groups that have been read.
    pub groups: u64,
    /// Groups that there are to read, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Members that lists have named.
    #[serde(default)]
    pub members: u64,
    /// Groups that Chat did not want to tell everything about.
    #[serde(default)]
    pub skipped: u64,
    /// Events that no callback had told of.
    #[serde(default)]
    pub found: Found,
}

/// What reconciliation is doing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// What is being worked on; the first one now, the others after it.
    pub running: Vec<RunStatus>,
    /// What has ended since the start, newest first; the last few.
    pub ended: Vec<RunStatus>,
    /// The last run over all groups that has ended, before the start too.
    pub last_of_all: Option<RunStatus>,
    /// When the next run over all groups is due.
    #[serde(default, with = "perhaps_written")]
    pub next: Option<Timestamp>,
    /// Why it does not go on, in words; `null` when it does.
    pub trouble: Option<String>,
    /// Since the start: groups that were read, and events that were found.
    pub groups: u64,
    pub found: Found,
}

/// Times as people and programs read them, RFC 3339.
mod written {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

mod perhaps_written {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(time),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn what_is_kept_is_read_back_and_times_can_be_read_by_people() {
        let store = MemoryStore::default();
        assert_eq!(Kept::read(&store), Ok(Kept::default()));
        let last = RunStatus {
            run: 3,
            why: Why::Interval,
            all: true,
            began: Timestamp::from_secs(1_767_268_800),
            ended: Some(Timestamp::from_secs(1_767_268_830)),
            groups: 20,
            of: Some(20),
            members: 400,
            skipped: 0,
            found: Found::from([("member.left".to_owned(), 2)]),
        };
        let text = serde_json::to_string(&last).unwrap();
        assert!(text.contains(r#""began":"2026-01-01T12:00:00Z""#), "{text}");
        let unfinished =
            Some(Unfinished { began: Timestamp::from_secs(1_767_270_000), cursor: 7, groups: 500 });
        let kept = Kept { unfinished, last: Some(last) };
        kept.write(&store).await.unwrap();
        assert_eq!(Kept::read(&store), Ok(kept));
    }
}
