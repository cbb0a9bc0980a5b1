//! From a join's callback to the REST call that promotes: how many a second, beside bots written by hand
//! that answer first and store nothing. Chat's 200 calls a second are lifted for this.

use std::time::{Duration, Instant};

use super::{Speed, median};
use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, on_one_thread};
use crate::hand_written::{express, fastapi};
use crate::scene::Scene;
use crate::servers::{self, Server, Setup};
use crate::sink::Sink;
use crate::table::Row;

const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is measured: what it is called, what we want to be beside it, and the server or why there is none.
struct Rival {
    name: &'static str,
    goal: Option<f64>,
    server: Result<Server, String>,
    callbacks: Callbacks,
    told: Vec<Speed>,
}

impl Rival {
    fn new(name: &'static str, goal: Option<f64>, server: Result<Server, String>) -> Self {
        Self { name, goal, server, callbacks: Callbacks::new(Kind::Join), told: Vec::new() }
    }
}

pub fn rows(scale: &Scale) -> Vec<Row> {
    on_one_thread(async {
        let scene = Scene::set(scale.folder()).await;
        let chat = scene.sink.address;
        let setup = Setup { calls_per_second: Some(1_000_000), ..Setup::default() };
        let (folder, keeps_nothing) = (scale.folder(), Setup { keeps: false, ..setup.clone() });
        let forgetful = servers::groupkeeper(folder.path(), chat, &keeps_nothing);
        let mut rivals = vec![
            Rival::new("Groupkeeper", None, Ok(scene.groupkeeper_with(&setup))),
            Rival::new("itself with a store that keeps nothing", None, Ok(forgetful)),
            Rival::new("axum + reqwest", Some(0.7), Ok(scene.own("reqwest"))),
        ];
        if scale.install {
            rivals.push(Rival::new("Express + json-rules-engine", Some(10.0), express(chat)));
            rivals.push(Rival::new("FastAPI", Some(40.0), fastapi(chat)));
        }
        for turn in 0..=scale.turns {
            for rival in &mut rivals {
                let Ok(server) = &rival.server else { continue };
                let speed =
                    promoted(&scene.sink, server, &rival.callbacks, scale.time, rival.name).await;
                // The first turn warms up: some compile while they run.
                rival.told.extend((turn > 0).then_some(speed));
            }
        }
        let ours = median(std::mem::take(&mut rivals[0].told));
        rivals.into_iter().skip(1).map(|rival| row(ours, rival)).collect()
    })
}

fn row(ours: Speed, rival: Rival) -> Row {
    let what = format!("callback to REST call, beside {}", rival.name);
    let measured = super::answered::speed(&ours);
    if let Err(why) = rival.server {
        let mut row = Row::new(what, measured);
        row.beside = format!("not available here: {why}");
        return row;
    }
    let theirs = median(rival.told);
    let ratio = ours.rate / theirs.rate;
    let row = Row::new(what, measured).beside(super::answered::speed(&theirs), ratio);
    match rival.goal {
        Some(goal) => row.goal(format!("≥ {goal}"), ratio >= goal),
        None => row,
    }
}

/// REST calls a second, until the last one has come. Who answers first may be behind for a while.
async fn promoted(
    sink: &Sink,
    server: &Server,
    callbacks: &Callbacks,
    time: Duration,
    name: &str,
) -> Speed {
    sink.take();
    let (before, begin) = (server.cpu(), Instant::now());
    let run = callbacks.closed(server.address, CONNECTIONS, time).await;
    assert_eq!(run.failed, 0, "callbacks failed");
    let wanted = run.sent as usize;
    let all = sink.wait(wanted, PATIENCE, Sink::promoted).await;
    let arrivals = sink.take();
    let count = arrivals.promoted.len();
    if !all {
        eprintln!("{name}: of {wanted} calls {count} came");
    }
    let last = arrivals.promoted.last().map_or(begin, |(_, time)| *time);
    let cpu = (server.cpu() - before).as_secs_f64() * 1e6 / count.max(1) as f64;
    Speed { rate: count as f64 / (last - begin).as_secs_f64(), cpu }
}
