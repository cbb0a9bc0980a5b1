//! The processes that are measured: the service itself, and what stands beside it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::addresses::free_address;
use super::callbacks::{APP, TOKEN};
use super::machine::{self, command};

const PATIENCE: Duration = Duration::from_secs(120);

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// Says which build of the service is started from now on.
pub fn measure(binary: PathBuf) {
    BINARY.get_or_init(|| binary);
}

/// The build of the service that is measured.
pub fn binary() -> &'static Path {
    BINARY.get().map_or(Path::new(env!("CARGO_BIN_EXE_groupkeeper")), PathBuf::as_path)
}

/// A process that answers callbacks; it ends with this.
pub struct Server {
    pub address: SocketAddr,
    pub pid: u32,
    /// From the start of the process until it said that it is ready.
    pub start: Duration,
    child: Child,
    log: Option<PathBuf>,
}

impl Server {
    /// Starts a process and waits until `word` stands in its log, a file in this folder.
    fn when_told(mut starting: Command, address: SocketAddr, word: &str, folder: &Path) -> Self {
        // Not beside the rules: who watches these would hear of each line.
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs).unwrap();
        let log = logs.join(address.port().to_string());
        let begin = Instant::now();
        starting.stderr(File::create(&log).unwrap()).stdout(Stdio::null());
        let mut child = starting.spawn().unwrap();
        loop {
            let told = std::fs::read_to_string(&log).unwrap();
            if told.contains(word) {
                break;
            }
            let ended = child.try_wait().is_ok_and(|ended| ended.is_some());
            if ended || begin.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("a server did not start:\n{told}");
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        Self { address, pid: child.id(), start: begin.elapsed(), child, log: Some(log) }
    }

    /// Starts a process that cannot say when it is ready: waits until somebody listens there.
    pub fn when_listening(mut starting: Command, address: SocketAddr) -> Result<Self, String> {
        let begin = Instant::now();
        let child = starting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        let lines = lines(&mut child);
        while TcpStream::connect(address).is_err() {
            if begin.elapsed() > PATIENCE || child.try_wait().is_ok_and(|ended| ended.is_some()) {
                let _ = child.kill();
                return Err(lines.try_iter().collect::<Vec<_>>().join(" "));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Read on, so that it can go on writing.
        std::thread::spawn(move || lines.iter().count());
        Ok(Self { address, pid: child.id(), start: begin.elapsed(), child, log: None })
    }

    pub fn cpu(&self) -> Duration {
        machine::cpu(self.pid)
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) {
        let told = Command::new("kill").args(["-s", "TERM", &self.pid.to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "the server had ended before");
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Some(told) = self.log.as_ref().and_then(|log| std::fs::read_to_string(log).ok())
        {
            let last = told.lines().rev().take(10).collect::<Vec<_>>();
            eprintln!("what the server said last, the last first:\n{}", last.join("\n"));
        }
    }
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (tell, lines) = channel();
    let stderr = child.stderr.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    lines
}

/// In what one service may differ from another. As most rows want it: the shipped rule that promotes staff,
/// everything else as operators have it.
#[derive(Clone)]
pub struct Setup {
    /// The files of the rules directory.
    pub rules: Vec<(String, String)>,
    /// Calls of one command a second; `None`: as Chat wants it.
    pub calls_per_second: Option<u32>,
    /// Whether groups are compared with Chat, as they usually are.
    pub reconcile: bool,
    /// Whether anything outlives the process. What it costs without is the least that any store could come to.
    pub keeps: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let rule = include_str!("../../rules/promote_staff.toml");
        Self {
            rules: vec![("promote_staff.toml".to_owned(), rule.to_owned())],
            calls_per_second: None,
            reconcile: true,
            keeps: true,
        }
    }
}

/// Starts the service as operators do: a configuration file, a directory of rules, a store on disk, all of
/// it in this folder. REST calls go to `chat`.
pub fn groupkeeper(folder: &Path, chat: SocketAddr, setup: &Setup) -> Server {
    build(binary(), folder, chat, setup)
}

/// As [`groupkeeper`], of this build.
pub fn build(binary: &Path, folder: &Path, chat: SocketAddr, setup: &Setup) -> Server {
    let rules = folder.join("rules");
    std::fs::create_dir_all(&rules).unwrap();
    for (name, text) in &setup.rules {
        std::fs::write(rules.join(name), text).unwrap();
    }
    let (callback, admin) = (free_address(), free_address());
    let rest = match setup.calls_per_second {
        Some(rate) => format!("calls_per_second = {rate}"),
        None => String::new(),
    };
    let store = match setup.keeps {
        true => format!("sled:{}", folder.join("data").display()),
        false => "memory:".to_owned(),
    };
    let every = if setup.reconcile { "10m" } else { "off" };
    let text = format!(
        r#"
[app]
sdk_app_id = {APP}
secret_key = "0123456789abcdef0123456789abcdef"
api_base = "http://{chat}"
[callback]
listen = "{callback}"
tokens = ["{TOKEN}"]
[rules]
directory = {rules:?}
[store]
url = {store:?}
[rest]
{rest}
[reconcile]
every = "{every}"
[admin]
listen = "{admin}"
"#
    );
    let config = folder.join("groupkeeper.toml");
    std::fs::write(&config, text).unwrap();
    let mut starting = command(binary.to_str().unwrap());
    starting.arg("serve").arg("--config").arg(config);
    Server::when_told(starting, callback, " ready ", folder)
}

/// Starts one of the servers that this very program holds.
pub fn own(name: &str, folder: &Path, chat: SocketAddr) -> Server {
    let address = free_address();
    let program = std::env::current_exe().unwrap();
    let mut starting = command(program.to_str().unwrap());
    starting.arg("rival").arg(name).arg(address.to_string()).arg(chat.to_string()).arg(folder);
    Server::when_told(starting, address, "ready", folder)
}
