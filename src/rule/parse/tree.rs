//! A TOML file as a tree with places, in the order in which it is written.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of the file.
pub type Span = Range<usize>;

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// A table that has a heading has the heading's place.
    pub span: Span,
    pub value: Value,
}

/// What is written.
#[derive(Debug)]
pub enum Value {
    Text(String),
    /// `None` when it does not fit into 64 bits.
    Int(Option<i64>),
    Float,
    Bool(bool),
    /// Unix seconds; `None` when it has no time of day or no offset, and so is no moment.
    Date(Option<i64>),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Debug, Default)]
pub struct Table {
    entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Table {
    /// From what the TOML crate read; it keeps tables sorted by key, so that the order is restored by place.
    pub fn of(table: &DeTable<'_>) -> Self {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry {
            key: AsRef::<str>::as_ref(key.get_ref()).to_owned(),
            key_span: key.span(),
            node: Node::of(value),
        };
        let mut entries: Vec<_> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self { entries }
    }

    /// In the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Node {
    fn of(value: &Spanned<DeValue<'_>>) -> Self {
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                Value::Int(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(truth) => Value::Bool(*truth),
            DeValue::Datetime(date) => {
                let moment = chrono::DateTime::parse_from_rfc3339(&date.to_string());
                Value::Date(moment.ok().map(|moment| moment.timestamp()))
            }
            DeValue::Array(items) => Value::List(items.iter().map(Self::of).collect()),
            DeValue::Table(table) => Value::Table(Table::of(table)),
        };
        Self { span: value.span(), value: read }
    }

    /// What is written, without its place and layout: equal for values that mean the same. The order of
    /// keys means nothing.
    pub fn content(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Self::content).collect();
                format!("[{}]", items.join(","))
            }
            Value::Table(table) => {
                let entry = |entry: &Entry| format!("{:?}={}", entry.key, entry.node.content());
                let mut entries: Vec<String> = table.entries().iter().map(entry).collect();
                entries.sort();
                format!("{{{}}}", entries.join(","))
            }
            other => format!("{other:?}"),
        }
    }

    /// The kind of value, as an operator calls it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Int(_) => "a whole number",
            Value::Float => "a number with a fraction",
            Value::Bool(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_the_order_of_the_file() {
        let text = "[rule.zoe]\nb = 1\na = 2\n[rule.amy]\n";
        let document = DeTable::parse(text).unwrap();
        let table = Table::of(document.get_ref());
        let Value::Table(rules) = &table.get("rule").unwrap().node.value else { panic!() };
        let names: Vec<_> = rules.entries().iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(names, ["zoe", "amy"]);
        assert_eq!(&text[rules.entries()[1].key_span.clone()], "amy");
        let Value::Table(zoe) = &rules.entries()[0].node.value else { panic!() };
        let keys: Vec<_> = zoe.entries().iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["b", "a"]);
    }
}
