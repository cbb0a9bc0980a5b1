//! The real binary: killed, stopped, started twice.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;

use groupkeeper::chat::{GroupType, Role};
use groupkeeper::clock::{Clock, SystemClock};
use groupkeeper::simulator::{Fault, FaultKind, NewGroup, Options, Settings, Simulator, World};

use crate::addresses::free_address;
use crate::stage::repository;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A Chat in this process, and a folder for the bot of another.
struct Scene {
    chat: Simulator,
    clock: Arc<SystemClock>,
    folder: tempfile::TempDir,
    bot: std::net::SocketAddr,
}

/// A running `groupkeeper serve`.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(rules.join("promote.toml"), repository("rules/promote_staff.toml")).unwrap();
        let bot = free_address();
        let clock = Arc::new(SystemClock::default());
        let mut settings = Settings::new(1_400_000_000, "administrator", KEY).without_asking();
        settings.callback_token = Some("token".to_owned());
        let mut options = Options::new(World::new(settings), clock.clone());
        options.callback_url = Some(format!("http://{bot}/callback"));
        let chat = Simulator::start(options).await.unwrap();
        let group = NewGroup::new("@TGS#cats", GroupType::Public, "olga", &[]);
        let now = clock.now();
        chat.with_world(|world| world.create_group(now, group));
        Self { chat, clock, folder, bot }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        let folder = self.folder.path();
        command
            .arg("serve")
            .current_dir(folder)
            .env("GROUPKEEPER_APP_SDK_APP_ID", "1400000000")
            .env("GROUPKEEPER_APP_SECRET_KEY", KEY)
            .env("GROUPKEEPER_APP_API_BASE", self.chat.url())
            .env("GROUPKEEPER_CALLBACK_LISTEN", self.bot.to_string())
            .env("GROUPKEEPER_CALLBACK_TOKENS", "token")
            .env("GROUPKEEPER_ADMIN_LISTEN", "127.0.0.1:0")
            .env("GROUPKEEPER_LOG_LEVEL", "groupkeeper=debug")
            .stderr(Stdio::piped());
        command
    }

    fn serve(&self) -> Running {
        let mut running = Running::of(self.command().spawn().unwrap());
        running.wait_for("ready");
        running
    }

    /// Somebody of the staff joins; ends when the bot has answered.
    async fn staff_joins(&self, who: &str) {
        let now = self.clock.now();
        self.chat.with_world(|world| world.join(now, &"@TGS#cats".into(), &who.into()));
        assert!(self.chat.deliver_callbacks().await > 0);
        assert!(self.chat.with_world(|world| world.complaints().is_empty()));
    }

    fn role(&self, who: &str) -> Role {
        self.chat.with_world(|world| world.group(&"@TGS#cats".into()).unwrap().role(&who.into()))
    }
}

impl Running {
    fn of(mut child: Child) -> Self {
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    fn wait_for(&mut self, words: &str) {
        self.read_until(words);
    }

    /// Reads the log until a line says this; the end of the log is a failure. Gives what stood before it.
    fn read_until(&mut self, words: &str) -> String {
        let mut told = String::new();
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            assert!(read > 0, "the log ended without {words:?}:\n{told}");
            if line.contains(words) {
                return told;
            }
            told.push_str(&line);
        }
    }

    /// SIGKILL.
    fn kill(self) {
        drop(self);
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    /// A process that outlives its test would keep the test's output open.
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_killed_between_answer_and_delivery_carries_out_what_it_answered() {
    let scene = Scene::new().await;
    let running = scene.serve();
    let now = scene.clock.now();
    let fault = Fault { on: "*".into(), times: None, kind: FaultKind::Status(502) };
    scene.chat.with_world(|world| world.inject(now, fault));
    scene.staff_joins("staff_lin").await;
    running.kill();
    assert_eq!(scene.role("staff_lin"), Role::Member);
    scene.chat.with_world(World::clear_faults);
    let mut running = scene.serve();
    running.wait_for("settled: make staff_lin an admin of @TGS#cats");
    assert_eq!(scene.role("staff_lin"), Role::Admin);
    running.kill();
    scene.chat.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_stops_in_order_with_exit_code_0() {
    let scene = Scene::new().await;
    let mut running = scene.serve();
    scene.staff_joins("staff_lin").await;
    running.wait_for("settled: make staff_lin an admin of @TGS#cats");
    running.signal("TERM");
    running.wait_for("stopping");
    running.wait_for("stopped: everything is on disk");
    assert_eq!(running.end().code(), Some(0));
    scene.chat.stop().await;
}

/// A full disk, and `groupkeeper serve 2>&1 | head`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_whose_log_takes_nothing_goes_on_working() {
    let (gone, closed) = std::io::pipe().unwrap();
    drop(gone);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (log, staff) in [(Stdio::from(closed), "staff_lin"), (Stdio::from(full), "staff_kim")] {
        let scene = Scene::new().await;
        let mut child = scene.command().stderr(log).spawn().unwrap();
        while std::net::TcpStream::connect(scene.bot).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "it has ended");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        scene.staff_joins(staff).await;
        while scene.role(staff) != Role::Admin {
            assert_eq!(child.try_wait().unwrap(), None, "it has ended");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        scene.chat.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_store_was_made_anew_is_told() {
    let scene = Scene::new().await;
    let directory = std::fs::canonicalize(scene.folder.path()).unwrap().join("data");
    // As where a volume is not mounted.
    std::fs::create_dir(&directory).unwrap();
    let told = format!("there was no store in {}", directory.display());
    let started = |running: &mut Running| running.read_until("ready").contains(&told);
    let mut first = Running::of(scene.command().spawn().unwrap());
    assert!(started(&mut first));
    first.kill();
    let mut second = Running::of(scene.command().spawn().unwrap());
    assert!(!started(&mut second));
    second.kill();
    scene.chat.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reloads_the_rules() {
    let scene = Scene::new().await;
    let mut running = scene.serve();
    let file = scene.folder.path().join("rules/promote.toml");
    let text = repository("rules/promote_staff.toml").replace("staff_", "crew_");
    std::fs::write(file, text).unwrap();
    running.signal("HUP");
    running.wait_for("changed: promote-staff");
    scene.staff_joins("crew_kim").await;
    running.wait_for("settled: make crew_kim an admin of @TGS#cats");
    running.kill();
    scene.chat.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_folder_is_refused_with_exit_code_1() {
    let scene = Scene::new().await;
    let running = scene.serve();
    let pid = running.child.id().to_string();
    let second =
        scene.command().env("GROUPKEEPER_CALLBACK_LISTEN", "127.0.0.1:0").output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(told.contains("process") && told.contains(&pid), "{told}");
    running.kill();
    scene.chat.stop().await;
}

/// What goes wrong here is that nothing happens: then the bot is killed, and its log ends.
struct Watchdog {
    _alive: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    fn over(running: &Running) -> Self {
        let (alive, gone) = std::sync::mpsc::channel();
        let pid = running.child.id().to_string();
        std::thread::spawn(move || {
            let bound = std::time::Duration::from_secs(30);
            if gone.recv_timeout(bound) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-s", "KILL", &pid]).status();
            }
        });
        Self { _alive: alive }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saved_files_are_noticed_by_themselves_and_after_the_directory_was_swapped_too() {
    let scene = Scene::new().await;
    // The system alone tells of changes.
    let child = scene.command().env("GROUPKEEPER_RULES_POLL", "off").spawn().unwrap();
    let mut running = Running::of(child);
    let _watchdog = Watchdog::over(&running);
    running.wait_for("ready");
    let text = |prefix: &str| repository("rules/promote_staff.toml").replace("staff_", prefix);
    let rules = scene.folder.path().join("rules");
    // As vim saves.
    std::fs::rename(rules.join("promote.toml"), rules.join("promote.toml~")).unwrap();
    std::fs::write(rules.join("promote.toml"), text("crew_")).unwrap();
    running.wait_for("changed: promote-staff");
    std::fs::write(rules.join("promote.toml"), "[rule.").unwrap();
    running.wait_for("the rules were not reloaded");
    // As a deployment does: another directory under the same name.
    std::fs::rename(&rules, scene.folder.path().join("old")).unwrap();
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("promote.toml"), text("team_")).unwrap();
    running.wait_for("changed: promote-staff");
    std::fs::write(rules.join("promote.toml"), text("tribe_")).unwrap();
    running.wait_for("changed: promote-staff");
    running.kill();
    scene.chat.stop().await;
}
