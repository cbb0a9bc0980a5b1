//! What is around the service in nearly every row: a folder of its own, a Chat that answers, and rules.

use tempfile::TempDir;

use super::servers::{self, Server, Setup};
use super::sink::Sink;

/// One folder and one Chat; the processes started here use both.
pub struct Scene {
    pub sink: Sink,
    folder: TempDir,
}

impl Scene {
    /// In a new folder, or in one with a store that has been filled. Within `on_one_thread`: Chat is there.
    pub async fn set(folder: TempDir) -> Self {
        Self { sink: Sink::start().await, folder }
    }

    /// Starts the service as most rows want it.
    pub fn groupkeeper(&self) -> Server {
        self.groupkeeper_with(&Setup::default())
    }

    pub fn groupkeeper_with(&self, setup: &Setup) -> Server {
        servers::groupkeeper(self.folder.path(), self.sink.address, setup)
    }

    /// Starts one of the servers that this very program holds.
    pub fn own(&self, name: &str) -> Server {
        servers::own(name, self.folder.path(), self.sink.address)
    }
}
