//! What a join costs as things grow: groups, rules, timers, journal, each from 1× to 100×.

use std::time::Duration;

use super::Speed;
use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, on_one_thread};
use crate::mixes::{groups, prefix, rule_text};
use crate::plot::{Line, Plot};
use crate::scene::Scene;
use crate::seed::Seed;
use crate::servers::Setup;
use crate::table::Row;

const CONNECTIONS: usize = 64;
/// More than this from 1× to 100× is neither flat nor logarithmic.
const MOST: f64 = 3.0;

/// One size of everything; the sizes at 1×.
#[derive(Clone, Copy)]
struct Size {
    groups: usize,
    rules: usize,
    timers: usize,
    journal: usize,
}

const ONCE: Size = Size { groups: 100, rules: 10, timers: 1_000, journal: 1_000 };
const MEMBERS_OF_A_GROUP: usize = 20;

/// So many times as much of one thing.
type Grown = fn(usize) -> Size;

/// What grows, in the plot's words, and how.
const DIMENSIONS: [(&str, Grown); 4] = [
    ("groups", |times| Size { groups: ONCE.groups * times, ..ONCE }),
    ("rules", |times| Size { rules: ONCE.rules * times, ..ONCE }),
    ("timers", |times| Size { timers: ONCE.timers * times, ..ONCE }),
    ("journal", |times| Size { journal: ONCE.journal * times, ..ONCE }),
];

/// What one size came to.
#[derive(Clone, Copy)]
struct Cost {
    /// Microseconds of processor time for a join, decided, synced and answered.
    join: f64,
    /// Milliseconds.
    start: f64,
}

pub fn rows(scale: &Scale) -> Vec<Row> {
    let steps: &[usize] = if scale.short { &[1, 10] } else { &[1, 3, 10, 30, 100] };
    let once = at(scale, ONCE);
    let mut rows = Vec::new();
    let (mut joins, mut starts) = (Vec::new(), Vec::new());
    for (name, grown) in DIMENSIONS {
        let costs: Vec<_> = steps
            .iter()
            .map(|times| match times {
                1 => (1.0, once),
                times => (*times as f64, at(scale, grown(*times))),
            })
            .collect();
        let (most, last) = costs[costs.len() - 1];
        let ratio = last.join / once.join;
        let row = Row::new(
            format!("a join with {most:.0}× the {name}"),
            format!("{:.0} µs CPU, start {:.0} ms", last.join, last.start),
        );
        rows.push(
            row.beside(format!("1×: {:.0} µs CPU, start {:.0} ms", once.join, once.start), ratio)
                .goal("flat or logarithmic", ratio < MOST),
        );
        let line = |value: fn(&Cost) -> f64| Line {
            name,
            points: costs.iter().map(|(times, cost)| (*times, value(cost))).collect(),
        };
        joins.push(line(|cost| cost.join));
        starts.push(line(|cost| cost.start));
    }
    if scale.plots {
        draw("growth-join.svg", "Processor time of a join, µs", joins);
        draw("growth-start.svg", "Start to ready, ms", starts);
    }
    rows
}

fn draw(file: &str, title: &str, lines: Vec<Line>) {
    let folder = crate::documentation().join("performance");
    let plot = Plot { title, across: "times as many", lines };
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(file), plot.svg()));
    if let Err(error) = written {
        eprintln!("the plot {file} was not written: {error}");
    }
}

/// Measures one size.
fn at(scale: &Scale, size: Size) -> Cost {
    let folder = scale.folder();
    let seed = Seed {
        groups: size.groups,
        members: size.groups * MEMBERS_OF_A_GROUP,
        mutes: size.timers,
        journal: size.journal,
        ..Seed::default()
    };
    seed.write(folder.path(), crate::now());
    let mut setup = Setup { reconcile: false, ..Setup::default() };
    // What a rule for joins can look at: where, and who.
    let what = |number: usize| match number % 2 {
        0 => groups(number),
        _ => prefix(number),
    };
    let text = (0..size.rules).map(|number| rule_text("member.joined", number, &what(number)));
    setup.rules.push(("many.toml".to_owned(), text.collect()));
    on_one_thread(async {
        let scene = Scene::set(folder).await;
        let bot = scene.groupkeeper_with(&setup);
        let callbacks = Callbacks::over(Kind::Join, size.groups as u64);
        let time = scale.time.min(Duration::from_secs(2));
        callbacks.closed(bot.address, CONNECTIONS, time / 4).await;
        let mut turns: Vec<Speed> = Vec::new();
        for _ in 0..scale.turns {
            let before = bot.cpu();
            let run = callbacks.closed(bot.address, CONNECTIONS, time).await;
            assert_eq!(run.failed, 0, "callbacks failed");
            let cpu = (bot.cpu() - before).as_secs_f64() * 1e6 / run.sent as f64;
            turns.push(Speed { rate: run.rate(), cpu });
        }
        turns.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
        let start = bot.start.as_secs_f64() * 1e3;
        Cost { join: turns[turns.len() / 2].cpu, start }
    })
}
