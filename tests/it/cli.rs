//! The command line: exit codes, and what people read.

use std::path::Path;
use std::process::{Command, Output};

fn groupkeeper(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command
}

fn run(arguments: &[&str]) -> Output {
    groupkeeper(arguments).output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_is_an_answer_and_a_wrong_argument_a_mistake() {
    let help = run(&["--help"]);
    assert_eq!(code(&help), Some(0));
    insta::assert_snapshot!("help", stdout(&help));
    assert_eq!(code(&run(&["--version"])), Some(0));
    assert_eq!(code(&run(&["serv"])), Some(1));
    assert_eq!(code(&run(&["serve", "--confg", "x"])), Some(1));
}

/// What cannot be printed is told, and half of an answer is none.
#[cfg(target_os = "linux")]
#[test]
fn output_that_takes_nothing_is_told_and_is_exit_code_1() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [
        &["check", "--json", "rules"][..],
        &["test", "rules"],
        &["explain", "R012"],
        &["schema", "rules"],
        &["new"],
        &["--help"],
        &["--version"],
    ] {
        let output = groupkeeper(arguments).stdout(full()).output().unwrap();
        let told = stderr(&output);
        assert_eq!(code(&output), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("standard output cannot be written: No space left"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
        // With nowhere left to say so, the exit code still says it.
        let silent = groupkeeper(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(silent.code(), Some(1), "{arguments:?}");
    }
    // What is told beside the data is not worth an end.
    let check = groupkeeper(&["check", "rules"]).stderr(full()).output().unwrap();
    assert_eq!(code(&check), Some(0), "{}", stdout(&check));
}

#[test]
fn the_shipped_rules_are_right_and_their_tests_pass() {
    let check = run(&["check", "--deny-warnings", "rules"]);
    assert_eq!(code(&check), Some(0), "{}{}", stdout(&check), stderr(&check));
    let test = run(&["test"]);
    assert_eq!(code(&test), Some(0), "{}", stdout(&test));
    assert!(stdout(&test).contains(" passed, 0 failed"), "{}", stdout(&test));
}

#[test]
fn wrong_rules_are_exit_code_2_and_a_missing_directory_1() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.toml"), "[rule.a]\nonn = \"member.joined\"\n").unwrap();
    let rules = folder.path().to_string_lossy().into_owned();
    let check = run(&["check", &rules]);
    assert_eq!(code(&check), Some(2));
    assert!(stdout(&check).contains("`onn`"), "{}", stdout(&check));
    let json = run(&["check", "--json", &rules]);
    let list: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert!(!list.as_array().unwrap().is_empty());
    assert_eq!(code(&run(&["test", &rules])), Some(2));
    assert_eq!(code(&run(&["check", "nowhere"])), Some(1));
}

#[test]
fn check_says_which_folders_it_passes_over() {
    let check = run(&["check", "rules"]);
    assert_eq!(code(&check), Some(0), "{}", stdout(&check));
    assert_eq!(
        stderr(&check).lines().nth(1),
        Some("passed over because of `.groupkeeper-skip`: rules/presets")
    );
}

#[test]
fn a_test_file_is_checked_with_the_rules_beside_it() {
    let check = run(&["check", "rules/promote_staff.test.toml"]);
    let told = "rules/promote_staff.test.toml: 1 rule, 0 errors, 0 warnings, 1 test file\n";
    assert_eq!((code(&check), stderr(&check).as_str()), (Some(0), told));
    let wrong = run(&["check", "tests/bad_tests/because_empty.test.toml"]);
    assert_eq!(code(&wrong), Some(2));
    assert!(stdout(&wrong).contains("error[R059]"), "{}", stdout(&wrong));
}

#[test]
fn one_file_is_checked_by_itself_and_mistakes_are_counted_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, "[rule.a]\non = \"member.joined\"\nmode = \"of\"\n").unwrap();
    std::fs::write(folder.path().join("b.toml"), "onn\n").unwrap();
    let check = run(&["check", &path.to_string_lossy()]);
    assert_eq!(code(&check), Some(2));
    assert!(stderr(&check).contains(": 0 usable rules, 1 error, 0 warnings, 0 test files"));
    let json = run(&["check", "--json", &path.to_string_lossy()]);
    let list: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(list[0]["code"], "R054");
    assert_eq!(list[0]["end"], serde_json::json!({ "line": 3, "column": 12 }));
    let edit = serde_json::json!({ "span": [37, 41], "replacement": "\"off\"" });
    assert_eq!(list[0]["edit"], edit);
    std::fs::write(&path, b"[rule.a]\ntitle = \"\xe9\"\n").unwrap();
    let check = run(&["check", &path.to_string_lossy()]);
    assert_eq!(code(&check), Some(2));
    let told = stdout(&check);
    assert!(told.contains("error[R070]: this file is not UTF-8"), "{told}");
    assert!(told.contains("a.toml:2:10"), "{told}");
}

#[test]
fn with_a_configuration_check_knows_who_is_protected() {
    let folder = tempfile::tempdir().unwrap();
    let rule =
        "[rule.a]\non = \"message.sent\"\ndo = [{ mute = { who = \"boss\", for = \"5m\" } }]\n";
    std::fs::write(folder.path().join("a.toml"), rule).unwrap();
    let config = folder.path().join("config.toml.txt");
    let text = "[app]\nsdk_app_id = 1400000001\nadmin = \"administrator\"\nsecret_key = \"0123456789abcdef\"\n\
                region = \"singapore\"\n[safety]\nprotected = [\"boss\"]\n";
    std::fs::write(&config, text).unwrap();
    let rules = folder.path().to_string_lossy().into_owned();
    let alone = run(&["check", "--deny-warnings", &rules]);
    assert_eq!(code(&alone), Some(0), "{}", stdout(&alone));
    let config = config.to_string_lossy().into_owned();
    let check = run(&["check", "--deny-warnings", "--config", &config, &rules]);
    assert_eq!(code(&check), Some(2), "{}", stderr(&check));
    assert!(stdout(&check).contains("`boss` is protected"), "{}", stdout(&check));
}

#[test]
fn check_finds_every_mistake_of_a_configuration_that_serve_would_refuse_but_misses_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "[rule.a]\non = \"message.sent\"\ndo = [{ mute = { for = \"5m\" } }]\n";
    std::fs::write(folder.path().join("a.toml"), rule).unwrap();
    let config = folder.path().join("groupkeeper.conf");
    let told = |command: &[&str], text: &str| {
        std::fs::write(&config, text).unwrap();
        let output = groupkeeper(command)
            .args(["--config", "groupkeeper.conf"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        (code(&output), stderr(&output))
    };
    let wrong = "[app]\nsdk_app_id = -1\nregion = \"mars\"\n[callback]\nlisten = \"here\"\nconnections = -3\n\
                 allow = [\"tencent\"]\n[rest]\ncalls_per_second = 0\n[store]\nurl = \"postgres://a:hush@b/c\"\n\
                 [journal]\nkeeep = \"1d\"\n[strange]\na = 1\n";
    let (served, all) = told(&["serve"], wrong);
    let (checked, found) = told(&["check", "."], wrong);
    assert_eq!((served, checked), (Some(1), Some(1)), "{found}");
    let secret = "`[app] secret_key` is missing";
    let mistakes = |told: &str| {
        let lines = told.lines().filter_map(|line| line.strip_prefix("error: "));
        lines.filter(|line| *line != secret).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(mistakes(&found), mistakes(&all));
    assert_eq!(mistakes(&found).len(), 9, "{found}");
    assert!(!found.contains("hush"), "{found}");
    let right =
        "[app]\nsdk_app_id = 1400000001\nregion = \"china\"\n[admin]\nlisten = \"0.0.0.0:8081\"\n";
    let (checked, found) = told(&["check", "."], right);
    assert_eq!(checked, Some(0), "{found}");
    assert!(
        found.contains(&format!("groupkeeper.conf: {secret}: `serve` will need it")),
        "{found}"
    );
    assert!(found.contains("has no token: `serve` will need it"), "{found}");
}

#[test]
fn a_failing_rule_test_is_exit_code_3_and_shows_expected_got_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let rule = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/promote_staff.toml"),
    );
    std::fs::write(folder.path().join("a.toml"), rule.unwrap()).unwrap();
    let test = r#"
[[test]]
name  = "guests become admins"
group = { id = "@TGS#1", type = "Public", owner = "olga" }
steps = [
  { send = "member.joined", from = "guest" },
  { expect = [{ set_role = { who = "guest" } }] },
]
"#;
    std::fs::write(folder.path().join("a.test.toml"), test).unwrap();
    let failed = groupkeeper(&["test", "."]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&failed), Some(3));
    insta::assert_snapshot!("failed_test", stdout(&failed));
}

#[test]
fn every_mistake_of_the_configuration_is_told_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[app]\nsdk_app_id = \"many\"\nsecret_kee = \"x\"\nregion = \"mars\"\n\n[callback]\nlisten = \"here\"\n";
    std::fs::write(folder.path().join("groupkeeper.toml"), config).unwrap();
    let served = groupkeeper(&["serve"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&served), Some(1));
    insta::assert_snapshot!("wrong_configuration", stderr(&served));
}

#[test]
fn the_example_as_it_stands_is_refused_because_its_secrets_are_not_filled_in() {
    let served = run(&["serve", "--config", "groupkeeper.example.toml"]);
    assert_eq!(code(&served), Some(1));
    let told = stderr(&served);
    assert!(told.contains("`[app] secret_key` is not filled in"), "{told}");
    assert!(told.contains("`[callback] tokens` is not filled in"), "{told}");
}

#[test]
fn a_secret_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[app]\nsecret_key = 12345678\nsdk_app_id = 1400000000\nregion = \"china\"\n";
    std::fs::write(folder.path().join("groupkeeper.toml"), config).unwrap();
    let served = groupkeeper(&["serve"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&served), Some(1));
    assert!(!stderr(&served).contains("12345678"), "{}", stderr(&served));
}

#[test]
fn usersig_prints_one_token_on_stdout() {
    let signed = groupkeeper(&["usersig", "--for", "1d"])
        .env("GROUPKEEPER_APP_SDK_APP_ID", "1400000000")
        .env("GROUPKEEPER_APP_SECRET_KEY", "0123456789abcdef")
        .env("GROUPKEEPER_APP_REGION", "china")
        .output()
        .unwrap();
    assert_eq!(code(&signed), Some(0), "{}", stderr(&signed));
    let token = stdout(&signed);
    let token = token.trim_end();
    assert!(token.starts_with("eJ") && token.len() > 100, "{token}");
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "*-_".contains(c)), "{token}");
}

#[test]
fn what_cannot_be_reached_or_written_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    drop(groupkeeper::store::SledStore::open(folder.path().join("data")).unwrap());
    let backup = groupkeeper(&["backup", "nope/b", "--store", "sled:data"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = "groupkeeper: nope/b cannot be written: there is no directory nope\n";
    assert_eq!((code(&backup), stderr(&backup).as_str()), (Some(1), told));
    let url = format!("http://{}", crate::addresses::free_address());
    let asked = run(&["healthcheck", "--url", &url]);
    let told = format!(
        "groupkeeper: nobody answers at {url}/healthz: nothing listens there; is the service running?\n"
    );
    assert_eq!((code(&asked), stderr(&asked)), (Some(1), told));
}

#[test]
fn explain_knows_every_code_and_says_so_of_an_unknown_one() {
    assert_eq!(code(&run(&["explain", "R012"])), Some(0));
    let all = stdout(&run(&["explain"]));
    assert!(all.lines().count() > 10, "{all}");
    assert_eq!(code(&run(&["explain", "R999"])), Some(1));
}

#[test]
fn the_example_configuration_holds_the_defaults() {
    let text = crate::stage::repository("groupkeeper.example.toml").replace('…', "filled in");
    // What is commented out are the defaults: uncommented, they must change nothing.
    let spoken = text.replace("\n# ", "\n").replace("\nGroupkeeper's", "\n# Groupkeeper's");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groupkeeper.toml");
    std::fs::write(&path, &text).unwrap();
    let config = groupkeeper::service::config::Config::load(Some(&path), &[]).unwrap();
    let lines: Vec<&str> = spoken
        .lines()
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .filter(|line| !line.starts_with("api_base") && !line.starts_with("token "))
        .collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let defaults = groupkeeper::service::config::Config::load(Some(&path), &[]).unwrap();
    assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
}

#[test]
fn the_demo_shows_what_it_promises_and_says_nothing_of_looks_that_find_nothing_new() {
    let demo = run(&["demo"]);
    let told = stdout(&demo);
    assert_eq!(code(&demo), Some(0), "{told}{}", stderr(&demo));
    assert!(!told.contains("✗"), "{told}");
    // From a rule to its call there is nothing in between.
    let first: Vec<&str> = told.lines().filter(|line| line.starts_with("  ")).take(4).collect();
    let words = |line: &&str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(
        first.iter().map(words).collect::<Vec<_>>(),
        [
            "Chat staff_lin",
            "heard member.joined:",
            "rule promote-staff:",
            "call modify_group_member_info"
        ]
    );
    // The bot looks at its groups every ten minutes for a day; once it finds something.
    let (before, after) = told.split_once("A callback is lost").unwrap();
    assert!(!before.contains("get_appid_group_list"), "{before}");
    assert_eq!(after.matches("get_appid_group_list").count(), 1, "{after}");
}
