//! A join that promotes: decided, synced to disk, answered; beside an axum handler that appends what
//! came and syncs it in groups.

use super::answered::speed;
use super::{in_turns, open_in_turns};
use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, on_one_thread};
use crate::scene::Scene;
use crate::servers::Setup;
use crate::table::Row;

const CONNECTIONS: usize = 256;

pub fn rows(scale: &Scale) -> Vec<Row> {
    on_one_thread(async {
        let scene = Scene::set(scale.folder()).await;
        let append = scene.own("append");
        let bot = scene.groupkeeper();
        let forgetful = Scene::set(scale.folder()).await;
        let nothing_kept = forgetful.groupkeeper_with(&Setup { keeps: false, ..Setup::default() });
        let callbacks = [(); 3].map(|()| Callbacks::new(Kind::Join));
        let [first, second, third] = &callbacks;
        let servers = [(&append, first), (&bot, second), (&nothing_kept, third)];
        let speeds = in_turns(scale, &servers, CONNECTIONS).await;
        let (limit, ours, without) = (speeds[0], speeds[1], speeds[2]);
        nothing_kept.stop();
        let servers = [(&append, first), (&bot, second)];
        let half = (ours.rate / 2.0).max(1.0);
        let runs = open_in_turns(scale, &servers, CONNECTIONS, half).await;
        let (limit_p99, our_p99) = (runs[0].at(0.99), runs[1].at(0.99));
        let ratio = ours.rate / limit.rate;
        vec![
            Row::new("a join that promotes: decided, on disk, answered", speed(&ours))
                .beside(format!("axum + grouped append and fdatasync: {}", speed(&limit)), ratio)
                .goal("≥ 0.60", ratio >= 0.6),
            Row::new("… with a store that keeps nothing", speed(&without))
                .beside("the same", without.rate / limit.rate),
            Row::new(
                format!("… its p99 at half load, {half:.0}/s"),
                format!("{our_p99:.2} ms (p50 {:.2})", runs[1].at(0.5)),
            )
            .beside(
                format!("axum + append: {limit_p99:.2} ms (p50 {:.2})", runs[0].at(0.5)),
                our_p99 / limit_p99,
            )
            .goal("< 10 ms", our_p99 < 10.0),
        ]
    })
}
