//! An outbox of 100,000 effects, drained against the sink: within Chat's limit, and without one.

use std::time::{Duration, Instant};

use crate::Scale;
use crate::generate::on_one_thread;
use crate::scene::Scene;
use crate::seed::Seed;
use crate::servers::Setup;
use crate::table::Row;
use crate::windows::{Sliding, sliding};

const EFFECTS: usize = 100_000;
const COMMAND: &str = "modify_group_member_info";
const PATIENCE: Duration = Duration::from_secs(20);
const LIMIT: usize = 200;
const SECOND: Duration = Duration::from_secs(1);
/// Seconds for which a bare timer is watched, of each of a measurement.
const WATCHED: u32 = 20;

/// Within Chat's limit.
pub fn limited(scale: &Scale) -> Vec<Row> {
    let effects = scale.count(EFFECTS);
    let (Sliding { fewest, most, mean }, _) = drained(scale, effects, None);
    let timer = timer(scale.time * WATCHED);
    let row = Row::new(
        format!("an outbox of {effects} effects, drained"),
        format!("{fewest}–{most} in every sliding second, {mean:.1}/s"),
    );
    vec![
        row.beside(
            format!(
                "Chat takes 200/s of a command; a bare timer that keeps to it: {}–{}, {:.1}/s",
                timer.fewest, timer.most, timer.mean
            ),
            mean / LIMIT as f64,
        )
        .goal("199–200, never 201", fewest >= 199 && most <= 200),
    ]
}

/// What the machine allows at all: a thread that sleeps until each call is due and makes none.
fn timer(time: Duration) -> Sliding {
    let mut times = vec![Instant::now()];
    while times[times.len() - 1] - times[0] < time {
        let even = times[0] + SECOND * times.len() as u32 / LIMIT as u32;
        let within = times.len().checked_sub(LIMIT).map_or(even, |earlier| times[earlier] + SECOND);
        std::thread::sleep(even.max(within).saturating_duration_since(Instant::now()));
        times.push(Instant::now());
    }
    sliding(&times)
}

/// Without one.
pub fn free(scale: &Scale) -> Vec<Row> {
    let (sliding, cpu) = drained(scale, scale.count(EFFECTS), Some(1_000_000));
    let row = Row::new("… with no limit", format!("{:.0}/s ({cpu:.0} µs CPU each)", sliding.mean));
    vec![row.goal("> 10000/s", sliding.mean > 10_000.0)]
}

/// The calls of every sliding second, and microseconds of processor time for each.
fn drained(scale: &Scale, effects: usize, calls_per_second: Option<u32>) -> (Sliding, f64) {
    let folder = scale.folder();
    let now = crate::now();
    let groups = 1_000.min(effects);
    Seed { groups, outbox: effects, ..Seed::default() }.write(folder.path(), now);
    on_one_thread(async {
        let scene = Scene::set(folder).await;
        let setup = Setup { calls_per_second, reconcile: false, ..Setup::default() };
        let bot = scene.groupkeeper_with(&setup);
        let all = scene.sink.wait(effects, PATIENCE, |sink| sink.count(COMMAND)).await;
        let arrivals = scene.sink.take();
        let times = arrivals.commands.get(COMMAND).map_or(&[][..], Vec::as_slice);
        assert!(all, "of {effects} calls {} came", times.len());
        assert_eq!(times.len(), effects, "each effect is sent once");
        let cpu = bot.cpu().as_secs_f64() * 1e6 / effects as f64;
        bot.stop();
        (sliding(times), cpu)
    })
}
