//! `groupkeeper fmt`: nothing is lost, nothing is changed, and twice is once.

use std::path::Path;

use groupkeeper::authoring::format::{NotFormatted, format};
use groupkeeper::rule;
use proptest::prelude::*;

use crate::bad_rules;
use crate::rule_files::shipped;

fn formatted(text: &str) -> String {
    format("rules/a.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn formatted_test(text: &str) -> String {
    format("rules/a.test.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_rule_is_laid_out_calmly() {
    let text = r#"
#:schema ./rule.schema.json

# Whoever floods is muted.


# Longer each time.
[rule."quiet-flooders"]      # the heading is the id
do=[{mute={reason="flooding",for=["5m","30m"]}},
{ send_message = { text='muted' } } ]   # both
count    = {within="10s",each=["group","member"],more_than=5}   # a window

# why this is here
when = "member.id != \"boss\""


on="message.sent"
title = 'Quiet "flooders"'
# the last word
"#;
    insta::assert_snapshot!(formatted(text), @r##"
    #:schema ./rule.schema.json

    # Whoever floods is muted.

    # Longer each time.
    [rule.quiet-flooders]  # the heading is the id
    title = 'Quiet "flooders"'
    on = "message.sent"
    # why this is here
    when = 'member.id != "boss"'
    count = { each = ["group", "member"], within = "10s", more_than = 5 }  # a window
    do = [
      { mute = { for = ["5m", "30m"], reason = "flooding" } },
      { send_message = { text = "muted" } },
    ]  # both
    # the last word
    "##);
}

#[test]
fn what_is_too_long_for_a_line_is_broken_from_the_outside_in() {
    let text = r#"
[rule.keep]
do = [{ transfer_owner = { to = ["longest_serving_admin", "longest_serving_member"], except = 'candidate.id.startsWith("bot_")', if_none = "alert" } }]
on = ["owner.left", "group.ownerless", "group.created", "owner.changed", "member.left", "member.removed", "group.full", "group.dismissed"]
"#;
    insta::assert_snapshot!(formatted(text), @r#"
    [rule.keep]
    on = [
      "owner.left",
      "group.ownerless",
      "group.created",
      "owner.changed",
      "member.left",
      "member.removed",
      "group.full",
      "group.dismissed",
    ]
    do = [{ transfer_owner = {
      to = ["longest_serving_admin", "longest_serving_member"],
      except = 'candidate.id.startsWith("bot_")',
      if_none = "alert",
    } }]
    "#);
}

#[test]
fn comments_inside_of_brackets_stay_with_what_they_are_about() {
    let text = r#"
[rule.a]
on = "message.sent"
do = [ # in order
  # first
  { mute = { for = "5m", # short
             reason = "x" } }, # said
  # then
  { alert = { text = "hi" } }
  # no more
]
[[rule.a.do]]
recall_message = {}
"#
    .replace("[[rule.a.do]]\nrecall_message = {}\n", "");
    insta::assert_snapshot!(formatted(&text), @r#"
    [rule.a]
    on = "message.sent"
    do = [
      # in order
      # first
      { mute = {
        for = "5m",  # short
        reason = "x",
      } },  # said
      # then
      { alert = { text = "hi" } },
      # no more
    ]
    "#);
}

#[test]
fn comments_between_a_key_and_its_value_go_above_it() {
    let text = "[rule.a]\nin = { groups\n# all\n= # of them\n[\"*\"] }\n";
    let expected = "[rule.a]\nin = {\n  # all\n  # of them\n  groups = [\"*\"],\n}\n";
    assert_eq!(formatted(text), expected);
}

#[test]
fn headings_for_tables_inside_of_rules_are_kept() {
    let text = "[rule.a]\non='message.sent'\n[rule.a.count]\nmore_than=5\nwithin='10s'\n\
                each=['group']\n[[rule.a.do]]\ncontinue = true\nalert.text = 'hi'\n\n\n[rule.b]\nstop=true\non='user.online'";
    insta::assert_snapshot!(formatted(text), @r#"
    [rule.a]
    on = "message.sent"

    [rule.a.count]
    each = ["group"]
    within = "10s"
    more_than = 5

    [[rule.a.do]]
    alert.text = "hi"
    continue = true

    [rule.b]
    on = "user.online"
    stop = true
    "#);
}

#[test]
fn a_test_file_has_its_own_order() {
    let text = r#"
[[test]]
steps = [{ from = "ann", send = "message.sent", every = "1s", times = 6 }, { because = "counted", expect = [{ mute = { who = "ann" } }] }]
group = { members = ["ann"], owner = "olga", id = "@TGS#1" }
name = 'six'
"#;
    insta::assert_snapshot!(formatted_test(text), @r#"
    [[test]]
    name = "six"
    group = { id = "@TGS#1", owner = "olga", members = ["ann"] }
    steps = [
      { send = "message.sent", from = "ann", times = 6, every = "1s" },
      { expect = [{ mute = { who = "ann" } }], because = "counted" },
    ]
    "#);
}

#[test]
fn texts_of_several_lines_and_odd_numbers_are_left_as_they_are() {
    let text = "[rule.a]\nnotes = \"\"\"\n  one\n  \"two\" \\\n  \"\"\"\nwhen = '''\nmember.id == 'x'\n'''\n\
                count = { more_than = 1_0, each = ['app'], within = '1h' }\n";
    let after = formatted(text);
    assert!(after.contains("notes = \"\"\"\n  one\n  \"two\" \\\n  \"\"\"\n"), "{after}");
    assert!(after.contains("when = '''\nmember.id == 'x'\n'''\n"), "{after}");
    assert!(after.contains("more_than = 1_0"), "{after}");
}

#[test]
fn what_is_not_toml_is_left_alone_and_told() {
    let refused = format("rules/a.toml", "[rule.a]\non = member.joined\n");
    let Err(NotFormatted::Mistakes(told)) = refused else { panic!("{refused:?}") };
    assert_eq!(told[0].code.0, "R002");
    assert_eq!(formatted("# nothing here\n\n"), "# nothing here\n");
    assert_eq!(formatted(""), "");
}

/// Every file of rules and tests of the repository.
fn corpus() -> Vec<(String, String)> {
    let mut files = shipped();
    files.extend(bad_rules::all());
    for folder in ["rules", "rules/presets", "tests/bad_tests"] {
        let Ok(entries) = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        else {
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        files.extend(
            paths
                .filter(|path| path.extension().is_some_and(|found| found == "toml"))
                .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())),
        );
    }
    files
}

#[test]
fn no_file_of_the_repository_changes_its_meaning_and_twice_is_once() {
    let mut formatted = 0;
    for (name, text) in corpus() {
        match format(&name, &text) {
            Ok(once) => {
                assert_eq!(format(&name, &once).unwrap(), once, "{name}");
                formatted += 1;
            }
            Err(NotFormatted::Mistakes(told)) => {
                assert!(told.iter().all(|told| told.code.0 <= "R005"), "{name}: {told:#?}");
            }
            Err(NotFormatted::Meaning) => panic!("{name}"),
        }
    }
    assert!(formatted > 50, "{formatted}");
}

#[test]
fn the_shipped_rules_stand_as_fmt_writes_them() {
    let shipped = corpus().into_iter().filter(|(name, _)| name.contains("/rules/"));
    for (name, text) in shipped {
        let formatted = format(&name, &text).unwrap();
        assert!(formatted == text, "{name}; fmt writes:\n{formatted}");
    }
}

/// Values of each key, in many layouts.
const VALUES: &[(&str, &[&str])] = &[
    ("title", &["'t'", "\"a \\\"b\\\"\"", "\"\"\"\nlong\n\"\"\"", "'群 #1'"]),
    ("tags", &["[]", "['a','b']", "[\n'a', # A\n'b' # B\n]", "[ # T\n]"]),
    ("on", &["'message.sent'", "[\"message.sent\"]", "[\n# E\n'message.sent',\n]"]),
    ("in", &["{ types=['Public'] }", "{groups = [\"*\"],\nexcept=['@x*'], # X\n}", "{}"]),
    (
        "when",
        &["\"member.id == \\\"ann\\\"\"", "'member.id != \"ann\"'", "\"message.text == 'x'\""],
    ),
    (
        "count",
        &[
            "{ more_than = 5, within='10s', each = ['group'] }",
            "{within='10s', # W\n each=['app'],at_least=1_0}",
        ],
    ),
    ("cooldown", &["{for='60s',each=['group','member']}"]),
    ("wait", &["'1h30m'", "\"5m\""]),
    ("stop", &["true", "false"]),
    ("mode", &["'shadow'", "\"enforce\""]),
    (
        "do",
        &[
            "[]",
            "['recall_message']",
            "[{alert={text='hi'}}, # D\n{ continue=true, mute = { for=['5m', 'forever'] } }]",
            "[ { send_message = { text = \"a very long text that goes on and on and on, until the line is much too long for it\" } } ]",
            "[{ set_member_fields = { fields = { 'Key one' = 'v', b = '2' } } }]",
        ],
    ),
];

/// A rule with some of the keys in any order and layout; every comment in it says something else.
fn rule() -> impl Strategy<Value = String> {
    let key = |(name, values): &(&'static str, &'static [&'static str])| {
        let name = *name;
        let value = prop::sample::select(values.to_vec());
        let spaces = prop::sample::select(vec!["=", " = ", "   =\t"]);
        let above = prop::sample::select(vec!["", "\n", "# above\n", "\n\n# far\n\n# above\n\n"]);
        let behind = prop::sample::select(vec!["", " # behind", "#behind  "]);
        (value, spaces, above, behind).prop_map(move |(value, spaces, above, behind)| {
            format!("{above}{name}{spaces}{value}{behind}\n")
        })
    };
    let keys: Vec<_> = VALUES.iter().map(key).collect();
    (keys, any::<u16>(), 0..4_usize).prop_flat_map(|(keys, chosen, heading)| {
        let needed = |at: usize| VALUES[at].0 == "on";
        let some: Vec<_> = keys
            .into_iter()
            .enumerate()
            .filter(|(at, _)| needed(*at) || chosen & (1 << at) != 0)
            .map(|(_, text)| text)
            .collect();
        let heading =
            ["[rule.ID]", "[ rule . \"ID\" ]", "\n\n[rule.ID] # head", "# top\n\n[rule.ID]"]
                [heading];
        (Just(heading), Just(some).prop_shuffle())
            .prop_map(|(heading, keys)| format!("{heading}\n{}", keys.concat()))
    })
}

fn file() -> impl Strategy<Value = String> {
    prop::collection::vec(rule(), 1..4).prop_map(|rules| {
        let named =
            rules.iter().enumerate().map(|(at, rule)| rule.replace("ID", &format!("r{at}")));
        number(&named.collect::<String>())
    })
}

/// Gives every comment a number of its own.
fn number(text: &str) -> String {
    let mut number = 0;
    let line = |line: &str| match line.rfind('#').filter(|at| !line[*at..].contains('\'')) {
        Some(at) => {
            number += 1;
            format!("{}# {number}{}\n", &line[..at], &line[at + 1..])
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn digests(text: &str) -> Vec<(String, String)> {
    let reading = rule::read(vec![("a.toml".to_owned(), text.to_owned())], None);
    let rules = reading.rules.rules().iter();
    rules.map(|rule| (rule.id.to_string(), rule.digest.clone())).collect()
}

/// Each comment with the key that it stands behind, or else the first key below it.
fn comments(text: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = text.lines().collect();
    let key = |line: &str| {
        line.split('=').next().unwrap_or("").trim().trim_start_matches(['{', '[']).trim().to_owned()
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(comment) = line.rfind("# ").filter(|at| !line[*at..].contains('\'')) else {
            continue;
        };
        let before = line[..comment].trim();
        let about = if before.is_empty() {
            let below = lines[at + 1..]
                .iter()
                .find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
            below.map(|line| key(line)).unwrap_or_default()
        } else {
            String::new()
        };
        let top = !line.starts_with(' ') && about.chars().all(|c| c.is_ascii_lowercase());
        found.push((line[comment..].trim().to_owned(), if top { about } else { String::new() }));
    }
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn formatting_changes_no_rule_and_loses_no_comment(text in file()) {
        let once = formatted(&text);
        let before = digests(&text);
        prop_assert!(!before.is_empty(), "{}", text);
        prop_assert_eq!(digests(&once), before, "{}\n---\n{}", text, once);
        let numbers = |text: &str| comments(text).into_iter().map(|(comment, _)| comment).collect::<Vec<_>>();
        prop_assert_eq!(numbers(&once), numbers(&text), "{}\n---\n{}", text, once);
    }

    #[test]
    fn formatting_twice_is_formatting_once(text in file()) {
        let once = formatted(&text);
        prop_assert_eq!(formatted(&once), once);
    }

    #[test]
    fn comments_above_a_key_stay_above_it(text in file()) {
        let above = |text: &str| {
            comments(text).into_iter().filter(|(_, key)| VALUES.iter().any(|(name, _)| name == key)).collect::<Vec<_>>()
        };
        let once = formatted(&text);
        let after = above(&once);
        for (comment, key) in above(&text) {
            prop_assert!(after.contains(&(comment.clone(), key.clone())), "{comment} above {key}\n{text}\n---\n{once}");
        }
    }

    #[test]
    fn no_text_makes_the_formatter_panic(text in "(\\[|\\]|\\{|\\}|=|,|\n|#|'|\"|a|b|\\.|rule| |1|\\\\){0,60}") {
        if let Ok(once) = format("a.toml", &text) {
            prop_assert_eq!(format("a.toml", &once).unwrap(), once);
        }
    }
}

mod command {
    use std::io::Write;
    use std::path::Path;
    use std::process::{Command, Stdio};

    fn run(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        let command = command.args(arguments).current_dir(folder);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    #[test]
    fn fmt_writes_what_check_names_and_leaves_alone_what_is_not_toml() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("rules").join(name);
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(path("a.toml"), "[rule.a]\nstop=true\non='user.online'\n").unwrap();
        std::fs::write(path("b.toml"), "[rule.b]\non = \"user.online\"\nstop = true\n").unwrap();

        let (code, named, told) = run(folder.path(), &["fmt", "--check"], "");
        assert_eq!((code, named.as_str()), (Some(2), "rules/a.toml\n"));
        assert_eq!(told, "1 of 2 files not formatted\n");
        let (code, ..) = run(folder.path(), &["fmt"], "");
        assert_eq!(code, Some(0));
        let written = std::fs::read_to_string(path("a.toml")).unwrap();
        assert_eq!(written, "[rule.a]\non = \"user.online\"\nstop = true\n");
        assert_eq!(run(folder.path(), &["fmt", "--check", "rules"], "").0, Some(0));

        std::fs::write(path("c.toml"), "[rule.c]\non = user.online\n").unwrap();
        let (code, _, told) = run(folder.path(), &["fmt", "rules/c.toml"], "");
        assert_eq!(code, Some(2));
        assert!(told.contains("error[R002]") && told.contains("rules/c.toml:2"), "{told}");
        let untouched = std::fs::read_to_string(path("c.toml")).unwrap();
        assert_eq!(untouched, "[rule.c]\non = user.online\n");
        let left: Vec<_> = std::fs::read_dir(folder.path().join("rules")).unwrap().collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!(run(folder.path(), &["fmt", "nowhere"], "").0, Some(1));
    }

    #[test]
    fn standard_input_comes_out_formatted() {
        let folder = tempfile::tempdir().unwrap();
        let rule = "[rule.a]\nstop=true\non='user.online'\n";
        let (code, formatted, _) = run(folder.path(), &["fmt", "-"], rule);
        assert_eq!(code, Some(0));
        assert_eq!(formatted, "[rule.a]\non = \"user.online\"\nstop = true\n");
        let test = "[[test]]\nsteps=[{restart=true}]\nname='a'\n";
        let (_, formatted, _) = run(folder.path(), &["fmt", "-"], test);
        assert_eq!(formatted, "[[test]]\nname = \"a\"\nsteps = [{ restart = true }]\n");
        assert_eq!(run(folder.path(), &["fmt", "--check", "-"], rule).0, Some(2));
    }
}
