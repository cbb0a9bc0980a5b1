//! How a checked clause is judged: `cel` with compiled patterns, our durations, and `has` that asks
//! whether a field is known.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue};
use cel::common::types::{CelBool, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Context, Env, ExecutionError, Value, extensions};

use super::scope::KNOWN;
use crate::rule::duration;

/// Built once: only the variables differ from event to event.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    let added = env.add_extension(extensions::strings).and_then(|()| {
        env.add_member_overload(
            "matches",
            "matches_pattern",
            STRING_TYPE,
            vec![PATTERN.to_owned()],
            matches,
        )
    });
    debug_assert!(added.is_ok(), "a function is declared twice: {added:?}");
    Arc::new(env)
});

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// A context with the functions and without any name; cheap.
pub fn context<'v>() -> Context<'static, 'v> {
    Context::with_env(Arc::clone(&ENV))
}

/// Whether a function takes a text, for literals that are checked when they are loaded.
pub fn evaluates(function: &str, argument: &str) -> bool {
    let literal = LiteralValue::String(argument.to_owned().into());
    let call = Expr::Call(CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![IdedExpr { id: 2, expr: Expr::Literal(literal) }],
    });
    context().resolve(&IdedExpr { id: 1, expr: call }).is_ok()
}

/// A pattern of `matches`, compiled when the rule is loaded: CEL compiles it for each call.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<regex::Regex>);

impl Pattern {
    /// Compiles a pattern; the error is its reason in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        /// Bytes of the compiled pattern.
        const LARGEST: usize = 1 << 20;
        match regex::RegexBuilder::new(text).size_limit(LARGEST).build() {
            Ok(regex) => Ok(Self(Arc::new(regex))),
            Err(regex::Error::CompiledTooBig(_)) => Err("it grows too large".to_owned()),
            Err(error) => Err(reason(&error.to_string()).to_owned()),
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a text has the pattern in it.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// What is wrong with a pattern, in our words: the parts of the crate's sentences that tell them apart.
fn reason(said: &str) -> &'static str {
    const REASONS: [(&str, &str); 17] = [
        ("unclosed group", "a `(` is never closed"),
        ("unopened group", "a `)` closes nothing"),
        ("unclosed character class", "a `[` is never closed"),
        ("invalid character class range", "a range in brackets runs backwards"),
        ("repetition operator missing", "there is nothing to repeat before `*`, `+`, `?` or `{`"),
        ("look-around", "look-ahead and look-behind do not exist here"),
        ("backreference", "references back to a group do not exist here"),
        ("unrecognized escape", "an escape in it means nothing"),
        ("incomplete escape", "it ends within an escape"),
        ("Unicode property", "there is no such class of characters"),
        ("unrecognized flag", "`(?…)` has a flag that does not exist"),
        ("duplicate flag", "`(?…)` has a flag twice"),
        ("unclosed counted repetition", "a `{` is never closed"),
        ("invalid repetition count", "the numbers in `{…}` run backwards"),
        ("repetition quantifier expects", "`{…}` wants one or two numbers"),
        ("decimal", "a number in it is missing or too large"),
        ("capture group name", "the name of a group is missing or given twice"),
    ];
    let found = REASONS.iter().find(|(part, _)| said.contains(part));
    found.map_or("it cannot be read", |(_, reason)| reason)
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (Some(text), Some(pattern)) = (
        args.first().and_then(|text| text.downcast_ref::<CelString<'_>>()),
        args.get(1).and_then(|pattern| pattern.downcast_ref::<Pattern>()),
    ) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner()))))
}

/// A clause ready to be judged.
#[derive(Debug)]
pub struct Program {
    expression: IdedExpr,
    patterns: Vec<(String, Pattern)>,
}

impl Program {
    /// Compiles a clause that the checker has passed; the error is the parser's.
    pub fn compile(clause: &str) -> Result<Self, String> {
        let mut expression = ENV.parser().parse(clause).map_err(|errors| errors.to_string())?;
        let mut patterns = Vec::new();
        lower(&mut expression, &mut patterns)?;
        Ok(Self { expression, patterns })
    }

    /// Judges the clause.
    ///
    /// # Errors
    ///
    /// A sentence without any value in it: values are what members wrote.
    pub fn evaluate(&self, context: &Context<'_, '_>) -> Result<bool, String> {
        if self.patterns.is_empty() {
            return judge(&self.expression, context);
        }
        let mut inner = context.new_inner_scope();
        for (name, pattern) in &self.patterns {
            inner.add_variable_as_val(name.as_str(), Box::new(pattern.clone()));
        }
        judge(&self.expression, &inner)
    }
}

fn judge(expression: &IdedExpr, context: &Context<'_, '_>) -> Result<bool, String> {
    // `Value::resolve_val` would be compiled here, without optimisation in a debug build, and then
    // takes ten times the stack.
    match context.resolve(expression) {
        Ok(Value::Bool(answer)) => Ok(answer),
        Ok(other) => Err(format!("is {} and not true or false", other.type_of())),
        Err(error) => Err(sentence(&error)),
    }
}

/// What went wrong, without the values that the error carries.
fn sentence(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("`{key}` is not there"),
        ExecutionError::UndeclaredReference(name) => format!("`{name}` is not there"),
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` does not take {}",
            overload.function().trim_matches('_'),
            overload.argument_types().join(" and ")
        ),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "the result is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "the list is shorter".to_owned(),
        ExecutionError::UnexpectedType { got, want } => format!("{got} where {want} is wanted"),
        ExecutionError::FunctionError { function, .. } => {
            format!("`{function}` does not take this value")
        }
        _ => "the values do not fit the operators".to_owned(),
    }
}

/// Rewrites what `cel` would do worse: literal patterns become compiled ones, durations with days get
/// their seconds, and `has` asks for the mark of a known field.
fn lower(part: &mut IdedExpr, patterns: &mut Vec<(String, Pattern)>) -> Result<(), String> {
    match &mut part.expr {
        Expr::Call(call) => {
            rewrite(call, patterns)?;
            for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
                lower(part, patterns)?;
            }
        }
        Expr::Select(select) => {
            if select.test && matches!(select.operand.expr, Expr::Ident(_)) {
                select.field.insert(0, KNOWN);
            }
            lower(&mut select.operand, patterns)?;
        }
        Expr::List(ListExpr { elements, .. }) => {
            for part in elements {
                lower(part, patterns)?;
            }
        }
        Expr::Comprehension(steps) => {
            let steps = steps.as_mut();
            for part in [
                &mut steps.iter_range,
                &mut steps.accu_init,
                &mut steps.loop_cond,
                &mut steps.loop_step,
                &mut steps.result,
            ] {
                lower(part, patterns)?;
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    lower(&mut entry.value, patterns)?;
                }
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
    Ok(())
}

fn rewrite(call: &mut CallExpr, patterns: &mut Vec<(String, Pattern)>) -> Result<(), String> {
    let [argument] = call.args.as_mut_slice() else { return Ok(()) };
    let Expr::Literal(LiteralValue::String(text)) = &argument.expr else { return Ok(()) };
    if call.func_name == "matches" {
        // No name that anybody can write.
        let name = format!("@pattern{}", patterns.len());
        patterns.push((name.clone(), Pattern::new(text.inner())?));
        argument.expr = Expr::Ident(name);
    } else if call.func_name == "duration"
        && let Ok(duration) = duration::parse(text.inner())
    {
        let seconds = format!("{}s", duration.as_secs());
        argument.expr = Expr::Literal(LiteralValue::String(seconds.into()));
    }
    Ok(())
}
