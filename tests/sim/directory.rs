//! A rules directory: real files, saved in the ways in which people save, read by the real reader, with
//! the waits of simulated time. S10: whatever is in it, rules in force are whole ones that were good.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use groupkeeper::clock::Clock;
use groupkeeper::rule::{RuleSet, read};
use groupkeeper::service::Rules;
use groupkeeper::store::Store;
use tokio::sync::Notify;

use crate::clock::SimClock;
use crate::rng::Rng;
use crate::story::Story;

/// Longer than the reader waits before it believes bad news, or that rules are gone.
const BELIEVED: Duration = Duration::from_secs(5);

/// A directory in which somebody saves rules, and what the reader made of it.
pub struct Directory {
    folder: tempfile::TempDir,
    story: Story,
    saved: Mutex<Saved>,
    touched: AtomicBool,
    changed: Notify,
    /// One person saves at a time.
    saving: tokio::sync::Mutex<()>,
    /// Whether the bot's clock goes on evenly: one that jumps takes half of something for settled.
    even: bool,
}

/// The rules that a reader has in force, without the place of their directory: a run must not depend on it.
fn taken(rules: &Rules) -> Arc<RuleSet> {
    let name = |path: &str| Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
    let current = rules.current().load_full();
    let files = current.sources().iter().map(|(path, text)| (name(path), text.clone())).collect();
    Arc::new(read(files, None).rules)
}

#[derive(Default)]
struct Saved {
    /// Versions that were whole and good, the last one last.
    good: Vec<String>,
    /// Times that something was to be saved.
    times: u64,
    /// What is in the directory cannot come into force.
    is_bad: bool,
    /// What is being saved. Whoever saves it does not die with the bot.
    unfinished: Option<Arc<RuleSet>>,
}

/// How somebody saves.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Other files are written aside and take the place of those that are there.
    Renamed,
    /// Everything is removed, then written, file by file.
    Anew,
    /// The files are truncated and written in pieces.
    InPieces,
    /// A mistake in one file.
    Broken,
    /// Every file is gone.
    Emptied,
    /// The directory is gone.
    Removed,
}

const MANNERS: [Manner; 6] = [
    Manner::Renamed,
    Manner::Anew,
    Manner::InPieces,
    Manner::Broken,
    Manner::Emptied,
    Manner::Removed,
];

impl Directory {
    pub fn new(rules: &RuleSet, story: Story, even: bool) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let directory = Self {
            folder,
            story,
            saved: Mutex::default(),
            touched: AtomicBool::new(false),
            changed: Notify::new(),
            saving: tokio::sync::Mutex::default(),
            even,
        };
        fs::create_dir(directory.path()).unwrap();
        fill(&directory.path(), rules);
        directory.saved().good.push(rules.version().to_owned());
        Arc::new(directory)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("rules")
    }

    fn saved(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().unwrap()
    }

    /// A process begins: it reads the directory, and looks again whenever something was saved.
    pub fn open(
        self: &Arc<Self>,
        clock: &Arc<SimClock>,
        store: Arc<dyn Store>,
    ) -> Arc<ArcSwap<RuleSet>> {
        let unfinished = self.saved().unfinished.take();
        if let Some(rules) = unfinished {
            fs::create_dir_all(self.path()).unwrap();
            self.empty();
            fill(&self.path(), &rules);
            self.saved().is_bad = false;
        }
        let (path, its_clock) = (self.path(), clock.clone());
        let rules = elsewhere(async move {
            Rules::load(&path, store, its_clock, Arc::default()).await.unwrap()
        });
        let (rules, directory, clock) = (Arc::new(rules), self.clone(), clock.clone());
        let current = Arc::new(ArcSwap::new(taken(&rules)));
        let in_force = current.clone();
        self.touched.store(true, Ordering::Relaxed);
        tokio::spawn(async move {
            loop {
                let touched = directory.touched.swap(false, Ordering::Relaxed);
                let its = rules.clone();
                let again = elsewhere(async move { its.step(touched).await });
                in_force.store(taken(&rules));
                directory.check(&in_force, false);
                match again {
                    None => directory.changed.notified().await,
                    Some(again) => tokio::select! {
                        biased;
                        () = directory.changed.notified() => {}
                        () = clock.sleep_until(again) => {}
                    },
                }
            }
        });
        current
    }

    /// Somebody saves this text as the only file.
    pub fn put(&self, name: &str, text: &str) {
        let reading = read(vec![(name.to_owned(), text.to_owned())], None);
        if !reading.has_errors() {
            self.saved().good.push(reading.rules.version().to_owned());
        }
        fs::write(self.path().join(name), text).unwrap();
        self.tell();
    }

    /// Somebody saves these rules, well or badly, and it is looked whether they come into force.
    pub fn save(
        self: &Arc<Self>,
        rules: Arc<RuleSet>,
        rng: &mut Rng,
        clock: &Arc<SimClock>,
        in_force: &Arc<ArcSwap<RuleSet>>,
    ) {
        let manner = *rng.pick(&MANNERS);
        self.story.tell(format!("rules {} are saved: {manner:?}", rules.version()));
        let (directory, clock, in_force) = (self.clone(), clock.clone(), in_force.clone());
        let mut rng = rng.fork();
        let number = {
            let mut saved = self.saved();
            saved.times += 1;
            saved.times
        };
        tokio::spawn(async move {
            {
                let _alone = directory.saving.lock().await;
                directory.write(&rules, manner, &mut rng, &clock).await;
            }
            clock.sleep(BELIEVED).await;
            // A clock that is set back lets the reader wait anew; the end of the run shows what came of it.
            if directory.even && directory.saved().times == number {
                directory.check(&in_force, true);
            }
        });
    }

    async fn write(&self, rules: &Arc<RuleSet>, manner: Manner, rng: &mut Rng, clock: &SimClock) {
        let path = self.path();
        // Whoever saves badly still has a directory, unless that is what is bad.
        fs::create_dir_all(&path).unwrap();
        let is_good = matches!(manner, Manner::Renamed | Manner::Anew | Manner::InPieces);
        if is_good {
            let mut saved = self.saved();
            saved.good.push(rules.version().to_owned());
            saved.unfinished = Some(rules.clone());
        }
        let mut pause = || rng.millis(0, 250);
        match manner {
            Manner::Renamed => {
                let aside = self.folder.path().join("aside");
                fs::create_dir(&aside).unwrap();
                fill(&aside, rules);
                fs::remove_dir_all(&path).unwrap();
                fs::rename(&aside, &path).unwrap();
            }
            Manner::Anew | Manner::InPieces => {
                self.empty();
                for (name, text) in rules.sources() {
                    if matches!(manner, Manner::InPieces) {
                        let middle = text.floor_char_boundary(text.len() / 2);
                        fs::write(path.join(name), &text[..middle]).unwrap();
                        self.tell();
                        clock.sleep(pause()).await;
                    }
                    fs::write(path.join(name), text).unwrap();
                    self.tell();
                    clock.sleep(pause()).await;
                }
            }
            Manner::Broken => {
                self.empty();
                fill(&path, rules);
                fs::write(path.join("broken.toml"), "[rule.x]\non = \"message.sentt\"\n").unwrap();
            }
            Manner::Emptied => self.empty(),
            Manner::Removed => fs::remove_dir_all(&path).unwrap(),
        }
        let mut saved = self.saved();
        (saved.unfinished, saved.is_bad) = (None, !is_good);
        drop(saved);
        self.tell();
    }

    fn empty(&self) {
        for entry in fs::read_dir(self.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    /// As the system tells of a write.
    fn tell(&self) {
        self.touched.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// S10: what is in force was saved whole and is good; when nothing is being saved, it is the last
    /// of those.
    pub fn check(&self, in_force: &ArcSwap<RuleSet>, at_rest: bool) {
        let rules = in_force.load();
        let (saved, version) = (self.saved(), rules.version());
        if self.even && !saved.good.iter().any(|good| good == version) {
            self.story.broken(format!("S10: rules {version} are in force, and nobody saved such"));
        }
        // A process that died before it took the last good ones cannot go on with them once they are gone.
        let last = saved.good.last().filter(|last| *last != version);
        if let (true, false, Some(last)) = (at_rest, saved.is_bad, last) {
            self.story.broken(format!("S10: rules {version} are in force, not {last}"));
        }
    }
}

fn fill(path: &Path, rules: &RuleSet) {
    rules.sources().iter().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
}

/// Reads files on a runtime and a thread of its own: the simulated time stands still meanwhile.
fn elsewhere<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let reading = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(reading).join().unwrap())
}
