//! The pages in `docs/errors` show wrong and right lines; each must be what it claims to be.

use std::path::PathBuf;

use groupkeeper::rule::condition::Condition;
use groupkeeper::rule::crontab::{self, Crontab};
use groupkeeper::rule::mistake::Mistake;
use groupkeeper::rule::names::Names;
use groupkeeper::rule::template::Template;
use groupkeeper::rule::{EventKind, duration};

/// Every code that a single text can earn; those of whole rules have their own tests.
const CODES: [&str; 19] = [
    "R010", "R012", "R014", "R016", "R017", "R018", "R019", "R020", "R022", "R024", "R026", "R028",
    "R030", "R032", "R040", "R041", "R042", "R043", "R044",
];

fn page(code: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let text = std::fs::read_to_string(folder.join(code).with_extension("md"));
    text.unwrap_or_else(|error| panic!("{code}: {error}"))
}

/// The lines of the fenced block of that name.
fn block<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let fence = format!("```{name}\n");
    let inside = page.split(&fence).nth(1).and_then(|rest| rest.split("```").next());
    inside.unwrap_or_else(|| panic!("no block `{name}`")).lines().collect()
}

fn read(code: &str, line: &str) -> Vec<Mistake> {
    let names = Names::of_events(&[EventKind::MessageSent]).with_count().with_mute();
    match code {
        "R030" | "R032" => Template::parse(line, &names).err().unwrap_or_default(),
        "R040" => duration::parse(line).err().into_iter().collect(),
        "R042" | "R043" => Crontab::parse(line, chrono_tz::UTC).err().unwrap_or_default(),
        "R044" => crontab::timezone(line).err().into_iter().collect(),
        _ => Condition::compile(line, &names).err().unwrap_or_default(),
    }
}

#[test]
fn every_wrong_line_of_a_page_earns_its_code_and_nothing_else() {
    for code in CODES {
        for line in block(&page(code), "wrong") {
            let codes: Vec<_> = read(code, line).iter().map(|mistake| mistake.code.0).collect();
            assert!(
                !codes.is_empty() && codes.iter().all(|found| *found == code),
                "{code}: {line}: {codes:?}"
            );
        }
    }
}

#[test]
fn every_right_line_of_a_page_is_right() {
    for code in CODES {
        for line in block(&page(code), "right") {
            assert_eq!(read(code, line), [], "{code}: {line}");
        }
    }
}

#[test]
fn every_page_begins_with_its_code_and_a_title() {
    for code in CODES {
        let page = page(code);
        let title = page.lines().next().unwrap();
        assert!(title.starts_with(&format!("# {code}: ")), "{title}");
    }
}
