//! Every story, stopped at its n-th commit, sync and send, for every n; then the bot starts again on
//! what the disk kept, and Chat ends as if nothing had been.

mod by_hand;
mod ending;
mod found;
mod scenes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::callback::Limits;
use groupkeeper::engine::MOST_OWED;
use groupkeeper::reconcile;
use groupkeeper::rest::catalog;
use groupkeeper::rule::model::Globs;
use groupkeeper::rule::{RuleSet, read};
use groupkeeper::simulator::{CallRecord, Settings, World};

use ending::Ending;
use scenes::{Happens, Scene, scenes};

use crate::bot::{Bot, Machine};
use crate::clock::SimClock;
use crate::directory::Directory;
use crate::disk::{Disk, Loss, Manner};
use crate::mutant::Mutant;
use crate::net::Net;
use crate::power::{Power, Stop};
use crate::rng::Rng;
use crate::story::Story;
use crate::witness::Witness;
use crate::{ADMIN, BEGIN, KEY, SDK_APP_ID, TOKEN};

/// A process is down for so long.
const DOWN: Duration = Duration::from_secs(2);

/// How a stopped story goes on.
#[derive(Clone, Copy, Debug)]
struct Variant {
    /// What was not synced is lost; otherwise the disk was faster than the answer.
    lost: bool,
    /// What was called for is seen before it is synced.
    early: bool,
    /// Chat sends again what was not answered.
    again: bool,
}

const VARIANTS: [Variant; 5] = [
    Variant { lost: true, early: true, again: true },
    Variant { lost: true, early: false, again: true },
    Variant { lost: false, early: true, again: true },
    Variant { lost: true, early: true, again: false },
    Variant { lost: false, early: false, again: false },
];

/// One story being played.
struct Play<'s> {
    scene: &'s Scene,
    machine: Machine,
    /// The next line of the script.
    next: usize,
}

/// What came of one play.
struct Played {
    ending: Ending,
    violations: Vec<String>,
    story: Vec<String>,
    /// Commits and sends of the first process.
    counted: (u64, u64),
    /// The commands that Chat was given.
    commands: BTreeSet<String>,
}

/// The one file of rules.
const FILE: &str = "rules.toml";

fn parsed(scene: &Scene) -> Arc<RuleSet> {
    let reading = read(vec![(FILE.to_owned(), scene.rules.clone())], None);
    assert!(!reading.has_errors(), "{}: {:#?}", scene.name, reading.diagnostics);
    Arc::new(reading.rules)
}

/// Plays a story, stopped where `stop` says.
fn play(
    scene: &Scene,
    rules: &Arc<RuleSet>,
    stop: Option<Stop>,
    variant: Variant,
    mutant: Option<Mutant>,
) -> Played {
    let clock = SimClock::new(BEGIN);
    let disk = Disk::default();
    let story = Story::new(clock.clone());
    let mut settings = Settings::new(SDK_APP_ID, ADMIN, KEY);
    settings.check_usersig = false;
    settings.callback_token = Some(TOKEN.to_owned());
    if !scene.asks {
        settings = settings.without_asking();
    }
    let mut world = World::new(settings);
    scenes::found(&mut world, BEGIN, scene.kind);
    let witness = Witness::new(disk.clone(), clock.clone(), story.clone());
    let net = Net::new(world, witness, story.clone(), clock.clone(), Rng::new(1));
    net.weather.lock().unwrap().again = variant.again;
    let machine = Machine {
        clock,
        disk,
        net,
        rules: Arc::new(ArcSwap::new(rules.clone())),
        directory: scene.saves.then(|| Directory::new(rules, story.clone(), true)),
        window: Duration::from_secs(60),
        most: (MOST_OWED, Limits::default()),
        manner: Manner { early: variant.early, sync: (1, 1) },
        rng: Arc::new(Mutex::new(Rng::new(2))),
        reconcile: scene.compared.map(|seconds| {
            let every = Some(Duration::from_secs(seconds));
            reconcile::Settings { every, groups: Globs::new(&["*"]).unwrap(), members: every }
        }),
        limit: None,
        longest_mute: scene.longest_mute,
        mutant,
    };
    let mut play = Play { scene, machine, next: 0 };
    let counted = play.through(stop, variant);
    let ending = Ending::of(&play.machine);
    let world = play.machine.net.world();
    let command = |call: &CallRecord| format!("v4/{}/{}", call.service, call.command);
    let commands = world.calls().iter().map(command).collect();
    Played { ending, violations: story.violations(), story: story.last(200), counted, commands }
}

impl Play<'_> {
    fn through(&mut self, stop: Option<Stop>, variant: Variant) -> (u64, u64) {
        let mut power = Power::new(stop, None);
        let mut counted = None;
        loop {
            let runtime = self.machine.clock.runtime();
            let (over, first) = runtime.block_on(self.one_process(power));
            counted = counted.or(Some(first));
            drop(runtime);
            if over {
                return counted.unwrap_or_default();
            }
            self.machine.net.disconnect();
            self.machine.disk.crash(&mut if variant.lost { Loss::All } else { Loss::Nothing });
            self.machine.clock.pass(DOWN);
            self.machine.net.story.tell("the process is gone, and another one starts");
            self.machine.net.witness.after_crash();
            power = Power::new(None, None);
        }
    }

    async fn one_process(&mut self, power: Power) -> (bool, (u64, u64)) {
        let bot = self.machine.start(power);
        let power = bot.power.clone();
        let over = tokio::select! {
            biased;
            () = power.gone() => false,
            () = self.script(&bot) => true,
        };
        (over, power.counted())
    }

    async fn script(&mut self, bot: &Bot) {
        while let Some((at, happens)) = self.scene.script.get(self.next) {
            self.until(*at).await;
            let net = &self.machine.net;
            match happens {
                Happens::InChat(act) => {
                    self.next += 1;
                    net.happen(|world, now| act(world, now));
                }
                Happens::OnTheWay(act) => {
                    self.next += 1;
                    act(&mut net.weather.lock().unwrap(), self.machine.clock.truth());
                }
                Happens::ToTheDisk(act) => {
                    self.next += 1;
                    act(&mut self.machine.disk.clone(), self.machine.clock.truth());
                }
                Happens::Saved(text) => {
                    self.next += 1;
                    self.machine.directory.as_ref().unwrap().put(FILE, text);
                }
                // A person who gets no answer does it again.
                Happens::ByHand(give) => {
                    give(bot).await;
                    self.next += 1;
                }
            }
        }
        self.until(self.scene.lasts).await;
    }

    async fn until(&self, seconds: u64) {
        let at = BEGIN + Duration::from_secs(seconds + 1);
        let wait = at.since(self.machine.clock.truth());
        self.machine.clock.sleep(wait).await;
    }
}

/// Every stop of a story that went through with so many commits and sends.
fn stops((commits, sends): (u64, u64)) -> Vec<Stop> {
    let commits = (1..=commits)
        .flat_map(|n| [Stop::BeforeCommit(n), Stop::BeforeSync(n), Stop::AfterCommit(n)]);
    commits.chain((1..=sends).flat_map(|n| [Stop::BeforeSend(n), Stop::AfterSend(n)])).collect()
}

/// Stops one story everywhere; says how many points that were, and what did not hold.
fn everywhere(scene: &Scene) -> (usize, Vec<String>) {
    let rules = parsed(scene);
    let (mut points, mut wrong) = (0, Vec::new());
    for variant in VARIANTS {
        let whole = play(scene, &rules, None, variant, None);
        if !whole.violations.is_empty() {
            wrong.push(report(scene, None, variant, &whole, &whole.violations.join("; ")));
            continue;
        }
        for stop in stops(whole.counted) {
            points += 1;
            let played = play(scene, &rules, Some(stop), variant, None);
            let mut not = played.violations.clone();
            not.extend(played.ending.unfinished.clone());
            // What Chat never sends again may rightly never have happened, and a question is never asked
            // again: without an answer Chat lets happen what it asked about.
            if variant.again && !scene.asks {
                not.extend(played.ending.differs_from(&whole.ending));
            }
            if !not.is_empty() {
                wrong.push(report(scene, Some(stop), variant, &played, &not.join("; ")));
            }
        }
    }
    (points, wrong)
}

/// The first story that a planted bug spoils although nothing stops it, and what does not hold.
pub fn found_by_a_story(mutant: Mutant) -> Option<(&'static str, String)> {
    scenes().iter().find_map(|scene| {
        let played = play(scene, &parsed(scene), None, VARIANTS[0], Some(mutant));
        let first = played.violations.first().or(played.ending.unfinished.first())?;
        Some((scene.name, first.clone()))
    })
}

fn report(
    scene: &Scene,
    stop: Option<Stop>,
    variant: Variant,
    played: &Played,
    what: &str,
) -> String {
    let story = played.story.join("\n    ");
    format!("{}, stopped {stop:?} ({variant:?}): {what}\n    {story}", scene.name)
}

/// All stories; or, told as they go without a stop, those whose names hold the words in `SIM_SCENE`.
#[expect(clippy::disallowed_methods, reason = "which stories is said in the environment")]
fn wanted() -> Vec<Scene> {
    let mut all = scenes();
    if let Ok(words) = std::env::var("SIM_SCENE") {
        all.retain(|scene| scene.name.contains(&words));
        for scene in &all {
            let whole = play(scene, &parsed(scene), None, VARIANTS[0], None);
            println!("{}:\n    {}", scene.name, whole.story.join("\n    "));
        }
    }
    all
}

#[test]
fn every_story_ends_as_if_it_had_not_been_stopped_wherever_it_was() {
    let scenes = wanted();
    let points: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while let Some(scene) = scenes.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            let (number, not) = everywhere(scene);
            println!("{}: {number} points, {} wrong", scene.name, not.len());
            not.iter().take(2).for_each(|report| println!("{report}"));
            points.lock().unwrap().insert(scene.name, number);
            wrong.lock().unwrap().extend(not);
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let (points, wrong) = (points.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{} crash points", points.values().sum::<usize>());
    let heads: Vec<_> = wrong.iter().filter_map(|text| text.lines().next()).collect();
    let heads = heads.join("\n");
    assert!(wrong.is_empty(), "{} of them:\n{heads}", wrong.len());
    // A story that commits and sends nothing cannot be stopped.
    assert!(points.values().all(|number| *number > 10), "{points:#?}");
}

/// No command that rules can lead to is left out.
#[test]
fn the_stories_that_are_stopped_use_every_command() {
    let whole = |scene: &Scene| play(scene, &parsed(scene), None, VARIANTS[0], None).commands;
    let used: BTreeSet<String> = scenes().iter().flat_map(whole).collect();
    // Where callbacks may come from is a matter of the listener.
    let known = catalog::commands().iter().map(|command| command.path);
    let left_out: Vec<_> =
        known.filter(|path| !path.ends_with("GetIPList") && !used.contains(*path)).collect();
    assert_eq!(left_out, Vec::<&str>::new());
}
