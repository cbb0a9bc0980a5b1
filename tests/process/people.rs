//! People in the simulated Chat: they join, talk, flood and leave, and what must come of it is written down.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ADMIN;
use crate::chat::Chat;
use crate::line::Line;
use crate::rng::Rng;

/// Rules of which each leaves a mark in Chat: a role, a mute with its end, a message, an owner.
pub const RULES: &str = r#"
[rule.promote-staff]
on = "member.joined"
in = { groups = ["*"], types = ["Public", "Meeting"] }
when = 'member.id.startsWith("staff_")'
do = [{ set_role = { role = "admin" } }]

[rule.greet]
on = "member.joined"
in = { groups = ["*"], types = ["Public", "Meeting", "Work"] }
do = [{ send_message = { text = "Hello, {member.id}" } }]

[rule.quiet-flooders]
on = "message.sent"
in = { groups = ["*"], types = ["Public", "Meeting"] }
when = 'message.text == "buy"'
count = { each = ["group", "member"], within = "10s", more_than = 5 }
do = [
  { mute = { for = "5s", reason = "flooding" } },
  { send_message = { text = "{member.id} is muted for {mute.for}" } },
]

[rule.keep-groups-owned]
on = ["owner.left", "group.ownerless"]
wait = "1s"
do = [{ transfer_owner = { to = ["longest_serving_member"], if_none = "alert" } }]
"#;

/// How long whoever floods is muted.
pub const MUTE: &str = "5s";
/// What floods say; the rule counts nothing else.
pub const FLOOD: &str = "buy";
/// What is more than so many is not told until the bot has caught up: people wait, the ledger stays honest.
const BACKLOG: usize = 150;
/// An owner leaves no sooner after the one before.
const REIGN: Duration = Duration::from_secs(4);

/// An account in a group.
pub type Membership = (String, String);

/// What must be true of Chat in the end.
#[derive(Debug, Default)]
pub struct Expected {
    /// Who must be an admin.
    pub staff: BTreeSet<Membership>,
    /// Who must have been greeted, once.
    pub joined: BTreeSet<Membership>,
    /// Who must have been muted, told so once, and be free again.
    pub flooded: BTreeSet<Membership>,
    /// Groups whose owner has left, each time.
    pub abdications: usize,
    /// What people did.
    pub acts: usize,
}

struct Place {
    id: String,
    kind: &'static str,
    /// Those who may leave, the longest there first.
    guests: VecDeque<String>,
    owner_left: Instant,
}

/// The people of some groups.
pub struct People<'t> {
    chat: &'t Chat,
    line: &'t Line,
    rng: Rng,
    places: Vec<Place>,
    next: u64,
    pub expected: Expected,
}

impl<'t> People<'t> {
    /// Makes so many groups, of three types in turn.
    pub fn new(chat: &'t Chat, line: &'t Line, groups: usize, rng: Rng) -> Self {
        let place = |number: usize| {
            let kind = ["Public", "Meeting", "Work"][number % 3];
            let id = format!("g{number:02}");
            let members = ["ann", "bob", "cat"].map(|name| format!("{name}_{id}"));
            let fields =
                json!({ "id": id, "type": kind, "owner": members[0], "members": members[1..] });
            chat.must("group", &fields);
            // Of a group that has no owner without them, everybody may leave in turn.
            let guests = if kind == "Work" { members.into() } else { members[1..].to_vec().into() };
            Place { id, kind, guests, owner_left: Instant::now() }
        };
        let places = (0..groups).map(place).collect();
        Self { chat, line, rng, places, next: 0, expected: Expected::default() }
    }

    /// Acts until told to stop.
    pub fn act_until(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            if self.line.waiting() > BACKLOG {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            self.act();
        }
    }

    /// Somebody does something.
    pub fn act(&mut self) {
        self.expected.acts += 1;
        let place = usize::try_from(self.rng.below(self.places.len() as u64)).unwrap();
        let work = self.places[place].kind == "Work";
        match self.rng.below(100) {
            0..10 if !work => self.staff_joins(place),
            10..16 if !work => self.floods(place),
            0..16 => self.owner_leaves(place),
            16..40 if self.places[place].guests.len() > 12 => self.leaves(place),
            16..40 => {
                let guest = self.joins(place, "guest");
                self.places[place].guests.push_back(guest);
            }
            _ => self.talks(place),
        }
    }

    fn joins(&mut self, place: usize, kind: &str) -> String {
        self.next += 1;
        let account = format!("{kind}_{}", self.next);
        let Place { id, kind, .. } = &self.places[place];
        if *kind == "Work" {
            // One is brought into a group of this type (33529).
            let fields = json!({ "group": id, "by": ADMIN, "accounts": [account] });
            self.chat.must("invite", &fields);
        } else {
            self.chat.must("join", &json!({ "group": id, "account": account }));
        }
        self.expected.joined.insert((id.clone(), account.clone()));
        account
    }

    fn staff_joins(&mut self, place: usize) {
        let account = self.joins(place, "staff");
        self.expected.staff.insert((self.places[place].id.clone(), account));
    }

    fn floods(&mut self, place: usize) {
        let account = self.joins(place, "loud");
        let group = self.places[place].id.clone();
        for _ in 0..6 {
            self.chat.must("say", &json!({ "group": group, "account": account, "text": FLOOD }));
        }
        self.expected.flooded.insert((group, account));
    }

    fn leaves(&mut self, place: usize) {
        let Place { id, guests, .. } = &mut self.places[place];
        // The first may be the owner, or about to be.
        let account = guests.remove(1).unwrap();
        self.chat.must("leave", &json!({ "group": id, "account": account }));
    }

    /// The longest there leaves, who is the owner unless the bot still has to see to that.
    fn owner_leaves(&mut self, place: usize) {
        let Place { id, guests, owner_left, .. } = &mut self.places[place];
        if guests.len() > 3 && owner_left.elapsed() > REIGN {
            let account = guests.pop_front().unwrap();
            self.chat.must("leave", &json!({ "group": id, "account": account }));
            *owner_left = Instant::now();
            self.expected.abdications += 1;
        }
    }

    fn talks(&mut self, place: usize) {
        let Place { id, guests, .. } = &self.places[place];
        self.next += 1;
        let who = usize::try_from(self.next).unwrap() % guests.len();
        let text = format!("number {}", self.next);
        let fields = json!({ "group": id, "account": guests[who], "text": text });
        self.chat.must("say", &fields);
    }
}
