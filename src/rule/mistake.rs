//! A mistake in what an operator wrote, before anybody knows in which file it stands.

use std::fmt;
use std::ops::Range;

/// The stable name of a kind of mistake, `R012` for instance; `groupkeeper explain R012` tells more.
///
/// `R00x` the file, `R01x` to `R03x` conditions and texts, `R04x` times, `R05x` and `R06x` keys and
/// values, `R07x` what cannot be read at all, `R1xx` lints (warnings), `R2xx` what can never work,
/// `R3xx` notes; `T0xx` test files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One mistake in one text (a condition, a placeholder text, a crontab line, a duration).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub code: Code,
    /// Bytes of the text that is wrong, counted from the text's beginning.
    pub range: Range<usize>,
    /// The headline: what is wrong, in one sentence without a full stop.
    pub message: String,
    /// Stands under the marked place: what exists instead. May be empty.
    pub label: String,
    /// One proposed edit, ready to be pasted.
    pub help: Option<String>,
}
