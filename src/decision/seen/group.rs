//! A group as Chat describes it, against the mirror.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::effect::GroupFacts;
use super::super::event::{Event, Field};
use super::super::state::{GroupRecord, Owner};
use super::super::{mirror, succession};
use super::{found, overtaken, text};
use crate::chat::Account;
use crate::clock::Timestamp;
use crate::rule::EventKind;

/// That nothing has changed is written down no more often than this.
const READ_AGAIN: Duration = Duration::from_secs(3_600);

/// Corrects the record of a group. Of one that is seen for the first time nothing was missed, except
/// that nobody owns it, and that it is new.
pub(super) fn compare(
    draft: &mut Draft<'_>,
    event: &Event,
    facts: &GroupFacts,
    since: Option<Timestamp>,
) {
    let group = &facts.group;
    let known = draft.known_group(group).cloned();
    // A callback that only named the group has told nothing that a reading could contradict.
    let named_only = facts.exists && known.as_ref().is_some_and(is_named_only);
    if !named_only && known.as_ref().is_some_and(|known| overtaken(draft, event, known.told_at)) {
        return;
    }
    if !facts.exists {
        return vanished(draft, event, facts, known);
    }
    succession::confirm::by_reading(draft, event, facts);
    let known = draft.known_group(group).cloned();
    // Ids are free again once their group is dismissed.
    let before = known.filter(|known| !known.dismissed).unwrap_or_default();
    let owner = Owner::from_account(facts.owner.as_ref());
    let mut record = GroupRecord {
        group_type: facts.group_type.or(before.group_type),
        name: facts.name.clone(),
        owner: owner.clone(),
        member_count: facts.member_count.or(before.member_count),
        created_at: facts.created_at.or(before.created_at),
        ..before.clone()
    };
    let described = before.read_at.is_some() || before.created_at.is_some();
    let is_new = !described && since.is_some() && facts.created_at >= since;
    let renamed = described && !before.name.is_empty() && before.name != facts.name;
    let changed = before.owner != owner && before.owner != Owner::Unknown;
    let ownerless = owner == Owner::Nobody && before.owner != Owner::Nobody;
    if is_new || renamed || changed || ownerless {
        record.found_at = Some(event.time);
    }
    let old = before.read_at.is_none_or(|read| read + READ_AGAIN <= event.time);
    if record != before || old {
        record.read_at = Some(event.time);
    }
    // Members' roles, and the waits for an owner, follow from an owner.
    if changed && owner != Owner::Nobody {
        record.owner = before.owner.clone();
    }
    draft.correct_group(group, record);
    if is_new {
        created(draft, event, facts);
    }
    if renamed {
        draft.note(format!("{group} is called {:?} now; no callback told us", facts.name));
        let missed = found(draft, event, EventKind::GroupInfoChanged, None);
        missed.fields.insert("name".into(), text(&facts.name));
    }
    if changed && owner != Owner::Nobody {
        owned(draft, event, facts, &before.owner);
    }
    if ownerless {
        let had = match &before.owner {
            Owner::Is(had) => format!(", {had} owned it"),
            Owner::Unknown | Owner::Nobody => String::new(),
        };
        draft.note(format!("{group} has no owner{had}; no callback told us"));
        succession::ownerless(found(draft, event, EventKind::GroupOwnerless, None), "found");
    }
}

/// Whether nothing is known of a group but that it is there, and its type.
fn is_named_only(known: &GroupRecord) -> bool {
    let described = known.read_at.is_some() || known.created_at.is_some();
    !described && !known.dismissed && known.owner == Owner::Unknown && known.name.is_empty()
}

fn created(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts) {
    let created_at = facts.created_at.unwrap_or(event.time);
    draft.note(format!("{} was created at {created_at}; no callback told us", facts.group));
    let missed = found(draft, event, EventKind::GroupCreated, None);
    missed.time = created_at;
    let owner = facts.owner.as_ref().map_or("", Account::as_str);
    missed.fields.insert("owner".into(), text(owner));
    missed.fields.insert("name".into(), text(&facts.name));
    missed.fields.insert("members".into(), Field::Texts(Vec::new()));
}

/// Somebody else owns it, or somebody again.
fn owned(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts, before: &Owner) {
    let Some(new) = &facts.owner else { return };
    let old = match before {
        Owner::Is(old) => Some(old),
        Owner::Unknown | Owner::Nobody => None,
    };
    mirror::new_owner(draft, event, &facts.group, old, Some(new));
    let instead = old.map_or_else(String::new, |old| format!(", not {old}"));
    draft.note(format!("{new} owns {}{instead}; no callback told us", facts.group));
    let missed = found(draft, event, EventKind::OwnerChanged, None);
    missed.fields.insert("old_owner".into(), text(old.map_or("", Account::as_str)));
    missed.fields.insert("new_owner".into(), text(new.as_str()));
}

/// A question of a rule shows that a group is gone.
pub(in super::super) fn gone_unheard(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts) {
    match draft.known_group(&facts.group).cloned() {
        Some(known) => vanished(draft, event, facts, Some(known)),
        None => {
            draft.note(format!("{} does not exist any more", facts.group));
            mirror::gone(draft, &facts.group);
        }
    }
}

/// Chat does not know the group any more. Where nobody had, there is nothing to tell.
fn vanished(draft: &mut Draft<'_>, event: &Event, facts: &GroupFacts, known: Option<GroupRecord>) {
    let group = &facts.group;
    let Some(known) = known else { return };
    if known.dismissed {
        return mirror::forget_dismissed(draft, group, &known);
    }
    draft.note(format!("{group} does not exist any more; no callback told us"));
    let missed = found(draft, event, EventKind::GroupDismissed, None);
    missed.group = Some(group.clone());
    let owner = match &known.owner {
        Owner::Is(owner) => owner.as_str(),
        Owner::Unknown | Owner::Nobody => "",
    };
    missed.fields.insert("owner".into(), text(owner));
    missed.fields.insert("name".into(), text(&known.name));
    // The record stays for a callback that is late; the next reading takes it away.
    let found_at = Some(event.time);
    draft.correct_group(group, GroupRecord { dismissed: true, found_at, ..GroupRecord::default() });
}
