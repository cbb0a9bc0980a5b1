//! `decide` as a function: the same arguments give the same value, whatever happens in whatever order.

use std::collections::BTreeMap;
use std::time::Duration;

use groupkeeper::chat::{Account, GroupId, GroupType, Message, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::effect::{Act, Manner};
use groupkeeper::decision::event::{Cause, Field};
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner, Spent};
use groupkeeper::decision::{
    Decision, Event, EventId, Settings, State, StateKey, StateValue, Verdict, decide, needs,
};
use groupkeeper::rule::model::{Excess, Limit, Mode};
use groupkeeper::rule::{EventKind, RuleId, RuleSet, read};
use proptest::prelude::*;

const BEGIN: i64 = 1_767_268_800_000;

/// Rules that use everything that has a memory.
const RULES: &str = r#"
[rule.count]
on = "message.sent"
count = { each = ["group", "member"], within = "10s", more_than = 2 }
cooldown = { each = ["group", "member"], for = "30s" }
limit = { actions = 3, per = "1m" }
do = [{ mute = { for = ["5m", "1h"], forget_after = "1d" } }, { send_message = { text = "{count} {mute.for}" } }]

[rule.once]
on = ["message.sent", "member.joined"]
once = { each = ["member"], per = "1h" }
when = 'memory.seen == ""'
do = [{ remember = { each = ["member"], key = "seen", for = "10m" } }, { set_role = { role = "admin", for = "20m" } }]

[rule.filter]
on = "message.sending"
when = 'message.text.contains("x")'
do = [{ reject = { text = "no {member.id}" } }]

[rule.second-filter]
on = "message.sending"
when = 'memory.seen != "" && message.text.contains("y")'
do = [{ replace_text = { text = "-" } }, { forget = { key = "seen" } }]

[rule.owner]
on = ["owner.left", "group.ownerless"]
wait = "2m"
do = [{ transfer_owner = { to = ["longest_serving_member"] } }]
"#;

fn rules() -> RuleSet {
    let reading = read(vec![("rules.toml".to_owned(), RULES.to_owned())], None);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    reading.rules
}

#[derive(Clone, Debug)]
struct Happening {
    kind: EventKind,
    who: &'static str,
    text: &'static str,
    step: i64,
}

fn happening() -> impl Strategy<Value = Happening> {
    let kinds = prop::sample::select(vec![
        EventKind::MessageSent,
        EventKind::MessageSending,
        EventKind::MemberJoined,
        EventKind::MemberLeft,
        EventKind::OwnerChanged,
    ]);
    let who = prop::sample::select(vec!["ann", "ben", "olga"]);
    let text = prop::sample::select(vec!["", "x", "y", "xy"]);
    (kinds, who, text, 0i64..20_000).prop_map(|(kind, who, text, step)| Happening {
        kind,
        who,
        text,
        step,
    })
}

fn event(number: usize, happening: &Happening, time: Timestamp) -> Event {
    let id = EventId::of(&[&number.to_be_bytes()]);
    let mut event = Event::new(id, Cause::Kind(happening.kind), time, "callback");
    event.group = Some(GroupId::from("@TGS#1"));
    event.group_type = Some(GroupType::Public);
    event.member = Some(Account::from(happening.who));
    event.operator = Some(Account::from(happening.who));
    event.message = Some(Message { text: happening.text.to_owned(), ..Message::default() });
    if happening.kind == EventKind::OwnerChanged {
        event.fields.insert("new_owner".to_owned(), Field::Text(happening.who.to_owned()));
    }
    event
}

/// Decides with what is loaded when it is asked for, as the pipeline does.
fn decided(
    kept: &Kept,
    event: &Event,
    rules: &RuleSet,
    settings: &Settings,
    now: Timestamp,
) -> Decision {
    let mut keys = needs(event, rules);
    for _ in 0..8 {
        let mut state = State::default();
        for key in &keys {
            state.insert(key.clone(), kept.get(key).cloned());
        }
        let decision = decide(event, rules, settings, &state, now);
        assert_eq!(decide(event, rules, settings, &state, now), decision, "not a function");
        if decision.missing.is_empty() {
            return decision;
        }
        keys.extend(decision.missing);
    }
    panic!("it asks for state without an end: {event:?}");
}

type Kept = BTreeMap<StateKey, StateValue>;

fn run(happenings: &[Happening], rules: &RuleSet) -> Vec<Decision> {
    let mut decisions = Vec::new();
    play(happenings, rules, |_, _, decision| decisions.push(decision.clone()));
    decisions
}

/// Decides one event after the other, and shows each with what was kept before it.
fn play(happenings: &[Happening], rules: &RuleSet, mut look: impl FnMut(&Kept, &Event, &Decision)) {
    let settings = Settings {
        limit: Some(Limit { actions: 5, per: Duration::from_secs(60), then: Excess::Hold }),
        ..Settings::default()
    };
    let group = GroupId::from("@TGS#1");
    let mut kept = BTreeMap::new();
    let owner = Owner::Is("olga".into());
    let record = GroupRecord { owner, ..GroupRecord::default() };
    kept.insert(StateKey::Group(group.clone()), StateValue::Group(record));
    for (who, role) in [("ann", Role::Member), ("olga", Role::Owner)] {
        let record = MemberRecord { role: Some(role), ..MemberRecord::default() };
        let key = StateKey::Member(group.clone(), Account::from(who));
        kept.insert(key, StateValue::Member(record));
    }
    let mut now = Timestamp(BEGIN);
    for (number, happening) in happenings.iter().enumerate() {
        now = now + Duration::from_millis(happening.step.unsigned_abs());
        let event = event(number, happening, now);
        let decision = decided(&kept, &event, rules, &settings, now);
        look(&kept, &event, &decision);
        for (key, value) in &decision.changes {
            match value {
                Some(value) => kept.insert(key.clone(), value.clone()),
                None => kept.remove(key),
            };
        }
    }
}

/// What rules want of Chat: which effects, by id, and what they do.
fn wanted(decision: &Decision, manner: Manner) -> Vec<(EventId, Act)> {
    let of_rules = decision.effects.iter().filter(|effect| effect.rule.is_some());
    let of_manner = of_rules.filter(|effect| effect.act.is_read() || effect.manner == manner);
    of_manner.map(|effect| (effect.id.clone(), effect.act.clone())).collect()
}

#[test]
fn no_more_is_held_of_a_rule_than_somebody_would_release() {
    let text = "[rule.shout]\non = \"message.sent\"\nlimit = { actions = 1, per = \"1m\" }\ndo = [{ send_message = { text = \"x\" } }]\n";
    let rules = read(vec![("rules.toml".to_owned(), text.to_owned())], None).rules;
    let (settings, now) = (Settings::default(), Timestamp(BEGIN));
    let key = StateKey::Limit(Some(RuleId::from("shout")));
    let spent = Spent { slices: vec![(now, 1)], held: 9_999, ..Spent::default() };
    let mut kept = Kept::from([(key.clone(), StateValue::Limit(spent))]);
    let shouts = Happening { kind: EventKind::MessageSent, who: "ann", text: "", step: 0 };
    let decide_one = |kept: &mut Kept, event: &Event| {
        let decision = decided(kept, event, &rules, &settings, now);
        if let Some(Some(spent)) = decision.changes.get(&key) {
            kept.insert(key.clone(), spent.clone());
        }
        decision
    };
    let first = decide_one(&mut kept, &event(1, &shouts, now));
    assert_eq!(first.held.len(), 1);
    let second = decide_one(&mut kept, &event(2, &shouts, now));
    assert!(
        second.held.is_empty() && second.effects.iter().all(|one| one.act.name() != "send_message")
    );
    // Once one is released, there is room for another.
    let released = Cause::Released(Box::new(first.held[0].clone()));
    let mut released = Event::new(EventId::of(&[b"released"]), released, now, "operator");
    released.group = Some(GroupId::from("@TGS#1"));
    decide_one(&mut kept, &released);
    assert_eq!(decide_one(&mut kept, &event(3, &shouts, now)).held.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_history_is_decided_the_same(history in prop::collection::vec(happening(), 1..60)) {
        let rules = rules();
        prop_assert_eq!(run(&history, &rules), run(&history, &rules));
    }

    #[test]
    fn no_window_of_a_minute_holds_more_than_the_limits_allow(
        history in prop::collection::vec(happening(), 1..120),
    ) {
        let rules = rules();
        let decisions = run(&history, &rules);
        let mut sent: Vec<(Timestamp, bool)> = Vec::new();
        for decision in &decisions {
            for effect in &decision.effects {
                let harmless = effect.act.is_read() || effect.act.name() == "alert";
                // A sanction that is begun anew, because its member has come back, is none of a rule's actions.
                let acted = |rule: &RuleId| decision.trace.rules.iter().any(|t| t.rule == *rule && t.why.acted());
                if !harmless && effect.rule.as_ref().is_none_or(acted) {
                    let counted = effect.rule.as_ref().is_some_and(|rule| rule.as_str() == "count");
                    sent.push((effect.created, counted));
                }
            }
        }
        for (end, _) in &sent {
            let inside = |at: &Timestamp| *at <= *end && end.0 - at.0 < 60_000;
            let all = sent.iter().filter(|(at, _)| inside(at)).count();
            let of_rule = sent.iter().filter(|(at, of_rule)| inside(at) && *of_rule).count();
            prop_assert!(all <= 5, "{all} actions of the service within a minute");
            prop_assert!(of_rule <= 3, "{of_rule} actions of one rule within a minute");
        }
    }

    #[test]
    fn only_an_event_that_asks_is_answered(history in prop::collection::vec(happening(), 1..60)) {
        let rules = rules();
        for (happening, decision) in history.iter().zip(run(&history, &rules)) {
            let asked = happening.kind == EventKind::MessageSending;
            prop_assert!(asked || decision.verdict == Verdict::Allow);
            let refused = matches!(decision.verdict, Verdict::Reject { .. });
            prop_assert_eq!(refused, asked && happening.text.contains('x'));
        }
    }

    /// S11: what a rule would do is what it does, decided with the same state at the same time.
    #[test]
    fn a_rule_in_shadow_wants_what_it_does_in_force(history in prop::collection::vec(happening(), 1..60)) {
        let rules = rules();
        let shadow = Settings { mode: Mode::Shadow, ..Settings::default() };
        let mut pairs = Vec::new();
        play(&history, &rules, |kept, event, in_force| {
            // What a limit holds back it would not have held back: nothing in shadow is counted.
            let limited = in_force.effects.iter().any(|effect| effect.act.name() == "alert");
            if in_force.held.is_empty() && !limited {
                let would = decided(kept, event, &rules, &shadow, event.time);
                pairs.push((wanted(in_force, Manner::Send), wanted(&would, Manner::Shadow)));
            }
        });
        for (does, would) in pairs {
            prop_assert_eq!(does, would);
        }
    }
}
