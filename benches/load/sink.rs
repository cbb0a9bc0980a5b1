//! A Chat that answers every REST call at once, and remembers when it came.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::callbacks::number_in;
use super::generate::beside;
use super::http::{Connection, find};

/// Calls that have come.
#[derive(Default)]
pub struct Arrivals {
    /// Of each command: when they came, ascending.
    pub commands: BTreeMap<String, Vec<Instant>>,
    /// The requests that the calls which make somebody an admin follow from, with the times.
    pub promoted: Vec<(u64, Instant)>,
}

/// Listens on a port of this thread.
pub struct Sink {
    pub address: SocketAddr,
    arrivals: Rc<RefCell<Arrivals>>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrivals: Rc<RefCell<Arrivals>> = Rc::default();
        let of_all = arrivals.clone();
        beside(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (connection, arrivals) = (Connection::new(stream).unwrap(), of_all.clone());
                beside(async move {
                    // Whoever hangs up in the middle of a call has been stopped.
                    let _ = answer(connection, &arrivals).await;
                });
            }
        });
        Self { address, arrivals }
    }

    /// Takes what has come since the last call.
    pub fn take(&self) -> Arrivals {
        self.arrivals.take()
    }

    pub fn promoted(&self) -> usize {
        self.arrivals.borrow().promoted.len()
    }

    pub fn count(&self, command: &str) -> usize {
        self.arrivals.borrow().commands.get(command).map_or(0, Vec::len)
    }

    /// Waits until `count` says that this many have come; gives up when for `patience` none comes.
    pub async fn wait(
        &self,
        wanted: usize,
        patience: Duration,
        count: impl Fn(&Self) -> usize,
    ) -> bool {
        let mut last = (count(self), Instant::now());
        while last.0 < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = count(self);
            if now > last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() > patience {
                return false;
            }
        }
        true
    }
}

async fn answer(mut connection: Connection, arrivals: &RefCell<Arrivals>) -> io::Result<()> {
    while let Some(call) = connection.read().await? {
        let now = Instant::now();
        let command = command(call.head);
        let answer = reply(&command, call.body);
        {
            let mut arrivals = arrivals.borrow_mut();
            if command == "modify_group_member_info"
                && let Some(number) = number_in(call.body)
            {
                arrivals.promoted.push((number, now));
            }
            match arrivals.commands.get_mut(&command) {
                Some(times) => times.push(now),
                None => {
                    arrivals.commands.insert(command, vec![now]);
                }
            }
        }
        connection.write(answer.as_bytes()).await?;
    }
    Ok(())
}

/// The last part of the path.
fn command(head: &[u8]) -> String {
    let end = head.iter().position(|byte| *byte == b'?').unwrap_or(0);
    let begin = head[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    String::from_utf8_lossy(&head[begin..end]).into_owned()
}

/// Chat's OK; reads are answered with as little as they can do with.
fn reply(command: &str, body: &[u8]) -> String {
    let group = || {
        let at = find(body, b"@TGS#").unwrap_or(0);
        let end = body[at..].iter().position(|byte| *byte == b'"').unwrap_or(0);
        String::from_utf8_lossy(&body[at..at + end]).into_owned()
    };
    let rest = match command {
        "get_appid_group_list" => r#","TotalCount":0,"GroupIdList":[],"Next":0"#.to_owned(),
        "get_group_info" => format!(
            r#","GroupInfo":[{{"GroupId":"{}","ErrorCode":0,"ErrorInfo":"","Type":"Public","Name":"load","Owner_Account":"olga","MemberNum":2,"CreateTime":1600000000}}]"#,
            group()
        ),
        "get_group_member_info" => r#","MemberNum":0,"MemberList":[]"#.to_owned(),
        "get_role_in_group" => r#","UserIdList":[]"#.to_owned(),
        "get_group_muted_account" | "get_group_shutted_uin" => r#","ShuttedUinList":[]"#.to_owned(),
        _ => String::new(),
    };
    let json = format!(r#"{{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0{rest}}}"#);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    )
}
