//! Checks of single values against Chat's limits; each error says what is wrong and what the limit is.

use crate::chat::{Account, limits};

pub(super) fn id(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

pub(super) fn account(account: &Account) -> Result<(), String> {
    if !account.is_somebody() {
        return Err(format!("{account:?} is nobody's account"));
    }
    bytes(&format!("account {account}"), account.as_str().len(), limits::ACCOUNT_BYTES)
}

/// At least one, and at most so many.
pub(super) fn accounts(what: &str, list: &[Account], limit: usize) -> Result<(), String> {
    count(what, list.len(), limit)?;
    list.iter().try_for_each(account)
}

pub(super) fn bytes(what: &str, bytes: usize, limit: usize) -> Result<(), String> {
    if bytes > limit {
        return Err(format!("{what} has {bytes} bytes; Chat takes at most {limit}"));
    }
    Ok(())
}

/// At least one, and at most so many.
pub(super) fn count(what: &str, count: usize, limit: usize) -> Result<(), String> {
    match count {
        0 => Err(format!("no {what} given")),
        _ if count > limit => Err(format!("{count} {what}; Chat takes at most {limit} a call")),
        _ => Ok(()),
    }
}
