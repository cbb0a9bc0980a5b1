//! How commands print: as the macros of the same names in the standard library, which panic when the
//! output takes nothing: a full disk, a reader that has gone.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use super::Exit;

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::print::data(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::cli::print::data(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::print::data(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::print::told(format_args!($($text)*)) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::print::told(format_args!("{}\n", format_args!($($text)*))) };
}

/// Data, for stdout. What cannot be written ends the process: whoever reads it would take half of it
/// for the whole.
pub(super) fn data(text: fmt::Arguments<'_>) {
    let mut stdout = io::stdout().lock();
    // Whoever watches sees each line as it comes.
    let written = stdout.write_fmt(text).and_then(|()| stdout.flush());
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
    let _ = io::stderr().lock().write_fmt(text);
}
