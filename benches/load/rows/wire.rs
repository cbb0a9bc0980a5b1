//! From the time at which a join's callback is sent to the REST call on the wire, a hundred a second.

use std::time::Duration;

use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, histogram, micros, on_one_thread};
use crate::scene::Scene;
use crate::sink::Sink;
use crate::table::Row;

const RATE: f64 = 100.0;
const CONNECTIONS: usize = 16;

pub fn rows(scale: &Scale) -> Vec<Row> {
    on_one_thread(async {
        let scene = Scene::set(scale.folder()).await;
        let (sink, bot) = (&scene.sink, scene.groupkeeper());
        let callbacks = Callbacks::new(Kind::Join);
        let time = scale.time * 4;
        callbacks.open(bot.address, CONNECTIONS, RATE, scale.time / 5).await;
        sink.wait(callbacks.count() as usize, Duration::from_secs(10), Sink::promoted).await;
        sink.take();
        let first = callbacks.count();
        let (run, intended) = callbacks.open(bot.address, CONNECTIONS, RATE, time).await;
        assert_eq!(run.failed, 0, "callbacks failed");
        sink.wait(intended.len(), Duration::from_secs(10), Sink::promoted).await;
        let arrivals = sink.take();
        assert_eq!(arrivals.promoted.len(), intended.len(), "each is promoted once");
        let mut told = histogram();
        for (number, came) in &arrivals.promoted {
            told.saturating_record(micros(*came - intended[(number - first) as usize]));
        }
        let at = |quantile| told.value_at_quantile(quantile) as f64 / 1e3;
        let (p50, p99) = (at(0.5), at(0.99));
        vec![
            Row::new(
                "callback in to REST call on the wire, 100/s",
                format!("p50 {p50:.2} ms, p99 {p99:.2} ms, max {:.2} ms", at(1.0)),
            )
            .goal("p50 < 3 ms, p99 < 10 ms", p50 < 3.0 && p99 < 10.0),
        ]
    })
}
