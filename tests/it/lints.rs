//! What lint calls certain, held against judging: conditions made at random, values made at random.

use groupkeeper::chat::Account;
use groupkeeper::clock::Timestamp;
use groupkeeper::rule::catalog::Object;
use groupkeeper::rule::condition::{Condition, Datum, bind, bind_int, bind_time, context};
use groupkeeper::rule::condition::{Formula, never_together};
use groupkeeper::rule::diagnostic::render_all;
use groupkeeper::rule::model::Globs;
use groupkeeper::rule::names::Names;
use groupkeeper::rule::{self, EventKind};
use proptest::prelude::*;

const TEXTS: [&str; 9] = ["", "a", "b", "ab", "ba", "aba", "abc", "A", "staff_a"];
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn names() -> Names {
    Names::of_events(&[EventKind::MessageSent]).with_count()
}

/// One comparison, in CEL.
fn atom() -> impl Strategy<Value = String> {
    let subject = prop::sample::select(vec![
        "member.id",
        "message.text",
        "member.id.lowerAscii()",
        "message.types[0]",
    ]);
    let text = || prop::sample::select(TEXTS.to_vec());
    let number = prop::sample::select(vec!["count", "message.text.size()", "size(member.id)"]);
    let sign = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let function = prop::sample::select(vec!["startsWith", "endsWith", "contains", "matches"]);
    prop_oneof![
        (subject.clone(), text(), any::<bool>())
            .prop_map(|(x, t, same)| format!("{x} {} {t:?}", if same { "==" } else { "!=" })),
        (subject.clone(), function, text()).prop_map(|(x, f, t)| format!("{x}.{f}({t:?})")),
        (subject, text(), text()).prop_map(|(x, a, b)| format!("{x} in [{a:?}, {b:?}]")),
        (number.clone(), sign.clone(), -1i64..5).prop_map(|(x, s, n)| format!("{x} {s} {n}")),
        (number, sign.clone(), -1i64..5).prop_map(|(x, s, n)| format!("{n} {s} {x}")),
        (sign, 0i64..4)
            .prop_map(|(s, n)| format!("now - member.joined_at {s} duration(\"{}s\")", n + 1)),
        Just("member.muted".to_owned()),
        Just("member.muted == false".to_owned()),
        Just("has(member.joined_at)".to_owned()),
        Just("member.id == message.text".to_owned()),
        Just("message.text != member.id".to_owned()),
        Just("message.types.exists(t, t == \"a\")".to_owned()),
        Just("2 > 1".to_owned()),
    ]
}

/// A condition of some of them.
fn condition() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

#[derive(Clone, Debug)]
struct Scene {
    id: &'static str,
    text: &'static str,
    kind: Option<&'static str>,
    muted: bool,
    joined: Option<i64>,
    count: i64,
}

fn scene() -> impl Strategy<Value = Scene> {
    let text = || prop::sample::select(TEXTS.to_vec());
    (text(), text(), prop::option::of(text()), any::<bool>(), prop::option::of(0i64..6), -1i64..6)
        .prop_map(|(id, text, kind, muted, joined, count)| Scene {
            id,
            text,
            kind,
            muted,
            joined,
            count,
        })
}

fn judge(condition: &Condition, scene: &Scene) -> Vec<Result<bool, String>> {
    let mut context = context();
    let text = |text: &str| Datum::Text(text.to_owned());
    let joined =
        scene.joined.map_or(Datum::Absent, |ago| Datum::Time(Timestamp(NOW.0 - ago * 1_000)));
    let member =
        vec![("id", text(scene.id)), ("muted", Datum::Bool(scene.muted)), ("joined_at", joined)];
    bind(&mut context, Object::Member, member);
    let kinds = scene.kind.map(str::to_owned).into_iter().collect();
    let message = vec![("text", text(scene.text)), ("types", Datum::Texts(kinds))];
    bind(&mut context, Object::Message, message);
    bind_int(&mut context, "count", scene.count);
    bind_time(&mut context, "now", NOW);
    condition.clauses().iter().map(|clause| clause.evaluate(&context)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_never_true_is_true_for_no_value(
        text in condition(),
        scenes in prop::collection::vec(scene(), 24),
    ) {
        let (Some(condition), _) = Condition::check(&text, &names()) else { return Ok(()) };
        let formula = condition.formula();
        let never = never_together([&formula]);
        let always = formula.is_certain() && never_together([&formula.negated()]);
        for scene in scenes {
            let judged = judge(&condition, &scene);
            let holds = judged.iter().all(|clause| *clause == Ok(true));
            prop_assert!(!(never && holds), "{text} is true for {scene:?}");
            prop_assert!(!always || holds, "{text} is {judged:?} for {scene:?}");
        }
    }

    #[test]
    fn what_two_conditions_are_said_to_exclude_is_never_seen(
        (one, two) in (condition(), condition()),
        scenes in prop::collection::vec(scene(), 24),
    ) {
        let read = |text: &str| Condition::check(text, &names()).0;
        let (Some(first), Some(second)) = (read(&one), read(&two)) else { return Ok(()) };
        let never = never_together([&first.formula(), &second.formula()]);
        for scene in scenes.iter().filter(|_| never) {
            let holds = |condition| judge(condition, scene).iter().all(|one| *one == Ok(true));
            prop_assert!(!(holds(&first) && holds(&second)), "{one} and {two}: {scene:?}");
        }
    }
}

#[test]
fn plain_contradictions_are_found_and_open_questions_left_open() {
    let never = ["member.id == \"a\" && member.id == \"b\"", "count > 2 && 1 > count", "1 == 2"];
    for text in never {
        let formula = Condition::compile(text, &names()).unwrap().formula();
        assert!(never_together([&formula]), "{text}");
    }
    let open =
        ["member.id == \"a\" || member.id == \"b\"", "message.types[0] == \"a\"", "count > 2"];
    for text in open {
        let formula = Condition::compile(text, &names()).unwrap().formula();
        assert!(!never_together([&formula]) && !never_together([&formula.negated()]), "{text}");
    }
    assert!(!never_together([&Formula::Always]));
}

fn warnings(text: &str) -> String {
    let reading = rule::read(vec![("rules/a.toml".to_owned(), text.to_owned())], None);
    render_all(&reading.diagnostics, false)
}

#[test]
fn what_is_merely_odd_is_not_complained_about() {
    let quiet = r#"
[rule.two-kinds]
on = ["member.joined", "member.left"]
when = 'event.name == "member.joined" && member.id != ""'
do = [{ alert = { text = "one" } }]

[rule.created]
on = "group.created"
when = 'event.name == "Cats"'
do = [{ alert = { text = "two" } }]

[rule.stops-sometimes]
on = "member.joined"
when = 'member.id.startsWith("a")'
stop = true
do = [{ alert = { text = "three" } }]

[rule.stops-for-others]
on = "member.joined"
in = { groups = ["@TGS#_cats*"] }
stop = true
do = [{ alert = { text = "four" } }]

[rule.stops-if-the-mute-is-allowed]
on = "member.joined"
stop = true
do = [{ mute = { for = "5m" } }]

[rule.give]
on = "member.joined"
when = 'member.id.startsWith("staff_")'
do = [{ set_role = { role = "admin" } }]

[rule.take-back]
on = "member.joined"
when = 'member.id.startsWith("staff_")'
wait = "24h"
do = [{ set_role = { role = "member" } }]

[rule.of-guests]
on = "member.joined"
when = 'member.id.startsWith("guest_")'
do = [{ set_role = { role = "member" } }]

[rule.once-for-a-member-and-seldom-for-a-group]
on = "message.sent"
once = { each = ["group", "member"] }
cooldown = { each = ["group"], for = "1h" }
do = [{ alert = { text = "five" } }]
"#;
    assert_eq!(warnings(quiet), "");
}

#[test]
fn an_echo_that_its_rule_does_not_want_makes_no_loop() {
    let rules = r#"
[rule.only-owners]
on = "member.role_changed"
on_own = true
when = 'event.role == "owner"'
do = [{ set_role = { role = "admin" } }]
"#;
    assert!(!warnings(rules).contains("R107"), "{}", warnings(rules));
    let rules = rules.replace("\"owner\"", "\"admin\"");
    assert!(warnings(&rules).contains("`only-owners` starts itself again"));
}

#[test]
fn what_is_only_observed_starts_nothing() {
    let rules = "[rule.a]\non = \"member.card_changed\"\non_own = true\nmode = \"shadow\"\n\
                 do = [{ set_name_card = { text = \"hi\" } }]\n";
    assert!(!warnings(rules).contains("R107"));
    assert!(warnings(&rules.replace("shadow", "enforce")).contains("R107"));
}

#[test]
fn on_own_is_told_to_do_nothing_only_where_no_event_of_the_rule_can_be_the_bots() {
    let on = |kinds: &str| {
        let rule = format!("[rule.a]\non = {kinds}\non_own = true\n");
        warnings(&format!("{rule}do = [{{ alert = {{ text = \"hi\" }} }}]\n"))
    };
    for kinds in ["\"message.sent\"", "[\"message.sending\", \"private.sending\"]"] {
        assert!(on(kinds).contains("R113") && !on(kinds).contains("R102"), "{}", on(kinds));
    }
    let mixed = on("[\"message.sent\", \"member.joined\"]");
    assert!(mixed.contains("R102") && !mixed.contains("R113"), "{mixed}");
}

#[test]
fn a_limit_is_told_to_be_too_low_only_below_what_counts_at_once() {
    let limited = |actions: u32, then: &str| {
        warnings(&format!(
            "[rule.a]\non = \"message.sent\"\n\
             limit = {{ actions = {actions}, per = \"1m\", then = \"{then}\" }}\n\
             do = [{{ mute = {{ for = \"5m\" }} }}, {{ unmute = {{ who = \"x\" }} }}, \
             {{ alert = {{ text = \"hi\" }} }}]\n"
        ))
    };
    assert!(limited(1, "hold").contains("each time, all of them are held"));
    assert!(limited(1, "drop").contains("each time, all of them are dropped"));
    assert!(!limited(2, "hold").contains("R119"), "{}", limited(2, "hold"));
}

const ON_PEOPLE: &str = r#"[rule.mute-boss]
on = "message.sent"
do = [{ alert = { text = "look" } }, { mute = { who = "boss", for = "10m" } }]

[rule.mute-the-bot]
on = "message.sent"
do = [{ mute = { who = "administrator", for = "10m" } }]

[rule.mute-ops]
on = "message.sent"
when = 'member.id.startsWith("ops_night_")'
do = [
  { mute = { for = "10m" } },
]

[rule.mute-others]
on = "message.sent"
when = 'member.id.startsWith("op")'
do = [{ mute = { for = "10m" } }, { mute = { who = "mallory", for = "10m" } }]
"#;

#[test]
fn actions_on_accounts_that_the_configuration_protects_are_told() {
    let files = vec![("rules/people.toml".to_owned(), ON_PEOPLE.to_owned())];
    let reading = rule::read(files, None);
    assert!(reading.diagnostics.is_empty());
    let protected = Globs::new(&["boss", "ops_*"]).unwrap();
    let told = rule::on_protected(&reading.rules, &protected, &[Account::from("administrator")]);
    insta::assert_snapshot!(render_all(&told, false));
}

#[test]
fn changes_of_the_clock_are_told_beside_the_next_firings() {
    let rules = r#"
[rule.nightly]
schedule = { cron = "30 2 * * *", timezone = "Europe/Berlin" }
do = [{ alert = { text = "look" } }]

[rule.always]
schedule = { cron = "*/10 * * * *", timezone = "America/New_York" }
do = [{ alert = { text = "look" } }]
"#;
    let files = vec![("rules/a.toml".to_owned(), rules.to_owned())];
    let reading = rule::read(files, Some(Timestamp(1_790_000_000_000)));
    insta::assert_snapshot!(render_all(&reading.diagnostics, false));
}
