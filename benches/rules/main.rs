//! What rules cost: loading and checking a directory, and deciding one event.
//!
//! `cargo bench --bench rules`. Beside each time stands the limit: a thousand closures in Rust that make
//! the same comparisons. Machines differ and are noisy: read the ratio, and whether 1,000 rules stay
//! below a millisecond.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

mod mixes;

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use groupkeeper::authoring;
use mixes::{MIXES, mixed, rule_text};

/// How long each number is measured.
const TIME: Duration = Duration::from_millis(400);

fn deciding() {
    println!("one event, needs + decide, µs of CPU");
    println!("{:<24} {:>10} {:>10} {:>10} {:>8}", "", "limit", "10 rules", "1000", "ratio");
    for mix in MIXES {
        let cost = mix.measure(TIME);
        let (limit, ratio) = (cost.closures, cost.thousand / cost.closures);
        println!(
            "{:<24} {limit:>10.1} {:>10.1} {:>10.1} {ratio:>8.1}",
            mix.name, cost.ten, cost.thousand
        );
    }
}

fn loading() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..500 {
        let mut text = String::new();
        for number in file * 10..file * 10 + 10 {
            write!(text, "{}", rule_text("message.sent", number, &mixed(number))).unwrap();
        }
        fs::write(folder.path().join(format!("rules{file}.toml")), text).unwrap();
    }
    let mut times: Vec<_> = (0..3)
        .map(|_| {
            let begin = Instant::now();
            let checked = authoring::check(folder.path(), None).unwrap();
            let time = begin.elapsed();
            assert!(checked.is_good(), "{}", checked.diagnostics[0].render(false));
            assert_eq!(checked.rules.rules().len(), 5_000);
            time
        })
        .collect();
    times.sort();
    println!("loading and checking 5000 rules in 500 files: {:.2} s", times[1].as_secs_f64());
}

fn main() {
    loading();
    deciding();
}
