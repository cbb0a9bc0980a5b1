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
        // One event gives rise to another; each has the name that its rules looked at.
        let mut named = event.name();
        for trace in &decision.trace.rules {
            let about =
                if trace.event == named { String::new() } else { format!("{}: ", trace.event) };
            sentences.push(format!("{about}`{}` {}", trace.rule, trace.why));
            named = event.name();
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
