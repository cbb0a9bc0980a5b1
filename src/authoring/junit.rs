//! The results of rule tests as JUnit XML, which every CI shows.

use std::fmt::Write;
use std::time::Duration;

use super::runner::{Report, TestResult};

/// One `testsuite` for each file, and one without tests for what no test reached.
pub fn junit(report: &Report) -> String {
    let failed = report.results.iter().filter(|result| result.failure.is_some()).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(
        xml,
        "<testsuites name=\"groupkeeper test\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{}\">",
        report.results.len(),
        seconds(report.time)
    );
    for results in report.results.chunk_by(|one, other| one.file == other.file) {
        suite(&mut xml, results);
    }
    coverage(&mut xml, report);
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, results: &[TestResult]) {
    let file = results.first().map_or("", |result| result.file.as_str());
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let time = results.iter().map(|result| result.time).sum();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{}\">",
        escape(file),
        results.len(),
        seconds(time)
    );
    // Many readers split class names at dots.
    let class = file.trim_end_matches(".test.toml").replace('.', "_");
    for result in results {
        let _ = write!(
            xml,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
            escape(&result.name),
            escape(&class),
            seconds(result.time)
        );
        let Some(failure) = &result.failure else {
            xml.push_str("/>\n");
            continue;
        };
        let _ = write!(
            xml,
            ">\n      <failure type=\"failure\" message=\"{}\">{}:{}\n{}</failure>\n    </testcase>\n",
            escape(&failure.message),
            escape(file),
            failure.line,
            escape(&failure.text())
        );
    }
    xml.push_str("  </testsuite>\n");
}

fn coverage(xml: &mut String, report: &Report) {
    let covered = &report.covered;
    xml.push_str(
        "  <testsuite name=\"coverage\" tests=\"0\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"0.000\">\n    <properties>\n",
    );
    let shares = [
        ("rules", covered.rules),
        ("clauses", covered.clauses),
        ("bounds", covered.bounds),
        ("ladder steps", covered.ladder_steps),
    ];
    for (name, share) in shares {
        let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{share}\"/>");
    }
    xml.push_str("    </properties>\n");
    if !covered.gaps.is_empty() {
        xml.push_str("    <system-out>no test reached:\n");
        for gap in &covered.gaps {
            let place = format!("{}:{}: {gap}", gap.place.file, gap.place.line);
            let _ = writeln!(xml, "{}", escape(&place));
        }
        xml.push_str("</system-out>\n");
    }
    xml.push_str("  </testsuite>\n");
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Text for an attribute or an element. What XML 1.0 cannot carry at all becomes `U+FFFD`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            control if control < ' ' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_escaped_or_replaced() {
        assert_eq!(
            escape("a<b> & \"c\"\u{1b}[2J\n\u{ffff}群"),
            "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}[2J\n\u{fffd}群"
        );
    }
}
