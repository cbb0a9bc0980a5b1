//! What fuzzing found is kept: every file of `fuzz/corpus` goes through the function that was fuzzed.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

/// The texts of a target, as libFuzzer hands them over: up to the first byte that is no UTF-8.
fn corpus(target: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid()).to_owned();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// What a test prints is shown when it fails: the last file is the one at fault.
fn run(target: &str, one: impl Fn(&str)) {
    let files = corpus(target);
    assert!(files.len() > 100, "{target}: only {} files", files.len());
    for (path, text) in files {
        println!("{}", path.display());
        one(&text);
    }
}

/// Bodies need not be UTF-8; that they are refused then is part of it.
#[test]
fn callbacks_of_the_corpus_are_decoded_and_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/callbacks");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 100, "only {} files", paths.len());
    for path in paths {
        println!("{}", path.display());
        targets::callbacks::run(&std::fs::read(&path).unwrap());
    }
}

#[test]
fn connections_of_the_corpus_are_served_to_their_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/connections");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "only {} files", paths.len());
    for path in paths {
        println!("{}", path.display());
        targets::connections::run(&std::fs::read(&path).unwrap());
    }
}

#[test]
fn rule_files_of_the_corpus_are_read_and_decided_with() {
    run("rules", targets::rules::run);
}

#[test]
fn conditions_of_the_corpus_are_checked_and_judged() {
    run("expressions", targets::expressions::run);
}

#[test]
fn test_files_of_the_corpus_are_read_and_run() {
    run("tests", targets::tests::run);
}

#[test]
fn texts_of_the_corpus_are_read() {
    run("texts", targets::texts::run);
}
