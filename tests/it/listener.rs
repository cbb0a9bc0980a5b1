//! The listener itself: slow, silent, huge and senseless connections, thousands of them, and what becomes of
//! the honest ones beside them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use groupkeeper::callback::{Answered, Limits, OverBudget, Sources};
use groupkeeper::clock::ManualClock;
use groupkeeper::decision::Verdict;
use groupkeeper::service::listener::{Connections, Terms, converse, serve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::callback::{Behaviour, Site, signed, uri};
use crate::fixtures::{NOW, fixture};

const JOIN: &str = "Group.CallbackAfterNewMemberJoin";
/// Whoever calls.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

fn body() -> String {
    fixture(JOIN).body.to_string()
}

/// A callback as Chat sends it.
fn request(uri: &str, body: &str) -> String {
    format!("POST {uri} HTTP/1.1\r\nHost: bot\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn honest() -> String {
    request(&signed(JOIN), &body())
}

fn forged() -> String {
    request(&uri(JOIN, "tomorrow", NOW), &body())
}

/// A listener's connections, and how many it has closed.
struct House {
    site: Site,
    connections: Arc<Connections>,
    closed: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
}

impl House {
    fn of(terms: Terms, behaviour: Behaviour) -> Self {
        let closed = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&closed);
        let told = Arc::new(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
        });
        let clock = Arc::new(ManualClock::new(NOW));
        let limits = Limits::default();
        let site =
            Site::limited(behaviour, OverBudget::Allow, &["room"], Sources::anywhere(), limits);
        let connections = Connections::new("callback", terms, clock, told);
        Self { site, connections, closed, stop: watch::Sender::new(false) }
    }

    fn allowing(terms: Terms) -> Self {
        Self::of(terms, Behaviour::Answers(Verdict::Allow))
    }

    /// A connection without a socket.
    fn connect(&self) -> (DuplexStream, JoinHandle<()>) {
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let (router, stop) = (self.site.router.clone(), self.stop.subscribe());
        let connection = self.connections.enter(PEER.ip()).unwrap();
        let task = async move { converse(theirs, PEER, router, connection, stop).await };
        (ours, tokio::spawn(task))
    }

    /// Lets time pass for connections.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.connections.beat();
        }
        settle().await;
    }

    fn answered(&self) -> Vec<Answered> {
        self.site.counts.0.lock().unwrap().iter().map(|seen| seen.answered).collect()
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }
}

/// Lets everything go on that can, without time passing.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// One answer: its status, once it is there whole.
async fn answer(connection: &mut (impl AsyncRead + Unpin)) -> u16 {
    let mut text = Vec::new();
    let head = loop {
        text.push(connection.read_u8().await.unwrap());
        if text.ends_with(b"\r\n\r\n") {
            break String::from_utf8(text).unwrap();
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    connection.read_exact(&mut body).await.unwrap();
    head["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

/// What is answered to this on one connection, until the bot closes it or wants more.
async fn answers(house: &House, sent: impl AsRef<[u8]>) -> String {
    let (mut ours, task) = house.connect();
    let (mut reading, mut writing) = tokio::io::split(&mut ours);
    let mut told = Vec::new();
    let write = async {
        // What is refused in the middle is not read to its end.
        let _ = writing.write_all(sent.as_ref()).await;
        settle().await;
        house.pass(80).await;
    };
    tokio::join!(write, reading.read_to_end(&mut told)).1.unwrap();
    task.await.unwrap();
    String::from_utf8(told).unwrap()
}

#[tokio::test]
async fn one_connection_carries_many_callbacks_and_is_closed_when_chat_sends_no_more() {
    let house = House::allowing(Terms::callback(8));
    let (mut connection, task) = house.connect();
    for _ in 0..3 {
        connection.write_all(honest().as_bytes()).await.unwrap();
        assert_eq!(answer(&mut connection).await, 200);
        house.pass(74).await;
    }
    assert!(!task.is_finished());
    house.pass(1).await;
    task.await.unwrap();
    assert_eq!((house.closed(), house.connections.count()), (1, 0));
}

#[tokio::test]
async fn whoever_says_nothing_or_dribbles_its_head_is_closed_after_five_seconds() {
    let house = House::allowing(Terms::callback(8));
    let ((_silent, one), (mut dribbling, two)) = (house.connect(), house.connect());
    for byte in honest().as_bytes().iter().take(4) {
        dribbling.write_all(&[*byte]).await.unwrap();
        house.pass(1).await;
    }
    assert!(!one.is_finished() && !two.is_finished());
    house.pass(1).await;
    tokio::try_join!(one, two).unwrap();
    assert_eq!(house.closed(), 2);
    assert_eq!(house.answered(), []);
}

#[tokio::test]
async fn a_body_that_dribbles_is_given_up_whoever_sends_it() {
    let house = House::allowing(Terms::callback(8));
    let mut sending = Vec::new();
    for text in [honest(), forged()] {
        let (mut connection, task) = house.connect();
        connection.write_all(&text.as_bytes()[..text.len() - 5]).await.unwrap();
        sending.push((connection, task));
    }
    settle().await;
    house.pass(9).await;
    house.site.clock.set(NOW + Duration::from_millis(9_999));
    settle().await;
    assert_eq!(house.answered(), []);
    house.site.clock.set(NOW + Duration::from_secs(10));
    let mut statuses = Vec::new();
    for (connection, _) in &mut sending {
        statuses.push(answer(connection).await);
    }
    assert_eq!(statuses, [408, 403]);
    assert_eq!(house.site.counts.2.lock().unwrap().len(), 1, "only the signed one is lost");
}

#[tokio::test]
async fn whoever_never_reads_an_answer_is_closed_and_its_requests_are_not_read_for_ever() {
    let house = House::allowing(Terms::callback(8));
    let (mut connection, task) = house.connect();
    let many = forged().repeat(1_000);
    let writing = async {
        let _ = connection.write_all(many.as_bytes()).await;
    };
    tokio::select! {
        () = writing => panic!("a thousand answers were kept for somebody who reads none"),
        () = settle() => {}
    }
    settle().await;
    let taken = house.answered().len();
    assert!(taken < 500, "{taken}");
    house.pass(75).await;
    task.await.unwrap();
    assert_eq!(house.answered().len(), taken);
}

#[tokio::test]
async fn thousands_of_idle_connections_leave_room_for_an_honest_one_and_take_no_more_than_their_limit()
 {
    let house = House::allowing(Terms::callback(64));
    let (mut chat, _chat) = house.connect();
    chat.write_all(honest().as_bytes()).await.unwrap();
    assert_eq!(answer(&mut chat).await, 200);
    let mut idle = Vec::new();
    for number in 0..3_000 {
        let (mut connection, task) = house.connect();
        // Some say nothing, some begin.
        connection.write_all(&b"POST /"[..number % 7]).await.unwrap();
        idle.push((connection, task));
        if number % 100 == 0 {
            settle().await;
            assert!(house.connections.count() <= 64, "{}", house.connections.count());
            let (mut new, _new) = house.connect();
            new.write_all(honest().as_bytes()).await.unwrap();
            assert_eq!(answer(&mut new).await, 200);
        }
    }
    // The connection that Chat keeps was never closed for the sake of strangers.
    chat.write_all(honest().as_bytes()).await.unwrap();
    assert_eq!(answer(&mut chat).await, 200);
    assert!(house.closed() >= 2_900, "{}", house.closed());
}

#[tokio::test]
async fn a_callback_that_is_being_decided_is_not_cut_off_however_many_come() {
    let gate = Arc::new(Notify::new());
    let house = House::of(Terms::callback(4), Behaviour::Waits(gate.clone()));
    let (mut chat, _chat) = house.connect();
    chat.write_all(honest().as_bytes()).await.unwrap();
    settle().await;
    let crowd: Vec<_> = (0..50).map(|_| house.connect()).collect();
    house.pass(3_600).await;
    gate.notify_one();
    assert_eq!(answer(&mut chat).await, 200);
    drop(crowd);
}

#[tokio::test]
async fn senseless_bytes_are_answered_as_such_or_not_at_all_and_cost_nothing_more() {
    let house = House::allowing(Terms::callback(8));
    let status = |told: &str| told.lines().next().unwrap_or_default().to_owned();
    let long = |times: usize| "x".repeat(times);
    for (sent, expected) in [
        (String::new(), ""),
        ("\0\0\0\0\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
        (
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
        ),
        // HTTP/2 is not spoken here, and its clients would not understand an answer.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
        (
            "POST /callback HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "POST /callback HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
                .to_owned(),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            format!("POST /callback HTTP/1.1\r\nX: {}\r\n\r\n", long(100_000)),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
        (
            format!("POST /callback HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1_000)),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
        (
            format!("POST /{} HTTP/1.1\r\n\r\n", long(70_000)),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
        (
            "POST /callback HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            "HTTP/1.1 403 Forbidden",
        ),
    ] {
        let told = answers(&house, &sent).await;
        let sent: String = sent.chars().take(60).collect();
        assert_eq!(status(&told), expected, "{sent:?}");
    }
    assert_eq!(house.site.entered(), Vec::<String>::new());
    assert_eq!(house.connections.count(), 0);
}

#[tokio::test]
async fn a_chunked_body_without_an_end_is_heard_out_only_so_far() {
    let house = House::allowing(Terms::callback(8));
    let head = format!("POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", signed(JOIN));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    let told = answers(&house, head + &chunk.repeat(200)).await;
    assert!(told.starts_with("HTTP/1.1 413 "), "{told}");
    assert_eq!(house.answered(), [Answered::TooLarge]);
}

#[tokio::test]
async fn callbacks_are_taken_over_http_1_0_pipelined_and_after_100_continue() {
    let house = House::allowing(Terms::callback(8));
    let old = honest().replace("HTTP/1.1", "HTTP/1.0");
    assert!(answers(&house, old).await.starts_with("HTTP/1.0 200 OK"));
    let pipelined = honest() + &forged() + &honest();
    let told = answers(&house, pipelined).await;
    let statuses: Vec<&str> = told.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "403", "200"]);
    let expecting = honest().replace("Host: bot\r\n", "Host: bot\r\nExpect: 100-continue\r\n");
    let told = answers(&house, expecting).await;
    assert!(told.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{told}");
    let expecting = forged().replace("Host: bot\r\n", "Host: bot\r\nExpect: 100-continue\r\n");
    assert!(answers(&house, expecting).await.starts_with("HTTP/1.1 403 Forbidden"));
}

#[tokio::test]
async fn over_real_sockets_silent_connections_give_way_and_a_stop_waits_for_answers_only() {
    let gate = Arc::new(Notify::new());
    let quick = Terms { head: Duration::from_millis(500), ..Terms::callback(16) };
    let house = House::of(quick, Behaviour::Waits(gate.clone()));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (router, connections) = (house.site.router.clone(), house.connections.clone());
    let serving = tokio::spawn(serve(socket, router, connections, house.stop.subscribe()));
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    for connection in &mut silent {
        // Made way for, or closed when their time was over.
        assert!(
            matches!(connection.read_u8().await, Err(error) if error.kind() != std::io::ErrorKind::WouldBlock)
        );
    }
    assert_eq!(house.closed(), 100);
    let mut chat = TcpStream::connect(address).await.unwrap();
    chat.write_all(honest().as_bytes()).await.unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    while house.connections.count() < 2 {
        tokio::task::yield_now().await;
    }
    house.stop.send_replace(true);
    let gone = async {
        while house.connections.count() > 1 {
            tokio::task::yield_now().await;
        }
    };
    gone.await;
    assert!(!serving.is_finished());
    gate.notify_one();
    assert_eq!(answer(&mut chat).await, 200);
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
