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

/// Some bytes of one file changed, dropped, doubled, or put together with those of another.
fn mutated(files: &[Vec<u8>], draw: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut bytes = files[draw(files.len())].clone();
    for _ in 0..=draw(6) {
        let at = draw(bytes.len().max(1)).min(bytes.len());
        let end = (at + draw(40)).min(bytes.len());
        match draw(5) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(draw(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, b" \r\n:\t0;,\xff%"[draw(10)]),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            _ => {
                let other = &files[draw(files.len())];
                let from = draw(other.len().max(1)).min(other.len());
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(8_192);
    bytes
}

/// Tries what is like the corpus, from a seed.
fn try_mutated(seed: u64, times: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/connections");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    for number in 0..times {
        let bytes = mutated(&files, &mut draw);
        let tried = std::panic::catch_unwind(|| targets::connections::run(&bytes));
        assert!(tried.is_ok(), "seed {seed}, try {number}: {:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn connections_like_those_of_the_corpus_are_served_to_their_end() {
    try_mutated(1, 100);
}

/// Without a fuzzer's eye for what is new, but with the compiler that is there anyway.
#[test]
#[ignore = "takes minutes; docs/fuzzing.md says how to run it"]
#[expect(clippy::disallowed_methods, reason = "how long is said by whoever runs it")]
fn many_connections_like_those_of_the_corpus_are_served_to_their_end() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let (began, length) = (std::time::Instant::now(), seconds.unwrap_or(300));
    let mut seed = 0;
    while began.elapsed().as_secs() < length {
        seed += 1;
        try_mutated(seed, 100);
    }
    println!("{} connections in {:?}", seed * 100, began.elapsed());
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
