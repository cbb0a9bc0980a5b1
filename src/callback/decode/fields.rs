//! Tolerant reading of one JSON object.

use std::borrow::Cow;
use std::collections::HashSet;
use std::slice;

use serde_json_borrow::{ObjectAsVec, Value};

use crate::chat::Account;
use crate::clock::Timestamp;

/// Below this a time is in seconds (ten digits), from here on in milliseconds (thirteen).
const FIRST_MILLISECOND: i64 = 100_000_000_000;
/// The end of the year 9999 in milliseconds; what lies after it is not a time.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// Bytes of an id that is believed.
const LONGEST_ID: usize = 512;

/// An object of a callback body. A field of the wrong type is read as absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a ObjectAsVec<'a>);

impl<'a> Fields<'a> {
    /// Of a body, if it is an object.
    pub(super) fn of(body: &'a Value<'a>) -> Option<Self> {
        body.as_object().map(Self)
    }

    /// Of two fields with one name the last counts, as with Chat's own parsers.
    fn get(self, name: &str) -> Option<&'a Value<'a>> {
        self.0.as_vec().iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The object by itself, ordered by its keys.
    pub(super) fn owned(self) -> serde_json::Map<String, serde_json::Value> {
        self.0.into()
    }

    /// A text; a whole number in its decimal form.
    pub(super) fn text(self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(text_of)
    }

    /// A word of a fixed list, without the spaces that some pages' samples have behind it (34948).
    pub(super) fn word(self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).map(|text| match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(number) => Cow::Owned(number),
        })
    }

    /// A whole number, or a text that is one.
    pub(super) fn int(self, name: &str) -> Option<i64> {
        self.get(name).and_then(int_of)
    }

    /// An account that names somebody.
    pub(super) fn account(self, name: &str) -> Option<Account> {
        self.get(name).and_then(account_of)
    }

    /// The object under this name.
    pub(super) fn inner(self, name: &str) -> Option<Fields<'a>> {
        self.get(name).and_then(Value::as_object).map(Fields)
    }

    /// The list under this name; a single value is a list of one (`TopicIdList` in the table of 49465).
    pub(super) fn list(self, name: &str) -> &'a [Value<'a>] {
        match self.get(name) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(single) => slice::from_ref(single),
        }
    }

    /// The objects of a list.
    pub(super) fn objects(self, name: &str) -> impl Iterator<Item = Fields<'a>> {
        self.list(name).iter().filter_map(Value::as_object).map(Fields)
    }

    /// The texts of a list. A text that is a JSON list of texts is that list: the table of 49465
    /// says "String" where its sample has an array.
    pub(super) fn texts(self, name: &str) -> Vec<String> {
        if let [Value::Str(text)] = self.list(name)
            && text.starts_with('[')
            && let Ok(inside) = serde_json::from_str::<Vec<String>>(text)
        {
            return inside;
        }
        self.list(name).iter().filter_map(text_of).map(Cow::into_owned).collect()
    }

    /// One text of each item of a list: of an object that under `key`, of anything else itself.
    pub(super) fn texts_under(self, name: &str, key: &str) -> Vec<String> {
        let of = |item: &'a Value<'a>| {
            let value = item.as_object().map_or(Some(item), |object| Fields(object).get(key));
            value.and_then(text_of).map(Cow::into_owned)
        };
        self.list(name).iter().filter_map(of).collect()
    }

    /// The accounts of a list, each once: plain ones (60735), or under `key` of objects (34372).
    pub(super) fn accounts(self, name: &str, key: &str) -> Vec<Account> {
        let mut known = HashSet::new();
        let of = |item: &'a Value<'a>| {
            let value = item.as_object().map_or(Some(item), |object| Fields(object).get(key));
            value.and_then(account_of)
        };
        let accounts = self.list(name).iter().filter_map(of);
        accounts.filter(|account| known.insert(account.clone())).collect()
    }

    /// When it happened: `EventTime`, which 64422 puts into `RoomInfo`; messages of old apps have
    /// only `MsgTime`, in seconds.
    pub(super) fn time(self) -> Option<Timestamp> {
        self.event_time()
            .or_else(|| self.inner("RoomInfo").and_then(Self::event_time))
            .or_else(|| self.int("MsgTime").and_then(time_of))
    }

    fn event_time(self) -> Option<Timestamp> {
        self.int("EventTime").and_then(time_of)
    }
}

/// Numbers beyond 64 bits have lost digits when they were parsed, and are no text.
fn text_of<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    match value {
        Value::Str(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if !number.is_f64() => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

fn int_of(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A whole number that somebody's serializer wrote as `12.0`; up to where `f64` has them all.
fn whole(number: f64) -> Option<i64> {
    const LAST: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within what both types hold")]
    (number.fract() == 0.0 && number.abs() <= LAST).then_some(number as i64)
}

fn account_of(value: &Value<'_>) -> Option<Account> {
    let text = text_of(value).filter(|text| is_id(text))?;
    Some(Account::from(&*text)).filter(Account::is_somebody)
}

/// Whether a text can name a group, a room or an account. Chat's own ids have at most some dozens of
/// bytes; what is far longer would only stand in every key of the store.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
}

fn time_of(number: i64) -> Option<Timestamp> {
    match number {
        1..FIRST_MILLISECOND => Some(Timestamp::from_secs(number)),
        FIRST_MILLISECOND..=LAST_MILLISECOND => Some(Timestamp(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(json: &str, read: impl Fn(Fields<'_>) -> T) -> T {
        read(Fields::of(&serde_json::from_str(json).unwrap()).unwrap())
    }

    #[test]
    fn an_account_given_as_a_64_bit_number_keeps_all_its_digits() {
        let read = |json: &str| with(json, |f| f.account("A").map(|a| a.to_string()));
        assert_eq!(read(r#"{"A": 144115233775727695}"#).as_deref(), Some("144115233775727695"));
        assert_eq!(read(r#"{"A": 18446744073709551615}"#).as_deref(), Some("18446744073709551615"));
        assert_eq!(read(r#"{"A": 18446744073709551616}"#), None);
        assert_eq!(read(r#"{"A": "@TLS#NOT_FOUND"}"#), None);
        assert_eq!(read(r#"{"A": ""}"#), None);
        assert_eq!(read(r#"{"A": ["ann"]}"#), None);
    }

    #[test]
    fn numbers_are_read_from_texts() {
        let read = |json: &str| with(json, |f| f.int("N"));
        assert_eq!(read(r#"{"N": 4294967295}"#), Some(4_294_967_295));
        assert_eq!(read(r#"{"N": " 12 "}"#), Some(12));
        assert_eq!(read(r#"{"N": "twelve"}"#), None);
        assert_eq!(read(r#"{"N": 12.0}"#), Some(12));
        assert_eq!(read(r#"{"N": 12.5}"#), None);
        assert_eq!(read(r#"{"N": 1e300}"#), None);
        assert_eq!(read(r#"{"N": true}"#), None);
    }

    #[test]
    fn a_list_is_read_from_objects_plain_values_or_a_single_one() {
        let read = |json: &str| with(json, |f| f.accounts("L", "M"));
        let both: Vec<Account> = vec!["ann".into(), "7".into()];
        assert_eq!(read(r#"{"L": [{"M": "ann"}, {"M": 7}, {"M": "ann"}, {"X": "y"}]}"#), both);
        assert_eq!(read(r#"{"L": ["ann", 7, null, ["bob"]]}"#), both);
        assert_eq!(read(r#"{"L": "ann"}"#), vec![Account::from("ann")]);
        assert_eq!(read(r#"{"L": null}"#), vec![]);
        assert_eq!(read("{}"), vec![]);
    }

    #[test]
    fn a_list_of_texts_is_read_from_an_array_a_text_and_a_text_that_is_an_array() {
        let read = |json: &str| with(json, |f| f.texts("L"));
        assert_eq!(read(r#"{"L": ["a", "b"]}"#), ["a", "b"]);
        assert_eq!(read(r#"{"L": "a"}"#), ["a"]);
        assert_eq!(read(r#"{"L": "[\"a\", \"b\"]"}"#), ["a", "b"]);
        assert_eq!(read(r#"{"L": "[a"}"#), ["[a"]);
        let under =
            with(r#"{"L": [{"K": 130}, 131, "132", {"X": 1}]}"#, |f| f.texts_under("L", "K"));
        assert_eq!(under, ["130", "131", "132"]);
    }

    #[test]
    fn words_are_read_without_the_spaces_around_them() {
        let read = |json: &str| with(json, |f| f.word("W").map(|word| word.into_owned()));
        assert_eq!(read(r#"{"W": "Member "}"#).as_deref(), Some("Member"));
        assert_eq!(read(r#"{"W": 7}"#).as_deref(), Some("7"));
        assert_eq!(read(r#"{"W": false}"#), None);
    }

    #[test]
    fn times_are_read_in_milliseconds_and_in_seconds() {
        let read = |json: &str| with(json, |f| f.time()).map(|time| time.0);
        assert_eq!(read(r#"{"EventTime": 1670574414123}"#), Some(1_670_574_414_123));
        assert_eq!(read(r#"{"EventTime": "1670574414123"}"#), Some(1_670_574_414_123));
        assert_eq!(read(r#"{"EventTime": 1670574414}"#), Some(1_670_574_414_000));
        assert_eq!(read(r#"{"MsgTime": 1670574414}"#), Some(1_670_574_414_000));
        assert_eq!(read(r#"{"RoomInfo": {"EventTime": 1670574414123}}"#), Some(1_670_574_414_123));
    }

    #[test]
    fn what_is_no_time_is_absent() {
        let read = |json: &str| with(json, |f| f.time());
        for json in [
            r#"{"EventTime": 0}"#,
            r#"{"EventTime": -1}"#,
            r#"{"EventTime": "now"}"#,
            r#"{"EventTime": 9223372036854775807}"#,
            r#"{"EventTime": 1670574414123.5}"#,
            r#"{"EventTime": {}}"#,
            "{}",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
