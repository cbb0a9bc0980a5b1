//! Callbacks that come after reconciliation has told the same.

use std::time::Duration;

use super::super::draft::Draft;
use super::super::event::Event;
use super::super::mirror::text;
use super::super::state::{MemberRecord, StateKey, StateValue};
use crate::chat::{Account, Role};
use crate::clock::Timestamp;
use crate::rule::EventKind;

/// Chat's clock and ours may differ by so much.
const CLOCKS: Duration = Duration::from_secs(5);

/// Why an event is not one any more, if so: a reading has found it, and rules have seen it. That is so
/// when it happened before the reading began and says nothing but what the mirror says since.
pub(in crate::decision) fn told_already(
    draft: &Draft<'_>,
    event: &Event,
    kind: EventKind,
) -> Option<String> {
    use EventKind as Kind;
    if event.found {
        return None;
    }
    let group = event.group.as_ref()?;
    match kind {
        Kind::MemberJoined
        | Kind::MemberLeft
        | Kind::MemberRemoved
        | Kind::MemberRoleChanged
        | Kind::MemberCardChanged => {
            let member = event.member.as_ref()?;
            let key = StateKey::Member(group.clone(), member.clone());
            let Some(StateValue::Member(record)) = draft.get(&key) else { return None };
            let told = before(event, record.found_at) && of_member(event, kind, record);
            told.then(|| format!("{} of {member}: {LATE}", kind.name()))
        }
        Kind::OwnerChanged | Kind::GroupCreated | Kind::GroupDismissed | Kind::GroupInfoChanged => {
            let record = draft.known_group(group)?;
            let same = match kind {
                Kind::OwnerChanged => {
                    let new = text(event, "new_owner").map(Account::from);
                    new.is_some_and(|new| record.owner.is(&new))
                }
                Kind::GroupCreated => !record.dismissed,
                Kind::GroupDismissed => record.dismissed,
                // Other things may have changed with the name, and nobody has told of them.
                _ => event.fields.len() == 1 && text(event, "name") == Some(&record.name),
            };
            let told = same && before(event, record.found_at);
            told.then(|| format!("{} of {group}: {LATE}", kind.name()))
        }
        _ => None,
    }
}

const LATE: &str = "reconciliation has found it already; this callback is late";

fn before(event: &Event, found_at: Option<Timestamp>) -> bool {
    found_at.is_some_and(|found| event.time <= found + CLOCKS)
}

fn of_member(event: &Event, kind: EventKind, record: &MemberRecord) -> bool {
    match kind {
        // Somebody who comes once more has a later join time than the one that was found.
        EventKind::MemberJoined => {
            record.is_present()
                && record.joined_at.is_none_or(|joined| event.time <= joined + CLOCKS)
        }
        EventKind::MemberLeft | EventKind::MemberRemoved => match record.joined_at {
            // Found to have left and come back: the leave lies before the join.
            Some(joined) => record.is_present() && event.time <= joined,
            None => record.gone_at.is_some(),
        },
        EventKind::MemberRoleChanged => {
            let role = text(event, "role").and_then(Role::from_wire);
            role.is_some() && record.role == role
        }
        _ => text(event, "name_card") == Some(&record.name_card),
    }
}
