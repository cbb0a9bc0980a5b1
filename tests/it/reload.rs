//! Rules read again while running, whatever way people and machines save them. No test waits: the clock
//! is moved, and each look at the files is a step.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use groupkeeper::clock::{Clock, ManualClock, Timestamp};
use groupkeeper::service::Rules;
use groupkeeper::service::config::Config;
use groupkeeper::service::metrics::Metrics;
use groupkeeper::store::MemoryStore;

const BEGIN: Timestamp = Timestamp(1_767_268_800_000);
/// Files are read when they have rested this long…
const SETTLED: Duration = Duration::from_millis(300);
/// …and bad news about them counts after this long.
const BELIEVED: Duration = Duration::from_secs(2);

struct Scene {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    store: MemoryStore,
    metrics: Arc<Metrics>,
}

struct Running {
    rules: Rules,
    clock: Arc<ManualClock>,
}

fn rule(id: &str, text: &str) -> String {
    format!("[rule.{id}]\non = \"message.sent\"\ndo = [{{ alert = {{ text = \"{text}\" }} }}]\n")
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        let clock = Arc::new(ManualClock::new(BEGIN));
        Self { folder, clock, store: MemoryStore::default(), metrics: Arc::default() }
    }

    /// With `a.toml` (rule `a`) and `b.toml` (rule `b`).
    fn with_two() -> Self {
        let scene = Self::new();
        scene.write("a.toml", &rule("a", "first"));
        scene.write("b.toml", &rule("b", "first"));
        scene
    }

    fn rules(&self) -> PathBuf {
        self.folder.path().join("rules")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.rules().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    async fn load(&self) -> Result<Running, String> {
        let (store, clock) = (Arc::new(self.store.clone()), self.clock.clone());
        let rules = Rules::load(&self.rules(), store, clock, self.metrics.clone()).await?;
        Ok(Running { rules, clock: self.clock.clone() })
    }

    async fn start(&self) -> Running {
        self.load().await.unwrap()
    }

    fn metric(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|found| found == format!("groupkeeper_{line}"))
    }
}

impl Running {
    fn ids(&self) -> Vec<String> {
        self.rules.status().rules.into_iter().map(|rule| rule.id).collect()
    }

    fn version(&self) -> String {
        self.rules.status().version
    }

    /// What is wrong, as codes with places; empty when nothing is.
    fn trouble(&self) -> Vec<String> {
        let trouble = self.rules.status().trouble.into_iter();
        let place = |told: &serde_json::Value| {
            let file = Path::new(told["file"].as_str().unwrap()).file_name().unwrap();
            format!(
                "{} {}:{}",
                told["code"].as_str().unwrap(),
                file.to_str().unwrap(),
                told["line"]
            )
        };
        trouble.flat_map(|trouble| trouble.diagnostics).map(|told| place(&told)).collect()
    }

    /// Looks at the files once.
    async fn look(&self) -> Option<Timestamp> {
        self.rules.step(false).await
    }

    /// Looks at the files, and again after that time, as they are then.
    async fn rest(&self, time: Duration) {
        self.look().await;
        self.clock.advance(time);
        self.look().await;
    }
}

#[tokio::test]
async fn a_file_written_anew_is_in_force_when_it_has_settled() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    let version = running.version();
    scene.write("a.toml", &rule("a", "other"));
    assert_eq!(running.look().await, Some(BEGIN + SETTLED));
    assert_eq!(running.version(), version);
    scene.clock.advance(SETTLED);
    assert_eq!(running.look().await, Some(BEGIN + BELIEVED));
    assert_ne!(running.version(), version);
    scene.clock.advance(BELIEVED);
    assert_eq!(running.look().await, None);
    assert!(scene.metric("rules_reloads_total{result=\"changed\"} 2"));
}

#[tokio::test]
async fn saving_as_vim_does_changes_one_rule_and_loses_none() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    scene.write("4913", "");
    running.look().await;
    fs::remove_file(scene.path("4913")).unwrap();
    fs::rename(scene.path("a.toml"), scene.path("a.toml~")).unwrap();
    // The worst moment: it lasts longer than files need to settle.
    running.rest(SETTLED).await;
    assert_eq!(running.ids(), ["a", "b"]);
    scene.write("a.toml", &rule("a", "other"));
    fs::remove_file(scene.path("a.toml~")).unwrap();
    let before = running.version();
    running.rest(SETTLED).await;
    assert_ne!(running.version(), before);
    assert_eq!((running.ids(), running.trouble()), (vec!["a".into(), "b".into()], vec![]));
}

#[tokio::test]
async fn a_pull_that_unlinks_and_creates_never_shows_its_middle() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::remove_file(scene.path("a.toml")).unwrap();
    fs::remove_file(scene.path("b.toml")).unwrap();
    running.rest(SETTLED).await;
    assert_eq!((running.ids(), running.trouble()), (vec!["a".into(), "b".into()], vec![]));
    scene.write("a.toml", &rule("a", "other"));
    scene.write("c.toml", &rule("c", "new"));
    running.rest(SETTLED).await;
    assert_eq!(running.ids(), ["a", "b"], "a rule is gone only when the files have rested longer");
    scene.clock.advance(BELIEVED);
    running.look().await;
    assert_eq!(running.ids(), ["a", "c"]);
}

#[tokio::test]
async fn a_config_map_that_is_swapped_is_seen_though_no_real_file_changes() {
    let scene = Scene::new();
    for (version, text) in [("..1", "first"), ("..2", "other")] {
        fs::create_dir(scene.path(version)).unwrap();
        scene.write(&format!("{version}/a.toml"), &rule("a", text));
    }
    symlink("..1", scene.path("..data")).unwrap();
    symlink("..data/a.toml", scene.path("a.toml")).unwrap();
    let running = scene.start().await;
    assert_eq!(running.ids(), ["a"]);
    let version = running.version();
    symlink("..2", scene.path("..data_tmp")).unwrap();
    fs::rename(scene.path("..data_tmp"), scene.path("..data")).unwrap();
    running.rest(SETTLED).await;
    assert_ne!(running.version(), version);
}

#[tokio::test]
async fn a_directory_that_is_a_link_may_be_pointed_elsewhere() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    let second = scene.folder.path().join("second");
    fs::create_dir(&second).unwrap();
    for id in ["a", "b", "c"] {
        fs::write(second.join(format!("{id}.toml")), rule(id, "first")).unwrap();
    }
    fs::rename(scene.rules(), scene.folder.path().join("first")).unwrap();
    symlink(&second, scene.rules()).unwrap();
    running.rest(SETTLED).await;
    assert_eq!(running.ids(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_file_half_written_is_not_shouted_about_and_not_in_force() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    let whole = rule("a", "other");
    scene.write("a.toml", &whole[..whole.len() / 2]);
    running.rest(SETTLED).await;
    assert_eq!((running.ids(), running.trouble()), (vec!["a".into(), "b".into()], vec![]));
    let before = running.version();
    scene.write("a.toml", &whole);
    running.rest(SETTLED).await;
    assert_ne!(running.version(), before);
    assert!(running.trouble().is_empty());
    assert!(!scene.metrics.render().contains("result=\"failed\""));
}

#[tokio::test]
async fn a_mistake_that_stays_is_shown_with_its_place_until_it_is_mended() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    let good = running.version();
    scene.write("a.toml", "[rule.a]\non = \"message.snt\"\n");
    running.rest(BELIEVED).await;
    let noticed = scene.clock.now();
    assert_eq!(running.trouble(), ["R055 a.toml:2"]);
    assert_eq!((running.version(), running.ids().len()), (good.clone(), 2));
    let status = running.rules.status();
    assert!(!status.last_attempt.success);
    assert_eq!(status.trouble.unwrap().since, noticed.to_string());
    assert!(scene.metric("rules_last_attempt_success 0"));
    // Another mistake: the trouble is as old as before.
    scene.write("a.toml", "[rule.a]\non = \"message.sent\"\ndo = [\n");
    running.rest(BELIEVED).await;
    let trouble = running.rules.status().trouble.unwrap();
    assert_eq!(trouble.since, noticed.to_string());
    assert!(trouble.text.contains("a.toml:3"), "{}", trouble.text);
    // As it was: nothing is to be loaded, and nothing is wrong any more.
    scene.write("a.toml", &rule("a", "first"));
    running.rest(BELIEVED).await;
    assert_eq!((running.version(), running.trouble()), (good, vec![]));
    assert!(running.rules.status().last_attempt.success);
    assert!(scene.metric("rules_last_attempt_success 1"));
}

#[tokio::test]
async fn an_emptied_directory_takes_no_rule_away() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::remove_file(scene.path("a.toml")).unwrap();
    fs::remove_file(scene.path("b.toml")).unwrap();
    running.rest(BELIEVED).await;
    assert_eq!(
        (running.ids(), running.trouble()),
        (vec!["a".into(), "b".into()], vec!["R071 rules:1".into()])
    );
}

#[tokio::test]
async fn a_directory_that_vanishes_takes_no_rule_away_and_may_come_back() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::rename(scene.rules(), scene.folder.path().join("away")).unwrap();
    running.rest(BELIEVED).await;
    assert_eq!(
        (running.ids(), running.trouble()),
        (vec!["a".into(), "b".into()], vec!["R070 rules:1".into()])
    );
    fs::create_dir(scene.rules()).unwrap();
    for id in ["a", "b", "c"] {
        scene.write(&format!("{id}.toml"), &rule(id, "first"));
    }
    running.rest(SETTLED).await;
    assert_eq!((running.ids().len(), running.trouble()), (3, vec![]));
}

#[tokio::test]
async fn one_file_deleted_on_purpose_takes_its_rules_away() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::remove_file(scene.path("b.toml")).unwrap();
    running.rest(BELIEVED).await;
    assert_eq!((running.ids(), running.trouble()), (vec!["a".into()], vec![]));
}

#[tokio::test]
async fn a_rule_moved_to_another_file_is_neither_gone_nor_twice() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::rename(scene.path("b.toml"), scene.path("z.toml")).unwrap();
    running.rest(SETTLED).await;
    assert_eq!((running.ids(), running.trouble()), (vec!["a".into(), "b".into()], vec![]));
    assert!(running.rules.status().rules[1].file.ends_with("z.toml"));
}

#[tokio::test]
async fn what_is_no_rule_file_is_told_and_the_good_rules_stay() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::write(scene.path("latin.toml"), b"# caf\xe9\n").unwrap();
    symlink("nowhere", scene.path("link.toml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scene.path("pipe.toml")).unwrap();
    symlink(".", scene.path("circle")).unwrap();
    running.rest(BELIEVED).await;
    assert_eq!(running.ids(), ["a", "b"]);
    assert_eq!(running.trouble(), ["R070 latin.toml:1", "R070 link.toml:1", "R070 pipe.toml:1"]);
}

#[tokio::test]
async fn a_named_pipe_is_not_waited_for() {
    let scene = Scene::with_two();
    let pipe = scene.path("pipe.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let told = scene.load().await.map(|_| ()).unwrap_err();
    assert!(told.contains("it is a pipe"), "{told}");
}

#[tokio::test]
async fn a_touch_and_a_comment_change_no_rule() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    let (version, loaded) = (running.version(), running.rules.status().loaded_at);
    scene.write("a.toml", &rule("a", "first"));
    running.rest(BELIEVED).await;
    assert_eq!(running.rules.status().loaded_at, loaded, "the same text is no new version");
    assert!(scene.metric("rules_reloads_total{result=\"unchanged\"} 1"));
    let digests = |running: &Running| -> Vec<String> {
        running.rules.status().rules.into_iter().map(|rule| rule.digest).collect()
    };
    let before = digests(&running);
    scene.write("a.toml", &format!("# why\n\n{}", rule("a", "first")));
    running.rest(SETTLED).await;
    assert_ne!(running.version(), version);
    assert_eq!(digests(&running), before);
}

#[tokio::test]
async fn a_write_that_neither_size_nor_time_shows_is_read_when_the_system_tells_of_it() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    assert_eq!(running.rules.step(true).await, Some(BEGIN + SETTLED));
    scene.clock.advance(BELIEVED);
    assert_eq!(running.rules.step(false).await, None);
    assert!(scene.metric("rules_reloads_total{result=\"unchanged\"} 1"));
}

#[tokio::test]
async fn a_person_who_asks_is_answered_at_once() {
    let scene = Scene::with_two();
    let running = scene.start().await;
    fs::remove_file(scene.path("b.toml")).unwrap();
    let told = running.rules.reload().await.unwrap();
    assert_eq!(told.words(), "1 rules in force; removed: b");
    scene.write("a.toml", "[rule.a]\n");
    let told = running.rules.reload().await.unwrap_err();
    assert!(told.contains("error[R052]"), "{told}");
    assert_eq!(running.trouble(), ["R052 a.toml:1"]);
}

#[tokio::test]
async fn a_start_with_broken_files_goes_on_with_the_last_good_rules_until_they_are_mended() {
    let scene = Scene::with_two();
    let version = scene.start().await.version();
    scene.write("a.toml", "[rule.a\n");
    let running = scene.start().await;
    assert_eq!((running.version(), running.ids().len()), (version.clone(), 2));
    assert_eq!(running.trouble().len(), 1);
    scene.write("a.toml", &rule("a", "first"));
    running.rest(SETTLED).await;
    assert_eq!((running.version(), running.trouble()), (version, vec![]));
}

#[tokio::test]
async fn a_start_without_any_directory_goes_on_with_the_last_good_rules_or_fails() {
    let scene = Scene::with_two();
    drop(scene.start().await);
    fs::remove_dir_all(scene.rules()).unwrap();
    let running = scene.start().await;
    assert_eq!((running.ids().len(), running.trouble()), (2, vec!["R070 rules:1".into()]));
    let stranger = Scene { store: MemoryStore::default(), ..scene };
    let told = stranger.load().await.map(|_| ()).unwrap_err();
    assert!(told.contains("error[R070]: this cannot be read: it is not there"), "{told}");
}

#[test]
fn the_poll_is_a_duration_of_a_second_at_least_or_off() {
    let load = |poll: &str| {
        let key = |name: &str, value: &str| (format!("GROUPKEEPER_{name}"), value.to_owned());
        let environment = [
            key("APP_SDK_APP_ID", "1400000000"),
            key("APP_SECRET_KEY", "0123456789abcdef"),
            key("APP_REGION", "singapore"),
            key("RULES_POLL", poll),
        ];
        Config::load(None, &environment).map(|config| config.rules.poll)
    };
    assert_eq!(load("off").unwrap(), None);
    assert_eq!(load("30s").unwrap(), Some(Duration::from_secs(30)));
    let told = load("0s").unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].to_string().contains("GROUPKEEPER_RULES_POLL"), "{}", told[0]);
}

#[tokio::test]
async fn five_thousand_files_are_looked_at_and_read() {
    let scene = Scene::new();
    for number in 0..5_000 {
        scene.write(&format!("r{number}.toml"), &rule(&format!("r{number}"), "first"));
    }
    let running = scene.start().await;
    assert_eq!(running.ids().len(), 5_000);
    scene.write("r17.toml", &rule("r17", "other"));
    running.rest(SETTLED).await;
    assert!(scene.metric("rules_reloads_total{result=\"changed\"} 2"));
}
