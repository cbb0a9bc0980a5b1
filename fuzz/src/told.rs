//! What holds for everything that is told about a file, whatever stands in the file.

use groupkeeper::authoring::format::{NotFormatted, format};
use groupkeeper::rule::diagnostic::{Diagnostic, render_all};
use groupkeeper::rule::edit::{Edit, proposed};
use groupkeeper::rule::explain::explain;

/// Shows all of it, in each form there is.
pub fn show(diagnostics: &[Diagnostic]) {
    let plain = render_all(diagnostics, false);
    harmless(&plain);
    render_all(diagnostics, true);
    for told in diagnostics {
        told.to_json();
        assert!(!told.message.is_empty(), "{told:?}");
        assert!(explain(told.code.0).is_some(), "no page explains {told:?}");
        let (text, span) = (told.spot.source().text(), told.spot.span());
        assert!(text.get(span).is_some(), "the place is not in the file: {told:?}");
    }
}

/// Holds that a text can be shown in a terminal.
pub fn harmless(text: &str) {
    let escape = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(escape, None, "what is shown can move the cursor:\n{text:?}");
}

/// Formats a file: what it says stays, and formatting again changes nothing.
pub fn format_twice(name: &str, text: &str) {
    match format(name, text) {
        Ok(once) => match format(name, &once) {
            Ok(twice) => assert_eq!(once, twice, "formatting {text:?} again"),
            Err(why) => panic!("formatted and then refused: {why}\n{once}"),
        },
        Err(NotFormatted::Mistakes(mistakes)) => show(&mistakes),
        Err(NotFormatted::Meaning) => panic!("formatting would change what this says: {text:?}"),
    }
}

/// The files of proposed edits, each made.
pub fn edited(diagnostics: &[Diagnostic]) -> Vec<String> {
    let made = |told: &Diagnostic| {
        let Edit { span, replacement } = proposed(told)?;
        let text = told.spot.source().text();
        let (Some(before), Some(behind)) = (text.get(..span.start), text.get(span.end..)) else {
            panic!("the edit is not of the file: {span:?} of {told:?}");
        };
        Some(format!("{before}{replacement}{behind}"))
    };
    diagnostics.iter().filter_map(made).collect()
}
