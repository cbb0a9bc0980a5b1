//! Reading request bodies as strictly as the documents: known names, right types, limits.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::settings::Refusal;
use crate::chat::{Account, GroupId, RoomId};

/// A UserID, bytes (34381).
const ACCOUNT: usize = 32;

/// The fields of one object of a request.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The code of "a parameter is wrong": 10004 in groups, 100002 in rooms.
    wrong: i64,
}

impl<'a> Fields<'a> {
    /// Refuses what is no object and any name that is not `known`.
    pub fn new(value: &'a Value, wrong: i64, known: &[&str]) -> Result<Self, Refusal> {
        let Some(object) = value.as_object() else {
            return Err(Refusal::new(wrong, "an object is expected"));
        };
        match object.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Refusal::new(wrong, format!("unknown field {name}"))),
            None => Ok(Self { object, wrong }),
        }
    }

    pub fn wrong(&self, info: impl Into<String>) -> Refusal {
        Refusal::new(self.wrong, info)
    }

    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// A text of at most so many bytes, if it is there.
    pub fn text(&self, name: &str, bytes: usize) -> Result<Option<&'a str>, Refusal> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= bytes => Ok(Some(text)),
            Some(Value::String(_)) => Err(self.wrong(format!("{name} is over {bytes} bytes"))),
            Some(_) => Err(self.wrong(format!("{name} is no text"))),
        }
    }

    /// One of these texts, if it is there.
    pub fn choice(&self, name: &str, choices: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.text(name, usize::MAX)? {
            Some(text) if !choices.contains(&text) => {
                Err(self.wrong(format!("{name} is none of {}", choices.join(", "))))
            }
            text => Ok(text),
        }
    }

    /// A whole number of this range, if it is there.
    pub fn number(&self, name: &str, low: i64, high: i64) -> Result<Option<i64>, Refusal> {
        match self.object.get(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) if (low..=high).contains(&number) => Ok(Some(number)),
                _ => Err(self.wrong(format!("{name} is no number of {low} to {high}"))),
            },
        }
    }

    /// A number of 32 bits, if it is there.
    pub fn u32(&self, name: &str) -> Result<Option<u32>, Refusal> {
        Ok(self.number(name, 0, i64::from(u32::MAX))?.and_then(|n| u32::try_from(n).ok()))
    }

    /// `Err` when the field is missing.
    pub fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T, Refusal> {
        value.ok_or_else(|| self.wrong(format!("{name} is missing")))
    }

    pub fn account(&self, name: &str) -> Result<Option<Account>, Refusal> {
        match self.text(name, ACCOUNT)? {
            Some("") => Err(self.wrong(format!("{name} is empty"))),
            text => Ok(text.map(Account::from)),
        }
    }

    pub fn group(&self) -> Result<GroupId, Refusal> {
        let text = self.text("GroupId", usize::MAX)?;
        self.needed("GroupId", text).map(GroupId::from)
    }

    pub fn room(&self) -> Result<RoomId, Refusal> {
        match self.text("RoomId", 64)? {
            Some(id) if !id.is_empty() => Ok(RoomId::from(id)),
            _ => Err(self.wrong("RoomId is missing")),
        }
    }

    /// A list, not empty, of at most so many: more are 10005 (in rooms 100002).
    pub fn list(&self, name: &str, most: usize) -> Result<&'a [Value], Refusal> {
        match self.object.get(name) {
            Some(Value::Array(list)) if list.is_empty() => {
                Err(self.wrong(format!("{name} is empty")))
            }
            Some(Value::Array(list)) if list.len() > most => {
                let code = if self.wrong == 10004 { 10005 } else { self.wrong };
                Err(Refusal::new(code, format!("{name} has more than {most} entries")))
            }
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.wrong(format!("{name} is no list"))),
            None => Err(self.wrong(format!("{name} is missing"))),
        }
    }

    /// A list of accounts.
    pub fn accounts(&self, name: &str, most: usize) -> Result<Vec<Account>, Refusal> {
        self.list(name, most)?
            .iter()
            .map(|value| match value.as_str() {
                Some(text) if !text.is_empty() && text.len() <= ACCOUNT => Ok(Account::from(text)),
                _ => Err(self.wrong(format!("{name} holds no UserID of 1 to {ACCOUNT} bytes"))),
            })
            .collect()
    }

    /// Names out of `known`, if the filter is there.
    pub fn filter(&self, name: &str, known: &[&str]) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some(value) = self.object.get(name) else { return Ok(None) };
        let Some(list) = value.as_array() else {
            return Err(self.wrong(format!("{name} is no list")));
        };
        let one = |value: &'a Value| match value.as_str() {
            Some(text) if known.is_empty() || known.contains(&text) => Ok(text),
            _ => Err(self.wrong(format!("{name} holds an unknown name: {value}"))),
        };
        list.iter().map(one).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// `[{"Key": …, "Value": …}]`, if it is there: so many keys, values of so many bytes.
    pub fn pairs(
        &self,
        name: &str,
        most: usize,
        bytes: usize,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        if !self.has(name) {
            return Ok(BTreeMap::new());
        }
        let mut pairs = BTreeMap::new();
        for value in self.list(name, most)? {
            let pair = Fields::new(value, self.wrong, &["Key", "Value"])?;
            let key = pair.needed("Key", pair.text("Key", 16)?)?;
            let text = pair.needed("Value", pair.text("Value", bytes)?)?;
            pairs.insert(key.to_owned(), text.to_owned());
        }
        Ok(pairs)
    }
}
