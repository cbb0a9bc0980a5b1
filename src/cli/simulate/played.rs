//! `groupkeeper simulate --play`: the recording played, and what went otherwise told.

use super::super::Exit;
use super::Arguments;
use crate::clock::SystemClock;
use crate::simulator::{Comparison, Entry, Pace, Recording, Simulator, compare, play};

impl Arguments {
    pub(super) fn pace(&self) -> Pace {
        if self.at_once { Pace::AtOnce } else { Pace::Speed(self.speed) }
    }
}

/// Plays, compares, tells; `Exit::Failed` when something differs.
pub(super) async fn play_and_compare(
    simulator: &Simulator,
    recording: &Recording,
    pace: Pace,
    clock: &SystemClock,
) -> Exit {
    let acts = recording.entries.iter().filter(|entry| matches!(entry, Entry::Act { .. })).count();
    eprintln!("playing {acts} acts on {}", simulator.url());
    let real = SystemClock::default();
    play(simulator, recording, pace, &real, &|time| clock.skip(time)).await;
    let compared = compare(&recording.entries, &simulator.recording());
    print!("{}", words(&compared));
    if compared.differences.is_empty() { Exit::Fine } else { Exit::Failed }
}

/// The differences, a line each, and the sum.
fn words(compared: &Comparison) -> String {
    let lines: String = compared.differences.iter().map(|line| format!("{line}\n")).collect();
    let what = format!("{} callbacks and {} calls", compared.callbacks, compared.calls);
    match compared.differences.len() {
        0 => format!("{what} of the recording went as then\n"),
        1 => format!("{lines}\none difference, over {what} of the recording\n"),
        number => format!("{lines}\n{number} differences, over {what} of the recording\n"),
    }
}
