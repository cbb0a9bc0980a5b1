//! A listener that strangers can reach: so many connections and no more, none for longer than it may,
//! and whoever is at work for Chat is the last to go.

mod connections;
mod files;
mod stream;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

pub use connections::{Closed, Connection, Connections, Told};
pub use files::{Bounded, bounded};

use connections::BEAT;
use stream::Watched;

/// What is read ahead of a connection, and the largest head.
const BUFFER: usize = 64 * 1024;
/// How many connections are given up when the system has no more file handles, and for how long none
/// is taken.
const NO_FILES: (usize, Duration) = (64, Duration::from_millis(50));

/// How many connections, and how long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub connections: usize,
    /// Until the head of a request is complete, from its first byte or, for the first, from the beginning.
    pub head: Duration,
    /// From the head to the answer, unless the listener says that it is at work.
    pub request: Duration,
    /// From one request to the next.
    pub idle: Duration,
}

impl Terms {
    /// Where Chat calls: it gives up after two seconds (34354), so nothing honest takes so long.
    pub fn callback(connections: usize) -> Self {
        Self {
            connections,
            head: Duration::from_secs(5),
            request: Duration::from_secs(12),
            idle: Duration::from_secs(75),
        }
    }

    /// Where operators call: few, and a copy of the store takes its time.
    pub fn admin() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(5),
            request: Duration::from_secs(120),
            idle: Duration::from_secs(75),
        }
    }
}

/// Takes connections until told to stop; ends when the last request is answered.
pub async fn serve(
    socket: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) {
    let (sweeping, mut stopping) = (Arc::clone(&connections), stop.clone());
    let sweeper = tokio::spawn(async move { sweep(&sweeping).await });
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            // An error means that the service is gone, which is a stop as well.
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(connection) = connections.enter(peer.ip()) else { continue };
                // Answers are short and shall not wait for more.
                let _ = stream.set_nodelay(true);
                let (router, stop) = (router.clone(), stop.clone());
                tokio::spawn(async move { converse(stream, peer, router, connection, stop).await });
            }
            Err(error) => recover(&connections, &error).await,
        }
    }
    drop(socket);
    stop.mark_unchanged();
    connections.end();
    connections.emptied().await;
    sweeper.abort();
}

async fn sweep(connections: &Connections) {
    loop {
        tokio::time::sleep(BEAT).await;
        connections.beat();
    }
}

/// A caller that hangs up before it is taken is its own affair; that the system has no more file
/// handles is ours.
async fn recover(connections: &Connections, error: &std::io::Error) {
    let of_the_caller =
        [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
    if of_the_caller.contains(&error.kind()) {
        return;
    }
    let (some, pause) = NO_FILES;
    connections.make_room(some, error);
    tokio::time::sleep(pause).await;
}

/// Serves one connection until either side ends it.
pub async fn converse<IO>(
    io: IO,
    peer: SocketAddr,
    router: Router,
    connection: Connection,
    mut stop: watch::Receiver<bool>,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let connection = Arc::new(connection);
    let answering = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (router, connection) = (router.clone(), Arc::clone(&answering));
        connection.asks();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(connection.busy());
        async move {
            let answer = router.oneshot(request).await;
            connection.is_answered();
            answer
        }
    });
    let io = TokioIo::new(Watched::new(io, Arc::clone(&connection)));
    let mut http = http1::Builder::new();
    // Time is kept by `connections`.
    http.header_read_timeout(None).max_buf_size(BUFFER);
    let mut serving = pin!(http.serve_connection(io, service));
    let mut stopping = false;
    loop {
        tokio::select! {
            // What a stranger does wrong is nothing to tell of: it is closed.
            _ = serving.as_mut() => return,
            () = connection.closed() => return,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
