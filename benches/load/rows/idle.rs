//! What it takes to have the service at all: memory, the binary, a cold start.

use std::time::Duration;

use crate::Scale;
use crate::generate::on_one_thread;
use crate::machine::{mb, memory};
use crate::scene::Scene;
use crate::servers::binary;
use crate::table::Row;

pub fn rows(scale: &Scale) -> Vec<Row> {
    let binary = std::fs::metadata(binary()).unwrap().len();
    let (mut starts, mut resident) = (Vec::new(), 0);
    on_one_thread(async {
        for _ in 0..scale.turns * 3 {
            let scene = Scene::set(scale.folder()).await;
            let bot = scene.groupkeeper();
            starts.push(bot.start.as_secs_f64() * 1e3);
            // What the start needs once is settled by then.
            tokio::time::sleep(Duration::from_millis(500)).await;
            resident = resident.max(memory(bot.pid).0);
            bot.stop();
        }
    });
    starts.sort_by(f64::total_cmp);
    let (start, worst) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    vec![
        Row::new("resident memory, idle", format!("{:.1} MB", mb(resident)))
            .goal("< 20 MB", mb(resident) < 20.0),
        Row::new("the binary", format!("{:.1} MB", mb(binary))).goal("< 20 MB", mb(binary) < 20.0),
        Row::new("cold start to ready", format!("{start:.0} ms (at worst {worst:.0})"))
            .goal("< 100 ms", start < 100.0),
    ]
}
