//! The type checker: walks a clause as written and finds everything that could never be judged.
//!
//! CEL itself notices a wrong name or type only when the condition is judged, and then only on the
//! path that it took.

use std::ops::Range;

use cel::common::ast::{Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators};

use super::functions;
use super::shape::{BOOL, DOUBLE, INT, STRING, Shape, TIMESTAMP};
use super::syntax::{SYNTAX, Tree};
use crate::rule::catalog::{Object, Type};
use crate::rule::lookup;
use crate::rule::mistake::{Code, Mistake};
use crate::rule::names::Names;

pub const UNKNOWN_NAME: Code = Code("R010");
pub const UNKNOWN_FIELD: Code = Code("R012");
pub const WRONG_TYPES: Code = Code("R014");
pub const NOT_BOOL: Code = Code("R018");
/// Judging it always ends in an error.
pub const NEVER_JUDGED: Code = Code("R019");

/// What a clause turned out to read.
#[derive(Debug, Default)]
pub struct Reads {
    pub fields: Vec<(Object, String)>,
    /// `count` and `now`.
    pub bare: Vec<&'static str>,
}

/// The state of one walk.
pub struct Checker<'a> {
    pub(super) tree: &'a Tree<'a>,
    pub(super) names: &'a Names,
    /// Names that comprehensions bind, innermost last.
    pub(super) locals: Vec<(String, Shape)>,
    /// How many comprehensions the present part stands in.
    pub(super) depth: usize,
    pub(super) mistakes: Vec<Mistake>,
    reads: Reads,
    /// The name proposed by the last complaint about a name.
    instead: Option<String>,
}

/// Checks one clause: what it reads, and every mistake in it.
pub fn check(tree: &Tree<'_>, names: &Names) -> (Reads, Vec<Mistake>) {
    let mut checker = Checker {
        tree,
        names,
        locals: Vec::new(),
        depth: 0,
        mistakes: Vec::new(),
        reads: Reads::default(),
        instead: None,
    };
    let shape = checker.shape(&tree.root);
    if !shape.fits(&BOOL) {
        let text = tree.shown(&tree.root);
        let message = format!("a condition is true or false, and `{text}` is {}", shape.name());
        let help = match &shape {
            Shape::One(Type::String) => Some(format!("write `{text} != \"\"`")),
            Shape::One(Type::Int) if matches!(tree.root.expr, Expr::Call(_)) => {
                Some(format!("write `({text}) > 0`"))
            }
            Shape::One(Type::Int) => Some(format!("write `{text} > 0`")),
            Shape::List(_) => Some(format!("write `{text}.size() > 0`")),
            _ => None,
        };
        checker.complain(NOT_BOOL, tree.range(&tree.root), message, String::new(), help);
    }
    (checker.reads, checker.mistakes)
}

impl Checker<'_> {
    pub(super) fn complain(
        &mut self,
        code: Code,
        range: Range<usize>,
        message: String,
        label: String,
        help: Option<String>,
    ) {
        self.mistakes.push(Mistake { code, range, message, label, help });
    }

    /// The type of a part; `Any` after a complaint, so that one slip makes one mistake.
    pub(super) fn shape(&mut self, part: &IdedExpr) -> Shape {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Ident(name) => self.ident(part, name),
            Expr::Select(select) => self.select(part, select),
            Expr::Call(call) => match call.func_name.as_str() {
                operators::INDEX => self.index(&call.args),
                _ if call.target.is_none() && super::syntax::is_operator(&call.func_name) => {
                    self.operator(part, call)
                }
                _ => self.call(part, call),
            },
            Expr::List(list) => self.list(list),
            Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                let message = "conditions have no maps and no objects of their own".to_owned();
                let range = self.tree.range(part);
                self.complain(SYNTAX, range, message, String::new(), None);
                Shape::Any
            }
        }
    }

    fn literal(&mut self, part: &IdedExpr, literal: &LiteralValue) -> Shape {
        match literal {
            LiteralValue::Boolean(_) => BOOL,
            LiteralValue::Int(_) => INT,
            LiteralValue::Double(_) => DOUBLE,
            LiteralValue::String(_) => STRING,
            LiteralValue::Null => Shape::One(Type::Null),
            LiteralValue::Bytes(_) | LiteralValue::UInt(_) => {
                let message = "conditions have texts and ints, no bytes and no unsigned numbers";
                let range = self.tree.range(part);
                self.complain(SYNTAX, range, message.to_owned(), String::new(), None);
                Shape::Any
            }
        }
    }

    pub(super) fn local(&self, name: &str) -> Option<&Shape> {
        self.locals.iter().rfind(|(local, _)| local == name).map(|(_, shape)| shape)
    }

    fn ident(&mut self, part: &IdedExpr, name: &str) -> Shape {
        if let Some(shape) = self.local(name) {
            return shape.clone();
        }
        let bare = match name {
            "now" => Some(("now", TIMESTAMP)),
            "count" if self.names.has_count() => Some(("count", INT)),
            _ => None,
        };
        if let Some((name, shape)) = bare {
            if !self.reads.bare.contains(&name) {
                self.reads.bare.push(name);
            }
            return shape;
        }
        let range = self.tree.range(part);
        if ["None", "nil", "NULL", "Null", "undefined"].contains(&name) {
            let message = "nothing is ever null in a condition".to_owned();
            let label = "what nobody knows is `\"\"`, `0` or `false`".to_owned();
            let help =
                "compare with `\"\"`, or write `has(…)` to ask whether it is known".to_owned();
            self.complain(UNKNOWN_NAME, range, message, label, Some(help));
            return Shape::Any;
        }
        if let Some(object) = lookup::object(self.names, name) {
            let message = format!("`{name}` is {}, not a value", object.kind());
            let fields = self.names.objects().iter().find(|(found, _)| *found == object);
            let first =
                fields.and_then(|(_, fields)| fields.first()).map_or("id", |(field, _)| &**field);
            let help = self.tree.tokens.replaced(range.clone(), &format!("{name}.{first}"));
            let label = "a field is missing".to_owned();
            self.complain(WRONG_TYPES, range, message, label, Some(help));
        } else {
            self.unknown(range, lookup::bare(self.names, name));
        }
        Shape::Any
    }

    fn unknown(&mut self, range: Range<usize>, why: lookup::Unknown) {
        let code = if why.is_object { UNKNOWN_FIELD } else { UNKNOWN_NAME };
        let help = why.instead.as_ref().map(|name| self.tree.tokens.replaced(range.clone(), name));
        self.instead = why.instead;
        self.complain(code, range, why.message, why.label, help);
    }

    /// The object and field that a part names, if it is such a path.
    pub(super) fn path<'e>(&self, part: &'e IdedExpr) -> Option<(&'e str, &'e str)> {
        let Expr::Select(select) = &part.expr else { return None };
        let Expr::Ident(root) = &select.operand.expr else { return None };
        self.local(root).is_none().then_some((root.as_str(), select.field.as_str()))
    }

    fn select(&mut self, part: &IdedExpr, select: &SelectExpr) -> Shape {
        if let Some((root, field)) = self.path(part) {
            return match lookup::field(self.names, root, field) {
                Ok((object, kind)) => {
                    let read = (object, field.to_owned());
                    if !self.reads.fields.contains(&read) {
                        self.reads.fields.push(read);
                    }
                    Shape::from(kind)
                }
                Err(why) => {
                    self.unknown(self.tree.range(part), *why);
                    Shape::Any
                }
            };
        }
        let shape = self.shape(&select.operand);
        if shape == Shape::Any {
            return Shape::Any;
        }
        let (owner, field) = (self.tree.shown(&select.operand), select.field.as_str());
        let message = format!("`{owner}` is {} and has no fields", shape.name());
        let range = self.tree.name_range(part);
        let known = functions::named(field).next().map(|function| function.name);
        let meant = known.or_else(|| functions::meant(field));
        let help = meant.map(|name| self.tree.tokens.replaced(range.clone(), &format!("{name}()")));
        self.complain(UNKNOWN_FIELD, range, message, String::new(), help);
        Shape::Any
    }

    fn list(&mut self, list: &ListExpr) -> Shape {
        let mut element = Shape::Any;
        for part in &list.elements {
            let shape = self.shape(part);
            if element == Shape::Any {
                element = shape;
            } else if !shape.equals(&element) {
                let text = self.tree.shown(part);
                let message = format!(
                    "`{text}` is {} in a list that began with {}",
                    shape.name(),
                    element.name()
                );
                self.complain(WRONG_TYPES, self.tree.range(part), message, String::new(), None);
                return Shape::List(Box::new(Shape::Any));
            }
        }
        Shape::List(Box::new(element))
    }

    fn index(&mut self, args: &[IdedExpr]) -> Shape {
        let [list, at] = args else { return Shape::Any };
        if let (Expr::Ident(root), Expr::Literal(LiteralValue::String(field))) =
            (&list.expr, &at.expr)
            && self.local(root).is_none()
            && lookup::object(self.names, root).is_some()
        {
            let range = self.tree.range(list).start..self.tree.range(at).end + 1;
            let path = format!("{root}.{}", field.inner());
            let help = self.tree.tokens.replaced(range.clone(), &path);
            let message = "a field stands behind a dot".to_owned();
            self.complain(WRONG_TYPES, range, message, String::new(), Some(help));
            return Shape::Any;
        }
        if let Expr::Literal(LiteralValue::Int(place)) = &at.expr
            && **place < 0
        {
            let text = self.tree.shown(list);
            let message = "the places of a list are counted from 0".to_owned();
            let label = "there is none of this number".to_owned();
            let help = format!("write `{text}[{text}.size() - 1]` for the last");
            let range = self.tree.range(at);
            self.complain(NEVER_JUDGED, range, message, label, Some(help));
        }
        let (shape, at_shape) = (self.shape(list), self.shape(at));
        match shape {
            Shape::Any => Shape::Any,
            Shape::List(element) if at_shape.fits(&INT) => *element,
            Shape::List(_) => {
                let message = format!(
                    "a place in a list is an int, and `{}` is {}",
                    self.tree.shown(at),
                    at_shape.name()
                );
                self.complain(WRONG_TYPES, self.tree.range(at), message, String::new(), None);
                Shape::Any
            }
            Shape::One(_) => {
                let message =
                    format!("`{}` is {} and not a list", self.tree.shown(list), shape.name());
                self.complain(WRONG_TYPES, self.tree.range(list), message, String::new(), None);
                Shape::Any
            }
        }
    }

    /// The right side of `in`. `"admin" in sender.roles` means a comparison where the proposed field
    /// is a single text.
    pub(super) fn container(&mut self, left: &IdedExpr, right: &IdedExpr) -> Shape {
        let before = self.mistakes.len();
        let shape = self.shape(right);
        let proposed = self
            .instead
            .take()
            .filter(|_| self.mistakes.len() == before + 1 && matches!(right.expr, Expr::Select(_)));
        let is_text = |name: &String| {
            let (object, field) = name.split_once('.').unwrap_or_default();
            matches!(lookup::field(self.names, object, field), Ok((_, Type::String)))
        };
        if let Some(name) = proposed.filter(is_text) {
            let whole = self.tree.range(left).start..self.tree.range(right).end;
            let edit = format!("{name} == {}", self.tree.text(left));
            self.mistakes[before].help = Some(self.tree.tokens.replaced(whole, &edit));
        }
        shape
    }
}
