//! The map in `lib.rs`, held against the tree: who may use whom, what is pure, how large files are.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the pure inside out, and which of those above each may use.
#[rustfmt::skip]
const MAP: &[(&str, &[&str])] = &[
    ("chat", &[]),
    ("clock", &[]),
    ("rule", &["chat", "clock"]),
    ("decision", &["chat", "clock", "rule"]),
    ("store", &["clock"]),
    ("ledger", &["chat", "clock", "rule", "decision", "store"]),
    ("retention", &["chat", "clock", "rule", "decision", "store", "ledger"]),
    ("pipeline", &["chat", "clock", "rule", "decision", "store", "ledger"]),
    ("callback", &["chat", "clock", "rule", "decision", "pipeline"]),
    ("schedule", &["chat", "clock", "rule", "decision", "store", "ledger", "pipeline"]),
    ("rest", &["chat", "clock", "rule", "decision"]),
    ("delivery", &["chat", "clock", "rule", "decision", "store", "ledger", "pipeline", "rest"]),
    ("reconcile", &["chat", "clock", "rule", "decision", "store", "ledger", "pipeline", "rest"]),
    ("engine", &[
        "clock", "rule", "decision", "store", "pipeline", "schedule", "rest", "delivery", "reconcile",
    ]),
    ("console", &[
        "chat", "clock", "rule", "decision", "store", "ledger", "pipeline", "delivery", "reconcile",
    ]),
    ("simulator", &["chat", "clock"]),
    ("authoring", &[
        "chat", "clock", "rule", "decision", "store", "ledger", "pipeline", "callback", "schedule",
        "rest", "delivery", "engine", "simulator",
    ]),
    ("service", &[
        "chat", "clock", "rule", "decision", "store", "ledger", "retention", "pipeline",
        "callback", "schedule", "rest", "delivery", "reconcile", "engine", "console", "authoring",
    ]),
    ("cli", &[
        "chat", "clock", "rule", "decision", "store", "ledger", "pipeline", "rest", "delivery",
        "reconcile", "engine", "simulator", "authoring", "service",
    ]),
];

/// Modules without IO, time or chance.
const PURE: &[&str] = &["chat", "rule", "decision"];

/// Words that a pure module does not know.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "tokio::",
    "reqwest",
    "axum",
    "sled::",
    "SystemTime",
    "Instant::",
    "rand::",
    "Utc::now",
];

/// A crate or call that only some files may name.
const CONFINED: &[(&str, &[&str])] = &[
    ("reqwest::", &["src/rest/client.rs", "src/simulator/"]),
    ("ureq::", &["src/authoring/recorded/admin.rs", "src/cli/healthcheck.rs"]),
    ("sled::", &["src/store/"]),
    ("crossbeam_epoch::", &["src/store/sled/garbage.rs"]),
    ("axum::", &["src/callback/", "src/console/", "src/service/", "src/simulator/"]),
    ("SystemTime::now", &["src/clock.rs"]),
    ("Instant::now", &["src/clock.rs"]),
    ("env::var", &["src/service/config"]),
    ("env::vars", &["src/service/config"]),
    ("notify::", &["src/service/"]),
    ("clap::", &["src/cli/"]),
    // Those of the standard library panic where nothing can be written; the commands have their own.
    ("print!", &["src/cli/"]),
    ("println!", &["src/cli/"]),
    ("is_terminal", &["src/cli/print.rs", "src/service/telemetry.rs"]),
    ("eprint!", &[]),
    ("eprintln!", &["src/cli/"]),
    ("cel::", &["src/rule/", "src/decision/view.rs", "src/decision/sight.rs"]),
    ("cron::", &["src/rule/crontab"]),
    ("serde_json_borrow::", &["src/callback/decode"]),
    ("form_urlencoded::", &["src/callback/query.rs"]),
];

/// Lines before a file's tests.
const MOST_LINES: usize = 500;

struct Source {
    path: String,
    module: String,
    text: String,
}

impl Source {
    /// The text before `mod tests`, without comments.
    fn code(&self) -> String {
        let end = self.text.find("#[cfg(test)]").unwrap_or(self.text.len());
        let without = |line: &str| match line.find("//") {
            Some(at) if !line[..at].contains('"') => line[..at].to_owned(),
            _ => line.to_owned(),
        };
        self.text[..end].lines().map(without).collect::<Vec<_>>().join("\n")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let first = relative.split('/').nth(1).unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        Source { text: fs::read_to_string(&path).unwrap(), path: relative, module }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            paths.push(path);
        }
    }
}

/// Tests that fill a folder of their own, below the module that they test.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

fn assert_none(found: Vec<String>, what: &str) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn each_module_uses_only_those_that_its_row_allows() {
    let allowed: BTreeMap<&str, &[&str]> = MAP.iter().copied().collect();
    let names: BTreeSet<&str> = allowed.keys().copied().collect();
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.module != "lib" && s.module != "main") {
        let Some(row) = allowed.get(source.module.as_str()) else {
            found.push(format!("{}: `{}` is not on the map", source.path, source.module));
            continue;
        };
        for used in uses(&source.code()) {
            let other = names.contains(used.as_str()) && used != source.module;
            if other && !row.contains(&used.as_str()) {
                found.push(format!("{} names `{used}`", source.path));
            }
        }
    }
    assert_none(found, "uses that the map does not allow");
}

/// Top-level modules that a text names after `crate::`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let inner = group.split('}').next().unwrap_or_default();
            used.extend(inner.split(',').map(first_name));
        }
        used.insert(first_name(rest));
    }
    used
}

fn first_name(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_module_uses_only_those_above_it() {
    let mut above = BTreeSet::new();
    for (module, row) in MAP {
        for used in *row {
            assert!(
                above.contains(used),
                "the map lets `{module}` use `{used}`, which is not above it"
            );
        }
        above.insert(*module);
    }
}

#[test]
fn the_map_in_lib_lists_the_modules_in_this_order() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let listed: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let map: Vec<&str> = MAP.iter().map(|(module, _)| *module).collect();
    assert_eq!(listed, map);
}

#[test]
fn pure_modules_know_no_io_time_or_chance() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| PURE.contains(&s.module.as_str())) {
        let code = source.code();
        found.extend(
            IMPURE
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{} names `{word}`", source.path)),
        );
    }
    assert_none(found, "impurities");
}

#[test]
fn confined_crates_are_named_only_where_they_belong() {
    let mut found = Vec::new();
    for source in sources() {
        let code = source.code();
        for (word, places) in CONFINED {
            let home = places.iter().any(|place| source.path.starts_with(place));
            let named = code.match_indices(word).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named && !home {
                found.push(format!("{} names `{word}`", source.path));
            }
        }
    }
    assert_none(found, "crates and calls out of their place");
}

/// The image compiles the dependencies before it has anything but the manifest.
#[test]
fn every_bench_says_where_it_lies() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let benches = manifest.split("[[bench]]").skip(1);
    let silent = benches.map(|bench| bench.split("\n[").next().unwrap());
    let silent = silent.filter(|bench| !bench.contains("path = "));
    assert_none(silent.map(str::to_owned).collect(), "benches without a path");
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let without = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    assert_none(without.map(|source| source.path).collect(), "files without a `//!` line");
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let long = sources().into_iter().filter_map(|source| {
        let lines = source.code().lines().count();
        (lines > MOST_LINES).then(|| format!("{}: {lines} lines", source.path))
    });
    assert_none(long.collect(), "files that are too long");
}

#[test]
fn production_code_does_not_differ_under_test() {
    let mut found = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            if !line.starts_with("#[") || !line.contains("cfg(") || !line.contains("test") {
                continue;
            }
            let next = lines.get(at + 1).copied().unwrap_or_default();
            if *line != "#[cfg(test)]" || !next.starts_with("mod tests") {
                found.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    assert_none(found, "`cfg(test)` on something else than `mod tests`");
}

#[test]
fn every_file_is_declared_by_a_mod() {
    let mut declared = BTreeSet::from(["src/lib.rs".to_owned(), "src/main.rs".to_owned()]);
    let all = sources();
    for source in &all {
        let base = match source.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
            _ => source.path.trim_end_matches(".rs").to_owned(),
        };
        for line in source.text.lines().map(str::trim) {
            let line = ["pub(crate) ", "pub(super) ", "pub "]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix))
                .unwrap_or(line);
            let Some(name) = line.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')) else {
                continue;
            };
            declared.insert(format!("{base}/{name}.rs"));
            declared.insert(format!("{base}/{name}/mod.rs"));
        }
    }
    let dead = all.into_iter().map(|source| source.path).filter(|path| !declared.contains(path));
    assert_none(dead.collect(), "files that no `mod` declares");
}
