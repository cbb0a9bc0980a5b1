//! The twelve presets: each reads without a warning, passes its tests, reaches all of itself, and is placed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use groupkeeper::authoring::presets::{NotPlaced, PRESETS, Preset};
use groupkeeper::authoring::{check, run_tests};
use groupkeeper::rule::diagnostic::{Level, render_all};
use groupkeeper::rule::{self, Reading};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/presets")
}

fn read(preset: &Preset) -> Reading {
    rule::read(vec![(format!("{}.toml", preset.name), preset.rules.to_owned())], None)
}

#[test]
fn the_folder_and_the_table_hold_the_same_twelve() {
    let files: BTreeSet<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let names = PRESETS.iter().map(|preset| preset.name.replace('-', "_"));
    let table: BTreeSet<_> =
        names.flat_map(|name| [format!("{name}.toml"), format!("{name}.test.toml")]).collect();
    assert_eq!(files, table);
    assert_eq!(PRESETS.len(), 12);
}

#[test]
fn every_preset_reads_without_a_mistake_or_a_warning() {
    for preset in PRESETS {
        let reading = read(preset);
        let told: Vec<_> =
            reading.diagnostics.into_iter().filter(|told| told.level != Level::Note).collect();
        assert!(told.is_empty(), "{}", render_all(&told, false));
    }
}

#[tokio::test]
async fn every_preset_passes_its_tests_and_they_reach_all_of_it() {
    for preset in PRESETS {
        let tests = vec![(format!("{}.test.toml", preset.name), preset.tests.to_owned())];
        let report = run_tests(Arc::new(read(preset).rules), &tests, |_| {}).await;
        assert_eq!(report.failed(), 0, "{}: {:#?}", preset.name, report.results);
        assert!(!report.results.is_empty(), "{} has no test", preset.name);
        assert!(report.covered.gaps.is_empty(), "{}: {:#?}", preset.name, report.covered.gaps);
    }
}

#[test]
fn every_preset_opens_with_what_to_adjust_to_switch_on_and_what_it_cannot_do() {
    for preset in PRESETS {
        let comment: Vec<_> =
            preset.rules.lines().take_while(|line| line.starts_with('#')).collect();
        for part in ["# Adjust   ", "# Console  ", "# Limits   "] {
            let there = comment.iter().any(|line| line.starts_with(part));
            assert!(there, "{} does not say {part}", preset.name);
        }
        let first = comment[0];
        assert!(first.contains(": ") && first.len() <= 120, "{}: {first}", preset.name);
        assert!(first.ends_with(preset.about()), "{}: {}", preset.name, preset.about());
        let ids = preset.rules.lines().filter(|line| line.starts_with("[rule."));
        for id in ids {
            assert!(id.starts_with(&format!("[rule.{}", preset.name)), "{}: {id}", preset.name);
        }
    }
}

#[test]
fn presets_are_not_in_force_just_because_they_are_shipped() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let ids = |directory: &Path| -> BTreeSet<String> {
        let checked = check(directory, None).unwrap();
        checked.rules.rules().iter().map(|rule| rule.id.to_string()).collect()
    };
    assert!(!ids(&rules).contains("quiet-hours"));
    assert!(ids(&folder()).contains("quiet-hours"), "a folder that is named is read");
}

#[test]
fn a_preset_is_written_once_under_each_name_and_never_over_anything() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    let preset = Preset::find("word_filter").unwrap();
    let first = preset.place(&rules, None).unwrap();
    assert_eq!(first.rules, rules.join("word_filter.toml"));
    assert_eq!(std::fs::read_to_string(&first.tests).unwrap(), preset.tests);
    let second = preset.place(&rules, None).unwrap();
    assert_eq!(second.id, "word-filter-2");
    let named = preset.place(&rules, Some("no-ads")).unwrap();
    assert_eq!(named.rules, rules.join("no_ads.toml"));
    let checked = check(&rules, None).unwrap();
    let ids: Vec<_> = checked.rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "no-ads-links",
            "no-ads-words",
            "word-filter-links",
            "word-filter-words",
            "word-filter-2-links",
            "word-filter-2-words",
        ]
    );
    let again = preset.place(&rules, Some("no-ads")).unwrap_err();
    assert_eq!(
        again.to_string(),
        format!(
            "there is a rule `no-ads-links` in {} already; choose another id with `--as`",
            named.rules.display()
        )
    );
    std::fs::write(rules.join("shop.test.toml"), "").unwrap();
    assert!(matches!(preset.place(&rules, Some("shop")), Err(NotPlaced::Taken { .. })));
    assert!(!rules.join("shop.toml").exists());
    assert!(matches!(preset.place(&rules, Some("a.b")), Err(NotPlaced::BadId(_))));
}

/// The command, in a folder of its own.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn new_lists_the_presets_writes_one_and_says_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let (code, listed, _) = run(folder.path(), &["new"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("new", listed);
    let (code, written, _) = run(folder.path(), &["new", "flood-ladder", "--as", "calm-down"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("new_flood_ladder", written);
    let (code, told, _) = run(folder.path(), &["check", "--deny-warnings", "rules"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, tested, _) =
        run(folder.path(), &["test", "rules", "--filter", "calm_down.test.toml"]);
    assert_eq!(code, Some(0), "{tested}");
    let (code, _, told) = run(folder.path(), &["new", "flood-ladder", "--as", "calm-down"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("there is a rule `calm-down` in rules/calm_down.toml already"), "{told}");
    let (code, _, told) = run(folder.path(), &["new", "flod-ladder"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("did you mean `flood-ladder`?"), "{told}");
}
