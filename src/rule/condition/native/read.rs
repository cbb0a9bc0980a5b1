//! Reads a clause that needs no CEL out of what CEL parsed.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{Compare, Field, Native, Number, Text, TextTest};
use crate::rule::catalog::{Object, Type};
use crate::rule::condition::engine::Pattern;
use crate::rule::condition::scope::kind_of;

impl Native {
    /// Reads a checked clause, macros not expanded; `None` for what CEL must judge.
    pub fn read(part: &IdedExpr) -> Option<Self> {
        match &part.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Self::Always(*value.inner())),
            Expr::Select(_) => field(part).map(Self::Flag),
            Expr::Call(call) => Self::call(call),
            _ => None,
        }
    }

    fn call(call: &CallExpr) -> Option<Self> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [one]) => Some(Self::Not(Box::new(Self::read(one)?))),
            (operators::LOGICAL_AND, [one, other]) => Some(Self::All(both(one, other)?)),
            (operators::LOGICAL_OR, [one, other]) => Some(Self::Any(both(one, other)?)),
            (operators::IN, [item, list]) => Self::is_in(item, list),
            ("exists", [name, test]) => {
                let (list, Expr::Ident(name)) = (field(call.target.as_ref()?)?, &name.expr) else {
                    return None;
                };
                let (item, test) = text_test(test, name)?;
                matches!(item, Text::Item).then_some(Self::Exists(list, test))
            }
            (name, [one, other]) if compare(name).is_some() => Self::comparison(name, one, other),
            (_, [_]) => {
                let (text, test) = text_call(call, "")?;
                Some(Self::Is(text, test))
            }
            _ => None,
        }
    }

    fn is_in(item: &IdedExpr, list: &IdedExpr) -> Option<Self> {
        if let Expr::List(list) = &list.expr {
            let items = list.elements.iter().map(literal).collect::<Option<_>>()?;
            return Some(Self::Is(text(item, "")?, TextTest::OneOf(items)));
        }
        Some(Self::Holds(field(list)?, literal(item)?))
    }

    fn comparison(name: &str, one: &IdedExpr, other: &IdedExpr) -> Option<Self> {
        if let Some((text, test)) = equality(name, one, other, "") {
            return Some(Self::Is(text, test));
        }
        if let Expr::Literal(LiteralValue::Boolean(value)) = &other.expr {
            let flag = Self::Flag(field(one)?);
            return match (name, *value.inner()) {
                (operators::EQUALS, true) | (operators::NOT_EQUALS, false) => Some(flag),
                (operators::EQUALS, false) | (operators::NOT_EQUALS, true) => {
                    Some(Self::Not(Box::new(flag)))
                }
                _ => None,
            };
        }
        let compare = compare(name)?;
        // Two fields may be numbers or texts: that is left to CEL unless one side tells.
        let tells = |part: &IdedExpr| !matches!(part.expr, Expr::Select(_));
        if !tells(one) && !tells(other) {
            let same = || Some(Self::Same(text(one, "")?, text(other, "")?));
            return match compare {
                Compare::Equal => same(),
                Compare::Unequal => Some(Self::Not(Box::new(same()?))),
                _ => None,
            };
        }
        Some(Self::Number(number(one)?, compare, number(other)?))
    }
}

fn both(one: &IdedExpr, other: &IdedExpr) -> Option<Box<[Native; 2]>> {
    Some(Box::new([Native::read(one)?, Native::read(other)?]))
}

fn compare(operator: &str) -> Option<Compare> {
    Some(match operator {
        operators::EQUALS => Compare::Equal,
        operators::NOT_EQUALS => Compare::Unequal,
        operators::LESS => Compare::Less,
        operators::LESS_EQUALS => Compare::LessOrEqual,
        operators::GREATER => Compare::Greater,
        operators::GREATER_EQUALS => Compare::GreaterOrEqual,
        _ => return None,
    })
}

/// A field of an object. What `event.body` is, and how it is read when there is none, only CEL knows.
fn field(part: &IdedExpr) -> Option<Field> {
    let Expr::Select(select) = &part.expr else { return None };
    let Expr::Ident(object) = &select.operand.expr else { return None };
    let object = Object::from_name(object).filter(|_| !select.test)?;
    let dynamic = kind_of(object, &select.field) == Some(Type::Dynamic);
    (!dynamic).then(|| (object, select.field.clone()))
}

fn literal(part: &IdedExpr) -> Option<String> {
    match &part.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

/// `item` is the name that `exists` binds; empty outside of it.
fn text(part: &IdedExpr, item: &str) -> Option<Text> {
    match &part.expr {
        Expr::Ident(name) => (!item.is_empty() && name == item).then_some(Text::Item),
        Expr::Select(select) => match &select.operand.expr {
            // The name that `exists` binds may be that of an object.
            Expr::Ident(object) if object == item => None,
            _ => field(part).map(Text::Field),
        },
        Expr::Call(call) if call.func_name == "lowerAscii" && call.args.is_empty() => {
            Some(Text::Lower(Box::new(text(call.target.as_ref()?, item)?)))
        }
        _ => None,
    }
}

/// A test of one text.
fn text_test(part: &IdedExpr, item: &str) -> Option<(Text, TextTest)> {
    let Expr::Call(call) = &part.expr else { return None };
    match call.args.as_slice() {
        [_] => text_call(call, item),
        [one, other] => equality(&call.func_name, one, other, item),
        _ => None,
    }
}

fn equality(name: &str, one: &IdedExpr, other: &IdedExpr, item: &str) -> Option<(Text, TextTest)> {
    let test = match name {
        operators::EQUALS => TextTest::Equals,
        operators::NOT_EQUALS => TextTest::Differs,
        _ => return None,
    };
    let (part, value) = match (literal(one), literal(other)) {
        (None, Some(value)) => (one, value),
        (Some(value), None) => (other, value),
        _ => return None,
    };
    Some((text(part, item)?, test(value)))
}

/// `text.function("literal")`
fn text_call(call: &CallExpr, item: &str) -> Option<(Text, TextTest)> {
    let (target, [argument]) = (call.target.as_ref()?, call.args.as_slice()) else { return None };
    let argument = literal(argument)?;
    let test = match call.func_name.as_str() {
        "startsWith" => TextTest::Begins(argument),
        "endsWith" => TextTest::Ends(argument),
        "contains" => TextTest::Contains(argument),
        "matches" => TextTest::Matches(Pattern::new(&argument).ok()?),
        _ => return None,
    };
    Some((text(target, item)?, test))
}

fn number(part: &IdedExpr) -> Option<Number> {
    match &part.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(Number::Literal(*number.inner())),
        Expr::Ident(name) => (name == "count").then_some(Number::Count),
        Expr::Select(_) => field(part).map(Number::Field),
        Expr::Call(call) if call.func_name == "size" => {
            let of = match (&call.target, call.args.as_slice()) {
                (Some(target), []) => target,
                (None, [one]) => one,
                _ => return None,
            };
            length(of)
        }
        _ => None,
    }
}

/// The fields that are lists are known by name; the size of any other is that of a text.
fn length(part: &IdedExpr) -> Option<Number> {
    match field(part) {
        Some((object, name)) if kind_of(object, &name) == Some(Type::Strings) => {
            Some(Number::Items((object, name)))
        }
        _ => text(part, "").map(Number::Length),
    }
}
