//! Fields of answers as Chat writes them: old names, numbers as texts, texts as numbers, nulls.

use serde_json::Value;

use crate::chat::{Account, Role};
use crate::clock::Timestamp;

/// Like [`each`], for a list that may be empty: Chat may write null for that, or leave it out. But when
/// there is a list by another name, ours was renamed, and "nobody" would be a false answer.
pub(super) fn each_if_any<T>(
    body: &Value,
    names: &[&str],
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let lists = body.as_object().is_some_and(|fields| fields.values().any(Value::is_array));
    if field(body, names).is_none() && !lists { Ok(Vec::new()) } else { each(body, names, read) }
}

/// Reads each item of a list that goes by one of these names.
pub(super) fn each<T>(
    body: &Value,
    names: &[&str],
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match field(body, names) {
        Some(Value::Array(items)) => items.iter().map(read).collect(),
        Some(_) => Err(format!("{} is not a list", names[0])),
        None => Err(format!("the answer has no {}", names[0])),
    }
}

pub(super) fn role(item: &Value) -> Result<Option<Role>, String> {
    match text(item, &["Role"]) {
        None => Ok(None),
        Some(name) if name.trim().is_empty() => Ok(None),
        // A role that we do not know may be a mighty one: better to stop than to take it for a member.
        Some(name) => match Role::from_wire(&name) {
            Some(role) => Ok(Some(role)),
            None => Err(format!("the role {name:?} is unknown")),
        },
    }
}

pub(super) fn account(item: &Value, names: &[&str]) -> Result<Account, String> {
    match text(item, names) {
        Some(name) if !name.is_empty() => Ok(Account::from(name)),
        _ => Err(format!("an item has no {}", names[0])),
    }
}

/// Unix seconds; 0 means never.
pub(super) fn time(item: &Value, names: &[&str]) -> Option<Timestamp> {
    int(item, names).filter(|seconds| *seconds > 0).map(Timestamp::from_secs)
}

/// A text, also where Chat writes a bare number (accounts of room commands).
pub(super) fn text(item: &Value, names: &[&str]) -> Option<String> {
    match field(item, names)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, also where Chat writes it as a text.
pub(super) fn int(item: &Value, names: &[&str]) -> Option<i64> {
    match field(item, names)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn field<'a>(item: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| item.get(name)).filter(|value| !value.is_null())
}

/// `On` or `Off`, in any case.
pub(super) fn switch(item: &Value, names: &[&str]) -> Option<bool> {
    match text(item, names)?.trim().to_ascii_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}
