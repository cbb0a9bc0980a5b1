//! Servers to compare with, in Rust: what an answer costs at least, and a bot that stores nothing.
//! They run as processes of their own: this program starts itself again.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::http::Connection;

/// What to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rival {
    /// No parsing at all: the limit of the generator.
    Responder,
    /// Parses the JSON and answers.
    Bare,
    /// The same, and appends what came to a file, with one `fdatasync` for all who wait.
    Append,
    /// A bot: answers, then makes the REST call; stores nothing.
    Reqwest,
}

/// The fields that a bot reads, and no others.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Callback {
    group_id: String,
    #[serde(default)]
    new_member_list: Vec<Member>,
    #[serde(default)]
    msg_body: Vec<Element>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(rename = "Member_Account")]
    account: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Element {
    msg_type: String,
    msg_content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    #[serde(default)]
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    action_status: &'static str,
    error_info: &'static str,
    error_code: i32,
}

const OK: Answer = Answer { action_status: "OK", error_info: "", error_code: 0 };

type Line = (Vec<u8>, oneshot::Sender<()>);

/// Serves until it is killed.
pub fn serve(rival: Rival, address: SocketAddr, chat: SocketAddr, folder: PathBuf) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        eprintln!("ready");
        let router = match rival {
            Rival::Responder => return respond(listener).await,
            Rival::Bare => Router::new().route("/callback", post(bare)),
            Rival::Append => {
                // Not beside the rules: who watches these would hear of each write.
                let folder = folder.join("appended");
                std::fs::create_dir_all(&folder).unwrap();
                let file = File::create(folder.join("callbacks")).unwrap();
                Router::new().route("/callback", post(append)).with_state(appending(file))
            }
            Rival::Reqwest => {
                let _ = rustls::crypto::ring::default_provider().install_default();
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                let url = format!(
                    "http://{chat}/v4/group_open_http_svc/modify_group_member_info\
                     ?sdkappid=1400000000&identifier=administrator&usersig={}&random=1&contenttype=json",
                    "x".repeat(150)
                );
                Router::new().route("/callback", post(promote)).with_state(Arc::new((http, url)))
            }
        };
        axum::serve(listener, router).await.unwrap();
    });
}

async fn respond(listener: TcpListener) {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"ActionStatus\":\"OK\",\"ErrorInfo\":\"\",\"ErrorCode\":0}";
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut connection = Connection::new(stream).unwrap();
            while let Ok(Some(_)) = connection.read().await {
                if connection.write(ANSWER).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Whatever was read is looked at, so that no compiler leaves the reading out.
fn weigh(callback: &Callback) -> usize {
    let texts = callback.msg_body.iter().map(|e| e.msg_type.len() + e.msg_content.text.len());
    callback.group_id.len() + texts.sum::<usize>()
}

async fn bare(Json(callback): Json<Callback>) -> Json<Answer> {
    std::hint::black_box(weigh(&callback));
    Json(OK)
}

/// One thread appends what waits and syncs once for all of it.
fn appending(mut file: File) -> Sender<Line> {
    let (queue, waiting) = channel::<Line>();
    std::thread::spawn(move || {
        while let Ok(first) = waiting.recv() {
            let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let bytes: Vec<u8> = group.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            for (_, done) in group {
                let _ = done.send(());
            }
        }
    });
    queue
}

async fn append(State(queue): State<Sender<Line>>, Json(callback): Json<Callback>) -> Json<Answer> {
    let (done, outcome) = oneshot::channel();
    let mut line = callback.group_id.into_bytes();
    for member in callback.new_member_list {
        line.extend(member.account.into_bytes());
    }
    line.push(b'\n');
    queue.send((line, done)).unwrap();
    outcome.await.unwrap();
    Json(OK)
}

async fn promote(
    State(bot): State<Arc<(reqwest::Client, String)>>,
    Json(callback): Json<Callback>,
) -> Json<Answer> {
    tokio::spawn(async move {
        let (http, url) = &*bot;
        for member in callback.new_member_list {
            if !member.account.starts_with("staff_") {
                continue;
            }
            let body = serde_json::json!({
                "GroupId": callback.group_id,
                "Member_Account": member.account,
                "Role": "Admin",
            });
            match http.post(url).json(&body).send().await {
                Ok(answer) => drop(answer.bytes().await),
                Err(error) => eprintln!("a call failed: {error}"),
            }
        }
    });
    Json(OK)
}
