//! Chat, the line from it, and the home of a bot; and people who act while something happens to the bot.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::bot::{Bot, Home};
use crate::chat::Chat;
use crate::free_address;
use crate::line::Line;
use crate::people::{Expected, People, rules};
use crate::rng::Rng;
use crate::truth::{Figures, come_to_rest, judge};

/// Everything that a callback brings is kept, so that it can be held against the ledger.
const CONFIG: &str = "[journal]\nevents = \"all\"\n";
/// An order to stop is obeyed within this.
pub const STOP: Duration = Duration::from_secs(10);

pub struct Scene {
    pub line: Line,
    pub chat: Chat,
    pub home: Home,
    /// Whoever holds it, while he does nobody acts.
    pub peace: Mutex<()>,
    mute: &'static str,
}

impl Scene {
    /// Whoever floods is muted for so long: `5s` for instance.
    pub fn with_mutes_of(mute: &'static str) -> Self {
        Self::with(mute, "")
    }

    /// The same; nothing is compared with Chat, so that only callbacks can tell the bot anything.
    pub fn that_only_hears(mute: &'static str) -> Self {
        Self::with(mute, "[reconcile]\nevery = \"off\"\n")
    }

    fn with(mute: &'static str, further: &str) -> Self {
        let config = format!("{CONFIG}{further}");
        let callback = free_address();
        let line = Line::to(callback);
        let chat = Chat::start(&line.url);
        let home = Home::at(callback, &chat.url, &rules(mute), &config);
        Self { line, chat, home, peace: Mutex::default(), mute }
    }

    /// Something goes wrong with calls from now on: with all, or with every so many.
    pub fn fault(&self, every: u32, kind: &Value) {
        self.chat.fault(&json!({ "on": "*", "every": every, "kind": kind }));
    }

    /// People act in so many groups as long as `meanwhile` takes.
    pub fn while_people_act(
        &self,
        groups: usize,
        rng: &mut Rng,
        meanwhile: impl FnOnce(&mut Rng),
    ) -> Expected {
        let mut people = People::new(&self.chat, &self.line, groups, rng.fork());
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| people.act_until(&enough, &self.peace));
            // Whatever fails: whoever waits for the people waits for this.
            let _enough = Enough(&enough);
            meanwhile(rng);
        });
        people.expected
    }

    /// Starts a bot where none runs, lets everything come to rest, and judges it: panics with what is wrong.
    pub fn judged(&self, expected: &Expected) -> Figures {
        self.chat.clear_faults();
        let bot = self.home.serve();
        let figures = self.judged_by(&bot, expected);
        bot.stop(STOP);
        self.home.fsck().unwrap();
        figures
    }

    /// The same with a bot that runs.
    pub fn judged_by(&self, bot: &Bot, expected: &Expected) -> Figures {
        assert!(
            !expected.staff.is_empty() && !expected.flooded.is_empty(),
            "people did too little"
        );
        come_to_rest(&self.line, bot);
        judge(&self.line, bot, &self.chat, expected, self.mute).unwrap_or_else(|wrong| {
            let first: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
            panic!("{} things are wrong:\n{}", wrong.len(), first.join("\n"))
        })
    }
}

struct Enough<'t>(&'t AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
