//! Exit codes, for scripts.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Fine = 0,
    /// Arguments, configuration, a port or folder that cannot be had, output that cannot be written.
    Usage = 1,
    /// Rules are wrong.
    Rules = 2,
    /// A rule test, the demo, or a recording that was played failed.
    Failed = 3,
    /// A bug of ours.
    OurFault = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
