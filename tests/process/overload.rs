//! More than the bot can serve, of callbacks that Chat signed and of what strangers send: what is answered,
//! how soon the honest are, and how much memory it takes.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::bot::{Bot, Home};
use crate::chat::Chat;
use crate::{SDK_APP_ID, TOKEN, free_address, wait_until};

/// How long Chat waits for an answer (34354).
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that the bot takes here, those that callbacks of an attack come over at most, and those that
/// say nothing: more than it takes.
const CONNECTIONS: usize = 600;
const ATTACKING: usize = 400;
const SILENT: usize = 800;
/// MiB that the process may take, however long it is under attack: what its bounds add up to, and a margin.
const MOST_MEMORY: u64 = 320;
/// An attack after which everything that is bounded has come to its bound.
const LONG: Duration = Duration::from_secs(1_800);
/// Counts every message of everybody.
const RULES: &str = r#"
[rule.flood]
on = "message.sent"
count = { each = ["group", "member"], within = "1s", more_than = 50 }
do = [{ alert = { text = "{member.id} floods {group.id}" } }]
"#;

/// What became of everything that was sent.
#[derive(Default)]
struct Sums {
    offered: AtomicU64,
    answered: AtomicU64,
    shed: AtomicU64,
    refused: AtomicU64,
    /// Cut off, not answered in time, or not sent because all connections wait for answers.
    without: AtomicU64,
}

impl Sums {
    fn add(&self, status: Option<u16>) {
        let count = match status {
            Some(200) => &self.answered,
            Some(503) => &self.shed,
            Some(_) => &self.refused,
            None => &self.without,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn of(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attack {
    Nothing,
    /// Signed messages in ten groups.
    FewGroups,
    /// Signed messages, each in a group of its own.
    ManyGroups,
    /// The same without the token.
    Forged,
    /// Connections that say nothing, or dribble a head or a body, besides forged callbacks.
    Slow,
}

/// A message as Chat tells of it, signed now.
fn message(token: &str, group: &str, number: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = now.as_secs().to_string();
    let digest = Sha256::digest(format!("{token}{time}"));
    let sign: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "hello everybody" } }]);
    let body = json!({
        "CallbackCommand": "Group.CallbackAfterSendMsg", "GroupId": group, "Type": "Public",
        "From_Account": format!("user{}", number % 100), "MsgSeq": number, "MsgTime": now.as_secs(),
        "MsgBody": text,
    });
    let body = body.to_string();
    format!(
        "POST /callback?SdkAppid={SDK_APP_ID}&CallbackCommand=Group.CallbackAfterSendMsg&contenttype=json\
         &Sign={sign}&RequestTime={time} HTTP/1.1\r\nHost: bot\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends one request and reads its answer whole; `None` when there is none in time.
async fn ask(connection: &mut TcpStream, request: &str) -> Option<u16> {
    let asking = async {
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut told = Vec::with_capacity(512);
        loop {
            if connection.read_buf(&mut told).await.ok()? == 0 {
                return None;
            }
            // Every answer to a POST ends with the object that is its body.
            if told.ends_with(b"}") {
                return std::str::from_utf8(told.get(9..12)?).ok()?.parse().ok();
            }
        }
    };
    timeout(PATIENCE, asking).await.ok().flatten()
}

/// Where Chat calls from here, and where strangers do.
const CHAT: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRANGERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// Connections that are kept, as Chat keeps them.
struct Pool {
    from: Ipv4Addr,
    address: SocketAddr,
    kept: Mutex<Vec<TcpStream>>,
}

impl Pool {
    fn new(from: Ipv4Addr, address: SocketAddr) -> Arc<Self> {
        Arc::new(Self { from, address, kept: Mutex::default() })
    }

    async fn ask(&self, request: &str) -> Option<u16> {
        let kept = self.kept.lock().unwrap().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => timeout(PATIENCE, connect(self.from, self.address)).await.ok()?.ok()?,
        };
        let status = ask(&mut connection, request).await?;
        self.kept.lock().unwrap().push(connection);
        Some(status)
    }
}

/// Sends so many a second, whether or not they are answered, until it is dropped.
async fn offer(address: SocketAddr, attack: Attack, a_second: f64, sums: Arc<Sums>) {
    let strange = attack == Attack::Forged || attack == Attack::Slow;
    let from = if strange { STRANGERS } else { CHAT };
    let (pool, free) = (Pool::new(from, address), Arc::new(Semaphore::new(ATTACKING)));
    let began = Instant::now();
    let mut sent = 0_u64;
    loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        while (sent as f64) < began.elapsed().as_secs_f64() * a_second {
            sent += 1;
            sums.offered.fetch_add(1, Ordering::Relaxed);
            let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
                sums.add(None);
                continue;
            };
            let token = if strange { "guess" } else { TOKEN };
            let (group, number) = match attack {
                Attack::FewGroups => (format!("@TGS#few{}", sent % 10), sent / 10),
                _ => (format!("@TGS#many{sent}"), 1),
            };
            let (pool, sums, request) =
                (pool.clone(), sums.clone(), message(token, &group, number));
            tokio::spawn(async move {
                sums.add(pool.ask(&request).await);
                drop(place);
            });
        }
    }
}

/// Keeps a connection open that brings nothing to an end, and opens it anew when it is closed.
async fn dribble(address: SocketAddr, number: usize) {
    let whole = message(TOKEN, "@TGS#slow", 1);
    let cut = match number % 3 {
        0 => 0,
        1 => 60,
        _ => whole.len() - 20,
    };
    loop {
        if let Ok(mut connection) = connect(STRANGERS, address).await {
            let _ = connection.write_all(&whole.as_bytes()[..cut]).await;
            let mut byte = [0];
            // Whatever comes or breaks, it begins anew.
            let _ = connection.read(&mut byte).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One message every fiftieth of a second in a group of its own, now and then over a new connection; how
/// long each took that was answered, and how many were not.
async fn honest(address: SocketAddr, length: Duration) -> (Vec<Duration>, usize) {
    let (began, mut pool) = (Instant::now(), Pool::new(CHAT, address));
    let (mut took, mut unanswered) = (Vec::new(), 0);
    let first = u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos());
    for number in 0.. {
        let due = began + Duration::from_millis(20) * number;
        if due > began + length || began.elapsed() > length {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        if number % 10 == 0 {
            pool = Pool::new(CHAT, address);
        }
        let request = message(TOKEN, "@TGS#honest", first + u64::from(number));
        let asked = Instant::now();
        match pool.ask(&request).await {
            Some(200) => took.push(asked.elapsed()),
            _ => unanswered += 1,
        }
    }
    took.sort();
    (took, unanswered)
}

/// MiB that the process has in memory.
fn memory(bot: &Bot) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bot.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_024
}

/// What one attack came to.
struct Row {
    attack: Attack,
    sums: Arc<Sums>,
    took: Vec<Duration>,
    unanswered: usize,
    /// MiB at the start, after half, after five sixths, and at the end.
    memory: [u64; 4],
    length: Duration,
    /// The slowest answer of the admin listener.
    admin: Duration,
}

impl Row {
    fn p99(&self) -> Duration {
        self.took.get(self.took.len() * 99 / 100).copied().unwrap_or_default()
    }

    fn print(&self) {
        let a_second = |count: &AtomicU64| Sums::of(count) / self.length.as_secs().max(1);
        let honest = self.took.len() + self.unanswered;
        let [start, half, late, end] = self.memory;
        println!(
            "| {:?} | {} | {} | {} | {} | {} | {} of {honest} | {} ms | {} ms | {start} / {half} / {late} / {end} |",
            self.attack,
            a_second(&self.sums.offered),
            a_second(&self.sums.answered),
            a_second(&self.sums.shed),
            a_second(&self.sums.refused),
            a_second(&self.sums.without),
            self.took.len(),
            self.p99().as_millis(),
            self.admin.as_millis(),
        );
    }
}

struct Scene {
    chat: Chat,
    home: Home,
    bot: Bot,
    runtime: tokio::runtime::Runtime,
}

impl Scene {
    /// A bot that may have only so many files open.
    fn new(files: usize) -> Self {
        let callback = free_address();
        let chat = Chat::start(&format!("http://{callback}/callback"));
        // So few entries that the journal is full before an attack is over.
        let config = "[reconcile]\nevery = \"1h\"\n[journal]\nmost = 100000\n";
        let home = Home::at(callback, &chat.url, RULES, config);
        let mut command = Command::new("sh");
        let bot = env!("CARGO_BIN_EXE_groupkeeper");
        command.current_dir(home.path()).arg("-c");
        command.arg(format!("ulimit -n {files}; exec '{bot}' serve"));
        command.env("GROUPKEEPER_CALLBACK_CONNECTIONS", CONNECTIONS.to_string());
        let mut bot = home.spawn_as(command, home.admin);
        bot.wait_until_ready().unwrap_or_else(|| panic!("it ended at once:\n{}", home.log()));
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        Self { chat, home, bot, runtime }
    }

    /// Callbacks a second that are answered when there are always some waiting.
    fn capacity(&self) -> f64 {
        let (address, length) = (self.home.callback, Duration::from_secs(3));
        let answered = self.runtime.block_on(async {
            let asking = (0..64).map(|number| async move {
                let (pool, began) = (Pool::new(CHAT, address), Instant::now());
                let mut answered = 0_u64;
                while began.elapsed() < length {
                    let group = format!("@TGS#first{number}");
                    let request = message(TOKEN, &group, answered);
                    answered += u64::from(pool.ask(&request).await == Some(200));
                }
                answered
            });
            futures_util::future::join_all(asking).await
        });
        answered.iter().sum::<u64>() as f64 / length.as_secs_f64()
    }

    fn under(&self, attack: Attack, a_second: f64, length: Duration) -> Row {
        let (address, sums) = (self.home.callback, Arc::new(Sums::default()));
        let mut tasks = Vec::new();
        if attack != Attack::Nothing {
            tasks.push(self.runtime.spawn(offer(address, attack, a_second, sums.clone())));
        }
        if attack == Attack::Slow {
            tasks.extend((0..SILENT).map(|number| self.runtime.spawn(dribble(address, number))));
        }
        let probe = self.runtime.spawn(honest(address, length));
        let (mut sizes, mut admin) = ([memory(&self.bot); 4], Duration::ZERO);
        for (place, sixths) in [(1, 3), (2, 2), (3, 1)] {
            let began = Instant::now();
            while began.elapsed() < length * sixths / 6 {
                let asked = Instant::now();
                let answer = self.bot.admin.get("/readyz");
                assert_eq!(answer.unwrap().0, 200, "operators must get through");
                admin = admin.max(asked.elapsed());
                std::thread::sleep(Duration::from_millis(100));
            }
            sizes[place] = memory(&self.bot);
        }
        let (took, unanswered) = self.runtime.block_on(probe).unwrap();
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        Row { attack, sums, took, unanswered, memory: sizes, length, admin }
    }

    /// A counter, over all its labels that contain this.
    fn counted(&self, name: &str, label: &str) -> u64 {
        let (_, text) = self.bot.admin.get("/metrics").unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// What was shed is counted, and its groups are compared with Chat when it is over.
    fn what_was_shed_is_compared(&self) {
        // In this order: some are still being answered.
        let answered_so = self.counted("groupkeeper_callbacks_total", "\"shed\"");
        let shed = self.counted("groupkeeper_callbacks_lost_total", "\"shed\"");
        // Some had hung up before they could hear it.
        assert!(shed >= answered_so && shed > 0, "{shed} lost, {answered_so} told so");
        let told = || self.bot.get("/api/v1/reconcile").to_string();
        wait_until(Duration::from_secs(90), told, || told().contains("\"gap\""));
    }
}

/// The connections that strangers hold open are more than the bot takes, and it may have few files open: who
/// comes from Chat is answered, operators get through, and it takes no more memory.
#[test]
fn strangers_with_slow_connections_and_forged_callbacks_do_not_keep_chat_out() {
    let scene = Scene::new(320);
    let row = scene.under(Attack::Slow, 300.0, Duration::from_secs(3));
    row.print();
    let honest = row.took.len() + row.unanswered;
    assert!(row.took.len() * 10 >= honest * 9, "{} of {honest} answered", row.took.len());
    assert!(row.p99() < PATIENCE);
    assert!(scene.counted("groupkeeper_connections_closed_total", "callback") > 0);
    assert!(scene.counted("groupkeeper_callbacks_total", "forged") > 0);
    assert!(!scene.home.log().contains("panicked"), "{}", scene.home.log());
    // A line for each kind of trouble, not for each stranger.
    assert!(scene.home.log().lines().count() < 60, "{}", scene.home.log());
    scene.bot.stop(Duration::from_secs(10));
    drop(scene.chat);
}

/// Prints the table of `docs/reliability.md`.
#[test]
#[ignore = "takes minutes; docs/reliability.md says how to run it"]
fn ten_times_what_it_can_serve_leaves_memory_flat_and_the_honest_answered() {
    let seconds = std::env::var("OVERLOAD_SECONDS").ok().and_then(|text| text.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(60));
    let scene = Scene::new(4_096);
    let capacity = scene.capacity();
    println!(
        "it answers {capacity:.0} callbacks a second; ten times that is offered, {length:?} each"
    );
    println!(
        "| attack | offered/s | answered/s | shed/s | refused/s | without/s | honest answered | honest p99 | admin max | MiB start / half / five sixths / end |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let only = std::env::var("OVERLOAD_ATTACK").ok();
    let all =
        [Attack::Nothing, Attack::FewGroups, Attack::ManyGroups, Attack::Forged, Attack::Slow];
    let wanted = |attack: &Attack| only.as_ref().is_none_or(|name| format!("{attack:?}") == *name);
    for attack in all.into_iter().filter(wanted) {
        // New groups are told from those that have been there for a minute.
        let known = Duration::from_secs(65);
        if attack == Attack::ManyGroups && (only.is_some() || length * 2 < known) {
            scene.under(Attack::Nothing, 0.0, known);
        }
        let row = scene.under(attack, capacity * 10.0, length);
        row.print();
        let honest = row.took.len() + row.unanswered;
        assert!(row.took.len() * 10 >= honest * 9, "{} of {honest} answered", row.took.len());
        assert!(row.p99() < PATIENCE, "{:?}", row.p99());
        let [.., late, end] = row.memory;
        assert!(end <= MOST_MEMORY, "it takes more than it may: {:?}", row.memory);
        // By then all that is bounded has come to its bound; in a shorter run it is still on its way.
        if length >= LONG {
            assert!(end <= late + late / 20, "memory grows: {:?}", row.memory);
        }
    }
    scene.what_was_shed_is_compared();
    println!("stopped in {:?}", scene.bot.stop(Duration::from_secs(10)));
    drop(scene.chat);
}
