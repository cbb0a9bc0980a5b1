//! One run from one seed: people, weather and crashes, then quiet; safety all the way, liveness at the end.

mod books;
mod end;
mod mirror;
mod operator;
mod people;
mod plan;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::chat::Account;
use groupkeeper::clock::Clock;
use groupkeeper::ledger::Kind;
use groupkeeper::simulator::{Fault as ChatFault, FaultKind, Settings, World};

pub use plan::{Fault, Plan};

use crate::bot::{Bot, Machine};
use crate::clock::SimClock;
use crate::directory::Directory;
use crate::disk::{Disk, Loss};
use crate::mutant::Mutant;
use crate::net::Net;
use crate::power::Power;
use crate::rng::Rng;
use crate::story::{Digest, Story};
use crate::witness::{Tally, Witness};
use crate::{ADMIN, BEGIN, KEY, SDK_APP_ID, TOKEN};

/// How one process ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Died,
    Stopped,
    /// The run is over.
    Over,
}

/// What a seed came to.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub plan: Plan,
    pub violations: Vec<String>,
    pub story: Vec<String>,
    pub digest: Digest,
    pub tally: Tally,
    pub deaths: u64,
    /// Simulated time.
    pub lasted: Duration,
}

struct Run {
    machine: Machine,
    plan: Plan,
    rng: Rng,
    steps: u64,
    deaths: u64,
}

/// Runs one seed.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Report {
    let mut rng = Rng::new(seed);
    let plan = Plan::new(&mut rng, books::books().len());
    let mut run = Run::new(plan, rng, mutant);
    run.live();
    run.report(seed)
}

impl Run {
    fn new(plan: Plan, mut rng: Rng, mutant: Option<Mutant>) -> Self {
        let clock = SimClock::new(BEGIN);
        let disk = Disk::default();
        let story = Story::new(clock.clone());
        let mut settings = Settings::new(SDK_APP_ID, ADMIN, KEY);
        settings.check_usersig = plan.signed;
        settings.callback_token = Some(TOKEN.to_owned());
        if !plan.asks {
            settings = settings.without_asking();
        }
        let mut world = World::new(settings);
        for (place, group) in people::GROUPS.into_iter().enumerate().take(plan.groups) {
            let owner = (place != 1 || rng.chance(800)).then_some("olga");
            people::found(&mut world, BEGIN, group, owner);
        }
        if plan.rooms {
            people::open_rooms(&mut world, BEGIN);
        }
        let witness = Witness::new(disk.clone(), clock.clone(), story.clone());
        let net = Net::new(world, witness, story, clock.clone(), rng.fork());
        let book = &books::books()[plan.book];
        let even = !plan.has(Fault::ClockForward) && !plan.has(Fault::ClockBack);
        // A clock that jumps takes the measure of the limit's time with it.
        if let Some(limit) = plan.limit.filter(|_| even) {
            net.witness.limit(limit);
        }
        let directory =
            plan.has(Fault::Reload).then(|| Directory::new(book, net.story.clone(), even));
        let machine = Machine {
            clock,
            disk,
            net,
            rules: Arc::new(ArcSwap::new(book.clone())),
            directory,
            window: Duration::from_secs(if even { 60 } else { 365 * 86_400 }),
            most: plan.most,
            manner: plan.disk,
            rng: Arc::new(Mutex::new(rng.fork())),
            reconcile: plan.reconcile(),
            limit: plan.limit,
            longest_mute: plan.longest_mute,
            mutant,
        };
        let run = Self { machine, steps: plan.steps, plan, rng, deaths: 0 };
        run.set_weather();
        run
    }

    fn set_weather(&self) {
        let has = |fault| self.plan.has(fault);
        let mut weather = self.machine.net.weather.lock().unwrap();
        weather.latency = self.plan.latency;
        weather.duplicate = if has(Fault::Duplicate) { 150 } else { 0 };
        weather.lose = if has(Fault::Lose) { 80 } else { 0 };
        weather.delay = if has(Fault::Delay) { 100 } else { 0 };
        weather.latest = Duration::from_secs(7_200);
        weather.reorder = has(Fault::Reorder);
        weather.again = !has(Fault::NeverAgain);
    }

    /// One process after the other until the run is over.
    fn live(&mut self) {
        loop {
            let runtime = self.machine.clock.runtime();
            let mortal = self.plan.crash > 0 && self.steps > 0;
            let crash = mortal.then(|| (self.rng.fork(), self.plan.crash));
            let ended = runtime.block_on(self.one_process(Power::new(None, crash), mortal));
            drop(runtime);
            let net = self.machine.net.clone();
            net.disconnect();
            if ended == Ended::Over {
                return;
            }
            let mut loss = match self.rng.below(3) {
                _ if ended == Ended::Stopped => Loss::Nothing,
                0 => Loss::All,
                1 => Loss::Nothing,
                _ => Loss::Tail(self.rng.fork()),
            };
            self.machine.disk.crash(&mut loss);
            self.deaths += 1;
            net.story.tell(format!("the process is gone ({ended:?})"));
            let longest = if self.rng.chance(100) { 20_000 } else { 30 };
            self.machine
                .clock
                .pass(self.rng.span(Duration::from_millis(1_100), Duration::from_secs(longest)));
            net.witness.after_crash();
            for _ in 0..self.rng.below(3) {
                people::act(&net, &mut self.rng, self.plan.groups);
            }
            if !net.story.is_whole() {
                return;
            }
        }
    }

    async fn one_process(&mut self, power: Power, mortal: bool) -> Ended {
        let bot = self.machine.start(power);
        let power = bot.power.clone();
        tokio::select! {
            biased;
            () = power.gone() => Ended::Died,
            ended = self.play(&bot, mortal) => ended,
        }
    }

    async fn play(&mut self, bot: &Bot, mortal: bool) -> Ended {
        let net = self.machine.net.clone();
        while self.steps > 0 {
            self.steps -= 1;
            if self.step(bot) == Some(Ended::Stopped) {
                bot.stop();
                let pause = self.rng.millis(0, 8_000);
                self.machine.clock.sleep(pause).await;
                return Ended::Stopped;
            }
            let pause = self.rng.span(Duration::from_millis(10), self.plan.longest_pause);
            self.machine.clock.sleep(pause).await;
            if !net.story.is_whole() {
                return Ended::Over;
            }
        }
        if mortal {
            // The last process is one that nothing kills.
            return Ended::Died;
        }
        self.calm();
        end::quiet(&self.machine, bot, &self.plan).await;
        Ended::Over
    }

    /// The faults stop.
    fn calm(&self) {
        self.machine.net.story.tell("the faults stop");
        self.machine.net.weather.lock().unwrap().clear();
        self.machine.net.world().clear_faults();
        self.machine.disk.refuse_until(self.machine.clock.truth());
    }

    /// One step: somebody does something, or something goes wrong.
    fn step(&mut self, bot: &Bot) -> Option<Ended> {
        let Self { machine, plan, rng, .. } = self;
        let (net, now) = (&machine.net, machine.clock.truth());
        let fault = if plan.faults.is_empty() { Fault::Crash } else { *rng.pick(&plan.faults) };
        if rng.chance(750) || !fault.strikes() {
            match rng.below(10) {
                0 => people::flood(net, rng, plan.groups, 7, "hi"),
                1 | 2 if plan.rooms => people::act_in_room(net, rng),
                _ => people::act(net, rng, plan.groups),
            }
            return None;
        }
        let minutes = |rng: &mut Rng, most: u64| {
            rng.span(Duration::from_secs(1), Duration::from_secs(most * 60))
        };
        net.story.tell(format!("now: {fault:?}"));
        match fault {
            Fault::Bursts => {
                let burst = (
                    *rng.pick(&plan::TROUBLES),
                    now + minutes(rng, 30),
                    *rng.pick(&[100, 500, 1_000]),
                );
                net.weather.lock().unwrap().bursts.push(burst);
                // Weather in which nobody goes out is wasted.
                people::flood(net, rng, plan.groups, 1, "ping");
                (0..3).for_each(|_| people::act(net, rng, plan.groups));
            }
            Fault::Outage => net.weather.lock().unwrap().down_until = now + minutes(rng, 240),
            Fault::StaleReads => {
                let kind = FaultKind::StaleReads { during: minutes(rng, 5) };
                net.world().inject(now, ChatFault { on: "get_*".to_owned(), times: None, kind });
            }
            Fault::Unseen => people::act_unseen(net, rng, plan.groups),
            Fault::Restart => return Some(Ended::Stopped),
            Fault::FullDisk => machine.disk.refuse_until(now + minutes(rng, 5)),
            Fault::ClockForward => {
                machine.clock.jump(i64::try_from(minutes(rng, 90).as_millis()).unwrap());
                net.story.tell(format!("the bot's clock shows {}", machine.clock.now()));
            }
            Fault::ClockBack => {
                machine.clock.jump(-i64::try_from(minutes(rng, 60).as_millis()).unwrap());
                net.story.tell(format!("the bot's clock shows {}", machine.clock.now()));
            }
            Fault::Reload => {
                let (rules, directory) = (rng.pick(books::books()).clone(), &machine.directory);
                let directory = directory.as_ref().unwrap();
                directory.save(rules, rng, &machine.clock, &bot.rules);
            }
            Fault::Operator => operator::orders(machine, bot, rng),
            Fault::Forged => {
                let kind = rng.pick(&plan::SPOILT_CALLBACKS).clone();
                inject(net, kind, rng);
            }
            Fault::Odd => {
                let kind = rng.pick(&plan::ODD_ANSWERS).clone();
                inject(net, kind, rng);
                people::crowd(net, rng, plan.groups);
            }
            Fault::Garbage => net.garbage(rng),
            Fault::Flood => {
                let text = *rng.pick(&["hi", "again", "again", "ping"]);
                people::flood(net, rng, plan.groups, 250, text);
            }
            _ => people::act(net, rng, plan.groups),
        }
        None
    }

    fn report(self, seed: u64) -> Report {
        let net = &self.machine.net;
        let mut digest = net.story.digest();
        // The last good rules say where their directory lay.
        let rules = |key: &[u8]| key.first() == Some(&(Kind::Setting as u8));
        self.machine.disk.each(|key, value| {
            if !rules(key) {
                digest.add(key);
                digest.add(value);
            }
        });
        for call in net.world().calls() {
            digest.add(call.command.as_bytes());
            digest.add(call.body.to_string().as_bytes());
        }
        Report {
            seed,
            plan: self.plan,
            violations: net.story.violations(),
            story: net.story.last(usize::MAX),
            digest,
            tally: net.witness.tally(),
            deaths: self.deaths,
            lasted: self.machine.clock.truth().since(BEGIN),
        }
    }
}

/// Something goes wrong in Chat a few times.
fn inject(net: &Net, kind: FaultKind, rng: &mut Rng) {
    net.story.tell(format!("a few times: {kind:?}"));
    let times = u32::try_from(rng.between(1, 5)).ok();
    let fault = ChatFault { on: "*".to_owned(), times, kind };
    net.world().inject(net.clock.truth(), fault);
}

/// An account as Chat names it.
fn account(name: &str) -> Account {
    Account::from(name)
}
