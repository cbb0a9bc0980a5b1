//! When to read the rules again: pure, so that tests play every way of saving without any wait.
//!
//! People save in steps: an editor truncates and writes, vim renames, `git pull` unlinks and creates.
//! What is found between two steps is not what anybody meant, so files are read when they have
//! rested, and bad news is believed only when they have rested longer.

use std::time::Duration;

use super::fingerprint::Fingerprint;
use crate::clock::Timestamp;

/// Files that rested this long are read; what is good and takes no rule away is taken.
pub(super) const SETTLE: Duration = Duration::from_millis(300);
/// After this long it counts, too, that they are broken or that rules are gone. Longer than the
/// second in which some file systems count, so that a file written twice in it is not missed.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// A directory in which something always changes is read as it is after this long.
const RESTLESS: Duration = Duration::from_secs(60);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing has changed since the last reading that counted.
    Rest,
    /// Something is changing: look again then.
    LookAgain(Timestamp),
    /// Read the files. `believe` is false while bad news may be a file half written.
    Read { believe: bool },
}

/// What is known of the files' changes.
#[derive(Debug)]
pub(super) struct Quiet {
    seen: Fingerprint,
    /// They have been like this since.
    since: Timestamp,
    /// They have been other than what was read since.
    unread_since: Timestamp,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Changed,
    /// Read once, without believing bad news.
    Glanced,
    Read,
}

impl Quiet {
    /// The files were read when they looked like this.
    pub(super) fn read(seen: Fingerprint, now: Timestamp) -> Self {
        Self { seen, since: now, unread_since: now, progress: Progress::Read }
    }

    /// The files look like this now. `touched`: the system told of a write, which a file system that
    /// counts in seconds may not show.
    pub(super) fn look(&mut self, seen: Fingerprint, touched: bool, now: Timestamp) -> Next {
        if seen != self.seen || touched {
            if self.progress == Progress::Read {
                self.unread_since = now;
            }
            (self.seen, self.since, self.progress) = (seen, now, Progress::Changed);
        }
        // A clock that was set back must not hold anything up.
        self.since = self.since.min(now);
        self.unread_since = self.unread_since.min(now);
        let rested = now.since(self.since);
        let believe = rested >= PATIENCE || now.since(self.unread_since) >= RESTLESS;
        match self.progress {
            Progress::Read => Next::Rest,
            _ if believe => Next::Read { believe },
            Progress::Changed if rested >= SETTLE => Next::Read { believe },
            Progress::Changed => Next::LookAgain(self.since + SETTLE),
            Progress::Glanced => Next::LookAgain(self.since + PATIENCE),
        }
    }

    /// The files were read as last seen; says when to look again.
    pub(super) fn done(&mut self, believed: bool) -> Option<Timestamp> {
        self.progress = if believed { Progress::Read } else { Progress::Glanced };
        (!believed).then(|| self.since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    fn print(number: u64) -> Fingerprint {
        Fingerprint { files: number, folders: 0 }
    }

    #[test]
    fn what_has_not_changed_is_left_alone() {
        let mut quiet = Quiet::read(print(1), at(0));
        assert_eq!(quiet.look(print(1), false, at(3_600_000)), Next::Rest);
    }

    #[test]
    fn a_change_is_read_when_it_has_settled_and_once_more_before_bad_news_counts() {
        let mut quiet = Quiet::read(print(1), at(0));
        assert_eq!(quiet.look(print(2), false, at(10_000)), Next::LookAgain(at(10_300)));
        assert_eq!(quiet.look(print(2), false, at(10_300)), Next::Read { believe: false });
        assert_eq!(quiet.done(false), Some(at(12_000)));
        assert_eq!(quiet.look(print(2), false, at(11_000)), Next::LookAgain(at(12_000)));
        assert_eq!(quiet.look(print(2), false, at(12_000)), Next::Read { believe: true });
        assert_eq!(quiet.done(true), None);
        assert_eq!(quiet.look(print(2), false, at(13_000)), Next::Rest);
    }

    #[test]
    fn every_further_change_begins_the_wait_anew() {
        let mut quiet = Quiet::read(print(1), at(0));
        quiet.look(print(2), false, at(10_000));
        assert_eq!(quiet.look(print(3), false, at(10_299)), Next::LookAgain(at(10_599)));
        assert_eq!(quiet.look(print(3), false, at(10_300)), Next::LookAgain(at(10_599)));
    }

    #[test]
    fn a_write_that_leaves_no_trace_in_sizes_and_times_is_read_too() {
        let mut quiet = Quiet::read(print(1), at(0));
        assert_eq!(quiet.look(print(1), true, at(10_000)), Next::LookAgain(at(10_300)));
    }

    #[test]
    fn files_that_never_rest_are_read_as_they_are_after_a_minute() {
        let mut quiet = Quiet::read(print(0), at(0));
        for second in 1..=60u64 {
            let next = quiet.look(print(second), false, at(1_000 * second as i64));
            assert!(matches!(next, Next::LookAgain(_)), "{second}: {next:?}");
        }
        assert_eq!(quiet.look(print(61), false, at(61_000)), Next::Read { believe: true });
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let mut quiet = Quiet::read(print(1), at(0));
        quiet.look(print(2), false, at(10_000_000));
        quiet.look(print(2), false, at(5_000));
        assert_eq!(quiet.look(print(2), false, at(7_000)), Next::Read { believe: true });
    }
}
