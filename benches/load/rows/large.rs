//! A large app: a million members in ten thousand groups, a hundred thousand mutes with timers.

use std::time::{Duration, Instant};

use groupkeeper::clock::Timestamp;

use crate::Scale;
use crate::generate::{histogram, micros, on_one_thread};
use crate::machine::{mb, memory};
use crate::scene::Scene;
use crate::seed::Seed;
use crate::servers::Setup;
use crate::sink::Sink;
use crate::table::Row;

/// Whether a mute has ended is asked with it (34964).
const ASKED: &str = "get_group_muted_account";
/// Until the first of the mutes ends: the service has started by then.
const LATER: Duration = Duration::from_secs(20);
const ENDING: usize = 500;

pub fn rows(scale: &Scale) -> Vec<Row> {
    let folder = scale.folder();
    let ending = if scale.short { 50 } else { ENDING };
    let mut seed = Seed {
        groups: scale.count(10_000),
        members: scale.count(1_000_000),
        mutes: scale.count(100_000),
        ..Seed::default()
    };
    let what = format!(
        "{} members in {} groups, {} mutes with timers",
        seed.members, seed.groups, seed.mutes
    );
    seed.write(folder.path(), crate::now());
    // Filling takes a while: when these end is known only now.
    let later = if scale.short { LATER / 5 } else { LATER };
    let (now, clock) = (crate::now(), Instant::now());
    let first = now + later;
    let others = seed.mutes..seed.mutes + ending;
    seed = Seed { ending: Some((others, first)), groups: seed.groups, ..Seed::default() };
    seed.write(folder.path(), now);
    on_one_thread(async {
        let scene = Scene::set(folder).await;
        let sink = &scene.sink;
        let bot = scene.groupkeeper_with(&Setup { reconcile: false, ..Setup::default() });
        let start = bot.start.as_secs_f64();
        let on_time = crate::now() < first;
        let all = sink.wait(ending, later * 2, |sink| sink.count(ASKED)).await;
        assert!(all, "{} of {ending} mutes ended", sink.count(ASKED));
        let (resident, most) = memory(bot.pid);
        let late = lateness(sink, ending, (first, now, clock));
        let at = |quantile| late.value_at_quantile(quantile) as f64 / 1e3;
        vec![
            Row::new(format!("{what}: start to ready"), format!("{start:.2} s"))
                .goal("< 3 s", start < 3.0),
            Row::new(
                "… resident memory",
                format!("{:.0} MB (at most {:.0})", mb(resident), mb(most)),
            )
            .goal("< 300 MB", mb(most) < 300.0),
            Row::new(
                format!("… {ending} mutes end, 100/s: how late"),
                format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0)),
            )
            .goal("< 1 s", on_time && at(1.0) < 1_000.0),
        ]
    })
}

/// From the time at which each mute is over to the call that asks whether it is; both ascend.
fn lateness(
    sink: &Sink,
    ending: usize,
    (first, now, clock): (Timestamp, Timestamp, Instant),
) -> hdrhistogram::Histogram<u64> {
    let arrivals = sink.take();
    let mut told = histogram();
    for (number, came) in arrivals.commands[ASKED].iter().take(ending).enumerate() {
        let over = first.since(now) + Duration::from_millis(10) * number as u32;
        told.saturating_record(micros(came.saturating_duration_since(clock + over)));
    }
    told
}
