//! Logs: for people on a terminal, as JSON for a collector.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::config::{self, Log, LogFormat};

/// Starts logging to stderr. A second start changes nothing.
pub fn start_logging(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
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
