//! From the tree of a clause to what it says, as far as that is plain; the rest is kept as it is
//! written, since the same words mean the same twice.

use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::fact::Fact;
use super::formula::Formula;
use super::syntax::{Tree, is_operator};
use super::token::Kind;
use crate::rule::catalog::Type;
use crate::rule::names::Names;
use crate::rule::{duration, lookup};

/// What a clause says.
pub fn of(tree: &Tree<'_>, names: &Names) -> Formula {
    Reader { tree, names }.formula(&tree.root)
}

/// A clause as it is written, with its spaces made even and without brackets around all of it.
pub fn normal(tree: &Tree<'_>) -> String {
    Reader { tree, names: &Names::of_events(&[]) }.text(&tree.root)
}

struct Reader<'a> {
    tree: &'a Tree<'a>,
    names: &'a Names,
}

/// A literal that facts are about.
#[derive(PartialEq)]
enum Literal {
    Bool(bool),
    Text(String),
    Int(i128),
    /// Nanoseconds, of a duration or since 1970.
    Time(Type, i128),
}

impl Reader<'_> {
    fn formula(&self, part: &IdedExpr) -> Formula {
        match &part.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => constant(**value),
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_AND, [left, right]) => {
                    Formula::All(vec![self.formula(left), self.formula(right)])
                }
                (operators::LOGICAL_OR, [left, right]) => {
                    Formula::Any(vec![self.formula(left), self.formula(right)])
                }
                (operators::LOGICAL_NOT, [one]) => self.formula(one).negated(),
                (operators::CONDITIONAL, [test, yes, no]) => {
                    let test = self.formula(test);
                    let otherwise = Formula::All(vec![test.negated(), self.formula(no)]);
                    Formula::Any(vec![Formula::All(vec![test, self.formula(yes)]), otherwise])
                }
                (operators::IN, [element, list]) => {
                    self.contained(element, list).unwrap_or_else(|| self.opaque(part))
                }
                (name, [left, right]) if is_operator(name) => {
                    self.compared(name, left, right).unwrap_or_else(|| self.opaque(part))
                }
                _ => self.called(call).unwrap_or_else(|| self.opaque(part)),
            },
            _ => self.opaque(part),
        }
    }

    /// Something that is true or false, and nothing more is known about it.
    fn opaque(&self, part: &IdedExpr) -> Formula {
        let fact = Fact::is_true(&self.text(part));
        let certain = self.asks_whether_known(part) || self.kind(part) == Some(Type::Bool);
        Formula::Is(if certain { fact } else { fact.uncertain() })
    }

    /// `has` of a field of an object. `has(event.body.a)` is an error where the body has no fields.
    fn asks_whether_known(&self, part: &IdedExpr) -> bool {
        let Expr::Call(call) = &part.expr else { return false };
        let [IdedExpr { expr: Expr::Select(field), .. }] = call.args.as_slice() else {
            return false;
        };
        call.func_name == "has" && matches!(field.operand.expr, Expr::Ident(_))
    }

    fn compared(&self, name: &str, left: &IdedExpr, right: &IdedExpr) -> Option<Formula> {
        // The literal stands on the right from here on.
        let (subject, name, literal) = match (self.literal(left), self.literal(right)) {
            (Some(one), Some(two)) => return constants(name, &one, &two),
            (None, Some(literal)) => (left, name, literal),
            (Some(literal), None) => (right, mirrored(name), literal),
            (None, None) => return self.two_subjects(name, left, right),
        };
        match (name, literal) {
            (operators::EQUALS, literal) => self.equals(subject, &literal),
            (operators::NOT_EQUALS, literal) => {
                self.equals(subject, &literal).map(|formula| formula.negated())
            }
            (name, Literal::Int(bound)) => self.ordered(name, subject, Type::Int, bound),
            (name, Literal::Time(kind, bound)) => self.ordered(name, subject, kind, bound),
            _ => None,
        }
    }

    /// `a == b`: unknown, but the opposite of `b != a`.
    fn two_subjects(&self, name: &str, left: &IdedExpr, right: &IdedExpr) -> Option<Formula> {
        let mut sides = [self.text(left), self.text(right)];
        sides.sort();
        let fact = Fact::is_true(&sides.join(" == "));
        let known = self.kind(left).is_some() && self.kind(right).is_some();
        let formula = Formula::Is(if known { fact } else { fact.uncertain() });
        match name {
            operators::EQUALS => Some(formula),
            operators::NOT_EQUALS => Some(formula.negated()),
            _ => None,
        }
    }

    fn equals(&self, subject: &IdedExpr, literal: &Literal) -> Option<Formula> {
        match literal {
            Literal::Bool(true) => Some(self.formula(subject)),
            Literal::Bool(false) => Some(self.formula(subject).negated()),
            Literal::Text(text) if self.is_lower(subject) && has_capitals(text) => {
                Some(Formula::Never)
            }
            Literal::Text(text) => {
                let fact = Fact::equals(&self.text(subject), text);
                Some(Formula::Is(self.with_doubt(fact, subject)))
            }
            Literal::Int(value) => self.exactly(subject, Type::Int, *value),
            Literal::Time(kind, value) => self.exactly(subject, *kind, *value),
        }
    }

    fn exactly(&self, subject: &IdedExpr, kind: Type, value: i128) -> Option<Formula> {
        let low = self.ordered(operators::GREATER_EQUALS, subject, kind, value)?;
        let high = self.ordered(operators::LESS_EQUALS, subject, kind, value)?;
        Some(Formula::All(vec![low, high]))
    }

    fn ordered(&self, name: &str, subject: &IdedExpr, kind: Type, bound: i128) -> Option<Formula> {
        // Between a duration and something dynamic an order is an error, and an error is never true.
        let fits = kind != Type::Int || self.kind(subject) == Some(Type::Int);
        let size = fits.then(|| self.sized(subject)).flatten();
        let at_least = |bound: i128| match &size {
            Some((subject, certain)) => {
                let fact = Fact::size_at_least(&format!("{subject}.size()"), bound);
                Formula::Is(if *certain { fact } else { fact.uncertain() })
            }
            None => {
                let fact = Fact::at_least(&self.text(subject), bound);
                Formula::Is(self.with_doubt(fact, subject))
            }
        };
        fits.then(|| match name {
            operators::GREATER_EQUALS => Some(at_least(bound)),
            operators::GREATER => Some(at_least(bound + 1)),
            operators::LESS => Some(at_least(bound).negated()),
            operators::LESS_EQUALS => Some(at_least(bound + 1).negated()),
            _ => None,
        })?
    }

    /// `"a" in ["a", "b"]`; a list that is a field is not looked into.
    fn contained(&self, element: &IdedExpr, list: &IdedExpr) -> Option<Formula> {
        let Expr::List(list) = &list.expr else { return None };
        let equals = |item: &IdedExpr| match (self.literal(element), self.literal(item)) {
            (Some(one), Some(two)) => constants(operators::EQUALS, &one, &two),
            (None, Some(literal)) => self.equals(element, &literal),
            _ => None,
        };
        let each: Option<Vec<_>> = list.elements.iter().map(equals).collect();
        Some(Formula::Any(each?))
    }

    /// `x.startsWith("a")` and its like.
    fn called(&self, call: &CallExpr) -> Option<Formula> {
        let (target, [argument]) = (call.target.as_deref()?, call.args.as_slice()) else {
            return None;
        };
        let Literal::Text(text) = self.literal(argument)? else { return None };
        if self.kind(target) != Some(Type::String) {
            return None;
        }
        if call.func_name != "matches" && self.is_lower(target) && has_capitals(&text) {
            return Some(Formula::Never);
        }
        let fact = Fact::of_function(&call.func_name, &self.text(target), &text)?;
        Some(Formula::Is(self.with_doubt(fact, target)))
    }

    fn with_doubt(&self, fact: Fact, subject: &IdedExpr) -> Fact {
        if self.kind(subject).is_some() { fact } else { fact.uncertain() }
    }

    fn literal(&self, part: &IdedExpr) -> Option<Literal> {
        match &part.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Literal::Bool(**value)),
            Expr::Literal(LiteralValue::Int(value)) => Some(Literal::Int(i128::from(**value))),
            Expr::Literal(LiteralValue::String(value)) => {
                Some(Literal::Text(value.inner().to_owned()))
            }
            Expr::Call(call) if call.target.is_none() => {
                let [argument] = call.args.as_slice() else { return None };
                let Some(Literal::Text(text)) = self.literal(argument) else { return None };
                match call.func_name.as_str() {
                    "duration" => {
                        let time = duration::parse(&text).ok()?;
                        let nanos = i128::try_from(time.as_nanos()).ok()?;
                        Some(Literal::Time(Type::Duration, nanos))
                    }
                    "timestamp" => {
                        let time = chrono::DateTime::parse_from_rfc3339(&text).ok()?;
                        let nanos = i128::from(time.timestamp()) * 1_000_000_000;
                        let nanos = nanos + i128::from(time.timestamp_subsec_nanos());
                        Some(Literal::Time(Type::Timestamp, nanos))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The type of something that is there on every event and is judged without an error; `None` when
    /// that is not certain.
    fn kind(&self, part: &IdedExpr) -> Option<Type> {
        match &part.expr {
            Expr::Ident(name) if name == "count" && self.names.has_count() => Some(Type::Int),
            Expr::Ident(name) if name == "now" => Some(Type::Timestamp),
            Expr::Select(select) => {
                let Expr::Ident(root) = &select.operand.expr else { return None };
                let (_, kind) = lookup::field(self.names, root, &select.field).ok()?;
                (kind != Type::Dynamic).then_some(kind)
            }
            Expr::Call(_) if self.sized(part).is_some_and(|(_, certain)| certain) => {
                Some(Type::Int)
            }
            Expr::Call(call) if call.func_name == "lowerAscii" => {
                self.kind(call.target.as_deref()?).filter(|kind| *kind == Type::String)
            }
            _ => None,
        }
    }

    /// What `x.size()` or `size(x)` measures, and whether that is certainly there.
    fn sized(&self, part: &IdedExpr) -> Option<(String, bool)> {
        let Expr::Call(call) = &part.expr else { return None };
        let of = match (call.target.as_deref(), call.args.as_slice()) {
            _ if call.func_name != "size" => return None,
            (Some(target), []) => target,
            (None, [argument]) => argument,
            _ => return None,
        };
        Some((self.text(of), self.kind(of).is_some()))
    }

    fn is_lower(&self, part: &IdedExpr) -> bool {
        matches!(&part.expr, Expr::Call(call) if call.func_name == "lowerAscii")
    }

    /// A part as written, with its spaces made even and without brackets around all of it.
    fn text(&self, part: &IdedExpr) -> String {
        if let Expr::Select(select) = &part.expr
            && let Expr::Ident(root) = &select.operand.expr
        {
            return format!("{root}.{}", select.field);
        }
        let tokens = self.tree.tokens;
        let range = self.tree.range(part);
        let inside = |range: &Range<usize>, at: &Range<usize>| range.contains(&at.start);
        let mut held: Vec<_> =
            tokens.list.iter().enumerate().filter(|(_, t)| inside(&range, &t.range)).collect();
        while let [(_, first), .., (last, _)] = held.as_slice()
            && first.kind == Kind::Open
            && tokens.word(first) == "("
            && first.partner == Some(*last)
        {
            held.remove(0);
            held.pop();
        }
        let words: Vec<_> = held.iter().map(|(_, token)| tokens.word(token)).collect();
        words.join(" ")
    }
}

fn constant(value: bool) -> Formula {
    if value { Formula::Always } else { Formula::Never }
}

/// Two literals beside each other.
fn constants(name: &str, one: &Literal, two: &Literal) -> Option<Formula> {
    let order = match (one, two) {
        (Literal::Int(one), Literal::Int(two)) => Some(one.cmp(two)),
        (Literal::Time(kind, one), Literal::Time(other, two)) if kind == other => {
            Some(one.cmp(two))
        }
        _ => None,
    };
    Some(constant(match name {
        operators::EQUALS => one == two,
        operators::NOT_EQUALS => one != two,
        operators::LESS => order?.is_lt(),
        operators::LESS_EQUALS => order?.is_le(),
        operators::GREATER => order?.is_gt(),
        operators::GREATER_EQUALS => order?.is_ge(),
        _ => return None,
    }))
}

/// The operator with its sides exchanged.
fn mirrored(name: &str) -> &str {
    match name {
        operators::LESS => operators::GREATER,
        operators::LESS_EQUALS => operators::GREATER_EQUALS,
        operators::GREATER => operators::LESS,
        operators::GREATER_EQUALS => operators::LESS_EQUALS,
        same => same,
    }
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}
