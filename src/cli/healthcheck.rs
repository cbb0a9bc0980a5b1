//! `groupkeeper healthcheck`: one request, spoken by hand, so that an image needs no other program.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Exit;

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The admin listener's health page
    #[arg(long, default_value = "http://127.0.0.1:8081/healthz")]
    url: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match ask(&arguments.url) {
        Ok(status) if status.contains(" 200") => Exit::Fine,
        Ok(status) => {
            eprintln!("{} answers: {status}", arguments.url);
            Exit::Usage
        }
        Err(error) => {
            eprintln!("{}: {error}", arguments.url);
            Exit::Usage
        }
    }
}

fn ask(url: &str) -> std::io::Result<String> {
    let bad = |text: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, text.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(|| bad("the URL must begin with http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = host.to_socket_addrs()?.next().ok_or_else(|| bad("the host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
