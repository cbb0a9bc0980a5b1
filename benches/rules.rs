//! What rules cost: loading and checking a directory, and deciding one event.
//!
//! `cargo bench --bench rules`. Beside each time stands the limit: a thousand closures in Rust that make
//! the same comparisons. Machines differ and are noisy: read the ratio, and whether 1,000 rules stay
//! below a millisecond.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use groupkeeper::authoring;
use groupkeeper::chat::{GroupType, Message, Role};
use groupkeeper::clock::Timestamp;
use groupkeeper::decision::event::{Cause, Event};
use groupkeeper::decision::state::{GroupRecord, MemberRecord, Owner};
use groupkeeper::decision::{EventId, Settings, State, StateKey, StateValue, decide, needs};
use groupkeeper::rule::{self, EventKind, RuleSet};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// How long each line of the table is measured.
const TIME: Duration = Duration::from_millis(400);

/// The comparison of one rule, in Rust.
type Matches = Box<dyn Fn(&Event) -> bool>;

/// A rule that comes as far as its condition, and the same comparison in Rust.
struct Mix {
    name: &'static str,
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

fn prefix(number: usize) -> String {
    format!("when = 'member.id.startsWith(\"lit_{number}\")'\n")
}

fn prefix_in_rust(number: usize) -> Matches {
    let prefix = format!("lit_{number}");
    Box::new(move |event| member_of(event).starts_with(&prefix))
}

fn groups(number: usize) -> String {
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
fn mixed(number: usize) -> String {
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
const MIXES: &[Mix] = &[
    Mix { name: "member.id.startsWith", rule: prefix, limit: prefix_in_rust },
    Mix { name: "in other groups", rule: groups, limit: groups_in_rust },
    Mix { name: "message.text.contains", rule: words, limit: words_in_rust },
    Mix { name: "complicated", rule: complicated, limit: complicated_in_rust },
    Mix { name: "as operators write", rule: mixed, limit: mixed_in_rust },
];

fn rule_text(number: usize, what: &str) -> String {
    format!(
        "[rule.r{number}]\non = \"message.sent\"\n{what}\
         do = [{{ mute = {{ for = [\"5m\", \"1h\"], reason = \"no {{member.id}}\" }} }}]\n\n"
    )
}

fn rules(count: usize, what: fn(usize) -> String) -> RuleSet {
    let text = (0..count).map(|number| rule_text(number, &what(number))).collect();
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

/// Microseconds of one run, the least of many.
fn least(mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut least = Duration::MAX;
    while begin.elapsed() < TIME {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed());
    }
    least.as_secs_f64() * 1e6
}

fn decided(rules: &RuleSet) -> f64 {
    let (event, settings) = (event(), Settings::default());
    let group = GroupRecord {
        group_type: Some(GroupType::Public),
        owner: Owner::Is("olga".into()),
        ..GroupRecord::default()
    };
    let member = MemberRecord { role: Some(Role::Member), ..MemberRecord::default() };
    least(|| {
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

fn deciding() {
    println!("one event, needs + decide, µs of CPU");
    println!("{:<24} {:>10} {:>10} {:>10} {:>8}", "", "limit", "10 rules", "1000", "ratio");
    for mix in MIXES {
        let closures: Vec<_> = (0..1_000).map(mix.limit).collect();
        let event = event();
        let limit = least(|| {
            let event = black_box(&event);
            black_box(closures.iter().filter(|matches| matches(event)).count());
        });
        let (ten, thousand) = (decided(&rules(10, mix.rule)), decided(&rules(1_000, mix.rule)));
        let ratio = thousand / limit;
        println!("{:<24} {limit:>10.1} {ten:>10.1} {thousand:>10.1} {ratio:>8.1}", mix.name);
    }
}

fn loading() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..500 {
        let mut text = String::new();
        for number in file * 10..file * 10 + 10 {
            write!(text, "{}", rule_text(number, &mixed(number))).unwrap();
        }
        fs::write(folder.path().join(format!("rules{file}.toml")), text).unwrap();
    }
    let mut times: Vec<_> = (0..3)
        .map(|_| {
            let begin = Instant::now();
            let checked = authoring::check(folder.path(), None).unwrap();
            let time = begin.elapsed();
            assert!(checked.is_good(), "{}", checked.diagnostics[0].render(false));
            assert_eq!(checked.rules.rules().len(), 5_000);
            time
        })
        .collect();
    times.sort();
    println!("loading and checking 5000 rules in 500 files: {:.2} s", times[1].as_secs_f64());
}

fn main() {
    loading();
    deciding();
}
