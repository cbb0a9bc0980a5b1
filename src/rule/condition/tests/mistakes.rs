//! What is wrong with a condition, told with its place and one way out.

use super::*;

/// Code, marked place, message.
fn told(text: &str) -> (&'static str, &str, String) {
    let mistake = mistake(text);
    (mistake.code.0, &text[mistake.range], mistake.message)
}

fn help(text: &str) -> String {
    mistake(text).help.unwrap_or_default()
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
    assert_eq!(help("member.id + count == \"a\""), "write `member.id + string(count) == \"a\"`");
    assert_eq!(told("-member.id == \"a\"").2, "`-` is for numbers, and `member.id` is a string");
}

#[test]
fn true_or_false_is_wanted_where_it_is() {
    assert_eq!(
        told("member.id"),
        ("R018", "member.id", "a condition is true or false, and `member.id` is a string".into())
    );
    assert_eq!(help("member.id"), "write `member.id != \"\"`");
    assert_eq!(help("member.muted && count"), "write `count > 0`");
    assert_eq!(help("message.mentions"), "write `message.mentions.size() > 0`");
    assert_eq!(
        told("!member.id"),
        ("R014", "member.id", "`member.id` is a string, and true or false is wanted here".into())
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
    assert_eq!(mistake("member.id.startsWith()").label, "it is written string.startsWith(string)");
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
    assert_eq!(help("\"adm\" in member.name_card"), "write `member.name_card.contains(\"adm\")`");
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
    let all = mistakes("sender.id == \"a\" && count > \"5\" && member.role == \"admn\" && nobody");
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
