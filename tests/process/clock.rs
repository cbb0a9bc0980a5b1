//! The real process under a clock that jumps: libfaketime stands between it and the machine's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bot::{Bot, Home};
use crate::rng::Rng;
use crate::scene::{STOP, Scene};
use crate::wait_until;

/// How long people act at each time.
const STAY: Duration = Duration::from_secs(3);

/// A signature is taken for fresh when it is not older or newer than this, in seconds (`[callback] window`).
const FRESH: i64 = 60;
/// Where the clock is set to, in seconds from the right time, and whether the process is killed then. So
/// little that callbacks are taken; so much that none is; across a restart too.
const JUMPS: [(i64, bool); 7] =
    [(0, false), (40, false), (-40, true), (3_600, true), (0, false), (-3_600, false), (0, true)];

/// A clock that is set by writing a file, which the process reads at each look.
struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    /// Panics where libfaketime is not installed: without it this shows nothing.
    fn beside(home: &Home) -> Self {
        let library = library()
            .unwrap_or_else(|| panic!("libfaketime is not there: apt-get install faketime"));
        let clock = Self { library, file: home.path().join("clock") };
        clock.set(0);
        clock
    }

    /// The process's clock is this many seconds before (or behind, below 0) the machine's from now on.
    fn set(&self, seconds: i64) {
        // A reader must not see half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    /// A bot that goes by it, ready.
    fn serve(&self, home: &Home) -> Bot {
        let mut command = home.command(&["serve"]);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            // Only the time of day jumps: a machine's other clock never does.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        let mut bot = home.spawn_as(command, home.admin);
        bot.wait_until_ready().unwrap_or_else(|| panic!("it ended at once:\n{}", home.log()));
        bot
    }
}

/// Where Debian and others put it.
fn library() -> Option<PathBuf> {
    let name = "faketime/libfaketimeMT.so.1";
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let folders = folders.map(|folder| folder.path());
    let mut places = folders.chain([Path::new("/usr/lib").into(), "/usr/local/lib".into()]);
    places.find_map(|folder| Some(folder.join(name)).filter(|path| path.exists()))
}

#[test]
#[ignore = "needs libfaketime and takes a minute; docs/reliability.md says how to run it"]
fn under_a_clock_that_jumps_nothing_is_lost_or_said_twice_and_everything_ends() {
    let scene = Scene::with_mutes_of("5s");
    let clock = FakeClock::beside(&scene.home);
    let mut told = Vec::new();
    let mut last = None;
    let expected = scene.while_people_act(6, &mut Rng::new(4), |_| {
        let mut bot = clock.serve(&scene.home);
        // Little enough that callbacks are taken; so much that none is; across a restart too.
        let mut now: i64 = 0;
        for (seconds, killed) in JUMPS {
            // What is counted over ten seconds is not held against the bot where its clock jumps in between.
            let peace = scene.peace.lock().unwrap();
            let taken = || now.abs() > FRESH || scene.line.waiting() == 0;
            wait_until(STOP, || format!("{} wait", scene.line.waiting()), taken);
            clock.set(seconds);
            now = seconds;
            drop(peace);
            if killed {
                bot.kill();
                bot = clock.serve(&scene.home);
            }
            std::thread::sleep(STAY);
            told.push((seconds, scene.line.sums().refused.values().sum::<usize>()));
        }
        last = Some(bot);
    });
    // It was that clock that the bot went by: an hour off, it takes no signature for fresh.
    let refused = |step: usize| told[step].1 - told[step - 1].1;
    assert!(refused(3) > 0 && refused(5) > 0, "{told:?}");
    assert_eq!(refused(1), 0, "{told:?}");
    let bot = last.unwrap();
    let figures = scene.judged_by(&bot, &expected);
    bot.stop(STOP);
    scene.home.fsck().unwrap();
    eprintln!(
        "{expected}\n{}\n{figures}\n(seconds off, refused so far): {told:?}",
        scene.line.sums()
    );
    assert_eq!(scene.line.sums().refused.keys().copied().collect::<Vec<_>>(), [403]);
}
