//! Passing rules over changes nothing but what traces tell.

use proptest::prelude::*;

use super::*;
use crate::chat::{GroupType, Message};
use crate::clock::Timestamp;
use crate::decision::event::Cause;
use crate::decision::state::{GroupRecord, MemberRecord, Owner};
use crate::decision::{Decision, EventId, StateKey, StateValue, decide, needs};
use crate::rule::{self, index};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// What a rule may be gated by, or not; `N` stands for a small number.
const GATES: &[&str] = &[
    "in = { groups = [\"@TGS#N\"] }",
    "in = { groups = [\"@TGS#N*\", \"*x\"] }",
    "in = { groups = [\"*N*\"], types = [\"Public\"] }",
    "in = { except = [\"@TGS#N\"] }\nwhen = 'message.text.contains(\"N\")'",
    "in = { types = [\"Public\"] }\nwhen = 'message.text.contains(\"N\")'",
    "when = 'message.text.contains(\"N\")'",
    "when = 'message.text.lowerAscii().startsWith(\"aN\")'",
    "when = 'message.text.matches(\"[aA]N+\")'",
    "when = 'message.text.matches(\"N\") && member.role == \"admin\"'",
    "when = 'message.text == \"aN\" || message.text.startsWith(\"N\")'",
    "when = 'message.text in [\"aN\", \"N\"] && member.name_card == \"N\"'",
    "when = '\"TIMTextElem\" in message.types && message.text.size() > N'",
    "when = 'member.role == \"admin\" || member.id == \"userN\"'",
    "when = 'member.role in [\"owner\", \"admin\"]'\ncount = { each = [\"member\"], within = \"9s\", more_than = 1 }",
    "when = 'group.type == \"Public\" && operator.id == \"userN\"'",
    "when = 'member.id == \"userN\"'\non_own = true",
    "when = 'member.id.startsWith(\"user\")'\nstop = true",
    "when = 'member.role == \"member\" && message.text.contains(\"N\")'\nstop = true",
    "when = 'message.text.contains(\"\") && member.id != \"userN\"'\nmode = \"shadow\"",
    "when = 'group.owner == \"user0\" && message.text.endsWith(\"N\")'",
    "when = 'message.text.contains(\"N\")'\nmode = \"off\"",
    "once = { each = [\"group\"] }\nunless = 'member.id == \"userN\"'",
];

fn rules(gates: &[(usize, u8)]) -> RuleSet {
    let text = gates.iter().enumerate().map(|(number, (gate, n))| {
        let gate = GATES[*gate].replace('N', &n.to_string());
        format!("[rule.r{number}]\non = \"message.sent\"\n{gate}\ndo = [{{ mute = {{ for = \"5m\" }} }}]\n")
    });
    let reading = rule::read(vec![("many.toml".to_owned(), text.collect())], None);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.rules
}

/// What the mirror knows, if anything, and who says what.
#[derive(Clone, Debug)]
struct Scene {
    role: Option<Role>,
    group_type: Option<GroupType>,
    owner: Owner,
    group: Option<u8>,
    who: u8,
    text: String,
    by_bot: bool,
    told_type: bool,
}

impl Scene {
    fn plain() -> Self {
        Self {
            role: Some(Role::Member),
            group_type: Some(GroupType::Public),
            owner: Owner::Nobody,
            group: Some(1),
            who: 1,
            text: String::new(),
            by_bot: false,
            told_type: true,
        }
    }

    fn event(&self) -> Event {
        let cause = Cause::Kind(EventKind::MessageSent);
        let mut event =
            Event::new(EventId::of(&[b"said"]), cause, NOW, "Group.CallbackAfterSendMsg");
        event.group = self.group.map(|number| format!("@TGS#{number}").into());
        event.group_type = self.group_type.filter(|_| self.told_type);
        event.member = Some(format!("user{}", self.who).into());
        event.operator = event.member.clone();
        event.by_bot = self.by_bot;
        let types = vec!["TIMTextElem".to_owned()];
        event.message = Some(Message { text: self.text.clone(), types, ..Message::default() });
        event
    }

    fn value(&self, key: &StateKey) -> Option<StateValue> {
        match key {
            StateKey::Group(_) => Some(StateValue::Group(GroupRecord {
                group_type: self.group_type,
                owner: self.owner.clone(),
                ..GroupRecord::default()
            })),
            StateKey::Member(..) => Some(StateValue::Member(MemberRecord {
                role: self.role,
                ..MemberRecord::default()
            })),
            _ => None,
        }
    }

    /// Decides as the pipeline does: again, with what turned out to be missing.
    fn decide(&self, rules: &RuleSet, tells_all: bool) -> (Decision, State) {
        let (event, mut state) = (self.event(), State::default());
        let settings = Settings { tells_all, ..Settings::default() };
        let mut wanted = needs(&event, rules);
        loop {
            wanted.into_iter().for_each(|key| {
                let value = self.value(&key);
                state.insert(key, value);
            });
            let decision = decide(&event, rules, &settings, &state, NOW);
            if decision.missing.is_empty() {
                return (decision, state);
            }
            wanted = decision.missing;
        }
    }
}

fn scenes() -> impl Strategy<Value = Scene> {
    let roles = [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)];
    let types = [None, Some(GroupType::Public), Some(GroupType::Work), Some(GroupType::AVChatRoom)];
    let owners = [Owner::Unknown, Owner::Nobody, Owner::Is("user0".into())];
    (
        (prop::sample::select(roles.to_vec()), prop::sample::select(types.to_vec())),
        prop::sample::select(owners.to_vec()),
        prop::option::weighted(0.9, 0u8..30),
        (0u8..4, "[aA]?[0-3]{0,2}x?", prop::bool::weighted(0.1), any::<bool>()),
    )
        .prop_map(|((role, group_type), owner, group, (who, text, by_bot, told_type))| Scene {
            role,
            group_type,
            owner,
            group,
            who,
            text,
            by_bot,
            told_type,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn an_index_passes_over_what_does_not_act_and_nothing_else(
        gates in prop::collection::vec((0..GATES.len(), 0u8..4), index::MANY + 1..index::MANY + 40),
        scenes in prop::collection::vec(scenes(), 8),
    ) {
        let rules = rules(&gates);
        prop_assert!(rules.index(EventKind::MessageSent).is_some());
        for scene in scenes {
            let (whole, _) = scene.decide(&rules, true);
            let (mut few, state) = scene.decide(&rules, false);
            prop_assert!(!whole.trace.passed_over);
            let mut told = few.trace.rules.iter().peekable();
            let mut in_scope = false;
            for trace in &whole.trace.rules {
                if told.peek() == Some(&trace) {
                    told.next();
                    continue;
                }
                let rule = rules.get(&trace.rule).unwrap();
                let kept = matches!(
                    trace.why,
                    Why::Off | Why::OutOfScope | Why::Echo | Why::ClauseFalse { .. }
                        | Why::Stopped { .. } | Why::Behind { .. }
                );
                prop_assert!(kept, "{scene:?}: {trace:?} was passed over");
                in_scope |= !matches!(trace.why, Why::Off | Why::OutOfScope);
                let why = why_passed_over(rule, &rules, &scene.event(), &state).unwrap();
                let same = match (&why, &trace.why) {
                    (Why::ClauseFalse { values, early: true, .. }, Why::ClauseFalse { .. }) => {
                        !values.is_empty()
                    }
                    (why, Why::Stopped { .. } | Why::Behind { .. }) => !why.acted(),
                    // Nobody told the type, and for what is passed over it is not looked up.
                    (why, Why::OutOfScope) if !scene.told_type => !why.acted(),
                    (one, other) => one == other,
                };
                prop_assert!(same, "{why:?}, not {:?}", trace.why);
            }
            prop_assert!(told.next().is_none(), "told by the index alone: {:?}", scene);
            let exactly = scene.told_type || in_scope;
            prop_assert!(!exactly || few.trace.passed_over == in_scope, "{scene:?}");
            few.trace = whole.trace.clone();
            prop_assert_eq!(few, whole);
        }
    }
}

#[test]
fn an_echo_that_only_rules_of_its_group_would_look_at_is_looked_at() {
    let gates: Vec<_> = (0..150).map(|number| (0, number)).collect();
    let rules = rules(&gates);
    let echo = |group| Scene { group: Some(group), by_bot: true, ..Scene::plain() };
    assert!(echo(5).decide(&rules, false).0.trace.passed_over);
    assert!(!echo(200).decide(&rules, false).0.trace.passed_over);
    let event = echo(5).event();
    let why = |rule: &str| {
        why_passed_over(rules.get(&rule.into()).unwrap(), &rules, &event, &State::default())
    };
    assert_eq!((why("r5"), why("r6")), (Some(Why::Echo), Some(Why::OutOfScope)));
}

#[test]
fn before_callbacks_ask_for_the_next_time_whatever_else_a_rule_says() {
    let text = GATES[17].replace('N', "7").replace("stop = true", "");
    let rule = |number| {
        format!(
            "[rule.r{number}]\non = \"message.sending\"\n{text}do = [{{ reject = {{ text = \"no\" }} }}]\n"
        )
    };
    let text = (0..150).map(rule).collect();
    let rules = rule::read(vec![("many.toml".to_owned(), text)], None).rules;
    assert!(rules.index(EventKind::MessageSending).is_some());
    let scene = Scene { role: None, ..Scene::plain() };
    let mut event = scene.event();
    event.cause = Cause::Kind(EventKind::MessageSending);
    let mut state = State::default();
    needs(&event, &rules).into_iter().for_each(|key| {
        let value = scene.value(&key);
        state.insert(key, value);
    });
    let decision = decide(&event, &rules, &Settings::default(), &state, NOW);
    assert_eq!((decision.effects.len(), decision.missing.len()), (1, 0), "{decision:?}");
}

#[test]
fn what_a_thousand_rules_keep_is_loaded_only_when_they_are_reached() {
    let gates: Vec<_> = (0..1_000).map(|_| (13, 0)).collect();
    let rules = rules(&gates);
    let mut scene = Scene::plain();
    let loaded = |state: &State, rules: &RuleSet| {
        let counter = |rule: &Arc<Rule>| StateKey::Counter(rule.id.clone(), "user1".to_owned());
        rules.rules().iter().filter(|rule| state.get(&counter(rule)).is_some()).count()
    };
    let (decision, state) = scene.decide(&rules, false);
    assert_eq!((decision.trace.rules.len(), loaded(&state, &rules)), (0, 0));
    scene.role = Some(Role::Admin);
    let (decision, state) = scene.decide(&rules, false);
    assert_eq!((decision.trace.rules.len(), loaded(&state, &rules)), (1_000, 1_000));
}
