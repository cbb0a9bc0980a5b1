//! Conditions read, checked and judged.

mod mistakes;

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
            label: "on message.sent there is `member` with: id role joined_at name_card muted …"
                .into(),
            help: Some("write `member.role == \"admin\"`".into()),
        }
    );
}

#[test]
fn clauses_keep_their_text_and_what_they_read() {
    let condition = compile("member.role == \"admin\" && (count > 5 || group.name == member.id)");
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
