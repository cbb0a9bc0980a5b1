//! How many rule tests a second run, beside the limit: 1,000 in under two seconds.
//!
//! `cargo bench --bench rule_tests`. The tests are those of the shipped rules, over and over: floods,
//! ladders, restarts, outages, sweeps. Reading them counts.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use groupkeeper::authoring::{self, SourceFile};
use tokio::runtime::Builder;

const TESTS: usize = 1_000;
const LIMIT: f64 = 2.0;

/// The test files of the shipped rules, repeated under other names until there are enough tests.
fn generate(shipped: &[SourceFile]) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut tests = 0;
    for round in 0.. {
        for (name, text) in shipped {
            if tests >= TESTS {
                return files;
            }
            tests += text.matches("[[test]]").count();
            files.push((format!("{round}/{name}"), text.clone()));
        }
    }
    files
}

fn main() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let checked = authoring::check(&directory, None).unwrap();
    let files = generate(&checked.tests);
    let rules = Arc::new(checked.rules);
    // As the program itself does: conditions are parsed recursively.
    let runtime = Builder::new_multi_thread().enable_all().thread_stack_size(4 << 20).build();
    let runtime = runtime.unwrap();
    println!("rule tests of the shipped rules; the limit is {TESTS} in {LIMIT} s");
    println!("tests    seconds    tests/s    share of the limit");
    for _ in 0..3 {
        let begin = Instant::now();
        let report = runtime.block_on(authoring::run_tests(rules.clone(), &files, |_| {}));
        let seconds = begin.elapsed().as_secs_f64();
        assert_eq!(report.failed(), 0, "a test of the shipped rules fails");
        let tests = report.results.len() as f64;
        println!(
            "{tests:>5} {seconds:>10.3} {:>10.0} {:>20.0} %",
            tests / seconds,
            100.0 * seconds * TESTS as f64 / tests / LIMIT
        );
    }
}
