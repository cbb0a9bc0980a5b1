//! The type checker's part for functions and comprehensions.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::check::Checker;
use super::engine;
use super::functions::{self, COMPREHENSIONS, Function};
use super::shape::{BOOL, Shape};
use crate::rule::crontab;
use crate::rule::duration;
use crate::rule::mistake::{Code, Mistake};

const UNKNOWN_FUNCTION: Code = Code("R016");
const WRONG_ARGUMENTS: Code = Code("R017");
const COMPREHENSION: Code = Code("R024");
const PATTERN: Code = Code("R026");
const TIMESTAMP: Code = Code("R041");

/// Comprehensions within comprehensions: the steps multiply, and an event must be decided in
/// milliseconds.
const MAX_COMPREHENSIONS: usize = 2;

impl Checker<'_> {
    /// The type of what a function gives.
    pub(super) fn call(&mut self, part: &IdedExpr, call: &CallExpr) -> Shape {
        let name = call.func_name.as_str();
        if COMPREHENSIONS.contains(&name) {
            return self.comprehension(part, call);
        }
        if name == operators::HAS && call.target.is_none() {
            return self.has(part, call);
        }
        if functions::named(name).next().is_none() {
            return self.no_function(part, call);
        }
        let receiver = call.target.as_deref().map(|target| self.shape(target));
        let arguments: Vec<_> = call.args.iter().map(|part| self.shape(part)).collect();
        let fits = |function: &&Function| {
            let takes = function.arguments.iter().zip(&arguments);
            function.receiver.is_some() == receiver.is_some()
                && function.arguments.len() == arguments.len()
                && receiver
                    .iter()
                    .zip(function.receiver)
                    .all(|(one, kind)| one.fits_parameter(kind))
                && takes.fold(true, |fit, (kind, one)| fit && one.fits_parameter(*kind))
        };
        let mut fitting = functions::named(name).filter(fits);
        let Some(function) = fitting.next() else {
            self.wrong_arguments(part, call, receiver.as_ref(), &arguments);
            return Shape::Any;
        };
        self.literals(call);
        match fitting.next() {
            // Several fit only what is not known: then neither is the result.
            Some(other) if other.result != function.result => Shape::Any,
            _ => Shape::from(function.result),
        }
    }

    fn no_function(&mut self, part: &IdedExpr, call: &CallExpr) -> Shape {
        // What it was called with may have mistakes of its own.
        call.target.iter().for_each(|target| drop(self.shape(target)));
        let range = self.tree.name_range(part);
        let name = call.func_name.as_str();
        let meant = functions::meant(name);
        let help = meant.map(|meant| self.tree.tokens.replaced(range.clone(), meant));
        let label = "there are: startsWith endsWith contains matches size exists all filter map duration timestamp …";
        let message = format!("there is no function `{name}`");
        self.complain(UNKNOWN_FUNCTION, range, message, label.to_owned(), help);
        Shape::Any
    }

    fn wrong_arguments(
        &mut self,
        part: &IdedExpr,
        call: &CallExpr,
        receiver: Option<&Shape>,
        arguments: &[Shape],
    ) {
        let name = call.func_name.as_str();
        let mut given: Vec<_> = receiver.map(Shape::name).into_iter().collect();
        given.extend(arguments.iter().map(Shape::name));
        let message = match (receiver, given.as_slice()) {
            (_, []) => format!("`{name}` is called without an argument"),
            (Some(_), [only]) => format!("`{name}` cannot be called on {only} like this"),
            (Some(_), [on, with @ ..]) => {
                format!("`{name}` cannot be called on {on} with {}", with.join(" and "))
            }
            (None, given) => format!("`{name}` cannot be called with {}", given.join(" and ")),
        };
        let signatures: Vec<_> = functions::named(name).map(Function::signature).collect();
        let label = format!("it is written {}", signatures.join(" or "));
        let first = functions::named(name).next();
        let texts: Vec<_> = call.args.iter().map(|part| self.tree.text(part)).collect();
        let help = match (first.and_then(|function| function.receiver), texts.as_slice()) {
            // Written as a function of two where it belongs to the first.
            (Some(_), [on, with @ ..]) if call.target.is_none() => {
                let edit = format!("{on}.{name}({})", with.join(", "));
                Some(self.tree.tokens.replaced(self.tree.range(part), &edit))
            }
            _ => None,
        };
        self.complain(WRONG_ARGUMENTS, self.tree.range(part), message, label, help);
    }

    fn has(&mut self, part: &IdedExpr, call: &CallExpr) -> Shape {
        match call.args.as_slice() {
            [field] if matches!(field.expr, Expr::Select(_)) => drop(self.shape(field)),
            _ => {
                let message = "`has` asks whether a field is known".to_owned();
                let label = "it is written has(member.joined_at)".to_owned();
                self.complain(WRONG_ARGUMENTS, self.tree.range(part), message, label, None);
            }
        }
        BOOL
    }

    fn comprehension(&mut self, part: &IdedExpr, call: &CallExpr) -> Shape {
        let name = call.func_name.as_str();
        let (Some(target), [variable, steps @ ..]) = (&call.target, call.args.as_slice()) else {
            return self.wrong_comprehension(part, name);
        };
        let Expr::Ident(variable) = &variable.expr else {
            return self.wrong_comprehension(part, name);
        };
        if steps.is_empty() || steps.len() > if name == "map" { 2 } else { 1 } {
            return self.wrong_comprehension(part, name);
        }
        let element = match self.shape(target) {
            Shape::List(element) => *element,
            Shape::Any if self.depth > 0 && self.reads_dynamic(target) => {
                // Its length is bounded by nothing but the size of a callback.
                self.too_many(part, "over a part of `event.body`, only one may be used");
                Shape::Any
            }
            Shape::Any => Shape::Any,
            shape => {
                let text = self.tree.shown(target);
                let message = format!(
                    "`{name}` looks at every element of a list, and `{text}` is {}",
                    shape.name()
                );
                self.complain(COMPREHENSION, self.tree.range(target), message, String::new(), None);
                Shape::Any
            }
        };
        if self.depth >= MAX_COMPREHENSIONS {
            self.too_many(part, "only one may stand in another");
            return Shape::Any;
        }
        self.depth += 1;
        self.locals.push((variable.clone(), element.clone()));
        let result = self.steps(name, steps, element);
        self.locals.pop();
        self.depth -= 1;
        result
    }

    fn steps(&mut self, name: &str, steps: &[IdedExpr], element: Shape) -> Shape {
        match (name, steps) {
            ("map", [.., result]) => {
                steps[..steps.len() - 1].iter().for_each(|test| self.boolean(test));
                Shape::List(Box::new(self.shape(result)))
            }
            (_, tests) => {
                tests.iter().for_each(|test| self.boolean(test));
                if name == "filter" { Shape::List(Box::new(element)) } else { BOOL }
            }
        }
    }

    fn reads_dynamic(&self, part: &IdedExpr) -> bool {
        self.tree.text(part).contains("event.body")
    }

    fn too_many(&mut self, part: &IdedExpr, label: &str) {
        let message = "too many comprehensions within each other".to_owned();
        self.complain(COMPREHENSION, self.tree.name_range(part), message, label.to_owned(), None);
    }

    fn wrong_comprehension(&mut self, part: &IdedExpr, name: &str) -> Shape {
        let test = if name == "map" { "x + \"!\"" } else { "x.startsWith(\"a\")" };
        let message =
            format!("`{name}` needs a list, a name for its elements and what to do with each");
        let label = format!("it is written list.{name}(x, {test})");
        self.complain(WRONG_ARGUMENTS, self.tree.range(part), message, label, None);
        if matches!(name, "map" | "filter") { Shape::Any } else { BOOL }
    }

    /// Literals that the function would refuse each time it is called.
    fn literals(&mut self, call: &CallExpr) {
        let Some(argument) = call.args.first() else { return };
        let range = self.tree.range(argument);
        let text = match &argument.expr {
            Expr::Literal(LiteralValue::String(text)) => text.inner(),
            _ if call.func_name == "matches" => {
                // Compiling it for each event would be slow, and members could write it.
                let message = "a pattern has to be written out".to_owned();
                let help =
                    Some("use `contains` for a text that is not known beforehand".to_owned());
                return self.complain(PATTERN, range, message, String::new(), help);
            }
            _ => return,
        };
        let mistake = match call.func_name.as_str() {
            "matches" => engine::Pattern::new(text).err().map(|why| pattern(why, text)),
            "duration" => duration_literal(text),
            "timestamp" => timestamp_literal(text),
            name if name.starts_with("get") && !text.contains(':') => crontab::timezone(text).err(),
            _ => None,
        };
        self.mistakes.extend(mistake.map(|mistake| Mistake { range, ..mistake }));
    }
}

/// The range is set by the caller.
fn pattern(why: String, text: &str) -> Mistake {
    let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| text.contains(look));
    Mistake {
        code: PATTERN,
        range: 0..0,
        message: format!("this pattern is wrong: {why}"),
        label: "patterns are those of RE2 and of Rust's regex".to_owned(),
        help: around
            .then(|| "write what must not follow as a clause of its own: `&& !(…)`".to_owned()),
    }
}

/// CEL's own durations are taken too: `1.5h`, `100ms`, `-5m`.
fn duration_literal(text: &str) -> Option<Mistake> {
    let mistake = duration::parse(text).err()?;
    (!engine::evaluates("duration", text)).then_some(mistake)
}

fn timestamp_literal(text: &str) -> Option<Mistake> {
    if engine::evaluates("timestamp", text) {
        return None;
    }
    let complete = [format!("{text}T00:00:00Z"), format!("{text}Z"), text.replace(' ', "T") + "Z"];
    let help = complete.into_iter().find(|text| engine::evaluates("timestamp", text));
    Some(Mistake {
        code: TIMESTAMP,
        range: 0..0,
        message: "this is not a time".to_owned(),
        label: "a time is written as in RFC 3339: 2026-11-20T09:00:00Z or …T17:00:00+08:00"
            .to_owned(),
        help: help.map(|text| format!("write `timestamp(\"{text}\")`")),
    })
}
