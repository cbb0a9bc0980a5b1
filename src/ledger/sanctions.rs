//! The sanctions that stand in the store: found by group, member and kind, and told for people.

use serde::{Deserialize, Serialize};

use super::{Kind, after, decode, prefix, sanctions_of, texts_of};
use crate::chat::{Account, GroupId};
use crate::clock::Timestamp;
use crate::decision::StateValue;
use crate::decision::state::{Sanction, SanctionKind};
use crate::rule::duration;
use crate::store::{Entry, Store, StoreError};

const PAGE: usize = 1_000;
/// Sanctions that [`Late`] looks at in one go: some tenths of a second.
const STRETCH: usize = 50_000;

/// Which sanctions are meant; what is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub group: Option<GroupId>,
    /// [`Account::everybody`] for the mutes of whole groups.
    pub member: Option<Account>,
    pub kind: Option<SanctionKind>,
    /// Only those that should have ended a while before this time.
    pub late_at: Option<Timestamp>,
    /// Those behind this [`Standing::place`].
    pub after: Option<String>,
}

/// A sanction, and whom it restrains.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub group: GroupId,
    pub member: Account,
    pub kind: SanctionKind,
    pub sanction: Sanction,
    key: Vec<u8>,
}

/// A sanction as the API and `groupkeeper sanctions` tell it; times in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub id: String,
    pub group: GroupId,
    /// `*` for everybody in the group.
    pub member: Account,
    pub kind: SanctionKind,
    pub from: String,
    /// Absent: it has no end.
    pub until: Option<String>,
    /// How long it goes on, or how late its end is.
    pub left: Option<String>,
    /// `wanted`, `in force`, `away`, `ending` or `late`.
    pub state: String,
    /// The end that Chat was told, where it takes no later one; it is renewed before that.
    pub chat_until: Option<String>,
    /// How often its end was refused or given up.
    pub tries: u32,
    pub reason: String,
    pub rule: String,
    pub event: String,
    pub ending: bool,
    /// Where a list goes on: `?after=`.
    pub place: String,
}

impl Standing {
    fn read(entry: &Entry) -> Result<Option<Self>, StoreError> {
        let (key, bytes) = entry;
        let mut parts = texts_of(key).into_iter();
        let (Some(group), Some(member), Some(kind)) = (parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let StateValue::Sanction(sanction) = decode(key, bytes)? else { return Ok(None) };
        let (group, member) = (GroupId::from(group), Account::from(member));
        let of = |kind| Self { group, member, kind, sanction, key: key.clone() };
        Ok(SanctionKind::from_name(&kind).map(of))
    }

    /// Where a list goes on behind this one.
    pub fn place(&self) -> String {
        self.key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// In words for people and programs.
    pub fn told(&self, now: Timestamp) -> Told {
        let sanction = &self.sanction;
        let left = sanction.until.map(|until| match until > now {
            true => duration::format(until.since(now)),
            false if now.since(until).as_secs() == 0 => "now".to_owned(),
            false => format!("{} ago", duration::format(now.since(until))),
        });
        Told {
            id: sanction.id.to_string(),
            group: self.group.clone(),
            member: self.member.clone(),
            kind: self.kind,
            from: sanction.from.to_string(),
            until: sanction.until.map(|until| until.to_string()),
            left,
            state: state(sanction, now).to_owned(),
            chat_until: sanction.chat_until.map(|until| until.to_string()),
            tries: sanction.tries,
            reason: sanction.reason.clone(),
            rule: sanction.rule.to_string(),
            event: sanction.event.to_string(),
            ending: sanction.ending,
            place: self.place(),
        }
    }

    fn is_meant(&self, wanted: &Wanted) -> bool {
        wanted.group.as_ref().is_none_or(|group| *group == self.group)
            && wanted.member.as_ref().is_none_or(|member| *member == self.member)
            && wanted.kind.is_none_or(|kind| kind == self.kind)
            && wanted.late_at.is_none_or(|now| self.sanction.is_late(now))
    }
}

fn state(sanction: &Sanction, now: Timestamp) -> &'static str {
    match sanction {
        late if late.is_late(now) => "late",
        ending if ending.ending => "ending",
        away if away.away => "away",
        confirmed if confirmed.confirmed.is_some() => "in force",
        _ => "wanted",
    }
}

/// The sanctions that are meant, by group and member, at most so many.
///
/// # Errors
/// When the store cannot be read.
pub fn find(store: &dyn Store, wanted: &Wanted, most: usize) -> Result<Vec<Standing>, StoreError> {
    let (mut from, to) = match &wanted.group {
        Some(group) => sanctions_of(group),
        None => prefix(Kind::Sanction),
    };
    if let Some(place) = wanted.after.as_deref().and_then(key_at) {
        from = from.max(after(&place));
    }
    let mut found = Vec::new();
    while from < to {
        let page = store.scan(&from, &to, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        from = after(last);
        for entry in &page {
            if let Some(standing) = Standing::read(entry)?.filter(|one| one.is_meant(wanted)) {
                found.push(standing);
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}

/// How many should have ended a while ago, counted a stretch at a time: there may be a million, and whoever
/// asks for the metrics gives up after seconds.
#[derive(Debug)]
pub struct Late {
    stretch: usize,
    /// Where the count goes on; `None`: it begins anew.
    from: Option<Vec<u8>>,
    so_far: usize,
    all: usize,
}

impl Default for Late {
    fn default() -> Self {
        Self { stretch: STRETCH, from: None, so_far: 0, all: 0 }
    }
}

impl Late {
    /// Goes on with the next stretch. Says how many the last whole count has found, or this one so far,
    /// where that is more.
    ///
    /// # Errors
    /// When the store cannot be read; the next call begins anew.
    pub fn go_on(&mut self, store: &dyn Store, now: Timestamp) -> Result<usize, StoreError> {
        let (first, to) = prefix(Kind::Sanction);
        let mut from = self.from.take().unwrap_or_else(|| {
            self.so_far = 0;
            first
        });
        let mut left = self.stretch;
        while left > 0 {
            let page = store.scan(&from, &to, left.min(PAGE))?;
            let Some((last, _)) = page.last() else {
                self.all = self.so_far;
                return Ok(self.all);
            };
            from = after(last);
            left -= page.len();
            for entry in &page {
                let late = Standing::read(entry)?.is_some_and(|one| one.sanction.is_late(now));
                self.so_far += usize::from(late);
            }
        }
        self.from = Some(from);
        Ok(self.all.max(self.so_far))
    }
}

/// The key that a place stands for, as [`super::place_of`] has written it.
pub fn key_at(place: &str) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = place.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::decision::{EventId, StateKey};
    use crate::ledger::{encode, state_key};
    use crate::store::{MemoryStore, WriteSet};

    const NOW: Timestamp = Timestamp(1_767_268_800_000);

    fn sanction(minutes: u64) -> Sanction {
        let until = NOW - Duration::from_secs(3_600) + Duration::from_secs(minutes * 60);
        let text = serde_json::json!({
            "id": EventId::of(&[]), "from": NOW, "until": until, "time": null, "reason": "",
            "rule": "quiet", "event": EventId::of(&[]),
        });
        // As a version wrote it that knew less of it.
        serde_json::from_value(text).unwrap()
    }

    async fn store() -> MemoryStore {
        let store = MemoryStore::default();
        let all = [
            ("@TGS#1", "ann", SanctionKind::Mute, 90),
            ("@TGS#1", "ann", SanctionKind::Role, 61),
            ("@TGS#1", "bob", SanctionKind::Mute, 50),
            ("@TGS#10", "ann", SanctionKind::Ban, 70),
        ];
        let writes = all.map(|(group, member, kind, minutes)| {
            let key = StateKey::Sanction(group.into(), member.into(), kind);
            (state_key(&key), Some(encode(&StateValue::Sanction(sanction(minutes))).unwrap()))
        });
        store.commit(WriteSet { writes: writes.to_vec(), ..WriteSet::default() }).await.unwrap();
        store
    }

    fn names(found: &[Standing]) -> Vec<String> {
        let name = |one: &Standing| format!("{} {} {}", one.group, one.member, one.kind.name());
        found.iter().map(name).collect()
    }

    #[tokio::test]
    async fn they_are_found_by_group_member_kind_and_lateness() {
        let store = store().await;
        let found = |wanted: Wanted| names(&find(&store, &wanted, 9).unwrap());
        let group = Some(GroupId::from("@TGS#1"));
        let of_group = Wanted { group, ..Wanted::default() };
        let expected = ["@TGS#1 ann mute", "@TGS#1 ann role", "@TGS#1 bob mute"];
        assert_eq!(found(of_group), expected);
        let of_ann = Wanted { member: Some("ann".into()), ..Wanted::default() };
        assert_eq!(found(of_ann).len(), 3);
        let bans = Wanted { kind: Some(SanctionKind::Ban), ..Wanted::default() };
        assert_eq!(found(bans), ["@TGS#10 ann ban"]);
        let late_ones = Wanted { late_at: Some(NOW), ..Wanted::default() };
        assert_eq!(found(late_ones), ["@TGS#1 bob mute"]);
        assert_eq!(Late::default().go_on(&store, NOW), Ok(1));
    }

    #[tokio::test]
    async fn late_ones_are_counted_a_stretch_at_a_time() {
        let store = store().await;
        let mut late = Late { stretch: 2, ..Late::default() };
        let mut counts = |hours: u64| {
            let now = NOW + Duration::from_secs(hours * 3_600);
            (0..3).map(|_| late.go_on(&store, now).unwrap()).collect::<Vec<_>>()
        };
        // Of four, two at a time; the third look sees that there is no more.
        assert_eq!(counts(1), [2, 4, 4]);
        assert_eq!(counts(0), [4, 4, 1], "as it was, until all have been looked at");
    }

    #[tokio::test]
    async fn pages_come_to_the_whole() {
        let store = store().await;
        let mut all = Vec::new();
        let mut wanted = Wanted::default();
        loop {
            let page = find(&store, &wanted, 1).unwrap();
            let Some(last) = page.last() else { break };
            wanted.after = Some(last.place());
            all.extend(names(&page));
        }
        assert_eq!(all, names(&find(&store, &Wanted::default(), 9).unwrap()));
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn a_place_that_is_none_begins_from_the_start() {
        assert_eq!(key_at("782f"), Some(b"x/".to_vec()));
        assert_eq!((key_at("7"), key_at("zz")), (None, None));
    }
}
