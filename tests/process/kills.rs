//! SIGKILL under load, again and again, at any moment: while it works, while it starts, while it stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bot::{Bot, Home};
use crate::chat::Chat;
use crate::free_address;
use crate::line::Line;
use crate::people::{Expected, People, RULES};
use crate::rng::Rng;
use crate::truth::{Figures, come_to_rest, judge};

/// Everything that a callback brings is kept, so that it can be held against the ledger.
const CONFIG: &str = "[journal]\nevents = \"all\"\n";
/// An order to stop is obeyed within this.
const STOP: Duration = Duration::from_secs(10);

struct Scene {
    line: Line,
    chat: Chat,
    home: Home,
}

/// How the processes died.
#[derive(Debug, Default)]
struct Deaths {
    working: usize,
    starting: usize,
    stopping: usize,
    /// Ended in order before the kill came; not counted as killed.
    in_order: usize,
    slowest_start: Duration,
}

impl Deaths {
    fn kills(&self) -> usize {
        self.working + self.starting + self.stopping
    }
}

impl Scene {
    fn new() -> Self {
        let callback = free_address();
        let line = Line::to(callback);
        let chat = Chat::start(&line.url);
        let home = Home::at(callback, &chat.url, RULES, CONFIG);
        Self { line, chat, home }
    }

    /// Some calls are refused, some are carried out and the answer is lost.
    fn weather(&self) {
        let kinds = [(17, json!("apply_then_drop_reply")), (23, json!({ "status": 502 }))];
        for (every, kind) in kinds {
            self.chat.fault(&json!({ "on": "*", "every": every, "kind": kind }));
        }
    }

    /// Starts and kills so many times while people act.
    fn kill(&self, kills: usize, groups: usize, rng: &mut Rng) -> (Deaths, Expected) {
        let mut people = People::new(&self.chat, &self.line, groups, rng.fork());
        let (enough, mut deaths) = (AtomicBool::new(false), Deaths::default());
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| people.act_until(&enough));
            // Whatever fails here: whoever waits for people waits for this.
            let _enough = Enough(&enough);
            while deaths.kills() < kills {
                self.live_and_die(rng, &mut deaths);
                let number = deaths.kills();
                if number.is_multiple_of(10) {
                    let sums = self.line.sums();
                    let (seconds, callbacks) = (began.elapsed().as_secs(), sums.callbacks);
                    let (waiting, resent) = (self.line.waiting(), sums.resent);
                    eprintln!(
                        "{number} of {kills} kills, {seconds} s: {callbacks} callbacks, {waiting} wait, {resent} resent"
                    );
                }
                if rng.chance(500) {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        (deaths, people.expected)
    }

    fn live_and_die(&self, rng: &mut Rng, deaths: &mut Deaths) {
        let mut bot = self.home.spawn();
        match rng.below(100) {
            0..15 => {
                std::thread::sleep(rng.millis(0, 60));
                deaths.starting += 1;
                assert!(bot.runs(), "it ended by itself:\n{}", self.home.log());
                bot.kill();
            }
            way => {
                let took = bot.wait_until_ready();
                let took = took.unwrap_or_else(|| panic!("ended by itself:\n{}", self.home.log()));
                deaths.slowest_start = deaths.slowest_start.max(took);
                std::thread::sleep(rng.millis(0, 500));
                assert!(bot.runs(), "it ended by itself:\n{}", self.home.log());
                if way < 30 {
                    bot.signal("TERM");
                    std::thread::sleep(rng.millis(0, 40));
                    let ended = !bot.runs();
                    deaths.in_order += usize::from(ended);
                    deaths.stopping += usize::from(!ended);
                } else {
                    deaths.working += 1;
                }
                bot.kill();
            }
        }
    }
}

struct Enough<'t>(&'t AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn summary(scene: &Scene, deaths: &Deaths, expected: &Expected, figures: &Figures) -> String {
    let sums = scene.line.sums();
    let Figures { decided, idle, idle_not_kept, effects, repeated, repeated_after_success, dead } =
        figures;
    format!(
        "kills: {}, of which {} while starting, {} while stopping; {} more had stopped in order before\n\
         people: {} acts; {} joined, {} staff, {} flooded, {} owners left\n\
         callbacks: {} answered, of which {} were sent again until then and {} told once more after it; \
         refused by status: {:?}\n\
         {decided} of them oblige the bot, and each was decided once; {idle} do not, of which the journal \
         has lost {idle_not_kept}\n\
         effects: {effects} different calls that change something, {repeated} repeated, \
         {repeated_after_success} of them after Chat had said yes; {dead} dead letters\n\
         slowest start to ready: {} ms",
        deaths.kills(),
        deaths.starting,
        deaths.stopping,
        deaths.in_order,
        expected.acts,
        expected.joined.len(),
        expected.staff.len(),
        expected.flooded.len(),
        expected.abdications,
        sums.callbacks,
        sums.resent,
        sums.twice,
        sums.refused,
        deaths.slowest_start.as_millis(),
    )
}

fn killed_so_many_times(kills: usize, groups: usize, seed: u64) {
    let scene = Scene::new();
    scene.weather();
    let (deaths, expected) = scene.kill(kills, groups, &mut Rng::new(seed));
    scene.chat.clear_faults();
    let bot: Bot = scene.home.serve();
    come_to_rest(&scene.line, &bot);
    let judged = judge(&scene.line, &bot, &scene.chat, &expected);
    let figures = judged.unwrap_or_else(|wrong| {
        let first: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
        panic!("seed {seed}: {} things are wrong:\n{}", wrong.len(), first.join("\n"))
    });
    bot.stop(STOP);
    scene.home.fsck().unwrap();
    eprintln!("{}", summary(&scene, &deaths, &expected, &figures));
    assert!(expected.staff.len() + expected.flooded.len() > 0, "people did nothing");
}

/// A number from the environment.
fn given(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn five_kills_under_load_lose_nothing_and_repeat_nothing() {
    killed_so_many_times(5, 6, 1);
}

#[test]
#[ignore = "takes minutes; docs/reliability.md says how to run it"]
fn many_kills_under_load_lose_nothing_and_repeat_nothing() {
    let kills = usize::try_from(given("KILLS", 200)).unwrap();
    killed_so_many_times(kills, 24, given("KILLS_SEED", 1));
}
