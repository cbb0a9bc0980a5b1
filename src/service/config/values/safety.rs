//! `[safety]`: whom no rule touches, what is too much, what goes round in circles.

use std::time::Duration;

use super::{as_text, globs, kind_of};
use crate::decision::LoopLimit;
use crate::rule::duration;
use crate::rule::model::{Excess, Limit};
use crate::service::config::Safety;
use crate::service::config::read::{Found, Reader, Written};

/// A shorter limit would be renewed more often than it helps.
const SHORTEST: Duration = Duration::from_secs(60);

pub(super) fn safety(reader: &mut Reader<'_>) -> Safety {
    Safety {
        protected: globs(reader, "safety", "protected"),
        limit: limit(reader),
        loops: loops(reader),
        longest_mute: longest(reader, "longest_mute"),
        longest_ban: longest(reader, "longest_ban"),
    }
}

/// `limit = { actions = 600, per = "1m" }`; in the environment `600/1m`; or `off`.
fn limit(reader: &mut Reader<'_>) -> Option<Limit> {
    const EXAMPLE: &str = "limit = { actions = 600, per = \"1m\" }";
    let found = reader.find("safety", "limit", false)?;
    if is_off(&found) {
        return None;
    }
    let (number, [per], wrong) = number_and_times(&found.value, "limit", "actions", ["per"]);
    match (number, per, wrong) {
        (Some(actions), Some(per), None) => Some(Limit { actions, per, then: Excess::Hold }),
        (_, _, wrong) => {
            let message = wrong.unwrap_or_else(|| {
                "`limit` says how many actions, at least one, and in which time".to_owned()
            });
            reader.mistake(&found.origin, message, EXAMPLE.to_owned());
            None
        }
    }
}

/// `loop = { changes = 6, per = "10m", rest = "1h" }`; in the environment `6/10m/1h`; or `off`.
fn loops(reader: &mut Reader<'_>) -> Option<LoopLimit> {
    const EXAMPLE: &str = "loop = { changes = 6, per = \"10m\", rest = \"1h\" }";
    let Some(found) = reader.find("safety", "loop", false) else {
        return Some(LoopLimit::default());
    };
    if is_off(&found) {
        return None;
    }
    let (number, times, wrong) = number_and_times(&found.value, "loop", "changes", ["per", "rest"]);
    match (number.filter(|changes| *changes > 1), times, wrong) {
        (Some(changes), [Some(per), Some(rest)], None) => Some(LoopLimit { changes, per, rest }),
        (_, _, wrong) => {
            let message = wrong.unwrap_or_else(|| {
                "`loop` says how many changes back and forth, at least two, in which time, and how \
                 long the bot rests then"
                    .to_owned()
            });
            reader.mistake(&found.origin, message, EXAMPLE.to_owned());
            None
        }
    }
}

fn is_off(found: &Found) -> bool {
    matches!(&found.value, Written::Text(text) if text == "off")
}

/// A number above zero and some times, out of a table or out of a text with slashes; and what is wrong
/// with it.
fn number_and_times<const TIMES: usize>(
    value: &Written,
    of: &str,
    number_key: &str,
    time_keys: [&str; TIMES],
) -> (Option<u32>, [Option<Duration>; TIMES], Option<String>) {
    let (mut number, mut times, mut wrong) = (None, [None; TIMES], None);
    match value {
        Written::Text(text) => {
            let mut parts = text.split('/').map(str::trim);
            number = parts.next().and_then(|part| part.parse().ok());
            times = times.map(|_| parts.next().and_then(|part| duration::parse(part).ok()));
            wrong = parts.next().map(|part| format!("`{part}` is one part too many"));
        }
        Written::Table(entries) => {
            for (key, value) in entries {
                let place = time_keys.iter().position(|known| known == key);
                match (value, place) {
                    (Written::Integer(written), _) if key == number_key => {
                        number = u32::try_from(*written).ok();
                    }
                    (Written::Text(text), Some(place)) => {
                        times[place] = duration::parse(text).ok();
                    }
                    _ => wrong = Some(format!("`{key}` has no place in `{of}`, or not so")),
                }
            }
        }
        other => wrong = Some(format!("this is {}, not a table", kind_of(other))),
    }
    (number.filter(|number| *number > 0), times, wrong)
}

/// `longest_mute = "30d"`, for apps where Chat takes less than it documents; or `"off"`.
fn longest(reader: &mut Reader<'_>, key: &'static str) -> Option<Duration> {
    let found = reader.find("safety", key, false)?;
    if is_off(&found) {
        return None;
    }
    let origin = found.origin.clone();
    let written = as_text(reader, found, "a duration such as \"30d\", or \"off\"")?;
    let message = match duration::parse(&written) {
        Ok(time) if time >= SHORTEST => return Some(time),
        Ok(_) => "this is too short: a minute is the least".to_owned(),
        Err(mistake) => mistake.message,
    };
    reader.mistake(&origin, message, format!("{key} = \"30d\""));
    None
}
