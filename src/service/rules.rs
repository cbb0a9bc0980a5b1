//! The rules in force: loaded, watched, swapped at once; the last good ones kept in the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use notify_debouncer_full::notify::RecursiveMode;
use notify_debouncer_full::{DebounceEventResult, new_debouncer};
use tokio::sync::mpsc;

use crate::authoring::{Checked, check};
use crate::clock::{Clock, Timestamp};
use crate::console::{RuleStatus, RulesStatus};
use crate::ledger;
use crate::rule::diagnostic::{Diagnostic, Level};
use crate::rule::model::Mode;
use crate::rule::{self, EventKind, RuleSet};
use crate::store::{Store, WriteSet};

/// Saving a file is several events; they are taken as one.
const SETTLE: Duration = Duration::from_millis(200);
/// Where the last good rules stand in the store.
const LAST_GOOD: &str = "last good rules";

/// Keeps the rules.
pub struct Rules {
    directory: PathBuf,
    current: Arc<ArcSwap<RuleSet>>,
    /// Whether some rule listens on `callback`.
    wants_callback_event: Arc<AtomicBool>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    loaded_at: Timestamp,
    trouble: Vec<String>,
}

/// What a reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    pub rules: usize,
}

impl Reloaded {
    /// One line for the log and the API.
    pub fn words(&self) -> String {
        let mut parts = vec![format!("{} rules in force", self.rules)];
        for (what, ids) in
            [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)]
        {
            if !ids.is_empty() {
                parts.push(format!("{what}: {}", ids.join(", ")));
            }
        }
        parts.join("; ")
    }
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
    ) -> Result<Self, String> {
        let now = clock.now();
        let (rules, trouble) = match read(directory) {
            Ok(rules) => (rules, Vec::new()),
            Err(trouble) => {
                let Some(last) = last_good(&*store) else { return Err(trouble) };
                tracing::error!(
                    directory = %directory.display(),
                    "the rules are broken; going on with the last good ones\n{trouble}"
                );
                (last, vec![trouble])
            }
        };
        let rules = Rules {
            directory: directory.to_owned(),
            current: Arc::new(ArcSwap::from_pointee(rules)),
            wants_callback_event: Arc::default(),
            store,
            clock,
            state: Mutex::new(State { loaded_at: now, trouble }),
        };
        rules.keep().await;
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

    /// Reads the directory again: built aside, checked, swapped at once.
    ///
    /// # Errors
    /// What is wrong; the rules in force stay.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        match read(&self.directory) {
            Ok(fresh) => {
                let before = self.current.load_full();
                let told = difference(&before, &fresh);
                self.current.store(Arc::new(fresh));
                *self.state() = State { loaded_at: self.clock.now(), trouble: Vec::new() };
                self.keep().await;
                tracing::info!(version = self.current.load().version(), "{}", told.words());
                Ok(told)
            }
            Err(trouble) => {
                tracing::error!("the rules were not reloaded; those in force stay\n{trouble}");
                self.state().trouble = vec![trouble.clone()];
                Err(trouble)
            }
        }
    }

    /// For the console.
    pub fn status(&self) -> RulesStatus {
        let rules = self.current.load();
        let state = self.state();
        RulesStatus {
            directory: self.directory.display().to_string(),
            version: rules.version().to_owned(),
            loaded_at: state.loaded_at.to_string(),
            rules: rules
                .rules()
                .iter()
                .map(|rule| RuleStatus {
                    id: rule.id.to_string(),
                    title: rule.title.clone(),
                    mode: mode_name(rule.mode).to_owned(),
                    file: rule.place.file.to_string(),
                    line: rule.place.line,
                })
                .collect(),
            trouble: state.trouble.clone(),
        }
    }

    /// Reloads whenever files change, until told to stop.
    pub async fn watch(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        let (changed, mut changes) = mpsc::channel(1);
        let told = move |result: DebounceEventResult| {
            // Reading the files is no change of theirs.
            let change = match &result {
                Ok(events) => events.iter().any(|event| !event.kind.is_access()),
                Err(_) => true,
            };
            if change {
                // A change that waits already stands for this one too.
                let _ = changed.try_send(());
            }
        };
        let watching = new_debouncer(SETTLE, None, told).and_then(|mut debouncer| {
            debouncer.watch(&self.directory, RecursiveMode::Recursive).map(|()| debouncer)
        });
        let _watching = match watching {
            Ok(debouncer) => debouncer,
            Err(error) => {
                tracing::warn!(%error, "the rules directory cannot be watched; reload with SIGHUP");
                return;
            }
        };
        loop {
            tokio::select! {
                Some(()) = changes.recv() => {
                    let _ = self.reload().await;
                }
                _ = stop.changed() => return,
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the rules in force as the last good ones.
    async fn keep(&self) {
        let rules = self.current.load_full();
        let wants = rules.on(EventKind::Callback).next().is_some();
        self.wants_callback_event.store(wants, Ordering::Relaxed);
        let written = ledger::encode(&rules.sources()).map_err(|error| error.to_string());
        let kept = match written {
            Ok(bytes) => {
                let writes = vec![(ledger::setting_key(LAST_GOOD), Some(bytes))];
                let set = WriteSet { writes, durable: true, ..WriteSet::default() };
                self.store.commit(set).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the last good rules could not be kept");
        }
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    }
}

/// Reads a directory whose rules are all good; otherwise says what is wrong, ready to be printed.
fn read(directory: &Path) -> Result<RuleSet, String> {
    let checked: Checked = check(directory, None).map_err(|error| error.to_string())?;
    if !checked.is_good() {
        let errors = checked.diagnostics.iter().filter(|found| found.level == Level::Error);
        return Err(errors.map(|error| error.render(false)).collect::<Vec<_>>().join("\n"));
    }
    if checked.rules.rules().is_empty() {
        // A vanished mount or a half-done checkout looks just like this.
        return Err(format!("{}: there is no rule in this directory", directory.display()));
    }
    for warning in checked.diagnostics.iter().filter(|found| found.level == Level::Warning) {
        tracing::warn!("{}", Diagnostic::render(warning, false));
    }
    Ok(checked.rules)
}

fn last_good(store: &dyn Store) -> Option<RuleSet> {
    let kept: Option<Vec<(String, String)>> =
        ledger::read(store, &ledger::setting_key(LAST_GOOD)).ok()?;
    let reading = rule::read(kept?, None);
    let good = reading.diagnostics.iter().all(|found| found.level != Level::Error);
    good.then_some(reading.rules)
}

fn difference(before: &RuleSet, after: &RuleSet) -> Reloaded {
    let digests = |rules: &RuleSet| -> BTreeMap<String, String> {
        rules.rules().iter().map(|rule| (rule.id.to_string(), rule.digest.clone())).collect()
    };
    let (old, new) = (digests(before), digests(after));
    Reloaded {
        added: new.keys().filter(|id| !old.contains_key(*id)).cloned().collect(),
        changed: new
            .iter()
            .filter(|(id, digest)| old.get(*id).is_some_and(|old| old != *digest))
            .map(|(id, _)| id.clone())
            .collect(),
        removed: old.keys().filter(|id| !new.contains_key(*id)).cloned().collect(),
        rules: new.len(),
    }
}
