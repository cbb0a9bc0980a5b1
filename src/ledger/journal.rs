//! Reading the journal: by id, by time, newest first; and the rules that its entries refer to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    JournalEntry, Kind, after, decode, index_key, index_range, journal_range, prefix, rules_key,
    time_of,
};
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::RuleTrace;
use crate::rule::Rule;
use crate::rule::model::Mode;
use crate::store::{Entry, Store, StoreError};

/// Entries that are read at once, so that memory stays bounded.
pub const PAGE: usize = 256;
/// The first stretch of time that is looked through, going back from the newest entry.
const FIRST_STRETCH: i64 = 60_000;
/// A gap as long as this is none between entries that come now and then.
const LONG_GAP: Duration = Duration::from_secs(86_400);

/// A version of the rules, kept as long as an entry refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesVersion {
    /// The last day (since 1970) on which it decided something that was journaled.
    pub last_used: i64,
    /// File names and contents, in order.
    pub files: Vec<(String, String)>,
}

/// The rules of a version, if the journal still refers to them.
///
/// # Errors
/// When the store cannot be read.
pub fn rules(store: &dyn Store, version: &str) -> Result<Option<RulesVersion>, StoreError> {
    super::read(store, &rules_key(version))
}

/// Which entries are meant; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub group: Option<GroupId>,
    pub member: Option<Account>,
    /// A rule that looked at the event.
    pub rule: Option<String>,
    /// That rule as it is now: entries do not name those that were passed over because many listen.
    pub listens: Option<Arc<Rule>>,
    /// The event's name.
    pub event: Option<String>,
    /// Only what Chat or a schedule brought, and what that gave rise to: no timers, nothing about what
    /// became of effects.
    pub happened: bool,
    /// Only where a rule (that one, if one is named) acted.
    pub acted: bool,
}

impl Filter {
    /// Whether an entry is meant.
    pub fn matches(&self, entry: &JournalEntry) -> bool {
        let named = |trace: &&RuleTrace| {
            self.rule.as_ref().is_none_or(|rule| trace.rule.as_str() == rule)
                && (!self.acted || trace.why.acted())
        };
        let derived = |name: &String| {
            entry.event == *name || entry.trace.rules.iter().any(|trace| trace.event == *name)
        };
        (self.group.is_none() || self.group == entry.group)
            && self.member.as_ref().is_none_or(|member| entry.is_about(member))
            && ((self.rule.is_none() && !self.acted)
                || entry.trace.rules.iter().any(|t| named(&t))
                || (!self.acted && self.was_passed_over(entry)))
            && self.event.as_ref().is_none_or(derived)
            && (!self.happened || entry.happened())
    }

    fn was_passed_over(&self, entry: &JournalEntry) -> bool {
        let (Some(rule), Some(event)) = (&self.listens, &entry.body) else { return false };
        let (group, known) = (event.group.as_ref(), entry.known.group.as_ref());
        let group_type = event.group_type.or(known.and_then(|known| known.group_type));
        entry.trace.passed_over
            && rule.mode != Mode::Off
            && event.kind().is_some_and(|kind| rule.trigger.is_on(kind))
            && group.is_none_or(|group| rule.scope.selects(group, group_type))
    }
}

/// One page of the range `from..to` of keys, and where the next one begins (`None`: there is none).
///
/// # Errors
/// When the store cannot be read, or an entry in it.
pub fn page(
    store: &dyn Store,
    from: &[u8],
    to: &[u8],
) -> Result<(Vec<JournalEntry>, Option<Vec<u8>>), StoreError> {
    let page = store.scan(from, to, PAGE)?;
    let next = page.last().filter(|_| page.len() == PAGE).map(|(key, _)| after(key));
    let entries = page.iter().map(|(key, bytes)| decode(key, bytes)).collect::<Result<_, _>>()?;
    Ok((entries, next))
}

/// Entries in the order of decision, a page at a time.
pub struct Entries<'s> {
    store: &'s dyn Store,
    page: VecDeque<JournalEntry>,
    /// Where the next page begins; `None` behind the last.
    from: Option<Vec<u8>>,
    to: Vec<u8>,
}

/// The entries from a time (included) to another (excluded).
pub fn entries(store: &dyn Store, since: Timestamp, until: Timestamp) -> Entries<'_> {
    let (from, to) = journal_range(since, until);
    Entries { store, page: VecDeque::new(), from: Some(from), to }
}

impl Iterator for Entries<'_> {
    type Item = Result<JournalEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() {
            let from = self.from.take()?;
            match page(self.store, &from, &self.to) {
                Ok((entries, next)) => (self.page, self.from) = (entries.into(), next),
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front().map(Ok)
    }
}

/// Entries whose ids begin with these digits, at most so many.
///
/// # Errors
/// When the store cannot be read, or an entry in it.
pub fn find(
    store: &dyn Store,
    digits: &str,
    limit: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let places: Vec<Entry> = match store.get(&index_key(digits))? {
        // The whole id: that it begins others as well is not possible, they are all of one length.
        Some(place) => vec![(Vec::new(), place)],
        None => {
            let (from, to) = index_range(digits);
            store.scan(&from, &to, limit)?
        }
    };
    let mut found = Vec::with_capacity(places.len());
    for (_, place) in places {
        // Retention may have come between.
        found.extend(super::read(store, &place)?);
    }
    Ok(found)
}

/// The newest entries that a filter means, newest first. What a clock that was ahead has stamped with a time
/// to come, seen from `now`, is told behind all others.
///
/// # Errors
/// When the store cannot be read, or an entry in it.
pub fn newest(
    store: &dyn Store,
    filter: &Filter,
    since: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let (first, to) = prefix(Kind::Journal);
    let Some(first) = store.keys(&first, &to, 1)?.first().and_then(|key| time_of(key)) else {
        return Ok(Vec::new());
    };
    let (begin, ahead) = (first.max(since), Timestamp(now.0.saturating_add(1)));
    let mut found = newest_between(store, filter, (begin, ahead), limit)?;
    if found.len() < limit {
        let (to_come, end) = (begin.max(ahead), Timestamp(i64::MAX));
        found.extend(newest_between(store, filter, (to_come, end), limit - found.len())?);
    }
    Ok(found)
}

/// The same, from a time (included) to another (excluded).
fn newest_between(
    store: &dyn Store,
    filter: &Filter,
    (begin, end): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut found: Vec<JournalEntry> = Vec::new();
    let (mut until, mut stretch) = (end, 0);
    // A store scans forwards only: stretches that grow lead back from the newest entry.
    while until > begin && found.len() < limit {
        let from = Timestamp(until.0.saturating_sub(stretch)).max(begin);
        let (mut some, mut read) = (VecDeque::new(), false);
        for entry in entries(store, from, until) {
            let entry = entry?;
            read = true;
            if filter.matches(&entry) {
                if some.len() == limit - found.len() {
                    some.pop_front();
                }
                some.push_back(entry);
            }
        }
        found.extend(some.into_iter().rev());
        (until, stretch) = (from, stretch.saturating_mul(4));
        if !read {
            // Over a gap. Behind a long one may lie a whole journal; a thin one has many.
            let Some(last) = last_between(store, begin, from)? else { break };
            let thin = from.since(last) < LONG_GAP;
            until = Timestamp(last.0.saturating_add(1));
            stretch = if thin { stretch.max(FIRST_STRETCH) } else { FIRST_STRETCH };
        }
    }
    Ok(found)
}

/// The time of the last entry from a time (included) to another (excluded).
fn last_between(
    store: &dyn Store,
    begin: Timestamp,
    end: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let first_from = |from: Timestamp| {
        let (from, to) = journal_range(from, end);
        Ok(store.keys(&from, &to, 1)?.first().and_then(|key| time_of(key)))
    };
    let Some(mut last) = first_from(begin)? else { return Ok(None) };
    // Halving the time that is left finds it in some forty looks.
    let mut beyond = end.0;
    while beyond.saturating_sub(last.0) > 1 {
        let middle = Timestamp(last.0 + (beyond - last.0) / 2);
        match first_from(middle)? {
            Some(time) => last = time,
            None => beyond = middle.0,
        }
    }
    Ok(Some(last))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::decision::event::{Cause, Event, Timer};
    use crate::decision::{EventId, Trace, Verdict};
    use crate::ledger::{Known, encode, journal_key};
    use crate::rule::EventKind;
    use crate::store::{Commit, MemoryStore, WriteSet};

    const NOW: Timestamp = Timestamp(1_767_268_800_000 + 365 * 86_400_000);

    /// Counts the entries that are read.
    struct Counted(MemoryStore, AtomicUsize);

    impl Store for Counted {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key)
        }

        fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
            let page = self.0.scan(from, to, limit)?;
            self.1.fetch_add(page.len(), Ordering::Relaxed);
            Ok(page)
        }

        fn commit(&self, changes: WriteSet) -> Commit {
            self.0.commit(changes)
        }

        fn health(&self) -> Result<(), StoreError> {
            self.0.health()
        }

        fn size_on_disk(&self) -> u64 {
            0
        }
    }

    fn entry(number: i64, at: i64) -> JournalEntry {
        JournalEntry {
            id: EventId::of(&[&number.to_be_bytes()]),
            at: Timestamp(at),
            event: if number % 2 == 0 { "message.sent" } else { "settled" }.to_owned(),
            group: Some(if number % 3 == 0 { "@TGS#cats" } else { "@TGS#dogs" }.into()),
            member: None,
            rules: "v".to_owned(),
            verdict: Verdict::Allow,
            effects: Vec::new(),
            timers: Vec::new(),
            trace: Trace::default(),
            outcome: None,
            known: Known::default(),
            body: None,
        }
    }

    async fn store(times: impl Iterator<Item = i64>) -> MemoryStore {
        let store = MemoryStore::default();
        let mut set = WriteSet::default();
        for (number, at) in times.enumerate() {
            let entry = entry(i64::try_from(number).unwrap(), at);
            let key = journal_key(entry.at, number as u64, &entry.id);
            set.writes.push((index_key(entry.id.as_str()), Some(key.clone())));
            set.writes.push((key, Some(encode(&entry).unwrap())));
        }
        store.commit(set).await.unwrap();
        store
    }

    #[test]
    fn what_goes_on_with_an_event_about_a_member_is_about_them_too() {
        let event = |cause| Event::new(EventId::of(&[b"said"]), cause, Timestamp(1), "said");
        let mut said = event(Cause::Kind(EventKind::MessageSent));
        said.member = Some("ann".into());
        let over = Timer::WaitOver {
            rule: "quiet".into(),
            key: "ann".to_owned(),
            wait: EventId::of(&[b"wait"]),
            event: Box::new(said),
            count: None,
        };
        let entry = JournalEntry { body: Some(event(Cause::Timer(over))), ..entry(1, 1) };
        let about = |member: &str| Filter { member: Some(member.into()), ..Filter::default() };
        assert!(about("ann").matches(&entry));
        assert!(!about("ben").matches(&entry));
    }

    #[tokio::test]
    async fn the_newest_come_first_however_far_apart_they_are() {
        let times = (0..600).map(|n| 1_767_268_800_000 + n * n * 997);
        let store = store(times.clone()).await;
        let all: Vec<i64> = times.rev().collect();
        let told = |filter: &Filter, since, limit| -> Vec<i64> {
            let found = newest(&store, filter, Timestamp(since), NOW, limit).unwrap();
            found.into_iter().map(|entry| entry.at.0).collect()
        };
        assert_eq!(told(&Filter::default(), 0, 5), all[..5]);
        assert_eq!(told(&Filter::default(), 0, 9_999), all);
        assert_eq!(told(&Filter::default(), all[2], 9_999), all[..3]);
        let cats = Filter { group: Some("@TGS#cats".into()), happened: true, ..Filter::default() };
        // Every sixth is a message in that group; the last of them is number 594.
        assert_eq!(told(&cats, 0, 2), [all[5], all[11]]);
    }

    #[tokio::test]
    async fn what_a_clock_that_was_ahead_has_stamped_is_told_last_and_has_nothing_read_for_it() {
        // A week of an entry a minute, and a minute of next year.
        let week = (0..10_080).map(|n| NOW.0 - n * 60_000);
        let ahead = (0..3).map(|n| NOW.0 + 365 * 86_400_000 + n * 1_000);
        let store = Counted(store(week.clone().chain(ahead.clone())).await, AtomicUsize::new(0));
        let told = |now, limit| -> Vec<i64> {
            let found = newest(&store, &Filter::default(), Timestamp(0), now, limit).unwrap();
            found.into_iter().map(|entry| entry.at.0).collect()
        };
        assert_eq!(told(NOW, 5), week.clone().take(5).collect::<Vec<_>>());
        // Each look for what lies beyond a gap reads one.
        let read = store.1.swap(0, Ordering::Relaxed);
        assert!(read < 200, "{read}");
        let (last, all) = (ahead.rev().collect::<Vec<_>>(), told(NOW, 20_000));
        assert_eq!((&all[..10_080], &all[10_080..]), (&week.collect::<Vec<_>>()[..], &last[..]));
        // While it was ahead, and where nobody knows what time it is.
        store.1.store(0, Ordering::Relaxed);
        for now in [NOW + Duration::from_secs(366 * 86_400), Timestamp(i64::MAX)] {
            assert_eq!(told(now, 5)[..4], [last[0], last[1], last[2], NOW.0]);
        }
        let read = store.1.load(Ordering::Relaxed);
        assert!(read < 400, "{read}");
    }

    #[tokio::test]
    async fn an_event_is_found_by_its_id_and_by_how_that_begins() {
        let store = store(0..10).await;
        let wanted = entry(7, 7);
        assert_eq!(find(&store, wanted.id.as_str(), 10), Ok(vec![wanted.clone()]));
        assert_eq!(find(&store, &wanted.id.as_str()[..8], 10), Ok(vec![wanted]));
        assert_eq!(find(&store, "", 99).unwrap().len(), 10);
        assert_eq!(find(&store, "zz", 99), Ok(Vec::new()));
    }

    #[tokio::test]
    async fn entries_of_a_time_are_read_page_by_page_in_the_order_of_decision() {
        let store = store((0..600).map(|n| n / 2)).await;
        let read: Vec<i64> = entries(&store, Timestamp(10), Timestamp(299))
            .map(|entry| entry.unwrap().at.0)
            .collect();
        assert_eq!(read, (20..598).map(|n| n / 2).collect::<Vec<_>>());
    }
}
