//! Signals: SIGTERM and SIGINT stop, SIGHUP reloads the rules.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal as listen};

use super::Rules;

/// What is asked of the service.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Listens from now on. Before anything is started: a SIGHUP that nobody listens to ends the process.
    ///
    /// # Errors
    /// When the process may not listen to signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Ends when the service is told to stop; reloads rules whenever it is told to.
    pub async fn obey(mut self, rules: &Rules) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    // What is wrong is logged, and shown by the console.
                    let _ = rules.reload().await;
                }
            }
        }
    }
}
