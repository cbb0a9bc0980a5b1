//! The values that a condition sees: how an event's facts become names with CEL's types.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cel::common::traits::Indexer;
use cel::common::types::{CelBool, CelDuration, CelInt, CelString, CelTimestamp, Type as CelType};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::objects::Key;
use cel::{Context, ExecutionError, Value};

use crate::clock::Timestamp;
use crate::rule::catalog::{EventKind, Object, Type};

/// Stands before a field's name when `has` asks whether the field is known. No field begins so.
pub(super) const KNOWN: char = '?';

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Bool(bool),
    Int(i64),
    Text(String),
    Time(Timestamp),
    Texts(Vec<String>),
    Json(serde_json::Value),
    /// Not known. Read as `""`, 0, false, the empty list or 1970-01-01, by the field's type, so that
    /// judging never fails for it; `has(member.joined_at)` tells the difference.
    Absent,
}

/// Binds an object. A field that is left out is as good as [`Datum::Absent`].
pub fn bind<N: Into<Cow<'static, str>>>(
    context: &mut Context<'_, '_>,
    object: Object,
    fields: Vec<(N, Datum)>,
) {
    let known = |(name, datum): (N, Datum)| value(datum).map(|value| (name.into(), value));
    let fields = Arc::new(fields.into_iter().filter_map(known).collect::<Vec<_>>());
    context.add_variable_as_val(object.name(), Box::new(Facts { object, fields }));
}

/// Binds a number, `count` for instance.
pub fn bind_int(context: &mut Context<'_, '_>, name: &str, number: i64) {
    context.add_variable_as_val(name, Box::new(CelInt::from(number)));
}

/// Binds a time, `now` for instance.
pub fn bind_time(context: &mut Context<'_, '_>, name: &str, time: Timestamp) {
    context.add_variable_as_val(name, Box::new(timestamp(time)));
}

/// A value as a trace shows it: what a name stands for at present. What members wrote is not shown,
/// only its length.
pub fn shown(object: Object, field: &str, datum: Datum) -> String {
    let Some(known) = value(datum) else {
        return match (Facts { object, fields: Arc::default() }).unknown(field) {
            Some(default) => format!("{} (not known)", text(default.as_ref())),
            None => "(not there)".to_owned(),
        };
    };
    match (object, field) {
        (Object::Message, "text" | "custom_data") => {
            let length = known
                .downcast_ref::<CelString<'_>>()
                .map_or(0, |text| text.inner().chars().count());
            format!("({length} characters)")
        }
        (Object::Event, "body") => "(not shown)".to_owned(),
        _ => text(known.as_ref()),
    }
}

fn text(value: &dyn Val) -> String {
    const LONGEST: usize = 80;
    let text = match Value::try_from(value) {
        Ok(Value::String(text)) => format!("{text:?}"),
        Ok(Value::Int(number)) => number.to_string(),
        Ok(Value::Bool(value)) => value.to_string(),
        Ok(Value::Timestamp(time)) => Timestamp(time.timestamp_millis()).to_string(),
        Ok(Value::List(list)) => {
            let items = list.iter().map(|item| match item {
                Value::String(text) => format!("{text:?}"),
                other => format!("{other:?}"),
            });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        _ => value.get_type().name().to_owned(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The type of a field; of `event`, whichever event has it. `None` for one that does not exist.
pub(super) fn kind_of(object: Object, field: &str) -> Option<Type> {
    let of_events = EventKind::ALL.iter().flat_map(|kind| kind.event_fields());
    let mut all = object.fields().iter().chain(of_events.filter(|_| object == Object::Event));
    all.find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// A field that is known.
type Fact = (Cow<'static, str>, Box<dyn Val>);

/// An object's fields. Cloning it copies no field.
#[derive(Clone, Debug)]
struct Facts {
    object: Object,
    fields: Arc<Vec<Fact>>,
}

static FACTS: CelType = CelType::new_unspecified_type("object");

impl Facts {
    fn known(&self, field: &str) -> Option<&(dyn Val + 'static)> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_ref())
    }

    /// What a field that is not known is read as; `None` for one that does not exist.
    fn unknown(&self, field: &str) -> Option<Box<dyn Val>> {
        if self.object == Object::Memory {
            return Some(Box::new(CelString::from("")));
        }
        let zero: Box<dyn Val> = match kind_of(self.object, field)? {
            Type::Bool => Box::new(CelBool::from(false)),
            Type::Int | Type::Double => Box::new(CelInt::from(0)),
            Type::String => Box::new(CelString::from("")),
            Type::Timestamp => Box::new(timestamp(Timestamp(0))),
            Type::Duration => Box::new(CelDuration::from(chrono::Duration::zero())),
            Type::Strings => boxed(Value::List(Arc::default()))?,
            Type::Dynamic | Type::Null | Type::Object(_) => boxed(Value::Null)?,
        };
        Some(zero)
    }
}

impl Indexer for Facts {
    fn get<'b, 'v>(&'b self, field: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let field = field.downcast_ref::<CelString<'_>>().map_or("", |field| field.inner());
        let missing = || ExecutionError::no_such_key(&format!("{}.{field}", self.object.name()));
        if let Some(asked) = field.strip_prefix(KNOWN) {
            return match self.known(asked) {
                Some(value) => Ok(CowVal::Borrowed(value)),
                None => Err(missing()),
            };
        }
        match self.known(field) {
            Some(value) => Ok(CowVal::Borrowed(value)),
            None => self.unknown(field).map(CowVal::Owned).ok_or_else(missing),
        }
    }

    fn steal<'v>(self: Box<Self>, field: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(field).map(CowVal::into_owned)
    }
}

impl Val for Facts {
    fn get_type(&self) -> &CelType {
        &FACTS
    }

    fn cel_type() -> &'static CelType {
        &FACTS
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Facts {}

fn timestamp(time: Timestamp) -> CelTimestamp {
    let time = chrono::DateTime::from_timestamp_millis(time.0).unwrap_or_default();
    CelTimestamp::from(time.fixed_offset())
}

fn value(datum: Datum) -> Option<Box<dyn Val>> {
    Some(match datum {
        Datum::Bool(value) => Box::new(CelBool::from(value)),
        Datum::Int(number) => Box::new(CelInt::from(number)),
        Datum::Text(text) => Box::new(CelString::from(text)),
        Datum::Time(time) => Box::new(timestamp(time)),
        Datum::Texts(texts) => {
            let texts = texts.into_iter().map(|text| Value::String(Arc::new(text)));
            boxed(Value::List(Arc::new(texts.collect())))?
        }
        Datum::Json(json) => boxed(from_json(json))?,
        Datum::Absent => return None,
    })
}

/// `cel` converts every value of its own; only functions have no counterpart.
fn boxed(value: Value) -> Option<Box<dyn Val>> {
    Box::<dyn Val>::try_from(value).ok()
}

/// By hand, because `cel` reads whole numbers as unsigned, and then `n + 1` fails.
fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text)),
        serde_json::Value::Array(items) => {
            Value::List(Arc::new(items.into_iter().map(from_json).collect()))
        }
        serde_json::Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (Key::String(Arc::new(name)), from_json(value)))
                .collect::<HashMap<_, _>>();
            Value::Map(cel::objects::Map { map: Arc::new(fields) })
        }
    }
}
