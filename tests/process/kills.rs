//! SIGKILL under load, again and again, at any moment: while it works, while it starts, while it stops.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::given;
use crate::people::Expected;
use crate::rng::Rng;
use crate::scene::Scene;
use crate::truth::Figures;

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

/// Starts and kills so many times.
fn kill(scene: &Scene, kills: usize, rng: &mut Rng) -> Deaths {
    let (began, mut deaths) = (Instant::now(), Deaths::default());
    while deaths.kills() < kills {
        let before = deaths.kills();
        live_and_die(scene, rng, &mut deaths);
        if deaths.kills() > before && deaths.kills().is_multiple_of(10) {
            let (sums, seconds) = (scene.line.sums(), began.elapsed().as_secs());
            eprintln!(
                "{} of {kills} kills, {seconds} s: {} callbacks, {} wait, {} were sent again",
                deaths.kills(),
                sums.callbacks,
                scene.line.waiting(),
                sums.resent
            );
        }
        if rng.chance(500) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    deaths
}

fn live_and_die(scene: &Scene, rng: &mut Rng, deaths: &mut Deaths) {
    let home = &scene.home;
    let mut bot = home.spawn();
    let way = rng.below(100);
    if way < 15 {
        std::thread::sleep(rng.millis(0, 60));
        assert!(bot.runs(), "it ended by itself:\n{}", home.log());
        deaths.starting += 1;
        return bot.kill();
    }
    let took = bot.wait_until_ready();
    let took = took.unwrap_or_else(|| panic!("it ended by itself:\n{}", home.log()));
    deaths.slowest_start = deaths.slowest_start.max(took);
    // It calls Chat from a second after its start.
    std::thread::sleep(rng.millis(0, 2_500));
    assert!(bot.runs(), "it ended by itself:\n{}", home.log());
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

fn summary(scene: &Scene, deaths: &Deaths, expected: &Expected, figures: &Figures) -> String {
    format!(
        "kills: {}, of which {} while starting, {} while stopping; {} more had stopped in order before\n\
         {expected}\n{}\n{figures}\n\
         slowest start to ready: {} ms",
        deaths.kills(),
        deaths.starting,
        deaths.stopping,
        deaths.in_order,
        scene.line.sums(),
        deaths.slowest_start.as_millis(),
    )
}

fn killed_so_many_times(scene: &Scene, kills: usize, groups: usize, seed: u64) -> Figures {
    let (mut rng, mut deaths) = (Rng::new(seed), Deaths::default());
    // Some calls are refused, some are carried out and the answer is lost.
    scene.fault(17, &json!("apply_then_drop_reply"));
    scene.fault(23, &json!({ "status": 502 }));
    let expected = scene.while_people_act(groups, &mut rng, |rng| deaths = kill(scene, kills, rng));
    let figures = scene.judged(&expected);
    eprintln!("{}", summary(scene, &deaths, &expected, &figures));
    figures
}

#[test]
fn five_kills_under_load_lose_nothing_and_repeat_nothing() {
    killed_so_many_times(&Scene::with_mutes_of("5s"), 5, 6, 1);
}

#[test]
#[ignore = "takes minutes; docs/reliability.md says how to run it"]
fn many_kills_under_load_lose_nothing_and_repeat_nothing() {
    let kills = usize::try_from(given("KILLS", 200)).unwrap();
    let scene = Scene::that_only_hears("50s");
    let figures = killed_so_many_times(&scene, kills, 24, given("KILLS_SEED", 1));
    // A comparison with Chat could have found a join whose callback was answered and lost.
    assert_eq!(figures.found, 0);
    assert!(figures.repeated > 0, "no kill has met a call that was under way");
}
