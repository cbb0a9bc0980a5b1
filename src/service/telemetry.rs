//! Logs: for people on a terminal, as JSON for a collector.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::config::{self, Log, LogFormat};

/// Libraries whose words are for their authors: that a file which has gone is no longer watched, and what
/// the store says better itself. Whoever names them in `[log] level` hears of it.
const QUIET: [(&str, &str); 2] = [("notify", "error"), ("sled", "off")];

/// The directives of `[log] level`.
fn directives(level: &str) -> String {
    let mut directives = level.to_owned();
    for (library, least) in QUIET {
        if !level.contains(library) && level != "off" {
            directives.push_str(&format!(",{library}={least}"));
        }
    }
    directives
}

/// Starts logging to stderr. A second start changes nothing.
pub fn start_logging(log: &Log) {
    let filter = EnvFilter::try_new(directives(&log.level))
        .unwrap_or_else(|_| EnvFilter::new(directives("info")));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Of a line that stderr does not take, it would be told on stderr: by a macro that panics then. The
    // service goes on without its log.
    let builder = builder.log_internal_errors(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal() && config::colours());
    // An error means that somebody has started logging before, which serves as well.
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_named() {
        assert_eq!(directives("info"), "info,notify=error,sled=off");
        assert_eq!(directives("warn,sled=debug"), "warn,sled=debug,notify=error");
        assert_eq!(directives("off"), "off");
    }
}
