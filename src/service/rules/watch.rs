//! The loop around [`Rules::step`]: woken by the system when something changes, by the clock when it
//! tells of nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, watch};

use super::{Rules, blocking};

/// Many files saved at once are looked at once.
const GATHER: Duration = Duration::from_millis(100);

/// How the system's events reach the loop.
#[derive(Default)]
struct Told {
    wake: Notify,
    /// Whether a rule file was written; what else happens in the directory shows in its looks.
    touched: AtomicBool,
}

/// A watch on a directory, renewed when other folders stand in its place.
struct Folders {
    directory: PathBuf,
    told: Arc<Told>,
    watcher: Option<RecommendedWatcher>,
    /// The folders that are watched, as a fingerprint.
    watched: Option<u64>,
    poll: Option<Duration>,
}

impl Rules {
    /// Reloads whenever files change, until told to stop. With `poll`, the files are also looked at
    /// that often, for file systems that tell of no changes.
    pub async fn watch(self: Arc<Self>, poll: Option<Duration>, mut stop: watch::Receiver<bool>) {
        let told = Arc::new(Told::default());
        let mut folders = Folders::new(self.directory.clone(), told.clone(), poll);
        loop {
            let (again, seen) = self.look(told.touched.swap(false, Ordering::Relaxed)).await;
            if folders.watched != Some(seen.folders) {
                folders = blocking(move || folders.renewed(seen.folders)).await;
                // What happened before the new watch began is seen by looking again.
                continue;
            }
            let now = self.clock.now();
            let wake = again.into_iter().chain(poll.map(|poll| now + poll)).min();
            tokio::select! {
                () = told.wake.notified() => self.clock.sleep_until(self.clock.now() + GATHER).await,
                () = self.sleep(wake) => {}
                _ = stop.changed() => return,
            }
        }
    }

    async fn sleep(&self, until: Option<crate::clock::Timestamp>) {
        match until {
            Some(time) => self.clock.sleep_until(time).await,
            None => std::future::pending().await,
        }
    }
}

impl Folders {
    fn new(directory: PathBuf, told: Arc<Told>, poll: Option<Duration>) -> Self {
        Self { directory, told, watcher: None, watched: None, poll }
    }

    /// Watches the folders that are there now.
    fn renewed(mut self, folders: u64) -> Self {
        let first = self.watched.replace(folders).is_none();
        // The old watch ends when the new one stands.
        let watching = watching(&self.directory, &self.told);
        if let Err(error) = &watching
            && (first || self.watcher.is_some())
        {
            let directory = self.directory.display();
            if self.poll.is_some() {
                tracing::info!(%directory, %error, "changes of rules are looked for by the clock only");
            } else {
                let what = "the rules directory cannot be watched and `[rules] poll` is off: reload with SIGHUP";
                tracing::warn!(%directory, %error, "{what}");
            }
        }
        self.watcher = watching.ok();
        self
    }
}

fn watching(directory: &Path, told: &Arc<Told>) -> notify::Result<RecommendedWatcher> {
    let directory = std::path::absolute(directory)?;
    let (within, told) = (directory.clone(), told.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        match event {
            // Opening and reading files is no change of theirs.
            Ok(event) if event.kind.is_access() => return,
            Ok(event) if event.paths.iter().any(|path| is_rule_file(path)) => {
                told.touched.store(true, Ordering::Relaxed);
            }
            // The folder above is watched for the directory alone.
            Ok(event) if !event.paths.iter().any(|path| path.starts_with(&within)) => {
                if !event.paths.is_empty() {
                    return;
                }
            }
            // Events may have been lost: look.
            Ok(_) | Err(_) => {}
        }
        told.wake.notify_one();
    })?;
    // A directory that is removed, or a link to one that is pointed elsewhere, shows only from above.
    if let Some(above) = directory.parent() {
        watcher.watch(above, RecursiveMode::NonRecursive)?;
    }
    if directory.exists() {
        watcher.watch(&directory, RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

fn is_rule_file(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension == "toml")
}
