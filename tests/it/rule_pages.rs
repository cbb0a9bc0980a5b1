//! The pages about whole rule files show a wrong and a right file; each must be what it claims to be.

use groupkeeper::rule::diagnostic::render_all;
use groupkeeper::rule::{self, explain};

/// What is told about a whole rule file, without R007 (two files), R07x (no file that can be read), R301
/// and R302 (nothing is wrong).
fn codes() -> Vec<&'static str> {
    const WITHOUT: [&str; 5] = ["R007", "R070", "R071", "R301", "R302"];
    let text_only = |code: &str| ("R010".."R050").contains(&code);
    let of_rules = explain::codes().filter(|code| code.starts_with('R'));
    of_rules.filter(|code| !text_only(code) && !WITHOUT.contains(code)).collect()
}

/// The fenced block of that name.
fn block<'a>(page: &'a str, name: &str) -> &'a str {
    let inside = page.split(&format!("```{name}\n")).nth(1);
    let inside = inside.and_then(|rest| rest.split("```").next());
    inside.unwrap_or_else(|| panic!("no block `{name}` in {page}"))
}

fn read(text: &str) -> rule::Reading {
    rule::read(vec![("rules/page.toml".to_owned(), text.to_owned())], None)
}

#[test]
fn every_wrong_file_of_a_page_earns_its_code() {
    for code in codes() {
        let reading = read(block(explain::explain(code).unwrap(), "wrong"));
        let told = render_all(&reading.diagnostics, false);
        assert!(reading.diagnostics.iter().any(|told| told.code.0 == code), "{code}:\n{told}");
    }
}

#[test]
fn every_right_file_of_a_page_is_right() {
    for code in codes() {
        let reading = read(block(explain::explain(code).unwrap(), "right"));
        let told = render_all(&reading.diagnostics, false);
        assert!(reading.diagnostics.is_empty(), "{code}:\n{told}");
        assert!(!reading.rules.rules().is_empty(), "{code}");
    }
}

#[test]
fn every_page_begins_with_its_code_and_a_title() {
    for code in explain::codes() {
        let page = explain::explain(code).unwrap();
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
    }
}
