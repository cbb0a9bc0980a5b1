//! What the rules made of the events, for whoever asks why a test failed.

use std::fmt::Write;

use crate::clock::Timestamp;
use crate::decision::{Decision, Event};

/// Of a long story, the end is told: so many events.
const MOST_EVENTS: usize = 25;

/// Every sentence of every trace: what `because` is looked for in.
pub(in crate::authoring) fn sentences(
    decided: &[(Event, Decision)],
) -> impl Iterator<Item = String> {
    decided.iter().flat_map(|(_, decision)| {
        let rules =
            decision.trace.rules.iter().map(|trace| format!("`{}` {}", trace.rule, trace.why));
        rules.chain(decision.trace.notes.iter().cloned())
    })
}

/// Events in a row of which the same is to be told.
struct Episode {
    first: Timestamp,
    last: Timestamp,
    times: usize,
    what: String,
    sentences: Vec<String>,
}

/// What every rule made of every event, shortly: equal events in a row are told once.
pub(in crate::authoring) fn story(decided: &[(Event, Decision)]) -> String {
    let mut episodes: Vec<Episode> = Vec::new();
    for (event, decision) in decided {
        let mut sentences: Vec<String> = Vec::new();
        for trace in &decision.trace.rules {
            // One event gives rise to another: `owner.left` stands in the trace of `member.left`.
            let derived = trace.event != event.name();
            let about = if derived { format!("{}: ", trace.event) } else { String::new() };
            sentences.push(format!("{about}`{}` {}", trace.rule, trace.why));
        }
        sentences.extend(decision.trace.notes.iter().cloned());
        if sentences.is_empty() {
            continue;
        }
        let what = subject(event);
        match episodes.last_mut() {
            Some(last) if last.what == what && last.sentences == sentences => {
                last.times += 1;
                last.last = event.time;
            }
            _ => episodes.push(Episode {
                first: event.time,
                last: event.time,
                times: 1,
                what,
                sentences,
            }),
        }
    }
    tell(&episodes)
}

fn tell(episodes: &[Episode]) -> String {
    if episodes.is_empty() {
        return "   no rule looked at anything".to_owned();
    }
    let mut text = String::new();
    let left_out = episodes.len().saturating_sub(MOST_EVENTS);
    if left_out > 0 {
        let _ = writeln!(text, "   ({left_out} earlier events are not shown)");
    }
    for episode in &episodes[left_out..] {
        let _ = write!(text, "   {} {}", episode.first, episode.what);
        let _ = match (episode.times, episode.first == episode.last) {
            (1, _) => Ok(()),
            (times, true) => write!(text, ", {times} times"),
            (times, false) => write!(text, ", {times} times until {}", episode.last),
        };
        text.push('\n');
        for sentence in &episode.sentences {
            let _ = writeln!(text, "      {sentence}");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// `message.sent (ann) in @TGS#1`.
fn subject(event: &Event) -> String {
    let mut text = event.name().to_owned();
    if let Some(member) = &event.member {
        let _ = write!(text, " ({member})");
    }
    if let Some(group) = &event.group {
        let _ = write!(text, " in {group}");
    } else if let Some(room) = &event.room {
        let _ = write!(text, " in room {}", room.id);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::event::Cause;
    use crate::decision::{EventId, RuleTrace, Why};
    use crate::rule::EventKind;

    fn decided(second: i64, member: &str, why: Why) -> (Event, Decision) {
        let id = EventId::of(&[&second.to_be_bytes()]);
        let cause = Cause::Kind(EventKind::MessageSent);
        let time = Timestamp::from_secs(second);
        let event = Event { member: Some(member.into()), ..Event::new(id, cause, time, "") };
        let mut decision = Decision::default();
        let event_name = event.name().to_owned();
        decision.trace.rules.push(RuleTrace { rule: "a".into(), event: event_name.into(), why });
        (event, decision)
    }

    #[test]
    fn equal_events_in_a_row_are_told_once_and_events_without_a_rule_not_at_all() {
        let mut all = vec![decided(0, "ann", Why::Off), decided(5, "ann", Why::Off)];
        let (event, _) = decided(6, "ann", Why::Off);
        all.push((event, Decision::default()));
        all.push(decided(7, "ben", Why::ActedOnce));
        assert_eq!(
            story(&all),
            "   1970-01-01T00:00:00Z message.sent (ann), 2 times until 1970-01-01T00:00:05Z\n      \
             `a` is switched off\n   1970-01-01T00:00:07Z message.sent (ben)\n      \
             `a` has acted once already (`once`)"
        );
        assert_eq!(story(&[]), "   no rule looked at anything");
    }

    #[test]
    fn of_a_long_story_the_end_is_told() {
        let names = ["ann", "ben"];
        let all: Vec<_> = (0..60).map(|n| decided(n, names[n as usize % 2], Why::Off)).collect();
        let told = story(&all);
        assert!(told.starts_with("   (35 earlier events are not shown)\n"), "{told}");
        assert!(told.contains("00:00:59Z") && !told.contains("00:00:34Z"), "{told}");
    }
}
