//! Texts with a small language of their own: durations, crontabs, time zones, globs, placeholders.

use std::time::Duration;

use groupkeeper::clock::Timestamp;
use groupkeeper::rule::crontab::{Crontab, timezone};
use groupkeeper::rule::mistake::Mistake;
use groupkeeper::rule::model::Globs;
use groupkeeper::rule::names::Names;
use groupkeeper::rule::template::{Part, Template};
use groupkeeper::rule::{EventKind, duration};

use super::events::NOW;

/// One zone in which clocks change by an hour, one by half an hour, and one that left out a day.
const ZONES: [&str; 4] = ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];
/// Samoa had no 30 December 2011.
const BEFORE_THE_LONGEST_GAP: Timestamp = Timestamp(1_325_000_000_000);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Reads the text as each of them, and uses those that it is.
pub fn run(text: &str) {
    match duration::parse(text) {
        Ok(read) => assert_eq!(duration::parse(&duration::format(read)), Ok(read), "{text:?}"),
        Err(mistake) => within(text, &[mistake]),
    }
    for name in ZONES {
        crontab(text, name);
    }
    if let Err(mistake) = timezone(text) {
        within(text, &[mistake]);
    }
    globs(text);
    template(text);
}

fn within(text: &str, mistakes: &[Mistake]) {
    assert!(!mistakes.is_empty(), "refused without a reason: {text:?}");
    for mistake in mistakes {
        assert!(text.get(mistake.range.clone()).is_some(), "{mistake:?} is not in {text:?}");
        assert!(!mistake.message.is_empty(), "{mistake:?}");
    }
}

fn crontab(text: &str, zone: &str) {
    let Ok(zone) = timezone(zone) else { panic!("{zone} is a time zone") };
    let crontab = match Crontab::parse(text, zone) {
        Ok(crontab) => crontab,
        Err(mistakes) => return within(text, &mistakes),
    };
    for start in [NOW, BEFORE_THE_LONGEST_GAP] {
        let firings = crontab.next(5, start);
        let times = std::iter::once(&start).chain(&firings);
        assert!(times.clone().is_sorted_by(|one, next| one < next), "{text:?} after {start}");
        crontab.clock_changes(start, start + YEAR);
    }
    crontab.fires_more_than(12);
}

fn globs(text: &str) {
    let patterns: Vec<&str> = text.split(' ').collect();
    match Globs::new(&patterns) {
        Ok(globs) => {
            globs.matches(text);
            globs.matches("@TGS#1");
        }
        Err((_, why)) => assert!(!why.is_empty(), "refused without a reason: {text:?}"),
    }
}

fn template(text: &str) {
    let names = Names::of_events(&[EventKind::MessageSent]).with_count().with_mute();
    match Template::parse(text, &names) {
        Err(mistakes) => within(text, &mistakes),
        Ok(template) => {
            let names = template.parts().iter().filter(|part| matches!(part, Part::Name(..)));
            let (names, rendered) = (names.count(), template.render(|_, _| "\u{0}".to_owned()));
            assert!(rendered.matches('\u{0}').count() >= names, "{text:?}");
            template.uses();
        }
    }
}
