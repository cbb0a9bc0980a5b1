//! The rules in force: read aside, checked, swapped at once; with an error the last good ones stay.

mod attempt;
mod fingerprint;
mod last_good;
mod quiet;
mod status;
mod told;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::metrics::{Metrics, Reload};
use crate::clock::{Clock, Timestamp};
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::{EventKind, RuleSet};
use crate::store::Store;
use attempt::{Attempt, OnDisk, attempt};
use fingerprint::Fingerprint;
use quiet::{Next, Quiet};
use told::Trouble;

pub use told::Reloaded;

/// Keeps the rules.
pub struct Rules {
    directory: PathBuf,
    current: Arc<ArcSwap<RuleSet>>,
    /// Whether some rule listens on `callback`.
    wants_callback_event: Arc<AtomicBool>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// Held while the files are read, so that no two readings overlap.
    quiet: tokio::sync::Mutex<Quiet>,
}

#[derive(Debug)]
struct State {
    loaded_at: Timestamp,
    /// When files were last read, whatever came of it.
    tried_at: Timestamp,
    trouble: Option<Trouble>,
}

impl Rules {
    /// Loads the rules of a directory; with broken ones, goes on with the last good ones of the store.
    ///
    /// # Errors
    /// What is wrong with the rules, ready to be printed, when there are no good ones at all.
    pub async fn load(
        directory: &Path,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let now = clock.now();
        let (last, warned) = match last_good::load(&*store) {
            Some(last) => (Some(last.rules), last.diagnostics),
            None => (None, Vec::new()),
        };
        let in_force = last.as_ref().map(|rules| rules.version().to_owned()).unwrap_or_default();
        let (before, tried) = read(directory, in_force).await;
        let mut trouble = None;
        let rules = match tried.found {
            OnDisk::Same => {
                warn(&warned);
                last.unwrap_or_default()
            }
            OnDisk::Good { rules, warnings } => {
                warn(&warnings);
                if let Some(told) = last.map(|last| Reloaded::between(&last, &rules)) {
                    tracing::info!(
                        version = rules.version(),
                        "since the last run: {}",
                        told.words()
                    );
                }
                *rules
            }
            OnDisk::Broken { digest, errors } => {
                let found = Trouble { since: now, digest, diagnostics: errors };
                let words = found.words();
                let Some(last) = last else { return Err(words) };
                tracing::error!(
                    directory = %directory.display(),
                    version = last.version(),
                    "the rules are broken; going on with the {} last good ones\n{words}",
                    last.rules().len()
                );
                trouble = Some(found);
                last
            }
        };
        metrics.reload(if trouble.is_some() { Reload::Failed } else { Reload::Changed }, now);
        let rules = Rules {
            directory: directory.to_owned(),
            current: Arc::new(ArcSwap::from_pointee(rules)),
            wants_callback_event: Arc::default(),
            store,
            clock,
            metrics,
            state: Mutex::new(State { loaded_at: now, tried_at: now, trouble }),
            quiet: tokio::sync::Mutex::new(Quiet::read(before, now)),
        };
        rules.taken().await;
        Ok(rules)
    }

    /// The rules, as the pipeline holds them.
    pub fn current(&self) -> Arc<ArcSwap<RuleSet>> {
        Arc::clone(&self.current)
    }

    /// Whether some rule listens on `callback`; kept up to date over reloads.
    pub fn wants_callback_event(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.wants_callback_event)
    }

    /// Reads the directory again at once, because a person asks for it: built aside, checked, swapped.
    ///
    /// # Errors
    /// What is wrong; the rules in force stay.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        let mut quiet = self.quiet.lock().await;
        let (before, tried) = read(&self.directory, self.version()).await;
        *quiet = Quiet::read(before, self.clock.now());
        let nothing =
            || Ok(Reloaded { rules: self.current.load().rules().len(), ..Reloaded::default() });
        self.settle(tried.found, true).await.unwrap_or_else(nothing)
    }

    /// Looks at the files once, and reads them if they have changed and come to rest; says when to look
    /// again, if something is changing. `touched`: the system told of a write to a rule file.
    pub async fn step(&self, touched: bool) -> Option<Timestamp> {
        self.look(touched).await.0
    }

    /// As [`Rules::step`], and what the directory looked like.
    async fn look(&self, touched: bool) -> (Option<Timestamp>, Fingerprint) {
        let mut quiet = self.quiet.lock().await;
        let directory = self.directory.clone();
        let seen = blocking(move || Fingerprint::of(&directory)).await;
        match quiet.look(seen, touched, self.clock.now()) {
            Next::Rest => return (None, seen),
            Next::LookAgain(time) => return (Some(time), seen),
            Next::Read { .. } => {}
        }
        let (_, tried) = read(&self.directory, self.version()).await;
        // What changed while it was read was half of something.
        let again = match quiet.look(tried.seen, false, self.clock.now()) {
            Next::Read { believe } => {
                // What came of it is in the log and the status.
                let _ = self.settle(tried.found, believe).await;
                quiet.done(believe)
            }
            Next::LookAgain(time) => Some(time),
            Next::Rest => None,
        };
        (again, tried.seen)
    }

    /// Takes what was read, or says why not. `None`: bad news that is not believed yet.
    async fn settle(&self, found: OnDisk, believe: bool) -> Option<Result<Reloaded, String>> {
        let now = self.clock.now();
        match found {
            OnDisk::Same => {
                let rules = self.current.load().rules().len();
                if self.untroubled(now) {
                    tracing::info!("the rules on disk are those in force again");
                }
                self.metrics.reload(Reload::Unchanged, now);
                Some(Ok(Reloaded { rules, ..Reloaded::default() }))
            }
            OnDisk::Good { rules, warnings } => {
                let told = Reloaded::between(&self.current.load(), &rules);
                if !believe && !told.removed.is_empty() {
                    return None;
                }
                self.current.store(Arc::from(rules));
                self.untroubled(now);
                self.state().loaded_at = now;
                self.taken().await;
                self.metrics.reload(Reload::Changed, now);
                tracing::info!(version = self.version(), "{}", told.words());
                warn(&warnings);
                Some(Ok(told))
            }
            OnDisk::Broken { digest, errors } => {
                believe.then(|| Err(self.troubled(now, digest, errors)))
            }
        }
    }

    /// Remembers that the files are broken, and shouts it once for each way in which they are.
    fn troubled(&self, now: Timestamp, digest: String, diagnostics: Vec<Diagnostic>) -> String {
        let mut state = self.state();
        let before = state.trouble.take();
        let known = before.as_ref().is_some_and(|before| before.digest == digest);
        let since = before.map_or(now, |before| before.since);
        let trouble = Trouble { since, digest, diagnostics };
        let words = trouble.words();
        (state.trouble, state.tried_at) = (Some(trouble), now);
        drop(state);
        self.metrics.reload(Reload::Failed, now);
        if !known {
            tracing::error!("the rules were not reloaded; those in force stay\n{words}");
        }
        words
    }

    /// Remembers that the files are good; says whether that is news.
    fn untroubled(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        state.tried_at = now;
        state.trouble.take().is_some()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn version(&self) -> String {
        self.current.load().version().to_owned()
    }

    /// What follows from rules coming into force.
    async fn taken(&self) {
        let rules = self.current.load_full();
        let wants = !rules.on(EventKind::Callback).is_empty();
        self.wants_callback_event.store(wants, Ordering::Relaxed);
        last_good::keep(&*self.store, &rules).await;
    }
}

/// What the directory looked like, and what was read in it.
async fn read(directory: &Path, in_force: String) -> (Fingerprint, Attempt) {
    let directory = directory.to_owned();
    blocking(move || (Fingerprint::of(&directory), attempt(&directory, &in_force))).await
}

/// Files are read beside the threads that answer Chat.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down; nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}

fn warn(diagnostics: &[Diagnostic]) {
    for warning in diagnostics.iter().filter(|told| told.level == Level::Warning) {
        tracing::warn!("{}", warning.render(false));
    }
}
