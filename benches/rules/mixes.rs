//! Rules as operators write them, and the same comparisons in Rust: what deciding one event costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use groupkeeper::chat::{GroupType, Message, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::event::{Cause, Event};
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner};
use groupkeeper::decision::{EventId, Settings, State, StateKey, StateValue, decide, needs};
use groupkeeper::rule::{self, EventKind, RuleSet};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The comparison of one rule, in Rust.
type Matches = Box<dyn Fn(&Event) -> bool>;

/// A rule that comes as far as its condition, and the same comparison in Rust.
pub struct Mix {
    pub name: &'static str,
    rule: fn(usize) -> String,
    limit: fn(usize) -> Matches,
}

fn text_of(event: &Event) -> &str {
    event.message.as_ref().map_or("", |message| &message.text)
}

fn member_of(event: &Event) -> &str {
    event.member.as_ref().map_or("", |member| member.as_str())
}

fn group_of(event: &Event) -> &str {
    event.group.as_ref().map_or("", |group| group.as_str())
}

pub fn prefix(number: usize) -> String {
    format!("when = 'member.id.startsWith(\"lit_{number}\")'\n")
}

fn prefix_in_rust(number: usize) -> Matches {
    let prefix = format!("lit_{number}");
    Box::new(move |event| member_of(event).starts_with(&prefix))
}

pub fn groups(number: usize) -> String {
    format!("in = {{ groups = [\"@TGS#other_{number}_*\"] }}\n")
}

fn groups_in_rust(number: usize) -> Matches {
    let prefix = format!("@TGS#other_{number}_");
    Box::new(move |event| group_of(event).starts_with(&prefix))
}

fn words(number: usize) -> String {
    format!("when = 'message.text.contains(\"word{number}\")'\n")
}

fn words_in_rust(number: usize) -> Matches {
    let word = format!("word{number}");
    Box::new(move |event| text_of(event).contains(&word))
}

fn complicated(number: usize) -> String {
    format!(
        "when = '(message.types.exists(t, t == \"TIMImageElem\") || message.text.size() > {}) && \
         member.role != \"owner\" && message.text.lowerAscii().contains(\"word{number}\")'\n",
        number + 3
    )
}

fn complicated_in_rust(number: usize) -> Matches {
    let word = format!("word{number}");
    Box::new(move |event| {
        let image = event
            .message
            .as_ref()
            .is_some_and(|message| message.types.iter().any(|kind| kind == "TIMImageElem"));
        (image || text_of(event).chars().count() > number + 3)
            && member_of(event) != "owner"
            && text_of(event).to_ascii_lowercase().contains(&word)
    })
}

/// As operators write: mostly scopes and words, some patterns and counters, now and then logic.
pub fn mixed(number: usize) -> String {
    match number % 10 {
        0..3 => groups(number),
        3..5 => words(number),
        5 | 6 => prefix(number),
        7 => format!("when = 'message.text.matches(\"(?i)w.rd{number}\")'\n"),
        8 => format!(
            "when = 'member.role == \"admin\" && group.type in [\"Public\", \"Meeting\"]'\n\
             count = {{ each = [\"group\", \"member\"], within = \"10s\", more_than = {} }}\n",
            number % 7 + 3
        ),
        _ => complicated(number),
    }
}

fn mixed_in_rust(number: usize) -> Matches {
    match number % 10 {
        0..3 => groups_in_rust(number),
        3..5 | 7 | 8 => words_in_rust(number),
        5 | 6 => prefix_in_rust(number),
        _ => complicated_in_rust(number),
    }
}

#[rustfmt::skip]
pub const MIXES: &[Mix] = &[
    Mix { name: "member.id.startsWith", rule: prefix, limit: prefix_in_rust },
    Mix { name: "in other groups", rule: groups, limit: groups_in_rust },
    Mix { name: "message.text.contains", rule: words, limit: words_in_rust },
    Mix { name: "complicated", rule: complicated, limit: complicated_in_rust },
    Mix { name: "as operators write", rule: mixed, limit: mixed_in_rust },
];

pub fn rule_text(on: &str, number: usize, what: &str) -> String {
    format!(
        "[rule.r{number}]\non = \"{on}\"\n{what}\
         do = [{{ mute = {{ for = [\"5m\", \"1h\"], reason = \"no {{member.id}}\" }} }}]\n\n"
    )
}

pub fn rules(count: usize, what: fn(usize) -> String) -> RuleSet {
    let text = (0..count).map(|number| rule_text("message.sent", number, &what(number))).collect();
    let reading = rule::read(vec![("rules.toml".to_owned(), text)], None);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.rules
}

/// Somebody says something that no rule minds.
fn event() -> Event {
    let cause = Cause::Kind(EventKind::MessageSent);
    let mut event = Event::new(EventId::of(&[b"bench"]), cause, NOW, "Group.CallbackAfterSendMsg");
    event.group = Some("@TGS#cats".into());
    event.group_type = Some(GroupType::Public);
    event.member = Some("ann".into());
    event.message = Some(Message {
        text: "Shall we meet at noon, where the old bridge was?".to_owned(),
        types: vec!["TIMTextElem".to_owned()],
        ..Message::default()
    });
    event
}

/// Microseconds of one run, the least of as many as the time allows.
fn least(time: Duration, mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut least = Duration::MAX;
    while begin.elapsed() < time {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed());
    }
    least.as_secs_f64() * 1e6
}

fn decided(rules: &RuleSet, time: Duration) -> f64 {
    let (event, settings) = (event(), Settings::default());
    let group = GroupRecord {
        group_type: Some(GroupType::Public),
        owner: Owner::Is("olga".into()),
        ..GroupRecord::default()
    };
    let member = MemberRecord { role: Some(Role::Member), ..MemberRecord::default() };
    least(time, || {
        let event = black_box(&event);
        let mut state = State::default();
        for key in needs(event, rules) {
            let value = match key {
                StateKey::Group(_) => Some(StateValue::Group(group.clone())),
                StateKey::Member(..) => Some(StateValue::Member(member.clone())),
                _ => None,
            };
            state.insert(key, value);
        }
        let decision = decide(event, rules, &settings, &state, NOW);
        assert!(decision.effects.is_empty() && decision.missing.is_empty());
        black_box(decision);
    })
}

/// What one event costs, microseconds.
pub struct Cost {
    /// A thousand closures.
    pub closures: f64,
    /// Ten rules.
    pub ten: f64,
    /// A thousand rules.
    pub thousand: f64,
}

impl Mix {
    /// Each of the three is measured for this long.
    pub fn measure(&self, time: Duration) -> Cost {
        let closures: Vec<_> = (0..1_000).map(self.limit).collect();
        let event = event();
        let closures = least(time, || {
            let event = black_box(&event);
            black_box(closures.iter().filter(|matches| matches(event)).count());
        });
        let of = |count| decided(&rules(count, self.rule), time);
        Cost { closures, ten: of(10), thousand: of(1_000) }
    }
}
