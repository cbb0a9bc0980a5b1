//! The type checker's part for operators: which types each takes, and what was meant otherwise.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::check::{Checker, NEVER_JUDGED, WRONG_TYPES};
use super::known;
use super::shape::{BOOL, DOUBLE, DURATION, INT, STRING, Shape, TIMESTAMP};
use super::syntax::Tree;
use crate::rule::catalog::{Object, Type};
use crate::rule::lookup;
use crate::rule::mistake::Code;
use crate::rule::suggest::closest;

/// The comparison has always the same result.
pub const NEVER: Code = Code("R028");

impl Checker<'_> {
    /// The type of an operator's result.
    pub(super) fn operator(&mut self, part: &IdedExpr, call: &CallExpr) -> Shape {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                self.boolean(left);
                self.boolean(right);
                BOOL
            }
            (operators::LOGICAL_NOT, [one]) => {
                self.boolean(one);
                BOOL
            }
            (operators::CONDITIONAL, [test, yes, no]) => {
                self.boolean(test);
                let (yes, no) = (self.shape(yes), self.shape(no));
                if yes.fits(&no) {
                    return if yes == Shape::Any { no } else { yes };
                }
                let message =
                    format!("the two results of `?:` are {} and {}", yes.name(), no.name());
                self.complain(WRONG_TYPES, self.tree.range(part), message, String::new(), None);
                Shape::Any
            }
            (operators::NEGATE, [one]) => {
                let shape = self.shape(one);
                if shape.is_number() || shape == Shape::Any {
                    return shape;
                }
                let message = format!(
                    "`-` is for numbers, and `{}` is {}",
                    self.tree.shown(one),
                    shape.name()
                );
                self.complain(WRONG_TYPES, self.tree.range(one), message, String::new(), None);
                Shape::Any
            }
            (operators::IN, [left, right]) => self.contained(part, left, right),
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let shapes = (self.shape(left), self.shape(right));
                if !shapes.0.equals(&shapes.1) {
                    self.incomparable(part, call, &shapes);
                } else {
                    let negated = call.func_name == operators::NOT_EQUALS;
                    self.never(left, right, negated);
                    self.never(right, left, negated);
                }
                BOOL
            }
            (name, [left, right]) if order(name) => {
                let shapes = (self.shape(left), self.shape(right));
                let ordered = shapes.0.is_ordered() && shapes.1.is_ordered();
                if !ordered || !shapes.0.equals(&shapes.1) {
                    self.incomparable(part, call, &shapes);
                }
                BOOL
            }
            (name, [left, right]) => {
                let shapes = (self.shape(left), self.shape(right));
                self.by_zero(part, name, right);
                arithmetic(name, &shapes.0, &shapes.1).unwrap_or_else(|| {
                    self.not_computable(part, name, left, right, &shapes);
                    Shape::Any
                })
            }
            _ => Shape::Any,
        }
    }

    fn by_zero(&mut self, part: &IdedExpr, name: &str, right: &IdedExpr) {
        let divides = matches!(name, operators::DIVIDE | operators::MODULO);
        let zero = matches!(&right.expr, Expr::Literal(LiteralValue::Int(by)) if **by == 0);
        if divides && zero {
            let message = format!("`{}` divides by zero", self.tree.shown(part));
            let label = "this is never judged".to_owned();
            self.complain(NEVER_JUDGED, self.tree.range(part), message, label, None);
        }
    }

    /// An operand of `&&`, `||`, `!`, `?:`.
    pub(super) fn boolean(&mut self, part: &IdedExpr) {
        let shape = self.shape(part);
        if !shape.fits(&BOOL) {
            let (text, kind) = (self.tree.shown(part), shape.name());
            let message = format!("`{text}` is {kind}, and true or false is wanted here");
            let help = (shape == STRING).then(|| format!("write `{text} != \"\"`"));
            self.complain(WRONG_TYPES, self.tree.range(part), message, String::new(), help);
        }
    }

    fn contained(&mut self, part: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Shape {
        let element = self.shape(left);
        let (left_text, right_text) = (self.tree.shown(left), self.tree.shown(right));
        match self.container(left, right) {
            Shape::Any => {}
            Shape::List(held) if element.equals(&held) => {
                self.never(right, left, false);
                if let Expr::List(list) = &right.expr {
                    list.elements.iter().for_each(|literal| self.never(left, literal, false));
                }
            }
            Shape::List(held) => {
                let (one, other) = (element.name(), held.name());
                let message = format!("`{left_text}` is {one}, and `{right_text}` holds {other}");
                self.complain(WRONG_TYPES, self.tree.range(part), message, String::new(), None);
            }
            shape @ Shape::One(_) => {
                let message =
                    format!("`in` looks into a list, and `{right_text}` is {}", shape.name());
                let texts = shape == STRING && element == STRING;
                let help = texts.then(|| {
                    // A field of few values is compared; a part of any other text is looked for.
                    match self.known_values(right) {
                        Some(_) => format!("write `{right_text} == {left_text}`"),
                        None => format!("write `{right_text}.contains({left_text})`"),
                    }
                });
                self.complain(WRONG_TYPES, self.tree.range(right), message, String::new(), help);
            }
        }
        BOOL
    }

    /// The values of a part that is a field with known ones.
    fn known_values(&self, part: &IdedExpr) -> Option<(Object, Type, Vec<&'static str>)> {
        let (root, name) = self.path(part)?;
        let (object, kind) = lookup::field(self.names, root, name).ok()?;
        known::values(self.names, object, name).map(|values| (object, kind, values))
    }

    /// A field compared with a text that it never is.
    fn never(&mut self, field: &IdedExpr, literal: &IdedExpr, negated: bool) {
        let Expr::Literal(LiteralValue::String(value)) = &literal.expr else { return };
        let Some((root, name)) = self.path(field) else { return };
        let Some((object, kind, known)) = self.known_values(field) else { return };
        if known.contains(&value.inner()) {
            return;
        }
        let verb = if kind == Type::Strings { "never holds" } else { "is never" };
        let always = if negated { ", so this is always true" } else { "" };
        let message = format!("`{root}.{name}` {verb} \"{}\"{always}", value.inner());
        let shown: Vec<_> = known.iter().copied().filter(|value| !value.is_empty()).collect();
        let meant = known::renamed(object, name, value.inner())
            .or_else(|| closest(value.inner(), shown.iter().copied()));
        let range = self.tree.range(literal);
        let help =
            meant.map(|meant| self.tree.tokens.replaced(range.clone(), &format!("\"{meant}\"")));
        self.complain(NEVER, range, message, format!("it can be: {}", shown.join(" ")), help);
    }

    fn incomparable(&mut self, part: &IdedExpr, call: &CallExpr, shapes: &(Shape, Shape)) {
        let [left, right] = call.args.as_slice() else { return };
        let (left_text, right_text) = (self.tree.text(left), self.tree.text(right));
        let sign = sign(&call.func_name);
        let (one, other) = (&shapes.0, &shapes.1);
        let message = if *other == Shape::One(Type::Null) || *one == Shape::One(Type::Null) {
            "nothing is ever null in a condition".to_owned()
        } else if one.equals(other) {
            format!("`{sign}` does not order {}", one.name().trim_start_matches("a "))
        } else {
            let sides = (self.tree.shown(left), self.tree.shown(right));
            format!("`{}` is {}, `{}` is {}", sides.0, one.name(), sides.1, other.name())
        };
        let help = between(self.tree, left, sign, right_text)
            .or_else(|| meant(sign, (left, left_text, one), (right, right_text, other)));
        let label = format!("`{sign}` wants both of one type");
        let help = help.map(|edit| self.tree.tokens.replaced(self.tree.range(part), &edit));
        self.complain(WRONG_TYPES, self.tree.range(part), message, label, help);
    }

    fn not_computable(
        &mut self,
        part: &IdedExpr,
        name: &str,
        left: &IdedExpr,
        right: &IdedExpr,
        shapes: &(Shape, Shape),
    ) {
        let (left_text, right_text) = (self.tree.text(left), self.tree.text(right));
        let (sign, one, other) = (sign(name), &shapes.0, &shapes.1);
        let message =
            format!("`{sign}` cannot be worked out for {} and {}", one.name(), other.name());
        let edit = match (one, other) {
            (one, other) if *one == INT && *other == DOUBLE => {
                Some(format!("double({left_text}) {sign} {right_text}"))
            }
            (one, other) if *one == DOUBLE && *other == INT => {
                Some(format!("{left_text} {sign} double({right_text})"))
            }
            (one, other) if sign == "+" && *one == STRING && *other == INT => {
                Some(format!("{left_text} + string({right_text})"))
            }
            _ => None,
        };
        let edit = edit.or_else(|| {
            let time = *one == TIMESTAMP || *one == DURATION;
            duration_literal(right)
                .filter(|_| time)
                .map(|call| format!("{left_text} {sign} {call}"))
        });
        let help = edit.map(|edit| self.tree.tokens.replaced(self.tree.range(part), &edit));
        self.complain(WRONG_TYPES, self.tree.range(part), message, String::new(), help);
    }
}

/// `5 < n < 10`, as in mathematics.
fn between(tree: &Tree<'_>, left: &IdedExpr, sign: &str, right: &str) -> Option<String> {
    let Expr::Call(call) = &left.expr else { return None };
    let [low, middle] = call.args.as_slice() else { return None };
    let inner = tree.text(left);
    (order(&call.func_name) && !inner.starts_with('(')).then(|| {
        format!(
            "{} {} {2} && {2} {sign} {right}",
            tree.text(low),
            self::sign(&call.func_name),
            tree.text(middle)
        )
    })
}

fn order(name: &str) -> bool {
    [operators::LESS, operators::LESS_EQUALS, operators::GREATER, operators::GREATER_EQUALS]
        .contains(&name)
}

/// As it was written.
fn sign(name: &str) -> &str {
    name.trim_matches('_')
}

/// The type of a sum, difference, product, quotient or remainder.
fn arithmetic(name: &str, left: &Shape, right: &Shape) -> Option<Shape> {
    if *left == Shape::Any || *right == Shape::Any {
        return Some(Shape::Any);
    }
    let same = left == right;
    let numbers = same && left.is_number();
    match name {
        operators::ADD if same && (*left == STRING || *left == DURATION) => Some(left.clone()),
        operators::ADD => match (left, right) {
            (Shape::List(one), Shape::List(other)) if one.fits(other) => Some(left.clone()),
            (one, other) if *one == TIMESTAMP && *other == DURATION => Some(TIMESTAMP),
            (one, other) if *one == DURATION && *other == TIMESTAMP => Some(TIMESTAMP),
            _ => numbers.then(|| left.clone()),
        },
        operators::SUBSTRACT if same && (*left == TIMESTAMP || *left == DURATION) => Some(DURATION),
        operators::SUBSTRACT if *left == TIMESTAMP && *right == DURATION => Some(TIMESTAMP),
        operators::MODULO => (same && *left == INT).then_some(INT),
        _ => numbers.then(|| left.clone()),
    }
}

type Side<'a> = (&'a IdedExpr, &'a str, &'a Shape);

/// The comparison that was meant by two sides that do not compare.
fn meant(sign: &str, left: Side<'_>, right: Side<'_>) -> Option<String> {
    if let Some(converted) = convert(right, left.2) {
        return Some(format!("{} {sign} {converted}", left.1));
    }
    if let Some(converted) = convert(left, right.2) {
        return Some(format!("{converted} {sign} {}", right.1));
    }
    match (left.2, right.2) {
        (one, other) if *one == TIMESTAMP && *other == DURATION => {
            // "Joined less than a day ago" is what people mean.
            Some(format!("now - {} {sign} {}", left.1, right.1))
        }
        (Shape::List(held), other) if sign == "==" && held.fits(other) => {
            Some(format!("{} in {}", right.1, left.1))
        }
        (one, Shape::List(held)) if sign == "==" && one.fits(held) => {
            Some(format!("{} in {}", left.1, right.1))
        }
        _ => None,
    }
}

/// A literal rewritten to the type of the other side.
fn convert(side: Side<'_>, wanted: &Shape) -> Option<String> {
    let Expr::Literal(literal) = &side.0.expr else { return None };
    match literal {
        LiteralValue::Null if *wanted == STRING => Some("\"\"".to_owned()),
        LiteralValue::String(text) => {
            let text = text.inner();
            match wanted {
                shape if *shape == INT => text.parse::<i64>().ok().map(|number| number.to_string()),
                shape if *shape == DOUBLE => text.parse::<f64>().ok().map(|_| text.to_owned()),
                shape if *shape == BOOL => text.parse::<bool>().ok().map(|value| value.to_string()),
                shape if *shape == TIMESTAMP => Some(format!("timestamp({})", side.1)),
                shape if *shape == DURATION => duration_literal(side.0),
                _ => None,
            }
        }
        LiteralValue::Int(_) if *wanted == STRING => Some(format!("\"{}\"", side.1)),
        LiteralValue::Int(seconds) if *wanted == DURATION => {
            Some(format!("duration(\"{}s\")", seconds.inner()))
        }
        _ => None,
    }
}

fn duration_literal(part: &IdedExpr) -> Option<String> {
    let Expr::Literal(literal) = &part.expr else { return None };
    match literal {
        LiteralValue::String(text) => Some(format!("duration(\"{}\")", text.inner())),
        LiteralValue::Int(seconds) => Some(format!("duration(\"{}s\")", seconds.inner())),
        _ => None,
    }
}
