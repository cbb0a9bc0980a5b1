//! Succession decided as values: who is chosen, when nothing is to be done any more, what is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::effect::{Act, Answer, GroupFacts, MemberFacts, Outcome, RoomFacts};
use super::super::event::{Cause, Event, EventId, Field, Room, RoomKind};
use super::super::state::{GroupRecord, Owner, RoomRecord};
use super::super::{Decision, Settings, State, StateKey, StateValue, decide, needs};
use crate::chat::{GroupType, Role};
use crate::clock::Timestamp;
use crate::rule::{self, EventKind, RuleSet};

const NOW: Timestamp = Timestamp(1_767_268_800_000);
const DAY: Duration = Duration::from_secs(86_400);
const EVERY_CAUSE: &str = r#"
[rule.owned]
on = ["owner.left", "group.ownerless", "owner.inactive"]
do = [{ transfer_owner = { to = ["most_recently_active", "longest_serving_member"], if_none = "alert" } }]
"#;
const ROOMS: &str = r#"
[rule.rooms]
on = "room.owner_left"
do = [{ transfer_owner = { to = ["account:host", "longest_serving_member"] } }]
"#;

fn rules(text: &str) -> RuleSet {
    let reading = rule::read(vec![("rules.toml".to_owned(), text.to_owned())], None);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    reading.rules
}

/// State, rules and a clock.
struct Bot {
    rules: RuleSet,
    kept: BTreeMap<StateKey, StateValue>,
    now: Timestamp,
}

impl Bot {
    fn new(text: &str) -> Self {
        Self { rules: rules(text), kept: BTreeMap::new(), now: NOW }
    }

    fn owned_by(mut self, owner: Owner) -> Self {
        let record =
            GroupRecord { owner, group_type: Some(GroupType::Public), ..GroupRecord::default() };
        self.kept.insert(StateKey::Group("g".into()), StateValue::Group(record));
        self
    }

    fn room_owned_by(mut self, owner: &str) -> Self {
        let record = RoomRecord::owned_by(Owner::Is(owner.into()));
        self.kept.insert(StateKey::Room("r".into()), StateValue::Room(record));
        self
    }

    /// Decides as the pipeline does, and keeps what changes.
    fn decide(&mut self, event: &Event) -> Decision {
        let mut keys = needs(event, &self.rules);
        let decision = loop {
            let mut state = State::default();
            for key in &keys {
                state.insert(key.clone(), self.kept.get(key).cloned());
            }
            let decision = decide(event, &self.rules, &Settings::default(), &state, self.now);
            if decision.missing.is_empty() {
                break decision;
            }
            keys.extend(decision.missing);
        };
        for (key, value) in &decision.changes {
            match value {
                Some(value) => self.kept.insert(key.clone(), value.clone()),
                None => self.kept.remove(key),
            };
        }
        decision
    }

    /// What becomes of the only effect of a decision.
    fn settle(&mut self, decision: &Decision, outcome: Outcome) -> Decision {
        let [effect] = &decision.effects[..] else { panic!("{:#?}", decision.effects) };
        let id = effect.id.derive("settled");
        let cause = Cause::Settled {
            effect: Box::new(effect.clone()),
            outcome,
            skipped: Vec::new(),
            unsure: Vec::new(),
        };
        let mut event = Event::new(id, cause, self.now, "effect");
        event.group = effect.act.group().cloned();
        event.room = effect.act.room();
        self.decide(&event)
    }

    fn answer(&mut self, decision: &Decision, answer: Answer) -> Decision {
        self.settle(decision, Outcome::Answer(answer))
    }

    fn room(&self) -> &RoomRecord {
        match self.kept.get(&StateKey::Room("r".into())) {
            Some(StateValue::Room(record)) => record,
            other => panic!("{other:?}"),
        }
    }
}

fn event(kind: EventKind) -> Event {
    let id = EventId::of(&[kind.name().as_bytes()]);
    let mut event = Event::new(id, Cause::Kind(kind), NOW, "a test");
    event.group = Some("g".into());
    event
}

fn inactive(owner: &str, days: i64) -> Event {
    let mut event = event(EventKind::OwnerInactive);
    event.member = Some(owner.into());
    event.fields.insert("inactive_days".into(), Field::Int(days));
    event
}

fn account_gone(owner: &str) -> Event {
    let mut event = event(EventKind::GroupOwnerless);
    event.fields.insert("reason".into(), Field::Text(super::ACCOUNT_GONE.into()));
    event.fields.insert("owner".into(), Field::Text(owner.into()));
    event
}

fn in_room(kind: EventKind, room: RoomKind, who: &str) -> Event {
    let mut event = event(kind);
    event.id = event.id.derive(who);
    event.group = None;
    event.room = Some(Room::of("r".into(), room));
    event.member = Some(who.into());
    event
}

fn facts(owner: Option<&str>) -> GroupFacts {
    GroupFacts {
        group: "g".into(),
        exists: true,
        group_type: Some(GroupType::Public),
        name: "g".into(),
        owner: owner.map(Into::into),
        member_count: Some(3),
        created_at: None,
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    }
}

/// A member who joined and last spoke so many days ago.
fn member(who: &str, joined: u32, spoke: Option<u32>) -> MemberFacts {
    MemberFacts {
        account: who.into(),
        role: Role::Member,
        joined_at: Some(NOW - DAY * joined),
        name_card: String::new(),
        muted_until: None,
        last_message_at: spoke.map(|days| NOW - DAY * days),
    }
}

fn candidates(owner: Option<&str>, members: &[MemberFacts]) -> Answer {
    Answer::Candidates { group: facts(owner), members: members.to_vec() }
}

fn room_candidates(owner: &str, members: &[&str]) -> Answer {
    let room = RoomFacts {
        room: "r".into(),
        exists: true,
        name: "r".into(),
        owner: Some(owner.into()),
        member_count: None,
        created_at: None,
    };
    let there = |who: &&str| MemberFacts { joined_at: None, ..member(who, 0, None) };
    Answer::RoomCandidates { room, members: members.iter().map(there).collect() }
}

fn acts(decision: &Decision) -> Vec<String> {
    decision.effects.iter().map(|effect| effect.act.to_string()).collect()
}

fn why(decision: &Decision) -> String {
    decision.trace.rules.iter().map(|told| told.why.to_string()).collect::<Vec<_>>().join("; ")
}

#[test]
fn an_inactive_owner_hands_the_group_to_whoever_spoke_last() {
    let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Is("olga".into()));
    let asked = bot.decide(&inactive("olga", 90));
    let members =
        [member("olga", 400, Some(95)), member("ann", 300, Some(2)), member("ben", 350, None)];
    let chosen = bot.answer(&asked, candidates(Some("olga"), &members));
    let (from, to) = (Some("olga".into()), "ann".into());
    assert_eq!(chosen.effects[0].act, Act::TransferOwner { group: "g".into(), from, to });
}

#[test]
fn an_owner_who_has_spoken_since_or_is_owner_no_more_is_left_alone() {
    let fresh = [member("olga", 400, Some(1)), member("ann", 300, Some(2))];
    for (owner, words) in [("olga", "olga is active again"), ("ann", "ann owns it by now")] {
        let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Is("olga".into()));
        let asked = bot.decide(&inactive("olga", 90));
        let left = bot.answer(&asked, candidates(Some(owner), &fresh));
        assert!(acts(&left).is_empty(), "{left:#?}");
        assert!(why(&left).contains(words), "{}", why(&left));
    }
}

#[test]
fn a_message_of_the_owner_ends_the_wait_for_an_inactive_one() {
    let text = EVERY_CAUSE.replace("do =", "wait = \"7d\"\ndo =");
    let mut bot = Bot::new(&text).owned_by(Owner::Is("olga".into()));
    let waits = |bot: &Bot| bot.kept.keys().any(|key| matches!(key, StateKey::Wait(..)));
    bot.decide(&inactive("olga", 90));
    let mut said = event(EventKind::MessageSent);
    said.member = Some("ann".into());
    bot.decide(&said);
    assert!(waits(&bot));
    said.id = said.id.derive("of olga");
    said.member = Some("olga".into());
    bot.decide(&said);
    assert!(!waits(&bot));
}

#[test]
fn an_owner_whose_account_is_gone_is_succeeded_although_chat_still_names_them() {
    let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Is("olga".into()));
    let asked = bot.decide(&account_gone("olga"));
    let members = [member("olga", 400, None), member("ann", 300, None)];
    let chosen = bot.answer(&asked, candidates(Some("olga"), &members));
    assert_eq!(acts(&chosen), ["make ann the owner of g"]);
    let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Is("olga".into()));
    let asked = bot.decide(&account_gone("olga"));
    let left = bot.answer(&asked, candidates(Some("ben"), &members));
    assert!(acts(&left).is_empty(), "{left:#?}");
}

#[test]
fn reading_the_owner_whose_account_is_gone_once_more_does_not_end_the_wait_and_another_one_does() {
    let text = EVERY_CAUSE.replace("do =", "wait = \"2m\"\ndo =");
    for (owner, waits) in [("olga", 1), ("ann", 0)] {
        let mut bot = Bot::new(&text).owned_by(Owner::Is("olga".into()));
        bot.decide(&account_gone("olga"));
        let mut changed = event(EventKind::OwnerChanged);
        changed.fields.insert("new_owner".into(), Field::Text(owner.into()));
        bot.decide(&changed);
        let left = bot.kept.keys().filter(|key| matches!(key, StateKey::Wait(..))).count();
        assert_eq!(left, waits, "{owner}");
    }
}

#[test]
fn of_two_who_joined_together_the_same_one_is_always_chosen() {
    let (ann, ben) = (member("ann", 9, None), member("ben", 9, None));
    for members in [[ann.clone(), ben.clone()], [ben, ann]] {
        let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Nobody);
        let asked = bot.decide(&event(EventKind::GroupOwnerless));
        let chosen = bot.answer(&asked, candidates(None, &members));
        assert_eq!(acts(&chosen), ["make ann the owner of g"]);
    }
}

#[test]
fn a_trace_names_ten_who_are_passed_over_and_counts_the_others() {
    let text =
        EVERY_CAUSE.replace("if_none", "except = 'candidate.id.startsWith(\"bot\")', if_none");
    let mut bot = Bot::new(&text).owned_by(Owner::Nobody);
    let asked = bot.decide(&event(EventKind::GroupOwnerless));
    let bots: Vec<_> = (10..33).map(|number| member(&format!("bot{number}"), 1, None)).collect();
    let told = bot.answer(&asked, candidates(None, &bots));
    assert_eq!(
        acts(&told),
        ["alert: g has no owner, and `owned` finds nobody to become one among 23 members"]
    );
    let why = why(&told);
    assert!(why.contains("bot19") && !why.contains("bot20"), "{why}");
    assert!(why.contains("choose 13 more"), "{why}");
}

#[test]
fn the_callback_may_come_before_the_answer_and_confirms_the_transfer_all_the_same() {
    let mut bot = Bot::new(EVERY_CAUSE).owned_by(Owner::Nobody);
    let asked = bot.decide(&event(EventKind::GroupOwnerless));
    let chosen = bot.answer(&asked, candidates(None, &[member("ann", 9, None)]));
    let mut echo = event(EventKind::OwnerChanged);
    echo.by_bot = true;
    echo.fields.insert("new_owner".into(), Field::Text("ann".into()));
    bot.decide(&echo);
    let done = bot.settle(&chosen, Outcome::Done);
    assert!(done.timers.is_empty(), "{done:#?}");
    assert_eq!(done.trace.notes, ["ann owns g: confirmed by Chat's callback"]);
}

#[test]
fn a_named_host_is_tried_in_a_live_room_even_unlisted_and_in_a_conference_only_when_there() {
    for (kind, chosen) in [(RoomKind::Live, "host"), (RoomKind::Conference, "ann")] {
        let mut bot = Bot::new(ROOMS).room_owned_by("olga");
        let asked = bot.decide(&in_room(EventKind::RoomMemberLeft, kind, "olga"));
        let done = bot.answer(&asked, room_candidates("olga", &["ann", "ben"]));
        assert_eq!(acts(&done), [format!("make {chosen} the owner of room r")], "{kind:?}");
    }
}

#[test]
fn a_list_that_may_be_old_does_not_show_that_the_owner_of_a_live_room_is_back() {
    for (kind, late, acts) in
        [(RoomKind::Live, 0, 1), (RoomKind::Live, 60, 0), (RoomKind::Conference, 0, 0)]
    {
        let mut bot = Bot::new(ROOMS).room_owned_by("olga");
        let asked = bot.decide(&in_room(EventKind::RoomMemberLeft, kind, "olga"));
        bot.now = NOW + Duration::from_secs(late);
        let done = bot.answer(&asked, room_candidates("olga", &["ann", "olga"]));
        assert_eq!(done.effects.len(), acts, "{kind:?} after {late} s: {done:#?}");
    }
}

#[test]
fn the_mirror_keeps_the_first_fifty_who_came_in_and_who_left_makes_room() {
    let mut bot = Bot::new(ROOMS).room_owned_by("olga");
    let entered = |number: usize| {
        let who = format!("user{number:03}");
        let mut event = in_room(EventKind::RoomMemberEntered, RoomKind::Live, &who);
        event.time = NOW + Duration::from_secs(number as u64);
        event
    };
    for number in 0..100 {
        let decision = bot.decide(&entered(number));
        assert_eq!(decision.is_nothing(), number >= RoomRecord::ENTERED, "{number}");
    }
    bot.decide(&in_room(EventKind::RoomMemberLeft, RoomKind::Live, "user007"));
    bot.decide(&entered(100));
    let kept: Vec<_> = bot.room().entered.iter().map(|(who, _)| who.to_string()).collect();
    assert_eq!(kept.len(), RoomRecord::ENTERED);
    assert_eq!((kept[6].as_str(), kept[7].as_str()), ("user006", "user008"));
    assert_eq!(kept[49], "user100");
}

#[test]
fn without_a_rule_for_it_nobody_keeps_who_came_in() {
    let mut bot = Bot::new(EVERY_CAUSE);
    let entered = in_room(EventKind::RoomMemberEntered, RoomKind::Live, "ann");
    assert!(bot.decide(&entered).is_nothing());
}

#[test]
fn the_day_on_which_a_room_was_last_told_of_is_kept_and_no_finer() {
    let mut bot = Bot::new(EVERY_CAUSE).room_owned_by("olga");
    let mut enters = |who: &str, after: Duration| {
        bot.now = NOW + after;
        bot.decide(&in_room(EventKind::RoomMemberEntered, RoomKind::Live, who));
        bot.room().told_on
    };
    assert_eq!(enters("ann", Duration::ZERO), Some(NOW.day()));
    assert_eq!(enters("ben", DAY * 3), Some(NOW.day() + 3));
    let again = in_room(EventKind::RoomMemberEntered, RoomKind::Live, "mia");
    assert!(bot.decide(&again).is_nothing());
}

#[test]
fn a_room_that_an_older_version_has_kept_is_read() {
    let old = r#"{"room":{"owner":{"is":"olga"}}}"#;
    let read: StateValue = serde_json::from_str(old).unwrap();
    assert_eq!(read, StateValue::Room(RoomRecord::owned_by(Owner::Is("olga".into()))));
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
}
