//! Clauses that need no CEL: comparisons of fields with literals, and `!`, `&&`, `||` of them.
//!
//! Most of what operators write is that simple, and judging it directly takes nanoseconds where CEL
//! takes microseconds. A property test holds the two against each other; what this file does not
//! know, or a value of an unexpected type, is left to CEL.

mod key;
mod read;

use std::borrow::Cow;

use super::engine::Pattern;
use super::scope::Datum;
use crate::rule::catalog::Object;

pub use key::{Key, Sign};

/// The value of a field, borrowed from where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen<'f> {
    Bool(bool),
    Int(i64),
    Text(&'f str),
    Texts(&'f [String]),
    /// Not known: read as false, 0, `""` or the empty list, by what is asked of it.
    Absent,
}

impl From<Seen<'_>> for Datum {
    fn from(seen: Seen<'_>) -> Self {
        match seen {
            Seen::Bool(value) => Self::Bool(value),
            Seen::Int(number) => Self::Int(number),
            Seen::Text(text) => Self::Text(text.to_owned()),
            Seen::Texts(texts) => Self::Texts(texts.to_vec()),
            Seen::Absent => Self::Absent,
        }
    }
}

/// Where values come from.
pub trait Facts {
    /// `None`: of a kind that only CEL handles.
    fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>>;

    /// `count`, where it is known.
    fn count(&self) -> Option<i64>;
}

/// A field of an object.
pub type Field = (Object, String);

/// A clause that is judged without CEL.
#[derive(Debug)]
pub enum Native {
    Always(bool),
    Flag(Field),
    Not(Box<Native>),
    All(Box<[Native; 2]>),
    Any(Box<[Native; 2]>),
    Is(Text, TextTest),
    Same(Text, Text),
    Number(Number, Compare, Number),
    /// `"x" in message.types`
    Holds(Field, String),
    /// `message.types.exists(t, …)`, with one test of `t`.
    Exists(Field, TextTest),
}

#[derive(Debug)]
pub enum Text {
    Field(Field),
    /// `.lowerAscii()`
    Lower(Box<Text>),
    /// The name that `exists` binds.
    Item,
}

#[derive(Debug)]
pub enum TextTest {
    Equals(String),
    Differs(String),
    OneOf(Vec<String>),
    Begins(String),
    Ends(String),
    Contains(String),
    Matches(Pattern),
}

#[derive(Debug)]
pub enum Number {
    Literal(i64),
    Field(Field),
    Count,
    Length(Text),
    Items(Field),
}

#[derive(Clone, Copy, Debug)]
pub enum Compare {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Native {
    /// Judges the clause; `None` when a value is of a type that only CEL handles.
    pub fn judge(&self, facts: &impl Facts) -> Option<bool> {
        match self {
            Self::Always(value) => Some(*value),
            Self::Flag((object, field)) => match facts.fact(*object, field)? {
                Seen::Bool(value) => Some(value),
                Seen::Absent => Some(false),
                _ => None,
            },
            Self::Not(test) => test.judge(facts).map(|holds| !holds),
            Self::All(tests) => Some(tests[0].judge(facts)? && tests[1].judge(facts)?),
            Self::Any(tests) => Some(tests[0].judge(facts)? || tests[1].judge(facts)?),
            Self::Is(text, test) => Some(test.holds(&text.value(facts, "")?)),
            Self::Same(one, other) => Some(one.value(facts, "")? == other.value(facts, "")?),
            Self::Number(one, compare, other) => {
                Some(compare.holds(one.value(facts)?, other.value(facts)?))
            }
            Self::Holds(field, item) => Some(items(facts, field)?.contains(item)),
            Self::Exists(field, test) => {
                Some(items(facts, field)?.iter().any(|item| test.holds(item)))
            }
        }
    }
}

impl Text {
    /// `item` is what the name that `exists` binds stands for.
    fn value<'f>(&self, facts: &'f impl Facts, item: &'f str) -> Option<Cow<'f, str>> {
        match self {
            Self::Field((object, field)) => match facts.fact(*object, field)? {
                Seen::Text(text) => Some(Cow::Borrowed(text)),
                Seen::Absent => Some(Cow::Borrowed("")),
                _ => None,
            },
            Self::Lower(text) => Some(Cow::Owned(text.value(facts, item)?.to_ascii_lowercase())),
            Self::Item => Some(Cow::Borrowed(item)),
        }
    }
}

impl TextTest {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Equals(other) => text == other,
            Self::Differs(other) => text != other,
            Self::OneOf(others) => others.iter().any(|other| text == other),
            Self::Begins(part) => text.starts_with(part.as_str()),
            Self::Ends(part) => text.ends_with(part.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl Number {
    fn value(&self, facts: &impl Facts) -> Option<i64> {
        match self {
            Self::Literal(number) => Some(*number),
            Self::Field((object, field)) => match facts.fact(*object, field)? {
                Seen::Int(number) => Some(number),
                Seen::Absent => Some(0),
                _ => None,
            },
            Self::Count => facts.count(),
            Self::Length(text) => i64::try_from(text.value(facts, "")?.chars().count()).ok(),
            Self::Items(field) => i64::try_from(items(facts, field)?.len()).ok(),
        }
    }
}

impl Compare {
    fn holds(self, one: i64, other: i64) -> bool {
        match self {
            Self::Equal => one == other,
            Self::Unequal => one != other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }
}

fn items<'f>(facts: &'f impl Facts, (object, field): &Field) -> Option<&'f [String]> {
    match facts.fact(*object, field)? {
        Seen::Texts(items) => Some(items),
        Seen::Absent => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rule::EventKind;
    use crate::rule::condition::{Condition, bind, bind_int, context};
    use crate::rule::names::Names;

    /// Some values of fields of each type; `None` is one that is not known.
    #[derive(Clone, Debug)]
    struct Values {
        text: Option<String>,
        role: Option<String>,
        muted: Option<bool>,
        sequence: Option<i64>,
        types: Option<Vec<String>>,
        count: i64,
    }

    impl Facts for Values {
        fn fact(&self, object: Object, field: &str) -> Option<Seen<'_>> {
            let absent = Some(Seen::Absent);
            match (object, field) {
                (Object::Message, "text") => self.text.as_deref().map(Seen::Text).or(absent),
                (Object::Member, "role") => self.role.as_deref().map(Seen::Text).or(absent),
                (Object::Member, "muted") => self.muted.map(Seen::Bool).or(absent),
                (Object::Message, "sequence") => self.sequence.map(Seen::Int).or(absent),
                (Object::Message, "types") => self.types.as_deref().map(Seen::Texts).or(absent),
                _ => None,
            }
        }

        fn count(&self) -> Option<i64> {
            Some(self.count)
        }
    }

    impl Values {
        fn context(&self) -> cel::Context<'static, 'static> {
            fn datum<T: Clone>(value: &Option<T>, of: fn(T) -> Datum) -> Datum {
                value.clone().map_or(Datum::Absent, of)
            }
            let mut context = context();
            let member = vec![
                ("role", datum(&self.role, Datum::Text)),
                ("muted", datum(&self.muted, Datum::Bool)),
            ];
            bind(&mut context, Object::Member, member);
            let message = vec![
                ("text", datum(&self.text, Datum::Text)),
                ("sequence", datum(&self.sequence, Datum::Int)),
                ("types", datum(&self.types, Datum::Texts)),
            ];
            bind(&mut context, Object::Message, message);
            bind_int(&mut context, "count", self.count);
            context
        }
    }

    /// Clauses of every form that this file knows, with holes for a text and a number.
    const CLAUSES: &[&str] = &[
        "true",
        "member.muted",
        "!member.muted",
        "member.muted == true",
        "member.muted != true",
        "member.muted == false",
        "message.text == TEXT",
        "TEXT != message.text",
        "message.text in [TEXT, \"a\"]",
        "message.text.startsWith(TEXT)",
        "message.text.endsWith(TEXT)",
        "message.text.contains(TEXT)",
        "!message.text.contains(TEXT) || member.muted",
        "message.text.matches(\"^(?i)[aé]+$\")",
        "message.text.lowerAscii().contains(TEXT)",
        "message.text.lowerAscii() == TEXT",
        "message.text == member.role",
        "message.text != member.role",
        "message.text.size() > NUMBER",
        "size(message.text) == NUMBER",
        "message.sequence <= NUMBER",
        "NUMBER < message.sequence",
        "message.sequence != count",
        "count >= NUMBER",
        "TEXT in message.types",
        "!(TEXT in message.types)",
        "message.types.size() == NUMBER",
        "message.types.exists(t, t == TEXT)",
        "message.types.exists(t, t.startsWith(TEXT))",
        "message.types.exists(message, message.endsWith(TEXT))",
        "(member.muted || count > NUMBER) && message.text != TEXT",
        "(message.text.contains(TEXT) && count < NUMBER) || !(member.muted && true)",
    ];

    /// What CEL alone may judge.
    const NOT_NATIVE: &[&str] = &[
        "has(member.joined_at)",
        "count > 5.5",
        "count + 1 > 2",
        "member.joined_at < now",
        "message.text + \"x\" == \"ax\"",
        "message.types.all(t, t == \"a\")",
        "message.types[0] == \"a\"",
        "count > 5 ? member.muted : false",
        "message.text < \"b\"",
    ];

    fn compile(text: &str) -> Condition {
        let names = Names::of_events(&[EventKind::MessageSent]).with_count();
        let (condition, mistakes) = Condition::check(text, &names);
        condition.unwrap_or_else(|| panic!("{text}: {mistakes:?}"))
    }

    #[test]
    fn what_is_not_simple_is_left_to_cel() {
        for text in NOT_NATIVE {
            assert!(compile(text).clauses()[0].native().is_none(), "{text}");
        }
    }

    #[test]
    fn what_has_no_type_is_left_to_cel() {
        let names = Names::of_events(&[EventKind::Callback]);
        for text in ["!event.body", "event.body == \"\"", "size(event.body) == 0"] {
            let condition = Condition::compile(text, &names).unwrap();
            assert!(condition.clauses()[0].native().is_none(), "{text}");
        }
    }

    #[test]
    fn a_value_of_an_unexpected_type_is_left_to_cel() {
        struct Odd;
        impl Facts for Odd {
            fn fact(&self, _: Object, _: &str) -> Option<Seen<'_>> {
                Some(Seen::Int(7))
            }
            fn count(&self) -> Option<i64> {
                None
            }
        }
        let condition = compile("message.text.contains(\"a\") && count > 3");
        for clause in condition.clauses() {
            assert_eq!(clause.native().unwrap().judge(&Odd), None, "{}", clause.text());
        }
    }

    fn words() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["", "a", "A", "é", "É", "aé", "ab", "Aé群", "\u{1f600}a"])
            .prop_map(str::to_owned)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn every_clause_is_judged_as_cel_judges_it(
            text in prop::option::of(words()),
            role in prop::option::of(words()),
            muted in prop::option::of(any::<bool>()),
            sequence in prop::option::of(-2i64..4),
            types in prop::option::of(prop::collection::vec(words(), 0..3)),
            count in 0i64..4,
            hole in words(),
            number in -1i64..4,
        ) {
            let values = Values { text, role, muted, sequence, types, count };
            let context = values.context();
            for clause in CLAUSES {
                let text = clause.replace("TEXT", &format!("{hole:?}"));
                let condition = compile(&text.replace("NUMBER", &number.to_string()));
                for clause in condition.clauses() {
                    let native = clause.native().and_then(|native| native.judge(&values));
                    prop_assert_eq!(native.map(Ok), Some(clause.evaluate(&context)), "{}", clause.text());
                }
            }
        }
    }
}
