//! `groupkeeper serve` as a process, on a directory that outlives it.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Http;
use crate::{ADMIN, KEY, SDK_APP_ID, TOKEN, free_address};

/// How long a start may take, recovery and a slow machine included.
const START: Duration = Duration::from_secs(30);

/// Configuration, rules and store of one bot, on a real disk, whatever process works on them.
pub struct Home {
    folder: PathBuf,
    pub callback: SocketAddr,
    pub admin: SocketAddr,
}

impl Home {
    /// A fresh directory for a bot of the Chat at `chat`, with one file of rules, and further tables
    /// of configuration.
    pub fn new(chat: &str, rules: &str, further: &str) -> Self {
        Self::at(free_address(), chat, rules, further)
    }

    /// The same, where the address that Chat calls was known before.
    pub fn at(callback: SocketAddr, chat: &str, rules: &str, further: &str) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(target).unwrap();
        let folder = tempfile::Builder::new().prefix("process-").tempdir_in(target).unwrap().keep();
        let admin = free_address();
        fs::create_dir(folder.join("rules")).unwrap();
        fs::write(folder.join("rules/rules.toml"), rules).unwrap();
        let config = format!(
            r#"[app]
sdk_app_id = {SDK_APP_ID}
admin      = "{ADMIN}"
secret_key = "{KEY}"
api_base   = "{chat}"

[callback]
listen = "{callback}"
tokens = ["{TOKEN}"]

[admin]
listen = "{admin}"

{further}"#
        );
        fs::write(folder.join("groupkeeper.toml"), config).unwrap();
        Self { folder, callback, admin }
    }

    /// Where Chat is to send callbacks.
    pub fn callback_url(&self) -> String {
        format!("http://{}/callback", self.callback)
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// `groupkeeper` with these arguments, run here.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groupkeeper"));
        command.current_dir(&self.folder).args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts the bot and waits for nothing.
    pub fn spawn(&self) -> Bot {
        self.spawn_as(self.command(&["serve"]), self.admin)
    }

    /// Starts another one on the same store, with addresses of its own.
    pub fn spawn_beside(&self) -> Bot {
        let (callback, admin) = (free_address(), free_address());
        let mut command = self.command(&["serve"]);
        command
            .env("GROUPKEEPER_CALLBACK_LISTEN", callback.to_string())
            .env("GROUPKEEPER_ADMIN_LISTEN", admin.to_string());
        self.spawn_as(command, admin)
    }

    /// Starts it by another command: an environment added, or a program in front.
    pub fn spawn_as(&self, mut command: Command, admin: SocketAddr) -> Bot {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let began = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Bot { child, began, admin: Http::new(format!("http://{admin}"), Duration::from_secs(5)) }
    }

    /// Starts the bot and waits until it is ready.
    pub fn serve(&self) -> Bot {
        let mut bot = self.spawn();
        bot.wait_until_ready().unwrap_or_else(|| panic!("it ended at once:\n{}", self.log()));
        bot
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// What all processes here have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Empties the log: what is in it afterwards, was said afterwards.
    pub fn forget_log(&self) {
        File::create(self.log_path()).unwrap();
    }

    /// `groupkeeper fsck` on the store of a bot that has ended: what it says, if anything is wrong.
    pub fn fsck(&self) -> Result<(), String> {
        let output = self.run(&["fsck", "--store", "sled:data"]);
        let told = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(()),
            false => Err(told(&output.stdout) + &told(&output.stderr)),
        }
    }
}

impl Drop for Home {
    /// What a test failed over is left to be looked at.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
            eprintln!("left in {}; its log ends:\n{}", self.folder.display(), &log[from..]);
        } else {
            // A folder that is left over harms nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One process; killed with its test.
pub struct Bot {
    child: Child,
    began: Instant,
    pub admin: Http,
}

impl Bot {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How long it took from the start; `None` when it ended before it was ready.
    pub fn wait_until_ready(&mut self) -> Option<Duration> {
        let impatient = &self.admin;
        while !impatient.get("/readyz").is_ok_and(|(status, _)| status == 200) {
            if self.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(self.began.elapsed() < START, "not ready after {START:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        Some(self.began.elapsed())
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Sends a signal by name, `TERM` for instance. Not to a process that has been waited for.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How it ended, and after how long; a process that has not ended after `limit` is a failure.
    pub fn wait(&mut self, limit: Duration) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < limit, "it still runs after {limit:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGTERM, and how long until it ended with exit code 0.
    pub fn stop(mut self, limit: Duration) -> Duration {
        self.signal("TERM");
        let (status, took) = self.wait(limit);
        assert_eq!((status.code(), status.signal()), (Some(0), None), "after SIGTERM");
        took
    }

    /// A page of the admin listener: `/api/v1/outbox` for instance.
    pub fn get(&self, path: &str) -> Value {
        self.admin.json(path)
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.end();
    }
}
