//! Chat, the line from it, and the home of a bot; and people who act while something happens to the bot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

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
pub const STOP: Duration = Duration::from_secs(10);

pub struct Scene {
    pub line: Line,
    pub chat: Chat,
    pub home: Home,
}

impl Scene {
    pub fn new() -> Self {
        let callback = free_address();
        let line = Line::to(callback);
        let chat = Chat::start(&line.url);
        let home = Home::at(callback, &chat.url, RULES, CONFIG);
        Self { line, chat, home }
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
            scope.spawn(|| people.act_until(&enough));
            // Whatever fails: whoever waits for the people waits for this.
            let _enough = Enough(&enough);
            meanwhile(rng);
        });
        people.expected
    }

    /// Starts a bot where none runs, lets everything come to rest, and judges it; panics with what is wrong.
    pub fn judged(&self, expected: &Expected) -> Figures {
        self.chat.clear_faults();
        let bot: Bot = self.home.serve();
        come_to_rest(&self.line, &bot);
        let figures = judge(&self.line, &bot, &self.chat, expected).unwrap_or_else(|wrong| {
            let first: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
            panic!("{} things are wrong:\n{}", wrong.len(), first.join("\n"))
        });
        bot.stop(STOP);
        self.home.fsck().unwrap();
        assert!(
            !expected.staff.is_empty() && !expected.flooded.is_empty(),
            "people did too little"
        );
        figures
    }
}

struct Enough<'t>(&'t AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
