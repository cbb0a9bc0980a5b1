//! Two builds of the service beside each other, in short turns: on a machine with neighbours, what differs by a
//! tenth is not seen otherwise.

use std::path::Path;
use std::time::Duration;

use super::in_turns;
use crate::Scale;
use crate::callbacks::Kind;
use crate::generate::{Callbacks, on_one_thread};
use crate::scene::Scene;
use crate::servers::{self, Setup};
use crate::table::Row;

const CONNECTIONS: usize = 256;
/// Turns for each of those that rows have otherwise.
const TURNS: usize = 7;
const TURN: Duration = Duration::from_secs(1);

pub fn rows(scale: &Scale, other: &Path) -> Vec<Row> {
    let kinds =
        [(Kind::Message, "a message that no rule wants"), (Kind::Join, "a join that promotes")];
    kinds.into_iter().map(|(kind, what)| row(scale, other, kind, what)).collect()
}

fn row(scale: &Scale, other: &Path, kind: Kind, what: &str) -> Row {
    let folders = [(); 2].map(|()| scale.folder());
    on_one_thread(async {
        let scene = Scene::set(scale.folder()).await;
        let start = |build: &Path, folder: &tempfile::TempDir| {
            servers::build(build, folder.path(), scene.sink.address, &Setup::default())
        };
        let builds = [start(servers::binary(), &folders[0]), start(other, &folders[1])];
        let callbacks = [(); 2].map(|()| Callbacks::new(kind));
        let builds = [(&builds[0], &callbacks[0]), (&builds[1], &callbacks[1])];
        let scale = Scale { time: TURN, turns: scale.turns * TURNS, ..scale.clone() };
        let speeds = in_turns(&scale, &builds, CONNECTIONS).await;
        let (this, other) = (speeds[0], speeds[1]);
        Row::new(format!("{what}, beside another build"), super::answered::speed(&this))
            .beside(super::answered::speed(&other), other.cpu / this.cpu)
    })
}
