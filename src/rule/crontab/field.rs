//! One field of a crontab line: lists, ranges, steps and names, read into the values they mean.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::rule::mistake::{Code, Mistake};
use crate::rule::suggest::closest;

pub const BAD_CRONTAB: Code = Code("R042");

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    first: u32,
    last: u32,
    /// For `first` and those after it.
    names: &'static [&'static str],
}

/// In the order of a line. Seven is a second name of Sunday, 0.
pub const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, names: &[] },
    Field { name: "hour", first: 0, last: 23, names: &[] },
    Field { name: "day of month", first: 1, last: 31, names: &[] },
    Field { name: "month", first: 1, last: 12, names: MONTHS },
    Field { name: "weekday", first: 0, last: 7, names: WEEKDAYS },
];

/// The values that a field means.
#[derive(Debug, PartialEq, Eq)]
pub struct Values {
    values: BTreeSet<u32>,
    /// Anything but `*` was written.
    pub given: bool,
}

impl Values {
    /// As the `cron` crate reads them.
    pub fn list(&self) -> String {
        let all = |value: &u32| value.to_string();
        if self.given { join(self.values.iter().map(all)) } else { "*".to_owned() }
    }

    /// Weekdays by name, because the crate counts them differently.
    pub fn weekday_names(&self) -> String {
        let name = |value: &u32| WEEKDAYS.get(*value as usize).copied().unwrap_or("sun").to_owned();
        if self.given { join(self.values.iter().map(name)) } else { "*".to_owned() }
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(",")
}

impl Field {
    /// Reads a field; places in mistakes count from its beginning.
    pub fn read(&self, word: &str) -> Result<Values, Vec<Mistake>> {
        let mut values = BTreeSet::new();
        let mut mistakes = Vec::new();
        let mut start = 0;
        for item in word.split(',') {
            let range = start..start + item.len();
            start = range.end + 1;
            match self.item(item) {
                Ok(found) => values.extend(found),
                Err((message, help)) => mistakes.push(self.mistake(range, message, help)),
            }
        }
        if mistakes.is_empty() { Ok(Values { values, given: word != "*" }) } else { Err(mistakes) }
    }

    fn mistake(&self, range: Range<usize>, message: String, help: Option<String>) -> Mistake {
        let names = match self.names {
            [first, .., last] => format!(" or {first}-{last}"),
            _ => String::new(),
        };
        let label = format!("allowed: {}-{}{names}", self.first, self.last);
        Mistake { code: BAD_CRONTAB, range, message, label, help }
    }

    /// One item of a list: `*`, `5`, `1-5`, `*/10`, `1-20/5`; ranges may wrap, `fri-mon`.
    fn item(&self, item: &str) -> Result<Vec<u32>, (String, Option<String>)> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(self.step(item, step)?)),
            None => (item, None),
        };
        // `*` of weekdays is not eight days.
        let end = if self.last == 7 { 6 } else { self.last };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => (self.first, end),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None => {
                let value = self.value(span)?;
                if step.is_some() {
                    let message = format!("`{item}` has a step but no range");
                    return Err((
                        message,
                        Some(format!("write `{span}-{end}/{}`", step.unwrap_or(1))),
                    ));
                }
                (value, value)
            }
        };
        let wrapped = if from <= to {
            (from..=to).collect::<Vec<_>>()
        } else {
            (from..=end.max(from)).chain(self.first..=to).collect()
        };
        let sunday = |value: u32| if self.last == 7 { value % 7 } else { value };
        Ok(wrapped.into_iter().step_by(step.unwrap_or(1)).map(sunday).collect())
    }

    fn step(&self, item: &str, step: &str) -> Result<usize, (String, Option<String>)> {
        let count = (self.last - self.first + 1) as usize;
        match step.parse::<usize>() {
            Ok(0) => {
                let help = format!("write `*` for every {}", self.name);
                Err((format!("`{item}` has a step of zero"), Some(help)))
            }
            Ok(number) if number >= count => {
                let message = format!("`{item}` has a step beyond the last {}", self.name);
                let help = "for steady intervals write `schedule = { every = \"90m\" }`";
                Err((message, Some(help.to_owned())))
            }
            Ok(number) => Ok(number),
            Err(_) => Err((format!("the step of `{item}` is not a number"), None)),
        }
    }

    fn value(&self, word: &str) -> Result<u32, (String, Option<String>)> {
        let lower = word.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.first + u32::try_from(index).unwrap_or(0));
        }
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = word.parse::<u32>().ok();
            let inside = number.filter(|number| (self.first..=self.last).contains(number));
            let over = matches!((self.name, number), ("hour", Some(24)) | ("minute", Some(60)));
            let help = over.then(|| "write `0`".to_owned());
            return inside.ok_or_else(|| (format!("there is no {} {word}", self.name), help));
        }
        let help = match word {
            "" => None,
            "?" => Some("`?` is Quartz's; write `*`".to_owned()),
            "L" | "l" => Some("a last day of the month does not exist in crontab".to_owned()),
            _ if word.contains(['#', 'W', '@']) => {
                Some("crontab has numbers, names, `*`, `,`, `-` and `/`".to_owned())
            }
            _ => {
                let long = |name: &&&str| lower.starts_with(**name);
                let name = self.names.iter().find(long).copied();
                let name = name.or_else(|| closest(word, self.names.iter().copied()));
                name.map(|name| format!("write `{name}`"))
            }
        };
        let message = if word.is_empty() {
            format!("a {} is missing", self.name)
        } else {
            let article = if self.name == "hour" { "an" } else { "a" };
            format!("`{word}` is not {article} {}", self.name)
        };
        Err((message, help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: usize, word: &str) -> Vec<u32> {
        FIELDS[field].read(word).unwrap().values.into_iter().collect()
    }

    fn told(field: usize, word: &str) -> (String, String, Option<String>) {
        let mut mistakes = FIELDS[field].read(word).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        let mistake = mistakes.remove(0);
        assert_eq!(mistake.code, BAD_CRONTAB);
        (word[mistake.range].to_owned(), mistake.message, mistake.help)
    }

    #[test]
    fn lists_ranges_and_steps_are_their_values() {
        assert_eq!(read(0, "*/20"), [0, 20, 40]);
        assert_eq!(read(0, "5,10-12,50-59/5"), [5, 10, 11, 12, 50, 55]);
        assert_eq!(read(1, "*").len(), 24);
        assert_eq!(read(3, "jan,MAR-may"), [1, 3, 4, 5]);
    }

    #[test]
    fn sunday_is_zero_and_seven() {
        assert_eq!(read(4, "0"), [0]);
        assert_eq!(read(4, "7"), [0]);
        assert_eq!(read(4, "5-7"), [0, 5, 6]);
        assert_eq!(read(4, "*"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(read(4, "0-7"), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn ranges_may_go_round() {
        assert_eq!(read(4, "fri-mon"), [0, 1, 5, 6]);
        assert_eq!(read(4, "7-2"), [0, 1, 2]);
        assert_eq!(read(1, "22-2"), [0, 1, 2, 22, 23]);
        assert_eq!(read(1, "22-2/2"), [0, 2, 22]);
        assert_eq!(read(3, "nov-feb"), [1, 2, 11, 12]);
    }

    #[test]
    fn what_is_out_of_range_is_named_with_the_range() {
        assert_eq!(
            told(1, "3,24"),
            ("24".into(), "there is no hour 24".into(), Some("write `0`".into()))
        );
        assert_eq!(FIELDS[1].read("24").unwrap_err()[0].label, "allowed: 0-23");
        assert_eq!(FIELDS[4].read("8").unwrap_err()[0].label, "allowed: 0-7 or sun-sat");
        assert_eq!(told(2, "0").1, "there is no day of month 0");
    }

    #[test]
    fn habits_from_elsewhere_are_answered() {
        assert_eq!(told(4, "monday").2.unwrap(), "write `mon`");
        assert_eq!(told(2, "?").2.unwrap(), "`?` is Quartz's; write `*`");
        assert_eq!(told(2, "L").2.unwrap(), "a last day of the month does not exist in crontab");
        assert_eq!(told(0, "5/10").2.unwrap(), "write `5-59/10`");
        assert_eq!(told(0, "*/90").1, "`*/90` has a step beyond the last minute");
        assert_eq!(told(0, "*/0").1, "`*/0` has a step of zero");
        assert_eq!(told(0, "1,,2").1, "a minute is missing");
        assert_eq!(told(0, "-5").1, "a minute is missing");
    }

    #[test]
    fn every_mistake_of_a_field_is_told() {
        assert_eq!(FIELDS[0].read("60,5,x").unwrap_err().len(), 2);
    }
}
