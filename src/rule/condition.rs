//! Conditions: one line of CEL, checked against the names of the rule's events when it is loaded.

mod calls;
mod check;
mod engine;
mod fact;
mod formula;
mod functions;
mod known;
mod lexer;
mod meaning;
mod native;
mod operators;
mod scope;
mod shape;
mod syntax;
mod token;

pub use engine::context;
pub use fact::Fact;
pub use formula::{Formula, never_together};
pub use known::event_names;
pub use native::{Facts, Native, Seen};
pub use scope::{Datum, bind, bind_int, bind_time, shown};

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::catalog::Object;
use super::mistake::Mistake;
use super::names::Names;
use engine::Program;
use operators::NEVER;
use syntax::Tree;
use token::Tokens;

/// A checked condition, kept as its top-level `&&` clauses, so that a trace can name the one that failed.
#[derive(Debug)]
pub struct Condition {
    text: String,
    clauses: Vec<Clause>,
}

/// One clause of a condition.
#[derive(Debug)]
pub struct Clause {
    text: Arc<str>,
    /// What it is, when that is simple.
    native: Option<Native>,
    /// Compiled when it is loaded; a simple one when it is first wanted, which is hardly ever.
    program: OnceLock<Result<Program, String>>,
    uses: Vec<(Object, String)>,
    /// What it uses as it is written, `member.role` for instance.
    names: Vec<Arc<str>>,
    /// `count` and `now`, where it reads them.
    bare: Vec<&'static str>,
    /// Bytes of the condition.
    range: Range<usize>,
    normal: String,
    formula: Formula,
}

impl Condition {
    /// Reads and checks a condition: its type is bool, and every name, function and comparison in it
    /// makes sense on the rule's events. It is judged per clause, each compiled once.
    ///
    /// # Errors
    ///
    /// All mistakes at once, ordered by place: R010 to R028, R040, R041, R044. Those of
    /// [`is_warning`] are among them; [`Condition::check`] leaves their weight to the caller.
    pub fn compile(text: &str, names: &Names) -> Result<Self, Vec<Mistake>> {
        match Self::check(text, names) {
            (Some(condition), mistakes) if mistakes.is_empty() => Ok(condition),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// As [`Condition::compile`], but there is a condition too when all mistakes are warnings.
    pub fn check(text: &str, names: &Names) -> (Option<Self>, Vec<Mistake>) {
        let tokens = match Tokens::read(text) {
            Ok(tokens) => tokens,
            Err(mistakes) => return (None, mistakes),
        };
        let mut clauses = Vec::new();
        let mut mistakes = Vec::new();
        for range in tokens.clauses() {
            clauses.extend(Clause::compile(&tokens, range, names, &mut mistakes));
        }
        mistakes.sort_by_key(|mistake| (mistake.range.start, mistake.code));
        let judgeable = mistakes.iter().all(is_warning);
        (judgeable.then(|| Self { text: text.to_owned(), clauses }), mistakes)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The clauses; all must hold.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// What all clauses together say.
    pub fn formula(&self) -> Formula {
        Formula::All(self.clauses.iter().map(|clause| clause.formula.clone()).collect())
    }
}

impl Clause {
    /// `None` when a mistake that was found leaves nothing to judge.
    fn compile(
        tokens: &Tokens<'_>,
        range: Range<usize>,
        names: &Names,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let tree = Tree::parse(tokens, range.clone()).map_err(|found| mistakes.push(found)).ok()?;
        let (reads, found) = check::check(&tree, names);
        let judgeable = found.iter().all(is_warning);
        mistakes.extend(found);
        if !judgeable {
            return None;
        }
        let text = &tokens.text[range.clone()];
        let native = Native::read(&tree.root);
        let program = OnceLock::new();
        if native.is_none() {
            let refused = || token::syntax(range.clone(), "this cannot be compiled".to_owned());
            let compiled = program.get_or_init(|| Program::compile(text));
            compiled.as_ref().map_err(|_| mistakes.push(refused())).ok()?;
        }
        let name = |(object, field): &(Object, String)| format!("{}.{field}", object.name()).into();
        let shown = reads.fields.iter().map(name).collect();
        Some(Self {
            text: text.into(),
            native,
            program,
            uses: reads.fields,
            names: shown,
            bare: reads.bare,
            normal: meaning::normal(&tree),
            formula: meaning::of(&tree, names),
            range,
        })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As written, to be kept in traces.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// How it is judged without CEL, when it is that simple.
    pub fn native(&self) -> Option<&Native> {
        self.native.as_ref()
    }

    /// What [`Clause::uses`] tells, as it is written: `member.role`.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// `count` and `now`, where it reads them.
    pub fn bare(&self) -> &[&'static str] {
        &self.bare
    }

    /// Where it stands in the condition, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What it says, as far as that is plain.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// Whether another clause says the same in the same words.
    pub fn repeats(&self, other: &Self) -> bool {
        self.normal == other.normal
    }

    /// The fields that it reads.
    pub fn uses(&self) -> &[(Object, String)] {
        &self.uses
    }

    /// Whether it reads `count` or `now`.
    pub fn reads(&self, name: &str) -> bool {
        self.bare.contains(&name)
    }

    /// Judges it; the error is a sentence for the trace, without values.
    ///
    /// The context is [`context`] with the rule's names bound by [`bind`], [`bind_int`] and
    /// [`bind_time`]; one serves all rules of an event.
    pub fn evaluate(&self, context: &cel::Context<'_, '_>) -> Result<bool, String> {
        match self.program.get_or_init(|| Program::compile(&self.text)) {
            Ok(program) => program.evaluate(context),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Whether a mistake leaves the condition judgeable, so that it may count as a warning: a comparison
/// that always has the same result.
pub fn is_warning(mistake: &Mistake) -> bool {
    mistake.code == NEVER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::rule::EventKind;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn on_message() -> Names {
        Names::of_events(&[EventKind::MessageSent]).with_count()
    }

    fn compile(text: &str) -> Condition {
        Condition::compile(text, &on_message())
            .unwrap_or_else(|mistakes| panic!("{text}: {mistakes:#?}"))
    }

    fn mistakes(text: &str) -> Vec<Mistake> {
        Condition::compile(text, &on_message()).unwrap_err()
    }

    fn mistake(text: &str) -> Mistake {
        let mut all = mistakes(text);
        assert_eq!(all.len(), 1, "{text}: {all:#?}");
        all.remove(0)
    }

    /// Code, marked place, message.
    fn told(text: &str) -> (&'static str, &str, String) {
        let mistake = mistake(text);
        (mistake.code.0, &text[mistake.range], mistake.message)
    }

    fn help(text: &str) -> String {
        mistake(text).help.unwrap_or_default()
    }

    fn scene() -> cel::Context<'static, 'static> {
        let mut scene = context();
        let text = |text: &str| Datum::Text(text.to_owned());
        let texts =
            |texts: &[&str]| Datum::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        let joined = Datum::Time(Timestamp(NOW.0 - 3_600_000));
        let member = vec![
            ("id", text("ann")),
            ("role", text("admin")),
            ("joined_at", joined),
            ("muted", Datum::Bool(false)),
            ("muted_until", Datum::Absent),
        ];
        bind(&mut scene, Object::Member, member);
        bind(
            &mut scene,
            Object::Group,
            vec![("type", text("Public")), ("member_count", Datum::Int(12))],
        );
        let message = vec![
            ("text", text("Buy NOW 123")),
            ("types", texts(&["TIMTextElem", "TIMImageElem"])),
            ("mentions", texts(&[])),
            ("sequence", Datum::Int(7)),
        ];
        bind(&mut scene, Object::Message, message);
        bind::<&str>(&mut scene, Object::Event, Vec::new());
        bind_int(&mut scene, "count", 6);
        bind_time(&mut scene, "now", NOW);
        scene
    }

    fn judge(text: &str) -> Result<bool, String> {
        let scene = scene();
        let mut all = true;
        for clause in compile(text).clauses() {
            all &= clause.evaluate(&scene)?;
        }
        Ok(all)
    }

    #[test]
    fn the_sample_of_the_rule_language_is_told_as_it_promises() {
        assert_eq!(
            mistake("\"admin\" in sender.roles"),
            Mistake {
                code: check::UNKNOWN_FIELD,
                range: 11..23,
                message: "`sender.roles` does not exist".into(),
                label:
                    "on message.sent there is `member` with: id role joined_at name_card muted …"
                        .into(),
                help: Some("write `member.role == \"admin\"`".into()),
            }
        );
    }

    #[test]
    fn clauses_keep_their_text_and_what_they_read() {
        let condition =
            compile("member.role == \"admin\" && (count > 5 || group.name == member.id)");
        let texts: Vec<_> = condition.clauses().iter().map(Clause::text).collect();
        assert_eq!(texts, ["member.role == \"admin\"", "(count > 5 || group.name == member.id)"]);
        assert_eq!(condition.clauses()[0].uses(), [(Object::Member, "role".to_owned())]);
        assert_eq!(
            condition.clauses()[1].uses(),
            [(Object::Group, "name".to_owned()), (Object::Member, "id".to_owned())]
        );
        assert!(condition.clauses()[1].reads("count") && !condition.clauses()[0].reads("count"));
    }

    #[test]
    fn what_the_checker_passes_is_judged_without_an_error() {
        let truths = [
            "true",
            "member.role == \"admin\" && group.type != \"Work\" && count == 6",
            "member.id.startsWith(\"a\") && member.id.endsWith(\"nn\") && member.id.contains(\"n\")",
            "message.text.matches(r\"\\d{3}$\") && !message.text.matches(\"(?i)sell\")",
            "message.text.lowerAscii().contains(\"buy now\")",
            "message.text.size() == 11 && size(message.types) == 2 && message.types.size() > 1",
            "\"TIMImageElem\" in message.types && member.role in [\"owner\", \"admin\"]",
            "message.types.exists(kind, kind.matches(\"Image\")) && message.types.all(t, t.startsWith(\"TIM\"))",
            "message.types.filter(t, t != \"TIMTextElem\").map(t, t.size()) == [12]",
            "message.types.exists_one(a, message.types.exists(b, a == b && a == \"TIMTextElem\"))",
            "message.types[1] == \"TIMImageElem\"",
            "now - member.joined_at < duration(\"24h\") && now - member.joined_at == duration(\"1h\")",
            "duration(\"7d\") == duration(\"168h\") && duration(\"1d\") + duration(\"1.5h\") > duration(\"25h\")",
            "member.joined_at + duration(\"1h\") == now && duration(\"1h\") + member.joined_at == now",
            "now - duration(\"1h\") == member.joined_at && now > timestamp(\"2026-11-20T00:00:00Z\")",
            "now.getHours() == 8 && now.getHours(\"Asia/Shanghai\") == 16 && now.getDayOfWeek() == 5",
            "(now - member.joined_at).getMinutes() == 60 && int(now) == 1800000000",
            "count + 1 == 7 && count * 2 - 1 == 11 && count / 4 == 1 && count % 4 == 2 && -count == -6",
            "double(count) / 4.0 == 1.5 && count > 5.5 && 6.0 == count && int(5.9) == 5 && int(\"5\") == 5",
            "string(count) + \"x\" == \"6x\" && string(true) == \"true\" && double(\"1.5\") == 1.5",
            "count > 5 ? member.role == \"admin\" : false",
            "[1, 2] + [3] == [1, 2, 3] && !(4 in [1, 2]) && \"a\" < \"b\"",
            "has(member.joined_at) && !has(member.muted_until) && !has(member.name_card)",
            "member.name_card == \"\" && member.muted_until == timestamp(0) && event.platform == \"\" && !event.by_bot",
            "message.sequence == 7 && message.mentions == [] && group.member_count >= 12",
        ];
        for truth in truths {
            assert_eq!(judge(truth), Ok(true), "{truth}");
        }
    }

    #[test]
    fn unknown_names_are_told_with_what_there_is() {
        assert_eq!(
            told("membr.role == \"admin\""),
            ("R010", "membr.role", "`membr.role` does not exist".into())
        );
        assert_eq!(help("membr.role == \"admin\""), "write `member.role == \"admin\"`");
        assert_eq!(
            told("member.rol == \"x\""),
            ("R012", "member.rol", "`member.rol` does not exist".into())
        );
        assert_eq!(told("level > 3").0, "R010");
        assert_eq!(
            mistake("level > 3").label,
            "on message.sent there are: event group operator member message count now"
        );
        assert_eq!(help("True"), "write `true`");
    }

    #[test]
    fn asking_whether_a_part_of_a_body_is_there_can_fail() {
        let names = Names::of_events(&[EventKind::Callback]);
        let certain = |text: &str| Condition::compile(text, &names).unwrap().formula().is_certain();
        assert!(certain("has(event.body)"));
        assert!(!certain("has(event.body.Info)"));
    }

    #[test]
    fn an_object_alone_is_not_a_value() {
        assert_eq!(
            told("member == \"ann\""),
            ("R014", "member", "`member` is a member, not a value".into())
        );
        assert_eq!(help("member == \"ann\""), "write `member.id == \"ann\"`");
    }

    #[test]
    fn a_field_of_a_plain_value_does_not_exist() {
        assert_eq!(
            told("member.id.size > 3"),
            ("R012", "size", "`member.id` is a string and has no fields".into())
        );
        assert_eq!(help("member.id.size > 3"), "write `member.id.size() > 3`");
    }

    #[test]
    fn sides_of_different_types_are_told_apart_and_converted() {
        let (code, place, message) = told("count > \"5\"");
        assert_eq!(
            (code, place, message.as_str()),
            ("R014", "count > \"5\"", "`count` is an int, `\"5\"` is a string")
        );
        assert_eq!(help("count > \"5\""), "write `count > 5`");
        assert_eq!(help("member.id == 5"), "write `member.id == \"5\"`");
        assert_eq!(
            help("now - member.joined_at < \"24h\""),
            "write `now - member.joined_at < duration(\"24h\")`"
        );
        assert_eq!(
            help("member.joined_at < duration(\"24h\")"),
            "write `now - member.joined_at < duration(\"24h\")`"
        );
        assert_eq!(
            help("now > \"2026-11-20T00:00:00Z\""),
            "write `now > timestamp(\"2026-11-20T00:00:00Z\")`"
        );
        assert_eq!(
            help("message.types == \"TIMTextElem\""),
            "write `\"TIMTextElem\" in message.types`"
        );
        assert_eq!(help("member.role == [\"admin\"]"), "write `member.role in [\"admin\"]`");
        assert_eq!(help("member.muted == \"true\""), "write `member.muted == true`");
        assert_eq!(help("group.owner == null"), "write `group.owner == \"\"`");
        assert_eq!(told("group.owner == null").2, "nothing is ever null in a condition");
        assert_eq!(told("member.muted < true").2, "`<` does not order bool");
    }

    #[test]
    fn sums_of_what_does_not_add_up_are_refused() {
        assert_eq!(
            told("now - 5 < now"),
            ("R014", "now - 5", "`-` cannot be worked out for a timestamp and an int".into())
        );
        assert_eq!(help("now - 5 < now"), "write `now - duration(\"5s\") < now`");
        assert_eq!(help("count + 1.5 > 2.0"), "write `double(count) + 1.5 > 2.0`");
        assert_eq!(
            help("member.id + count == \"a\""),
            "write `member.id + string(count) == \"a\"`"
        );
        assert_eq!(
            told("-member.id == \"a\"").2,
            "`-` is for numbers, and `member.id` is a string"
        );
    }

    #[test]
    fn true_or_false_is_wanted_where_it_is() {
        assert_eq!(
            told("member.id"),
            (
                "R018",
                "member.id",
                "a condition is true or false, and `member.id` is a string".into()
            )
        );
        assert_eq!(help("member.id"), "write `member.id != \"\"`");
        assert_eq!(help("member.muted && count"), "write `count > 0`");
        assert_eq!(help("message.mentions"), "write `message.mentions.size() > 0`");
        assert_eq!(
            told("!member.id"),
            (
                "R014",
                "member.id",
                "`member.id` is a string, and true or false is wanted here".into()
            )
        );
        assert_eq!(told("member.muted || count").1, "count");
    }

    #[test]
    fn functions_are_known_by_name_and_by_what_they_take() {
        assert_eq!(
            told("member.id.startWith(\"a\")"),
            ("R016", "startWith", "there is no function `startWith`".into())
        );
        assert_eq!(help("member.id.startWith(\"a\")"), "write `member.id.startsWith(\"a\")`");
        assert_eq!(help("len(member.id) > 3"), "write `size(member.id) > 3`");
        assert_eq!(
            told("member.id.startsWith(5)"),
            (
                "R017",
                "member.id.startsWith(5)",
                "`startsWith` cannot be called on a string with an int".into()
            )
        );
        assert_eq!(
            mistake("member.id.startsWith()").label,
            "it is written string.startsWith(string)"
        );
        assert_eq!(help("startsWith(member.id, \"a\")"), "write `member.id.startsWith(\"a\")`");
        assert_eq!(
            told("count.startsWith(\"a\")").2,
            "`startsWith` cannot be called on an int with a string"
        );
        assert_eq!(told("size(count) > 3").2, "`size` cannot be called with an int");
        assert_eq!(told("has(member)").0, "R017");
    }

    #[test]
    fn comprehensions_go_over_lists_and_not_deep() {
        assert_eq!(
            told("member.id.exists(x, x == \"a\")"),
            (
                "R024",
                "member.id",
                "`exists` looks at every element of a list, and `member.id` is a string".into()
            )
        );
        assert_eq!(told("message.types.exists(x == \"a\")").0, "R017");
        assert_eq!(
            mistake("message.types.exists(x == \"a\")").label,
            "it is written list.exists(x, x.startsWith(\"a\"))"
        );
        let deep = "[1].all(a, [1].all(b, [1].all(c, a == b && b == c)))";
        assert_eq!(told(deep), ("R024", "all", "too many comprehensions within each other".into()));
        assert_eq!(told("message.types.exists(x, x > 5)").2, "`x` is a string, `5` is an int");
        assert_eq!(told("message.types.filter(x, x != \"\")").0, "R018");
    }

    #[test]
    fn patterns_and_literal_times_are_read_at_load() {
        assert_eq!(
            told("message.text.matches(\"(a\")"),
            ("R026", "\"(a\"", "this pattern is wrong: a `(` is never closed".into())
        );
        assert_eq!(
            help("message.text.matches(\"a(?!b)\")"),
            "write what must not follow as a clause of its own: `&& !(…)`"
        );
        assert_eq!(told("message.text.matches(member.id)").2, "a pattern has to be written out");
        assert_eq!(
            told("message.text.matches(\"a{1000}{1000}\")").2,
            "this pattern is wrong: it grows too large"
        );
        assert_eq!(
            told("now - now < duration(\"2 days\")"),
            ("R040", "\"2 days\"", "this is not a duration".into())
        );
        assert_eq!(
            told("now > timestamp(\"2026-11-20\")"),
            ("R041", "\"2026-11-20\"", "this is not a time".into())
        );
        assert_eq!(
            help("now > timestamp(\"2026-11-20\")"),
            "write `timestamp(\"2026-11-20T00:00:00Z\")`"
        );
        assert_eq!(told("now.getHours(\"Asia/Shangai\") > 5").0, "R044");
        assert!(Condition::compile("now.getHours(\"+08:00\") > 5", &on_message()).is_ok());
    }

    #[test]
    fn a_value_that_a_field_never_has_is_told_and_is_only_a_warning() {
        let found = mistake("member.role == \"admn\"");
        assert!(is_warning(&found));
        assert_eq!(found.message, "`member.role` is never \"admn\"");
        assert_eq!(found.label, "it can be: owner admin member");
        assert_eq!(found.help.unwrap(), "write `member.role == \"admin\"`");
        assert_eq!(
            told("\"Admin\" != member.role").2,
            "`member.role` is never \"Admin\", so this is always true"
        );
        assert_eq!(help("group.type == \"ChatRoom\""), "write `group.type == \"Meeting\"`");
        assert_eq!(told("member.role in [\"owner\", \"moderator\"]").1, "\"moderator\"");
        assert_eq!(
            told("\"TIMTextElement\" in message.types").2,
            "`message.types` never holds \"TIMTextElement\""
        );
        assert_eq!(told("event.name == \"message.send\"").0, "R028");
        assert!(!is_warning(&mistake("member.rol == \"x\"")));
        let (condition, warnings) =
            Condition::check("count > 0 && member.role == \"admn\"", &on_message());
        assert_eq!((condition.unwrap().clauses().len(), warnings.len()), (2, 1));
        assert!(Condition::check("member.role == \"admn\" && nobody", &on_message()).0.is_none());
    }

    #[test]
    fn lists_and_results_of_a_choice_have_one_type() {
        assert_eq!(
            told("count in [1, \"2\"]").2,
            "`\"2\"` is a string in a list that began with an int"
        );
        assert_eq!(told("count in [\"1\"]").2, "`count` is an int, and `[\"1\"]` holds a string");
        assert_eq!(help("\"admin\" in member.role"), "write `member.role == \"admin\"`");
        assert_eq!(
            help("\"adm\" in member.name_card"),
            "write `member.name_card.contains(\"adm\")`"
        );
        assert_eq!(
            told("(count > 1 ? 1 : \"a\") == 1").2,
            "the two results of `?:` are an int and a string"
        );
        assert_eq!(
            told("message.types[\"a\"] == \"b\"").2,
            "a place in a list is an int, and `\"a\"` is a string"
        );
        assert_eq!(told("member.id[0] == \"b\"").2, "`member.id` is a string and not a list");
        assert_eq!(told("size({\"a\": 1}) == 1").0, "R020");
    }

    #[test]
    fn all_mistakes_of_all_clauses_are_told_in_order() {
        let all =
            mistakes("sender.id == \"a\" && count > \"5\" && member.role == \"admn\" && nobody");
        let codes: Vec<_> = all.iter().map(|mistake| mistake.code.0).collect();
        assert_eq!(codes, ["R012", "R014", "R028", "R010"]);
        assert!(all.windows(2).all(|pair| pair[0].range.start < pair[1].range.start));
    }

    #[test]
    fn count_is_there_only_in_rules_that_count() {
        let names = Names::of_events(&[EventKind::MessageSent]);
        let mistakes = Condition::compile("count > 5", &names).unwrap_err();
        assert_eq!(
            mistakes[0].label,
            "`count` is there in rules with `count = { each, within, more_than }`"
        );
    }

    #[test]
    fn the_body_of_a_callback_may_be_anything() {
        let names = Names::of_events(&[EventKind::Callback]);
        let text = "event.body.Info.Level + 1 == 4 && event.body.List.exists(x, x.Id == \"a\") && event.body.Name.startsWith(\"n\")";
        let condition = Condition::compile(text, &names).unwrap();
        let mut scene = context();
        let body = serde_json::json!({ "Info": { "Level": 3 }, "List": [{ "Id": "b" }, { "Id": "a" }], "Name": "nia" });
        bind(&mut scene, Object::Event, vec![("body", Datum::Json(body))]);
        for clause in condition.clauses() {
            assert_eq!(clause.evaluate(&scene), Ok(true), "{}", clause.text());
        }
        let quadratic = "event.body.a.all(x, event.body.a.all(y, x == y))";
        assert_eq!(Condition::compile(quadratic, &names).unwrap_err()[0].code.0, "R024");
    }

    #[test]
    fn an_error_while_judging_tells_no_values() {
        assert_eq!(judge("message.types[5] == \"a\"").unwrap_err(), "the list is shorter");
        assert_eq!(judge("int(message.text) == 1").unwrap_err(), "`int` does not take this value");
        assert_eq!(judge("1 / (count - 6) == 1").unwrap_err(), "divides by zero");
        let names = Names::of_events(&[EventKind::Callback]);
        let condition = Condition::compile("event.body.Level > 3", &names).unwrap();
        let mut scene = context();
        bind(
            &mut scene,
            Object::Event,
            vec![("body", Datum::Json(serde_json::json!({ "Level": "secret" })))],
        );
        assert_eq!(
            condition.clauses()[0].evaluate(&scene).unwrap_err(),
            "`>` does not take string and int"
        );
        bind(&mut scene, Object::Event, vec![("body", Datum::Json(serde_json::json!({})))]);
        assert_eq!(condition.clauses()[0].evaluate(&scene).unwrap_err(), "`Level` is not there");
    }

    #[test]
    fn values_are_shown_for_traces_but_not_what_members_wrote() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let types = Datum::Texts(words(&["TIMTextElem", "TIMImageElem"]));
        let cases = [
            (Object::Member, "role", Datum::Text("admin".to_owned()), "\"admin\""),
            (Object::Member, "muted_until", Datum::Absent, "1970-01-01T00:00:00Z (not known)"),
            (Object::Member, "joined_at", Datum::Time(NOW), "2027-01-15T08:00:00Z"),
            (Object::Message, "text", Datum::Text("Buy NOW 123".to_owned()), "(11 characters)"),
            (Object::Message, "types", types, "[\"TIMTextElem\", \"TIMImageElem\"]"),
            (Object::Group, "member_count", Datum::Int(12), "12"),
            (Object::Event, "body", Datum::Json(serde_json::json!({})), "(not shown)"),
        ];
        for (object, field, datum, expected) in cases {
            assert_eq!(shown(object, field, datum), expected, "{object:?}.{field}");
        }
        let condition = compile("count > 5 && member.role == \"admin\"");
        assert_eq!(condition.clauses()[0].bare(), ["count"]);
        assert_eq!(&*condition.clauses()[1].names()[0], "member.role");
    }

    #[test]
    fn conditions_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&compile("message.text.matches(\"a\")"));
    }

    #[test]
    fn the_largest_condition_fits_a_small_stack() {
        let nested = |open: &str, inside: &str, close: &str| {
            let levels = token::MAX_NESTING;
            format!("{}{inside}{}", open.repeat(levels), close.repeat(levels))
        };
        let chain = token::MAX_CHAIN;
        let texts = [
            nested("(", "true", ")"),
            nested("!(", "true", ")"),
            format!("{} == 5", nested("int(", "5", ")")),
            format!("true ? {}true{}", "(true ? ".repeat(7), " : false)".repeat(7)) + " : true",
            format!("1{} == 100", " + 1".repeat(chain - 1)),
            format!("\"a\"{} == \"a\"", ".lowerAscii()".repeat((chain - 2) / 2)),
            format!("true{}", " || true".repeat(200)),
            format!("event{} == 1", ".a".repeat(chain - 1)),
        ];
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let judged = small.spawn(move || {
            let scene = scene();
            for text in texts {
                match Condition::compile(&text, &on_message()) {
                    Ok(condition) => {
                        assert!(condition.clauses().iter().all(|c| c.evaluate(&scene).is_ok()));
                    }
                    Err(mistakes) => {
                        assert_eq!(mistakes[0].code, check::UNKNOWN_FIELD, "{mistakes:?}");
                    }
                }
            }
        });
        judged.unwrap().join().unwrap();
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_judged_or_marked_within_its_bounds(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "member", ".", "role", "id", "(", ")", " == ", " && ", " || ", "!", "\"admin\"", "count",
                "5", "now", " - ", "message.types", ".exists(x, ", "x", "[", "]", ", ", " in ", "猫", " ? ", " : ",
                "duration(\"1h\")", ".size()", "-", "null", "event.body", "\"", "and",
            ]), 0..16)
        ) {
            let text = parts.concat();
            match Condition::compile(&text, &on_message()) {
                Ok(condition) => {
                    let scene = scene();
                    for clause in condition.clauses() {
                        let judged = clause.evaluate(&scene);
                        proptest::prop_assert!(judged.is_ok() || text.contains('['), "{}: {:?}", text, judged);
                    }
                }
                Err(mistakes) => {
                    proptest::prop_assert!(!mistakes.is_empty());
                    for mistake in mistakes {
                        proptest::prop_assert!(text.get(mistake.range.clone()).is_some(), "{text}: {mistake:?}");
                    }
                }
            }
        }
    }
}
