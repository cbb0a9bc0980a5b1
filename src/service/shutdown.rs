//! Signals: SIGTERM and SIGINT stop, SIGHUP reloads the rules.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal as listen};

use super::Rules;

/// What was asked of the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// Ends when the service is told to stop; reloads rules whenever it is told to.
///
/// # Errors
/// When the process may not listen to signals.
pub async fn signal(rules: &Rules) -> io::Result<()> {
    let mut signals = Signals {
        terminate: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
        hang_up: listen(SignalKind::hangup())?,
    };
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ok(()),
            _ = signals.interrupt.recv() => return Ok(()),
            _ = signals.hang_up.recv() => {
                // What is wrong is logged, and shown by the console.
                let _ = rules.reload().await;
            }
        }
    }
}
