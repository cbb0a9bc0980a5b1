//! Who becomes owner of a group or a room, when the last one is gone: candidates as Chat has just
//! described them, in the order that the rule wants; and what became of the transfer.

mod choice;
pub(super) mod confirm;
mod group;
mod neglect;
mod refusal;
mod room;

pub(super) use group::of_group;
pub(super) use neglect::{account_gone, owner_listed};
pub(super) use refusal::{Next, read_refused, transfer_refused};
pub(super) use room::of_room;

use super::event::{Event, Field};
use super::mirror::text;
use super::state::{GroupRecord, Owner};
use crate::chat::Account;
use crate::rule::EventKind;

/// The `reason` of `group.ownerless` when Chat still names the owner, whose account is no more.
pub(crate) const ACCOUNT_GONE: &str = "account_gone";

/// The owner whom Chat still names although their account is gone, where that is the cause.
pub(super) fn gone_owner(event: &Event) -> Option<Account> {
    let is_gone = event.kind() == Some(EventKind::GroupOwnerless)
        && text(event, "reason") == Some(ACCOUNT_GONE);
    text(event, "owner").filter(|_| is_gone).map(Account::from).filter(Account::is_somebody)
}

/// What a group's record keeps of hearing that its owner left, is missing, or is inactive.
pub(super) fn heard(record: &mut GroupRecord, event: &Event, kind: EventKind) {
    let still_named = kind == EventKind::OwnerInactive || gone_owner(event).is_some();
    if still_named {
        record.owner_told = Some(event.time);
        return;
    }
    if record.owner != Owner::Nobody {
        record.owner_since = Some(event.time);
    }
    record.owner = Owner::Nobody;
    record.unconfirmed = None;
}

/// Says how it came about that a group has no owner.
pub(super) fn ownerless(derived: &mut Event, reason: &str) {
    derived.fields.insert("reason".to_owned(), Field::Text(reason.to_owned()));
    derived.fields.insert("owner".to_owned(), Field::Text(String::new()));
}

#[cfg(test)]
mod tests;
