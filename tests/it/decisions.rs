//! Decisions, compared as values.

use groupkeeper::chat::{Account, GroupId, GroupType, Message, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{Act, Answer, GroupFacts, Manner, Outcome};
use groupkeeper::decision::event::Cause;
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner};
use groupkeeper::decision::{
    Decision, Event, EventId, Settings, State, StateKey, StateValue, Verdict, decide, needs,
};
use groupkeeper::rule::{EventKind, RuleSet, read};

use crate::stage::repository;

pub const NOW: Timestamp = Timestamp(1_767_268_800_000);

pub fn rules(text: &str) -> RuleSet {
    let reading = read(vec![("rules.toml".to_owned(), text.to_owned())], None);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    reading.rules
}

pub fn event(kind: EventKind, who: &str, number: u64) -> Event {
    let id = EventId::of(&[kind.name().as_bytes(), &number.to_be_bytes()]);
    let mut event = Event::new(id, Cause::Kind(kind), NOW, "a callback");
    event.group = Some(GroupId::from("@TGS#1"));
    event.group_type = Some(GroupType::Public);
    event.member = Some(Account::from(who));
    event
}

/// A store of nothing but state: loads what is needed, decides, keeps what changes.
#[derive(Clone, Default)]
pub struct Kept(std::collections::BTreeMap<StateKey, StateValue>);

impl Kept {
    pub fn get(&self, key: &StateKey) -> Option<&StateValue> {
        self.0.get(key)
    }

    pub fn put(&mut self, key: StateKey, value: StateValue) {
        self.0.insert(key, value);
    }

    fn knows_everybody(mut self, members: &[(&str, Role)]) -> Self {
        let group = GroupId::from("@TGS#1");
        let owner = Owner::Is("olga".into());
        let record = GroupRecord { owner, ..GroupRecord::default() };
        self.put(StateKey::Group(group.clone()), StateValue::Group(record));
        for (who, role) in members {
            let record = MemberRecord { role: Some(*role), ..MemberRecord::default() };
            let key = StateKey::Member(group.clone(), Account::from(*who));
            self.put(key, StateValue::Member(record));
        }
        self
    }

    /// Decides with what [`needs`] foresaw, which must be all.
    fn decide(&mut self, event: &Event, rules: &RuleSet) -> Decision {
        let decision = self.with_keys(event, rules, NOW, needs(event, rules));
        assert!(decision.missing.is_empty(), "not foreseen: {:?}", decision.missing);
        self.keep(&decision);
        decision
    }

    /// Decides as the pipeline does: what was not foreseen is loaded, and decided again.
    pub fn decide_fully(&mut self, event: &Event, rules: &RuleSet) -> Decision {
        self.decide_at(event, rules, NOW)
    }

    pub fn decide_at(&mut self, event: &Event, rules: &RuleSet, now: Timestamp) -> Decision {
        let mut keys = needs(event, rules);
        let mut decision = self.with_keys(event, rules, now, keys.clone());
        while !decision.missing.is_empty() {
            keys.extend(decision.missing);
            decision = self.with_keys(event, rules, now, keys.clone());
        }
        self.keep(&decision);
        decision
    }

    fn with_keys(
        &self,
        event: &Event,
        rules: &RuleSet,
        now: Timestamp,
        keys: std::collections::BTreeSet<StateKey>,
    ) -> Decision {
        let mut state = State::default();
        for key in keys {
            let value = self.0.get(&key).cloned();
            state.insert(key, value);
        }
        let decision = decide(event, rules, &Settings::default(), &state, now);
        assert_eq!(decide(event, rules, &Settings::default(), &state, now), decision);
        decision
    }

    fn keep(&mut self, decision: &Decision) {
        for (key, value) in &decision.changes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
}

#[test]
fn a_join_of_staff_is_one_effect_addressed_and_complete() {
    let rules = rules(&repository("rules/promote_staff.toml"));
    let decision = Kept::default().decide(&event(EventKind::MemberJoined, "staff_lin", 1), &rules);
    let [effect] = &decision.effects[..] else { panic!("{:#?}", decision.effects) };
    let promoted = Act::SetRole {
        group: "@TGS#1".into(),
        group_type: Some(GroupType::Public),
        member: "staff_lin".into(),
        role: Role::Admin,
    };
    assert_eq!(effect.act, promoted);
    assert_eq!(effect.manner, Manner::Send);
    assert!(decision.lasting);
}

#[test]
fn a_message_that_no_rule_wants_needs_nothing_and_changes_nothing() {
    let rules = rules(&repository("rules/promote_staff.toml"));
    let mut sent = event(EventKind::MessageSent, "ann", 1);
    sent.message = Some(Message::default());
    assert!(needs(&sent, &rules).is_empty());
    assert!(Kept::default().decide(&sent, &rules).is_nothing());
}

#[test]
fn the_sixth_message_mutes_with_an_end_a_timer_and_a_word_to_the_group() {
    let rules = rules(&repository("rules/quiet_flooders.toml"));
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    for number in 1..=5 {
        let decision = kept.decide(&event(EventKind::MessageSent, "ann", number), &rules);
        assert!(decision.effects.is_empty(), "message {number}");
    }
    let decision = kept.decide(&event(EventKind::MessageSent, "ann", 6), &rules);
    let acts: Vec<String> = decision.effects.iter().map(|effect| effect.act.to_string()).collect();
    assert_eq!(acts, ["mute ann in @TGS#1 for 5m", "send a message to @TGS#1"]);
    let five_minutes = std::time::Duration::from_secs(300);
    assert_eq!(decision.timers.len(), 1);
    assert_eq!(decision.timers[0].0, NOW + five_minutes);
    let seventh = kept.decide(&event(EventKind::MessageSent, "ann", 7), &rules);
    assert!(seventh.effects.is_empty());
}

#[test]
fn an_event_from_the_future_does_not_hide_the_flood_of_today() {
    let rules = rules(&repository("rules/quiet_flooders.toml"));
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    let mut future = event(EventKind::MessageSent, "ann", 0);
    future.time = Timestamp(i64::MAX);
    kept.decide(&future, &rules);
    let effects = (1..=5).map(|number| {
        kept.decide(&event(EventKind::MessageSent, "ann", number), &rules).effects.len()
    });
    assert_eq!(effects.collect::<Vec<_>>(), [0, 0, 0, 0, 2]);
}

#[test]
fn whom_nobody_knows_is_asked_about_before_being_muted() {
    let rules = rules(&repository("rules/quiet_flooders.toml"));
    let mut kept = Kept::default();
    let decisions =
        (1..=6).map(|number| kept.decide(&event(EventKind::MessageSent, "ann", number), &rules));
    let last = decisions.last().unwrap();
    let acts: Vec<String> = last.effects.iter().map(|effect| effect.act.to_string()).collect();
    assert_eq!(acts, ["ask what ann is in @TGS#1"]);
}

#[test]
fn the_same_event_gives_the_same_effect_id_and_another_one_another() {
    let rules = rules(&repository("rules/promote_staff.toml"));
    let id = |number| {
        let joined = event(EventKind::MemberJoined, "staff_lin", number);
        Kept::default().decide(&joined, &rules).effects[0].id.clone()
    };
    assert_eq!(id(1), id(1));
    assert_ne!(id(1), id(2));
}

#[test]
fn what_was_not_loaded_is_named_and_not_taken_for_absent() {
    let rules = rules(&repository("rules/quiet_flooders.toml"));
    let sent = event(EventKind::MessageSent, "ann", 1);
    let decision = decide(&sent, &rules, &Settings::default(), &State::default(), NOW);
    let counter = StateKey::Counter("quiet-flooders".into(), "@TGS#1\nann".into());
    assert!(decision.missing.contains(&counter), "{:?}", decision.missing);
}

/// Memory: a warning, then a mute.
const WARN: &str = r#"
[rule.mute-the-warned]
on = "message.sent"
when = 'memory.warned != ""'
do = [{ mute = { for = "1h", reason = "warned for {memory.warned}" } }, { forget = { key = "warned" } }]

[rule.warn]
on = "message.sent"
when = 'memory.warned == ""'
do = [{ remember = { each = ["group", "member"], key = "warned", value = "{message.text}", for = "1d" } }]
"#;

fn said(who: &str, number: u64) -> Event {
    let mut said = event(EventKind::MessageSent, who, number);
    said.message = Some(Message { text: format!("word {number}"), ..Message::default() });
    said
}

fn acts(decision: &Decision) -> Vec<String> {
    decision.effects.iter().map(|effect| effect.act.to_string()).collect()
}

#[test]
fn what_one_rule_remembers_another_reads_until_it_is_forgotten() {
    let rules = rules(WARN);
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let mut kept = Kept::default().knows_everybody(&members);
    assert!(acts(&kept.decide(&said("ann", 1), &rules)).is_empty());
    assert!(acts(&kept.decide(&said("ben", 2), &rules)).is_empty());
    let muted = kept.decide(&said("ann", 3), &rules);
    assert_eq!(acts(&muted), ["mute ann in @TGS#1 for 1h"]);
    // Forgotten by the first rule, remembered anew by the second.
    let remembered = kept.0.keys().filter(|key| matches!(key, StateKey::Memory(..))).count();
    assert_eq!(remembered, 2);
    assert!(muted.trace.rules.iter().any(|rule| rule.why.to_string().contains("forget warned")));
}

#[test]
fn a_memory_whose_time_is_over_is_empty() {
    let rules = rules(WARN);
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    kept.decide(&said("ann", 1), &rules);
    for value in kept.0.values_mut() {
        if let StateValue::Memory { until, .. } = value {
            *until = Some(NOW);
        }
    }
    assert!(acts(&kept.decide(&said("ann", 2), &rules)).is_empty());
}

#[test]
fn a_shadow_rule_remembers_nothing_that_others_could_act_on() {
    let shadow = WARN.replace("[rule.warn]", "[rule.warn]\nmode = \"shadow\"");
    let rules = rules(&shadow);
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    kept.decide(&said("ann", 1), &rules);
    assert!(acts(&kept.decide(&said("ann", 2), &rules)).is_empty());
}

#[test]
fn texts_after_a_wait_still_know_what_was_counted() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sent"
count = { each = ["member"], within = "10s", at_least = 2 }
wait = "1m"
do = [{ send_message = { text = "{count} messages" } }]
"#,
    );
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    kept.decide(&said("ann", 1), &rules);
    let waiting = kept.decide(&said("ann", 2), &rules);
    let (due, timer) = waiting.timers[0].clone();
    let over = Event::new(EventId::of(&[b"over"]), Cause::Timer(timer), due, "timer");
    let decision = kept.decide(&over, &rules);
    let [effect] = &decision.effects[..] else { panic!("{decision:#?}") };
    assert!(matches!(&effect.act, Act::SendMessage { text, .. } if text == "2 messages"));
}

fn sentences(decision: &Decision) -> Vec<String> {
    let told = decision.trace.rules.iter();
    told.map(|told| format!("{}: {}", told.rule, told.why)).collect()
}

#[test]
fn a_guarded_step_does_not_keep_the_answer_from_chat() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sending"
do = [{ mute = { for = "5m" } }, { send_message = { text = "muted" } }, { reject = { text = "no" } }]
"#,
    );
    let decision = Kept::default().decide(&event(EventKind::MessageSending, "zed", 1), &rules);
    assert!(matches!(&decision.verdict, Verdict::Reject { text, .. } if text == "no"));
    // Nobody knew the sender; for the next time, somebody does.
    assert_eq!(acts(&decision), ["ask what zed is in @TGS#1"]);
}

#[test]
fn what_a_before_callback_reads_of_the_group_is_asked_once_for_the_next_time() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sending"
when = 'member.id != group.owner'
do = ["drop"]
"#,
    );
    let mut kept = Kept::default();
    let first = kept.decide(&event(EventKind::MessageSending, "zed", 1), &rules);
    assert_eq!(acts(&first), ["ask who owns @TGS#1"]);
    let second = kept.decide(&event(EventKind::MessageSending, "zed", 2), &rules);
    assert!(acts(&second).is_empty());
}

#[test]
fn what_a_limit_drops_uses_up_neither_once_nor_the_ladder() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sent"
once = { each = ["member"] }
limit = { actions = 1, per = "1h", then = "drop" }
do = [{ mute = { for = ["5m", "10m"] } }]
"#,
    );
    let members = [("ann", Role::Member), ("ben", Role::Member)];
    let mut kept = Kept::default().knows_everybody(&members);
    assert_eq!(acts(&kept.decide_fully(&said("ann", 1), &rules)), ["mute ann in @TGS#1 for 5m"]);
    assert_eq!(kept.decide_fully(&said("ben", 2), &rules).effects.len(), 1, "the alert");
    kept.0.retain(|key, _| !matches!(key, StateKey::Limit(_)));
    assert_eq!(acts(&kept.decide_fully(&said("ben", 3), &rules)), ["mute ben in @TGS#1 for 5m"]);
}

#[test]
fn an_answer_is_given_even_when_the_rest_is_held() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sending"
limit = { actions = 1, per = "1h" }
do = [{ reject = { text = "no" } }, { send_message = { text = "1" } }, { send_message = { text = "2" } }]
"#,
    );
    let decision = Kept::default().decide_fully(&said_before("ann", 1), &rules);
    assert!(matches!(decision.verdict, Verdict::Reject { .. }));
    assert_eq!(decision.held.len(), 1);
    assert_eq!(
        sentences(&decision),
        ["a: reject it; wants more than 1 actions in 1h (`limit`), so this is held back: send a \
          message to @TGS#1, then send a message to @TGS#1"]
    );
}

fn said_before(who: &str, number: u64) -> Event {
    let mut said = said(who, number);
    said.cause = Cause::Kind(EventKind::MessageSending);
    said
}

#[test]
fn a_rule_in_shadow_stops_nothing() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sent"
mode = "shadow"
stop = true
do = [{ alert = { text = "x" } }]
[rule.b]
on = "message.sent"
do = [{ alert = { text = "y" } }]
"#,
    );
    let decision = Kept::default().decide(&said("ann", 1), &rules);
    assert_eq!(acts(&decision), ["alert: x", "alert: y"]);
}

#[test]
fn rules_behind_one_that_asks_before_it_stops_wait_for_the_answer() {
    let rules = rules(
        r#"
[rule.staff]
on = "message.sent"
when = 'member.role == "admin"'
stop = true
[rule.all]
on = "message.sent"
do = [{ alert = { text = "{member.id}" } }]
"#,
    );
    for (role, expected) in [(Role::Admin, vec![]), (Role::Member, vec!["alert: ann"])] {
        let mut kept = Kept::default();
        let asking = kept.decide(&said("ann", 1), &rules);
        assert_eq!(acts(&asking), ["ask what ann is in @TGS#1"]);
        assert!(sentences(&asking)[1].contains("waits for what `staff`"), "{asking:#?}");
        let answer =
            Answer::Roles { group: None, roles: vec![("ann".into(), role)], members: Vec::new() };
        let effect = Box::new(asking.effects[0].clone());
        let outcome = Outcome::Answer(answer);
        let cause = Cause::Settled { effect, outcome, skipped: Vec::new(), unsure: Vec::new() };
        let mut settled = Event::new(EventId::of(&[b"settled"]), cause, NOW, "effect");
        settled.group = Some("@TGS#1".into());
        assert_eq!(acts(&kept.decide_fully(&settled, &rules)), expected, "{role:?}");
    }
}

#[test]
fn a_clock_put_back_a_month_leaves_no_rule_dumb() {
    let rules = rules(
        r#"
[rule.a]
on = "message.sent"
count = { each = ["member"], within = "10s", more_than = 1 }
cooldown = { each = ["member"], for = "1m" }
limit = { actions = 1, per = "1m" }
do = [{ set_name_card = { text = "loud" } }]
"#,
    );
    let mut kept = Kept::default().knows_everybody(&[("ann", Role::Member)]);
    let month = std::time::Duration::from_secs(30 * 86_400);
    let at = |kept: &mut Kept, number: u64, now: Timestamp| {
        let mut said = said("ann", number);
        said.time = now;
        kept.decide_at(&said, &rules, now).effects.len()
    };
    assert_eq!(at(&mut kept, 1, NOW + month), 0);
    assert_eq!(at(&mut kept, 2, NOW + month), 1);
    // The right time again: counted anew, and quiet for no more than the minute.
    assert_eq!(at(&mut kept, 3, NOW), 0);
    assert_eq!(at(&mut kept, 4, NOW), 0);
    let minute = std::time::Duration::from_secs(61);
    assert_eq!(at(&mut kept, 5, NOW + minute), 0);
    assert_eq!(at(&mut kept, 6, NOW + minute), 1);
}

#[test]
fn an_action_that_the_type_of_the_group_cannot_have_is_left_out_with_the_reason() {
    let rules = rules("[rule.a]\non = \"member.joined\"\ndo = [\"remove_member\"]\n");
    let mut joined = event(EventKind::MemberJoined, "ann", 1);
    joined.group_type = Some(GroupType::AVChatRoom);
    let decision =
        Kept::default().knows_everybody(&[("ann", Role::Member)]).decide(&joined, &rules);
    assert!(decision.effects.is_empty());
    assert_eq!(
        sentences(&decision),
        [
            "a: does not remove member ann: an AVChatRoom has no list of members; `ban` or `mute` works"
        ]
    );
}

/// The timer that a decision has set, come due.
fn due(decision: &Decision) -> Event {
    let [(due, timer)] = &decision.timers[..] else { panic!("{:#?}", decision.timers) };
    let id = EventId::of(&[format!("{timer:?}").as_bytes()]);
    let mut over = Event::new(id, Cause::Timer(timer.clone()), *due, "timer");
    over.group = Some(GroupId::from("@TGS#1"));
    over
}

#[test]
fn a_wait_is_dropped_when_its_rule_listens_to_other_events_by_then() {
    let waiting =
        "[rule.a]\non = \"member.left\"\nwait = \"5m\"\ndo = [{ alert = { text = \"gone\" } }]\n";
    let left = event(EventKind::MemberLeft, "olga", 1);
    let cases = [
        // The same words for another event, and no wait any more.
        (waiting.replace("member.left", "member.removed"), "does not listen to such events"),
        (waiting.replace("wait = \"5m\"\n", ""), "does not wait any more"),
    ];
    for (edited, note) in cases {
        let mut kept = Kept::default();
        let begun = kept.decide(&left, &rules(waiting));
        let over = kept.decide(&due(&begun), &rules(&edited));
        assert!(acts(&over).is_empty(), "{over:#?}");
        assert!(over.trace.notes.iter().any(|told| told.contains(note)), "{:?}", over.trace);
        assert!(!kept.0.keys().any(|key| matches!(key, StateKey::Wait(..))));
    }
    let mut kept = Kept::default();
    let begun = kept.decide(&left, &rules(waiting));
    let renamed = rules(&waiting.replace("gone", "went"));
    assert_eq!(acts(&kept.decide(&due(&begun), &renamed)), ["alert: went"]);
}

#[test]
fn what_chat_answers_starts_no_rule_that_listens_to_other_events_by_then() {
    let asking = "[rule.a]\non = \"member.left\"\nwhen = 'group.owner != \"\"'\ndo = [{ alert = { text = \"gone\" } }]\n";
    let mut kept = Kept::default();
    let asked = kept.decide(&event(EventKind::MemberLeft, "ann", 1), &rules(asking));
    let [read] = &asked.effects[..] else { panic!("{asked:#?}") };
    let facts = GroupFacts {
        group: "@TGS#1".into(),
        exists: true,
        group_type: Some(GroupType::Public),
        name: "cats".into(),
        owner: Some("olga".into()),
        member_count: Some(1),
        created_at: None,
        mute_all: None,
        last_message_at: None,
        message_sequence: None,
    };
    let outcome = Outcome::Answer(Answer::Group(facts));
    let effect = Box::new(read.clone());
    let cause = Cause::Settled { effect, outcome, skipped: Vec::new(), unsure: Vec::new() };
    let mut settled = Event::new(EventId::of(&[b"settled"]), cause, NOW, "effect");
    settled.group = Some(GroupId::from("@TGS#1"));
    let edited = asking.replace("member.left", "member.joined");
    assert!(acts(&kept.decide(&settled, &rules(&edited))).is_empty());
    assert_eq!(acts(&kept.decide(&settled, &rules(asking))), ["alert: gone"]);
}
