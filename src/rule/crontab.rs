//! Five-field crontab in a time zone, on top of the `cron` crate.
//!
//! The crate wants six fields, counts weekdays from 1 = Sunday, joins both day fields with "and", and
//! at a clock change skips a day or fires twice. So the line is read here, handed to the crate as
//! plain lists, asked for civil times (as if they were UTC), and those are mapped to instants: a time
//! that does not exist runs at the next that does, one that comes twice runs at its first pass.

use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::mistake::{Code, Mistake};
use super::suggest::closest;
use crate::clock::Timestamp;

mod change;
mod field;

pub use change::ClockChange;
use field::{BAD_CRONTAB, FIELDS, Values};

const NEVER: Code = Code("R043");
const NO_ZONE: Code = Code("R044");

/// A parsed crontab line and its time zone.
#[derive(Debug)]
pub struct Crontab {
    text: String,
    timezone: Tz,
    /// Two when both day fields are given: the line fires when either does.
    schedules: Vec<cron::Schedule>,
}

impl Crontab {
    /// Reads a line of five fields (minute, hour, day of month, month, weekday; 0 and 7 are Sunday)
    /// or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`.
    ///
    /// # Errors
    ///
    /// R042 for every field that cannot be read; R043 for a line that never fires.
    pub fn parse(text: &str, timezone: Tz) -> Result<Self, Vec<Mistake>> {
        let words = words(text);
        let fields: Vec<_> = match words.as_slice() {
            [(_, nickname)] if nickname.starts_with('@') => {
                let line = line_of(nickname).ok_or_else(|| vec![no_nickname(text, nickname)])?;
                line.split(' ').map(|word| (0, word)).collect()
            }
            _ if words.len() == FIELDS.len() => words,
            _ => return Err(vec![wrong_count(text, &words)]),
        };
        let mut values = Vec::new();
        let mut mistakes = Vec::new();
        for ((start, word), field) in fields.iter().zip(&FIELDS) {
            match field.read(word) {
                Ok(read) => values.push(read),
                Err(found) => mistakes.extend(found.into_iter().map(|mistake| {
                    let range = start + mistake.range.start..start + mistake.range.end;
                    Mistake { range, ..mistake }
                })),
            }
        }
        let [minute, hour, day, month, weekday] = values.as_slice() else { return Err(mistakes) };
        let schedules = schedules(minute, hour, day, month, weekday)
            .map_err(|error| vec![whole(text, BAD_CRONTAB, error)])?;
        let crontab = Self { text: text.to_owned(), timezone, schedules };
        if crontab.next_after(Timestamp(0)).is_none() {
            let mut mistake = whole(text, NEVER, "this never fires".to_owned());
            mistake.label = "no such day exists in these months".to_owned();
            return Err(vec![mistake]);
        }
        Ok(crontab)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The zone its hours are meant in.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// The first firing after `time`; `None` when there is none any more (the crate ends with 2100).
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let start = DateTime::from_timestamp(time.secs(), 0)?.with_timezone(&self.timezone);
        let mut civil = start.naive_local();
        // Times of the first pass of an overlap lie behind `time` when it lies in the second.
        loop {
            civil = self.next_civil(civil)?;
            if let Some(instant) = instant(self.timezone, civil).filter(|found| *found > time) {
                return Some(instant);
            }
        }
    }

    /// The next `n` firings after `time`; fewer when there are no more.
    pub fn next(&self, n: usize, time: Timestamp) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(time), |last| self.next_after(*last))
            .take(n)
            .collect()
    }

    fn next_civil(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        let next = |schedule: &cron::Schedule| schedule.after::<Utc>(&after).next();
        self.schedules.iter().filter_map(next).min().map(|time| time.naive_utc())
    }
}

/// The instant of a civil time. In an overlap the first pass; in a gap the moment the gap ends.
fn instant(timezone: Tz, civil: NaiveDateTime) -> Option<Timestamp> {
    /// The longest gap there was left out a whole day (Samoa, 2011).
    const LONGEST_GAP: i64 = 25 * 60;
    (0..=LONGEST_GAP).find_map(|minutes| {
        let civil = civil.checked_add_signed(TimeDelta::minutes(minutes))?;
        match timezone.from_local_datetime(&civil) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
                Some(Timestamp::from_secs(time.timestamp()))
            }
            LocalResult::None => None,
        }
    })
}

/// The crate's form: seconds first, values as lists, weekdays by name, and one schedule for each day
/// field that is given.
fn schedules(
    minute: &Values,
    hour: &Values,
    day: &Values,
    month: &Values,
    weekday: &Values,
) -> Result<Vec<cron::Schedule>, String> {
    let line = |day: &str, weekday: &str| {
        let line = format!("0 {} {} {day} {} {weekday}", minute.list(), hour.list(), month.list());
        cron::Schedule::from_str(&line).map_err(|_| "this cannot be scheduled".to_owned())
    };
    let (days, weekdays) = (day.list(), weekday.weekday_names());
    match (day.given, weekday.given) {
        (true, true) => Ok(vec![line(&days, "*")?, line("*", &weekdays)?]),
        _ => Ok(vec![line(&days, &weekdays)?]),
    }
}

/// The words of a line and where each begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let offset = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_ascii_whitespace().map(|word| (offset(word), word)).collect()
}

fn line_of(nickname: &str) -> Option<&'static str> {
    Some(match nickname {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => return None,
    })
}

fn whole(text: &str, code: Code, message: String) -> Mistake {
    Mistake { code, range: 0..text.len(), message, label: String::new(), help: None }
}

fn no_nickname(text: &str, nickname: &str) -> Mistake {
    const NICKNAMES: [&str; 6] =
        ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly"];
    let mut mistake = whole(text, BAD_CRONTAB, format!("`{nickname}` is not a schedule"));
    mistake.label = format!("there are: {}", NICKNAMES.join(" "));
    mistake.help = if nickname == "@reboot" || nickname == "@every" {
        Some("for steady intervals write `schedule = { every = \"1h\" }`".to_owned())
    } else {
        closest(nickname, NICKNAMES).map(|known| format!("write `{known}`"))
    };
    mistake
}

fn wrong_count(text: &str, words: &[(usize, &str)]) -> Mistake {
    let names = FIELDS.map(|field| field.name).join(", ");
    let message = match words.len() {
        0 => "a schedule is missing".to_owned(),
        1 => "a schedule has five fields, this one has 1 word".to_owned(),
        count => format!("a schedule has five fields, this one has {count}"),
    };
    let mut mistake = whole(text, BAD_CRONTAB, message);
    mistake.label = format!("they are: {names}");
    let rest: Vec<_> = words.iter().skip(1).map(|(_, word)| *word).collect();
    let first = words.first().map_or("", |(_, word)| *word);
    mistake.help = match rest.len() {
        5 if first.contains("TZ=") => {
            let zone = first.rsplit('=').next().unwrap_or_default();
            Some(format!("write `cron = \"{}\", timezone = \"{zone}\"`", rest.join(" ")))
        }
        1 if first == "@every" => Some(format!("write `schedule = {{ every = \"{}\" }}`", rest[0])),
        5 => Some(format!("there are no seconds: write `{}`", rest.join(" "))),
        6 => Some(format!("there are no seconds and no years: write `{}`", rest[..5].join(" "))),
        _ => Some("write for instance `0 4 * * *` for every day at 4".to_owned()),
    };
    mistake
}

/// Reads a time zone by its IANA name, `Asia/Shanghai`.
///
/// # Errors
///
/// R044 for any other name, with the zone that was probably meant.
pub fn timezone(text: &str) -> Result<Tz, Mistake> {
    /// What people write where no zone has that name.
    const HABITS: [(&str, &str); 9] = [
        ("asia/beijing", "Asia/Shanghai"),
        ("asia/bejing", "Asia/Shanghai"),
        ("cet/cest", "Europe/Berlin"),
        ("mst", "America/Denver"),
        ("pst", "America/Los_Angeles"),
        ("z", "UTC"),
        ("beijing", "Asia/Shanghai"),
        ("china", "Asia/Shanghai"),
        ("shenzhen", "Asia/Shanghai"),
    ];
    text.parse().map_err(|_| {
        let lower = text.to_lowercase().replace(' ', "_");
        let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
        let city = |name: &&str| name.to_lowercase().rsplit('/').next() == Some(lower.as_str());
        let habit = HABITS.iter().find(|(habit, _)| *habit == lower).map(|(_, name)| *name);
        let exact = habit.or_else(|| names().find(|name| name.to_lowercase() == lower));
        let meant = exact.or_else(|| names().find(city)).or_else(|| closest(text, names()));
        let message = match text {
            "" => "a time zone is missing".to_owned(),
            _ => format!("there is no time zone `{text}`"),
        };
        let mut mistake = whole(text, NO_ZONE, message);
        mistake.label = "zones are named as in Asia/Shanghai, Europe/Berlin or UTC".to_owned();
        let is_offset = lower.contains(['+', ':']) || lower.contains("-0");
        mistake.help = match meant {
            // In China one zone, in America another: no guess is good.
            _ if lower == "cst" => {
                Some("write `Asia/Shanghai` for China or `America/Chicago` for America".to_owned())
            }
            _ if is_offset && lower.trim_end_matches(":00").ends_with('8') => {
                Some("write a city instead of the offset, for instance `Asia/Shanghai`".to_owned())
            }
            _ if is_offset => Some("write a city of the zone instead of its offset".to_owned()),
            meant => meant.map(|name| format!("write `{name}`")),
        };
        mistake
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    fn at(timezone: Tz, text: &str) -> Timestamp {
        // With an offset the text says which pass of an overlap is meant.
        let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp());
        let civil = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        Timestamp::from_secs(time.unwrap_or_else(|_| {
            timezone.from_local_datetime(&civil()).single().unwrap().timestamp()
        }))
    }

    /// The next three firings, in local time with their offset.
    fn firings(line: &str, timezone: Tz, after: &str) -> Vec<String> {
        let crontab = Crontab::parse(line, timezone).unwrap();
        let times = crontab.next(3, at(timezone, after));
        let shown = |time: &Timestamp| {
            let time = DateTime::from_timestamp(time.secs(), 0).unwrap().with_timezone(&timezone);
            time.format("%m-%d %H:%M%:z").to_string()
        };
        times.iter().map(shown).collect()
    }

    fn mistake(line: &str) -> Mistake {
        let mut mistakes = Crontab::parse(line, Tz::UTC).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes.remove(0)
    }

    #[test]
    fn the_shipped_sweep_runs_at_four_in_shanghai() {
        assert_eq!(
            firings("0 4 * * *", chrono_tz::Asia::Shanghai, "2026-11-20 12:00"),
            ["11-21 04:00+08:00", "11-22 04:00+08:00", "11-23 04:00+08:00"]
        );
    }

    #[test]
    fn a_firing_time_itself_is_not_after_itself() {
        let crontab = Crontab::parse("* * * * *", Tz::UTC).unwrap();
        assert_eq!(crontab.next_after(Timestamp(60_000)), Some(Timestamp(120_000)));
        assert_eq!(crontab.next_after(Timestamp(59_999)), Some(Timestamp(60_000)));
        assert_eq!(crontab.next_after(Timestamp(60_001)), Some(Timestamp(120_000)));
    }

    #[test]
    fn weekday_numbers_are_those_of_crontab() {
        let monday = ["11-23 09:00+00:00", "11-30 09:00+00:00", "12-07 09:00+00:00"];
        assert_eq!(firings("0 9 * * 1", Tz::UTC, "2026-11-20 00:00"), monday);
        assert_eq!(firings("0 9 * * mon", Tz::UTC, "2026-11-20 00:00"), monday);
        assert_eq!(firings("0 9 * * 0", Tz::UTC, "2026-11-20 00:00")[0], "11-22 09:00+00:00");
        assert_eq!(firings("0 9 * * 7", Tz::UTC, "2026-11-20 00:00")[0], "11-22 09:00+00:00");
        assert_eq!(
            firings("0 9 * * fri-mon", Tz::UTC, "2026-11-20 10:00"),
            ["11-21 09:00+00:00", "11-22 09:00+00:00", "11-23 09:00+00:00"]
        );
    }

    #[test]
    fn two_day_fields_fire_when_either_does() {
        assert_eq!(
            firings("0 0 13 * fri", Tz::UTC, "2026-12-08 00:00"),
            ["12-11 00:00+00:00", "12-13 00:00+00:00", "12-18 00:00+00:00"]
        );
    }

    #[test]
    fn a_time_that_does_not_exist_runs_at_the_next_that_does() {
        assert_eq!(
            firings("30 2 * * *", BERLIN, "2026-03-28 12:00"),
            ["03-29 03:00+02:00", "03-30 02:30+02:00", "03-31 02:30+02:00"]
        );
        assert_eq!(
            firings("*/20 * * * *", BERLIN, "2026-03-29 01:30"),
            ["03-29 01:40+01:00", "03-29 03:00+02:00", "03-29 03:20+02:00"]
        );
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(firings("15 2 * * *", lord_howe, "2026-10-03 12:00")[0], "10-04 02:30+11:00");
        let apia = chrono_tz::Pacific::Apia;
        assert_eq!(firings("0 6 30 * *", apia, "2011-12-29 12:00")[0], "12-31 00:00+14:00");
    }

    #[test]
    fn a_time_that_comes_twice_runs_once() {
        assert_eq!(
            firings("30 2 * * *", BERLIN, "2026-10-24 12:00"),
            ["10-25 02:30+02:00", "10-26 02:30+01:00", "10-27 02:30+01:00"]
        );
        let second_pass = "2026-10-25T02:15:00+01:00";
        assert_eq!(firings("30 2 * * *", BERLIN, second_pass)[0], "10-26 02:30+01:00");
        let new_york = chrono_tz::America::New_York;
        assert_eq!(
            firings("30 1 * * *", new_york, "2026-11-01 00:00")[..2],
            ["11-01 01:30-04:00", "11-02 01:30-05:00"]
        );
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(
            firings("45 1 * * *", lord_howe, "2026-04-05 00:00")[..2],
            ["04-05 01:45+11:00", "04-06 01:45+10:30"]
        );
    }

    #[test]
    fn nicknames_are_lines() {
        assert_eq!(firings("@hourly", Tz::UTC, "2026-11-20 00:30")[0], "11-20 01:00+00:00");
        assert_eq!(firings("@daily", Tz::UTC, "2026-11-20 00:30")[0], "11-21 00:00+00:00");
        assert_eq!(firings("@weekly", Tz::UTC, "2026-11-20 00:30")[0], "11-22 00:00+00:00");
        assert_eq!(firings("@monthly", Tz::UTC, "2026-11-20 00:30")[0], "12-01 00:00+00:00");
        assert_eq!(firings("@yearly", Tz::UTC, "2026-11-20 00:30")[0], "01-01 00:00+00:00");
        assert_eq!(mistake("@dayly").help.unwrap(), "write `@daily`");
        assert!(mistake("@reboot").help.unwrap().contains("every"));
    }

    #[test]
    fn every_bad_field_is_marked_where_it_stands() {
        let mistakes = Crontab::parse("60 4  * * mond", Tz::UTC).unwrap_err();
        let told: Vec<_> = mistakes.iter().map(|m| (m.range.clone(), m.message.as_str())).collect();
        assert_eq!(told, [(0..2, "there is no minute 60"), (10..14, "`mond` is not a weekday")]);
        assert_eq!(mistakes[1].help.as_deref(), Some("write `mon`"));
    }

    #[test]
    fn a_line_of_another_length_is_told_its_fields() {
        let found = mistake("0 0 4 * * *");
        assert_eq!(found.message, "a schedule has five fields, this one has 6");
        assert_eq!(found.label, "they are: minute, hour, day of month, month, weekday");
        assert_eq!(found.help.unwrap(), "there are no seconds: write `0 4 * * *`");
        assert_eq!(mistake("").message, "a schedule is missing");
        assert_eq!(mistake("4:00").message, "a schedule has five fields, this one has 1 word");
    }

    #[test]
    fn a_line_that_never_fires_is_a_mistake() {
        assert_eq!(mistake("0 0 30 2 *").code, NEVER);
        assert_eq!(mistake("0 0 31 2,4,6,9,11 *").message, "this never fires");
        assert!(Crontab::parse("0 0 29 2 *", Tz::UTC).is_ok());
        assert!(Crontab::parse("0 0 30 2 mon", Tz::UTC).is_ok());
    }

    #[test]
    fn an_unknown_zone_is_led_to_the_one_that_was_meant() {
        let help = |text: &str| {
            let mistake = timezone(text).unwrap_err();
            assert_eq!((mistake.code, mistake.range), (NO_ZONE, 0..text.len()));
            mistake.help
        };
        assert_eq!(timezone("Asia/Shanghai").unwrap(), chrono_tz::Asia::Shanghai);
        assert_eq!(help("Asia/Shangai").unwrap(), "write `Asia/Shanghai`");
        assert_eq!(help("asia/shanghai").unwrap(), "write `Asia/Shanghai`");
        assert_eq!(help("Berlin").unwrap(), "write `Europe/Berlin`");
        assert_eq!(help("Beijing").unwrap(), "write `Asia/Shanghai`");
        assert_eq!(help("UTC+2").unwrap(), "write a city of the zone instead of its offset");
        let shanghai = "write a city instead of the offset, for instance `Asia/Shanghai`";
        assert_eq!(help("UTC+8").unwrap(), shanghai);
        assert_eq!(help("+08:00").unwrap(), shanghai);
        assert_eq!(help("pst").unwrap(), "write `America/Los_Angeles`");
        assert!(help("CST").unwrap().contains("America/Chicago"));
        assert_eq!(help("Mordor"), None);
    }

    /// A field without ranges that wrap, which the oracle does not know.
    fn field(first: u32, last: u32) -> impl Strategy<Value = String> {
        let value = first..=last;
        let range =
            (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
        let list = proptest::collection::vec(first..=last, 1..4);
        prop_oneof![
            4 => Just("*".to_owned()),
            2 => value.prop_map(|value| value.to_string()),
            1 => range.clone(),
            1 => (range, 1_u32..=5).prop_map(|(range, step)| format!("{range}/{step}")),
            1 => (2..=last / 2).prop_map(|step| format!("*/{step}")),
            1 => list.prop_map(|list| list.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        ]
    }

    fn oracle(line: &str, timezone: Tz, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let cron = croner::Cron::from_str(line).unwrap();
        let start = DateTime::from_timestamp(after.secs(), 0).unwrap().with_timezone(&timezone);
        let found = cron.iter_after(start).take(count);
        found.map(|time| Timestamp::from_secs(time.timestamp())).collect()
    }

    proptest! {
        #[test]
        fn any_line_fires_when_another_implementation_says(
            line in (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7))
                .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}")),
            seconds in 1_700_000_000_i64..1_900_000_000,
        ) {
            let after = Timestamp::from_secs(seconds);
            let crontab = Crontab::parse(&line, Tz::UTC).unwrap();
            prop_assert_eq!(crontab.next(5, after), oracle(&line, Tz::UTC, after, 5), "{}", line);
        }

        #[test]
        fn a_daily_time_goes_over_clock_changes_as_another_implementation_says(
            minute in 0_u32..60,
            hour in 0_u32..24,
            (timezone, change) in proptest::sample::select(vec![
                (BERLIN, "2026-03-29T00:00:00Z"),
                (BERLIN, "2026-10-25T00:00:00Z"),
                (chrono_tz::America::New_York, "2026-03-08T06:00:00Z"),
                (chrono_tz::America::New_York, "2026-11-01T05:00:00Z"),
                (chrono_tz::Australia::Lord_Howe, "2026-10-03T15:00:00Z"),
                (chrono_tz::Australia::Lord_Howe, "2026-04-04T15:00:00Z"),
            ]),
            shift in -86_400_i64..86_400,
        ) {
            let line = format!("{minute} {hour} * * *");
            let after = Timestamp(at(timezone, change).0 + shift * 1000);
            let crontab = Crontab::parse(&line, timezone).unwrap();
            prop_assert_eq!(crontab.next(4, after), oracle(&line, timezone, after, 4), "{} {:?}", line, after);
        }

        #[test]
        fn firings_ascend_strictly_in_every_zone(
            line in (field(0, 59), field(0, 23)).prop_map(|(a, b)| format!("{a} {b} * * *")),
            seconds in 0_i64..4_000_000_000,
            zone in 0..TZ_VARIANTS.len(),
        ) {
            let crontab = Crontab::parse(&line, TZ_VARIANTS[zone]).unwrap();
            let after = Timestamp::from_secs(seconds);
            let times = crontab.next(50, after);
            prop_assert_eq!(times.len(), 50);
            prop_assert!(times[0] > after && times.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
