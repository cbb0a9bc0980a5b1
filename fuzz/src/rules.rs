//! Rule files: any text is read, told about and, where it is good, decided with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groupkeeper::authoring::plan::plan;
use groupkeeper::chat::{GroupType, Role, RoomId};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{
    Act, Answer, GroupFacts, MemberFacts, Outcome, Read, RoomFacts,
};
use groupkeeper::decision::event::Cause;
use groupkeeper::decision::{
    Decision, Effect, Event, Settings, State, StateKey, StateValue, decide, needs,
};
use groupkeeper::delivery::settled_event;
use groupkeeper::rule::model::Trigger;
use groupkeeper::rule::{self, EventKind, Reading, RuleSet};

use super::events::{NOW, bare, full};
use super::told;

/// Between two files in one text.
const NEXT_FILE: &str = "\n# rules/b.toml\n";
/// What a file sets going is followed so far.
const MOST_DECISIONS: usize = 60;
/// A file of nothing but mistakes would be read once for each.
const MOST_EDITS: usize = 10;
const MOST_KINDS: usize = 6;
/// How often a decision may ask for state that nobody foresaw.
const MOST_LOADS: usize = 4;

/// Reads the text as one or two rule files, and lets the rules decide.
pub fn run(text: &str) {
    let reading = read(text);
    told::show(&reading.diagnostics);
    told::format_twice("rules/a.toml", text);
    for text in told::edited(&reading.diagnostics).iter().take(MOST_EDITS) {
        read(text);
    }
    if reading.has_errors() {
        return;
    }
    let rules = reading.rules;
    assert!(plan(&rules, &rules, None).is_nothing(), "nothing was edited");
    let mut story = Story { rules: &rules, kept: BTreeMap::new(), open: VecDeque::new() };
    story.begin();
    story.go_on();
}

fn read(text: &str) -> Reading {
    let (first, second) = text.split_once(NEXT_FILE).unwrap_or((text, ""));
    let mut files = vec![("rules/a.toml".to_owned(), first.to_owned())];
    if !second.is_empty() {
        files.push(("rules/b.toml".to_owned(), second.to_owned()));
    }
    rule::read(files, Some(NOW))
}

/// Events that the rules wait for, what is kept between them, and what follows from them.
struct Story<'r> {
    rules: &'r RuleSet,
    kept: BTreeMap<StateKey, StateValue>,
    open: VecDeque<(Timestamp, Event)>,
}

impl Story<'_> {
    /// Each event thrice with everything that Chat can tell, and once with nothing.
    fn begin(&mut self) {
        let mut kinds = BTreeSet::new();
        let mut causes = Vec::new();
        for rule in self.rules.rules() {
            match &rule.trigger {
                Trigger::On(on) => kinds.extend(on.iter().copied()),
                Trigger::Schedule(_) => {
                    causes.push(Cause::Schedule { rule: rule.id.clone(), due: NOW });
                }
            }
        }
        // What ends what others began.
        if !kinds.is_empty() {
            kinds.extend([EventKind::MemberLeft, EventKind::OwnerChanged]);
        }
        causes.extend(kinds.into_iter().map(Cause::Kind));
        for (cause, number) in causes.into_iter().take(MOST_KINDS).zip((0..).step_by(4)) {
            self.open.push_back((NOW, bare(cause.clone(), number)));
            let full = (1..4).map(|more| (NOW, full(cause.clone(), number + more)));
            self.open.extend(full);
        }
    }

    /// Decides what is open, and what that leads to.
    fn go_on(&mut self) {
        for _ in 0..MOST_DECISIONS {
            let Some((now, event)) = self.open.pop_front() else { return };
            let decision = self.decide(&event, now);
            for (due, timer) in decision.timers {
                let id = event.id.derive("timer");
                self.open.push_back((due, Event::new(id, Cause::Timer(timer), due, "timer")));
            }
            for (effect, number) in decision.effects.iter().zip(0..) {
                self.open
                    .push_back((now, settled_event(effect, outcome(effect, number), vec![], now)));
            }
            for held in decision.held {
                let cause = Cause::Released(Box::new(held));
                self.open.push_back((now, bare(cause, u32::MAX)));
            }
        }
    }

    fn decide(&mut self, event: &Event, now: Timestamp) -> Decision {
        let settings = Settings { own: vec!["administrator".into()], ..Settings::default() };
        let mut needed = needs(event, self.rules);
        for _ in 0..MOST_LOADS {
            let mut state = State::default();
            for key in &needed {
                state.insert(key.clone(), self.kept.get(key).cloned());
            }
            let decision = decide(event, self.rules, &settings, &state, now);
            let again = decide(event, self.rules, &settings, &state, now);
            assert_eq!(decision, again, "decided otherwise on the same: {event:?}");
            if decision.missing.is_empty() {
                self.keep(&decision);
                return decision;
            }
            needed.extend(decision.missing);
        }
        panic!("never satisfied with what is loaded: {event:?}");
    }

    fn keep(&mut self, decision: &Decision) {
        for (key, value) in &decision.changes {
            match value {
                Some(value) => self.kept.insert(key.clone(), value.clone()),
                None => self.kept.remove(key),
            };
        }
    }
}

/// Chat answers what it is asked; of the rest it does most.
fn outcome(effect: &Effect, number: usize) -> Outcome {
    match &effect.act {
        Act::Read(read) => Outcome::Answer(answer(read)),
        _ if number % 3 == 2 => Outcome::Refused { code: 10007, words: "no right".to_owned() },
        _ => Outcome::Done,
    }
}

fn answer(read: &Read) -> Answer {
    let facts = |owner: Option<&str>| GroupFacts {
        group: "@TGS#1".into(),
        exists: true,
        group_type: Some(GroupType::Public),
        name: "a group".to_owned(),
        owner: owner.map(Into::into),
        member_count: Some(2),
        created_at: Some(NOW),
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    };
    match read {
        Read::Group { .. } => Answer::Group(facts(Some("olga"))),
        Read::Roles { accounts, .. } => Answer::Roles {
            group: Some(facts(Some("olga"))),
            roles: accounts.iter().map(|account| (account.clone(), Role::Member)).collect(),
            members: Vec::new(),
        },
        Read::Candidates { .. } => {
            Answer::Candidates { group: facts(None), members: ["ann", "bob"].map(member).into() }
        }
        Read::Room { room, .. } => Answer::Room(room_facts(room)),
        Read::RoomCandidates { room, .. } => {
            let members = ["ann", "bob"].map(member).into();
            Answer::RoomCandidates { room: room_facts(room), members }
        }
        Read::Muted { .. } => Answer::Muted { until: None },
    }
}

fn room_facts(room: &RoomId) -> RoomFacts {
    RoomFacts {
        room: room.clone(),
        exists: true,
        name: "a room".to_owned(),
        owner: Some("olga".into()),
        member_count: Some(2),
        created_at: Some(NOW),
    }
}

fn member(account: &str) -> MemberFacts {
    MemberFacts {
        account: account.into(),
        role: Role::Admin,
        joined_at: Some(NOW),
        name_card: String::new(),
        muted_until: None,
        last_message_at: None,
    }
}
