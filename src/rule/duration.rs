//! Durations as rules write them: `10s`, `5m`, `2h`, `7d`, `1h30m`.

use std::time::Duration;

use super::mistake::{Code, Mistake};

const BAD_DURATION: Code = Code("R040");

/// Longest first, as they are written.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// What people write for them.
const LONG_UNITS: [(&str, &str); 13] = [
    ("day", "d"),
    ("days", "d"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("sec", "s"),
    ("secs", "s"),
    ("seconds", "s"),
];

/// Ten years: longer is a slip of the finger, and sums of times stay far from overflowing.
const LONGEST: u64 = 3_650 * 86_400;

/// Reads a duration: whole numbers with the units `d`, `h`, `m`, `s`, each once and the longest first.
///
/// # Errors
///
/// R040 for anything else, for zero and for more than ten years (3650 days).
pub fn parse(text: &str) -> Result<Duration, Mistake> {
    let mut seconds = 0_u64;
    let mut rest = text;
    let mut units = UNITS.iter();
    if text.is_empty() {
        return Err(bad(text, "a duration is missing", "is empty", None));
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let word = &tail[..tail.len() - tail.trim_start_matches(char::is_alphabetic).len()];
        if tail.is_empty() {
            let help = match text.trim_start_matches('0') {
                "" => None,
                _ => Some(format!("write `{text}s` for seconds or `{text}m` for minutes")),
            };
            return Err(bad(text, NOT_A_DURATION, "the unit is missing", help));
        }
        let Some((_, factor)) = units.find(|(name, _)| *name == word) else {
            return Err(no_unit(text, number, word));
        };
        let Ok(number) = number.parse::<u64>() else {
            return Err(bad(text, NOT_A_DURATION, "a whole number is missing", example()));
        };
        seconds = number
            .checked_mul(*factor)
            .and_then(|product| seconds.checked_add(product))
            .filter(|seconds| *seconds <= LONGEST)
            .ok_or_else(|| bad(text, "this duration is longer than ten years", "", None))?;
        rest = &tail[word.len()..];
    }
    if seconds == 0 {
        return Err(bad(text, "a duration cannot be zero", "", None));
    }
    Ok(Duration::from_secs(seconds))
}

const NOT_A_DURATION: &str = "this is not a duration";

/// The unit does not exist, or comes twice, or in the wrong order.
fn no_unit(text: &str, number: &str, word: &str) -> Mistake {
    if text.trim_start().starts_with('-') {
        let help = meant(&text.replacen('-', "", 1)).map(|meant| format!("write `{meant}`"));
        return bad(text, "a duration is never negative", "", help.or_else(example));
    }
    if !number.is_empty() && UNITS.iter().any(|(name, _)| *name == word) {
        let label = "each unit once, the longest first: d h m s";
        return bad(text, NOT_A_DURATION, label, example());
    }
    let help = match word.to_lowercase().as_str() {
        "ms" | "millis" | "milliseconds" => Some("whole seconds are the finest unit".to_owned()),
        "mo" | "month" | "months" => Some("write a month as `30d`".to_owned()),
        "w" | "week" | "weeks" => {
            number.parse::<u64>().ok().map(|n| format!("write `{}d`", n.saturating_mul(7)))
        }
        _ => meant(text).map(|meant| format!("write `{meant}`")).or_else(example),
    };
    bad(text, NOT_A_DURATION, "the units are d h m s, without spaces", help)
}

/// Numbers and units of other notations: `10 minutes`, `1.5h`, `1h 30m`, `PT5M`.
fn meant(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let iso = lower.strip_prefix("pt").unwrap_or(&lower);
    let mut rest = iso.trim_start();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (value, tail) = rest.split_at(number);
        let tail = tail.trim_start();
        let unit = tail.len() - tail.trim_start_matches(char::is_alphabetic).len();
        let (word, tail) = tail.split_at(unit);
        let short =
            LONG_UNITS.iter().find(|(long, _)| *long == word).map_or(word, |(_, unit)| unit);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == short)?;
        seconds += value.parse::<f64>().ok()? * (*factor as f64);
        rest = tail.trim_start_matches([' ', ',']);
    }
    let whole = seconds.round();
    let fits = whole >= 1.0 && whole <= LONGEST as f64 && (whole - seconds).abs() < 1e-9;
    fits.then(|| format(Duration::from_secs(whole as u64)))
}

fn example() -> Option<String> {
    Some("write for instance `10s`, `5m`, `2h`, `7d` or `1h30m`".to_owned())
}

fn bad(text: &str, message: &str, label: &str, help: Option<String>) -> Mistake {
    Mistake {
        code: BAD_DURATION,
        range: 0..text.len(),
        message: message.to_owned(),
        label: label.to_owned(),
        help,
    }
}

/// Writes a duration the way rules do, in whole seconds: `1h30m`; zero is `0s`.
pub fn format(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut text = String::new();
    for (unit, factor) in UNITS {
        if seconds >= factor {
            text.push_str(&format!("{}{unit}", seconds / factor));
            seconds %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> u64 {
        parse(text).unwrap().as_secs()
    }

    fn complaint(text: &str) -> (String, Option<String>) {
        let mistake = parse(text).unwrap_err();
        assert_eq!((mistake.code, mistake.range), (BAD_DURATION, 0..text.len()));
        (format!("{}; {}", mistake.message, mistake.label), mistake.help)
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(seconds("10s"), 10);
        assert_eq!(seconds("5m"), 300);
        assert_eq!(seconds("2h"), 7_200);
        assert_eq!(seconds("7d"), 604_800);
        assert_eq!(seconds("1h30m"), 5_400);
        assert_eq!(seconds("1d2h3m4s"), 93_784);
        assert_eq!(seconds("90m"), 5_400);
    }

    #[test]
    fn a_number_without_a_unit_is_asked_for_one() {
        let (said, help) = complaint("10");
        assert_eq!(said, "this is not a duration; the unit is missing");
        assert_eq!(help.unwrap(), "write `10s` for seconds or `10m` for minutes");
    }

    #[test]
    fn units_in_words_are_translated() {
        assert_eq!(complaint("5 min").1.unwrap(), "write `5m`");
        assert_eq!(complaint("5min").1.unwrap(), "write `5m`");
        assert_eq!(
            complaint("5min").0,
            "this is not a duration; the units are d h m s, without spaces"
        );
        assert_eq!(complaint("2weeks").1.unwrap(), "write `14d`");
        assert_eq!(complaint("3H").1.unwrap(), "write `3h`");
    }

    #[test]
    fn other_notations_are_translated() {
        let meant = |text: &str| complaint(text).1.unwrap();
        assert_eq!(meant("10 s"), "write `10s`");
        assert_eq!(meant("1h 30m"), "write `1h30m`");
        assert_eq!(meant("1.5h"), "write `1h30m`");
        assert_eq!(meant("1 hour, 5 minutes"), "write `1h5m`");
        assert_eq!(meant("PT5M"), "write `5m`");
        assert_eq!(meant("1:30"), example().unwrap());
        assert_eq!(meant("five minutes"), example().unwrap());
    }

    #[test]
    fn units_out_of_order_or_twice_are_refused() {
        let said = "this is not a duration; each unit once, the longest first: d h m s";
        assert_eq!(complaint("30m1h").0, said);
        assert_eq!(complaint("1h1h").0, said);
    }

    #[test]
    fn nothing_zero_negative_and_endless_durations_are_refused() {
        assert_eq!(complaint("").0, "a duration is missing; is empty");
        assert_eq!(complaint("0s").0, "a duration cannot be zero; ");
        assert_eq!(complaint("3651d").0, "this duration is longer than ten years; ");
        assert_eq!(
            complaint("99999999999999999999d").0,
            "this is not a duration; a whole number is missing"
        );
        assert_eq!(complaint("-5m").1.unwrap(), "write `5m`");
        assert_eq!(complaint("0").1, None);
        assert!(parse("1.5h").is_err());
        assert!(parse(" 5m").is_err());
        assert!(parse("五m").is_err());
    }

    #[test]
    fn durations_are_shown_in_the_longest_units() {
        assert_eq!(format(Duration::from_secs(5_400)), "1h30m");
        assert_eq!(format(Duration::from_secs(86_400)), "1d");
        assert_eq!(format(Duration::ZERO), "0s");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 1..=LONGEST) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&format(duration)).unwrap(), duration);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
