//! Rule tests: what a mistake in a test file looks like, what a failure looks like, and that every kind
//! of step does what it says.
//!
//! `UPDATE_BAD_TESTS=1 cargo test bad_tests` writes what is told now; the difference is for review.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use groupkeeper::authoring::testfile::{self, TestReading};
use groupkeeper::authoring::{Report, junit, run_tests};
use groupkeeper::rule::diagnostic::render_all;
use groupkeeper::rule::{self, RuleSet, explain};
use proptest::prelude::*;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Files of a folder with that ending, sorted.
fn files(name: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn read(name: &str, text: &str) -> TestReading {
    testfile::read(&[(name.to_owned(), text.to_owned())])
}

fn rules(text: &str) -> Arc<RuleSet> {
    let reading = rule::read(vec![("rules/a.toml".to_owned(), text.to_owned())], None);
    assert!(!reading.has_errors(), "{}", render_all(&reading.diagnostics, false));
    Arc::new(reading.rules)
}

async fn run(rules_text: &str, tests: &str) -> Report {
    let tests = [("rules/a.test.toml".to_owned(), tests.to_owned())];
    run_tests(rules(rules_text), &tests, |_| {}).await
}

/// What is told about each test that failed, without its real time.
fn failures(report: &Report) -> String {
    let told = report.results.iter().filter_map(|result| {
        let failure = result.failure.as_ref()?;
        Some(format!("{}, line {}\n{}\n", result.name, failure.line, failure.text()))
    });
    told.collect::<Vec<_>>().join("\n")
}

fn assert_passes(report: &Report) {
    let told = render_all(&report.diagnostics, false);
    assert_eq!(report.failed(), 0, "{told}{}", failures(report));
    assert!(!report.results.is_empty());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment to rewrite its snapshots"
)]
fn bad_tests_are_told_as_reviewed() {
    let rewrite = std::env::var_os("UPDATE_BAD_TESTS").is_some();
    let mut differing = Vec::new();
    for path in files("bad_tests", ".toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let reading = read(&format!("rules/{}", file_name(&path)), &text);
        assert!(!reading.diagnostics.is_empty(), "{} has no mistake", path.display());
        let told = render_all(&reading.diagnostics, false);
        let snapshot = path.with_extension("stderr");
        if rewrite {
            std::fs::write(&snapshot, &told).unwrap();
        } else if std::fs::read_to_string(&snapshot).unwrap_or_default() != told {
            differing.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(differing.is_empty(), "not as reviewed:\n\n{}", differing.join("\n"));
}

#[test]
fn every_reviewed_text_has_its_test_file() {
    for path in files("bad_tests", ".stderr") {
        assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
    }
}

#[test]
fn all_mistakes_of_all_test_files_are_told_at_once() {
    let content = |path: PathBuf| (file_name(&path), std::fs::read_to_string(path).unwrap());
    let all: Vec<_> = files("bad_tests", ".toml").into_iter().map(content).collect();
    let reading = testfile::read(&all);
    for (name, _) in &all {
        let own = reading.diagnostics.iter().any(|told| **told.spot.file() == **name);
        assert!(own, "{name} is not told of");
    }
}

/// The fenced block of that name.
fn block<'a>(page: &'a str, name: &str) -> &'a str {
    let inside = page.split(&format!("```{name}\n")).nth(1);
    let inside = inside.and_then(|rest| rest.split("```").next());
    inside.unwrap_or_else(|| panic!("no block `{name}` in {page}"))
}

#[test]
fn every_page_of_a_code_shows_what_earns_it_and_what_is_right() {
    for code in explain::codes().filter(|code| code.starts_with('T')) {
        let page = explain::explain(code).unwrap();
        let wrong = read("rules/page.test.toml", block(page, "wrong"));
        let told = render_all(&wrong.diagnostics, false);
        assert!(wrong.diagnostics.iter().any(|told| told.code.0 == code), "{code}:\n{told}");
        let right = read("rules/page.test.toml", block(page, "right"));
        assert_eq!(render_all(&right.diagnostics, false), "", "{code}");
        assert!(!right.tests.is_empty(), "{code}");
    }
}

#[test]
fn the_page_on_tests_says_what_every_event_needs_and_takes() {
    let page = crate::stage::repository("docs/tests.md");
    for sendable in testfile::SENDABLE {
        let name = format!("`{}`", sendable.event.name());
        let of_event =
            |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.contains(&name));
        let row = page.lines().find(of_event).unwrap_or_else(|| panic!("{name} has no row"));
        for key in sendable.needs.iter().chain(sendable.takes) {
            assert!(row.contains(&format!("`{key}`")), "{name} takes {key}: {row}");
        }
        for key in testfile::SEND_KEYS.iter().filter(|key| row.contains(&format!("`{key}`"))) {
            assert!(sendable.allows(key), "{name} does not take {key}: {row}");
        }
    }
}

#[tokio::test]
async fn every_event_of_the_catalog_is_sent_as_chat_tells_it() {
    let report =
        run(include_str!("rule_tests/events.toml"), include_str!("rule_tests/events.test.toml"))
            .await;
    assert_passes(&report);
    let text = include_str!("rule_tests/events.test.toml");
    for sendable in testfile::SENDABLE {
        let name = sendable.event.name();
        assert!(text.contains(&format!("send = \"{name}\"")), "{name} is not tried");
    }
}

/// Each a promise of the rule language that was once not kept.
#[tokio::test]
async fn promises_of_the_rule_language_are_kept() {
    let tests = files("it/rule_tests/promises", ".test.toml");
    assert!(!tests.is_empty());
    for path in tests {
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        let rules = path.to_str().unwrap().replace(".test.toml", ".toml");
        assert_passes(&run(&text(Path::new(&rules)), &text(&path)).await);
    }
}

#[tokio::test]
async fn every_kind_of_step_does_what_it_says() {
    let report =
        run(include_str!("rule_tests/steps.toml"), include_str!("rule_tests/steps.test.toml"))
            .await;
    assert_passes(&report);
    assert_eq!(report.covered.gaps, []);
}

const FLOOD: &str = r#"
[rule.flood]
on    = "message.sent"
when  = 'member.role == "member"'
unless = 'message.text == "sorry"'
count = { each = ["group", "member"], within = "10s", more_than = 2 }
cooldown = { each = ["member"], for = "60s" }
once  = { each = ["member"], per = "1h" }
do    = [{ mute = { for = ["5m", "30m"] } }, { send_message = { text = "{member.id}: quiet for {mute.for}" } }]

[rule.never]
on = "member.joined"
when = 'member.id == "nobody"'
do = [{ alert = { text = "never" } }]
"#;

const FAILING: &str = r#"
[[test]]
name = "another time and another text"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 3, every = "1s" },
  { expect = [{ mute = { who = "ann", for = "10m" } }, { send_message = { text = "ann: quiet for 10m" } }] },
]

[[test]]
name = "one is missing, and one nobody expected"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 3 },
  { expect = [{ alert = {} }, { mute = {} }] },
]

[[test]]
name = "nothing was expected"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 3 },
  { expect = "nothing" },
]

[[test]]
name = "nothing came"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 20, every = "10s" },
  { send = "message.sent", from = "olga" },
  { expect = [{ mute = { who = "ann" } }] },
]

[[test]]
name = "another reason"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann" },
  { expect = "nothing", because = "protected" },
]

[[test]]
name = "left over behind the last step <&>"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 3 },
]

[[test]]
name = "Chat does not allow it"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "member.left", from = "ann" },
  { send = "message.sent", from = "ann" },
]

[[test]]
name = "a field that the effect has not"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann", times = 3 },
  { expect = [{ mute = { group = "@TGS#2" } }, { send_message = { from = "bot", text = "ann: quiet for 5m" } }] },
]

[[test]]
name = "and one that passes"
group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
steps = [
  { send = "message.sent", from = "ann" },
  { expect = "nothing", because = "counted 1" },
]
"#;

#[tokio::test]
async fn a_failure_says_which_effect_and_field_differ_and_what_the_rules_made_of_the_events() {
    let report = run(FLOOD, FAILING).await;
    assert_eq!((report.results.len(), report.failed()), (9, 8));
    insta::assert_snapshot!("failures", failures(&report));
}

#[tokio::test]
async fn what_no_test_reached_is_told() {
    let report = run(FLOOD, FAILING).await;
    let gaps: Vec<_> = report.covered.gaps.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("gaps", gaps.join("\n"));
    let covered = &report.covered;
    let shares = [covered.rules, covered.clauses, covered.bounds, covered.ladder_steps];
    assert_eq!(shares.map(|share| share.to_string()), ["1 of 2", "1 of 3", "1 of 3", "1 of 2"]);
}

#[tokio::test]
async fn results_as_junit_carry_every_failure_and_the_coverage() {
    let mut report = run(FLOOD, FAILING).await;
    report.time = std::time::Duration::from_millis(1_234);
    for result in &mut report.results {
        result.time = std::time::Duration::from_micros(1_500);
    }
    insta::assert_snapshot!("junit", junit(&report));
}

#[tokio::test]
async fn with_a_mistake_in_a_file_no_test_is_run() {
    let report = run(FLOOD, "[[test]]\nname = \"a\"\nsteps = [{ advance = \"1x\" }]\n").await;
    assert_eq!((report.results.len(), report.failed()), (0, 1));
    assert_eq!(report.diagnostics[0].code.0, "R040");
}

fn groupkeeper(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    command.args(arguments).current_dir(folder).output().unwrap()
}

fn written(rules: &str, tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/a.toml"), rules).unwrap();
    std::fs::write(folder.path().join("rules/a.test.toml"), tests).unwrap();
    folder
}

#[test]
fn the_command_shows_progress_and_failures_and_writes_junit_and_json() {
    let folder = written(FLOOD, FAILING);
    let output = groupkeeper(folder.path(), &["test", "--junit", "report.xml"]);
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!("command", String::from_utf8(output.stdout).unwrap());
    let xml = std::fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert!(
        xml.contains("<testsuite name=\"rules/a.test.toml\" tests=\"9\" failures=\"8\""),
        "{xml}"
    );

    let output = groupkeeper(folder.path(), &["test", "--json", "--filter", "ANOTHER TIME"]);
    assert_eq!(output.status.code(), Some(3));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&0.into(), &1.into()));
    let field = &json["results"][0]["failure"]["differences"][0]["fields"][0];
    assert_eq!(field, &serde_json::json!({ "name": "for", "expected": "10m", "got": "5m" }));
    assert_eq!(json["results"][0]["failure"]["line"], 7);
    assert_eq!(json["coverage"]["rules"], serde_json::json!({ "reached": 1, "all": 2 }));
}

#[test]
fn a_filter_that_fits_passes_and_one_that_fits_nothing_is_a_mistake_of_usage() {
    let folder = written(FLOOD, FAILING);
    let passing = groupkeeper(folder.path(), &["test", "--filter", "that passes"]);
    assert_eq!(passing.status.code(), Some(0));
    let shown = String::from_utf8(passing.stdout).unwrap();
    assert!(!shown.contains("no test reached"), "{shown}");
    let nothing = groupkeeper(folder.path(), &["test", "--filter", "no such test"]);
    assert_eq!(nothing.status.code(), Some(1));
}

#[test]
fn wrong_tests_are_exit_code_2_and_check_tells_of_them_too() {
    let folder = written(FLOOD, "[[test]]\nnam = \"a\"\nsteps = [{ restart = true }]\n");
    let test = groupkeeper(folder.path(), &["test"]);
    assert_eq!(test.status.code(), Some(2));
    let told = String::from_utf8(test.stderr).unwrap();
    assert!(
        told.contains("error[R050]") && told.ends_with("the tests are wrong; no test was run\n"),
        "{told}"
    );
    let check = groupkeeper(folder.path(), &["check"]);
    assert_eq!(check.status.code(), Some(2));
    assert!(String::from_utf8(check.stdout).unwrap().contains("error[R050]"));
}

fn good_files() -> [&'static str; 3] {
    [
        include_str!("rule_tests/events.test.toml"),
        include_str!("rule_tests/steps.test.toml"),
        FAILING,
    ]
}

/// The text with a few characters put in, taken out or changed.
fn broken(text: &str, edits: &[(prop::sample::Index, u8, prop::sample::Index)]) -> String {
    const PIECES: [&str; 16] = [
        "\"", "'", "{", "}", "[", "]", "=", ",", "\n", "#", "群", "{n}", "0", "true", " = \"",
        "\u{1b}",
    ];
    let mut text = text.to_owned();
    for (place, what, piece) in edits {
        let at = text.floor_char_boundary(place.index(text.len() + 1));
        let end = text.ceil_char_boundary((at + usize::from(*what % 12)).min(text.len()));
        text.replace_range(at..end, PIECES[piece.index(PIECES.len())]);
    }
    text
}

fn told_in_bounds(text: &str) {
    let reading = read("rules/a.test.toml", text);
    for told in &reading.diagnostics {
        assert!(text.get(told.spot.span()).is_some());
        assert!(!told.message.is_empty());
        let shown = told.render(false);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        told.to_json();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_the_reader_of_tests_panic(text in ".{0,200}") {
        told_in_bounds(&text);
    }

    #[test]
    fn no_edit_of_a_test_file_makes_reading_panic_or_point_outside(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8, prop::sample::Index)>(), 1..6),
    ) {
        let files = good_files();
        told_in_bounds(&broken(files[which.index(files.len())], &edits));
    }
}

#[tokio::test]
async fn a_test_ends_only_when_its_late_callbacks_have_come() {
    let rules =
        "[rule.tell]\non = \"member.joined\"\ndo = [{ alert = { text = \"{member.id}\" } }]\n";
    let test = |steps: &str| {
        format!(
            "[[test]]\nname = \"late\"\ngroup = {{ id = \"@TGS#1\", owner = \"olga\" }}\n\
             steps = [{steps}]\n"
        )
    };
    let joins = "{ send = \"member.joined\", from = \"ann\", late = \"5m\" }, { advance = \"1m\" }";
    let report = run(rules, &test(joins)).await;
    assert_eq!(
        failures(&report),
        "late, line 2\na callback sent `late` has not come when the test ends; it is due 4m behind \
         the last step: add `{ advance = \"4m\" }` and what is expected then\n"
    );
    let waited = format!("{joins}, {{ advance = \"4m\" }}, {{ expect = [{{ alert = {{}} }}] }}");
    assert_passes(&run(rules, &test(&waited)).await);
}

#[tokio::test]
async fn what_was_reached_before_a_step_failed_counts_as_reached() {
    let rules =
        "[rule.tell]\non = \"member.joined\"\ndo = [{ alert = { text = \"{member.id}\" } }]\n";
    let tests = "[[test]]\nname = \"twice\"\ngroup = { id = \"@TGS#1\", owner = \"olga\" }\n\
                 steps = [{ send = \"member.joined\", from = \"ann\", times = 2 }]\n";
    let report = run(rules, tests).await;
    assert!(failures(&report).contains("Chat does not allow it"), "{}", failures(&report));
    assert_eq!(report.covered.gaps, []);
}
