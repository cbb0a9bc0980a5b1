//! The line from Chat to the bot, and the ledger of it: what Chat told, how often, and whether it was answered.
//!
//! The simulated Chat tells each callback here and is done with it. From here it is told to the bot, group by
//! group in order and groups side by side, signed anew each time, until the bot has answered it with 200; some
//! of those that were answered are told once more. So a callback is given up by nobody, however often the bot dies.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::TOKEN;
use crate::http::Http;
use crate::rng::Rng;

/// How long Chat waits for an answer (34354).
const PATIENCE: Duration = Duration::from_secs(2);
/// Until it is told again what was not answered. Chat takes longer; here, the sooner the harder.
const PAUSE: Duration = Duration::from_millis(20);
/// So many of a thousand that were answered are told once more.
const TWICE: u64 = 40;
const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// One callback.
#[derive(Clone, Debug)]
pub struct Told {
    /// As Chat wrote it, without its signature.
    query: String,
    bytes: Bytes,
    pub body: Value,
    /// Answers with HTTP 200.
    pub answered: u32,
    /// Answers with something else.
    pub refused: u32,
    /// Posts that reached the bot, or a connection that it had, and got no answer.
    pub broken: u32,
}

impl Told {
    /// `CallbackCommand`.
    pub fn command(&self) -> &str {
        self.body["CallbackCommand"].as_str().unwrap_or_default()
    }

    /// `GroupId`; empty where it is about none.
    pub fn group(&self) -> &str {
        self.body["GroupId"].as_str().unwrap_or_default()
    }
}

/// What became of all posts.
#[derive(Debug, Default)]
pub struct Sums {
    pub callbacks: usize,
    /// Callbacks that needed more than one post.
    pub resent: usize,
    /// Answered callbacks that were told once more and answered again.
    pub twice: usize,
    /// Answers by status, those with 200 left out.
    pub refused: BTreeMap<u16, usize>,
}

struct Shared {
    bot: Http,
    ledger: Mutex<Vec<Told>>,
    refused: Mutex<BTreeMap<u16, usize>>,
    lanes: Mutex<HashMap<String, Sender<usize>>>,
    waiting: AtomicUsize,
    closed: AtomicBool,
}

/// A listener for Chat; what it has heard is told to the bot until it is dropped.
pub struct Line {
    shared: Arc<Shared>,
    /// What Chat is to be given as callback URL.
    pub url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Line {
    /// Listens, and tells a bot that listens, now or later, on this address.
    pub fn to(bot: SocketAddr) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let shared = Arc::new(Shared {
            bot: Http::new(format!("http://{bot}/callback"), PATIENCE),
            ledger: Mutex::default(),
            refused: Mutex::default(),
            lanes: Mutex::default(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(hear).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { shared, url, _runtime: runtime }
    }

    /// Callbacks that the bot has not answered yet.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Acquire)
    }

    /// Every callback that Chat has told, in its order.
    pub fn ledger(&self) -> Vec<Told> {
        self.shared.ledger.lock().unwrap().clone()
    }

    pub fn sums(&self) -> Sums {
        let ledger = self.shared.ledger.lock().unwrap();
        let count = |so: fn(&Told) -> bool| ledger.iter().filter(|told| so(told)).count();
        Sums {
            callbacks: ledger.len(),
            resent: count(|told| told.broken + told.refused > 0),
            twice: count(|told| told.answered > 1),
            refused: self.shared.refused.lock().unwrap().clone(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.lanes.lock().unwrap().clear();
    }
}

async fn hear(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    bytes: Bytes,
) -> &'static str {
    let query = query.unwrap_or_default();
    let unsigned = |pair: &&str| !pair.starts_with("Sign=") && !pair.starts_with("RequestTime=");
    let query: Vec<&str> = query.split('&').filter(unsigned).collect();
    let told = Told {
        query: query.join("&"),
        body: serde_json::from_slice(&bytes).unwrap(),
        bytes,
        answered: 0,
        refused: 0,
        broken: 0,
    };
    let lane = told.group().to_owned();
    let number = {
        let mut ledger = shared.ledger.lock().unwrap();
        ledger.push(told);
        ledger.len() - 1
    };
    shared.waiting.fetch_add(1, Ordering::AcqRel);
    let mut lanes = shared.lanes.lock().unwrap();
    let sender = lanes.entry(lane).or_insert_with(|| {
        let (sender, receiver) = channel();
        let (shared, seed) = (Arc::clone(&shared), number as u64);
        std::thread::spawn(move || shared.tell_in_order(&receiver, Rng::new(seed)));
        sender
    });
    // A lane ends only with the line.
    let _ = sender.send(number);
    OK
}

impl Shared {
    fn tell_in_order(&self, numbers: &Receiver<usize>, mut rng: Rng) {
        while let Ok(number) = numbers.recv() {
            while !self.tell(number) {
                if self.closed.load(Ordering::Acquire) {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if rng.chance(TWICE) {
                self.tell(number);
            }
        }
    }

    /// Whether it was answered.
    fn tell(&self, number: usize) -> bool {
        let (query, bytes) = {
            let told = &self.ledger.lock().unwrap()[number];
            (told.query.clone(), told.bytes.clone())
        };
        let answer = self.bot.post(&format!("?{query}&{}", signature()), &bytes);
        let told = &mut self.ledger.lock().unwrap()[number];
        match answer {
            Ok((200, body)) => {
                assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["ErrorCode"], 0, "{body}");
                told.answered += 1;
                return true;
            }
            Ok((status, _)) => {
                told.refused += 1;
                *self.refused.lock().unwrap().entry(status).or_default() += 1;
            }
            // While nobody listens, nobody was told.
            Err(error) if error.contains("refused") => {}
            Err(_) => told.broken += 1,
        }
        false
    }
}

/// `Sign` and `RequestTime` as Chat writes them (34354).
pub fn signature() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let digest = Sha256::digest(format!("{TOKEN}{time}"));
    let sign: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Sign={sign}&RequestTime={time}")
}
