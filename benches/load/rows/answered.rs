//! A message callback that no rule wants, beside an axum handler that parses the same JSON and answers.

use super::{in_turns, open_in_turns};
use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, on_one_thread};
use crate::scene::Scene;
use crate::table::Row;

const CONNECTIONS: usize = 64;

pub fn rows(scale: &Scale) -> Vec<Row> {
    on_one_thread(async {
        let scene = Scene::set(scale.folder()).await;
        let [responder, bare] = ["responder", "bare"].map(|name| scene.own(name));
        let bot = scene.groupkeeper();
        let callbacks = [(); 3].map(|()| Callbacks::new(Kind::Message));
        let servers = [(&responder, &callbacks[0]), (&bare, &callbacks[1]), (&bot, &callbacks[2])];
        let speeds = in_turns(scale, &servers, CONNECTIONS).await;
        let (most, limit, ours) = (speeds[0], speeds[1], speeds[2]);
        let half = (ours.rate.min(limit.rate) / 2.0).max(1.0);
        let runs = open_in_turns(scale, &servers[1..], CONNECTIONS, half).await;
        let (limit_p99, our_p99) = (runs[0].at(0.99), runs[1].at(0.99));
        let (ratio, tail) = (ours.rate / limit.rate, our_p99 / limit_p99);
        vec![
            Row::new("the generator itself, against a server that parses nothing", speed(&most)),
            Row::new("a message that no rule wants, answered", speed(&ours))
                .beside(format!("axum, the same JSON: {}", speed(&limit)), ratio)
                .goal("≥ 0.80", ratio >= 0.8),
            Row::new(
                format!("… its p99 at {half:.0}/s"),
                format!("{our_p99:.2} ms (p50 {:.2})", runs[1].at(0.5)),
            )
            .beside(format!("axum: {limit_p99:.2} ms (p50 {:.2})", runs[0].at(0.5)), tail)
            .goal("≤ 1.25", tail <= 1.25),
        ]
    })
}

pub fn speed(speed: &super::Speed) -> String {
    format!("{:.0}/s ({:.0} µs CPU each)", speed.rate, speed.cpu)
}
