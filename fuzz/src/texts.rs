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

/// One zone in which clocks change by half an hour, and one that had no 30 December 2011.
const ZONES: [(&str, Timestamp); 2] =
    [("Australia/Lord_Howe", NOW), ("Pacific/Apia", Timestamp(1_325_000_000_000))];
/// From one change of the clock to behind the next.
const HALF_A_YEAR: Duration = Duration::from_secs(190 * 86_400);

/// Reads the text as each of them, and uses those that it is.
pub fn run(text: &str) {
    match duration::parse(text) {
        Ok(read) => assert_eq!(duration::parse(&duration::format(read)), Ok(read), "{text:?}"),
        Err(mistake) => within(text, &[mistake]),
    }
    for (zone, start) in ZONES {
        crontab(text, zone, start);
    }
    // Each is compared with six hundred names; most texts are something else.
    if text.contains('/') || text.starts_with(|c: char| c.is_ascii_uppercase()) {
        timezone(text).err().into_iter().for_each(|mistake| within(text, &[mistake]));
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

fn crontab(text: &str, zone: &str, start: Timestamp) {
    let Ok(zone) = timezone(zone) else { panic!("{zone} is a time zone") };
    let crontab = match Crontab::parse(text, zone) {
        Ok(crontab) => crontab,
        Err(mistakes) => return within(text, &mistakes),
    };
    let firings = crontab.next(5, start);
    let times = std::iter::once(&start).chain(&firings);
    assert!(times.clone().is_sorted_by(|one, next| one < next), "{text:?} after {start}");
    crontab.clock_changes(start, start + HALF_A_YEAR);
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
