//! Many seeds, one seed, the same seed twice, and the planted bugs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::chaos::{Report, run};
use crate::crash;
use crate::mutant::Mutant;

/// Seeds that are run when nobody says how many: `.ci/run` says two thousand.
const SEEDS: u64 = 100;
/// The last lines of its story that a failing seed tells at once; `one_seed` tells them all.
const TOLD: usize = 120;
/// A planted bug that no story shows must show itself within so many.
const FOUND_WITHIN: u64 = 300;

#[expect(
    clippy::disallowed_methods,
    reason = "how many seeds, and from which, is said in the environment"
)]
fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
}

/// Runs seeds on all processors until one fails, of a planted bug by the promise that it breaks; says
/// which and how many were run.
fn first_failure(from: u64, seeds: u64, mutant: Option<Mutant>) -> (Option<Report>, Sums) {
    let fails = |report: &Report| {
        let letter = mutant.map_or("", Mutant::breaks);
        report.violations.iter().any(|found| found.starts_with(letter))
    };
    let (next, sums) = (AtomicU64::new(from), Mutex::new(Sums::default()));
    let failed: Mutex<Option<Report>> = Mutex::new(None);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let lowest = failed.lock().unwrap().as_ref().map(|report| report.seed);
        if seed >= from + seeds || lowest.is_some_and(|lowest| lowest < seed) {
            return;
        }
        let report = run(seed, mutant);
        let all = sums.lock().unwrap().add(&report);
        if all % 500 == 0 {
            println!("{all} seeds");
        }
        let mut failed = failed.lock().unwrap();
        if fails(&report) && failed.as_ref().is_none_or(|other| seed < other.seed) {
            *failed = Some(report);
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        (0..processors).for_each(|_| drop(scope.spawn(work)));
    });
    (failed.into_inner().unwrap(), sums.into_inner().unwrap())
}

/// What many runs came to.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    decisions: u64,
    effects: u64,
    sent: u64,
    dead: u64,
    deaths: u64,
    hours: u64,
}

impl Sums {
    fn add(&mut self, report: &Report) -> u64 {
        self.seeds += 1;
        self.decisions += report.tally.decisions;
        self.effects += report.tally.effects;
        self.sent += report.tally.sent;
        self.dead += report.tally.dead;
        self.deaths += report.deaths;
        self.hours += report.lasted.as_secs() / 3_600;
        self.seeds
    }
}

/// What a person needs who has to mend it.
fn told(report: &Report) -> String {
    let Report { seed, plan, violations, story, .. } = report;
    let story = story[story.len().saturating_sub(TOLD)..].join("\n");
    let violations = violations.join("\n  ");
    format!(
        "seed {seed} fails:\n  {violations}\n{plan:?}\nits story, the last of it:\n{story}\n\
         again: SIM_SEED={seed} cargo test --test sim one_seed -- --nocapture"
    )
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_done_twice() {
    let (from, seeds) = (number("SIM_FROM", 1), number("SIM_SEEDS", SEEDS));
    let (failed, sums) = first_failure(from, seeds, None);
    println!("from seed {from}: {sums:?}");
    if let Some(report) = failed {
        panic!("{}", told(&report));
    }
    assert_eq!(sums.seeds, seeds);
    // A simulation in which nothing happens finds nothing.
    assert!(sums.effects > seeds && sums.deaths * 5 > seeds, "{sums:?}");
}

#[test]
fn one_seed_tells_its_story() {
    let report = run(number("SIM_SEED", 1), None);
    for line in &report.story {
        println!("{line}");
    }
    println!("{:?} {:?} {:?}", report.plan, report.tally, report.lasted);
    assert!(report.violations.is_empty(), "{}", told(&report));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 1..=40 {
        let (one, two) = (run(seed, None), run(seed, None));
        assert_eq!(one.story, two.story, "seed {seed}");
        assert_eq!(one.digest, two.digest, "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_found() {
    let mut hidden = Vec::new();
    for mutant in Mutant::ALL {
        // By the promise that it breaks: what is found for another reason shows nothing of it.
        let its = |found: &str| found.starts_with(mutant.breaks());
        if let Some((story, found)) =
            crash::found_by_a_story(mutant).filter(|(_, found)| its(found))
        {
            println!("{mutant:?}: \"{story}\": {found}");
            continue;
        }
        let (failed, sums) = first_failure(1, FOUND_WITHIN, Some(mutant));
        match failed {
            Some(report) => {
                let found = report.violations.iter().find(|found| its(found)).unwrap();
                println!("{mutant:?}: within {} seeds: {found}", report.seed);
            }
            None => {
                println!("{mutant:?} is hidden from {sums:?}");
                hidden.push(mutant);
            }
        }
    }
    assert!(hidden.is_empty(), "not found: {hidden:?}");
}
