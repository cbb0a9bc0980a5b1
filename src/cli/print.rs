//! How commands print: by macros of the same names as those of the standard library. Those panic when the
//! output takes nothing (a full disk, a reader that has gone), and print what members wrote as it is.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

use super::Exit;
use crate::decision::effect::turns;
use crate::service::config;

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::print::data(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::cli::print::data(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::print::data(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::print::told(format_args!("{}\n", format_args!($($text)*))) };
}

/// Data, for stdout. What cannot be written ends the process: whoever reads it would take half of it
/// for the whole.
pub(super) fn data(text: fmt::Arguments<'_>) {
    exact(&harmless(&text.to_string(), coloured(&io::stdout())));
}

/// A file, for stdout, as it is.
pub(super) fn exact(text: &str) {
    let mut stdout = io::stdout().lock();
    // Whoever watches sees each line as it comes.
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    drop(stdout);
    if let Err(error) = written {
        std::process::exit(unwritten(&error) as i32);
    }
}

/// How a command ends whose data cannot be written.
pub(super) fn unwritten(error: &io::Error) -> Exit {
    // `groupkeeper demo | head` closes our output: that is no fault, and printing on is of no use.
    if error.kind() == ErrorKind::BrokenPipe {
        return Exit::Fine;
    }
    eprintln!("groupkeeper: standard output cannot be written: {error}");
    Exit::Usage
}

/// Everything else, for stderr. When that is lost there is nowhere left to say so, and what the command
/// does matters more.
pub(super) fn told(text: fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let text = harmless(&text.to_string(), coloured(&stderr));
    let _ = stderr.write_all(text.as_bytes());
}

/// In place of the line before it, on a terminal.
pub(super) fn over(line: &str) {
    let _ = write!(io::stderr().lock(), "\r\u{1b}[K{}", harmless(line, false));
}

/// Whether a stream is to be told in colours: it is a terminal, and nobody has switched them off.
pub(super) fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && config::colours()
}

/// Nothing in it moves the cursor or clears the screen, whoever wrote it; of escapes, our colours pass
/// where there are some. What does not pass is written as JSON writes it, so that JSON stays what it is.
fn harmless(text: &str, coloured: bool) -> String {
    let mut told = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let passes = match character {
            '\n' | '\t' => true,
            '\u{1b}' => coloured && is_colour(&text[at..]),
            other => !turns(other),
        };
        if passes {
            told.push(character);
        } else {
            told.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    told
}

/// Whether a text begins as `\u{1b}[1;31m` does.
fn is_colour(text: &str) -> bool {
    let behind = text.strip_prefix("\u{1b}[");
    let end = behind.map(|text| text.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
    end.is_some_and(|end| end.starts_with('m'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_and_json_stays_json() {
        let screen = "\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}1A\u{202e}";
        let told = "\\u001b[2J\\u001b]0;title\\u0007\\u000d\\u009b1A\\u202e";
        assert_eq!(harmless(screen, true), told);
        let coloured = "\u{1b}[1;31merror\u{1b}[0m\n\ttext\n";
        assert_eq!(harmless(coloured, true), coloured);
        assert_eq!(harmless("\u{1b}[31m", false), "\\u001b[31m");
        let json = serde_json::json!({ "text": "\u{1b}\u{9b}\u{7f}\u{2028}\"\\ü😀" });
        let printed = harmless(&json.to_string(), false);
        assert!(!printed.contains(turns), "{printed:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), json);
    }
}
